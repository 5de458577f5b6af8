#include "wire/http/text_codec.h"

#include <strings.h>

/* Length of the sequence at p, 0: malformed (RFC 3629: shortest form, no surrogates, at most U+10FFFF). */
static size_t utf8_length(const unsigned char *p, size_t n)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t len;
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        len = 2;
    } else if ((p[0] & 0xf0) == 0xe0) {
        len = 3;
        low = p[0] == 0xe0 ? 0xa0 : low;
        high = p[0] == 0xed ? 0x9f : high;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        len = 4;
        low = p[0] == 0xf0 ? 0x90 : low;
        high = p[0] == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (n < len || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool text_is_utf8(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0;
    while (i < s.n) {
        size_t len = p[i] < 0x80 ? 1 : utf8_length(p + i, s.n - i);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

void text_put_base64(struct slice s, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)s.p;
    char *to = buf_grow(out, (s.n + 2) / 3 * 4);
    for (size_t i = 0; i < s.n; i += 3) {
        size_t have = s.n - i < 3 ? s.n - i : 3;
        unsigned v = (unsigned)p[i] << 16;
        v |= have > 1 ? (unsigned)p[i + 1] << 8 : 0;
        v |= have > 2 ? p[i + 2] : 0;
        *to++ = digits[v >> 18];
        *to++ = digits[v >> 12 & 63];
        *to++ = have > 1 ? digits[v >> 6 & 63] : '=';
        *to++ = have > 2 ? digits[v & 63] : '=';
    }
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool text_get_base64(struct slice s, struct buf *out)
{
    size_t n = s.n;
    for (int pad = 0; pad < 2 && n > 0 && s.n % 4 == 0 && s.p[n - 1] == '='; pad++)
        n--;
    if (n % 4 == 1)
        return false;
    buf_reserve(out, n / 4 * 3 + 3);
    unsigned v = 0, bits = 0;
    for (size_t i = 0; i < n; i++) {
        int d = base64_digit(s.p[i]);
        if (d < 0)
            return false;
        v = v << 6 | (unsigned)d;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            buf_put_byte(out, (uint8_t)(v >> bits));
        }
    }
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool text_percent_decode(struct slice s, bool plus_is_space, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%') {
            int high = s.n - i > 2 ? hex_digit(s.p[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(s.p[i + 2]) : -1;
            if (low < 0)
                return false;
            buf_put_byte(out, (uint8_t)(high << 4 | low));
            i += 2;
        } else {
            buf_put_byte(out, (uint8_t)(plus_is_space && s.p[i] == '+' ? ' ' : s.p[i]));
        }
    }
    return true;
}

bool text_query_get(struct slice query, const char *name, struct buf *out)
{
    size_t len = strlen(name);
    while (query.n > 0) {
        const char *amp = memchr(query.p, '&', query.n);
        size_t n = amp ? (size_t)(amp - query.p) : query.n;
        if (n > len && memcmp(query.p, name, len) == 0 && query.p[len] == '=')
            return text_percent_decode(slice_make(query.p + len + 1, n - len - 1), true, out);
        n += amp != NULL;
        query = slice_make(query.p + n, query.n - n);
    }
    return false;
}

void text_split_error(struct slice text, struct slice *code, struct slice *message)
{
    size_t n = 0;
    while (n < text.n && text.p[n] >= 'A' && text.p[n] <= 'Z')
        n++;
    if (n == 0 || (n < text.n && text.p[n] != ' ')) {
        *code = SLICE("ERR");
        *message = text;
        return;
    }
    *code = slice_make(text.p, n);
    n += n < text.n;
    *message = slice_make(text.p + n, text.n - n);
}

static bool take_word(struct slice *s, const char *word)
{
    size_t n = strlen(word);
    if (s->n <= n || strncasecmp(s->p, word, n) != 0 || s->p[n] != ' ')
        return false;
    while (n < s->n && s->p[n] == ' ')
        n++;
    *s = slice_make(s->p + n, s->n - n);
    return true;
}

static bool split_user(struct slice token, struct text_credentials *c)
{
    if (!text_get_base64(token, &c->decoded))
        return false;
    const char *colon = c->decoded.n ? memchr(c->decoded.p, ':', c->decoded.n) : NULL;
    if (!colon)
        return false;
    size_t n = (size_t)(colon - c->decoded.p);
    c->user = slice_make(c->decoded.p, n);
    c->password = slice_make(colon + 1, c->decoded.n - n - 1);
    return true;
}

bool text_get_credentials(struct slice header, struct text_credentials *c)
{
    *c = (struct text_credentials){.decoded = BUF_INIT};
    if (take_word(&header, "Basic"))
        return split_user(header, c);
    if (!take_word(&header, "Bearer"))
        return false;
    c->token = header;
    (void)!split_user(header, c);
    return true;
}

void text_credentials_free(struct text_credentials *c)
{
    buf_free(&c->decoded);
}

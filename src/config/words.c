/* Splitting a line into words: see words.h. */
#include "config/words.h"

#include "base/mem.h"

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decodes the escape at p (behind the backslash) into *c; returns how many bytes it took. */
static size_t unescape(const char *p, const char *end, char *c)
{
    if (*p == 'x' && end - p >= 3 && hex_value(p[1]) >= 0 && hex_value(p[2]) >= 0) {
        *c = (char)(hex_value(p[1]) * 16 + hex_value(p[2]));
        return 3;
    }
    switch (*p) {
    case 'n':
        *c = '\n';
        break;
    case 'r':
        *c = '\r';
        break;
    case 't':
        *c = '\t';
        break;
    case 'b':
        *c = '\b';
        break;
    case 'a':
        *c = '\a';
        break;
    default:
        *c = *p;
        break;
    }
    return 1;
}

/* Reads a quoted run that begins at *pp with its quote. False: it does not end, or text follows right behind it. */
static bool quoted(struct buf *out, const char **pp, const char *end)
{
    const char *p = *pp;
    char quote = *p++;
    for (; p < end && *p != quote; p++) {
        char c = *p;
        if (quote == '"' && c == '\\' && p + 1 < end)
            p += unescape(p + 1, end, &c);
        else if (quote == '\'' && c == '\\' && p + 1 < end && p[1] == '\'')
            c = *++p;
        buf_put_byte(out, (uint8_t)c);
    }
    if (p >= end)
        return false;
    p++;
    *pp = p;
    return p == end || is_blank(*p);
}

bool config_words_split(struct config_words *w, struct slice line)
{
    *w = (struct config_words){NULL, 0, BUF_INIT};
    const char *p = line.p, *end = line.p ? line.p + line.n : line.p;
    size_t cap = 0;
    buf_reserve(&w->bytes, line.n + 1);
    for (;;) {
        while (p < end && is_blank(*p))
            p++;
        if (p == end)
            break;
        size_t start = w->bytes.n;
        while (p < end && !is_blank(*p)) {
            if (*p == '"' || *p == '\'') {
                if (!quoted(&w->bytes, &p, end)) {
                    config_words_free(w);
                    return false;
                }
                continue;
            }
            buf_put_byte(&w->bytes, (uint8_t)*p++);
        }
        if (w->n == cap) {
            cap = cap ? cap * 2 : 8;
            w->v = mem_realloc(w->v, cap * sizeof(*w->v));
        }
        /* No word is longer than its source, so bytes never moves. */
        w->v[w->n++] = slice_make(w->bytes.p + start, w->bytes.n - start);
    }
    return true;
}

void config_words_free(struct config_words *w)
{
    mem_free(w->v);
    buf_free(&w->bytes);
    *w = (struct config_words){NULL, 0, BUF_INIT};
}

/* Writing and reading the JSON dump: see the header for the format. The reader takes exactly this structure, with any white
 * space between the tokens. */
#include "storage/dump.h"

#include "base/num.h"

#define DUMP_FORMAT 1

/* -- Writing ------------------------------------------------------------------------------------------------------------ */

void dump_put_string(struct buf *out, struct slice s)
{
    static const char hex[] = "0123456789abcdef";

    buf_put_byte(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            buf_put_byte(out, c);
            continue;
        }
        char *at = buf_grow(out, 6);
        memcpy(at, "\\u00", 4);
        at[4] = hex[c >> 4];
        at[5] = hex[c & 15];
    }
    buf_put_byte(out, '"');
}

void dump_begin(struct dump_writer *w, struct buf *out, uint64_t sequence)
{
    *w = (struct dump_writer){.out = out, .first = true};
    buf_printf(out, "{\"format\":%d,\"sequence\":%llu,\"spaces\":{", DUMP_FORMAT,
               (unsigned long long)sequence);
}

void dump_space(struct dump_writer *w, struct slice name)
{
    if (w->in_space)
        buf_put_str(w->out, "},\n");
    dump_put_string(w->out, name);
    buf_put_str(w->out, ":{");
    w->in_space = true;
    w->first = true;
}

bool dump_entry(struct dump_writer *w, struct slice key, struct slice value)
{
    if (!buf_try_reserve(w->out, 6 * (key.n + value.n) + 16))
        return false;
    buf_put_str(w->out, w->first ? "\n" : ",\n");
    dump_put_string(w->out, key);
    buf_put_byte(w->out, ':');
    dump_put_string(w->out, value);
    w->first = false;
    w->entries++;
    return true;
}

void dump_end(struct dump_writer *w)
{
    if (w->in_space)
        buf_put_byte(w->out, '}');
    buf_printf(w->out, "},\"entries\":%llu}\n", (unsigned long long)w->entries);
}

/* -- Reading ------------------------------------------------------------------------------------------------------------ */

struct parser {
    struct slice text;
    size_t at;
};

static enum status bad(const struct parser *p, struct error *err)
{
    return error_set(err, ST_CORRUPT, "not a valid dump: unexpected data at byte %zu", p->at);
}

static void skip_space(struct parser *p)
{
    while (p->at < p->text.n && p->text.p[p->at] && strchr(" \t\r\n", p->text.p[p->at]))
        p->at++;
}

static bool take(struct parser *p, char c)
{
    skip_space(p);
    if (p->at >= p->text.n || p->text.p[p->at] != c)
        return false;
    p->at++;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte behind a backslash; -1: not one. */
static int escape(struct parser *p)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = p->at < p->text.n ? p->text.p[p->at++] : '\0';
    const char *simple = c ? strchr(from, c) : NULL;

    if (simple)
        return to[simple - from];
    if (c != 'u' || p->text.n - p->at < 4 || p->text.p[p->at] != '0' || p->text.p[p->at + 1] != '0')
        return -1;
    int high = hex_digit(p->text.p[p->at + 2]), low = hex_digit(p->text.p[p->at + 3]);
    p->at += 4;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static enum status take_string(struct parser *p, struct buf *out, struct error *err)
{
    buf_clear(out);
    if (!take(p, '"'))
        return bad(p, err);
    while (p->at < p->text.n) {
        const char *from = p->text.p + p->at;
        size_t left = p->text.n - p->at, run = 0;
        while (run < left && from[run] != '"' && from[run] != '\\' && from[run] >= 0x20 &&
               from[run] < 0x7f)
            run++;
        if (!buf_try_reserve(out, run + 1))
            return error_set(err, ST_NO_MEMORY, "no memory to read the dump");
        buf_put(out, from, run);
        p->at += run;
        if (p->at >= p->text.n)
            break;
        char c = p->text.p[p->at++];
        if (c == '"')
            return ST_OK;
        int byte = c == '\\' ? escape(p) : -1;
        if (byte < 0)
            return bad(p, err);
        buf_put_byte(out, (uint8_t)byte);
    }
    return bad(p, err);
}

/* "name": number */
static enum status take_number(struct parser *p, const char *name, struct buf *tmp, uint64_t *value,
                               struct error *err)
{
    enum status st = take_string(p, tmp, err);
    size_t n = 0;

    if (st != ST_OK)
        return st;
    if (!slice_eq(buf_slice(tmp), slice_str(name)) || !take(p, ':'))
        return bad(p, err);
    skip_space(p);
    while (p->at + n < p->text.n && p->text.p[p->at + n] >= '0' && p->text.p[p->at + n] <= '9')
        n++;
    if (!num_parse_uint(slice_make(p->text.p + p->at, n), value))
        return bad(p, err);
    p->at += n;
    return ST_OK;
}

static enum status read_entries(struct parser *p, struct dump_reader *r, struct buf *key,
                                struct buf *value, uint64_t *entries, struct error *err)
{
    enum status st;

    if (!take(p, '{'))
        return bad(p, err);
    if (take(p, '}'))
        return ST_OK;
    do {
        if ((st = take_string(p, key, err)) != ST_OK)
            return st;
        if (!take(p, ':'))
            return bad(p, err);
        if ((st = take_string(p, value, err)) != ST_OK)
            return st;
        st = r->entry(r->arg, slice_make(key->p ? key->p : "", key->n),
                      slice_make(value->p ? value->p : "", value->n), err);
        if (st != ST_OK)
            return st;
        (*entries)++;
    } while (take(p, ','));
    return take(p, '}') ? ST_OK : bad(p, err);
}

static enum status read_spaces(struct parser *p, struct dump_reader *r, struct buf *key,
                               struct buf *value, uint64_t *entries, struct error *err)
{
    enum status st = take_string(p, key, err);

    if (st != ST_OK)
        return st;
    if (!slice_eq(buf_slice(key), SLICE("spaces")) || !take(p, ':') || !take(p, '{'))
        return bad(p, err);
    if (take(p, '}'))
        return ST_OK;
    do {
        if ((st = take_string(p, key, err)) != ST_OK)
            return st;
        if (!take(p, ':'))
            return bad(p, err);
        if ((st = r->space(r->arg, buf_slice(key), err)) != ST_OK)
            return st;
        if ((st = read_entries(p, r, key, value, entries, err)) != ST_OK)
            return st;
    } while (take(p, ','));
    return take(p, '}') ? ST_OK : bad(p, err);
}

static enum status read_all(struct parser *p, struct dump_reader *r, struct buf *key,
                            struct buf *value, struct error *err)
{
    uint64_t format = 0, entries = 0, expected = 0;
    enum status st;

    if (!take(p, '{'))
        return bad(p, err);
    if ((st = take_number(p, "format", key, &format, err)) != ST_OK)
        return st;
    if (format != DUMP_FORMAT)
        return error_set(err, ST_TOO_NEW, "dump has format %llu, this version reads %d",
                         (unsigned long long)format, DUMP_FORMAT);
    if (!take(p, ','))
        return bad(p, err);
    if ((st = take_number(p, "sequence", key, &r->sequence, err)) != ST_OK)
        return st;
    if (!take(p, ','))
        return bad(p, err);
    if ((st = read_spaces(p, r, key, value, &entries, err)) != ST_OK)
        return st;
    if (!take(p, ','))
        return bad(p, err);
    if ((st = take_number(p, "entries", key, &expected, err)) != ST_OK)
        return st;
    if (expected != entries || !take(p, '}'))
        return bad(p, err);
    skip_space(p);
    return p->at == p->text.n ? ST_OK : bad(p, err);
}

enum status dump_read(struct slice text, struct dump_reader *r, struct error *err)
{
    struct parser p = {text, 0};
    struct buf key = BUF_INIT, value = BUF_INIT;
    enum status st = read_all(&p, r, &key, &value, err);

    buf_free(&key);
    buf_free(&value);
    return st;
}

/* A manifest is a text file, one line for each append-only file:
 *
 *   file NAME seq NUMBER type b|i|h [KEY VALUE]...     b: base, at most one; i: increment, seq grows; h: history
 *   # comment
 *
 * A name may stand in quotes. Pairs with other keys are for later versions. */
#include "rdb/aof_manifest.h"

#include "base/mem.h"
#include "base/num.h"
#include "config/words.h"

#define LINE_BYTES 1023 /* with its newline */

struct entry {
    struct slice name;
    int64_t seq;
    char type;
};

static enum status bad_format(struct error *err)
{
    return error_set(err, ST_CORRUPT, "Invalid AOF manifest file format");
}

/* A plain name; NUL bytes would hide what is behind them. */
static bool is_file_name(struct slice name)
{
    return name.n > 0 && !memchr(name.p, '/', name.n) && !memchr(name.p, '\\', name.n) &&
           !memchr(name.p, 0, name.n);
}

static enum status entry_parse(const struct config_words *w, struct entry *e, struct error *err)
{
    *e = (struct entry){.type = 0};
    if (w->n < 6 || w->n % 2)
        return bad_format(err);
    for (size_t i = 0; i < w->n; i += 2) {
        struct slice value = w->v[i + 1];
        if (slice_is(w->v[i], "file")) {
            if (!is_file_name(value))
                return error_set(err, ST_CORRUPT,
                                 "Invalid AOF manifest file format: a file is no plain name");
            e->name = value;
        } else if (slice_is(w->v[i], "seq")) {
            if (!num_parse_int(value, &e->seq) || e->seq <= 0)
                return bad_format(err);
        } else if (slice_is(w->v[i], "type")) {
            e->type = value.n > 0 ? value.p[0] : 0;
        }
    }
    return e->name.p && e->seq && e->type ? ST_OK : bad_format(err);
}

static void add(struct aof_manifest *m, struct slice name, bool first)
{
    m->names = mem_realloc(m->names, (m->n + 1) * sizeof(m->names[0]));
    size_t at = first ? 0 : m->n;
    memmove(m->names + at + 1, m->names + at, (m->n - at) * sizeof(m->names[0]));
    m->names[at] = mem_strndup(name.p, name.n);
    m->n++;
}

static enum status take(struct aof_manifest *m, const struct entry *e, int64_t *newest,
                        struct error *err)
{
    switch (e->type) {
    case 'b':
        if (m->has_base)
            return error_set(err, ST_CORRUPT, "Found duplicate base file information");
        m->has_base = true;
        add(m, e->name, true);
        return ST_OK;
    case 'i':
        if (e->seq <= *newest)
            return error_set(err, ST_CORRUPT, "Found a non-monotonic sequence number");
        *newest = e->seq;
        add(m, e->name, false);
        return ST_OK;
    case 'h':
        return ST_OK;
    default:
        return error_set(err, ST_CORRUPT, "Unknown AOF file type");
    }
}

static enum status line_parse(struct aof_manifest *m, struct slice line, int64_t *newest,
                              struct error *err)
{
    struct config_words w = {.v = NULL};
    struct entry e;
    if (!config_words_split(&w, line))
        return bad_format(err);
    enum status st = entry_parse(&w, &e, err);
    if (st == ST_OK)
        st = take(m, &e, newest, err);
    config_words_free(&w);
    return st;
}

enum status aof_manifest_parse(struct slice text, struct aof_manifest *m, struct error *err)
{
    enum status st = ST_OK;
    int64_t newest = 0;
    size_t at = 0, number = 0;
    *m = (struct aof_manifest){.names = NULL};
    if (text.n == 0)
        return error_set(err, ST_CORRUPT, "Found an empty AOF manifest");
    while (at < text.n && st == ST_OK) {
        struct slice line = slice_make(text.p + at, text.n - at);
        const char *end = memchr(line.p, '\n', line.n);
        number++;
        line.n = end ? (size_t)(end - line.p) : line.n;
        at += line.n + 1;
        if (!end || line.n >= LINE_BYTES)
            st = error_set(err, ST_CORRUPT,
                           "The AOF manifest file contains too long line, or one without end");
        else if (line.n == 0 || line.p[0] != '#')
            st = line_parse(m, line, &newest, err);
    }
    if (st != ST_OK) {
        aof_manifest_free(m);
        return error_prefix(err, "line %zu", number);
    }
    return ST_OK;
}

void aof_manifest_single(struct aof_manifest *m, const char *name)
{
    *m = (struct aof_manifest){.has_base = true};
    add(m, slice_str(name), true);
}

void aof_manifest_free(struct aof_manifest *m)
{
    for (size_t i = 0; i < m->n; i++)
        mem_free(m->names[i]);
    mem_free(m->names);
    *m = (struct aof_manifest){.names = NULL};
}

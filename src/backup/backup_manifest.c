#include "backup/backup_manifest.h"

#include "backup/backup_priv.h"
#include "base/mem.h"
#include "base/num.h"
#include "event/crypto.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define VERSION      1
#define MANIFEST_MAX (64u << 20)
#define MANIFEST_CUT "the manifest is damaged"

bool backup_name_ok(struct slice name)
{
    static const char part[] = BACKUP_PART;
    size_t tail = sizeof part - 1;
    if (name.n == 0 || name.n > BACKUP_NAME || name.p[0] == '.')
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (!isalnum((unsigned char)name.p[i]) && !strchr("._-", name.p[i]))
            return false;
    return name.n < tail || memcmp(name.p + name.n - tail, part, tail) != 0;
}

/* Below data/, and nowhere else. */
static bool path_ok(struct slice path)
{
    if (!slice_starts(path, SLICE("data/")) || path.n > 1000 || memchr(path.p, 0, path.n))
        return false;
    for (size_t i = 0; i < path.n;) {
        size_t n = 0;
        while (i + n < path.n && path.p[i + n] != '/')
            n++;
        if (n == 0 || path.p[i] == '.')
            return false;
        i += n + 1;
        if (i == path.n)
            return false;
    }
    return true;
}

static bool sum_ok(struct slice s)
{
    if (s.n != BACKUP_SUM)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("0123456789abcdef", s.p[i]) || !s.p[i])
            return false;
    return true;
}

void backup_manifest_free(struct backup_manifest *m)
{
    for (size_t i = 0; i < m->nfiles; i++)
        mem_free(m->files[i].path);
    mem_free(m->files);
    *m = (struct backup_manifest){.files = NULL};
}

static void add(struct backup_manifest *m, struct slice path, uint64_t bytes, struct slice sum)
{
    if (m->nfiles == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 64;
        m->files = mem_realloc(m->files, m->cap * sizeof *m->files);
    }
    struct backup_file *f = &m->files[m->nfiles++];
    f->bytes = bytes;
    f->path = mem_alloc(path.n + 1);
    memcpy(f->path, path.p, path.n);
    f->path[path.n] = 0;
    memcpy(f->sum, sum.p, BACKUP_SUM);
    f->sum[BACKUP_SUM] = 0;
}

void backup_manifest_add(struct backup_manifest *m, const char *path, uint64_t bytes,
                         const char *sum)
{
    add(m, slice_str(path), bytes, slice_make(sum, BACKUP_SUM));
}

uint64_t backup_manifest_bytes(const struct backup_manifest *m)
{
    uint64_t n = 0;
    for (size_t i = 0; i < m->nfiles; i++)
        n += m->files[i].bytes;
    return n;
}

static void text_sum(struct slice text, char out[BACKUP_SUM + 1])
{
    unsigned char digest[32];
    crypto_sha256(text.p, text.n, digest);
    crypto_hex(digest, sizeof digest, out);
}

void backup_manifest_encode(struct backup_manifest *m, struct buf *out)
{
    size_t begin = out->n;
    buf_printf(out, "orbit-backup %d\nkind %s\nname %s\n", VERSION,
               m->full ? "full" : "incremental", m->name);
    if (!m->full)
        buf_printf(out, "parent %s %s\n", m->parent, m->parent_sum);
    buf_printf(out,
               "version %s\nprovider %s\ndata-dir %s\nlog-id %s\nstart-sequence %" PRIu64
               "\nend-sequence %" PRIu64 "\nbegun-ms %" PRId64 "\nend-ms %" PRId64 "\n",
               m->version, m->provider, m->data_dir, *m->log_id ? m->log_id : "-", m->start_seq,
               m->end_seq, m->begun_ms, m->end_ms);
    for (size_t i = 0; i < m->nfiles; i++)
        buf_printf(out, "file %s %" PRIu64 " %s\n", m->files[i].sum, m->files[i].bytes,
                   m->files[i].path);
    text_sum(slice_make(out->p + begin, out->n - begin), m->sum);
    buf_printf(out, "sum %s\n", m->sum);
}

/* -- Reading ---------------------------------------------------------------------------------------------------------------- */

static struct slice take_until(struct slice *in, char end)
{
    const char *at = in->n ? memchr(in->p, end, in->n) : NULL;
    struct slice got = slice_make(in->p, at ? (size_t)(at - in->p) : in->n);
    size_t used = got.n + (at ? 1 : 0);
    *in = slice_make(in->p + used, in->n - used);
    return got;
}

/* The value of the next line, which must begin with word. */
static bool value(struct slice *text, const char *word, struct slice *out)
{
    if (!text->n || !memchr(text->p, '\n', text->n))
        return false;
    struct slice line = take_until(text, '\n');
    if (!slice_eq(take_until(&line, ' '), slice_str(word)))
        return false;
    *out = line;
    return true;
}

static bool words(struct slice *text, const char *word, char *out, size_t size)
{
    struct slice v;
    if (!value(text, word, &v) || v.n == 0 || v.n >= size || memchr(v.p, 0, v.n))
        return false;
    memcpy(out, v.p, v.n);
    out[v.n] = 0;
    return true;
}

static bool number(struct slice *text, const char *word, uint64_t *out)
{
    struct slice v;
    return value(text, word, &v) && num_parse_uint(v, out);
}

static bool moment(struct slice *text, const char *word, int64_t *out)
{
    struct slice v;
    return value(text, word, &v) && num_parse_int(v, out);
}

static bool decode_parent(struct slice *text, struct backup_manifest *m)
{
    struct slice v;
    if (!value(text, "parent", &v))
        return false;
    struct slice name = take_until(&v, ' ');
    if (!backup_name_ok(name) || !sum_ok(v))
        return false;
    memcpy(m->parent, name.p, name.n);
    memcpy(m->parent_sum, v.p, v.n);
    return true;
}

static bool decode_head(struct slice *text, struct backup_manifest *m)
{
    char kind[16];
    if (!words(text, "kind", kind, sizeof kind) || !words(text, "name", m->name, sizeof m->name) ||
        !backup_name_ok(slice_str(m->name)))
        return false;
    m->full = strcmp(kind, "full") == 0;
    if (!m->full && (strcmp(kind, "incremental") != 0 || !decode_parent(text, m)))
        return false;
    if (!words(text, "version", m->version, sizeof m->version) ||
        !words(text, "provider", m->provider, sizeof m->provider) ||
        !words(text, "data-dir", m->data_dir, sizeof m->data_dir) ||
        !words(text, "log-id", m->log_id, sizeof m->log_id) ||
        !number(text, "start-sequence", &m->start_seq) ||
        !number(text, "end-sequence", &m->end_seq) || !moment(text, "begun-ms", &m->begun_ms) ||
        !moment(text, "end-ms", &m->end_ms))
        return false;
    if (strcmp(m->log_id, "-") == 0)
        m->log_id[0] = 0;
    return m->start_seq <= m->end_seq && backup_name_ok(slice_str(m->provider));
}

static bool decode_file(struct slice line, struct backup_manifest *m)
{
    uint64_t bytes;
    struct slice sum = take_until(&line, ' '), size = take_until(&line, ' ');
    if (!sum_ok(sum) || !num_parse_uint(size, &bytes) || !path_ok(line))
        return false;
    add(m, line, bytes, sum);
    return true;
}

enum status backup_manifest_decode(struct slice text, struct backup_manifest *m, struct error *err)
{
    *m = (struct backup_manifest){.files = NULL};
    struct slice rest = text, v;
    uint64_t version;
    if (!number(&rest, "orbit-backup", &version) || version == 0)
        return error_set(err, ST_CORRUPT, "this is no manifest of a backup");
    if (version > VERSION)
        return error_set(err, ST_TOO_NEW,
                         "the backup has format %" PRIu64 ", this program knows formats up to %d",
                         version, VERSION);
    if (!decode_head(&rest, m))
        return error_set(err, ST_CORRUPT, MANIFEST_CUT);
    while (slice_starts(rest, SLICE("file "))) {
        if (!value(&rest, "file", &v) || !decode_file(v, m))
            return error_set(err, ST_CORRUPT, MANIFEST_CUT);
    }
    text_sum(slice_make(text.p, (size_t)(rest.p - text.p)), m->sum);
    if (!value(&rest, "sum", &v) || rest.n || !slice_eq(v, slice_str(m->sum)))
        return error_set(err, ST_CORRUPT, MANIFEST_CUT);
    return ST_OK;
}

enum status backup_manifest_read(const char *path, struct backup_manifest *m, struct error *err)
{
    char file[BACKUP_PATH];
    struct buf text = BUF_INIT;
    *m = (struct backup_manifest){.files = NULL};
    backup__path(file, "%s/" BACKUP_MANIFEST, path);
    enum status st = backup__read_file(file, MANIFEST_MAX, &text, err);
    if (st == ST_OK)
        st = backup_manifest_decode(buf_slice(&text), m, err);
    if (st == ST_CORRUPT || st == ST_TOO_NEW)
        st = error_prefix(err, "%s", file);
    buf_free(&text);
    return st;
}

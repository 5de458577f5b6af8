/* LCS: the longest common subsequence of two strings, by the classic table
 *
 *     length[i][j] = i == 0 or j == 0    ->  0
 *                    a[i-1] == b[j-1]    ->  length[i-1][j-1] + 1
 *                    otherwise           ->  max(length[i-1][j], length[i][j-1])
 *
 * and a walk back from its last corner: a diagonal step is a common byte, and an unbroken row of them is one match. The
 * table is bounded by proto-max-bulk-len, which bounds the time on the loop thread too. */
#include "base/arena.h"
#include "base/mem.h"
#include "base/num.h"
#include "commands/string/string_commands.h"
#include "commands/string/string_priv.h"
#include "session/reply.h"
#include "session/session_options.h"

struct lcs_options {
    bool idx, len, match_len;
    int64_t min_match;
};

struct lcs {
    struct slice a, b;
    uint32_t *table; /* (a.n + 1) rows of b.n + 1 */
};

static uint32_t *cell(const struct lcs *l, size_t i, size_t j)
{
    return &l->table[i * (l->b.n + 1) + j];
}

static bool parse_options(struct call *c, struct lcs_options *o)
{
    *o = (struct lcs_options){0};
    for (int i = 3; i < c->argc; i++) {
        if (call_arg_is(c, i, "idx")) {
            o->idx = true;
        } else if (call_arg_is(c, i, "len")) {
            o->len = true;
        } else if (call_arg_is(c, i, "withmatchlen")) {
            o->match_len = true;
        } else if (call_arg_is(c, i, "minmatchlen") && i + 1 < c->argc) {
            if (!call_arg_int(c, ++i, &o->min_match, NULL))
                return false;
        } else {
            reply_syntax_error(c);
            return false;
        }
    }
    if (o->idx && o->len) {
        reply_error(c, "ERR If you want both the length and indexes, please just use IDX.");
        return false;
    }
    return true;
}

/* Reads a key's value; a copy when keep is set, since the next lookup may drop the record. False: answered. */
static bool read_value(struct call *c, struct slice key, bool keep, char *tmp, struct slice *out)
{
    struct kv_rec *rec;
    char *copy;
    *out = SLICE("");
    if (!call_lookup(c, key, KV_READ, &rec))
        return false;
    if (!rec)
        return true;
    if (kv_rec_type(rec) != KV_STRING) {
        reply_error(c, "ERR The specified keys must contain string values");
        return false;
    }
    *out = kv_str(rec, tmp);
    if (!keep)
        return true;
    copy = arena_try_alloc(c->arena, out->n + 1);
    if (!copy) {
        reply_error(c, "ERR Insufficient memory, failed allocating transient memory for LCS");
        return false;
    }
    memcpy(copy, out->p, out->n);
    *out = slice_make(copy, out->n);
    return true;
}

/* False: the error is answered. The caller frees l->table. */
static bool make_table(struct call *c, struct lcs *l)
{
    size_t cells, bytes;
    if (l->a.n >= UINT32_MAX - 1 || l->b.n >= UINT32_MAX - 1) {
        reply_error(c, "ERR String too long for LCS");
        return false;
    }
    if (__builtin_mul_overflow(l->a.n + 1, l->b.n + 1, &cells) ||
        __builtin_mul_overflow(cells, sizeof(uint32_t), &bytes) ||
        bytes > (size_t)session_opts.proto_max_bulk_len) {
        reply_error(c,
                    "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
        return false;
    }
    l->table = mem_try_alloc(bytes);
    if (!l->table) {
        reply_error(c, "ERR Insufficient memory, failed allocating transient memory for LCS");
        return false;
    }
    memset(l->table, 0, (l->b.n + 1) * sizeof *l->table);
    for (size_t i = 1; i <= l->a.n; i++) {
        uint32_t *row = cell(l, i, 0);
        const uint32_t *above = cell(l, i - 1, 0);
        row[0] = 0;
        for (size_t j = 1; j <= l->b.n; j++) {
            uint32_t best = above[j] > row[j - 1] ? above[j] : row[j - 1];
            row[j] = l->a.p[i - 1] == l->b.p[j - 1] ? above[j - 1] + 1 : best;
        }
    }
    return true;
}

static void reply_range(struct call *c, size_t first, size_t n)
{
    reply_array(c, 2);
    reply_int(c, (int64_t)first);
    reply_int(c, (int64_t)(first + n - 1));
}

/* Walks back from (*i, *j) to the next run of common bytes and over it; returns its length, 0 at the end. Afterwards *i and
 * *j are the run's first bytes. */
static size_t next_run(const struct lcs *l, size_t *i, size_t *j)
{
    size_t n = 0;
    while (*i > 0 && *j > 0) {
        if (l->a.p[*i - 1] == l->b.p[*j - 1]) {
            (*i)--;
            (*j)--;
            n++;
        } else if (n > 0) {
            break;
        } else if (*cell(l, *i - 1, *j) > *cell(l, *i, *j - 1)) {
            (*i)--;
        } else {
            (*j)--;
        }
    }
    return n;
}

static void reply_matches(struct call *c, const struct lcs *l, const struct lcs_options *o)
{
    size_t i = l->a.n, j = l->b.n, n, matches = 0, token;
    reply_map(c, 2);
    reply_str(c, "matches");
    token = reply_begin(c);
    while ((n = next_run(l, &i, &j)) > 0) {
        if ((int64_t)n < o->min_match)
            continue;
        reply_array(c, o->match_len ? 3 : 2);
        reply_range(c, i, n);
        reply_range(c, j, n);
        if (o->match_len)
            reply_int(c, (int64_t)n);
        matches++;
    }
    reply_end(c, token, SINK_ARRAY, matches);
    reply_str(c, "len");
    reply_int(c, *cell(l, l->a.n, l->b.n));
}

static void reply_text(struct call *c, const struct lcs *l)
{
    size_t i = l->a.n, j = l->b.n, n, at = *cell(l, l->a.n, l->b.n), total = at;
    char *text = mem_try_alloc(total + 1);
    if (!text) {
        reply_error(c, "ERR Insufficient memory, failed allocating transient memory for LCS");
        return;
    }
    while ((n = next_run(l, &i, &j)) > 0) {
        at -= n;
        memcpy(text + at, l->a.p + i, n);
    }
    reply_bulk(c, slice_make(text, total));
    mem_free(text);
}

void cmd_lcs(struct call *c)
{
    struct lcs l = {0};
    struct lcs_options o;
    char tmp_a[NUM_BUF], tmp_b[NUM_BUF];
    if (!read_value(c, c->argv[1], true, tmp_a, &l.a) ||
        !read_value(c, c->argv[2], false, tmp_b, &l.b) || !parse_options(c, &o) ||
        !make_table(c, &l))
        return;
    if (o.idx)
        reply_matches(c, &l, &o);
    else if (o.len)
        reply_int(c, *cell(&l, l.a.n, l.b.n));
    else
        reply_text(c, &l);
    mem_free(l.table);
}

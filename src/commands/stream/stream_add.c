/* XADD, XTRIM, XDEL, XSETID. What is propagated is exact: the ID that an entry got, the length or the ID that an approximate
 * trimming led to. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/num.h"
#include "commands/stream/stream_commands.h"
#include "commands/stream/stream_priv.h"
#include "keyspace/keyspace_options.h"
#include "session/reply.h"

/* Options of XADD and XTRIM. */
struct add_options {
    struct kv_stream_id id;
    bool auto_id, auto_seq, no_make; /* "*"; "ms-*"; NOMKSTREAM */
    bool trims;
    int threshold; /* argument of MAXLEN's or MINID's value */
    struct kv_stream_trim trim;
    bool limited;
};

static bool number_arg(struct call *c, int i, uint64_t *v, const char *negative)
{
    int64_t n;
    if (!call_arg_int(c, i, &n, NULL))
        return false;
    if (n < 0) {
        reply_error(c, negative);
        return false;
    }
    *v = (uint64_t)n;
    return true;
}

/* MAXLEN or MINID at argument *i, which moves to its value. */
static bool parse_trim(struct call *c, int *i, bool by_id, struct add_options *o)
{
    int at = *i + 1;
    if (o->trims) {
        reply_error(c, "ERR syntax error, MAXLEN and MINID options at the same time are not "
                       "compatible");
        return false;
    }
    o->trims = true;
    o->trim.by_id = by_id;
    if (at + 1 < c->argc && c->argv[at].n == 1) {
        o->trim.approx = c->argv[at].p[0] == '~';
        at += o->trim.approx || c->argv[at].p[0] == '=';
    }
    *i = o->threshold = at;
    if (by_id)
        return stream__id_arg(c, at, &o->trim.min);
    return number_arg(c, at, &o->trim.length, "ERR The MAXLEN argument must be >= 0.");
}

/* How much an approximate trimming may drop at once, when the client does not say. */
static uint64_t usual_limit(void)
{
    int64_t n;
    if (__builtin_mul_overflow(keyspace_opts.stream_node_max_entries, (int64_t)100, &n) || n <= 0)
        return 10000;
    return n > 1000000 ? 1000000 : (uint64_t)n;
}

static bool check_trim(struct call *c, bool add, struct add_options *o)
{
    const char *error = NULL;
    if (o->trim.limit && !o->trims)
        error = "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy";
    else if (!add && !o->trims)
        error = "ERR syntax error, XTRIM must be called with a trimming strategy";
    else if (c->replaying)
        o->trim.limit = 0; /* what the log says is exact */
    else if (o->limited && !o->trim.approx)
        error = "ERR syntax error, LIMIT cannot be used without the special ~ option";
    else if (!o->limited && o->trim.approx)
        o->trim.limit = usual_limit();
    if (error)
        reply_error(c, error);
    return !error;
}

/* Returns the argument of the ID, or argc without one; -1: the error is answered. */
static int parse_options(struct call *c, bool add, struct add_options *o)
{
    int i;
    *o = (struct add_options){.trims = false};
    for (i = 2; i < c->argc; i++) {
        bool more = i + 1 < c->argc;
        if (add && c->argv[i].n == 1 && c->argv[i].p[0] == '*') {
            o->auto_id = true;
            break;
        }
        if (more && call_arg_is(c, i, "maxlen")) {
            if (!parse_trim(c, &i, false, o))
                return -1;
        } else if (more && call_arg_is(c, i, "minid")) {
            if (!parse_trim(c, &i, true, o))
                return -1;
        } else if (more && call_arg_is(c, i, "limit")) {
            if (!number_arg(c, ++i, &o->trim.limit, "ERR The LIMIT argument must be >= 0."))
                return -1;
            o->limited = true;
        } else if (add && call_arg_is(c, i, "nomkstream")) {
            o->no_make = true;
        } else if (!add) {
            reply_syntax_error(c);
            return -1;
        } else if (stream__id_parse(c->argv[i], 0, false, &o->id, &o->auto_seq)) {
            break;
        } else {
            stream__bad_id(c);
            return -1;
        }
    }
    return check_trim(c, add, o) ? i : -1;
}

/* -- Propagation ----------------------------------------------------------------------------------------------------------- */

/* The command with an exact threshold, and (id_arg not 0) with this ID. */
static void propagate_exact(struct call *c, struct kv_rec *rec, const struct add_options *o,
                            int id_arg, struct kv_stream_id id)
{
    struct slice *argv = arena_alloc(c->arena, (size_t)c->argc * sizeof *argv);
    memcpy(argv, c->argv, (size_t)c->argc * sizeof *argv);
    if (id_arg)
        argv[id_arg] = stream__id_text(c, id);
    if (o->trims && o->trim.approx) {
        struct kv_stream_info s;
        argv[o->threshold - 1] = SLICE("=");
        kv_stream_info(rec, &s);
        if (o->trim.by_id) {
            struct kv_stream_id first = s.length ? s.first : KV_STREAM_ID_MAX;
            argv[o->threshold] = stream__id_text(c, first);
        } else {
            char *text = arena_alloc(c->arena, NUM_BUF);
            argv[o->threshold] = slice_make(text, num_format_int(text, (int64_t)s.length));
        }
    }
    call_propagate(c, c->db, (size_t)c->argc, argv);
}

/* -- XADD ------------------------------------------------------------------------------------------------------------------ */

/* The ID that the entry gets; false: it would not be above the last one. */
static bool choose_id(const struct add_options *o, struct kv_stream_id last,
                      struct kv_stream_id *id)
{
    if (o->auto_id) {
        uint64_t now = (uint64_t)clock_cached_ms();
        *id = (struct kv_stream_id){now, 0};
        if (now > last.ms)
            return true;
        *id = last;
        return stream__id_next(id);
    }
    *id = o->id;
    if (o->auto_seq && last.ms == o->id.ms) {
        id->seq = last.seq + 1;
        return last.seq != UINT64_MAX;
    }
    return kv_stream_id_cmp(*id, last) > 0;
}

static bool fits(struct call *c, int first)
{
    uint64_t n = 0;
    for (int i = first; i < c->argc; i++)
        n += c->argv[i].n;
    if (n <= KV_STREAM_ENTRY_MAX)
        return true;
    reply_error(c, "ERR Elements are too large to be stored");
    return false;
}

/* Opens the edit of the stream, making it when rec is NULL. */
static MUST_USE enum status open_stream(struct call *c, struct kv_rec **rec, struct error *err)
{
    if (!*rec)
        return kv_stream_make(c->kv, c->db, c->argv[1], rec, err);
    kv_edit(c->kv, *rec);
    return ST_OK;
}

/* Appends and trims. *dropped: entries that the trimming took. False: the error is answered. */
static bool add(struct call *c, struct kv_rec **rec, const struct add_options *o, int id_arg,
                struct kv_stream_id id, uint64_t *dropped)
{
    bool made = !*rec, added;
    struct error err;
    enum status st = open_stream(c, rec, &err);
    *dropped = 0;
    if (st != ST_OK)
        return stream__failed(c, st, &err);
    st = kv_stream_add(*rec, id, c->argv + id_arg + 1, (size_t)(c->argc - id_arg - 1) / 2, &err);
    added = st == ST_OK;
    if (added && o->trims)
        st = kv_stream_trim(*rec, &o->trim, dropped, &err);
    kv_edit_end(c->kv, *rec, added);
    if (!added && made)
        kv_del(c->kv, *rec);
    if (st != ST_OK)
        stream__failed(c, st, &err);
    else
        stream__reply_id(c, id);
    return added;
}

void cmd_xadd(struct call *c)
{
    struct kv_stream_info s = {0};
    struct kv_stream_id id;
    struct add_options o;
    struct kv_rec *rec;
    uint64_t dropped;
    int at = parse_options(c, true, &o);
    if (at < 0)
        return;
    if (c->argc - at < 3 || (c->argc - at) % 2 == 0) {
        reply_arity_error(c);
        return;
    }
    if (!o.auto_id && !o.auto_seq && kv_stream_id_zero(o.id)) {
        reply_error(c, "ERR The ID specified in XADD must be greater than 0-0");
        return;
    }
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_STREAM, &rec))
        return;
    if (!rec && o.no_make) {
        reply_null(c);
        return;
    }
    if (rec)
        kv_stream_info(rec, &s);
    if (kv_stream_id_cmp(s.last, KV_STREAM_ID_MAX) == 0) {
        reply_error(c, "ERR The stream has exhausted the last possible ID, unable to add more "
                       "items");
        return;
    }
    if (!choose_id(&o, s.last, &id)) {
        reply_error(c, "ERR The ID specified in XADD is equal or smaller than the target stream "
                       "top item");
        return;
    }
    if (!fits(c, at + 1) || !add(c, &rec, &o, at, id, &dropped))
        return;
    kv_notify(c->kv, NOTIFY_STREAM, "xadd", c->db, c->argv[1]);
    if (dropped)
        kv_notify(c->kv, NOTIFY_STREAM, "xtrim", c->db, c->argv[1]);
    if (o.auto_id || o.auto_seq || o.trim.approx)
        propagate_exact(c, rec, &o, at, id);
    call_changed(c, 1);
}

/* -- XTRIM, XDEL ----------------------------------------------------------------------------------------------------------- */

void cmd_xtrim(struct call *c)
{
    struct add_options o;
    struct kv_rec *rec;
    struct error err;
    uint64_t dropped;
    enum status st;
    if (parse_options(c, false, &o) < 0)
        return;
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_STREAM, &rec))
        return;
    if (!rec) {
        reply_int(c, 0);
        return;
    }
    kv_edit(c->kv, rec);
    st = kv_stream_trim(rec, &o.trim, &dropped, &err);
    kv_edit_end(c->kv, rec, dropped);
    if (st != ST_OK)
        stream__failed(c, st, &err);
    else
        reply_int(c, (int64_t)dropped);
    if (!dropped)
        return;
    kv_notify(c->kv, NOTIFY_STREAM, "xtrim", c->db, c->argv[1]);
    if (o.trim.approx)
        propagate_exact(c, rec, &o, 0, KV_STREAM_ID_MIN);
    call_changed(c, dropped);
}

static MUST_USE enum status delete_ids(struct kv_rec *rec, const struct kv_stream_id *ids, int n,
                                       uint64_t *deleted, struct error *err)
{
    struct kv_stream_info s;
    enum status st = ST_OK;
    for (int i = 0; i < n && st == ST_OK; i++) {
        bool found = false;
        st = kv_stream_del(rec, ids[i], &found, err);
        if (st != ST_OK || !found)
            continue;
        ++*deleted;
        kv_stream_info(rec, &s);
        if (kv_stream_id_cmp(ids[i], s.max_gone) > 0)
            kv_stream_set(rec, s.last, s.added, ids[i]);
    }
    return st;
}

void cmd_xdel(struct call *c)
{
    struct kv_stream_id *ids;
    struct kv_rec *rec;
    struct error err;
    uint64_t deleted = 0;
    enum status st;
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_STREAM, &rec))
        return;
    if (!rec) {
        reply_int(c, 0);
        return;
    }
    ids = stream__id_args(c, 2, c->argc);
    if (!ids)
        return;
    kv_edit(c->kv, rec);
    st = delete_ids(rec, ids, c->argc - 2, &deleted, &err);
    kv_edit_end(c->kv, rec, deleted);
    if (st != ST_OK)
        stream__failed(c, st, &err);
    else
        reply_int(c, (int64_t)deleted);
    if (!deleted)
        return;
    kv_notify(c->kv, NOTIFY_STREAM, "xdel", c->db, c->argv[1]);
    call_changed(c, deleted);
}

/* -- XSETID ---------------------------------------------------------------------------------------------------------------- */

struct setid_options {
    struct kv_stream_id id, max_gone; /* max_gone 0-0: not given */
    uint64_t added;
    bool has_added;
};

static bool parse_setid(struct call *c, struct setid_options *o)
{
    *o = (struct setid_options){.has_added = false};
    if (!stream__id_arg(c, 2, &o->id))
        return false;
    for (int i = 3; i < c->argc; i += 2) {
        bool more = i + 1 < c->argc;
        if (more && call_arg_is(c, i, "entriesadded")) {
            if (!number_arg(c, i + 1, &o->added, "ERR entries_added must be positive"))
                return false;
            o->has_added = true;
        } else if (more && call_arg_is(c, i, "maxdeletedid")) {
            if (!stream__id_arg(c, i + 1, &o->max_gone))
                return false;
            if (kv_stream_id_cmp(o->id, o->max_gone) < 0) {
                reply_error(c, "ERR The ID specified in XSETID is smaller than the provided "
                               "max_deleted_entry_id");
                return false;
            }
        } else {
            reply_syntax_error(c);
            return false;
        }
    }
    return true;
}

static bool check_setid(struct call *c, struct kv_rec *rec, const struct kv_stream_info *s,
                        const struct setid_options *o)
{
    struct kv_stream_id top;
    struct error err;
    const char *error = NULL;
    enum status st = kv_stream_top(rec, &top, &err);
    if (st != ST_OK)
        return stream__failed(c, st, &err);
    if (kv_stream_id_cmp(o->id, s->max_gone) < 0)
        error = "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id";
    else if (s->length && kv_stream_id_cmp(o->id, top) < 0)
        error = "ERR The ID specified in XSETID is smaller than the target stream top item";
    else if (s->length && o->has_added && s->length > o->added)
        error =
            "ERR The entries_added specified in XSETID is smaller than the target stream length";
    if (error)
        reply_error(c, error);
    return !error;
}

void cmd_xsetid(struct call *c)
{
    struct setid_options o;
    struct kv_stream_info s;
    struct kv_rec *rec;
    if (!parse_setid(c, &o) || !call_lookup_type(c, c->argv[1], KV_WRITE, KV_STREAM, &rec))
        return;
    if (!rec) {
        reply_error(c, "ERR no such key");
        return;
    }
    kv_stream_info(rec, &s);
    if (!check_setid(c, rec, &s, &o))
        return;
    kv_edit(c->kv, rec);
    kv_stream_set(rec, o.id, o.has_added ? o.added : s.added,
                  kv_stream_id_zero(o.max_gone) ? s.max_gone : o.max_gone);
    kv_edit_end(c->kv, rec, 0);
    reply_ok(c);
    kv_notify(c->kv, NOTIFY_STREAM, "xsetid", c->db, c->argv[1]);
    call_changed(c, 1);
}

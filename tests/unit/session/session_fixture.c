#include "unit/session/session_fixture.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "session/acl.h"
#include "wal/wal.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define START_MS 1700000000000

struct kv *fx_kv;
int fx_parked_freed;
static char dir[64];
static uint64_t log_seen;
static struct buf text;

/* -- Clients ------------------------------------------------------------------------------------- */

static void put(struct sink *s, const char *mark, struct slice text_of)
{
    struct client *c = CONTAINER_OF(s, struct client, sink);
    if (c->reply_off)
        return;
    if (c->out.n)
        buf_put_byte(&c->out, ' ');
    buf_put_str(&c->out, mark);
    buf_put_slice(&c->out, text_of);
}

static void sink_status(struct sink *s, struct slice t)
{
    put(s, "+", t);
}

static void sink_error(struct sink *s, struct slice t)
{
    put(s, "-", t);
}

static void sink_integer(struct sink *s, int64_t v)
{
    char num[NUM_BUF];
    put(s, ":", slice_make(num, num_format_int(num, v)));
}

static void sink_bulk(struct sink *s, struct slice t)
{
    put(s, "$", t);
}

static void sink_null_value(struct sink *s)
{
    put(s, "_", SLICE(""));
}

static void sink_null_array(struct sink *s)
{
    put(s, "*-1", SLICE(""));
}

static void sink_begin(struct sink *s, enum sink_kind kind, size_t n)
{
    char num[NUM_BUF];
    static const char *const marks[] = {"*", "%", "~", ">", "|"};
    put(s, marks[kind], slice_make(num, num_format_int(num, (int64_t)n)));
}

static void sink_verbatim(struct sink *s, const char ext[4], struct slice t)
{
    put(s, "=", t);
}

static const struct sink_ops sink_ops = {
    .status = sink_status,
    .error = sink_error,
    .integer = sink_integer,
    .bulk = sink_bulk,
    .null = sink_null_value,
    .null_array = sink_null_array,
    .verbatim = sink_verbatim,
    .begin = sink_begin,
};

static struct client *client_of(struct session *s)
{
    return s->conn;
}

static struct sink *op_sink(struct session *s)
{
    return &client_of(s)->sink;
}

static void op_close(struct session *s, enum sess_close how)
{
    if (how == SESS_CLOSE_NOW)
        client_of(s)->closing = true;
    else
        client_of(s)->closing_after = true;
}

static void op_peer(struct session *s, struct sess_peer *out)
{
    *out = (struct sess_peer){.addr = "10.0.0.1:5", .laddr = "10.0.0.2:6379", .fd = 9};
}

static void op_answered(struct session *s, bool wrote)
{
    client_of(s)->answered++;
    client_of(s)->wrote += wrote;
}

static void op_resume(struct session *s)
{
    client_of(s)->resumed++;
}

static void op_set_resp(struct session *s, int version)
{
    client_of(s)->sink.resp = version;
}

static void op_set_reply(struct session *s, bool on)
{
    client_of(s)->reply_off = !on;
}

static bool op_tls_user(struct session *s, struct buf *out)
{
    return false;
}

static const struct session_ops session_ops = {
    .sink = op_sink,
    .close = op_close,
    .peer = op_peer,
    .answered = op_answered,
    .resume = op_resume,
    .set_resp = op_set_resp,
    .set_reply = op_set_reply,
    .tls_user = op_tls_user,
};

struct client *fx_client(void)
{
    struct client *c = mem_calloc(1, sizeof *c);
    c->sink.ops = &sink_ops;
    c->sink.resp = 2;
    c->s = session_new(fx_kv, &session_ops, c);
    return c;
}

void fx_client_free(struct client *c)
{
    session_free(c->s);
    buf_free(&c->out);
    mem_free(c);
}

const char *fx_answer(struct client *c)
{
    static struct buf kept;
    buf_clear(&kept);
    buf_put_slice(&kept, buf_slice(&c->out));
    buf_clear(&c->out);
    return buf_cstr(&kept);
}

static const char *run(struct client *c, const char *words, bool with_raw)
{
    struct buf raw = BUF_INIT;
    struct slice argv[32];
    size_t at[32];
    int argc = 0;
    for (const char *p = words; *p; argc++) {
        size_t n = strcspn(p, " ");
        buf_printf(&raw, "$%zu\r\n", n);
        at[argc] = raw.n;
        argv[argc].n = n;
        buf_put(&raw, p, n);
        buf_put_str(&raw, "\r\n");
        p += n + (p[n] == ' ');
    }
    struct buf whole = BUF_INIT;
    buf_printf(&whole, "*%d\r\n", argc);
    size_t head = whole.n;
    buf_put_slice(&whole, buf_slice(&raw));
    for (int i = 0; i < argc; i++)
        argv[i].p = whole.p + head + at[i];
    c->last = dispatch(c->s, argc, argv, with_raw ? buf_slice(&whole) : SLICE_NULL);
    buf_free(&raw);
    buf_free(&whole);
    return fx_answer(c);
}

const char *fx_run(struct client *c, const char *words)
{
    return run(c, words, false);
}

const char *fx_run_raw(struct client *c, const char *words)
{
    return run(c, words, true);
}

/* RESP multibulks as words. */
static void put_commands(struct slice payload)
{
    const char *p = payload.p, *end = payload.p + payload.n;
    while (p < end) {
        long argc = strtol(p + 1, NULL, 10);
        p = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
        if (text.n)
            buf_put_str(&text, "; ");
        for (long i = 0; i < argc; i++) {
            size_t n = strtoul(p + 1, NULL, 10);
            p = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
            if (i)
                buf_put_byte(&text, ' ');
            buf_put(&text, p, n);
            p += n + 2;
        }
    }
}

const char *fx_effects(void)
{
    struct error err;
    struct wal_reader *r;
    struct wal_frame f;
    char path[96];
    (void)snprintf(path, sizeof path, "%s/wal", dir);
    buf_clear(&text);
    assert_int_equal(kv_commit(fx_kv, &err), ST_OK);
    if (wal_reader_open(path, log_seen, &r, &err) != ST_OK)
        return "";
    while (wal_reader_next(r, &f, &err) == ST_OK) {
        if (f.seq >= log_seen)
            put_commands(f.payload);
        log_seen = f.seq + f.payload.n;
    }
    wal_reader_close(r);
    return buf_cstr(&text);
}

/* -- Commands ------------------------------------------------------------------------------------ */

#ifndef FX_NO_COMMANDS /* the test registers its own */

static void t_get(struct call *c)
{
    struct kv_rec *rec;
    char tmp[NUM_BUF];
    if (!call_lookup_type(c, c->argv[1], KV_READ, KV_STRING, &rec))
        return;
    if (rec)
        reply_bulk(c, kv_str(rec, tmp));
    else
        reply_null(c);
}

static void t_set(struct call *c)
{
    struct error err;
    int64_t ms = 0;
    if (c->argc > 3 && !call_arg_int(c, 3, &ms, NULL))
        return;
    enum status st = kv_set(c->kv, c->db, c->argv[1], c->argv[2],
                            ms ? clock_cached_ms() + ms : KV_NO_EXPIRE, 0, NULL, &err);
    assert_int_equal(st, ST_OK);
    call_changed(c, 1);
    reply_ok(c);
}

/* Answers OK and changes nothing. */
static void t_noset(struct call *c)
{
    reply_ok(c);
}

static void t_rewrite(struct call *c)
{
    call_changed(c, 1);
    call_propagate_words(c, c->db, 2, SLICE("ONE"), c->argv[1]);
    call_propagate_words(c, c->db, 1, SLICE("TWO"));
    reply_ok(c);
}

static void t_fail(struct call *c)
{
    reply_error(c, "BAD luck\r\nhere");
}

static void t_flushdb(struct call *c)
{
    (void)kv_flush(c->kv, c->db);
    call_changed(c, 1);
    reply_ok(c);
}

static void t_swapdb(struct call *c)
{
    kv_swapdb(c->kv, 0, 1);
    reply_ok(c);
}

static void t_select(struct call *c)
{
    c->s->db = c->argv[1].p[0] - '0';
    reply_ok(c);
}

static void t_multi(struct call *c)
{
    if (c->s->flags & SESS_MULTI) {
        reply_error(c, "ERR MULTI calls can not be nested");
        return;
    }
    multi_begin(c->s);
    reply_ok(c);
}

static void t_exec(struct call *c)
{
    if (c->s->flags & SESS_MULTI)
        multi_exec(c);
    else
        reply_error(c, "ERR EXEC without MULTI");
}

static void t_discard(struct call *c)
{
    multi_discard(c->s);
    reply_ok(c);
}

static void t_watch(struct call *c)
{
    for (int i = 1; i < c->argc; i++)
        if (!multi_watch(c, c->argv[i]))
            return;
    reply_ok(c);
}

static void t_unwatch(struct call *c)
{
    multi_unwatch(c->s);
    reply_ok(c);
}

static void t_reply(struct call *c)
{
    c->s->flags |= SESS_REPLY_SKIP_NEXT;
}

static void park_timeout(struct call *c, void *state)
{
    reply_null(c);
}

static void park_free(void *state)
{
    fx_parked_freed++;
}

static const struct block_ops park_ops = {
    .kind = "park", .timeout = park_timeout, .free_state = park_free};

static void t_bpark(struct call *c)
{
    int64_t ms = 0;
    if (c->s->flags & SESS_DENY_BLOCKING) {
        reply_null(c);
        return;
    }
    assert_true(num_parse_int(c->argv[2], &ms));
    block_session(c, &park_ops, c, ms ? clock_wall_ms() + ms : 0);
}

/* BTAKE key [key ...] ms: waits for a string, deletes it, answers key and value. BMOVE from to ms: waits for a string and
 * renames it. BHAS key ms: waits for the value "go", answers an error when there is no such string. */
static void t_btake(struct call *c)
{
    int64_t ms = 0;
    char tmp[NUM_BUF];
    for (int i = 1; i < c->argc - 1; i++) {
        struct kv_rec *rec;
        if (!call_lookup(c, c->argv[i], KV_WRITE, &rec))
            return;
        if (!rec || kv_rec_type(rec) != KV_STRING)
            continue;
        reply_array(c, 2);
        reply_bulk(c, c->argv[i]);
        reply_bulk(c, kv_str(rec, tmp));
        kv_del(c->kv, rec);
        call_changed(c, 1);
        call_propagate_words(c, c->db, 2, SLICE("DEL"), c->argv[i]);
        return;
    }
    if (block_denied(c)) {
        reply_null_array(c);
        return;
    }
    assert_true(num_parse_int(c->argv[c->argc - 1], &ms));
    block_on_keys(c, c->argv + 1, (size_t)c->argc - 2, KV_STRING, ms ? clock_wall_ms() + ms : 0, 0);
}

static void t_bmove(struct call *c)
{
    struct kv_rec *rec;
    struct error err;
    if (!call_lookup_type(c, c->argv[1], KV_WRITE, KV_STRING, &rec))
        return;
    if (!rec) {
        block_on_keys(c, c->argv + 1, 1, KV_STRING, 0, 0);
        return;
    }
    assert_int_equal(kv_rename(c->kv, rec, c->db, c->argv[2], &err), ST_OK);
    call_changed(c, 1);
    reply_ok(c);
}

static void t_bhas(struct call *c)
{
    struct kv_rec *rec;
    char tmp[NUM_BUF];
    if (!call_lookup(c, c->argv[1], KV_READ, &rec))
        return;
    if (!rec)
        reply_error(c, "NOGROUP it is gone");
    else if (slice_is(kv_str(rec, tmp), "go"))
        reply_ok(c);
    else
        block_on_keys(c, c->argv + 1, 1, KV_STRING, 0, BLOCK_KEYS_NOKEY);
    /* as a consumer's time: a change even when nothing is found */
    if (rec)
        kv_set_expire(c->kv, rec, clock_cached_ms() + 1000000);
}

static void t_del(struct call *c)
{
    struct kv_rec *rec;
    if (!call_lookup(c, c->argv[1], KV_WRITE, &rec))
        return;
    if (rec) {
        kv_del(c->kv, rec);
        call_changed(c, 1);
    }
    reply_ok(c);
}

static struct command table[] = {
    {.name = "get", .fullname = "get", .fn = t_get, .arity = 2, .flags = CMD_READONLY | CMD_FAST},
    {.name = "set", .fullname = "set", .fn = t_set, .arity = -3, .flags = CMD_WRITE | CMD_DENYOOM},
    {.name = "noset", .fullname = "noset", .fn = t_noset, .arity = -1, .flags = CMD_WRITE},
    {.name = "rewrite", .fullname = "rewrite", .fn = t_rewrite, .arity = 2, .flags = CMD_WRITE},
    {.name = "fail", .fullname = "fail", .fn = t_fail, .arity = 1},
    {.name = "flushdb", .fullname = "flushdb", .fn = t_flushdb, .arity = 1, .flags = CMD_WRITE},
    {.name = "swapdb", .fullname = "swapdb", .fn = t_swapdb, .arity = 1, .flags = CMD_WRITE},
    {.name = "select", .fullname = "select", .fn = t_select, .arity = 2, .flags = CMD_LOADING},
    {.name = "ping", .fullname = "ping", .fn = t_noset, .arity = -1, .flags = CMD_FAST},
    {.name = "multi",
     .fullname = "multi",
     .fn = t_multi,
     .arity = 1,
     .flags = CMD_NOSCRIPT | CMD_LOADING},
    {.name = "exec",
     .fullname = "exec",
     .fn = t_exec,
     .arity = 1,
     .flags = CMD_NOSCRIPT | CMD_LOADING},
    {.name = "discard",
     .fullname = "discard",
     .fn = t_discard,
     .arity = 1,
     .flags = CMD_NOSCRIPT | CMD_LOADING},
    {.name = "watch",
     .fullname = "watch",
     .fn = t_watch,
     .arity = -2,
     .flags = CMD_NOSCRIPT | CMD_LOADING},
    {.name = "unwatch", .fullname = "unwatch", .fn = t_unwatch, .arity = 1, .flags = CMD_LOADING},
    {.name = "auth",
     .fullname = "auth",
     .fn = t_noset,
     .arity = -2,
     .flags = CMD_NO_AUTH | CMD_LOADING | CMD_ALLOW_BUSY},
    {.name = "skip", .fullname = "skip", .fn = t_reply, .arity = 1, .flags = CMD_NO_MULTI},
    {.name = "bpark", .fullname = "bpark", .fn = t_bpark, .arity = 3, .flags = CMD_BLOCKING},
    {.name = "btake",
     .fullname = "btake",
     .fn = t_btake,
     .arity = -3,
     .flags = CMD_BLOCKING | CMD_WRITE},
    {.name = "bmove",
     .fullname = "bmove",
     .fn = t_bmove,
     .arity = 3,
     .flags = CMD_BLOCKING | CMD_WRITE},
    {.name = "bhas", .fullname = "bhas", .fn = t_bhas, .arity = 2, .flags = CMD_BLOCKING},
    {.name = "del", .fullname = "del", .fn = t_del, .arity = 2, .flags = CMD_WRITE},
    {.name = "debug", .fullname = "debug", .fn = t_noset, .arity = -1, .flags = CMD_PROTECTED},
    {.name = "box", .fullname = "box", .arity = -2},
    {.name = "in", .fullname = "box|in", .container = "box", .fn = t_noset, .arity = 3},
};

#endif

struct command *fx_command(const char *fullname)
{
    struct command *cmd = command_find_full(slice_str(fullname));
    assert_non_null(cmd);
    return cmd;
}

/* -- Keyspace ------------------------------------------------------------------------------------ */

static void on_modified(void *arg, int db, struct slice key)
{
    struct hook_key h = {db, key};
    hook_run(HOOK_KEY_MODIFIED, &h);
}

static void on_flushed(void *arg, int db)
{
    struct hook_key h = {db, SLICE_NULL};
    hook_run(HOOK_FLUSHED, &h);
}

static void on_swapped(void *arg, int a, int b)
{
    struct hook_swap h = {a, b};
    hook_run(HOOK_SWAPPED, &h);
}

static void remove_tree(const char *path)
{
    DIR *d = opendir(path);
    const struct dirent *e;
    while (d && (e = readdir(d)) != NULL) {
        char sub[512];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        (void)snprintf(sub, sizeof sub, "%s/%s", path, e->d_name);
        remove_tree(sub);
    }
    if (d)
        (void)closedir(d);
    (void)remove(path);
}

static void once(void)
{
    static bool done;
    struct error err;
    if (done)
        return;
    done = true;
    keyspace_options_register();
    session_options_register();
    struct slice provider = SLICE("memory");
    assert_int_equal(config_set(SLICE("storage-provider"), &provider, 1, true, &err), ST_OK);
#ifndef FX_NO_COMMANDS
    command_register(table, COUNT_OF(table));
#endif
    multi_init();
    assert_int_equal(acl_start(&err), ST_OK);
}

int fx_setup(void **state)
{
    struct error err = {.message = ""};
    static const struct kv_hooks hooks = {
        .modified = on_modified, .flushed = on_flushed, .swapped = on_swapped};
    once();
    (void)snprintf(dir, sizeof dir, "/tmp/orbit-session-XXXXXX");
    assert_non_null(mkdtemp(dir));
    clock_freeze_ms(START_MS);
    clock_refresh();
    if (kv_open(dir, NULL, &fx_kv, &err) != ST_OK)
        fail_msg("%s", err.message);
    assert_int_equal(kv_replay(fx_kv, NULL, NULL, NULL, &err), ST_OK);
    kv_set_hooks(fx_kv, &hooks);
    lifecycle = (struct lifecycle){.kv = fx_kv};
    log_seen = 0;
    fx_parked_freed = 0;
    sess_stats_reset();
    return 0;
}

int fx_teardown(void **state)
{
    struct error err;
    assert_int_equal(kv_close(fx_kv, &err), ST_OK);
    lifecycle = (struct lifecycle){.kv = NULL};
    remove_tree(dir);
    clock_freeze_ms(-1);
    return 0;
}

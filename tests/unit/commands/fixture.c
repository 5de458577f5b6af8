#include "unit/commands/fixture.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "commands/bitmap/bitmap_commands.h"
#include "commands/generic/generic_commands.h"
#include "commands/string/string_commands.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv.h"
#include "session/acl.h"
#include "session/call.h"
#include "session/session.h"
#include "session/session_options.h"
#include "unit/cmocka_all.h"
#include "unit/commands/text_sink.h"
#include "wal/wal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 2048
#define DATABASES 4

static struct kv *kv;
static struct session *session, *replayer;
static char dir[64];
static uint64_t effects_read; /* sequence */
static struct buf events, effects, line_words;

/* -- Sessions ------------------------------------------------------------------------------------------------------------ */

static struct sink *ops_sink(struct session *s)
{
    return text_sink();
}

static void ops_close(struct session *s, enum sess_close how)
{
}

static void ops_peer(struct session *s, struct sess_peer *out)
{
    *out = (struct sess_peer){.addr = "test:0", .laddr = "test:0", .fd = -1};
}

static void ops_resume(struct session *s)
{
}

static void ops_set_resp(struct session *s, int version)
{
}

static void ops_set_reply(struct session *s, bool on)
{
}

static bool ops_tls_user(struct session *s, struct buf *out)
{
    return false;
}

static const struct session_ops ops = {
    .sink = ops_sink,
    .close = ops_close,
    .peer = ops_peer,
    .resume = ops_resume,
    .set_resp = ops_set_resp,
    .set_reply = ops_set_reply,
    .tls_user = ops_tls_user,
};

/* -- The log ------------------------------------------------------------------------------------------------------------- */

/* Takes one RESP command off the front of p. The number of its words. */
static size_t take_command(struct slice *p, struct slice *argv)
{
    size_t argc = (size_t)strtoul(p->p + 1, NULL, 10);
    const char *q = (const char *)memchr(p->p, '\n', p->n) + 1;
    assert_true(argc > 0 && argc <= WORDS_MAX);
    for (size_t i = 0; i < argc; i++) {
        size_t len = (size_t)strtoul(q + 1, NULL, 10);
        q = (const char *)memchr(q, '\n', 32) + 1;
        argv[i] = slice_make(q, len);
        q += len + 2;
    }
    *p = slice_make(q, (size_t)(p->p + p->n - q));
    return argc;
}

static void put_word(struct buf *b, struct slice w)
{
    bool plain = w.n > 0;
    for (size_t i = 0; i < w.n; i++)
        plain = plain && w.p[i] > ' ' && w.p[i] < 127 && w.p[i] != '"';
    if (plain)
        buf_put_slice(b, w);
    else
        buf_put_quoted(b, w);
}

const char *fixture_effects(void)
{
    char path[128];
    struct wal_reader *r;
    struct wal_frame f;
    struct error err;
    buf_clear(&effects);
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    snprintf(path, sizeof path, "%s/wal", dir);
    assert_int_equal(wal_reader_open(path, effects_read, &r, &err), ST_OK);
    while (wal_reader_next(r, &f, &err) == ST_OK) {
        struct slice p = f.payload;
        if (f.seq < effects_read)
            continue;
        while (p.n > 0) {
            struct slice argv[WORDS_MAX];
            size_t argc = take_command(&p, argv);
            if (slice_is(argv[0], "SELECT"))
                continue;
            if (effects.n > 0)
                buf_put_str(&effects, "; ");
            for (size_t i = 0; i < argc; i++) {
                if (i > 0)
                    buf_put_byte(&effects, ' ');
                put_word(&effects, argv[i]);
            }
        }
        effects_read = f.seq + f.payload.n;
    }
    wal_reader_close(r);
    return buf_cstr(&effects);
}

void fixture_propagates(const char *command, const char *want)
{
    const char *got;
    fixture_effects();
    fixture_run(command);
    got = fixture_effects();
    if (strcmp(got, want) != 0)
        fail_msg("%s propagated '%s', not '%s'", command, got, want);
}

static enum status replay(void *arg, struct slice payload, struct error *err)
{
    while (payload.n > 0) {
        struct slice argv[WORDS_MAX];
        size_t argc = take_command(&payload, argv);
        int64_t db;
        if (slice_is(argv[0], "SELECT") && num_parse_int(argv[1], &db))
            replayer->db = (int)db;
        else if (slice_is(argv[0], "FLUSHALL"))
            kv_flush(kv, -1);
        else if (!slice_is(argv[0], "MULTI") && !slice_is(argv[0], "EXEC"))
            (void)dispatch(replayer, (int)argc, argv, SLICE_NULL);
    }
    return ST_OK;
}

/* -- The keyspace -------------------------------------------------------------------------------------------------------- */

static void on_notify(void *arg, enum notify_class cls, const char *event, int db, struct slice key)
{
    if (events.n > 0)
        buf_put_str(&events, "; ");
    buf_printf(&events, "%s ", event);
    put_word(&events, key);
}

const char *fixture_events(void)
{
    static char *last;
    mem_free(last);
    last = mem_strndup(events.p, events.n);
    buf_clear(&events);
    return last;
}

static void open_kv(void)
{
    const struct kv_hooks hooks = {.notify = on_notify};
    struct error err;
    if (kv_open(dir, NULL, &kv, &err) != ST_OK)
        fail_msg("open: %s", err.message);
    kv_set_hooks(kv, &hooks);
    session = session_new(kv, &ops, NULL);
    replayer = session_new(kv, &ops, NULL);
    replayer->flags |= SESS_LOADING_LOG;
    if (kv_replay(kv, replay, NULL, NULL, &err) != ST_OK)
        fail_msg("replay: %s", err.message);
}

static void close_kv(void)
{
    struct error err;
    session_free(session);
    session_free(replayer);
    assert_int_equal(kv_close(kv, &err), ST_OK);
    kv = NULL;
}

static void shell(const char *fmt, const char *a, const char *b)
{
    char command[256];
    snprintf(command, sizeof command, fmt, a, b, a);
    assert_int_equal(system(command), 0);
}

void fixture_crash(void)
{
    char copy[80];
    struct error err;
    assert_int_equal(kv_commit(kv, &err), ST_OK);
    /* What lies in the folder now is what a crash would leave. */
    snprintf(copy, sizeof copy, "%s.copy", dir);
    shell("cp -r %s %s", dir, copy);
    close_kv();
    shell("rm -rf %s && mv %s %s", dir, copy);
    open_kv();
}

struct kv *fixture_kv(void)
{
    return kv;
}

void fixture_at_ms(int64_t ms)
{
    clock_freeze_ms(ms);
    clock_refresh();
}

const char *fixture_dir(void)
{
    return dir;
}

int fixture_setup(void **state)
{
    struct error err;
    session_options_register();
    keyspace_options_register();
    keyspace_opts.databases = DATABASES;
    keyspace_opts.notify_classes = NOTIFY_ALL | NOTIFY_NEW;
    snprintf(keyspace_opts.storage_provider, strlen(keyspace_opts.storage_provider) + 1, "%s",
             "memory");
    string_commands_register();
    bitmap_commands_register();
    generic_commands_register();
    if (acl_start(&err) != ST_OK)
        fail_msg("acl: %s", err.message);
    snprintf(dir, sizeof dir, "/tmp/orbit-commands-XXXXXX");
    assert_non_null(mkdtemp(dir));
    fixture_at_ms(FIXTURE_NOW_MS);
    open_kv();
    return 0;
}

int fixture_teardown(void **state)
{
    close_kv();
    acl_stop();
    shell("rm -rf %s", dir, "");
    buf_free(&events);
    buf_free(&effects);
    buf_free(&line_words);
    text_sink_free();
    fixture_events();
    return 0;
}

int fixture_reset(void **state)
{
    const struct slice flushall = SLICE("FLUSHALL");
    kv_flush(kv, -1);
    kv_effect(kv, 0, 1, &flushall);
    session->db = 0;
    fixture_at_ms(FIXTURE_NOW_MS);
    fixture_effects();
    buf_clear(&events);
    return 0;
}

/* -- Running commands ---------------------------------------------------------------------------------------------------- */

const char *fixture_run_argv(size_t argc, const struct slice *argv)
{
    struct slice words[WORDS_MAX];
    assert_true(argc <= WORDS_MAX);
    memcpy(words, argv, argc * sizeof *argv);
    text_sink_clear();
    assert_int_equal(dispatch(session, (int)argc, words, SLICE_NULL), DISPATCH_DONE);
    return text_sink_text();
}

static int hex(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* Appends the word at p to line_words; returns what is behind it. */
static const char *quoted_word(const char *p)
{
    for (p++; *p != '"'; p++) {
        char c = *p;
        assert_true(c != 0);
        if (c == '\\') {
            c = *++p;
            if (c == 'n')
                c = '\n';
            else if (c == 'r')
                c = '\r';
            else if (c == 'x') {
                c = (char)(hex(p[1]) << 4 | hex(p[2]));
                p += 2;
            }
        }
        buf_put_byte(&line_words, (uint8_t)c);
    }
    return p + 1;
}

const char *fixture_run(const char *line)
{
    struct slice argv[WORDS_MAX];
    size_t ends[WORDS_MAX], argc = 0;
    buf_clear(&line_words);
    buf_reserve(&line_words, strlen(line) + 1);
    while (*line) {
        assert_true(argc < WORDS_MAX);
        if (*line == '"') {
            line = quoted_word(line);
        } else {
            while (*line && *line != ' ')
                buf_put_byte(&line_words, (uint8_t)*line++);
        }
        ends[argc++] = line_words.n;
        while (*line == ' ')
            line++;
    }
    for (size_t i = 0; i < argc; i++) {
        size_t from = i ? ends[i - 1] : 0;
        argv[i] = slice_make(line_words.p + from, ends[i] - from);
    }
    return fixture_run_argv(argc, argv);
}

void fixture_steps(const struct fixture_step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *got = fixture_run(steps[i].command);
        if (strcmp(got, steps[i].want) != 0)
            fail_msg("%s answered '%s', not '%s'", steps[i].command, got, steps[i].want);
    }
}

/* -- The data set as text ------------------------------------------------------------------------------------------------ */

struct names {
    struct buf keys[10000];
    size_t n;
};

static void on_scan(void *arg, const struct kv_scan_entry *e)
{
    struct names *names = arg;
    assert_true(names->n < COUNT_OF(names->keys));
    buf_put_slice(&names->keys[names->n++], e->key);
}

static int by_name(const void *a, const void *b)
{
    return slice_cmp(buf_slice(a), buf_slice(b));
}

char *fixture_state(void)
{
    struct names *names = mem_calloc(1, sizeof *names);
    struct buf out = BUF_INIT;
    for (int db = 0; db < DATABASES; db++) {
        uint64_t cursor = 0;
        struct error err;
        names->n = 0;
        do {
            assert_int_equal(kv_scan(kv, db, cursor, 100, &cursor, on_scan, names, &err), ST_OK);
        } while (cursor != 0);
        qsort(names->keys, names->n, sizeof names->keys[0], by_name);
        /* Expired ones are counted until they are deleted. */
        assert_true(names->n <= kv_dbsize(kv, db));
        for (size_t i = 0; i < names->n; i++) {
            struct kv_rec *rec;
            char tmp[NUM_BUF];
            assert_int_equal(
                kv_lookup(kv, db, buf_slice(&names->keys[i]), KV_NOTOUCH | KV_NOSTATS, &rec, &err),
                ST_OK);
            assert_non_null(rec);
            buf_printf(&out, "%d ", db);
            buf_put_quoted(&out, buf_slice(&names->keys[i]));
            buf_put_byte(&out, ' ');
            buf_put_quoted(&out, kv_str(rec, tmp));
            buf_printf(&out, " %lld\n", (long long)kv_rec_expire(rec));
            buf_free(&names->keys[i]);
        }
    }
    mem_free(names);
    buf_put_byte(&out, 0);
    return out.p;
}

/* Sessions without a connection: what they are told is written down as text, "push(a b)" or "[a b]". */
#ifndef ORBIT_TESTS_SERVICES_FAKE_SESSION_H
#define ORBIT_TESTS_SERVICES_FAKE_SESSION_H

#include "base/buf.h"
#include "base/mem.h"
#include "session/call.h"
#include "session/session.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct fake {
    struct sink sink; /* first: the sink is cast back */
    struct buf out;
    size_t left[8];
    int depth;
    struct session *s;
};

static inline void fake_word(struct sink *sink, const char *p, size_t n)
{
    struct fake *f = (struct fake *)(void *)sink;
    if (f->out.n && f->out.p[f->out.n - 1] != '(')
        buf_put_byte(&f->out, ' ');
    buf_put(&f->out, p, n);
    while (f->depth && --f->left[f->depth - 1] == 0) {
        buf_put_byte(&f->out, ')');
        f->depth--;
    }
}
static inline void fake_bulk(struct sink *sink, struct slice s)
{
    fake_word(sink, s.p ? s.p : "", s.n);
}
static inline void fake_integer(struct sink *sink, int64_t v)
{
    char text[32];
    fake_word(sink, text, (size_t)snprintf(text, sizeof text, "%" PRId64, v));
}
static inline void fake_null(struct sink *sink)
{
    fake_word(sink, "null", 4);
}
static inline void fake_begin(struct sink *sink, enum sink_kind kind, size_t n)
{
    struct fake *f = (struct fake *)(void *)sink;
    static const char *const names[] = {"array(", "map(", "set(", "push(", "attribute("};
    if (n == 0) {
        fake_word(sink, "empty", 5);
        return;
    }
    if (f->out.n && f->out.p[f->out.n - 1] != '(')
        buf_put_byte(&f->out, ' ');
    buf_put_str(&f->out, names[kind]);
    f->left[f->depth++] = kind == SINK_MAP ? n * 2 : n;
}
static inline size_t fake_begin_deferred(struct sink *sink)
{
    struct fake *f = (struct fake *)(void *)sink;
    if (f->out.n && f->out.p[f->out.n - 1] != '(')
        buf_put_byte(&f->out, ' ');
    buf_put_str(&f->out, "(");
    f->left[f->depth++] = SIZE_MAX;
    return 0;
}
static inline void fake_end_deferred(struct sink *sink, size_t token, enum sink_kind kind, size_t n)
{
    struct fake *f = (struct fake *)(void *)sink;
    buf_put_byte(&f->out, ')');
    f->depth--;
}

static inline struct sink *fake_sink(struct session *s)
{
    return &((struct fake *)s->conn)->sink;
}
static inline void fake_close(struct session *s, enum sess_close how)
{
}
static inline void fake_peer(struct session *s, struct sess_peer *out)
{
    *out = (struct sess_peer){.addr = "test:0", .laddr = "test:0", .fd = -1};
}
static inline void fake_set_resp(struct session *s, int version)
{
}
static inline void fake_set_reply(struct session *s, bool on)
{
}

static const struct sink_ops fake_sink_ops = {
    .status = fake_bulk,
    .error = fake_bulk,
    .integer = fake_integer,
    .bulk = fake_bulk,
    .null = fake_null,
    .null_array = fake_null,
    .begin = fake_begin,
    .begin_deferred = fake_begin_deferred,
    .end_deferred = fake_end_deferred,
};
static const struct session_ops fake_ops = {
    .sink = fake_sink,
    .close = fake_close,
    .peer = fake_peer,
    .set_resp = fake_set_resp,
    .set_reply = fake_set_reply,
};

static inline struct fake *fake_new(int resp)
{
    struct fake *f = mem_calloc(1, sizeof *f);
    f->sink = (struct sink){.ops = &fake_sink_ops, .resp = resp};
    f->s = session_new(NULL, &fake_ops, f);
    f->s->resp = resp;
    return f;
}

static inline void fake_free(struct fake *f)
{
    session_free(f->s);
    buf_free(&f->out);
    mem_free(f);
}

/* What it was told since the last time. */
static inline void assert_told(struct fake *f, const char *text)
{
    assert_string_equal(buf_cstr(&f->out), text);
    buf_clear(&f->out);
}

/* Runs a command function with the words of text. */
static inline void fake_run(struct fake *f, void (*fn)(struct call *c), const char *text)
{
    struct slice argv[32];
    int argc = 0;
    char words[512];
    (void)snprintf(words, sizeof words, "%s", text);
    for (char *save = NULL, *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[argc++] = slice_str(w);
    struct command cmd = {.name = "test", .fullname = "test"};
    struct call c = {.s = f->s, .cmd = &cmd, .argv = argv, .argc = argc, .out = &f->sink};
    fn(&c);
}

#endif

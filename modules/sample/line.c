/* A listener with a protocol of lines:
 *
 *   AUTH user password     +OK            -why
 *   PING                   +PONG
 *   QUERY text             a line for each row, values parted by tabs; then +rows, or -why
 *   QUIT                   +BYE, and the connection ends
 *   anything else          is run as a command: +text, or -why */
#include "base/buf.h"
#include "base/compiler.h"
#include "modules/sample/sample.h"
#include "value/text.h"

#include <inttypes.h>

#define MAX_WORDS 16

static void say(struct orbit_conn *conn, char kind, struct slice text)
{
    struct buf b = BUF_INIT;
    buf_printf(&b, "%c%.*s\n", kind, SLICE_FMT(text));
    (void)OrbitModule_ConnWrite(conn, buf_slice(&b));
    buf_free(&b);
}

static void fail(struct orbit_conn *conn, const struct error *err)
{
    say(conn, '-', slice_str(err->message));
}

/* -- What has run --------------------------------------------------------------------------------------------------------- */

static void on_login(RedisModuleCtx *ctx, struct orbit_conn *conn, enum status st,
                     const struct error *err)
{
    if (st == ST_OK)
        say(conn, '+', SLICE("OK"));
    else
        fail(conn, err);
}

static void on_reply(RedisModuleCtx *ctx, struct orbit_conn *conn, RedisModuleCallReply *reply)
{
    size_t n = 0;
    int type = RedisModule_CallReplyType(reply);
    const char *text = RedisModule_CallReplyStringPtr(reply, &n);
    struct buf b = BUF_INIT;
    if (type == REDISMODULE_REPLY_INTEGER)
        buf_put_int(&b, RedisModule_CallReplyInteger(reply));
    else if (text)
        buf_put(&b, text, n);
    say(conn, type == REDISMODULE_REPLY_ERROR ? '-' : '+', buf_slice(&b));
    buf_free(&b);
}

static void on_rows(struct orbit_conn *conn, const struct row_batch *batch)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < row_batch_rows(batch); i++)
        for (size_t k = 0; k < row_batch_cols(batch); k++) {
            (void)value_text(&row_batch_row(batch, i)[k], &b);
            buf_put_byte(&b, k + 1 < row_batch_cols(batch) ? '\t' : '\n');
        }
    /* However much waits: no rows come until it has left. */
    (void)OrbitModule_ConnWrite(conn, buf_slice(&b));
    buf_free(&b);
}

static void on_done(struct orbit_conn *conn, enum status st, const struct error *err,
                    const struct value *summary)
{
    if (st == ST_OK)
        say(conn, '+', SLICE("rows"));
    else
        fail(conn, err);
}

static const struct OrbitQueryEvents query_events = {.rows = on_rows, .done = on_done};

/* -- What is asked -------------------------------------------------------------------------------------------------------- */

static int split(struct slice line, struct slice *words, int most)
{
    int n = 0;
    size_t at = 0;
    while (at < line.n && n < most) {
        size_t from = at;
        while (at < line.n && line.p[at] != ' ')
            at++;
        if (at > from)
            words[n++] = slice_make(line.p + from, at - from);
        at += at < line.n;
    }
    return n;
}

static enum status obey(struct orbit_conn *conn, struct slice line, struct error *err)
{
    struct slice words[MAX_WORDS];
    int n = split(line, words, MAX_WORDS);
    if (n == 0)
        return error_set(err, ST_SYNTAX, "an empty line");
    if (slice_is(words[0], "PING")) {
        say(conn, '+', SLICE("PONG"));
    } else if (slice_is(words[0], "QUIT")) {
        say(conn, '+', SLICE("BYE"));
        OrbitModule_ConnClose(conn);
    } else if (slice_is(words[0], "AUTH") && n == 3) {
        return OrbitModule_ConnLogin(conn, words[1], words[2], on_login, err);
    } else if (slice_is(words[0], "QUERY") && n > 1) {
        struct OrbitQuery q = {.engine = SLICE("sample"),
                               .text =
                                   slice_make(words[1].p, (size_t)(line.p + line.n - words[1].p))};
        return OrbitModule_ConnQuery(conn, &q, &query_events, err);
    } else {
        return OrbitModule_ConnCommand(conn, n, words, on_reply, err);
    }
    return ST_OK;
}

/* One line at a time; the next one when the answer is there. */
static size_t on_bytes(RedisModuleCtx *ctx, struct orbit_conn *conn, struct slice bytes)
{
    struct error err = {.message = ""};
    const char *end = memchr(bytes.p, '\n', bytes.n);
    if (!end || OrbitModule_ConnBusy(conn))
        return 0;
    size_t n = (size_t)(end - bytes.p);
    bool cr = n > 0 && bytes.p[n - 1] == '\r';
    if (obey(conn, slice_make(bytes.p, n - cr), &err) != ST_OK)
        fail(conn, &err);
    return n + 1;
}

const struct OrbitListener sample_line = {
    .name = "line", .tls = true, .max_input = 64 << 10, .bytes = on_bytes};

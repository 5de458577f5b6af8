/* Answers that are more than one call of the sink, and everything about errors: counting them, keeping them to one line. */
#include "session/reply.h"

#include "session/stats.h"

#include <stdarg.h>

void reply_ok(struct call *c)
{
    c->out->ops->status(c->out, SLICE("OK"));
}

void reply_status(struct call *c, const char *text)
{
    c->out->ops->status(c->out, slice_str(text));
}

void reply_str(struct call *c, const char *text)
{
    c->out->ops->bulk(c->out, slice_str(text));
}

void reply_bulkf(struct call *c, const char *fmt, ...)
{
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    c->out->ops->bulk(c->out, buf_slice(&b));
    buf_free(&b);
}

void reply_verbatim(struct call *c, const char ext[4], struct slice text)
{
    c->out->ops->verbatim(c->out, ext, text);
}

static void error_text(struct call *c, struct slice text)
{
    const char *space = text.n ? memchr(text.p, ' ', text.n) : NULL;
    c->failed = true;
    c->error_code = sess_stats_error(slice_make(text.p, space ? (size_t)(space - text.p) : text.n));
    c->out->ops->error(c->out, text);
}

/* An error is one line on the wire, whatever bytes the client made us quote. */
static void error_buf(struct call *c, struct buf *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->p[i] == '\r' || b->p[i] == '\n')
            b->p[i] = ' ';
    error_text(c, buf_slice(b));
}

void reply_error(struct call *c, const char *text)
{
    if (!strpbrk(text, "\r\n")) {
        error_text(c, slice_str(text));
        return;
    }
    struct buf b = BUF_INIT;
    buf_put_str(&b, text);
    error_buf(c, &b);
    buf_free(&b);
}

void reply_errorf(struct call *c, const char *fmt, ...)
{
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&b, fmt, ap);
    va_end(ap);
    error_buf(c, &b);
    buf_free(&b);
}

void reply_wrong_type(struct call *c)
{
    reply_error(c, "WRONGTYPE Operation against a key holding the wrong kind of value");
}

void reply_syntax_error(struct call *c)
{
    reply_error(c, "ERR syntax error");
}

void reply_arity_error(struct call *c)
{
    reply_errorf(c, "ERR wrong number of arguments for '%s' command", c->cmd->fullname);
}

static void put_upper(struct buf *b, struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        buf_put_byte(b, (uint8_t)(s.p[i] >= 'a' && s.p[i] <= 'z' ? s.p[i] - 'a' + 'A' : s.p[i]));
}

void reply_unknown_sub(struct call *c)
{
    struct buf b = BUF_INIT;
    struct slice sub = c->argc > 1 ? c->argv[1] : SLICE("");
    if (sub.n > 128)
        sub.n = 128;
    buf_put_str(&b, "ERR unknown subcommand or wrong number of arguments for '");
    buf_put_slice(&b, sub);
    buf_put_str(&b, "'. Try ");
    put_upper(&b, c->argv[0]);
    buf_put_str(&b, " HELP.");
    error_buf(c, &b);
    buf_free(&b);
}

void reply_help(struct call *c, const char *const *lines)
{
    size_t n = 0;
    while (lines[n])
        n++;
    struct buf head = BUF_INIT;
    put_upper(&head, c->argv[0]);
    buf_put_str(&head, " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    reply_array(c, n + 3);
    c->out->ops->status(c->out, buf_slice(&head));
    buf_free(&head);
    for (size_t i = 0; i < n; i++)
        reply_status(c, lines[i]);
    reply_status(c, "HELP");
    reply_status(c, "    Print this help.");
}

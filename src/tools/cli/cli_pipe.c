#include "tools/cli/cli_pipe.h"

#include "base/clock.h"
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_BYTES (256u << 10)
#define BAR        30
#define SHOW_US    200000

void cli_pipe_command(struct cli_pipe *p, size_t n)
{
    char text[NUM_BUF];
    buf_put_byte(&p->out, '*');
    buf_put(&p->out, text, num_format_int(text, (int64_t)n));
    buf_put(&p->out, "\r\n", 2);
    p->sent++;
}

void cli_pipe_arg(struct cli_pipe *p, struct slice s)
{
    char text[NUM_BUF];
    buf_put_byte(&p->out, '$');
    buf_put(&p->out, text, num_format_int(text, (int64_t)s.n));
    buf_put(&p->out, "\r\n", 2);
    buf_put_slice(&p->out, s);
    buf_put(&p->out, "\r\n", 2);
}

void cli_pipe_arg_int(struct cli_pipe *p, int64_t v)
{
    char text[NUM_BUF];
    cli_pipe_arg(p, slice_make(text, num_format_int(text, v)));
}

static bool broken(const char *why)
{
    fprintf(stderr, "orbit-cli: the connection broke: %s\n", why);
    return false;
}

/* Answers that are complete. */
static bool take_replies(struct cli_pipe *p)
{
    for (;;) {
        void *r = NULL;
        if (redisReaderGetReply(p->link->reader, &r) != REDIS_OK)
            return broken(p->link->reader->errstr);
        if (!r)
            return true;
        p->answered++;
        if (p->on_reply)
            p->on_reply(p->arg, r);
        freeReplyObject(r);
    }
}

static bool read_some(struct cli_pipe *p)
{
    char in[64 << 10];
    ssize_t n = recv(p->link->fd, in, sizeof in, MSG_DONTWAIT);
    if (n == 0)
        return broken("the server closed it");
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? true : broken(strerror(errno));
    if (redisReaderFeed(p->link->reader, in, (size_t)n) != REDIS_OK)
        return broken(p->link->reader->errstr);
    return take_replies(p);
}

/* Sending and reading at the same time: a server that is not read from stops reading, too. */
bool cli_pipe_flush(struct cli_pipe *p, bool all)
{
    size_t at = 0;
    if (!all && p->out.n < SEND_BYTES)
        return true;
    while (at < p->out.n || (all && p->answered < p->sent)) {
        struct pollfd f = {.fd = p->link->fd,
                           .events = (short)(POLLIN | (at < p->out.n ? POLLOUT : 0))};
        if (poll(&f, 1, -1) < 0 && errno != EINTR)
            return broken(strerror(errno));
        if ((f.revents & (POLLIN | POLLHUP | POLLERR)) && !read_some(p))
            return false;
        if (!(f.revents & POLLOUT))
            continue;
        ssize_t n = send(p->link->fd, p->out.p + at, p->out.n - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            at += (size_t)n;
        else if (n < 0 && errno != EAGAIN && errno != EINTR)
            return broken(strerror(errno));
    }
    buf_clear(&p->out);
    return true;
}

void cli_pipe_free(struct cli_pipe *p)
{
    buf_free(&p->out);
}

/* -- Progress -------------------------------------------------------------------------------------------------------------- */

void cli_progress_begin(struct cli_progress *p)
{
    *p = (struct cli_progress){.on = isatty(STDERR_FILENO), .start_us = clock_mono_us()};
}

double cli_progress_seconds(const struct cli_progress *p)
{
    double s = (double)(clock_mono_us() - p->start_us) / 1e6;
    return s > 0.001 ? s : 0.001;
}

static void bar(uint64_t done, uint64_t total)
{
    static const char full[] = "##############################",
                      none[] = "..............................";
    unsigned part = total ? (unsigned)(done * BAR / total) : 0;
    if (part > BAR)
        part = BAR;
    fprintf(stderr, "\r[%s%s] %3u%%  ", full + (BAR - part), none + part,
            total ? (unsigned)(done * 100 / total) : 0);
}

void cli_progress_bytes(struct cli_progress *p, uint64_t done, uint64_t total, bool last)
{
    int64_t now = clock_mono_us();
    if (!p->on || (!last && now - p->shown_us < SHOW_US))
        return;
    p->shown_us = now;
    bar(done, total);
    fprintf(stderr, "%.1f MB  %.1f MB/s ", (double)done / 1e6,
            (double)done / 1e6 / cli_progress_seconds(p));
    if (last)
        fputc('\n', stderr);
}

void cli_progress_show(struct cli_progress *p, uint64_t done, uint64_t total, uint64_t bytes,
                       uint64_t keys, bool last)
{
    int64_t now = clock_mono_us();
    if (!p->on || (!last && now - p->shown_us < SHOW_US))
        return;
    p->shown_us = now;
    bar(done, total);
    fprintf(stderr, "%.1f MB  %" PRIu64 " keys  %.1f MB/s ", (double)bytes / 1e6, keys,
            (double)bytes / 1e6 / cli_progress_seconds(p));
    if (last)
        fputc('\n', stderr);
}

#include "commands/dump/migrate_link.h"

#include "base/clock.h"
#include "base/mem.h"
#include "session/hooks.h"
#include "session/info.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINKS_MAX 64
#define IDLE_MS   10000

/* -- The cache ------------------------------------------------------------------------------------------------------------ */

static struct migrate_link *cache[LINKS_MAX];
static size_t cached;

static void close_link(struct migrate_link *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    l->db = -1;
    l->reused = false;
}

static void free_link(struct migrate_link *l)
{
    close_link(l);
    mem_free(l->host);
    mem_free(l->port);
    mem_free(l);
}

struct migrate_link *migrate_link_take(struct slice host, struct slice port)
{
    for (size_t i = 0; i < cached; i++) {
        struct migrate_link *l = cache[i];
        if (!slice_eq(host, slice_str(l->host)) || !slice_eq(port, slice_str(l->port)))
            continue;
        cache[i] = cache[--cached];
        l->reused = true;
        return l;
    }
    struct migrate_link *l = mem_calloc(1, sizeof(*l));
    l->host = mem_strndup(host.p, host.n);
    l->port = mem_strndup(port.p, port.n);
    l->fd = -1;
    l->db = -1;
    return l;
}

void migrate_link_give(struct migrate_link *l)
{
    if (l->fd < 0) {
        free_link(l);
        return;
    }
    if (cached == LINKS_MAX)
        free_link(cache[--cached]);
    l->used_ms = clock_mono_us() / 1000;
    cache[cached++] = l;
}

static void on_cron(void *arg)
{
    int64_t now = clock_mono_us() / 1000;
    for (size_t i = cached; i-- > 0;) {
        if (now - cache[i]->used_ms <= IDLE_MS)
            continue;
        free_link(cache[i]);
        cache[i] = cache[--cached];
    }
}

static void info_links(struct buf *out)
{
    buf_printf(out, "migrate_cached_sockets:%zu\r\n", cached);
}

void migrate_link_start(void)
{
    hook_add(HOOK_CRON, on_cron);
    info_register("stats", info_links);
}

/* -- The network ----------------------------------------------------------------------------------------------------------- */

static bool wait_for(int fd, short events, int64_t timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    int got;
    do
        got = poll(&p, 1, timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms);
    while (got < 0 && errno == EINTR);
    if (got == 0)
        errno = ETIMEDOUT;
    return got > 0;
}

static int connect_to(const struct addrinfo *ai, int64_t timeout_ms)
{
    int one = 1, failed = 0;
    socklen_t n = sizeof(failed);
    int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);
    if (fd < 0)
        return -1;
    bool ok = connect(fd, ai->ai_addr, ai->ai_addrlen) == 0 || errno == EINPROGRESS;
    ok = ok && wait_for(fd, POLLOUT, timeout_ms) &&
         getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &n) == 0 && failed == 0;
    if (!ok) {
        close(fd);
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static bool connect_link(struct migrate_link *l, int64_t timeout_ms)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *all = NULL;
    if (getaddrinfo(l->host, l->port, &hints, &all) != 0)
        return false;
    for (const struct addrinfo *ai = all; ai && l->fd < 0; ai = ai->ai_next)
        l->fd = connect_to(ai, timeout_ms);
    freeaddrinfo(all);
    return l->fd >= 0;
}

static bool write_all(int fd, struct slice s, int64_t timeout_ms)
{
    while (s.n > 0) {
        ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
        if (n > 0)
            s = slice_make(s.p + n, s.n - (size_t)n);
        else if (n < 0 && errno == EINTR)
            continue;
        else if (!(n < 0 && errno == EAGAIN && wait_for(fd, POLLOUT, timeout_ms)))
            return false;
    }
    return true;
}

struct lines {
    int fd;
    int64_t timeout_ms;
    char in[4096];
    size_t at, n;
};

/* One line of the answer, cut to the room there is. All answers to what is sent are of one line. */
static bool read_line(struct lines *r, char out[MIGRATE_ANSWER_MAX])
{
    size_t n = 0;
    for (;;) {
        while (r->at < r->n) {
            char c = r->in[r->at++];
            if (c == '\n') {
                out[n] = 0;
                return true;
            }
            if (c != '\r' && n < MIGRATE_ANSWER_MAX - 1)
                out[n++] = c;
        }
        ssize_t got = recv(r->fd, r->in, sizeof(r->in), 0);
        if (got > 0) {
            r->at = 0;
            r->n = (size_t)got;
        } else if (got == 0) {
            errno = ECONNRESET;
            return false;
        } else if (errno != EINTR && !(errno == EAGAIN && wait_for(r->fd, POLLIN, r->timeout_ms))) {
            return false;
        }
    }
}

void migrate_put_array(struct buf *b, size_t n)
{
    buf_printf(b, "*%zu\r\n", n);
}

void migrate_put_bulk(struct buf *b, struct slice s)
{
    buf_printf(b, "$%zu\r\n", s.n);
    buf_put_slice(b, s);
    buf_put_str(b, "\r\n");
}

/* Everything up to the answers. select: the database has to be selected first. */
static bool write_batch(struct migrate_link *l, const struct migrate_batch *b, bool select)
{
    struct buf head = BUF_INIT;
    char text[32];
    buf_put_slice(&head, buf_slice(&b->auth));
    if (select) {
        migrate_put_array(&head, 2);
        migrate_put_bulk(&head, SLICE("SELECT"));
        snprintf(text, sizeof text, "%lld", (long long)b->db);
        migrate_put_bulk(&head, slice_str(text));
    }
    bool ok = write_all(l->fd, buf_slice(&head), b->timeout_ms) &&
              write_all(l->fd, buf_slice(&b->commands), b->timeout_ms);
    buf_free(&head);
    return ok;
}

static void note_error(struct migrate_batch *b, const char *line)
{
    if (!*b->error)
        memcpy(b->error, line + 1, strlen(line));
}

static bool read_batch(struct migrate_link *l, struct migrate_batch *b, bool select)
{
    char line[MIGRATE_ANSWER_MAX];
    struct lines r = {.fd = l->fd, .timeout_ms = b->timeout_ms};
    bool refused = false;
    for (int heads = (b->auth.n > 0) + select; heads > 0; heads--) {
        if (!read_line(&r, line))
            return false;
        if (*line == '-') {
            refused = true;
            note_error(b, line);
        }
    }
    for (; b->answered < b->n; b->answered++) {
        if (!read_line(&r, line))
            return false;
        if (*line == '-')
            note_error(b, line);
        b->accepted[b->answered] = !refused && *line != '-';
    }
    return true;
}

enum migrate_result migrate_link_send(struct migrate_link *l, struct migrate_batch *b)
{
    for (bool again = true;; again = false) {
        enum migrate_result failed = MIGRATE_NO_WRITE;
        if (l->fd < 0 && !connect_link(l, b->timeout_ms))
            return MIGRATE_NO_CONNECTION;
        bool select = l->db != b->db;
        b->answered = 0;
        *b->error = 0;
        if (write_batch(l, b, select)) {
            failed = MIGRATE_NO_READ;
            if (read_batch(l, b, select)) {
                l->db = *b->error ? -1 : b->db;
                return MIGRATE_SENT;
            }
        }
        /* What was sent may have been done, but once anything was answered it is known what. */
        bool retry = again && errno != ETIMEDOUT && b->answered == 0;
        close_link(l);
        if (!retry)
            return failed;
    }
}

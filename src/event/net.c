#include "event/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage storage;
};

static enum status socket_error(struct error *err, int errnum, const char *what)
{
    if (errnum == EADDRINUSE)
        return error_set(err, ST_BUSY, "%s: %s", what, strerror(errnum));
    if (errnum == EADDRNOTAVAIL)
        return error_set(err, ST_NOT_FOUND, "%s: %s", what, strerror(errnum));
    if (errnum == EAFNOSUPPORT || errnum == EPROTONOSUPPORT || errnum == EPFNOSUPPORT ||
        errnum == ESOCKTNOSUPPORT || errnum == ENOPROTOOPT)
        return error_set(err, ST_UNSUPPORTED, "%s: %s", what, strerror(errnum));
    return error_set_errno(err, errnum, "%s", what);
}

static enum status listen_on(const struct addrinfo *ai, int backlog, int *fd, struct error *err)
{
    int one = 1;
    int s = socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);
    if (s < 0)
        return socket_error(err, errno, "socket");
    const char *failed = NULL;
    if (ai->ai_family == AF_INET6 && setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) < 0)
        failed = "setsockopt IPV6_V6ONLY";
    else if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0)
        failed = "setsockopt SO_REUSEADDR";
    else if (bind(s, ai->ai_addr, ai->ai_addrlen) < 0)
        failed = "bind";
    else if (listen(s, backlog) < 0)
        failed = "listen";
    if (failed) {
        int errnum = errno;
        close(s);
        return socket_error(err, errnum, failed);
    }
    *fd = s;
    return ST_OK;
}

enum status net_listen_tcp(const char *addr, int port, int backlog, int *fd, struct error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    const char *node = addr;
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    if (!strcmp(addr, "*")) {
        hints.ai_family = AF_INET;
        node = NULL;
    } else if (!strcmp(addr, "::*")) {
        hints.ai_family = AF_INET6;
        node = NULL;
    } else if (strchr(addr, ':')) {
        hints.ai_family = AF_INET6;
    } else {
        hints.ai_family = AF_INET;
    }
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(node, service, &hints, &list);
    if (rc == EAI_ADDRFAMILY || rc == EAI_FAMILY)
        return error_set(err, ST_UNSUPPORTED, "%s", gai_strerror(rc));
    if (rc != 0)
        return error_set(err, ST_INVALID, "%s", gai_strerror(rc));
    enum status st = error_set(err, ST_INVALID, "no address");
    for (const struct addrinfo *ai = list; ai && st != ST_OK; ai = ai->ai_next)
        st = listen_on(ai, backlog, fd, err);
    freeaddrinfo(list);
    return st;
}

enum status net_listen_unix(const char *path, unsigned perm, int backlog, int *fd,
                            struct error *err)
{
    union address a = {.un = {.sun_family = AF_UNIX}};
    if (strlen(path) >= sizeof a.un.sun_path)
        return error_set(err, ST_TOO_LONG, "unix socket path: at most %zu bytes",
                         sizeof a.un.sun_path - 1);
    memcpy(a.un.sun_path, path, strlen(path) + 1);
    struct stat sb;
    if (stat(path, &sb) == 0 && S_ISSOCK(sb.st_mode))
        (void)unlink(path);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0)
        return socket_error(err, errno, "socket");
    const char *failed = NULL;
    if (bind(s, &a.any, sizeof a.un) < 0)
        failed = "bind";
    else if (perm && chmod(path, (mode_t)perm) < 0)
        failed = "chmod";
    else if (listen(s, backlog) < 0)
        failed = "listen";
    if (failed) {
        int errnum = errno;
        close(s);
        return socket_error(err, errnum, failed);
    }
    *fd = s;
    return ST_OK;
}

static bool bind_source(int s, int family, const char *source)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = family};
    struct addrinfo *list = NULL;
    int one = 1;
    if (!*source)
        return true;
    if (getaddrinfo(source, NULL, &hints, &list) != 0)
        return false;
    bool ok = setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
              bind(s, list->ai_addr, list->ai_addrlen) == 0;
    freeaddrinfo(list);
    return ok;
}

static enum status connect_to(const struct addrinfo *ai, const char *source, int *fd,
                              struct error *err)
{
    int s = socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);
    if (s < 0)
        return socket_error(err, errno, "socket");
    enum status st = ST_OK;
    if (!bind_source(s, ai->ai_family, source))
        st = socket_error(err, errno, "bind");
    else if (connect(s, ai->ai_addr, ai->ai_addrlen) < 0 && errno != EINPROGRESS)
        st = socket_error(err, errno, "connect");
    if (st == ST_OK)
        *fd = s;
    else
        close(s);
    return st;
}

enum status net_connect_tcp(const char *host, int port, const char *source, int *fd,
                            struct error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    int rc = getaddrinfo(host, service, &hints, &list);
    if (rc != 0)
        return error_set(err, ST_NOT_FOUND, "%s", gai_strerror(rc));
    enum status st = error_set(err, ST_NOT_FOUND, "no address");
    /* IPv4 first: a name like localhost often has an IPv6 address that nobody listens on. */
    for (int v6 = 0; v6 < 2 && st != ST_OK; v6++)
        for (const struct addrinfo *ai = list; ai && st != ST_OK; ai = ai->ai_next)
            if ((ai->ai_family == AF_INET6) == (v6 == 1))
                st = connect_to(ai, source, fd, err);
    freeaddrinfo(list);
    return st;
}

enum status net_connected(int fd, struct error *err)
{
    int errnum = 0;
    socklen_t n = sizeof errnum;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &n) < 0)
        errnum = errno;
    return errnum ? socket_error(err, errnum, "connect") : ST_OK;
}

int net_accept(int listen_fd)
{
    int fd;
    do
        fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    return fd;
}

void net_set_nodelay(int fd)
{
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

void net_set_keepalive(int fd, int seconds)
{
    int on = seconds > 0;
    int every = seconds / 3 > 0 ? seconds / 3 : 1;
    int count = 3;
    if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) < 0 || !on)
        return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

void net_set_mark(int fd, unsigned mark)
{
    if (mark)
        (void)setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark);
}

static void address_text(const union address *a, const char *unix_path, char *out, size_t n)
{
    char ip[INET6_ADDRSTRLEN] = "?";
    switch (a->any.sa_family) {
    case AF_INET:
        (void)inet_ntop(AF_INET, &a->in.sin_addr, ip, sizeof ip);
        snprintf(out, n, "%s:%d", ip, ntohs(a->in.sin_port));
        break;
    case AF_INET6:
        (void)inet_ntop(AF_INET6, &a->in6.sin6_addr, ip, sizeof ip);
        snprintf(out, n, "[%s]:%d", ip, ntohs(a->in6.sin6_port));
        break;
    case AF_UNIX:
        snprintf(out, n, "%s:0", unix_path);
        break;
    default:
        snprintf(out, n, "?:0");
    }
}

void net_peer_text(int fd, char *out, size_t n)
{
    union address a = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t len = sizeof a;
    (void)getpeername(fd, &a.any, &len);
    address_text(&a, "", out, n);
}

void net_local_text(int fd, const char *unix_path, char *out, size_t n)
{
    union address a = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t len = sizeof a;
    (void)getsockname(fd, &a.any, &len);
    address_text(&a, unix_path, out, n);
}

bool net_peer_is_local(int fd)
{
    union address a = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t len = sizeof a;
    if (getpeername(fd, &a.any, &len) < 0)
        return false;
    if (a.any.sa_family == AF_UNIX)
        return true;
    if (a.any.sa_family == AF_INET)
        return (ntohl(a.in.sin_addr.s_addr) >> 24) == 127;
    if (a.any.sa_family != AF_INET6)
        return false;
    if (IN6_IS_ADDR_V4MAPPED(&a.in6.sin6_addr))
        return a.in6.sin6_addr.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&a.in6.sin6_addr);
}

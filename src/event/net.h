/* Sockets: listening, accepting, and the options that a connection gets. Every descriptor is non-blocking and
 * close-on-exec. Thread: any. */
#ifndef ORBIT_EVENT_NET_H
#define ORBIT_EVENT_NET_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

/* addr: a numeric IPv4 or IPv6 address, a name, "*" (any IPv4) or "::*" (any IPv6). ST_BUSY: the address is in use;
 * ST_NOT_FOUND: this machine has no such address; ST_UNSUPPORTED: no such protocol. */
MUST_USE enum status net_listen_tcp(const char *addr, int port, int backlog, int *fd,
                                    struct error *err);
/* Removes a stale socket file of that name first. perm 0: as umask says. */
MUST_USE enum status net_listen_unix(const char *path, unsigned perm, int backlog, int *fd,
                                     struct error *err);
/* Resolves host and begins to connect; writable when it has come about or failed (net_connected). source: the address to come
 * from, "" for any. May wait for the resolver: for workers. */
MUST_USE enum status net_connect_tcp(const char *host, int port, const char *source, int *fd,
                                     struct error *err);
/* What became of it: ST_OK, or why it failed. */
MUST_USE enum status net_connected(int fd, struct error *err);
/* The next waiting connection, or -1 with errno (EAGAIN: none). */
int net_accept(int listen_fd);

void net_set_nodelay(int fd);
/* First probe after seconds of silence; 0: off. */
void net_set_keepalive(int fd, int seconds);
void net_set_mark(int fd, unsigned mark);

/* "1.2.3.4:5" and "[::1]:5" of both ends; for a unix socket "path:0". Cut to n bytes. */
void net_peer_text(int fd, char *out, size_t n);
void net_local_text(int fd, const char *unix_path, char *out, size_t n);
/* The peer is this machine (127.0.0.0/8, ::1, a unix socket). */
bool net_peer_is_local(int fd);

#endif

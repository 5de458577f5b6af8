/* One non-blocking stream connection, plain or TLS; its user sees no difference. The TLS handshake happens inside.
 * Thread: loop. */
#ifndef ORBIT_EVENT_CONN_H
#define ORBIT_EVENT_CONN_H

#include "base/buf.h"

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

struct conn;
struct loop;
struct tls_context;

struct conn_ops {
    void (*readable)(void *arg);
    void (*writable)(void *arg);                /* only while conn_want_write */
    void (*failed)(void *arg, const char *why); /* the handshake failed: close */
};

enum { CONN_EOF = 0, CONN_AGAIN = -1, CONN_ERROR = -2 };

/* Takes over fd. tls NULL: plain. ops must outlive it. */
struct conn *conn_accept(struct loop *l, int fd, struct tls_context *tls,
                         const struct conn_ops *ops, void *arg);
/* The same for a socket that connects (net_connect_tcp): writable is called once it has, and the handshake is over. */
struct conn *conn_connect(struct loop *l, int fd, struct tls_context *tls,
                          const struct conn_ops *ops, void *arg);
/* May be called inside its own callbacks. Accepts NULL. */
void conn_close(struct conn *c);
/* Bytes read, or one of the codes above. */
ssize_t conn_read(struct conn *c, void *p, size_t n);
/* Bytes written (at least one), CONN_AGAIN or CONN_ERROR. */
ssize_t conn_writev(struct conn *c, const struct iovec *iov, int n);
void conn_want_write(struct conn *c, bool on);
/* false: no readable callbacks for now. */
void conn_want_read(struct conn *c, bool on);
int conn_fd(const struct conn *c);
bool conn_is_tls(const struct conn *c);
/* What made the last call fail. */
const char *conn_error(const struct conn *c);
/* Appends the common name of the peer's certificate; false: there is none. */
bool conn_peer_name(const struct conn *c, struct buf *out);
/* Appends the peer's certificate as PEM; false: there is none. */
bool conn_peer_certificate(const struct conn *c, struct buf *out);

#endif

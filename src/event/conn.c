#include "event/conn.h"

#include "base/mem.h"
#include "event/loop.h"
#include "event/tls_priv.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>
#include <unistd.h>

/* TLS may have to write in order to read and the other way round; read_needs_write and write_needs_read remember that, and
 * the next event of that kind is then given to the waiting side. */

struct conn {
    struct loop *loop;
    struct loop_fd *watch;
    const struct conn_ops *ops;
    void *arg;
    SSL *ssl; /* NULL: plain */
    struct tls_context *tls;
    int fd;
    int error;
    unsigned depth;
    bool handshake, closed;
    bool want_read, want_write;
    bool progress; /* bytes were read since the last event */
    bool read_needs_write, write_needs_read;
};

static void update_interest(struct conn *c)
{
    int events = 0;
    if (c->want_read || c->write_needs_read || c->handshake)
        events |= LOOP_READ;
    if ((c->want_write && !c->handshake) || c->read_needs_write)
        events |= LOOP_WRITE;
    loop_fd_set(c->watch, events);
}

static void destroy(struct conn *c)
{
    if (c->ssl) {
        if (!c->handshake)
            (void)SSL_shutdown(c->ssl);
        ERR_clear_error();
        SSL_free(c->ssl);
        tls_context_unref(c->tls);
    }
    loop_fd_del(c->watch);
    close(c->fd);
    mem_free(c);
}

static const char *tls_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    return text ? text : "connection closed";
}

static void continue_handshake(struct conn *c)
{
    ERR_clear_error();
    int rc = SSL_do_handshake(c->ssl);
    if (rc == 1) {
        c->handshake = false;
        c->read_needs_write = false;
        update_interest(c);
        return;
    }
    switch (SSL_get_error(c->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        c->read_needs_write = false;
        break;
    case SSL_ERROR_WANT_WRITE:
        c->read_needs_write = true;
        break;
    default:
        c->ops->failed(c->arg, tls_reason());
        return;
    }
    update_interest(c);
}

static void on_event(void *arg, int got)
{
    struct conn *c = arg;
    c->depth++;
    if (c->handshake)
        continue_handshake(c);
    if (!c->handshake && !c->closed) {
        bool read = (got & LOOP_READ) || (c->read_needs_write && (got & LOOP_WRITE));
        bool write = (got & LOOP_WRITE) || (c->write_needs_read && (got & LOOP_READ));
        c->progress = false;
        if (read && c->want_read)
            c->ops->readable(c->arg);
        /* Bytes that OpenSSL has already taken from the socket give no further event. */
        while (c->ssl && c->progress && !c->closed && c->want_read && SSL_pending(c->ssl) > 0) {
            c->progress = false;
            c->ops->readable(c->arg);
        }
        if (write && !c->closed && c->want_write)
            c->ops->writable(c->arg);
    }
    if (--c->depth == 0 && c->closed)
        destroy(c);
}

static struct conn *conn_new(struct loop *l, int fd, struct tls_context *tls, bool accepted,
                             const struct conn_ops *ops, void *arg)
{
    struct conn *c = mem_calloc(1, sizeof *c);
    c->loop = l;
    c->fd = fd;
    c->ops = ops;
    c->arg = arg;
    c->want_read = true;
    if (tls) {
        c->ssl = SSL_new(tls->ctx);
        orbit_assert(c->ssl);
        SSL_set_verify(c->ssl, tls->verify, NULL);
        SSL_set_fd(c->ssl, fd);
        if (accepted)
            SSL_set_accept_state(c->ssl);
        else
            SSL_set_connect_state(c->ssl);
        tls__context_ref(tls);
        c->tls = tls;
        c->handshake = true;
    }
    c->watch = loop_fd_add(l, fd, LOOP_READ, on_event, c);
    return c;
}

struct conn *conn_accept(struct loop *l, int fd, struct tls_context *tls,
                         const struct conn_ops *ops, void *arg)
{
    return conn_new(l, fd, tls, true, ops, arg);
}

struct conn *conn_connect(struct loop *l, int fd, struct tls_context *tls,
                          const struct conn_ops *ops, void *arg)
{
    struct conn *c = conn_new(l, fd, tls, false, ops, arg);
    c->read_needs_write = tls != NULL; /* the handshake begins when the socket is connected */
    conn_want_write(c, true);
    return c;
}

void conn_close(struct conn *c)
{
    if (!c || c->closed)
        return;
    c->closed = true;
    if (c->depth == 0)
        destroy(c);
}

static ssize_t tls_result(struct conn *c, int rc, bool reading)
{
    switch (SSL_get_error(c->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        if (!reading)
            c->write_needs_read = true;
        break;
    case SSL_ERROR_WANT_WRITE:
        if (reading)
            c->read_needs_write = true;
        break;
    case SSL_ERROR_ZERO_RETURN:
        return CONN_EOF;
    case SSL_ERROR_SYSCALL:
        c->error = errno;
        return errno == 0 && reading ? CONN_EOF : CONN_ERROR;
    default:
        c->error = EPROTO;
        return CONN_ERROR;
    }
    update_interest(c);
    return CONN_AGAIN;
}

ssize_t conn_read(struct conn *c, void *p, size_t n)
{
    if (c->ssl) {
        ERR_clear_error();
        int rc = SSL_read(c->ssl, p, n > 0x40000000 ? 0x40000000 : (int)n);
        if (c->read_needs_write) {
            c->read_needs_write = false;
            update_interest(c);
        }
        c->progress |= rc > 0;
        return rc > 0 ? rc : tls_result(c, rc, true);
    }
    ssize_t got = read(c->fd, p, n);
    if (got >= 0)
        return got;
    if (errno == EAGAIN || errno == EINTR)
        return CONN_AGAIN;
    c->error = errno;
    return CONN_ERROR;
}

static ssize_t tls_writev(struct conn *c, const struct iovec *iov, int n)
{
    ssize_t total = 0;
    if (c->write_needs_read) {
        c->write_needs_read = false;
        update_interest(c);
    }
    for (int i = 0; i < n; i++) {
        if (iov[i].iov_len == 0)
            continue;
        size_t want = iov[i].iov_len > 0x40000000 ? 0x40000000 : iov[i].iov_len;
        ERR_clear_error();
        int rc = SSL_write(c->ssl, iov[i].iov_base, (int)want);
        if (rc <= 0) {
            ssize_t code = tls_result(c, rc, false);
            return total > 0 ? total : code;
        }
        total += rc;
        if ((size_t)rc < iov[i].iov_len)
            break;
    }
    return total;
}

ssize_t conn_writev(struct conn *c, const struct iovec *iov, int n)
{
    if (c->handshake)
        return CONN_AGAIN;
    if (c->ssl)
        return tls_writev(c, iov, n);
    ssize_t put = n == 1 ? write(c->fd, iov[0].iov_base, iov[0].iov_len) : writev(c->fd, iov, n);
    if (put >= 0)
        return put;
    if (errno == EAGAIN || errno == EINTR)
        return CONN_AGAIN;
    c->error = errno;
    return CONN_ERROR;
}

void conn_want_write(struct conn *c, bool on)
{
    if (c->want_write == on)
        return;
    c->want_write = on;
    update_interest(c);
}

void conn_want_read(struct conn *c, bool on)
{
    if (c->want_read == on)
        return;
    c->want_read = on;
    update_interest(c);
}

int conn_fd(const struct conn *c)
{
    return c->fd;
}

bool conn_is_tls(const struct conn *c)
{
    return c->ssl != NULL;
}

const char *conn_error(const struct conn *c)
{
    return c->error ? strerror(c->error) : "connection closed";
}

bool conn_peer_name(const struct conn *c, struct buf *out)
{
    X509 *cert = c->ssl ? SSL_get0_peer_certificate(c->ssl) : NULL;
    if (!cert)
        return false;
    char name[256];
    int n = X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name,
                                      (int)sizeof name);
    if (n <= 0)
        return false;
    buf_put(out, name, (size_t)n);
    return true;
}

bool conn_peer_certificate(const struct conn *c, struct buf *out)
{
    X509 *cert = c->ssl ? SSL_get0_peer_certificate(c->ssl) : NULL;
    BIO *text = cert ? BIO_new(BIO_s_mem()) : NULL;
    char *p = NULL;
    long n = text && PEM_write_bio_X509(text, cert) ? BIO_get_mem_data(text, &p) : 0;
    if (n > 0)
        buf_put(out, p, (size_t)n);
    BIO_free(text);
    return n > 0;
}

/* An HTTP/1.1 server (libevent's evhttp inside). It reads requests whole, hands each to its user outside of libevent, and takes
 * the answer whenever it comes: at once or later, in one piece or in chunks. Persistent connections and requests sent ahead are
 * its business; the requests of one connection come one after the other, each when the former is answered.
 *
 * A request belongs to the user until http_reply, http_end or http_drop, or until gone was called: then the client has hung up
 * and the handle is dead. Thread: loop. */
#ifndef ORBIT_EVENT_HTTP_H
#define ORBIT_EVENT_HTTP_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>

struct http_request;
struct http_server;
struct loop;
struct tls_context;

struct http_limits {
    size_t max_header;        /* bytes of request line and headers */
    size_t max_body;          /* bytes; more is answered with 413 */
    unsigned max_connections; /* beyond it new ones wait to be accepted */
    int idle_s; /* a connection on which nothing moves for so long is closed; 0: never */
};

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_PATCH
};

/* A request has come. */
typedef void (*http_request_fn)(void *arg, struct http_request *r);

struct http_server *http_server_new(struct loop *l, const struct http_limits *limits,
                                    http_request_fn fn, void *arg);
/* Closes everything, without a word to owners of requests. Accepts NULL. */
void http_server_free(struct http_server *s);
void http_server_set_limits(struct http_server *s, const struct http_limits *limits);
/* Connections to come speak TLS with this context; NULL: plain. A reference is taken. */
void http_server_set_tls(struct http_server *s, struct tls_context *tls);
/* Opens one more address, see net_listen_tcp; port 0: any. */
MUST_USE enum status http_server_listen(struct http_server *s, const char *addr, int port,
                                        int backlog, struct error *err);
/* Connections go on. */
void http_server_unlisten(struct http_server *s);
/* Lets what was answered leave, for at most timeout_ms; new requests are not looked at. For the end of the process. */
void http_server_drain(struct http_server *s, int timeout_ms);
size_t http_server_connections(struct http_server *s);

/* -- Requests: slices live as long as the request ------------------------------------------------------------------------- */

enum http_method http_method(const struct http_request *r);
/* As sent: percent-encoded, without query. */
struct slice http_path(const struct http_request *r);
/* What stands behind '?'; empty: nothing. */
struct slice http_query(const struct http_request *r);
/* Any case; p NULL: there is none. */
struct slice http_header(const struct http_request *r, const char *name);
struct slice http_body(const struct http_request *r);
int http_fd(const struct http_request *r);
bool http_is_tls(const struct http_request *r);

/* -- Answers -------------------------------------------------------------------------------------------------------------- */

/* Copies. Before the answer begins; value must hold no line breaks. */
void http_set_header(struct http_request *r, const char *name, const char *value);
/* The whole answer; copies body. The handle is dead afterwards. */
void http_reply(struct http_request *r, int code, struct slice body);
/* An answer in pieces: start, then chunks (copied, not empty), then end, after which the handle is dead. */
void http_start(struct http_request *r, int code);
void http_chunk(struct http_request *r, struct slice bytes);
void http_end(struct http_request *r);
/* Closes the connection without an answer, or in the midst of one. The handle is dead afterwards. */
void http_drop(struct http_request *r);

struct http_watch {
    void (*gone)(void *arg); /* the client hung up; the handle is dead when it returns */
    /* Everything given to http_chunk since the last call has left. */
    void (*drained)(void *arg);
};
/* ops must live as long as the request. */
void http_watch(struct http_request *r, const struct http_watch *ops, void *arg);

#endif

/* One request, shared by the files of this folder.
 *
 *   http__call_new --guard--> begin --> [AUTH] [SELECT] next next ... --> done --tick's end--> answer leaves, freed
 *                                            |  ^
 *                                            v  |
 *                                     blocked or postponed */
#ifndef ORBIT_WIRE_HTTP_PRIV_H
#define ORBIT_WIRE_HTTP_PRIV_H

#include "base/arena.h"
#include "base/list.h"
#include "event/http.h"
#include "session/session.h"
#include "wire/http/command_codec.h"
#include "wire/http/http.h"
#include "wire/http/tape_codec.h"

struct http_call;
struct query;

/* What a route does. */
struct http_handler {
    /* Reads the request. False: http__fail was called. May be NULL. */
    bool (*begin)(struct http_call *c);
    /* Sets argv and argc to the next command; the reply to the former one stands in the tape from reply_at on. False: there is
     * none, and the tape is the answer, or http__fail was called. NULL: the route runs no commands, and answers by itself. */
    bool (*next)(struct http_call *c);
};

struct http_route {
    enum http_method method;
    const char *path;  /* "/a/{b}": the rest of the path is the parameter */
    const char *param; /* name of the parameter; NULL: none */
    bool open;         /* for everybody: direct answers, without a session */
    const struct http_handler *handler;
    void (*direct)(struct http_request *r);          /* of open routes */
    const char *operation, *summary, *body, *answer; /* for the description; schemas, NULL: none */
};
extern const struct http_route http__routes[];
extern const size_t http__nroutes;

enum http_wait { HTTP_RUNS, HTTP_BLOCKED, HTTP_POSTPONED };

struct http_call {
    struct sink sink;
    struct session *s;
    struct http_request *req; /* NULL: the client is gone */
    const struct http_route *route;
    struct slice param; /* decoded */
    struct arena *arena;
    struct list_node link;       /* all calls */
    struct list_node queue_link; /* has something for the end of the tick */

    int phase; /* of what precedes the route's own commands */
    int step;  /* the handler's own */
    struct slice *argv;
    int argc;
    int64_t db;
    struct http_commands commands;
    struct http_put put;
    struct slice type;        /* of the key */
    struct slice first_error; /* while a transaction was queued */
    struct query *query;      /* it runs */
    uint64_t rows;            /* given away so far */

    struct buf tape; /* the answer */
    size_t reply_at; /* where the running command's reply begins */
    size_t dropped;  /* elements of a push or an attribute to come */
    int status;

    struct tape_writer *writer; /* the answer is on its way in pieces */
    struct buf out;

    enum http_wait waits;
    bool pending; /* argv is not answered yet */
    bool busy;    /* on the stack */
    bool streams; /* a query's rows are on their way */
    bool done, wrote;
    bool closing;     /* without an answer */
    bool close_after; /* the answer is the connection's last */
    bool head;        /* HEAD: no body */
    bool credentials; /* came with an Authorization header */
};

extern struct http_env http__env;
extern const struct sink_ops http__sink_ops;

/* http_call.c */
void http__call_new(struct http_request *r, const struct http_route *route, struct slice rest);
/* Ends the call with this error ("CODE message"); status 0: by its code. */
void http__fail(struct http_call *c, int status, struct slice text);
void http__failf(struct http_call *c, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The answer is complete (or failed): it leaves with the tick. */
void http__done(struct http_call *c);
/* The running command's reply: its first item. */
enum tape_kind http__reply(const struct http_call *c, uint64_t *n, struct slice *text);
/* True: it is an error, and the call has failed with it. */
bool http__reply_failed(struct http_call *c);
void http__call_init(void);
/* The server stops: answers all calls; frees them. */
void http__calls_end(void);
void http__calls_free(void);

/* http_route.c */
void http__on_request(void *arg, struct http_request *r);
void http__answer_error(struct http_request *r, int status, struct slice text);
void http__answer_json(struct http_request *r, int status, struct slice json);
int http__status_of(struct slice error);

/* Everything was given to the connection: the call goes at the tick's end. */
void http__left(struct http_call *c);

/* http_query.c: the client of a query has taken all rows so far; goes. */
void http__query_drained(struct http_call *c);
void http__query_drop(struct http_call *c);

/* http_guard.c: false: the call has failed. */
bool http__guard(struct http_call *c);

/* http_openapi.c, http_health.c */
void http__openapi(struct http_request *r);
void http__health(struct http_request *r);
void http__live(struct http_request *r);
void http__ready(struct http_request *r);

extern const struct http_handler http__command_handler, http__key_get_handler,
    http__key_put_handler, http__key_delete_handler, http__query_handler;

#endif

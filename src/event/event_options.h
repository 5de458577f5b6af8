/* Options of the event layer: where the server listens, and TLS. */
#ifndef ORBIT_EVENT_EVENT_OPTIONS_H
#define ORBIT_EVENT_EVENT_OPTIONS_H

#include "config/config.h"

enum event_tls_auth { EVENT_TLS_AUTH_NO, EVENT_TLS_AUTH_YES, EVENT_TLS_AUTH_OPTIONAL };

struct event_options {
#include "config/declare_fields.h"

#include "event/options.def"

#include "config/declare_end.h"
};
extern struct event_options event_opts;

/* The words of "bind". */
#define EVENT_BIND_MAX 16
struct event_bind {
    char *address[EVENT_BIND_MAX];
    size_t n;
};
extern struct event_bind event_bind;

void event_options_register(void);

#endif

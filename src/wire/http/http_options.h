/* Options of the HTTP listeners. */
#ifndef ORBIT_WIRE_HTTP_HTTP_OPTIONS_H
#define ORBIT_WIRE_HTTP_HTTP_OPTIONS_H

#include "config/config.h"

struct http_options {
#include "config/declare_fields.h"

#include "wire/http/options.def"

#include "config/declare_end.h"
};
extern struct http_options http_opts;

#define HTTP_PORT_DEFAULT    8080
#define HTTP_METRICS_DEFAULT 9090

void http_options_register(void);

#endif

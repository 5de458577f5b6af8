/* Options of RESP clients: limits of connections and buffers. */
#ifndef ORBIT_WIRE_RESP_RESP_OPTIONS_H
#define ORBIT_WIRE_RESP_RESP_OPTIONS_H

#include "config/config.h"

struct resp_options {
#include "config/declare_fields.h"

#include "wire/resp/options.def"

#include "config/declare_end.h"
};
extern struct resp_options resp_opts;

enum resp_client_class { RESP_CLASS_NORMAL, RESP_CLASS_REPLICA, RESP_CLASS_PUBSUB, RESP_CLASSES };
struct resp_output_limit {
    uint64_t hard_bytes, soft_bytes; /* 0: none */
    int64_t soft_seconds;
};
extern struct resp_output_limit resp_output_limits[RESP_CLASSES];

void resp_options_register(void);

#endif

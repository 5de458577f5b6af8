/* What each protocol calls a status: one row per status, one column per protocol. */
#ifndef ORBIT_WIRE_ERROR_MAP_H
#define ORBIT_WIRE_ERROR_MAP_H

#include "base/status.h"

struct wire_error {
    const char *resp;     /* first word of an error reply */
    const char *sqlstate; /* PostgreSQL */
    int mysql_errno;
    int cql;
    int http;
    int grpc;
    const char *bolt;
};

/* Never NULL. */
const struct wire_error *wire_error(enum status st);

#endif

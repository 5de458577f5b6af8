#include "wire/error_map.h"

static const struct wire_error rows[] = {
#define ERROR_MAP(st, resp, sqlstate, mysql, cql, http, grpc, bolt)                                \
    [st] = {resp, sqlstate, mysql, cql, http, grpc, bolt},
#include "wire/error_map.def"
#undef ERROR_MAP
};

/* No default: a status without a row is a compiler warning. */
const struct wire_error *wire_error(enum status st)
{
    switch (st) {
#define ERROR_MAP(name, resp, sqlstate, mysql, cql, http, grpc, bolt)                              \
    case name:                                                                                     \
        return &rows[name];
#include "wire/error_map.def"
#undef ERROR_MAP
    }
    return &rows[ST_INTERNAL];
}

/* The one value model: what query engines, procedures, listeners and modules pass to each other.
 *
 * A struct value is 16 bytes and borrows what it points to: arenas, batches or static memory, of the caller's choosing. Copying
 * the struct copies no bytes; value_copy makes a deep copy in an arena. Times are kept apart from their zones as ISO 8601 sees
 * them. Nothing here knows a language: null rules, casts and comparison with three truth values are the engines' own.
 *
 * Pure; thread: any. Statically linked, with hidden symbols, into the server and into each module. */
#ifndef ORBIT_VALUE_VALUE_H
#define ORBIT_VALUE_VALUE_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"

/* In the order in which kinds are sorted, but that all numbers are one. The numbers are part of the binary form. */
enum value_kind {
    VALUE_NULL = 0, /* sorted behind everything */
    VALUE_BOOL = 1,
    VALUE_INT = 2,
    VALUE_FLOAT = 3,
    VALUE_DECIMAL =
        4, /* canonical text: [-]digits[.digits], no zeros in front; the scale is kept: 1.50 */
    VALUE_STRING = 5, /* UTF-8 */
    VALUE_BYTES = 6,
    VALUE_DATE = 7,       /* days since 1970-01-01 */
    VALUE_TIME = 8,       /* nanoseconds of the day, and seconds east of UTC */
    VALUE_LOCAL_TIME = 9, /* nanoseconds of the day */
    VALUE_LOCAL_DATETIME =
        10,              /* seconds since 1970 as a clock on the wall shows them, nanoseconds */
    VALUE_DATETIME = 11, /* an instant with an offset and perhaps a zone */
    VALUE_DURATION = 12,
    VALUE_UUID = 13,
    VALUE_ARRAY = 14,
    VALUE_OBJECT = 15, /* members in the order given, names unique */
    VALUE_NODE = 16,
    VALUE_REL = 17,
    VALUE_PATH = 18,   /* node, relationship, node ...: an odd number of items */
    VALUE_VECTOR = 19, /* float32 */
    VALUE_KINDS
};

struct value_member;
struct value_instant {
    int64_t seconds;   /* since 1970-01-01T00:00:00Z */
    int32_t nanos;     /* 0..999999999 */
    int32_t offset;    /* seconds east of UTC */
    struct slice zone; /* "Europe/Oslo"; n 0: none */
};
struct value_duration {
    int64_t months, days, seconds;
    int32_t nanos; /* 0..999999999 */
};
struct value_node;
struct value_rel;

struct value {
    uint8_t kind; /* enum value_kind */
    uint8_t tag;  /* the engine's own, 0: none; neither compared nor written */
    uint16_t spare;
    uint32_t
        n; /* bytes, items, members, elements; of LOCAL_DATETIME the nanoseconds, of TIME the offset (int32_t) */
    union {
        bool b;
        int64_t i;
        double f;
        const char *p; /* DECIMAL, STRING, BYTES, UUID (16 bytes) */
        const struct value *items;
        const struct value_member *members;
        const struct value_instant *instant;
        const struct value_duration *duration;
        const struct value_node *node;
        const struct value_rel *rel;
        const float *vector;
    } u;
};

struct value_member {
    struct slice name;
    struct value value;
};
struct value_node {
    uint64_t id;
    const struct slice *labels;
    size_t nlabels;
    const struct value_member *properties;
    size_t nproperties;
};
struct value_rel {
    uint64_t id, start, end; /* of the relationship, and of its nodes */
    struct slice type;
    const struct value_member *properties;
    size_t nproperties;
};

#define VALUE_DEPTH_MAX 128        /* of arrays and objects in each other, in every reader */
#define VALUE_BYTES_MAX UINT32_MAX /* of one string */

/* -- Making --------------------------------------------------------------------------------------------------------------- */

static inline struct value value_null(void)
{
    return (struct value){.kind = VALUE_NULL};
}
static inline struct value value_bool(bool b)
{
    return (struct value){.kind = VALUE_BOOL, .u.b = b};
}
static inline struct value value_int(int64_t i)
{
    return (struct value){.kind = VALUE_INT, .u.i = i};
}
static inline struct value value_float(double f)
{
    return (struct value){.kind = VALUE_FLOAT, .u.f = f};
}
/* s.n must not exceed VALUE_BYTES_MAX. */
static inline struct value value_string(struct slice s)
{
    return (struct value){.kind = VALUE_STRING, .n = (uint32_t)s.n, .u.p = s.p};
}
static inline struct value value_bytes(struct slice s)
{
    return (struct value){.kind = VALUE_BYTES, .n = (uint32_t)s.n, .u.p = s.p};
}
static inline struct value value_date(int64_t days)
{
    return (struct value){.kind = VALUE_DATE, .u.i = days};
}
static inline struct value value_time(int64_t nanos_of_day, int32_t offset)
{
    return (struct value){.kind = VALUE_TIME, .n = (uint32_t)offset, .u.i = nanos_of_day};
}
static inline struct value value_local_time(int64_t nanos_of_day)
{
    return (struct value){.kind = VALUE_LOCAL_TIME, .u.i = nanos_of_day};
}
static inline struct value value_local_datetime(int64_t seconds, uint32_t nanos)
{
    return (struct value){.kind = VALUE_LOCAL_DATETIME, .n = nanos, .u.i = seconds};
}
static inline struct value value_datetime(const struct value_instant *t)
{
    return (struct value){.kind = VALUE_DATETIME, .u.instant = t};
}
static inline struct value value_duration(const struct value_duration *d)
{
    return (struct value){.kind = VALUE_DURATION, .u.duration = d};
}
static inline struct value value_uuid(const void *sixteen_bytes)
{
    return (struct value){.kind = VALUE_UUID, .n = 16, .u.p = sixteen_bytes};
}
static inline struct value value_array(const struct value *items, size_t n)
{
    return (struct value){.kind = VALUE_ARRAY, .n = (uint32_t)n, .u.items = items};
}
static inline struct value value_object(const struct value_member *members, size_t n)
{
    return (struct value){.kind = VALUE_OBJECT, .n = (uint32_t)n, .u.members = members};
}
static inline struct value value_node(const struct value_node *node)
{
    return (struct value){.kind = VALUE_NODE, .u.node = node};
}
static inline struct value value_rel(const struct value_rel *rel)
{
    return (struct value){.kind = VALUE_REL, .u.rel = rel};
}
static inline struct value value_path(const struct value *items, size_t n)
{
    return (struct value){.kind = VALUE_PATH, .n = (uint32_t)n, .u.items = items};
}
static inline struct value value_vector(const float *v, size_t n)
{
    return (struct value){.kind = VALUE_VECTOR, .n = (uint32_t)n, .u.vector = v};
}
/* Text of a decimal, any number of zeros in front, no exponent; borrows the canonical part. False: it is none. */
MUST_USE bool value_decimal(struct slice text, struct value *out);

/* -- Reading -------------------------------------------------------------------------------------------------------------- */

/* Bytes of DECIMAL, STRING, BYTES and UUID. */
static inline struct slice value_slice(const struct value *v)
{
    return slice_make(v->u.p, v->n);
}
static inline bool value_is_number(const struct value *v)
{
    return v->kind >= VALUE_INT && v->kind <= VALUE_DECIMAL;
}
/* The member of an object with this name; NULL: none. */
const struct value *value_get(const struct value *object, struct slice name);
/* A number as the nearest double. 0 when it is none. */
double value_to_double(const struct value *v);
/* "integer", "string", "node": for messages and column descriptions. */
const char *value_kind_name(enum value_kind kind);

/* Deep copy; *out points into a and nowhere else. False: a has no room (its limit), *out is untouched. */
MUST_USE bool value_copy(struct arena *a, const struct value *v, struct value *out);
/* Roughly what a deep copy takes. */
size_t value_size(const struct value *v);

/* -- Order and hash ------------------------------------------------------------------------------------------------------- */

/* A total order over all values: by kind, numbers by what they are worth whatever their kind (exactly; NaN behind all of them,
 * -0 equals 0), strings and bytes by their bytes, datetimes by the instant, then the offset, then the zone, durations by their
 * average length and then by parts, arrays and vectors by items, objects by their members in order of name, nodes and
 * relationships by id. */
int value_cmp(const struct value *a, const struct value *b);
static inline bool value_eq(const struct value *a, const struct value *b)
{
    return value_cmp(a, b) == 0;
}
/* Equal values have equal hashes. The same seed gives the same hash in every process. */
uint64_t value_hash(const struct value *v, uint64_t seed);

#endif

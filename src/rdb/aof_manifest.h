/* The manifest of a redis-server's append-only files: which files make up the data set, in which order.
 * Pure; thread: any. */
#ifndef ORBIT_RDB_AOF_MANIFEST_H
#define ORBIT_RDB_AOF_MANIFEST_H

#include "base/slice.h"
#include "base/status.h"

/* The files to read, in this order: the base, if there is one, then what came after it. */
struct aof_manifest {
    char **names; /* plain file names, never paths */
    size_t n;
    bool has_base; /* names[0] */
};

/* Parses text into m, which aof_manifest_free empties. Files that are history already are left out. ST_CORRUPT: m is empty. */
MUST_USE enum status aof_manifest_parse(struct slice text, struct aof_manifest *m,
                                        struct error *err);
/* A manifest of one base file. */
void aof_manifest_single(struct aof_manifest *m, const char *name);
void aof_manifest_free(struct aof_manifest *m);

#endif

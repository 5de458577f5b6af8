/* A redis-server's append-only files, found in dir and executed. They are read and never written. Thread: loop. */
#ifndef ORBIT_SERVER_AOF_LOAD_H
#define ORBIT_SERVER_AOF_LOAD_H

#include "base/status.h"
#include "rdb/aof_manifest.h"

#include <stdbool.h>
#include <stdint.h>

struct kv;

struct aof_files {
    struct aof_manifest manifest;
    uint64_t bytes;
    uint64_t
        print; /* of names, sizes and times of change: another one when the files have changed */
};

/* Where they would begin: a manifest, or one file of an older version. NULL: neither is there. */
const char *aof_files_path(void);
/* Reads the manifest and looks whether every file is there; aof_files_free when done. ST_NOT_FOUND, ST_CORRUPT, ST_IO... */
MUST_USE enum status aof_files_open(struct aof_files *files, struct error *err);
/* Executes them; events are served meanwhile. Ends with a fold: the log hears nothing of it. The data set has to be empty; on
 * failure a part is loaded. */
MUST_USE enum status aof_files_load(struct kv *kv, const struct aof_files *files,
                                    struct error *err);
void aof_files_free(struct aof_files *files);

#endif

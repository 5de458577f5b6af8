/* The small JSON file beside a provider's data that tells people and tools what the directory holds. Nothing reads it back:
 * what the provider needs stands in its own files. */
#ifndef ORBIT_STORAGE_MANIFEST_H
#define ORBIT_STORAGE_MANIFEST_H

#include "storage/storage.h"

struct stor_manifest_field {
    const char *name;
    int64_t value;
};

/* Replaces dir/file with provider, engine, the names of the spaces and the fields. */
MUST_USE enum status stor_manifest_write(const char *dir, const char *file, const char *provider,
                                         const char *engine, const struct stor_config *cfg,
                                         const struct stor_manifest_field *fields, size_t nfields,
                                         struct error *err);

#endif

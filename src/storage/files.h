/* Directories and whole files, as providers need them: 0750 directories, 0640 files, atomic replacement. */
#ifndef ORBIT_STORAGE_FILES_H
#define ORBIT_STORAGE_FILES_H

#include "base/buf.h"
#include "base/status.h"

/* Makes the directory and its parents (0750). An existing one must be a directory that can be written and searched, unless
 * read_only. */
MUST_USE enum status stor_dir_make(const char *path, bool read_only, struct error *err);
/* Replaces path with the bytes: temporary file beside it, sync, rename, sync of the directory. */
MUST_USE enum status stor_file_replace(const char *path, struct slice bytes, struct error *err);
/* Appends the whole file to out. ST_NOT_FOUND (err untouched): there is none. */
MUST_USE enum status stor_file_read(const char *path, struct buf *out, struct error *err);
/* Syncs a directory, so that names in it survive a power cut. */
MUST_USE enum status stor_dir_sync(const char *path, struct error *err);
/* Bytes of the regular files in a directory, not counting subdirectories' subdirectories. */
uint64_t stor_dir_bytes(const char *path);
/* "dir/name" on the heap. */
char *stor_path_join(const char *dir, const char *name);

#endif

/* Whole-buffer compression of backup and snapshot files. */
#ifndef ORBIT_STORAGE_COMPRESS_H
#define ORBIT_STORAGE_COMPRESS_H

#include "base/buf.h"
#include "base/status.h"
#include "storage/options.h"

enum stor_compression { STOR_PLAIN, STOR_GZIP, STOR_LZ4, STOR_ZSTD };

/* Words of the option: Gzip, Lz4, Zstd, None. */
extern const struct stor_option_word stor_compression_words[];

/* Appends the compressed bytes to out. Each form but STOR_PLAIN carries a checksum. */
MUST_USE enum status stor_compress(enum stor_compression how, struct slice in, struct buf *out,
                                   struct error *err);
/* Appends the plain bytes to out; the form is told from the first bytes. ST_CORRUPT: damaged or cut off. */
MUST_USE enum status stor_decompress(struct slice in, struct buf *out, struct error *err);

#endif

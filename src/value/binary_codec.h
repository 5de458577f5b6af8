/* Values as compact bytes, and back: for spilling to disk and for handing rows on. Not for files that outlive the process.
 *
 *   value  kind (1), then by kind: integers as zigzag varints; floats as 8 bytes, little endian; strings, bytes and decimals as
 *          length and bytes; arrays, objects and paths as count and items.
 *
 * Every byte sequence is read safely: lengths, depth, kinds and text are checked. Pure; thread: any. */
#ifndef ORBIT_VALUE_BINARY_CODEC_H
#define ORBIT_VALUE_BINARY_CODEC_H

#include "base/buf.h"
#include "base/reader.h"
#include "value/value.h"

/* Appends v. */
void value_binary_write(const struct value *v, struct buf *out);
/* Reads one value from r; *out points into a and nowhere else. ST_CORRUPT: it is none; ST_NO_MEMORY: a's limit. */
MUST_USE enum status value_binary_read(struct reader *r, struct arena *a, struct value *out,
                                       struct error *err);

#endif

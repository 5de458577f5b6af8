/* The smallest parts of the dump format: lengths, strings, numbers, and the frame of a DUMP payload.
 *
 * Readers borrow: what they give is valid as long as the input, or the scratch buffer, is. Bad input sets the reader's bad flag.
 * Pure; thread: any. */
#ifndef ORBIT_RDB_RDB_CODEC_H
#define ORBIT_RDB_RDB_CODEC_H

#include "base/buf.h"
#include "base/reader.h"
#include "base/slice.h"

void rdb_put_len(struct buf *b, uint64_t n);
/* compress: tries LZF from 21 bytes on (rdbcompression). Short canonical integers are written as integers. */
void rdb_put_string(struct buf *b, struct slice s, bool compress);
/* An integer, as a string. */
void rdb_put_int_string(struct buf *b, int64_t v);
/* Bytes as they are, only with a length. */
void rdb_put_raw_string(struct buf *b, struct slice s);
void rdb_put_double(struct buf *b, double v);

uint64_t rdb_get_len(struct reader *r);
/* The string's bytes; scratch holds them when they are not in the input as they are. scratch is emptied first. */
struct slice rdb_get_string(struct reader *r, struct buf *scratch);
/* Goes past a string without decoding it. */
void rdb_skip_string(struct reader *r);
double rdb_get_double(struct reader *r);
/* The double as text of the sorted sets of old versions. */
double rdb_get_text_double(struct reader *r);
void rdb_skip_text_double(struct reader *r);

/* Ends a payload of DUMP or FUNCTION DUMP: version and checksum behind what b holds from byte `from` on. */
void rdb_payload_seal(struct buf *b, size_t from);
/* False: too short, made by a newer version, or the checksum is wrong ("DUMP payload version or checksum are wrong"). body:
 * what was sealed. skip_checksum: DEBUG SET-SKIP-CHECKSUM-VALIDATION. */
bool rdb_payload_open(struct slice payload, bool skip_checksum, struct slice *body);

#endif

/* Shared by the encoder's files. */
#ifndef ORBIT_RDB_RDB_ENCODE_PRIV_H
#define ORBIT_RDB_RDB_ENCODE_PRIV_H

#include "rdb/rdb_encode.h"

/* Empties the buffer when it is full. */
enum status rdb__out_check(struct rdb_out *o, struct error *err);
enum status rdb__encode_stream(struct kv_rec *r, struct rdb_out *o, struct error *err);

#endif

/* Values as JSON text, and back.
 *
 * What JSON has no form for is written as text or object: decimals as numbers, bytes in base64, times and durations in ISO 8601,
 * uuids in their usual form, NaN and infinities as null, nodes as {"id","labels","properties"}, relationships as
 * {"id","type","start","end","properties"}, paths and vectors as arrays. Reading gives null, booleans, integers, floats, strings,
 * arrays and objects only; strings and names are valid UTF-8. Pure; thread: any. */
#ifndef ORBIT_VALUE_JSON_CODEC_H
#define ORBIT_VALUE_JSON_CODEC_H

#include "base/buf.h"
#include "value/value.h"

/* Appends v. */
void value_json_write(const struct value *v, struct buf *out);
/* Appends s as a quoted JSON string; bytes that are no UTF-8 become U+FFFD. */
void value_json_string(struct slice s, struct buf *out);
/* Reads one value of any kind with nothing but blanks around it; *out points into a. ST_SYNTAX: the message has line and column;
 * ST_RANGE: a number too large for int64 or double; ST_TOO_LONG: nested deeper than VALUE_DEPTH_MAX; ST_NO_MEMORY: a's limit. */
MUST_USE enum status value_json_read(struct slice text, struct arena *a, struct value *out,
                                     struct error *err);

#endif

/* Scalars as text: times and durations in ISO 8601, uuids, numbers. Pure; thread: any. */
#ifndef ORBIT_VALUE_TEXT_H
#define ORBIT_VALUE_TEXT_H

#include "base/buf.h"
#include "value/value.h"

/* Appends a scalar as a person reads it: strings as they are, bytes as \x and hexadecimal digits, null as nothing, floats so that
 * they read back as the same number. False, nothing appended: it is no scalar. */
bool value_text(const struct value *v, struct buf *out);

/* The Gregorian calendar without end on both sides, years counted as astronomers do. */
void value_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);
int64_t value_days_from_civil(int64_t year, unsigned month, unsigned day);

#endif

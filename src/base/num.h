/* Strict number parsing and formatting, with Redis's rules: no spaces, no leading zeros or '+', whole input used. */
#ifndef ORBIT_BASE_NUM_H
#define ORBIT_BASE_NUM_H

#include "base/slice.h"

#define NUM_BUF 64 /* enough for every num_format_* except num_format_ldouble */

/* "0", "-5", "123": canonical decimal int64 only (so that formatting gives the same bytes back). */
bool num_parse_int(struct slice s, int64_t *out);
bool num_parse_uint(struct slice s, uint64_t *out);
/* strtod/strtold over the whole input; no leading space; inf allowed; nan refused. */
bool num_parse_double(struct slice s, double *out);
bool num_parse_ldouble(struct slice s, long double *out);
/* "1024", "64mb", "1gb", "512k" (k=1000, kb=1024, ...), case-insensitive, not negative. */
bool num_parse_memory(struct slice s, uint64_t *out);
/* Decimal text; returns the length. out has NUM_BUF bytes; NUL-terminated. */
size_t num_format_int(char *out, int64_t v);
/* Text that reads back as the same double, nearly always the shortest, digit for digit as Redis's RESP3 doubles and scores
 * ("inf", "-inf", "nan"). */
size_t num_format_double(char *out, double v);
/* The same, but whole numbers with many zeros at the end get an exponent too: "1e+15". */
size_t num_format_shortest(char *out, double v);
/* "%.17Lf" without trailing zeros, as INCRBYFLOAT answers; out has 5 * 1024 bytes. */
size_t num_format_ldouble(char *out, long double v);
#define NUM_LDOUBLE_BUF (5 * 1024)
unsigned num_digits(uint64_t v);

#endif

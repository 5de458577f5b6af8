#include "base/num.h"

#include "base/compiler.h"
#include "base/num_priv.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char digit_pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

static const double pow10_exact[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

bool num_parse_uint(struct slice s, uint64_t *out)
{
    if (s.n == 0 || s.n > 20)
        return false;
    unsigned first = (unsigned)(unsigned char)s.p[0] - '0';
    if (first > 9 || (first == 0 && s.n > 1))
        return false;
    uint64_t v = first;
    for (size_t i = 1; i < s.n; i++) {
        unsigned d = (unsigned)(unsigned char)s.p[i] - '0';
        if (d > 9)
            return false;
        /* Only the twentieth digit can overflow. */
        if (UNLIKELY(i == 19) && (v > UINT64_MAX / 10 || v * 10 > UINT64_MAX - d))
            return false;
        v = v * 10 + d;
    }
    *out = v;
    return true;
}

bool num_parse_int(struct slice s, int64_t *out)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    if (negative) {
        s.p++;
        s.n--;
    }
    uint64_t v;
    if (!num_parse_uint(s, &v))
        return false;
    if (negative) {
        if (v == 0 || v > (uint64_t)INT64_MAX + 1)
            return false;
        *out = (int64_t)(0 - v);
    } else {
        if (v > INT64_MAX)
            return false;
        *out = (int64_t)v;
    }
    return true;
}

/* Up to 15 digits and a point, by far the most frequent: both parts are exact doubles, so one division rounds right. */
static bool parse_short_decimal(struct slice s, double *out)
{
    size_t i = s.n > 0 && s.p[0] == '-';
    if (s.n == i || s.n - i > 16)
        return false;
    uint64_t v = 0;
    size_t digits = 0, fraction = 0;
    bool point = false;
    for (size_t at = i; at < s.n; at++) {
        unsigned d = (unsigned)(unsigned char)s.p[at] - '0';
        if (d <= 9) {
            v = v * 10 + d;
            digits++;
            fraction += point;
        } else if (s.p[at] == '.' && !point) {
            point = true;
        } else {
            return false;
        }
    }
    if (digits == 0 || digits > 15)
        return false;
    double r = (double)v / pow10_exact[fraction];
    *out = i ? -r : r;
    return true;
}

/* Copies s as a string for strtod; false for what strtod would take but we do not. */
static bool as_string(struct slice s, char *text)
{
    if (s.n == 0 || s.n >= NUM_LDOUBLE_BUF || s.p[0] == ' ' || (s.p[0] >= '\t' && s.p[0] <= '\r'))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return true;
}

bool num_parse_double(struct slice s, double *out)
{
    if (LIKELY(parse_short_decimal(s, out)))
        return true;
    char text[NUM_LDOUBLE_BUF];
    if (!as_string(s, text))
        return false;
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    if (end != text + s.n || isnan(v))
        return false;
    if (errno == ERANGE && (v == HUGE_VAL || v == -HUGE_VAL || v == 0))
        return false;
    *out = v;
    return true;
}

bool num_parse_ldouble(struct slice s, long double *out)
{
    char text[NUM_LDOUBLE_BUF];
    if (!as_string(s, text))
        return false;
    char *end;
    errno = 0;
    long double v = strtold(text, &end);
    if (end != text + s.n || isnan(v))
        return false;
    if (errno == ERANGE && (v == HUGE_VALL || v == -HUGE_VALL || v == 0))
        return false;
    *out = v;
    return true;
}

bool num_parse_memory(struct slice s, uint64_t *out)
{
    static const struct {
        const char *suffix;
        uint64_t factor;
    } units[] = {{"", 1},        {"b", 1},        {"k", 1000},       {"kb", 1 << 10},
                 {"m", 1000000}, {"mb", 1 << 20}, {"g", 1000000000}, {"gb", 1 << 30}};
    size_t n = 0;
    uint64_t v = 0;
    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9') {
        unsigned d = (unsigned)(s.p[n++] - '0');
        if (v > (UINT64_MAX - d) / 10)
            return false;
        v = v * 10 + d;
    }
    if (n == 0)
        return false;
    struct slice suffix = slice_make(s.p + n, s.n - n);
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (!slice_is(suffix, units[i].suffix))
            continue;
        if (v > UINT64_MAX / units[i].factor)
            return false;
        *out = v * units[i].factor;
        return true;
    }
    return false;
}

unsigned num_digits(uint64_t v)
{
    unsigned n = 1;
    for (;;) {
        if (v < 10)
            return n;
        if (v < 100)
            return n + 1;
        if (v < 1000)
            return n + 2;
        if (v < 10000)
            return n + 3;
        v /= 10000;
        n += 4;
    }
}

static size_t format_uint(char *out, uint64_t v)
{
    size_t n = num_digits(v);
    char *at = out + n;
    *at = '\0';
    while (v >= 100) {
        unsigned pair = (unsigned)(v % 100);
        v /= 100;
        at -= 2;
        memcpy(at, digit_pairs + 2 * pair, 2);
    }
    if (v >= 10)
        memcpy(at - 2, digit_pairs + 2 * v, 2);
    else
        at[-1] = (char)('0' + v);
    return n;
}

size_t num_format_int(char *out, int64_t v)
{
    if (v >= 0)
        return format_uint(out, (uint64_t)v);
    out[0] = '-';
    return 1 + format_uint(out + 1, 0 - (uint64_t)v);
}

/* Plain notation unless that takes many zeros, then d.ddde+x. */
static size_t layout(char *out, const struct num__decimal *d)
{
    int point = d->n + d->exp10; /* digits before the point */
    int magnitude = point > 0 ? point - 1 : 1 - point;
    size_t n = (size_t)d->n;
    if (d->exp10 >= 0 && magnitude < d->n + 7) {
        memcpy(out, d->digits, n);
        memset(out + n, '0', (size_t)d->exp10);
        return n + (size_t)d->exp10;
    }
    if (d->exp10 < 0 && (d->exp10 > -7 || magnitude < 4)) {
        if (point > 0) {
            memcpy(out, d->digits, (size_t)point);
            out[point] = '.';
            memcpy(out + point + 1, d->digits + point, n - (size_t)point);
            return n + 1;
        }
        size_t zeros = (size_t)-point;
        out[0] = '0';
        out[1] = '.';
        memset(out + 2, '0', zeros);
        memcpy(out + 2 + zeros, d->digits, n);
        return 2 + zeros + n;
    }
    size_t at = 0;
    out[at++] = d->digits[0];
    if (d->n > 1) {
        out[at++] = '.';
        memcpy(out + at, d->digits + 1, n - 1);
        at += n - 1;
    }
    out[at++] = 'e';
    out[at++] = point - 1 < 0 ? '-' : '+';
    return at + format_uint(out + at, (uint64_t)magnitude);
}

size_t num_format_shortest(char *out, double v)
{
    if (UNLIKELY(isnan(v)))
        return (size_t)sprintf(out, "nan");
    if (UNLIKELY(isinf(v)))
        return (size_t)sprintf(out, v > 0 ? "inf" : "-inf");
    if (v == 0)
        return (size_t)sprintf(out, signbit(v) ? "-0" : "0");
    size_t n = 0;
    if (v < 0) {
        out[n++] = '-';
        v = -v;
    }
    struct num__decimal d;
    num__digits(v, &d);
    n += layout(out + n, &d);
    out[n] = '\0';
    return n;
}

size_t num_format_double(char *out, double v)
{
    /* Whole numbers are written as integers as far as Redis does it: up to 2^62. */
    if (fabs(v) <= 4611686018427387904.0 && v == (double)(int64_t)v && (v != 0 || !signbit(v)))
        return num_format_int(out, (int64_t)v);
    return num_format_shortest(out, v);
}

size_t num_format_ldouble(char *out, long double v)
{
    if (isnan(v))
        return (size_t)sprintf(out, "nan");
    if (isinf(v))
        return (size_t)sprintf(out, v > 0 ? "inf" : "-inf");
    int n = snprintf(out, NUM_LDOUBLE_BUF, "%.17Lf", v);
    if (n < 0 || n >= NUM_LDOUBLE_BUF)
        return (size_t)sprintf(out, "0");
    while (n > 0 && out[n - 1] == '0')
        n--;
    if (n > 0 && out[n - 1] == '.')
        n--;
    out[n] = '\0';
    if (strcmp(out, "-0") == 0)
        return (size_t)sprintf(out, "0");
    return (size_t)n;
}

#include "value/text.h"

#include "base/num.h"

#include <inttypes.h>

/* -- The calendar: years begin in March, so that the day that comes and goes is the last one ------------------------------- */

#define DAYS_400_YEARS 146097
#define DAYS_TO_1970   719468 /* from March 1st of the year 0 */
#define DAY_SECONDS    86400
#define NANOS          1000000000

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

void value_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t era = floor_div(days, DAYS_400_YEARS);
    /* The remainder first: the shift could overflow the whole. */
    int64_t shifted = days - era * DAYS_400_YEARS + DAYS_TO_1970;
    era += shifted / DAYS_400_YEARS;
    unsigned of_era = (unsigned)(shifted % DAYS_400_YEARS);
    unsigned y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * y + y / 4 - y / 100);
    unsigned m = (5 * of_year + 2) / 153;
    *day = of_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = era * 400 + y + (*month <= 2);
}

int64_t value_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    int64_t y = year - era * 400;
    int64_t of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * DAYS_400_YEARS + y * 365 + y / 4 - y / 100 + of_year - DAYS_TO_1970;
}

/* -- Parts ---------------------------------------------------------------------------------------------------------------- */

static void put_date(int64_t days, struct buf *out)
{
    int64_t year;
    unsigned month, day;
    value_civil_from_days(days, &year, &month, &day);
    if (year >= 0 && year <= 9999)
        buf_printf(out, "%04" PRId64 "-%02u-%02u", year, month, day);
    else
        buf_printf(out, "%c%04" PRIu64 "-%02u-%02u", year < 0 ? '-' : '+',
                   year < 0 ? -(uint64_t)year : (uint64_t)year, month, day);
}

/* ".5", without zeros at the end; nothing for 0. */
static void put_fraction(unsigned nanos, struct buf *out)
{
    if (nanos == 0)
        return;
    buf_printf(out, ".%09u", nanos);
    while (out->p[out->n - 1] == '0')
        out->n--;
}

static void put_clock(int64_t second_of_day, unsigned nanos, struct buf *out)
{
    buf_printf(out, "%02d:%02d:%02d", (int)(second_of_day / 3600), (int)(second_of_day / 60 % 60),
               (int)(second_of_day % 60));
    put_fraction(nanos, out);
}

static void put_nanos_of_day(int64_t nanos, struct buf *out)
{
    put_clock(nanos / NANOS, (unsigned)(nanos % NANOS), out);
}

static void put_offset(int32_t seconds, struct buf *out)
{
    if (seconds == 0) {
        buf_put_byte(out, 'Z');
        return;
    }
    int64_t east = seconds < 0 ? -(int64_t)seconds : seconds;
    buf_printf(out, "%c%02d:%02d", seconds < 0 ? '-' : '+', (int)(east / 3600),
               (int)(east / 60 % 60));
    if (east % 60)
        buf_printf(out, ":%02d", (int)(east % 60));
}

static void put_local(int64_t seconds, unsigned nanos, struct buf *out)
{
    int64_t days = floor_div(seconds, DAY_SECONDS);
    put_date(days, out);
    buf_put_byte(out, 'T');
    put_clock(seconds - days * DAY_SECONDS, nanos, out);
}

static void put_datetime(const struct value_instant *t, struct buf *out)
{
    put_local((int64_t)((uint64_t)t->seconds + (uint64_t)(int64_t)t->offset), (unsigned)t->nanos,
              out);
    put_offset(t->offset, out);
    if (t->zone.n) {
        buf_put_byte(out, '[');
        buf_put_slice(out, t->zone);
        buf_put_byte(out, ']');
    }
}

static void put_part(int64_t n, char unit, struct buf *out)
{
    if (n)
        buf_printf(out, "%" PRId64 "%c", n, unit);
}

static void put_duration(const struct value_duration *d, struct buf *out)
{
    size_t from = out->n;
    buf_put_byte(out, 'P');
    put_part(d->months / 12, 'Y', out);
    put_part(d->months % 12, 'M', out);
    put_part(d->days, 'D', out);
    /* Nanoseconds are added, also to negative seconds: -1.5 s are -2 and 0.5. */
    bool minus = d->seconds < 0;
    int64_t seconds = minus && d->nanos ? d->seconds + 1 : d->seconds;
    unsigned nanos = (unsigned)(minus && d->nanos ? NANOS - d->nanos : d->nanos);
    if (seconds || nanos) {
        buf_put_byte(out, 'T');
        put_part(seconds / 3600, 'H', out);
        put_part(seconds / 60 % 60, 'M', out);
        if (seconds % 60 || nanos) {
            if (minus && seconds % 60 == 0)
                buf_put_byte(out, '-');
            buf_put_int(out, seconds % 60);
            put_fraction(nanos, out);
            buf_put_byte(out, 'S');
        }
    }
    if (out->n == from + 1)
        buf_put_str(out, "T0S");
}

static void put_hex(struct slice s, struct buf *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < s.n; i++) {
        buf_put_byte(out, (uint8_t)digits[(unsigned char)s.p[i] >> 4]);
        buf_put_byte(out, (uint8_t)digits[s.p[i] & 15]);
    }
}

static void put_uuid(const char *p, struct buf *out)
{
    static const unsigned char parts[] = {4, 2, 2, 2, 6};
    for (size_t i = 0; i < sizeof parts; i++) {
        if (i)
            buf_put_byte(out, '-');
        put_hex(slice_make(p, parts[i]), out);
        p += parts[i];
    }
}

bool value_text(const struct value *v, struct buf *out)
{
    char number[NUM_BUF];
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        buf_put_str(out, v->u.b ? "true" : "false");
        return true;
    case VALUE_INT:
        buf_put_int(out, v->u.i);
        return true;
    case VALUE_FLOAT:
        buf_put(out, number, num_format_double(number, v->u.f));
        return true;
    case VALUE_DECIMAL:
    case VALUE_STRING:
        buf_put_slice(out, value_slice(v));
        return true;
    case VALUE_BYTES:
        buf_put_str(out, "\\x");
        put_hex(value_slice(v), out);
        return true;
    case VALUE_DATE:
        put_date(v->u.i, out);
        return true;
    case VALUE_TIME:
        put_nanos_of_day(v->u.i, out);
        put_offset((int32_t)v->n, out);
        return true;
    case VALUE_LOCAL_TIME:
        put_nanos_of_day(v->u.i, out);
        return true;
    case VALUE_LOCAL_DATETIME:
        put_local(v->u.i, v->n, out);
        return true;
    case VALUE_DATETIME:
        put_datetime(v->u.instant, out);
        return true;
    case VALUE_DURATION:
        put_duration(v->u.duration, out);
        return true;
    case VALUE_UUID:
        put_uuid(v->u.p, out);
        return true;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
    case VALUE_NODE:
    case VALUE_REL:
    case VALUE_PATH:
    case VALUE_VECTOR:
    case VALUE_KINDS:
        break;
    }
    return false;
}

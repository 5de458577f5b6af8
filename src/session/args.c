/* Arguments of commands: parsed, or the error is answered. */
#include "base/clock.h"
#include "base/num.h"
#include "session/call.h"
#include "session/reply.h"

#include <math.h>

static bool bad(struct call *c, const char *msg, const char *standard)
{
    if (!msg)
        reply_error(c, standard);
    else if (strncmp(msg, "ERR ", 4) == 0)
        reply_error(c, msg);
    else
        reply_errorf(c, "ERR %s", msg);
    return false;
}

bool call_arg_int(struct call *c, int i, int64_t *v, const char *msg)
{
    if (LIKELY(num_parse_int(c->argv[i], v)))
        return true;
    return bad(c, msg, "ERR value is not an integer or out of range");
}

bool call_arg_range(struct call *c, int i, int64_t min, int64_t max, int64_t *v, const char *msg)
{
    if (!call_arg_int(c, i, v, msg))
        return false;
    if (*v >= min && *v <= max)
        return true;
    if (msg)
        return bad(c, msg, NULL);
    if (min == 0 && max == INT64_MAX)
        return bad(c, NULL, "ERR value is out of range, must be positive");
    reply_errorf(c, "ERR value is out of range, value must between %lld and %lld", (long long)min,
                 (long long)max);
    return false;
}

bool call_arg_double(struct call *c, int i, double *v, const char *msg)
{
    if (LIKELY(num_parse_double(c->argv[i], v)))
        return true;
    return bad(c, msg, "ERR value is not a valid float");
}

bool call_arg_ldouble(struct call *c, int i, long double *v, const char *msg)
{
    if (LIKELY(num_parse_ldouble(c->argv[i], v)))
        return true;
    return bad(c, msg, "ERR value is not a valid float");
}

bool call_arg_timeout(struct call *c, int i, int64_t *deadline_ms)
{
    long double seconds;
    if (!call_arg_ldouble(c, i, &seconds, "timeout is not a float or out of range"))
        return false;
    if (seconds < 0) {
        reply_error(c, "ERR timeout is negative");
        return false;
    }
    long double ms = ceill(seconds * 1000);
    int64_t now = clock_wall_ms();
    if (ms > (long double)(INT64_MAX - now - 1)) {
        reply_error(c, "ERR timeout is out of range");
        return false;
    }
    *deadline_ms = ms > 0 ? now + (int64_t)ms : 0;
    return true;
}

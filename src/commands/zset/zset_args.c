/* Ranges as the commands of sorted sets take them. */
#include "base/num.h"
#include "commands/zset/zset_priv.h"
#include "session/reply.h"

#include <math.h>
#include <stdlib.h>

/* Redis takes what strtod takes, up to the end: leading spaces, hexadecimal, and nothing at all (0). */
static bool parse_bound(struct slice s, struct kv_zset_bound *b)
{
    char text[128], *end;
    *b = (struct kv_zset_bound){.edge = KV_ZSET_AT};
    if (s.n > 0 && s.p[0] == '(') {
        b->exclusive = true;
        s = slice_make(s.p + 1, s.n - 1);
    }
    if (s.n >= sizeof text)
        return num_parse_double(s, &b->score);
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    b->score = strtod(text, &end);
    return *end == 0 && !isnan(b->score);
}

bool zset__score_range(struct call *c, int i, int j, struct kv_zset_range *out)
{
    *out = (struct kv_zset_range){0};
    if (parse_bound(c->argv[i], &out->min) && parse_bound(c->argv[j], &out->max))
        return true;
    reply_error(c, "ERR min or max is not a float");
    return false;
}

static bool parse_member_bound(struct slice s, struct kv_zset_bound *b)
{
    *b = (struct kv_zset_bound){.edge = KV_ZSET_AT};
    switch (s.n > 0 ? s.p[0] : 0) {
    case '-':
        b->edge = KV_ZSET_LOWEST;
        return s.n == 1;
    case '+':
        b->edge = KV_ZSET_HIGHEST;
        return s.n == 1;
    case '(':
        b->exclusive = true;
        break;
    case '[':
        break;
    default:
        return false;
    }
    b->member = slice_make(s.p + 1, s.n - 1);
    return true;
}

bool zset__member_range(struct call *c, int i, int j, bool from_end, struct kv_zset_range *out)
{
    *out = (struct kv_zset_range){.by_member = true, .from_end = from_end};
    if (parse_member_bound(c->argv[i], &out->min) && parse_member_bound(c->argv[j], &out->max))
        return true;
    reply_error(c, "ERR min or max not valid string range item");
    return false;
}

void zset__clip_ranks(int64_t first, int64_t last, uint64_t count, uint64_t *rank, uint64_t *n)
{
    int64_t len = (int64_t)count;
    if (first < 0)
        first = first < -len ? 0 : first + len;
    if (last < 0)
        last += len;
    if (last >= len)
        last = len - 1;
    *rank = (uint64_t)first;
    *n = first > last ? 0 : (uint64_t)(last - first + 1);
}

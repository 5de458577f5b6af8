/* ZSCAN: through a sorted set in steps. */
#include "base/arena.h"
#include "base/num.h"
#include "commands/scan.h"
#include "commands/zset/zset_commands.h"
#include "commands/zset/zset_priv.h"

#include <stdio.h>

struct zset_scan {
    struct scan_found found;
    bool packed;
};

/* Redis prints the scores of packed ones in the shortest way, those of large ones with 17 digits. */
static void visit(void *arg, const struct kv_zset_item *item)
{
    struct zset_scan *s = arg;
    char text[NUM_BUF];
    if (!scan_wants(&s->found, item->member))
        return;
    size_t n = s->packed ? num_format_double(text, item->score)
                         : (size_t)snprintf(text, sizeof text, "%.17g", item->score);
    scan_add(&s->found, item->member);
    scan_add(&s->found, arena_dup(s->found.c->arena, slice_make(text, n)));
}

void cmd_zscan(struct call *c)
{
    struct zset_scan s;
    struct kv_rec *rec;
    struct error err;
    uint64_t cursor, next = 0;
    if (!scan_cursor(c, 2, &cursor) || !call_lookup_type(c, c->argv[1], KV_READ, KV_ZSET, &rec))
        return;
    if (!rec) {
        scan_reply_none(c);
        return;
    }
    if (!scan_begin(c, &s.found))
        return;
    s.packed = kv_zset_packed(rec);
    enum status st = kv_zset_scan(rec, cursor, s.found.count, &next, visit, &s, &err);
    if (st == ST_OK)
        scan_reply(&s.found, next);
    else
        call_reply_status(c, st, &err);
}

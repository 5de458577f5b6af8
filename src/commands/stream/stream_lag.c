/* How many of a stream's entries a group has read, and how many are left. Both are known only as long as no deleted entry lies
 * ahead of the group: entries are counted, those deleted in the middle are not. */
#include "commands/stream/stream_priv.h"

/* Whether an entry at or behind start may have been deleted. */
static bool gaps_behind(const struct kv_stream_info *s, struct kv_stream_id start)
{
    if (s->length == 0 || kv_stream_id_zero(s->max_gone))
        return false;
    if (kv_stream_id_cmp(s->first, s->max_gone) > 0)
        return false;
    return kv_stream_id_cmp(start, s->max_gone) <= 0;
}

/* How many entries were ever added up to this ID; KV_STREAM_UNKNOWN when nothing tells. */
static int64_t position(const struct kv_stream_info *s, struct kv_stream_id id)
{
    int to_last = kv_stream_id_cmp(id, s->last), to_first = kv_stream_id_cmp(id, s->first);
    int64_t added = (int64_t)s->added;
    if (s->added == 0)
        return 0;
    if (to_last == 0 || (s->length == 0 && to_last < 0))
        return added;
    if (to_last > 0)
        return KV_STREAM_UNKNOWN;
    if (!kv_stream_id_zero(s->max_gone) && kv_stream_id_cmp(s->max_gone, s->first) >= 0)
        return KV_STREAM_UNKNOWN;
    if (to_first > 0)
        return KV_STREAM_UNKNOWN;
    return added - (int64_t)s->length + (to_first == 0);
}

void stream__advance(const struct kv_stream_info *s, struct kv_stream_group *g,
                     struct kv_stream_id id)
{
    if (g->entries_read != KV_STREAM_UNKNOWN && !gaps_behind(s, id))
        g->entries_read++;
    else if (s->added)
        g->entries_read = position(s, id);
    g->last = id;
}

bool stream__lag(const struct kv_stream_info *s, const struct kv_stream_group *g, int64_t *lag)
{
    int64_t read = g->entries_read;
    *lag = 0;
    if (s->added == 0)
        return true;
    if (read == KV_STREAM_UNKNOWN || gaps_behind(s, g->last))
        read = position(s, g->last);
    *lag = (int64_t)s->added - read;
    return read != KV_STREAM_UNKNOWN;
}

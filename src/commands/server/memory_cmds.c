/* MEMORY USAGE, STATS, DOCTOR, MALLOC-STATS, PURGE, HELP. */
#include "base/mem.h"
#include "commands/server/server_commands.h"
#include "keyspace/kv_object.h"
#include "session/call.h"
#include "session/lifecycle.h"
#include "session/reply.h"

#include <inttypes.h>

static void object_usage(struct call *c, struct kv_rec *rec, size_t samples)
{
    const struct kv_object_type *t;
    void *value;
    struct error err = {.message = ""};
    enum status st = kv_object_get(c->kv, rec, &t, &value, &err);
    if (st == ST_OK)
        reply_int(c, (int64_t)(kv_rec_memory(rec) + kv_object_memory(rec, samples)));
    else
        call_reply_status(c, st, &err);
}

void cmd_memory_usage(struct call *c)
{
    /* Every record knows its size, but objects of modules, which may have to look at some elements. */
    int64_t samples = 5;
    for (int i = 3; i < c->argc; i += 2) {
        if (!call_arg_is(c, i, "samples") || i + 1 >= c->argc) {
            reply_syntax_error(c);
            return;
        }
        if (!call_arg_int(c, i + 1, &samples, NULL))
            return;
        if (samples < 0) {
            reply_syntax_error(c);
            return;
        }
    }
    struct kv_rec *rec;
    if (!call_lookup(c, c->argv[2], KV_NOTOUCH | KV_NOSTATS, &rec))
        return;
    if (rec && kv_rec_type(rec) == KV_MODULE)
        object_usage(c, rec, (size_t)samples);
    else if (rec)
        reply_int(c, (int64_t)kv_rec_memory(rec));
    else
        reply_null(c);
}

static void put_int(struct call *c, const char *name, uint64_t v)
{
    reply_str(c, name);
    reply_int(c, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

static void put_real(struct call *c, const char *name, double v)
{
    reply_str(c, name);
    reply_double(c, v);
}

static double ratio(size_t a, size_t b)
{
    return b ? (double)a / (double)b : 0;
}

static void put_allocator(struct call *c, size_t used)
{
    struct mem_allocator_stats a;
    mem_allocator_stats(&a);
    if (!a.allocated)
        a.allocated = a.active = a.resident = used;
    size_t rss = mem_rss();
    put_int(c, "allocator.allocated", a.allocated);
    put_int(c, "allocator.active", a.active);
    put_int(c, "allocator.resident", a.resident);
    put_real(c, "allocator-fragmentation.ratio", ratio(a.active, a.allocated));
    put_int(c, "allocator-fragmentation.bytes",
            a.active > a.allocated ? a.active - a.allocated : 0);
    put_real(c, "allocator-rss.ratio", ratio(a.resident, a.active));
    put_int(c, "allocator-rss.bytes", a.resident > a.active ? a.resident - a.active : 0);
    put_real(c, "rss-overhead.ratio", ratio(rss, a.resident));
    put_int(c, "rss-overhead.bytes", rss > a.resident ? rss - a.resident : 0);
    put_real(c, "fragmentation", ratio(rss, used));
    put_int(c, "fragmentation.bytes", rss > used ? rss - used : 0);
}

void cmd_memory_stats(struct call *c)
{
    struct kv_stats st;
    kv_stats(c->kv, &st);
    size_t used = mem_used(), peak = mem_peak();
    if (peak < used)
        peak = used;
    size_t records = st.cache_bytes < used ? st.cache_bytes : used;
    uint64_t keys = 0;
    for (int db = 0; db < kv_databases(c->kv); db++)
        keys += kv_dbsize(c->kv, db);
    size_t n = 0, token = reply_begin(c);
    put_int(c, "peak.allocated", peak);
    put_int(c, "total.allocated", used);
    put_int(c, "startup.allocated", lifecycle.startup_bytes);
    put_int(c, "replication.backlog", 0);
    put_int(c, "clients.slaves", 0);
    put_int(c, "clients.normal", session_memory());
    put_int(c, "cluster.links", 0);
    put_int(c, "aof.buffer", kv_tick_bytes(c->kv));
    put_int(c, "lua.caches", script_caches.scripts);
    put_int(c, "functions.caches", script_caches.libraries);
    n += 10;
    for (int db = 0; db < kv_databases(c->kv); db++) {
        if (!kv_dbsize(c->kv, db))
            continue;
        reply_bulkf(c, "db.%d", db);
        reply_map(c, 2);
        put_int(c, "keys", kv_dbsize(c->kv, db));
        put_int(c, "expires", kv_expires(c->kv, db));
        n++;
    }
    put_int(c, "record.cache", st.cache_bytes);
    put_int(c, "record.dirty", st.dirty_bytes);
    put_int(c, "overhead.total", used - records);
    put_int(c, "keys.count", keys);
    put_int(c, "keys.bytes-per-key", st.cache_records ? records / st.cache_records : 0);
    put_int(c, "dataset.bytes", records);
    put_real(c, "dataset.percentage", ratio(records, used) * 100);
    put_real(c, "peak.percentage", ratio(used, peak) * 100);
    put_allocator(c, used);
    n += 8 + 11;
    reply_end(c, token, SINK_MAP, n);
}

void cmd_memory_doctor(struct call *c)
{
    struct kv_stats st;
    struct mem_allocator_stats a;
    struct buf out = BUF_INIT;
    kv_stats(c->kv, &st);
    mem_allocator_stats(&a);
    size_t used = mem_used(), peak = mem_peak();
    if (used < 8u << 20) {
        buf_put_str(
            &out, "There is hardly anything in memory yet, so there is nothing to complain about.");
    } else {
        if (peak > used + used / 2)
            buf_printf(&out,
                       "* Peak: memory was %.1f times as large as it is now, at %zu bytes. Pages "
                       "of that time may "
                       "still be resident; MEMORY PURGE gives them back.\n",
                       ratio(peak, used), peak);
        if (a.active > a.allocated + a.allocated / 2 && a.active - a.allocated > 10u << 20)
            buf_printf(&out,
                       "* Fragmentation: the allocator holds %zu bytes for %zu bytes in use.\n",
                       a.active, a.allocated);
        if (st.dirty_bytes > st.cache_bytes / 2 && st.dirty_bytes > 32u << 20)
            buf_printf(&out,
                       "* Folding: %" PRIu64
                       " bytes of changed records wait for the store. It may be too slow for the "
                       "writes that come in; see INFO storage.\n",
                       st.dirty_bytes);
        if (st.cold_reads > 1000 && st.cache_evictions > st.hits)
            buf_put_str(
                &out,
                "* Cache: records leave the record cache faster than they are used again. A larger "
                "record-cache-memory would save store reads.\n");
        if (out.n == 0)
            buf_put_str(&out, "No memory problem was found.");
    }
    reply_verbatim(c, "txt", buf_slice(&out));
    buf_free(&out);
}

void cmd_memory_malloc_stats(struct call *c)
{
    char *report = mem_allocator_report();
    reply_verbatim(c, "txt",
                   slice_str(report ? report : "Stats not supported for the current allocator"));
    mem_free(report);
}

void cmd_memory_purge(struct call *c)
{
    mem_purge();
    reply_ok(c);
}

void cmd_memory_help(struct call *c)
{
    static const char *const lines[] = {"DOCTOR",
                                        "    Looks for memory problems and says what to do.",
                                        "MALLOC-STATS",
                                        "    The allocator's own report.",
                                        "PURGE",
                                        "    Gives unused pages back to the system.",
                                        "STATS",
                                        "    What the memory is used for.",
                                        "USAGE <key> [SAMPLES <count>]",
                                        "    Bytes of memory that a key takes while it is cached.",
                                        NULL};
    reply_help(c, lines);
}

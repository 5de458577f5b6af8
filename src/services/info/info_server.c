/* Sections of the process: server, clients, memory, cpu. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/version.h"
#include "config/config.h"
#include "event/event_options.h"
#include "event/loop.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv.h"
#include "services/info/info_priv.h"
#include "session/block.h"
#include "session/block_keys.h"
#include "session/lifecycle.h"
#include "session/session.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LRU_CLOCK_MASK 0xffffff

void info__put_u64(struct buf *out, const char *name, uint64_t v)
{
    buf_printf(out, "%s:%" PRIu64 "\r\n", name, v);
}

void info__put_human(struct buf *out, const char *name, uint64_t bytes)
{
    static const char units[] = "BKMGTP";
    double v = (double)bytes;
    size_t unit = 0;
    while (v >= 1024 && unit + 2 < sizeof(units)) {
        v /= 1024;
        unit++;
    }
    if (unit == 0)
        buf_printf(out, "%s:%" PRIu64 "B\r\n", name, bytes);
    else
        buf_printf(out, "%s:%.2f%c\r\n", name, v, units[unit]);
}

static void put_option(struct buf *out, const char *field, const char *option)
{
    buf_printf(out, "%s:", field);
    if (config_get(slice_str(option), out) != ST_OK)
        buf_put_byte(out, '0');
    buf_put_str(out, "\r\n");
}

static void put_listeners(struct buf *out)
{
    unsigned n = 0;
    const struct {
        const char *name;
        int64_t port;
    } tcp[] = {{"tcp", event_opts.port}, {"tls", event_opts.tls_port}};
    for (size_t i = 0; i < COUNT_OF(tcp); i++) {
        if (!tcp[i].port)
            continue;
        buf_printf(out, "listener%u:name=%s", n++, tcp[i].name);
        for (size_t k = 0; k < event_bind.n; k++)
            buf_printf(out, ",bind=%s", event_bind.address[k]);
        buf_printf(out, ",port=%" PRId64 "\r\n", tcp[i].port);
    }
    if (event_opts.unixsocket[0])
        buf_printf(out, "listener%u:name=unix,bind=%s\r\n", n, event_opts.unixsocket);
}

void info__server(struct buf *out)
{
    struct utsname os = {.sysname = ""};
    (void)uname(&os);
    int64_t uptime_s = (clock_mono_us() - lifecycle.start_mono_us) / 1000000,
            now_us = clock_wall_us();
    buf_printf(out,
               "redis_version:" ORBIT_REDIS_VERSION "\r\norbit_version:" ORBIT_VERSION
               "\r\nredis_git_sha1:00000000\r\nredis_git_dirty:0\r\nredis_build_id:0\r\nredis_mode:"
               "standalone\r\n"
               "os:%s %s %s\r\narch_bits:%zu\r\nmonotonic_clock:POSIX "
               "clock_gettime\r\nmultiplexing_api:%s\r\n"
               "atomicvar_api:c11-builtin\r\ngcc_version:%d.%d.%d\r\nprocess_id:%ld\r\n",
               os.sysname, os.release, os.machine, sizeof(void *) * 8,
               lifecycle.loop ? loop_backend(lifecycle.loop) : "none", __GNUC__, __GNUC_MINOR__,
               __GNUC_PATCHLEVEL__, (long)getpid());
    put_option(out, "process_supervised", "supervised");
    buf_printf(out, "run_id:%s\r\ntcp_port:%" PRId64 "\r\nserver_time_usec:%" PRId64 "\r\n",
               lifecycle.run_id, event_opts.port ? event_opts.port : event_opts.tls_port, now_us);
    buf_printf(out, "uptime_in_seconds:%" PRId64 "\r\nuptime_in_days:%" PRId64 "\r\n", uptime_s,
               uptime_s / 86400);
    put_option(out, "hz", "hz");
    put_option(out, "configured_hz", "hz");
    buf_printf(
        out, "lru_clock:%" PRId64 "\r\nexecutable:%s\r\nconfig_file:%s\r\nio_threads_active:0\r\n",
        now_us / 1000000 & LRU_CLOCK_MASK, lifecycle.executable ? lifecycle.executable : "",
        config_file() ? config_file() : "");
    if (lifecycle.shutdown_ms)
        buf_printf(out, "shutdown_in_milliseconds:%" PRId64 "\r\n",
                   lifecycle.shutdown_ms - now_us / 1000);
    put_listeners(out);
}

void info__clients(struct buf *out)
{
    info__put_u64(out, "connected_clients", session_count() - lifecycle.replicas);
    info__put_u64(out, "cluster_connections", 0);
    put_option(out, "maxclients", "maxclients");
    info__put_u64(out, "blocked_clients", block_count());
    info__put_u64(out, "clients_in_timeout_table", block_deadlines());
    info__put_u64(out, "total_blocking_keys", block_keys_total());
    info__put_u64(out, "total_blocking_keys_on_nokey", block_keys_on_nokey());
}

/* -- memory -------------------------------------------------------------------------------------------------------------- */

static double ratio(size_t a, size_t b)
{
    return b ? (double)a / (double)b : 0;
}

static size_t above(size_t a, size_t b)
{
    return a > b ? a - b : 0;
}

static void put_both(struct buf *out, const char *name, const char *human, uint64_t bytes)
{
    info__put_u64(out, name, bytes);
    info__put_human(out, human, bytes);
}

static void put_allocator(struct buf *out, size_t used, size_t rss)
{
    struct mem_allocator_stats a;
    mem_allocator_stats(&a);
    if (!a.allocated) {
        a.allocated = used;
        a.active = a.resident = rss;
    }
    buf_printf(out, "allocator_frag_ratio:%.2f\r\nallocator_frag_bytes:%zu\r\n",
               ratio(a.active, a.allocated), above(a.active, a.allocated));
    buf_printf(out, "allocator_rss_ratio:%.2f\r\nallocator_rss_bytes:%zu\r\n",
               ratio(a.resident, a.active), above(a.resident, a.active));
    buf_printf(out, "rss_overhead_ratio:%.2f\r\nrss_overhead_bytes:%zu\r\n", ratio(rss, a.resident),
               above(rss, a.resident));
    buf_printf(out, "mem_fragmentation_ratio:%.2f\r\nmem_fragmentation_bytes:%zu\r\n",
               ratio(rss, used), above(rss, used));
}

void info__memory(struct buf *out)
{
    struct kv_stats kv = {0};
    struct mem_allocator_stats a;
    if (lifecycle.kv)
        kv_stats(lifecycle.kv, &kv);
    mem_allocator_stats(&a);
    size_t allocated = mem_used(), rss = mem_rss();
    if (lifecycle.kv)
        kv_set_client_memory(lifecycle.kv, session_memory());
    /* What maxmemory bounds; what the process takes are used_memory_rss and the fields of the allocator. */
    size_t used = lifecycle.kv ? (size_t)kv_used(lifecycle.kv) : 0;
    static size_t peak;
    if (peak < used)
        peak = used;
    uint64_t total = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    put_both(out, "used_memory", "used_memory_human", used);
    put_both(out, "used_memory_rss", "used_memory_rss_human", rss);
    put_both(out, "used_memory_peak", "used_memory_peak_human", peak);
    buf_printf(out, "used_memory_peak_perc:%.2f%%\r\n", ratio(used, peak) * 100);
    info__put_u64(out, "used_memory_overhead", used - kv.data_bytes);
    info__put_u64(out, "used_memory_startup", 0);
    info__put_u64(out, "used_memory_dataset", kv.data_bytes);
    buf_printf(out, "used_memory_dataset_perc:%.2f%%\r\n", ratio(kv.data_bytes, used) * 100);
    info__put_u64(out, "allocator_allocated", a.allocated ? a.allocated : allocated);
    info__put_u64(out, "allocator_active", a.allocated ? a.active : rss);
    info__put_u64(out, "allocator_resident", a.allocated ? a.resident : rss);
    put_both(out, "total_system_memory", "total_system_memory_human", total);
    info__put_u64(out, "data_set_bytes", kv.data_bytes);
    put_both(out, "maxmemory", "maxmemory_human", (uint64_t)keyspace_opts.maxmemory);
    put_option(out, "maxmemory_policy", "maxmemory-policy");
    put_allocator(out, allocated, rss);
    info__put_u64(out, "mem_not_counted_for_evict", 0);
    info__put_u64(out, "mem_cluster_links", 0);
    info__put_u64(out, "mem_aof_buffer", lifecycle.kv ? kv_tick_bytes(lifecycle.kv) : 0);
    buf_printf(out, "mem_allocator:%s\r\n", mem_allocator_name());
    info__put_u64(out, "active_defrag_running", 0);
    info__put_u64(out, "lazyfree_pending_objects", 0);
    info__put_u64(out, "lazyfreed_objects", kv.lazy_freed);
}

/* -- cpu ----------------------------------------------------------------------------------------------------------------- */

static void put_usage(struct buf *out, const char *suffix, int who)
{
    struct rusage u;
    if (getrusage(who, &u) != 0)
        return;
    buf_printf(out, "used_cpu_sys%s:%ld.%06ld\r\nused_cpu_user%s:%ld.%06ld\r\n", suffix,
               (long)u.ru_stime.tv_sec, (long)u.ru_stime.tv_usec, suffix, (long)u.ru_utime.tv_sec,
               (long)u.ru_utime.tv_usec);
}

void info__cpu(struct buf *out)
{
    put_usage(out, "", RUSAGE_SELF);
    put_usage(out, "_children", RUSAGE_CHILDREN);
    put_usage(out, "_main_thread", RUSAGE_THREAD);
}

/* Sections of the data: persistence, stats, replication, cluster, keyspace, storage, tick. */
#include "event/loop.h"
#include "keyspace/kv.h"
#include "services/info/info.h"
#include "services/info/info_priv.h"
#include "session/lifecycle.h"
#include "session/session.h"
#include "session/stats.h"
#include "storage/storage.h"

#include <inttypes.h>
#include <stdio.h>

static void read_stats(struct kv_stats *out)
{
    memset(out, 0, sizeof(*out));
    if (lifecycle.kv)
        kv_stats(lifecycle.kv, out);
}

/* The rdb_* and aof_* fields come from the commands that save. */
void info__persistence(struct buf *out)
{
    info__put_u64(out, "loading", lifecycle.loading);
    info__put_u64(out, "async_loading", lifecycle.async_loading);
    if (!lifecycle.loading && !lifecycle.async_loading)
        return;
    double done = lifecycle.loading_total
                      ? (double)lifecycle.loading_done / (double)lifecycle.loading_total
                      : 0;
    buf_printf(out, "loading_start_time:%" PRId64 "\r\n", lifecycle.loading_start_ms / 1000);
    info__put_u64(out, "loading_total_bytes", lifecycle.loading_total);
    info__put_u64(out, "loading_loaded_bytes", lifecycle.loading_done);
    buf_printf(out, "loading_loaded_perc:%.2f\r\n", done * 100);
}

static void put_traffic(struct buf *out)
{
    info__put_u64(out, "total_connections_received", traffic.connections);
    info__put_u64(out, "total_commands_processed", sess_stats.commands);
    buf_printf(out, "instantaneous_ops_per_sec:%.0f\r\n", info_rate_commands());
    info__put_u64(out, "total_net_input_bytes", traffic.input_bytes);
    info__put_u64(out, "total_net_output_bytes", traffic.output_bytes);
    info__put_u64(out, "total_net_repl_input_bytes", 0);
    info__put_u64(out, "total_net_repl_output_bytes", 0);
    buf_printf(out, "instantaneous_input_kbps:%.2f\r\ninstantaneous_output_kbps:%.2f\r\n",
               info_rate_input() / 1024, info_rate_output() / 1024);
    buf_put_str(out,
                "instantaneous_input_repl_kbps:0.00\r\ninstantaneous_output_repl_kbps:0.00\r\n");
    info__put_u64(out, "rejected_connections", traffic.rejected);
}

void info__stats(struct buf *out)
{
    struct kv_stats kv;
    struct loop_stats loop = {0};
    read_stats(&kv);
    if (lifecycle.loop)
        loop_stats(lifecycle.loop, &loop);
    put_traffic(out);
    info__put_u64(out, "expired_keys", kv.expired);
    buf_put_str(out, "expired_stale_perc:0.00\r\nexpired_time_cap_reached_count:0\r\n");
    info__put_u64(out, "evicted_keys", kv.evicted);
    info__put_u64(out, "total_eviction_exceeded_time", 0);
    info__put_u64(out, "current_eviction_exceeded_time", 0);
    info__put_u64(out, "keyspace_hits", kv.hits);
    info__put_u64(out, "keyspace_misses", kv.misses);
    info__put_u64(out, "latest_fork_usec", 0);
    info__put_u64(out, "total_forks", 0);
    info__put_u64(out, "unexpected_error_replies", sess_stats.unexpected_errors);
    info__put_u64(out, "total_error_replies", sess_stats.errors);
    info__put_u64(out, "total_reads_processed", traffic.reads);
    info__put_u64(out, "total_writes_processed", traffic.writes);
    info__put_u64(out, "client_query_buffer_limit_disconnections", traffic.query_limit_closed);
    info__put_u64(out, "client_output_buffer_limit_disconnections", traffic.output_limit_closed);
    info__put_u64(out, "eventloop_cycles", loop.cycles);
    info__put_u64(out, "eventloop_duration_sum", loop.busy_us);
    info__put_u64(out, "eventloop_duration_cmd_sum", sess_stats.command_us);
    buf_printf(out,
               "instantaneous_eventloop_cycles_per_sec:%.0f\r\ninstantaneous_eventloop_duration_"
               "usec:%.0f\r\n",
               info_rate_cycles(), info_cycle_us());
}

void info__cluster(struct buf *out)
{
    buf_put_str(out, "cluster_enabled:0\r\n");
}

void info__keyspace(struct buf *out)
{
    struct kv *kv = lifecycle.kv;
    for (int db = 0; kv && db < kv_databases(kv); db++)
        if (kv_dbsize(kv, db))
            buf_printf(out, "db%d:keys=%" PRIu64 ",expires=%" PRIu64 ",avg_ttl=%" PRId64 "\r\n", db,
                       kv_dbsize(kv, db), kv_expires(kv, db), kv_avg_ttl_ms(kv, db));
}

/* -- Orbit's own: docs/info-fields.md says what the fields mean --------------------------------------------------------- */

static void put_provider(struct buf *out, struct stor *store)
{
    static const char *const words[] = {"healthy", "degraded", "unhealthy"};
    char reason[256] = "";
    struct stor_metrics m;
    struct stor_stats s;
    enum stor_health health = stor_health(store, reason, sizeof(reason));
    stor_metrics(store, &m);
    stor_stats(store, &s);
    buf_printf(out,
               "storage_provider:%s\r\nstorage_maturity:%s\r\nstorage_health:%s\r\nstorage_health_"
               "reason:%s\r\n",
               stor_provider(store), stor_provider_maturity(stor_provider(store)), words[health],
               reason);
    info__put_u64(out, "storage_read_operations", m.read_operations);
    info__put_u64(out, "storage_write_operations", m.write_operations);
    info__put_u64(out, "storage_delete_operations", m.delete_operations);
    info__put_u64(out, "storage_error_count", m.error_count);
    buf_printf(out,
               "storage_read_latency_avg_us:%.2f\r\nstorage_write_latency_avg_us:%.2f\r\n"
               "storage_delete_latency_avg_us:%.2f\r\n",
               m.read_latency_avg, m.write_latency_avg, m.delete_latency_avg);
    uint64_t looked = m.cache_hits + m.cache_misses;
    info__put_u64(out, "storage_block_cache_hits", m.cache_hits);
    info__put_u64(out, "storage_block_cache_misses", m.cache_misses);
    buf_printf(out, "storage_block_cache_hit_rate:%.4f\r\n",
               looked ? (double)m.cache_hits / (double)looked : 0);
    info__put_u64(out, "storage_total_keys", s.total_keys);
    info__put_u64(out, "storage_total_size_bytes", s.total_size_bytes);
    info__put_u64(out, "storage_memory_usage_bytes", s.memory_usage_bytes);
    info__put_u64(out, "storage_disk_usage_bytes", s.disk_usage_bytes);
    buf_printf(out, "storage_average_key_size:%.1f\r\nstorage_average_value_size:%.1f\r\n",
               s.average_key_size, s.average_value_size);
    info__put_u64(out, "storage_pending_compaction_bytes", s.pending_compaction_bytes);
    info__put_u64(out, "storage_running_compactions", s.running_compactions);
    info__put_u64(out, "storage_running_flushes", s.running_flushes);
    info__put_u64(out, "storage_write_stopped", s.write_stopped);
}

void info__storage(struct buf *out)
{
    struct kv_stats kv;
    read_stats(&kv);
    if (lifecycle.kv)
        put_provider(out, kv_store(lifecycle.kv));
    info__put_u64(out, "record_cache_records", kv.cache_records);
    info__put_u64(out, "record_cache_bytes", kv.cache_bytes);
    info__put_u64(out, "record_cache_evictions", kv.cache_evictions);
    info__put_u64(out, "cold_reads", kv.cold_reads);
    info__put_u64(out, "cold_misses", kv.cold_misses);
    info__put_u64(out, "dirty_records", kv.dirty_records);
    info__put_u64(out, "dirty_bytes", kv.dirty_bytes);
    info__put_u64(out, "data_bytes", kv.data_bytes);
    info__put_u64(out, "log_bytes", kv.log_bytes);
    info__put_u64(out, "log_segments", kv.log_segments);
    info__put_u64(out, "log_first_seq", kv.log_first_seq);
    info__put_u64(out, "log_last_seq", kv.log_last_seq);
    info__put_u64(out, "log_synced_seq", kv.log_synced_seq);
    info__put_u64(out, "log_folded_seq", kv.folded_seq);
    info__put_u64(out, "replayed_bytes", kv.replayed_bytes);
    info__put_u64(out, "replay_ms", kv.replay_ms);
}

/* Only by its own name, as Redis's. */
void info__debug(struct buf *out)
{
    struct kv_stats kv;
    struct loop_stats loop = {0};
    read_stats(&kv);
    if (lifecycle.loop)
        loop_stats(lifecycle.loop, &loop);
    info__put_u64(out, "eventloop_duration_aof_sum", kv.log_sum_write_us);
    info__put_u64(out, "eventloop_duration_cron_sum", loop.cron_us);
    info__put_u64(out, "eventloop_duration_max", loop.max_us);
    info__put_u64(out, "eventloop_cmd_per_cycle_max", info_commands_per_tick_max());
}

void info__tick(struct buf *out)
{
    struct kv_stats kv;
    struct loop_stats loop = {0};
    read_stats(&kv);
    if (lifecycle.loop)
        loop_stats(lifecycle.loop, &loop);
    info__put_u64(out, "tick_count", loop.cycles);
    info__put_u64(out, "tick_last_us", loop.last_us);
    info__put_u64(out, "tick_max_us", loop.max_us);
    info__put_u64(out, "tick_busy_us", loop.busy_us);
    info__put_u64(out, "tick_cron_us", loop.cron_us);
    info__put_u64(out, "tick_descriptors", loop.fds);
    info__put_u64(out, "commit_count", kv.log_writes);
    info__put_u64(out, "commit_errors", kv.log_errors);
    info__put_u64(out, "commit_last_us", kv.log_last_write_us);
    info__put_u64(out, "commit_max_us", kv.log_max_write_us);
    info__put_u64(out, "commit_sum_us", kv.log_sum_write_us);
    info__put_u64(out, "sync_last_us", kv.log_last_sync_us);
    info__put_u64(out, "sync_max_us", kv.log_max_sync_us);
    info__put_u64(out, "fold_count", kv.folds);
    info__put_u64(out, "fold_errors", kv.fold_errors);
    info__put_u64(out, "fold_records", kv.fold_records);
    info__put_u64(out, "fold_last_us", kv.fold_last_us);
    info__put_u64(out, "fold_running", kv.fold_running);
    buf_printf(out, "expire_lag_ms:%" PRId64 "\r\n", kv.expire_lag_ms);
    info__put_u64(out, "back_pressure", lifecycle.kv && kv_pressure(lifecycle.kv));
    info__put_u64(out, "writes_refused", lifecycle.kv && kv_write_refused(lifecycle.kv, NULL));
}

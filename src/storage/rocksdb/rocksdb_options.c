/* Options of the rocksdb provider, and what all its stores in a process share: the block cache. */
#include "storage/options.h"
#include "storage/rocksdb/rocksdb_priv.h"

#include <pthread.h>

#define MIB ((int64_t)1024 * 1024)

static const struct stor_option_word compressions[] = {
    {"true", rocksdb_lz4_compression},  {"yes", rocksdb_lz4_compression},
    {"on", rocksdb_lz4_compression},    {"1", rocksdb_lz4_compression},
    {"lz4", rocksdb_lz4_compression},   {"false", rocksdb_no_compression},
    {"no", rocksdb_no_compression},     {"off", rocksdb_no_compression},
    {"0", rocksdb_no_compression},      {"none", rocksdb_no_compression},
    {"zstd", rocksdb_zstd_compression}, {NULL, 0},
};

#define FIELD(f) offsetof(struct rocks_config, f)
static const struct stor_option_row rows[] = {
    {"compression", STOR_OPT_ENUM, FIELD(compression), 0, 0, compressions},
    {"block_cache_mb", STOR_OPT_MB, FIELD(block_cache), 1, 1 << 20, NULL},
    {"block_cache_size", STOR_OPT_BYTES, FIELD(block_cache), MIB, MIB << 20, NULL},
    {"write_buffer_mb", STOR_OPT_MB, FIELD(write_buffer), 1, 1 << 16, NULL},
    {"write_buffer_size", STOR_OPT_BYTES, FIELD(write_buffer), 65536, MIB << 16, NULL},
    {"db_write_buffer_size", STOR_OPT_BYTES, FIELD(db_write_buffer), 65536, MIB << 20, NULL},
    {"max_write_buffer_number", STOR_OPT_INT, FIELD(max_write_buffer_number), 2, 64, NULL},
    {"target_file_size_base", STOR_OPT_BYTES, FIELD(target_file_size), 65536, MIB << 16, NULL},
    {"max_background_jobs", STOR_OPT_INT, FIELD(max_background_jobs), 2, 256, NULL},
    {"max_open_files", STOR_OPT_INT, FIELD(max_open_files), -1, 1 << 20, NULL},
    {"enable_wal", STOR_OPT_BOOL, FIELD(enable_wal), 0, 0, NULL},
    {"enable_statistics", STOR_OPT_BOOL, FIELD(enable_statistics), 0, 0, NULL},
};

enum status rocks__config_read(const struct stor_config *cfg, struct rocks_config *out,
                               struct error *err)
{
    *out = (struct rocks_config){
        .compression = rocksdb_lz4_compression,
        .block_cache = 256 * MIB,
        .write_buffer = 64 * MIB,
        .max_write_buffer_number = 3,
        .target_file_size = 64 * MIB,
        .max_background_jobs = 4,
        .max_open_files = 4096,
        .enable_wal = true,
        .enable_statistics = true,
    };
    enum status st = stor_options_read("rocksdb", cfg, rows, COUNT_OF(rows), out, err);
    if (st == ST_OK && out->db_write_buffer == 0)
        out->db_write_buffer = 2 * out->write_buffer;
    return st;
}

#define MEMTABLE_BLOOM_RATIO 0.05
#define LEVEL0_TRIGGER       8
#define CACHE_SHARD_MIN      ((size_t)8 << 20)

/* -- The shared block cache --------------------------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    rocksdb_cache_t *cache;
    size_t bytes;
    unsigned refs;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The library's default of 64 shards leaves 1 MB each of a small cache: the filter of one table would not fit and be read
 * from its file again by every get. */
static rocksdb_cache_t *cache_new(size_t bytes)
{
    rocksdb_lru_cache_options_t *o = rocksdb_lru_cache_options_create();
    int bits = 0;

    while (bits < 6 && bytes >> (bits + 1) >= CACHE_SHARD_MIN)
        bits++;
    rocksdb_lru_cache_options_set_capacity(o, bytes);
    rocksdb_lru_cache_options_set_num_shard_bits(o, bits);
    rocksdb_cache_t *cache = rocksdb_cache_create_lru_opts(o);
    rocksdb_lru_cache_options_destroy(o);
    return cache;
}

rocksdb_cache_t *rocks__cache_ref(size_t bytes)
{
    pthread_mutex_lock(&shared.lock);
    if (shared.refs++ == 0) {
        shared.cache = cache_new(bytes);
        shared.bytes = bytes;
    } else if (bytes > shared.bytes) {
        rocksdb_cache_set_capacity(shared.cache, bytes);
        shared.bytes = bytes;
    }
    rocksdb_cache_t *cache = shared.cache;
    pthread_mutex_unlock(&shared.lock);
    return cache;
}

void rocks__cache_unref(void)
{
    pthread_mutex_lock(&shared.lock);
    if (--shared.refs == 0) {
        rocksdb_cache_destroy(shared.cache);
        shared.cache = NULL;
    }
    pthread_mutex_unlock(&shared.lock);
}

/* -- Options of the library --------------------------------------------------------------------------------------------- */

/* Indexes and filters live in the block cache, so that its budget bounds them too. Indexes come in partitions; filters in
 * one piece, because a look-up that finds nothing asks the filter of every level. */
static void set_table(rocksdb_options_t *o, rocksdb_cache_t *cache)
{
    rocksdb_block_based_table_options_t *t = rocksdb_block_based_options_create();

    rocksdb_block_based_options_set_format_version(t, 5);
    rocksdb_block_based_options_set_block_size(t, 4096);
    rocksdb_block_based_options_set_filter_policy(t, rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_block_based_options_set_whole_key_filtering(t, 1);
    rocksdb_block_based_options_set_index_type(
        t, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_metadata_block_size(t, 4096);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(t, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(t, 1);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(t, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(t, 1);
    if (cache)
        rocksdb_block_based_options_set_block_cache(t, cache);
    else
        rocksdb_block_based_options_set_no_block_cache(t, 1);
    rocksdb_options_set_block_based_table_factory(o, t);
    rocksdb_block_based_options_destroy(t);
}

/* Background threads keep their priority: one that is preempted while it holds the library's mutex stops every reader
 * (measured: 0.3 s on a busy machine). */
rocksdb_options_t *rocks__options_new(const struct rocks_config *c, rocksdb_cache_t *cache)
{
    rocksdb_options_t *o = rocksdb_options_create();

    set_table(o, cache);
    rocksdb_options_set_compression(o, c->compression);
    rocksdb_options_set_write_buffer_size(o, (size_t)c->write_buffer);
    rocksdb_options_set_db_write_buffer_size(o, (size_t)c->db_write_buffer);
    rocksdb_options_set_max_write_buffer_number(o, (int)c->max_write_buffer_number);
    /* A column family that is seldom written would else keep the log of all of them alive. */
    rocksdb_options_set_max_total_wal_size(o, (uint64_t)(c->db_write_buffer + c->write_buffer));
    rocksdb_options_set_target_file_size_base(o, (uint64_t)c->target_file_size);
    rocksdb_options_set_max_background_jobs(o, (int)c->max_background_jobs);
    rocksdb_options_set_max_open_files(o, (int)c->max_open_files);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(o, 1);
    /* Bulks come as many small files of level 0; joining a few of them at a time would rewrite the level below each time. */
    rocksdb_options_set_level0_file_num_compaction_trigger(o, LEVEL0_TRIGGER);
    rocksdb_options_set_level0_slowdown_writes_trigger(o, LEVEL0_TRIGGER * 4);
    rocksdb_options_set_level0_stop_writes_trigger(o, LEVEL0_TRIGGER * 6);
    rocksdb_options_set_enable_pipelined_write(o, 0);
    rocksdb_options_set_optimize_filters_for_hits(o, 0);
    rocksdb_options_set_memtable_prefix_bloom_size_ratio(o, MEMTABLE_BLOOM_RATIO);
    rocksdb_options_set_memtable_whole_key_filtering(o, 1);
    /* A reader that is the last user of an old memtable leaves freeing it to the background. */
    rocksdb_options_set_avoid_unnecessary_blocking_io(o, 1);
    /* Without a log the column families have to be flushed together, or a batch could survive in halves. */
    rocksdb_options_set_atomic_flush(o, !c->enable_wal);
    rocksdb_options_set_bytes_per_sync(o, 1 << 20);
    rocksdb_options_set_wal_bytes_per_sync(o, 1 << 20);
    rocksdb_options_compaction_readahead_size(o, 2 << 20);
    rocksdb_options_set_skip_stats_update_on_db_open(o, 1);
    rocksdb_options_set_info_log_level(o, 2);
    rocksdb_options_set_max_log_file_size(o, 4 << 20);
    rocksdb_options_set_keep_log_file_num(o, 4);
    rocksdb_options_set_stats_persist_period_sec(o, 0);
    if (c->enable_statistics)
        rocksdb_options_enable_statistics(o);
    return o;
}

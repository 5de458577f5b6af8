/* The whole store: sync, checkpoint, compaction, verification, health, statistics. */
#include "base/mem.h"
#include "storage/rocksdb/rocksdb_priv.h"

#include <stdio.h>
#include <stdlib.h>

enum status rocks__sync(void *h, struct error *err)
{
    struct rocks *r = h;
    char *message = NULL;

    if (r->read_only)
        return ST_OK;
    if (r->config.enable_wal) {
        rocksdb_flush_wal(r->db, 1, &message);
    } else {
        rocksdb_flushoptions_t *wait = rocksdb_flushoptions_create();
        /* With atomic_flush one call flushes all column families that belong together; the others are cheap when empty. */
        for (size_t i = 0; i < r->nall && !message; i++)
            rocksdb_flush_cf(r->db, wait, r->all[i], &message);
        rocksdb_flushoptions_destroy(wait);
    }
    return message ? rocks__error(r, message, "sync", err) : ST_OK;
}

enum status rocks__checkpoint(void *h, const char *dir, struct error *err)
{
    struct rocks *r = h;
    char *message = NULL;
    rocksdb_checkpoint_t *cp = rocksdb_checkpoint_object_create(r->db, &message);

    if (!message) {
        rocksdb_checkpoint_create(cp, dir, 0, &message);
        rocksdb_checkpoint_object_destroy(cp);
    }
    return message ? rocks__error(r, message, "checkpoint", err) : ST_OK;
}

enum status rocks__compact(void *h, unsigned space, struct slice from, struct slice to,
                           struct error *err)
{
    struct rocks *r = h;

    if (r->read_only)
        return error_set(err, ST_DENIED, "rocksdb: opened for reading only");
    rocksdb_compact_range_cf(r->db, r->spaces[space], from.p, from.n, to.p, to.n);
    return ST_OK;
}

/* -- Verification ------------------------------------------------------------------------------------------------------- */

static enum status verify_error(struct rocks *r, char *message, struct error *err)
{
    size_t n;
    const char *file = rocks__file_in(message, &n);
    char name[64];

    snprintf(name, sizeof name, "%.*s", (int)(n < 60 ? n : 60), file);
    enum status st = rocks__error(r, message, "verify", err);
    if (n)
        error_set(err, st, "rocksdb: verify: %s: %s", status_name(st), name);
    return st;
}

static enum status verify_spaces(struct rocks *r, rocksdb_t *db,
                                 rocksdb_column_family_handle_t *const *all, struct error *err)
{
    rocksdb_readoptions_t *read = rocksdb_readoptions_create();
    char *message = NULL;

    rocksdb_readoptions_set_verify_checksums(read, 1);
    rocksdb_readoptions_set_fill_cache(read, 0);
    for (size_t i = 0; i < r->nall && !message; i++) {
        rocksdb_iterator_t *it = rocksdb_create_iterator_cf(db, read, all[i]);
        for (rocksdb_iter_seek_to_first(it); rocksdb_iter_valid(it); rocksdb_iter_next(it))
            continue;
        rocksdb_iter_get_error(it, &message);
        rocksdb_iter_destroy(it);
    }
    rocksdb_readoptions_destroy(read);
    return message ? verify_error(r, message, err) : ST_OK;
}

/* Reads through a second, read-only instance without a block cache: else blocks that are cached would not be read from the
 * device. Deletions wait meanwhile, so its files stay. */
enum status rocks__verify(void *h, struct error *err)
{
    struct rocks *r = h;
    struct rocks_config config = r->config;
    rocksdb_column_family_handle_t **all = mem_calloc(r->nall, sizeof *all);
    const rocksdb_options_t **each = mem_calloc(r->nall, sizeof *each);
    char *message = NULL;
    enum status st = ST_OK;

    config.enable_statistics = false;
    rocksdb_options_t *options = rocks__options_new(&config, NULL);
    for (size_t i = 0; i < r->nall; i++)
        each[i] = options;
    if (!r->read_only)
        rocksdb_disable_file_deletions(r->db, &message);
    rocksdb_t *db = NULL;
    if (!message)
        db = rocksdb_open_for_read_only_column_families(
            options, r->path, (int)r->nall, (const char *const *)r->names, each, all, 0, &message);
    if (message)
        st = verify_error(r, message, err);
    else
        st = verify_spaces(r, db, all, err);
    for (size_t i = 0; db && i < r->nall; i++)
        rocksdb_column_family_handle_destroy(all[i]);
    if (db)
        rocksdb_close(db);
    message = NULL;
    if (!r->read_only)
        rocksdb_enable_file_deletions(r->db, 0, &message);
    if (message && st == ST_OK)
        st = rocks__error(r, message, "verify", err);
    rocksdb_options_destroy(options);
    mem_free(each);
    mem_free(all);
    return st;
}

enum status rocks__approx_size(void *h, unsigned space, struct slice from, struct slice to,
                               uint64_t *bytes, struct error *err)
{
    struct rocks *r = h;
    char *message = NULL;
    const char *limit = to.p ? to.p : rocks__end;
    size_t limit_n = to.p ? to.n : ROCKS_END_N;

    rocksdb_approximate_sizes_cf(r->db, r->spaces[space], 1, &from.p, &from.n, &limit, &limit_n,
                                 bytes, &message);
    return message ? rocks__error(r, message, "size", err) : ST_OK;
}

/* -- Health and statistics ---------------------------------------------------------------------------------------------- */

static uint64_t property(const struct rocks *r, const char *name)
{
    uint64_t v = 0;

    return rocksdb_property_int(r->db, name, &v) == 0 ? v : 0;
}

static uint64_t property_sum(const struct rocks *r, const char *name)
{
    uint64_t sum = 0, v;

    for (size_t i = 0; i < r->nall; i++)
        if (rocksdb_property_int_cf(r->db, r->all[i], name, &v) == 0)
            sum += v;
    return sum;
}

/* Background errors are only ever counted up; one counts as overcome once a write after it has worked. */
static bool background_error(struct rocks *r)
{
    uint64_t errors = property(r, "rocksdb.background-errors");
    uint64_t ok = atomic_load(&r->writes_ok);

    if (errors > atomic_load(&r->errors_seen)) {
        atomic_store(&r->errors_seen, errors);
        atomic_store(&r->writes_at_error, ok);
    }
    return errors > 0 && ok == atomic_load(&r->writes_at_error);
}

enum stor_health rocks__health(void *h, char *reason, size_t reason_size)
{
    struct rocks *r = h;

    if (atomic_load(&r->write_failed)) {
        snprintf(reason, reason_size, "the last write failed");
        return STOR_UNHEALTHY;
    }
    if (background_error(r)) {
        snprintf(reason, reason_size, "a flush or compaction failed");
        return STOR_UNHEALTHY;
    }
    if (property(r, "rocksdb.is-write-stopped")) {
        snprintf(reason, reason_size, "writes are stopped until compaction catches up");
        return STOR_DEGRADED;
    }
    uint64_t rate = property(r, "rocksdb.actual-delayed-write-rate");
    if (rate) {
        snprintf(reason, reason_size, "writes are slowed down to %llu bytes a second",
                 (unsigned long long)rate);
        return STOR_DEGRADED;
    }
    return STOR_HEALTHY;
}

/* Number behind "name COUNT : " in the statistics text. */
static uint64_t ticker(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* "raw average key size=24.000000" in the table properties of a column family. */
static double table_property(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at ? strtod(at + strlen(name), NULL) : 0;
}

static void average_sizes(struct rocks *r, struct stor_stats *out)
{
    double entries = 0, keys = 0, values = 0;

    for (size_t i = 0; i < r->nall; i++) {
        char *text =
            rocksdb_property_value_cf(r->db, r->all[i], "rocksdb.aggregated-table-properties");
        if (!text)
            continue;
        double n = table_property(text, "# entries=");
        entries += n;
        keys += table_property(text, "raw key size=");
        values += table_property(text, "raw value size=");
        rocksdb_free(text);
    }
    if (entries > 0) {
        /* A stored key carries eight bytes of sequence and type. */
        out->average_key_size = keys / entries > 8 ? keys / entries - 8 : 0;
        out->average_value_size = values / entries;
    }
}

void rocks__stats(void *h, struct stor_stats *out, uint64_t *cache_hits, uint64_t *cache_misses)
{
    struct rocks *r = h;

    if (r->config.enable_statistics) {
        char *text = rocksdb_options_statistics_get_string(r->options);
        if (text) {
            *cache_hits = ticker(text, "rocksdb.block.cache.hit COUNT : ");
            *cache_misses = ticker(text, "rocksdb.block.cache.miss COUNT : ");
            rocksdb_free(text);
        }
    }
    if (!out)
        return;
    uint64_t memtables = property_sum(r, "rocksdb.cur-size-all-mem-tables");
    out->total_keys = property_sum(r, "rocksdb.estimate-num-keys");
    out->total_size_bytes = property_sum(r, "rocksdb.estimate-live-data-size") + memtables;
    out->memory_usage_bytes = memtables + rocksdb_cache_get_usage(r->cache) +
                              property_sum(r, "rocksdb.estimate-table-readers-mem");
    out->disk_usage_bytes = property_sum(r, "rocksdb.total-sst-files-size");
    out->pending_compaction_bytes = property_sum(r, "rocksdb.estimate-pending-compaction-bytes");
    out->running_compactions = property(r, "rocksdb.num-running-compactions");
    out->running_flushes = property(r, "rocksdb.num-running-flushes");
    out->write_stopped = property(r, "rocksdb.is-write-stopped") != 0;
    average_sizes(r, out);
}

void rocks__report(void *h, struct buf *out)
{
    struct rocks *r = h;

    buf_printf(out, "directory: %s\n", r->path);
    for (size_t i = 0; i < r->nall; i++) {
        char *text =
            rocksdb_property_value_cf(r->db, r->all[i], "rocksdb.cfstats-no-file-histogram");
        if (text)
            buf_put_str(out, text);
        rocksdb_free(text);
    }
    char *text = rocksdb_property_value(r->db, "rocksdb.dbstats");
    if (text)
        buf_put_str(out, text);
    rocksdb_free(text);
}

/* Opening, closing, errors, and the table of the rocksdb provider. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "storage/files.h"
#include "storage/rocksdb/rocksdb_priv.h"

#include <sys/statvfs.h>
#include <unistd.h>

#define SPACE_MIN (1 << 20)

/* -- Errors ------------------------------------------------------------------------------------------------------------- */

enum status rocks__classify(const char *m)
{
    if (strstr(m, "No space left") || strstr(m, "quota exceeded") || strstr(m, "NoSpace"))
        return ST_FULL;
    if (strstr(m, "While lock file") || strstr(m, "lock hold by current process"))
        return ST_LOCKED;
    if (strncmp(m, "Corruption", 10) == 0)
        return ST_CORRUPT;
    if (strstr(m, "Permission denied") || strstr(m, "Read-only file system"))
        return ST_DENIED;
    if (strncmp(m, "Not implemented", 15) == 0)
        return ST_UNSUPPORTED;
    if (strncmp(m, "Invalid argument", 16) == 0)
        return ST_INVALID;
    if (strncmp(m, "Shutdown in progress", 20) == 0)
        return ST_CLOSED;
    return ST_IO;
}

const char *rocks__file_in(const char *m, size_t *n)
{
    static const char *const ends[] = {".sst", ".log", "CURRENT"};

    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        const char *end = strstr(m, ends[i]);
        if (!end)
            continue;
        const char *from = end;
        while (from > m && from[-1] != '/' && from[-1] != ' ')
            from--;
        *n = (size_t)(end - from) + strlen(ends[i]);
        return from;
    }
    const char *manifest = strstr(m, "MANIFEST-");
    *n = manifest ? strspn(manifest + 9, "0123456789") + 9 : 0;
    return manifest ? manifest : "";
}

enum status rocks__error(struct rocks *r, char *message, const char *what, struct error *err)
{
    enum status st = rocks__classify(message);
    uint64_t now = (uint64_t)clock_mono_us() / 1000;
    uint64_t last = atomic_load(&r->last_logged_ms);

    /* A failing device fails every operation: one line a second tells it. */
    if ((last == 0 || now - last >= 1000) &&
        atomic_compare_exchange_strong(&r->last_logged_ms, &last, now + (now == 0)))
        log_warning(LOG_STORAGE, "rocksdb: %s in %s: %s", what, r->path, message);
    rocksdb_free(message);
    return error_set(err, st, "rocksdb: %s: %s", what, status_name(st));
}

/* The operator starts the server and has to find the place, so an error of open names the directory. */
static enum status open_error(struct rocks *r, char *message, struct error *err)
{
    enum status st = rocks__classify(message);
    size_t n;
    const char *file = rocks__file_in(message, &n);

    log_warning(LOG_STORAGE, "rocksdb: cannot open %s: %s", r->path, message);
    if (st == ST_LOCKED)
        error_set(err, st, "rocksdb: %s is in use by another process (its LOCK file is held)",
                  r->path);
    else if (n)
        error_set(err, st, "rocksdb: cannot open %s: %s (%.*s)", r->path, status_name(st),
                  (int)(n < 64 ? n : 64), file);
    else
        error_set(err, st, "rocksdb: cannot open %s: %s", r->path, status_name(st));
    rocksdb_free(message);
    return st;
}

/* -- Opening ------------------------------------------------------------------------------------------------------------ */

static size_t add_name(struct rocks *r, const char *name)
{
    for (size_t i = 0; i < r->nall; i++)
        if (strcmp(r->names[i], name) == 0)
            return i;
    r->names[r->nall] = mem_strdup(name);
    return r->nall++;
}

/* Collects the column families to open: all that are there, "default", and the caller's spaces. */
static enum status collect_names(struct rocks *r, const struct stor_config *cfg, size_t *of_space,
                                 struct error *err)
{
    char *current = stor_path_join(r->path, "CURRENT");
    bool exists = access(current, F_OK) == 0;
    char **found = NULL, *message = NULL;
    size_t nfound = 0;

    mem_free(current);
    if (exists) {
        found = rocksdb_list_column_families(r->options, r->path, &nfound, &message);
        if (message)
            return open_error(r, message, err);
    } else if (r->read_only) {
        return error_set(err, ST_NOT_FOUND, "rocksdb: there is no database in %s", r->path);
    }
    r->names = mem_calloc(nfound + cfg->nspaces + 1, sizeof *r->names);
    for (size_t i = 0; i < nfound; i++)
        add_name(r, found[i]);
    if (found)
        rocksdb_list_column_families_destroy(found, nfound);
    add_name(r, "default");
    for (size_t i = 0; i < cfg->nspaces; i++) {
        size_t before = r->nall;
        of_space[i] = add_name(r, cfg->spaces[i]);
        if (r->read_only && r->nall > before)
            return error_set(err, ST_NOT_FOUND, "rocksdb: %s has no space '%s'", r->path,
                             cfg->spaces[i]);
    }
    return ST_OK;
}

/* Debian's library, built with assertions, aborts when it cannot write its information log: better not to begin. */
static enum status check_space(const struct rocks *r, struct error *err)
{
    struct statvfs v;
    if (r->read_only || statvfs(r->path, &v) != 0)
        return ST_OK;
    unsigned long long left = (unsigned long long)v.f_bavail * v.f_frsize;
    if (left >= SPACE_MIN)
        return ST_OK;
    return error_set(err, ST_FULL,
                     "rocksdb: no space left on the device of %s: %llu bytes, it takes %d to open",
                     r->path, left, SPACE_MIN);
}

static enum status open_db(struct rocks *r, const size_t *of_space, struct error *err)
{
    enum status st = check_space(r, err);
    if (st != ST_OK)
        return st;
    const rocksdb_options_t **options = mem_calloc(r->nall, sizeof *options);
    char *message = NULL;

    for (size_t i = 0; i < r->nall; i++)
        options[i] = r->options;
    r->all = mem_calloc(r->nall, sizeof *r->all);
    if (r->read_only)
        r->db = rocksdb_open_for_read_only_column_families(r->options, r->path, (int)r->nall,
                                                           (const char *const *)r->names, options,
                                                           r->all, 0, &message);
    else
        r->db =
            rocksdb_open_column_families(r->options, r->path, (int)r->nall,
                                         (const char *const *)r->names, options, r->all, &message);
    mem_free(options);
    if (message)
        return open_error(r, message, err);
    r->spaces = mem_calloc(r->nspaces, sizeof *r->spaces);
    for (size_t i = 0; i < r->nspaces; i++)
        r->spaces[i] = r->all[of_space[i]];
    return ST_OK;
}

static void rocks_close(void *h)
{
    struct rocks *r = h;

    if (r->db && !r->config.enable_wal && !r->read_only && rocks__sync(r, NULL) != ST_OK)
        log_warning(LOG_STORAGE, "rocksdb: %s: could not flush before closing", r->path);
    for (size_t i = 0; r->db && i < r->nall; i++)
        rocksdb_column_family_handle_destroy(r->all[i]);
    if (r->db)
        rocksdb_close(r->db);
    if (r->read) {
        rocksdb_readoptions_destroy(r->read);
        rocksdb_writeoptions_destroy(r->write);
        rocksdb_writeoptions_destroy(r->write_sync);
    }
    if (r->options)
        rocksdb_options_destroy(r->options);
    if (r->cache)
        rocks__cache_unref();
    for (size_t i = 0; i < r->nall; i++)
        mem_free(r->names[i]);
    mem_free(r->names);
    mem_free(r->all);
    mem_free(r->spaces);
    mem_free(r->path);
    mem_free(r);
}

static enum status rocks_open(const struct stor_config *cfg, void **handle, struct error *err)
{
    struct rocks *r = mem_calloc(1, sizeof *r);
    size_t *of_space = mem_calloc(cfg->nspaces, sizeof *of_space);

    r->path = mem_strdup(cfg->path);
    r->nspaces = cfg->nspaces;
    r->read_only = cfg->read_only;
    enum status st = rocks__config_read(cfg, &r->config, err);
    if (st != ST_OK)
        goto out;
    st = stor_dir_make(r->path, r->read_only, err);
    if (st != ST_OK) {
        error_prefix(err, "rocksdb");
        goto out;
    }
    r->cache = rocks__cache_ref((size_t)r->config.block_cache);
    r->options = rocks__options_new(&r->config, r->cache);
    rocksdb_options_set_create_if_missing(r->options, 1);
    rocksdb_options_set_create_missing_column_families(r->options, 1);
    r->read = rocksdb_readoptions_create();
    r->write = rocksdb_writeoptions_create();
    r->write_sync = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(r->write, !r->config.enable_wal);
    rocksdb_writeoptions_disable_WAL(r->write_sync, !r->config.enable_wal);
    rocksdb_writeoptions_set_sync(r->write_sync, r->config.enable_wal);
    st = collect_names(r, cfg, of_space, err);
    if (st == ST_OK)
        st = open_db(r, of_space, err);
    if (st == ST_OK && !r->read_only)
        rocks__bulk_clean(r->path); /* under the database's lock */
out:
    mem_free(of_space);
    if (st != ST_OK)
        rocks_close(r);
    else
        *handle = r;
    return st;
}

static const char *const aliases[] = {NULL};

extern const struct stor_provider stor_provider_rocksdb;
const struct stor_provider stor_provider_rocksdb = {
    .name = "rocksdb",
    .type = "RocksDB",
    .aliases = aliases,
    .maturity = "stable",
    .caps = STOR_CAP_DURABLE | STOR_CAP_SYNC | STOR_CAP_SNAPSHOT | STOR_CAP_DELETE_RANGE |
            STOR_CAP_CHECKPOINT | STOR_CAP_MULTI_GET,
    .open = rocks_open,
    .close = rocks_close,
    .get = rocks__get,
    .multi_get = rocks__multi_get,
    .batch_new = rocks__batch_new,
    .batch_free = rocks__batch_free,
    .batch_clear = rocks__batch_clear,
    .batch_put = rocks__batch_put,
    .batch_del = rocks__batch_del,
    .batch_del_range = rocks__batch_del_range,
    .write = rocks__write,
    .bulk_new = rocks__bulk_new,
    .bulk_put = rocks__bulk_put,
    .bulk_del = rocks__bulk_del,
    .bulk_commit = rocks__bulk_commit,
    .bulk_abort = rocks__bulk_abort,
    .iter_new = rocks__iter_new,
    .iter_free = rocks__iter_free,
    .iter_first = rocks__iter_first,
    .iter_last = rocks__iter_last,
    .iter_seek = rocks__iter_seek,
    .iter_seek_prev = rocks__iter_seek_prev,
    .iter_next = rocks__iter_next,
    .iter_prev = rocks__iter_prev,
    .iter_valid = rocks__iter_valid,
    .iter_key = rocks__iter_key,
    .iter_value = rocks__iter_value,
    .iter_status = rocks__iter_status,
    .snap_new = rocks__snap_new,
    .snap_free = rocks__snap_free,
    .sync = rocks__sync,
    .checkpoint = rocks__checkpoint,
    .compact = rocks__compact,
    .verify = rocks__verify,
    .approx_size = rocks__approx_size,
    .health = rocks__health,
    .stats = rocks__stats,
    .report = rocks__report,
};

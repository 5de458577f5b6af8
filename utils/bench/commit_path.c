/* The spike behind docs/decisions/001-commit-path.md: what a SET costs when its tick ends with an append to the log and the
 * changed records are folded into RocksDB once a second, against one RocksDB batch for each tick; and what a fold costs in
 * several forms. Not part of the server. utils/bench/commit_path builds and runs it.
 *
 *   loop thread   commands -> hash table, encoded effects -> one append a tick (wal/) ; the cut is copied a slice a tick
 *   fold thread   sort the cut, write it to RocksDB as one batch
 *   sync thread   once a second: sync the log (or RocksDB's) */
#include <inttypes.h>
#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "wal/wal.h"

enum { KEYS = 1000000, CLIENTS = 50, KEY = 16, VALUE = 100, SLOTS = 1 << 21, CUT_SLICE = 2000 };

struct record {
    char key[KEY], value[VALUE];
    uint64_t dirty; /* cut in which it was changed last, 0: clean */
};
struct folded {
    char key[KEY], value[VALUE];
};

static struct record *records;
static struct record **table;
static struct hash_seed seed = {1, 2};
static const char *root;
static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* A third of the bytes are random, so that compression has something to do and something to gain. */
static void fill_value(char value[VALUE], uint64_t x)
{
    memset(value, 'v', VALUE);
    for (int i = 0; i < 4; i++, x *= 0x9e3779b97f4a7c15u)
        memcpy(value + i * 8, &x, sizeof x);
}

static double cpu_s(int who)
{
    struct rusage u;
    getrusage(who, &u);
    return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double now_s(void)
{
    return (double)clock_mono_us() / 1e6;
}

static void check(char *error)
{
    if (!error)
        return;
    (void)fprintf(stderr, "commit_path: %s\n", error);
    exit(1);
}

/* -- RocksDB --------------------------------------------------------------------------------- */

struct store {
    rocksdb_options_t *options;
    rocksdb_writeoptions_t *write;
    rocksdb_t *db;
    char dir[256];
};

static void store_open(struct store *s, size_t write_buffer_mb, bool wal)
{
    (void)snprintf(s->dir, sizeof s->dir, "%s/rocksdb", root);
    s->options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(s->options, 1);
    rocksdb_options_set_write_buffer_size(s->options, write_buffer_mb << 20);
    rocksdb_options_set_max_write_buffer_number(s->options, 4);
    rocksdb_options_set_compression(s->options, rocksdb_lz4_compression);
    rocksdb_options_set_max_background_jobs(s->options, 2);
    rocksdb_options_set_allow_concurrent_memtable_write(s->options, 0);
    rocksdb_block_based_table_options_t *t = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_filter_policy(t, rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_options_set_block_based_table_factory(s->options, t);
    rocksdb_block_based_options_destroy(t);
    s->write = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(s->write, !wal);
    char *error = NULL;
    rocksdb_destroy_db(s->options, s->dir, &error);
    check(error);
    s->db = rocksdb_open(s->options, s->dir, &error);
    check(error);
}

/* Waits until what was written stands in sorted files: the work that a write leaves behind belongs to its price. */
static void store_settle(struct store *s)
{
    char *error = NULL;
    rocksdb_flushoptions_t *f = rocksdb_flushoptions_create();
    rocksdb_flush(s->db, f, &error);
    check(error);
    rocksdb_flushoptions_destroy(f);
    for (;;) {
        uint64_t running = 1, pending = 1;
        (void)rocksdb_property_int(s->db, "rocksdb.num-running-compactions", &running);
        (void)rocksdb_property_int(s->db, "rocksdb.compaction-pending", &pending);
        if (!running && !pending)
            return;
        (void)usleep(1000);
    }
}

static void store_close(struct store *s)
{
    char *error = NULL;
    rocksdb_close(s->db);
    rocksdb_destroy_db(s->options, s->dir, &error);
    check(error);
    rocksdb_writeoptions_destroy(s->write);
    rocksdb_options_destroy(s->options);
}

/* -- Folding --------------------------------------------------------------------------------- */

static int compare_folded(const void *a, const void *b)
{
    return memcmp(*(const struct folded *const *)a, *(const struct folded *const *)b, KEY);
}

/* Writes n records in batches of batch_records (0: one). */
static void fold(struct store *s, const struct folded *f, size_t n, bool sorted,
                 size_t batch_records)
{
    const struct folded **order = mem_alloc((n + 1) * sizeof *order);
    for (size_t i = 0; i < n; i++)
        order[i] = &f[i];
    if (sorted)
        qsort(order, n, sizeof *order, compare_folded);
    rocksdb_writebatch_t *b = rocksdb_writebatch_create();
    char *error = NULL;
    for (size_t i = 0; i < n; i++) {
        rocksdb_writebatch_put(b, order[i]->key, KEY, order[i]->value, VALUE);
        if (i + 1 < n && (batch_records == 0 || (i + 1) % batch_records))
            continue;
        rocksdb_write(s->db, s->write, b, &error);
        check(error);
        rocksdb_writebatch_clear(b);
    }
    rocksdb_writebatch_destroy(b);
    mem_free(order);
}

/* The same as one sorted file that RocksDB takes in whole, past memtable and log. */
static void fold_as_file(struct store *s, const struct folded *f, size_t n)
{
    const struct folded **order = mem_alloc((n + 1) * sizeof *order);
    for (size_t i = 0; i < n; i++)
        order[i] = &f[i];
    qsort(order, n, sizeof *order, compare_folded);
    char path[300], *error = NULL;
    const char *paths[1] = {path};
    (void)snprintf(path, sizeof path, "%s/fold.sst", root);
    rocksdb_envoptions_t *env = rocksdb_envoptions_create();
    rocksdb_sstfilewriter_t *w = rocksdb_sstfilewriter_create(env, s->options);
    rocksdb_sstfilewriter_open(w, path, &error);
    check(error);
    for (size_t i = 0; i < n; i++) {
        if (i && memcmp(order[i]->key, order[i - 1]->key, KEY) == 0)
            continue;
        rocksdb_sstfilewriter_put(w, order[i]->key, KEY, order[i]->value, VALUE, &error);
        check(error);
    }
    rocksdb_sstfilewriter_finish(w, &error);
    check(error);
    rocksdb_ingestexternalfileoptions_t *o = rocksdb_ingestexternalfileoptions_create();
    rocksdb_ingestexternalfileoptions_set_move_files(o, 1);
    rocksdb_ingest_external_file(s->db, paths, 1, o, &error);
    check(error);
    rocksdb_ingestexternalfileoptions_destroy(o);
    rocksdb_sstfilewriter_destroy(w);
    rocksdb_envoptions_destroy(env);
    mem_free(order);
}

struct fold_case {
    const char *name;
    size_t write_buffer_mb, batch_records;
    bool wal, sorted, file;
};

static void measure_sort(void)
{
    enum { N = 200000 };
    struct folded *cut = mem_calloc(N, sizeof *cut);
    const struct folded **order = mem_alloc(N * sizeof *order);
    for (size_t i = 0; i < N; i++) {
        memcpy(cut[i].key, records[next_random() % KEYS].key, KEY);
        order[i] = &cut[i];
    }
    double begun = cpu_s(RUSAGE_THREAD);
    qsort(order, N, sizeof *order, compare_folded);
    (void)printf("\nOf the worker's time, sorting takes %.2f us a record.\n",
                 (cpu_s(RUSAGE_THREAD) - begun) / N * 1e6);
    mem_free(order);
    mem_free(cut);
}

/* Ten folds of 200,000 random records each. */
static void measure_fold(const struct fold_case *c)
{
    enum { ROUNDS = 10, PER_ROUND = 200000 };
    struct store s;
    store_open(&s, c->write_buffer_mb, c->wal);
    struct folded *cut = mem_alloc(PER_ROUND * sizeof *cut);
    double thread_cpu = 0, wall = 0, process_before = cpu_s(RUSAGE_SELF), making = 0;
    for (int r = 0; r < ROUNDS; r++) {
        double made = cpu_s(RUSAGE_THREAD);
        for (size_t i = 0; i < PER_ROUND; i++) {
            uint64_t x = next_random();
            memcpy(cut[i].key, records[x % KEYS].key, KEY);
            fill_value(cut[i].value, x);
        }
        double begun = cpu_s(RUSAGE_THREAD), at = now_s();
        making += begun - made;
        if (c->file)
            fold_as_file(&s, cut, PER_ROUND);
        else
            fold(&s, cut, PER_ROUND, c->sorted, c->batch_records);
        thread_cpu += cpu_s(RUSAGE_THREAD) - begun;
        wall += now_s() - at;
    }
    store_settle(&s);
    double background = cpu_s(RUSAGE_SELF) - process_before - making - thread_cpu;
    double n = ROUNDS * PER_ROUND / 1e6;
    (void)printf("| %s | %.2f | %.2f | %.2f | %.2f |\n", c->name, wall / n, thread_cpu / n,
                 background / n, (thread_cpu + background) / n);
    (void)fflush(stdout);
    store_close(&s);
    mem_free(cut);
}

/* -- The commit path ------------------------------------------------------------------------- */

struct path {
    bool use_log;
    struct store store;
    struct wal *wal;

    uint64_t epoch;            /* number of the cut that collects now */
    uint32_t *dirty, *cutting; /* records of this cut and of the one that is copied */
    size_t ndirty, ncutting, copied;
    struct folded *cut;
    size_t ncut;

    pthread_mutex_t mu;
    pthread_cond_t wake;
    bool fold_waiting, stop;
    atomic_bool folding;
    size_t folds, fold_records;
    double fold_cpu, fold_wall, sync_cpu;
};

static void *fold_thread(void *arg)
{
    struct path *p = arg;
    pthread_mutex_lock(&p->mu);
    while (!p->stop || p->fold_waiting) {
        if (!p->fold_waiting) {
            pthread_cond_wait(&p->wake, &p->mu);
            continue;
        }
        p->fold_waiting = false;
        pthread_mutex_unlock(&p->mu);
        double at = now_s();
        fold(&p->store, p->cut, p->ncut, true, 0);
        p->fold_wall += now_s() - at;
        p->folds++;
        p->fold_records += p->ncut;
        atomic_store(&p->folding, false);
        pthread_mutex_lock(&p->mu);
    }
    pthread_mutex_unlock(&p->mu);
    p->fold_cpu = cpu_s(RUSAGE_THREAD);
    return NULL;
}

static void *sync_thread(void *arg)
{
    struct path *p = arg;
    double next = now_s() + 1;
    for (;;) {
        pthread_mutex_lock(&p->mu);
        bool stop = p->stop;
        pthread_mutex_unlock(&p->mu);
        if (stop)
            break;
        (void)usleep(10000);
        if (now_s() < next)
            continue;
        next += 1;
        struct error err;
        char *error = NULL;
        if (p->use_log) {
            if (wal_sync(p->wal, &err) != ST_OK)
                check(err.message);
        } else {
            rocksdb_flush_wal(p->store.db, 1, &error);
        }
        check(error);
    }
    p->sync_cpu = cpu_s(RUSAGE_THREAD);
    return NULL;
}

static void copy_record(struct path *p, struct record *r)
{
    memcpy(&p->cut[p->ncut++], r, sizeof *p->cut);
}

static void begin_cut(struct path *p)
{
    uint32_t *was = p->cutting;
    p->cutting = p->dirty;
    p->ncutting = p->ndirty;
    p->dirty = was;
    p->ndirty = p->copied = p->ncut = 0;
    p->epoch++;
    atomic_store(&p->folding, true);
}

/* Copies a slice of the cut; hands it over when it is complete. */
static void go_on_cutting(struct path *p, size_t slice)
{
    while (p->copied < p->ncutting && slice--) {
        struct record *r = &records[p->cutting[p->copied++]];
        if (r->dirty == p->epoch - 1) {
            copy_record(p, r);
            r->dirty = 0;
        }
    }
    if (p->copied < p->ncutting)
        return;
    p->ncutting = 0;
    pthread_mutex_lock(&p->mu);
    p->fold_waiting = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->mu);
}

static struct record *look_up(const char *key)
{
    uint64_t at = hash_sip13(seed, key, KEY);
    struct record *r;
    while ((r = table[at % SLOTS]) != NULL && memcmp(r->key, key, KEY) != 0)
        at++;
    return r;
}

static void set(struct path *p, const char *key, const char *value, struct buf *effects,
                rocksdb_writebatch_t *batch)
{
    struct record *r = look_up(key);
    if (p->use_log) {
        if (r->dirty != p->epoch) {
            /* It belongs to the cut that is still being copied: its old value goes there first. */
            if (p->ncutting && r->dirty == p->epoch - 1)
                copy_record(p, r);
            r->dirty = p->epoch;
            p->dirty[p->ndirty++] = (uint32_t)(r - records);
        }
        buf_put(effects, "*3\r\n$3\r\nSET\r\n$16\r\n", 20);
        buf_put(effects, key, KEY);
        buf_put(effects, "\r\n$100\r\n", 8);
        buf_put(effects, value, VALUE);
        buf_put(effects, "\r\n", 2);
    } else {
        rocksdb_writebatch_put(batch, key, KEY, value, VALUE);
    }
    memcpy(r->value, value, VALUE);
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void run_ticks(struct path *p, int pipeline, size_t ticks, uint32_t *tick_us)
{
    struct buf effects = BUF_INIT;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    char value[VALUE], key[KEY + 1], *error = NULL;
    double next_fold = now_s() + 1;
    for (size_t t = 0; t < ticks; t++) {
        int64_t begun = clock_mono_us();
        buf_clear(&effects);
        for (int i = 0; i < pipeline * CLIENTS; i++) {
            uint64_t x = next_random();
            memcpy(key, records[x % KEYS].key, KEY);
            fill_value(value, x);
            set(p, key, value, &effects, batch);
        }
        if (p->use_log) {
            uint64_t end;
            struct error err;
            if (wal_append(p->wal, buf_slice(&effects), 0, &end, &err) != ST_OK)
                check(err.message);
            if (p->ncutting) {
                go_on_cutting(p, CUT_SLICE);
            } else if (now_s() >= next_fold && !atomic_load(&p->folding)) {
                next_fold = now_s() + 1;
                begin_cut(p);
            }
        } else {
            rocksdb_write(p->store.db, p->store.write, batch, &error);
            check(error);
            rocksdb_writebatch_clear(batch);
        }
        tick_us[t] = (uint32_t)(clock_mono_us() - begun);
    }
    rocksdb_writebatch_destroy(batch);
    buf_free(&effects);
}

static void measure_path(bool use_log, int pipeline, size_t commands)
{
    struct path p = {.use_log = use_log, .epoch = 2};
    char wal_dir[300];
    struct error err;
    store_open(&p.store, 64, !use_log);
    (void)snprintf(wal_dir, sizeof wal_dir, "%s/wal", root);
    struct wal_config cfg = {.dir = wal_dir, .segment_bytes = 64 << 20};
    if (use_log && wal_open(&cfg, &p.wal, &err) != ST_OK)
        check(err.message);
    p.dirty = mem_alloc(KEYS * sizeof *p.dirty);
    p.cutting = mem_alloc(KEYS * sizeof *p.cutting);
    p.cut = mem_alloc(KEYS * sizeof *p.cut);
    for (size_t i = 0; i < KEYS; i++)
        records[i].dirty = 0;
    pthread_mutex_init(&p.mu, NULL);
    pthread_cond_init(&p.wake, NULL);
    size_t ticks = commands / (size_t)(pipeline * CLIENTS);
    uint32_t *tick_us = mem_alloc(ticks * sizeof *tick_us);
    pthread_t folder, syncer;
    double process = cpu_s(RUSAGE_SELF), loop = cpu_s(RUSAGE_THREAD), at = now_s();
    pthread_create(&folder, NULL, fold_thread, &p);
    pthread_create(&syncer, NULL, sync_thread, &p);
    run_ticks(&p, pipeline, ticks, tick_us);
    double wall = now_s() - at, loop_cpu = cpu_s(RUSAGE_THREAD) - loop;
    /* What is still dirty is folded too: it belongs to the price. */
    for (int i = 0; use_log && i < 2; i++) {
        if (p.ncutting)
            go_on_cutting(&p, KEYS);
        while (atomic_load(&p.folding))
            (void)usleep(1000);
        if (i == 0) {
            begin_cut(&p);
            go_on_cutting(&p, KEYS);
        }
    }
    pthread_mutex_lock(&p.mu);
    p.stop = true;
    pthread_cond_signal(&p.wake);
    pthread_mutex_unlock(&p.mu);
    pthread_join(folder, NULL);
    pthread_join(syncer, NULL);
    store_settle(&p.store);
    double total = cpu_s(RUSAGE_SELF) - process, n = (double)ticks * pipeline * CLIENTS;
    qsort(tick_us, ticks, sizeof *tick_us, compare_u32);
    (void)printf("| %s, P=%d | %.0f | %.2f | %.2f | %.2f | %u | %u | %u |\n",
                 use_log ? "log and fold" : "RocksDB batch a tick", pipeline, n / wall / 1000,
                 wall / n * 1e6, loop_cpu / n * 1e6, total / n * 1e6, tick_us[ticks / 2],
                 tick_us[ticks - 1 - ticks / 100], tick_us[ticks - 1]);
    if (use_log)
        (void)printf("<!-- %zu folds of %zu records in all, %.2f us CPU and %.2f us wall each on "
                     "the worker -->\n",
                     p.folds, p.fold_records, p.fold_cpu / (double)p.fold_records * 1e6,
                     p.fold_wall / (double)p.fold_records * 1e6);
    (void)fflush(stdout);
    if (use_log) {
        if (wal_reset(p.wal, 0, &err) != ST_OK)
            check(err.message);
        wal_close(p.wal);
    }
    store_close(&p.store);
    mem_free(tick_us);
    mem_free(p.dirty);
    mem_free(p.cutting);
    mem_free(p.cut);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: commit_path DIR\n");
        return 2;
    }
    root = argv[1];
    records = mem_calloc(KEYS, sizeof *records);
    table = mem_calloc(SLOTS, sizeof *table);
    for (size_t i = 0; i < KEYS; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "key:%012zu", i);
        memcpy(records[i].key, key, KEY);
        uint64_t slot = hash_sip13(seed, key, KEY);
        while (table[slot % SLOTS])
            slot++;
        table[slot % SLOTS] = &records[i];
    }
    (void)printf("| commit path | thousand SET/s | us wall | us CPU loop | us CPU process | tick "
                 "p50 us | p99 | max |\n"
                 "|---|---|---|---|---|---|---|---|\n");
    measure_path(true, 1, 2000000);
    measure_path(false, 1, 1000000);
    measure_path(true, 16, 4000000);
    measure_path(false, 16, 2000000);
    static const struct fold_case cases[] = {
        {"sorted, one batch, 64 MB, RocksDB log off", 64, 0, false, true, false},
        {"the same, log on", 64, 0, true, true, false},
        {"the same, not sorted, log off", 64, 0, false, false, false},
        {"sorted, batches of 500, log off", 64, 500, false, true, false},
        {"sorted, batches of 500, log on", 64, 500, true, true, false},
        {"sorted, batches of 10,000, log off", 64, 10000, false, true, false},
        {"sorted, batches of 10,000, 16 MB, log off", 16, 10000, false, true, false},
        {"sorted, batches of 10,000, 32 MB, log off", 32, 10000, false, true, false},
        {"sorted, one batch, 128 MB, log off", 128, 0, false, true, false},
        {"sorted, one batch, 256 MB, log off", 256, 0, false, true, false},
        {"a sorted file taken in whole", 64, 0, false, true, true},
    };
    (void)printf("\n| fold (2 million records, 200,000 at a time) | us wall | us CPU worker | us "
                 "CPU background | us CPU in all |\n"
                 "|---|---|---|---|---|\n");
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        measure_fold(&cases[i]);
    measure_sort();
    return 0;
}

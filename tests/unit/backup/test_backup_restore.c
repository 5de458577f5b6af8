/* Made, listed, verified, restored: over files alone, with a folder that stands for a checkpoint. */
#include "backup/backup.h"
#include "base/log.h"
#include "base/mem.h"
#include "unit/cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char home[64], path[256];
    struct wal *w;
    struct error err;
};

static const char *at(struct fixture *f, const char *rel)
{
    snprintf(f->path, sizeof f->path, "%s/%s", f->home, rel);
    return f->path;
}

static void write_file(struct fixture *f, const char *rel, const char *text)
{
    FILE *file = fopen(at(f, rel), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void append(struct fixture *f, const char *text, int64_t ms)
{
    uint64_t end;
    assert_int_equal(wal_append(f->w, slice_str(text), ms, &end, &f->err), ST_OK);
}

/* A data directory with "one" at 100 ms in its log. */
static int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    strcpy(f->home, "/tmp/orbit-backup-XXXXXX");
    assert_non_null(mkdtemp(f->home));
    assert_int_equal(mkdir(at(f, "data"), 0750), 0);
    write_file(f, "data/format", "1\n");
    char dir[128];
    snprintf(dir, sizeof dir, "%s/data/wal", f->home);
    struct wal_config cfg = {.dir = dir, .segment_bytes = 1 << 20};
    assert_int_equal(wal_open(&cfg, &f->w, &f->err), ST_OK);
    append(f, "one", 100);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    wal_close(f->w);
    assert_int_equal(backup_remove_tree(f->home, &f->err), ST_OK);
    mem_free(f);
    return 0;
}

static enum status make(struct fixture *f, const char *name, bool full, uint64_t from,
                        struct backup_watch *watch)
{
    char dir[128], root[128], checkpoint[128];
    struct backup_manifest m = {
        .full = full, .start_seq = from, .end_seq = wal_last_seq(f->w), .end_ms = 100};
    int lock;
    snprintf(dir, sizeof dir, "%s/backups", f->home);
    snprintf(root, sizeof root, "%s/data", f->home);
    snprintf(checkpoint, sizeof checkpoint, "%s/data/checkpoint.tmp", f->home);
    strcpy(m.name, name);
    strcpy(m.version, "0.1");
    strcpy(m.provider, "rocksdb");
    strcpy(m.data_dir, root);
    wal_id(f->w, m.log_id);
    assert_int_equal(backup_dir_open(dir, &lock, &f->err), ST_OK);
    if (full) {
        assert_int_equal(mkdir(checkpoint, 0750), 0);
        write_file(f, "data/checkpoint.tmp/000001.sst", "the table");
    } else {
        struct backup_manifest parent;
        assert_int_equal(backup_latest(dir, m.log_id, &parent, &f->err), ST_OK);
        strcpy(m.parent, parent.name);
        strcpy(m.parent_sum, parent.sum);
        m.start_seq = parent.end_seq;
        backup_manifest_free(&parent);
    }
    struct backup_job job = {
        .dir = dir, .root = root, .checkpoint = full ? checkpoint : NULL, .m = &m};
    enum status st = backup_make(&job, watch, &f->err);
    backup_manifest_free(&m);
    backup_dir_close(lock);
    assert_int_not_equal(access(checkpoint, F_OK), 0);
    return st;
}

/* full "one"; incremental "two" at 200, "three" at 300; behind them "four" at 400. */
static void make_chain(struct fixture *f)
{
    assert_int_equal(make(f, "full", true, 0, NULL), ST_OK);
    append(f, "two", 200);
    append(f, "three", 300);
    assert_int_equal(make(f, "incremental", false, 0, NULL), ST_OK);
    append(f, "four", 400);
}

static enum status restore(struct fixture *f, const char *name, struct backup_restore *r)
{
    char path[128], to[128], log[128];
    snprintf(path, sizeof path, "%s/backups/%s", f->home, name);
    snprintf(to, sizeof to, "%s/restored", f->home);
    snprintf(log, sizeof log, "%s/data/wal", f->home);
    r->path = path;
    r->data_dir = to;
    r->log_dir = r->log_dir ? log : NULL;
    return backup_restore(r, NULL, &f->err);
}

/* What the restored log holds, without the last frame, which is the restore's own. */
static void assert_restored(struct fixture *f, const char *want)
{
    struct wal_reader *r;
    struct wal_frame frame;
    struct buf got = BUF_INIT;
    size_t last = 0;
    assert_int_equal(wal_reader_open(at(f, "restored/wal"), 0, &r, &f->err), ST_OK);
    while (wal_reader_next(r, &frame, &f->err) == ST_OK) {
        last = got.n;
        buf_put_slice(&got, frame.payload);
    }
    wal_reader_close(r);
    assert_true(slice_eq(slice_make(got.p, last), slice_str(want)));
    assert_non_null(strstr(buf_cstr(&got) + last, "APPLIED"));
    buf_free(&got);
    assert_int_equal(access(at(f, "restored/redis/rocksdb/000001.sst"), F_OK), 0);
    assert_int_equal(access(at(f, "restored/format"), F_OK), 0);
    assert_int_equal(backup_remove_tree(at(f, "restored"), &f->err), ST_OK);
}

static void test_restore_targets(void **state)
{
    struct fixture *f = *state;
    make_chain(f);
    static const struct {
        const char *name, *want;
        struct backup_restore r;
    } good[] = {
        {"full", "one", {.path = NULL}},
        {"incremental", "onetwothree", {.path = NULL}},
        {"incremental", "one", {.to_seq = true, .limit = {3, 0}}},
        {"incremental", "one", {.to_seq = true, .limit = {5, 0}}},
        {"incremental", "onetwo", {.to_seq = true, .limit = {6, 0}}},
        {"incremental", "onetwothree", {.to_seq = true, .limit = {11, 0}}},
        {"incremental", "onetwothree", {.to_seq = true, .log_dir = "", .limit = {12, 0}}},
        {"incremental", "onetwothreefour", {.to_seq = true, .log_dir = "", .limit = {15, 0}}},
        {"full", "onetwo", {.to_seq = true, .log_dir = "", .limit = {6, 0}}},
        {"incremental", "one", {.to_time = true, .limit = {0, 200}}},
        {"incremental", "onetwo", {.to_time = true, .limit = {0, 201}}},
        {"incremental", "onetwothree", {.to_time = true, .log_dir = "", .limit = {0, 400}}},
        {"full", "onetwothreefour", {.to_time = true, .log_dir = "", .limit = {0, 401}}},
        {"full", "onetwothreefour", {.to_latest = true, .log_dir = ""}},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct backup_restore r = good[i].r;
        assert_int_equal(restore(f, good[i].name, &r), ST_OK);
        assert_string_equal(r.aside, "");
        assert_int_equal(r.end_seq, strlen(good[i].want));
        assert_restored(f, good[i].want);
    }
}

static void test_restore_refuses(void **state)
{
    struct fixture *f = *state;
    make_chain(f);
    static const struct backup_restore bad[] = {
        {.to_seq = true, .limit = {2, 0}},
        {.to_seq = true, .limit = {12, 0}},
        {.to_seq = true, .log_dir = "", .limit = {99, 0}},
        {.to_time = true, .limit = {0, 100}},
        {.to_time = true, .limit = {0, 400}},
        {.to_latest = true},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct backup_restore r = bad[i];
        assert_int_equal(restore(f, "incremental", &r), ST_RANGE);
        assert_int_not_equal(access(at(f, "restored"), F_OK), 0);
        assert_int_not_equal(access(at(f, "restored.restoring"), F_OK), 0);
    }
    struct backup_restore r = {.to_latest = true, .log_dir = ""};
    wal_new_id(f->w);
    assert_int_equal(restore(f, "full", &r), ST_INVALID);
    r = (struct backup_restore){.path = NULL};
    assert_int_equal(restore(f, "none", &r), ST_NOT_FOUND);
}

static void test_restore_in_place_keeps_what_was_there(void **state)
{
    struct fixture *f = *state;
    make_chain(f);
    assert_int_equal(mkdir(at(f, "restored"), 0750), 0);
    write_file(f, "restored/mine", "precious");
    int lock = open(at(f, "restored/LOCK"), O_RDWR | O_CREAT, 0640);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    struct backup_restore r = {.path = NULL};
    assert_int_equal(restore(f, "full", &r), ST_LOCKED);
    close(lock);
    assert_int_equal(restore(f, "full", &r), ST_OK);
    assert_non_null(strstr(r.aside, "restored.before-restore-"));
    snprintf(f->path, sizeof f->path, "%.200s/mine", r.aside);
    assert_int_equal(access(f->path, F_OK), 0);
    assert_restored(f, "one");
}

static void test_verify_names_what_is_damaged(void **state)
{
    struct fixture *f = *state;
    struct buf bad = BUF_INIT;
    make_chain(f);
    assert_int_equal(backup_verify(at(f, "backups/incremental"), NULL, &bad, &f->err), ST_OK);
    write_file(f, "backups/full/data/redis/rocksdb/000001.sst", "the tablf");
    assert_int_equal(backup_verify(at(f, "backups/incremental/"), NULL, &bad, &f->err), ST_CORRUPT);
    assert_non_null(strstr(buf_cstr(&bad), "000001.sst"));
    struct backup_restore r = {.path = NULL};
    assert_int_equal(restore(f, "incremental", &r), ST_CORRUPT);
    assert_non_null(strstr(f->err.message, "damaged"));
    assert_int_not_equal(access(at(f, "restored"), F_OK), 0);
    buf_free(&bad);
}

static bool stop_late(void *arg, uint64_t done, uint64_t total)
{
    return done < 12;
}

static void test_make_leaves_nothing_when_it_fails(void **state)
{
    struct fixture *f = *state;
    struct backup_watch watch = {.step = stop_late};
    assert_int_equal(make(f, "one", true, 0, &watch), ST_CANCELLED);
    assert_int_not_equal(access(at(f, "backups/one"), F_OK), 0);
    assert_int_not_equal(access(at(f, "backups/one.part"), F_OK), 0);
    assert_int_equal(make(f, "one", true, 0, NULL), ST_OK);
    assert_int_equal(make(f, "one", true, 0, NULL), ST_EXISTS);
    assert_int_equal(mkdir(at(f, "backups/two.part"), 0750), 0);
    assert_int_equal(make(f, "three", true, 0, NULL), ST_OK);
    assert_int_not_equal(access(at(f, "backups/two.part"), F_OK), 0);
}

static void count(void *arg, const struct backup_manifest *m, const char *err_text)
{
    ((int *)arg)[err_text != NULL]++;
}

static void test_list_shows_damaged_ones_too(void **state)
{
    struct fixture *f = *state;
    int n[2] = {0, 0};
    make_chain(f);
    assert_int_equal(mkdir(at(f, "backups/odd"), 0750), 0);
    assert_int_equal(backup_list(at(f, "backups"), count, n, &f->err), ST_OK);
    assert_int_equal(n[0], 2);
    assert_int_equal(n[1], 1);
}

static void on_hit(void *arg, const struct backup_hit *hit)
{
    *(struct backup_hit *)arg = *hit;
}

static void test_find_gives_the_sequence_before(void **state)
{
    struct fixture *f = *state;
    struct backup_hit hit = {0, 0, 0};
    append(f, "*2\r\n$3\r\nDEL\r\n$8\r\nFLUSHALL\r\n*1\r\n$8\r\nflushall\r\n", 200);
    assert_int_equal(backup_find(at(f, "data/wal"), SLICE("SET"), on_hit, &hit, &f->err), ST_OK);
    assert_int_equal(hit.time_ms, 0);
    assert_int_equal(backup_find(at(f, "data/wal"), SLICE("FLUSHALL"), on_hit, &hit, &f->err),
                     ST_OK);
    assert_int_equal(hit.seq, 3);
    assert_int_equal(hit.time_ms, 200);
    append(f, "*99\r\n$99999999999999999999\r\nx", 300); /* no command: passed over */
    assert_int_equal(backup_find(at(f, "data/wal"), SLICE("SET"), on_hit, &hit, &f->err), ST_OK);
}

int main(void)
{
    log_set_level(LOG_NOTHING);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_restore_targets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restore_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restore_in_place_keeps_what_was_there, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_verify_names_what_is_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_make_leaves_nothing_when_it_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list_shows_damaged_ones_too, setup, teardown),
        cmocka_unit_test_setup_teardown(test_find_gives_the_sequence_before, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

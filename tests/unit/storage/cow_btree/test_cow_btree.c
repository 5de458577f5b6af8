#include "storage/compress.h"
#include "storage/cow_btree/cow_btree_frame.h"
#include "storage/files.h"
#include "storage/oplog.h"
#include "unit/storage/storage_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

/* Large enough that only close or compact folds. */
static const char *const quiet[] = {"wal_buffer_size", "64mb", "enable_snapshots", "no", NULL};

/* -- Frames ------------------------------------------------------------------------------------------------------------- */

static void append_frame(struct buf *out, uint64_t seq, struct slice payload)
{
    char header[COW_FRAME_HEADER];

    cow_frame_header(header, seq, payload);
    buf_put(out, header, sizeof header);
    buf_put_slice(out, payload);
}

static void test_frames(void **state)
{
    struct buf log = BUF_INIT;
    struct cow_frame f;
    size_t size;

    append_frame(&log, 7, SLICE("payload"));
    append_frame(&log, 8, SLICE(""));
    assert_int_equal(cow_frame_decode(buf_slice(&log), &f, &size), ST_OK);
    assert_int_equal(f.seq, 7);
    assert_true(slice_eq(f.payload, SLICE("payload")));
    struct slice rest = slice_make(log.p + size, log.n - size);
    assert_int_equal(cow_frame_decode(rest, &f, &size), ST_OK);
    assert_int_equal(f.seq, 8);
    assert_int_equal(cow_frame_decode(SLICE(""), &f, &size), ST_END);
    /* Every cut and every flipped bit of the first frame is noticed. */
    for (size_t n = 1; n < COW_FRAME_HEADER + 7; n++)
        assert_int_equal(cow_frame_decode(slice_make(log.p, n), &f, &size), ST_CORRUPT);
    for (size_t bit = 0; bit < (COW_FRAME_HEADER + 7) * 8; bit++) {
        log.p[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(cow_frame_decode(buf_slice(&log), &f, &size), ST_CORRUPT);
        assert_true(cow_frame_any(buf_slice(&log)));
        log.p[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_false(cow_frame_any(SLICE("OBWLOBWLOBWLOBWLOBWLOBWLOBWLOBWL")));
    buf_free(&log);
}

static void test_payload_check(void **state)
{
    struct buf log = BUF_INIT;

    oplog_put(&log, 2, SLICE("a"), SLICE("b"));
    assert_true(cow_frame_payload_ok(buf_slice(&log), 2));
    assert_false(cow_frame_payload_ok(buf_slice(&log), 1));
    oplog_del(&log, 0, SLICE("a"));
    assert_false(cow_frame_payload_ok(buf_slice(&log), 2));
    buf_free(&log);
}

/* -- Recovery ----------------------------------------------------------------------------------------------------------- */

/* Writes keys k0..k(n-1), then takes the files as a crash would leave them and puts them back after the close. */
static void write_and_crash(struct fixture *f, int n, struct buf *log)
{
    struct stor *s = fixture_open(f, "cow_btree", quiet);
    char key[16], log_path[200], data_path[200];
    struct buf data = BUF_INIT;

    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(fixture_put(s, key, "value", 0), ST_OK);
    }
    snprintf(log_path, sizeof log_path, "%s/orbit.wal", f->path);
    snprintf(data_path, sizeof data_path, "%s/data.mdb", f->path);
    buf_clear(log);
    assert_int_equal(stor_file_read(log_path, log, NULL), ST_OK);
    assert_int_equal(stor_file_read(data_path, &data, NULL), ST_OK);
    stor_close(s);
    assert_int_equal(stor_file_replace(log_path, buf_slice(log), NULL), ST_OK);
    assert_int_equal(stor_file_replace(data_path, buf_slice(&data), NULL), ST_OK);
    buf_free(&data);
}

static void put_log(struct fixture *f, struct slice bytes)
{
    char path[200];

    snprintf(path, sizeof path, "%s/orbit.wal", f->path);
    assert_int_equal(stor_file_replace(path, bytes, NULL), ST_OK);
}

static void test_replay_and_torn_end(void **state)
{
    struct fixture *f = *state;
    struct buf log = BUF_INIT;

    for (size_t cut = 0; cut < 30; cut++) {
        write_and_crash(f, 5, &log);
        put_log(f, slice_make(log.p, log.n - cut));
        struct stor *s = fixture_open(f, "cow_btree", quiet);
        assert_string_equal(fixture_get(s, "k3"), "value");
        assert_int_equal(fixture_get(s, "k4") != NULL, cut == 0);
        stor_close(s);
        nftw(f->path, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
        assert_int_equal(mkdir(f->path, 0700), 0);
    }
    buf_free(&log);
}

static void test_damage_and_gaps(void **state)
{
    struct fixture *f = *state;
    struct buf log = BUF_INIT;
    struct cow_frame frame;
    size_t first;
    struct stor *s;

    write_and_crash(f, 5, &log);
    log.p[30] ^= 1;
    put_log(f, buf_slice(&log));
    assert_int_equal(fixture_try(f, "cow_btree", quiet, &s), ST_CORRUPT);
    assert_non_null(strstr(f->err.message, "orbit.wal"));
    assert_non_null(strstr(f->err.message, "byte 0"));
    log.p[30] ^= 1;
    /* Without its first frame the log does not fit the tree. */
    assert_int_equal(cow_frame_decode(buf_slice(&log), &frame, &first), ST_OK);
    put_log(f, slice_make(log.p + first, log.n - first));
    assert_int_equal(fixture_try(f, "cow_btree", quiet, &s), ST_CORRUPT);
    assert_non_null(strstr(f->err.message, "missing"));
    put_log(f, buf_slice(&log));
    s = fixture_open(f, "cow_btree", quiet);
    assert_string_equal(fixture_get(s, "k4"), "value");
    stor_close(s);
    buf_free(&log);
}

static void test_newer_format(void **state)
{
    struct fixture *f = *state;
    struct stor *s = fixture_open(f, "cow_btree", quiet);

    stor_close(s);
    char path[200];
    struct buf data = BUF_INIT;
    snprintf(path, sizeof path, "%s/data.mdb", f->path);
    assert_int_equal(stor_file_read(path, &data, NULL), ST_OK);
    for (size_t i = 0; i + 15 < data.n; i++)
        if (memcmp(data.p + i, "\0format\0\0\0\0\0\0\0\1", 15) == 0)
            data.p[i + 14] = 2;
    assert_int_equal(stor_file_replace(path, buf_slice(&data), NULL), ST_OK);
    assert_int_equal(fixture_try(f, "cow_btree", quiet, &s), ST_TOO_NEW);
    buf_free(&data);
}

/* -- Folding, growth, snapshots ----------------------------------------------------------------------------------------- */

static void test_fold_empties_the_log(void **state)
{
    struct fixture *f = *state;
    struct stor *s = fixture_open(f, "cow_btree", quiet);
    char path[200];
    struct stat sb;

    snprintf(path, sizeof path, "%s/orbit.wal", f->path);
    fixture_put(s, "a", "value", 0);
    assert_int_equal(stat(path, &sb), 0);
    assert_true(sb.st_size > 0);
    assert_int_equal(stor_compact(s, 0, SLICE_NULL, SLICE_NULL, &f->err), ST_OK);
    assert_int_equal(stat(path, &sb), 0);
    assert_int_equal(sb.st_size, 0);
    snprintf(path, sizeof path, "%s/orbit.wal.old", f->path);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_string_equal(fixture_get(s, "a"), "value");
    stor_close(s);
}

/* More data than the map: it grows, as soon as no reader is in the way. */
static void test_map_grows(void **state)
{
    static const char *const options[] = {
        "map_size", "1mb", "wal_buffer_size", "64mb", "enable_snapshots", "no", NULL};
    struct fixture *f = *state;
    struct stor *s = fixture_open(f, "cow_btree", options);
    struct stor_snap *snap;
    char *value = mem_calloc(1, 1 << 20);
    char reason[256];

    memset(value, 'v', (1 << 20) - 1);
    for (int i = 0; i < 8; i++) {
        char key[2] = {(char)('a' + i), 0};
        assert_int_equal(fixture_put(s, key, value, 0), ST_OK);
    }
    assert_int_equal(stor_snap_new(s, &snap, &f->err), ST_OK);
    assert_int_equal(stor_compact(s, 0, SLICE_NULL, SLICE_NULL, &f->err), ST_FULL);
    assert_int_equal(stor_health(s, reason, sizeof reason), STOR_DEGRADED);
    stor_snap_free(snap);
    assert_int_equal(stor_compact(s, 0, SLICE_NULL, SLICE_NULL, &f->err), ST_OK);
    assert_int_equal(stor_health(s, reason, sizeof reason), STOR_HEALTHY);
    stor_close(s);
    s = fixture_open(f, "cow_btree", options);
    assert_string_equal(fixture_get(s, "h"), value);
    stor_close(s);
    mem_free(value);
}

static void test_snapshot_files(void **state)
{
    static const char *const options[] = {
        "snapshot_interval", "10", "wal_buffer_size", "64mb", "wal_sync_interval", "3600", NULL};
    struct fixture *f = *state;
    struct stor *s = fixture_open(f, "cow_btree", options);
    char path[200], key[16];
    struct dirent *e;
    int found = 0;

    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "k%d", i);
        fixture_put(s, key, "value", 0);
    }
    /* The thread looks whether a snapshot is due after a fold. A second fold ends behind it. */
    assert_int_equal(stor_compact(s, 0, SLICE_NULL, SLICE_NULL, &f->err), ST_OK);
    assert_int_equal(stor_compact(s, 0, SLICE_NULL, SLICE_NULL, &f->err), ST_OK);
    snprintf(path, sizeof path, "%s/snapshots", f->path);
    DIR *d = opendir(path);
    assert_non_null(d);
    while ((e = readdir(d)))
        found += strncmp(e->d_name, "snapshot_", 9) == 0;
    closedir(d);
    assert_int_equal(found, 1);
    assert_int_equal(stor_verify(s, &f->err), ST_OK);
    stor_close(s);
}

/* Long keys with a common beginning share a record; all of it may change and go. */
static void test_buckets(void **state)
{
    struct fixture *f = *state;
    struct stor *s = fixture_open(f, "cow_btree", quiet);
    char key[700];

    for (int fold = 0; fold < 2; fold++) {
        for (int i = 0; i < 50; i++) {
            memset(key, 'p', 600);
            snprintf(key + 600, 100, "%03d", (i * 17) % 50);
            assert_int_equal(fixture_put(s, key, key + 590, 0), ST_OK);
        }
        assert_int_equal(stor_compact(s, 0, SLICE_NULL, SLICE_NULL, &f->err), ST_OK);
    }
    struct stor_iter *it = stor_iter_new(s, 0, NULL);
    int n = 0;
    for (stor_iter_last(it); stor_iter_valid(it); stor_iter_prev(it), n++) {
        char tail[8];
        snprintf(tail, sizeof tail, "%03d", 49 - n);
        assert_memory_equal(stor_iter_key(it).p + 600, tail, 3);
        assert_memory_equal(stor_iter_value(it).p + 10, tail, 3);
    }
    assert_int_equal(n, 50);
    stor_iter_free(it);
    struct stor_batch *b = stor_batch_new(s);
    stor_batch_del_range(b, 0, SLICE_NULL, SLICE_NULL);
    assert_int_equal(stor_write(s, b, 0, &f->err), ST_OK);
    stor_batch_free(b);
    assert_int_equal(stor_compact(s, 0, SLICE_NULL, SLICE_NULL, &f->err), ST_OK);
    assert_null(fixture_get(s, key));
    it = stor_iter_new(s, 0, NULL);
    stor_iter_first(it);
    assert_false(stor_iter_valid(it));
    stor_iter_free(it);
    stor_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_payload_check),
        CASE(test_replay_and_torn_end),
        CASE(test_damage_and_gaps),
        CASE(test_newer_format),
        CASE(test_fold_empties_the_log),
        CASE(test_map_grows),
        CASE(test_snapshot_files),
        CASE(test_buckets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

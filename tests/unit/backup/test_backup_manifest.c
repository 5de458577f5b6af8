/* The manifest: both ways, what is refused, and names. */
#include "backup/backup_manifest.h"

#include "event/crypto.h"
#include "unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

static const char sum[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static struct backup_manifest example(bool full)
{
    struct backup_manifest m = {
        .full = full, .start_seq = 5, .end_seq = 9, .begun_ms = 100, .end_ms = 200};
    strcpy(m.name, "one");
    strcpy(m.version, "0.1");
    strcpy(m.provider, "rocksdb");
    strcpy(m.data_dir, "/some where/data");
    strcpy(m.log_id, "abc");
    if (!full) {
        strcpy(m.parent, "zero");
        strcpy(m.parent_sum, sum);
    }
    backup_manifest_add(&m, "data/wal/x y.wal", 77, sum);
    backup_manifest_add(&m, "data/format", 2, sum);
    return m;
}

static void test_manifest_both_ways(void **state)
{
    for (int full = 0; full < 2; full++) {
        struct backup_manifest m = example(full), got;
        struct buf text = BUF_INIT;
        struct error err;
        backup_manifest_encode(&m, &text);
        assert_int_equal(backup_manifest_decode(buf_slice(&text), &got, &err), ST_OK);
        assert_int_equal(got.full, full);
        assert_string_equal(got.name, "one");
        assert_string_equal(got.parent, full ? "" : "zero");
        assert_string_equal(got.data_dir, "/some where/data");
        assert_string_equal(got.sum, m.sum);
        assert_int_equal(got.start_seq, 5);
        assert_int_equal(got.end_seq, 9);
        assert_int_equal(got.end_ms, 200);
        assert_int_equal(got.nfiles, 2);
        assert_string_equal(got.files[0].path, "data/wal/x y.wal");
        assert_int_equal(backup_manifest_bytes(&got), 79);
        backup_manifest_free(&m);
        backup_manifest_free(&got);
        buf_free(&text);
    }
}

static void test_manifest_every_flipped_bit_is_found(void **state)
{
    struct backup_manifest m = example(false), got;
    struct buf text = BUF_INIT;
    struct error err;
    backup_manifest_encode(&m, &text);
    for (size_t i = 0; i < text.n * 8; i++) {
        text.p[i / 8] = (char)(text.p[i / 8] ^ 1 << i % 8);
        assert_int_not_equal(backup_manifest_decode(buf_slice(&text), &got, &err), ST_OK);
        backup_manifest_free(&got);
        text.p[i / 8] = (char)(text.p[i / 8] ^ 1 << i % 8);
    }
    for (size_t n = 0; n < text.n; n++) {
        assert_int_not_equal(backup_manifest_decode(slice_make(text.p, n), &got, &err), ST_OK);
        backup_manifest_free(&got);
    }
    backup_manifest_free(&m);
    buf_free(&text);
}

/* With the right sum, so that only what it says is wrong. */
static enum status decode_with(struct backup_manifest *m, const char *path)
{
    struct backup_manifest got;
    struct buf text = BUF_INIT;
    struct error err;
    if (path)
        backup_manifest_add(m, path, 1, sum);
    backup_manifest_encode(m, &text);
    enum status st = backup_manifest_decode(buf_slice(&text), &got, &err);
    backup_manifest_free(&got);
    backup_manifest_free(m);
    buf_free(&text);
    return st;
}

static void test_manifest_paths_stay_inside(void **state)
{
    static const char *const bad[] = {"/etc/passwd", "data/../x", "../data/x", "data//x",
                                      "data/",       "data",      "data/./x",  "data/.x",
                                      "data/x/",     "wal/x",     "",          "data/x/.."};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct backup_manifest m = example(true);
        assert_int_equal(decode_with(&m, bad[i]), ST_CORRUPT);
    }
    struct backup_manifest good = example(true);
    assert_int_equal(decode_with(&good, "data/redis/rocksdb/000001.sst"), ST_OK);
}

static void test_manifest_refuses_odd_values(void **state)
{
    struct backup_manifest m = example(true);
    m.start_seq = 10; /* behind the end */
    assert_int_equal(decode_with(&m, NULL), ST_CORRUPT);
    m = example(true);
    strcpy(m.provider, "../x");
    assert_int_equal(decode_with(&m, NULL), ST_CORRUPT);
    m = example(false);
    strcpy(m.parent, "../x");
    assert_int_equal(decode_with(&m, NULL), ST_CORRUPT);
    struct error err;
    assert_int_equal(backup_manifest_decode(SLICE("orbit-backup 2\n"), &m, &err), ST_TOO_NEW);
    assert_int_equal(backup_manifest_decode(SLICE(""), &m, &err), ST_CORRUPT);
}

static void test_name_ok(void **state)
{
    assert_true(backup_name_ok(SLICE("20261120-203001-032-full")));
    assert_true(backup_name_ok(SLICE("a.b_c")));
    static const char *const bad[] = {"", ".", "..", ".x", "a/b", "a b", "x.part", "a\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(backup_name_ok(slice_str(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_both_ways),
        cmocka_unit_test(test_manifest_every_flipped_bit_is_found),
        cmocka_unit_test(test_manifest_paths_stay_inside),
        cmocka_unit_test(test_manifest_refuses_odd_values),
        cmocka_unit_test(test_name_ok),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

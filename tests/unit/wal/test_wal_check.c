/* check-wal: report and repair. */
#include "base/log.h"
#include "unit/wal/wal_fixture.h"

static void make_log(struct fixture *f)
{
    struct wal *w = open_wal(f, 100, 0); /* two frames a segment */
    for (int i = 0; i < 6; i++)
        append(w, "0123456789");
    wal_close(w);
}

static enum status check(struct fixture *f, bool fix, const char *expect)
{
    struct buf out = BUF_INIT;
    enum status st = wal_check(f->dir, fix, &out, &f->err);
    if (!strstr(buf_cstr(&out), expect))
        print_error("%s", buf_cstr(&out));
    assert_non_null(strstr(buf_cstr(&out), expect));
    buf_free(&out);
    return st;
}

static void flip(struct fixture *f, uint64_t first_seq, size_t at)
{
    char path[160];
    struct buf b = BUF_INIT;
    path_of(f, first_seq, path);
    read_file(path, &b);
    assert_true(at < b.n);
    b.p[at] = (char)(b.p[at] ^ 1);
    write_file(path, b.p, b.n);
    buf_free(&b);
}

static void test_wal_check_clean(void **state)
{
    struct fixture *f = *state;
    make_log(f);
    assert_int_equal(check(f, false, "3 segments, 6 valid frames, 60 bytes of commands"), ST_OK);
    assert_int_equal(check(f, true, "clean"), ST_OK);
    assert_log_is(f, 50, "0123456789");
}

static void test_wal_check_fix_cuts_in_the_middle(void **state)
{
    struct fixture *f = *state;
    make_log(f);
    flip(f, 20, 32 + 42 + 35);
    assert_int_equal(check(f, false, "bad frame in segment 00000000000000000020.wal at offset 74"),
                     ST_CORRUPT);
    assert_non_null(strstr(f->err.message, "offset 74"));
    struct wal *w = open_wal(f, 100, 0);
    assert_int_equal(check(f, false, "bad frame"), ST_CORRUPT);
    struct buf out = BUF_INIT;
    assert_int_equal(wal_check(f->dir, true, &out, &f->err), ST_LOCKED);
    buf_free(&out);
    wal_close(w);
    assert_int_equal(check(f, true, "repaired"), ST_OK);
    assert_true(file_exists(f, "00000000000000000020.wal.74.bad"));
    assert_true(file_exists(f, "00000000000000000040.wal.bad"));
    assert_int_equal(check(f, false, "clean"), ST_OK);
    assert_log_is(f, 0, "012345678901234567890123456789");
    w = open_wal(f, 100, 0);
    assert_int_equal(append(w, "x"), 31);
    wal_close(w);
}

static void test_wal_check_fix_bad_header(void **state)
{
    struct fixture *f = *state;
    make_log(f);
    flip(f, 40, 9);
    struct wal *w;
    struct wal_config cfg = {.dir = f->dir, .segment_bytes = 100};
    assert_int_equal(wal_open(&cfg, &w, &f->err), ST_CORRUPT);
    assert_int_equal(check(f, false, "bad header of segment 00000000000000000040.wal"), ST_CORRUPT);
    assert_int_equal(check(f, true, "repaired"), ST_OK);
    w = open_wal(f, 100, 0);
    assert_int_equal(wal_last_seq(w), 40);
    wal_close(w);
}

static void test_wal_check_missing_segment(void **state)
{
    struct fixture *f = *state;
    make_log(f);
    char path[160];
    path_of(f, 20, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(check(f, false, "something is missing"), ST_CORRUPT);
    assert_int_equal(check(f, true, "repaired"), ST_OK);
    assert_log_is(f, 0, "01234567890123456789");
}

static void test_wal_check_torn_tail_is_no_damage(void **state)
{
    struct fixture *f = *state;
    make_log(f);
    char path[160];
    path_of(f, 40, path);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(check(f, false, "unfinished write"), ST_OK);
    assert_int_equal(check(f, true, "put aside"), ST_OK);
    assert_int_equal(check(f, false, "clean"), ST_OK);
}

static void test_wal_check_no_directory(void **state)
{
    struct fixture *f = *state;
    struct buf out = BUF_INIT;
    assert_int_equal(wal_check("/nonexistent/wal", false, &out, &f->err), ST_NOT_FOUND);
    buf_free(&out);
}

int main(void)
{
    log_set_level(LOG_NOTHING);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wal_check_clean, setup_dir, teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_check_fix_cuts_in_the_middle, setup_dir,
                                        teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_check_fix_bad_header, setup_dir, teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_check_missing_segment, setup_dir, teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_check_torn_tail_is_no_damage, setup_dir,
                                        teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_check_no_directory, setup_dir, teardown_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

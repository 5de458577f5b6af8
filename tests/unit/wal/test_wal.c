/* The open log: append, reopen, damage at every byte, rotation, trim, reset, a full disk. */
#include "base/log.h"
#include "unit/wal/wal_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

enum { HEADER = 32, BIG = 1 << 20 };

static void test_wal_open_makes_an_empty_log(void **state)
{
    struct fixture *f = *state;
    struct wal *w = open_wal(f, BIG, 0);
    assert_int_equal(wal_last_seq(w), 0);
    assert_int_equal(wal_synced_seq(w), 0);
    wal_close(w);
    assert_log_is(f, 0, "");
    char path[160];
    struct stat st;
    path_of(f, 0, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, HEADER);
    assert_int_equal(st.st_mode & 0777 & ~0640, 0);
}

static void test_wal_append_reopen_read(void **state)
{
    struct fixture *f = *state;
    struct wal *w = open_wal(f, BIG, 0);
    assert_int_equal(append(w, "one"), 3);
    assert_int_equal(append(w, "three"), 8);
    assert_int_equal(append(w, ""), 8);
    wal_close(w);
    w = open_wal(f, BIG, 0);
    assert_int_equal(wal_last_seq(w), 8);
    assert_int_equal(append(w, "!"), 9);
    wal_close(w);
    assert_log_is(f, 0, "onethree!");
    assert_log_is(f, 3, "three!");
    assert_log_is(f, 4, "three!");
    assert_log_is(f, 8, "!");
    assert_log_is(f, 9, "");
}

static void test_wal_append_keeps_time_and_sequence(void **state)
{
    struct fixture *f = *state;
    struct wal *w = open_wal(f, BIG, 77);
    uint64_t end;
    assert_int_equal(wal_append(w, SLICE("abc"), 1700000000123, &end, &f->err), ST_OK);
    assert_int_equal(end, 80);
    wal_close(w);
    struct wal_reader *r;
    struct wal_frame frame;
    assert_int_equal(wal_reader_open(f->dir, 77, &r, &f->err), ST_OK);
    assert_int_equal(wal_reader_next(r, &frame, &f->err), ST_OK);
    assert_int_equal(frame.seq, 77);
    assert_true(frame.time_ms == 1700000000123);
    assert_int_equal(wal_reader_next(r, &frame, &f->err), ST_END);
    wal_reader_close(r);
}

static void test_wal_open_is_exclusive(void **state)
{
    struct fixture *f = *state;
    struct wal *w = open_wal(f, BIG, 0), *second = NULL;
    struct wal_config cfg = {.dir = f->dir, .segment_bytes = BIG};
    assert_int_equal(wal_open(&cfg, &second, &f->err), ST_LOCKED);
    assert_null(second);
    wal_close(w);
    w = open_wal(f, BIG, 0);
    wal_close(w);
}

static void test_wal_open_begins_anew_behind_its_end(void **state)
{
    struct fixture *f = *state;
    struct wal *w = open_wal(f, BIG, 0);
    append(w, "abc");
    wal_close(w);
    w = open_wal(f, BIG, 3);
    assert_int_equal(wal_last_seq(w), 3);
    wal_close(w);
    assert_log_is(f, 0, "abc");
    w = open_wal(f, BIG, 10);
    assert_int_equal(wal_last_seq(w), 10);
    append(w, "x");
    wal_close(w);
    assert_log_is(f, 10, "x");
    struct buf b = BUF_INIT;
    assert_int_equal(read_all(f, 0, &b), ST_NOT_FOUND);
    buf_free(&b);
}

static void test_wal_open_drops_a_bad_header_without_frames(void **state)
{
    struct fixture *f = *state;
    wal_close(open_wal(f, BIG, 0));
    char path[160];
    struct buf b = BUF_INIT;
    path_of(f, 0, path);
    read_file(path, &b);
    struct wal *w;
    struct wal_config cfg = {.dir = f->dir, .segment_bytes = BIG};
    /* Without the right checksum it is damage, and damage of an empty segment is an unfinished one. */
    b.p[8] = 2;
    write_file(path, b.p, b.n);
    assert_int_equal(wal_open(&cfg, &w, &f->err), ST_OK);
    wal_close(w);
    buf_free(&b);
}

/* What a crash in the middle of the third frame may leave, byte by byte. */
static void test_wal_open_cuts_a_torn_tail(void **state)
{
    struct fixture *f = *state;
    struct wal *w = open_wal(f, BIG, 0);
    append(w, "first");
    append(w, "second");
    uint64_t end = append(w, "third");
    wal_close(w);
    char path[160];
    struct buf whole = BUF_INIT;
    path_of(f, 0, path);
    read_file(path, &whole);
    size_t third = whole.n - WAL_FRAME_HEADER - 5;
    assert_int_equal(end, 16);
    for (size_t cut = third; cut < whole.n; cut++) {
        write_file(path, whole.p, cut);
        w = open_wal(f, BIG, 0);
        assert_int_equal(wal_last_seq(w), 11);
        append(w, "+");
        wal_close(w);
        assert_log_is(f, 0, "firstsecond+");
        /* The rest of the frame came as zeros: the size was written before the data. */
        struct buf zeros = BUF_INIT;
        buf_put(&zeros, whole.p, whole.n);
        memset(zeros.p + cut, 0, whole.n - cut);
        write_file(path, zeros.p, zeros.n);
        buf_free(&zeros);
        w = open_wal(f, BIG, 0);
        assert_int_equal(wal_last_seq(w), 11);
        wal_close(w);
    }
    buf_free(&whole);
}

/* A segment that ends inside its header was being made. */
static void test_wal_open_drops_an_unfinished_segment(void **state)
{
    struct fixture *f = *state;
    struct wal *w = open_wal(f, BIG, 0);
    append(w, "abc");
    wal_close(w);
    char path[160], zeros[4096] = {0};
    path_of(f, 3, path);
    for (size_t n = 0; n <= HEADER; n++) {
        write_file(path, "ORBITWAL........................", n);
        w = open_wal(f, BIG, 0);
        assert_int_equal(wal_last_seq(w), 3);
        wal_close(w);
        assert_int_equal(access(path, F_OK), -1);
    }
    write_file(path, zeros, sizeof zeros);
    w = open_wal(f, BIG, 0);
    append(w, "d");
    wal_close(w);
    assert_log_is(f, 0, "abcd");
}

/* No flipped bit goes unnoticed: opening refuses, or (in the last frame, which cannot be told from an unfinished write) cuts
 * it off; never is a wrong byte read. */
static void test_wal_open_notices_every_flipped_bit(void **state)
{
    struct fixture *f = *state;
    struct wal *w = open_wal(f, BIG, 0);
    append(w, "first");
    append(w, "second");
    append(w, "third");
    wal_close(w);
    char path[160];
    struct buf whole = BUF_INIT;
    path_of(f, 0, path);
    read_file(path, &whole);
    size_t last = whole.n - WAL_FRAME_HEADER - 5;
    struct wal_config cfg = {.dir = f->dir, .segment_bytes = BIG};
    for (size_t i = 0; i < whole.n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            char was = whole.p[i];
            whole.p[i] = (char)(was ^ (1 << bit));
            write_file(path, whole.p, whole.n);
            whole.p[i] = was;
            enum status st = wal_open(&cfg, &w, &f->err);
            if (i < last) {
                assert_int_equal(st, ST_CORRUPT);
                assert_non_null(strstr(f->err.message, "00000000000000000000.wal"));
                assert_non_null(strstr(f->err.message, "offset"));
                assert_non_null(strstr(f->err.message, "orbit-server check-wal --fix"));
            } else {
                assert_int_equal(st, ST_OK);
                wal_close(w);
                assert_log_is(f, 0, "firstsecond");
            }
        }
    }
    buf_free(&whole);
}

/* What the store holds already need not be readable. */
static void test_wal_open_passes_over_damage_before_min_seq(void **state)
{
    struct fixture *f = *state;
    struct wal *w = open_wal(f, BIG, 0);
    append(w, "first");
    append(w, "second");
    append(w, "third");
    wal_close(w);
    char path[160];
    struct buf whole = BUF_INIT;
    path_of(f, 0, path);
    read_file(path, &whole);
    struct wal_config cfg = {.dir = f->dir, .segment_bytes = BIG, .min_seq = 5};
    for (size_t i = HEADER; i < HEADER + WAL_FRAME_HEADER + 5; i++) {
        whole.p[i] = (char)(whole.p[i] ^ 16);
        write_file(path, whole.p, whole.n);
        whole.p[i] = (char)(whole.p[i] ^ 16);
        cfg.min_seq = 4;
        assert_int_equal(wal_open(&cfg, &w, &f->err), ST_CORRUPT);
        cfg.min_seq = 5;
        assert_int_equal(wal_open(&cfg, &w, &f->err), ST_OK);
        assert_int_equal(wal_last_seq(w), 16);
        append(w, "!");
        wal_close(w);
        assert_log_is(f, 5, "secondthird!");
        assert_log_is(f, 12, "third!");
        struct buf b = BUF_INIT;
        assert_int_equal(read_all(f, 4, &b), ST_CORRUPT);
        buf_free(&b);
    }
    buf_free(&whole);
}

static void test_wal_append_rotates(void **state)
{
    struct fixture *f = *state;
    struct wal *w = open_wal(f, 200, 0);
    struct buf want = BUF_INIT;
    char text[16];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(text, sizeof text, "[%d]", i);
        append(w, text);
        buf_put_str(&want, text);
        if (i % 7 == 0)
            assert_int_equal(wal_sync(w, &f->err), ST_OK);
    }
    struct wal_stats s;
    wal_stats(w, &s);
    assert_true(s.segments > 10);
    assert_int_equal(s.last_seq, want.n);
    assert_int_equal(s.frames, 100);
    assert_int_equal(s.bytes, 100 * WAL_FRAME_HEADER + want.n + s.segments * HEADER);
    assert_log_is(f, 0, buf_cstr(&want));
    assert_int_equal(wal_sync(w, &f->err), ST_OK);
    assert_int_equal(wal_synced_seq(w), want.n);
    wal_close(w);
    w = open_wal(f, 200, 0);
    wal_stats(w, &s);
    assert_int_equal(s.bytes, 100 * WAL_FRAME_HEADER + want.n + s.segments * HEADER);
    assert_int_equal(s.first_seq, 0);
    wal_close(w);
    assert_log_is(f, 0, buf_cstr(&want));
    buf_free(&want);
}

static void test_wal_trim(void **state)
{
    struct fixture *f = *state;
    struct wal *w = open_wal(f, 33, 0); /* one frame a segment */
    for (int i = 0; i < 10; i++)
        append(w, "0123456789");
    struct wal_stats s;
    wal_stats(w, &s);
    assert_int_equal(s.segments, 10);
    assert_int_equal(wal_trim(w, 9), 0);
    assert_int_equal(wal_trim(w, 10), 1);
    assert_int_equal(wal_trim(w, 39), 2);
    wal_stats(w, &s);
    assert_int_equal(s.first_seq, 30);
    assert_int_equal(s.segments, 7);
    struct buf b = BUF_INIT;
    assert_int_equal(read_all(f, 29, &b), ST_NOT_FOUND);
    assert_int_equal(read_all(f, 30, &b), ST_END);
    assert_int_equal(b.n, 70);
    buf_free(&b);
    assert_int_equal(wal_trim(w, 1000), 6);
    wal_stats(w, &s);
    assert_int_equal(s.segments, 1);
    wal_close(w);
    w = open_wal(f, 33, 0);
    assert_int_equal(wal_last_seq(w), 100);
    wal_close(w);
}

static void test_wal_reset(void **state)
{
    struct fixture *f = *state;
    struct wal *w = open_wal(f, 33, 0);
    for (int i = 0; i < 5; i++)
        append(w, "0123456789");
    assert_int_equal(wal_reset(w, 5000, &f->err), ST_OK);
    assert_int_equal(wal_last_seq(w), 5000);
    append(w, "new");
    assert_log_is(f, 5000, "new");
    assert_int_equal(wal_reset(w, 5000, &f->err), ST_OK);
    append(w, "again");
    wal_close(w);
    assert_log_is(f, 5000, "again");
    w = open_wal(f, 33, 0);
    assert_int_equal(wal_reset(w, 1, &f->err), ST_OK);
    wal_close(w);
    assert_log_is(f, 1, "");
}

static void check_full(struct fixture *f, struct wal *w)
{
    static char block[4096];
    memset(block, 'x', sizeof block);
    uint64_t end, frames = 0;
    enum status st;
    while ((st = wal_append(w, slice_make(block, sizeof block), 0, &end, &f->err)) == ST_OK)
        frames++;
    assert_int_equal(end, frames * sizeof block);
    assert_true(frames > 2);
    /* Again and again, without a trace; and what fits still goes in. */
    assert_int_not_equal(wal_append(w, slice_make(block, sizeof block), 0, &end, &f->err), ST_OK);
    assert_int_equal(wal_last_seq(w), frames * sizeof block);
    struct wal_stats s;
    wal_stats(w, &s);
    assert_int_equal(s.write_errors, 2);
    struct buf b = BUF_INIT;
    assert_int_equal(read_all(f, 0, &b), ST_END);
    assert_int_equal(b.n, frames * sizeof block);
    buf_free(&b);
}

static void test_wal_append_beyond_the_file_size_limit(void **state)
{
    struct fixture *f = *state;
    struct wal *w = open_wal(f, BIG, 0);
    struct rlimit was, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    small = was;
    small.rlim_cur = 50000;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    check_full(f, w);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    uint64_t before = wal_last_seq(w);
    assert_int_equal(append(w, "goes on"), before + 7);
    wal_close(w);
    w = open_wal(f, BIG, 0);
    assert_int_equal(wal_last_seq(w), before + 7);
    wal_close(w);
}

static void test_wal_append_on_a_full_disk(void **state)
{
    struct fixture *f = *state;
    if (geteuid() != 0 || mount("tmpfs", f->dir, "tmpfs", 0, "size=65536") != 0)
        skip();
    struct wal *w = open_wal(f, BIG, 0);
    check_full(f, w);
    static char block[4096];
    uint64_t end;
    assert_int_equal(wal_append(w, slice_make(block, sizeof block), 0, &end, &f->err), ST_FULL);
    wal_close(w);
    w = open_wal(f, BIG, 0);
    assert_int_equal(wal_last_seq(w), end);
    wal_close(w);
    assert_int_equal(umount(f->dir), 0);
}

int main(void)
{
    log_set_level(LOG_NOTHING);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wal_open_makes_an_empty_log, setup_dir, teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_append_reopen_read, setup_dir, teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_append_keeps_time_and_sequence, setup_dir,
                                        teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_open_is_exclusive, setup_dir, teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_open_begins_anew_behind_its_end, setup_dir,
                                        teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_open_drops_a_bad_header_without_frames, setup_dir,
                                        teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_open_cuts_a_torn_tail, setup_dir, teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_open_drops_an_unfinished_segment, setup_dir,
                                        teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_open_notices_every_flipped_bit, setup_dir,
                                        teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_open_passes_over_damage_before_min_seq, setup_dir,
                                        teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_append_rotates, setup_dir, teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_trim, setup_dir, teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_reset, setup_dir, teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_append_beyond_the_file_size_limit, setup_dir,
                                        teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_append_on_a_full_disk, setup_dir, teardown_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Reading beside a writer, over gaps, and while another thread syncs and trims. */
#include "base/log.h"
#include "unit/wal/wal_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

static void test_wal_reader_next_follows_a_writer(void **state)
{
    struct fixture *f = *state;
    struct wal *w = open_wal(f, 300, 0);
    struct wal_reader *r;
    struct wal_frame frame;
    assert_int_equal(wal_reader_open(f->dir, 0, &r, &f->err), ST_OK);
    assert_int_equal(wal_reader_next(r, &frame, &f->err), ST_END);
    char text[32];
    for (int i = 0; i < 200; i++) {
        (void)snprintf(text, sizeof text, "command %d", i);
        append(w, text);
        if (i % 3)
            continue;
        for (int k = i < 3 ? 0 : i - 2; k <= i; k++) {
            (void)snprintf(text, sizeof text, "command %d", k);
            assert_int_equal(wal_reader_next(r, &frame, &f->err), ST_OK);
            assert_true(slice_eq(frame.payload, slice_str(text)));
        }
        assert_int_equal(wal_reader_next(r, &frame, &f->err), ST_END);
        assert_int_equal(wal_reader_next(r, &frame, &f->err), ST_END);
    }
    wal_reader_close(r);
    wal_close(w);
}

static void test_wal_reader_next_large_frame(void **state)
{
    struct fixture *f = *state;
    struct wal *w = open_wal(f, 1 << 20, 0);
    size_t n = 3 << 20;
    char *big = mem_alloc(n);
    for (size_t i = 0; i < n; i++)
        big[i] = (char)(i * 31 + i / 1000);
    uint64_t end;
    append(w, "before");
    assert_int_equal(wal_append(w, slice_make(big, n), 0, &end, &f->err), ST_OK);
    append(w, "after");
    struct wal_reader *r;
    struct wal_frame frame;
    assert_int_equal(wal_reader_open(f->dir, 6, &r, &f->err), ST_OK);
    assert_int_equal(wal_reader_next(r, &frame, &f->err), ST_OK);
    assert_true(slice_eq(frame.payload, slice_make(big, n)));
    assert_int_equal(wal_reader_next(r, &frame, &f->err), ST_OK);
    assert_true(slice_eq(frame.payload, SLICE("after")));
    wal_reader_close(r);
    wal_close(w);
    mem_free(big);
}

static void test_wal_reader_next_reports_a_gap(void **state)
{
    struct fixture *f = *state;
    struct wal *w = open_wal(f, 33, 0);
    for (int i = 0; i < 4; i++)
        append(w, "0123456789");
    wal_close(w);
    char path[160];
    path_of(f, 20, path);
    assert_int_equal(unlink(path), 0);
    struct buf b = BUF_INIT;
    assert_int_equal(read_all(f, 0, &b), ST_CORRUPT);
    assert_int_equal(b.n, 20);
    assert_non_null(strstr(f->err.message, "ends at 20"));
    buf_free(&b);
}

static void test_wal_reader_next_reports_damage(void **state)
{
    struct fixture *f = *state;
    struct wal *w = open_wal(f, 33, 0);
    for (int i = 0; i < 3; i++)
        append(w, "0123456789");
    wal_close(w);
    char path[160];
    struct buf b = BUF_INIT, got = BUF_INIT;
    path_of(f, 10, path);
    read_file(path, &b);
    for (size_t i = 0; i < b.n; i++) {
        b.p[i] = (char)(b.p[i] ^ 4);
        write_file(path, b.p, b.n);
        b.p[i] = (char)(b.p[i] ^ 4);
        buf_clear(&got);
        assert_int_equal(read_all(f, 0, &got), ST_CORRUPT);
        assert_int_equal(got.n, 10);
    }
    for (size_t cut = 0; cut < b.n; cut++) {
        write_file(path, b.p, cut);
        buf_clear(&got);
        enum status st = read_all(f, 0, &got);
        assert_true(st == ST_CORRUPT || (st == ST_END && cut <= 32));
        assert_int_equal(got.n, 10);
    }
    buf_free(&b);
    buf_free(&got);
}

static void test_wal_reader_open_without_a_log(void **state)
{
    struct fixture *f = *state;
    struct wal_reader *r;
    assert_int_equal(wal_reader_open(f->dir, 0, &r, &f->err), ST_NOT_FOUND);
    assert_int_equal(wal_reader_open("/nonexistent/wal", 0, &r, &f->err), ST_NOT_FOUND);
}

struct side {
    struct fixture *f;
    struct wal *w;
    atomic_bool stop;
    atomic_uint_fast64_t read_to;
    uint64_t frames;
    enum status st;
    struct error err;
};

static void *sync_and_trim(void *arg)
{
    struct side *s = arg;
    while (!atomic_load(&s->stop)) {
        if (wal_sync(s->w, &s->err) != ST_OK)
            s->st = s->err.code;
        (void)wal_trim(s->w, atomic_load(&s->read_to));
    }
    return NULL;
}

static void *follow(void *arg)
{
    struct side *s = arg;
    struct wal_reader *r;
    s->st = wal_reader_open(s->f->dir, 0, &r, &s->err);
    while (s->st == ST_OK) {
        bool stop = atomic_load(&s->stop);
        struct wal_frame frame;
        enum status st = wal_reader_next(r, &frame, &s->err);
        if (st == ST_OK) {
            s->frames++;
            atomic_store(&s->read_to, frame.seq + frame.payload.n);
        } else if (st != ST_END) {
            s->st = st;
        } else if (stop) {
            break;
        }
    }
    wal_reader_close(r);
    return NULL;
}

static void test_wal_reader_beside_writer_sync_and_trim(void **state)
{
    enum { FRAMES = 20000 };
    struct fixture *f = *state;
    struct wal *w = open_wal(f, 20000, 0);
    struct side reader = {.f = f, .w = w}, syncer = {.f = f, .w = w};
    pthread_t a, b;
    assert_int_equal(pthread_create(&a, NULL, follow, &reader), 0);
    assert_int_equal(pthread_create(&b, NULL, sync_and_trim, &syncer), 0);
    static char bytes[500];
    for (int i = 0; i < FRAMES; i++) {
        uint64_t end;
        assert_int_equal(
            wal_append(w, slice_make(bytes, 1 + (size_t)(i * 37) % sizeof bytes), i, &end, &f->err),
            ST_OK);
        atomic_store(&syncer.read_to, atomic_load(&reader.read_to));
    }
    atomic_store(&reader.stop, true);
    pthread_join(a, NULL);
    atomic_store(&syncer.stop, true);
    pthread_join(b, NULL);
    if (reader.st != ST_OK)
        print_error("%s\n", reader.err.message);
    assert_int_equal(reader.st, ST_OK);
    assert_int_equal(syncer.st, ST_OK);
    assert_int_equal(reader.frames, FRAMES);
    wal_close(w);
}

int main(void)
{
    log_set_level(LOG_NOTHING);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wal_reader_next_follows_a_writer, setup_dir,
                                        teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_reader_next_large_frame, setup_dir, teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_reader_next_reports_a_gap, setup_dir,
                                        teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_reader_next_reports_damage, setup_dir,
                                        teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_reader_open_without_a_log, setup_dir,
                                        teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_reader_beside_writer_sync_and_trim, setup_dir,
                                        teardown_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

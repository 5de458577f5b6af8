/* The log's id, and frames from one log into another. */
#include "base/log.h"
#include "unit/wal/wal_fixture.h"

static void append_at(struct wal *w, const char *text, int64_t ms)
{
    uint64_t end;
    struct error err;
    assert_int_equal(wal_append(w, slice_str(text), ms, &end, &err), ST_OK);
}

/* "aaaa" at 100 ms, "bbbb" at 200, "cccc" at 300: sequences 10 to 22. */
static struct wal *source(struct fixture *f)
{
    struct wal *w = open_wal(f, 64, 10);
    append_at(w, "aaaa", 100);
    append_at(w, "bbbb", 200);
    append_at(w, "cccc", 300);
    return w;
}

static void pump_gives(struct wal_limit limit, uint64_t from, uint64_t end, bool wanted_more)
{
    void *a = NULL, *b = NULL;
    bool more = !wanted_more;
    assert_int_equal(setup_dir(&a), 0);
    assert_int_equal(setup_dir(&b), 0);
    struct fixture *f = a, *g = b;
    struct wal *w = source(f), *to = open_wal(g, 1 << 20, from);
    assert_int_equal(wal_pump(to, f->dir, &limit, NULL, NULL, &more, &f->err), ST_OK);
    assert_int_equal(wal_last_seq(to), end);
    assert_int_equal(more, wanted_more);
    wal_close(w);
    wal_close(to);
    assert_log_is(g, from,
                  end == 22   ? "aaaabbbbcccc" + (from - 10)
                  : end == 18 ? "aaaabbbb"
                  : end == 14 ? "aaaa"
                              : "");
    teardown_dir(&a);
    teardown_dir(&b);
}

static void test_wal_pump_limits(void **state)
{
    pump_gives(WAL_NO_LIMIT, 10, 22, false);
    pump_gives(WAL_NO_LIMIT, 14, 22, false);
    pump_gives((struct wal_limit){18, INT64_MAX}, 10, 18, false);
    pump_gives((struct wal_limit){17, INT64_MAX}, 10, 14, true); /* a frame counts whole */
    pump_gives((struct wal_limit){UINT64_MAX, 300}, 10, 18, true);
    pump_gives((struct wal_limit){UINT64_MAX, 301}, 10, 22, false);
    pump_gives((struct wal_limit){UINT64_MAX, 100}, 10, 10, true);
}

static void test_wal_pump_refuses_a_gap(void **state)
{
    struct fixture *f = *state;
    void *b = NULL;
    bool more;
    assert_int_equal(setup_dir(&b), 0);
    struct fixture *g = b;
    struct wal *w = source(f), *to = open_wal(g, 1 << 20, 5);
    struct wal_limit all = WAL_NO_LIMIT;
    assert_int_equal(wal_pump(to, f->dir, &all, NULL, NULL, &more, &f->err), ST_NOT_FOUND);
    wal_close(to);
    teardown_dir(&b);
    assert_int_equal(setup_dir(&b), 0);
    g = b;
    to = open_wal(g, 1 << 20, 12); /* in the midst of a frame */
    assert_int_equal(wal_pump(to, f->dir, &all, NULL, NULL, &more, &f->err), ST_CORRUPT);
    wal_close(to);
    wal_close(w);
    teardown_dir(&b);
}

static bool stop_at_once(void *arg, const struct wal_frame *f)
{
    *(int64_t *)arg = f->time_ms;
    return false;
}

static void test_wal_pump_stops_when_asked(void **state)
{
    struct fixture *f = *state;
    void *b = NULL;
    bool more;
    int64_t ms = 0;
    assert_int_equal(setup_dir(&b), 0);
    struct fixture *g = b;
    struct wal *w = source(f), *to = open_wal(g, 1 << 20, 10);
    struct wal_limit all = WAL_NO_LIMIT;
    assert_int_equal(wal_pump(to, f->dir, &all, stop_at_once, &ms, &more, &f->err), ST_CANCELLED);
    assert_int_equal(ms, 100);
    assert_int_equal(wal_last_seq(to), 14);
    wal_close(to);
    wal_close(w);
    teardown_dir(&b);
}

static void test_wal_id_tells_histories_apart(void **state)
{
    struct fixture *f = *state;
    char one[WAL_ID + 1], two[WAL_ID + 1];
    struct wal *w = source(f);
    wal_id(w, one);
    assert_int_equal(strlen(one), WAL_ID);
    wal_close(w);
    w = open_wal(f, 64, 10); /* a restart goes on */
    wal_id(w, two);
    assert_string_equal(one, two);
    assert_int_equal(wal_read_id(f->dir, two, &f->err), ST_OK);
    assert_string_equal(one, two);
    wal_new_id(w);
    wal_id(w, two);
    assert_string_not_equal(one, two);
    assert_int_equal(wal_reset(w, 22, &f->err), ST_OK);
    wal_id(w, one);
    assert_string_not_equal(one, two);
    wal_close(w);
    w = open_wal(f, 64, 100); /* the store is ahead of the log */
    wal_id(w, two);
    assert_string_not_equal(one, two);
    wal_close(w);
}

static void test_wal_id_that_is_damaged_is_made_anew(void **state)
{
    struct fixture *f = *state;
    char path[160], id[WAL_ID + 1];
    wal_close(source(f));
    (void)snprintf(path, sizeof path, "%s/ID", f->dir);
    write_file(path, "short", 5);
    assert_int_equal(wal_read_id(f->dir, id, &f->err), ST_NOT_FOUND);
    struct wal *w = open_wal(f, 64, 10);
    wal_id(w, id);
    assert_int_equal(strlen(id), WAL_ID);
    wal_close(w);
}

int main(void)
{
    log_set_level(LOG_NOTHING);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wal_pump_limits),
        cmocka_unit_test_setup_teardown(test_wal_pump_refuses_a_gap, setup_dir, teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_pump_stops_when_asked, setup_dir, teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_id_tells_histories_apart, setup_dir, teardown_dir),
        cmocka_unit_test_setup_teardown(test_wal_id_that_is_damaged_is_made_anew, setup_dir,
                                        teardown_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

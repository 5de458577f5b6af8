#include "storage/fault/fault.h"

#include "unit/storage/storage_fixture.h"

static struct stor *open_fault(struct fixture *f, const struct stor_option *options, size_t n)
{
    static const char *const spaces[] = {"one"};
    struct stor_config cfg = {.provider = "memory",
                              .path = f->path,
                              .spaces = spaces,
                              .nspaces = 1,
                              .options = options,
                              .noptions = n};
    struct stor *s = NULL;
    enum status st = stor_open_with(fault_wrap("memory"), &cfg, &s, &f->err);

    assert_int_equal(st == ST_OK, s != NULL);
    return s;
}

static void test_transparent(void **state)
{
    struct fixture *f = *state;
    struct stor *s = open_fault(f, NULL, 0);
    struct stor_txn *t;

    fault_clear();
    assert_int_equal(fixture_put(s, "a", "1", STOR_SYNC), ST_OK);
    assert_string_equal(fixture_get(s, "a"), "1");
    assert_int_equal(stor_txn_begin(s, &t, &f->err), ST_OK);
    assert_int_equal(stor_txn_put(t, 0, SLICE("b"), SLICE("2"), &f->err), ST_OK);
    assert_int_equal(stor_txn_commit(t, 0, &f->err), ST_OK);
    assert_string_equal(fixture_get(s, "b"), "2");
    assert_int_equal(fault_seen(FAULT_WRITE), 2);
    assert_int_equal(fault_seen(FAULT_SYNC), 1);
    assert_int_equal(fault_seen(FAULT_GET), 2);
    assert_int_equal(fault_hits(FAULT_WRITE), 0);
    stor_close(s);
    assert_null(fault_wrap("nothing"));
}

static void test_nth_write_fails(void **state)
{
    struct fixture *f = *state;
    struct stor *s = open_fault(f, NULL, 0);
    struct stor_metrics m;

    fault_clear();
    assert_int_equal(fault_set(FAULT_WRITE, "fail:full@2x2", &f->err), ST_OK);
    assert_int_equal(fixture_put(s, "a", "1", 0), ST_OK);
    assert_int_equal(fixture_put(s, "b", "1", 0), ST_FULL);
    assert_int_equal(fixture_put(s, "c", "1", 0), ST_FULL);
    assert_int_equal(fixture_put(s, "d", "1", 0), ST_OK);
    assert_null(fixture_get(s, "b"));
    assert_int_equal(fault_hits(FAULT_WRITE), 2);
    stor_metrics(s, &m);
    assert_int_equal(m.error_count, 2);
    assert_int_equal(m.write_operations, 2);
    assert_int_equal(fault_set(FAULT_SYNC, "fail@1x0", &f->err), ST_OK);
    assert_int_equal(fixture_put(s, "e", "1", STOR_SYNC), ST_IO);
    assert_int_equal(stor_sync(s, &f->err), ST_IO);
    assert_int_equal(fixture_put(s, "e", "1", 0), ST_OK);
    stor_close(s);
    fault_clear();
}

static void test_torn_write(void **state)
{
    struct fixture *f = *state;
    struct stor *s = open_fault(f, NULL, 0);
    struct stor_batch *b = stor_batch_new(s);

    fault_clear();
    assert_int_equal(fault_set(FAULT_WRITE, "tear@1", &f->err), ST_OK);
    stor_batch_put(b, 0, SLICE("a"), SLICE("1"));
    stor_batch_put(b, 0, SLICE("b"), SLICE("1"));
    assert_int_equal(stor_write(s, b, 0, &f->err), ST_IO);
    assert_string_equal(fixture_get(s, "a"), "1");
    assert_null(fixture_get(s, "b"));
    assert_int_equal(stor_write(s, b, 0, &f->err), ST_OK);
    assert_string_equal(fixture_get(s, "b"), "1");
    stor_batch_free(b);
    stor_close(s);
}

static void test_reads(void **state)
{
    struct fixture *f = *state;
    struct stor *s = open_fault(f, NULL, 0);
    struct buf v = BUF_INIT;

    fault_clear();
    fixture_put(s, "a", "1234", 0);
    fixture_put(s, "b", "1234", 0);
    assert_int_equal(fault_set(FAULT_GET, "fail:corrupt@1", &f->err), ST_OK);
    assert_int_equal(stor_get(s, NULL, 0, SLICE("a"), &v, &f->err), ST_CORRUPT);
    assert_non_null(strstr(f->err.message, "injected"));
    assert_int_equal(fault_set(FAULT_GET, "tear@1", &f->err), ST_OK);
    assert_int_equal(stor_get(s, NULL, 0, SLICE("a"), &v, &f->err), ST_OK);
    assert_int_equal(v.n, 2);
    assert_int_equal(fault_set(FAULT_GET, "delay:1@1", &f->err), ST_OK);
    assert_int_equal(stor_get(s, NULL, 0, SLICE("a"), &v, &f->err), ST_OK);
    assert_int_equal(v.n, 4);
    assert_int_equal(fault_set(FAULT_ITER, "fail@2", &f->err), ST_OK);
    struct stor_iter *it = stor_iter_new(s, 0, NULL);
    stor_iter_first(it);
    assert_true(stor_iter_valid(it));
    stor_iter_next(it);
    assert_false(stor_iter_valid(it));
    assert_int_equal(stor_iter_status(it, &f->err), ST_IO);
    stor_iter_free(it);
    stor_close(s);
    buf_free(&v);
}

/* A commit that cannot read what it compares fails and changes nothing. */
static void test_commit_with_failing_read(void **state)
{
    struct fixture *f = *state;
    struct stor *s = open_fault(f, NULL, 0);
    struct stor_txn *t;

    fault_clear();
    assert_int_equal(stor_txn_begin(s, &t, &f->err), ST_OK);
    assert_int_equal(stor_txn_put(t, 0, SLICE("a"), SLICE("1"), &f->err), ST_OK);
    fixture_put(s, "other", "1", 0);
    assert_int_equal(fault_set(FAULT_GET, "fail@1", &f->err), ST_OK);
    assert_int_equal(stor_txn_commit(t, 0, &f->err), ST_IO);
    assert_null(fixture_get(s, "a"));
    stor_close(s);
}

static void test_options(void **state)
{
    static const struct stor_option good[] = {{"fault.write", "fail:denied@1"},
                                              {"max_entries", "5"}};
    static const struct stor_option open_fails = {"fault.open", "fail@1"};
    static const char *const bad[] = {"",        "fail",     "fail@0",   "fail@",
                                      "@1",      "fail:x@1", "delay:@1", "delay:99999999@1",
                                      "fail@1x", "fail@1xx"};
    struct fixture *f = *state;

    fault_clear();
    struct stor *s = open_fault(f, good, 2);
    assert_int_equal(fixture_put(s, "a", "1", 0), ST_DENIED);
    stor_close(s);
    assert_null(open_fault(f, &open_fails, 1));
    assert_int_equal(f->err.code, ST_IO);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(fault_set(FAULT_WRITE, bad[i], &f->err), ST_INVALID);
    fault_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_transparent), CASE(test_nth_write_fails),          CASE(test_torn_write),
        CASE(test_reads),       CASE(test_commit_with_failing_read), CASE(test_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

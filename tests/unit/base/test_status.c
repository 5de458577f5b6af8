#include "base/status.h"

#include "unit/cmocka_all.h"

#include <errno.h>
#include <string.h>

static void test_status_name_never_null(void **state)
{
    assert_string_equal(status_name(ST_OK), "ok");
    assert_string_equal(status_name(ST_INTERNAL), "internal error");
    assert_string_equal(status_name((enum status)1000), "unknown status");
    for (int i = ST_OK; i <= ST_INTERNAL; i++)
        assert_true(strlen(status_name((enum status)i)) > 1);
}

static void test_error_set_formats_and_cuts(void **state)
{
    struct error e;
    assert_int_equal(error_set(&e, ST_RANGE, "%d too %s", 5, "big"), ST_RANGE);
    assert_int_equal(e.code, ST_RANGE);
    assert_string_equal(e.message, "5 too big");
    error_set(&e, ST_RANGE, "%01000d", 1);
    assert_int_equal(strlen(e.message), ERROR_MESSAGE_MAX - 1);
    assert_int_equal(error_set(NULL, ST_BUSY, "x"), ST_BUSY);
}

static void test_error_set_errno_maps(void **state)
{
    static const struct {
        int number;
        enum status want;
    } rows[] = {
        {ENOSPC, ST_FULL},      {EDQUOT, ST_FULL},   {EACCES, ST_DENIED},    {EPERM, ST_DENIED},
        {ENOENT, ST_NOT_FOUND}, {EEXIST, ST_EXISTS}, {ENOMEM, ST_NO_MEMORY}, {EIO, ST_IO},
    };
    struct error e;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(error_set_errno(&e, rows[i].number, "open %s", "f"), rows[i].want);
        assert_int_equal(e.code, rows[i].want);
        assert_int_equal(error_set_errno(NULL, rows[i].number, "x"), rows[i].want);
    }
    assert_string_equal(e.message, "open f: Input/output error");
    error_set_errno(&e, EIO, "%0300d", 1);
    assert_int_equal(strlen(e.message), ERROR_MESSAGE_MAX - 1);
}

static void test_error_prefix_puts_in_front(void **state)
{
    struct error e;
    error_set(&e, ST_CORRUPT, "bad frame");
    assert_int_equal(error_prefix(&e, "segment %d", 3), ST_CORRUPT);
    assert_string_equal(e.message, "segment 3: bad frame");
    error_prefix(&e, "%0300d", 1);
    assert_int_equal(strlen(e.message), ERROR_MESSAGE_MAX - 1);
    assert_int_equal(error_prefix(NULL, "x"), ST_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_name_never_null),
        cmocka_unit_test(test_error_set_formats_and_cuts),
        cmocka_unit_test(test_error_set_errno_maps),
        cmocka_unit_test(test_error_prefix_puts_in_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The bitmap commands: answers, effects. bits.h has a test of its own. */
#include "unit/cmocka_all.h"
#include "unit/commands/fixture.h"

#include <stdio.h>
#include <string.h>

static void test_bits(void **state)
{
    static const struct fixture_step steps[] = {
        {"SETBIT k 7 1", ":0"},
        {"SETBIT k 7 1", ":1"},
        {"GETBIT k 7", ":1"},
        {"GETBIT k 4294967295", ":0"},
        {"GET k", "\"\\x01\""},
        {"SETBIT k 16 0", ":0"},
        {"STRLEN k", ":3"},
        {"SETBIT k -1 1", "-ERR bit offset is not an integer or out of range"},
        {"SETBIT k 4294967296 1", "-ERR bit offset is not an integer or out of range"},
        {"SETBIT k 1 2", "-ERR bit is not an integer or out of range"},
        {"SETBIT k 1 x", "-ERR bit is not an integer or out of range"},
        {"SET n 1", "+OK"},
        {"SETBIT n 6 1", ":0"},
        {"GET n", "\"3\""},
    };
    FIXTURE_STEPS(steps);
    fixture_propagates("SETBIT k 7 1", "");
    fixture_propagates("SETBIT k 7 0", "SETBIT k 7 0");
    fixture_propagates("SETBIT k 30 0", "SETBIT k 30 0");
}

static void test_bitcount_bitpos(void **state)
{
    static const struct fixture_step steps[] = {
        {"SET k foobar", "+OK"},
        {"BITCOUNT k", ":26"},
        {"BITCOUNT k 0 0", ":4"},
        {"BITCOUNT k -2 -1", ":7"},
        {"BITCOUNT k -1 -2", ":0"},
        {"BITCOUNT k 5 30 BIT", ":17"},
        {"BITCOUNT k 1 1 BYTE", ":6"},
        {"BITCOUNT k 0", "-ERR syntax error"},
        {"BITCOUNT k 0 1 BITS", "-ERR syntax error"},
        {"BITCOUNT k 0 x", "-ERR value is not an integer or out of range"},
        {"BITCOUNT k x 0 BIT y", "-ERR syntax error"},
        {"BITCOUNT none 0 x", ":0"},
        {"BITPOS k 1", ":1"},
        {"BITPOS k 0 1 1 BYTE", ":8"},
        {"BITPOS k 1 2 3 BIT", ":2"},
        {"BITPOS k 1 x 3 BIT", "-ERR value is not an integer or out of range"},
        {"BITPOS k 1 x 3 4 BIT", "-ERR syntax error"},
        {"BITPOS k 2", "-ERR The bit argument must be 1 or 0."},
        {"BITPOS none 1", ":-1"},
        {"BITPOS none 0", ":0"},
        {"SET k \"\\xff\\xff\"", "+OK"},
        {"BITPOS k 0", ":16"},
        {"BITPOS k 0 1", ":16"},
        {"BITPOS k 0 0 -1", ":-1"},
        {"BITPOS k 1 5", ":-1"},
        {"SET k \"\"", "+OK"},
        {"BITPOS k 0", ":-1"},
        {"BITCOUNT k", ":0"},
    };
    FIXTURE_STEPS(steps);
}

static void test_bitop(void **state)
{
    static const struct fixture_step steps[] = {
        {"MSET a \"\\x0f\\xff\" b \"\\x3c\"", "+OK"},
        {"BITOP AND d a b", ":2"},
        {"GET d", "\"\\x0c\\x00\""},
        {"BITOP or d a b", ":2"},
        {"GET d", "\"?\\xff\""},
        {"BITOP XOR d a b none", ":2"},
        {"GET d", "\"3\\xff\""},
        {"BITOP NOT d a", ":2"},
        {"GET d", "\"\\xf0\\x00\""},
        {"BITOP NOT d a b", "-ERR BITOP NOT must be called with a single source key."},
        {"BITOP NAND d a b", "-ERR syntax error"},
        {"BITOP AND a a b", ":2"},
        {"GET a", "\"\\x0c\\x00\""},
        {"BITOP OR d none", ":0"},
        {"EXISTS d", ":0"},
    };
    FIXTURE_STEPS(steps);
    fixture_propagates("BITOP OR d a b", "BITOP OR d a b");
    fixture_propagates("BITOP OR d none", "BITOP OR d none");
    fixture_propagates("BITOP OR d none", "");
}

static void test_bitfield(void **state)
{
    static const struct fixture_step steps[] = {
        {"BITFIELD k SET i8 0 -100 GET u8 0 GET i8 0", "[:0, :156, :-100]"},
        {"BITFIELD k INCRBY u8 #1 255 INCRBY u8 #1 3", "[:255, :2]"},
        {"BITFIELD k OVERFLOW SAT INCRBY u8 #1 255", "[:255]"},
        {"BITFIELD k OVERFLOW FAIL INCRBY u8 #1 1 GET u8 #1", "[nil, :255]"},
        {"BITFIELD k OVERFLOW SAT SET u4 0 77 GET u4 0", "[:9, :15]"},
        {"BITFIELD k GET i64 100 GET u63 1", "[:0, :9006917779764281344]"},
        {"BITFIELD_RO k GET u8 8", "[:255]"},
        {"BITFIELD_RO k SET u8 8 1", "-ERR BITFIELD_RO only supports the GET subcommand"},
        {"BITFIELD k GET u64 0", "-ERR Invalid bitfield type. Use something like i16 u8. Note that "
                                 "u64 is not supported but i64 is."},
        {"BITFIELD k GET i0 0", "-ERR Invalid bitfield type. Use something like i16 u8. Note that "
                                "u64 is not supported but i64 is."},
        {"BITFIELD k GET i8 -1", "-ERR bit offset is not an integer or out of range"},
        {"BITFIELD k GET i8 #x", "-ERR bit offset is not an integer or out of range"},
        {"BITFIELD k OVERFLOW FOO", "-ERR Invalid OVERFLOW type specified"},
        {"BITFIELD k SET i8 0 x", "-ERR value is not an integer or out of range"},
        {"BITFIELD k FOO", "-ERR syntax error"},
        {"BITFIELD k", "[]"},
        {"BITFIELD none GET u8 0", "[:0]"},
        {"EXISTS none", ":0"},
    };
    FIXTURE_STEPS(steps);
    fixture_propagates("BITFIELD k GET u8 0", "");
    fixture_propagates("BITFIELD k SET u8 0 1", "BITFIELD k SET u8 0 1");
    fixture_propagates("BITFIELD k SET u8 0 1", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_bits, fixture_reset),
        cmocka_unit_test_setup(test_bitcount_bitpos, fixture_reset),
        cmocka_unit_test_setup(test_bitop, fixture_reset),
        cmocka_unit_test_setup(test_bitfield, fixture_reset),
    };
    return cmocka_run_group_tests_name("bitmap", tests, fixture_setup, fixture_teardown);
}

/* Replies as tapes, and JSON made of them in pieces. */
#include "wire/http/tape_codec.h"

#include "unit/cmocka_all.h"

#include <string.h>

/* The JSON is the same however small the pieces are. */
static void assert_json(const struct buf *tape, const char *want)
{
    for (size_t piece = 1; piece < 64; piece += 7) {
        struct buf all = BUF_INIT, out = BUF_INIT;
        struct tape_writer w;
        bool last = false;
        tape_writer_init(&w, buf_slice(tape), 0);
        while (!last) {
            buf_clear(&out);
            last = tape_write(&w, &out, piece);
            buf_put_slice(&all, buf_slice(&out));
        }
        assert_string_equal(buf_cstr(&all), want);
        buf_free(&all);
        buf_free(&out);
    }
}

static void test_tape_write_scalars(void **state)
{
    struct buf t = BUF_INIT;
    tape_put(&t, TAPE_ARRAY, 9);
    tape_put_text(&t, TAPE_STRING, SLICE("a\"\\\n\x01\x7f/"));
    tape_put_text(&t, TAPE_STRING, SLICE("\xff\xfe"));
    tape_put(&t, TAPE_INT, (uint64_t)-7);
    tape_put_text(&t, TAPE_REAL, SLICE("1.5e+20"));
    tape_put_text(&t, TAPE_REAL, SLICE("inf"));
    tape_put_text(&t, TAPE_BIGNUM, SLICE("123456789012345678901234567890"));
    tape_put(&t, TAPE_BOOL, 1);
    tape_put(&t, TAPE_NULL, 0);
    tape_put_text(&t, TAPE_ERROR, SLICE("WRONGTYPE of no use"));
    assert_json(&t, "[\"a\\\"\\\\\\n\\u0001\\u007f/\",{\"base64\":\"//4=\"},-7,1.5e+20,\"inf\","
                    "\"123456789012345678901234567890\",true,null,"
                    "{\"code\":\"WRONGTYPE\",\"message\":\"of no use\"}]");
    buf_free(&t);
}

static void test_tape_write_maps(void **state)
{
    struct buf t = BUF_INIT;
    tape_put(&t, TAPE_MAP, 5);
    tape_put_text(&t, TAPE_STRING, SLICE("a"));
    tape_put(&t, TAPE_MAP, 0);
    tape_put(&t, TAPE_INT, 3);
    tape_put(&t, TAPE_ARRAY, 0);
    tape_put_text(&t, TAPE_STRING, SLICE("\xff"));
    tape_put(&t, TAPE_NULL, 0);
    tape_put(&t, TAPE_ARRAY, 1);
    tape_put(&t, TAPE_MAP, 1);
    tape_put(&t, TAPE_INT, 1);
    tape_put(&t, TAPE_INT, 2);
    tape_put(&t, TAPE_BOOL, 0);
    tape_put(&t, TAPE_BOOL, 1);
    tape_put(&t, TAPE_NULL, 0);
    tape_put(&t, TAPE_INT, 4);
    assert_json(&t, "{\"a\":{},\"3\":[],\"base64:/w==\":null,\"(aggregate)\":false,\"true\":null}");
    buf_free(&t);
}

static void test_tape_write_replies(void **state)
{
    struct buf t = BUF_INIT;
    tape_put(&t, TAPE_ARRAY, 2);
    tape_put(&t, TAPE_REPLIES, 3);
    tape_put(&t, TAPE_INT, 1);
    tape_put_text(&t, TAPE_ERROR, SLICE("no code"));
    tape_put(&t, TAPE_ARRAY, 1);
    tape_put_text(&t, TAPE_ERROR, SLICE("ERR"));
    tape_put(&t, TAPE_REPLY, 1);
    tape_put_text(&t, TAPE_STRING, SLICE(""));
    assert_json(&t, "[[{\"result\":1},{\"error\":{\"code\":\"ERR\",\"message\":\"no code\"}},"
                    "{\"result\":[{\"code\":\"ERR\",\"message\":\"\"}]}],{\"result\":\"\"}]");
    buf_free(&t);
}

static void test_tape_write_deep(void **state)
{
    struct buf t = BUF_INIT, out = BUF_INIT;
    struct tape_writer w;
    for (int i = 0; i < 100000; i++)
        tape_put(&t, TAPE_ARRAY, 1);
    tape_put(&t, TAPE_INT, 1);
    tape_writer_init(&w, buf_slice(&t), 0);
    assert_true(tape_write(&w, &out, SIZE_MAX));
    assert_int_equal(out.n, 2 * (TAPE_DEPTH_MAX - 1) + 4);
    assert_non_null(strstr(buf_cstr(&out), "[null]"));
    buf_free(&t);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tape_write_scalars),
        cmocka_unit_test(test_tape_write_maps),
        cmocka_unit_test(test_tape_write_replies),
        cmocka_unit_test(test_tape_write_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

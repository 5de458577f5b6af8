#include "storage/dump.h"

#include "base/mem.h"
#include "storage/compress.h"
#include "unit/cmocka_all.h"

struct seen {
    struct buf text;
};

static enum status see_space(void *arg, struct slice name, struct error *err)
{
    struct seen *s = arg;

    buf_printf(&s->text, "[%.*s]", SLICE_FMT(name));
    return ST_OK;
}

static enum status see_entry(void *arg, struct slice key, struct slice value, struct error *err)
{
    struct seen *s = arg;

    buf_put_quoted(&s->text, key);
    buf_put_byte(&s->text, '=');
    buf_put_quoted(&s->text, value);
    return ST_OK;
}

static enum status read_text(struct slice text, struct seen *s, uint64_t *sequence,
                             struct error *err)
{
    struct dump_reader r = {.arg = s, .space = see_space, .entry = see_entry};

    buf_clear(&s->text);
    enum status st = dump_read(text, &r, err);
    if (sequence)
        *sequence = r.sequence;
    return st;
}

static void write_sample(struct buf *out)
{
    struct dump_writer w;

    dump_begin(&w, out, 42);
    dump_space(&w, SLICE("one"));
    assert_true(dump_entry(&w, SLICE("key"), SLICE("a \"quoted\" \\ value")));
    assert_true(dump_entry(&w, slice_make("\0\x1f\x7f\xff", 4), SLICE("")));
    dump_space(&w, SLICE("empty"));
    dump_end(&w);
}

static void test_round_trip(void **state)
{
    struct buf text = BUF_INIT;
    struct seen s = {BUF_INIT};
    uint64_t sequence;

    write_sample(&text);
    assert_int_equal(read_text(buf_slice(&text), &s, &sequence, NULL), ST_OK);
    assert_int_equal(sequence, 42);
    assert_string_equal(buf_cstr(&s.text), "[one]\"key\"=\"a \\\"quoted\\\" \\\\ value\""
                                           "\"\\x00\\x1f\\x7f\\xff\"=\"\"[empty]");
    for (size_t i = 0; i < text.n; i++)
        assert_true((text.p[i] >= 0x20 && text.p[i] < 0x7f) || text.p[i] == '\n');
    buf_free(&text);
    buf_free(&s.text);
}

static void test_white_space_and_escapes(void **state)
{
    struct seen s = {BUF_INIT};
    struct slice text = SLICE(" {\n\"format\" : 1 ,\t\"sequence\":0,\"spaces\" : { \"s\" : {"
                              " \"a\\n\" : \"\\/\\u00E9\" } } , \"entries\":1 } \n");

    assert_int_equal(read_text(text, &s, NULL, NULL), ST_OK);
    assert_string_equal(buf_cstr(&s.text), "[s]\"a\\n\"=\"/\\xe9\"");
    buf_free(&s.text);
}

/* Every cut is noticed, and so is what JSON allows but a dump does not. */
static void test_damage(void **state)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"format\":1,\"sequence\":0,\"spaces\":{},\"entries\":1}",
        "{\"format\":1,\"sequence\":0,\"spaces\":{},\"entries\":0}x",
        "{\"format\":1,\"sequence\":-1,\"spaces\":{},\"entries\":0}",
        "{\"format\":1,\"sequence\":0,\"spaces\":{\"s\":{\"a\":1}},\"entries\":1}",
        "{\"format\":1,\"sequence\":0,\"spaces\":{\"s\":{\"\\u0100\":\"\"}},\"entries\":1}",
        "{\"format\":1,\"sequence\":0,\"spaces\":{\"s\":{\"\xc3\":\"\"}},\"entries\":1}",
    };
    struct buf text = BUF_INIT;
    struct seen s = {BUF_INIT};
    struct error err;

    write_sample(&text);
    for (size_t n = 0; n + 1 < text.n; n++)
        assert_int_equal(read_text(slice_make(text.p, n), &s, NULL, NULL), ST_CORRUPT);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(read_text(slice_str(bad[i]), &s, NULL, &err), ST_CORRUPT);
    assert_int_equal(read_text(SLICE("{\"format\":2,"), &s, NULL, &err), ST_TOO_NEW);
    buf_free(&text);
    buf_free(&s.text);
}

static void test_compression(void **state)
{
    static const enum stor_compression all[] = {STOR_PLAIN, STOR_GZIP, STOR_LZ4, STOR_ZSTD};
    struct buf text = BUF_INIT, packed = BUF_INIT, back = BUF_INIT;

    for (int i = 0; i < 100000; i++)
        buf_printf(&text, "{\"line\":%d}", i * 7919);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        buf_clear(&packed);
        buf_clear(&back);
        assert_int_equal(stor_compress(all[i], buf_slice(&text), &packed, NULL), ST_OK);
        assert_true(all[i] == STOR_PLAIN || packed.n < text.n / 2);
        assert_int_equal(stor_decompress(buf_slice(&packed), &back, NULL), ST_OK);
        assert_true(slice_eq(buf_slice(&text), buf_slice(&back)));
        if (all[i] == STOR_PLAIN)
            continue;
        buf_clear(&back);
        assert_int_equal(stor_decompress(slice_make(packed.p, packed.n - 3), &back, NULL),
                         ST_CORRUPT);
        packed.p[packed.n / 2] ^= 1;
        buf_clear(&back);
        assert_int_equal(stor_decompress(buf_slice(&packed), &back, NULL), ST_CORRUPT);
    }
    /* Members one after the other are one text. */
    buf_clear(&packed);
    buf_clear(&back);
    assert_int_equal(stor_compress(STOR_GZIP, SLICE("{one"), &packed, NULL), ST_OK);
    assert_int_equal(stor_compress(STOR_GZIP, SLICE(" two}"), &packed, NULL), ST_OK);
    assert_int_equal(stor_decompress(buf_slice(&packed), &back, NULL), ST_OK);
    assert_string_equal(buf_cstr(&back), "{one two}");
    buf_free(&text);
    buf_free(&packed);
    buf_free(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_white_space_and_escapes),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_compression),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/buf.h"
#include "base/hash.h"
#include "unit/cmocka_all.h"
#include "value/binary_codec.h"
#include "value/json_codec.h"
#include "value/row.h"
#include "value/text.h"

#include <math.h>
#include <stdio.h>

static struct value decimal(const char *text)
{
    struct value v;
    assert_true(value_decimal(slice_str(text), &v));
    return v;
}

static struct value text(const char *s)
{
    return value_string(slice_str(s));
}

/* In ascending order; every kind is there. */
static size_t all(struct value *v)
{
    static const struct slice labels[] = {{"Person", 6}, {"Admin", 5}};
    static struct value_member props[2], members[2], fewer[1];
    static struct value_node n1, n2;
    static struct value_rel r1;
    static struct value items[3], path[3];
    static const struct value_instant t1 = {
        .seconds = 1700000000, .nanos = 5, .offset = 3600, .zone = {"Europe/Oslo", 11}};
    static const struct value_instant t2 = {.seconds = 1700000001, .nanos = 0};
    static const struct value_duration d1 = {
        .months = 14, .days = 3, .seconds = -2, .nanos = 500000000};
    static const struct value_duration d2 = {.months = 14, .days = 3, .seconds = 7};
    static const float floats[] = {1.5F, -0.25F};
    props[0] = (struct value_member){SLICE("name"), text("Ada")};
    props[1] = (struct value_member){SLICE("age"), value_int(36)};
    n1 = (struct value_node){
        .id = 1, .labels = labels, .nlabels = 2, .properties = props, .nproperties = 2};
    n2 = (struct value_node){.id = 2};
    r1 = (struct value_rel){.id = 7,
                            .start = 1,
                            .end = 2,
                            .type = SLICE("KNOWS"),
                            .properties = props,
                            .nproperties = 1};
    items[0] = value_int(1);
    items[1] = text("two");
    items[2] = value_null();
    path[0] = value_node(&n1);
    path[1] = value_rel(&r1);
    path[2] = value_node(&n2);
    members[0] = (struct value_member){SLICE("b"), value_array(items, 3)};
    members[1] = (struct value_member){SLICE("a"), value_bool(true)};
    fewer[0] = (struct value_member){SLICE("a"), value_bool(true)};
    size_t n = 0;
    v[n++] = value_bool(false);
    v[n++] = value_bool(true);
    v[n++] = value_float(-INFINITY);
    v[n++] = decimal("-99999999999999999999.5");
    v[n++] = value_int(INT64_MIN);
    v[n++] = decimal("-1.50");
    v[n++] = value_int(-1);
    v[n++] = value_float(0);
    v[n++] = value_float(5e-324);
    v[n++] = decimal("0.1");
    v[n++] = value_float(0.1); /* a little more */
    v[n++] = value_int(1);
    v[n++] = value_float(9007199254740992.0);
    v[n++] = value_int(9007199254740993);
    v[n++] = value_int(INT64_MAX);
    v[n++] = value_float(9223372036854775808.0);
    v[n++] = decimal("9223372036854775808.1");
    v[n++] = value_float(INFINITY);
    v[n++] = value_float(NAN);
    v[n++] = text("");
    v[n++] = text("a");
    v[n++] = text("a\xc3\xb8");
    v[n++] = value_bytes(SLICE("\0\xff"));
    v[n++] = value_date(-719529);
    v[n++] = value_date(19000);
    v[n++] = value_time(3600000000000, 3600);
    v[n++] = value_time(3600000000000, 0);
    v[n++] = value_local_time(86399999999999);
    v[n++] = value_local_datetime(-1, 999999999);
    v[n++] = value_datetime(&t1);
    v[n++] = value_datetime(&t2);
    v[n++] = value_duration(&d1);
    v[n++] = value_duration(&d2);
    v[n++] = value_uuid("0123456789abcdef");
    v[n++] = value_array(items, 0);
    v[n++] = value_array(items, 3);
    v[n++] = value_object(fewer, 1);
    v[n++] = value_object(members, 2);
    v[n++] = value_node(&n1);
    v[n++] = value_node(&n2);
    v[n++] = value_rel(&r1);
    v[n++] = value_path(path, 3);
    v[n++] = value_vector(floats, 2);
    v[n++] = value_null();
    return n;
}

static void test_value_is_small(void **state)
{
    assert_int_equal(sizeof(struct value), 16);
}

static void test_value_cmp_is_a_total_order(void **state)
{
    struct value v[64];
    size_t n = all(v);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            int want = (i > j) - (i < j), got = value_cmp(&v[i], &v[j]);
            if ((got > 0) - (got < 0) != want)
                fail_msg("values %zu and %zu: %d", i, j, got);
        }
}

static void test_value_equal_numbers_have_equal_hashes(void **state)
{
    static const struct {
        double f;
        const char *d;
    } rows[] = {{1, "1.00"},
                {0.5, "0.5"},
                {-0.0, "0"},
                {9007199254740993.0, "9007199254740992"},
                {1e19, "10000000000000000000"},
                {-9223372036854775808.0, "-9223372036854775808"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct value f = value_float(rows[i].f), d = decimal(rows[i].d);
        assert_int_equal(value_cmp(&f, &d), 0);
        assert_true(value_hash(&f, 7) == value_hash(&d, 7));
        if (fabs(rows[i].f) < 9e18 && floor(rows[i].f) == rows[i].f) {
            struct value k = value_int((int64_t)rows[i].f);
            assert_true(value_eq(&k, &d) && value_hash(&k, 7) == value_hash(&d, 7));
        }
    }
}

static void test_value_objects_are_equal_in_any_order(void **state)
{
    struct value_member a[] = {{SLICE("x"), value_int(1)}, {SLICE("y"), value_int(2)}};
    struct value_member b[] = {{SLICE("y"), value_float(2)}, {SLICE("x"), value_int(1)}};
    struct value va = value_object(a, 2), vb = value_object(b, 2);
    assert_true(value_eq(&va, &vb));
    assert_true(value_hash(&va, 1) == value_hash(&vb, 1));
    assert_true(value_hash(&va, 1) != value_hash(&va, 2));
    assert_int_equal(value_get(&va, SLICE("y"))->u.i, 2);
    assert_null(value_get(&va, SLICE("z")));
}

static void test_value_decimal_forms(void **state)
{
    static const char *const bad[] = {"",    "-",  ".5",   "1.",  "01", "-01",
                                      "1e5", "+1", "1.5x", "--1", " 1"};
    struct value v;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (value_decimal(slice_str(bad[i]), &v))
            fail_msg("taken: %s", bad[i]);
    assert_true(value_decimal(SLICE("-0.00"), &v));
    assert_true(slice_eq(value_slice(&v), SLICE("0.00")));
}

static void test_value_copy_points_nowhere_else(void **state)
{
    struct value v[64], copy;
    size_t n = all(v);
    struct arena *a = arena_new(1024);
    for (size_t i = 0; i < n; i++) {
        assert_true(value_copy(a, &v[i], &copy));
        assert_true(value_eq(&v[i], &copy));
        assert_true(value_size(&copy) == value_size(&v[i]) && value_size(&v[i]) >= sizeof copy);
    }
    arena_free(a);
}

static void test_value_copy_stops_at_the_limit(void **state)
{
    struct arena *a = arena_new(1024);
    arena_set_limit(a, 8192);
    struct value copy, v = text("0123456789abcdefghijklmnopqrstuvwxyz");
    size_t n = 0;
    while (value_copy(a, &v, &copy))
        n++;
    assert_in_range(n, 100, 8192 / 36);
    assert_true(arena_bytes(a) <= 8192);
    arena_free(a);
}

static void test_value_binary_round_trip(void **state)
{
    struct value v[64], back;
    size_t n = all(v);
    struct arena *a = arena_new(1024);
    struct error err;
    for (size_t i = 0; i < n; i++) {
        struct buf b = BUF_INIT;
        value_binary_write(&v[i], &b);
        struct reader r = reader_make(buf_slice(&b));
        assert_int_equal(value_binary_read(&r, a, &back, &err), ST_OK);
        assert_int_equal(reader_left(&r), 0);
        assert_int_equal(back.kind, v[i].kind);
        assert_true(value_eq(&v[i], &back));
        /* Cut anywhere, it is none. */
        for (size_t cut = 0; cut < b.n; cut++) {
            r = reader_make(slice_make(b.p, cut));
            assert_int_equal(value_binary_read(&r, a, &back, &err), ST_CORRUPT);
        }
        buf_free(&b);
    }
    arena_free(a);
}

static void expect_json(struct value v, const char *want)
{
    struct buf b = BUF_INIT;
    value_json_write(&v, &b);
    assert_string_equal(buf_cstr(&b), want);
    buf_free(&b);
}

static void test_value_json_write_forms(void **state)
{
    struct value v[64];
    size_t n = all(v);
    expect_json(v[0], "false");
    expect_json(v[n - 1], "null");
    expect_json(value_float(1), "1.0");
    expect_json(value_float(NAN), "null");
    expect_json(value_float(1e300), "1e+300");
    expect_json(decimal("1.50"), "1.50");
    expect_json(text("q\"\\\n\x01\xff\xed\xa0\x80\xc3\xb8"),
                "\"q\\\"\\\\\\n\\u0001\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xc3\xb8\"");
    expect_json(value_bytes(SLICE("any carnal pleas")), "\"YW55IGNhcm5hbCBwbGVhcw==\"");
    expect_json(v[n - 6], "{\"id\":1,\"labels\":[\"Person\",\"Admin\"],\"properties\":{\"name\":"
                          "\"Ada\",\"age\":36}}");
    expect_json(
        v[n - 4],
        "{\"id\":7,\"type\":\"KNOWS\",\"start\":1,\"end\":2,\"properties\":{\"name\":\"Ada\"}}");
    expect_json(v[n - 7], "{\"b\":[1,\"two\",null],\"a\":true}");
    expect_json(v[n - 2], "[1.5,-0.25]");
}

static void test_value_json_read_forms(void **state)
{
    static const struct {
        const char *text;
        enum status st;
    } bad[] = {{"", ST_SYNTAX},
               {"[1,]", ST_SYNTAX},
               {"{\"a\":1,\"a\":2}", ST_SYNTAX},
               {"1 2", ST_SYNTAX},
               {"99999999999999999999", ST_RANGE},
               {"1e999", ST_RANGE},
               {"\"\xff\"", ST_SYNTAX}};
    struct arena *a = arena_new(1024);
    struct value v;
    struct error err;
    const char *text = " {\"z\":[1,2.5,null,true,\"\\u0000x\"],\"a\":{}} ";
    assert_int_equal(value_json_read(slice_str(text), a, &v, &err), ST_OK);
    struct buf b = BUF_INIT;
    value_json_write(&v, &b);
    assert_string_equal(buf_cstr(&b), "{\"z\":[1,2.5,null,true,\"\\u0000x\"],\"a\":{}}");
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (value_json_read(slice_str(bad[i].text), a, &v, &err) != bad[i].st)
            fail_msg("%s: %d %s", bad[i].text, err.code, err.message);
    buf_clear(&b);
    for (int i = 0; i < 4000; i++)
        buf_put_byte(&b, '[');
    assert_int_equal(value_json_read(buf_slice(&b), a, &v, &err), ST_TOO_LONG);
    buf_clear(&b);
    for (int i = 0; i < 200; i++)
        buf_put_byte(&b, '[');
    for (int i = 0; i < 200; i++)
        buf_put_byte(&b, ']');
    assert_int_equal(value_json_read(buf_slice(&b), a, &v, &err), ST_TOO_LONG);
    arena_set_limit(a, arena_bytes(a) + 100);
    assert_int_equal(value_json_read(slice_make(b.p, 0), a, &v, &err), ST_SYNTAX);
    buf_free(&b);
    arena_free(a);
}

static void expect_text(struct value v, const char *want)
{
    struct buf b = BUF_INIT;
    assert_true(value_text(&v, &b));
    assert_string_equal(buf_cstr(&b), want);
    buf_free(&b);
}

static void test_value_text_of_times(void **state)
{
    struct value v[64];
    (void)all(v);
    expect_text(value_date(0), "1970-01-01");
    expect_text(value_date(-719529), "-0001-12-31");
    expect_text(value_date(11016), "2000-02-29");
    expect_text(value_date(2932897), "+10000-01-01");
    expect_text(value_time(3600000000000, -5400), "01:00:00-01:30");
    expect_text(value_local_time(1), "00:00:00.000000001");
    expect_text(value_local_datetime(-1, 500000000), "1969-12-31T23:59:59.5");
    struct value_instant t = {
        .seconds = 1700000000, .nanos = 5, .offset = 3600, .zone = SLICE("Europe/Oslo")};
    expect_text(value_datetime(&t), "2023-11-14T23:13:20.000000005+01:00[Europe/Oslo]");
    struct value_duration d = {.months = 14, .days = 3, .seconds = -2, .nanos = 500000000};
    expect_text(value_duration(&d), "P1Y2M3DT-1.5S");
    d = (struct value_duration){.seconds = -1, .nanos = 500000000};
    expect_text(value_duration(&d), "PT-0.5S");
    d = (struct value_duration){.seconds = 3661};
    expect_text(value_duration(&d), "PT1H1M1S");
    d = (struct value_duration){.seconds = 0};
    expect_text(value_duration(&d), "PT0S");
    expect_text(value_uuid("\x12\x34\x56\x78\x9a\xbc\xde\xf0\x12\x34\x56\x78\x9a\xbc\xde\xf0"),
                "12345678-9abc-def0-1234-56789abcdef0");
    expect_text(value_bytes(SLICE("\xde\xad")), "\\xdead");
}

static void test_value_calendar_there_and_back(void **state)
{
    for (int64_t day = -1000000; day < 4000000; day += 137) {
        int64_t year;
        unsigned month, dom;
        value_civil_from_days(day, &year, &month, &dom);
        assert_in_range(month, 1, 12);
        assert_in_range(dom, 1, 31);
        assert_int_equal(value_days_from_civil(year, month, dom), day);
    }
}

static void test_row_batch_fills_up(void **state)
{
    struct row_batch *b = row_batch_new(2, 3, 0);
    struct value row[2] = {value_int(1), text("one")};
    assert_true(row_batch_add_copy(b, row));
    struct value *mine = row_batch_add(b);
    assert_int_equal(mine[1].kind, VALUE_NULL);
    row_batch_drop_last(b);
    assert_true(row_batch_add_copy(b, row) && row_batch_add_copy(b, row));
    assert_true(row_batch_full(b));
    assert_null(row_batch_add(b));
    assert_false(row_batch_starved(b));
    assert_int_equal(row_batch_rows(b), 3);
    assert_true(slice_eq(value_slice(&row_batch_row(b, 2)[1]), SLICE("one")));
    row_batch_reset(b, 1);
    assert_int_equal(row_batch_rows(b), 0);
    assert_true(row_batch_add_copy(b, row));
    row_batch_free(b);
}

static void test_row_batch_starves(void **state)
{
    static char big[100000];
    struct row_batch *b = row_batch_new(1, 10, 50000);
    struct value v = value_bytes(slice_make(big, sizeof big));
    assert_false(row_batch_add_copy(b, &v));
    assert_true(row_batch_starved(b));
    v = value_bytes(slice_make(big, 30000));
    row_batch_reset(b, 1);
    assert_true(row_batch_add_copy(b, &v));
    assert_false(row_batch_add_copy(b, &v));
    assert_false(row_batch_starved(b));
    row_batch_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_is_small),
        cmocka_unit_test(test_value_cmp_is_a_total_order),
        cmocka_unit_test(test_value_equal_numbers_have_equal_hashes),
        cmocka_unit_test(test_value_objects_are_equal_in_any_order),
        cmocka_unit_test(test_value_decimal_forms),
        cmocka_unit_test(test_value_copy_points_nowhere_else),
        cmocka_unit_test(test_value_copy_stops_at_the_limit),
        cmocka_unit_test(test_value_binary_round_trip),
        cmocka_unit_test(test_value_json_write_forms),
        cmocka_unit_test(test_value_json_read_forms),
        cmocka_unit_test(test_value_text_of_times),
        cmocka_unit_test(test_value_calendar_there_and_back),
        cmocka_unit_test(test_row_batch_fills_up),
        cmocka_unit_test(test_row_batch_starves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

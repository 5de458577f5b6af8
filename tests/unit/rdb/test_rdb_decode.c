/* Values of every type and encoding, as redis-server 7.2 dumps them or, for old encodings, put together by their layout. */
#include "rdb/rdb_decode.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "base/num.h"
#include "rdb/rdb_codec.h"
#include "rdb/rdb_format.h"
#include "rdb/rdb_modules.h"
#include "rdb/rdb_seq.h"
#include "unit/cmocka_all.h"

#include <inttypes.h>

/* -- Values as text ------------------------------------------------------------------------------------------------------ */

static enum status on_string(void *arg, struct slice value, struct error *err)
{
    buf_printf(arg, "\"%.*s\"", SLICE_FMT(value));
    return ST_OK;
}

static enum status on_begin(void *arg, enum kv_type type, unsigned rdb_type, uint64_t count,
                            struct error *err)
{
    static const char *const names[] = {[KV_LIST] = "list",
                                        [KV_SET] = "set",
                                        [KV_ZSET] = "zset",
                                        [KV_HASH] = "hash",
                                        [KV_STREAM] = "stream"};
    buf_put_str(arg, names[type]);
    return ST_OK;
}

static enum status on_element(void *arg, struct slice a, struct slice b, struct error *err)
{
    buf_printf(arg, b.p ? " %.*s=%.*s" : " %.*s", SLICE_FMT(a), SLICE_FMT(b));
    return ST_OK;
}

static enum status on_scored(void *arg, struct slice member, double score, struct error *err)
{
    char text[NUM_BUF];
    num_format_double(text, score);
    buf_printf(arg, " %.*s=%s", SLICE_FMT(member), text);
    return ST_OK;
}

static void put_id(struct buf *b, struct kv_stream_id id)
{
    buf_printf(b, "%" PRIu64 "-%" PRIu64, id.ms, id.seq);
}

static enum status on_entry(void *arg, const struct kv_stream_place *at, const struct slice *argv,
                            size_t pairs, struct error *err)
{
    buf_put_str(arg, kv_stream_id_cmp(at->id, at->node) == 0 ? " | " : " ");
    put_id(arg, at->id);
    buf_put_str(arg, at->gone ? "(gone" : "(");
    for (size_t i = 0; i < pairs; i++)
        buf_printf(arg, " %.*s=%.*s", SLICE_FMT(argv[2 * i]), SLICE_FMT(argv[2 * i + 1]));
    buf_put_str(arg, ")");
    return ST_OK;
}

static enum status on_numbers(void *arg, struct kv_stream_id last, uint64_t added,
                              struct kv_stream_id max_gone, struct error *err)
{
    buf_put_str(arg, " last ");
    put_id(arg, last);
    buf_printf(arg, " added %" PRIu64 " gone ", added);
    put_id(arg, max_gone);
    return ST_OK;
}

static enum status on_group(void *arg, const struct rdb_stream_group *g, struct error *err)
{
    buf_printf(arg, " group %.*s ", SLICE_FMT(g->name));
    put_id(arg, g->last);
    buf_printf(arg, " read %" PRId64, g->entries_read);
    return ST_OK;
}

static enum status on_consumer(void *arg, const struct rdb_stream_consumer *c, struct error *err)
{
    buf_printf(arg, " consumer %.*s%s", SLICE_FMT(c->name), c->active_ms < 0 ? "(never)" : "");
    return ST_OK;
}

static enum status on_pending(void *arg, struct kv_stream_id id, int64_t delivered_ms,
                              uint64_t deliveries, struct error *err)
{
    buf_put_str(arg, " ");
    put_id(arg, id);
    buf_printf(arg, "*%" PRIu64, deliveries);
    return ST_OK;
}

static enum status on_module(void *arg, uint64_t id, struct slice parts, struct error *err)
{
    buf_printf(arg, "module %" PRIx64 " %zu bytes", id, parts.n);
    return ST_OK;
}

static enum status decode(unsigned type, struct slice in, struct buf *out)
{
    struct error err = {.message = ""};
    const struct rdb_sink sink = {out,         on_string,  on_begin,   on_element,
                                  on_scored,   on_entry,   on_numbers, on_group,
                                  on_consumer, on_pending, on_module};
    struct reader r = reader_make(in);
    buf_clear(out);
    enum status st = rdb_decode(&r, type, true, &sink, &err);
    if (st == ST_OK)
        assert_int_equal(reader_left(&r), 0);
    return st;
}

/* -- Good ones ------------------------------------------------------------------------------------------------------------ */

#define BYTES(literal) literal, sizeof(literal) - 1

static const struct value {
    const char *name;
    unsigned type;
    const char *bytes;
    size_t n;
    const char *text;
} values[] = {
    {"string", RDB_STRING, BYTES("\x0b\x68\x65\x6c\x6c\x6f\x20\x77\x6f\x72\x6c\x64"),
     "\"hello world\""},
    {"string_int", RDB_STRING, BYTES("\xc1\x39\x30"), "\"12345\""},
    {"string_lzf", RDB_STRING, BYTES("\xc3\x0a\x40\x50\x02\x61\x62\x61\xe0\x42\x01\x01\x61\x62"),
     "\"abababababababababababababababababababababababababababababababababababababababab\""},
    {"list", RDB_LIST, BYTES("\x02\x01\x61\x01\x62"), "list a b"},
    {"list_ziplist", RDB_LIST_ZIPLIST,
     BYTES(
         "\x40\x7f\x7f\x00\x00\x00\x78\x00\x00\x00\x08\x00\x00\x01\x61\x03\xf6\x02\xfe\x64\x03\xc0"
         "\xd4\xfe\x04\xf0\x70\x11\x01\x05\xe0\x00\xf2\x05\x2a\x01\x00\x00\x00\x0a\x40\x50\x79\x79"
         "\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79"
         "\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79"
         "\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79"
         "\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x53\xd0\x00\x94\x35\x77\xff"),
     "list a 5 100 -300 70000 5000000000 "
     "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy 2000000000"},
    {"list_quicklist", RDB_LIST_QUICKLIST,
     BYTES("\x02\x40\x7f\x7f\x00\x00\x00\x78\x00\x00\x00\x08\x00\x00\x01\x61\x03\xf6\x02\xfe\x64"
           "\x03\xc0\xd4\xfe\x04\xf0\x70\x11\x01\x05\xe0\x00\xf2\x05\x2a\x01\x00\x00\x00\x0a\x40"
           "\x50\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79"
           "\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79"
           "\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79"
           "\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x53\xd0\x00"
           "\x94\x35\x77\xff\x0e\x0e\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x01\x71\xff"),
     "list a 5 100 -300 70000 5000000000 "
     "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy 2000000000 "
     "q"},
    {"list_quicklist2", RDB_LIST_QUICKLIST_2,
     BYTES("\x01\x02\xc3\x2a\x40\x6a\x18\x6a\x00\x00\x00\x07\x00\x81\x61\x02\x01\x01\xdf\xfb\x02"
           "\xc1\x2c\x02\xf2\x70\x11\x01\x04\xe0\x46\x78\xe0\x3c\x00\x0b\x48\xf4\x00\xe6\x8e\xe7"
           "\xfd\xff\xff\xff\x09\xff"),
     "list a 1 -5 300 70000 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx "
     "-9000000000"},
    {"set_intset", RDB_SET_INTSET,
     BYTES("\x14\x04\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x70\x11\x01\x00"),
     "set 1 2 70000"},
    {"set_listpack", RDB_SET_LISTPACK,
     BYTES("\x0f\x0f\x00\x00\x00\x03\x00\x81\x61\x02\x81\x62\x02\x01\x01\xff"), "set a b 1"},
    {"zset", RDB_ZSET, BYTES("\x02\x01\x61\x03\x31\x2e\x35\x01\x62\xfe"), "zset a=1.5 b=inf"},
    {"zset2", RDB_ZSET_2,
     BYTES("\x02\x01\x62\x00\x00\x00\x00\x00\x00\x04\x40\xc3\x09\x40\x41\x01\x61\x61\xe0\x34\x00"
           "\x01\x61\x61\x00\x00\x00\x00\x00\x00\xf0\x3f"),
     "zset b=2.5 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1"},
    {"zset_ziplist", RDB_ZSET_ZIPLIST,
     BYTES("\x18\x18\x00\x00\x00\x12\x00\x00\x00\x04\x00\x00\x01\x6d\x03\xf2\x02\x01\x6e\x03\x03"
           "\x32\x2e\x35\xff"),
     "zset m=1 n=2.5"},
    {"zset_listpack", RDB_ZSET_LISTPACK,
     BYTES("\x1d\x1d\x00\x00\x00\x06\x00\x81\x63\x02\x84\x2d\x69\x6e\x66\x05\x81\x61\x02\x01\x01"
           "\x81\x62\x02\x83\x32\x2e\x35\x04\xff"),
     "zset c=-inf a=1 b=2.5"},
    {"hash_zipmap", RDB_HASH_ZIPMAP,
     BYTES("\x0f\x02\x01\x61\x02\x00\x76\x76\x01\x62\x01\x02\x77\x58\x58\xff"), "hash a=vv b=w"},
    {"hash_ziplist", RDB_HASH_ZIPLIST,
     BYTES(
         "\x40\x7f\x7f\x00\x00\x00\x78\x00\x00\x00\x08\x00\x00\x01\x61\x03\xf6\x02\xfe\x64\x03\xc0"
         "\xd4\xfe\x04\xf0\x70\x11\x01\x05\xe0\x00\xf2\x05\x2a\x01\x00\x00\x00\x0a\x40\x50\x79\x79"
         "\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79"
         "\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79"
         "\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79"
         "\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x79\x53\xd0\x00\x94\x35\x77\xff"),
     "hash a=5 100=-300 70000=5000000000 "
     "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy=2000000000"},
    {"hash_listpack", RDB_HASH_LISTPACK,
     BYTES("\x12\x12\x00\x00\x00\x04\x00\x81\x66\x02\x81\x76\x02\x81\x6e\x02\x07\x01\xff"),
     "hash f=v n=7"},
    {"set", RDB_SET,
     BYTES("\x02\x01"
           "a\xc0\x07"),
     "set a 7"},
    {"hash", RDB_HASH,
     BYTES("\x02\x01"
           "f\x01"
           "v\xc0\x07\x00"),
     "hash f=v 7="},
    {"list_plain_node", RDB_LIST_QUICKLIST_2,
     BYTES("\x01\x01\x03"
           "abc"),
     "list abc"},
    {"stream", RDB_STREAM_LISTPACKS_3,
     BYTES("\x01\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x40\x43\x43"
           "\x00\x00\x00\x19\x00\x02\x01\x01\x01\x02\x01\x81\x66\x02\x81\x67\x02\x00\x01\x02\x01"
           "\x00\x01\x00\x01\x81\x76\x02\x01\x01\x05\x01\x03\x01\x01\x01\x00\x01\x81\x77\x02\x02"
           "\x01\x05\x01\x00\x01\x02\x01\xdf\xff\x02\x01\x01\x85\x6f\x74\x68\x65\x72\x06\x01\x01"
           "\x06\x01\xff\x02\x03\x00\x01\x01\x02\x01\x03\x01\x03\x67\x72\x70\x03\x00\x03\x02\x00"
           "\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x03\x0c\xc6\xf9\xa1\x01"
           "\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x03\x0c"
           "\xc6\xf9\xa1\x01\x00\x00\x01\x02\x04\x63\x6f\x6e\x73\x03\x0c\xc6\xf9\xa1\x01\x00\x00"
           "\x03\x0c\xc6\xf9\xa1\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00"
           "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x04"
           "\x69\x64\x6c\x65\x03\x0c\xc6\xf9\xa1\x01\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00"),
     "stream | 1-1( f=v g=1) 2-1(gone f=w g=2) 3-0( other=1) last 3-0 added 3 gone 2-1"
     " group grp 3-0 read 3 consumer cons 1-1*1 3-0*1 consumer idle(never)"},
};

static void test_decode_each_encoding(void **state)
{
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        enum status st = decode(values[i].type, slice_make(values[i].bytes, values[i].n), &out);
        if (st != ST_OK || strcmp(buf_cstr(&out), values[i].text) != 0)
            fail_msg("%s: %s: %s", values[i].name, status_name(st), buf_cstr(&out));
    }
    buf_free(&out);
}

static void test_skip_ends_where_decoding_ends(void **state)
{
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct reader r = reader_make(slice_make(values[i].bytes, values[i].n));
        assert_true(rdb_skip_value(&r, values[i].type));
        assert_int_equal(reader_left(&r), 0);
        r = reader_make(slice_make(values[i].bytes, values[i].n - 1));
        assert_false(rdb_skip_value(&r, values[i].type));
    }
}

/* -- Bad ones ------------------------------------------------------------------------------------------------------------- */

/* An exact copy each time, so that a sanitizer sees a read past the end. */
static void test_decode_refuses_every_cut(void **state)
{
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        for (size_t n = 0; n < values[i].n; n++) {
            char *copy = mem_alloc(n + 1);
            memcpy(copy, values[i].bytes, n);
            enum status st = decode(values[i].type, slice_make(copy, n), &out);
            if (st != ST_CORRUPT)
                fail_msg("%s cut at %zu: %s", values[i].name, n, status_name(st));
            mem_free(copy);
        }
    }
    buf_free(&out);
}

static void test_decode_survives_every_changed_byte(void **state)
{
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        char *copy = mem_alloc(values[i].n);
        memcpy(copy, values[i].bytes, values[i].n);
        for (size_t at = 0; at < values[i].n; at++)
            for (int change = 1; change < 256; change++) {
                struct error err;
                copy[at] ^= (char)change;
                struct reader r = reader_make(slice_make(copy, values[i].n));
                enum status st = rdb_decode(&r, values[i].type, true, NULL, &err);
                assert_true(st == ST_OK || st == ST_CORRUPT || st == ST_NOT_FOUND);
                copy[at] ^= (char)change;
            }
        mem_free(copy);
    }
    buf_free(&out);
}

static void test_decode_refuses(void **state)
{
    static const struct value bad[] = {
        {"set twice", RDB_SET,
         BYTES("\x02\x01"
               "a\x01"
               "a"),
         "Duplicate set members detected"},
        {"hash twice", RDB_HASH,
         BYTES("\x02\x01"
               "a\x01"
               "1\x01"
               "a\x01"
               "2"),
         "Hash with dup elements"},
        {"zset twice", RDB_ZSET,
         BYTES("\x02\x01"
               "a\x01"
               "1\x01"
               "a\x01"
               "2"),
         "Duplicate zset fields detected"},
        {"nan", RDB_ZSET,
         BYTES("\x01\x01"
               "a\xfd"),
         "Zset with NAN score detected"},
        {"intset out of order", RDB_SET_INTSET,
         BYTES("\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x02\x00\x01\x00"),
         "Intset integrity check failed."},
        {"listpack twice", RDB_SET_LISTPACK,
         BYTES("\x0b\x0b\x00\x00\x00\x02\x00\x01\x01\x01\x01\xff"),
         "Set listpack integrity check failed."},
        {"odd", RDB_HASH_LISTPACK, BYTES("\x09\x09\x00\x00\x00\x01\x00\x01\x01\xff"),
         "Hash listpack integrity check failed."},
        {"zipmap too long", RDB_HASH_ZIPMAP,
         BYTES("\x06\x01\x01"
               "a\x05\x00\xff"),
         "Zipmap integrity check failed."},
        {"ziplist's tail", RDB_LIST_ZIPLIST,
         BYTES("\x0d\x0d\x00\x00\x00\x0b\x00\x00\x00\x01\x00\x00\xf2\xff"),
         "List ziplist integrity check failed."},
        {"form of node", RDB_LIST_QUICKLIST_2,
         BYTES("\x01\x03\x01"
               "a"),
         "Quicklist integrity check failed."},
        {"module", RDB_MODULE_2, BYTES("\x81\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
         "The RDB file contains module data I can't load: no matching module type 'AAAAAAAAA'"},
        {"unknown", 22, BYTES("\x00"), "Unknown RDB encoding type 22"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct error err = {.message = ""};
        struct reader r = reader_make(slice_make(bad[i].bytes, bad[i].n));
        assert_int_not_equal(rdb_decode(&r, bad[i].type, true, NULL, &err), ST_OK);
        if (strcmp(err.message, bad[i].text) != 0)
            fail_msg("%s: %s", bad[i].name, err.message);
    }
}

static bool knows(uint64_t id)
{
    return id >> 10 == 1;
}

static void test_decode_module(void **state)
{
    static const struct rdb_modules modules = {.knows = knows};
    static const char good[] = "\x44\x05\x02\x40\xff\x01\x05\x03\x00\x00\xc0\x3f\x04"
                               "12345678\x05\x02hi\x00";
    struct buf out = BUF_INIT;
    rdb_set_modules(&modules);
    struct slice in = slice_make(good, sizeof good - 1);
    assert_int_equal(decode(RDB_MODULE_2, in, &out), ST_OK);
    assert_string_equal(buf_cstr(&out), "module 405 24 bytes");
    for (size_t n = 0; n < in.n; n++) {
        struct reader r = reader_make(slice_make(good, n));
        assert_int_equal(decode(RDB_MODULE_2, slice_make(good, n), &out), ST_CORRUPT);
        assert_false(rdb_skip_value(&r, RDB_MODULE_2));
    }
    assert_int_equal(decode(RDB_MODULE_2, SLICE("\x44\x05\x06\x00"), &out), ST_CORRUPT);
    assert_int_equal(decode(RDB_MODULE_2, SLICE("\x48\x05\x00"), &out), ST_UNSUPPORTED);
    rdb_set_modules(NULL);
    assert_int_equal(decode(RDB_MODULE_2, in, &out), ST_UNSUPPORTED);
    buf_free(&out);
}

static void test_decode_empty_is_not_found(void **state)
{
    static const struct value none[] = {
        {"list", RDB_LIST, BYTES("\x00"), ""},
        {"hash", RDB_HASH, BYTES("\x00"), ""},
        {"quicklist of an empty ziplist", RDB_LIST_QUICKLIST,
         BYTES("\x01\x0b\x0b\x00\x00\x00\x0a\x00\x00\x00\x00\x00\xff"), ""},
        {"listpack", RDB_ZSET_LISTPACK, BYTES("\x07\x07\x00\x00\x00\x00\x00\xff"), ""},
    };
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        struct error err;
        struct reader r = reader_make(slice_make(none[i].bytes, none[i].n));
        assert_int_equal(rdb_decode(&r, none[i].type, true, NULL, &err), ST_NOT_FOUND);
    }
}

/* A set of bytes of a stream, changed where each check has to see it. */
static void test_decode_stream_refuses(void **state)
{
    static const struct {
        size_t at;
        uint8_t byte;
        const char *text;
    } changes[] = {
        {1, 15, "Stream node key entry is not the size of a stream ID"},
        {26, 3, "Stream listpack integrity check failed."}, /* entries */
        {38, 1, "Stream listpack integrity check failed."}, /* the zero behind the names */
        {51, 6, "Stream listpack integrity check failed."}, /* items of an entry */
        {55, 0, "Stream listpack integrity check failed."}, /* an ID twice */
    };
    const struct value *v = &values[COUNT_OF(values) - 1];
    char *copy = mem_alloc(v->n);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        struct error err = {.message = ""};
        memcpy(copy, v->bytes, v->n);
        copy[changes[i].at] = (char)changes[i].byte;
        struct reader r = reader_make(slice_make(copy, v->n));
        assert_int_equal(rdb_decode(&r, v->type, true, NULL, &err), ST_CORRUPT);
        if (strcmp(err.message, changes[i].text) != 0)
            fail_msg("byte %zu: %s", changes[i].at, err.message);
    }
    mem_free(copy);
}

/* -- Listpacks ------------------------------------------------------------------------------------------------------------ */

static void test_listpack_gives_what_was_put(void **state)
{
    static const int64_t ints[] = {
        0,         127,      128,    -1,      4095,    4096,     -4096,     -4097,
        32767,     32768,    -32769, 8388607, 8388608, -8388609, 1LL << 31, -(1LL << 31) - 1,
        INT64_MAX, INT64_MIN};
    static const size_t sizes[] = {0,    1,    63,    64,    125,   126,    127,
                                   4095, 4096, 16370, 16383, 70000, 2097150};
    struct rdb_listpack l = {.b = BUF_INIT};
    char *bytes = mem_alloc(2097150);
    memset(bytes, 'x', 2097150);
    rdb_listpack_begin(&l);
    size_t cost = RDB_LISTPACK_EMPTY;
    for (size_t i = 0; i < COUNT_OF(ints); i++) {
        char text[NUM_BUF];
        struct slice s = slice_make(text, num_format_int(text, ints[i]));
        rdb_listpack_put(&l, s);
        cost += rdb_listpack_item(s);
    }
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        rdb_listpack_put(&l, slice_make(bytes, sizes[i]));
        cost += rdb_listpack_item(slice_make(bytes, sizes[i]));
    }
    struct slice all = rdb_listpack_end(&l);
    assert_int_equal(all.n, cost);
    struct rdb_seq q;
    struct rdb_item item;
    assert_true(rdb_seq_open(&q, RDB_LISTPACK, all));
    for (size_t i = 0; i < COUNT_OF(ints); i++) {
        assert_int_equal(rdb_seq_next(&q, &item), RDB_NEXT_ITEM);
        assert_true(item.is_int && item.i == ints[i]);
    }
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        assert_int_equal(rdb_seq_next(&q, &item), RDB_NEXT_ITEM);
        assert_true(!item.is_int && slice_eq(item.s, slice_make(bytes, sizes[i])));
    }
    assert_int_equal(rdb_seq_next(&q, &item), RDB_NEXT_END);
    mem_free(bytes);
    buf_free(&l.b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode_each_encoding),
        cmocka_unit_test(test_skip_ends_where_decoding_ends),
        cmocka_unit_test(test_decode_refuses_every_cut),
        cmocka_unit_test(test_decode_survives_every_changed_byte),
        cmocka_unit_test(test_decode_refuses),
        cmocka_unit_test(test_decode_module),
        cmocka_unit_test(test_decode_empty_is_not_found),
        cmocka_unit_test(test_decode_stream_refuses),
        cmocka_unit_test(test_listpack_gives_what_was_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

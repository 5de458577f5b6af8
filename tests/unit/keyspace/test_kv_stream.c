/* Streams: encodings, the nodes that Redis would have, trimming, consumer groups. */
#include "../cmocka_all.h"
#include "base/clock.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv_stream_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY SLICE("s")

static char dir[64];
static struct kv *kv;
static struct kv_rec *rec;
static struct error err;
static uint64_t rng;

static unsigned rnd(unsigned n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (unsigned)(rng % n);
}

static int setup_stream(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/orbit_kv_stream_XXXXXX");
    assert_non_null(mkdtemp(dir));
    rng = 88172645463325252ULL;
    keyspace_opts.stream_node_max_bytes = 4096;
    keyspace_opts.stream_node_max_entries = 100;
    assert_int_equal(kv_open(dir, NULL, &kv, &err), ST_OK);
    assert_int_equal(kv_stream_make(kv, 0, KEY, &rec, &err), ST_OK);
    return 0;
}

static int teardown_stream(void **state)
{
    char cmd[96];
    kv_edit_end(kv, rec, 1);
    assert_int_equal(kv_close(kv, &err), ST_OK);
    snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    return system(cmd);
}

static struct kv_stream_id id_of(uint64_t ms, uint64_t seq)
{
    return (struct kv_stream_id){ms, seq};
}

static void add(uint64_t ms, uint64_t seq)
{
    struct slice pair[] = {SLICE("field"), SLICE("value")};
    assert_int_equal(kv_stream_add(rec, id_of(ms, seq), pair, 1, &err), ST_OK);
}

static bool del(uint64_t ms, uint64_t seq)
{
    bool found;
    assert_int_equal(kv_stream_del(rec, id_of(ms, seq), &found, &err), ST_OK);
    return found;
}

static struct kv_stream_info info(void)
{
    struct kv_stream_info s;
    kv_stream_info(rec, &s);
    return s;
}

/* All nodes as text: first/last/live/gone. */
static const char *nodes(void)
{
    static char text[1024];
    struct kv_stream_walk w;
    struct kv_stream_node n;
    size_t at = 0;
    uint64_t count, seen = 0;
    bool found;
    text[0] = 0;
    assert_int_equal(kv_stream_walk_nodes(rec, &w, &err), ST_OK);
    for (;;) {
        assert_int_equal(kv_stream_next_node(&w, &found, &n, &err), ST_OK);
        if (!found)
            break;
        seen++;
        at += (size_t)snprintf(text + at, sizeof text - at, "%d/%d/%d/%d ", (int)n.first.ms,
                               (int)n.last.ms, (int)n.live, (int)n.gone);
    }
    assert_int_equal(kv_stream_nodes(rec, &count, &err), ST_OK);
    assert_int_equal(count, seen);
    return text;
}

/* -- Encodings ------------------------------------------------------------------------------------------------------------- */

static void test_entry_round_trip(void **state)
{
    char big[300];
    memset(big, 'b', sizeof big);
    struct slice argv[] = {SLICE("a"), SLICE(""), SLICE(""), slice_make(big, sizeof big)};
    struct kv_sbytes b;
    struct kv_stream_entry e;
    struct slice field, value;
    assert_true(kv__sentry_encode(&b, argv, 2));
    assert_true(kv__sentry_decode(kv__sbytes_slice_of(&b), &e));
    assert_int_equal(e.pairs, 2);
    for (int i = 0; i < 4; i += 2) {
        assert_true(kv_stream_pair(&e, &field, &value));
        assert_true(slice_eq(field, argv[i]));
        assert_true(slice_eq(value, argv[i + 1]));
    }
    assert_false(kv_stream_pair(&e, &field, &value));
    kv__sbytes_close(&b);
}

static void test_entry_damaged(void **state)
{
    struct kv_stream_entry e;
    struct slice field, value;
    assert_false(kv__sentry_decode(SLICE(""), &e));
    assert_false(kv__sentry_decode(SLICE("\x02\x00\x00"), &e)); /* two pairs do not fit */
    assert_true(kv__sentry_decode(SLICE("\x01\x09zz"), &e));    /* a length beyond the end */
    assert_true(kv_stream_pair(&e, &field, &value));
    assert_int_equal(field.n, 0);
    assert_int_equal(value.n, 0);
}

static void test_records_round_trip(void **state)
{
    char b[KV_SRECORD_MAX];
    struct kv_stream_group g = {.no = 300, .last = {1, UINT64_MAX}, .entries_read = -1}, g2;
    struct kv_stream_consumer c = {.no = 1, .seen_ms = 5, .active_ms = -1}, c2;
    struct kv_stream_pending p = {.consumer = UINT64_MAX >> 16,
                                  .delivered_ms = 1,
                                  .deliveries = UINT64_MAX},
                             p2 = {.id = {0, 0}};
    struct kv_snode n = {.n = {.last = {7, 8}, .live = UINT32_MAX, .gone = 1},
                         .bytes = 4000,
                         .fields = 3},
                    n2 = {.bytes = 0};
    assert_true(kv__sgroup_decode(slice_make(b, kv__sgroup_encode(&g, b)), &g2));
    assert_memory_equal(&g, &g2, sizeof g);
    assert_true(kv__sconsumer_decode(slice_make(b, kv__sconsumer_encode(&c, b)), &c2));
    assert_memory_equal(&c, &c2, sizeof c);
    assert_true(kv__spending_decode(slice_make(b, kv__spending_encode(&p, b)), &p2));
    assert_memory_equal(&p, &p2, sizeof p);
    size_t len = kv__snode_encode(&n, b);
    assert_true(kv__snode_decode(slice_make(b, len), &n2));
    assert_memory_equal(&n, &n2, sizeof n);
    assert_false(kv__snode_decode(slice_make(b, len - 1), &n2));
}

static void test_listpack_sizes(void **state)
{
    static const struct {
        int64_t v;
        unsigned bytes;
    } ints[] = {{0, 2},        {127, 2},        {128, 3},       {-1, 3},      {4095, 3},
                {4096, 4},     {-4097, 4},      {32768, 5},     {8388607, 5}, {8388608, 6},
                {-8388609, 6}, {1LL << 31, 10}, {INT64_MIN, 10}};
    char text[20000];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < COUNT_OF(ints); i++)
        assert_int_equal(kv__listpack_int(ints[i].v), ints[i].bytes);
    assert_int_equal(kv__listpack_str(SLICE("12")), 2);
    assert_int_equal(kv__listpack_str(SLICE("012")), 5);
    assert_int_equal(kv__listpack_str(SLICE("")), 2);
    assert_int_equal(kv__listpack_str(slice_make(text, 63)), 65);
    assert_int_equal(kv__listpack_str(slice_make(text, 64)), 67);
    assert_int_equal(kv__listpack_str(slice_make(text, 125)), 128);
    assert_int_equal(kv__listpack_str(slice_make(text, 126)), 130);
    assert_int_equal(kv__listpack_str(slice_make(text, 20000)), 20008);
}

/* -- Nodes ----------------------------------------------------------------------------------------------------------------- */

static void test_nodes_follow_entries(void **state)
{
    keyspace_opts.stream_node_max_entries = 3;
    assert_string_equal(nodes(), "");
    for (int i = 1; i <= 8; i++)
        add((uint64_t)i, 0);
    assert_string_equal(nodes(), "1/3/3/0 4/6/3/0 7/8/2/0 ");
    assert_true(del(5, 0));
    assert_false(del(5, 0));
    assert_true(del(1, 0));
    assert_string_equal(nodes(), "1/3/2/1 4/6/2/1 7/8/2/0 ");
    assert_int_equal(info().first.ms, 2);
    assert_true(del(4, 0));
    assert_true(del(6, 0));
    assert_string_equal(nodes(), "1/3/2/1 7/8/2/0 ");
    /* without its last node, the one before takes entries again, up to its own limits */
    assert_true(del(7, 0));
    assert_true(del(8, 0));
    assert_string_equal(nodes(), "1/3/2/1 ");
    keyspace_opts.stream_node_max_entries = 4;
    add(9, 0);
    add(10, 0);
    assert_string_equal(nodes(), "1/9/3/1 10/10/1/0 ");
    assert_int_equal(info().added, 10);
    assert_int_equal(info().length, 4);
}

/* An empty node of these entries takes 22 bytes: frame 7, two counts of 2, the first one's fields 11. Each entry takes 15, and
 * enters as long as the 10 bytes of its field and value keep the node below the limit. */
static void test_nodes_by_bytes(void **state)
{
    keyspace_opts.stream_node_max_bytes = 60;
    for (int i = 1; i <= 5; i++)
        add((uint64_t)i, 0);
    assert_string_equal(nodes(), "1/2/2/0 3/4/2/0 5/5/1/0 ");
}

/* Nodes of a radix tree over these keys, counted by building the tree of all bytes. */
static unsigned radix_nodes(const unsigned char (*keys)[16], size_t n, unsigned depth)
{
    unsigned sum = 0;
    bool run = false;
    while (depth < 16) {
        size_t parts = 1;
        for (size_t i = 1; i < n; i++)
            parts += keys[i][depth] != keys[i - 1][depth];
        if (parts > 1)
            break;
        run = true;
        depth++;
    }
    sum = 1 + (run ? 1 : 0); /* the run before, and this parting or end */
    for (size_t i = 0; depth < 16 && i < n;) {
        size_t j = i;
        while (j < n && keys[j][depth] == keys[i][depth])
            j++;
        sum += radix_nodes(keys + i, j - i, depth + 1);
        i = j;
    }
    return sum;
}

static void check_radix_nodes(void)
{
    static unsigned char keys[300][16];
    struct kv_stream_walk w;
    struct kv_stream_node node;
    size_t n = 0;
    bool found;
    assert_int_equal(kv_stream_walk_nodes(rec, &w, &err), ST_OK);
    for (;; n++) {
        assert_int_equal(kv_stream_next_node(&w, &found, &node, &err), ST_OK);
        if (!found)
            break;
        kv__stream_put_id((char *)keys[n], node.first);
    }
    assert_int_equal(info().tree_nodes,
                     n ? radix_nodes((const unsigned char(*)[16])keys, n, 0) : 1);
}

static void test_radix_tree_nodes(void **state)
{
    struct kv_stream_id ids[250], id = {0, 0};
    static const uint64_t steps[] = {1, 2, 255, 256, 65536, 1ULL << 40};
    keyspace_opts.stream_node_max_entries = 1;
    for (int i = 0; i < 250; i++) {
        if (rnd(3) == 0) {
            id.ms += steps[rnd(6)];
            id.seq = rnd(2) ? 0 : rnd(1000);
        } else {
            id.seq += steps[rnd(6)];
        }
        ids[i] = id;
        add(id.ms, id.seq);
        check_radix_nodes();
    }
    for (int left = 250; left > 0; left--) {
        unsigned i = rnd((unsigned)left);
        assert_true(del(ids[i].ms, ids[i].seq));
        ids[i] = ids[left - 1];
        check_radix_nodes();
    }
    assert_int_equal(info().tree_nodes, 1);
    assert_int_equal(info().length, 0);
}

static uint64_t trim(struct kv_stream_trim how)
{
    uint64_t dropped;
    assert_int_equal(kv_stream_trim(rec, &how, &dropped, &err), ST_OK);
    return dropped;
}

static void test_trim(void **state)
{
    keyspace_opts.stream_node_max_entries = 10;
    for (int i = 1; i <= 55; i++)
        add((uint64_t)i, 0);
    assert_int_equal(trim((struct kv_stream_trim){.length = 55}), 0);
    assert_int_equal(trim((struct kv_stream_trim){.length = 42, .approx = true}), 10);
    assert_int_equal(trim((struct kv_stream_trim){.length = 0, .approx = true, .limit = 19}), 10);
    assert_int_equal(trim((struct kv_stream_trim){.length = 33}), 2);
    assert_string_equal(nodes(), "21/30/8/2 31/40/10/0 41/50/10/0 51/55/5/0 ");
    assert_int_equal(info().first.ms, 23);
    assert_int_equal(trim((struct kv_stream_trim){.by_id = true, .min = {31, 0}, .approx = true}),
                     8);
    assert_int_equal(trim((struct kv_stream_trim){.by_id = true, .min = {40, 0}, .approx = true}),
                     0);
    assert_int_equal(trim((struct kv_stream_trim){.by_id = true, .min = {40, 0}}), 9);
    assert_string_equal(nodes(), "31/40/1/9 41/50/10/0 51/55/5/0 ");
    assert_int_equal(trim((struct kv_stream_trim){.by_id = true, .min = {100, 0}}), 16);
    assert_string_equal(nodes(), "");
    assert_int_equal(info().length, 0);
    assert_true(kv_stream_id_zero(info().first));
    assert_int_equal(info().last.ms, 55);
}

/* A node whose highest entry was deleted before stays when the rest of it is trimmed by ID. */
static void test_trim_node_of_deleted(void **state)
{
    add(1, 0);
    add(2, 0);
    assert_true(del(2, 0));
    assert_int_equal(trim((struct kv_stream_trim){.by_id = true, .min = {2, 0}}), 1);
    assert_string_equal(nodes(), "1/2/0/2 ");
    assert_int_equal(info().length, 0);
    add(3, 0);
    assert_string_equal(nodes(), "1/3/1/2 ");
    assert_int_equal(info().first.ms, 3);
}

static enum status load(uint64_t ms, uint64_t node, bool gone)
{
    struct kv_stream_place at = {.id = {ms, 0}, .node = {node, 0}, .gone = gone};
    struct slice pair[] = {SLICE("field"), SLICE("value")};
    return kv_stream_load(rec, &at, pair, 1, &err);
}

static void test_load(void **state)
{
    assert_int_equal(load(2, 1, true), ST_OK);
    assert_int_equal(load(3, 1, false), ST_OK);
    assert_int_equal(load(4, 1, true), ST_OK);
    assert_int_equal(load(5, 5, false), ST_OK);
    assert_int_equal(load(6, 5, false), ST_OK);
    kv_stream_set(rec, id_of(9, 0), 7, id_of(4, 0));
    assert_string_equal(nodes(), "1/4/1/2 5/6/2/0 ");
    assert_int_equal(info().length, 3);
    assert_int_equal(info().first.ms, 3);
    assert_int_equal(info().last.ms, 9);
    assert_int_equal(info().added, 7);
    /* nodes that a damaged dump names wrongly */
    assert_int_equal(load(7, 8, false), ST_CORRUPT);
    assert_int_equal(load(7, 4, false), ST_CORRUPT);
    assert_string_equal(nodes(), "1/4/1/2 5/6/2/0 ");
}

/* XSETID may set the last ID below entries that were deleted: what comes then is found and deleted like any other. */
static void test_last_id_lowered(void **state)
{
    add(1, 0);
    add(7, 0);
    assert_true(del(7, 0));
    assert_int_equal(trim((struct kv_stream_trim){.by_id = true, .min = {2, 0}}), 1);
    kv_stream_set(rec, id_of(3, 0), 2, id_of(0, 0));
    add(4, 0);
    add(5, 0);
    assert_string_equal(nodes(), "4/5/2/0 ");
    assert_true(del(4, 0));
    assert_int_equal(info().first.ms, 5);
}

/* -- Walking --------------------------------------------------------------------------------------------------------------- */

static const char *range(uint64_t start, uint64_t end, bool rev)
{
    static char text[256];
    struct kv_stream_cur c;
    struct kv_stream_entry e;
    size_t at = 0;
    bool found;
    text[0] = 0;
    assert_int_equal(kv_stream_seek(rec, id_of(start, 0), id_of(end, 0), rev, &c, &err), ST_OK);
    for (;;) {
        assert_int_equal(kv_stream_next(&c, &found, &e, &err), ST_OK);
        if (!found)
            return text;
        at += (size_t)snprintf(text + at, sizeof text - at, "%d ", (int)e.id.ms);
    }
}

static void test_range(void **state)
{
    assert_string_equal(range(0, 9, false), "");
    assert_string_equal(range(0, 9, true), "");
    add(2, 0);
    add(4, 0);
    add(6, 0);
    assert_string_equal(range(0, 99, false), "2 4 6 ");
    assert_string_equal(range(0, 99, true), "6 4 2 ");
    assert_string_equal(range(3, 5, false), "4 ");
    assert_string_equal(range(3, 5, true), "4 ");
    assert_string_equal(range(4, 6, true), "6 4 ");
    assert_string_equal(range(7, 9, false), "");
    assert_string_equal(range(7, 9, true), "");
    assert_string_equal(range(0, 1, true), "");
    assert_string_equal(range(5, 3, false), "");
}

/* -- Groups ---------------------------------------------------------------------------------------------------------------- */

static struct kv_stream_group group(const char *name)
{
    struct kv_stream_group g;
    bool added;
    assert_int_equal(kv_stream_group_add(rec, slice_str(name), id_of(1, 2), 3, &added, &g, &err),
                     ST_OK);
    assert_true(added);
    return g;
}

static struct kv_stream_consumer consumer(const struct kv_stream_group *g, const char *name)
{
    struct kv_stream_consumer c = {.seen_ms = 10, .active_ms = KV_STREAM_UNKNOWN};
    assert_int_equal(kv_stream_consumer_add(rec, g, slice_str(name), &c, &err), ST_OK);
    return c;
}

static void pend(const struct kv_stream_group *g, uint64_t ms, uint64_t consumer_no)
{
    struct kv_stream_pending p = {
        .id = {ms, 0}, .consumer = consumer_no, .delivered_ms = 77, .deliveries = 1};
    assert_int_equal(kv_stream_pending_put(rec, g, &p, &err), ST_OK);
}

static uint64_t pendings(const struct kv_stream_group *g, uint64_t consumer_no)
{
    uint64_t n;
    assert_int_equal(kv_stream_pendings(rec, g, consumer_no, &n, &err), ST_OK);
    return n;
}

static void test_groups_by_name(void **state)
{
    struct kv_stream_group g, b = group("b");
    struct kv_stream_walk w;
    struct slice name;
    uint64_t n;
    bool found, added;
    group("abc");
    group("");
    assert_int_equal(kv_stream_group_add(rec, SLICE("b"), id_of(0, 0), 0, &added, &g, &err), ST_OK);
    assert_false(added);
    assert_int_equal(kv_stream_groups(rec, &n, &err), ST_OK);
    assert_int_equal(n, 3);
    b.entries_read = KV_STREAM_UNKNOWN;
    assert_int_equal(kv_stream_group_set(rec, SLICE("b"), &b, &err), ST_OK);
    assert_int_equal(kv_stream_walk_groups(rec, &w, &err), ST_OK);
    static const char *const want[] = {"", "abc", "b"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(kv_stream_next_group(&w, &found, &name, &g, &err), ST_OK);
        assert_true(found);
        assert_true(slice_eq(name, slice_str(want[i])));
        assert_int_equal(g.last.seq, 2);
        assert_int_equal(g.entries_read, i == 2 ? KV_STREAM_UNKNOWN : 3);
    }
    assert_int_equal(kv_stream_next_group(&w, &found, &name, &g, &err), ST_OK);
    assert_false(found);
}

static void test_pending_changes_hands(void **state)
{
    struct kv_stream_group g = group("g");
    struct kv_stream_consumer a = consumer(&g, "a"), b = consumer(&g, "b");
    struct kv_stream_pending p;
    struct kv_stream_walk w;
    struct kv_stream_id last;
    struct slice name;
    bool found;
    for (int i = 1; i <= 5; i++)
        pend(&g, (uint64_t)i, a.no);
    pend(&g, 3, b.no);
    assert_int_equal(pendings(&g, 0), 5);
    assert_int_equal(pendings(&g, a.no), 4);
    assert_int_equal(pendings(&g, b.no), 1);
    assert_int_equal(kv_stream_walk_pending(rec, &g, a.no, id_of(3, 0), &w, &err), ST_OK);
    assert_int_equal(kv_stream_next_pending(&w, &found, &p, &err), ST_OK);
    assert_true(found);
    assert_int_equal(p.id.ms, 4);
    assert_int_equal(p.delivered_ms, 77);
    assert_int_equal(kv_stream_consumer_name(rec, &g, b.no, &name, &err), ST_OK);
    assert_true(slice_eq(name, SLICE("b")));
    assert_int_equal(kv_stream_pending_del(rec, &g, id_of(3, 0), &found, &err), ST_OK);
    assert_true(found);
    assert_int_equal(kv_stream_pending_del(rec, &g, id_of(3, 0), &found, &err), ST_OK);
    assert_false(found);
    assert_int_equal(pendings(&g, b.no), 0);
    assert_int_equal(kv_stream_last_pending(rec, &g, &last, &err), ST_OK);
    assert_int_equal(last.ms, 5);
}

/* What goes takes all of its own with it, and nothing else. */
static void test_deletion_is_whole(void **state)
{
    struct kv_coll *c = kv__coll(rec);
    uint64_t empty = c->tree[1].count, n;
    struct kv_stream_group g = group("g"), h = group("h");
    struct kv_stream_consumer a = consumer(&g, "a"), b = consumer(&g, "b"), x = consumer(&h, "a");
    bool found;
    for (int i = 0; i < 500; i++) {
        pend(&g, (uint64_t)i, i % 3 ? a.no : b.no);
        pend(&h, (uint64_t)i, x.no);
    }
    uint64_t before = c->tree[1].count;
    assert_int_equal(kv_stream_consumer_del(rec, &g, SLICE("a"), &found, &n, &err), ST_OK);
    assert_true(found);
    assert_int_equal(n, 333);
    assert_int_equal(c->tree[1].count, before - 2 * 333 - 2);
    assert_int_equal(pendings(&g, 0), 167);
    assert_int_equal(pendings(&g, b.no), 167);
    assert_int_equal(kv_stream_group_del(rec, SLICE("g"), &found, &err), ST_OK);
    assert_true(found);
    assert_int_equal(pendings(&h, x.no), 500);
    assert_int_equal(kv_stream_consumers(rec, &h, &n, &err), ST_OK);
    assert_int_equal(n, 1);
    assert_int_equal(kv_stream_group_del(rec, SLICE("h"), &found, &err), ST_OK);
    assert_int_equal(kv_stream_group_del(rec, SLICE("h"), &found, &err), ST_OK);
    assert_false(found);
    assert_int_equal(c->tree[1].count, empty);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup_stream, teardown_stream)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry_round_trip),
        cmocka_unit_test(test_entry_damaged),
        cmocka_unit_test(test_records_round_trip),
        cmocka_unit_test(test_listpack_sizes),
        CASE(test_nodes_follow_entries),
        CASE(test_nodes_by_bytes),
        CASE(test_radix_tree_nodes),
        CASE(test_trim),
        CASE(test_trim_node_of_deleted),
        CASE(test_load),
        CASE(test_last_id_lowered),
        CASE(test_range),
        CASE(test_groups_by_name),
        CASE(test_pending_changes_hands),
        CASE(test_deletion_is_whole),
    };
    keyspace_options_register();
    keyspace_opts.appendonly = false;
    clock_refresh();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Sets in all their encodings: conversions, places by rank, scans, contents built beside the present ones, walks over several
 * sets at once, and the same through a view. */
#include "keyspace/kv_set.h"

#include "../cmocka_all.h"
#include "base/clock.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv_set_merge.h"
#include "keyspace/kv_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 3000

static struct kv *kv;
static char dir[64];
static struct error err;

static struct slice int_text(int i, char out[16])
{
    return slice_make(out, (size_t)snprintf(out, 16, "%d", i));
}

/* A set of the integers from to to - 1, with that encoding. */
static struct kv_rec *make(const char *key, enum kv_set_enc enc, int from, int to)
{
    struct kv_rec *r;
    char text[16];
    bool added;
    assert_int_equal(kv_set_make(kv, 0, slice_str(key), KV_SET_INTSET, &r, &err), ST_OK);
    for (int i = from; i < to; i++) {
        assert_int_equal(kv_set_add(r, int_text(i, text), &added, &err), ST_OK);
        assert_true(added);
        assert_int_equal(kv_set_add(r, int_text(i, text), &added, &err), ST_OK);
        assert_false(added);
    }
    assert_int_equal(kv_set_convert(r, enc, &err), ST_OK);
    assert_int_equal(kv_set_encoding(r), enc);
    kv_edit_end(kv, r, 1);
    return r;
}

static struct kv_rec *lookup(const char *key)
{
    struct kv_rec *r;
    assert_int_equal(kv_lookup(kv, 0, slice_str(key), KV_READ, &r, &err), ST_OK);
    assert_non_null(r);
    return r;
}

static void mark(void *arg, struct slice member)
{
    char text[16];
    memcpy(text, member.p, member.n);
    text[member.n] = 0;
    ((unsigned char *)arg)[atoi(text)]++;
}

/* r holds exactly the integers from to to - 1, whichever way one looks at it. */
static void check(struct kv_rec *r, int from, int to)
{
    static unsigned char walked[N], by_rank[N], scanned[N];
    struct kv_set_cur c;
    uint64_t rank = 0, cursor = 0;
    char text[16];
    bool found;
    memset(walked, 0, N);
    memset(by_rank, 0, N);
    memset(scanned, 0, N);
    assert_int_equal(kv_set_count(r), to - from);
    for (assert_int_equal(kv_set_first(r, &c, &err), ST_OK); !kv_set_end(&c);
         assert_int_equal(kv_set_next(&c, &err), ST_OK)) {
        struct kv_set_cur at;
        char member[KV_SET_INT_BUF];
        struct slice m = kv_set_member(&c);
        memcpy(member, m.p, m.n);
        mark(walked, m);
        assert_int_equal(kv_set_at(r, rank++, &at, &err), ST_OK);
        mark(by_rank, kv_set_member(&at));
        assert_true(slice_eq(kv_set_member(&at), slice_make(member, m.n)));
    }
    do {
        assert_int_equal(kv_set_scan(r, cursor, 100, &cursor, mark, scanned, &err), ST_OK);
    } while (cursor);
    for (int i = 0; i < N; i++) {
        bool in = i >= from && i < to;
        assert_int_equal(kv_set_has(r, int_text(i, text), &found, &err), ST_OK);
        assert_int_equal(found, in);
        assert_int_equal(walked[i], in);
        assert_int_equal(by_rank[i], in);
        assert_int_equal(scanned[i], in);
    }
}

static void test_convert_keeps_members(void **state)
{
    static const enum kv_set_enc encs[] = {KV_SET_HASHTABLE, KV_SET_LISTPACK,  KV_SET_INTSET,
                                           KV_SET_LISTPACK,  KV_SET_HASHTABLE, KV_SET_INTSET,
                                           KV_SET_HASHTABLE};
    struct kv_rec *r = make("k", KV_SET_INTSET, 5, 1500);
    check(r, 5, 1500);
    for (size_t i = 0; i < COUNT_OF(encs); i++) {
        kv_edit(kv, r);
        assert_int_equal(kv_set_convert(r, encs[i], &err), ST_OK);
        kv_edit_end(kv, r, 1);
        assert_int_equal(kv_set_encoding(r), encs[i]);
        check(r, 5, 1500);
        assert_int_equal(kv_reload(kv, &err), ST_OK);
        r = lookup("k");
        assert_int_equal(kv_set_encoding(r), encs[i]);
        check(r, 5, 1500);
    }
}

static void test_convert_refuses_words(void **state)
{
    struct kv_rec *r = make("k", KV_SET_LISTPACK, 0, 10);
    bool added, found;
    kv_edit(kv, r);
    assert_int_equal(kv_set_add(r, SLICE("word"), &added, &err), ST_OK);
    assert_int_equal(kv_set_convert(r, KV_SET_INTSET, &err), ST_INVALID);
    assert_int_equal(kv_set_encoding(r), KV_SET_LISTPACK);
    assert_int_equal(kv_set_remove(r, SLICE("word"), &found, &err), ST_OK);
    assert_true(found);
    kv_edit_end(kv, r, 1);
    check(r, 0, 10);
}

/* The new contents are made of the present ones, which stay until the commit. */
static void test_build(void **state)
{
    for (int commit = 0; commit < 2; commit++) {
        struct kv_rec *r = make("k", KV_SET_HASHTABLE, 0, 2000);
        struct kv_set_cur c;
        bool added;
        kv_edit(kv, r);
        struct kv_set_build *b = kv_set_build_new(r, KV_SET_INTSET);
        assert_non_null(b);
        assert_int_equal(kv_set_first(r, &c, &err), ST_OK);
        while (!kv_set_end(&c)) {
            struct slice m = kv_set_member(&c);
            char text[16];
            memcpy(text, m.p, m.n);
            text[m.n] = 0;
            if (atoi(text) < 1200) {
                assert_int_equal(kv_set_build_add(b, m, &added, &err), ST_OK);
                assert_true(added);
                assert_int_equal(kv_set_build_add(b, m, &added, &err), ST_OK);
                assert_false(added);
            }
            assert_int_equal(kv_set_next(&c, &err), ST_OK);
        }
        assert_int_equal(kv_set_build_count(b), 1200);
        check(r, 0, 2000);
        if (commit)
            assert_int_equal(kv_set_build_commit(b, &err), ST_OK);
        else
            kv_set_build_free(b);
        kv_edit_end(kv, r, 1);
        check(r, 0, commit ? 1200 : 2000);
        assert_int_equal(kv_reload(kv, &err), ST_OK);
        check(lookup("k"), 0, commit ? 1200 : 2000);
    }
}

static void test_merge_tells_who_has_it(void **state)
{
    struct kv_rec *sets[4] = {
        make("a", KV_SET_HASHTABLE, 0, 1000),
        make("b", KV_SET_INTSET, 500, 800),
        NULL,
        make("c", KV_SET_LISTPACK, 700, 1100),
    };
    struct kv_set_merge *m;
    struct kv_set_merged got;
    unsigned char seen[N] = {0};
    bool end;
    assert_int_equal(kv_set_merge_open(sets, 4, &m, &err), ST_OK);
    for (;;) {
        char text[16];
        assert_int_equal(kv_set_merge_next(m, &got, &end, &err), ST_OK);
        if (end)
            break;
        memcpy(text, got.member.p, got.member.n);
        text[got.member.n] = 0;
        int i = atoi(text);
        seen[i]++;
        assert_int_equal(got.in_first, i < 1000);
        assert_int_equal(got.in_others, i >= 500);
    }
    kv_set_merge_close(m);
    for (int i = 0; i < N; i++)
        assert_int_equal(seen[i], i < 1100);
}

static void test_merge_of_nothing(void **state)
{
    struct kv_rec *sets[1] = {NULL};
    struct kv_set_merge *m;
    struct kv_set_merged got;
    bool end = false;
    assert_int_equal(kv_set_merge_open(sets, 1, &m, &err), ST_OK);
    assert_int_equal(kv_set_merge_next(m, &got, &end, &err), ST_OK);
    assert_true(end);
    kv_set_merge_close(m);
    kv_set_merge_close(NULL);
}

static void test_view(void **state)
{
    struct kv_view *v;
    struct kv_rec *r = make("k", KV_SET_HASHTABLE, 0, 2000);
    char text[16];
    bool found;
    assert_int_equal(kv_view_open(kv, &v, &err), ST_OK);
    kv_edit(kv, r);
    for (int i = 0; i < 2000; i += 2)
        assert_int_equal(kv_set_remove(r, int_text(i, text), &found, &err), ST_OK);
    kv_edit_end(kv, r, 1000);
    assert_int_equal(kv_view_seek(v, 0, &err), ST_OK);
    assert_int_equal(kv_view_next(v, &r, &err), ST_OK);
    check(r, 0, 2000);
    kv_view_close(v);
    assert_int_equal(kv_set_count(lookup("k")), 1000);
}

static int set_up(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/orbit-set-XXXXXX");
    assert_non_null(mkdtemp(dir));
    keyspace_options_register();
    snprintf(keyspace_opts.storage_provider, strlen(keyspace_opts.storage_provider) + 1, "%s",
             "memory");
    clock_refresh();
    return kv_open(dir, NULL, &kv, &err) == ST_OK ? 0 : -1;
}

static int empty(void **state)
{
    kv_flush(kv, -1);
    return 0;
}

static int tear_down(void **state)
{
    char command[96];
    assert_int_equal(kv_close(kv, &err), ST_OK);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_convert_keeps_members, empty),
        cmocka_unit_test_setup(test_convert_refuses_words, empty),
        cmocka_unit_test_setup(test_build, empty),
        cmocka_unit_test_setup(test_merge_tells_who_has_it, empty),
        cmocka_unit_test_setup(test_merge_of_nothing, empty),
        cmocka_unit_test_setup(test_view, empty),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

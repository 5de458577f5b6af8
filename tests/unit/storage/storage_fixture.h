/* A directory of its own for each test, and short ways to open and use a store in it. */
#ifndef ORBIT_UNIT_STORAGE_STORAGE_FIXTURE_H
#define ORBIT_UNIT_STORAGE_STORAGE_FIXTURE_H

#include "base/log.h"
#include "base/mem.h"
#include "storage/provider.h"
#include "unit/cmocka_all.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
    char path[128];
    struct error err;
};

static int fixture_remove(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
    return remove(path);
}

static int setup_fixture(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    const char *tmp = getenv("TMPDIR");

    log_set_level(LOG_NOTHING);
    snprintf(f->path, sizeof f->path, "%s/orbit-storage-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->path));
    *state = f;
    return 0;
}

static int teardown_fixture(void **state)
{
    struct fixture *f = *state;

    nftw(f->path, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
    mem_free(f);
    return 0;
}

/* options: name, value, ..., NULL */
static enum status fixture_try(struct fixture *f, const char *provider, const char *const *options,
                               struct stor **s)
{
    static const char *const spaces[] = {"one", "two"};
    struct stor_option o[16];
    struct stor_config cfg = {
        .provider = provider, .path = f->path, .spaces = spaces, .nspaces = 2, .options = o};

    for (; options && *options; options += 2)
        o[cfg.noptions++] = (struct stor_option){options[0], options[1]};
    return stor_open(&cfg, s, &f->err);
}

static inline struct stor *fixture_open(struct fixture *f, const char *provider,
                                        const char *const *options)
{
    struct stor *s = NULL;

    if (fixture_try(f, provider, options, &s) != ST_OK)
        fail_msg("%s", f->err.message);
    return s;
}

static inline enum status fixture_put(struct stor *s, const char *key, const char *value,
                                      unsigned flags)
{
    struct stor_batch *b = stor_batch_new(s);

    stor_batch_put(b, 0, slice_str(key), slice_str(value));
    enum status st = stor_write(s, b, flags, NULL);
    stor_batch_free(b);
    return st;
}

/* The value of a key; NULL: missing. Valid until the next call. */
static inline const char *fixture_get(struct stor *s, const char *key)
{
    static struct buf v;

    if (stor_get(s, NULL, 0, slice_str(key), &v, NULL) != ST_OK) {
        buf_free(&v);
        return NULL;
    }
    return buf_cstr(&v);
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, setup_fixture, teardown_fixture)

#endif

/* Fixtures of the conformance suite. */
#include "conformance/conform.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

const char *conform_provider;
const char *conform_self;

static const char *const spaces[] = {"one", "two"};

struct provider_options {
    const char *provider;
    struct stor_option options[4];
    size_t n;
};

/* Small buffers, so that a test reaches the files; a backup, so that memory has something to reopen. */
static const struct provider_options provider_options[] = {
    {"memory", {{"disk_backup.sync_interval", "3600"}, {"max_entries", "1000000"}}, 2},
    {"rocksdb", {{"write_buffer_size", "65536"}, {"block_cache_mb", "8"}}, 2},
    {"cow_btree", {{"wal_buffer_size", "4096"}, {"snapshot_interval", "100000"}}, 2},
    {"lsm_tree", {{"memtable_size_mb", "1"}, {"block_cache_mb", "8"}}, 2},
};

static const struct stor_option roomy_cow[] = {{"wal_buffer_size", "64mb"}};

enum status conform_try_open(const char *provider, const char *path, unsigned flags,
                             struct stor **out, struct error *err)
{
    struct stor_config cfg = {
        .provider = provider,
        .path = path,
        .spaces = spaces,
        .nspaces = 2,
        .need_caps = STOR_CAP_SNAPSHOT | STOR_CAP_TXN | STOR_CAP_DELETE_RANGE,
        .read_only = (flags & CONFORM_READ_ONLY) != 0,
    };

    for (size_t i = 0; i < COUNT_OF(provider_options); i++) {
        if (strcmp(provider_options[i].provider, provider) == 0) {
            cfg.options = provider_options[i].options;
            cfg.noptions = provider_options[i].n;
        }
    }
    if ((flags & CONFORM_ROOMY) && strcmp(provider, "cow_btree") == 0) {
        cfg.options = roomy_cow;
        cfg.noptions = 1;
    }
    return stor_open(&cfg, out, err);
}

void conform_ok_at(struct conform *f, enum status st, const char *file, int line)
{
    if (st == ST_OK)
        return;
    print_error("%s: %s: %s\n", f->provider, status_name(st), f->err.message);
    _fail(file, line);
}

void conform_open(struct conform *f)
{
    conform_ok(f, conform_try_open(f->provider, f->path, 0, &f->s, &f->err));
}

void conform_close(struct conform *f)
{
    stor_close(f->s);
    f->s = NULL;
}

int conform_setup(void **state)
{
    struct conform *f = mem_calloc(1, sizeof *f);
    const char *tmp = getenv("TMPDIR");

    f->provider = conform_provider;
    snprintf(f->root, sizeof f->root, "%s/orbit-conform-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->root));
    snprintf(f->path, sizeof f->path, "%s/a/store", f->root);
    conform_open(f);
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
    return remove(path);
}

int conform_teardown(void **state)
{
    struct conform *f = *state;

    conform_close(f);
    nftw(f->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    mem_free(f);
    return 0;
}

void conform_put(struct conform *f, unsigned space, struct slice key, struct slice value)
{
    struct stor_batch *b = stor_batch_new(f->s);

    stor_batch_put(b, space, key, value);
    conform_ok(f, stor_write(f->s, b, 0, &f->err));
    stor_batch_free(b);
}

void conform_del(struct conform *f, unsigned space, struct slice key)
{
    struct stor_batch *b = stor_batch_new(f->s);

    stor_batch_del(b, space, key);
    conform_ok(f, stor_write(f->s, b, 0, &f->err));
    stor_batch_free(b);
}

void conform_expect(struct conform *f, const struct stor_snap *snap, unsigned space,
                    struct slice key, struct slice value)
{
    struct buf v = BUF_INIT;
    enum status st;

    buf_put_str(&v, "old content");
    st = stor_get(f->s, snap, space, key, &v, &f->err);
    if (!value.p) {
        assert_int_equal(st, ST_NOT_FOUND);
    } else {
        conform_ok(f, st);
        assert_int_equal(v.n, value.n);
        if (value.n)
            assert_memory_equal(v.p, value.p, value.n);
    }
    buf_free(&v);
}

const char *conform_walk(struct stor_iter *it, bool forward)
{
    static char text[1024];
    size_t n = 0;

    for (; stor_iter_valid(it); forward ? stor_iter_next(it) : stor_iter_prev(it)) {
        struct slice key = stor_iter_key(it);
        assert_true(n + key.n + 2 < sizeof text);
        if (n)
            text[n++] = ',';
        memcpy(text + n, key.p, key.n);
        n += key.n;
    }
    assert_int_equal(stor_iter_status(it, NULL), ST_OK);
    text[n] = '\0';
    return text;
}

int conform_child(const char *role, const struct conform *f, const char *arg)
{
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        execl(conform_self, conform_self, role, f->provider, f->path, arg, (char *)NULL);
        _exit(99);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

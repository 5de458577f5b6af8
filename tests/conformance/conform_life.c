/* Conformance: reopening, crashes, locks, checkpoints, damage, refused configurations. */
#include "conformance/conform.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static bool durable(const struct conform *f)
{
    return (stor_caps(f->s) & STOR_CAP_DURABLE) != 0;
}

static void test_reopen(void **state)
{
    struct conform *f = *state;

    for (int round = 0; round < 3; round++) {
        char key[16];
        int n = snprintf(key, sizeof key, "round%d", round);
        conform_put(f, 0, slice_make(key, (size_t)n), SLICE("here"));
        conform_put(f, 1, SLICE("last"), slice_make(key, (size_t)n));
        if (round == 1)
            conform_del(f, 0, SLICE("round0"));
        conform_close(f);
        conform_open(f);
        conform_expect(f, NULL, 0, slice_make(key, (size_t)n), SLICE("here"));
        conform_expect(f, NULL, 1, SLICE("last"), slice_make(key, (size_t)n));
    }
    conform_expect(f, NULL, 0, SLICE("round0"), SLICE_NULL);
    conform_expect(f, NULL, 0, SLICE("round1"), SLICE("here"));
}

static void test_more_spaces_later(void **state)
{
    static const char *const more[] = {"three", "two", "one"};
    struct conform *f = *state;
    struct stor_option backup = {"disk_backup.sync_interval", "3600"};
    struct stor_config cfg = {
        .provider = f->provider, .path = f->path, .spaces = more, .nspaces = 3};

    if (strcmp(f->provider, "memory") == 0) {
        cfg.options = &backup;
        cfg.noptions = 1;
    }
    conform_put(f, 0, SLICE("k"), SLICE("in one"));
    conform_put(f, 1, SLICE("k"), SLICE("in two"));
    conform_close(f);
    conform_ok(f, stor_open(&cfg, &f->s, &f->err));
    conform_expect(f, NULL, 2, SLICE("k"), SLICE("in one"));
    conform_expect(f, NULL, 1, SLICE("k"), SLICE("in two"));
    conform_expect(f, NULL, 0, SLICE("k"), SLICE_NULL);
    conform_put(f, 0, SLICE("k"), SLICE("in three"));
    conform_close(f);
    conform_open(f);
    conform_expect(f, NULL, 0, SLICE("k"), SLICE("in one"));
    conform_close(f);
    conform_ok(f, stor_open(&cfg, &f->s, &f->err));
    conform_expect(f, NULL, 0, SLICE("k"), SLICE("in three"));
}

static void test_read_only(void **state)
{
    struct conform *f = *state;
    struct stor_batch *b;

    conform_put(f, 0, SLICE("k"), SLICE("v"));
    conform_close(f);
    conform_ok(f, conform_try_open(f->provider, f->path, CONFORM_READ_ONLY, &f->s, &f->err));
    conform_expect(f, NULL, 0, SLICE("k"), SLICE("v"));
    b = stor_batch_new(f->s);
    stor_batch_put(b, 0, SLICE("k"), SLICE("w"));
    assert_int_equal(stor_write(f->s, b, 0, &f->err), ST_DENIED);
    stor_batch_free(b);
    conform_expect(f, NULL, 0, SLICE("k"), SLICE("v"));
}

static void test_compact_and_verify(void **state)
{
    struct conform *f = *state;
    char key[16];

    for (int i = 0; i < 500; i++)
        conform_put(f, 0, slice_make(key, (size_t)snprintf(key, sizeof key, "k%03d", i)),
                    SLICE("some value"));
    for (int i = 0; i < 500; i += 2)
        conform_del(f, 0, slice_make(key, (size_t)snprintf(key, sizeof key, "k%03d", i)));
    conform_ok(f, stor_verify(f->s, &f->err));
    conform_ok(f, stor_compact(f->s, 0, SLICE("k100"), SLICE("k200"), &f->err));
    conform_ok(f, stor_compact(f->s, 0, SLICE_NULL, SLICE_NULL, &f->err));
    conform_ok(f, stor_verify(f->s, &f->err));
    conform_expect(f, NULL, 0, SLICE("k150"), SLICE_NULL);
    conform_expect(f, NULL, 0, SLICE("k151"), SLICE("some value"));
}

static void test_checkpoint(void **state)
{
    struct conform *f = *state;
    struct conform copy = {.provider = f->provider};

    snprintf(copy.path, sizeof copy.path, "%s/copy", f->root);
    conform_put(f, 0, SLICE("k"), SLICE("v"));
    enum status st = stor_checkpoint(f->s, copy.path, &f->err);
    if (!(stor_caps(f->s) & STOR_CAP_CHECKPOINT)) {
        assert_int_equal(st, ST_UNSUPPORTED);
        return;
    }
    conform_ok(f, st);
    conform_put(f, 0, SLICE("k"), SLICE("later"));
    conform_open(&copy);
    conform_expect(&copy, NULL, 0, SLICE("k"), SLICE("v"));
    conform_close(&copy);
    conform_expect(f, NULL, 0, SLICE("k"), SLICE("later"));
    assert_int_not_equal(stor_checkpoint(f->s, copy.path, &f->err), ST_OK);
    conform_expect(f, NULL, 0, SLICE("k"), SLICE("later"));
}

static void test_lock(void **state)
{
    struct conform *f = *state;

    if (!durable(f))
        return;
    assert_int_equal(conform_child("lock", f, ""), ST_LOCKED);
    conform_put(f, 0, SLICE("still"), SLICE("mine"));
    conform_close(f);
    assert_int_equal(conform_child("lock", f, ""), ST_OK);
    conform_open(f);
    conform_expect(f, NULL, 0, SLICE("still"), SLICE("mine"));
}

/* The child writes pairs, some synced, and leaves by _exit with everything open. */
static void test_exit_without_close(void **state)
{
    struct conform *f = *state;
    char text[16];

    if (!durable(f))
        return;
    conform_close(f);
    assert_int_equal(conform_child("exit", f, "3000"), 0);
    conform_open(f);
    for (int i = 0; i < 3000; i++) {
        struct slice t = slice_make(text, (size_t)snprintf(text, sizeof text, "%06d", i));
        conform_expect(f, NULL, 0, t, t);
    }
    conform_expect(f, NULL, 1, SLICE("last"), SLICE("002999"));
    conform_expect(f, NULL, 0, SLICE("uncommitted"), SLICE_NULL);
}

static void test_kill(void **state)
{
    struct conform *f = *state;
    int pipe_fd[2], i = -1, acked = -1;
    struct buf v = BUF_INIT;
    char text[16];

    if (!durable(f))
        return;
    conform_close(f);
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(pipe_fd[1], STDOUT_FILENO);
        execl(conform_self, conform_self, "exit", f->provider, f->path, "1000000", (char *)NULL);
        _exit(99);
    }
    close(pipe_fd[1]);
    while (read(pipe_fd[0], &i, sizeof i) == (ssize_t)sizeof i) {
        assert_int_equal(i, acked + 1);
        acked = i;
        if (acked == 2000)
            kill(pid, SIGKILL);
    }
    close(pipe_fd[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(acked >= 2000);
    conform_open(f);
    for (i = 0; i <= acked; i++) {
        struct slice t = slice_make(text, (size_t)snprintf(text, sizeof text, "%06d", i));
        conform_expect(f, NULL, 0, t, t);
    }
    /* The pair is whole: "last" is the highest key, acknowledged or not. */
    conform_ok(f, stor_get(f->s, NULL, 1, SLICE("last"), &v, &f->err));
    struct stor_iter *it = stor_iter_new(f->s, 0, NULL);
    stor_iter_last(it);
    assert_true(slice_eq(stor_iter_key(it), buf_slice(&v)));
    stor_iter_free(it);
    buf_free(&v);
    conform_ok(f, stor_verify(f->s, &f->err));
}

/* -- Damage ------------------------------------------------------------------------------------------------------------- */

static const char *damage_suffix;
static char damage_path[512];
static off_t damage_size;

static int find_file(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
    size_t n = strlen(path), s = strlen(damage_suffix);

    if (type == FTW_F && n > s && strcmp(path + n - s, damage_suffix) == 0 &&
        sb->st_size > damage_size) {
        damage_size = sb->st_size;
        snprintf(damage_path, sizeof damage_path, "%s", path);
    }
    return 0;
}

static void test_damaged_file(void **state)
{
    static const char *const suffixes[][2] = {
        {"memory", ".json"},
        {"rocksdb", ".sst"},
        {"cow_btree", "orbit.wal"},
        {"lsm_tree", ".ldb"},
    };
    struct conform *f = *state;
    char bytes[64];

    conform_close(f);
    assert_int_equal(conform_child("fill", f, ""), 0);
    damage_size = 0;
    for (size_t i = 0; i < COUNT_OF(suffixes); i++)
        if (strcmp(suffixes[i][0], f->provider) == 0)
            damage_suffix = suffixes[i][1];
    nftw(f->path, find_file, 16, FTW_PHYS);
    assert_true(damage_size > 1000);
    int fd = open(damage_path, O_RDWR);
    assert_int_equal(pread(fd, bytes, sizeof bytes, damage_size / 2), sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)~bytes[i];
    assert_int_equal(pwrite(fd, bytes, sizeof bytes, damage_size / 2), sizeof bytes);
    close(fd);
    enum status st = conform_try_open(f->provider, f->path, CONFORM_ROOMY, &f->s, &f->err);
    if (st == ST_OK)
        st = stor_verify(f->s, &f->err);
    if (st != ST_CORRUPT)
        print_error("%s\n", f->err.message);
    assert_int_equal(st, ST_CORRUPT);
    /* An engine that does not tell the file still has to tell the place. */
    assert_true(strstr(f->err.message, strrchr(damage_path, '/') + 1) ||
                strstr(f->err.message, "sstables/"));
}

/* -- Refused configurations --------------------------------------------------------------------------------------------- */

static enum status open_with(struct conform *f, const struct stor_option *o, size_t n)
{
    static const char *const spaces[] = {"one", "two"};
    struct stor_config cfg = {.provider = f->provider,
                              .path = f->path,
                              .spaces = spaces,
                              .nspaces = 2,
                              .options = o,
                              .noptions = n};

    return stor_open(&cfg, &f->s, &f->err);
}

static void test_refused(void **state)
{
    static const char *const spaces[] = {"one"};
    struct conform *f = *state;
    struct stor_option unknown = {"no_such_key", "1"};
    struct stor_config cfg = {
        .provider = f->provider, .path = f->path, .spaces = spaces, .nspaces = 1};

    conform_close(f);
    assert_int_equal(open_with(f, &unknown, 1), ST_INVALID);
    assert_null(f->s);
    assert_non_null(strstr(f->err.message, f->provider));
    assert_non_null(strstr(f->err.message, "no_such_key"));
    cfg.key_file = "/nowhere/key.pem";
    assert_int_equal(stor_open(&cfg, &f->s, &f->err), ST_UNSUPPORTED);
    assert_non_null(strstr(f->err.message, f->provider));
    cfg.key_file = NULL;
    cfg.need_caps = STOR_CAP_ENCRYPTION;
    assert_int_equal(stor_open(&cfg, &f->s, &f->err), ST_UNSUPPORTED);
    assert_non_null(strstr(f->err.message, f->provider));
    cfg.need_caps = 0;
    cfg.provider = "no-such-provider";
    assert_int_equal(stor_open(&cfg, &f->s, &f->err), ST_INVALID);
    assert_non_null(strstr(f->err.message, "no-such-provider"));
    conform_open(f);
}

/* A directory that cannot be made: a file stands in its way. */
static void test_unusable_directory(void **state)
{
    struct conform *f = *state;
    char path[300];

    snprintf(path, sizeof path, "%s/file", f->root);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    conform_close(f);
    assert_int_not_equal(conform_try_open(f->provider, path, 0, &f->s, &f->err), ST_OK);
    assert_non_null(strstr(f->err.message, path));
    snprintf(path, sizeof path, "%s/file/below", f->root);
    assert_int_not_equal(conform_try_open(f->provider, path, 0, &f->s, &f->err), ST_OK);
    assert_non_null(strstr(f->err.message, f->root));
    assert_null(f->s);
}

static void test_spellings(void **state)
{
    struct conform *f = *state;
    char upper[32];
    size_t n = 0;

    for (const char *p = f->provider; *p; p++)
        if (*p != '_')
            upper[n++] = (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
    upper[n] = '\0';
    assert_string_equal(stor_provider_canonical(upper), f->provider);
    assert_string_equal(stor_provider(f->s), f->provider);
    assert_non_null(stor_provider_maturity(f->provider));
    assert_int_equal(stor_caps(f->s) & stor_native_caps(f->s), stor_native_caps(f->s));
}

/* -- Child roles -------------------------------------------------------------------------------------------------------- */

static int role_exit(struct conform *f, int n, bool report)
{
    struct stor_batch *b = stor_batch_new(f->s);
    struct stor_txn *t;
    char text[16];

    conform_ok(f, stor_txn_begin(f->s, &t, &f->err));
    conform_ok(f, stor_txn_put(t, 0, SLICE("uncommitted"), SLICE("x"), &f->err));
    for (int i = 0; i < n; i++) {
        struct slice key = slice_make(text, (size_t)snprintf(text, sizeof text, "%06d", i));
        stor_batch_clear(b);
        stor_batch_put(b, 0, key, key);
        stor_batch_put(b, 1, SLICE("last"), key);
        if (stor_write(f->s, b, i % 100 == 99 ? STOR_SYNC : 0, &f->err) != ST_OK)
            return 98;
        if (report && write(STDOUT_FILENO, &i, sizeof i) != (ssize_t)sizeof i)
            return 97;
    }
    return 0;
}

static int role_fill(struct conform *f)
{
    struct stor_batch *b = stor_batch_new(f->s);
    char key[16], value[1000];

    for (int i = 0; i < 4000; i++) {
        for (size_t k = 0; k < sizeof value; k++)
            value[k] = (char)((unsigned)(i + 1) * (k + 7) * 2654435761u >> 11);
        stor_batch_clear(b);
        stor_batch_put(b, 0, slice_make(key, (size_t)snprintf(key, sizeof key, "%06d", i)),
                       slice_make(value, sizeof value));
        if (stor_write(f->s, b, 0, &f->err) != ST_OK)
            return 98;
    }
    return stor_sync(f->s, &f->err) == ST_OK ? 0 : 97;
}

int conform_role(int argc, char **argv)
{
    struct conform f = {.provider = argv[2]};
    unsigned flags = strcmp(argv[1], "fill") == 0 ? CONFORM_ROOMY : 0;

    if (argc != 5)
        return 96;
    snprintf(f.path, sizeof f.path, "%s", argv[3]);
    enum status st = conform_try_open(f.provider, f.path, flags, &f.s, &f.err);
    if (strcmp(argv[1], "lock") == 0) {
        stor_close(f.s);
        return st != ST_LOCKED || strstr(f.err.message, f.path) ? (int)st : 95;
    }
    if (st != ST_OK)
        return 94;
    _exit(flags ? role_fill(&f) : role_exit(&f, atoi(argv[4]), atoi(argv[4]) == 1000000));
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, conform_setup, conform_teardown)
const struct CMUnitTest conform_life_tests[] = {
    CASE(test_reopen),
    CASE(test_more_spaces_later),
    CASE(test_read_only),
    CASE(test_compact_and_verify),
    CASE(test_checkpoint),
    CASE(test_lock),
    CASE(test_exit_without_close),
    CASE(test_kill),
    CASE(test_damaged_file),
    CASE(test_refused),
    CASE(test_unusable_directory),
    CASE(test_spellings),
};
const size_t conform_life_count = COUNT_OF(conform_life_tests);

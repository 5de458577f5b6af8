#include "storage/files.h"
#include "unit/storage/storage_fixture.h"

#include <sys/stat.h>

static void test_backup_forms(void **state)
{
    static const char *const forms[] = {"Gzip", "Lz4", "Zstd", "None"};
    static const char *const starts[] = {"\x1f\x8b", "\x04\x22", "\x28\xb5", "{\""};
    struct fixture *f = *state;
    char path[256];

    for (int i = 0; i < 4; i++) {
        const char *options[] = {"disk_backup.path", path, "disk_backup.compression", forms[i],
                                 NULL};
        snprintf(path, sizeof path, "%s/backup-%d", f->path, i);
        struct stor *s = fixture_open(f, "memory", options);
        assert_int_equal(fixture_put(s, "key", forms[i], 0), ST_OK);
        stor_close(s);
        struct buf bytes = BUF_INIT;
        assert_int_equal(stor_file_read(path, &bytes, NULL), ST_OK);
        assert_memory_equal(bytes.p, starts[i], 2);
        buf_free(&bytes);
        /* Read back whatever the option says now. */
        options[3] = "Zstd";
        s = fixture_open(f, "memory", options);
        assert_string_equal(fixture_get(s, "key"), forms[i]);
        stor_close(s);
    }
}

static void test_no_backup_by_default(void **state)
{
    struct fixture *f = *state;
    struct stor *s = fixture_open(f, "memory", NULL);

    assert_int_equal(fixture_put(s, "key", "value", STOR_SYNC), ST_OK);
    assert_int_equal(stor_sync(s, NULL), ST_OK);
    stor_close(s);
    assert_int_equal(stor_dir_bytes(f->path), 0);
    s = fixture_open(f, "memory", NULL);
    assert_null(fixture_get(s, "key"));
    assert_int_equal(stor_native_caps(s) & STOR_CAP_DURABLE, 0);
    stor_close(s);
}

static void test_sync_writes_the_backup(void **state)
{
    static const char *const options[] = {"disk_backup.sync_interval", "3600", NULL};
    struct fixture *f = *state;
    struct stor *s = fixture_open(f, "memory", options);
    char path[256];
    struct stat before, after;

    snprintf(path, sizeof path, "%s/orbit-backup.json", f->path);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(fixture_put(s, "key", "a longer value than there was", 0), ST_OK);
    assert_int_equal(stor_sync(s, NULL), ST_OK);
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino != after.st_ino);
    assert_int_equal(after.st_mode & 0777, 0640);
    /* Nothing new: the file stays. */
    assert_int_equal(stor_sync(s, NULL), ST_OK);
    assert_int_equal(stat(path, &before), 0);
    assert_true(before.st_ino == after.st_ino);
    stor_close(s);
}

static void test_health(void **state)
{
    static const char *const options[] = {"max_entries", "2", NULL};
    struct fixture *f = *state;
    struct stor *s = fixture_open(f, "memory", options);
    char reason[256];

    fixture_put(s, "a", "", 0);
    fixture_put(s, "b", "", 0);
    assert_int_equal(stor_health(s, reason, sizeof reason), STOR_HEALTHY);
    assert_int_equal(fixture_put(s, "c", "", 0), ST_OK);
    assert_int_equal(stor_health(s, reason, sizeof reason), STOR_DEGRADED);
    assert_non_null(strstr(reason, "max_entries"));
    stor_close(s);
}

static void test_failing_backup(void **state)
{
    struct fixture *f = *state;
    char dir[200], path[256], reason[256];
    const char *options[] = {"disk_backup.path", path, NULL};
    struct stor *s;

    snprintf(dir, sizeof dir, "%s/dir", f->path);
    snprintf(path, sizeof path, "%s/file", dir);
    assert_int_not_equal(fixture_try(f, "memory", options, &s), ST_OK);
    assert_non_null(strstr(f->err.message, path));
    assert_int_equal(mkdir(dir, 0700), 0);
    s = fixture_open(f, "memory", options);
    fixture_put(s, "a", "", 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
    assert_int_not_equal(stor_sync(s, &f->err), ST_OK);
    assert_int_equal(stor_health(s, reason, sizeof reason), STOR_DEGRADED);
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(stor_sync(s, &f->err), ST_OK);
    assert_int_equal(stor_health(s, reason, sizeof reason), STOR_HEALTHY);
    stor_close(s);
}

/* Spaces of the file that are not opened now are not lost. */
static void test_other_spaces_survive(void **state)
{
    static const char *const other[] = {"three"};
    static const char *const options[] = {"disk_backup.compression", "None", NULL};
    struct fixture *f = *state;
    struct stor_option o = {"disk_backup.compression", "None"};
    struct stor_config cfg = {.provider = "memory",
                              .path = f->path,
                              .spaces = other,
                              .nspaces = 1,
                              .options = &o,
                              .noptions = 1};
    struct stor *s = fixture_open(f, "memory", options);

    fixture_put(s, "key", "value", 0);
    stor_close(s);
    assert_int_equal(stor_open(&cfg, &s, &f->err), ST_OK);
    assert_null(fixture_get(s, "key"));
    fixture_put(s, "key", "in three", 0);
    stor_close(s);
    s = fixture_open(f, "memory", options);
    assert_string_equal(fixture_get(s, "key"), "value");
    stor_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_backup_forms), CASE(test_no_backup_by_default), CASE(test_sync_writes_the_backup),
        CASE(test_health),       CASE(test_failing_backup),       CASE(test_other_spaces_survive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

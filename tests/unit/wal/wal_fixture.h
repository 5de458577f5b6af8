/* Shared by the log's tests: a directory of its own, and files as bytes. */
#ifndef ORBIT_TESTS_WAL_FIXTURE_H
#define ORBIT_TESTS_WAL_FIXTURE_H

#include "base/mem.h"
#include "wal/wal.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char dir[64];
    struct error err;
};

static inline void empty_dir(const char *dir)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    const struct dirent *e;
    while ((e = readdir(d)) != NULL)
        if (e->d_name[0] != '.')
            (void)unlinkat(dirfd(d), e->d_name, 0);
    (void)closedir(d);
}

static inline int setup_dir(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    const char *root = getenv("TMPDIR");
    (void)snprintf(f->dir, sizeof f->dir, "%s/orbit-wal-XXXXXX",
                   root && strlen(root) < 32 ? root : "/tmp");
    if (!mkdtemp(f->dir))
        return -1;
    *state = f;
    return 0;
}

static inline int teardown_dir(void **state)
{
    struct fixture *f = *state;
    empty_dir(f->dir);
    (void)rmdir(f->dir);
    mem_free(f);
    return 0;
}

static inline struct wal *open_wal(struct fixture *f, uint64_t segment_bytes, uint64_t min_seq)
{
    struct wal *w = NULL;
    struct wal_config cfg = {.dir = f->dir, .segment_bytes = segment_bytes, .min_seq = min_seq};
    enum status st = wal_open(&cfg, &w, &f->err);
    if (st != ST_OK)
        print_error("%s\n", f->err.message);
    assert_int_equal(st, ST_OK);
    return w;
}

static inline uint64_t append(struct wal *w, const char *text)
{
    uint64_t end = 0;
    struct error err;
    assert_int_equal(wal_append(w, slice_str(text), 1000, &end, &err), ST_OK);
    return end;
}

/* All payloads from seq on, one after the other. The status that ended the walk. */
static inline enum status read_all(struct fixture *f, uint64_t seq, struct buf *out)
{
    struct wal_reader *r = NULL;
    enum status st = wal_reader_open(f->dir, seq, &r, &f->err);
    if (st != ST_OK)
        return st;
    struct wal_frame frame;
    while ((st = wal_reader_next(r, &frame, &f->err)) == ST_OK)
        buf_put_slice(out, frame.payload);
    wal_reader_close(r);
    return st;
}

static inline void assert_log_is(struct fixture *f, uint64_t seq, const char *text)
{
    struct buf b = BUF_INIT;
    assert_int_equal(read_all(f, seq, &b), ST_END);
    assert_string_equal(buf_cstr(&b), text);
    buf_free(&b);
}

static inline void path_of(const struct fixture *f, uint64_t first_seq, char out[160])
{
    (void)snprintf(out, 160, "%s/%020" PRIu64 ".wal", f->dir, first_seq);
}

static inline void read_file(const char *path, struct buf *out)
{
    buf_clear(out);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
        buf_put(out, chunk, n);
    (void)fclose(file);
}

static inline void write_file(const char *path, const char *p, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(p, 1, n, file), n);
    (void)fclose(file);
}

static inline bool file_exists(const struct fixture *f, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", f->dir, name);
    return access(path, F_OK) == 0;
}

#endif

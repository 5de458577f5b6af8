/* A redis-server's append-only files from hostile bytes. The first byte says what the rest is: 'm' a manifest, else a file of
 * commands. What is read of a file that is cut anywhere is how the whole file begins. */
#include "base/hash.h"
#include "rdb/aof_file.h"
#include "rdb/aof_manifest.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_manifest(struct slice text)
{
    struct aof_manifest m;
    struct error err;
    if (aof_manifest_parse(text, &m, &err) != ST_OK && m.names)
        abort();
    for (size_t i = 0; i < m.n; i++)
        if (!*m.names[i] || strchr(m.names[i], '/'))
            abort();
    aof_manifest_free(&m);
}

/* A sum of every byte of the first commands. */
static uint64_t read_commands(struct slice bytes, size_t most, size_t *n, enum aof_got *end)
{
    struct aof_file f;
    uint64_t sum = 0;
    aof_file_begin(&f, bytes, 0);
    for (*n = 0; *n < most && (*end = aof_file_next(&f)) == AOF_COMMAND; ++*n)
        for (size_t i = 0; i < f.argc; i++)
            sum = hash_crc64(sum, f.argv[i].p, f.argv[i].n);
    if (f.at > bytes.n)
        abort();
    aof_file_end(&f);
    return sum;
}

static void fuzz_file(struct slice bytes)
{
    size_t n = 0, part = 0;
    enum aof_got end = AOF_COMMAND, part_end = AOF_COMMAND;
    (void)read_commands(bytes, SIZE_MAX, &n, &end);
    if (bytes.n < 2 || end == AOF_COMMAND)
        return;
    struct slice half = slice_make(bytes.p, bytes.n / 2);
    uint64_t sum = read_commands(half, SIZE_MAX, &part, &part_end);
    if (part > n || read_commands(bytes, part, &n, &end) != sum)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct slice in = slice_make(data + 1, size - 1);
    if (data[0] == 'm')
        fuzz_manifest(in);
    else
        fuzz_file(in);
    return 0;
}

/* Manifests of backups. What is accepted is written again as the same text. The sum at the end, which no fuzzer finds, is put right
 * for a second try. */
#include "backup/backup_manifest.h"
#include "event/crypto.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try(struct slice text)
{
    struct backup_manifest m;
    struct buf again = BUF_INIT;
    struct error err;
    if (backup_manifest_decode(text, &m, &err) == ST_OK) {
        for (size_t i = 0; i < m.nfiles; i++)
            if (strstr(m.files[i].path, "/.") || strncmp(m.files[i].path, "data/", 5) != 0)
                abort();
        backup_manifest_encode(&m, &again);
        if (!slice_eq(buf_slice(&again), text))
            abort();
    }
    backup_manifest_free(&m);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make(data, size);
    size_t tail = sizeof "sum \n" - 1 + BACKUP_SUM;
    try(text);
    if (size < tail)
        return 0;
    struct buf fixed = BUF_INIT;
    unsigned char digest[32];
    char hex[BACKUP_SUM + 1];
    buf_put(&fixed, text.p, size - tail);
    crypto_sha256(fixed.p, fixed.n, digest);
    crypto_hex(digest, sizeof digest, hex);
    buf_printf(&fixed, "sum %s\n", hex);
    try(buf_slice(&fixed));
    buf_free(&fixed);
    return 0;
}

/* Dump files from hostile bytes: unpacking, then reading; what was read is written and must read the same again. */
#include "storage/compress.h"
#include "storage/dump.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status copy_space(void *arg, struct slice name, struct error *err)
{
    dump_space(arg, name);
    return ST_OK;
}

static enum status copy_entry(void *arg, struct slice key, struct slice value, struct error *err)
{
    return dump_entry(arg, key, value) ? ST_OK : ST_NO_MEMORY;
}

static enum status copy(struct slice text, struct buf *out)
{
    struct dump_writer w;
    struct dump_reader r = {.arg = &w, .space = copy_space, .entry = copy_entry};

    dump_begin(&w, out, 0);
    enum status st = dump_read(text, &r, NULL);
    dump_end(&w);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text = BUF_INIT, once = BUF_INIT, twice = BUF_INIT;

    if (size > 1 << 16)
        return 0;
    if (stor_decompress(slice_make(data, size), &text, NULL) == ST_OK &&
        copy(buf_slice(&text), &once) == ST_OK) {
        if (copy(buf_slice(&once), &twice) != ST_OK ||
            !slice_eq(buf_slice(&once), buf_slice(&twice)))
            abort();
    }
    buf_free(&text);
    buf_free(&once);
    buf_free(&twice);
    return 0;
}

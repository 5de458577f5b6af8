/* What a module reads of a value's parts, from hostile bytes, in an order that the first bytes choose: whatever it asks for, it gets
 * something, and once an error is met only errors. */
#include "base/mem.h"
#include "module/type.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PLAN 16

static void read_part(RedisModuleIO *io, unsigned kind)
{
    size_t n = 0;
    char *p;
    switch (kind % 7) {
    case 0:
        (void)rm_LoadUnsigned(io);
        break;
    case 1:
        (void)rm_LoadSigned(io);
        break;
    case 2:
        module__string_unref(rm_LoadString(io));
        break;
    case 3:
        p = rm_LoadStringBuffer(io, &n);
        if (p && p[n] != 0)
            abort();
        rm_Free(p);
        break;
    case 4:
        (void)rm_LoadDouble(io);
        break;
    case 5:
        (void)rm_LoadFloat(io);
        break;
    default:
        (void)rm_LoadLongDouble(io);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < PLAN)
        return 0;
    struct module module = {.options = data[0] & 1 ? REDISMODULE_OPTIONS_HANDLE_IO_ERRORS : 0};
    struct RedisModuleType type = {.module = &module, .name = "fuzz-type"};
    RedisModuleIO io;
    module__io_load(&io, &type, NULL, slice_make(data + PLAN, size - PLAN));
    for (size_t i = 0; i < PLAN; i++) {
        bool failed = io.error;
        read_part(&io, data[i]);
        if (failed && !io.error)
            abort();
    }
    (void)module__io_end(&io);
    return 0;
}

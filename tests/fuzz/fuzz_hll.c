/* HyperLogLogs of hostile bytes. The first bytes say which register is raised to what; the rest is the value. */
#include "commands/hyperloglog/hll.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD 4

static void expect(bool what)
{
    if (!what)
        abort();
}

/* What is sound stays sound, has the register that was asked for, and counts the same in both forms. */
static void fuzz_raise(struct slice in, struct hll_spot at, size_t max)
{
    static uint8_t before[HLL_REGISTERS], after[HLL_REGISTERS];
    struct buf b = BUF_INIT;
    uint64_t sparse, dense;
    bool sound;
    buf_put_slice(&b, in);
    memset(before, 0, sizeof before);
    memset(after, 0, sizeof after);
    sound = hll_merge(in, before);
    enum hll_change change = hll_raise(&b, at, max);
    expect(!sound || change != HLL_BROKEN);
    if (sound) {
        expect(hll_header_ok(buf_slice(&b)) && hll_merge(buf_slice(&b), after));
        if (before[at.index] < at.value)
            before[at.index] = at.value;
        expect(memcmp(before, after, sizeof after) == 0);
        expect(hll_count(buf_slice(&b), &sparse) && hll_to_dense(&b));
        expect(hll_count(buf_slice(&b), &dense) && sparse == dense);
    }
    buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD)
        return 0;
    struct slice in = slice_make(data + HEAD, size - HEAD);
    struct hll_spot at = {.index = (uint16_t)((data[0] << 8 | data[1]) & (HLL_REGISTERS - 1)),
                          .value = (uint8_t)(data[2] % 51 + 1)};
    struct hll_run run;
    size_t offset = HLL_HEADER;
    uint64_t n;
    if (!hll_header_ok(in))
        return 0;
    while (hll_next_run(in, &offset, &run))
        expect(run.n >= 1 && run.n <= HLL_REGISTERS && run.value <= 32);
    (void)hll_cached(in, &n);
    fuzz_raise(in, at, (size_t)data[3] * 64);
    return 0;
}

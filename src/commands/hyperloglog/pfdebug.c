/* PFDEBUG and PFSELFTEST: the inside of HyperLogLogs. */
#include "base/hash.h"
#include "base/mem.h"
#include "commands/hyperloglog/hll.h"
#include "commands/hyperloglog/hll_priv.h"
#include "commands/hyperloglog/hyperloglog_commands.h"
#include "keyspace/keyspace_options.h"
#include "session/reply.h"

#include <inttypes.h>
#include <math.h>

/* Makes it dense, *changed when it was not. False: the error is answered. */
static bool to_dense(struct call *c, struct kv_rec *rec, struct slice *bytes, bool *changed)
{
    struct buf b = BUF_INIT;
    char tmp[64];
    bool ok;
    *changed = hll_form(*bytes) == HLL_SPARSE;
    if (!*changed)
        return true;
    buf_put_slice(&b, *bytes);
    ok = hll_to_dense(&b);
    if (!ok)
        hll__reply_broken(c);
    else
        ok = hll__store(c, c->argv[2], rec, buf_slice(&b));
    if (ok) {
        call_changed(c, 1);
        *bytes = kv_str(rec, tmp);
    }
    buf_free(&b);
    return ok;
}

static void show_registers(struct call *c, struct slice bytes)
{
    reply_array(c, HLL_REGISTERS);
    for (unsigned i = 0; i < HLL_REGISTERS; i++)
        reply_int(c, hll_dense_get((const unsigned char *)bytes.p + HLL_HEADER, i));
}

static void show_runs(struct call *c, struct slice bytes)
{
    struct buf out = BUF_INIT;
    struct hll_run run;
    size_t at = HLL_HEADER;
    if (hll_form(bytes) != HLL_SPARSE) {
        reply_error(c, "ERR HLL encoding is not sparse");
        return;
    }
    while (hll_next_run(bytes, &at, &run)) {
        if (out.n)
            buf_put_byte(&out, ' ');
        if (run.value)
            buf_printf(&out, "v:%u,%u", run.value, run.n);
        else
            buf_printf(&out, "%c:%u", run.opcode == 2 ? 'Z' : 'z', run.n);
    }
    reply_bulk(c, buf_slice(&out));
    buf_free(&out);
}

void cmd_pfdebug(struct call *c)
{
    struct kv_rec *rec;
    struct slice bytes;
    bool changed;
    if (!hll__lookup(c, c->argv[2], KV_WRITE, &rec, &bytes))
        return;
    if (!rec) {
        reply_error(c, "ERR The specified key does not exist");
    } else if (call_arg_is(c, 1, "getreg")) {
        if (to_dense(c, rec, &bytes, &changed))
            show_registers(c, bytes);
    } else if (call_arg_is(c, 1, "decode")) {
        show_runs(c, bytes);
    } else if (call_arg_is(c, 1, "encoding")) {
        reply_status(c, hll_form(bytes) == HLL_DENSE ? "dense" : "sparse");
    } else if (call_arg_is(c, 1, "todense")) {
        if (to_dense(c, rec, &bytes, &changed))
            reply_int(c, changed);
    } else {
        reply_errorf(c, "ERR Unknown PFDEBUG subcommand '%.*s'", SLICE_FMT(c->argv[1]));
    }
}

/* -- PFSELFTEST -------------------------------------------------------------------------------------------------------------- */

#define REGISTER_ROUNDS 1000
#define ELEMENTS        10000000
#define TOLERANCE       6 /* standard errors */

/* Writes random values into all registers and reads them back, round after round over what was there. */
static bool test_registers(struct call *c, unsigned char *registers)
{
    uint8_t want[HLL_REGISTERS];
    for (unsigned round = 0; round < REGISTER_ROUNDS; round++) {
        for (unsigned i = 0; i < HLL_REGISTERS; i++) {
            want[i] = (uint8_t)(hash_rand64() & 63);
            hll_dense_put(registers, i, want[i]);
        }
        for (unsigned i = 0; i < HLL_REGISTERS; i++) {
            unsigned got = hll_dense_get(registers, i);
            if (got != want[i]) {
                reply_errorf(c, "TESTFAILED Register %u should be %u but is %u", i, want[i], got);
                return false;
            }
        }
    }
    return true;
}

/* At each power of ten: both forms agree, a small one is sparse, and the estimate is near. */
static bool test_checkpoint(struct call *c, struct slice dense, struct slice other, uint64_t n)
{
    double error = 1.04 / sqrt(HLL_REGISTERS) * TOLERANCE * (double)n;
    uint64_t a = 0, b = 0, off, most = (uint64_t)ceil(error);
    if (n < (uint64_t)keyspace_opts.hll_sparse_max_bytes / 2 && hll_form(other) != HLL_SPARSE) {
        reply_error(c, "TESTFAILED sparse encoding not used");
        return false;
    }
    if (!hll_count(dense, &a) || !hll_count(other, &b) || a != b) {
        reply_error(c, "TESTFAILED dense/sparse disagree");
        return false;
    }
    /* Two of ten elements in one register are not that rare. */
    if (n == 10)
        most = 1;
    off = a > n ? a - n : n - a;
    if (off > most) {
        reply_errorf(c, "TESTFAILED Too big error. card:%" PRIu64 " abserr:%" PRIu64, n, off);
        return false;
    }
    return true;
}

static bool test_estimates(struct call *c, struct buf *dense, struct buf *other)
{
    uint64_t seed = hash_rand64(), checkpoint = 1;
    size_t max = (size_t)keyspace_opts.hll_sparse_max_bytes;
    for (uint64_t n = 1; n <= ELEMENTS; n++) {
        uint64_t element = n ^ seed;
        struct hll_spot at = hll_spot(slice_make(&element, sizeof element));
        if (hll_raise(dense, at, max) == HLL_BROKEN || hll_raise(other, at, max) == HLL_BROKEN) {
            hll__reply_broken(c);
            return false;
        }
        if (n != checkpoint)
            continue;
        if (!test_checkpoint(c, buf_slice(dense), buf_slice(other), n))
            return false;
        checkpoint *= 10;
    }
    return true;
}

void cmd_pfselftest(struct call *c)
{
    struct buf dense = BUF_INIT, other = BUF_INIT;
    hll_init(&other);
    hll_init(&dense);
    if (!hll_to_dense(&dense)) {
        hll__reply_broken(c);
        goto out;
    }
    if (!test_registers(c, (unsigned char *)dense.p + HLL_HEADER))
        goto out;
    memset(dense.p + HLL_HEADER, 0, HLL_DENSE_BYTES - HLL_HEADER);
    if (test_estimates(c, &dense, &other))
        reply_ok(c);
out:
    buf_free(&dense);
    buf_free(&other);
}

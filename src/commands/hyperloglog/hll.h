/* HyperLogLogs as bytes, in Redis's format: estimates of how many different elements were added. Pure; thread: any.
 *
 *   "HYLL"  form(1)  0 0 0  count(8, little endian)  registers
 *
 * There are 16384 registers of 6 bits. count caches the estimate; its highest bit says that it is out of date. */
#ifndef ORBIT_COMMANDS_HYPERLOGLOG_HLL_H
#define ORBIT_COMMANDS_HYPERLOGLOG_HLL_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/slice.h"

#define HLL_REGISTERS   16384
#define HLL_HEADER      16
#define HLL_DENSE_BYTES (HLL_HEADER + HLL_REGISTERS * 6 / 8)

enum hll_form { HLL_DENSE, HLL_SPARSE };
enum hll_change { HLL_SAME, HLL_CHANGED, HLL_BROKEN };

/* True when the header is that of a HyperLogLog and a dense one has the right length. What follows says only whether sparse
 * registers are sound when they are read. */
bool hll_header_ok(struct slice s);
/* The functions below take bytes whose header is right. */
enum hll_form hll_form(struct slice s);

/* An empty one. */
void hll_init(struct buf *b);

/* Where an element belongs, and the least value that its register has after it. */
struct hll_spot {
    uint16_t index;
    uint8_t value;
};
struct hll_spot hll_spot(struct slice element);

/* Dense registers, at bytes + HLL_HEADER. */
uint8_t hll_dense_get(const unsigned char *registers, unsigned index);
void hll_dense_put(unsigned char *registers, unsigned index, uint8_t value);

/* Raises a register of b, dense or sparse. A sparse one becomes dense when it would grow above max_bytes, or when the value is
 * too large for it. */
MUST_USE enum hll_change hll_raise(struct buf *b, struct hll_spot at, size_t max_bytes);
/* False: the sparse registers are damaged; b is unchanged. */
MUST_USE bool hll_to_dense(struct buf *b);

/* Raises each of max to the register of s. False: damaged. */
MUST_USE bool hll_merge(struct slice s, uint8_t max[HLL_REGISTERS]);

/* Estimates. False: damaged. */
MUST_USE bool hll_count(struct slice s, uint64_t *count);
uint64_t hll_count_registers(const uint8_t registers[HLL_REGISTERS]);

/* The cached estimate. */
bool hll_cached(struct slice s, uint64_t *count);
void hll_cache(char *bytes, uint64_t count);
void hll_outdate(char *bytes);

/* Walks over sparse registers: a run of equal ones at s.p + *at, which moves on. False: no more, or damaged when *at < s.n. */
struct hll_run {
    unsigned n;     /* registers: 1 to 16384 */
    uint8_t value;  /* 0: none */
    uint8_t opcode; /* its length in bytes */
};
bool hll_next_run(struct slice s, size_t *at, struct hll_run *run);

#endif

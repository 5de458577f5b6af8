/* Checksums and hashes. All pure; thread: any. */
#ifndef ORBIT_BASE_HASH_H
#define ORBIT_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_seed {
    uint64_t k0, k1;
};

/* SipHash-1-3, little endian. */
uint64_t hash_sip13(struct hash_seed seed, const void *p, size_t n);
/* CRC-16/XMODEM (poly 0x1021, init 0): Redis Cluster's. */
uint16_t hash_crc16(const void *p, size_t n);
/* Redis Cluster's slot of a key, 0..16383: only what is between the first '{' and the next '}' counts, if not empty. */
uint16_t hash_slot(const void *key, size_t n);
/* CRC-32C (Castagnoli); hardware when there is one. crc: 0 to start, or the former result to go on. */
uint32_t hash_crc32c(uint32_t crc, const void *p, size_t n);
/* CRC-64 with Redis's Jones polynomial, reflected; crc 0 to start. */
uint64_t hash_crc64(uint64_t crc, const void *p, size_t n);
/* Random bytes from the kernel. Never fails (aborts). */
void hash_random(void *out, size_t n);
/* Fast pseudo-random numbers, seeded from the kernel once a process. */
uint64_t hash_rand64(void);

#endif

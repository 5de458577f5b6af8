/* Digests over OpenSSL, which only this folder knows. Pure; thread: any. */
#ifndef ORBIT_EVENT_CRYPTO_H
#define ORBIT_EVENT_CRYPTO_H

#include <stddef.h>

void crypto_sha256(const void *p, size_t n, unsigned char out[32]);
void crypto_sha1(const void *p, size_t n, unsigned char out[20]);
/* The same digest, piece by piece. Ended, which frees it, exactly once; out NULL: only freed. */
struct crypto_sha;
struct crypto_sha *crypto_sha256_begin(void);
void crypto_sha256_add(struct crypto_sha *s, const void *p, size_t n);
void crypto_sha256_end(struct crypto_sha *s, unsigned char out[32]);
void crypto_hex(const unsigned char *in, size_t n, char *out); /* 2n characters and a NUL */
/* Constant-time comparison. */
int crypto_equal(const void *a, const void *b, size_t n);

#endif

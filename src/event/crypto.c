#include "event/crypto.h"

#include "base/status.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

static void digest(const EVP_MD *md, const void *p, size_t n, unsigned char *out)
{
    unsigned len = 0;
    int ok = EVP_Digest(p, n, out, &len, md, NULL);
    orbit_assert(ok == 1);
}

void crypto_sha256(const void *p, size_t n, unsigned char out[32])
{
    digest(EVP_sha256(), p, n, out);
}

void crypto_sha1(const void *p, size_t n, unsigned char out[20])
{
    digest(EVP_sha1(), p, n, out);
}

struct crypto_sha *crypto_sha256_begin(void)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    orbit_assert(c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1);
    return (struct crypto_sha *)c;
}

void crypto_sha256_add(struct crypto_sha *s, const void *p, size_t n)
{
    int ok = EVP_DigestUpdate((EVP_MD_CTX *)s, p, n);
    orbit_assert(ok == 1);
}

void crypto_sha256_end(struct crypto_sha *s, unsigned char out[32])
{
    int ok = !out || EVP_DigestFinal_ex((EVP_MD_CTX *)s, out, NULL) == 1;
    orbit_assert(ok);
    EVP_MD_CTX_free((EVP_MD_CTX *)s);
}

void crypto_hex(const unsigned char *in, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 15];
    }
    *out = 0;
}

int crypto_equal(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

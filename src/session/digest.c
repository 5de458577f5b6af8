#include "session/digest.h"

#include "event/crypto.h"

void digest_xor(unsigned char d[DIGEST_BYTES], struct slice bytes)
{
    unsigned char sha[DIGEST_BYTES];
    crypto_sha1(bytes.p, bytes.n, sha);
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        d[i] ^= sha[i];
}

void digest_mix(unsigned char d[DIGEST_BYTES], struct slice bytes)
{
    unsigned char sha[DIGEST_BYTES];
    digest_xor(d, bytes);
    crypto_sha1(d, DIGEST_BYTES, sha);
    memcpy(d, sha, DIGEST_BYTES);
}

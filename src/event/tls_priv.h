/* What conn.c needs of a TLS context. */
#ifndef ORBIT_EVENT_TLS_PRIV_H
#define ORBIT_EVENT_TLS_PRIV_H

#include "event/tls.h"

#include <openssl/ssl.h>

struct tls_context {
    SSL_CTX *ctx;
    int verify; /* SSL_VERIFY_* */
    int refs;
};

void tls__context_ref(struct tls_context *t);

#endif

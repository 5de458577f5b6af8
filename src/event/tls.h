/* TLS contexts, made from the tls-* options: the one that listeners share, and those of connections that the server makes itself.
 * Thread: loop. */
#ifndef ORBIT_EVENT_TLS_H
#define ORBIT_EVENT_TLS_H

#include "base/status.h"

struct tls_context;

/* Reads certificates and keys. ST_INVALID: the message says which file or option. */
MUST_USE enum status tls_context_new(struct tls_context **out, struct error *err);
/* For conn_connect: shows tls-client-cert-file, or tls-cert-file, and takes only peers that tls-ca-cert-* vouch for. */
MUST_USE enum status tls_client_context_new(struct tls_context **out, struct error *err);
/* Connections that use it keep it alive. Accepts NULL. */
void tls_context_unref(struct tls_context *t);

#endif

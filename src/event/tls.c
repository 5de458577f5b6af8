#include "event/tls.h"

#include "base/mem.h"
#include "event/event_options.h"
#include "event/tls_priv.h"

#include <openssl/bio.h>
#include <openssl/dh.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>
#include <strings.h>

static enum status tls_fail(struct error *err, const char *what, const char *name)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    return error_set(err, ST_INVALID, "%s%s%s: %s", what, *name ? " " : "", name,
                     reason ? reason : "not valid");
}

/* "TLSv1.2 TLSv1.3" -> SSL_OP_NO_* of the others. */
static enum status protocols_set(SSL_CTX *ctx, const char *text, struct error *err)
{
    static const struct {
        const char *name;
        uint64_t off;
        int version;
    } known[] = {{"TLSv1", SSL_OP_NO_TLSv1, TLS1_VERSION},
                 {"TLSv1.1", SSL_OP_NO_TLSv1_1, TLS1_1_VERSION},
                 {"TLSv1.2", SSL_OP_NO_TLSv1_2, TLS1_2_VERSION},
                 {"TLSv1.3", SSL_OP_NO_TLSv1_3, TLS1_3_VERSION}};
    uint64_t off = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1;
    int lowest = TLS1_2_VERSION;
    if (*text) {
        off |= SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TLSv1_3;
        lowest = 0;
    }
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, " ");
        size_t i = 0;
        while (i < COUNT_OF(known) &&
               (strlen(known[i].name) != n || strncasecmp(known[i].name, p, n) != 0))
            i++;
        if (n > 0 && i == COUNT_OF(known))
            return error_set(err, ST_INVALID,
                             "tls-protocols: '%.*s' is not one of TLSv1 TLSv1.1 TLSv1.2 TLSv1.3",
                             (int)(n > 32 ? 32 : n), p);
        if (n > 0) {
            off &= ~known[i].off;
            if (lowest == 0 || known[i].version < lowest)
                lowest = known[i].version;
        }
        p += n + (p[n] == ' ');
    }
    SSL_CTX_set_options(ctx, off);
    /* Debian's own minimum would otherwise win over what the operator asks for. */
    (void)SSL_CTX_set_min_proto_version(ctx, lowest);
    return ST_OK;
}

static int give_password(char *out, int size, int writing, void *password)
{
    size_t n = strlen(password);
    if (n > (size_t)size)
        return -1;
    memcpy(out, password, n);
    return (int)n;
}

static enum status certificate_load(SSL_CTX *ctx, const char *cert, const char *key, char *pass,
                                    struct error *err)
{
    if (!*cert)
        return error_set(err, ST_INVALID, "No tls-cert-file configured!");
    if (!*key)
        return error_set(err, ST_INVALID, "No tls-key-file configured!");
    SSL_CTX_set_default_passwd_cb(ctx, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, pass);
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        return tls_fail(err, "Failed to load certificate", cert);
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return tls_fail(err, "Failed to load private key", key);
    return ST_OK;
}

static enum status authorities_load(SSL_CTX *ctx, bool needed, struct error *err)
{
    const char *file = *event_opts.tls_ca_cert_file ? event_opts.tls_ca_cert_file : NULL;
    const char *dir = *event_opts.tls_ca_cert_dir ? event_opts.tls_ca_cert_dir : NULL;
    if (!file && !dir) {
        if (!needed)
            return ST_OK;
        return error_set(err, ST_INVALID,
                         "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when "
                         "tls-cluster, tls-replication or tls-auth-clients are enabled!");
    }
    if (SSL_CTX_load_verify_locations(ctx, file, dir) != 1)
        return tls_fail(err, "Failed to configure CA certificate(s) file/directory",
                        file ? file : dir);
    return ST_OK;
}

static enum status dh_params_load(SSL_CTX *ctx, struct error *err)
{
    if (!*event_opts.tls_dh_params_file) {
        (void)SSL_CTX_set_dh_auto(ctx, 1);
        return ST_OK;
    }
    BIO *in = BIO_new_file(event_opts.tls_dh_params_file, "r");
    EVP_PKEY *params = in ? PEM_read_bio_Parameters(in, NULL) : NULL;
    BIO_free(in);
    if (params && SSL_CTX_set0_tmp_dh_pkey(ctx, params) == 1)
        return ST_OK;
    EVP_PKEY_free(params);
    return tls_fail(err, "Failed to load DH params file", event_opts.tls_dh_params_file);
}

static void session_cache_set(SSL_CTX *ctx)
{
    static const unsigned char session_id[] = "orbit";
    if (!event_opts.tls_session_caching) {
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        return;
    }
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER);
    SSL_CTX_sess_set_cache_size(ctx, event_opts.tls_session_cache_size);
    SSL_CTX_set_timeout(ctx, event_opts.tls_session_cache_timeout);
    SSL_CTX_set_session_id_context(ctx, session_id, sizeof session_id - 1);
}

static enum status server_fill(SSL_CTX *ctx, struct error *err)
{
    if (event_opts.tls_prefer_server_ciphers)
        SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    session_cache_set(ctx);
    enum status st = certificate_load(ctx, event_opts.tls_cert_file, event_opts.tls_key_file,
                                      event_opts.tls_key_file_pass, err);
    if (st == ST_OK)
        st = authorities_load(ctx, event_opts.tls_auth_clients != EVENT_TLS_AUTH_NO, err);
    return st == ST_OK ? dh_params_load(ctx, err) : st;
}

static enum status client_fill(SSL_CTX *ctx, struct error *err)
{
    bool own = *event_opts.tls_client_cert_file;
    enum status st = certificate_load(
        ctx, own ? event_opts.tls_client_cert_file : event_opts.tls_cert_file,
        own ? event_opts.tls_client_key_file : event_opts.tls_key_file,
        own ? event_opts.tls_client_key_file_pass : event_opts.tls_key_file_pass, err);
    return st == ST_OK ? authorities_load(ctx, true, err) : st;
}

static enum status ciphers_set(SSL_CTX *ctx, struct error *err)
{
    if (*event_opts.tls_ciphers && SSL_CTX_set_cipher_list(ctx, event_opts.tls_ciphers) != 1)
        return tls_fail(err, "Failed to configure ciphers:", event_opts.tls_ciphers);
    if (*event_opts.tls_ciphersuites &&
        SSL_CTX_set_ciphersuites(ctx, event_opts.tls_ciphersuites) != 1)
        return tls_fail(err, "Failed to configure ciphersuites:", event_opts.tls_ciphersuites);
    return ST_OK;
}

static enum status context_new(bool client, struct tls_context **out, struct error *err)
{
    *out = NULL;
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(client ? TLS_client_method() : TLS_server_method());
    if (!ctx)
        return tls_fail(err, "TLS", "");
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_SINGLE_DH_USE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    enum status st = protocols_set(ctx, event_opts.tls_protocols, err);
    if (st == ST_OK)
        st = client ? client_fill(ctx, err) : server_fill(ctx, err);
    if (st == ST_OK)
        st = ciphers_set(ctx, err);
    ERR_clear_error();
    if (st != ST_OK) {
        SSL_CTX_free(ctx);
        return st;
    }
    struct tls_context *t = mem_calloc(1, sizeof *t);
    t->ctx = ctx;
    t->refs = 1;
    *out = t;
    return ST_OK;
}

enum status tls_context_new(struct tls_context **out, struct error *err)
{
    enum status st = context_new(false, out, err);
    if (st != ST_OK || !*out)
        return st;
    if (event_opts.tls_auth_clients == EVENT_TLS_AUTH_YES)
        (*out)->verify = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    else if (event_opts.tls_auth_clients == EVENT_TLS_AUTH_OPTIONAL)
        (*out)->verify = SSL_VERIFY_PEER;
    else
        (*out)->verify = SSL_VERIFY_NONE;
    return ST_OK;
}

enum status tls_client_context_new(struct tls_context **out, struct error *err)
{
    enum status st = context_new(true, out, err);
    if (st == ST_OK && *out)
        (*out)->verify = SSL_VERIFY_PEER;
    return st;
}

void tls__context_ref(struct tls_context *t)
{
    t->refs++;
}

void tls_context_unref(struct tls_context *t)
{
    if (!t || --t->refs > 0)
        return;
    SSL_CTX_free(t->ctx);
    mem_free(t);
}

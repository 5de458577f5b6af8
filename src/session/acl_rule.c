/* Rules of users: passwords, switches and selectors; what is neither goes to the root selector. */
#include "base/mem.h"
#include "event/crypto.h"
#include "session/acl_priv.h"

struct acl_user *acl__user_new(struct slice name)
{
    struct acl_user *u = mem_calloc(1, sizeof(*u));
    u->head.magic = ACL_USER_MAGIC;
    u->refs = 1;
    u->name = mem_strndup(name.p ? name.p : "", name.n);
    u->name_n = name.n;
    u->selectors = mem_alloc(sizeof(*u->selectors));
    u->selectors[0] = acl__selector_new();
    u->nselectors = 1;
    return u;
}

static void free_content(struct acl_user *u)
{
    for (size_t i = 0; i < u->nselectors; i++)
        acl__selector_free(u->selectors[i]);
    mem_free(u->selectors);
    mem_free(u->secrets);
}

void acl__user_free(struct acl_user *u)
{
    if (!u)
        return;
    orbit_assert(u->head.magic == ACL_USER_MAGIC);
    if (--u->refs > 0)
        return;
    free_content(u);
    mem_free(u->name);
    u->head.magic = 0;
    mem_free(u);
}

void acl__user_copy(struct acl_user *to, const struct acl_user *from)
{
    free_content(to);
    to->head.unlimited = from->head.unlimited;
    to->flags = from->flags;
    to->nsecrets = from->nsecrets;
    to->secrets = NULL;
    if (from->nsecrets) {
        to->secrets = mem_alloc(from->nsecrets * sizeof(*from->secrets));
        memcpy(to->secrets, from->secrets, from->nsecrets * sizeof(*from->secrets));
    }
    to->nselectors = from->nselectors;
    to->selectors = mem_alloc(from->nselectors * sizeof(*from->selectors));
    for (size_t i = 0; i < from->nselectors; i++)
        to->selectors[i] = acl__selector_copy(from->selectors[i]);
}

/* -- Passwords ----------------------------------------------------------------------------------------------------------- */

static void clear_secrets(struct acl_user *u)
{
    mem_free(u->secrets);
    u->secrets = NULL;
    u->nsecrets = 0;
}

/* rule: ">password", "<password", "#hash" or "!hash". */
static enum status secret_of(struct slice rule, struct acl_secret *out, struct error *err)
{
    struct slice text = slice_make(rule.p + 1, rule.n - 1);
    if (rule.p[0] == '>' || rule.p[0] == '<') {
        unsigned char digest[32];
        char hex[ACL_HASH_TEXT + 1];
        crypto_sha256(text.p, text.n, digest);
        crypto_hex(digest, sizeof(digest), hex);
        memcpy(out->sha256, hex, ACL_HASH_TEXT);
        return ST_OK;
    }
    bool ok = text.n == ACL_HASH_TEXT;
    for (size_t i = 0; ok && i < text.n; i++)
        ok = (text.p[i] >= '0' && text.p[i] <= '9') || (text.p[i] >= 'a' && text.p[i] <= 'f');
    if (!ok)
        return error_set(err, ST_INVALID,
                         "The password hash must be exactly 64 characters and contain only "
                         "lowercase hexadecimal characters");
    memcpy(out->sha256, text.p, ACL_HASH_TEXT);
    return ST_OK;
}

static size_t find_secret(const struct acl_user *u, const struct acl_secret *s)
{
    size_t i = 0;
    while (i < u->nsecrets && memcmp(u->secrets[i].sha256, s->sha256, ACL_HASH_TEXT) != 0)
        i++;
    return i;
}

static enum status apply_secret(struct acl_user *u, struct slice rule, struct error *err)
{
    struct acl_secret secret;
    enum status st = secret_of(rule, &secret, err);
    if (st != ST_OK)
        return st;
    size_t at = find_secret(u, &secret);
    if (rule.p[0] == '>' || rule.p[0] == '#') {
        if (at == u->nsecrets) {
            u->secrets = mem_realloc(u->secrets, (u->nsecrets + 1) * sizeof(*u->secrets));
            u->secrets[u->nsecrets++] = secret;
        }
        u->flags &= ~(unsigned)ACL_USER_NOPASS;
        return ST_OK;
    }
    if (at == u->nsecrets)
        return error_set(err, ST_NOT_FOUND,
                         "The password you are trying to remove from the user does not exist");
    memmove(&u->secrets[at], &u->secrets[at + 1], (u->nsecrets - at - 1) * sizeof(*u->secrets));
    u->nsecrets--;
    return ST_OK;
}

/* -- Selectors ----------------------------------------------------------------------------------------------------------- */

static void clear_selectors(struct acl_user *u)
{
    while (u->nselectors > 1)
        acl__selector_free(u->selectors[--u->nselectors]);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

/* rule: "(...)". */
static enum status add_selector(struct acl_user *u, struct slice rule, struct error *err)
{
    struct acl_selector *s = acl__selector_new();
    const char *p = rule.p + 1, *end = rule.p + rule.n - 1;
    while (p < end) {
        while (p < end && is_space(*p))
            p++;
        const char *word = p;
        while (p < end && !is_space(*p))
            p++;
        /* A word that ends in a parenthesis would close the selector when its description is read back. */
        enum status st = p > word && p[-1] == ')'
                             ? error_set(err, ST_SYNTAX, "Syntax error")
                             : acl__selector_apply(s, slice_make(word, (size_t)(p - word)), err);
        if (st != ST_OK) {
            acl__selector_free(s);
            return st;
        }
    }
    u->selectors = mem_realloc(u->selectors, (u->nselectors + 1) * sizeof(struct acl_selector *));
    u->selectors[u->nselectors++] = s;
    return ST_OK;
}

/* -- Rules --------------------------------------------------------------------------------------------------------------- */

static void reset_user(struct acl_user *u)
{
    clear_secrets(u);
    clear_selectors(u);
    acl__selector_reset(u->selectors[0]);
    u->flags = 0;
}

static enum status apply(struct acl_user *u, struct slice rule, struct error *err)
{
    if (rule.n == 0)
        return ST_OK;
    if (slice_is(rule, "on")) {
        u->flags |= ACL_USER_ON;
    } else if (slice_is(rule, "off")) {
        u->flags &= ~(unsigned)ACL_USER_ON;
    } else if (slice_is(rule, "nopass")) {
        u->flags |= ACL_USER_NOPASS;
        clear_secrets(u);
    } else if (slice_is(rule, "skip-sanitize-payload")) {
        u->flags |= ACL_USER_SKIP_SANITIZE;
    } else if (slice_is(rule, "sanitize-payload")) {
        u->flags &= ~(unsigned)ACL_USER_SKIP_SANITIZE;
    } else if (slice_is(rule, "resetpass")) {
        u->flags &= ~(unsigned)ACL_USER_NOPASS;
        clear_secrets(u);
    } else if (memchr("><#!", rule.p[0], 4)) {
        return apply_secret(u, rule, err);
    } else if (rule.p[0] == '(' && rule.p[rule.n - 1] == ')' && rule.n > 1) {
        return add_selector(u, rule, err);
    } else if (slice_is(rule, "clearselectors")) {
        clear_selectors(u);
    } else if (slice_is(rule, "reset")) {
        reset_user(u);
    } else {
        return acl__selector_apply(u->selectors[0], rule, err);
    }
    return ST_OK;
}

enum status acl__user_apply(struct acl_user *u, struct slice rule, struct error *err)
{
    enum status st = apply(u, rule, err);
    const unsigned all = ACL_ALL_COMMANDS | ACL_ALL_KEYS | ACL_ALL_CHANNELS;
    u->head.unlimited = (u->selectors[0]->flags & all) == all;
    return st;
}

/* Index of the word that opens a selector which is never closed; n: none. */
static size_t find_unclosed(const struct slice *rules, size_t n)
{
    size_t opened = n;
    for (size_t i = 0; i < n; i++) {
        bool closes = rules[i].n && rules[i].p[rules[i].n - 1] == ')';
        if (opened == n && rules[i].n && rules[i].p[0] == '(' && !closes)
            opened = i;
        else if (opened != n && closes)
            opened = n;
    }
    return opened;
}

enum status acl__user_apply_all(struct acl_user *u, const struct slice *rules, size_t n,
                                struct buf *word, struct error *err)
{
    size_t unclosed = find_unclosed(rules, n);
    if (unclosed != n) {
        buf_clear(word);
        buf_put_slice(word, rules[unclosed]);
        return error_set(err, ST_END, "Unmatched parenthesis");
    }
    bool open = false;
    for (size_t i = 0; i < n; i++) {
        if (open)
            buf_put_byte(word, ' ');
        else
            buf_clear(word);
        buf_put_slice(word, rules[i]);
        bool closes = rules[i].n && rules[i].p[rules[i].n - 1] == ')';
        open = (open || (rules[i].n && rules[i].p[0] == '(')) && !closes;
        if (open)
            continue;
        enum status st = acl__user_apply(u, buf_slice(word), err);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

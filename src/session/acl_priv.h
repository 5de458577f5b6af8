/* Users as the files of the ACL see them. */
#ifndef ORBIT_SESSION_ACL_PRIV_H
#define ORBIT_SESSION_ACL_PRIV_H

#include "base/list.h"
#include "session/acl.h"

#define ACL_USER_MAGIC 0x41434c55u
#define ACL_HASH_TEXT  64 /* hex digits of a SHA-256 */

enum acl_access { ACL_READ = 1, ACL_WRITE = 2 };

struct acl_pattern { /* of keys or channels */
    char *p;
    size_t n;
    unsigned access; /* keys: enum acl_access */
};

struct acl_first_arg { /* "+select|0": the first argument lets an otherwise denied command pass */
    int id;
    char *arg;
};

struct acl_rule { /* one word of the description: what was asked for, not what it expands to */
    char *text;
    bool allow;
};

enum acl_selector_flags {
    ACL_ALL_COMMANDS = 1 << 0,
    ACL_ALL_KEYS = 1 << 1,
    ACL_ALL_CHANNELS = 1 << 2,
    ACL_FUTURE_COMMANDS = 1 << 3, /* "+@all ...": also commands that are not there yet */
};

struct acl_selector {
    unsigned flags;
    uint64_t *commands; /* bits by command id */
    size_t nwords;
    bool beyond; /* ids that have no bit yet */
    struct acl_first_arg *first_args;
    size_t nfirst_args;
    struct acl_rule *rules;
    size_t nrules;
    struct acl_pattern *keys;
    size_t nkeys;
    struct acl_pattern *channels;
    size_t nchannels;
};

/* What a password is checked against. The verifiers of other protocols (SCRAM-SHA-256 for PostgreSQL, both of MySQL) are
 * derived from the clear text when it is set, and belong here, beside the hash that RESP uses. */
struct acl_secret {
    char sha256[ACL_HASH_TEXT];
};

enum acl_user_flags {
    ACL_USER_ON = 1 << 0,
    ACL_USER_NOPASS = 1 << 1,
    ACL_USER_SKIP_SANITIZE = 1 << 2,
};

struct acl_user {
    struct acl_head head;
    unsigned flags;
    unsigned refs;
    struct list_node loose; /* users that are not in the registry */
    char *name;
    size_t name_n;
    struct acl_secret *secrets;
    size_t nsecrets;
    struct acl_selector **selectors; /* the first is the root: what is not in parentheses */
    size_t nselectors;
};

/* -- acl_selector.c ------------------------------------------------------------------------------------------------------ */

struct acl_selector *acl__selector_new(void);
struct acl_selector *acl__selector_copy(const struct acl_selector *s);
void acl__selector_free(struct acl_selector *s);
/* Applies one rule. err: ST_NOT_FOUND for an unknown command or category. */
MUST_USE enum status acl__selector_apply(struct acl_selector *s, struct slice rule,
                                         struct error *err);
/* Makes the set of commands anew from the rules; those about commands that are not there have no effect. */
void acl__selector_recompute(struct acl_selector *s);
void acl__selector_reset(
    struct acl_selector *s); /* nothing allowed, except what acl-pubsub-default gives */

/* -- acl_rule.c ---------------------------------------------------------------------------------------------------------- */

struct acl_user *acl__user_new(struct slice name);
/* Gives a reference back; accepts NULL. */
void acl__user_free(struct acl_user *u);
/* Everything but the name. */
void acl__user_copy(struct acl_user *to, const struct acl_user *from);
MUST_USE enum status acl__user_apply(struct acl_user *u, struct slice rule, struct error *err);
/* Rules as words, where a selector may be spread over several; they are joined again. On failure word is the rule that was
 * wrong, and u may be half changed. ST_END: a parenthesis is not closed. */
MUST_USE enum status acl__user_apply_all(struct acl_user *u, const struct slice *rules, size_t n,
                                         struct buf *word, struct error *err);
/* True for what Redis does not allow in names and patterns. */
bool acl__has_spaces(struct slice s);

/* -- acl_user.c ---------------------------------------------------------------------------------------------------------- */

struct radix;
/* The registry, by name. Replaces it; the default user stays the same object, with what the new one says (or what a fresh
 * one may); all other users go, with their clients. */
void acl__replace_users(struct radix *users);
struct acl_user *acl__user_add(struct slice name); /* must not exist */
/* A user who may do everything without a password: what the default user is in the beginning. */
void acl__make_default(struct acl_user *u);
/* Appends the text of a failed acl__user_apply_all. */
void acl__report(struct buf *report, struct slice word, enum status st, const struct error *err);

/* -- acl_log.c ----------------------------------------------------------------------------------------------------------- */

void acl__log(struct call *c, enum acl_verdict v, struct slice object, struct slice username);
/* INFO's lines in "stats". */
void acl__info(struct buf *out);

#endif

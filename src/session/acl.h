/* Access control: users, what they may run, which keys and channels they may touch, their passwords, and the log of what was
 * denied. One store for all listeners.
 *
 * A user has a root permission set and any number of selectors; a command is allowed when one of them allows all of it. The
 * fast path is one flag test: the user may run everything on every key and channel.
 * Thread: loop. */
#ifndef ORBIT_SESSION_ACL_H
#define ORBIT_SESSION_ACL_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "session/command.h"

#include <stdint.h>

struct acl_user;
struct call;
struct session;

/* What every struct acl_user begins with. */
struct acl_head {
    uint32_t magic;
    bool unlimited;
};

/* -- Checking ------------------------------------------------------------------------------------------------------------ */

enum acl_verdict { ACL_OK, ACL_DENIED_CMD, ACL_DENIED_KEY, ACL_DENIED_CHANNEL, ACL_DENIED_AUTH };

/* May user run cmd with these arguments? *pos (may be NULL) gets the argument that was refused. */
enum acl_verdict acl_check(const struct acl_user *user, const struct command *cmd,
                           const struct slice *argv, int argc, int *pos);
/* What dispatch calls before it runs or queues a command, and EXEC before each of its own: on refusal logs it, counts it,
 * answers "NOPERM ..." and returns false. */
MUST_USE bool acl_check_call(struct call *c);
/* One key; flags: enum key_flags, of which KEY_ACCESS asks for reading, KEY_INSERT|UPDATE|DELETE for writing. */
bool acl_check_key(const struct acl_user *user, struct slice key, unsigned flags);
/* pattern: channel is the pattern of a PSUBSCRIBE, that must be granted literally. */
bool acl_check_channel(const struct acl_user *user, struct slice channel, bool pattern);
/* All commands on all keys and channels, so that no check is needed. */
static inline bool acl_unlimited(const struct acl_user *user)
{
    return ((const struct acl_head *)(const void *)user)->unlimited;
}
/* True when user may run cmd and one selector that allows it may read every key (SORT's BY and GET). */
bool acl_reads_all_keys(const struct acl_user *user, const struct command *cmd);
/* Appends the reason of a refusal, naming the command, key or channel: "User x has no permissions to ...". */
/* The text that a client gets: "User x has no permissions to run ...", "No permissions to access a key". */
void acl_refusal(enum acl_verdict v, const struct acl_user *user, const struct command *cmd,
                 struct buf *out);
void acl_explain(enum acl_verdict v, const struct acl_user *user, const struct command *cmd,
                 const struct slice *argv, int pos, struct buf *out);
/* Category by name, any case: enum acl_category_index; -1: there is none. */
int acl_category_find(struct slice name);
const char *acl_category_name(int index);

/* -- Users --------------------------------------------------------------------------------------------------------------- */

/* Makes the users from the options that were set before (requirepass, user lines, aclfile). Call after every command was
 * registered and the configuration was loaded. err: what to print before giving up; long reports go to the log. */
MUST_USE enum status acl_start(struct error *err);
void acl_stop(void);
/* Commands came or went: what each user may run is told anew from the rules. */
void acl_commands_changed(void);
/* Never NULL, and always the same. */
struct acl_user *acl_default(void);
/* Who may do everything and is no user that anybody can name: the server itself. */
struct acl_user *acl_root(void);
struct acl_user *acl_find(struct slice name); /* NULL: there is none */
struct slice acl_name(const struct acl_user *user);
bool acl_enabled(const struct acl_user *user);
bool acl_nopass(const struct acl_user *user);
/* Calls fn for each user in order of names. */
void acl_each(void (*fn)(void *arg, const struct acl_user *user), void *arg);

/* Makes or changes a user, all rules or none. Clients whose subscriptions are not allowed any more are closed. On failure
 * report gets the message. */
MUST_USE enum status acl_set_user(struct slice name, const struct slice *rules, size_t n,
                                  struct buf *report);
/* Deletes and closes its clients. ST_NOT_FOUND; ST_DENIED for the default user. */
MUST_USE enum status acl_delete_user(struct slice name);

/* A user of nobody's: off, may do nothing, is not in the registry, cannot log in by name. The caller has its one reference. */
struct acl_user *acl_user_new(struct slice name);
/* Keeps the object when the user is deleted meanwhile; it can do nothing for clients then, which are closed. */
struct acl_user *acl_user_ref(struct acl_user *user);
void acl_user_unref(struct acl_user *user);
/* As acl_set_user, for a user that is at hand. */
MUST_USE enum status acl_change_user(struct acl_user *user, const struct slice *rules, size_t n,
                                     struct buf *report);
/* Closes the clients of user; they are nobody's any more. */
void acl_close_clients(struct acl_user *user);
/* Closes this client, who is logged out at once. */
void acl_close_client(struct session *s);
/* Reads the ACL file again; all of it or nothing. Clients of all users but the default one are closed. */
MUST_USE enum status acl_load(struct buf *report);
/* ST_UNSUPPORTED: there is no ACL file. */
MUST_USE enum status acl_save(struct error *err);

/* Descriptions, appended: the whole user as ACL LIST shows it, and its parts. selector 0 is the user itself. */
void acl_describe(const struct acl_user *user, struct buf *out);
size_t acl_selectors(const struct acl_user *user);
void acl_describe_commands(const struct acl_user *user, size_t selector, struct buf *out);
void acl_describe_keys(const struct acl_user *user, size_t selector, struct buf *out);
void acl_describe_channels(const struct acl_user *user, size_t selector, struct buf *out);
/* Flags as words, NULL ends; hashes of passwords as 64 hex digits. */
const char *acl_flag(const struct acl_user *user, size_t i);
struct slice acl_password_hash(const struct acl_user *user, size_t i); /* SLICE_NULL: no more */

/* Registered by pub/sub: true when user may keep everything that s has subscribed to. */
void acl_on_subscriptions(bool (*fn)(struct session *s, const struct acl_user *user));

/* -- Authentication ------------------------------------------------------------------------------------------------------ */

/* True: name may log in with password. A failure takes the same time whether the user exists or not. */
MUST_USE bool acl_authenticate(struct slice name, struct slice password, struct acl_user **user);
enum acl_login {
    ACL_LOGIN_OK,
    ACL_LOGIN_DENIED,  /* answered */
    ACL_LOGIN_BLOCKED, /* the command will be executed again */
    ACL_LOGIN_PASS, /* only from what acl_on_login has registered: it is somebody else's to say */
};
/* Logs the session in (s->user is set), or records the failure in ACL LOG and the statistics and answers it. */
MUST_USE enum acl_login acl_login(struct call *c, struct slice name, struct slice password);
/* Asked before the password is looked at. DENIED: it has said why in the reply or in why (words behind "ERR ", or with a code
 * of their own behind "-"), or nothing. */
void acl_on_login(enum acl_login (*fn)(struct call *c, struct slice name, struct slice password,
                                       struct buf *why));
/* Logs the session in as user, without question; what HOOK_SESSION_USER registered hears of it. */
void acl_become(struct session *s, struct acl_user *user);
/* A fresh session's user: the default one; sets SESS_AUTHENTICATED when that needs no password. */
void acl_attach(struct session *s);

/* -- What was denied ----------------------------------------------------------------------------------------------------- */

enum acl_context {
    ACL_CONTEXT_TOPLEVEL,
    ACL_CONTEXT_MULTI,
    ACL_CONTEXT_SCRIPT,
    ACL_CONTEXT_MODULE
};

struct acl_log_entry {
    uint64_t id, count;
    enum acl_verdict reason;
    enum acl_context context;
    struct buf object, username, client;
    int64_t created_ms, updated_ms;
};
/* Newest first; NULL: no more. */
const struct acl_log_entry *acl_log_entry(size_t i);
void acl_log_clear(void);
/* Records and counts a refusal. object: the command, key or channel; s: whose client it was. */
void acl_log_add(struct session *s, enum acl_verdict v, enum acl_context context,
                 struct slice object, struct slice username);
/* Words of ACL LOG: "command", "toplevel"... */
const char *acl_verdict_name(enum acl_verdict v);
const char *acl_context_name(enum acl_context c);
/* Who writes the line of CLIENT LIST that an entry keeps. */
void acl_on_describe_client(void (*fn)(struct buf *out, struct session *s));

struct acl_stats {
    uint64_t denied_auth, denied_cmd, denied_key, denied_channel; /* INFO's acl_access_denied_* */
};
extern struct acl_stats acl_stats;

/* The lines "user ..." of the configuration. */
struct config_custom;
extern const struct config_custom acl_user_option;

#endif

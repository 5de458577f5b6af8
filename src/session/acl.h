/* Access control: users, what they may run, which keys and channels they may touch, their passwords, and the log of what was
 * denied. One store for all listeners.
 *
 * A user has a root permission set and any number of selectors; a command is allowed when one of them allows all of it. The
 * fast path is one flag test: the user may run everything on every key and channel.
 * Thread: loop. */
#ifndef ORBIT_SESSION_ACL_H
#define ORBIT_SESSION_ACL_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "session/command.h"

struct acl_user;
struct call;
struct session;

/* -- Checking ------------------------------------------------------------------------------------------------------------ */

enum acl_verdict { ACL_OK, ACL_DENIED_CMD, ACL_DENIED_KEY, ACL_DENIED_CHANNEL, ACL_DENIED_AUTH };

/* May user run cmd with these arguments? *pos (may be NULL) gets the argument that was refused. */
enum acl_verdict acl_check(const struct acl_user *user, const struct command *cmd, const struct slice *argv, int argc,
                           int *pos);
/* What dispatch calls before it runs or queues a command: on refusal logs it, counts it, answers "NOPERM ..." and returns
 * false. */
MUST_USE bool acl_check_call(struct call *c);
/* One key; flags: enum key_flags, of which KEY_ACCESS asks for reading, KEY_INSERT|UPDATE|DELETE for writing. */
bool acl_check_key(const struct acl_user *user, struct slice key, unsigned flags);
/* pattern: channel is the pattern of a PSUBSCRIBE, that must be granted literally. */
bool acl_check_channel(const struct acl_user *user, struct slice channel, bool pattern);
/* All commands on all keys and channels, so that no check is needed. */
bool acl_unlimited(const struct acl_user *user);

/* -- Users --------------------------------------------------------------------------------------------------------------- */

/* Makes the default user from the options (requirepass, user lines) that were set before; loads the ACL file if there is one.
 * Call after every command was registered and the configuration was loaded. */
MUST_USE enum status acl_start(struct error *err);
void acl_stop(void);
struct acl_user *acl_default(void);
struct acl_user *acl_find(struct slice name);
struct slice acl_name(const struct acl_user *user);
bool acl_enabled(const struct acl_user *user);
bool acl_nopass(const struct acl_user *user);

/* -- Authentication ------------------------------------------------------------------------------------------------------- */

/* True: name may log in with password. A failure takes the same time whether the user exists or not. */
bool acl_authenticate(struct slice name, struct slice password, struct acl_user **user);
/* Logs the session in, or records the failure in ACL LOG and the statistics. True: s->user is set and authenticated. */
bool acl_login(struct call *c, struct slice name, struct slice password);
/* A fresh session's user: the default one; sets SESS_AUTHENTICATED when that needs no password. */
void acl_attach(struct session *s);

/* -- Figures -------------------------------------------------------------------------------------------------------------- */

struct acl_stats {
    uint64_t denied_auth, denied_cmd, denied_key, denied_channel; /* INFO's acl_access_denied_* */
};
extern struct acl_stats acl_stats;
void acl_stats_reset(void);

#endif

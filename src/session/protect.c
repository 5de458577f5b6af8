/* Who may do what is dangerous. */
#include "session/protect.h"

#include "session/session.h"
#include "session/session_options.h"

static bool is_local(const struct session *s)
{
    /* peer fills the whole struct and reads only */
    struct session *mutable = (struct session *)(uintptr_t)s;
    struct sess_peer peer;
    s->ops->peer(mutable, &peer);
    return peer.unix_socket || strncmp(peer.addr, "127.", 4) == 0 ||
           strncmp(peer.addr, "[::1]", 5) == 0 || strncmp(peer.addr, "::1:", 4) == 0;
}

bool protect_allowed(const struct session *s, int setting)
{
    return setting == SESSION_PROTECTED_YES || (setting == SESSION_PROTECTED_LOCAL && is_local(s));
}

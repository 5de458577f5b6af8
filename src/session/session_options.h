/* Options of sessions: who may do what. */
#ifndef ORBIT_SESSION_SESSION_OPTIONS_H
#define ORBIT_SESSION_SESSION_OPTIONS_H

#include "config/config.h"

enum session_protected { SESSION_PROTECTED_NO, SESSION_PROTECTED_YES, SESSION_PROTECTED_LOCAL };
enum session_pubsub_default { SESSION_PUBSUB_RESET, SESSION_PUBSUB_ALL };

struct session_options {
#include "config/declare_fields.h"

#include "session/options.def"

#include "config/declare_end.h"
};
extern struct session_options session_opts;

void session_options_register(void);

#endif

/* Scripts and functions in Lua: EVAL, SCRIPT, FUNCTION, FCALL. Thread: loop. */
#ifndef ORBIT_SERVICES_SCRIPT_SCRIPT_H
#define ORBIT_SERVICES_SCRIPT_SCRIPT_H

#include "config/config.h"

struct script_options {
#include "config/declare_fields.h"

#include "services/script/options.def"

#include "config/declare_end.h"
};
extern struct script_options script_opts;

void script_options_register(void);
/* Opens the Lua states. After the commands were registered and before the log is replayed. */
void script_start(void);
/* One runs. */
bool script_running(void);

#endif

/* Options of queries. */
#ifndef ORBIT_ENGINE_ENGINE_OPTIONS_H
#define ORBIT_ENGINE_ENGINE_OPTIONS_H

#include "config/config.h"

struct engine_options {
#include "config/declare_fields.h"

#include "engine/options.def"

#include "config/declare_end.h"
};
extern struct engine_options engine_opts;

void engine_options_register(void);

#endif

/* Values and table of engine/options.def. */
#include "engine/engine_options.h"

#include "base/compiler.h"
#include "config/option.h"

struct engine_options engine_opts;

#define CONFIG_STRUCT engine_opts
static const struct config_option rows[] = {
#include "config/declare_table.h"

#include "engine/options.def"

#include "config/declare_end.h"
};

void engine_options_register(void)
{
    config_register(rows, COUNT_OF(rows));
}

/* Registers the commands of this folder and the options. Their table is generated from spec/. */
#include "module/module_commands.h"

#include "module/module.h"

#include "module/module_commands.def"

void module_register(void)
{
    module_options_register();
    command_register(module_command_table, COUNT_OF(module_command_table));
}

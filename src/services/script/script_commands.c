/* Registers the commands of this folder. Their table is generated from spec/. */
#include "services/script/script_commands.h"

#include "services/script/script_commands.def"

void script_commands_register(void)
{
    command_register(script_command_table, COUNT_OF(script_command_table));
}

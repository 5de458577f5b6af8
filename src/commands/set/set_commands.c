/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/set/set_commands.h"

#include "commands/set/set_commands.def"

void set_commands_register(void)
{
    command_register(set_command_table, COUNT_OF(set_command_table));
}

/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/generic/generic_commands.h"

#include "commands/generic/generic_commands.def"

void generic_commands_register(void)
{
    command_register(generic_command_table, COUNT_OF(generic_command_table));
}

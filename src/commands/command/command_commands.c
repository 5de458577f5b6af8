/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/command/command_commands.h"

#include "commands/command/command_commands.def"

void command_commands_register(void)
{
    command_register(command_command_table, COUNT_OF(command_command_table));
}

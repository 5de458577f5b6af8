/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/list/list_commands.h"

#include "commands/list/list_commands.def"

void list_commands_register(void)
{
    command_register(list_command_table, COUNT_OF(list_command_table));
}

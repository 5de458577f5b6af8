/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/string/string_commands.h"

#include "commands/string/string_commands.def"

void string_commands_register(void)
{
    command_register(string_command_table, COUNT_OF(string_command_table));
}

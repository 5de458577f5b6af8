/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/config/config_commands.h"

#include "commands/config/config_commands.def"

void config_commands_register(void)
{
    command_register(config_command_table, COUNT_OF(config_command_table));
}

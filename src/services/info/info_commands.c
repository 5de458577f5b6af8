/* Registers the commands of this folder. Their table is generated from spec/. */
#include "services/info/info_commands.h"

#include "services/info/info_commands.def"

void info_commands_register(void)
{
    command_register(info_command_table, COUNT_OF(info_command_table));
}

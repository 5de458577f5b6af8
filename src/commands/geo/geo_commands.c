/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/geo/geo_commands.h"

#include "commands/geo/geo_commands.def"

void geo_commands_register(void)
{
    command_register(geo_command_table, COUNT_OF(geo_command_table));
}

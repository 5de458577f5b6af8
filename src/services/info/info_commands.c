/* Registers the commands of this folder and what they live on. Their table is generated from spec/. */
#include "services/info/info_commands.h"

#include "services/info/info.h"

#include "services/info/info_commands.def"

void info_commands_register(void)
{
    command_register(info_command_table, COUNT_OF(info_command_table));
    info_options_register();
    info_start();
}

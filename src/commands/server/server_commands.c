/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/server/server_commands.h"

#include "commands/server/save.h"

#include "commands/server/server_commands.def"

void server_commands_register(void)
{
    command_register(server_command_table, COUNT_OF(server_command_table));
    save_start();
}

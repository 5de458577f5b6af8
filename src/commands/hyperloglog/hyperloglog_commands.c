/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/hyperloglog/hyperloglog_commands.h"

#include "commands/hyperloglog/hyperloglog_commands.def"

void hyperloglog_commands_register(void)
{
    command_register(hyperloglog_command_table, COUNT_OF(hyperloglog_command_table));
}

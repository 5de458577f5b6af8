/* Registers the commands of this folder. Their table is generated from spec/. */
#include "services/slowlog/slowlog_commands.h"

#include "services/slowlog/slowlog_commands.def"

void slowlog_commands_register(void)
{
    command_register(slowlog_command_table, COUNT_OF(slowlog_command_table));
}

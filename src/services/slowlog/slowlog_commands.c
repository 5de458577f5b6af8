/* Registers the commands of this folder and what they live on. Their table is generated from spec/. */
#include "services/slowlog/slowlog_commands.h"

#include "services/slowlog/slowlog.h"

#include "services/slowlog/slowlog_commands.def"

void slowlog_commands_register(void)
{
    command_register(slowlog_command_table, COUNT_OF(slowlog_command_table));
    slowlog_options_register();
    slowlog_start();
}

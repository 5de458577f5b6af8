/* Registers the commands of this folder and what they live on. Their table is generated from spec/. */
#include "services/monitor/monitor_commands.h"

#include "services/monitor/monitor.h"

#include "services/monitor/monitor_commands.def"

void monitor_commands_register(void)
{
    command_register(monitor_command_table, COUNT_OF(monitor_command_table));
    monitor_start();
}

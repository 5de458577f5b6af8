/* Registers the commands of this folder and the options. Their table is generated from spec/. */
#include "services/latency/latency_commands.h"

#include "services/latency/latency.h"

#include "services/latency/latency_commands.def"

void latency_commands_register(void)
{
    command_register(latency_command_table, COUNT_OF(latency_command_table));
    latency_options_register();
}

/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/cluster/cluster_commands.h"

#include "commands/cluster/cluster_commands.def"

void cluster_commands_register(void)
{
    command_register(cluster_command_table, COUNT_OF(cluster_command_table));
}

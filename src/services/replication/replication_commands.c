/* Registers the commands of this folder and what they live on. Their table is generated from spec/. */
#include "services/replication/replication_commands.h"

#include "services/replication/replication.h"

#include "services/replication/replication_commands.def"

void replication_commands_register(void)
{
    command_register(replication_command_table, COUNT_OF(replication_command_table));
    replication_start();
}

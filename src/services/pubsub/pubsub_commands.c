/* Registers the commands of this folder. Their table is generated from spec/. */
#include "services/pubsub/pubsub_commands.h"

#include "services/pubsub/pubsub_commands.def"

void pubsub_commands_register(void)
{
    command_register(pubsub_command_table, COUNT_OF(pubsub_command_table));
}

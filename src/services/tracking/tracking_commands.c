/* Registers the commands of this folder. Their table is generated from spec/. */
#include "services/tracking/tracking_commands.h"

#include "services/tracking/tracking_commands.def"

void tracking_commands_register(void)
{
    command_register(tracking_command_table, COUNT_OF(tracking_command_table));
}

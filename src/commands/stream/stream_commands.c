/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/stream/stream_commands.h"

#include "commands/stream/stream_commands.def"

void stream_commands_register(void)
{
    command_register(stream_command_table, COUNT_OF(stream_command_table));
}

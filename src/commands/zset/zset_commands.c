/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/zset/zset_commands.h"

#include "commands/zset/zset_commands.def"

void zset_commands_register(void)
{
    command_register(zset_command_table, COUNT_OF(zset_command_table));
}

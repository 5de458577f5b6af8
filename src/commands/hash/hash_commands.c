/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/hash/hash_commands.h"

#include "commands/hash/hash_commands.def"

void hash_commands_register(void)
{
    command_register(hash_command_table, COUNT_OF(hash_command_table));
}

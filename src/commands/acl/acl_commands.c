/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/acl/acl_commands.h"

#include "commands/acl/acl_commands.def"

void acl_commands_register(void)
{
    command_register(acl_command_table, COUNT_OF(acl_command_table));
}

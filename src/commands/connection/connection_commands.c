/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/connection/connection_commands.h"

#include "commands/connection/client_priv.h"
#include "session/acl.h"

#include "commands/connection/connection_commands.def"

void connection_commands_register(void)
{
    command_register(connection_command_table, COUNT_OF(connection_command_table));
    acl_on_describe_client(client__line);
}

/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/dump/dump_commands.h"

#include "commands/dump/dump_commands.def"
#include "commands/dump/migrate_link.h"
#include "commands/dump/upload.h"

void dump_commands_register(void)
{
    migrate_link_start();
    upload_start();
    command_register(dump_command_table, COUNT_OF(dump_command_table));
}

/* Registers the commands of this folder and what they live on. Their table is generated from spec/. */
#include "services/backup/backup_commands.h"

#include "services/backup/backup_service.h"

#include "services/backup/backup_commands.def"

void backup_commands_register(void)
{
    command_register(backup_command_table, COUNT_OF(backup_command_table));
    backup_options_register();
}

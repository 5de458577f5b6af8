/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/transactions/transactions_commands.h"

#include "commands/transactions/transactions_commands.def"

void transactions_commands_register(void)
{
    command_register(transactions_command_table, COUNT_OF(transactions_command_table));
}

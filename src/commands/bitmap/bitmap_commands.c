/* Registers the commands of this folder. Their table is generated from spec/. */
#include "commands/bitmap/bitmap_commands.h"

#include "commands/bitmap/bitmap_commands.def"

void bitmap_commands_register(void)
{
    command_register(bitmap_command_table, COUNT_OF(bitmap_command_table));
}

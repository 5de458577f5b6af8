/* Keys of commands whose use of them depends on the arguments. */
#include "commands/string/string_commands.h"

/* SET reads its key only when GET is given. */
bool keys_set(const struct command *cmd, const struct slice *argv, int argc, struct key_refs *out)
{
    unsigned flags = KEY_OW | KEY_UPDATE;
    for (int i = 3; i < argc; i++)
        if (slice_is(argv[i], "get"))
            flags = KEY_RW | KEY_ACCESS | KEY_UPDATE;
    key_refs_add(out, 1, flags);
    return true;
}

/* Keys of commands whose use of them depends on the arguments. */
#include "commands/bitmap/bitmap_commands.h"

/* BITFIELD only reads when all its operations are GETs; what is not valid counts as writing. */
bool keys_bitfield(const struct command *cmd, const struct slice *argv, int argc,
                   struct key_refs *out)
{
    bool reads = true;
    for (int i = 2; i < argc && reads; i++) {
        int left = argc - i - 1;
        if (slice_is(argv[i], "get") && left >= 2)
            i += 2;
        else if (slice_is(argv[i], "overflow") && left >= 1)
            i += 1;
        else
            reads = false;
    }
    key_refs_add(out, 1, reads ? KEY_RO | KEY_ACCESS : KEY_RW | KEY_ACCESS | KEY_UPDATE);
    return true;
}

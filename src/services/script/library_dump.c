/* Libraries as Redis's dump format has them: one after the other, each an opcode and its code as a string. */
#include "rdb/rdb_codec.h"
#include "rdb/rdb_format.h"
#include "services/script/library_priv.h"

void script__libraries_put(const struct script_libraries *set, struct buf *out)
{
    struct dict_iter it = dict_iter(set->libraries);
    while (dict_next(&it)) {
        const struct script_library *l = it.value;
        buf_put_byte(out, RDB_OP_FUNCTION2);
        rdb_put_string(out, buf_slice(&l->code), false);
    }
}

bool script__libraries_get(struct script_libraries *set, struct slice body, int64_t timeout_ms,
                           struct buf *why)
{
    struct reader in = reader_make(body);
    struct buf scratch = BUF_INIT;
    bool ok = true;
    while (ok && reader_left(&in) > 0) {
        uint8_t op = reader_u8(&in);
        ok = false;
        if (op == RDB_OP_FUNCTION_PRE_GA) {
            buf_put_str(why, "Pre-GA function format not supported");
        } else if (op != RDB_OP_FUNCTION2) {
            buf_put_str(why, "given type is not a function");
        } else {
            struct slice code = rdb_get_string(&in, &scratch);
            if (in.bad)
                buf_put_str(why, "Failed loading library code");
            else
                ok = script__library_load(set, code, false, timeout_ms, why) != NULL;
        }
    }
    buf_free(&scratch);
    return ok;
}

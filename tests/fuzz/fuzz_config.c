/* Config files from hostile bytes. What loads must survive CONFIG REWRITE: the new text loads and gives the same values. */
#include "base/log.h"
#include "config/admin.h"
#include "config/compat_options.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool put_value(void *arg, const struct config_option *opt)
{
    struct buf *out = arg;
    config_value(opt, out);
    buf_put_byte(out, '\n');
    return true;
}

static bool load(struct slice text, struct buf *values)
{
    struct error err = {.message = ""};
    config_reset();
    compat_options_register();
    if (config_load_text(text, &err) != ST_OK)
        return false;
    config_each(put_value, values);
    return true;
}

/* Lines that reach for other files are no matter of the parser. */
static bool has_include(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 7 <= size; i++)
        if (strncasecmp((const char *)data + i, "include", 7) == 0)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf before = BUF_INIT, after = BUF_INIT, text = BUF_INIT;
    log_set_level(LOG_NOTHING);
    if (has_include(data, size))
        return 0;
    struct slice in = slice_make(data, size);
    if (load(in, &before)) {
        config_rewrite_text(in, false, &text);
        if (!load(buf_slice(&text), &after) || !slice_eq(buf_slice(&before), buf_slice(&after)))
            abort();
        buf_clear(&text);
        buf_clear(&after);
        config_rewrite_text(in, true, &text);
        if (!load(buf_slice(&text), &after) || !slice_eq(buf_slice(&before), buf_slice(&after)))
            abort();
    }
    buf_free(&before);
    buf_free(&after);
    buf_free(&text);
    return 0;
}

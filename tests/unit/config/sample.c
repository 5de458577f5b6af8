/* A table of options for tests, one of each kind. */
#include "unit/config/sample.h"

#include "base/log.h"
#include "config/option.h"

struct sample sample;
struct buf sample_list;
int sample_notes;

static const struct config_enum colours[] = {{"red", 0}, {"green", 1}, {"blue", 2}, {NULL, 0}};
static const struct config_enum signals[] = {
    {"default", 0}, {"save", 1}, {"now", 2}, {"force", 4}, {NULL, 0}};

static enum status list_set(const struct slice *argv, size_t argc, bool from_file,
                            struct error *err)
{
    if (argc > 3)
        return error_set(err, ST_INVALID, "at most three words");
    buf_clear(&sample_list);
    for (size_t i = 0; i < argc; i++) {
        if (i)
            buf_put_byte(&sample_list, ' ');
        buf_put_slice(&sample_list, argv[i]);
    }
    return ST_OK;
}

static void list_get(struct buf *out)
{
    buf_put_slice(out, buf_slice(&sample_list));
}

static enum status note_set(const struct slice *argv, size_t argc, bool from_file,
                            struct error *err)
{
    sample_notes++;
    return ST_OK;
}

static const struct config_custom list_option = {
    .set = list_set, .get = list_get, .default_text = ""};
static const struct config_custom note_option = {.set = note_set};

#define CONFIG_STRUCT sample
static const struct config_option rows[] = {
#include "config/declare_table.h"

#include "unit/config/sample_options.def"

#include "config/declare_end.h"
};

int sample_setup(void **state)
{
    log_set_level(LOG_NOTHING);
    sample_notes = 0;
    buf_clear(&sample_list);
    config_register(rows, COUNT_OF(rows));
    return 0;
}

int sample_teardown(void **state)
{
    config_reset();
    buf_free(&sample_list);
    return 0;
}

const char *sample_get(const char *name)
{
    static struct buf text;
    buf_clear(&text);
    if (config_get(slice_str(name), &text) != ST_OK)
        return "(no such option)";
    return buf_cstr(&text);
}

/* Values and table of wire/resp/options.def, and the three limits behind client-output-buffer-limit. */
#include "wire/resp/resp_options.h"

#include "base/num.h"
#include "config/option.h"

#include <inttypes.h>

#define LIMITS_DEFAULT "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"

struct resp_options resp_opts;
struct resp_output_limit resp_output_limits[RESP_CLASSES];

static const struct resp_output_limit limits_default[RESP_CLASSES] = {
    {0, 0, 0}, {268435456, 67108864, 60}, {33554432, 8388608, 60}};
static const char *const class_names[RESP_CLASSES] = {"normal", "slave", "pubsub"};

static bool parse_class(struct slice word, enum resp_client_class *out)
{
    if (slice_is(word, "normal"))
        *out = RESP_CLASS_NORMAL;
    else if (slice_is(word, "slave") || slice_is(word, "replica"))
        *out = RESP_CLASS_REPLICA;
    else if (slice_is(word, "pubsub"))
        *out = RESP_CLASS_PUBSUB;
    else
        return false;
    return true;
}

/* All or nothing: a bad class in the middle changes none. */
static enum status limits_set(const struct slice *argv, size_t argc, bool from_file,
                              struct error *err)
{
    struct resp_output_limit fresh[RESP_CLASSES];
    memcpy(fresh, resp_output_limits, sizeof(fresh));
    if (argc % 4)
        return error_set(err, ST_INVALID,
                         "Wrong number of arguments in buffer limit configuration.");
    for (size_t i = 0; i < argc; i += 4) {
        enum resp_client_class class;
        struct resp_output_limit limit;
        if (!parse_class(argv[i], &class))
            return error_set(err, ST_INVALID,
                             "Invalid client class specified in buffer limit configuration.");
        if (!num_parse_memory(argv[i + 1], &limit.hard_bytes) ||
            !num_parse_memory(argv[i + 2], &limit.soft_bytes) ||
            !num_parse_int(argv[i + 3], &limit.soft_seconds) || limit.soft_seconds < 0)
            return error_set(
                err, ST_INVALID,
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
        fresh[class] = limit;
    }
    memcpy(resp_output_limits, fresh, sizeof(fresh));
    return ST_OK;
}

static void put_limit(struct buf *out, enum resp_client_class class)
{
    const struct resp_output_limit *l = &resp_output_limits[class];
    buf_printf(out, "%s %" PRIu64 " %" PRIu64 " %" PRId64, class_names[class], l->hard_bytes,
               l->soft_bytes, l->soft_seconds);
}

static void limits_get(struct buf *out)
{
    for (int i = 0; i < RESP_CLASSES; i++) {
        if (i)
            buf_put_byte(out, ' ');
        put_limit(out, (enum resp_client_class)i);
    }
}

static void limits_rewrite(struct buf *out)
{
    for (int i = 0; i < RESP_CLASSES; i++) {
        buf_put_str(out, "client-output-buffer-limit ");
        put_limit(out, (enum resp_client_class)i);
        buf_put_byte(out, '\n');
    }
}

static const struct config_custom resp_output_limit_option = {.set = limits_set,
                                                              .get = limits_get,
                                                              .rewrite = limits_rewrite,
                                                              .default_text = LIMITS_DEFAULT};

#define CONFIG_STRUCT resp_opts
static const struct config_option rows[] = {
#include "config/declare_table.h"

#include "wire/resp/options.def"

#include "config/declare_end.h"
};

void resp_options_register(void)
{
    memcpy(resp_output_limits, limits_default, sizeof(limits_default));
    config_register(rows, COUNT_OF(rows));
}

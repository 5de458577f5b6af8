/* Values and table of keyspace/options.def. */
#include "keyspace/keyspace_options.h"

#include "config/option.h"
#include "keyspace/notify.h"

struct keyspace_options keyspace_opts;

static const struct config_enum keyspace_fsync_names[] = {
    {"everysec", KV_FSYNC_EVERYSEC}, {"always", KV_FSYNC_ALWAYS}, {"no", KV_FSYNC_NO}, {NULL, 0}};

static const struct config_enum keyspace_policy_names[] = {
    {"volatile-lru", KV_EVICT_VOLATILE_LRU},
    {"volatile-lfu", KV_EVICT_VOLATILE_LFU},
    {"volatile-random", KV_EVICT_VOLATILE_RANDOM},
    {"volatile-ttl", KV_EVICT_VOLATILE_TTL},
    {"allkeys-lru", KV_EVICT_ALL_LRU},
    {"allkeys-lfu", KV_EVICT_ALL_LFU},
    {"allkeys-random", KV_EVICT_ALL_RANDOM},
    {"noeviction", KV_EVICT_NONE},
    {NULL, 0}};

static const struct {
    char letter;
    enum notify_class cls;
} notify_letters[] = {
    {'g', NOTIFY_GENERIC},  {'$', NOTIFY_STRING}, {'l', NOTIFY_LIST},     {'s', NOTIFY_SET},
    {'h', NOTIFY_HASH},     {'z', NOTIFY_ZSET},   {'x', NOTIFY_EXPIRED},  {'e', NOTIFY_EVICTED},
    {'t', NOTIFY_STREAM},   {'d', NOTIFY_MODULE}, {'K', NOTIFY_KEYSPACE}, {'E', NOTIFY_KEYEVENT},
    {'m', NOTIFY_KEY_MISS}, {'n', NOTIFY_NEW},
};

static enum status notify_set(const struct slice *argv, size_t argc, bool from_file,
                              struct error *err)
{
    unsigned classes = 0;
    if (argc != 1)
        return error_set(err, ST_INVALID, "wrong number of arguments");
    for (size_t i = 0; i < argv[0].n; i++) {
        char c = argv[0].p[i];
        size_t k = 0;
        if (c == 'A') {
            classes |= NOTIFY_ALL;
            continue;
        }
        while (k < COUNT_OF(notify_letters) && notify_letters[k].letter != c)
            k++;
        if (k == COUNT_OF(notify_letters))
            return error_set(err, ST_INVALID,
                             "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
        classes |= notify_letters[k].cls;
    }
    keyspace_opts.notify_classes = classes;
    return ST_OK;
}

static void notify_get(struct buf *out)
{
    unsigned classes = keyspace_opts.notify_classes;
    bool all = (classes & NOTIFY_ALL) == NOTIFY_ALL;
    if (all)
        buf_put_byte(out, 'A');
    for (size_t k = 0; k < COUNT_OF(notify_letters); k++) {
        enum notify_class cls = notify_letters[k].cls;
        if ((classes & cls) && !(all && (cls & NOTIFY_ALL)))
            buf_put_byte(out, (uint8_t)notify_letters[k].letter);
    }
}

static const struct config_custom keyspace_notify_option = {
    .set = notify_set, .get = notify_get, .default_text = ""};

#define CONFIG_STRUCT keyspace_opts
static const struct config_option rows[] = {
#include "config/declare_table.h"

#include "keyspace/options.def"

#include "config/declare_end.h"
};

void keyspace_options_register(void)
{
    config_register(rows, COUNT_OF(rows));
}

/* Values and files of the dump format from hostile bytes. The first byte is the type of a value, or 255 for a whole file. What is
 * accepted with all checks must be accepted without them, and must end where skipping it ends. */
#include "base/hash.h"
#include "rdb/rdb_codec.h"
#include "rdb/rdb_decode.h"
#include "rdb/rdb_file.h"
#include "rdb/rdb_modules.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every byte that is given is read, so that a sanitizer sees those that are not there. */
static uint64_t sum;

static void read_slice(struct slice s)
{
    sum = hash_crc64(sum, s.p, s.n);
}

static enum status on_string(void *arg, struct slice value, struct error *err)
{
    read_slice(value);
    return ST_OK;
}

static enum status on_begin(void *arg, enum kv_type type, unsigned rdb_type, uint64_t count,
                            struct error *err)
{
    return ST_OK;
}

static enum status on_element(void *arg, struct slice a, struct slice b, struct error *err)
{
    read_slice(a);
    read_slice(b);
    return ST_OK;
}

static enum status on_scored(void *arg, struct slice member, double score, struct error *err)
{
    read_slice(member);
    if (score != score)
        abort();
    return ST_OK;
}

static enum status on_entry(void *arg, const struct kv_stream_place *at, const struct slice *argv,
                            size_t pairs, struct error *err)
{
    for (size_t i = 0; i < 2 * pairs; i++)
        read_slice(argv[i]);
    return ST_OK;
}

static enum status on_numbers(void *arg, struct kv_stream_id last, uint64_t added,
                              struct kv_stream_id max_gone, struct error *err)
{
    return ST_OK;
}

static enum status on_group(void *arg, const struct rdb_stream_group *g, struct error *err)
{
    read_slice(g->name);
    return ST_OK;
}

static enum status on_consumer(void *arg, const struct rdb_stream_consumer *c, struct error *err)
{
    read_slice(c->name);
    return ST_OK;
}

static enum status on_pending(void *arg, struct kv_stream_id id, int64_t delivered_ms,
                              uint64_t deliveries, struct error *err)
{
    return ST_OK;
}

static enum status on_module(void *arg, uint64_t id, struct slice parts, struct error *err)
{
    read_slice(parts);
    return ST_OK;
}

static const struct rdb_sink sink = {NULL,        on_string,  on_begin,   on_element,
                                     on_scored,   on_entry,   on_numbers, on_group,
                                     on_consumer, on_pending, on_module};

/* Every module is there. */
static bool knows(uint64_t id)
{
    return true;
}

static const struct rdb_modules modules = {.knows = knows, .knows_aux = knows};

static void fuzz_value(struct slice in, unsigned type)
{
    struct error err = {.message = ""};
    struct reader checked = reader_make(in), given = reader_make(in), skipped = reader_make(in);
    if (rdb_decode(&checked, type, true, NULL, &err) != ST_OK)
        return;
    if (rdb_decode(&given, type, false, &sink, &err) != ST_OK || given.p != checked.p)
        abort();
    if (!rdb_skip_value(&skipped, type) || skipped.p != checked.p)
        abort();
}

static void fuzz_file(struct slice in)
{
    struct error err = {.message = ""};
    struct rdb_file f;
    struct rdb_file_item item;
    enum status st = rdb_file_begin(&f, in, true, &err);
    while (st == ST_OK && (st = rdb_file_next(&f, &item, &err)) == ST_OK &&
           item.kind != RDB_ITEM_END) {
        read_slice(item.key);
        read_slice(item.text);
        if (item.kind == RDB_ITEM_KEY)
            st = rdb_decode(&f.r, item.type, false, &sink, &err);
    }
    rdb_file_end(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    rdb_set_modules(&modules);
    struct slice in = slice_make(data + 1, size - 1), body;
    if (data[0] == 255)
        fuzz_file(in);
    else
        fuzz_value(in, data[0]);
    (void)rdb_payload_open(in, false, &body);
    return 0;
}

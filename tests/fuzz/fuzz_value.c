/* Values of hostile bytes: first byte odd: binary, even: JSON. What is read comes back the same. */
#include "base/buf.h"
#include "value/binary_codec.h"
#include "value/json_codec.h"
#include "value/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool what)
{
    if (!what)
        abort();
}

static bool read_one(bool binary, struct slice in, struct arena *a, struct value *out)
{
    struct error err;
    struct reader r = reader_make(in);
    enum status st =
        binary ? value_binary_read(&r, a, out, &err) : value_json_read(in, a, out, &err);
    expect(st == ST_OK || err.message[0]);
    return st == ST_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct value v, copy, back;
    struct buf b = BUF_INIT, json = BUF_INIT;
    if (size < 1)
        return 0;
    struct arena *a = arena_new(4096);
    arena_set_limit(a, 16 << 20);
    bool binary = data[0] & 1;
    if (read_one(binary, slice_make(data + 1, size - 1), a, &v) && value_copy(a, &v, &copy)) {
        expect(value_eq(&v, &copy) && value_hash(&v, 1) == value_hash(&copy, 1));
        value_binary_write(&copy, &b);
        if (read_one(true, buf_slice(&b), a, &back))
            expect(value_eq(&v, &back) && value_hash(&v, 1) == value_hash(&back, 1));
        value_json_write(&copy, &json);
        if (!binary && read_one(false, buf_slice(&json), a, &back))
            expect(value_eq(&v, &back));
        (void)value_text(&copy, &json);
    }
    buf_free(&b);
    buf_free(&json);
    arena_free(a);
    return 0;
}

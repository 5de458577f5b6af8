/* RESP requests from hostile bytes. The first byte tells after how many bytes the input is cut into reads; what is parsed in
 * pieces must equal what is parsed at once. */
#include "base/mem.h"
#include "wire/resp/resp_codec.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_request(struct buf *out, const struct resp_request *r)
{
    buf_printf(out, "%d:", r->argc);
    for (int i = 0; i < r->argc; i++) {
        buf_printf(out, "%zu=", r->argv[i].n);
        buf_put_slice(out, r->argv[i]);
    }
}

/* Parses everything with reads of piece bytes (0: all at once) and writes down what came out. */
static void parse_all(struct slice in, size_t piece, bool unauthenticated, struct buf *out)
{
    struct resp_limits limits = {.max_bulk = 1 << 20, .unauthenticated = unauthenticated};
    struct resp_request r = {0};
    const char *why = NULL;
    size_t at = 0, have = piece ? 0 : in.n;
    char *copy = NULL;
    for (;;) {
        /* The bytes move with each read, as a growing buffer does. */
        char *moved = mem_alloc(have - at + 1);
        if (have > at)
            memcpy(moved, in.p + at, have - at);
        if (copy)
            resp_request_rebase(&r, copy, moved);
        mem_free(copy);
        copy = moved;
        enum resp_parse got = resp_parse(&r, copy, have - at, &limits, &why);
        if (got == RESP_BAD)
            break;
        if (got == RESP_MORE) {
            if (have == in.n)
                break;
            have = in.n - have < piece ? in.n : have + piece;
            continue;
        }
        if (r.size == 0 || r.size > have - at)
            abort();
        if (got == RESP_COMMAND)
            put_request(out, &r);
        at += r.size;
        resp_request_reset(&r);
        mem_free(copy);
        copy = NULL;
    }
    mem_free(copy);
    resp_request_free(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = BUF_INIT, pieces = BUF_INIT;
    if (size < 1)
        return 0;
    struct slice in = slice_make(data + 1, size - 1);
    parse_all(in, 0, data[0] & 1, &whole);
    parse_all(in, 1 + (data[0] >> 1), data[0] & 1, &pieces);
    /* An error may show earlier in pieces (a line without end), never other commands. */
    size_t n = whole.n < pieces.n ? whole.n : pieces.n;
    if (n && memcmp(whole.p, pieces.p, n) != 0)
        abort();
    buf_free(&whole);
    buf_free(&pieces);
    return 0;
}

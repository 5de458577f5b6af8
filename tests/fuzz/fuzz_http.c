/* What HTTP clients send, by the first byte: bodies with commands or values, paths and queries, Authorization headers; and tapes
 * made of the bytes, whose JSON must be JSON, the same in pieces as at once. */
#include "base/mem.h"
#include "value/json_codec.h"
#include "wire/http/command_codec.h"
#include "wire/http/tape_codec.h"
#include "wire/http/text_codec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_bodies(struct slice in)
{
    struct arena *a = arena_new(4096);
    struct http_commands c;
    struct http_put p;
    struct http_query q;
    struct error err = {.message = ""};
    size_t total = 0;
    if (http_commands_decode(in, a, &c, &err) == ST_OK)
        for (size_t i = 0; i < c.n; i++)
            for (int k = 0; k < c.v[i].argc; k++)
                total += c.v[i].argv[k].n;
    if (total > in.n * 400)
        abort();
    if (http_put_decode(in, a, &p, &err) == ST_OK && p.ttl_ms < 0)
        abort();
    if (http_query_decode(in, a, &q, &err) == ST_OK && q.timeout_ms < 0)
        abort();
    arena_free(a);
}

static void fuzz_texts(struct slice in)
{
    struct buf out = BUF_INIT, text = BUF_INIT;
    struct text_credentials c;
    (void)!text_percent_decode(in, true, &out);
    (void)!text_query_get(in, "db", &out);
    (void)!text_get_credentials(in, &c);
    text_credentials_free(&c);
    buf_clear(&out);
    text_put_base64(in, &text);
    if (!text_get_base64(buf_slice(&text), &out) || !slice_eq(buf_slice(&out), in))
        abort();
    buf_free(&out);
    buf_free(&text);
}

/* Appends one value with everything in it, made of the bytes of in; ends as scalars when they are used up. */
static void make_tape(struct slice *in, struct buf *tape, int depth)
{
    if (in->n < 2 || depth > 40) {
        tape_put(tape, TAPE_NULL, 0);
        return;
    }
    enum tape_kind kind = (enum tape_kind)((uint8_t)in->p[0] % (TAPE_REPLY + 1));
    size_t n = (uint8_t)in->p[1] % 8;
    *in = slice_make(in->p + 2, in->n - 2);
    if (kind <= TAPE_BIGNUM) {
        n = n > in->n ? in->n : n;
        /* Only numbers come as TAPE_REAL. */
        tape_put_text(tape, kind, kind == TAPE_REAL ? SLICE("-1.5") : slice_make(in->p, n));
        *in = slice_make(in->p + n, in->n - n);
        return;
    }
    tape_put(tape, kind, kind == TAPE_BOOL ? n & 1 : kind == TAPE_REPLY ? 1 : n);
    size_t items = kind == TAPE_MAP ? 2 * n : kind == TAPE_REPLY ? 1 : kind >= TAPE_ARRAY ? n : 0;
    for (size_t i = 0; i < items; i++)
        make_tape(in, tape, depth + 1);
}

static void fuzz_tape(struct slice in, size_t piece)
{
    struct buf tape = BUF_INIT, whole = BUF_INIT, part = BUF_INIT, all = BUF_INIT;
    struct tape_writer w;
    make_tape(&in, &tape, 0);
    tape_writer_init(&w, buf_slice(&tape), 0);
    (void)tape_write(&w, &whole, SIZE_MAX);
    tape_writer_init(&w, buf_slice(&tape), 0);
    for (bool last = false; !last;) {
        buf_clear(&part);
        last = tape_write(&w, &part, piece);
        buf_put_slice(&all, buf_slice(&part));
    }
    if (!slice_eq(buf_slice(&whole), buf_slice(&all)))
        abort();
    struct arena *a = arena_new(4096);
    struct value v;
    struct error err = {.message = ""};
    enum status st = value_json_read(buf_slice(&whole), a, &v, &err);
    /* Names may come twice, or hold a zero byte, which this reader refuses. */
    if (st != ST_OK && st != ST_INVALID && !strstr(err.message, "duplicate") &&
        !strstr(err.message, "NUL"))
        abort();
    arena_free(a);
    buf_free(&tape);
    buf_free(&whole);
    buf_free(&part);
    buf_free(&all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct slice in = slice_make(data + 1, size - 1);
    switch (data[0] % 3) {
    case 0:
        fuzz_bodies(in);
        break;
    case 1:
        fuzz_texts(in);
        break;
    default:
        fuzz_tape(in, 1 + data[0] / 3);
        break;
    }
    return 0;
}

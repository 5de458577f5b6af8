/* The log of cow_btree from hostile bytes: frames, the search behind a bad one, and the operations inside. */
#include "storage/cow_btree/cow_btree_frame.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size);
    struct cow_frame frame;
    size_t used;

    cow_frame_payload_ok(in, 3);
    while (cow_frame_decode(in, &frame, &used) == ST_OK) {
        char header[COW_FRAME_HEADER];
        cow_frame_header(header, frame.seq, frame.payload);
        /* What is accepted is exactly what would be written. */
        if (used > in.n || memcmp(header, in.p, sizeof header) != 0)
            abort();
        cow_frame_payload_ok(frame.payload, 3);
        in = slice_make(in.p + used, in.n - used);
    }
    cow_frame_any(in);
    return 0;
}

/* Log frames from hostile bytes: the first four are the segment's seed, the rest a run of frames. */
#include "base/hash.h"
#include "wal/wal.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    uint32_t seed;
    memcpy(&seed, data, sizeof seed);
    struct slice in = slice_make(data + 4, size - 4);
    struct wal_frame frame;
    size_t used;
    while (wal_frame_decode(in, seed, &frame, &used) == ST_OK) {
        char header[WAL_FRAME_HEADER];
        wal_frame_encode_header(header, seed, frame.seq, frame.time_ms, frame.payload);
        /* What is accepted is exactly what would be written. */
        if (used > in.n || memcmp(header, in.p, sizeof header) != 0)
            abort();
        in = slice_make(in.p + used, in.n - used);
    }
    return 0;
}

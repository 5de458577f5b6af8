/* All spaces as one JSON text: the memory provider's backup and the snapshots of cow_btree.
 *
 *   {"format":1,"sequence":42,"spaces":{"meta":{"key":"value","k\u0000":"\u00ff"},"sub":{}},"entries":2}
 *
 * Keys and values are byte strings: each byte is the code point of its number, so 0x00-0x1f, '"', '\' and 0x7f-0xff are
 * escaped and the text is ASCII. "entries" comes last; it tells a whole file from a cut one. */
#ifndef ORBIT_STORAGE_DUMP_H
#define ORBIT_STORAGE_DUMP_H

#include "base/buf.h"
#include "base/status.h"

struct dump_writer {
    struct buf *out;
    uint64_t entries;
    bool in_space, first;
};

void dump_begin(struct dump_writer *w, struct buf *out, uint64_t sequence);
void dump_space(struct dump_writer *w, struct slice name);
/* False: out of memory. */
MUST_USE bool dump_entry(struct dump_writer *w, struct slice key, struct slice value);
void dump_end(struct dump_writer *w);

/* A byte string as JSON, quotes included. */
void dump_put_string(struct buf *out, struct slice s);

struct dump_reader {
    void *arg;
    /* Slices are borrowed for the call. What is not ST_OK ends the reading and is returned. */
    enum status (*space)(void *arg, struct slice name, struct error *err);
    enum status (*entry)(void *arg, struct slice key, struct slice value, struct error *err);
    uint64_t sequence;
};

/* ST_CORRUPT names the byte offset; ST_TOO_NEW: another format number. */
MUST_USE enum status dump_read(struct slice text, struct dump_reader *r, struct error *err);

#endif

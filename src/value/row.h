/* Rows on their way from an engine to its consumer: batches with an arena and a budget, and what the columns are.
 * A batch is used by one thread at a time; it is handed from the worker that fills it to the loop that empties it. */
#ifndef ORBIT_VALUE_ROW_H
#define ORBIT_VALUE_ROW_H

#include "value/value.h"

/* One column of a result, or one parameter. */
struct column {
    struct slice name;
    enum value_kind kind; /* VALUE_NULL: any, or not known before the rows come */
    uint32_t type;        /* the engine's own number of the type (PostgreSQL's oid...); 0: none */
    int32_t modifier;     /* the engine's own (length, scale); 0: none */
};

struct row_batch;

/* At most max_rows rows of ncols values; memory_limit bounds all it takes (0: no bound). */
struct row_batch *row_batch_new(size_t ncols, size_t max_rows, size_t memory_limit);
void row_batch_free(struct row_batch *b); /* accepts NULL */
/* Empties it; former rows are gone. ncols may change. */
void row_batch_reset(struct row_batch *b, size_t ncols);
/* Space for one more row: ncols values, null at first, to be filled with what lives as long as the batch does (row_batch_arena,
 * static memory). NULL: the batch is full, or its budget is spent (row_batch_starved). */
MUST_USE struct value *row_batch_add(struct row_batch *b);
/* Adds a deep copy of a row of ncols values. False: as above; nothing was added. */
MUST_USE bool row_batch_add_copy(struct row_batch *b, const struct value *row);
/* Takes the row added last away, because what it points to found no room. */
void row_batch_drop_last(struct row_batch *b);
/* For what the rows point to; has the batch's budget: use arena_try_alloc and value_copy. */
struct arena *row_batch_arena(struct row_batch *b);
bool row_batch_full(const struct row_batch *b);
/* A row did not fit into an empty batch: it is larger than the budget. */
bool row_batch_starved(const struct row_batch *b);
size_t row_batch_rows(const struct row_batch *b);
size_t row_batch_cols(const struct row_batch *b);
const struct value *row_batch_row(const struct row_batch *b, size_t i);
size_t row_batch_bytes(const struct row_batch *b);

#endif

#include "value/row.h"

#include "base/mem.h"

#define CHUNK  (16 << 10)
#define ENOUGH (256 << 10) /* bytes; a batch is full then, that its rows may go on */

struct row_batch {
    struct arena *arena;
    struct value *v;
    size_t ncols, nrows, max_rows;
    size_t cap; /* values that v holds */
    size_t limit;
    bool starved;
};

struct row_batch *row_batch_new(size_t ncols, size_t max_rows, size_t memory_limit)
{
    struct row_batch *b = mem_calloc(1, sizeof *b);
    b->ncols = ncols;
    b->max_rows = max_rows ? max_rows : 1;
    b->limit = memory_limit;
    b->arena = arena_new(CHUNK);
    arena_set_limit(b->arena, memory_limit);
    return b;
}

void row_batch_free(struct row_batch *b)
{
    if (!b)
        return;
    arena_free(b->arena);
    mem_free(b->v);
    mem_free(b);
}

void row_batch_reset(struct row_batch *b, size_t ncols)
{
    arena_reset(b->arena);
    b->ncols = ncols;
    b->nrows = 0;
    b->starved = false;
}

static bool refuse(struct row_batch *b)
{
    b->starved |= b->nrows == 0;
    return false;
}

/* Room for one more row; the array grows by doubling. */
static bool grow(struct row_batch *b)
{
    size_t want = (b->nrows + 1) * b->ncols;
    if (want <= b->cap)
        return true;
    size_t cap = b->cap * 2 > want ? b->cap * 2 : want;
    if (b->limit && cap * sizeof *b->v + arena_bytes(b->arena) > b->limit)
        return refuse(b);
    struct value *v = mem_try_realloc(b->v, cap * sizeof *v);
    if (!v)
        return refuse(b);
    b->v = v;
    b->cap = cap;
    return true;
}

struct value *row_batch_add(struct row_batch *b)
{
    static struct value none; /* of a row without columns */
    if (row_batch_full(b) || !grow(b))
        return NULL;
    struct value *row = b->ncols ? b->v + b->nrows * b->ncols : &none;
    for (size_t i = 0; i < b->ncols; i++)
        row[i] = value_null();
    b->nrows++;
    return row;
}

bool row_batch_add_copy(struct row_batch *b, const struct value *row)
{
    struct value *to = row_batch_add(b);
    if (!to)
        return false;
    for (size_t i = 0; i < b->ncols; i++)
        if (!value_copy(b->arena, &row[i], &to[i])) {
            b->nrows--;
            return refuse(b);
        }
    return true;
}

void row_batch_drop_last(struct row_batch *b)
{
    orbit_assert(b->nrows > 0);
    b->nrows--;
    b->starved |= b->nrows == 0;
}

struct arena *row_batch_arena(struct row_batch *b)
{
    return b->arena;
}

bool row_batch_full(const struct row_batch *b)
{
    return b->nrows >= b->max_rows || (b->nrows && row_batch_bytes(b) >= ENOUGH);
}

bool row_batch_starved(const struct row_batch *b)
{
    return b->starved;
}

size_t row_batch_rows(const struct row_batch *b)
{
    return b->nrows;
}

size_t row_batch_cols(const struct row_batch *b)
{
    return b->ncols;
}

const struct value *row_batch_row(const struct row_batch *b, size_t i)
{
    return b->v + i * b->ncols;
}

size_t row_batch_bytes(const struct row_batch *b)
{
    return arena_bytes(b->arena) + b->cap * sizeof *b->v;
}

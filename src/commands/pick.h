/* Random places in a collection of n elements: ranks from 0 to n - 1, each as likely as the others. Thread: any. */
#ifndef ORBIT_COMMANDS_PICK_H
#define ORBIT_COMMANDS_PICK_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

/* n: at least 1. */
uint64_t pick_one(uint64_t n);
/* k different ranks, ascending; k at most n / 2. The caller frees them with mem_free. NULL: out of memory. */
MUST_USE uint64_t *pick_distinct(uint64_t n, uint64_t k);

/* The same one by one, for a walk over all elements: true for k of n. */
struct pick_walk {
    uint64_t left, wanted; /* elements to come; of them to be picked */
};
bool pick_next(struct pick_walk *w);

#endif

/* Answers that fail in the midst: a collection is read while it is being answered, and the store may fail. Thread: loop. */
#ifndef ORBIT_COMMANDS_PARTIAL_H
#define ORBIT_COMMANDS_PARTIAL_H

#include "session/call.h"

/* left elements (at least 1) of what was announced are still missing: the failure becomes the next one, nulls the others. */
void partial_fail(struct call *c, enum status st, const struct error *err, uint64_t left);

#endif

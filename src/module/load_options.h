/* The options loadmodule and loadmodule-ex, and the words that they share with MODULE LOADEX. */
#ifndef ORBIT_MODULE_LOAD_OPTIONS_H
#define ORBIT_MODULE_LOAD_OPTIONS_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

/* [CONFIG NAME VALUE]... [ARGS ARGUMENT...]: names and values go to configs (struct slice, in turn, borrowed from argv).
 * Returns how many words stand before the arguments; -1: syntax, which is logged. */
int module__parse_ex(const struct slice *argv, int argc, struct buf *configs);
/* Loads what the lines of the configuration named, in order, and forgets them. err: the first that could not be loaded. */
MUST_USE enum status module__load_queued(struct error *err);

#endif

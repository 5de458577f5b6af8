/* Glob matching as Redis does it: * ? [abc] [^a-z] and \ as escape; bounded work on hostile patterns. */
#ifndef ORBIT_BASE_GLOB_H
#define ORBIT_BASE_GLOB_H

#include "base/slice.h"

bool glob_match(struct slice pattern, struct slice text, bool nocase);
/* True when the pattern has no special character, so it is just one key. */
bool glob_is_literal(struct slice pattern);

#endif

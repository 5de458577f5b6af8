/* What INFO shows and CONFIG RESETSTAT resets, as a registry: each layer adds its own fields to a section, so that the INFO
 * service needs to know none of them. Thread: loop; registration before the start. */
#ifndef ORBIT_SESSION_INFO_H
#define ORBIT_SESSION_INFO_H

#include "base/buf.h"
#include "base/slice.h"

/* Appends lines "name:value\r\n" (no heading). */
typedef void (*info_fn)(struct buf *out);
/* Adds fn's lines to a section ("clients", "stats", "tick", ...), behind those that were there before. A section that is
 * new is shown by INFO without arguments too. */
void info_register(const char *section, info_fn fn);
/* Appends what was registered for a section. */
void info_fields(const char *section, struct buf *out);
/* Names of the sections that were registered, in order; NULL ends. */
const char *info_section(size_t i);

/* Sections that are not known by name here (modules'): appends whole ones, those that names ask for or, with every, all. A
 * blank line stands before each unless out is empty. */
typedef void (*info_extra_fn)(struct buf *out, const struct slice *names, size_t n, bool every);
void info_on_extra(info_extra_fn fn);
void info_extra(struct buf *out, const struct slice *names, size_t n, bool every);

/* CONFIG RESETSTAT. */
void info_on_reset(void (*fn)(void));
void info_reset(void);

#endif

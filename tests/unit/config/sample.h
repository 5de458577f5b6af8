/* A table of options for tests, one of each kind. */
#ifndef ORBIT_UNIT_CONFIG_SAMPLE_H
#define ORBIT_UNIT_CONFIG_SAMPLE_H

#include "config/admin.h"

struct sample {
#include "config/declare_fields.h"

#include "unit/config/sample_options.def"

#include "config/declare_end.h"
};
extern struct sample sample;
extern struct buf sample_list; /* the words of "list", joined by '|' */
extern int sample_notes;       /* how many "note" lines were loaded */

int sample_setup(void **state);
int sample_teardown(void **state);
/* The text of an option's value, in memory that the next call takes. */
const char *sample_get(const char *name);

#endif

/* Client-side caching: remembers which session has read which key and tells it when the key changes; in broadcast mode tells
 * of every change below a prefix. */
#ifndef ORBIT_SERVICES_TRACKING_TRACKING_H
#define ORBIT_SERVICES_TRACKING_TRACKING_H

#include "config/config.h"

struct tracking_options {
#include "config/declare_fields.h"

#include "services/tracking/options.def"

#include "config/declare_end.h"
};
extern struct tracking_options tracking_opts;

void tracking_options_register(void);
/* Attaches to sessions and INFO; to commands and keys when the first client asks for it. Once, before the start. */
void tracking_start(void);

#endif

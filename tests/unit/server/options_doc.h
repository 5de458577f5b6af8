/* The texts that are made from the option tables: redis.conf.sample and docs/compat-options.md. */
#ifndef ORBIT_UNIT_SERVER_OPTIONS_DOC_H
#define ORBIT_UNIT_SERVER_OPTIONS_DOC_H

#include "base/buf.h"

void options_doc_sample(struct buf *out);
void options_doc_compat(struct buf *out);
/* Names in the tables, directives and hidden ones too. */
size_t options_doc_count(void);

#endif

/* The syntax of one config file line: words parted by blanks, "..." with \n \r \t \b \a \xHH escapes, '...' with \' only.
 * Pure; thread: any. */
#ifndef ORBIT_CONFIG_WORDS_H
#define ORBIT_CONFIG_WORDS_H

#include "base/buf.h"
#include "base/slice.h"

struct config_words {
    struct slice *v; /* borrowed from bytes */
    size_t n;
    struct buf bytes;
};

/* Splits line. False: unbalanced quotes, or text right behind a closing quote; w is empty then. */
MUST_USE bool config_words_split(struct config_words *w, struct slice line);
void config_words_free(struct config_words *w);

#endif

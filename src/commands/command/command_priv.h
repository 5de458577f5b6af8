/* What the files of this folder share. */
#ifndef ORBIT_COMMANDS_COMMAND_COMMAND_PRIV_H
#define ORBIT_COMMANDS_COMMAND_COMMAND_PRIV_H

#include "session/call.h"

/* One element of COMMAND INFO's reply. */
void command__reply_info(struct call *c, const struct command *cmd);
/* Name and documentation: two elements of COMMAND DOCS' map. */
void command__reply_docs(struct call *c, const struct command *cmd);
/* Words of a set of bits: those of words[] whose bit is set, as a set of status replies. */
struct command_word {
    unsigned bit;
    const char *word;
};
void command__reply_words(struct call *c, unsigned bits, const struct command_word *words,
                          size_t n);
void command__reply_key_flags(struct call *c, unsigned flags);

#endif

/* Shared by the files of DEBUG. */
#ifndef ORBIT_COMMANDS_SERVER_DEBUG_PRIV_H
#define ORBIT_COMMANDS_SERVER_DEBUG_PRIV_H

struct call;

void debug__protocol(struct call *c);
void debug__digest(struct call *c);
void debug__htstats(struct call *c);
void debug__htstats_key(struct call *c);
void debug__listpack(struct call *c);
void debug__mallctl(struct call *c);
void debug__reload(struct call *c);
void debug__skip_checksum(struct call *c);
void debug__digest_value(struct call *c);

#endif

/* The part of SAVE and BGSAVE that has to run by itself. */
#ifndef ORBIT_COMMANDS_SERVER_SAVE_H
#define ORBIT_COMMANDS_SERVER_SAVE_H

/* Registers with the cron and INFO. Once, before the start. */
void save_start(void);

#endif

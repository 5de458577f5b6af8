/* ORBIT-RDB: a whole dump file into an empty server. Thread: loop. */
#ifndef ORBIT_COMMANDS_DUMP_UPLOAD_H
#define ORBIT_COMMANDS_DUMP_UPLOAD_H

/* Once, before the start. */
void upload_start(void);

#endif

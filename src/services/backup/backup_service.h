/* Backups of the running server. Thread: loop. */
#ifndef ORBIT_SERVICES_BACKUP_BACKUP_SERVICE_H
#define ORBIT_SERVICES_BACKUP_BACKUP_SERVICE_H

#include "config/config.h"

struct backup_options {
#include "config/declare_fields.h"

#include "services/backup/options.def"

#include "config/declare_end.h"
};
extern struct backup_options backup_opts;

void backup_options_register(void);
/* Registers with the cron and INFO, and removes what a backup left behind that was under way when the server was killed. Once the
 * keyspace is open. */
void backup_start(void);
/* Gives up the backup under way, if any, and waits for its end. */
void backup_stop(void);

#endif

/* Replication, the master's side: clients that asked with SYNC or PSYNC get a dump of the data set, and then the effects of every
 * tick (keyspace/kv_effect.c) as the log has them. */
#ifndef ORBIT_SERVICES_REPLICATION_REPLICATION_H
#define ORBIT_SERVICES_REPLICATION_REPLICATION_H

/* Attaches to ticks and sessions. Once, before the start. */
void replication_start(void);
/* Follows the master that the option replicaof names. Once, when the data is loaded and before clients are served. */
void replication_begin(void);

#endif

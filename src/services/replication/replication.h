/* Replication. As a master: clients that asked with SYNC or PSYNC get a dump of the data set, or go on from where they were, and
 * then the effects of every tick (keyspace/kv_effect.c) as the log has them. As a replica: the same from the other end, passed
 * on to replicas of our own. */
#ifndef ORBIT_SERVICES_REPLICATION_REPLICATION_H
#define ORBIT_SERVICES_REPLICATION_REPLICATION_H

/* Attaches to ticks and sessions. Once, before the start. */
void replication_start(void);
/* Store and log are read: follows the master that the configuration names. */
void replication_begin(void);

#endif

/* Settings from the environment. They beat the configuration file; words of the command line beat them.
 *
 *   ORBIT_REPLICATION_MODE   master; slave or replica: with
 *   ORBIT_MASTER_URL         host:port, [address]:port, without a scheme; without a port 6379 */
#ifndef ORBIT_SERVER_ENVIRONMENT_H
#define ORBIT_SERVER_ENVIRONMENT_H

#include "base/status.h"

/* The words of the command line, with those that stand for the environment put behind the name of the file.
 * Owner:  the caller mem_frees *out_argv, not the words.
 * Errors: ST_INVALID. */
MUST_USE enum status environment_words(int argc, char **argv, int *out_argc, char ***out_argv,
                                       struct error *err);

#endif

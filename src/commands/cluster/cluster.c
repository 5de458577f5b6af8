/* The commands of Redis Cluster, as a server without a cluster answers them: they are known, so that users may be granted
 * them and scripts are refused them, and none does anything. */
#include "commands/cluster/cluster_commands.h"
#include "session/reply.h"

void cmd_cluster_disabled(struct call *c)
{
    reply_error(c, "ERR This instance has cluster support disabled");
}

/* Every option and every command of the program, by layer. */
#include "commands/acl/acl_commands.h"
#include "commands/bitmap/bitmap_commands.h"
#include "commands/cluster/cluster_commands.h"
#include "commands/command/command_commands.h"
#include "commands/config/config_commands.h"
#include "commands/connection/connection_commands.h"
#include "commands/dump/dump_commands.h"
#include "commands/generic/generic_commands.h"
#include "commands/geo/geo_commands.h"
#include "commands/hash/hash_commands.h"
#include "commands/hyperloglog/hyperloglog_commands.h"
#include "commands/list/list_commands.h"
#include "commands/server/server_commands.h"
#include "commands/set/set_commands.h"
#include "commands/stream/stream_commands.h"
#include "commands/string/string_commands.h"
#include "commands/transactions/transactions_commands.h"
#include "commands/zset/zset_commands.h"
#include "config/compat_options.h"
#include "engine/engine_options.h"
#include "event/event_options.h"
#include "keyspace/keyspace_options.h"
#include "module/module.h"
#include "rdb/rdb_options.h"
#include "server/server.h"
#include "server/server_options.h"
#include "services/backup/backup_commands.h"
#include "services/backup/backup_service.h"
#include "services/info/info_commands.h"
#include "services/latency/latency.h"
#include "services/latency/latency_commands.h"
#include "services/monitor/monitor_commands.h"
#include "services/pubsub/pubsub.h"
#include "services/pubsub/pubsub_commands.h"
#include "services/replication/replication_commands.h"
#include "services/script/script.h"
#include "services/script/script_commands.h"
#include "services/slowlog/slowlog_commands.h"
#include "services/tracking/tracking.h"
#include "services/tracking/tracking_commands.h"
#include "session/multi.h"
#include "session/session_options.h"
#include "wire/http/http_options.h"
#include "wire/resp/resp_options.h"

void server_register(void)
{
    compat_options_register();
    event_options_register();
    engine_options_register();
    keyspace_options_register();
    rdb_options_register();
    session_options_register();
    resp_options_register();
    http_options_register();
    server_options_register();
    script_options_register();
    tracking_options_register();

    acl_commands_register();
    bitmap_commands_register();
    cluster_commands_register();
    command_commands_register();
    config_commands_register();
    connection_commands_register();
    dump_commands_register();
    generic_commands_register();
    geo_commands_register();
    hash_commands_register();
    hyperloglog_commands_register();
    list_commands_register();
    server_commands_register();
    set_commands_register();
    stream_commands_register();
    string_commands_register();
    transactions_commands_register();
    zset_commands_register();
    backup_commands_register();
    info_commands_register();
    latency_commands_register();
    monitor_commands_register();
    pubsub_commands_register();
    replication_commands_register();
    script_commands_register();
    slowlog_commands_register();
    tracking_commands_register();
    module_register();
}

void server_start_services(void)
{
    multi_init();
    backup_start();
    latency_start();
    pubsub_start();
    script_start();
    tracking_start();
}

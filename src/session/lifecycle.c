#include "session/lifecycle.h"

#include "session/hooks.h"

#include <stddef.h>

struct lifecycle lifecycle;
struct traffic traffic;
struct reply_buffer_tuning reply_buffer_tuning;
struct script_caches script_caches;

static const struct lifecycle_ops *server_ops;

void lifecycle_set_ops(const struct lifecycle_ops *ops)
{
    server_ops = ops;
}

enum status lifecycle_shutdown(unsigned flags, struct error *err)
{
    if (!server_ops)
        return error_set(err, ST_UNSUPPORTED, "there is no server to stop");
    return server_ops->shutdown(flags, err);
}

void lifecycle_progress(uint64_t done, uint64_t total)
{
    if (server_ops)
        server_ops->progress(done, total);
}

enum status lifecycle_load_dump(const char *path, struct error *err)
{
    if (!server_ops)
        return error_set(err, ST_UNSUPPORTED, "there is no server to load it");
    return server_ops->load_dump(path, err);
}

bool lifecycle_shutdown_abort(void)
{
    return server_ops && server_ops->shutdown_abort();
}

void lifecycle_loaded(uint64_t done, uint64_t total)
{
    int part = total ? (int)(done * 1024 / total) : -1;
    lifecycle.loading_done = done;
    lifecycle.loading_total = total;
    hook_event(EVENT_LOADING_PROGRESS, lifecycle.loading_log, &part);
}

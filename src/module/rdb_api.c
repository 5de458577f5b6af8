/* Dump files for modules: the data set into one, and out of one. */
#include "base/log.h"
#include "base/mem.h"
#include "keyspace/kv_view.h"
#include "module/event.h"
#include "rdb/rdb_save.h"
#include "session/lifecycle.h"

#include <errno.h>
#include <unistd.h>

struct RedisModuleRdbStream {
    char path[1];
};

RedisModuleRdbStream *rm_RdbStreamCreateFromFile(const char *path)
{
    size_t n = strlen(path);
    RedisModuleRdbStream *s = mem_alloc(sizeof *s + n);
    memcpy(s->path, path, n + 1);
    return s;
}

void rm_RdbStreamFree(RedisModuleRdbStream *s)
{
    mem_free(s);
}

static int refuse(int errnum)
{
    errno = errnum;
    return REDISMODULE_ERR;
}

static int failed(const char *what, const struct error *err)
{
    log_warning(LOG_SERVER, "A module's %s of a dump file failed: %s", what, err->message);
    return refuse(EIO);
}

/* The file takes the place of the whole data set; the log goes on behind it, and replicas begin anew. */
int rm_RdbLoad(RedisModuleCtx *ctx, RedisModuleRdbStream *stream, int flags)
{
    struct error err = {.message = ""};
    if (!stream || flags != 0)
        return refuse(EINVAL);
    if (lifecycle.following || module__in_child())
        return refuse(ENOTSUP);
    if (access(stream->path, F_OK) != 0)
        return refuse(ENOENT);
    if (lifecycle_load_dump(stream->path, &err) != ST_OK)
        return failed("loading", &err);
    errno = 0;
    return REDISMODULE_OK;
}

int rm_RdbSave(RedisModuleCtx *ctx, RedisModuleRdbStream *stream, int flags)
{
    struct error err = {.message = ""};
    struct kv_view *view;
    if (!stream || flags != 0)
        return refuse(EINVAL);
    if (module__in_child()) /* it has no store */
        return refuse(ENOTSUP);
    if (kv_view_open(lifecycle.kv, &view, &err) != ST_OK)
        return failed("saving", &err);
    struct rdb_save *s = rdb_save_new(stream->path, view);
    enum status st = rdb_save_run(s, &err);
    rdb_save_free(s);
    if (st != ST_OK)
        return failed("saving", &err);
    errno = 0;
    return REDISMODULE_OK;
}

/* The functions that a module finds by name. */
#include "module/module_priv.h"
#include "module/orbit_priv.h"

#include <string.h>

struct api {
    const char *name;
    void (*fn)(void);
};

static const struct api table[] = {
#define RM_API(type, name, parameters) {"RedisModule_" #name, (void (*)(void))rm_##name},
#include "module/api/acl.def"
#include "module/api/block.def"
#include "module/api/call.def"
#include "module/api/client.def"
#include "module/api/cluster.def"
#include "module/api/command.def"
#include "module/api/config.def"
#include "module/api/defrag.def"
#include "module/api/dict.def"
#include "module/api/event.def"
#include "module/api/filter.def"
#include "module/api/fork.def"
#include "module/api/hash.def"
#include "module/api/info.def"
#include "module/api/key.def"
#include "module/api/list.def"
#include "module/api/memory.def"
#include "module/api/misc.def"
#include "module/api/notify.def"
#include "module/api/rdb.def"
#include "module/api/reply.def"
#include "module/api/scan.def"
#include "module/api/stream.def"
#include "module/api/string.def"
#include "module/api/thread.def"
#include "module/api/timer.def"
#include "module/api/type.def"
#include "module/api/zset.def"
#undef RM_API
#define OM_API(type, name, parameters) {"OrbitModule_" #name, (void (*)(void))om_##name},
#include "module/api/orbit.def"
#undef OM_API
#define OM_STORE(type, name, function, parameters) {"OrbitModule_" #name, (void (*)(void))function},
#include "module/api/store.def"
#undef OM_STORE
};

int module__get_api(const char *name, void **target)
{
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strcmp(table[i].name, name) == 0) {
            memcpy(target, &table[i].fn, sizeof *target);
            return REDISMODULE_OK;
        }
    return REDISMODULE_ERR;
}

/* The functions that a module finds by name. */
#include "module/module_priv.h"

#include <string.h>

struct api {
    const char *name;
    void (*fn)(void);
};

static const struct api table[] = {
#define RM_API(type, name, parameters) {"RedisModule_" #name, (void (*)(void))rm_##name},
#include "module/api/call.def"
#include "module/api/filter.def"
#include "module/api/memory.def"
#include "module/api/reply.def"
#include "module/api/string.def"
#undef RM_API
    {"RedisModule_CreateCommand", (void (*)(void))rm_CreateCommand},
    {"RedisModule_SetModuleAttribs", (void (*)(void))rm_SetModuleAttribs},
    {"RedisModule_IsModuleNameBusy", (void (*)(void))rm_IsModuleNameBusy},
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

/* What each group of the API keeps for modules, and so has to drop when one goes. */
#include "module/block.h"
#include "module/config.h"
#include "module/event.h"
#include "module/orbit_priv.h"
#include "module/type.h"

const struct module_group module__groups[] = {
    {"types", module__types_refuses, module__types_drop},
    {"engines", module__orbit_refuses, module__orbit_drop},
    {"commands", NULL, module__commands_drop},
    {"authentication", NULL, module__auth_drop},
    {"options", NULL, module__configs_drop},
    {"info", NULL, module__info_drop},
    {"calls", NULL, module__calls_drop},
    {"filters", NULL, module__filters_drop},
    {"blocked clients", module__block_refuses, NULL},
    {"timers", module__timers_refuses, module__timers_drop},
    {"notifications", NULL, module__notify_drop},
    {"child", NULL, module__fork_drop},
    {"events", NULL, module__events_drop},
    {"shared", module__shared_refuses, module__shared_drop},
};
const size_t module__ngroups = COUNT_OF(module__groups);

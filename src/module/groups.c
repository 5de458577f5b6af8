/* What each group of the API keeps for modules, and so has to drop when one goes. */
#include "module/module_priv.h"

const struct module_group module__groups[] = {
    {"commands", NULL, module__commands_drop},
    {"calls", NULL, module__calls_drop},
    {"filters", NULL, module__filters_drop},
};
const size_t module__ngroups = COUNT_OF(module__groups);

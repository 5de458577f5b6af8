/* What the files of Orbit's own module API share. */
#ifndef ORBIT_MODULE_ORBIT_PRIV_H
#define ORBIT_MODULE_ORBIT_PRIV_H

#include "module/module_priv.h"
#include "module/orbitmodule.h"

#define OM_API(type, name, parameters) type om_##name parameters;
#include "module/api/orbit.def"
#undef OM_API

const char *module__orbit_refuses(struct module *m);
void module__orbit_drop(struct module *m);
/* Commands that run queries. */
void module__fronts_drop(struct module *m);
/* INFO's section of engines; once. */
void module__orbit_start(void);
/* NULL: it may register; else why not. */
const char *module__orbit_not_now(const RedisModuleCtx *ctx);

#endif

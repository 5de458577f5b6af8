/* What the files of Orbit's own module API share. */
#ifndef ORBIT_MODULE_ORBIT_PRIV_H
#define ORBIT_MODULE_ORBIT_PRIV_H

#include "module/module_priv.h"
#include "module/orbitmodule.h"

#define OM_API(type, name, parameters) type om_##name parameters;
#include "module/api/orbit.def"
#undef OM_API
void om_Log(RedisModuleCtx *ctx, enum OrbitLogLevel level, const char *fmt, ...) PRINTF_LIKE(3, 4);

const char *module__orbit_refuses(struct module *m);
void module__orbit_drop(struct module *m);
/* Commands that run queries. */
void module__fronts_drop(struct module *m);
/* INFO's section of engines; once. */
void module__orbit_start(void);
/* Opens what m's listeners are told to; all or none. */
MUST_USE enum status module__listeners_open(struct module *m, struct error *err);
bool module__listeners_busy(const struct module *m);
void module__listeners_drop(struct module *m);
void module__listeners_info(struct buf *out);
/* Once. */
void module__listeners_start(void);
/* NULL: it may register; else why not. */
const char *module__orbit_not_now(const RedisModuleCtx *ctx);

#endif

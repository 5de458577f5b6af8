/* What the files about commands of modules share. */
#ifndef ORBIT_MODULE_COMMAND_PRIV_H
#define ORBIT_MODULE_COMMAND_PRIV_H

#include "base/status.h"
#include "module/redismodule.h"
#include "session/command.h"

/* The API's flags of keys are those of the registry, bit by bit. */
#define COMMAND_KEY_FLAGS (KEY_VARIABLE_FLAGS * 2 - 1)
_Static_assert(REDISMODULE_CMD_KEY_RO == KEY_RO && REDISMODULE_CMD_KEY_RW == KEY_RW &&
                   REDISMODULE_CMD_KEY_OW == KEY_OW && REDISMODULE_CMD_KEY_RM == KEY_RM &&
                   REDISMODULE_CMD_KEY_ACCESS == KEY_ACCESS &&
                   REDISMODULE_CMD_KEY_UPDATE == KEY_UPDATE &&
                   REDISMODULE_CMD_KEY_INSERT == KEY_INSERT &&
                   REDISMODULE_CMD_KEY_DELETE == KEY_DELETE &&
                   REDISMODULE_CMD_KEY_NOT_KEY == KEY_NOT_KEY &&
                   REDISMODULE_CMD_KEY_INCOMPLETE == KEY_INCOMPLETE &&
                   REDISMODULE_CMD_KEY_VARIABLE_FLAGS == KEY_VARIABLE_FLAGS,
               "flags of keys differ");

#endif

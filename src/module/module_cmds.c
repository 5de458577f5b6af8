/* MODULE: loading, unloading and listing by command. */
#include "base/arena.h"
#include "module/module_commands.h"
#include "module/module_priv.h"
#include "session/reply.h"

void cmd_module_load(struct call *c)
{
    struct error err = {.message = ""};
    char *path = arena_printf(c->arena, "%.*s", (int)c->argv[2].n, c->argv[2].p);
    if (module__load(path, c->argv + 3, (size_t)(c->argc - 3), NULL, 0, &err) == ST_OK)
        reply_ok(c);
    else
        reply_error(c, "ERR Error loading the extension. Please check the server logs.");
}

void cmd_module_unload(struct call *c)
{
    struct error err = {.message = ""};
    if (module__unload(c->argv[2], &err) == ST_OK)
        reply_ok(c);
    else
        reply_errorf(c, "ERR Error unloading module: %s", err.message);
}

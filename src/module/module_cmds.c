/* MODULE: loading, unloading and listing by command. */
#include "base/arena.h"
#include "base/log.h"
#include "module/load_options.h"
#include "module/module_commands.h"
#include "module/module_priv.h"
#include "session/reply.h"

static void load(struct call *c, int first, const struct slice *configs, size_t nconfigs)
{
    struct error err = {.message = ""};
    char *path = arena_printf(c->arena, "%.*s", SLICE_FMT(c->argv[2]));
    if (module__load(path, c->argv + first, (size_t)(c->argc - first), configs, nconfigs, &err) ==
        ST_OK)
        reply_ok(c);
    else
        reply_error(c, "ERR Error loading the extension. Please check the server logs.");
}

void cmd_module_load(struct call *c)
{
    load(c, 3, NULL, 0);
}

void cmd_module_loadex(struct call *c)
{
    struct buf configs = BUF_INIT;
    int skip = module__parse_ex(c->argv + 3, c->argc - 3, &configs);
    if (skip < 0)
        reply_error(c, "ERR Error loading the extension. Please check the server logs.");
    else
        load(c, 3 + skip, (const struct slice *)(const void *)configs.p,
             configs.n / sizeof(struct slice));
    buf_free(&configs);
}

void cmd_module_unload(struct call *c)
{
    struct error err = {.message = ""};
    if (module__unload(c->argv[2], &err) == ST_OK) {
        reply_ok(c);
        return;
    }
    log_warning(LOG_MODULE, "Error unloading module %.*s: %s", SLICE_FMT(c->argv[2]), err.message);
    reply_errorf(c, "ERR Error unloading module: %s", err.message);
}

void cmd_module_list(struct call *c)
{
    size_t n = 0, token = reply_begin(c);
    LIST_EACH(it, &module__all)
    {
        const struct module *m = LIST_ENTRY(it, struct module, link);
        if (m->loading)
            continue;
        reply_map(c, 4);
        reply_str(c, "name");
        reply_str(c, m->name);
        reply_str(c, "ver");
        reply_int(c, m->version);
        reply_str(c, "path");
        reply_str(c, m->path);
        reply_str(c, "args");
        reply_array(c, (size_t)m->argc);
        for (int i = 0; i < m->argc; i++)
            reply_bulk(c, module__slice(m->argv[i]));
        n++;
    }
    reply_end(c, token, SINK_ARRAY, n);
}

void cmd_module_help(struct call *c)
{
    static const char *const lines[] = {
        "LIST",
        "    The modules that are loaded.",
        "LOAD <path> [<arg> ...]",
        "    Loads the module at <path> with these arguments.",
        "LOADEX <path> [CONFIG <name> <value> ...] [ARGS <arg> ...]",
        "    Loads the module at <path> with values for its options, and arguments.",
        "UNLOAD <name>",
        "    Unloads a module.",
        NULL,
    };
    reply_help(c, lines);
}

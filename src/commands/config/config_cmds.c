/* CONFIG GET, SET, REWRITE, RESETSTAT, HELP over the option registry. */
#include "base/dict.h"
#include "base/glob.h"
#include "base/log.h"
#include "base/mem.h"
#include "commands/config/config_commands.h"
#include "config/admin.h"
#include "session/dispatch.h"
#include "session/hooks.h"
#include "session/info.h"
#include "session/protect.h"
#include "session/reply.h"
#include "session/session_options.h"
#include "session/stats.h"

/* -- GET ----------------------------------------------------------------------------------------------------------------- */

struct getting {
    struct call *c;
    struct dict *seen; /* names answered, so that several patterns give each once */
    struct slice pattern;
    size_t n;
};

static void answer_one(struct getting *g, const char *name, const struct config_option *opt)
{
    if (!dict_add(g->seen, slice_str(name), g))
        return;
    struct buf value = BUF_INIT;
    config_value(opt, &value);
    reply_str(g->c, name);
    reply_bulk(g->c, slice_make(value.n ? value.p : "", value.n));
    buf_free(&value);
    g->n++;
}

static bool answer_matching(void *arg, const struct config_option *opt)
{
    struct getting *g = arg;
    if (opt->flags & (CONFIG_HIDDEN | CONFIG_DIRECTIVE))
        return true;
    if (glob_match(g->pattern, slice_str(opt->name), true))
        answer_one(g, opt->name, opt);
    if (opt->alias && glob_match(g->pattern, slice_str(opt->alias), true))
        answer_one(g, opt->alias, opt);
    return true;
}

void cmd_config_get(struct call *c)
{
    struct getting g = {.c = c, .seen = dict_new(DICT_NOCASE, NULL)};
    size_t token = reply_begin(c);
    for (int i = 2; i < c->argc; i++) {
        g.pattern = c->argv[i];
        if (!glob_is_literal(g.pattern)) {
            config_each(answer_matching, &g);
            continue;
        }
        const struct config_option *opt = config_find(g.pattern);
        if (!opt || (opt->flags & CONFIG_DIRECTIVE))
            continue;
        /* Answered by the name that was asked for, the registry's spelling of it. */
        bool by_alias = opt->alias && slice_is(g.pattern, opt->alias);
        answer_one(&g, by_alias ? opt->alias : opt->name, opt);
    }
    reply_end(c, token, SINK_MAP, g.n);
    dict_free(g.seen);
}

/* -- SET ----------------------------------------------------------------------------------------------------------------- */

static void tell_changes(const struct config_pair *pairs, size_t n)
{
    const char **names = mem_alloc(n * sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = config_find(pairs[i].name)->name;
    hook_event(EVENT_CONFIG, 0, &(struct hook_config){names, n});
    mem_free(names);
}

void cmd_config_set(struct call *c)
{
    if (c->argc % 2) {
        reply_syntax_error(c);
        return;
    }
    size_t n = (size_t)(c->argc - 2) / 2;
    struct config_pair *pairs = mem_calloc(n, sizeof(*pairs));
    for (size_t i = 0; i < n; i++)
        pairs[i] = (struct config_pair){c->argv[2 + 2 * i], c->argv[3 + 2 * i]};
    unsigned flags = dispatch_is_loading() ? CONFIG_SET_LOADING : 0;
    if (protect_allowed(c->s, session_opts.enable_protected_configs))
        flags |= CONFIG_SET_PROTECTED_OK;
    struct error err = {.message = ""};
    enum status st = config_set_all(pairs, n, flags, &err);
    if (st == ST_OK && hook_any(HOOK_EVENT))
        tell_changes(pairs, n);
    mem_free(pairs);
    if (st == ST_OK)
        reply_ok(c);
    else if (st == ST_BUSY)
        reply_error(c, "LOADING Redis is loading the dataset in memory");
    else
        reply_errorf(c, "ERR %s", err.message);
}

/* -- The others ---------------------------------------------------------------------------------------------------------- */

void cmd_config_rewrite(struct call *c)
{
    struct error err = {.message = ""};
    enum status st = config_rewrite(false, &err);
    if (st == ST_NOT_FOUND) {
        reply_errorf(c, "ERR %s", err.message);
    } else if (st != ST_OK) {
        log_warning(LOG_CONFIG, "CONFIG REWRITE failed: %s", err.message);
        reply_errorf(c, "ERR Rewriting config file: %s", err.message);
    } else {
        log_notice(LOG_CONFIG, "CONFIG REWRITE executed with success.");
        reply_ok(c);
    }
}

void cmd_config_resetstat(struct call *c)
{
    sess_stats_reset();
    kv_stats_reset(c->kv);
    info_reset();
    reply_ok(c);
}

void cmd_config_help(struct call *c)
{
    static const char *const lines[] = {
        "GET <pattern>",
        "    The options whose names match <pattern>, with their values.",
        "SET <directive> <value>",
        "    Sets options, all of them or none.",
        "RESETSTAT",
        "    Sets INFO's statistics back to zero.",
        "REWRITE",
        "    Writes the present values into the configuration file.",
        NULL};
    reply_help(c, lines);
}

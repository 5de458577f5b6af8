/* Which sections INFO shows, and in which order. */
#include "services/info/info.h"

#include "event/loop.h"
#include "services/info/info_commands.h"
#include "services/info/info_priv.h"
#include "session/acl.h"
#include "session/call.h"
#include "session/info.h"
#include "session/lifecycle.h"
#include "session/reply.h"

/* By which words a section is chosen, besides its own name. */
enum set { SET_DEFAULT = 1, SET_ALL = 2, SET_EVERYTHING = 4 };

static const struct section {
    const char *name, *title;
    void (*fill)(struct buf *out); /* NULL: only what others register */
    unsigned sets;
} sections[] = {
    {"server", "Server", info__server, SET_DEFAULT | SET_ALL | SET_EVERYTHING},
    {"clients", "Clients", info__clients, SET_DEFAULT | SET_ALL | SET_EVERYTHING},
    {"memory", "Memory", info__memory, SET_DEFAULT | SET_ALL | SET_EVERYTHING},
    {"persistence", "Persistence", info__persistence, SET_DEFAULT | SET_ALL | SET_EVERYTHING},
    {"stats", "Stats", info__stats, SET_DEFAULT | SET_ALL | SET_EVERYTHING},
    {"replication", "Replication", NULL, SET_DEFAULT | SET_ALL | SET_EVERYTHING},
    {"cpu", "CPU", info__cpu, SET_DEFAULT | SET_ALL | SET_EVERYTHING},
    {"modules", "Modules", NULL, SET_DEFAULT | SET_ALL | SET_EVERYTHING},
    {"commandstats", "Commandstats", info__commandstats, SET_ALL | SET_EVERYTHING},
    {"errorstats", "Errorstats", info__errorstats, SET_DEFAULT | SET_ALL | SET_EVERYTHING},
    {"latencystats", "Latencystats", info__latencystats, SET_ALL | SET_EVERYTHING},
    {"cluster", "Cluster", info__cluster, SET_DEFAULT | SET_ALL | SET_EVERYTHING},
    {"storage", "Storage", info__storage, SET_DEFAULT | SET_ALL | SET_EVERYTHING},
    {"tick", "Tick", info__tick, SET_DEFAULT | SET_ALL | SET_EVERYTHING},
    {"debug", "Debug", info__debug, 0},
    {"keyspace", "Keyspace", info__keyspace, SET_DEFAULT | SET_ALL | SET_EVERYTHING},
};

struct choice {
    unsigned sets;
    const struct slice *names;
    size_t n;
};

static bool is_chosen(const struct choice *choice, const char *name, unsigned sets)
{
    if (choice->sets & sets)
        return true;
    for (size_t i = 0; i < choice->n; i++)
        if (slice_is(choice->names[i], name))
            return true;
    return false;
}

static void put_section(struct buf *out, const char *title, void (*fill)(struct buf *),
                        const char *name)
{
    if (out->n)
        buf_put_str(out, "\r\n");
    buf_printf(out, "# %s\r\n", title);
    if (fill)
        fill(out);
    info_fields(name, out);
}

static bool is_builtin(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(sections); i++)
        if (strcmp(sections[i].name, name) == 0)
            return true;
    return false;
}

void info_text(struct buf *out, const struct slice *names, size_t n)
{
    struct choice choice = {.sets = n == 0 ? SET_DEFAULT : 0, .names = names, .n = n};
    for (size_t i = 0; i < n; i++) {
        if (slice_is(names[i], "default"))
            choice.sets |= SET_DEFAULT;
        else if (slice_is(names[i], "all"))
            choice.sets |= SET_ALL;
        else if (slice_is(names[i], "everything"))
            choice.sets |= SET_EVERYTHING;
    }
    for (size_t i = 0; i < COUNT_OF(sections); i++)
        if (is_chosen(&choice, sections[i].name, sections[i].sets))
            put_section(out, sections[i].title, sections[i].fill, sections[i].name);
    const char *name;
    for (size_t i = 0; (name = info_section(i)) != NULL; i++)
        if (!is_builtin(name) && is_chosen(&choice, name, SET_DEFAULT | SET_ALL | SET_EVERYTHING))
            put_section(out, name, NULL, name);
    if (n)
        info_extra(out, names, n, is_chosen(&choice, "modules", SET_EVERYTHING));
}

void cmd_info(struct call *c)
{
    struct buf out = BUF_INIT;
    info_text(&out, c->argv + 1, (size_t)c->argc - 1);
    reply_verbatim(c, "txt", slice_make(out.n ? out.p : "", out.n));
    buf_free(&out);
}

static void reset(void)
{
    traffic = (struct traffic){0};
    info_rates_reset();
    acl_stats = (struct acl_stats){0};
    if (lifecycle.loop)
        loop_stats_reset(lifecycle.loop);
}

void info_start(void)
{
    info_on_reset(reset);
    info_rates_start();
}

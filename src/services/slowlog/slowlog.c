/* The log of slow commands: a list, newest first, of copies whose arguments are cut to a bounded size. */
#include "services/slowlog/slowlog.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "config/option.h"
#include "services/slowlog/slowlog_commands.h"
#include "session/call.h"
#include "session/hooks.h"
#include "session/redact.h"
#include "session/reply.h"

#define ARGUMENTS_MAX 32
#define ARGUMENT_MAX  128

struct entry {
    struct list_node link;
    int64_t id, time_s, duration_us;
    size_t argc;
    struct buf *argv;
    struct buf name;
    char peer[80];
};

struct slowlog_options slowlog_opts;
static struct list_node entries = {&entries, &entries};
static size_t count;
static int64_t next_id;

static void entry_free(struct entry *e)
{
    for (size_t i = 0; i < e->argc; i++)
        buf_free(&e->argv[i]);
    mem_free(e->argv);
    buf_free(&e->name);
    mem_free(e);
}

static void trim(size_t max)
{
    while (count > max) {
        struct entry *oldest = LIST_ENTRY(entries.prev, struct entry, link);
        list_remove(&oldest->link);
        entry_free(oldest);
        count--;
    }
}

static void copy_argument(struct buf *to, const struct call *c, int i)
{
    bool hidden = ((c->hidden >> (i < 63 ? i : 63)) & 1) || redact_argument(c->argv, c->argc, i);
    struct slice word = hidden ? REDACTED : c->argv[i];
    size_t n = word.n > ARGUMENT_MAX ? ARGUMENT_MAX : word.n;
    buf_put(to, word.p, n);
    if (word.n > n)
        buf_printf(to, "... (%zu more bytes)", word.n - n);
}

static void add(struct call *c)
{
    struct entry *e = mem_calloc(1, sizeof(*e));
    int shown = c->argc > ARGUMENTS_MAX ? ARGUMENTS_MAX - 1 : c->argc;
    e->argc = c->argc > ARGUMENTS_MAX ? ARGUMENTS_MAX : (size_t)c->argc;
    e->argv = mem_calloc(e->argc, sizeof(*e->argv));
    for (int i = 0; i < shown; i++)
        copy_argument(&e->argv[i], c, i);
    if (shown < c->argc)
        buf_printf(&e->argv[shown], "... (%d more arguments)", c->argc - shown);
    e->id = next_id++;
    e->time_s = clock_wall_ms() / 1000;
    e->duration_us = c->duration_us;
    struct sess_peer peer = {.addr = ""};
    c->s->ops->peer(c->s, &peer);
    memcpy(e->peer, peer.addr, sizeof(e->peer));
    buf_put_slice(&e->name, buf_slice(&c->s->name));
    list_push_front(&entries, &e->link);
    count++;
}

static void after_command(void *arg)
{
    struct call *c = arg;
    if (slowlog_opts.slower_than_us < 0 || c->duration_us < slowlog_opts.slower_than_us)
        return;
    if ((c->cmd->flags & CMD_SKIP_SLOWLOG) || (c->s->flags & SESS_LOADING_LOG))
        return;
    add(c);
    trim((size_t)slowlog_opts.max_len);
}

/* -- Commands ------------------------------------------------------------------------------------------------------------ */

static void reply_entry(struct call *c, const struct entry *e)
{
    reply_array(c, 6);
    reply_int(c, e->id);
    reply_int(c, e->time_s);
    reply_int(c, e->duration_us);
    reply_array(c, e->argc);
    for (size_t i = 0; i < e->argc; i++)
        reply_bulk(c, buf_slice(&e->argv[i]));
    reply_str(c, e->peer);
    reply_bulk(c, buf_slice(&e->name));
}

void cmd_slowlog_get(struct call *c)
{
    int64_t wanted = 10;
    if (c->argc > 3) {
        reply_unknown_sub(c);
        return;
    }
    if (c->argc == 3 && !call_arg_range(c, 2, -1, INT64_MAX, &wanted,
                                        "count should be greater than or equal to -1"))
        return;
    size_t n = wanted < 0 || (uint64_t)wanted > count ? count : (size_t)wanted;
    reply_array(c, n);
    LIST_EACH(it, &entries)
    {
        if (n-- == 0)
            break;
        reply_entry(c, LIST_ENTRY(it, struct entry, link));
    }
}

void cmd_slowlog_len(struct call *c)
{
    reply_int(c, (int64_t)count);
}

void cmd_slowlog_reset(struct call *c)
{
    trim(0);
    reply_ok(c);
}

void cmd_slowlog_help(struct call *c)
{
    static const char *const lines[] = {"GET [<count>]",
                                        "    The newest entries, 10 unless told, -1 for all. Each "
                                        "is id, time, microseconds, arguments,",
                                        "    the client's address and name.",
                                        "LEN",
                                        "    How many entries there are.",
                                        "RESET",
                                        "    Forgets all entries.",
                                        NULL};
    reply_help(c, lines);
}

/* -- Start --------------------------------------------------------------------------------------------------------------- */

static enum status apply_max_len(void *arg, struct error *err)
{
    trim((size_t)slowlog_opts.max_len);
    return ST_OK;
}

#define CONFIG_STRUCT slowlog_opts
static const struct config_option rows[] = {
#include "config/declare_table.h"

#include "services/slowlog/options.def"

#include "config/declare_end.h"
};

void slowlog_options_register(void)
{
    config_register(rows, COUNT_OF(rows));
    config_on_change("slowlog-max-len", apply_max_len, NULL);
}

void slowlog_start(void)
{
    hook_add(HOOK_AFTER_COMMAND, after_command);
}

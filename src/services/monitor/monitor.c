/* MONITOR. Commands are shown when they are over, so that EXEC comes after what it ran; commands that may block or run others
 * are shown before. */
#include "services/monitor/monitor.h"

#include "base/clock.h"
#include "base/mem.h"
#include "services/monitor/monitor_commands.h"
#include "session/call.h"
#include "session/hooks.h"
#include "session/redact.h"
#include "session/reply.h"

#include <inttypes.h>

static struct session **monitors;
static size_t count, cap;

void monitor_line(struct buf *out, int64_t wall_us, int db, const char *address,
                  const struct slice *argv, int argc)
{
    buf_printf(out, "%" PRId64 ".%06" PRId64 " [%d %s]", wall_us / 1000000, wall_us % 1000000, db,
               address);
    for (int i = 0; i < argc; i++) {
        buf_put_byte(out, ' ');
        buf_put_quoted(out, redact_argument(argv, argc, i) ? REDACTED : argv[i]);
    }
}

static void show(const struct call *c)
{
    struct sess_peer peer = {.addr = ""};
    const char *address = "lua";
    if (!c->in_script) {
        c->s->ops->peer(c->s, &peer);
        address = peer.addr;
        if (peer.unix_socket)
            address = "unix:socket";
    }
    struct buf line = BUF_INIT;
    monitor_line(&line, clock_wall_us(), c->db, address, c->argv, c->argc);
    for (size_t i = 0; i < count; i++) {
        struct sink *out = monitors[i]->ops->sink(monitors[i]);
        out->ops->status(out, buf_slice(&line));
    }
    buf_free(&line);
}

static bool is_shown(const struct call *c)
{
    /* Scripts skip the monitor in Redis only to be shown by themselves, before what they call. */
    unsigned hidden = c->cmd->group == GROUP_SCRIPTING ? CMD_ADMIN : CMD_SKIP_MONITOR | CMD_ADMIN;
    return count && !(c->s->flags & SESS_LOADING_LOG) && !(c->cmd->flags & hidden);
}

static bool is_shown_first(const struct call *c)
{
    return (c->cmd->flags & CMD_BLOCKING) || c->cmd->group == GROUP_SCRIPTING;
}

static void before_command(void *arg)
{
    const struct call *c = arg;
    if (is_shown(c) && is_shown_first(c))
        show(c);
}

static void after_command(void *arg)
{
    const struct call *c = arg;
    if (is_shown(c) && !is_shown_first(c))
        show(c);
}

static void forget(void *arg)
{
    struct session *s = arg;
    if (!(s->flags & SESS_MONITOR))
        return;
    s->flags &= ~(uint32_t)SESS_MONITOR;
    for (size_t i = 0; i < count; i++)
        if (monitors[i] == s) {
            memmove(monitors + i, monitors + i + 1, (count - i - 1) * sizeof(struct session *));
            count--;
            return;
        }
}

/* Not before somebody asks: until then commands pay nothing for it. */
static void watch_commands(void)
{
    static bool watching;
    if (watching)
        return;
    watching = true;
    hook_add(HOOK_BEFORE_COMMAND, before_command);
    hook_add(HOOK_AFTER_COMMAND, after_command);
}

void cmd_monitor(struct call *c)
{
    if (c->s->flags & SESS_DENY_BLOCKING) {
        reply_error(c, "ERR MONITOR isn't allowed for DENY BLOCKING client");
        return;
    }
    if (c->s->flags & SESS_MONITOR)
        return;
    if (count == cap) {
        cap = cap ? cap * 2 : 4;
        monitors = mem_realloc(monitors, cap * sizeof(struct session *));
    }
    watch_commands();
    monitors[count++] = c->s;
    c->s->flags |= SESS_MONITOR;
    reply_ok(c);
}

void monitor_start(void)
{
    hook_add(HOOK_SESSION_CLOSE, forget);
    hook_add(HOOK_SESSION_RESET, forget);
}

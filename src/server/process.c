#include "server/process.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "event/event_options.h"
#include "server/server_options.h"
#include "session/hooks.h"
#include "session/lifecycle.h"
#include "wire/http/http_options.h"
#include "wire/resp/resp_options.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FILES_RESERVED 128  /* log, listeners, worker pool, the least that the store needs */
#define FILES_STORE    4096 /* what the store would like to keep open */

static bool supervised;

/* -- background, pid file, supervisor ------------------------------------------------------------ */

void process_daemonize(void)
{
    if (fork() != 0)
        _exit(0);
    setsid();
    int fd = open("/dev/null", O_RDWR);
    if (fd < 0)
        return;
    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

static const char *pidfile(void)
{
    if (*server_opts.pidfile)
        return server_opts.pidfile;
    return server_opts.daemonize ? "/var/run/redis.pid" : NULL;
}

void process_pidfile_write(void)
{
    const char *path = pidfile();
    FILE *f = path ? fopen(path, "w") : NULL;
    if (f) {
        fprintf(f, "%d\n", (int)getpid());
        fclose(f);
    } else if (path) {
        log_warning(LOG_SERVER, "Failed to write PID file %s: %s", path, strerror(errno));
    }
}

void process_pidfile_remove(void)
{
    const char *path = pidfile();
    if (!path)
        return;
    log_notice(LOG_SERVER, "Removing the pid file.");
    (void)unlink(path);
}

void process_supervise(void)
{
    const char *socket_name = getenv("NOTIFY_SOCKET");
    const char *upstart = getenv("UPSTART_JOB");
    int mode = server_opts.supervised;
    if (mode == SERVER_SUPERVISED_AUTO)
        mode = socket_name ? SERVER_SUPERVISED_SYSTEMD
               : upstart   ? SERVER_SUPERVISED_UPSTART
                           : SERVER_SUPERVISED_NO;
    if (mode == SERVER_SUPERVISED_UPSTART) {
        if (upstart) {
            log_notice(LOG_SERVER, "supervised by upstart, will stop to signal readiness");
            raise(SIGSTOP);
            unsetenv("UPSTART_JOB");
        } else {
            log_warning(LOG_SERVER, "upstart supervision requested, but UPSTART_JOB not found");
        }
    } else if (mode == SERVER_SUPERVISED_SYSTEMD) {
        supervised = socket_name != NULL;
        if (!supervised)
            log_warning(LOG_SERVER, "systemd supervision requested or auto-detected, but Orbit is "
                                    "not started by a unit with Type=notify");
    }
}

void process_notify(const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (!supervised || !name || strlen(name) >= sizeof addr.sun_path)
        return;
    memcpy(addr.sun_path, name, strlen(name));
    if (addr.sun_path[0] == '@')
        addr.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&addr, len) < 0)
        log_warning(LOG_SERVER, "Telling systemd \"%s\" failed: %s", state, strerror(errno));
    close(fd);
}

/* -- title --------------------------------------------------------------------------------------- */

static char *title_room;
static size_t title_size;
static char *program;

void process_title_setup(int argc, char **argv)
{
    extern char **environ;
    program = mem_strdup(argv[0]);
    /* The title may use the room of the arguments and of the environment behind them, which moves away. */
    char *end = argv[0] + strlen(argv[0]) + 1;
    for (int i = 1; i < argc; i++)
        if (argv[i] == end)
            end = argv[i] + strlen(argv[i]) + 1;
    size_t n = 0;
    while (environ[n])
        n++;
    char **copy = mem_calloc(n + 1, sizeof *copy);
    for (size_t i = 0; i < n; i++) {
        if (environ[i] == end)
            end = environ[i] + strlen(environ[i]) + 1;
        copy[i] = mem_strdup(environ[i]);
    }
    environ = copy;
    title_room = argv[0];
    title_size = (size_t)(end - argv[0]);
}

static void put_listen_address(struct buf *out)
{
    int64_t port = event_opts.port ? event_opts.port : event_opts.tls_port;
    if (port == 0 && *event_opts.unixsocket) {
        buf_put_str(out, event_opts.unixsocket);
        return;
    }
    const char *addr = event_bind.n ? event_bind.address[0] : "*";
    buf_printf(out, "%s:%" PRId64, *addr == '-' ? addr + 1 : addr, port);
}

static void put_variable(struct buf *out, struct slice name)
{
    if (slice_is(name, "title"))
        buf_put_str(out, program);
    else if (slice_is(name, "listen-addr"))
        put_listen_address(out);
    else if (slice_is(name, "port"))
        buf_put_int(out, event_opts.port);
    else if (slice_is(name, "tls-port"))
        buf_put_int(out, event_opts.tls_port);
    else if (slice_is(name, "unixsocket"))
        buf_put_str(out, event_opts.unixsocket);
    else if (slice_is(name, "config-file"))
        buf_put_str(out, config_file() ? config_file() : "");
    /* server-mode is empty for a single server */
}

void process_title_update(void)
{
    struct buf b = BUF_INIT;
    if (!server_opts.set_proc_title || !title_room)
        return;
    for (const char *p = server_opts.proc_title_template; *p;) {
        const char *close = *p == '{' ? strchr(p, '}') : NULL;
        if (close) {
            put_variable(&b, slice_make(p + 1, (size_t)(close - p) - 1));
            p = close + 1;
        } else {
            buf_put_byte(&b, (uint8_t)*p++);
        }
    }
    while (b.n > 0 && b.p[b.n - 1] == ' ')
        b.n--;
    size_t n = b.n < title_size - 1 ? b.n : title_size - 1;
    memset(title_room, 0, title_size);
    if (n > 0)
        memcpy(title_room, b.p, n);
    buf_free(&b);
}

/* -- limits and scores --------------------------------------------------------------------------- */

/* The highest soft limit that can be had, at most wanted. */
static rlim_t raise_files(rlim_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
        return wanted;
    rlim_t former = limit.rlim_cur, most = limit.rlim_max;
    limit.rlim_cur = wanted;
    if (most < wanted)
        limit.rlim_max = wanted; /* only a privileged process may */
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return wanted;
    limit.rlim_cur = limit.rlim_max = most;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? most : former;
}

void process_adjust_files(void)
{
    rlim_t needed = (rlim_t)resp_opts.maxclients + FILES_RESERVED;
    rlim_t got = raise_files(needed + FILES_STORE + (rlim_t)http_opts.http_max_connections);
    if (got >= needed)
        return;
    if (got <= FILES_RESERVED) {
        log_warning(
            LOG_SERVER,
            "The limit of %ju open files ('ulimit -n') is too low to start: %ju are needed.",
            (uintmax_t)got, (uintmax_t)needed);
        exit(1);
    }
    int64_t asked = resp_opts.maxclients;
    resp_opts.maxclients = (int64_t)got - FILES_RESERVED;
    log_warning(LOG_SERVER,
                "maxclients of %" PRId64
                " needs %ju open files and the limit is %ju: maxclients has "
                "been reduced to %" PRId64 ". Raise 'ulimit -n' for more.",
                asked, (uintmax_t)needed, (uintmax_t)got, resp_opts.maxclients);
}

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return ok;
}

static bool read_number(const char *path, int *out)
{
    FILE *f = fopen(path, "r");
    bool ok = f && fscanf(f, "%d", out) == 1;
    if (f)
        fclose(f);
    return ok;
}

static enum status oom_apply(void *arg, struct error *err)
{
    static const char path[] = "/proc/self/oom_score_adj";
    static int base;
    static bool changed;
    char text[32];
    if (server_opts.oom_score_adj == SERVER_OOM_NO) {
        if (!changed)
            return ST_OK;
        changed = false;
        snprintf(text, sizeof text, "%d\n", base);
        return write_file(path, text) ? ST_OK : error_set_errno(err, errno, "%s", path);
    }
    if (!changed && !read_number(path, &base))
        return error_set_errno(err, errno, "%s", path);
    int score = server_oom_values[lifecycle.following];
    if (server_opts.oom_score_adj == SERVER_OOM_RELATIVE)
        score += base;
    if (score > 1000)
        score = 1000;
    if (score < -1000)
        score = -1000;
    snprintf(text, sizeof text, "%d\n", score);
    if (!write_file(path, text)) {
        log_warning(LOG_SERVER, "Unable to write oom_score_adj: %s", strerror(errno));
        return error_set(err, ST_DENIED, "Failed to set current oom_score_adj. Check server logs.");
    }
    changed = true;
    return ST_OK;
}

static void oom_role(void *arg)
{
    struct error err;
    (void)oom_apply(NULL, &err); /* logged */
}

void process_oom_setup(void)
{
    (void)oom_apply(NULL, NULL);
    config_on_change("oom-score-adj", oom_apply, NULL);
    config_on_change("oom-score-adj-values", oom_apply, NULL);
    hook_add(HOOK_ROLE, oom_role);
}

/* Of the calling thread alone, which is the loop's; threads that are made by it later inherit it, so all that work beside the
 * loop are made before. */
static enum status nice_apply(void *arg, struct error *err)
{
    if (setpriority(PRIO_PROCESS, 0, (int)server_opts.loop_nice) == 0)
        return ST_OK;
    return error_set_errno(err, errno, "loop-nice: the system does not allow %d",
                           (int)server_opts.loop_nice);
}

void process_loop_nice(void)
{
    struct error err;
    config_on_change("loop-nice", nice_apply, NULL);
    if (server_opts.loop_nice != 0 && nice_apply(NULL, &err) != ST_OK)
        log_verbose(LOG_SERVER, "%s; the loop runs with ordinary priority", err.message);
}

void process_disable_thp(void)
{
    if (server_opts.disable_thp)
        (void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

void process_warn(void)
{
    int value = 0;
    if (read_number("/proc/sys/net/core/somaxconn", &value) && value > 0 &&
        value < event_opts.tcp_backlog)
        log_warning(LOG_SERVER,
                    "The TCP backlog setting of %" PRId64 " cannot be enforced because "
                    "/proc/sys/net/core/somaxconn is set to the lower value of %d.",
                    event_opts.tcp_backlog, value);
}

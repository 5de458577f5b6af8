/* Child processes of modules: a copy of the process in which only the module's code runs, with the data as it was. RocksDB's
 * threads, the loop and the workers do not exist there, so a child must not touch the keyspace beyond what is in memory, and
 * leaves by ExitFromChild alone. */
#include "base/log.h"
#include "event/loop.h"
#include "module/event.h"
#include "session/hooks.h"
#include "session/info.h"
#include "session/lifecycle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK_MS 50

static struct {
    pid_t pid;             /* 0: no child */
    struct module *module; /* NULL: one without a handler, nobody knows which */
    RedisModuleForkDoneHandler done;
    void *data;
    struct loop_timer *timer;
} child;
static bool in_child;

static void killed(int signum)
{
    log_signal_safe("Received SIGUSR1 in child, exiting now.");
    _exit(255);
}

/* The server's descriptors, among them its listening sockets and the lock of the data directory, are all to be closed when a
 * program is executed; those that a module made for its child as a rule are not. */
static void close_what_is_the_servers(void)
{
    DIR *d = opendir("/proc/self/fd");
    const struct dirent *e;
    while (d && (e = readdir(d)) != NULL) {
        int fd = atoi(e->d_name);
        int flags = fcntl(fd, F_GETFD);
        if (fd > STDERR_FILENO && fd != dirfd(d) && flags >= 0 && (flags & FD_CLOEXEC))
            close(fd);
    }
    if (d)
        closedir(d);
}

/* What the child has of its parent and must not use. parent: who goes away with the server; 0: a thread that may end before. */
static void become_child(pid_t parent)
{
    struct sigaction act = {.sa_handler = killed};
    in_child = true;
    if (parent) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(255);
    }
    close_what_is_the_servers();
    log_set_role('C');
    sigaction(SIGUSR1, &act, NULL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
}

static void over(int status)
{
    RedisModuleForkDoneHandler done = child.done;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    int by_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    log_notice(LOG_SERVER, "Module fork exited pid: %ld, retcode: %d, bysignal: %d",
               (long)child.pid, code, by_signal);
    child.pid = 0;
    hook_event(EVENT_FORK_CHILD, REDISMODULE_SUBEVENT_FORK_CHILD_DIED, NULL);
    if (done)
        done(code, by_signal, child.data);
}

static int64_t check(void *arg)
{
    int status;
    if (!child.pid)
        return -1;
    pid_t pid = waitpid(child.pid, &status, WNOHANG);
    if (pid == 0)
        return CHECK_MS;
    child.timer = NULL;
    over(pid > 0 ? status : 0);
    return -1;
}

static const void *code_of(RedisModuleForkDoneHandler fn)
{
    const void *p;
    memcpy(&p, &fn, sizeof p);
    return p;
}

int rm_Fork(RedisModuleForkDoneHandler done, void *user_data)
{
    if (child.pid) {
        log_warning(LOG_SERVER, "Can't fork for module: %s", strerror(EEXIST));
        return -1;
    }
    pid_t self = module__on_loop_thread() ? getpid() : 0;
    pid_t pid = fork();
    if (pid < 0) {
        log_warning(LOG_SERVER, "Can't fork for module: %s", strerror(errno));
        return -1;
    }
    if (pid == 0) {
        become_child(self);
        return 0;
    }
    child.pid = pid;
    child.module = module__of_address(code_of(done));
    child.done = done;
    child.data = user_data;
    child.timer = loop_timer_add(lifecycle.loop, CHECK_MS, check, NULL);
    log_verbose(LOG_SERVER, "Module fork started pid: %ld", (long)pid);
    hook_event(EVENT_FORK_CHILD, REDISMODULE_SUBEVENT_FORK_CHILD_BORN, NULL);
    return (int)pid;
}

int rm_ExitFromChild(int retcode)
{
    orbit_assert(in_child);
    _exit(retcode);
}

static void kill_child(int signum)
{
    int status = 0;
    log_verbose(LOG_SERVER, "Killing running module fork child: %ld", (long)child.pid);
    if (kill(child.pid, signum) == 0)
        while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR)
            ;
    loop_timer_del(child.timer);
    child.timer = NULL;
    child.done = NULL;
    over(status);
}

int rm_KillForkChild(int pid)
{
    if (!child.pid || child.pid != (pid_t)pid)
        return REDISMODULE_ERR;
    kill_child(SIGUSR1);
    return REDISMODULE_OK;
}

void module__fork_drop(struct module *m)
{
    if (child.pid && (!child.module || child.module == m))
        kill_child(SIGKILL);
}

/* Progress and memory of a child are shown by INFO in Redis; here a child is the module's own affair. */
void rm_SendChildHeartbeat(double progress)
{
}

bool module__fork_active(void)
{
    return child.pid != 0;
}

bool module__in_child(void)
{
    return in_child;
}

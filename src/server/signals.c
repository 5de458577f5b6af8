#include "server/signals.h"

#include "base/compiler.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "event/loop.h"
#include "module/module.h"
#include "rdb/rdb_save.h"
#include "server/server_options.h"

#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ucontext.h>
#include <unistd.h>

#define FRAMES_MAX 100

static volatile sig_atomic_t asked, stopping;
static struct loop *loop_to_wake;

static void on_stop(int signum)
{
    if (signum == SIGINT && (stopping || asked == SIGINT)) {
        log_signal_safe("You insist... exiting now.");
        rdb_save_abandon();
        _exit(1);
    }
    asked = signum;
    if (loop_to_wake)
        loop_wake_async(loop_to_wake);
}

int signals_take(void)
{
    int signum = asked;
    asked = 0;
    return signum;
}

void signals_stopping(bool on)
{
    stopping = on;
}

/* -- crash report ---------------------------------------------------------------------------------- */

/* The log's own descriptor, for backtrace_symbols_fd, which needs no memory. */
static int report_fd(void)
{
    int fd = -1;
    if (*server_opts.logfile)
        fd = open(server_opts.logfile, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    return fd >= 0 ? fd : STDOUT_FILENO;
}

/* The innermost function of a module, if any: whose fault it may be. */
static void report_module(const void *instruction, void *const *frames, int n)
{
    char where[400], line[480];
    bool found = module_of_address(instruction, where, sizeof where);
    const char *how = found ? "The signal hit inside of" : "Called by";
    for (int i = 0; i < n && !found; i++)
        found = module_of_address(frames[i], where, sizeof where);
    if (!found)
        return;
    snprintf(line, sizeof line, "%s %s", how, where);
    log_signal_safe(line);
}

static void report_stack(void *instruction)
{
    void *frames[FRAMES_MAX];
    log_signal_safe("------ STACK TRACE ------");
    int fd = report_fd();
    if (instruction) {
        log_signal_safe("EIP:");
        backtrace_symbols_fd(&instruction, 1, fd);
    }
    log_signal_safe("Backtrace:");
    int n = backtrace(frames, FRAMES_MAX);
    backtrace_symbols_fd(frames, n, fd);
    report_module(instruction, frames, n);
}

static void *instruction_of(void *context)
{
#if defined(__x86_64__)
    ucontext_t *u = context;
    return (void *)u->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    ucontext_t *u = context;
    return (void *)u->uc_mcontext.pc;
#else
    return NULL;
#endif
}

static void on_crash(int signum, siginfo_t *info, void *context)
{
    static volatile sig_atomic_t inside;
    char line[160];
    if (!inside) {
        inside = 1;
        log_signal_safe("\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===");
        snprintf(line, sizeof line, "Orbit %s (Redis %s) crashed by signal: %d, si_code: %d",
                 ORBIT_VERSION, ORBIT_REDIS_VERSION, signum, info->si_code);
        log_signal_safe(line);
        if (signum == SIGSEGV || signum == SIGBUS) {
            snprintf(line, sizeof line, "Accessing address: %p", info->si_addr);
            log_signal_safe(line);
        }
        if (info->si_code == SI_USER || info->si_code == SI_TKILL) {
            snprintf(line, sizeof line, "Killed by PID: %ld, UID: %d", (long)info->si_pid,
                     info->si_uid);
            log_signal_safe(line);
        }
        report_stack(instruction_of(context));
        log_signal_safe("=== REDIS BUG REPORT END ===");
    }
    if (signum == SIGABRT && server_opts.use_exit_on_panic)
        _exit(1);
    /* The default action makes the core file and the exit status that the parent expects. */
    signal(signum, SIG_DFL);
    raise(signum);
}

static void on_out_of_memory(size_t wanted)
{
    char line[96];
    snprintf(line, sizeof line, "Out of memory: %zu bytes could not be allocated", wanted);
    log_signal_safe(line);
}

void signals_setup(struct loop *l)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    loop_to_wake = l;
    struct sigaction act;
    memset(&act, 0, sizeof act);
    sigemptyset(&act.sa_mask);
    act.sa_handler = SIG_IGN;
    sigaction(SIGHUP, &act, NULL);
    sigaction(SIGPIPE, &act, NULL);
    sigaction(SIGXFSZ, &act, NULL); /* a file too large is a failed write like any other */
    sigaction(SIGUSR1, &act, NULL);
    act.sa_handler = on_stop;
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    mem_set_oom_hook(on_out_of_memory);
    if (!server_opts.crash_log_enabled)
        return;
    /* An overflow of the stack can only be reported from another one. */
    static char stack[64 * 1024];
    stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    (void)sigaltstack(&other, NULL);
    /* backtrace loads a library when it is first called, which must not happen inside a handler. */
    void *frame;
    (void)backtrace(&frame, 1);
    memset(&act, 0, sizeof act);
    sigemptyset(&act.sa_mask);
    act.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESETHAND | SA_ONSTACK;
    act.sa_sigaction = on_crash;
    for (size_t i = 0; i < COUNT_OF(crashes); i++)
        sigaction(crashes[i], &act, NULL);
}

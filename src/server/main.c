/* orbit-server: what the words of the command line ask for. */
#include "base/mem.h"
#include "base/version.h"
#include "config/config.h"
#include "server/datadir.h"
#include "server/environment.h"
#include "server/process.h"
#include "server/server.h"
#include "wal/wal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: orbit-server [CONFIG-FILE | -] [--OPTION VALUE ...]\n"
    "       orbit-server init --data-dir DIR     make a data directory and leave\n"
    "       orbit-server check-wal [--fix] [CONFIG-FILE] [--OPTION VALUE ...]\n"
    "                                            check the log of a stopped server; --fix cuts it "
    "at the\n"
    "                                            first bad frame and keeps what is behind it as "
    "*.bad\n"
    "       orbit-server --version | --help\n"
    "\n"
    "Examples:\n"
    "       orbit-server\n"
    "       orbit-server redis.conf\n"
    "       orbit-server --port 7777 --data-dir /var/lib/orbit\n"
    "       echo 'maxmemory 128mb' | orbit-server -\n"
    "       orbit-server redis.conf --loglevel verbose -\n"
    "       ORBIT_REPLICATION_MODE=replica ORBIT_MASTER_URL=db1:6379 orbit-server redis.conf\n";

static bool load(int argc, char **argv)
{
    struct error err = {.message = ""};
    char **words;
    int n;
    server_register();
    enum status st = environment_words(argc, argv, &n, &words, &err);
    if (st != ST_OK)
        fprintf(stderr, "orbit-server: %s\n", err.message);
    else if ((st = config_load_args(n, words, &err)) != ST_OK)
        fputs(config_load_report(), stderr);
    mem_free(words);
    return st == ST_OK;
}

static int fail(const struct error *err)
{
    fprintf(stderr, "orbit-server: %s\n", err->message);
    return 1;
}

static int command_init(int argc, char **argv)
{
    struct error err = {.message = ""};
    if (!load(argc, argv))
        return 1;
    if (datadir_open(&err) != ST_OK)
        return fail(&err);
    printf("The data directory %s is ready (format %d).\n", datadir_root(), DATADIR_FORMAT);
    datadir_close();
    return 0;
}

static int command_check_wal(int argc, char **argv)
{
    struct error err = {.message = ""};
    struct buf report = BUF_INIT, dir = BUF_INIT;
    bool fix = false;
    int kept = 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--fix") == 0)
            fix = true;
        else
            argv[kept++] = argv[i];
    }
    if (!load(kept, argv))
        return 1;
    if (datadir_open(&err) != ST_OK)
        return fail(&err);
    buf_printf(&dir, "%s/wal", datadir_root());
    enum status st = wal_check(buf_cstr(&dir), fix, &report, &err);
    fwrite(report.p, 1, report.n, stdout);
    datadir_close();
    buf_free(&report);
    buf_free(&dir);
    return st == ST_OK ? 0 : fail(&err);
}

/* argv without its word at 1, which named what to do. */
static int run_command(int (*fn)(int argc, char **argv), int argc, char **argv)
{
    char **rest = mem_calloc((size_t)argc + 1, sizeof *rest);
    int n = 0;
    for (int i = 0; i < argc; i++)
        if (i != 1)
            rest[n++] = argv[i];
    int status = fn(n, rest);
    mem_free(rest);
    return status;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (!strcmp(word, "-v") || !strcmp(word, "--version")) {
        printf("Orbit server v=%s (Redis %s) malloc=%s bits=%d\n", ORBIT_VERSION,
               ORBIT_REDIS_VERSION, mem_allocator_name(), (int)(sizeof(void *) * 8));
        return 0;
    }
    if (!strcmp(word, "-h") || !strcmp(word, "--help")) {
        fputs(help, stdout);
        return 0;
    }
    if (!strcmp(word, "init"))
        return run_command(command_init, argc, argv);
    if (!strcmp(word, "check-wal"))
        return run_command(command_check_wal, argc, argv);
    process_title_setup(argc, argv);
    if (!load(argc, argv))
        return 1;
    return server_run();
}

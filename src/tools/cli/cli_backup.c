/* orbit-cli backup, list-backups, verify, restore, find-in-log.
 *
 * backup asks the server (ORBIT-BACKUP) and watches; the others read the files themselves and need no server. */
#include "backup/backup.h"
#include "base/clock.h"
#include "base/num.h"
#include "tools/cli/cli.h"
#include "tools/cli/cli_pipe.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ASK_US   200000
#define TIME_MAX 64

static int usage(const char *text)
{
    fprintf(stderr, "Usage: orbit-cli %s\n", text);
    return CLI_USAGE;
}

static int fault(const char *what, const struct error *err)
{
    fprintf(stderr, "orbit-cli: %s: %s\n", what, err->message);
    return CLI_FAULT;
}

/* 2026-11-20 20:15:00.123, in local time. */
static const char *time_text(int64_t ms, char out[TIME_MAX])
{
    struct tm tm;
    time_t s = (time_t)(ms / 1000);
    if (!localtime_r(&s, &tm))
        return "?";
    size_t n = strftime(out, TIME_MAX, "%Y-%m-%d %H:%M:%S", &tm);
    snprintf(out + n, TIME_MAX - n, ".%03d", (int)(ms % 1000));
    return out;
}

/* Seconds or milliseconds since 1970, or "2026-11-20 20:15:00[.123][Z]", with a T as well; local time without the Z. */
static bool parse_time(const char *text, int64_t *ms)
{
    struct tm tm = {.tm_isdst = -1};
    int64_t n;
    if (num_parse_int(slice_str(text), &n)) {
        *ms = n >= 100000000000 ? n : n * 1000;
        return n > 0;
    }
    const char *at = strptime(text, "%Y-%m-%d", &tm);
    if (!at || (*at != ' ' && *at != 'T') || !(at = strptime(at + 1, "%H:%M:%S", &tm)))
        return false;
    int64_t part = 0;
    if (*at == '.') {
        int64_t unit = 100;
        for (at++; *at >= '0' && *at <= '9'; at++, unit /= 10)
            part += (*at - '0') * unit;
    }
    bool utc = *at == 'Z';
    if (at[utc ? 1 : 0])
        return false;
    time_t s = utc ? timegm(&tm) : mktime(&tm);
    *ms = (int64_t)s * 1000 + part;
    return s != (time_t)-1;
}

/* -- Making ---------------------------------------------------------------------------------------------------------------- */

static const redisReply *field(const redisReply *r, const char *name)
{
    for (size_t i = 0; i + 1 < r->elements; i += 2)
        if (strcmp(r->element[i]->str, name) == 0)
            return r->element[i + 1];
    return NULL;
}

static const char *text_of(const redisReply *r, const char *name)
{
    const redisReply *f = field(r, name);
    return f && f->str ? f->str : "";
}

static uint64_t number_of(const redisReply *r, const char *name)
{
    const redisReply *f = field(r, name);
    return f ? (uint64_t)f->integer : 0;
}

static redisReply *ask_status(struct cli *c)
{
    redisReply *r = redisCommand(c->link, "ORBIT-BACKUP STATUS");
    if (r && r->type == REDIS_REPLY_ARRAY && r->elements >= 2)
        return r;
    fprintf(stderr, "orbit-cli: %s\n", r && r->str ? r->str : c->link->errstr);
    freeReplyObject(r);
    return NULL;
}

static int report_backup(const struct cli *c, const redisReply *r, const char *name)
{
    const char *error = text_of(r, "error");
    if (strcmp(text_of(r, "name"), name) != 0) {
        fprintf(stderr, "orbit-cli: another backup came behind %s; see list-backups\n", name);
        return CLI_FAULT;
    }
    if (*error) {
        fprintf(stderr, "orbit-cli: the backup failed: %s\n", error);
        return CLI_FAULT;
    }
    if (c->json)
        cli_print(r, true);
    else
        printf("%s/%s\n%s, %.1f MB in %.1f s, up to sequence %" PRIu64 "\n",
               text_of(r, "directory"), name, text_of(r, "kind"),
               (double)number_of(r, "bytes") / 1e6, (double)number_of(r, "took-ms") / 1e3,
               number_of(r, "end-sequence"));
    return CLI_GOOD;
}

static int watch_backup(struct cli *c, const char *name)
{
    struct cli_progress progress;
    cli_progress_begin(&progress);
    for (;;) {
        redisReply *r = ask_status(c);
        if (!r)
            return CLI_USAGE;
        bool over =
            strcmp(text_of(r, "phase"), "none") == 0 || strcmp(text_of(r, "name"), name) != 0;
        uint64_t done = number_of(r, "done"), total = number_of(r, "total");
        cli_progress_bytes(&progress, done, total, over);
        int status = over ? report_backup(c, r, name) : CLI_GOOD;
        freeReplyObject(r);
        if (over)
            return status;
        (void)usleep(ASK_US);
    }
}

static bool protocol_served(const char *name)
{
    if (strcmp(name, "redis") == 0 || strcmp(name, "all") == 0)
        return true;
    fprintf(stderr, "orbit-cli: protocol %s is not served\n", name);
    return false;
}

int cli_backup(struct cli *c, int argc, char **argv)
{
    static const struct option options[] = {{"incremental", no_argument, NULL, 'i'},
                                            {"protocol", required_argument, NULL, 'P'},
                                            {"output", required_argument, NULL, 'o'},
                                            {NULL, 0, NULL, 0}};
    const char *kind = "FULL", *name = NULL;
    char made[BACKUP_NAME + 1];
    int o;
    optind = 0;
    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (o == 'i')
            kind = "INCREMENTAL";
        else if (o == 'o')
            name = optarg;
        else if (o != 'P')
            return usage("backup [--incremental] [--output NAME] [--protocol redis|all]");
        else if (!protocol_served(optarg))
            return CLI_USAGE;
    }
    if (optind < argc)
        return usage("backup [--incremental] [--output NAME] [--protocol redis|all]");
    redisReply *r = name ? redisCommand(c->link, "ORBIT-BACKUP %s %s", kind, name)
                         : redisCommand(c->link, "ORBIT-BACKUP %s", kind);
    if (!r || r->type != REDIS_REPLY_STRING) {
        fprintf(stderr, "orbit-cli: %s\n", r && r->str ? r->str : c->link->errstr);
        freeReplyObject(r);
        return CLI_FAULT;
    }
    snprintf(made, sizeof made, "%s", r->str);
    freeReplyObject(r);
    return watch_backup(c, made);
}

/* -- Listing and checking -------------------------------------------------------------------------------------------------- */

struct listing {
    bool json;
    size_t n, bad;
};

static void list_json(struct listing *l, const struct backup_manifest *m, const char *err_text)
{
    printf("%s{\"name\":", l->n ? "," : "");
    cli_print_json_string(m->name, strlen(m->name));
    if (err_text) {
        printf(",\"error\":");
        cli_print_json_string(err_text, strlen(err_text));
    } else {
        printf(",\"kind\":\"%s\",\"begun_ms\":%" PRId64 ",\"end_ms\":%" PRId64
               ",\"start_sequence\":%" PRIu64 ",\"end_sequence\":%" PRIu64 ",\"bytes\":%" PRIu64,
               m->full ? "full" : "incremental", m->begun_ms, m->end_ms, m->start_seq, m->end_seq,
               backup_manifest_bytes(m));
        if (!m->full)
            printf(",\"parent\":\"%s\"", m->parent);
    }
    putchar('}');
}

static void list_one(void *arg, const struct backup_manifest *m, const char *err_text)
{
    struct listing *l = arg;
    char when[TIME_MAX];
    if (l->json)
        list_json(l, m, err_text);
    else if (err_text)
        printf("%-36s damaged: %s\n", m->name, err_text);
    else
        printf("%-36s %-11s %s  %12" PRIu64 "  %9.1f MB%s%s\n", m->name,
               m->full ? "full" : "incremental", time_text(m->end_ms, when), m->end_seq,
               (double)backup_manifest_bytes(m) / 1e6, m->full ? "" : "  after ", m->parent);
    l->n++;
    l->bad += err_text != NULL;
}

int cli_list_backups(struct cli *c, int argc, char **argv)
{
    struct listing l = {.json = c->json};
    struct error err = {.message = ""};
    bool given = argc == 3 && strcmp(argv[1], "--dir") == 0;
    if (!given && argc != 1)
        return usage("list-backups [--dir DIR]    (without --dir: the running server's)");
    redisReply *r = given ? NULL : cli_connect(c) ? ask_status(c) : NULL;
    if (!given && !r)
        return CLI_USAGE;
    const char *dir = given ? argv[2] : text_of(r, "directory");
    if (l.json)
        putchar('[');
    enum status st = backup_list(dir, list_one, &l, &err);
    if (l.json)
        puts("]");
    freeReplyObject(r);
    if (st == ST_NOT_FOUND && !given)
        st = ST_OK; /* none was made yet */
    if (st != ST_OK)
        return fault("list-backups", &err);
    return l.bad ? CLI_FAULT : CLI_GOOD;
}

static bool on_step(void *arg, uint64_t done, uint64_t total)
{
    cli_progress_bytes(arg, done, total, false);
    return true;
}

int cli_verify(struct cli *c, int argc, char **argv)
{
    struct cli_progress progress;
    struct backup_watch watch = {.step = on_step, .arg = &progress};
    struct buf bad = BUF_INIT;
    struct error err = {.message = ""};
    if (argc != 3 || strcmp(argv[1], "--backup") != 0)
        return usage("verify --backup PATH");
    cli_progress_begin(&progress);
    enum status st = backup_verify(argv[2], &watch, &bad, &err);
    cli_progress_bytes(&progress, watch.done, watch.total, true);
    fputs(bad.n ? buf_cstr(&bad) : "", stderr);
    if (st == ST_OK)
        printf("%s: good, %.1f MB read\n", argv[2], (double)watch.done / 1e6);
    bool told = bad.n > 0;
    buf_free(&bad);
    if (st != ST_OK && !told)
        return fault("verify", &err);
    return st == ST_OK ? CLI_GOOD : CLI_FAULT;
}

/* -- Restoring ------------------------------------------------------------------------------------------------------------- */

static int usage_restore(void)
{
    return usage("restore --backup PATH [--data-dir DIR] [--protocol redis|all]\n"
                 "                         [--to-time TIME | --to-sequence N | --to-latest] [--log "
                 "DIR]\n\n"
                 "The server must be stopped. TIME: \"2026-11-20 20:15:00.250\", with a Z for UTC, "
                 "or seconds or\n"
                 "milliseconds since 1970; what was written at TIME or later is left out. N: see "
                 "find-in-log. --log: a\n"
                 "log to go on with behind the backup, if not that of the data directory.");
}

static bool restore_option(struct backup_restore *r, int o)
{
    switch (o) {
    case 'b':
        r->path = optarg;
        return true;
    case 'd':
        r->data_dir = optarg;
        return true;
    case 'l':
        r->log_dir = optarg;
        return true;
    case 'P':
        return protocol_served(optarg);
    case 't':
        r->to_time = true;
        return parse_time(optarg, &r->limit.before_ms);
    case 's':
        r->to_seq = true;
        return num_parse_uint(slice_str(optarg), &r->limit.end_seq);
    case 'L':
        r->to_latest = true;
        return true;
    default:
        return false;
    }
}

static void report_restore(const struct cli *c, const struct backup_restore *r)
{
    char when[TIME_MAX];
    if (c->json) {
        printf("{\"data_dir\":");
        cli_print_json_string(r->made, strlen(r->made));
        printf(",\"aside\":");
        cli_print_json_string(r->aside, strlen(r->aside));
        printf(",\"end_sequence\":%" PRIu64 ",\"last_ms\":%" PRId64 "}\n", r->end_seq, r->last_ms);
        return;
    }
    printf("%s is restored up to sequence %" PRIu64 "%s%s\n", r->made, r->end_seq,
           r->last_ms ? ", written at " : "", r->last_ms ? time_text(r->last_ms, when) : "");
    if (*r->aside)
        printf("What was there is in %s: delete it when the new data has proved right.\n",
               r->aside);
}

int cli_restore(struct cli *c, int argc, char **argv)
{
    static const struct option options[] = {
        {"backup", required_argument, NULL, 'b'},  {"data-dir", required_argument, NULL, 'd'},
        {"log", required_argument, NULL, 'l'},     {"protocol", required_argument, NULL, 'P'},
        {"to-time", required_argument, NULL, 't'}, {"to-sequence", required_argument, NULL, 's'},
        {"to-latest", no_argument, NULL, 'L'},     {NULL, 0, NULL, 0}};
    struct cli_progress progress;
    struct backup_watch watch = {.step = on_step, .arg = &progress};
    struct backup_restore r = {.path = NULL};
    struct error err = {.message = ""};
    int o;
    optind = 0;
    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!restore_option(&r, o))
            return usage_restore();
    if (optind < argc || !r.path || r.to_time + r.to_seq + r.to_latest > 1)
        return usage_restore();
    cli_progress_begin(&progress);
    enum status st = backup_restore(&r, &watch, &err);
    cli_progress_bytes(&progress, watch.done, watch.total, true);
    if (st != ST_OK)
        return fault("restore", &err);
    report_restore(c, &r);
    return CLI_GOOD;
}

/* -- Searching ------------------------------------------------------------------------------------------------------------- */

static void show_hit(void *arg, const struct backup_hit *hit)
{
    char when[TIME_MAX];
    const struct cli *c = arg;
    if (c->json)
        printf("{\"time_ms\":%" PRId64 ",\"before\":%" PRIu64 ",\"after\":%" PRIu64 "}\n",
               hit->time_ms, hit->seq, hit->end_seq);
    else
        printf("%s  before: %" PRIu64 "  after: %" PRIu64 "\n", time_text(hit->time_ms, when),
               hit->seq, hit->end_seq);
}

int cli_find_in_log(struct cli *c, int argc, char **argv)
{
    struct error err = {.message = ""};
    if (argc != 4 || strcmp(argv[2], "--log") != 0)
        return usage("find-in-log COMMAND --log DIR\n\n"
                     "DIR: wal/ of a data directory, data/wal of a backup. Shows when the command "
                     "was written and the\n"
                     "sequences before and after, for restore --to-sequence.");
    enum status st = backup_find(argv[3], slice_str(argv[1]), show_hit, c, &err);
    return st == ST_OK ? CLI_GOOD : fault("find-in-log", &err);
}

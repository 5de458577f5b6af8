/* orbit-cli rdb: dump files in and out of a running server.
 *
 * import  Into an empty Orbit the file goes as it is (ORBIT-RDB), to be loaded in bulk. Otherwise each key of the file becomes a
 *         RESTORE with the file's own bytes; commands are sent without waiting. Keys whose time is over are left out.
 * export  SCAN of each database, DUMP and PEXPIRETIME of each key. A key that changes meanwhile is in the file as it was at some
 *         moment of the export; BGSAVE makes a file of one moment, on the server's machine. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/version.h"
#include "rdb/rdb_codec.h"
#include "rdb/rdb_decode.h"
#include "rdb/rdb_file.h"
#include "rdb/rdb_format.h"
#include "tools/cli/cli.h"
#include "tools/cli/cli_pipe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCAN_COUNT   "1000"
#define FOOTER_BYTES 10
#define BULK_MAX     (512 << 20)

/* -- Import ---------------------------------------------------------------------------------------------------------------- */

struct import {
    struct cli_pipe pipe;
    struct cli_progress progress;
    struct rdb_file file;
    struct slice bytes;
    bool replace;
    uint64_t db, keys, expired, libraries, module_aux, refused;
    int64_t now_ms, bulk_max; /* proto-max-bulk-len */
    char first_error[256];
};

static void on_import_reply(void *arg, const redisReply *r)
{
    struct import *im = arg;
    if (r->type != REDIS_REPLY_ERROR)
        return;
    if (!im->refused++)
        snprintf(im->first_error, sizeof im->first_error, "%.*s", r->len > 255 ? 255 : (int)r->len,
                 r->str);
}

static void put_select(struct import *im, uint64_t db)
{
    cli_pipe_command(&im->pipe, 2);
    cli_pipe_arg(&im->pipe, SLICE("SELECT"));
    cli_pipe_arg_int(&im->pipe, (int64_t)db);
    im->db = db;
}

static void put_payload(struct cli_pipe *p, unsigned type, struct slice value)
{
    char text[NUM_BUF];
    uint8_t first = (uint8_t)type;
    uint8_t version[2] = {RDB_VERSION, 0};
    uint64_t sum = hash_crc64(hash_crc64(hash_crc64(0, &first, 1), value.p, value.n), version, 2);
    buf_put_byte(&p->out, '$');
    buf_put(&p->out, text, num_format_int(text, (int64_t)(1 + value.n + FOOTER_BYTES)));
    buf_put(&p->out, "\r\n", 2);
    buf_put_byte(&p->out, first);
    buf_put_slice(&p->out, value);
    buf_put(&p->out, version, sizeof version);
    buf_put_u64le(&p->out, sum);
    buf_put(&p->out, "\r\n", 2);
}

/* A server closes the connection when an argument is too long for it; so that is found out here. */
static bool too_long(struct import *im, struct slice value)
{
    if (value.n + 1 + FOOTER_BYTES <= (uint64_t)im->bulk_max)
        return false;
    if (!im->refused++)
        snprintf(
            im->first_error, sizeof im->first_error,
            "a value of %zu bytes is longer than the server's proto-max-bulk-len; a server that "
            "starts with the file and an empty data directory takes it",
            value.n);
    return true;
}

static int64_t ask_bulk_max(redisContext *link)
{
    int64_t v = BULK_MAX;
    redisReply *r = redisCommand(link, "CONFIG GET proto-max-bulk-len");
    if (r && r->elements == 2 && r->element[1]->type == REDIS_REPLY_STRING)
        v = strtoll(r->element[1]->str, NULL, 10);
    freeReplyObject(r);
    return v;
}

static void put_restore(struct import *im, const struct rdb_file_item *item, struct slice value)
{
    struct cli_pipe *p = &im->pipe;
    size_t words = 4 + im->replace + (item->expire != -1 ? 1 : 0) +
                   (item->freq != -1 || item->idle_s != -1 ? 2 : 0);
    cli_pipe_command(p, words);
    cli_pipe_arg(p, SLICE("RESTORE"));
    cli_pipe_arg(p, item->key);
    cli_pipe_arg_int(p, item->expire == -1 ? 0 : item->expire);
    put_payload(p, item->type, value);
    if (im->replace)
        cli_pipe_arg(p, SLICE("REPLACE"));
    if (item->expire != -1)
        cli_pipe_arg(p, SLICE("ABSTTL"));
    if (item->freq != -1 || item->idle_s != -1) {
        cli_pipe_arg(p, item->freq != -1 ? SLICE("FREQ") : SLICE("IDLETIME"));
        cli_pipe_arg_int(p, item->freq != -1 ? item->freq : item->idle_s);
    }
}

static enum status import_key(struct import *im, const struct rdb_file_item *item,
                              struct error *err)
{
    const char *from = im->file.r.p;
    if (!rdb_skip_value(&im->file.r, item->type))
        return error_set(err, ST_CORRUPT, "the value at byte %llu is broken",
                         (unsigned long long)(from - im->bytes.p));
    if (item->expire != -1 && item->expire <= im->now_ms) {
        im->expired++;
        return ST_OK;
    }
    struct slice value = slice_make(from, (size_t)(im->file.r.p - from));
    im->keys++;
    if (too_long(im, value))
        return ST_OK;
    if (item->db != im->db)
        put_select(im, item->db);
    put_restore(im, item, value);
    return ST_OK;
}

static void import_library(struct import *im, struct slice code)
{
    cli_pipe_command(&im->pipe, im->replace ? 4 : 3);
    cli_pipe_arg(&im->pipe, SLICE("FUNCTION"));
    cli_pipe_arg(&im->pipe, SLICE("LOAD"));
    if (im->replace)
        cli_pipe_arg(&im->pipe, SLICE("REPLACE"));
    cli_pipe_arg(&im->pipe, code);
    im->libraries++;
}

static enum status import_items(struct import *im, bool *connected, struct error *err)
{
    struct rdb_file_item item;
    enum status st = rdb_file_begin(&im->file, im->bytes, true, err);
    put_select(im, 0);
    while (st == ST_OK && (st = rdb_file_next(&im->file, &item, err)) == ST_OK &&
           item.kind != RDB_ITEM_END) {
        if (item.kind == RDB_ITEM_KEY)
            st = import_key(im, &item, err);
        else if (item.kind == RDB_ITEM_FUNCTION)
            import_library(im, item.text);
        else if (item.kind == RDB_ITEM_MODULE_AUX && im->module_aux++ == 0)
            fputs("orbit-cli: what modules keep beside their keys is left out: a server takes it "
                  "only "
                  "with the file, as dbfilename at its start\n",
                  stderr);
        if (!cli_pipe_flush(&im->pipe, false)) {
            *connected = false;
            return ST_CLOSED;
        }
        cli_progress_show(&im->progress, rdb_file_at(&im->file), im->bytes.n,
                          rdb_file_at(&im->file), im->keys, false);
    }
    *connected = cli_pipe_flush(&im->pipe, true);
    return st;
}

static int report_import(struct import *im, enum status st, const struct error *err,
                         const char *path)
{
    double s = cli_progress_seconds(&im->progress);
    cli_progress_show(&im->progress, rdb_file_at(&im->file), im->bytes.n, rdb_file_at(&im->file),
                      im->keys, true);
    printf("%" PRIu64 " keys restored, %" PRIu64 " refused, %" PRIu64 " expired, %" PRIu64
           " libraries of functions; %.1f MB in %.1f s, %.1f MB/s\n",
           im->keys - (im->refused < im->keys ? im->refused : im->keys), im->refused, im->expired,
           im->libraries, (double)rdb_file_at(&im->file) / 1e6, s,
           (double)rdb_file_at(&im->file) / 1e6 / s);
    if (im->refused)
        fprintf(stderr, "orbit-cli: the first refusal: %s%s\n", im->first_error,
                strncmp(im->first_error, "BUSYKEY", 7) == 0
                    ? " (--replace overwrites keys that are there)"
                    : "");
    if (st != ST_OK)
        fprintf(stderr, "orbit-cli: %s: %s\n", path, err->message);
    return st != ST_OK || im->refused ? CLI_FAULT : CLI_GOOD;
}

#define BULK_BYTES (1 << 20)

static bool is_ok(redisContext *link, redisReply *r)
{
    bool ok = r && r->type == REDIS_REPLY_STATUS;
    freeReplyObject(r);
    return ok && !link->err;
}

static void on_bulk_reply(void *arg, const redisReply *r)
{
    struct import *im = arg;
    im->refused += r->type == REDIS_REPLY_ERROR;
}

/* False: the file cannot go that way, and nothing has happened. */
static bool import_bulk(struct cli *c, struct import *im, bool *connected)
{
    struct cli_pipe *p = &im->pipe;
    if (!is_ok(c->link, redisCommand(c->link, "ORBIT-RDB BEGIN")))
        return false;
    p->on_reply = on_bulk_reply;
    for (size_t at = 0; at < im->bytes.n && *connected && !im->refused; at += BULK_BYTES) {
        size_t n = im->bytes.n - at < BULK_BYTES ? im->bytes.n - at : BULK_BYTES;
        cli_pipe_command(p, 3);
        cli_pipe_arg(p, SLICE("ORBIT-RDB"));
        cli_pipe_arg(p, SLICE("DATA"));
        cli_pipe_arg(p, slice_make(im->bytes.p + at, n));
        *connected = cli_pipe_flush(p, false);
        cli_progress_show(&im->progress, at, im->bytes.n, at, 0, false);
    }
    *connected = *connected && cli_pipe_flush(p, true);
    p->on_reply = on_import_reply;
    bool sent = *connected && !im->refused;
    im->refused = 0;
    redisReply *r = sent ? redisCommand(c->link, "ORBIT-RDB LOAD") : NULL;
    bool loaded = r && r->type == REDIS_REPLY_ARRAY && r->elements == 3;
    if (loaded) {
        im->keys = (uint64_t)r->element[0]->integer;
        im->expired = (uint64_t)r->element[1]->integer;
        im->libraries = (uint64_t)r->element[2]->integer;
        im->file = (struct rdb_file){.r = reader_make(slice_make(im->bytes.p + im->bytes.n, 0)),
                                     .begin = im->bytes.p};
    }
    freeReplyObject(r);
    *connected = *connected && !c->link->err;
    return loaded;
}

static int import_file(struct cli *c, const char *path, bool replace)
{
    struct error err = {.message = ""};
    struct import im = {.replace = replace, .now_ms = clock_wall_ms()};
    bool connected = true;
    im.pipe = (struct cli_pipe){.link = c->link, .on_reply = on_import_reply, .arg = &im};
    if (rdb_map(path, &im.bytes, &err) != ST_OK) {
        fprintf(stderr, "orbit-cli: %s\n", err.message);
        return CLI_USAGE;
    }
    im.bulk_max = ask_bulk_max(c->link);
    cli_progress_begin(&im.progress);
    enum status st = ST_OK;
    if (!import_bulk(c, &im, &connected) && connected)
        st = import_items(&im, &connected, &err);
    int status = connected ? report_import(&im, st, &err, path) : CLI_USAGE;
    rdb_file_end(&im.file);
    rdb_unmap(im.bytes);
    cli_pipe_free(&im.pipe);
    return status;
}

/* -- Export ---------------------------------------------------------------------------------------------------------------- */

/* Strings that were seen, as 64-bit hashes: SCAN of a redis-server may give a key twice, and a dump file must not. */
struct seen {
    uint64_t *v;
    size_t cap, n;
    struct hash_seed seed;
};

static bool seen_place(struct seen *s, uint64_t h)
{
    size_t i = h & (s->cap - 1);
    for (; s->v[i]; i = (i + 1) & (s->cap - 1))
        if (s->v[i] == h)
            return false;
    s->v[i] = h;
    return true;
}

static bool seen_add(struct seen *s, struct slice key)
{
    if (s->n * 4 >= s->cap * 3) {
        struct seen grown = {.cap = s->cap ? s->cap * 2 : 1024, .n = s->n, .seed = s->seed};
        grown.v = mem_calloc(grown.cap, sizeof(*grown.v));
        for (size_t i = 0; i < s->cap; i++)
            if (s->v[i])
                (void)seen_place(&grown, s->v[i]);
        mem_free(s->v);
        *s = grown;
    }
    uint64_t h = hash_sip13(s->seed, key.p, key.n);
    if (!seen_place(s, h ? h : 1))
        return false;
    s->n++;
    return true;
}

struct export
{
    struct cli *c;
    struct cli_pipe pipe;
    struct cli_progress progress;
    FILE *f;
    uint64_t sum, bytes, keys, db_done, total, done;
    bool failed, have_payload, orbit;
    struct seen seen;
    redisReply *page; /* of SCAN */
    size_t at;        /* key whose answers come next */
    struct buf out, payload;
};

static void write_out(struct export *ex)
{
    ex->sum = hash_crc64(ex->sum, ex->out.p, ex->out.n);
    ex->bytes += ex->out.n;
    if (fwrite(ex->out.p, 1, ex->out.n, ex->f) != ex->out.n && !ex->failed) {
        fprintf(stderr, "orbit-cli: writing failed: %s\n", strerror(errno));
        ex->failed = true;
    }
    buf_clear(&ex->out);
}

static void put_key(struct export *ex, struct slice key, int64_t expire)
{
    struct slice body;
    if (!rdb_payload_open(buf_slice(&ex->payload), false, &body) || body.n == 0) {
        fprintf(stderr, "orbit-cli: the server's DUMP has a form that is not known here\n");
        ex->failed = true;
        return;
    }
    if (expire >= 0) {
        buf_put_byte(&ex->out, RDB_OP_EXPIRETIME_MS);
        buf_put_u64le(&ex->out, (uint64_t)expire);
    }
    buf_put_byte(&ex->out, (uint8_t)body.p[0]);
    rdb_put_string(&ex->out, key, false);
    buf_put(&ex->out, body.p + 1, body.n - 1);
    ex->keys++;
    if (ex->out.n > 256 << 10)
        write_out(ex);
}

/* Two answers for each key: DUMP's and PEXPIRETIME's. */
static void on_export_reply(void *arg, const redisReply *r)
{
    struct export *ex = arg;
    if (r->type == REDIS_REPLY_ERROR && !ex->failed) {
        fprintf(stderr, "orbit-cli: %s\n", r->str);
        ex->failed = true;
    }
    if (ex->pipe.answered % 2) {
        ex->have_payload = r->type == REDIS_REPLY_STRING;
        buf_clear(&ex->payload);
        if (ex->have_payload)
            buf_put(&ex->payload, r->str, r->len);
        return;
    }
    const redisReply *key = ex->page->element[1]->element[ex->at++];
    while (!key->integer) /* left out: was there before */
        key = ex->page->element[1]->element[ex->at++];
    /* -2: gone in between */
    if (ex->have_payload && r->integer != -2 && !ex->failed)
        put_key(ex, slice_make(key->str, key->len), r->integer);
}

static bool export_page(struct export *ex)
{
    redisReply *keys = ex->page->element[1];
    ex->at = 0;
    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *k = keys->element[i];
        struct slice key = slice_make(k->str, k->len);
        k->integer = ex->orbit || seen_add(&ex->seen, key);
        if (!k->integer)
            continue;
        cli_pipe_command(&ex->pipe, 2);
        cli_pipe_arg(&ex->pipe, SLICE("DUMP"));
        cli_pipe_arg(&ex->pipe, key);
        cli_pipe_command(&ex->pipe, 2);
        cli_pipe_arg(&ex->pipe, SLICE("PEXPIRETIME"));
        cli_pipe_arg(&ex->pipe, key);
    }
    ex->done += keys->elements;
    return cli_pipe_flush(&ex->pipe, true) && !ex->failed;
}

static redisReply *ask(struct cli *c, int type, const char *what, redisReply *r)
{
    if (r && r->type == type)
        return r;
    fprintf(stderr, "orbit-cli: %s: %s\n", what,
            !r                             ? c->link->errstr
            : r->type == REDIS_REPLY_ERROR ? r->str
                                           : "an answer of a form that is not known here");
    freeReplyObject(r);
    return NULL;
}

static bool export_db(struct export *ex, unsigned db, uint64_t keys, uint64_t expires)
{
    char cursor[32] = "0";
    redisReply *r =
        ask(ex->c, REDIS_REPLY_STATUS, "SELECT", redisCommand(ex->c->link, "SELECT %u", db));
    freeReplyObject(r);
    if (!r)
        return false;
    mem_free(ex->seen.v);
    ex->seen = (struct seen){.cap = 0};
    hash_random(&ex->seen.seed, sizeof ex->seen.seed);
    buf_put_byte(&ex->out, RDB_OP_SELECTDB);
    rdb_put_len(&ex->out, db);
    buf_put_byte(&ex->out, RDB_OP_RESIZEDB);
    rdb_put_len(&ex->out, keys);
    rdb_put_len(&ex->out, expires);
    do {
        ex->page = ask(ex->c, REDIS_REPLY_ARRAY, "SCAN",
                       redisCommand(ex->c->link, "SCAN %s COUNT " SCAN_COUNT, cursor));
        if (!ex->page)
            return false;
        snprintf(cursor, sizeof cursor, "%s", ex->page->element[0]->str);
        bool ok = export_page(ex);
        freeReplyObject(ex->page);
        if (!ok)
            return false;
        cli_progress_show(&ex->progress, ex->done, ex->total, ex->bytes, ex->keys, false);
    } while (strcmp(cursor, "0") != 0);
    return true;
}

static void put_aux(struct buf *b, const char *name, const char *text)
{
    buf_put_byte(b, RDB_OP_AUX);
    rdb_put_string(b, slice_str(name), false);
    rdb_put_string(b, slice_str(text), false);
}

/* FUNCTION DUMP's payload is what a dump file holds. Servers before 7.0 have none. */
static void export_libraries(struct export *ex)
{
    struct slice body;
    redisReply *r = redisCommand(ex->c->link, "FUNCTION DUMP");
    if (r && r->type == REDIS_REPLY_STRING &&
        rdb_payload_open(slice_make(r->str, r->len), false, &body))
        buf_put_slice(&ex->out, body);
    freeReplyObject(r);
}

/* Calls fn for each database of INFO keyspace: "db0:keys=1,expires=0,..." */
static bool each_db(const char *info,
                    bool (*fn)(struct export *ex, unsigned db, uint64_t keys, uint64_t expires),
                    struct export *ex)
{
    for (const char *p = strstr(info, "\ndb"); p; p = strstr(p + 1, "\ndb")) {
        unsigned db;
        uint64_t keys, expires;
        if (sscanf(p, "\ndb%u:keys=%" SCNu64 ",expires=%" SCNu64, &db, &keys, &expires) == 3 &&
            !fn(ex, db, keys, expires))
            return false;
    }
    return true;
}

static bool count_db(struct export *ex, unsigned db, uint64_t keys, uint64_t expires)
{
    ex->total += keys;
    return true;
}

static bool export_all(struct export *ex)
{
    char now[NUM_BUF];
    redisReply *server =
        ask(ex->c, REDIS_REPLY_STRING, "INFO", redisCommand(ex->c->link, "INFO server"));
    if (!server)
        return false;
    ex->orbit = strstr(server->str, "orbit_version:") != NULL;
    freeReplyObject(server);
    redisReply *info =
        ask(ex->c, REDIS_REPLY_STRING, "INFO", redisCommand(ex->c->link, "INFO keyspace"));
    if (!info)
        return false;
    snprintf(now, sizeof now, "%lld", (long long)(clock_wall_ms() / 1000));
    buf_put(&ex->out, RDB_MAGIC, RDB_MAGIC_BYTES);
    put_aux(&ex->out, "redis-ver", ORBIT_REDIS_VERSION);
    put_aux(&ex->out, "redis-bits", "64");
    put_aux(&ex->out, "ctime", now);
    export_libraries(ex);
    (void)each_db(info->str, count_db, ex);
    bool ok = each_db(info->str, export_db, ex);
    freeReplyObject(info);
    if (!ok)
        return false;
    buf_put_byte(&ex->out, RDB_OP_EOF);
    write_out(ex);
    uint64_t sum = ex->sum;
    buf_put_u64le(&ex->out, sum);
    write_out(ex);
    return !ex->failed;
}

static int export_file(struct cli *c, const char *path)
{
    struct export ex = {.c = c};
    char temp[4096];
    snprintf(temp, sizeof temp, "%s.part", path);
    ex.pipe = (struct cli_pipe){.link = c->link, .on_reply = on_export_reply, .arg = &ex};
    ex.f = fopen(temp, "wb");
    if (!ex.f) {
        fprintf(stderr, "orbit-cli: cannot write %s: %s\n", temp, strerror(errno));
        return CLI_USAGE;
    }
    cli_progress_begin(&ex.progress);
    bool ok = export_all(&ex);
    ok = ok && fflush(ex.f) == 0 && fsync(fileno(ex.f)) == 0;
    ok = fclose(ex.f) == 0 && ok;
    if (ok && rename(temp, path) != 0) {
        fprintf(stderr, "orbit-cli: cannot rename %s to %s: %s\n", temp, path, strerror(errno));
        ok = false;
    }
    if (!ok)
        (void)unlink(temp);
    double s = cli_progress_seconds(&ex.progress);
    if (ok) {
        cli_progress_show(&ex.progress, ex.total, ex.total, ex.bytes, ex.keys, true);
        printf("%" PRIu64 " keys written; %.1f MB in %.1f s, %.1f MB/s\n", ex.keys,
               (double)ex.bytes / 1e6, s, (double)ex.bytes / 1e6 / s);
    }
    cli_pipe_free(&ex.pipe);
    buf_free(&ex.out);
    buf_free(&ex.payload);
    mem_free(ex.seen.v);
    return ok ? CLI_GOOD : CLI_FAULT;
}

int cli_rdb(struct cli *c, int argc, char **argv)
{
    bool import = argc >= 3 && strcmp(argv[1], "import") == 0;
    bool replace = import && argc == 4 && strcmp(argv[3], "--replace") == 0;
    if (import && (argc == 3 || replace))
        return import_file(c, argv[2], replace);
    if (argc == 3 && strcmp(argv[1], "export") == 0)
        return export_file(c, argv[2]);
    fputs(
        "Usage: orbit-cli rdb import FILE [--replace]    the keys of a dump file, into the server\n"
        "       orbit-cli rdb export FILE                all keys of the server, into a dump "
        "file\n",
        stderr);
    return CLI_USAGE;
}

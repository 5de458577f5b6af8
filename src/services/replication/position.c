/* Where in a stream the data set is. It stands in the same log, and in the same fold (kv_aux_set), as what it covers, so that who
 * was killed goes on from exactly there:
 *
 *   REPLCONF APPLIED id offset db      an effect, the last one of a tick: so far a replica has come; "? 0 0": nowhere
 *   REPLCONF STREAM id offset          a master's, the only effect of its frame: what follows in the log is the stream, byte by
 *                                      byte
 *   aux "id offset db seq"             seq 0: as it says; else the stream is there at the log's sequence seq */
#include "base/log.h"
#include "base/num.h"
#include "config/compat_options.h"
#include "keyspace/keyspace_options.h"
#include "services/replication/replica_priv.h"
#include "services/replication/replication.h"
#include "session/call.h"
#include "session/lifecycle.h"
#include "wal/wal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define AUX_NAME "replication"

static void store(struct kv *kv, struct slice id, uint64_t offset, int db, uint64_t seq)
{
    char text[128];
    int n =
        snprintf(text, sizeof text, "%.*s %" PRIu64 " %d %" PRIu64, SLICE_FMT(id), offset, db, seq);
    kv_aux_set(kv, AUX_NAME, slice_make(text, (size_t)n));
}

static void log_effect(size_t argc, const struct slice *argv)
{
    kv_unit_begin(lifecycle.kv);
    kv_effect(lifecycle.kv, -1, argc, argv);
    kv_unit_end(lifecycle.kv);
}

static void log_applied(const char *id, uint64_t offset, int db)
{
    char at[32], selected[16];
    store(lifecycle.kv, slice_str(id), offset, db, 0);
    snprintf(at, sizeof at, "%" PRIu64, offset);
    snprintf(selected, sizeof selected, "%d", db);
    struct slice argv[5] = {SLICE("REPLCONF"), SLICE("APPLIED"), slice_str(id), slice_str(at),
                            slice_str(selected)};
    log_effect(COUNT_OF(argv), argv);
}

void replica__note_position(void)
{
    log_applied(repl.id, repl.offset, repl_link.db);
}

void replica__store_position(void)
{
    store(lifecycle.kv, slice_str(repl.id), repl.offset, repl_link.db, 0);
}

void repl__position_void(void)
{
    log_applied("?", 0, 0);
}

void replica__forget_position(void)
{
    repl.known = false;
    repl__position_void();
}

void repl__position_stream(void)
{
    char at[32];
    struct kv *kv = lifecycle.kv;
    struct error err = {.message = ""};
    if (!keyspace_opts.appendonly || kv_tick_bytes(kv) > 0) {
        store(kv, SLICE("?"), 0, 0, 0);
        return;
    }
    snprintf(at, sizeof at, "%" PRIu64, repl.offset);
    struct slice argv[4] = {SLICE("REPLCONF"), SLICE("STREAM"), slice_str(repl.id), slice_str(at)};
    log_effect(COUNT_OF(argv), argv);
    store(kv, slice_str(repl.id), repl.offset, 0, kv_log_end(kv));
    if (kv_commit(kv, &err) != ST_OK)
        log_warning(LOG_SERVER, "A restart will not know the stream's position: %s", err.message);
}

void replica__replay_position(struct call *c)
{
    uint64_t offset;
    int64_t db = 0;
    bool stream = c->argc == 4 && call_arg_is(c, 1, "stream");
    bool applied = c->argc == 5 && call_arg_is(c, 1, "applied") && num_parse_int(c->argv[4], &db);
    if ((!stream && !applied) || !num_parse_uint(c->argv[3], &offset) || c->argv[2].n > REPL_ID)
        return;
    store(c->kv, c->argv[2], offset, (int)db, stream ? kv_log_end(c->kv) : 0);
}

/* The newest part of the stream is the log's: for replicas that have not got all of it. */
static void fill_backlog(uint64_t from, uint64_t end)
{
    struct wal_reader *r = NULL;
    struct wal_frame f;
    struct error err = {.message = ""};
    uint64_t room = repl__backlog_size(), before = repl.offset - end; /* of the log in the stream */
    if (end - from > room)
        from = end - room;
    repl__backlog_begin(before + from);
    enum status st = wal_reader_open(kv_log_dir(lifecycle.kv), from, &r, &err);
    while (st == ST_OK && (st = wal_reader_next(r, &f, &err)) == ST_OK) {
        size_t skip = f.seq < from ? (size_t)(from - f.seq) : 0;
        /* A hole in front: what is there begins later. */
        if (f.seq > from && f.seq + f.payload.n <= end)
            repl__backlog_begin(before + f.seq);
        from = f.seq + f.payload.n;
        repl__backlog_put(slice_make(f.payload.p + skip, f.payload.n - skip));
    }
    if (st != ST_END && st != ST_NOT_FOUND)
        log_warning(LOG_SERVER, "The backlog begins anew: the log cannot be read: %s", err.message);
    if (st != ST_END || from != end)
        repl__backlog_begin(repl.offset);
    wal_reader_close(r);
}

void repl__position_load(void)
{
    struct buf text = BUF_INIT;
    struct error err = {.message = ""};
    char id[REPL_ID + 1] = "";
    uint64_t offset = 0, seq = 0, end = kv_log_end(lifecycle.kv);
    int db = 0;
    enum status st = kv_aux_get(lifecycle.kv, AUX_NAME, &text, &err);
    int n = st == ST_OK
                ? sscanf(buf_cstr(&text), "%40s %" SCNu64 " %d %" SCNu64, id, &offset, &db, &seq)
                : 0;
    buf_free(&text);
    if (st != ST_OK && st != ST_NOT_FOUND)
        log_warning(LOG_SERVER, "The position in the stream cannot be read: %s", err.message);
    if (n < 3 || strlen(id) != REPL_ID || seq > end)
        return;
    repl.known = true;
    memcpy(repl.id, id, sizeof id);
    repl.offset = offset + (seq ? end - seq : 0);
    repl.effects_end = repl.offset;
    repl_link.db = seq ? kv_log_db(lifecycle.kv) : db;
    if (lifecycle.following)
        return;
    repl__backlog_make();
    if (seq && keyspace_opts.appendonly)
        fill_backlog(seq, end);
}

void replication_loaded(const char *id, uint64_t offset, int db)
{
    if (strlen(id) == REPL_ID)
        log_applied(id, offset, db);
    else
        repl__position_void();
}

void replication_log_changed(void)
{
    if (lifecycle.following || !kv_streaming(lifecycle.kv))
        return;
    kv_stream(lifecycle.kv, false);
    repl__position_stream();
    kv_stream(lifecycle.kv, true);
}

void replication_stop(void)
{
    if (!lifecycle.following && repl__backlog_on() && !keyspace_opts.appendonly)
        replica__store_position();
}

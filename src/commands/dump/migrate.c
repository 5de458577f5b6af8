/* MIGRATE: keys go to another server as RESTORE commands, and are deleted here once they were accepted.
 *
 * The network is a worker's, the client waits. Meanwhile others may change a key that was sent; so when the answers are there,
 * each key is compared with what was sent, and sent again (or deleted there) if it differs. After ROUNDS_MAX times the loop
 * thread itself sends what is left, which nobody can disturb: that is also what happens inside of MULTI and scripts, where
 * there is no waiting. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "commands/dump/dump_commands.h"
#include "commands/dump/migrate_link.h"
#include "event/worker.h"
#include "rdb/rdb_encode.h"
#include "rdb/rdb_options.h"
#include "session/block.h"
#include "session/lifecycle.h"
#include "session/reply.h"

#define ROUNDS_MAX    3
#define FOOTER_BYTES  8
#define TIMEOUT_USUAL 1000

struct item {
    struct slice key; /* bytes in the job's keys */
    bool there;       /* when it was sent last */
    bool moved;       /* accepted, and the same here as there: to be deleted */
    uint64_t sum;     /* checksum of what was sent */
    size_t size;
    int64_t expire;
};

struct job {
    struct session *s; /* NULL: gone, or not waiting */
    struct kv *kv;
    int db, rounds;
    bool copy, replace, acknowledged;
    char *key_bytes;
    struct item *items;
    size_t n;
    size_t *sent; /* items in the batch, in order */
    struct migrate_link *link;
    struct migrate_batch batch;
    enum migrate_result result;
    enum status failed; /* a key could not be read */
    struct error err;
};

static void job_free(struct job *j)
{
    if (j->link)
        migrate_link_give(j->link);
    mem_free(j->key_bytes);
    mem_free(j->items);
    mem_free(j->sent);
    mem_free(j->batch.accepted);
    buf_free(&j->batch.auth);
    buf_free(&j->batch.commands);
    mem_free(j);
}

/* -- Arguments ------------------------------------------------------------------------------------------------------------- */

bool keys_migrate(const struct command *cmd, const struct slice *argv, int argc,
                  struct key_refs *out)
{
    int first = 3, n = 1;
    for (int i = 6; i < argc; i++) {
        if (slice_is(argv[i], "keys")) {
            first = i + 1;
            n = argv[3].n ? 0 : argc - first;
            break;
        }
        i += slice_is(argv[i], "auth") ? 1 : slice_is(argv[i], "auth2") ? 2 : 0;
    }
    for (int i = 0; i < n; i++)
        key_refs_add(out, first + i, KEY_RW | KEY_ACCESS | KEY_DELETE);
    return true;
}

struct args {
    bool copy, replace;
    int auth, auth_words; /* place of the first word after AUTH or AUTH2 */
    int first_key, keys;
    int64_t timeout_ms, db;
};

static bool parse(struct call *c, struct args *a)
{
    for (int i = 6; i < c->argc; i++) {
        int more = c->argc - 1 - i;
        if (call_arg_is(c, i, "copy")) {
            a->copy = true;
        } else if (call_arg_is(c, i, "replace")) {
            a->replace = true;
        } else if (call_arg_is(c, i, "auth") && more >= 1) {
            a->auth = ++i;
            a->auth_words = 1;
        } else if (call_arg_is(c, i, "auth2") && more >= 2) {
            a->auth = i + 1;
            a->auth_words = 2;
            i += 2;
        } else if (call_arg_is(c, i, "keys")) {
            if (c->argv[3].n) {
                reply_error(c, "ERR When using MIGRATE KEYS option, the key argument must be set "
                               "to the empty string");
                return false;
            }
            a->first_key = i + 1;
            a->keys = more;
            break;
        } else {
            reply_syntax_error(c);
            return false;
        }
    }
    if (!call_arg_int(c, 5, &a->timeout_ms, NULL) || !call_arg_int(c, 4, &a->db, NULL))
        return false;
    if (a->timeout_ms <= 0)
        a->timeout_ms = TIMEOUT_USUAL;
    return true;
}

static void put_auth(struct call *c, const struct args *a, struct buf *out)
{
    if (!a->auth_words)
        return;
    migrate_put_array(out, (size_t)a->auth_words + 1);
    migrate_put_bulk(out, SLICE("AUTH"));
    for (int i = 0; i < a->auth_words; i++)
        migrate_put_bulk(out, c->argv[a->auth + i]);
}

/* Keys that are there. */
static bool collect(struct call *c, const struct args *a, struct job *j)
{
    size_t bytes = 0;
    for (int i = 0; i < a->keys; i++)
        bytes += c->argv[a->first_key + i].n;
    j->key_bytes = mem_alloc(bytes + 1);
    j->items = mem_calloc((size_t)a->keys + 1, sizeof(*j->items));
    j->sent = mem_calloc((size_t)a->keys + 1, sizeof(*j->sent));
    j->batch.accepted = mem_calloc((size_t)a->keys + 1, sizeof(*j->batch.accepted));
    char *at = j->key_bytes;
    for (int i = 0; i < a->keys; i++) {
        struct slice key = c->argv[a->first_key + i];
        struct kv_rec *rec;
        if (!call_lookup(c, key, KV_READ, &rec))
            return false;
        if (!rec)
            continue;
        if (key.n)
            memcpy(at, key.p, key.n);
        j->items[j->n++].key = slice_make(at, key.n);
        at += key.n;
    }
    return true;
}

/* -- A round --------------------------------------------------------------------------------------------------------------- */

/* The key's value as a payload, with what tells one value from another. */
static enum status encode(struct job *j, const struct item *item, struct buf *payload,
                          struct item *now)
{
    struct kv_rec *rec;
    enum status st =
        kv_lookup(j->kv, j->db, item->key, KV_WRITE | KV_NOTOUCH | KV_NOSTATS, &rec, &j->err);
    *now = *item;
    now->there = st == ST_OK && rec;
    if (!now->there)
        return st;
    buf_clear(payload);
    now->expire = kv_rec_expire(rec);
    st = rdb_encode_payload(rec, rdb_opts.rdbcompression, payload, &j->err);
    if (st == ST_OK) {
        now->size = payload->n;
        memcpy(&now->sum, payload->p + payload->n - FOOTER_BYTES, sizeof(now->sum));
    }
    return st;
}

static void put_restore(struct job *j, const struct item *item, struct slice payload)
{
    char ttl[NUM_BUF];
    struct buf *out = &j->batch.commands;
    int64_t left = 0;
    bool replace = j->replace || j->rounds > 0;
    if (item->expire != KV_NO_EXPIRE) {
        left = item->expire - clock_wall_ms();
        left = left < 1 ? 1 : left;
    }
    migrate_put_array(out, replace ? 5 : 4);
    migrate_put_bulk(out, SLICE("RESTORE"));
    migrate_put_bulk(out, item->key);
    migrate_put_bulk(out, slice_make(ttl, num_format_int(ttl, left)));
    migrate_put_bulk(out, payload);
    if (replace)
        migrate_put_bulk(out, SLICE("REPLACE"));
}

/* Makes the batch of the items that are not where they should be. Key that went away while they were sent are deleted there. */
static bool make_batch(struct job *j)
{
    struct buf payload = BUF_INIT;
    buf_clear(&j->batch.commands);
    j->batch.n = 0;
    j->failed = ST_OK;
    for (size_t i = 0; i < j->n && j->failed == ST_OK; i++) {
        struct item *item = &j->items[i], now;
        if (item->moved)
            continue;
        j->failed = encode(j, item, &payload, &now);
        if (j->failed != ST_OK)
            break;
        if (now.there) {
            put_restore(j, &now, buf_slice(&payload));
        } else if (item->there) {
            migrate_put_array(&j->batch.commands, 2);
            migrate_put_bulk(&j->batch.commands, SLICE("DEL"));
            migrate_put_bulk(&j->batch.commands, item->key);
        } else {
            item->moved = true; /* was never sent */
            continue;
        }
        *item = now;
        j->sent[j->batch.n++] = i;
    }
    buf_free(&payload);
    return j->failed == ST_OK;
}

/* Marks what was accepted and is still the same here. False: something has to be sent again. */
static bool compare(struct job *j, bool undisturbed)
{
    struct buf payload = BUF_INIT;
    bool all = true;
    for (size_t k = 0; k < j->batch.answered; k++) {
        struct item *item = &j->items[j->sent[k]], now = *item;
        if (!j->batch.accepted[k])
            continue;
        if (!undisturbed && !j->copy)
            j->failed = encode(j, item, &payload, &now);
        if (j->failed != ST_OK)
            break;
        item->moved = now.there == item->there &&
                      (!item->there || (now.sum == item->sum && now.size == item->size &&
                                        now.expire == item->expire));
        all = all && item->moved;
    }
    buf_free(&payload);
    return all;
}

/* Deletes what has moved: one DEL in the log. Returns how many keys it were. */
static uint64_t delete_moved(struct job *j)
{
    uint64_t n = 0;
    struct slice *argv = mem_alloc((j->n + 1) * sizeof(*argv));
    argv[0] = SLICE("DEL");
    kv_unit_begin(j->kv);
    for (size_t i = 0; i < j->n; i++) {
        struct kv_rec *rec = NULL;
        struct error err;
        if (!j->items[i].moved || !j->items[i].there ||
            kv_lookup(j->kv, j->db, j->items[i].key, KV_WRITE | KV_NOSTATS, &rec, &err) != ST_OK ||
            !rec)
            continue;
        kv_del(j->kv, rec);
        kv_notify(j->kv, NOTIFY_GENERIC, "del", j->db, j->items[i].key);
        argv[++n] = j->items[i].key;
    }
    if (n)
        kv_effect(j->kv, j->db, n + 1, argv);
    kv_unit_end(j->kv);
    mem_free(argv);
    return n;
}

/* -- Answering ------------------------------------------------------------------------------------------------------------- */

static void answer(struct call *c, void *state, void *arg)
{
    struct job *j = arg;
    if (!j->copy) {
        call_no_propagate(c); /* the DEL stands in for it */
        uint64_t n = delete_moved(j);
        if (n)
            call_changed(c, n);
    }
    if (*j->batch.error)
        reply_errorf(c, "ERR Target instance replied with error: %s", j->batch.error);
    else if (j->failed != ST_OK)
        call_reply_status(c, j->failed, &j->err);
    else if (j->result == MIGRATE_NO_CONNECTION)
        reply_error(c, "IOERR error or timeout connecting to the client");
    else if (j->result != MIGRATE_SENT)
        reply_errorf(c, "IOERR error or timeout %s to target instance",
                     j->result == MIGRATE_NO_WRITE ? "writing" : "reading");
    else
        reply_ok(c);
}

static void run(void *arg)
{
    struct job *j = arg;
    j->result = migrate_link_send(j->link, &j->batch);
}

/* On the loop thread, until nothing is left. */
static void finish_here(struct job *j)
{
    while (j->result == MIGRATE_SENT && make_batch(j) && j->batch.n > 0) {
        run(j);
        (void)compare(j, true);
        if (*j->batch.error)
            break;
    }
}

static void on_done(void *arg)
{
    struct job *j = arg;
    bool all = compare(j, false);
    j->rounds++;
    if (!all && j->result == MIGRATE_SENT && !*j->batch.error && j->failed == ST_OK) {
        if (j->rounds < ROUNDS_MAX && make_batch(j)) {
            worker_submit(lifecycle.pool, WORKER_ANY, run, on_done, j);
            return;
        }
        finish_here(j);
    }
    if (j->s)
        block_wake(j->s, answer, j);
    else if (!j->copy)
        (void)delete_moved(j);
    job_free(j);
}

/* The client is gone, or was answered: what is under way goes on. */
static void let_go(void *state)
{
    struct job *j = state;
    j->s = NULL;
}

static void no_timeout(struct call *c, void *state)
{
    reply_error(c, "IOERR error or timeout reading to target instance");
}

static const struct block_ops ops = {
    .kind = "migrate", .timeout = no_timeout, .free_state = let_go};

void cmd_migrate(struct call *c)
{
    struct args a = {.first_key = 3, .keys = 1};
    if (!parse(c, &a))
        return;
    struct job *j = mem_calloc(1, sizeof(*j));
    j->kv = c->kv;
    j->db = c->db;
    j->copy = a.copy;
    j->replace = a.replace;
    j->batch.db = a.db;
    j->batch.timeout_ms = a.timeout_ms;
    if (!collect(c, &a, j) || j->n == 0) {
        if (!c->failed)
            reply_status(c, "NOKEY");
        job_free(j);
        return;
    }
    put_auth(c, &a, &j->batch.auth);
    j->link = migrate_link_take(c->argv[1], c->argv[2]);
    if (!make_batch(j)) {
        answer(c, NULL, j);
        job_free(j);
        return;
    }
    if ((c->s->flags & SESS_DENY_BLOCKING) || !lifecycle.pool) {
        run(j);
        (void)compare(j, true);
        answer(c, NULL, j);
        job_free(j);
        return;
    }
    j->s = c->s;
    block_session(c, &ops, j, 0);
    worker_submit(lifecycle.pool, WORKER_ANY, run, on_done, j);
}

/* The keyspace: 16 (or more) databases of records, cached in memory, made durable by the log in front and folded into the
 * store behind (design.md 3; FORMAT.md beside this file is the on-disk contract).
 *
 * A record is one key: type, encoding, expiry, payload. struct kv_rec pointers are borrowed: they stay valid until the next
 * kv_* call that may drop or replace records (any lookup, write or delete), except where a function says otherwise.
 * Mutators mark the record dirty, keep the counters, and call the modified hook themselves.
 * Thread: the loop thread, all of it. */
#ifndef ORBIT_KEYSPACE_KV_H
#define ORBIT_KEYSPACE_KV_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "keyspace/notify.h"

#include <stdint.h>

struct kv;
struct kv_rec;

/* Where the keyspace has its slow work done: jobs of one lane run one after the other, in order; run on any thread, then
 * done (may be NULL) on the loop thread. drain waits until the lane is empty and runs its completions. The server gives the
 * worker pool; NULL in kv_open runs every job at once, for tools and tests. */
enum kv_lane { KV_LANE_FOLD, KV_LANE_SYNC, KV_LANE_FREE };
struct kv_jobs {
    void *arg;
    void (*submit)(void *arg, enum kv_lane lane, void (*run)(void *job), void (*done)(void *job),
                   void *job);
    void (*drain)(void *arg, enum kv_lane lane);
};

enum kv_type { KV_NONE, KV_STRING, KV_LIST, KV_SET, KV_ZSET, KV_HASH, KV_STREAM, KV_MODULE };
enum kv_enc { KV_ENC_INT, KV_ENC_EMBSTR, KV_ENC_RAW };

#define KV_NO_EXPIRE (-1)

enum kv_removal { KV_DELETED, KV_EXPIRED_NOW, KV_EVICTED, KV_OVERWRITTEN };

/* What the keyspace tells the layers above. Unset members are not called. */
struct kv_hooks {
    void *arg;
    void (*modified)(void *arg, int db, struct slice key); /* WATCH, tracking */
    void (*flushed)(void *arg, int db);                    /* before a flush; db -1: all */
    void (*emptied)(void *arg, int db);                    /* after it */
    void (*swapped)(void *arg, int a, int b);
    void (*notify)(void *arg, enum notify_class cls, const char *event, int db, struct slice key);
    /* A key is about to go; it can still be read. Only while kv_tell_removals is on. */
    void (*removing)(void *arg, enum kv_removal why, int db, struct slice key);
    /* What the keyspace has deleted by itself is recorded, its unit is about to end. */
    void (*own_unit_ends)(void *arg);
    /* While kv_stream is on: a tick's effects, when they are in the log (without a log: at the end of the tick). */
    void (*committed)(void *arg, struct slice effects);
};

/* Opens store and log below data_dir (<dir>/redis/<provider>/, <dir>/wal/) with the values of keyspace_opts. Does not
 * replay. jobs is copied; NULL: every job runs at once, for tools and tests. Errors name what to do: ST_LOCKED, ST_CORRUPT,
 * ST_TOO_NEW, ST_DENIED... */
MUST_USE enum status kv_open(const char *data_dir, const struct kv_jobs *jobs, struct kv **out,
                             struct error *err);
void kv_set_hooks(struct kv *kv, const struct kv_hooks *hooks);
/* Replays the log's tail: calls run for each frame's payload (RESP commands), in order; run executes them, effects are off.
 * progress (may be NULL) is called every few ms with done and total bytes. */
MUST_USE enum status
kv_replay(struct kv *kv, enum status (*run)(void *arg, struct slice payload, struct error *err),
          void *arg, void (*progress)(void *arg, uint64_t done, uint64_t total), struct error *err);
/* run says so after each payload: the database that is selected at its end. A fold in the midst of a replay stores it. */
void kv_replay_selected(struct kv *kv, int db);
/* Commits, folds everything, closes. A failure is logged and returned, nothing acknowledged is lost by it. */
enum status kv_close(struct kv *kv, struct error *err);

/* After CONFIG SET appendonly: begins or ends the log. */
MUST_USE enum status kv_apply_appendonly(struct kv *kv, struct error *err);

/* -- Effects and the tick ------------------------------------------------------------------------------------------------ */

/* A unit is what must stay whole: one command, one transaction, one script. Units nest; when the outermost one ends, its
 * effects stand in the tick's frame, wrapped in MULTI/EXEC if they are more than one. */
void kv_unit_begin(struct kv *kv);
void kv_unit_end(struct kv *kv);
unsigned kv_unit_depth(const struct kv *kv);
/* Appends one effect, as a RESP command for database db; -1: of none. */
void kv_effect(struct kv *kv, int db, size_t argc, const struct slice *argv);
/* The same for a command that is already encoded as RESP multibulk (the client's own bytes). */
void kv_effect_raw(struct kv *kv, int db, struct slice resp);
/* Effects are not recorded while off (replay, loading). Nests. */
void kv_effects_off(struct kv *kv);
void kv_effects_on(struct kv *kv);
/* The same for a command that is not to be propagated: what the keyspace deletes by itself (expiry, eviction) is recorded. */
void kv_effects_mute(struct kv *kv);
void kv_effects_unmute(struct kv *kv);
/* Somebody follows the effects (hook committed), also when there is no log. Switching it on, between ticks, makes the next one
 * begin with SELECT. */
void kv_stream(struct kv *kv, bool on);
bool kv_streaming(const struct kv *kv);
/* Effects recorded so far in this tick, in bytes (0: the tick has changed nothing). */
size_t kv_tick_bytes(const struct kv *kv);

/* The log's sequence behind everything that was recorded so far, this tick's effects included; in a replay, behind the frame
 * under way. Without a log: where it ended. */
uint64_t kv_log_end(const struct kv *kv);
/* The database that was selected at the end of the log when it was replayed. */
int kv_log_db(const struct kv *kv);
/* Where its segments are (wal/wal.h). Owned by kv. */
const char *kv_log_dir(const struct kv *kv);
/* As many of the log's newest bytes stay at least, also when they are folded. */
void kv_keep_log(struct kv *kv, uint64_t bytes);
/* What a fold that begins from now on leaves there: everything from sequence seq on; UINT64_MAX: as before. For backups. */
void kv_hold_log(struct kv *kv, uint64_t seq);
/* The log's id (wal.h): as long as it is the same, log and data set tell one history. "": there is no log. */
void kv_log_id(const struct kv *kv, char out[33]);
/* The data set is about to change by what the log does not say. */
void kv_log_anew(struct kv *kv);

/* Ends the tick: one write to the log, and a sync under appendfsync always. On failure the effects stay queued and are
 * tried again at the next commit; the callers waiting for this tick get err; kv_write_refused answers true until it works. */
MUST_USE enum status kv_commit(struct kv *kv, struct error *err);
/* True when writes must be refused with -MISCONF; reason (may be NULL) gets the cause. A text that begins with "MISCONF " is
 * the whole answer, another one is why the log cannot be written. */
bool kv_write_refused(const struct kv *kv, struct error *reason);
/* True while writers have to wait because the store cannot keep up (back-pressure). */
bool kv_pressure(const struct kv *kv);
/* Bounded background work on the loop: encode records for the fold under way, expire, drop clean records above the budget.
 * At most budget_us. Returns true when more is waiting. */
bool kv_background(struct kv *kv, int64_t budget_us);
/* Once per cron: starts folds that are due, periodic syncs, trims the log, flushes counters. */
void kv_cron(struct kv *kv);
/* Starts a sync of the log on a worker now (WAITAOF); kv_stats tells when it is done. */
void kv_sync_log(struct kv *kv);
/* Folds everything now and waits. ST_BUSY: the unit under way has effects already, they must stay in one frame; or a bulk load
 * (kv_load.h) is under way. */
MUST_USE enum status kv_fold_now(struct kv *kv, struct error *err);
/* A fold of everything begins with the next tick, or behind the one that runs; kv_stats tells when it is through. */
void kv_fold_soon(struct kv *kv);
/* DEBUG RELOAD: commit, fold, drop every cached record, so that everything is read back from the store. */
MUST_USE enum status kv_reload(struct kv *kv, struct error *err);
/* -- Looking up ---------------------------------------------------------------------------------------------------------- */

enum kv_lookup_flags {
    KV_READ = 0,
    KV_WRITE =
        1 << 0, /* counts no hit or miss; an expired key is deleted, with effect and notification */
    KV_NOTOUCH = 1 << 1, /* access time stays */
    KV_NOSTATS = 1 << 2, /* no hit/miss counted, no miss notification */
    KV_LEAVE = 1 << 3,   /* an expired key is not seen, but not deleted either */
    KV_EXPIRED =
        1 << 4, /* an expired key that is still there is seen: for looking into the keyspace */
};
/* *rec is NULL when there is no such key (or it has expired: then it is deleted first). A failing store gives ST_IO... */
MUST_USE enum status kv_lookup(struct kv *kv, int db, struct slice key, unsigned flags,
                               struct kv_rec **rec, struct error *err);
/* Counts what makes pointers to records invalid: one that was looked up is good as long as this stays the same, unless its type
 * is KV_NONE by now or its time is over. */
uint64_t kv_drops(const struct kv *kv);
/* Asks for the memory that looking up these keys will touch, so that it is on its way while others are served; a hint. */
void kv_prefetch(struct kv *kv, int db, const struct slice *keys, size_t n);

enum kv_type kv_rec_type(const struct kv_rec *r);
const char *kv_type_name(enum kv_type t); /* "string", "none" ... */
/* TYPE's answer; the name of a module's type is put into tmp. */
const char *kv_rec_type_name(const struct kv_rec *r, char tmp[10]);
struct slice kv_rec_key(const struct kv_rec *r);
int64_t kv_rec_expire(const struct kv_rec *r);       /* unix ms, KV_NO_EXPIRE */
const char *kv_rec_encoding(const struct kv_rec *r); /* OBJECT ENCODING's word */
size_t
kv_rec_memory(const struct kv_rec *r); /* bytes in RAM; of an object: what is not its module's */
int64_t kv_rec_idle_s(const struct kv *kv, const struct kv_rec *r);
unsigned kv_rec_freq(const struct kv *kv, const struct kv_rec *r); /* LFU counter, decayed */
void kv_rec_set_idle(struct kv *kv, struct kv_rec *r, int64_t idle_s);
void kv_rec_set_freq(struct kv *kv, struct kv_rec *r, unsigned freq);

/* -- Strings ------------------------------------------------------------------------------------------------------------- */

/* View of a string's bytes; an integer is formatted into tmp (NUM_BUF bytes). Valid as the record is. */
struct slice kv_str(const struct kv_rec *r, char *tmp);
size_t kv_str_len(const struct kv_rec *r);
/* True and the value when the string is a canonical integer. */
bool kv_str_int(const struct kv_rec *r, int64_t *v);

enum kv_set_flags { KV_SET_KEEP_TTL = 1 << 0 };
/* Sets a string, making or replacing the key of whatever type. expire: unix ms or KV_NO_EXPIRE (with KEEP_TTL: ignored).
 * The value is copied. *rec may be NULL. */
MUST_USE enum status kv_set(struct kv *kv, int db, struct slice key, struct slice value,
                            int64_t expire, unsigned flags, struct kv_rec **rec, struct error *err);
/* As kv_set with an integer, keeping the TTL that is there. */
MUST_USE enum status kv_set_int(struct kv *kv, int db, struct slice key, int64_t value,
                                struct kv_rec **rec, struct error *err);
/* The value of a string becomes an integer; the TTL stays. */
void kv_str_set_int(struct kv *kv, struct kv_rec *r, int64_t value);
/* Makes the string n bytes long (growth is zero-filled) and returns its bytes for writing, now or before the next kv call.
 * NULL: out of memory. */
MUST_USE char *kv_str_edit(struct kv *kv, struct kv_rec *r, size_t n);

/* -- Collections: kv_list.h, kv_hash.h, kv_set.h, kv_zset.h, kv_stream.h ---------------------------------------------------- */

/* Every change of a collection stands between these two, on the same record, with no deletion, rename or flush of it between
 * (reading other keys is fine; edits of different records may overlap). changes: what INFO counts; 0: nothing that WATCH,
 * tracking and blocked clients are told of. Otherwise the hook modified is called at the end. A typed function of kv_<type>.h
 * that changes says whether it does this itself. */
void kv_edit(struct kv *kv, struct kv_rec *r);
void kv_edit_end(struct kv *kv, struct kv_rec *r, uint64_t changes);

/* -- Keys ---------------------------------------------------------------------------------------------------------------- */

/* Deletes; r is gone afterwards. Records no effect and no notification: the command does. */
void kv_del(struct kv *kv, struct kv_rec *r);
/* when: unix ms, or KV_NO_EXPIRE to persist. */
void kv_set_expire(struct kv *kv, struct kv_rec *r, int64_t when);
/* Moves a record (of any type, O(1)) to another key and database; what was there is deleted. r is gone afterwards. */
MUST_USE enum status kv_rename(struct kv *kv, struct kv_rec *r, int to_db, struct slice to_key,
                               struct error *err);
MUST_USE enum status kv_copy(struct kv *kv, struct kv_rec *r, int to_db, struct slice to_key,
                             struct error *err);

int kv_databases(const struct kv *kv);
uint64_t kv_dbsize(const struct kv *kv, int db);
uint64_t kv_expires(const struct kv *kv, int db);
int64_t kv_avg_ttl_ms(const struct kv *kv, int db);
/* Deletes everything in db (-1: all). Returns how many keys there were. O(1) on the loop thread. */
uint64_t kv_flush(struct kv *kv, int db);
void kv_swapdb(struct kv *kv, int a, int b);

/* Beside the databases there is a place for another data set, which nobody sees while it is loaded: its database i has the
 * number kv_side() + i for the calls of the keyspace. It is in no log: kv_side_take and a fold (kv_fold_now) in the same tick
 * make it the data set, before that a crash leaves the former one. 0: there is no such place, there are too many databases. */
int kv_side(const struct kv *kv);
/* Forgets what is there. */
void kv_side_clear(struct kv *kv);
/* What is there becomes the data set, and what was is flushed. */
void kv_side_take(struct kv *kv);

struct kv_scan_entry {
    struct slice key; /* borrowed for the call */
    enum kv_type type;
    int64_t expire;
    uint64_t module; /* KV_MODULE: the type's id (kv_object.h) */
};
/* Visits about count records in cursor order, from cursor (0: the beginning); *next is the cursor to go on with, 0 at the
 * end. Stateless: every key that is there from the first call to the last is visited at least once. Expired keys are left
 * out, and some of them deleted at the end. fn must not change the keyspace. */
MUST_USE enum status kv_scan(struct kv *kv, int db, uint64_t cursor, uint64_t count, uint64_t *next,
                             void (*fn)(void *arg, const struct kv_scan_entry *e), void *arg,
                             struct error *err);
/* A random key is appended to out; ST_NOT_FOUND when the database is empty. */
MUST_USE enum status kv_random(struct kv *kv, int db, struct buf *out, struct error *err);

/* Named blobs that belong to no key and follow the log as the keys do (function libraries): a fold stores them with what it
 * covers. get: ST_NOT_FOUND. */
void kv_aux_set(struct kv *kv, const char *name, struct slice bytes);
MUST_USE enum status kv_aux_get(struct kv *kv, const char *name, struct buf *out,
                                struct error *err);

/* Notification, when notify-keyspace-events wants the class. */
void kv_notify(struct kv *kv, enum notify_class cls, const char *event, int db, struct slice key);
/* The hook notify is also called for these classes; who listens looks at notify-keyspace-events itself. */
void kv_notify_also(struct kv *kv, unsigned classes);
/* The hook removing is called. */
void kv_tell_removals(struct kv *kv, bool on);
bool kv_tells_removals(const struct kv *kv);

/* True inside the modified hook of a key that the keyspace itself deletes because it has expired: no command did it. */
bool kv_own_change(const struct kv *kv);

/* What maxmemory bounds, in bytes: the logical data set, in memory and on disk, and the memory of clients as last told. */
uint64_t kv_used(const struct kv *kv);
void kv_set_client_memory(struct kv *kv, uint64_t bytes);
/* maxmemory: deletes keys by policy until kv_used is within the limit. ST_NO_MEMORY when it cannot. */
MUST_USE enum status kv_evict(struct kv *kv);
/* Active expiry on (default) or off (DEBUG SET-ACTIVE-EXPIRE). */
void kv_set_active_expire(struct kv *kv, bool on);
/* While paused (CLIENT PAUSE) nothing is deleted by expiry; expired keys are still not seen. */
void kv_pause_expire(struct kv *kv, bool paused);
/* Following a master, which tells by itself what has expired: as while paused, and nothing is evicted. */
void kv_follow(struct kv *kv, bool on);
/* A command of the master runs: for it no key has expired. */
void kv_obey(struct kv *kv, bool on);

/* For DEBUG: what the hash table of db's cached records looks like, as text; chains: also how long its chains are, which looks
 * at all of it. */
void kv_table_report(struct kv *kv, int db, bool chains, struct buf *out);
/* For DEBUG: each write of the log is preceded by a sleep; 0: none. */
void kv_set_log_delay(struct kv *kv, int64_t us);

struct kv_stats {
    uint64_t hits, misses;     /* keyspace_hits, keyspace_misses */
    uint64_t expired, evicted; /* expired_keys, evicted_keys */
    uint64_t lazy_freed;       /* lazyfreed_objects */
    int64_t expire_lag_ms;     /* how late the oldest due key is */
    uint64_t data_bytes;       /* logical data set */
    uint64_t cache_records, cache_bytes, cache_evictions;
    uint64_t cold_reads, cold_misses; /* lookups that went to the store */
    uint64_t dirty_records, dirty_bytes;
    uint64_t folds, fold_errors, fold_records, fold_last_us, fold_running;
    uint64_t folded_seq; /* log sequence that the store holds */
    uint64_t log_first_seq, log_last_seq, log_synced_seq, log_bytes, log_segments;
    uint64_t log_writes, log_errors, log_last_write_us, log_max_write_us, log_sum_write_us,
        log_last_sync_us, log_max_sync_us;
    uint64_t dirty; /* changes since the start: rdb_changes_since_last_save */
    uint64_t replayed_bytes, replay_ms;
};
void kv_stats(struct kv *kv, struct kv_stats *out);
void kv_stats_reset(struct kv *kv);
struct stor;
struct stor *kv_store(struct kv *kv);

#endif

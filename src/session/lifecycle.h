/* The server's life as commands see it: what runs, since when, and how it is asked to stop. The server (src/server) fills
 * it in; commands and services read it without knowing the server. Thread: loop. */
#ifndef ORBIT_SESSION_LIFECYCLE_H
#define ORBIT_SESSION_LIFECYCLE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct worker_pool;
struct kv;

struct lifecycle {
    struct loop *loop;
    struct worker_pool *pool;
    struct kv *kv;
    int64_t start_ms;      /* wall clock at the start */
    int64_t start_mono_us; /* uptime counts from here */
    char run_id[41];
    const char *data_root;  /* where all stores are */
    const char *executable; /* absolute path; "" when unknown */
    bool loading;           /* the log is replayed: most commands answer -LOADING */
    bool loading_log;       /* what is loaded is the log, or append-only files */
    bool async_loading;     /* a replica loads another data set; the one that there is serves */
    int64_t loading_start_ms;
    uint64_t loading_done, loading_total; /* bytes */
    uint64_t startup_bytes;               /* memory in use before any data was loaded */
    int64_t shutdown_ms; /* a shutdown waits for replicas, until then by the wall clock; 0: none */
    bool cron_paused;    /* DEBUG PAUSE-CRON */
    uint64_t cron_runs;
    size_t replicas;        /* that follow us */
    unsigned good_replicas; /* online, and heard of within min-replicas-max-lag */
    bool following;         /* a master (REPLICAOF) */
    bool master_up;         /* and in step with it */
    int64_t dump_start_ms;  /* since when a dump for replicas is made; 0: none is */
};
extern struct lifecycle lifecycle;

enum shutdown_flags {
    SHUTDOWN_SAVE = 1 << 0,
    SHUTDOWN_NOSAVE = 1 << 1,
    SHUTDOWN_NOW = 1 << 2,
    SHUTDOWN_FORCE = 1 << 3,
};

/* Stops the server at the end of this tick; the process exits. ST_OK: it will (no reply is needed), at once or, with shutdown_ms
 * set, when its replicas have everything. An error: it cannot, for the reason in err. */
MUST_USE enum status lifecycle_shutdown(unsigned flags, struct error *err);
/* To be called every few ms by what holds the loop in order to load data: lets other clients and signals be served. */
void lifecycle_progress(uint64_t done, uint64_t total);
/* Notes how far a load is, and tells modules. */
void lifecycle_loaded(uint64_t done, uint64_t total);
/* False: no shutdown is under way. */
bool lifecycle_shutdown_abort(void);
/* What a dump file holds takes the place of the data set, outside of the log; replicas begin anew. Other clients are served
 * meanwhile, with -LOADING for most. On failure what was there is gone. */
MUST_USE enum status lifecycle_load_dump(const char *path, struct error *err);

/* The server's part. */
struct lifecycle_ops {
    enum status (*shutdown)(unsigned flags, struct error *err);
    bool (*shutdown_abort)(void);
    void (*progress)(uint64_t done, uint64_t total);
    enum status (*load_dump)(const char *path, struct error *err);
};
void lifecycle_set_ops(const struct lifecycle_ops *ops);

/* Counters of all listeners, for INFO. */
struct traffic {
    uint64_t connections, rejected; /* accepted since the start; refused for maxclients */
    uint64_t input_bytes, output_bytes;
    uint64_t reads, writes;                                    /* system calls */
    uint64_t query_limit_closed, output_limit_closed, evicted; /* clients, by what closed them */
};
extern struct traffic traffic;

/* Bytes that the texts of scripts and the libraries of functions take, kept by their service. */
struct script_caches {
    uint64_t scripts, libraries;
};
extern struct script_caches script_caches;

/* DEBUG REPLYBUFFER: milliseconds after which the peak of a client's replies is forgotten (-1: never; 0: the default), and
 * whether reply buffers change their size. */
struct reply_buffer_tuning {
    int64_t peak_reset_ms;
    bool fixed;
};
extern struct reply_buffer_tuning reply_buffer_tuning;

#endif

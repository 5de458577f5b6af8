/* What the files of this folder share: modules, contexts, strings. One file per group of the API (api/<group>.def lists a
 * group's functions; <group>.c implements them as rm_NAME).
 *
 * A context (struct RedisModuleCtx) is what a module holds while the server calls it: for a command, a timer, an event, a
 * blocked client's answer. It lives on the caller's stack between module__ctx_open and module__ctx_close, but those of
 * thread-safe contexts, which live as long as the module likes.
 * Thread: the loop thread, or a module's thread that has the lock (thread.c); exceptions are said where they are. */
#ifndef ORBIT_MODULE_MODULE_PRIV_H
#define ORBIT_MODULE_MODULE_PRIV_H

#define ORBIT_MODULE_SERVER

#include "base/buf.h"
#include "base/compiler.h"
#include "base/list.h"
#include "base/slice.h"
#include "base/status.h"
#include "module/redismodule.h"
#include "session/call.h"

#include <stdarg.h>
#include <stdatomic.h>

/* -- Modules (loader.c) --------------------------------------------------------------------------------------------------- */

struct module {
    struct list_node link; /* module__all, in order of loading */
    char *name;            /* NULL until SetModuleAttribs */
    int version, api_version;
    int options; /* REDISMODULE_OPTIONS_* */
    char *path;
    RedisModuleString **argv; /* what it was loaded with */
    int argc;
    void *handle;              /* dlopen */
    bool loading;              /* in its OnLoad */
    struct session *session;   /* who calls when no client does; may do everything */
    void *base;                /* where its code begins */
    RedisModuleInfoFunc info;  /* RegisterInfoFunc; NULL: none */
    struct list_node configs;  /* its options, in order of registration */
    bool configs_loaded;       /* LoadConfigs was called */
    struct list_node commands; /* struct RedisModuleCommand, subcommands behind their containers */
    unsigned blocked;          /* clients that wait for it */
    unsigned working; /* those of them that do not wait for keys: a thread works for them */
    unsigned in_call; /* calls of commands by it that run now */
    unsigned jobs;    /* of SubmitJob, that are not over */
};

extern struct list_node module__all;
extern bool module__starting; /* those of the configuration are loaded */
struct module *module__find(struct slice name);
/* Whose code is there; NULL: no module's. */
struct module *module__of_address(const void *address);

/* What a group keeps for modules. refuses: why the module cannot be unloaded now ("..." behind "Error unloading module: "),
 * NULL when it can. drop: everything of this module goes. Rows of the table in groups.c; both may be NULL. */
struct module_group {
    const char *name;
    const char *(*refuses)(struct module *m);
    void (*drop)(struct module *m);
};
extern const struct module_group module__groups[];
extern const size_t module__ngroups;

/* Loads; argv are the module's arguments (borrowed), configs: name and value pairs of LOADEX, in turn (borrowed). */
MUST_USE enum status module__load(const char *path, const struct slice *argv, size_t argc,
                                  const struct slice *configs, size_t nconfigs, struct error *err);
MUST_USE enum status module__unload(struct slice name, struct error *err);

/* -- Contexts (ctx.c) ----------------------------------------------------------------------------------------------------- */

enum module_ctx_flags {
    CTX_AUTO_MEMORY = 1 << 0,  /* what the module takes is freed at the end */
    CTX_THREAD_SAFE = 1 << 1,  /* made by GetThreadSafeContext; replies are kept, not sent */
    CTX_KEYS_REQUEST = 1 << 2, /* COMMAND GETKEYS and ACL ask for positions */
    CTX_CHANNELS_REQUEST = 1 << 3,
    CTX_BLOCKED_REPLY = 1 << 4, /* the reply callback of a blocked client */
    CTX_BLOCKED_TIMEOUT = 1 << 5,
    CTX_BLOCKED_DISCONNECTED = 1 << 6,
    CTX_NEW_CLIENT = 1 << 7, /* module's own session stands in for a client */
};

struct auto_item {
    void *p;
    void (*free)(void *p);
};

struct RedisModuleCtx {
    void *get_api; /* first: where modules find the functions */
    struct module *module;
    struct session *s; /* who calls: a client, or the module's own session; never NULL */
    struct call *call; /* the command that runs; NULL: none */
    struct sink *out;  /* where replies go; sink_null when nobody waits for one */
    struct kv *kv;
    int db; /* SelectDb */
    unsigned flags;
    RedisModuleUser *user;             /* SetContextUser; NULL: none */
    RedisModuleBlockedClient *blocked; /* of a reply, timeout or thread-safe context */
    void *blocked_data;
    RedisModuleString *ready_key; /* reply of a client that waited for keys */
    struct auto_item *autos;
    size_t nautos, autos_cap;
    size_t
        *postponed; /* tokens of replies with REDISMODULE_POSTPONED_LEN, the last one at the end */
    size_t npostponed, postponed_cap;
    struct arena *pool;         /* PoolAlloc; NULL until used */
    struct key_refs *positions; /* of a keys or channels request */
    int64_t yield_us;           /* Yield looks after others from then on; 0: not asked yet */
    bool entered;
    struct session *former;
};

/* A context for m outside of commands (timers, events, notifications): brackets a unit of effects. */
void module__ctx_open(RedisModuleCtx *ctx, struct module *m);
/* The context of a running command; the unit is the command's. */
void module__ctx_command(RedisModuleCtx *ctx, struct module *m, struct call *c);
/* A context that is used now and then, by a thread that brackets its work itself. m NULL: of no module. */
void module__ctx_detached(RedisModuleCtx *ctx, struct module *m);
/* For a question to m in the midst of anything (positions of keys): no unit, it must change nothing. */
void module__ctx_request(RedisModuleCtx *ctx, struct module *m);
/* Frees what is left of it: auto memory, pool; ends the unit. */
void module__ctx_close(RedisModuleCtx *ctx);
/* Auto memory: when ctx (may be NULL) has it on, p is freed at its end with this function. forget: the module frees p itself;
 * false: p was not there. */
void module__auto_add(RedisModuleCtx *ctx, void *p, void (*free_fn)(void *p));
bool module__auto_forget(RedisModuleCtx *ctx, const void *p);

/* -- Strings (string.c) --------------------------------------------------------------------------------------------------- */

/* Bytes with a count of their users. A NUL stands behind the bytes. Thread: a string is used by one thread at a time, but its
 * count of users is atomic. */
struct RedisModuleString {
    _Atomic uint32_t refs;
    size_t n, cap;
    char *p;
    char in[]; /* p points here until the string grows */
};

/* A new string with one user. NULL: no memory for so much. Thread: any. */
RedisModuleString *module__string(struct slice bytes);
/* Thread: any. */
void module__string_unref(RedisModuleString *s);
/* Appends; only for who is the only user. False: no memory, s is unchanged. */
MUST_USE bool module__string_append(RedisModuleString *s, struct slice bytes);
void module__string_trim(RedisModuleString *s);
/* Adds s to the auto memory of ctx (may be NULL) and returns it. */
RedisModuleString *module__auto_string(RedisModuleCtx *ctx, RedisModuleString *s);
/* The calling thread is the loop thread, once at the start; what is kept for it is given back. */
void module__loop_thread_is_this(void);
bool module__on_loop_thread(void);
void module__string_pool_free(void);
static inline RedisModuleString *module__string_ref(RedisModuleString *s)
{
    s->refs++;
    return s;
}
static inline struct slice module__slice(const RedisModuleString *s)
{
    return slice_make(s->p, s->n);
}
/* The same for the words of a command that runs: few of them need no vector of their own. */
struct module_words {
    RedisModuleString *few[12];
};
RedisModuleString **module__words(struct module_words *w, const struct slice *argv, int argc);
void module__words_free(struct module_words *w, RedisModuleString **argv, int argc);
/* A vector of strings from words, and its end. */
RedisModuleString **module__argv(const struct slice *argv, int argc);
void module__argv_free(RedisModuleString **argv, int argc);

/* -- Users (acl.c) -------------------------------------------------------------------------------------------------------- */

struct RedisModuleUser {
    struct acl_user *user;
    bool owned; /* by the module: not one of the server's users */
};

/* -- Calls of commands (call.c), filters (filter.c) ------------------------------------------------------------------------ */

void module__calls_drop(struct module *m);
void module__call_pool_free(void);
void module__filters_drop(struct module *m);
size_t module__filters_count(const struct module *m);

/* -- Log (misc.c), shared functions (shared.c) ----------------------------------------------------------------------------- */

/* Writes a line for m (may be NULL), whose level is a word. Thread: any. */
void module__log(const struct module *m, const char *level, const char *fmt, va_list ap)
    PRINTF_LIKE(3, 0);
const char *module__shared_refuses(struct module *m);
void module__shared_drop(struct module *m);
/* Calls fn for those that use functions of m, or (not users) whose functions m uses. */
void module__shared_list(const struct module *m, bool users,
                         void (*fn)(void *arg, const struct module *other), void *arg);

/* -- Commands (command.c) ------------------------------------------------------------------------------------------------- */

struct RedisModuleCommand {
    struct command cmd;
    struct arena *tables;  /* its names and what SetCommandInfo said */
    struct list_node link; /* of its module */
    struct module *module;
    RedisModuleCmdFunc fn;
};
/* The module's command (container or not) that cmd is; NULL: it is none. */
RedisModuleCommand *module__command_of(struct command *cmd);
void module__commands_drop(struct module *m);

/* -- Functions of the API: each group's .c file has them as rm_NAME -------------------------------------------------------- */

#define RM_API(type, name, parameters) type rm_##name parameters;
#include "module/api/all.def"
#undef RM_API
RedisModuleString *rm_CreateStringPrintf(RedisModuleCtx *ctx, const char *fmt, ...)
    PRINTF_LIKE(2, 3);
int rm_ReplyWithErrorFormat(RedisModuleCtx *ctx, const char *fmt, ...) PRINTF_LIKE(2, 3);
void rm_Log(RedisModuleCtx *ctx, const char *level, const char *fmt, ...) PRINTF_LIKE(3, 4);
void rm_LogIOError(RedisModuleIO *io, const char *level, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* REDISMODULE_ERR: there is no function of that name, *target stays as it is. */
int module__get_api(const char *name, void **target);

#endif

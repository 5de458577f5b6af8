/* Libraries of functions: a set of them, what is in it, and how one is loaded. */
#ifndef ORBIT_SERVICES_SCRIPT_LIBRARY_PRIV_H
#define ORBIT_SERVICES_SCRIPT_LIBRARY_PRIV_H

#include "base/buf.h"
#include "base/dict.h"
#include "services/script/script_priv.h"

struct script_function {
    struct script_library *library;
    char *name;
    struct buf description; /* p NULL: none */
    unsigned flags;
    int ref;
};

struct script_library {
    struct buf name, code;  /* code with its first line */
    struct dict *functions; /* by name; owns them */
};

struct script_libraries {
    struct dict *libraries; /* by name; owns them */
    struct dict *functions; /* by name in any case */
};

extern struct script_env script__function_env;
/* Those that FCALL finds. */
extern struct script_libraries *script__libraries;

struct script_libraries *script__libraries_new(void);
void script__libraries_free(struct script_libraries *set);
/* Compiles a library and lets it register its functions. timeout_ms 0: as long as it takes. NULL: why gets the reason, and
 * set is as before. */
struct script_library *script__library_load(struct script_libraries *set, struct slice code,
                                            bool replace, int64_t timeout_ms, struct buf *why);
/* Takes it out and frees it. */
void script__library_drop(struct script_libraries *set, struct script_library *l);
/* Moves all of from into set, and frees from. False: there is a collision, why tells which; set and from are as before. */
bool script__libraries_join(struct script_libraries *set, struct script_libraries *from,
                            bool replace, struct buf *why);

/* All libraries in the dump format (library_dump.c), without the frame of a payload. */
void script__libraries_put(const struct script_libraries *set, struct buf *out);
/* Loads what script__libraries_put wrote. False: why gets the reason, and a part of it may be loaded. */
bool script__libraries_get(struct script_libraries *set, struct slice body, int64_t timeout_ms,
                           struct buf *why);

#endif

/* The first line of a script or a library: "#!lua name=value ...". Pure. */
#ifndef ORBIT_SERVICES_SCRIPT_SHEBANG_H
#define ORBIT_SERVICES_SCRIPT_SHEBANG_H

#include "base/buf.h"
#include "base/slice.h"

enum script_flags {
    SCRIPT_NO_WRITES = 1 << 0,
    SCRIPT_ALLOW_OOM = 1 << 1,
    SCRIPT_ALLOW_STALE = 1 << 2,
    SCRIPT_NO_CLUSTER = 1 << 3,
    SCRIPT_ALLOW_CROSS_SLOT = 1 << 4,
    SCRIPT_UNDECLARED =
        1 << 5, /* an EVAL without shebang: what it does is found out command by command */
};

struct shebang {
    size_t length;   /* of the line, without its end */
    unsigned flags;  /* of a script; SCRIPT_UNDECLARED without a line */
    struct buf name; /* of a library; the caller frees */
    struct buf engine;
};

/* A script may have such a line. False: why (may be NULL) gets the reason. */
bool shebang_of_script(struct slice text, struct shebang *out, struct buf *why);
/* A library must have one that names it. False: why gets the reason, nothing is to be freed. */
bool shebang_of_library(struct slice text, struct shebang *out, struct buf *why);

#endif

/* The first line of a script or a library: "#!lua name=value ...". Pure. */
#ifndef ORBIT_SERVICES_SCRIPT_SHEBANG_H
#define ORBIT_SERVICES_SCRIPT_SHEBANG_H

#include "base/buf.h"
#include "base/slice.h"

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

/* What the files of the provider conformance suite share. One suite for all providers: only the options of conform_open tell
 * them apart, and capabilities decide what a provider must show. */
#ifndef ORBIT_CONFORMANCE_CONFORM_H
#define ORBIT_CONFORMANCE_CONFORM_H

#include "base/mem.h"
#include "storage/storage.h"
#include "unit/cmocka_all.h"

struct conform {
    const char *provider;
    char path[256]; /* of the store; below a directory made for the test */
    char root[200];
    struct stor *s;
    struct error err;
};

extern const char *conform_provider; /* the one under test */
extern const char *conform_self;     /* path of the test program */

int conform_setup(void **state);
int conform_teardown(void **state);
/* Opens (again) with two spaces, "one" and "two"; must work. */
void conform_open(struct conform *f);
void conform_close(struct conform *f);
enum status conform_try_open(const char *provider, const char *path, unsigned flags,
                             struct stor **out, struct error *err);
#define CONFORM_READ_ONLY 1u
#define CONFORM_ROOMY     2u /* large buffers: what is written stays in the log */

/* One-key helpers; they must work. */
void conform_put(struct conform *f, unsigned space, struct slice key, struct slice value);
void conform_del(struct conform *f, unsigned space, struct slice key);
/* The value must be this; SLICE_NULL: the key must be missing. */
void conform_expect(struct conform *f, const struct stor_snap *snap, unsigned space,
                    struct slice key, struct slice value);
/* Keys from where the iterator stands to the end, joined by commas. */
const char *conform_walk(struct stor_iter *it, bool forward);
/* Fails with the store's message when st is not ST_OK. */
#define conform_ok(f, st) conform_ok_at(f, st, __FILE__, __LINE__)
void conform_ok_at(struct conform *f, enum status st, const char *file, int line);

/* Runs the test program again as a child in another role and returns its exit status. */
int conform_child(const char *role, const struct conform *f, const char *arg);
int conform_role(int argc, char **argv);

extern const struct CMUnitTest conform_basic_tests[], conform_iter_tests[], conform_txn_tests[],
    conform_life_tests[], conform_model_tests[];
extern const size_t conform_basic_count, conform_iter_count, conform_txn_count, conform_life_count,
    conform_model_count;

#endif

/* What the tests of commands share: a keyspace on the memory provider in a temporary folder, a session whose answers come
 * as text, a clock that stands still, and the effects as they stand in the log. */
#ifndef ORBIT_UNIT_COMMANDS_FIXTURE_H
#define ORBIT_UNIT_COMMANDS_FIXTURE_H

#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

/* cmocka's group fixtures. Commands of the folders under test are registered by the test before. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* For each test: an empty keyspace, the clock at FIXTURE_NOW_MS, no effects waiting. */
int fixture_reset(void **state);

#define FIXTURE_NOW_MS 1700000000000

void fixture_at_ms(int64_t ms);
struct kv *fixture_kv(void);
const char *fixture_dir(void); /* of the data; goes with the fixture */

/* Runs one command: words are divided by spaces; "quoted" ones know \n \r \\ \" and \xHH. The answer, valid until the next
 * run: +status, -ERR error, :1, "bulk", nil, [a, b], {k: v}. */
const char *fixture_run(const char *line);
/* The same with binary arguments. */
const char *fixture_run_argv(size_t argc, const struct slice *argv);

/* One line of a test: a command and the answer that it must give. */
struct fixture_step {
    const char *command, *want;
};
void fixture_steps(const struct fixture_step *steps, size_t n);
#define FIXTURE_STEPS(steps) fixture_steps(steps, sizeof(steps) / sizeof((steps)[0]))

/* What was propagated since the last call, as "SET k v; DEL k". */
const char *fixture_effects(void);
/* Runs the command and tests what it propagates. */
void fixture_propagates(const char *command, const char *want);

/* Keyspace events since the last call, as "set k; expire k". */
const char *fixture_events(void);

/* Leaves the keyspace as a crash would, opens it again and replays the log. */
void fixture_crash(void);
/* Every key with type, value and deadline, as text; the caller frees it with mem_free. */
char *fixture_state(void);

#endif

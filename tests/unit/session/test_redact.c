/* Which arguments are hidden from logs. */
#include "session/redact.h"

#include "config/option.h"
#include "session/session_options.h"
#include "unit/cmocka_all.h"

#include <string.h>

/* want: one character for each word, 'x' where it must be hidden. */
static void assert_hidden(const char *line, const char *want)
{
    char words[256];
    struct slice argv[32];
    int argc = 0;
    strncpy(words, line, sizeof(words) - 1);
    words[sizeof(words) - 1] = '\0';
    for (char *save = NULL, *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[argc++] = slice_str(w);
    assert_int_equal(argc, strlen(want));
    for (int i = 0; i < argc; i++)
        if (redact_argument(argv, argc, i) != (want[i] == 'x'))
            fail_msg("%s: argument %d", line, i);
}

static void test_redact(void **state)
{
    session_options_register();
    assert_hidden("auth pass", ".x");
    assert_hidden("AUTH user pass", ".xx");
    assert_hidden("hello 3 AUTH user pass SETNAME n", "...xx..");
    assert_hidden("hello 3", "..");
    assert_hidden("acl setuser bob on >secret", "..xxx");
    assert_hidden("acl getuser bob", "...");
    assert_hidden("config set maxmemory 1 requirepass secret", ".....x");
    assert_hidden("config get requirepass", "...");
    assert_hidden("migrate h 1 k 0 5 COPY AUTH pw", "........x");
    assert_hidden("migrate h 1 k 0 5 AUTH2 u pw KEYS AUTH x", ".......xx...");
    assert_hidden("set auth secret", "...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_redact)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

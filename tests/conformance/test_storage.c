/* The provider conformance suite: one and the same for every provider of this build.
 * Usage: test_storage [PROVIDER...]; without names, all of them. */
#include "base/log.h"
#include "conformance/conform.h"

#include <stdio.h>

static int run_group(const char *group, const struct CMUnitTest *tests, size_t n)
{
    char name[64];

    snprintf(name, sizeof name, "%s %s", conform_provider, group);
    return _cmocka_run_group_tests(name, tests, n, NULL, NULL);
}

static int run_provider(const char *provider)
{
    conform_provider = stor_provider_canonical(provider);
    if (!conform_provider) {
        fprintf(stderr, "unknown provider '%s'\n", provider);
        return 1;
    }
    return run_group("basic", conform_basic_tests, conform_basic_count) +
           run_group("iterators", conform_iter_tests, conform_iter_count) +
           run_group("transactions", conform_txn_tests, conform_txn_count) +
           run_group("life", conform_life_tests, conform_life_count) +
           run_group("model", conform_model_tests, conform_model_count);
}

int main(int argc, char **argv)
{
    int failed = 0;

    conform_self = "/proc/self/exe";
    log_set_level(LOG_NOTHING);
    if (argc == 5 && stor_provider_canonical(argv[2]))
        return conform_role(argc, argv);
    if (argc > 1)
        for (int i = 1; i < argc; i++)
            failed += run_provider(argv[i]);
    else
        for (const char *const *name = stor_provider_names(); *name; name++)
            failed += run_provider(*name);
    return failed ? 1 : 0;
}

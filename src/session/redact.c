/* Passwords by place: AUTH, HELLO, MIGRATE, ACL SETUSER, CONFIG SET of sensitive options. */
#include "session/redact.h"

#include "config/admin.h"

static int find_word(const struct slice *argv, int argc, int from, const char *word)
{
    for (int k = from; k < argc; k++)
        if (slice_is(argv[k], word))
            return k;
    return -1;
}

/* MIGRATE host port key db timeout [... AUTH password | AUTH2 user password ...] */
static bool in_migrate(const struct slice *argv, int argc, int i)
{
    int keys = find_word(argv, argc, 6, "KEYS"), end = keys < 0 ? argc : keys;
    int auth = find_word(argv, end, 6, "AUTH"), auth2 = find_word(argv, end, 6, "AUTH2");
    return (auth > 0 && i == auth + 1) || (auth2 > 0 && (i == auth2 + 1 || i == auth2 + 2));
}

bool redact_argument(const struct slice *argv, int argc, int i)
{
    struct slice name = argv[0];
    if (i < 1)
        return false;
    if (slice_is(name, "AUTH"))
        return true;
    if (slice_is(name, "HELLO")) {
        int auth = find_word(argv, argc, 2, "AUTH");
        return auth > 0 && (i == auth + 1 || i == auth + 2);
    }
    if (slice_is(name, "MIGRATE"))
        return in_migrate(argv, argc, i);
    if (i < 2)
        return false;
    if (slice_is(name, "ACL"))
        return slice_is(argv[1], "SETUSER");
    if (slice_is(name, "CONFIG") && slice_is(argv[1], "SET") && i % 2 == 1) {
        const struct config_option *opt = config_find(argv[i - 1]);
        return opt && (opt->flags & CONFIG_SENSITIVE);
    }
    return false;
}

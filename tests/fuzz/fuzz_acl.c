/* ACL rules from hostile bytes, one a line. What a user describes as must be taken again, and describe the same user. */
#include "base/log.h"
#include "commands/acl/acl_commands.h"
#include "commands/config/config_commands.h"
#include "commands/string/string_commands.h"
#include "session/acl.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RULES_MAX 64

static size_t split(struct slice text, char by, struct slice *out)
{
    size_t n = 0;
    for (size_t at = 0; at <= text.n && n < RULES_MAX;) {
        const char *end = at < text.n ? memchr(text.p + at, by, text.n - at) : NULL;
        size_t stop = end ? (size_t)(end - text.p) : text.n;
        out[n++] = slice_make(text.p + at, stop - at);
        at = stop + 1;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool registered;
    struct slice rules[RULES_MAX];
    struct buf report = BUF_INIT, text = BUF_INIT, again = BUF_INIT;
    if (!registered) {
        log_set_level(LOG_NOTHING);
        acl_commands_register();
        config_commands_register();
        string_commands_register();
        registered = true;
    }
    size_t n = split(slice_make(data, size), '\n', rules);
    if (acl_set_user(SLICE("u"), rules, n, &report) == ST_OK) {
        const struct acl_user *u = acl_find(SLICE("u"));
        acl_describe(u, &text);
        n = split(buf_slice(&text), ' ', rules);
        if (n < RULES_MAX) {
            if (acl_set_user(SLICE("v"), rules, n, &report) != ST_OK)
                abort();
            acl_describe(acl_find(SLICE("v")), &again);
            if (!slice_eq(buf_slice(&text), buf_slice(&again)))
                abort();
        }
        struct slice argv[] = {SLICE("config"), SLICE("get"), slice_make(data, size)};
        (void)acl_check(u, command_resolve(argv, 3, NULL), argv, 3, NULL);
        (void)acl_check_key(u, argv[2], KEY_RW | KEY_ACCESS | KEY_UPDATE);
        (void)acl_check_channel(u, argv[2], false);
    } else if (report.n == 0) {
        abort();
    }
    acl_stop();
    buf_free(&report);
    buf_free(&text);
    buf_free(&again);
    return 0;
}

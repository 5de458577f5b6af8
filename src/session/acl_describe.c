/* Users as text: ACL LIST, ACL GETUSER, the ACL file and CONFIG REWRITE all show the same words. */
#include "session/acl_priv.h"

void acl_describe_commands(const struct acl_user *user, size_t selector, struct buf *out)
{
    const struct acl_selector *s = user->selectors[selector];
    buf_put_str(out, s->flags & ACL_FUTURE_COMMANDS ? "+@all" : "-@all");
    for (size_t i = 0; i < s->nrules; i++)
        buf_printf(out, " %c%s", s->rules[i].allow ? '+' : '-', s->rules[i].text);
}

void acl_describe_keys(const struct acl_user *user, size_t selector, struct buf *out)
{
    const struct acl_selector *s = user->selectors[selector];
    if (s->flags & ACL_ALL_KEYS) {
        buf_put_str(out, "~*");
        return;
    }
    for (size_t i = 0; i < s->nkeys; i++) {
        if (i)
            buf_put_byte(out, ' ');
        if (s->keys[i].access == ACL_READ)
            buf_put_str(out, "%R");
        else if (s->keys[i].access == ACL_WRITE)
            buf_put_str(out, "%W");
        buf_put_byte(out, '~');
        buf_put(out, s->keys[i].p, s->keys[i].n);
    }
}

void acl_describe_channels(const struct acl_user *user, size_t selector, struct buf *out)
{
    const struct acl_selector *s = user->selectors[selector];
    if (s->flags & ACL_ALL_CHANNELS) {
        buf_put_str(out, "&*");
        return;
    }
    for (size_t i = 0; i < s->nchannels; i++) {
        buf_put_str(out, i ? " &" : "&");
        buf_put(out, s->channels[i].p, s->channels[i].n);
    }
}

static void describe_selector(const struct acl_user *user, size_t selector, struct buf *out)
{
    size_t start = out->n;
    acl_describe_keys(user, selector, out);
    if (out->n != start)
        buf_put_byte(out, ' ');
    if (!(user->selectors[selector]->flags & ACL_ALL_CHANNELS))
        buf_put_str(out, "resetchannels ");
    start = out->n;
    acl_describe_channels(user, selector, out);
    if (out->n != start)
        buf_put_byte(out, ' ');
    acl_describe_commands(user, selector, out);
}

const char *acl_flag(const struct acl_user *user, size_t i)
{
    const char *words[4] = {0};
    size_t n = 0;
    words[n++] = user->flags & ACL_USER_ON ? "on" : "off";
    if (user->flags & ACL_USER_NOPASS)
        words[n++] = "nopass";
    words[n++] =
        user->flags & ACL_USER_SKIP_SANITIZE ? "skip-sanitize-payload" : "sanitize-payload";
    return i < n ? words[i] : NULL;
}

struct slice acl_password_hash(const struct acl_user *user, size_t i)
{
    return i < user->nsecrets ? slice_make(user->secrets[i].sha256, ACL_HASH_TEXT) : SLICE_NULL;
}

size_t acl_selectors(const struct acl_user *user)
{
    return user->nselectors;
}

void acl_describe(const struct acl_user *user, struct buf *out)
{
    const char *word;
    for (size_t i = 0; (word = acl_flag(user, i)) != NULL; i++)
        buf_printf(out, "%s ", word);
    for (size_t i = 0; i < user->nsecrets; i++)
        buf_printf(out, "#%.*s ", ACL_HASH_TEXT, user->secrets[i].sha256);
    describe_selector(user, 0, out);
    for (size_t i = 1; i < user->nselectors; i++) {
        buf_put_str(out, " (");
        describe_selector(user, i, out);
        buf_put_byte(out, ')');
    }
}

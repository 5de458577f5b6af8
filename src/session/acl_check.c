/* May a user run a command? Each selector is asked; when none allows it, the refusal that came furthest is the one told. */
#include "base/glob.h"
#include "session/acl_priv.h"
#include "session/call.h"
#include "session/reply.h"

static const char *const categories[] = {
#define ACL_CATEGORY(upper, name) name,
#include "session/acl_category.def"
#undef ACL_CATEGORY
};

int acl_category_find(struct slice name)
{
    for (int i = 0; i < (int)COUNT_OF(categories); i++)
        if (slice_is(name, categories[i]))
            return i;
    return -1;
}

const char *acl_category_name(int index)
{
    return categories[index];
}

static struct slice pattern_slice(const struct acl_pattern *p)
{
    return slice_make(p->p, p->n);
}

static bool command_ok(const struct acl_selector *s, const struct command *cmd,
                       const struct slice *argv, int argc)
{
    if ((s->flags & ACL_ALL_COMMANDS) || (cmd->flags & CMD_NO_AUTH))
        return true;
    size_t word = (size_t)cmd->id / 64;
    if (word < s->nwords ? (s->commands[word] >> (cmd->id % 64)) & 1 : s->beyond)
        return true;
    int at = cmd->parent ? 2 : 1;
    for (size_t i = 0; i < s->nfirst_args; i++)
        if (s->first_args[i].id == cmd->id && at < argc && slice_is(argv[at], s->first_args[i].arg))
            return true;
    return false;
}

static bool key_ok(const struct acl_selector *s, struct slice key, unsigned flags)
{
    if (s->flags & ACL_ALL_KEYS)
        return true;
    unsigned need = 0;
    if (flags & KEY_ACCESS)
        need |= ACL_READ;
    if (flags & (KEY_INSERT | KEY_DELETE | KEY_UPDATE))
        need |= ACL_WRITE;
    for (size_t i = 0; i < s->nkeys; i++)
        if ((s->keys[i].access & need) == need &&
            glob_match(pattern_slice(&s->keys[i]), key, false))
            return true;
    return false;
}

static bool channel_ok(const struct acl_selector *s, struct slice channel, bool pattern)
{
    if (s->flags & ACL_ALL_CHANNELS)
        return true;
    for (size_t i = 0; i < s->nchannels; i++) {
        struct slice p = pattern_slice(&s->channels[i]);
        if (pattern ? slice_eq(p, channel) : glob_match(p, channel, false))
            return true;
    }
    return false;
}

static enum acl_verdict check_own_channels(const struct acl_selector *s, const struct command *cmd,
                                           const struct slice *argv, int argc, int *pos)
{
    enum acl_verdict v = ACL_OK;
    struct key_refs channels;
    key_refs_init(&channels);
    if (!cmd->getchannels(cmd, argv, argc, &channels))
        channels.n = 0;
    for (size_t i = 0; i < channels.n && v == ACL_OK; i++) {
        const struct key_ref *r = &channels.v[i];
        if ((r->flags & CHANNEL_FREE) ||
            channel_ok(s, argv[r->pos], (r->flags & CHANNEL_PATTERN) != 0))
            continue;
        *pos = r->pos;
        v = ACL_DENIED_CHANNEL;
    }
    key_refs_free(&channels);
    return v;
}

/* keys: those of the call. *pos: what was refused. */
static enum acl_verdict check_selector(const struct acl_selector *s, const struct command *cmd,
                                       const struct slice *argv, int argc,
                                       const struct key_refs *keys, int *pos)
{
    if (!command_ok(s, cmd, argv, argc))
        return ACL_DENIED_CMD;
    for (size_t i = 0; i < keys->n; i++) {
        if (!key_ok(s, argv[keys->v[i].pos], keys->v[i].flags)) {
            *pos = keys->v[i].pos;
            return ACL_DENIED_KEY;
        }
    }
    if (cmd->getchannels && !(s->flags & ACL_ALL_CHANNELS))
        return check_own_channels(s, cmd, argv, argc, pos);
    int channels = cmd->channels == CHANNELS_NONE ? 0 : cmd->channels == CHANNELS_FIRST ? 2 : argc;
    for (int i = 1; i < channels && i < argc; i++) {
        if (!channel_ok(s, argv[i], cmd->channels == CHANNELS_PATTERNS)) {
            *pos = i;
            return ACL_DENIED_CHANNEL;
        }
    }
    return ACL_OK;
}

enum acl_verdict acl_check(const struct acl_user *user, const struct command *cmd,
                           const struct slice *argv, int argc, int *pos)
{
    if (acl_unlimited(user))
        return ACL_OK;
    struct key_refs keys;
    key_refs_init(&keys);
    /* Arguments that are not valid have no keys; the command answers for them. */
    if (!command_keys(cmd, argv, argc, &keys))
        keys.n = 0;
    enum acl_verdict verdict = ACL_DENIED_CMD;
    int furthest = 0;
    for (size_t i = 0; i < user->nselectors; i++) {
        int at = 0;
        enum acl_verdict v = check_selector(user->selectors[i], cmd, argv, argc, &keys, &at);
        if (v == ACL_OK) {
            verdict = v;
            break;
        }
        if (v > verdict || (v == verdict && at > furthest)) {
            verdict = v;
            furthest = at;
        }
    }
    key_refs_free(&keys);
    if (pos)
        *pos = furthest;
    return verdict;
}

bool acl_check_key(const struct acl_user *user, struct slice key, unsigned flags)
{
    for (size_t i = 0; i < user->nselectors; i++)
        if (key_ok(user->selectors[i], key, flags))
            return true;
    return false;
}

bool acl_check_channel(const struct acl_user *user, struct slice channel, bool pattern)
{
    for (size_t i = 0; i < user->nselectors; i++)
        if (channel_ok(user->selectors[i], channel, pattern))
            return true;
    return false;
}

bool acl_reads_all_keys(const struct acl_user *user, const struct command *cmd)
{
    for (size_t i = 0; i < user->nselectors; i++) {
        const struct acl_selector *s = user->selectors[i];
        if (!command_ok(s, cmd, NULL, 0))
            continue;
        if (s->flags & ACL_ALL_KEYS)
            return true;
        for (size_t k = 0; k < s->nkeys; k++)
            if ((s->keys[k].access & ACL_READ) && slice_eq(pattern_slice(&s->keys[k]), SLICE("*")))
                return true;
    }
    return false;
}

void acl_explain(enum acl_verdict v, const struct acl_user *user, const struct command *cmd,
                 const struct slice *argv, int pos, struct buf *out)
{
    buf_printf(out, "User %.*s has no permissions to ", SLICE_FMT(acl_name(user)));
    switch (v) {
    case ACL_OK:
    case ACL_DENIED_AUTH:
    case ACL_DENIED_CMD:
        buf_printf(out, "run the '%s' command", cmd->fullname);
        break;
    case ACL_DENIED_KEY:
        buf_printf(out, "access the '%.*s' key", SLICE_FMT(argv[pos]));
        break;
    case ACL_DENIED_CHANNEL:
        buf_printf(out, "access the '%.*s' channel", SLICE_FMT(argv[pos]));
        break;
    }
}

void acl_refusal(enum acl_verdict v, const struct acl_user *user, const struct command *cmd,
                 struct buf *out)
{
    if (v == ACL_DENIED_CMD)
        buf_printf(out, "User %.*s has no permissions to run the '%s' command",
                   SLICE_FMT(acl_name(user)), cmd->fullname);
    else
        buf_printf(out, "No permissions to access a %s", v == ACL_DENIED_KEY ? "key" : "channel");
}

static void answer_denied(struct call *c, enum acl_verdict v)
{
    static const char *const at_exec[] = {
        [ACL_DENIED_CMD] = "no permission to execute the command or subcommand",
        [ACL_DENIED_KEY] = "no permission to touch the specified keys",
        [ACL_DENIED_CHANNEL] =
            "no permission to access one of the channels used as arguments to the command",
    };
    if (c->in_exec) {
        reply_errorf(c,
                     "NOPERM ACLs rules changed between the moment the transaction was accumulated "
                     "and the EXEC call. "
                     "This command is no longer allowed for the following reason: %s",
                     at_exec[v]);
        return;
    }
    struct buf b = BUF_INIT;
    acl_refusal(v, c->s->user, c->cmd, &b);
    reply_errorf(c, "NOPERM %s", buf_cstr(&b));
    buf_free(&b);
}

bool acl_check_call(struct call *c)
{
    int pos = 0;
    if (c->s->flags & SESS_MASTER)
        return true;
    enum acl_verdict v = acl_check(c->s->user, c->cmd, c->argv, c->argc, &pos);
    if (v == ACL_OK)
        return true;
    acl__log(c, v, v == ACL_DENIED_CMD ? slice_str(c->cmd->fullname) : c->argv[pos],
             acl_name(c->s->user));
    answer_denied(c, v);
    return false;
}

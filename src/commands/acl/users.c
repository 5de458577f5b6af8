/* ACL: users, their rules, and what was denied. The work is done in session/acl*.c. */
#include "base/clock.h"
#include "base/hash.h"
#include "commands/acl/acl_commands.h"
#include "event/crypto.h"
#include "session/acl.h"
#include "session/reply.h"
#include "session/session_options.h"

/* -- Who is there -------------------------------------------------------------------------------------------------------- */

void cmd_acl_whoami(struct call *c)
{
    reply_bulk(c, acl_name(c->s->user));
}

struct listing {
    struct call *c;
    size_t n;
};

static void list_name(void *arg, const struct acl_user *user)
{
    struct listing *l = arg;
    reply_bulk(l->c, acl_name(user));
    l->n++;
}

static void list_rules(void *arg, const struct acl_user *user)
{
    struct listing *l = arg;
    struct buf line = BUF_INIT;
    buf_printf(&line, "user %.*s ", SLICE_FMT(acl_name(user)));
    acl_describe(user, &line);
    reply_bulk(l->c, buf_slice(&line));
    buf_free(&line);
    l->n++;
}

static void list(struct call *c, void (*fn)(void *arg, const struct acl_user *user))
{
    struct listing l = {c, 0};
    size_t token = reply_begin(c);
    acl_each(fn, &l);
    reply_end(c, token, SINK_ARRAY, l.n);
}

void cmd_acl_users(struct call *c)
{
    list(c, list_name);
}

void cmd_acl_list(struct call *c)
{
    list(c, list_rules);
}

/* -- One user ------------------------------------------------------------------------------------------------------------ */

static void reply_part(struct call *c, const char *name, const struct acl_user *u, size_t selector,
                       void (*describe)(const struct acl_user *user, size_t selector,
                                        struct buf *out))
{
    struct buf text = BUF_INIT;
    describe(u, selector, &text);
    reply_str(c, name);
    reply_bulk(c, buf_slice(&text));
    buf_free(&text);
}

static void reply_parts(struct call *c, const struct acl_user *u, size_t selector)
{
    reply_part(c, "commands", u, selector, acl_describe_commands);
    reply_part(c, "keys", u, selector, acl_describe_keys);
    reply_part(c, "channels", u, selector, acl_describe_channels);
}

void cmd_acl_getuser(struct call *c)
{
    const struct acl_user *u = acl_find(c->argv[2]);
    if (!u) {
        reply_null(c);
        return;
    }
    reply_map(c, 6);
    reply_str(c, "flags");
    size_t n = 0;
    while (acl_flag(u, n))
        n++;
    reply_set(c, n);
    for (size_t i = 0; i < n; i++)
        reply_str(c, acl_flag(u, i));
    reply_str(c, "passwords");
    n = 0;
    while (acl_password_hash(u, n).p)
        n++;
    reply_array(c, n);
    for (size_t i = 0; i < n; i++)
        reply_bulk(c, acl_password_hash(u, i));
    reply_parts(c, u, 0);
    reply_str(c, "selectors");
    reply_array(c, acl_selectors(u) - 1);
    for (size_t i = 1; i < acl_selectors(u); i++) {
        reply_map(c, 3);
        reply_parts(c, u, i);
    }
}

static bool valid_name(struct slice name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] == ' ' || name.p[i] == '\0' || (name.p[i] >= '\t' && name.p[i] <= '\r'))
            return false;
    return true;
}

void cmd_acl_setuser(struct call *c)
{
    if (!valid_name(c->argv[2])) {
        reply_error(c, "ERR Usernames can't contain spaces or null characters");
        return;
    }
    struct buf report = BUF_INIT;
    if (acl_set_user(c->argv[2], c->argv + 3, (size_t)c->argc - 3, &report) == ST_OK)
        reply_ok(c);
    else
        reply_errorf(c, "ERR %.*s", SLICE_FMT(buf_slice(&report)));
    buf_free(&report);
}

void cmd_acl_deluser(struct call *c)
{
    int64_t deleted = 0;
    for (int i = 2; i < c->argc; i++) {
        enum status st = acl_delete_user(c->argv[i]);
        if (st == ST_DENIED) {
            reply_error(c, "ERR The 'default' user cannot be removed");
            return;
        }
        deleted += st == ST_OK;
    }
    reply_int(c, deleted);
}

/* -- What may be done ---------------------------------------------------------------------------------------------------- */

struct category_listing {
    struct listing l;
    uint32_t bit;
};

static bool list_command(void *arg, struct command *cmd)
{
    struct category_listing *l = arg;
    if (cmd->acl & l->bit) {
        reply_str(l->l.c, cmd->fullname);
        l->l.n++;
    }
    for (size_t i = 0; i < cmd->nsubs; i++)
        list_command(arg, cmd->subs[i]);
    return true;
}

void cmd_acl_cat(struct call *c)
{
    if (c->argc > 3) {
        reply_unknown_sub(c);
        return;
    }
    if (c->argc == 2) {
        reply_array(c, ACL_CATEGORIES);
        for (int i = 0; i < ACL_CATEGORIES; i++)
            reply_str(c, acl_category_name(i));
        return;
    }
    int category = acl_category_find(c->argv[2]);
    if (category < 0) {
        reply_errorf(c, "ERR Unknown category '%.*s'", SLICE_FMT(c->argv[2]));
        return;
    }
    struct category_listing l = {{c, 0}, UINT32_C(1) << category};
    size_t token = reply_begin(c);
    command_each_original(list_command, &l);
    reply_end(c, token, SINK_ARRAY, l.l.n);
}

void cmd_acl_dryrun(struct call *c)
{
    const struct acl_user *u = acl_find(c->argv[2]);
    if (!u) {
        reply_errorf(c, "ERR User '%.*s' not found", SLICE_FMT(c->argv[2]));
        return;
    }
    const struct slice *argv = c->argv + 3;
    int argc = c->argc - 3, pos = 0;
    const struct command *cmd = command_resolve(argv, argc, NULL);
    if (!cmd) {
        reply_errorf(c, "ERR Command '%.*s' not found", SLICE_FMT(argv[0]));
        return;
    }
    if (!command_arity_ok(cmd, argc)) {
        reply_errorf(c, "ERR wrong number of arguments for '%s' command", cmd->fullname);
        return;
    }
    enum acl_verdict v = acl_check(u, cmd, argv, argc, &pos);
    if (v == ACL_OK) {
        reply_ok(c);
        return;
    }
    struct buf text = BUF_INIT;
    acl_explain(v, u, cmd, argv, pos, &text);
    reply_bulk(c, buf_slice(&text));
    buf_free(&text);
}

/* -- ACL LOG ------------------------------------------------------------------------------------------------------------- */

static void reply_entry(struct call *c, const struct acl_log_entry *e)
{
    reply_map(c, 10);
    reply_str(c, "count");
    reply_int(c, (int64_t)e->count);
    reply_str(c, "reason");
    reply_str(c, acl_verdict_name(e->reason));
    reply_str(c, "context");
    reply_str(c, acl_context_name(e->context));
    reply_str(c, "object");
    reply_bulk(c, buf_slice(&e->object));
    reply_str(c, "username");
    reply_bulk(c, buf_slice(&e->username));
    reply_str(c, "age-seconds");
    reply_double(c, (double)(clock_cached_ms() - e->updated_ms) / 1000);
    reply_str(c, "client-info");
    reply_bulk(c, buf_slice(&e->client));
    reply_str(c, "entry-id");
    reply_int(c, (int64_t)e->id);
    reply_str(c, "timestamp-created");
    reply_int(c, e->created_ms);
    reply_str(c, "timestamp-last-updated");
    reply_int(c, e->updated_ms);
}

void cmd_acl_log(struct call *c)
{
    int64_t max = 10;
    if (c->argc > 3) {
        reply_unknown_sub(c);
        return;
    }
    if (c->argc == 3 && call_arg_is(c, 2, "reset")) {
        acl_log_clear();
        reply_ok(c);
        return;
    }
    if (c->argc == 3 && !call_arg_int(c, 2, &max, NULL))
        return;
    size_t n = 0;
    size_t token = reply_begin(c);
    const struct acl_log_entry *e;
    while ((int64_t)n < max && (e = acl_log_entry(n)) != NULL) {
        reply_entry(c, e);
        n++;
    }
    reply_end(c, token, SINK_ARRAY, n);
}

/* -- The ACL file -------------------------------------------------------------------------------------------------------- */

static bool have_file(struct call *c)
{
    if (session_opts.aclfile[0])
        return true;
    reply_error(c, "ERR This Redis instance is not configured to use an ACL file. You may want to "
                   "specify users via the ACL "
                   "SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis "
                   "configuration file set) in "
                   "order to store users in the Redis configuration.");
    return false;
}

void cmd_acl_load(struct call *c)
{
    if (!have_file(c))
        return;
    struct buf report = BUF_INIT;
    if (acl_load(&report) == ST_OK)
        reply_ok(c);
    else
        reply_errorf(c, "ERR %.*s", SLICE_FMT(buf_slice(&report)));
    buf_free(&report);
}

void cmd_acl_save(struct call *c)
{
    struct error err;
    if (!have_file(c))
        return;
    if (acl_save(&err) == ST_OK)
        reply_ok(c);
    else
        reply_error(c, "ERR There was an error trying to save the ACLs. Please check the server "
                       "logs for more information");
}

/* -- The rest ------------------------------------------------------------------------------------------------------------ */

#define GENPASS_BITS_MAX 4096

void cmd_acl_genpass(struct call *c)
{
    int64_t bits = 256;
    if (c->argc > 3) {
        reply_unknown_sub(c);
        return;
    }
    if (c->argc == 3 && !call_arg_int(c, 2, &bits, NULL))
        return;
    if (bits <= 0 || bits > GENPASS_BITS_MAX) {
        reply_errorf(c,
                     "ERR ACL GENPASS argument must be the number of bits for the output password, "
                     "a positive number up to "
                     "%d",
                     GENPASS_BITS_MAX);
        return;
    }
    unsigned char random[GENPASS_BITS_MAX / 8];
    char hex[GENPASS_BITS_MAX / 4 + 1];
    hash_random(random, sizeof(random));
    crypto_hex(random, sizeof(random), hex);
    reply_bulk(c, slice_make(hex, (size_t)(bits + 3) / 4));
}

void cmd_acl_help(struct call *c)
{
    static const char *const lines[] = {
        "CAT [<category>]",
        "    The command categories, or the commands of one category.",
        "DELUSER <username> [<username> ...]",
        "    Delete users and close their connections.",
        "DRYRUN <username> <command> [<arg> ...]",
        "    Whether the user may run the command; nothing is run.",
        "GENPASS [<bits>]",
        "    A strong random password: 256 bits, or as many as asked for.",
        "GETUSER <username>",
        "    Everything about one user.",
        "LIST",
        "    All users, in the form of the ACL file.",
        "LOAD",
        "    Read the ACL file again.",
        "LOG [<count> | RESET]",
        "    What was denied lately, or forget it.",
        "SAVE",
        "    Write the users to the ACL file.",
        "SETUSER <username> <rule> [<rule> ...]",
        "    Make or change a user.",
        "USERS",
        "    The names of all users.",
        "WHOAMI",
        "    The user of this connection.",
        NULL,
    };
    reply_help(c, lines);
}

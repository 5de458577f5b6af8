/* The registry of users, logging in, and what happens to the clients of users that change. */
#include "base/mem.h"
#include "base/radix.h"
#include "event/crypto.h"
#include "session/acl_priv.h"
#include "session/call.h"
#include "session/hooks.h"
#include "session/reply.h"
#include "session/session.h"

static struct radix *users;
static struct list_node loose = {&loose, &loose}; /* users of modules */
static enum acl_login (*ask_first)(struct call *c, struct slice name, struct slice password,
                                   struct buf *why);
static struct acl_user *default_user;
static struct acl_user *root_user;
static bool (*subscriptions_ok)(struct session *s, const struct acl_user *user);

void acl_on_subscriptions(bool (*fn)(struct session *s, const struct acl_user *user))
{
    subscriptions_ok = fn;
}

/* -- The registry -------------------------------------------------------------------------------------------------------- */

void acl__make_default(struct acl_user *u)
{
    static const char *const rules[] = {"reset", "+@all", "~*", "&*", "on", "nopass"};
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        enum status st = acl__user_apply(u, slice_str(rules[i]), NULL);
        orbit_assert(st == ST_OK);
    }
}

struct acl_user *acl__user_add(struct slice name)
{
    if (!users)
        users = radix_new();
    struct acl_user *u = acl__user_new(name);
    radix_set(users, name, u, NULL);
    return u;
}

struct acl_user *acl_default(void)
{
    if (UNLIKELY(!default_user)) {
        default_user = acl__user_add(SLICE("default"));
        acl__make_default(default_user);
    }
    return default_user;
}

struct acl_user *acl_root(void)
{
    if (UNLIKELY(!root_user)) {
        root_user = acl__user_new(SLICE(""));
        acl__make_default(root_user);
    }
    return root_user;
}

struct acl_user *acl_find(struct slice name)
{
    acl_default();
    void *u = NULL;
    return radix_get(users, name, &u) ? u : NULL;
}

struct slice acl_name(const struct acl_user *user)
{
    return slice_make(user->name, user->name_n);
}

bool acl_enabled(const struct acl_user *user)
{
    return (user->flags & ACL_USER_ON) != 0;
}

bool acl_nopass(const struct acl_user *user)
{
    return (user->flags & ACL_USER_NOPASS) != 0;
}

static void recompute(const struct acl_user *u)
{
    for (size_t i = 0; i < u->nselectors; i++)
        acl__selector_recompute(u->selectors[i]);
}

static bool recompute_step(void *arg, struct slice key, void *value)
{
    recompute(value);
    return true;
}

void acl_commands_changed(void)
{
    acl_default();
    radix_walk(users, SLICE_NULL, recompute_step, NULL);
    LIST_EACH(it, &loose)
    recompute(LIST_ENTRY(it, struct acl_user, loose));
}

struct each {
    void (*fn)(void *arg, const struct acl_user *user);
    void *arg;
};

static bool each_step(void *arg, struct slice key, void *value)
{
    const struct each *e = arg;
    e->fn(e->arg, value);
    return true;
}

void acl_each(void (*fn)(void *arg, const struct acl_user *user), void *arg)
{
    acl_default();
    struct each e = {fn, arg};
    radix_walk(users, SLICE_NULL, each_step, &e);
}

static void free_user(void *user)
{
    acl__user_free(user);
}

void acl_stop(void)
{
    if (users)
        radix_free(users, free_user);
    users = NULL;
    default_user = NULL;
    acl__user_free(root_user);
    root_user = NULL;
    acl_log_clear();
}

/* -- Their clients ------------------------------------------------------------------------------------------------------- */

static void close_session(struct session *s)
{
    session_close(s, s == session_current() ? SESS_CLOSE_AFTER_REPLY : SESS_CLOSE_NOW);
}

void acl_close_client(struct session *s)
{
    hook_run(HOOK_SESSION_USER, s);
    s->user = acl_default();
    s->flags &= ~(uint32_t)SESS_AUTHENTICATED;
    close_session(s);
}

void acl_close_clients(struct acl_user *user)
{
    LIST_EACH_SAFE(it, next, session_list())
    {
        struct session *s = LIST_ENTRY(it, struct session, link);
        if (s->user == user)
            acl_close_client(s);
    }
}

/* Closes those subscribers of u to whom changed does not allow what they listen to. */
static void kick_subscribers(const struct acl_user *u, const struct acl_user *changed)
{
    if (!subscriptions_ok)
        return;
    for (size_t i = 0; i < changed->nselectors; i++)
        if (changed->selectors[i]->flags & ACL_ALL_CHANNELS)
            return;
    LIST_EACH_SAFE(it, next, session_list())
    {
        struct session *s = LIST_ENTRY(it, struct session, link);
        if (s->user == u && (s->flags & SESS_PUBSUB) && !subscriptions_ok(s, changed))
            close_session(s);
    }
}

/* -- Changes ------------------------------------------------------------------------------------------------------------- */

void acl__report(struct buf *report, struct slice word, enum status st, const struct error *err)
{
    if (st == ST_END)
        buf_printf(report, "Unmatched parenthesis in acl selector starting at '%.*s'.",
                   SLICE_FMT(word));
    else
        buf_printf(report, "Error in ACL SETUSER modifier '%.*s': %s", SLICE_FMT(word),
                   err->message);
}

static enum status change(struct acl_user *u, struct acl_user *changed, const struct slice *rules,
                          size_t n, struct buf *report)
{
    struct buf word = BUF_INIT;
    struct error err;
    enum status st = acl__user_apply_all(changed, rules, n, &word, &err);
    if (st != ST_OK) {
        acl__report(report, buf_slice(&word), st, &err);
    } else {
        if (u)
            kick_subscribers(u, changed);
        else
            u = acl__user_add(acl_name(changed));
        acl__user_copy(u, changed);
    }
    acl__user_free(changed);
    buf_free(&word);
    return st;
}

enum status acl_set_user(struct slice name, const struct slice *rules, size_t n, struct buf *report)
{
    struct acl_user *u = acl_find(name);
    struct acl_user *changed = acl__user_new(name);
    if (u)
        acl__user_copy(changed, u);
    return change(u, changed, rules, n, report);
}

struct acl_user *acl_user_new(struct slice name)
{
    struct acl_user *u = acl__user_new(name);
    list_push(&loose, &u->loose);
    return u;
}

struct acl_user *acl_user_ref(struct acl_user *user)
{
    user->refs++;
    return user;
}

void acl_user_unref(struct acl_user *user)
{
    if (user->refs == 1)
        list_remove(&user->loose);
    acl__user_free(user);
}

enum status acl_change_user(struct acl_user *user, const struct slice *rules, size_t n,
                            struct buf *report)
{
    struct acl_user *changed = acl__user_new(acl_name(user));
    acl__user_copy(changed, user);
    return change(user, changed, rules, n, report);
}

enum status acl_delete_user(struct slice name)
{
    struct acl_user *u = acl_find(name);
    if (!u)
        return ST_NOT_FOUND;
    if (u == acl_default())
        return ST_DENIED;
    acl_close_clients(u);
    radix_del(users, name, NULL);
    acl__user_free(u);
    return ST_OK;
}

static bool kick_step(void *arg, struct slice key, void *value)
{
    acl_close_clients(value);
    return true;
}

void acl__replace_users(struct radix *fresh)
{
    void *found = NULL;
    struct acl_user *keep = acl_default();
    if (radix_get(fresh, SLICE("default"), &found)) {
        acl__user_copy(keep, found);
        acl__user_free(found);
    } else {
        acl__make_default(keep);
    }
    radix_set(fresh, SLICE("default"), keep, NULL);
    radix_del(users, SLICE("default"), NULL);
    radix_walk(users, SLICE_NULL, kick_step, NULL);
    radix_free(users, free_user);
    users = fresh;
}

/* -- Logging in ---------------------------------------------------------------------------------------------------------- */

bool acl_authenticate(struct slice name, struct slice password, struct acl_user **user)
{
    struct acl_user *u = acl_find(name);
    unsigned char digest[32];
    char hex[ACL_HASH_TEXT + 1];
    crypto_sha256(password.p, password.n, digest);
    crypto_hex(digest, sizeof(digest), hex);
    bool ok = false;
    for (size_t i = 0; u && i < u->nsecrets; i++)
        if (crypto_equal(u->secrets[i].sha256, hex, ACL_HASH_TEXT))
            ok = true;
    if (!u || !acl_enabled(u) || !(ok || acl_nopass(u)))
        return false;
    *user = u;
    return true;
}

void acl_on_login(enum acl_login (*fn)(struct call *c, struct slice name, struct slice password,
                                       struct buf *why))
{
    ask_first = fn;
}

void acl_become(struct session *s, struct acl_user *user)
{
    hook_run(HOOK_SESSION_USER, s);
    s->user = user;
    s->flags |= SESS_AUTHENTICATED;
}

enum acl_login acl_login(struct call *c, struct slice name, struct slice password)
{
    struct acl_user *u = NULL;
    struct buf why = BUF_INIT;
    enum acl_login result = ask_first ? ask_first(c, name, password, &why) : ACL_LOGIN_PASS;
    if (result == ACL_LOGIN_PASS && acl_authenticate(name, password, &u)) {
        acl_become(c->s, u);
        result = ACL_LOGIN_OK;
    } else if (result == ACL_LOGIN_PASS) {
        acl__log(c, ACL_DENIED_AUTH, c->argv[0], name);
        result = ACL_LOGIN_DENIED;
    }
    if (result == ACL_LOGIN_DENIED && !c->failed) {
        if (!why.n)
            reply_error(c, "WRONGPASS invalid username-password pair or user is disabled.");
        else if (why.p[0] == '-')
            reply_error(c, buf_cstr(&why) + 1);
        else
            reply_errorf(c, "ERR %s", buf_cstr(&why));
    }
    buf_free(&why);
    return result;
}

void acl_attach(struct session *s)
{
    s->user = acl_default();
    if (acl_nopass(s->user) && acl_enabled(s->user))
        s->flags |= SESS_AUTHENTICATED;
}

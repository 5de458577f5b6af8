/* CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO. */
#include "services/tracking/tracking_commands.h"
#include "services/tracking/tracking_priv.h"
#include "session/reply.h"

struct wishes {
    unsigned mode;
    bool bcast;
    int64_t redirect;
    size_t nprefixes;
};

/* The prefixes stand in argv behind their words: i goes from one to the next; 0 at the end. */
static int next_prefix(const struct call *c, int i)
{
    for (i = i ? i + 1 : 3; i < c->argc; i++) {
        if (call_arg_is(c, i, "prefix"))
            return i + 1;
        if (call_arg_is(c, i, "redirect"))
            i++;
    }
    return 0;
}

static bool parse_redirect(struct call *c, int i, struct wishes *w)
{
    if (w->redirect) {
        reply_error(c, "ERR A client can only redirect to a single other client");
        return false;
    }
    if (!call_arg_int(c, i, &w->redirect, NULL))
        return false;
    if (w->redirect > 0 && session_by_id((uint64_t)w->redirect))
        return true;
    reply_error(c, "ERR The client ID you want redirect to does not exist");
    return false;
}

static bool parse(struct call *c, struct wishes *w)
{
    *w = (struct wishes){0, false, 0, 0};
    for (int i = 3; i < c->argc; i++) {
        bool more = i + 1 < c->argc;
        if (call_arg_is(c, i, "redirect") && more) {
            if (!parse_redirect(c, ++i, w))
                return false;
        } else if (call_arg_is(c, i, "prefix") && more) {
            w->nprefixes++;
            i++;
        } else if (call_arg_is(c, i, "bcast")) {
            w->bcast = true;
        } else if (call_arg_is(c, i, "optin")) {
            w->mode |= TRACKING_OPTIN;
        } else if (call_arg_is(c, i, "optout")) {
            w->mode |= TRACKING_OPTOUT;
        } else if (call_arg_is(c, i, "noloop")) {
            w->mode |= TRACKING_NOLOOP;
        } else {
            reply_syntax_error(c);
            return false;
        }
    }
    return true;
}

static bool overlap(struct slice a, struct slice b)
{
    return slice_starts(a, b) || slice_starts(b, a);
}

static void refuse_prefix(struct call *c, struct slice prefix, const char *which,
                          struct slice other)
{
    reply_errorf(c,
                 "ERR Prefix '%.*s' overlaps with %s prefix '%.*s'. Prefixes for a single client "
                 "must not overlap.",
                 SLICE_FMT(prefix), which, SLICE_FMT(other));
}

struct collision {
    struct slice prefix, with;
    bool found;
};

static bool collides(void *arg, struct slice existing)
{
    struct collision *x = arg;
    x->found = overlap(x->prefix, existing);
    x->with = existing;
    return !x->found;
}

/* A key that is below two prefixes of one client would be told twice. */
static bool prefixes_ok(struct call *c)
{
    const struct tracker *t = tracking__of(c->s);
    for (int i = next_prefix(c, 0); i; i = next_prefix(c, i)) {
        struct collision x = {.prefix = c->argv[i], .found = false};
        if (t)
            tracking__each_prefix(t, collides, &x);
        if (x.found) {
            refuse_prefix(c, c->argv[i], "an existing", x.with);
            return false;
        }
        for (int k = next_prefix(c, i); k; k = next_prefix(c, k)) {
            if (!overlap(c->argv[i], c->argv[k]))
                continue;
            refuse_prefix(c, c->argv[i], "another provided", c->argv[k]);
            return false;
        }
    }
    return true;
}

static const char *conflict(const struct session *s, const struct wishes *w)
{
    const struct tracker *t = tracking__of(s);
    unsigned opts = w->mode & (TRACKING_OPTIN | TRACKING_OPTOUT);
    if (w->nprefixes && !w->bcast)
        return "ERR PREFIX option requires BCAST mode to be enabled";
    if (t && w->bcast != ((s->flags & SESS_TRACKING_BCAST) != 0))
        return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, "
               "and then re-enabling it "
               "with a different mode.";
    if (w->bcast && opts)
        return "ERR OPTIN and OPTOUT are not compatible with BCAST";
    if (opts == (TRACKING_OPTIN | TRACKING_OPTOUT))
        return "ERR You can't specify both OPTIN mode and OPTOUT mode";
    unsigned other = (opts & TRACKING_OPTIN ? TRACKING_OPTOUT : 0u) |
                     (opts & TRACKING_OPTOUT ? TRACKING_OPTIN : 0u);
    if (t && (t->mode & other))
        return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, "
               "and then re-enabling "
               "it with a different mode.";
    return NULL;
}

void cmd_client_tracking(struct call *c)
{
    struct wishes w;
    if (!parse(c, &w))
        return;
    if (call_arg_is(c, 2, "off")) {
        tracking__off(c->s);
        reply_ok(c);
        return;
    }
    if (!call_arg_is(c, 2, "on")) {
        reply_syntax_error(c);
        return;
    }
    const char *why = conflict(c->s, &w);
    if (why) {
        reply_error(c, why);
        return;
    }
    if (w.bcast && !prefixes_ok(c))
        return;
    struct tracker *t = tracking__on(c->s, w.mode, w.bcast, (uint64_t)w.redirect);
    if (w.bcast && !w.nprefixes)
        tracking__add_prefix(t, SLICE(""));
    for (int i = next_prefix(c, 0); i && w.bcast; i = next_prefix(c, i))
        tracking__add_prefix(t, c->argv[i]);
    reply_ok(c);
}

void cmd_client_caching(struct call *c)
{
    struct tracker *t = tracking__of(c->s);
    if (!t || !(t->mode & (TRACKING_OPTIN | TRACKING_OPTOUT))) {
        reply_error(c, "ERR CLIENT CACHING can be called only when the client is in tracking mode "
                       "with OPTIN or OPTOUT "
                       "mode enabled");
        return;
    }
    bool yes = call_arg_is(c, 2, "yes");
    if (!yes && !call_arg_is(c, 2, "no")) {
        reply_syntax_error(c);
        return;
    }
    if (yes && !(t->mode & TRACKING_OPTIN)) {
        reply_error(c,
                    "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
        return;
    }
    if (!yes && !(t->mode & TRACKING_OPTOUT)) {
        reply_error(c,
                    "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
        return;
    }
    t->mode |= TRACKING_CACHING;
    reply_ok(c);
}

static int64_t redirect_of(const struct session *s)
{
    return s->flags & SESS_TRACKING ? (int64_t)s->redirect : -1;
}

void cmd_client_getredir(struct call *c)
{
    reply_int(c, redirect_of(c->s));
}

static bool reply_prefix(void *arg, struct slice prefix)
{
    reply_bulk(arg, prefix);
    return true;
}

static bool count_prefix(void *arg, struct slice prefix)
{
    ++*(size_t *)arg;
    return true;
}

static void reply_flags(struct call *c, const struct tracker *t)
{
    const char *words[8];
    size_t n = 0;
    bool caching = t && (t->mode & TRACKING_CACHING);
    words[n++] = t ? "on" : "off";
    if (c->s->flags & SESS_TRACKING_BCAST)
        words[n++] = "bcast";
    if (t && (t->mode & TRACKING_OPTIN)) {
        words[n++] = "optin";
        if (caching)
            words[n++] = "caching-yes";
    }
    if (t && (t->mode & TRACKING_OPTOUT)) {
        words[n++] = "optout";
        if (caching)
            words[n++] = "caching-no";
    }
    if (t && (t->mode & TRACKING_NOLOOP))
        words[n++] = "noloop";
    if (c->s->flags & SESS_TRACKING_BROKEN)
        words[n++] = "broken_redirect";
    reply_set(c, n);
    for (size_t i = 0; i < n; i++)
        reply_str(c, words[i]);
}

void cmd_client_trackinginfo(struct call *c)
{
    const struct tracker *t = tracking__of(c->s);
    size_t nprefixes = 0;
    reply_map(c, 3);
    reply_str(c, "flags");
    reply_flags(c, t);
    reply_str(c, "redirect");
    reply_int(c, redirect_of(c->s));
    reply_str(c, "prefixes");
    if (t)
        tracking__each_prefix(t, count_prefix, &nprefixes);
    reply_array(c, nprefixes);
    if (t)
        tracking__each_prefix(t, reply_prefix, c);
}

/* The table of options: registration, look-up, what hangs on a change, and the one place that takes several new values at
 * once or none. */
#include "base/dict.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/admin.h"
#include "config/config_priv.h"

#include <stdlib.h>

static struct config_entry *entries;
static size_t entry_count, entry_cap;
static bool entries_sorted;
static struct dict *names; /* name or alias -> struct config_option, any case */

void config_register(const struct config_option *rows, size_t n)
{
    if (!names)
        names = dict_new(DICT_NOCASE, NULL);
    if (entry_count + n > entry_cap) {
        entry_cap = (entry_count + n) * 2;
        entries = mem_realloc(entries, entry_cap * sizeof(*entries));
    }
    for (size_t i = 0; i < n; i++) {
        const struct config_option *opt = &rows[i];
        /* dict values are not const; they are only handed out as const again. */
        void *value = (void *)(uintptr_t)opt;
        bool added = dict_add(names, slice_str(opt->name), value);
        if (!added || (opt->alias && !dict_add(names, slice_str(opt->alias), value))) {
            log_warning(LOG_CONFIG, "option '%s' or its alias is declared twice", opt->name);
            orbit_assert(!"option declared twice");
        }
        orbit_assert(opt->kind != CONFIG_KIND_CUSTOM || opt->custom->set);
        orbit_assert(opt->kind != CONFIG_KIND_CUSTOM || opt->custom->get ||
                     (opt->flags & CONFIG_DIRECTIVE));
        entries[entry_count++] = (struct config_entry){.opt = opt};
        config__init_value(opt);
    }
    entries_sorted = false;
}

void config_unregister(const struct config_option *row)
{
    struct config_entry *e = config__entry(slice_str(row->name));
    orbit_assert(e && e->opt == row);
    config__free_value(row);
    (void)dict_take(names, slice_str(row->name));
    if (row->alias)
        (void)dict_take(names, slice_str(row->alias));
    size_t at = (size_t)(e - entries);
    memmove(e, e + 1, (entry_count - at - 1) * sizeof(*e));
    entry_count--;
}

static int by_name(const void *a, const void *b)
{
    const struct config_entry *x = a, *y = b;
    return strcmp(x->opt->name, y->opt->name);
}

struct config_entry *config__entries(size_t *n)
{
    if (!entries_sorted && entry_count) {
        qsort(entries, entry_count, sizeof(*entries), by_name);
        entries_sorted = true;
    }
    *n = entry_count;
    return entries;
}

const struct config_option *config_find(struct slice name)
{
    return names ? dict_get(names, name) : NULL;
}

struct config_entry *config__entry(struct slice name)
{
    const struct config_option *opt = config_find(name);
    if (!opt)
        return NULL;
    size_t n;
    struct config_entry *all = config__entries(&n);
    struct config_entry key = {.opt = opt};
    return bsearch(&key, all, n, sizeof(*all), by_name);
}

void config_each(bool (*fn)(void *arg, const struct config_option *opt), void *arg)
{
    size_t n;
    struct config_entry *all = config__entries(&n);
    for (size_t i = 0; i < n; i++)
        if (!fn(arg, all[i].opt))
            return;
}

void config_on_change(const char *name, config_apply_fn fn, void *arg)
{
    struct config_entry *e = config__entry(slice_str(name));
    orbit_assert(e && e->napply < CONFIG_HOOKS_MAX);
    e->apply[e->napply] = fn;
    e->apply_arg[e->napply++] = arg;
}

void config_on_check(const char *name, config_check_fn fn)
{
    struct config_entry *e = config__entry(slice_str(name));
    orbit_assert(e && !e->check);
    e->check = fn;
}

enum status config_set(struct slice name, const struct slice *argv, size_t argc, bool from_file,
                       struct error *err)
{
    struct config_entry *e = config__entry(name);
    if (!e)
        return error_set(err, ST_NOT_FOUND, "unknown option '%.*s'", SLICE_FMT(name));
    if (from_file)
        return config__store_line(e, argv, argc, err);
    return config__store(e, argv, argc, false, err);
}

enum status config_get(struct slice name, struct buf *out)
{
    const struct config_option *opt = config_find(name);
    if (!opt || (opt->flags & CONFIG_DIRECTIVE))
        return ST_NOT_FOUND;
    config_value(opt, out);
    return ST_OK;
}

/* -- Several at once ----------------------------------------------------------------------------------------------------- */

struct change {
    struct config_entry *e;
    struct buf old;
    bool changed;
};

static enum status refuse(struct error *err, const char *name, const char *why)
{
    return error_set(err, ST_INVALID, "CONFIG SET failed (possibly related to argument '%s') - %s",
                     name, why);
}

/* Tools write back what CONFIG GET gave them and know which of Redis's options they must leave out, but not ours: these may
 * be set to what they are. */
static bool is_kept(const struct config_option *opt, struct slice value)
{
    if (!(opt->flags & CONFIG_ORBIT))
        return false;
    struct buf now = BUF_INIT;
    config_value(opt, &now);
    bool same = slice_eq(buf_slice(&now), value);
    buf_free(&now);
    return same;
}

static enum status check_pairs(const struct config_pair *pairs, size_t n, unsigned flags,
                               struct change *changes, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        struct config_entry *e = config__entry(pairs[i].name);
        if (!e || (e->opt->flags & CONFIG_DIRECTIVE))
            return error_set(err, ST_NOT_FOUND,
                             "Unknown option or number of arguments for CONFIG SET - '%.*s'",
                             SLICE_FMT(pairs[i].name));
        char given[80];
        size_t len = pairs[i].name.n < sizeof(given) - 1 ? pairs[i].name.n : sizeof(given) - 1;
        memcpy(given, pairs[i].name.p, len);
        given[len] = '\0';
        if ((e->opt->flags & CONFIG_IMMUTABLE) && !is_kept(e->opt, pairs[i].value))
            return refuse(err, given, "can't set immutable config");
        if ((e->opt->flags & CONFIG_PROTECTED) && !(flags & CONFIG_SET_PROTECTED_OK))
            return refuse(err, given, "can't set protected config");
        if ((e->opt->flags & CONFIG_DENY_LOADING) && (flags & CONFIG_SET_LOADING))
            return error_set(err, ST_BUSY, "'%s' cannot be set while data is loaded", given);
        for (size_t j = 0; j < i; j++)
            if (changes[j].e == e)
                return refuse(err, given, "duplicate parameter");
        changes[i].e = e;
    }
    return ST_OK;
}

/* Calls what hangs on the changed options, each function once. The index of the failing one is in *failed. */
static enum status apply_all(const struct change *changes, size_t n, size_t *failed,
                             struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct config_entry *e = changes[i].e;
        for (unsigned k = 0; changes[i].changed && k < e->napply; k++) {
            bool done = false;
            for (size_t j = 0; j < i && !done; j++)
                for (unsigned m = 0; changes[j].changed && m < changes[j].e->napply && !done; m++)
                    done = changes[j].e->apply[m] == e->apply[k] &&
                           changes[j].e->apply_arg[m] == e->apply_arg[k];
            enum status st = done ? ST_OK : e->apply[k](e->apply_arg[k], err);
            if (st != ST_OK) {
                *failed = i;
                return st;
            }
        }
    }
    return ST_OK;
}

static void put_back(struct change *changes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct error err = {0};
        if (config__store_text(changes[i].e, buf_slice(&changes[i].old), false, &err) != ST_OK)
            log_warning(LOG_CONFIG,
                        "option '%s' could not be put back after a failed CONFIG SET: %s",
                        changes[i].e->opt->name, err.message);
    }
}

static enum status set_pairs(const struct config_pair *pairs, size_t n, struct change *changes,
                             struct error *err)
{
    struct error why = {0};
    for (size_t i = 0; i < n; i++)
        config_value(changes[i].e->opt, &changes[i].old);
    for (size_t i = 0; i < n; i++) {
        struct buf now = BUF_INIT;
        enum status st = config__store_text(changes[i].e, pairs[i].value, false, &why);
        if (st != ST_OK) {
            put_back(changes, i);
            return refuse(err, changes[i].e->opt->name, why.message);
        }
        config_value(changes[i].e->opt, &now);
        changes[i].changed = (changes[i].e->opt->flags & CONFIG_VOLATILE) ||
                             !slice_eq(buf_slice(&now), buf_slice(&changes[i].old));
        buf_free(&now);
    }
    size_t failed = 0;
    if (apply_all(changes, n, &failed, &why) == ST_OK)
        return ST_OK;
    log_warning(LOG_CONFIG, "CONFIG SET failed, possibly at '%s'; the former values are put back",
                changes[failed].e->opt->name);
    put_back(changes, n);
    struct error ignored = {0};
    size_t again = 0;
    if (apply_all(changes, n, &again, &ignored) != ST_OK)
        log_warning(LOG_CONFIG, "applying the former value of '%s' failed: %s",
                    changes[again].e->opt->name, ignored.message);
    return refuse(err, changes[failed].e->opt->name, why.message);
}

enum status config_set_all(const struct config_pair *pairs, size_t n, unsigned flags,
                           struct error *err)
{
    struct change *changes = mem_calloc(n ? n : 1, sizeof(*changes));
    enum status st = check_pairs(pairs, n, flags, changes, err);
    if (st == ST_OK)
        st = set_pairs(pairs, n, changes, err);
    for (size_t i = 0; i < n; i++)
        buf_free(&changes[i].old);
    mem_free(changes);
    return st;
}

void config_log_no_effect(void)
{
    size_t n;
    struct config_entry *all = config__entries(&n);
    for (size_t i = 0; i < n; i++) {
        const struct config_option *opt = all[i].opt;
        if (!(opt->flags & CONFIG_NO_EFFECT))
            continue;
        struct buf now = BUF_INIT, usual = BUF_INIT;
        config_value(opt, &now);
        config_default(opt, &usual);
        if (!slice_eq(buf_slice(&now), buf_slice(&usual)))
            log_notice(LOG_CONFIG,
                       "option '%s' is accepted for compatibility and has no effect here",
                       opt->name);
        buf_free(&now);
        buf_free(&usual);
    }
}

void config_reset(void)
{
    for (size_t i = 0; i < entry_count; i++)
        config__free_value(entries[i].opt);
    mem_free(entries);
    entries = NULL;
    entry_count = entry_cap = 0;
    dict_free(names);
    names = NULL;
    config__load_reset();
}

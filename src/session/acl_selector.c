/* Selectors: sets of allowed commands, keys and channels, and the rules that change them.
 *
 * Commands are a bit set by command id, beside the list of rules as they were given: the bits decide, the list is what
 * ACL LIST shows. A new rule removes the rules that it covers, "+config" also "+config|get". */
#include "base/mem.h"
#include "session/acl_priv.h"
#include "session/session_options.h"

#include <ctype.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* -- Patterns ------------------------------------------------------------------------------------------------------------ */

static void patterns_clear(struct acl_pattern **v, size_t *n)
{
    for (size_t i = 0; i < *n; i++)
        mem_free((*v)[i].p);
    mem_free(*v);
    *v = NULL;
    *n = 0;
}

static void patterns_add(struct acl_pattern **v, size_t *n, struct slice p, unsigned access)
{
    for (size_t i = 0; i < *n; i++) {
        if (slice_eq(slice_make((*v)[i].p, (*v)[i].n), p)) {
            (*v)[i].access |= access;
            return;
        }
    }
    *v = mem_realloc(*v, (*n + 1) * sizeof(**v));
    (*v)[(*n)++] = (struct acl_pattern){mem_strndup(p.p, p.n), p.n, access};
}

static void patterns_copy(struct acl_pattern **to, size_t *nto, const struct acl_pattern *v,
                          size_t n)
{
    *to = n ? mem_alloc(n * sizeof(*v)) : NULL;
    *nto = n;
    for (size_t i = 0; i < n; i++)
        (*to)[i] = (struct acl_pattern){mem_strndup(v[i].p, v[i].n), v[i].n, v[i].access};
}

/* -- The list of rules --------------------------------------------------------------------------------------------------- */

static void rules_clear(struct acl_selector *s)
{
    for (size_t i = 0; i < s->nrules; i++)
        mem_free(s->rules[i].text);
    mem_free(s->rules);
    s->rules = NULL;
    s->nrules = 0;
}

/* text is lower case. */
static bool rule_covers(const char *text, const char *older)
{
    size_t n = strlen(text);
    return strncmp(older, text, n) == 0 && (older[n] == '\0' || older[n] == '|');
}

static void rules_add(struct acl_selector *s, struct slice word, bool allow)
{
    char *text = mem_strndup(word.p, word.n);
    for (char *c = text; *c; c++)
        *c = lower(*c);
    size_t kept = 0;
    for (size_t i = 0; i < s->nrules; i++) {
        if (rule_covers(text, s->rules[i].text))
            mem_free(s->rules[i].text);
        else
            s->rules[kept++] = s->rules[i];
    }
    s->nrules = kept;
    s->rules = mem_realloc(s->rules, (s->nrules + 1) * sizeof(*s->rules));
    s->rules[s->nrules++] = (struct acl_rule){text, allow};
}

/* -- Commands ------------------------------------------------------------------------------------------------------------ */

static void first_args_remove(struct acl_selector *s, int id)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->nfirst_args; i++) {
        if (id < 0 || s->first_args[i].id == id)
            mem_free(s->first_args[i].arg);
        else
            s->first_args[kept++] = s->first_args[i];
    }
    s->nfirst_args = kept;
    if (kept == 0) {
        mem_free(s->first_args);
        s->first_args = NULL;
    }
}

static void set_bit(struct acl_selector *s, int id, bool allow)
{
    orbit_assert(id >= 0);
    size_t word = (size_t)id / 64;
    uint64_t bit = UINT64_C(1) << (id % 64);
    if (word >= s->nwords) {
        s->commands = mem_realloc(s->commands, (word + 1) * sizeof(*s->commands));
        memset(s->commands + s->nwords, s->beyond ? 0xff : 0,
               (word + 1 - s->nwords) * sizeof(*s->commands));
        s->nwords = word + 1;
    }
    if (allow) {
        s->commands[word] |= bit;
    } else {
        s->commands[word] &= ~bit;
        s->flags &= ~(unsigned)ACL_ALL_COMMANDS;
    }
}

static void set_command(struct acl_selector *s, struct command *cmd, bool allow)
{
    set_bit(s, cmd->id, allow);
    first_args_remove(s, cmd->id);
    for (size_t i = 0; i < cmd->nsubs; i++)
        set_bit(s, cmd->subs[i]->id, allow);
}

static void set_all_commands(struct acl_selector *s, bool allow)
{
    mem_free(s->commands);
    s->commands = NULL;
    s->nwords = 0;
    s->beyond = allow;
    s->flags &= ~(unsigned)(ACL_ALL_COMMANDS | ACL_FUTURE_COMMANDS);
    if (allow)
        s->flags |= ACL_ALL_COMMANDS | ACL_FUTURE_COMMANDS;
    rules_clear(s);
    first_args_remove(s, -1);
}

struct category_change {
    struct acl_selector *s;
    uint32_t category;
    bool allow;
};

static bool change_category(void *arg, struct command *cmd)
{
    struct category_change *c = arg;
    if (cmd->acl & c->category)
        set_command(c->s, cmd, c->allow);
    for (size_t i = 0; i < cmd->nsubs; i++)
        if (cmd->subs[i]->acl & c->category)
            set_command(c->s, cmd->subs[i], c->allow);
    return true;
}

static enum status unknown_command(struct error *err)
{
    return error_set(err, ST_NOT_FOUND, "Unknown command or category name in ACL");
}

static enum status syntax_error(struct error *err)
{
    return error_set(err, ST_SYNTAX, "Syntax error");
}

/* word: "@string". */
static enum status apply_category(struct acl_selector *s, struct slice word, bool allow,
                                  struct error *err)
{
    int category = acl_category_find(slice_make(word.p + 1, word.n - 1));
    if (category < 0)
        return unknown_command(err);
    struct category_change change = {s, UINT32_C(1) << category, allow};
    rules_add(s, word, allow);
    command_each_original(change_category, &change);
    return ST_OK;
}

/* word: "select|0", "config|get", with a bar. */
static enum status allow_part(struct acl_selector *s, struct slice word, struct error *err)
{
    size_t bar = word.n - 1;
    while (word.p[bar] != '|')
        bar--;
    struct slice sub = slice_make(word.p + bar + 1, word.n - bar - 1);
    struct command *cmd = command_find_original(slice_make(word.p, bar));
    if (!cmd)
        return unknown_command(err);
    if (cmd->parent)
        return error_set(err, ST_UNSUPPORTED,
                         "Allowing first-arg of a subcommand is not supported");
    if (sub.n == 0 || acl__has_spaces(sub))
        return syntax_error(err);
    if (cmd->nsubs) {
        struct command *found = command_sub(cmd, sub);
        if (!found)
            return unknown_command(err);
        set_command(s, found, true);
    } else {
        for (size_t i = 0; i < s->nfirst_args; i++)
            if (s->first_args[i].id == cmd->id && slice_is(sub, s->first_args[i].arg))
                goto known;
        s->first_args = mem_realloc(s->first_args, (s->nfirst_args + 1) * sizeof(*s->first_args));
        s->first_args[s->nfirst_args++] =
            (struct acl_first_arg){cmd->id, mem_strndup(sub.p, sub.n)};
    }
known:
    rules_add(s, word, true);
    return ST_OK;
}

/* word: without the sign. */
static enum status apply_command(struct acl_selector *s, struct slice word, bool allow,
                                 struct error *err)
{
    if (word.n && word.p[0] == '@')
        return apply_category(s, word, allow, err);
    if (allow && memchr(word.p, '|', word.n))
        return allow_part(s, word, err);
    struct command *cmd = command_find_original(word);
    if (!cmd)
        return unknown_command(err);
    set_command(s, cmd, allow);
    rules_add(s, slice_str(cmd->fullname), allow);
    return ST_OK;
}

void acl__selector_recompute(struct acl_selector *s)
{
    struct acl_rule *rules = s->rules;
    size_t n = s->nrules;
    s->rules = NULL;
    s->nrules = 0;
    set_all_commands(s, (s->flags & ACL_FUTURE_COMMANDS) != 0);
    for (size_t i = 0; i < n; i++) {
        struct slice word = slice_str(rules[i].text);
        if (apply_command(s, word, rules[i].allow, NULL) != ST_OK)
            rules_add(s, word, rules[i].allow);
        mem_free(rules[i].text);
    }
    mem_free(rules);
}

/* -- Keys and channels --------------------------------------------------------------------------------------------------- */

static enum status add_keys(struct acl_selector *s, struct slice rule, struct error *err)
{
    if (s->flags & ACL_ALL_KEYS)
        return error_set(err, ST_EXISTS,
                         "Adding a pattern after the * pattern (or the 'allkeys' flag) is not "
                         "valid and does not have any "
                         "effect. Try 'resetkeys' to start with an empty list of patterns");
    unsigned access = ACL_READ | ACL_WRITE;
    size_t at = 1;
    if (rule.p[0] == '%') {
        access = 0;
        for (; at < rule.n && rule.p[at] != '~'; at++) {
            char c = lower(rule.p[at]);
            unsigned bit = c == 'r' ? ACL_READ : c == 'w' ? ACL_WRITE : 0;
            if (!bit || (access & bit))
                return syntax_error(err);
            access |= bit;
        }
        if (!access)
            return syntax_error(err);
        if (at < rule.n)
            at++; /* the tilde */
    }
    struct slice pattern = slice_make(rule.p + at, rule.n - at);
    if (acl__has_spaces(pattern))
        return syntax_error(err);
    patterns_add(&s->keys, &s->nkeys, pattern, access);
    return ST_OK;
}

static enum status add_channels(struct acl_selector *s, struct slice rule, struct error *err)
{
    if (s->flags & ACL_ALL_CHANNELS)
        return error_set(err, ST_EXISTS,
                         "Adding a pattern after the * pattern (or the 'allchannels' flag) is not "
                         "valid and does not have "
                         "any effect. Try 'resetchannels' to start with an empty list of channels");
    struct slice pattern = slice_make(rule.p + 1, rule.n - 1);
    if (acl__has_spaces(pattern))
        return syntax_error(err);
    patterns_add(&s->channels, &s->nchannels, pattern, 0);
    return ST_OK;
}

/* -- Selectors ----------------------------------------------------------------------------------------------------------- */

static void reset_keys(struct acl_selector *s, bool all)
{
    patterns_clear(&s->keys, &s->nkeys);
    s->flags = all ? s->flags | ACL_ALL_KEYS : s->flags & ~(unsigned)ACL_ALL_KEYS;
}

static void reset_channels(struct acl_selector *s, bool all)
{
    patterns_clear(&s->channels, &s->nchannels);
    s->flags = all ? s->flags | ACL_ALL_CHANNELS : s->flags & ~(unsigned)ACL_ALL_CHANNELS;
}

enum status acl__selector_apply(struct acl_selector *s, struct slice rule, struct error *err)
{
    if (rule.n == 0)
        return ST_OK;
    if (slice_is(rule, "allkeys") || slice_is(rule, "~*"))
        reset_keys(s, true);
    else if (slice_is(rule, "resetkeys"))
        reset_keys(s, false);
    else if (slice_is(rule, "allchannels") || slice_is(rule, "&*"))
        reset_channels(s, true);
    else if (slice_is(rule, "resetchannels"))
        reset_channels(s, false);
    else if (slice_is(rule, "allcommands") || slice_is(rule, "+@all"))
        set_all_commands(s, true);
    else if (slice_is(rule, "nocommands") || slice_is(rule, "-@all"))
        set_all_commands(s, false);
    else if (rule.p[0] == '~' || rule.p[0] == '%')
        return add_keys(s, rule, err);
    else if (rule.p[0] == '&')
        return add_channels(s, rule, err);
    else if (rule.p[0] == '+' || rule.p[0] == '-')
        return apply_command(s, slice_make(rule.p + 1, rule.n - 1), rule.p[0] == '+', err);
    else
        return syntax_error(err);
    return ST_OK;
}

void acl__selector_reset(struct acl_selector *s)
{
    reset_keys(s, false);
    reset_channels(s, session_opts.acl_pubsub_default == SESSION_PUBSUB_ALL);
    set_all_commands(s, false);
}

struct acl_selector *acl__selector_new(void)
{
    struct acl_selector *s = mem_calloc(1, sizeof(*s));
    acl__selector_reset(s);
    return s;
}

struct acl_selector *acl__selector_copy(const struct acl_selector *s)
{
    struct acl_selector *c = mem_alloc(sizeof(*c));
    *c = *s;
    c->commands = s->nwords ? mem_alloc(s->nwords * sizeof(*s->commands)) : NULL;
    if (s->nwords)
        memcpy(c->commands, s->commands, s->nwords * sizeof(*s->commands));
    patterns_copy(&c->keys, &c->nkeys, s->keys, s->nkeys);
    patterns_copy(&c->channels, &c->nchannels, s->channels, s->nchannels);
    c->first_args = s->nfirst_args ? mem_alloc(s->nfirst_args * sizeof(*s->first_args)) : NULL;
    for (size_t i = 0; i < s->nfirst_args; i++)
        c->first_args[i] =
            (struct acl_first_arg){s->first_args[i].id, mem_strdup(s->first_args[i].arg)};
    c->rules = s->nrules ? mem_alloc(s->nrules * sizeof(*s->rules)) : NULL;
    for (size_t i = 0; i < s->nrules; i++)
        c->rules[i] = (struct acl_rule){mem_strdup(s->rules[i].text), s->rules[i].allow};
    return c;
}

void acl__selector_free(struct acl_selector *s)
{
    patterns_clear(&s->keys, &s->nkeys);
    patterns_clear(&s->channels, &s->nchannels);
    rules_clear(s);
    first_args_remove(s, -1);
    mem_free(s->commands);
    mem_free(s);
}

bool acl__has_spaces(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\0' || isspace((unsigned char)s.p[i]))
            return true;
    return false;
}

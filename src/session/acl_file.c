/* Where users come from at the start: "user" lines of the configuration, or the ACL file, which ACL LOAD and ACL SAVE read
 * and write. One line a user: "user <name> <rule>...". */
#include "base/log.h"
#include "base/mem.h"
#include "base/radix.h"
#include "config/config.h"
#include "session/acl_priv.h"
#include "session/info.h"
#include "session/session_options.h"
#include "storage/files.h"

#include <errno.h>

/* -- Lines of the configuration ------------------------------------------------------------------------------------------ */

struct user_line {
    char *text; /* name and rules, each with its NUL */
    struct slice *words;
    size_t n;
};

static struct user_line *lines; /* kept until acl_start has read them */
static size_t nlines;

static void free_lines(void)
{
    for (size_t i = 0; i < nlines; i++) {
        mem_free(lines[i].text);
        mem_free(lines[i].words);
    }
    mem_free(lines);
    lines = NULL;
    nlines = 0;
}

static struct user_line copy_line(const struct slice *argv, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += argv[i].n + 1;
    struct user_line l = {mem_alloc(bytes), mem_alloc(n * sizeof(struct slice)), n};
    char *at = l.text;
    for (size_t i = 0; i < n; i++) {
        memcpy(at, argv[i].p, argv[i].n);
        at[argv[i].n] = '\0';
        l.words[i] = slice_make(at, argv[i].n);
        at += argv[i].n + 1;
    }
    return l;
}

static enum status user_line_set(const struct slice *argv, size_t argc, bool from_file,
                                 struct error *err)
{
    if (argc < 1)
        return error_set(err, ST_INVALID, "wrong number of arguments");
    if (acl__has_spaces(argv[0]))
        return error_set(
            err, ST_INVALID,
            "Error in user declaration '%.*s': Usernames can't contain spaces or null characters",
            SLICE_FMT(argv[0]));
    for (size_t i = 0; i < nlines; i++)
        if (slice_eq(lines[i].words[0], argv[0]))
            return error_set(err, ST_EXISTS,
                             "Error in user declaration '%.*s': Duplicate user found. A user can "
                             "only be defined once in "
                             "config files",
                             SLICE_FMT(argv[0]));
    struct acl_user *trial = acl__user_new(argv[0]);
    struct buf word = BUF_INIT;
    struct error why;
    enum status st = acl__user_apply_all(trial, argv + 1, argc - 1, &word, &why);
    acl__user_free(trial);
    if (st == ST_OK ||
        st == ST_NOT_FOUND) { /* commands of modules are not known yet: acl_start decides */
        lines = mem_realloc(lines, (nlines + 1) * sizeof(*lines));
        lines[nlines++] = copy_line(argv, argc);
        st = ST_OK;
    } else {
        error_set(err, st, "Error in user declaration '%.*s': %s", SLICE_FMT(buf_slice(&word)),
                  why.message);
    }
    buf_free(&word);
    return st;
}

/* A word as the configuration file reads it back. */
static void put_word(struct buf *out, struct slice word)
{
    bool plain = word.n != 0;
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] <= ' ' || word.p[i] == '"' || word.p[i] == '\'' || word.p[i] == '\\' ||
            word.p[i] > '~')
            plain = false;
    if (plain)
        buf_put_slice(out, word);
    else
        buf_put_quoted(out, word);
}

static void rewrite_user(void *arg, const struct acl_user *user)
{
    struct buf *out = arg, text = BUF_INIT;
    acl_describe(user, &text);
    buf_put_str(out, "user ");
    put_word(out, acl_name(user));
    for (size_t at = 0; at < text.n;) {
        const char *space = memchr(text.p + at, ' ', text.n - at);
        size_t end = space ? (size_t)(space - text.p) : text.n;
        buf_put_byte(out, ' ');
        put_word(out, slice_make(text.p + at, end - at));
        at = end + 1;
    }
    buf_put_byte(out, '\n');
    buf_free(&text);
}

static void rewrite_users(struct buf *out)
{
    if (session_opts.aclfile[0] == '\0')
        acl_each(rewrite_user, out);
}

const struct config_custom acl_user_option = {.set = user_line_set, .rewrite = rewrite_users};

/* -- The ACL file -------------------------------------------------------------------------------------------------------- */

struct words {
    struct slice *v;
    size_t n, cap;
};

static void split(struct words *w, struct slice line)
{
    w->n = 0;
    for (size_t at = 0; at < line.n;) {
        const char *space = memchr(line.p + at, ' ', line.n - at);
        size_t end = space ? (size_t)(space - line.p) : line.n;
        if (end > at) {
            if (w->n == w->cap) {
                w->cap = w->cap ? w->cap * 2 : 16;
                w->v = mem_realloc(w->v, w->cap * sizeof(*w->v));
            }
            w->v[w->n++] = slice_make(line.p + at, end - at);
        }
        at = end + 1;
    }
}

static struct slice trim(struct slice s)
{
    while (s.n && memchr(" \t\r\n", s.p[0], 4)) {
        s.p++;
        s.n--;
    }
    while (s.n && memchr(" \t\r\n", s.p[s.n - 1], 4))
        s.n--;
    return s;
}

/* Appends to report what is wrong with the line. */
static void load_line(struct radix *users, const struct words *w, unsigned number,
                      struct buf *report)
{
    const char *file = session_opts.aclfile;
    void *there = NULL;
    if (w->n < 2 || !slice_eq(w->v[0], SLICE("user"))) {
        buf_printf(report, "%s:%u should start with user keyword followed by the username. ", file,
                   number);
        return;
    }
    if (acl__has_spaces(w->v[1])) {
        buf_printf(report, "'%s:%u: username '%.*s' contains invalid characters. ", file, number,
                   SLICE_FMT(w->v[1]));
        return;
    }
    if (radix_get(users, w->v[1], &there)) {
        buf_printf(report, "WARNING: Duplicate user '%.*s' found on line %u. ", SLICE_FMT(w->v[1]),
                   number);
        return;
    }
    struct acl_user *u = acl__user_new(w->v[1]);
    struct buf word = BUF_INIT;
    struct error err;
    enum status st = acl__user_apply_all(u, w->v + 2, w->n - 2, &word, &err);
    if (st == ST_END)
        buf_printf(report, "%s:%u: Unmatched parenthesis in selector definition.", file, number);
    else if (st == ST_NOT_FOUND)
        buf_printf(report, "%s:%u: Error in applying operation '%.*s': %s. ", file, number,
                   SLICE_FMT(buf_slice(&word)), err.message);
    else if (st != ST_OK)
        buf_printf(report, "%s:%u: %s. ", file, number, err.message);
    buf_free(&word);
    if (st == ST_OK)
        radix_set(users, w->v[1], u, NULL);
    else
        acl__user_free(u);
}

static void free_user(void *u)
{
    acl__user_free(u);
}

static void load_text(struct radix *users, struct slice text, struct buf *report)
{
    struct words w = {0};
    unsigned number = 0;
    for (size_t at = 0; at < text.n;) {
        const char *nl = memchr(text.p + at, '\n', text.n - at);
        size_t end = nl ? (size_t)(nl - text.p) : text.n;
        struct slice line = trim(slice_make(text.p + at, end - at));
        at = end + 1;
        number++;
        if (line.n == 0)
            continue;
        split(&w, line);
        load_line(users, &w, number, report);
    }
    mem_free(w.v);
}

enum status acl_load(struct buf *report)
{
    const char *file = session_opts.aclfile;
    struct buf text = BUF_INIT;
    struct error err;
    enum status st = stor_file_read(file, &text, &err);
    if (st != ST_OK) {
        buf_printf(report, "Error loading ACLs, opening file '%s': %s", file,
                   st == ST_NOT_FOUND ? strerror(ENOENT) : err.message);
        buf_free(&text);
        return st;
    }
    struct radix *users = radix_new();
    load_text(users, buf_slice(&text), report);
    buf_free(&text);
    if (report->n) {
        buf_put_str(report, "WARNING: ACL errors detected, no change to the previously active ACL "
                            "rules was performed");
        radix_free(users, free_user);
        return ST_SYNTAX;
    }
    acl__replace_users(users);
    return ST_OK;
}

static void save_user(void *arg, const struct acl_user *user)
{
    struct buf *out = arg;
    buf_printf(out, "user %.*s ", SLICE_FMT(acl_name(user)));
    acl_describe(user, out);
    buf_put_byte(out, '\n');
}

enum status acl_save(struct error *err)
{
    struct buf text = BUF_INIT;
    acl_each(save_user, &text);
    enum status st = stor_file_replace(session_opts.aclfile, buf_slice(&text), err);
    if (st != ST_OK)
        log_warning(LOG_SESSION, "Cannot save the ACL file: %s", err->message);
    buf_free(&text);
    return st;
}

/* -- The start ----------------------------------------------------------------------------------------------------------- */

static enum status apply_requirepass(void *arg, struct error *err)
{
    struct acl_user *u = acl_default();
    struct buf rule = BUF_INIT;
    buf_put_byte(&rule, '>');
    buf_put_slice(&rule, buf_slice(&session_opts.requirepass));
    enum status st = acl__user_apply(u, SLICE("resetpass"), err);
    if (st == ST_OK)
        st = acl__user_apply(u, rule.n > 1 ? buf_slice(&rule) : SLICE("nopass"), err);
    buf_free(&rule);
    return st;
}

static enum status load_user_line(const struct user_line *l, struct error *err)
{
    struct acl_user *u = acl_find(l->words[0]);
    if (!u)
        u = acl__user_add(l->words[0]);
    enum status st = acl__user_apply(u, SLICE("reset"), err);
    struct buf word = BUF_INIT;
    struct error why;
    if (st == ST_OK)
        st = acl__user_apply_all(u, l->words + 1, l->n - 1, &word, &why);
    if (st != ST_OK) {
        log_warning(LOG_SESSION, "Error loading ACL rule '%.*s' for the user named '%.*s': %s",
                    SLICE_FMT(buf_slice(&word)), SLICE_FMT(l->words[0]), why.message);
        error_set(err, st, "Critical error while loading ACLs. Exiting.");
    } else if (!acl_enabled(u)) {
        log_notice(LOG_SESSION,
                   "The user '%.*s' is disabled (there is no 'on' modifier in the user "
                   "description). Make sure this is not "
                   "a configuration error.",
                   SLICE_FMT(l->words[0]));
    }
    buf_free(&word);
    return st;
}

static enum status load_file(struct error *err)
{
    struct buf report = BUF_INIT;
    enum status st = acl_load(&report);
    if (st != ST_OK) {
        log_warning(LOG_SESSION, "Aborting startup because of ACL errors: %.*s",
                    SLICE_FMT(buf_slice(&report)));
        error_set(err, st, "cannot load the ACL file '%s': the log says why", session_opts.aclfile);
    } else if (session_opts.requirepass.n) {
        log_warning(LOG_SESSION, "requirepass has no effect: the users come from the ACL file");
    }
    buf_free(&report);
    return st;
}

enum status acl_start(struct error *err)
{
    config_on_change("requirepass", apply_requirepass, NULL);
    info_register("stats", acl__info);
    enum status st = apply_requirepass(NULL, err);
    bool file = session_opts.aclfile[0] != '\0';
    if (st == ST_OK && file && nlines)
        st = error_set(err, ST_INVALID,
                       "users are defined in the configuration and an ACL file is set: use one of "
                       "the two, not both");
    for (size_t i = 0; i < nlines && st == ST_OK; i++)
        st = load_user_line(&lines[i], err);
    free_lines();
    return st == ST_OK && file ? load_file(err) : st;
}

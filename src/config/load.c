/* Where configuration comes from: a file, standard input and the words of the command line, read in this order as one text.
 *
 * The command line becomes lines of the same syntax: "--name" begins a line, every other word is a quoted value on it.
 *   --port 6380 --save        ->  port "6380"
 *                                 save ""
 *   "--maxmemory 700mb"       ->  maxmemory 700mb */
#include "base/dict.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "config/admin.h"
#include "config/config_priv.h"
#include "config/words.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define INCLUDE_DEPTH_MAX 16

static char *file_path; /* absolute; NULL: none */
static struct buf report;
static struct dict *pending; /* name -> struct buf * */

const char *config_file(void)
{
    return file_path;
}

const char *config_load_report(void)
{
    return buf_cstr(&report);
}

/* -- Options of modules ---------------------------------------------------------------------------------------------------- */

static void free_text(void *text)
{
    buf_free(text);
    mem_free(text);
}

void config_pending_put(struct slice name, struct slice value)
{
    if (!pending)
        pending = dict_new(DICT_NOCASE, free_text);
    struct buf *text = mem_calloc(1, sizeof(*text));
    buf_put_slice(text, value);
    (void)dict_del(pending, name);
    (void)dict_add(pending, name, text);
}

bool config_pending_take(struct slice name, struct buf *value)
{
    struct buf *text = pending ? dict_take(pending, name) : NULL;
    if (!text)
        return false;
    buf_put_slice(value, buf_slice(text));
    free_text(text);
    return true;
}

size_t config_pending_count(void)
{
    return pending ? dict_count(pending) : 0;
}

void config_pending_clear(void)
{
    dict_free(pending);
    pending = NULL;
}

static void put_pending(const struct config_words *w)
{
    struct buf value = BUF_INIT;
    for (size_t i = 1; i < w->n; i++) {
        if (i > 1)
            buf_put_byte(&value, ' ');
        buf_put_slice(&value, w->v[i]);
    }
    config_pending_put(w->v[0], buf_slice(&value));
    buf_free(&value);
}

void config__load_reset(void)
{
    config_pending_clear();
    mem_free(file_path);
    file_path = NULL;
    buf_free(&report);
}

static enum status read_stream(FILE *f, const char *name, struct buf *out, struct error *err)
{
    char chunk[16384];
    size_t n;
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
        if (out->n + n > CONFIG_FILE_MAX)
            return error_set(err, ST_TOO_LONG, "config file '%s' is larger than %d bytes", name,
                             CONFIG_FILE_MAX);
        buf_put(out, chunk, n);
    }
    return ferror(f) ? error_set_errno(err, errno, "cannot read config file '%s'", name) : ST_OK;
}

enum status config__read_file(const char *path, struct buf *out, struct error *err)
{
    FILE *f = fopen(path, "re");
    if (!f) {
        int errnum = errno;
        return error_set(err, errnum == ENOENT ? ST_NOT_FOUND : ST_IO,
                         "Fatal error, can't open config file '%s': %s", path, strerror(errnum));
    }
    enum status st = read_stream(f, path, out, err);
    if (fclose(f) != 0 && st == ST_OK)
        st = error_set_errno(err, errno, "cannot read config file '%s'", path);
    return st;
}

/* -- Lines --------------------------------------------------------------------------------------------------------------- */

static enum status load_text(struct slice text, unsigned depth, struct error *err);

static enum status include(struct slice pattern, unsigned depth, struct error *err)
{
    if (depth >= INCLUDE_DEPTH_MAX)
        return error_set(err, ST_INVALID, "include: nested more than %d deep", INCLUDE_DEPTH_MAX);
    char *path = mem_strndup(pattern.p, pattern.n);
    enum status st = ST_OK;
    if (strpbrk(path, "*?[")) {
        /* No match is no error: a conf.d directory may be empty. */
        glob_t found;
        if (glob(path, 0, NULL, &found) == 0) {
            for (size_t i = 0; i < found.gl_pathc && st == ST_OK; i++) {
                struct buf text = BUF_INIT;
                st = config__read_file(found.gl_pathv[i], &text, err);
                if (st == ST_OK)
                    st = load_text(buf_slice(&text), depth + 1, err);
                buf_free(&text);
            }
            globfree(&found);
        }
    } else {
        struct buf text = BUF_INIT;
        st = config__read_file(path, &text, err);
        if (st == ST_OK)
            st = load_text(buf_slice(&text), depth + 1, err);
        buf_free(&text);
    }
    mem_free(path);
    return st;
}

/* Names of former Redis versions that 7.2 takes and forgets. */
static bool is_retired(struct slice name)
{
    return slice_is(name, "list-max-ziplist-entries") || slice_is(name, "list-max-ziplist-value") ||
           slice_is(name, "lua-replicate-commands");
}

static enum status unknown_line(const struct config_words *w, unsigned depth, struct error *err)
{
    struct slice name = w->v[0];
    if (slice_is(name, "include") && w->n == 2)
        return include(w->v[1], depth, err);
    if (is_retired(name) && w->n == 2)
        return ST_OK;
    if (memchr(name.p, '.', name.n) && w->n >= 2) {
        put_pending(w);
        return ST_OK;
    }
    if (slice_is(name, "sentinel"))
        return error_set(err, ST_UNSUPPORTED, "sentinel directive while not in sentinel mode");
    return error_set(err, ST_INVALID, "Bad directive or wrong number of arguments");
}

static enum status load_line(struct slice line, unsigned depth, struct error *err)
{
    if (line.n == 0 || line.p[0] == '#')
        return ST_OK;
    struct config_words w;
    if (!config_words_split(&w, line))
        return error_set(err, ST_SYNTAX, "Unbalanced quotes in configuration line");
    enum status st = ST_OK;
    if (w.n > 0) {
        struct config_entry *e = config__entry(w.v[0]);
        if (e)
            st = config__store_line(e, w.v + 1, w.n - 1, err);
        else
            st = unknown_line(&w, depth, err);
    }
    config_words_free(&w);
    return st;
}

static struct slice trim(struct slice s)
{
    while (s.n && strchr(" \t\r\n", s.p[0]) && s.p[0]) {
        s.p++;
        s.n--;
    }
    while (s.n && strchr(" \t\r\n", s.p[s.n - 1]) && s.p[s.n - 1])
        s.n--;
    return s;
}

static enum status load_text(struct slice text, unsigned depth, struct error *err)
{
    unsigned number = 0;
    for (size_t at = 0; at < text.n;) {
        const char *nl = memchr(text.p + at, '\n', text.n - at);
        size_t end = nl ? (size_t)(nl - text.p) : text.n;
        struct slice line = trim(slice_make(text.p + at, end - at));
        at = end + 1;
        number++;
        enum status st = load_line(line, depth, err);
        if (st == ST_OK)
            continue;
        /* The innermost file's line is the one to show. */
        if (report.n == 0)
            buf_printf(&report,
                       "\n*** FATAL CONFIG FILE ERROR (Redis " ORBIT_REDIS_VERSION ") ***\n"
                       "Reading the configuration file, at line %u\n>>> '%.*s'\n%s\n",
                       number, SLICE_FMT(line), err->message);
        return st;
    }
    return ST_OK;
}

enum status config_load_text(struct slice text, struct error *err)
{
    struct error local = {0};
    buf_clear(&report);
    return load_text(text, 0, err ? err : &local);
}

/* -- Command line -------------------------------------------------------------------------------------------------------- */

static bool is_dashed(const char *word)
{
    return word[0] == '-' && word[1] == '-';
}

/* "--name" with nothing else in the word; name is then left in w. */
static bool is_lone_name(const char *word, struct config_words *w)
{
    if (!config_words_split(w, slice_str(word + 2)))
        return false;
    if (w->n == 1)
        return true;
    config_words_free(w);
    return false;
}

static void words_to_text(int argc, char **argv, struct buf *out)
{
    bool may_begin = true; /* false: the next word is a value, whatever it looks like */
    for (int i = 0; i < argc; i++) {
        struct config_words w;
        if (!may_begin || !is_dashed(argv[i])) {
            buf_put_quoted(out, slice_str(argv[i]));
            buf_put_byte(out, ' ');
            may_begin = true;
            continue;
        }
        if (out->n)
            buf_put_byte(out, '\n');
        if (!is_lone_name(argv[i], &w)) {
            buf_put_str(out, argv[i] + 2);
            continue;
        }
        buf_put_slice(out, w.v[0]);
        buf_put_byte(out, ' ');
        bool last = i + 1 == argc;
        /* "--save" alone means no save points. */
        if (slice_is(w.v[0], "save") && (last || is_dashed(argv[i + 1])))
            buf_put_str(out, "\"\"");
        else
            may_begin = false;
        config_words_free(&w);
    }
}

static enum status set_file(const char *file, struct error *err)
{
    char *path = NULL;
    if (file[0] == '/') {
        path = mem_strdup(file);
    } else {
        char cwd[PATH_MAX];
        if (!getcwd(cwd, sizeof(cwd)))
            return error_set_errno(err, errno, "cannot tell the current directory");
        struct buf b = BUF_INIT;
        /* A leading "./" and "../" would look odd in CONFIG REWRITE's messages and the process title. */
        while (file[0] == '.' && (file[1] == '/' || (file[1] == '.' && file[2] == '/'))) {
            char *slash = strrchr(cwd, '/');
            if (file[1] == '.' && slash)
                *slash = '\0';
            file += file[1] == '/' ? 2 : 3;
        }
        buf_printf(&b, "%s/%s", cwd, file);
        path = mem_strdup(buf_cstr(&b));
        buf_free(&b);
    }
    mem_free(file_path);
    file_path = path;
    return ST_OK;
}

enum status config_load(const char *file, bool from_stdin, int argc, char **argv, struct error *err)
{
    struct buf text = BUF_INIT;
    struct error local = {0};
    if (!err)
        err = &local;
    buf_clear(&report);
    enum status st = ST_OK;
    if (file) {
        st = set_file(file, err);
        if (st == ST_OK)
            st = config__read_file(file_path, &text, err);
    }
    if (st == ST_OK && from_stdin) {
        log_notice(LOG_CONFIG, "Reading config from stdin");
        buf_put_byte(&text, '\n');
        st = read_stream(stdin, "stdin", &text, err);
    }
    if (st == ST_OK && argc > 0) {
        struct buf words = BUF_INIT;
        words_to_text(argc, argv, &words);
        buf_put_byte(&text, '\n');
        buf_put_slice(&text, buf_slice(&words));
        buf_free(&words);
    }
    if (st == ST_OK)
        st = load_text(buf_slice(&text), 0, err);
    if (st != ST_OK && report.n == 0)
        buf_printf(&report, "%s\n", err->message);
    buf_free(&text);
    return st;
}

enum status config_load_args(int argc, char **argv, struct error *err)
{
    const char *file = NULL;
    bool from_stdin = false;
    int first = 1, end = argc;
    if (argc > 1 && argv[1][0] != '-') {
        file = argv[1];
        first = 2;
    }
    if (end > first && strcmp(argv[end - 1], "-") == 0) {
        from_stdin = true;
        end--;
    }
    if (end > first && strcmp(argv[first], "-") == 0) {
        from_stdin = true;
        first++;
    }
    return config_load(file, from_stdin, end - first, argv + first, err);
}

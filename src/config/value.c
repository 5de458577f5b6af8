/* Text to value and back, one function pair for each kind of option. The error texts are those that Redis's clients and
 * tests know. */
#include "base/mem.h"
#include "base/num.h"
#include "config/admin.h"
#include "config/config_priv.h"
#include "config/words.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

static void put_value(const struct config_option *opt, struct buf *out);

void config__init_value(const struct config_option *opt)
{
    switch (opt->kind) {
    case CONFIG_KIND_BOOL:
        *opt->at.boolean = opt->initial != 0;
        break;
    case CONFIG_KIND_INT:
    case CONFIG_KIND_MEMORY:
    case CONFIG_KIND_OCTAL:
        *opt->at.integer = opt->initial;
        break;
    case CONFIG_KIND_STRING:
        *opt->at.string = mem_strdup(opt->initial_text);
        break;
    case CONFIG_KIND_BYTES:
        *opt->at.bytes = BUF_INIT;
        buf_put_str(opt->at.bytes, opt->initial_text);
        break;
    case CONFIG_KIND_ENUM:
        *opt->at.choice = (int)opt->initial;
        break;
    case CONFIG_KIND_CUSTOM:
        break;
    }
}

void config__free_value(const struct config_option *opt)
{
    if (opt->kind == CONFIG_KIND_BYTES)
        buf_free(opt->at.bytes);
    if (opt->kind != CONFIG_KIND_STRING)
        return;
    mem_free(*opt->at.string);
    *opt->at.string = NULL;
}

static bool parse_octal(struct slice s, int64_t *out)
{
    if (s.n == 0 || s.n > 20)
        return false;
    int64_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '7')
            return false;
        v = v * 8 + (s.p[i] - '0');
    }
    *out = v;
    return true;
}

static bool parse_memory(const struct config_option *opt, struct slice s, int64_t *out)
{
    uint64_t bytes;
    if (num_parse_memory(s, &bytes)) {
        /* Above what we hold: let the range check name the limit. */
        *out = bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes;
        return true;
    }
    int64_t percent;
    if (!(opt->flags & CONFIG_PERCENT) || s.n < 2 || s.p[s.n - 1] != '%')
        return false;
    if (!num_parse_int(slice_make(s.p, s.n - 1), &percent) || percent < 0)
        return false;
    *out = -percent;
    return true;
}

static enum status check_range(const struct config_option *opt, int64_t v, struct error *err)
{
    if ((opt->flags & CONFIG_PERCENT) && v < 0) {
        if (v < opt->min)
            return error_set(err, ST_RANGE, "percentage argument must be less or equal to %" PRId64,
                             -opt->min);
        return ST_OK;
    }
    if (v >= opt->min && v <= opt->max)
        return ST_OK;
    if (opt->kind == CONFIG_KIND_OCTAL)
        return error_set(err, ST_RANGE,
                         "argument must be between %" PRIo64 " and %" PRIo64 " inclusive",
                         (uint64_t)opt->min, (uint64_t)opt->max);
    return error_set(err, ST_RANGE,
                     "argument must be between %" PRId64 " and %" PRId64 " inclusive", opt->min,
                     opt->max);
}

static enum status parse_number(const struct config_option *opt, struct slice s, int64_t *out,
                                struct error *err)
{
    switch (opt->kind) {
    case CONFIG_KIND_MEMORY:
        if (!parse_memory(opt, s, out))
            return error_set(err, ST_INVALID, "argument must be a memory%s value",
                             (opt->flags & CONFIG_PERCENT) ? " or percent" : "");
        break;
    case CONFIG_KIND_OCTAL:
        if (!parse_octal(s, out))
            return error_set(err, ST_INVALID, "argument couldn't be parsed as an octal number");
        break;
    case CONFIG_KIND_INT:
        if (!num_parse_int(s, out))
            return error_set(err, ST_INVALID, "argument couldn't be parsed into an integer");
        break;
    case CONFIG_KIND_BOOL:
    case CONFIG_KIND_STRING:
    case CONFIG_KIND_BYTES:
    case CONFIG_KIND_ENUM:
    case CONFIG_KIND_CUSTOM:
        orbit_assert(!"not a number");
    }
    return check_range(opt, *out, err);
}

static enum status refuse_word(const struct config_option *opt, struct error *err)
{
    struct buf list = BUF_INIT;
    for (const struct config_enum *t = opt->table; t->name; t++)
        buf_printf(&list, "%s%s", t == opt->table ? "" : ", ", t->name);
    enum status st =
        error_set(err, ST_INVALID, "argument(s) must be one of the following: %s", buf_cstr(&list));
    buf_free(&list);
    return st;
}

static enum status parse_enum(const struct config_option *opt, const struct slice *argv,
                              size_t argc, int *out, struct error *err)
{
    int value = 0;
    if (argc == 0)
        return refuse_word(opt, err);
    for (size_t i = 0; i < argc; i++) {
        const struct config_enum *t = opt->table;
        while (t->name && !slice_is(argv[i], t->name))
            t++;
        if (!t->name)
            return refuse_word(opt, err);
        value |= t->value;
    }
    *out = value;
    return ST_OK;
}

static enum status store_value(const struct config_option *opt, const struct slice *argv,
                               size_t argc, bool from_file, struct error *err)
{
    enum status st = ST_OK;
    int64_t number = 0;
    int choice = 0;
    switch (opt->kind) {
    case CONFIG_KIND_BOOL:
        if (!slice_is(argv[0], "yes") && !slice_is(argv[0], "no"))
            return error_set(err, ST_INVALID, "argument must be 'yes' or 'no'");
        *opt->at.boolean = slice_is(argv[0], "yes");
        break;
    case CONFIG_KIND_INT:
    case CONFIG_KIND_MEMORY:
    case CONFIG_KIND_OCTAL:
        st = parse_number(opt, argv[0], &number, err);
        if (st == ST_OK)
            *opt->at.integer = number;
        break;
    case CONFIG_KIND_STRING:
        if (memchr(argv[0].p, '\0', argv[0].n))
            return error_set(err, ST_INVALID, "argument must not hold a zero byte");
        mem_free(*opt->at.string);
        *opt->at.string = mem_strndup(argv[0].p, argv[0].n);
        break;
    case CONFIG_KIND_BYTES:
        buf_clear(opt->at.bytes);
        buf_put_slice(opt->at.bytes, argv[0]);
        break;
    case CONFIG_KIND_ENUM:
        st = parse_enum(opt, argv, argc, &choice, err);
        if (st == ST_OK)
            *opt->at.choice = choice;
        break;
    case CONFIG_KIND_CUSTOM:
        return opt->custom->set(argv, argc, from_file, err);
    }
    return st;
}

/* The owner hears of what has changed only. */
static enum status store_one(const struct config_option *opt, const struct slice *argv, size_t argc,
                             bool from_file, struct error *err)
{
    if (!opt->stored)
        return store_value(opt, argv, argc, from_file, err);
    struct buf before = BUF_INIT, after = BUF_INIT;
    config_value(opt, &before);
    enum status st = store_value(opt, argv, argc, from_file, err);
    if (st == ST_OK) {
        put_value(opt, &after);
        if (!slice_eq(buf_slice(&before), buf_slice(&after)))
            st = opt->stored(opt->owner, err);
    }
    buf_free(&before);
    buf_free(&after);
    return st;
}

enum status config__store(struct config_entry *e, const struct slice *argv, size_t argc,
                          bool from_file, struct error *err)
{
    if (!(e->opt->flags & CONFIG_MULTI_ARG) && argc != 1)
        return error_set(err, ST_INVALID, "wrong number of arguments");
    if (e->check) {
        struct buf text = BUF_INIT;
        for (size_t i = 0; i < argc; i++) {
            if (i)
                buf_put_byte(&text, ' ');
            buf_put_slice(&text, argv[i]);
        }
        (void)buf_cstr(&text); /* empty text has an address too */
        enum status st = e->check(buf_slice(&text), err);
        buf_free(&text);
        if (st != ST_OK)
            return st;
    }
    return store_one(e->opt, argv, argc, from_file, err);
}

enum status config__store_text(struct config_entry *e, struct slice text, bool from_file,
                               struct error *err)
{
    if (text.n == 0)
        text = SLICE("");
    if (!(e->opt->flags & CONFIG_MULTI_ARG) || text.n == 0)
        return config__store(e, &text, 1, from_file, err);
    struct config_words w;
    if (!config_words_split(&w, text))
        return error_set(err, ST_SYNTAX, "unbalanced quotes in the value");
    enum status st = config__store(e, w.v, w.n, from_file, err);
    config_words_free(&w);
    return st;
}

enum status config__store_line(struct config_entry *e, const struct slice *argv, size_t argc,
                               struct error *err)
{
    if ((e->opt->flags & CONFIG_MULTI_ARG) && !(e->opt->flags & CONFIG_DIRECTIVE) && argc == 1)
        return config__store_text(e, argv[0], true, err);
    return config__store(e, argv, argc, true, err);
}

static void put_words(const struct config_option *opt, int value, struct buf *out)
{
    size_t start = out->n;
    for (const struct config_enum *t = opt->table; t->name; t++) {
        if (t->value == value) {
            buf_put_str(out, t->name);
            return;
        }
    }
    for (const struct config_enum *t = opt->table; t->name; t++) {
        if (t->value == 0 || (value & t->value) != t->value)
            continue;
        if (out->n > start)
            buf_put_byte(out, ' ');
        buf_put_str(out, t->name);
        value &= ~t->value;
    }
}

static void put_number(const struct config_option *opt, int64_t v, struct buf *out)
{
    if (opt->kind == CONFIG_KIND_OCTAL)
        buf_printf(out, "%" PRIo64, (uint64_t)v);
    else if ((opt->flags & CONFIG_PERCENT) && v < 0)
        buf_printf(out, "%" PRId64 "%%", -v);
    else
        buf_put_int(out, v);
}

void config_value(const struct config_option *opt, struct buf *out)
{
    if (opt->fetch)
        opt->fetch(opt->owner);
    put_value(opt, out);
}

static void put_value(const struct config_option *opt, struct buf *out)
{
    switch (opt->kind) {
    case CONFIG_KIND_BOOL:
        buf_put_str(out, *opt->at.boolean ? "yes" : "no");
        break;
    case CONFIG_KIND_INT:
    case CONFIG_KIND_MEMORY:
    case CONFIG_KIND_OCTAL:
        put_number(opt, *opt->at.integer, out);
        break;
    case CONFIG_KIND_STRING:
        buf_put_str(out, *opt->at.string);
        break;
    case CONFIG_KIND_BYTES:
        buf_put_slice(out, buf_slice(opt->at.bytes));
        break;
    case CONFIG_KIND_ENUM:
        put_words(opt, *opt->at.choice, out);
        break;
    case CONFIG_KIND_CUSTOM:
        if (opt->custom->get)
            opt->custom->get(out);
        break;
    }
}

void config_default(const struct config_option *opt, struct buf *out)
{
    switch (opt->kind) {
    case CONFIG_KIND_BOOL:
        buf_put_str(out, opt->initial ? "yes" : "no");
        break;
    case CONFIG_KIND_INT:
    case CONFIG_KIND_MEMORY:
    case CONFIG_KIND_OCTAL:
        put_number(opt, opt->initial, out);
        break;
    case CONFIG_KIND_STRING:
    case CONFIG_KIND_BYTES:
        buf_put_str(out, opt->initial_text);
        break;
    case CONFIG_KIND_ENUM:
        put_words(opt, (int)opt->initial, out);
        break;
    case CONFIG_KIND_CUSTOM:
        buf_put_str(out, opt->custom->default_text ? opt->custom->default_text : "");
        break;
    }
}

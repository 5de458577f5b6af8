/* Reading provider options: every key must be known, every value must parse whole. */
#include "storage/options.h"

#include "base/num.h"

#include <strings.h>

static const struct stor_option_word bool_words[] = {
    {"true", 1}, {"yes", 1}, {"on", 1}, {"1", 1},  {"false", 0},
    {"no", 0},   {"off", 0}, {"0", 0},  {NULL, 0},
};

static bool find_word(const struct stor_option_word *words, const char *text, int *value)
{
    for (; words->word; words++) {
        if (strcasecmp(words->word, text) == 0) {
            *value = words->value;
            return true;
        }
    }
    return false;
}

static bool read_number(const struct stor_option_row *row, const char *text, int64_t *out)
{
    uint64_t bytes;
    int64_t unit = row->type == STOR_OPT_MB ? 1024 * 1024 : row->type == STOR_OPT_KB ? 1024 : 1;
    int64_t v;

    if (row->type == STOR_OPT_BYTES) {
        if (!num_parse_memory(slice_str(text), &bytes) || bytes > INT64_MAX)
            return false;
        v = (int64_t)bytes;
    } else if (!num_parse_int(slice_str(text), &v)) {
        return false;
    }
    if (v < row->min || v > row->max || v > INT64_MAX / unit)
        return false;
    *out = v * unit;
    return true;
}

/* Writes the value into the struct of results; false: text does not fit the row. */
static bool read_value(const struct stor_option_row *row, const char *text, void *field)
{
    int word;
    double d;

    switch (row->type) {
    case STOR_OPT_BOOL:
        if (!find_word(bool_words, text, &word))
            return false;
        *(bool *)field = word != 0;
        return true;
    case STOR_OPT_INT:
    case STOR_OPT_BYTES:
    case STOR_OPT_MB:
    case STOR_OPT_KB:
        return read_number(row, text, field);
    case STOR_OPT_FLOAT:
        if (!num_parse_double(slice_str(text), &d) || d < (double)row->min || d > (double)row->max)
            return false;
        *(double *)field = d;
        return true;
    case STOR_OPT_STRING:
        *(const char **)field = text;
        return true;
    case STOR_OPT_ENUM:
        if (!find_word(row->words, text, &word))
            return false;
        *(int *)field = word;
        return true;
    }
    return false;
}

static enum status bad_value(const char *provider, const struct stor_option_row *row,
                             const char *text, struct error *err)
{
    if (row->type == STOR_OPT_BOOL)
        return error_set(err, ST_INVALID, "%s: option '%s': '%s' is not true or false", provider,
                         row->name, text);
    if (row->type == STOR_OPT_ENUM)
        return error_set(err, ST_INVALID, "%s: option '%s': unknown value '%s'", provider,
                         row->name, text);
    return error_set(err, ST_INVALID, "%s: option '%s': '%s' is not a number from %lld to %lld",
                     provider, row->name, text, (long long)row->min, (long long)row->max);
}

/* Another spelling of the same option, or the same one again, among the options before number n. */
static const char *given_before(const struct stor_config *cfg, size_t n,
                                const struct stor_option_row *rows, size_t nrows, size_t field)
{
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < nrows; r++)
            if (rows[r].field == field && strcmp(rows[r].name, cfg->options[i].name) == 0)
                return rows[r].name;
    return NULL;
}

enum status stor_options_read(const char *provider, const struct stor_config *cfg,
                              const struct stor_option_row *rows, size_t nrows, void *out,
                              struct error *err)
{
    for (size_t i = 0; i < cfg->noptions; i++) {
        const struct stor_option *o = &cfg->options[i];
        const struct stor_option_row *row = NULL;

        if (strcmp(o->name, "data_dir") == 0)
            continue;
        for (size_t r = 0; r < nrows && !row; r++)
            if (strcmp(rows[r].name, o->name) == 0)
                row = &rows[r];
        if (!row)
            return error_set(err, ST_INVALID, "%s: unknown option '%s'", provider, o->name);
        const char *twin = given_before(cfg, i, rows, nrows, row->field);
        if (twin && strcmp(twin, o->name) != 0)
            return error_set(err, ST_INVALID, "%s: options '%s' and '%s' exclude each other",
                             provider, twin, o->name);
        if (twin)
            return error_set(err, ST_INVALID, "%s: option '%s' is given twice", provider, o->name);
        if (!o->value || !read_value(row, o->value, (char *)out + row->field))
            return bad_value(provider, row, o->value ? o->value : "", err);
    }
    return ST_OK;
}

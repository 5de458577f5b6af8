/* The options of the whole program: all names of Redis are there with its defaults, and the texts made from the tables are
 * up to date. With --write the texts are written instead (make gen). */
#include "base/log.h"
#include "config/admin.h"
#include "server/server.h"
#include "unit/cmocka_all.h"
#include "unit/server/options_doc.h"

#include <stdio.h>
#include <string.h>

static bool read_file(const char *path, struct buf *out)
{
    char chunk[8192];
    size_t n;
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_put(out, chunk, n);
    fclose(f);
    return true;
}

static void assert_file_is(const char *path, void (*make)(struct buf *out))
{
    struct buf want = BUF_INIT, have = BUF_INIT;
    make(&want);
    if (!read_file(path, &have))
        fail_msg("%s is missing: run make gen", path);
    if (!slice_eq(buf_slice(&want), buf_slice(&have)))
        fail_msg("%s is stale: run make gen", path);
    buf_free(&want);
    buf_free(&have);
}

static void test_options_sample_is_up_to_date(void **state)
{
    assert_file_is("redis.conf.sample", options_doc_sample);
}

static void test_options_compat_list_is_up_to_date(void **state)
{
    assert_file_is("docs/compat-options.md", options_doc_compat);
}

/* With the '#' of every option taken away the sample loads and changes nothing. */
static void test_options_sample_tells_the_defaults(void **state)
{
    struct buf text = BUF_INIT, live = BUF_INIT;
    struct error err = {.message = ""};
    size_t seen = 0;
    options_doc_sample(&text);
    for (char *line = strtok(text.p, "\n"); line; line = strtok(NULL, "\n")) {
        if (line[0] != '#' || line[1] == ' ' || line[1] == '#' || line[1] == '\0')
            continue;
        struct slice name = slice_make(line + 1, strcspn(line + 1, " "));
        const struct config_option *opt = config_find(name);
        assert_non_null(opt);
        seen++;
        if (opt->flags & CONFIG_BUILD)
            continue;
        struct buf before = BUF_INIT, after = BUF_INIT;
        config_default(opt, &before);
        if (config_load_text(slice_str(line + 1), &err) != ST_OK)
            fail_msg("%s: %s", line, err.message);
        config_value(opt, &after);
        assert_string_equal(buf_cstr(&after), buf_cstr(&before));
        buf_free(&before);
        buf_free(&after);
    }
    assert_true(seen > 150);
    buf_free(&text);
    buf_free(&live);
}

static void test_options_know_all_of_redis(void **state)
{
    static const struct {
        const char *name, *value;
    } rows[] = {
#define REDIS_OPTION(name, value) {name, value},
#include "unit/server/redis_options.def"
#undef REDIS_OPTION
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct config_option *opt = config_find(slice_str(rows[i].name));
        if (!opt)
            fail_msg("unknown option %s", rows[i].name);
        struct buf text = BUF_INIT;
        config_default(opt, &text);
        if (strcmp(buf_cstr(&text), rows[i].value) != 0)
            fail_msg("%s: default %s, Redis has %s", rows[i].name, buf_cstr(&text), rows[i].value);
        buf_free(&text);
    }
}

static bool count_one(void *arg, const struct config_option *opt)
{
    ++*(size_t *)arg;
    return true;
}

static void test_options_chapters_hold_every_table(void **state)
{
    size_t n = 0;
    config_each(count_one, &n);
    assert_int_equal(options_doc_count(), n);
}

static int write_file(const char *path, void (*make)(struct buf *out))
{
    struct buf text = BUF_INIT;
    make(&text);
    FILE *f = fopen(path, "w");
    if (!f || fwrite(text.p, 1, text.n, f) != text.n || fclose(f) != 0) {
        perror(path);
        return 1;
    }
    buf_free(&text);
    return 0;
}

int main(int argc, char **argv)
{
    log_set_level(LOG_NOTHING);
    server_register();
    if (argc > 1 && strcmp(argv[1], "--write") == 0)
        return write_file("redis.conf.sample", options_doc_sample) ||
               write_file("docs/compat-options.md", options_doc_compat);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_sample_is_up_to_date),
        cmocka_unit_test(test_options_compat_list_is_up_to_date),
        cmocka_unit_test(test_options_sample_tells_the_defaults),
        cmocka_unit_test(test_options_know_all_of_redis),
        cmocka_unit_test(test_options_chapters_hold_every_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

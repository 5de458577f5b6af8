/* Modules in the configuration: lines are kept until the server starts. */
#include "module/load_options.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/option.h"
#include "module/module.h"
#include "module/module_priv.h"

struct queued {
    struct list_node link;
    char *text; /* the words, one behind the other */
    struct slice *words;
    size_t n;
    bool ex;
};

static struct list_node queue = {&queue, &queue};

int module__parse_ex(const struct slice *argv, int argc, struct buf *configs)
{
    int i = 0;
    while (i < argc && slice_is(argv[i], "CONFIG")) {
        if (i + 2 >= argc) {
            log_notice(LOG_MODULE, "CONFIG specified without name value pair");
            return -1;
        }
        buf_put(configs, &argv[i + 1], 2 * sizeof *argv);
        i += 3;
    }
    if (i < argc && !slice_is(argv[i], "ARGS")) {
        log_notice(LOG_MODULE, "Syntax Error from arguments to loadex around %.*s.",
                   SLICE_FMT(argv[i]));
        return -1;
    }
    return i < argc ? i + 1 : i;
}

static enum status keep(const struct slice *argv, size_t argc, bool ex, struct error *err)
{
    size_t bytes = 1;
    if (argc < 1 || argv[0].n == 0)
        return error_set(err, ST_INVALID, "wrong number of arguments");
    for (size_t i = 0; i < argc; i++)
        bytes += argv[i].n;
    struct queued *q = mem_alloc(sizeof *q);
    *q = (struct queued){
        .text = mem_alloc(bytes), .words = mem_alloc(argc * sizeof *q->words), .n = argc, .ex = ex};
    char *at = q->text;
    for (size_t i = 0; i < argc; i++) {
        q->words[i] = slice_make(at, argv[i].n);
        if (argv[i].n)
            memcpy(at, argv[i].p, argv[i].n);
        at += argv[i].n;
    }
    list_push(&queue, &q->link);
    return ST_OK;
}

static enum status load_set(const struct slice *argv, size_t argc, bool from_file,
                            struct error *err)
{
    return keep(argv, argc, false, err);
}

static enum status loadex_set(const struct slice *argv, size_t argc, bool from_file,
                              struct error *err)
{
    return keep(argv, argc, true, err);
}

static enum status load_one(const struct queued *q, struct error *err)
{
    struct buf configs = BUF_INIT;
    int skip = q->ex ? module__parse_ex(q->words + 1, (int)q->n - 1, &configs) : 0;
    char *path = mem_strndup(q->words[0].p, q->words[0].n);
    enum status st = ST_OK;
    if (skip < 0)
        st = error_set(err, ST_SYNTAX,
                       "loadmodule-ex %s: what follows must be CONFIG NAME VALUE "
                       "or ARGS",
                       path);
    else
        st = module__load(path, q->words + 1 + skip, q->n - 1 - (size_t)skip,
                          (const struct slice *)(const void *)configs.p,
                          configs.n / sizeof(struct slice), err);
    mem_free(path);
    buf_free(&configs);
    return st;
}

enum status module__load_queued(struct error *err)
{
    enum status st = ST_OK;
    while (!list_empty(&queue)) {
        struct queued *q = LIST_ENTRY(queue.next, struct queued, link);
        if (st == ST_OK)
            st = load_one(q, err);
        list_remove(&q->link);
        mem_free(q->words);
        mem_free(q->text);
        mem_free(q);
    }
    return st;
}

/* -- CONFIG REWRITE --------------------------------------------------------------------------------------------------------- */

static void put_word(struct buf *out, struct slice word)
{
    bool plain = word.n != 0;
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] <= ' ' || word.p[i] > '~' || strchr("\"'\\", word.p[i]))
            plain = false;
    buf_put_byte(out, ' ');
    if (plain)
        buf_put_slice(out, word);
    else
        buf_put_quoted(out, word);
}

static void load_rewrite(struct buf *out)
{
    LIST_EACH(it, &module__all)
    {
        const struct module *m = LIST_ENTRY(it, struct module, link);
        buf_put_str(out, "loadmodule");
        put_word(out, slice_str(m->path));
        for (int i = 0; i < m->argc; i++)
            put_word(out, module__slice(m->argv[i]));
        buf_put_byte(out, '\n');
    }
}

/* Their options have lines of their own, and loadmodule is enough for the rest. */
static void loadex_rewrite(struct buf *out)
{
}

static const struct config_custom module_load_option = {.set = load_set, .rewrite = load_rewrite};
static const struct config_custom module_loadex_option = {.set = loadex_set,
                                                          .rewrite = loadex_rewrite};

static const struct config_option rows[] = {
#include "config/declare_table.h"

#include "module/options.def"

#include "config/declare_end.h"
};

void module_options_register(void)
{
    config_register(rows, COUNT_OF(rows));
}

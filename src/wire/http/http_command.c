/* POST /api/v1/command: any command, or several, or several as a transaction. */
#include "wire/http/http_priv.h"

static bool command_begin(struct http_call *c)
{
    struct error err = {.message = ""};
    enum status st = http_commands_decode(http_body(c->req), c->arena, &c->commands, &err);
    if (st != ST_OK) {
        http__failf(c, st == ST_NO_MEMORY ? 503 : 400, "ERR %s", err.message);
        return false;
    }
    if (c->commands.db >= 0)
        c->db = c->commands.db;
    return true;
}

static void put_list_head(struct http_call *c, uint64_t n)
{
    tape_put(&c->tape, TAPE_MAP, 1);
    tape_put_text(&c->tape, TAPE_STRING, SLICE("results"));
    tape_put(&c->tape, TAPE_REPLIES, n);
}

static bool plain_next(struct http_call *c)
{
    if ((size_t)c->step == c->commands.n) {
        uint64_t n;
        struct slice text;
        if (!c->commands.many && http__reply(c, &n, &text) == TAPE_ERROR)
            c->status = http__status_of(text);
        return false;
    }
    if (c->step == 0 && c->commands.many)
        put_list_head(c, c->commands.n);
    else if (c->step == 0)
        tape_put(&c->tape, TAPE_REPLY, 1);
    c->argv = c->commands.v[c->step].argv;
    c->argc = c->commands.v[c->step].argc;
    c->step++;
    return true;
}

static bool one_word(struct http_call *c, struct slice word)
{
    c->argv = arena_alloc(c->arena, sizeof *c->argv);
    c->argv[0] = word;
    c->argc = 1;
    return true;
}

/* EXEC has answered: its array is the list of results. */
static bool transaction_end(struct http_call *c)
{
    uint64_t n;
    struct slice text;
    enum tape_kind kind = http__reply(c, &n, &text);
    if (kind == TAPE_ARRAY)
        tape_patch(&c->tape, c->reply_at, TAPE_REPLIES, n);
    else if (c->first_error.n)
        http__fail(c, 0, c->first_error);
    else if (kind == TAPE_ERROR)
        http__fail(c, 0, text);
    else
        http__fail(c, 409, SLICE("ERR the transaction was not executed"));
    return false;
}

/* MULTI, the commands, EXEC: steps 0, 1..n, n + 1. */
static bool transaction_next(struct http_call *c)
{
    uint64_t n;
    struct slice text;
    size_t step = (size_t)c->step++;
    if (step == c->commands.n + 2)
        return transaction_end(c);
    if (step > 0 && http__reply(c, &n, &text) == TAPE_ERROR && !c->first_error.n)
        c->first_error = arena_dup(c->arena, text);
    buf_clear(&c->tape);
    if (step == 0)
        return one_word(c, SLICE("MULTI"));
    if (step == c->commands.n + 1) {
        tape_put(&c->tape, TAPE_MAP, 1);
        tape_put_text(&c->tape, TAPE_STRING, SLICE("results"));
        return one_word(c, SLICE("EXEC"));
    }
    c->argv = c->commands.v[step - 1].argv;
    c->argc = c->commands.v[step - 1].argc;
    return true;
}

static bool command_next(struct http_call *c)
{
    return c->commands.transaction ? transaction_next(c) : plain_next(c);
}

const struct http_handler http__command_handler = {.begin = command_begin, .next = command_next};

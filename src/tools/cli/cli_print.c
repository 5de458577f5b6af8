/* Replies for people: numbered lists, quoted strings; or as JSON. */
#include "base/buf.h"
#include "base/mem.h"
#include "tools/cli/cli.h"

#include <stdio.h>

void cli_print_json_string(const char *p, size_t n)
{
    putchar('"');
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)p[i];
        if (ch == '"' || ch == '\\')
            printf("\\%c", ch);
        else if (ch < 0x20)
            printf("\\u%04x", ch);
        else
            putchar(ch);
    }
    putchar('"');
}

static void print_json(const redisReply *r)
{
    switch (r->type) {
    case REDIS_REPLY_INTEGER:
        printf("%lld", r->integer);
        return;
    case REDIS_REPLY_NIL:
        fputs("null", stdout);
        return;
    case REDIS_REPLY_ARRAY:
        putchar('[');
        for (size_t i = 0; i < r->elements; i++) {
            if (i)
                putchar(',');
            print_json(r->element[i]);
        }
        putchar(']');
        return;
    default:
        cli_print_json_string(r->str, r->len);
    }
}

static void print_elements(const redisReply *r, int indent);

static void print_plain(const redisReply *r, int indent)
{
    struct buf b = BUF_INIT;
    switch (r->type) {
    case REDIS_REPLY_INTEGER:
        printf("(integer) %lld\n", r->integer);
        break;
    case REDIS_REPLY_NIL:
        puts("(nil)");
        break;
    case REDIS_REPLY_ERROR:
        printf("(error) %s\n", r->str);
        break;
    case REDIS_REPLY_STRING:
        buf_put_quoted(&b, slice_make(r->str, r->len));
        printf("%.*s\n", (int)b.n, b.p);
        break;
    case REDIS_REPLY_ARRAY:
        print_elements(r, indent);
        break;
    default: /* a status */
        printf("%s\n", r->str);
    }
    buf_free(&b);
}

static void print_elements(const redisReply *r, int indent)
{
    if (r->elements == 0)
        puts("(empty array)");
    for (size_t i = 0; i < r->elements; i++) {
        int width = printf("%*s%zu) ", i ? indent : 0, "", i + 1);
        print_plain(r->element[i], i ? width : indent + width);
    }
}

void cli_print(const redisReply *r, bool json)
{
    if (!json) {
        print_plain(r, 0);
        return;
    }
    print_json(r);
    putchar('\n');
}

int cli_send(struct cli *c, int argc, char **argv)
{
    const char **words = mem_alloc((size_t)argc * sizeof *words);
    for (int i = 0; i < argc; i++)
        words[i] = argv[i];
    redisReply *r = redisCommandArgv(c->link, argc, words, NULL);
    mem_free(words);
    if (!r) {
        fprintf(stderr, "orbit-cli: %s\n", c->link->errstr);
        return CLI_USAGE;
    }
    int status = r->type == REDIS_REPLY_ERROR ? CLI_FAULT : CLI_GOOD;
    cli_print(r, c->json);
    freeReplyObject(r);
    return status;
}

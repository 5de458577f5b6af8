/* hiredis: hiredis_calls PORT. Prints a JSON line for each call; replies with no order of their own are sorted. */
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static redisContext *ctx;

static void text(const char *s, size_t n)
{
    putchar('"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 32 || c > 126 || c == '"' || c == '\\')
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void value(const redisReply *r)
{
    switch (r->type) {
    case REDIS_REPLY_INTEGER:
        printf("%lld", r->integer);
        break;
    case REDIS_REPLY_NIL:
        printf("null");
        break;
    case REDIS_REPLY_ARRAY:
        putchar('[');
        for (size_t i = 0; i < r->elements; i++) {
            if (i)
                printf(", ");
            value(r->element[i]);
        }
        putchar(']');
        break;
    case REDIS_REPLY_ERROR:
        printf("{\"error\": ");
        text(r->str, r->len);
        putchar('}');
        break;
    default:
        text(r->str, r->len);
    }
}

static void print(const char *name, redisReply *r)
{
    if (!r) {
        fprintf(stderr, "%s: %s\n", name, ctx->errstr);
        exit(1);
    }
    printf("{\"call\": \"%s\", \"reply\": ", name);
    value(r);
    printf("}\n");
    freeReplyObject(r);
}

static void show(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void show(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    redisReply *r = redisvCommand(ctx, format, ap);
    va_end(ap);
    print(format, r);
}

static int by_text(const void *a, const void *b)
{
    return strcmp((*(redisReply *const *)a)->str, (*(redisReply *const *)b)->str);
}

static void show_sorted(const char *command)
{
    redisReply *r = redisCommand(ctx, command);
    if (r && r->type == REDIS_REPLY_ARRAY)
        qsort(r->element, r->elements, sizeof(*r->element), by_text);
    print(command, r);
}

static void binary(void)
{
    const char bytes[] = {0, 1, 2, '\r', '\n', (char)0xff};
    redisReply *r = redisCommand(ctx, "SET %b %b", "bin\0key", (size_t)7, bytes, sizeof(bytes));
    print("SET binary", r);
    r = redisCommand(ctx, "GET %b", "bin\0key", (size_t)7);
    print("GET binary", r);
    const char *argv[] = {"RPUSH", "argv", "one", "two words", ""};
    const size_t lengths[] = {5, 4, 3, 9, 0};
    r = redisCommandArgv(ctx, 5, argv, lengths);
    print("redisCommandArgv", r);
}

static void pipelined(void)
{
    redisReply *r;
    for (int i = 0; i < 5; i++)
        redisAppendCommand(ctx, "INCRBY piped %d", i);
    redisAppendCommand(ctx, "LPUSH piped x");
    for (int i = 0; i < 6; i++) {
        if (redisGetReply(ctx, (void **)&r) != REDIS_OK)
            r = NULL;
        print("pipelined", r);
    }
}

/* One line for each command; "sorted " before those whose reply has no order. */
static const char *const commands[] = {
    "PING",
    "ECHO hello",
    "SELECT 3",
    "SELECT 0",
    "SET s value",
    "SET s other NX",
    "SET s third XX GET",
    "GETRANGE s 1 -2",
    "STRLEN s",
    "INCRBYFLOAT f 3.0e3",
    "DECRBY n 9",
    "MSET a 1 b 2",
    "MGET a b none",
    "EXPIREAT s 2000000000",
    "EXPIRETIME s",
    "PERSIST s",
    "SETBIT bits 100 1",
    "BITPOS bits 1",
    "BITCOUNT bits 0 -1 BIT",
    "RPUSH l a b c",
    "LPUSH l z",
    "LRANGE l 0 -1",
    "LINDEX l -1",
    "LMOVE l l2 RIGHT LEFT",
    "LPOS l b",
    "LPOP l 2",
    "BLPOP none l 1",
    "HSET h f1 v1 f2 v2",
    "HGETALL h",
    "HMGET h f1 none",
    "HINCRBY h n 5",
    "HDEL h f2",
    "HLEN h",
    "HRANDFIELD h 0",
    "HSCAN h 0",
    "SADD t 3 1 2",
    "SMEMBERS t",
    "SISMEMBER t 2",
    "SADD t text",
    "SCARD t",
    "SMISMEMBER t text none",
    "SINTERCARD 2 t t LIMIT 2",
    "SMOVE t t2 text",
    "SRANDMEMBER t2",
    "SPOP t2",
    "EXISTS t2",
    "ZADD z 1 a 2 b 3.5 c",
    "ZADD z XX CH 7 a 8 none",
    "ZRANGE z 0 -1 WITHSCORES",
    "ZRANGEBYSCORE z (2 +inf",
    "ZREVRANGE z 0 1",
    "ZRANK z c",
    "ZINCRBY z -0.5 b",
    "ZPOPMAX z",
    "ZUNIONSTORE zu 2 z z WEIGHTS 2 3",
    "ZSCORE zu b",
    "ZREMRANGEBYRANK z 0 0",
    "ZMPOP 1 zu MIN COUNT 2",
    "XADD x 5-1 k v",
    "XADD x 5-2 k w",
    "XLEN x",
    "XRANGE x - + COUNT 1",
    "XGROUP CREATE x g 0",
    "XREADGROUP GROUP g c COUNT 5 STREAMS x >",
    "XACK x g 5-1",
    "XPENDING x g - + 10 none",
    "XREAD STREAMS x 5-1",
    "XTRIM x MAXLEN 1",
    "GEOADD g 2.35 48.85 Paris 4.83 45.76 Lyon",
    "GEODIST g Paris Lyon km",
    "GEOSEARCH g FROMMEMBER Paris BYBOX 1000 1000 km ASC",
    "PFADD p a b c a",
    "PFCOUNT p",
    "PFMERGE pm p",
    "MULTI",
    "INCR n",
    "LRANGE l 0 -1",
    "EXEC",
    "EXEC",
    "TYPE z",
    "OBJECT ENCODING n",
    "COPY h h2",
    "RENAME h2 h3",
    "TOUCH h h3 none",
    "UNLINK h3",
    "SORT t DESC",
    "DBSIZE",
    "INCR h",
    "GET",
    "NOSUCH command",
    "CLIENT SETNAME me",
    "CLIENT GETNAME",
    "OBJECT REFCOUNT none",
    "WAIT 0 10",
    "RESET",
};

int main(int argc, char **argv)
{
    struct timeval limit = {10, 0};
    ctx = redisConnectWithTimeout("127.0.0.1", argc > 1 ? atoi(argv[1]) : 6379, limit);
    if (!ctx || ctx->err) {
        fprintf(stderr, "no connection: %s\n", ctx ? ctx->errstr : "no memory");
        return 1;
    }
    redisSetTimeout(ctx, limit);
    show("FLUSHALL");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        print(commands[i], redisCommand(ctx, commands[i]));
    show("EVAL %s %d %s %s", "return {KEYS[1], ARGV[1]}", 1, "key", "argument");
    show_sorted("SUNION t");
    show_sorted("HKEYS h");
    binary();
    pipelined();
    redisFree(ctx);
    return 0;
}

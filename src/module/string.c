/* Strings of modules: their life. The functions of the API that work on them stand in string_api.c. */
#include "base/mem.h"
#include "module/module_priv.h"

RedisModuleString *module__string(struct slice bytes)
{
    RedisModuleString *s = mem_try_alloc(sizeof *s + bytes.n + 1);
    if (!s)
        return NULL;
    s->refs = 1;
    s->n = s->cap = bytes.n;
    s->p = s->in;
    if (bytes.n)
        memcpy(s->p, bytes.p, bytes.n);
    s->p[bytes.n] = 0;
    return s;
}

void module__string_unref(RedisModuleString *s)
{
    if (!s || --s->refs > 0)
        return;
    if (s->p != s->in)
        mem_free(s->p);
    mem_free(s);
}

RedisModuleString **module__argv(const struct slice *argv, int argc)
{
    RedisModuleString **v = mem_alloc((size_t)argc * sizeof(RedisModuleString *) + 1);
    for (int i = 0; i < argc; i++)
        v[i] = module__string(argv[i]);
    return v;
}

void module__argv_free(RedisModuleString **argv, int argc)
{
    for (int i = 0; i < argc; i++)
        module__string_unref(argv[i]);
    mem_free(argv);
}

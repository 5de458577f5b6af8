/* Strings of modules: their life. The functions of the API that work on them stand in string_api.c.
 *
 * A short string is taken from a stack of free ones, which only the loop thread has: every word of every command of a module is
 * such a string for a moment. Other threads ask the allocator. */
#include "base/mem.h"
#include "module/module_priv.h"

#define SMALL      96 /* bytes of a short string, its head among them */
#define SMALL_ROOM (SMALL - sizeof(RedisModuleString) - 1)
#define POOL       256

static RedisModuleString *pool[POOL];
static size_t pooled;

/* The address of a thread's own marker tells threads apart without asking the system. */
static _Thread_local char thread_marker;
static const char *loop_marker;

void module__loop_thread_is_this(void)
{
    loop_marker = &thread_marker;
}

bool module__on_loop_thread(void)
{
    return loop_marker == &thread_marker;
}

static RedisModuleString *take(size_t n)
{
    RedisModuleString *s;
    size_t cap = n;
    if (LIKELY(n <= SMALL_ROOM)) {
        cap = SMALL_ROOM;
        if (LIKELY(pooled > 0 && module__on_loop_thread()))
            s = pool[--pooled];
        else
            s = mem_alloc(SMALL);
    } else {
        s = mem_try_alloc(sizeof *s + n + 1);
        if (!s)
            return NULL;
    }
    atomic_store_explicit(&s->refs, 1, memory_order_relaxed);
    s->n = n;
    s->cap = cap;
    s->p = s->in;
    s->in[n] = 0;
    return s;
}

RedisModuleString *module__string(struct slice bytes)
{
    RedisModuleString *s = take(bytes.n);
    if (LIKELY(s && bytes.n))
        memcpy(s->in, bytes.p, bytes.n);
    return s;
}

static void release(RedisModuleString *s)
{
    if (UNLIKELY(s->p != s->in)) {
        mem_free(s->p);
    } else if (LIKELY(s->cap == SMALL_ROOM && pooled < POOL && module__on_loop_thread())) {
        pool[pooled++] = s;
        return;
    }
    mem_free(s);
}

void module__string_unref(RedisModuleString *s)
{
    if (!s)
        return;
    /* Who holds the only reference needs no bus lock to give it up. */
    if (LIKELY(atomic_load_explicit(&s->refs, memory_order_acquire) == 1) || --s->refs == 0)
        release(s);
}

bool module__string_append(RedisModuleString *s, struct slice bytes)
{
    size_t n = s->n + bytes.n;
    if (n > s->cap) {
        size_t cap = n * 2;
        char *p = mem_try_realloc(s->p == s->in ? NULL : s->p, cap + 1);
        if (!p)
            return false;
        if (s->p == s->in)
            memcpy(p, s->in, s->n);
        s->p = p;
        s->cap = cap;
    }
    if (bytes.n)
        memcpy(s->p + s->n, bytes.p, bytes.n);
    s->n = n;
    s->p[n] = 0;
    return true;
}

void module__string_trim(RedisModuleString *s)
{
    if (s->p == s->in || s->cap == s->n)
        return;
    char *p = mem_try_realloc(s->p, s->n + 1);
    if (!p)
        return;
    s->p = p;
    s->cap = s->n;
}

RedisModuleString **module__words(struct module_words *w, const struct slice *argv, int argc)
{
    if (UNLIKELY(argc > (int)COUNT_OF(w->few)))
        return module__argv(argv, argc);
    for (int i = 0; i < argc; i++)
        w->few[i] = module__string(argv[i]);
    return w->few;
}

void module__words_free(struct module_words *w, RedisModuleString **argv, int argc)
{
    if (UNLIKELY(argv != w->few)) {
        module__argv_free(argv, argc);
        return;
    }
    for (int i = 0; i < argc; i++)
        module__string_unref(argv[i]);
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

void module__string_pool_free(void)
{
    while (pooled > 0)
        mem_free(pool[--pooled]);
}

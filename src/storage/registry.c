/* The table of providers of this build, made of providers.def, and opening by name. Kept apart from storage.c, so that a test
 * which opens its provider by its table links no other. */
#include "storage/provider.h"

#define PROVIDER(name) extern const struct stor_provider stor_provider_##name;
#include "storage/providers.def"
#undef PROVIDER

static const struct stor_provider *const providers[] = {
#define PROVIDER(name) &stor_provider_##name,
#include "storage/providers.def"
#undef PROVIDER
};

/* Compares without case, '-' and '_'. */
static bool same_name(const char *a, const char *b)
{
    for (;;) {
        while (*a == '-' || *a == '_')
            a++;
        while (*b == '-' || *b == '_')
            b++;
        char x = *a, y = *b;
        if (x >= 'A' && x <= 'Z')
            x = (char)(x - 'A' + 'a');
        if (y >= 'A' && y <= 'Z')
            y = (char)(y - 'A' + 'a');
        if (x != y)
            return false;
        if (!x)
            return true;
        a++;
        b++;
    }
}

const struct stor_provider *stor_provider_find(const char *spelling)
{
    if (!spelling)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(providers); i++) {
        const struct stor_provider *p = providers[i];
        if (same_name(spelling, p->name) || same_name(spelling, p->type))
            return p;
        for (const char *const *a = p->aliases; a && *a; a++)
            if (same_name(spelling, *a))
                return p;
    }
    return NULL;
}

const char *stor_provider_canonical(const char *spelling)
{
    const struct stor_provider *p = stor_provider_find(spelling);
    return p ? p->name : NULL;
}

const char *const *stor_provider_names(void)
{
    static const char *names[COUNT_OF(providers) + 1];

    for (size_t i = 0; i < COUNT_OF(providers); i++)
        names[i] = providers[i]->name;
    return names;
}

const char *stor_provider_maturity(const char *canonical)
{
    const struct stor_provider *p = stor_provider_find(canonical);
    return p ? p->maturity : NULL;
}

enum status stor_open(const struct stor_config *cfg, struct stor **out, struct error *err)
{
    const struct stor_provider *p = stor_provider_find(cfg->provider);

    *out = NULL;
    if (!p)
        return error_set(err, ST_INVALID, "unknown storage provider '%s'",
                         cfg->provider ? cfg->provider : "");
    return stor_open_with(p, cfg, out, err);
}

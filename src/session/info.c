/* The registry behind INFO and CONFIG RESETSTAT. */
#include "session/info.h"

#include "base/status.h"

#define FIELDS_MAX   48
#define SECTIONS_MAX 24
#define RESETS_MAX   24

static struct {
    const char *section;
    info_fn fn;
} fields[FIELDS_MAX];
static size_t nfields;
static const char *sections[SECTIONS_MAX + 1];
static size_t nsections;
static void (*resets[RESETS_MAX])(void);
static size_t nresets;
static info_extra_fn extra;

void info_register(const char *section, info_fn fn)
{
    orbit_assert(nfields < FIELDS_MAX);
    fields[nfields].section = section;
    fields[nfields++].fn = fn;
    for (size_t i = 0; i < nsections; i++)
        if (strcmp(sections[i], section) == 0)
            return;
    orbit_assert(nsections < SECTIONS_MAX);
    sections[nsections++] = section;
}

void info_fields(const char *section, struct buf *out)
{
    for (size_t i = 0; i < nfields; i++)
        if (strcmp(fields[i].section, section) == 0)
            fields[i].fn(out);
}

const char *info_section(size_t i)
{
    return i < nsections ? sections[i] : NULL;
}

void info_on_extra(info_extra_fn fn)
{
    extra = fn;
}

void info_extra(struct buf *out, const struct slice *names, size_t n, bool every)
{
    if (extra)
        extra(out, names, n, every);
}

void info_on_reset(void (*fn)(void))
{
    orbit_assert(nresets < RESETS_MAX);
    resets[nresets++] = fn;
}

void info_reset(void)
{
    for (size_t i = 0; i < nresets; i++)
        resets[i]();
}

#include "services/script/shebang.h"

#include "services/script/script_priv.h"
#include "wire/resp/resp_codec.h"

#include <strings.h>

static bool starts(struct slice s, const char *prefix, bool nocase)
{
    size_t n = strlen(prefix);
    if (s.n < n)
        return false;
    return nocase ? strncasecmp(s.p, prefix, n) == 0 : memcmp(s.p, prefix, n) == 0;
}

static bool fail(struct buf *why, const char *text, struct slice what)
{
    if (why) {
        buf_put_str(why, text);
        buf_put_slice(why, what);
    }
    return false;
}

/* "flags=a,b": false with the first one that is unknown in *bad. */
static bool read_flags(struct slice list, unsigned *flags, struct slice *bad)
{
    for (size_t at = 0; at <= list.n;) {
        const char *comma = at < list.n ? memchr(list.p + at, ',', list.n - at) : NULL;
        size_t end = comma ? (size_t)(comma - list.p) : list.n;
        struct slice name = slice_make(list.p + at, end - at);
        unsigned flag = script__flag(name, false);
        if (!flag && list.n > 0) {
            *bad = name;
            return false;
        }
        *flags |= flag;
        at = end + 1;
    }
    return true;
}

static bool read_script_words(const struct resp_request *words, struct shebang *out,
                              struct buf *why)
{
    if (!slice_eq(words->argv[0], SLICE("#!lua")))
        return fail(why, "Unexpected engine in script shebang: ", words->argv[0]);
    for (int i = 1; i < words->argc; i++) {
        struct slice word = words->argv[i], bad;
        if (!starts(word, "flags=", false))
            return fail(why, "Unknown lua shebang option: ", word);
        if (!read_flags(slice_make(word.p + 6, word.n - 6), &out->flags, &bad))
            return fail(why, "Unexpected flag in script shebang: ", bad);
    }
    return true;
}

bool shebang_of_script(struct slice text, struct shebang *out, struct buf *why)
{
    *out = (struct shebang){.flags = SCRIPT_UNDECLARED};
    if (!starts(text, "#!", false))
        return true;
    const char *end = memchr(text.p, '\n', text.n);
    if (!end)
        return fail(why, "Invalid script shebang", SLICE_NULL);
    out->flags = 0;
    out->length = (size_t)(end - text.p);
    struct resp_request words = {0};
    bool ok = resp_split_words(&words, slice_make(text.p, out->length)) && words.argc > 0;
    ok = ok ? read_script_words(&words, out, why)
            : fail(why, "Invalid engine in script shebang", SLICE_NULL);
    resp_request_free(&words);
    return ok;
}

static bool read_library_words(const struct resp_request *words, struct shebang *out,
                               struct buf *why)
{
    bool named = false;
    for (int i = 1; i < words->argc; i++) {
        struct slice word = words->argv[i];
        if (!starts(word, "name=", true))
            return fail(why, "Invalid metadata value given: ", word);
        if (named)
            return fail(why, "Invalid metadata value, name argument was given multiple times",
                        SLICE_NULL);
        named = true;
        buf_put(&out->name, word.p + 5, word.n - 5);
    }
    if (!named)
        return fail(why, "Library name was not given", SLICE_NULL);
    buf_put(&out->engine, words->argv[0].p + 2, words->argv[0].n - 2);
    return true;
}

bool shebang_of_library(struct slice text, struct shebang *out, struct buf *why)
{
    *out = (struct shebang){0};
    if (!starts(text, "#!", false))
        return fail(why, "Missing library metadata", SLICE_NULL);
    const char *end = memchr(text.p, '\n', text.n);
    if (!end)
        return fail(why, "Invalid library metadata", SLICE_NULL);
    out->length = (size_t)(end - text.p);
    struct resp_request words = {0};
    bool ok = resp_split_words(&words, slice_make(text.p, out->length)) && words.argc > 0 &&
              words.argv[0].n >= 2;
    ok = ok ? read_library_words(&words, out, why)
            : fail(why, "Invalid library metadata", SLICE_NULL);
    resp_request_free(&words);
    if (!ok) {
        buf_free(&out->name);
        buf_free(&out->engine);
    }
    return ok;
}

/* Which arguments of a call are keys: walks the key specifications, or asks the command's own function. */
#include "base/mem.h"
#include "base/num.h"
#include "session/command.h"

void key_refs_init(struct key_refs *k)
{
    k->v = k->fixed;
    k->n = 0;
    k->cap = COUNT_OF(k->fixed);
}

void key_refs_add(struct key_refs *k, int pos, unsigned flags)
{
    if (k->n == k->cap) {
        /* At most one entry an argument, and those are in memory already. */
        struct key_ref *bigger = mem_alloc(k->cap * 2 * sizeof(*bigger));
        memcpy(bigger, k->v, k->n * sizeof(*bigger));
        if (k->v != k->fixed)
            mem_free(k->v);
        k->v = bigger;
        k->cap *= 2;
    }
    k->v[k->n++] = (struct key_ref){pos, flags};
}

void key_refs_free(struct key_refs *k)
{
    if (k->v != k->fixed)
        mem_free(k->v);
    key_refs_init(k);
}

/* Index of the first argument that the specification speaks of; 0: the keyword is not there. */
static int begin_of(const struct key_spec *k, const struct slice *argv, int argc)
{
    if (k->begin == KEY_BEGIN_INDEX)
        return k->index;
    int step = k->start_from > 0 ? 1 : -1;
    int i = k->start_from > 0 ? k->start_from : argc + k->start_from;
    int end =
        k->start_from > 0 ? argc - 1 : 1; /* exclusive: a keyword in the last place has no key */
    for (; i > 0 && i < argc && i != end; i += step)
        if (slice_is(argv[i], k->keyword))
            return i + 1;
    return 0;
}

static bool add_spec(const struct key_spec *k, const struct slice *argv, int argc,
                     struct key_refs *out)
{
    if (k->begin == KEY_BEGIN_UNKNOWN || k->find == KEY_FIND_UNKNOWN)
        return false;
    int first = begin_of(k, argv, argc);
    if (first == 0)
        return true;
    int64_t last;
    if (k->find == KEY_FIND_KEYNUM) {
        int64_t n;
        if (first + k->keynum_index >= argc || !num_parse_int(argv[first + k->keynum_index], &n) ||
            n < 0 || n > argc)
            return false;
        first += k->first_key;
        last = first + (n - 1) * k->step;
    } else if (k->last_key >= 0) {
        last = first + k->last_key;
    } else if (k->limit == 0) {
        last = argc + k->last_key;
    } else {
        last = first + (argc - first) / k->limit + k->last_key;
    }
    if (first >= argc || last < first || last >= argc)
        return false;
    for (int64_t i = first; i <= last; i += k->step)
        key_refs_add(out, (int)i, k->flags);
    return true;
}

bool command_keys(const struct command *cmd, const struct slice *argv, int argc,
                  struct key_refs *out)
{
    if (cmd->getkeys)
        return cmd->getkeys(cmd, argv, argc, out);
    return command_keys_by_specs(cmd, argv, argc, out);
}

bool command_keys_by_specs(const struct command *cmd, const struct slice *argv, int argc,
                           struct key_refs *out)
{
    for (size_t i = 0; i < cmd->nkeys; i++) {
        if (cmd->keys[i].flags & KEY_NOT_KEY)
            continue;
        if (!add_spec(&cmd->keys[i], argv, argc, out)) {
            out->n = 0;
            return false;
        }
    }
    return true;
}

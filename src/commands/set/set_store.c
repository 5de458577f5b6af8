/* Storing the result of set algebra. */
#include "commands/set/set_store.h"

#include "session/reply.h"

bool set_store_begin(struct set_store *s, struct call *c, struct slice key,
                     struct kv_rec *const *sets, size_t n, enum kv_set_enc enc)
{
    struct kv_rec *there;
    *s = (struct set_store){.c = c, .key = key, .enc = enc};
    if (!call_lookup(c, key, KV_WRITE, &there))
        return false;
    s->existed = there != NULL;
    for (size_t i = 0; there && i < n; i++)
        if (sets[i] == there)
            s->source = there;
    return true;
}

/* The first member has come. */
static enum status open_set(struct set_store *s, struct error *err)
{
    if (!s->source)
        return kv_set_make(s->c->kv, s->c->db, s->key, s->enc, &s->rec, err);
    s->build = kv_set_build_new(s->source, s->enc);
    if (!s->build)
        return error_set(err, ST_NO_MEMORY, "out of memory for a set");
    s->rec = s->source;
    kv_edit(s->c->kv, s->rec);
    return ST_OK;
}

enum status set_store_add(struct set_store *s, struct slice member, struct error *err)
{
    bool added;
    if (!s->rec) {
        enum status st = open_set(s, err);
        if (st != ST_OK)
            return st;
    }
    return s->build ? kv_set_build_add(s->build, member, &added, err)
                    : kv_set_add(s->rec, member, &added, err);
}

/* Nothing came: the destination goes. */
static void store_nothing(struct set_store *s)
{
    struct call *c = s->c;
    struct kv_rec *there;
    if (!call_lookup(c, s->key, KV_WRITE, &there))
        return;
    if (there) {
        kv_del(c->kv, there);
        kv_notify(c->kv, NOTIFY_GENERIC, "del", c->db, s->key);
        call_changed(c, 1);
    }
    reply_int(c, 0);
}

/* A set that was built beside its source leaves that as it was; one in its own place is torn and goes. */
static void give_up(struct set_store *s)
{
    struct call *c = s->c;
    if (!s->rec)
        return;
    kv_edit_end(c->kv, s->rec, 0);
    if (s->source)
        return;
    kv_del(c->kv, s->rec);
    if (s->existed) {
        call_changed(c, 1);
        call_propagate_words(c, c->db, 2, SLICE("DEL"), s->key);
    }
}

void set_store_end(struct set_store *s, const enum kv_set_enc *enc, const char *event,
                   enum status st, struct error *err)
{
    struct call *c = s->c;
    if (st == ST_OK && !s->rec) {
        store_nothing(s);
        return;
    }
    if (st == ST_OK && s->build)
        st = kv_set_build_commit(s->build, err);
    else
        kv_set_build_free(s->build);
    if (st == ST_OK && enc)
        st = kv_set_convert(s->rec, *enc, err);
    if (st != ST_OK) {
        give_up(s);
        call_reply_status(c, st, err);
        return;
    }
    kv_edit_end(c->kv, s->rec, 1);
    if (kv_rec_expire(s->rec) != KV_NO_EXPIRE)
        kv_set_expire(c->kv, s->rec, KV_NO_EXPIRE);
    kv_notify(c->kv, NOTIFY_SET, event, c->db, s->key);
    call_changed(c, 1);
    reply_int(c, (int64_t)kv_set_count(s->rec));
}

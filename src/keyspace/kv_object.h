/* Objects of modules as values of keys (KV_MODULE). The keyspace holds them without knowing them; a type, which the module layer
 * registers, says how they are freed, copied, encoded.
 *
 * A record of a module's type is either an object in memory, or its stored form: bytes as the store and dumps have them. A cold
 * record is bytes until somebody asks for the object (kv_object_get); one whose type is not registered stays bytes, and can be
 * deleted, renamed, dumped all the same. Objects stay in memory, clean or not, unless module-object-cache says otherwise: modules
 * keep pointers to them.
 *
 * An object is changed in place, by its module. So that a fold under way gets it as it was, kv_object_touch comes before.
 * Thread: loop; exceptions are said. */
#ifndef ORBIT_KEYSPACE_KV_OBJECT_H
#define ORBIT_KEYSPACE_KV_OBJECT_H

#include "keyspace/kv.h"

#define KV_OBJECT_NAME 9 /* characters of a type's name */

struct kv_object_type;

/* Where a value stands; db -1: in no key. */
struct kv_object_place {
    int db;
    struct slice key;
};

struct kv_object_ops {
    /* Any thread if effort said so. */
    void (*free)(const struct kv_object_type *t, void *value);
    /* How many steps free would take: from KV_OBJECT_LAZY on, and for 0, a worker does it. NULL: 1. */
    size_t (*effort)(const struct kv_object_type *t, const struct kv_object_place *at, void *value);
    /* The key is about to lose the value; may be NULL. */
    void (*unlink)(const struct kv_object_type *t, const struct kv_object_place *at, void *value);
    /* ST_UNSUPPORTED, ST_INVALID: it cannot be copied, with the answer in err. */
    enum status (*copy)(const struct kv_object_type *t, const struct kv_object_place *from,
                        const struct kv_object_place *to, void *value, void **copy,
                        struct error *err);
    /* Appends the parts of the stored form, their end included. */
    enum status (*encode)(const struct kv_object_type *t, const struct kv_object_place *at,
                          void *value, struct buf *out, struct error *err);
    /* parts may be anything: they are checked. version: the encoding version that wrote them. ST_CORRUPT. */
    enum status (*decode)(const struct kv_object_type *t, const struct kv_object_place *at,
                          unsigned version, struct slice parts, void **value, struct error *err);
    /* Bytes in memory; samples: how many elements may be looked at, 0: all. May be NULL: not known. */
    size_t (*memory)(const struct kv_object_type *t, const struct kv_object_place *at, void *value,
                     size_t samples);
    /* Mixes the value into a digest of 20 bytes; may be NULL. */
    void (*digest)(const struct kv_object_type *t, const struct kv_object_place *at, void *value,
                   unsigned char digest[20]);
};

#define KV_OBJECT_LAZY 65

struct kv_object_type {
    struct kv_object_type *next;
    uint64_t id; /* name << 10 | encoding version, as dumps have it */
    const struct kv_object_ops *ops;
    void *arg;
};

/* Makes a type known. The caller keeps it until it is removed, which takes its objects out of memory: their keys keep the stored
 * form, or are deleted when there is none. */
void kv_object_type_add(struct kv *kv, struct kv_object_type *t);
void kv_object_type_remove(struct kv *kv, struct kv_object_type *t);
/* The type with the name in id, of whatever version; NULL: none. */
const struct kv_object_type *kv_object_type_find(const struct kv *kv, uint64_t id);
/* The name in id, with a NUL. Pure; thread: any. */
void kv_object_name(uint64_t id, char out[KV_OBJECT_NAME + 1]);

/* Of a record of type KV_MODULE (a view's too): the id that its stored form has. Thread: the record's. */
uint64_t kv_object_id(const struct kv_rec *r);
/* Appends the stored form: id (8 bytes), parts. Errors of encode. Thread: the record's. */
MUST_USE enum status kv_object_put(const struct kv_rec *r, struct buf *out, struct error *err);
/* The type and the object of a record of type KV_MODULE, which is decoded if need be. ST_UNSUPPORTED: the type is not registered;
 * ST_CORRUPT. What the module does while it decodes must not delete this key. */
MUST_USE enum status kv_object_get(struct kv *kv, struct kv_rec *r,
                                   const struct kv_object_type **type, void **value,
                                   struct error *err);
/* The object is going to be changed, now or before this tick ends. Tells nobody: kv_edit_end does. */
void kv_object_touch(struct kv *kv, struct kv_rec *r);
/* Makes value, which the keyspace owns from now on, the value of key, replacing what was there, its TTL too. On failure the value
 * remains the caller's. rec may be NULL. */
MUST_USE enum status kv_object_set(struct kv *kv, int db, struct slice key,
                                   const struct kv_object_type *t, void *value, struct kv_rec **rec,
                                   struct error *err);
/* The object of r (which is one in memory) gives way to another of its type; the former one is the caller's. */
void *kv_object_exchange(struct kv *kv, struct kv_rec *r, void *value);
/* Decodes what another place holds, for this one; the value is the caller's. */
MUST_USE enum status kv_object_decode(struct kv *kv, const struct kv_object_type *t, uint64_t id,
                                      const struct kv_object_place *at, struct slice parts,
                                      void **value, struct error *err);
/* Mixes an object in memory into a digest; nothing for bytes. */
void kv_object_digest(struct kv_rec *r, unsigned char digest[20]);
/* Bytes that an object in memory takes; samples as in memory above. 0 for bytes. */
size_t kv_object_memory(const struct kv_rec *r, size_t samples);

/* Decodes every key of this type (NULL: of all that are registered) that the store holds: at the start, before the log is
 * replayed, and when a module comes later. progress (may be NULL) is called now and then with keys done. strangers: keys of types
 * that are not registered, one of them in *stranger. */
MUST_USE enum status kv_objects_load(struct kv *kv, const struct kv_object_type *t,
                                     void (*progress)(uint64_t done), uint64_t *loaded,
                                     uint64_t *strangers, uint64_t *stranger, struct error *err);
/* A dump is under way (on), or over. Modules may divide an object among several keys for as long as it takes, and put it together
 * again afterwards; so objects whose stored form a fold has made meanwhile count as changed when it is over, or when the server
 * has died before that. Nests. */
void kv_objects_dump(struct kv *kv, bool on);
/* All objects become bytes again: their modules go. Waits for those that workers free. */
MUST_USE enum status kv_objects_freeze(struct kv *kv, struct error *err);
/* fn is called before each cut of a fold: the place for kv_aux_set of what belongs to no key. resting (may be NULL): no thread of
 * a module works on objects now, so that they can be encoded; otherwise a fold that is due waits, for a minute at most. One at
 * a time. */
void kv_on_fold(struct kv *kv, bool (*resting)(void *arg), void (*fn)(void *arg), void *arg);

#endif

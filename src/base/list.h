/* Intrusive doubly linked list with a sentinel head. Owns nothing. */
#ifndef ORBIT_BASE_LIST_H
#define ORBIT_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *prev, *next;
};

static inline void list_init(struct list_node *head)
{
    head->prev = head->next = head;
}

static inline bool list_empty(const struct list_node *head)
{
    return head->next == head;
}

static inline bool list_linked(const struct list_node *n)
{
    return n->next != NULL && n->next != n;
}

static inline void list_insert_before(struct list_node *at, struct list_node *n)
{
    n->prev = at->prev;
    n->next = at;
    /* A linked node has neighbours; the analyzer cannot know. */
    at->prev->next = n; /* NOLINT(clang-analyzer-core.NullDereference) */
    at->prev = n;
}

/* list_push adds at the end, list_push_front at the front. */
static inline void list_push(struct list_node *head, struct list_node *n)
{
    list_insert_before(head, n);
}

static inline void list_push_front(struct list_node *head, struct list_node *n)
{
    list_insert_before(head->next, n);
}

/* Leaves n unlinked (prev = next = NULL); harmless on a zeroed node. */
static inline void list_remove(struct list_node *n)
{
    if (!n->next)
        return;
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->prev = n->next = NULL;
}

#define LIST_EACH(it, head) for (struct list_node *it = (head)->next; it != (head); it = it->next)
/* Survives removal of the current node. */
#define LIST_EACH_SAFE(it, tmp, head)                                                              \
    for (struct list_node *it = (head)->next, *tmp = it->next; it != (head);                       \
         it = tmp, tmp = it->next)
#define LIST_ENTRY(node, type, member) CONTAINER_OF(node, type, member)

#endif

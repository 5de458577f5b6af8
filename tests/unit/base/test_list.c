#include "base/list.h"

#include "base/compiler.h"
#include "unit/cmocka_all.h"

struct item {
    int number;
    struct list_node link;
};

static int join(struct list_node *head)
{
    int digits = 0;
    LIST_EACH(n, head)
    digits = digits * 10 + LIST_ENTRY(n, struct item, link)->number;
    return digits;
}

static void test_list_keeps_order(void **state)
{
    struct list_node head;
    struct item a = {1, {0}}, b = {2, {0}}, c = {3, {0}};
    list_init(&head);
    assert_true(list_empty(&head));
    assert_false(list_linked(&a.link));
    list_push(&head, &a.link);
    list_push(&head, &b.link);
    list_push_front(&head, &c.link);
    assert_int_equal(join(&head), 312);
    assert_true(list_linked(&a.link));
    list_remove(&a.link);
    list_remove(&a.link);
    assert_false(list_linked(&a.link));
    assert_int_equal(join(&head), 32);
    list_insert_before(&b.link, &a.link);
    assert_int_equal(join(&head), 312);
}

static void test_list_each_safe_survives_removal(void **state)
{
    struct list_node head;
    struct item items[5] = {0};
    list_init(&head);
    for (int i = 0; i < 5; i++) {
        items[i].number = i + 1;
        list_push(&head, &items[i].link);
    }
    LIST_EACH_SAFE(n, next, &head)
    {
        if (LIST_ENTRY(n, struct item, link)->number % 2)
            list_remove(n);
    }
    assert_int_equal(join(&head), 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_keeps_order),
        cmocka_unit_test(test_list_each_safe_survives_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

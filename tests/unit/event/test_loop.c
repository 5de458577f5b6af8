/* Ticks, hooks in order, descriptors, timers, polling inside a callback. */
#include "event/loop.h"

#include "base/buf.h"
#include "unit/cmocka_all.h"

#include <unistd.h>

struct world {
    struct loop *l;
    struct buf seen;
    int pipe[2];
    struct loop_fd *fd;
    int ticks;
};

static int setup(void **state)
{
    static struct world w;
    w = (struct world){.seen = BUF_INIT};
    assert_int_equal(loop_new(&w.l, NULL), ST_OK);
    assert_int_equal(pipe(w.pipe), 0);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    loop_fd_del(w->fd);
    close(w->pipe[0]);
    close(w->pipe[1]);
    loop_free(w->l);
    buf_free(&w->seen);
    return 0;
}

static void hook_unblock(void *arg)
{
    buf_put_byte(&((struct world *)arg)->seen, 'u');
}

static void hook_commit(void *arg)
{
    buf_put_byte(&((struct world *)arg)->seen, 'c');
}

static void hook_reply(void *arg)
{
    buf_put_byte(&((struct world *)arg)->seen, 'r');
}

static void hook_background(void *arg)
{
    struct world *w = arg;
    buf_put_byte(&w->seen, 'b');
    if (++w->ticks == 2)
        loop_stop(w->l);
    else
        loop_wake(w->l);
}

static void add_hooks(struct world *w)
{
    loop_on_tick(w->l, LOOP_PRIO_BACKGROUND, hook_background, w);
    loop_on_tick(w->l, LOOP_PRIO_REPLY, hook_reply, w);
    loop_on_tick(w->l, LOOP_PRIO_UNBLOCK, hook_unblock, w);
    loop_on_tick(w->l, LOOP_PRIO_COMMIT, hook_commit, w);
}

static void test_loop_hooks_run_in_order(void **state)
{
    struct world *w = *state;
    add_hooks(w);
    loop_wake_async(w->l);
    loop_run(w->l);
    assert_string_equal(buf_cstr(&w->seen), "ucrbucrb");
}

static void on_byte(void *arg, int ready)
{
    struct world *w = arg;
    char c;
    assert_int_equal(ready, LOOP_READ);
    assert_int_equal(read(w->pipe[0], &c, 1), 1);
    buf_put_byte(&w->seen, (uint8_t)c);
    if (c == '1') {
        /* The second byte is read by the poll inside. */
        loop_poll(w->l);
        buf_put_byte(&w->seen, '!');
    }
    if (c == '2')
        loop_stop(w->l);
}

static void test_loop_poll_inside_a_callback(void **state)
{
    struct world *w = *state;
    loop_on_tick(w->l, LOOP_PRIO_REPLY, hook_reply, w);
    loop_on_tick(w->l, LOOP_PRIO_COMMIT, hook_commit, w);
    w->fd = loop_fd_add(w->l, w->pipe[0], LOOP_READ, on_byte, w);
    assert_int_equal(write(w->pipe[1], "12", 2), 2);
    loop_run(w->l);
    assert_string_equal(buf_cstr(&w->seen), "12r!cr");
}

static int64_t on_timer(void *arg)
{
    struct world *w = arg;
    buf_put_byte(&w->seen, 't');
    if (w->seen.n < 3)
        return 0;
    loop_stop(w->l);
    return -1;
}

static void test_loop_timer_repeats_until_it_says_stop(void **state)
{
    struct world *w = *state;
    (void)loop_timer_add(w->l, 0, on_timer, w);
    loop_run(w->l);
    assert_string_equal(buf_cstr(&w->seen), "ttt");
}

static void test_loop_off_tick(void **state)
{
    struct world *w = *state;
    add_hooks(w);
    loop_off_tick(w->l, hook_commit, w);
    loop_wake(w->l);
    loop_run(w->l);
    assert_string_equal(buf_cstr(&w->seen), "urburb");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_loop_hooks_run_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop_poll_inside_a_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop_timer_repeats_until_it_says_stop, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_loop_off_tick, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

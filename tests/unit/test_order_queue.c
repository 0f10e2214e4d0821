/* The queue by itself: order of time, lines, shares and turns. */
#include "core/order/queue.h"
#include "tests/unit/support.h"

#include <stdlib.h>
#include <string.h>

static struct bytes id_of(struct task *t, unsigned number)
{
    uint8_t *id = arena_alloc(t->arena, ID_LEN);
    memcpy(id + ID_LEN - sizeof(number), &number, sizeof(number));
    return bytes_make(id, ID_LEN);
}

static unsigned number_of(const struct entry *e)
{
    unsigned number;
    memcpy(&number, e->id + ID_LEN - sizeof(number), sizeof(number));
    return number;
}

static void later_entries_come_in_order_of_time(void **state)
{
    enum { MANY = 500 };
    struct task *t = test_task(state);
    struct queue q;
    unsigned seed = 7;
    int64_t last = 0;
    queue_init(&q, MANY, 16);
    for (unsigned i = 0; i < MANY; i++)
        (void)queue_note(&q, id_of(t, i), "peer", 1 + rand_r(&seed) % 1000, 0);
    for (unsigned i = 0; i < MANY; i += 3) /* change some, both ways */
        (void)queue_note(&q, id_of(t, i), "peer", 1 + rand_r(&seed) % 1000, 0);
    for (unsigned i = 0; i < MANY; i += 7) /* and take some out of the middle */
        queue_drop(&q, queue_find(&q, id_of(t, i)));
    size_t count = q.count;
    assert_null(queue_take(&q));
    while (queue_next(&q) != INT64_MAX) {
        int64_t now = queue_next(&q);
        assert_true(now >= last);
        last = now;
        queue_advance(&q, now);
        for (struct entry *e; (e = queue_take(&q)) != NULL; count--) {
            assert_int_equal(e->when, now);
            queue_finish(&q, e, now);
        }
    }
    assert_int_equal(count, 0);
    assert_int_equal(q.count, 0);
    assert_null(q.peers);
    queue_clear(&q);
}

static void a_peers_share_is_not_exceeded_and_its_line_keeps_its_order(void **state)
{
    struct task *t = test_task(state);
    struct queue q;
    queue_init(&q, 2, 16);
    for (unsigned i = 0; i < 4; i++)
        (void)queue_note(&q, id_of(t, i), "peer", 0, 1);
    struct entry *first = queue_take(&q);
    struct entry *second = queue_take(&q);
    assert_int_equal(number_of(first), 0);
    assert_int_equal(number_of(second), 1);
    assert_null(queue_take(&q));
    assert_false(queue_has_work(&q));
    queue_finish(&q, first, 1);
    struct entry *third = queue_take(&q);
    assert_int_equal(number_of(third), 2);
    assert_null(queue_take(&q));
    queue_return(&q, second, 100, false, 1); /* room, though it is to be looked at again */
    assert_int_equal(number_of(queue_take(&q)), 3);
    assert_int_equal(queue_next(&q), 100);
    queue_clear(&q);
}

static void peers_take_turns(void **state)
{
    static const char *const peers[] = {"a", "a", "a", "b", "c"};
    static const unsigned expected[] = {0, 3, 4, 1, 2};
    struct task *t = test_task(state);
    struct queue q;
    queue_init(&q, 5, 16);
    for (unsigned i = 0; i < ARRAY_SIZE(peers); i++)
        (void)queue_note(&q, id_of(t, i), peers[i], 0, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(expected); i++)
        assert_int_equal(number_of(queue_take(&q)), expected[i]);
    queue_clear(&q);
}

static void entry_that_changes_while_it_runs_is_looked_at_again(void **state)
{
    struct task *t = test_task(state);
    struct queue q;
    queue_init(&q, 1, 16);
    (void)queue_note(&q, id_of(t, 1), "peer", 0, 1);
    struct entry *e = queue_take(&q);
    (void)queue_note(&q, id_of(t, 1), "peer", 500, 1);
    queue_finish(&q, e, 2);
    assert_ptr_equal(queue_take(&q), e);
    queue_finish(&q, e, 3); /* nothing has changed since */
    assert_null(queue_find(&q, id_of(t, 1)));
    assert_int_equal(q.running, 0);
    queue_clear(&q);
}

static void oldest_is_the_longest_overdue_in_any_line(void **state)
{
    struct task *t = test_task(state);
    struct queue q;
    queue_init(&q, 1, 16);
    assert_int_equal(queue_oldest(&q), 0);
    (void)queue_note(&q, id_of(t, 1), "a", 70, 100);
    (void)queue_note(&q, id_of(t, 2), "b", 50, 100);
    (void)queue_note(&q, id_of(t, 3), "b", 60, 100);
    (void)queue_note(&q, id_of(t, 4), "b", 500, 100);
    assert_int_equal(queue_oldest(&q), 50);
    queue_clear(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(later_entries_come_in_order_of_time),
        UNIT_TEST(a_peers_share_is_not_exceeded_and_its_line_keeps_its_order),
        UNIT_TEST(peers_take_turns),
        UNIT_TEST(entry_that_changes_while_it_runs_is_looked_at_again),
        UNIT_TEST(oldest_is_the_longest_overdue_in_any_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

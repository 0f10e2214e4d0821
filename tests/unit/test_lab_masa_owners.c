/* Whose a device is: lab/masa_owners.h. */
#include "lab/masa_owners.h"

#include "core/base/file.h"
#include "tests/unit/support.h"

#define OURS   BYTES_LITERAL("ours")
#define THEIRS BYTES_LITERAL("theirs")

static struct masa_owners *open_with(void **state, const char *sales)
{
    struct task *t = test_task(state);
    struct masa_owners *owners = NULL;
    const char *path = NULL;
    if (sales != NULL) {
        path = arena_printf(t->arena, "%s/sales", test_folder(state));
        assert_ok(t, file_write(t, path, bytes_of_text(sales), 0644));
    }
    assert_ok(t, masa_owners_open(t, test_folder(state), path, &owners));
    return owners;
}

static struct masa_owner owner_of(struct task *t, struct masa_owners *owners, const char *serial)
{
    struct masa_owner owner = {.recorded = false};
    assert_ok(t, masa_owner_of(t, owners, serial, &owner));
    return owner;
}

static void sales_are_read(void **state)
{
    struct task *t = test_task(state);
    struct masa_owners *owners =
        open_with(state, "# ours\n\nA1 b3Vycw==\r\n  PID:X SN:2 \t dGhlaXJz  \n");
    assert_bytes_equal(t, owner_of(t, owners, "A1").domain_id, OURS);
    assert_bytes_equal(t, owner_of(t, owners, "PID:X SN:2").domain_id, THEIRS);
    assert_int_equal(owner_of(t, owners, "A1").since, 0);
    assert_false(owner_of(t, owners, "A2").recorded);
}

static void transfers_count_at_once_and_after_a_restart(void **state)
{
    struct task *t = test_task(state);
    struct masa_owners *owners = open_with(state, "A1 b3Vycw==\n");
    assert_ok(t, masa_transfer(t, test_folder(state), "A1", THEIRS));
    assert_ok(t, masa_transfer(t, test_folder(state), "B1", OURS));
    for (int i = 0; i < 2; i++) {
        struct masa_owner owner = owner_of(t, owners, "A1");
        assert_bytes_equal(t, owner.domain_id, THEIRS);
        assert_true(owner.since > 0);
        assert_bytes_equal(t, owner_of(t, owners, "B1").domain_id, OURS);
        owners = open_with(state, "A1 b3Vycw==\n");
    }
    assert_ok(t, masa_transfer(t, test_folder(state), "A1", BYTES_ABSENT));
    assert_true(owner_of(t, owners, "A1").recorded);
    assert_false(bytes_present(owner_of(t, owners, "A1").domain_id));
}

/* Half a line is one that is being written. */
static void half_a_line_waits_for_its_end(void **state)
{
    struct task *t = test_task(state);
    struct masa_owners *owners = open_with(state, NULL);
    const char *path = arena_printf(t->arena, "%s/" MASA_TRANSFERS, test_folder(state));
    const char *line =
        "{\"date\":\"2026-01-01T00:00:00Z\",\"serial\":\"A1\",\"domainID\":\"b3Vycw==\"}";
    assert_ok(t, file_write(t, path, bytes_of_text(line), 0644));
    assert_false(owner_of(t, owners, "A1").recorded);
    assert_ok(t, file_write(t, path, bytes_of_text(arena_printf(t->arena, "%s\n", line)), 0644));
    assert_true(owner_of(t, owners, "A1").recorded);
}

static void what_cannot_be_read_is_named(void **state)
{
    static const char *const sales[] = {"A1\n", "A1 !\n", " b3Vycw==\n"};
    static const char *const transfers[] = {
        "{}\n", "nothing\n",
        "{\"date\":\"2026-01-01T00:00:00Z\",\"serial\":\"A1\",\"domainID\":1}\n",
        "{\"date\":\"yesterday\",\"serial\":\"A1\",\"domainID\":null}\n"};
    struct task *t = test_task(state);
    struct masa_owners *owners;
    const char *path = arena_printf(t->arena, "%s/sales", test_folder(state));
    for (size_t i = 0; i < ARRAY_SIZE(sales); i++) {
        assert_ok(t, file_write(t, path, bytes_of_text(sales[i]), 0644));
        assert_fails(t, masa_owners_open(t, test_folder(state), path, &owners), E_INVALID);
        assert_detail(t, "sales:1");
    }
    path = arena_printf(t->arena, "%s/" MASA_TRANSFERS, test_folder(state));
    for (size_t i = 0; i < ARRAY_SIZE(transfers); i++) {
        assert_ok(t, file_write(t, path, bytes_of_text(transfers[i]), 0644));
        task_forgive(t);
        assert_false(masa_owners_open(t, test_folder(state), NULL, &owners));
        assert_detail(t, MASA_TRANSFERS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(sales_are_read),
        UNIT_TEST(transfers_count_at_once_and_after_a_restart),
        UNIT_TEST(half_a_line_waits_for_its_end),
        UNIT_TEST(what_cannot_be_read_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

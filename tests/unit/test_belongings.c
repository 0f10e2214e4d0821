/* What belongs to one device, manufacturer or owner alone: names, anchors' keys, domainIDs. */
#include "core/base/clock.h"
#include "core/store/records/authority.h"
#include "core/store/records/device_name.h"
#include "core/store/records/manufacturer.h"
#include "tests/unit/store_fixture.h"

#include <string.h>

/* ---- Names made of serial numbers ---- */

static const char *name_of(struct task *t, const char *pattern, const char *serial)
{
    const char *name = NULL;
    assert_ok(t, device_name_make(t, pattern, serial, &name));
    return name;
}

static void serial_number_that_is_a_label_is_taken_as_it_is(void **state)
{
    struct task *t = test_task(state);
    assert_string_equal(name_of(t, "{serial}.Phones.Example", "ab-12"), "ab-12.phones.example");
    assert_string_equal(name_of(t, "x-{serial}.example", "AB-12"), "x-ab-12.example");
    assert_string_equal(name_of(t, "{serial}", "7"), "7");
}

static void other_serial_numbers_are_made_labels_that_differ(void **state)
{
    /* Each pair would be the same label if nothing but the characters were replaced. */
    static const char *const pairs[][2] = {
        {"a.b", "a/b"}, {"a b", "a_b"}, {"-a", "_a"}, {"a-", "a+"}, {"ä", "ö"}, {"a\tb", "a\nb"},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        const char *first = name_of(t, "{serial}.example", pairs[i][0]);
        const char *second = name_of(t, "{serial}.example", pairs[i][1]);
        assert_string_not_equal(first, second);
        assert_int_equal(strspn(first, "abcdefghijklmnopqrstuvwxyz0123456789-."), strlen(first));
        assert_true(first[0] != '-' && strstr(first, "-.") == NULL);
    }
    /* For ever: it is in certificates. */
    assert_string_equal(name_of(t, "{serial}.example", "a.b"), "a-b-2e7336dc.example");
}

static void long_serial_numbers_are_cut_and_differ(void **state)
{
    struct task *t = test_task(state);
    char serial[200];
    memset(serial, 'a', sizeof(serial));
    serial[sizeof(serial) - 1] = '\0';
    const char *first = arena_strdup(t->arena, name_of(t, "{serial}.example", serial));
    assert_int_equal(strcspn(first, "."), 63);
    serial[150] = 'b';
    assert_string_not_equal(name_of(t, "{serial}.example", serial), first);
    serial[64] = '\0';
    assert_int_equal(strcspn(name_of(t, "{serial}.example", serial), "."), 63);
    serial[63] = '\0'; /* fits */
    assert_string_equal(name_of(t, "{serial}.example", serial),
                        arena_printf(t->arena, "%s.example", serial));
}

static void name_that_would_be_too_long_is_none(void **state)
{
    struct task *t = test_task(state);
    const char *name;
    char pattern[400] = "{serial}";
    while (strlen(pattern) < 250)
        (void)strcat(pattern, ".abcdefghi");
    assert_fails(t, device_name_make(t, pattern, "serial-number", &name), E_INVALID);
    /* A label of 63 octets leaves no room for more in it. */
    static const char longest[] = "a23456789b123456789c123456789d123456789e123456789f123456789g123";
    assert_int_equal(strlen(longest), 63);
    assert_ok(t, device_name_make(t, "{serial}.example", longest, &name));
    assert_fails(t, device_name_make(t, "x-{serial}.example", longest, &name), E_INVALID);
}

/* ---- Names belong to one device ---- */

struct claim {
    const char *name;
    struct bytes device;
};

static bool claim_name(struct task *t, struct tx *tx, void *arg)
{
    const struct claim *claim = arg;
    return device_name_claim(t, tx, claim->name, claim->device);
}

static void name_belongs_to_the_first_device_that_is_told_it(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct claim first = {"a.example", bytes_random(t->arena, SUBJECT_LEN)};
    struct claim second = {"a.example", bytes_random(t->arena, SUBJECT_LEN)};
    assert_ok(t, store_update(t, store, claim_name, &first));
    assert_ok(t, store_update(t, store, claim_name, &first)); /* again */
    assert_fails(t, store_update(t, store, claim_name, &second), E_EXISTS);
    assert_detail(t, bytes_to_hex(t->arena, first.device));
    second.name = "b.example";
    assert_ok(t, store_update(t, store, claim_name, &second));
    store_close(store);
}

/* ---- An anchor's key belongs to one manufacturer ---- */

struct move {
    const char *name;
    struct bytes_list before;
    struct bytes_list after;
};

static bool move_anchors(struct task *t, struct tx *tx, void *arg)
{
    const struct move *move = arg;
    return manufacturer_move_anchors(t, tx, move->name, &move->before, &move->after);
}

static const char *holder_of(struct task *t, struct store *store, struct bytes key)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct anchor_key anchor;
    bool found;
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, table_find(t, view_reader(view), &anchor_keys, key, &anchor, &found));
    return found ? anchor.manufacturer : NULL;
}

static void key_of_an_anchor_belongs_to_one_manufacturer(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct bytes keys[3];
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        keys[i] = bytes_random(t->arena, SHA256_LEN);
    struct move acme = {"acme", {NULL, 0}, {keys, 2}};
    struct move other = {"other", {NULL, 0}, {keys + 1, 2}};
    assert_ok(t, store_update(t, store, move_anchors, &acme));
    assert_fails(t, store_update(t, store, move_anchors, &other), E_EXISTS);
    assert_detail(t, "idevid-anchors[0]");
    assert_detail(t, "acme");
    assert_null(holder_of(t, store, keys[2])); /* all of it or nothing */
    acme = (struct move){"acme", {keys, 2}, {keys, 1}};
    assert_ok(t, store_update(t, store, move_anchors, &acme));
    assert_ok(t, store_update(t, store, move_anchors, &other));
    assert_string_equal(holder_of(t, store, keys[0]), "acme");
    assert_string_equal(holder_of(t, store, keys[1]), "other");
    /* Whoever gives up what is another's takes nothing away. */
    acme = (struct move){"acme", {keys, 3}, {NULL, 0}};
    assert_ok(t, store_update(t, store, move_anchors, &acme));
    assert_null(holder_of(t, store, keys[0]));
    assert_string_equal(holder_of(t, store, keys[1]), "other");
    store_close(store);
}

/* ---- The owner's domainIDs ---- */

#define DOMAINS 20

static bool put_domains(struct task *t, struct tx *tx, void *arg)
{
    const struct bytes *ids = arg;
    for (size_t i = 0; i < DOMAINS; i++) {
        const struct own_domain domain = {.id = ids[i], .since = clock_wall()};
        TRY(table_put(t, tx, &own_domains, &domain));
    }
    return true;
}

static void every_domain_that_was_ever_ours_is_read(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct bytes ids[DOMAINS];
    struct bytes_list list = {NULL, 1};
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, own_domains_read(t, view, &list));
    assert_int_equal(list.count, 0);
    view_close(view);
    view = NULL;
    for (size_t i = 0; i < DOMAINS; i++) /* SubjectKeyIdentifiers and SHA-256 */
        ids[i] = bytes_random(t->arena, i % 2 == 0 ? 20 : SHA256_LEN);
    assert_ok(t, store_update(t, store, put_domains, ids));
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, own_domains_read(t, view, &list));
    assert_int_equal(list.count, DOMAINS);
    for (size_t i = 0; i < DOMAINS; i++) {
        bool found = false;
        for (size_t j = 0; j < list.count; j++)
            found = found || bytes_equal(list.items[j], ids[i]);
        assert_true(found);
    }
    view_close(view);
    view = NULL;
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(serial_number_that_is_a_label_is_taken_as_it_is),
        UNIT_TEST(other_serial_numbers_are_made_labels_that_differ),
        UNIT_TEST(long_serial_numbers_are_cut_and_differ),
        UNIT_TEST(name_that_would_be_too_long_is_none),
        UNIT_TEST(name_belongs_to_the_first_device_that_is_told_it),
        UNIT_TEST(key_of_an_anchor_belongs_to_one_manufacturer),
        UNIT_TEST(every_domain_that_was_ever_ours_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

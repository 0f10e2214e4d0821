#include "core/store/table.h"

#include "core/base/clock.h"
#include "tests/unit/store_fixture.h"

/* A record with one index of each sort. */
struct thing {
    const char *name;
    const char *colour; /* not unique; none: not in the index */
    const char *label;  /* unique; none: not in the index */
    struct record_rest rest;
};

static const struct field thing_fields[] = {
    FIELD(1, struct thing, name, "name", FIELD_TEXT, .flags = FIELD_REQUIRED),
    FIELD(2, struct thing, colour, "colour", FIELD_TEXT, .max = 10),
    FIELD(3, struct thing, label, "label", FIELD_TEXT),
};
static const struct record_type thing_type = RECORD_TYPE("thing", 1, struct thing, thing_fields);

static struct bytes by_name(struct arena *arena, const void *record)
{
    (void)arena;
    return bytes_of_text(((const struct thing *)record)->name);
}
static struct bytes by_colour(struct arena *arena, const void *record)
{
    (void)arena;
    return bytes_of_text(((const struct thing *)record)->colour);
}
static struct bytes by_label(struct arena *arena, const void *record)
{
    (void)arena;
    return bytes_of_text(((const struct thing *)record)->label);
}

enum { COLOUR, LABEL };
static const struct table_index indexes[] = {
    [COLOUR] = {'c', false, by_colour},
    [LABEL] = {'l', true, by_label},
};
static const struct table things = {'T', &thing_type, by_name, indexes, ARRAY_SIZE(indexes), 2};

static bool put_thing(struct task *t, struct tx *tx, void *arg)
{
    return table_put(t, tx, &things, arg);
}

static bool delete_thing(struct task *t, struct tx *tx, void *arg)
{
    return table_delete(t, tx, &things, bytes_of_text(arg));
}

static void put(struct task *t, struct store *store, const char *name, const char *colour,
                const char *label)
{
    struct thing thing = {name, colour, label, {0}};
    assert_ok(t, store_update(t, store, put_thing, &thing));
}

static struct store *open_with_things(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    put(t, store, "apple", "red", "A");
    put(t, store, "berry", "red", NULL);
    put(t, store, "cherry", "redder", "C");
    put(t, store, "date", NULL, NULL);
    return store;
}

static const char *names_of(struct task *t, struct table_scan scan)
{
    struct thing thing;
    bool found = false;
    const char *names = "";
    for (;;) {
        assert_ok(t, table_scan_next(t, &scan, &thing, &found));
        if (!found)
            return names;
        names = arena_printf(t->arena, "%s%s ", names, thing.name);
    }
}

static const char *names_by(struct task *t, struct store *store, const struct table_index *index,
                            const char *prefix, bool backwards)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    assert_ok(t, view_open(t, store, &view));
    return names_of(t, table_scan_index(t, view, &things, index, bytes_of_text(prefix), backwards));
}

static const char *names_from(struct task *t, struct store *store, const char *from)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    assert_ok(t, view_open(t, store, &view));
    return names_of(t, table_scan(t, view, &things, bytes_of_text(from)));
}

/* The name of the thing with this label; NULL: none. */
static const char *name_by_label(struct task *t, struct store *store, const char *label)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct thing thing;
    bool found = false;
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, table_find_by(t, view_reader(view), &things, &indexes[LABEL], bytes_of_text(label),
                               &thing, &found));
    return found ? thing.name : NULL;
}

static void records_are_scanned_in_key_order(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_things(state);
    assert_string_equal(names_from(t, store, NULL), "apple berry cherry date ");
    assert_string_equal(names_from(t, store, "berry"), "berry cherry date ");
    assert_string_equal(names_from(t, store, "bz"), "cherry date ");
    assert_string_equal(names_from(t, store, "z"), "");
    store_close(store);
}

static void index_finds_by_prefix_in_both_directions(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_things(state);
    assert_string_equal(names_by(t, store, &indexes[COLOUR], "red", false), "apple berry cherry ");
    assert_string_equal(names_by(t, store, &indexes[COLOUR], "red", true), "cherry berry apple ");
    assert_string_equal(names_by(t, store, &indexes[COLOUR], "redd", false), "cherry ");
    assert_string_equal(names_by(t, store, &indexes[COLOUR], "blue", false), "");
    assert_string_equal(names_by(t, store, &indexes[LABEL], NULL, false), "apple cherry ");
    store_close(store);
}

static void indexes_follow_changes(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_things(state);
    put(t, store, "apple", "green", "A2");  /* another value */
    put(t, store, "berry", NULL, "B");      /* out of one index, into another */
    put(t, store, "date", "red", NULL);     /* into an index */
    put(t, store, "cherry", "redder", "C"); /* the same */
    assert_string_equal(names_by(t, store, &indexes[COLOUR], NULL, false), "apple date cherry ");
    assert_string_equal(names_by(t, store, &indexes[LABEL], NULL, false), "apple berry cherry ");
    assert_null(name_by_label(t, store, "A"));
    assert_string_equal(name_by_label(t, store, "A2"), "apple");
    assert_string_equal(name_by_label(t, store, "B"), "berry");
    store_close(store);
}

static void unique_index_takes_no_second_record(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_things(state);
    struct thing other = {"other", "blue", "A", {0}};
    assert_fails(t, store_update(t, store, put_thing, &other), E_EXISTS);
    assert_string_equal(names_from(t, store, NULL), "apple berry cherry date ");
    assert_string_equal(names_by(t, store, &indexes[COLOUR], "blue", false), "");
    put(t, store, "apple", "red", NULL); /* releases the label */
    assert_ok(t, store_update(t, store, put_thing, &other));
    assert_string_equal(name_by_label(t, store, "A"), "other");
    store_close(store);
}

static void record_that_breaks_a_rule_is_not_written(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_things(state);
    struct thing long_colour = {"egg", "yellow-and-white", NULL, {0}};
    struct thing nameless = {NULL, "red", NULL, {0}};
    struct thing empty = {"", "red", NULL, {0}};
    assert_fails(t, store_update(t, store, put_thing, &long_colour), E_INVALID);
    assert_fails(t, store_update(t, store, put_thing, &nameless), E_INVALID);
    assert_fails(t, store_update(t, store, put_thing, &empty), E_INVALID);
    assert_string_equal(names_from(t, store, NULL), "apple berry cherry date ");
    store_close(store);
}

static void key_that_is_too_long_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    char *name = arena_alloc(t->arena, STORE_KEY_MAX + 1);
    for (size_t i = 0; i < STORE_KEY_MAX; i++)
        name[i] = 'n';
    struct thing thing = {name, NULL, NULL, {0}};
    assert_fails(t, store_update(t, store, put_thing, &thing), E_INVALID);
    name[STORE_KEY_MAX - 1] = '\0'; /* with its prefix exactly as long as allowed */
    assert_ok(t, store_update(t, store, put_thing, &thing));
    thing = (struct thing){"label", NULL, arena_printf(t->arena, "%sxx", name), {0}};
    assert_fails(t, store_update(t, store, put_thing, &thing), E_INVALID);
    store_close(store);
}

struct blob_step {
    const char *key;
    unsigned blob;
    struct bytes octets;
};

static bool put_blob(struct task *t, struct tx *tx, void *arg)
{
    const struct blob_step *step = arg;
    return blob_put(t, tx, &things, bytes_of_text(step->key), step->blob, step->octets);
}

static struct bytes blob_of(struct task *t, struct store *store, const char *key, unsigned blob)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct bytes octets = BYTES_ABSENT;
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, blob_get(t, view_reader(view), &things, bytes_of_text(key), blob, &octets));
    return octets;
}

static void blobs_belong_to_one_record_and_number(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_things(state);
    struct bytes big = bytes_random(t->arena, 50000);
    struct blob_step steps[] = {
        {"apple", 1, big}, {"apple", 2, BYTES_LITERAL("two")}, {"berry", 1, BYTES_LITERAL("")}};
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        assert_ok(t, store_update(t, store, put_blob, &steps[i]));
    assert_bytes_equal(t, blob_of(t, store, "apple", 1), big);
    assert_bytes_equal(t, blob_of(t, store, "apple", 2), BYTES_LITERAL("two"));
    assert_true(bytes_present(blob_of(t, store, "berry", 1)));
    assert_false(bytes_present(blob_of(t, store, "berry", 2)));
    steps[0].octets = BYTES_ABSENT;
    assert_ok(t, store_update(t, store, put_blob, &steps[0]));
    assert_false(bytes_present(blob_of(t, store, "apple", 1)));
    steps[0].blob = 3;
    assert_fails(t, store_update(t, store, put_blob, &steps[0]), E_INTERNAL);
    steps[0].blob = 0;
    assert_fails(t, store_update(t, store, put_blob, &steps[0]), E_INTERNAL);
    store_close(store);
}

static size_t keys_in(struct task *t, struct store *store)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct bytes key;
    struct bytes value;
    bool found = true;
    size_t count = 0;
    assert_ok(t, view_open(t, store, &view));
    for (struct scan scan = {.view = view}; found; count++)
        assert_ok(t, scan_next(t, &scan, &key, &value, &found));
    return count - 1;
}

static void deleting_takes_indexes_and_blobs_along(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    size_t before = keys_in(t, store);
    put(t, store, "apple", "red", "A");
    struct blob_step step = {"apple", 2, BYTES_LITERAL("octets")};
    assert_ok(t, store_update(t, store, put_blob, &step));
    assert_int_equal(keys_in(t, store), before + 4);
    assert_ok(t, store_update(t, store, delete_thing, (void *)"apple"));
    assert_int_equal(keys_in(t, store), before);
    assert_ok(t, store_update(t, store, delete_thing, (void *)"apple")); /* not there: no failure */
    store_close(store);
}

static void missing_and_damaged_records_are_told_apart(void **state)
{
    struct task *t = test_task(state);
    struct store *store = open_with_things(state);
    struct view *view = NULL;
    struct thing thing;
    bool found = true;
    store_close(store);
    store_fixture_damage(state, BYTES_LITERAL("Tberry"), BYTES_LITERAL("\xa1"));
    store_fixture_damage(state, BYTES_LITERAL("Tcherry"), BYTES_ABSENT);
    store = store_fixture_open(state);
    assert_ok(t, view_open(t, store, &view));
    struct reader *r = view_reader(view);
    assert_ok(t, table_find(t, r, &things, BYTES_LITERAL("egg"), &thing, &found));
    assert_false(found);
    assert_fails(t, table_get(t, r, &things, BYTES_LITERAL("egg"), &thing), E_NOT_FOUND);
    assert_detail(t, "no thing egg");
    assert_fails(t, table_get(t, r, &things, BYTES_LITERAL("berry"), &thing), E_STORE_DAMAGED);
    assert_fails(t,
                 table_find_by(t, r, &things, &indexes[LABEL], BYTES_LITERAL("C"), &thing, &found),
                 E_STORE_DAMAGED);
    assert_fails(
        t, table_find_by(t, r, &things, &indexes[COLOUR], BYTES_LITERAL("red"), &thing, &found),
        E_INTERNAL);
    view_close(view);
    store_close(store);
}

static void ids_grow_with_time_and_do_not_repeat(void **state)
{
    struct task *t = test_task(state);
    struct bytes first = id_make(t->arena);
    struct bytes same_time = id_make(t->arena);
    int64_t then = clock_wall();
    while (clock_wall() <= then)
        ;
    struct bytes later = id_make(t->arena);
    assert_int_equal(first.len, ID_LEN);
    assert_false(bytes_equal(first, same_time));
    assert_true(bytes_compare(first, later) < 0);
}

static void numbers_sort_as_keys(void **state)
{
    struct task *t = test_task(state);
    assert_bytes_equal(t, key_of_number(t->arena, 0x0102030405060708),
                       BYTES_LITERAL("\x01\x02\x03\x04\x05\x06\x07\x08"));
    assert_true(bytes_compare(key_of_number(t->arena, 255), key_of_number(t->arena, 256)) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(records_are_scanned_in_key_order),
        UNIT_TEST(index_finds_by_prefix_in_both_directions),
        UNIT_TEST(indexes_follow_changes),
        UNIT_TEST(unique_index_takes_no_second_record),
        UNIT_TEST(record_that_breaks_a_rule_is_not_written),
        UNIT_TEST(key_that_is_too_long_is_refused),
        UNIT_TEST(blobs_belong_to_one_record_and_number),
        UNIT_TEST(deleting_takes_indexes_and_blobs_along),
        UNIT_TEST(missing_and_damaged_records_are_told_apart),
        UNIT_TEST(ids_grow_with_time_and_do_not_repeat),
        UNIT_TEST(numbers_sort_as_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

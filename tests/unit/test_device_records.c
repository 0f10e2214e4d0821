/* Devices and places on the list of expected ones, as records. */
#include "core/store/records/device.h"
#include "core/store/records/event.h"
#include "tests/unit/store_fixture.h"

#include <string.h>

static void lists_place_is_for_its_own_manufacturer_only(void **state)
{
    struct task *t = test_task(state);
    struct expected place;
    record_init(t, &expected_type, &place);
    place.manufacturer = "acme";
    place.serial = "A1";
    assert_ok(t, expected_check_list(t, &place, "acme"));
    assert_fails(t, expected_check_list(t, &place, "other"), E_INVALID);
    assert_non_null(strstr(t->detail, "acme"));
}

static bool put_place(struct task *t, struct tx *tx, void *arg)
{
    return table_put(t, tx, &expected_devices, arg);
}

static void place_keeps_where_it_comes_from_and_its_columns(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct view *view = NULL;
    struct expected_column columns[] = {{.name = "site", .value = "Bonn"},
                                        {.name = "vlan", .value = "17"}};
    struct expected place;
    record_init(t, &expected_type, &place);
    place.manufacturer = "acme";
    place.serial = "A1";
    place.source = EXPECTED_SOURCE_CSV "delivery.csv";
    place.columns = (struct record_list){columns, ARRAY_SIZE(columns)};
    assert_ok(t, store_update(t, store, put_place, &place));
    assert_ok(t, view_open(t, store, &view));
    struct expected read;
    struct bytes key = expected_key(t->arena, "acme", "A1");
    assert_ok(t, table_get(t, view_reader(view), &expected_devices, key, &read));
    assert_string_equal(read.source, "csv:delivery.csv");
    assert_int_equal(read.columns.count, 2);
    const struct expected_column *column = read.columns.items;
    assert_string_equal(column[1].name, "vlan");
    assert_string_equal(column[1].value, "17");
    view_close(view);
    store_close(store);
}

static void admissions_keep_their_numbers(void **state)
{
    struct task *t = test_task(state);
    static const char *const names[] = {"unexpected", "admitted",       "held",
                                        "declined",   "decommissioned", "sold"};
    const struct field *f = record_field(&device_type, "admission");
    struct device device = {0};
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        device.admission = i;
        assert_string_equal(field_to_text(t, f, &device), names[i]);
    }
    assert_int_equal(DEVICE_SOLD, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(lists_place_is_for_its_own_manufacturer_only),
        UNIT_TEST(place_keeps_where_it_comes_from_and_its_columns),
        UNIT_TEST(admissions_keep_their_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

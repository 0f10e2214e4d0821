/* Devices and places on the list of expected ones, as records. */
#include "core/store/records/device.h"
#include "core/store/records/belonging.h"
#include "core/store/records/device_name.h"
#include "core/store/records/log_watch.h"
#include "core/store/records/standing.h"
#include "core/store/records/stored_voucher.h"
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

static void columns_have_one_name_each_in_lower_case(void **state)
{
    struct task *t = test_task(state);
    struct expected_column columns[] = {{.name = "site", .value = "Bonn"},
                                        {.name = "vlan", .value = "17"}};
    struct expected place = {.manufacturer = "acme", .serial = "A1"};
    place.columns = (struct record_list){columns, ARRAY_SIZE(columns)};
    assert_ok(t, expected_check_columns(t, &place));
    columns[1].name = "Vlan";
    assert_fails(t, expected_check_columns(t, &place), E_INVALID);
    columns[1].name = "site";
    assert_fails(t, expected_check_columns(t, &place), E_INVALID);
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

/* ---- How devices stand ---- */

static const struct decided somebody = {"admin:root", "tested"};
static const struct decided nobody = {NULL, NULL};

/* A device that becomes what it is told to be, one after the other. */
struct career {
    struct device device;
    const char *manufacturer;
    enum device_admission admission;
    const struct decided *decided;
};

static bool advance(struct task *t, struct tx *tx, void *arg)
{
    struct career *c = arg;
    return standing_set(t, tx, &c->device, c->manufacturer, c->admission, c->decided);
}

static uint64_t count_of(struct task *t, struct store *store, const char *manufacturer,
                         enum device_admission admission)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    uint64_t count = 0;
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, standing_count(t, view_reader(view), manufacturer, admission, &count));
    return count;
}

static uint64_t total_of(struct task *t, struct store *store, enum device_admission admission)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    uint64_t count = 0;
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, standing_total(t, view, admission, &count));
    return count;
}

static void devices_are_counted_as_what_they_are(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct career first = {.manufacturer = "acme", .admission = DEVICE_HELD, .decided = &nobody};
    struct career second = first;
    assert_ok(t, store_update(t, store, advance, &first));
    assert_ok(t, store_update(t, store, advance, &second));
    assert_int_equal(count_of(t, store, "acme", DEVICE_HELD), 2);
    assert_true(first.device.admission_since > 0);
    first.admission = DEVICE_DECLINED;
    first.decided = &somebody;
    assert_ok(t, store_update(t, store, advance, &first));
    assert_int_equal(count_of(t, store, "acme", DEVICE_HELD), 1);
    assert_int_equal(count_of(t, store, "acme", DEVICE_DECLINED), 1);
    assert_string_equal(first.device.decided_by, "admin:root");
    assert_ok(t, store_update(t, store, advance, &first)); /* the same once more */
    assert_int_equal(count_of(t, store, "acme", DEVICE_DECLINED), 1);
    second.manufacturer = "other"; /* its anchors went there */
    assert_ok(t, store_update(t, store, advance, &second));
    assert_int_equal(count_of(t, store, "acme", DEVICE_HELD), 0);
    assert_int_equal(count_of(t, store, "other", DEVICE_HELD), 1);
    assert_int_equal(total_of(t, store, DEVICE_HELD), 1);
    assert_int_equal(total_of(t, store, DEVICE_ADMITTED), 0);
    store_close(store);
}

static void decision_is_outweighed_only_by_what_somebody_did_later(void **state)
{
    struct task *t = test_task(state);
    struct device device = {.admission_since = 1000};
    struct expected place = {.manufacturer = "acme", .serial = "A1"};
    const struct {
        enum device_admission admission;
        const char *source;
        int64_t added;
        bool lets_in;
    } cases[] = {
        {DEVICE_UNEXPECTED, "cloud:maker", 1, true},
        {DEVICE_HELD, "cloud:maker", 1, true},
        {DEVICE_ADMITTED, "cloud:maker", 1, true},
        {DEVICE_DECLINED, "admin:root", 999, false},
        {DEVICE_DECLINED, "admin:root", 1001, true},
        {DEVICE_DECLINED, "cloud:maker", 1001, false},
        {DEVICE_SOLD, "csv:orders.csv", 1001, true},
        {DEVICE_SOLD, "cloud:maker", 1001, false},
        {DEVICE_SOLD, NULL, 999, false},
        {DEVICE_DECOMMISSIONED, NULL, 1001, true},
        {DEVICE_DECOMMISSIONED, "cloud:maker", 5000, false},
    };
    (void)t;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        device.admission = cases[i].admission;
        place.source = cases[i].source;
        place.added = cases[i].added;
        if (standing_outweighed(&device, &place) != cases[i].lets_in)
            fail_msg("case %zu", i);
    }
}

/* ---- What goes with a device ---- */

static bool put_things(struct task *t, struct tx *tx, void *arg)
{
    const struct device *device = arg;
    struct stored_voucher voucher;
    struct log_watch watch;
    record_init(t, &stored_voucher_type, &voucher);
    voucher.manufacturer = device->manufacturer;
    voucher.serial = device->serial;
    voucher.idevid_issuer = BYTES_LITERAL("issuer");
    voucher.media_type = "application/voucher-cms+json";
    record_init(t, &log_watch_type, &watch);
    watch.device = device->id;
    TRY(table_put(t, tx, &stored_vouchers, &voucher));
    TRY(blob_put(t, tx, &stored_vouchers, stored_vouchers.key_of(t->arena, &voucher),
                 STORED_VOUCHER_BLOB_VOUCHER, BYTES_LITERAL("octets")));
    TRY(table_put(t, tx, &log_watches, &watch));
    return device_name_claim(t, tx, arena_printf(t->arena, "%s.example", device->serial),
                             device->id);
}

static struct belonging_list things_of(struct task *t, struct store *store,
                                       const struct device *device)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct belonging_list list = {NULL, 0};
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, belongings_find(t, view, device, &list));
    return list;
}

static bool delete_things(struct task *t, struct tx *tx, void *arg)
{
    return belongings_delete(t, tx, arg);
}

static void belongings_are_one_devices_and_no_others(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct device one = {
        .id = bytes_random(t->arena, DEVICE_ID_LEN), .manufacturer = "acme", .serial = "a1"};
    struct device other = one; /* its serial number begins as the first one's */
    other.id = bytes_random(t->arena, DEVICE_ID_LEN);
    other.serial = "a10";
    assert_int_equal(things_of(t, store, &one).count, 0);
    assert_ok(t, store_update(t, store, put_things, &one));
    assert_ok(t, store_update(t, store, put_things, &other));
    struct belonging_list things = things_of(t, store, &one);
    assert_int_equal(things.count, 3);
    assert_ok(t, store_update(t, store, delete_things, &things));
    assert_int_equal(things_of(t, store, &one).count, 0);
    assert_int_equal(things_of(t, store, &other).count, 3);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(lists_place_is_for_its_own_manufacturer_only),
        UNIT_TEST(columns_have_one_name_each_in_lower_case),
        UNIT_TEST(place_keeps_where_it_comes_from_and_its_columns),
        UNIT_TEST(admissions_keep_their_numbers),
        UNIT_TEST(devices_are_counted_as_what_they_are),
        UNIT_TEST(decision_is_outweighed_only_by_what_somebody_did_later),
        UNIT_TEST(belongings_are_one_devices_and_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/store/check.h"

#include "core/store/prefixes.h"
#include "core/store/records/all.h"
#include "core/store/records/device.h"
#include "core/store/records/event.h"
#include "tests/unit/store_fixture.h"

#include <string.h>

static struct device device_named(struct task *t, const char *serial)
{
    struct device device;
    record_init(t, &device_type, &device);
    device.issuer_spki_sha256 = bytes_sha256(t->arena, BYTES_LITERAL("issuer"));
    device.serial = serial;
    device.manufacturer = "acme";
    device.id = device_id(t->arena, device.issuer_spki_sha256, serial);
    return device;
}

/* A device with its certificate, and an event in its timeline. */
static bool add_device(struct task *t, struct tx *tx, void *arg)
{
    struct device device = device_named(t, arg);
    const struct event event = {.name = "seen", .device = device.id};
    TRY(table_put(t, tx, &devices, &device));
    TRY(blob_put(t, tx, &devices, device.id, DEVICE_BLOB_IDEVID, BYTES_LITERAL("DER")));
    return event_add(t, tx, &event);
}

static void fill(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    assert_ok(t, store_update(t, store, add_device, (void *)"S1"));
    assert_ok(t, store_update(t, store, add_device, (void *)"S2"));
    store_close(store);
}

static struct check_report check(void **state)
{
    struct task *t = test_task(state);
    struct store_options options = store_fixture_options(state);
    struct check_report report = {0};
    struct store *store = NULL;
    options.read_only = true;
    assert_ok(t, store_open(t, &options, &store));
    assert_ok(t, store_check(t, store, record_tables, &report));
    store_close(store);
    return report;
}

/* There is a finding about this key that says this. */
static void assert_finding(void **state, struct bytes key, const char *what)
{
    struct task *t = test_task(state);
    struct check_report report = check(state);
    const char *hex = bytes_to_hex(t->arena, key);
    for (size_t i = 0; i < report.finding_count; i++) {
        if (strcmp(report.findings[i].key, hex) == 0 &&
            strstr(report.findings[i].what, what) != NULL)
            return;
    }
    fail_msg("nothing says \"%s\" of %s", what, hex);
}

static struct bytes key(struct task *t, uint8_t prefix, struct bytes first, struct bytes second)
{
    const struct bytes parts[] = {bytes_make(&prefix, 1), first, second};
    return bytes_concat(t->arena, parts, ARRAY_SIZE(parts));
}

static struct bytes serial_entry(struct task *t, const char *serial, struct bytes id)
{
    struct bytes with_end = bytes_make(serial, strlen(serial) + 1);
    return key(t, PREFIX_DEVICE_BY_SERIAL, with_end, id);
}

static struct bytes encoded(struct task *t, const struct device *device)
{
    struct bytes cbor = BYTES_ABSENT;
    assert_ok(t, record_encode(t, &device_type, device, &cbor));
    return cbor;
}

static void whole_store_has_no_findings(void **state)
{
    fill(state);
    struct check_report report = check(state);
    assert_int_equal(report.finding_count, 0);
    assert_int_equal(report.records, 3); /* with the setting that remembers where the store is */
    assert_int_equal(report.index_entries, 4); /* serial number and admission */
    assert_int_equal(report.blobs, 2);
    assert_int_equal(report.audit.entries, 2);
    assert_int_equal(report.keys, 3 + 4 + 2 + 2 * 3);
}

static void key_of_no_known_kind_is_found(void **state)
{
    fill(state);
    store_fixture_damage(state, BYTES_LITERAL("!what"), BYTES_LITERAL("x"));
    assert_finding(state, BYTES_LITERAL("!what"), "octet 33");
}

static void unreadable_record_is_found(void **state)
{
    struct task *t = test_task(state);
    struct device device = device_named(t, "S1");
    struct bytes place = key(t, PREFIX_DEVICE, device.id, BYTES_ABSENT);
    fill(state);
    store_fixture_damage(state, place, BYTES_LITERAL("\xff"));
    assert_finding(state, place, "the device cannot be read");
    assert_finding(state, serial_entry(t, "S1", device.id), "leads to a damaged record");
}

static void record_that_breaks_a_rule_is_found(void **state)
{
    struct task *t = test_task(state);
    struct device device = device_named(t, "S1");
    struct bytes place = key(t, PREFIX_DEVICE, device.id, BYTES_ABSENT);
    fill(state);
    store_fixture_damage(state, place, BYTES_LITERAL("\xa1\x00\x01")); /* nothing but a version */
    assert_finding(state, place, "id:");
}

static void record_under_anothers_key_is_found(void **state)
{
    struct task *t = test_task(state);
    struct device first = device_named(t, "S1");
    struct device second = device_named(t, "S2");
    struct bytes place = key(t, PREFIX_DEVICE, first.id, BYTES_ABSENT);
    fill(state);
    store_fixture_damage(state, place, encoded(t, &second));
    assert_finding(state, place, "another's key");
}

static void missing_index_entry_is_found(void **state)
{
    struct task *t = test_task(state);
    struct device device = device_named(t, "S1");
    fill(state);
    store_fixture_damage(state, serial_entry(t, "S1", device.id), BYTES_ABSENT);
    assert_finding(state, key(t, PREFIX_DEVICE, device.id, BYTES_ABSENT), "index 'd' is missing");
}

static void index_entry_that_names_another_record_is_found(void **state)
{
    struct task *t = test_task(state);
    struct device first = device_named(t, "S1");
    struct device second = device_named(t, "S2");
    fill(state);
    store_fixture_damage(state, serial_entry(t, "S1", first.id), second.id);
    assert_finding(state, key(t, PREFIX_DEVICE, first.id, BYTES_ABSENT), "another record's");
    assert_finding(state, serial_entry(t, "S1", first.id), "does not have it");
}

static void index_entry_that_leads_nowhere_is_found(void **state)
{
    struct task *t = test_task(state);
    struct device stranger = device_named(t, "S9");
    struct bytes entry = serial_entry(t, "S9", stranger.id);
    fill(state);
    store_fixture_damage(state, entry, stranger.id);
    assert_finding(state, entry, "leads to no device");
    store_fixture_damage(state, entry, BYTES_LITERAL(""));
    assert_finding(state, entry, "names no record");
}

static void outdated_index_entry_is_found(void **state)
{
    struct task *t = test_task(state);
    struct device device = device_named(t, "S1");
    struct bytes entry = serial_entry(t, "S0", device.id);
    fill(state);
    store_fixture_damage(state, entry, device.id);
    assert_finding(state, entry, "does not have it");
}

static void octets_that_belong_to_nothing_are_found(void **state)
{
    struct task *t = test_task(state);
    struct device device = device_named(t, "S1");
    struct device stranger = device_named(t, "S9");
    struct bytes d_of = key(t, PREFIX_DEVICE, device.id, BYTES_LITERAL("\x02"));
    struct bytes nobodys = key(t, PREFIX_BLOB, key(t, PREFIX_DEVICE, stranger.id, BYTES_ABSENT),
                               BYTES_LITERAL("\x01"));
    struct bytes wrong_number = key(t, PREFIX_BLOB, d_of, BYTES_ABSENT);
    struct bytes no_table = BYTES_LITERAL("B?key\x01");
    fill(state);
    store_fixture_damage(state, nobodys, BYTES_LITERAL("DER"));
    store_fixture_damage(state, wrong_number, BYTES_LITERAL("DER"));
    store_fixture_damage(state, no_table, BYTES_LITERAL("DER"));
    store_fixture_damage(state, BYTES_LITERAL("B"), BYTES_LITERAL("DER"));
    assert_finding(state, nobodys, "belong to a device that is not there");
    assert_finding(state, wrong_number, "no octets number 2");
    assert_finding(state, no_table, "belong to no table");
    assert_finding(state, BYTES_LITERAL("B"), "belong to no table");
}

static void stray_audit_keys_are_found(void **state)
{
    struct task *t = test_task(state);
    struct device device = device_named(t, "S1");
    struct bytes payload = key(t, PREFIX_AUDIT_PAYLOAD, key_of_number(t->arena, 9), BYTES_ABSENT);
    struct bytes entry = key(t, PREFIX_TIMELINE, device.id, key_of_number(t->arena, 9));
    fill(state);
    store_fixture_damage(state, payload, BYTES_LITERAL("forged"));
    store_fixture_damage(state, entry, BYTES_LITERAL(""));
    store_fixture_damage(state, BYTES_LITERAL("tshort"), BYTES_LITERAL(""));
    assert_finding(state, payload, "no such entry");
    assert_finding(state, entry, "no such entry");
    assert_finding(state, BYTES_LITERAL("tshort"), "6 octets");
    assert_finding(state, BYTES_LITERAL("L"), "without a link"); /* the chain as a whole */
}

static void broken_chain_is_found(void **state)
{
    struct task *t = test_task(state);
    fill(state);
    store_fixture_damage(state,
                         key(t, PREFIX_AUDIT_PAYLOAD, key_of_number(t->arena, 1), BYTES_ABSENT),
                         BYTES_LITERAL("changed"));
    assert_finding(state, BYTES_LITERAL("L"), "1: its payload is not what was linked");
}

static void all_findings_are_counted_and_the_first_ones_kept(void **state)
{
    enum { MANY = CHECK_FINDINGS_MAX + 20 };
    struct task *t = test_task(state);
    for (int i = 0; i < MANY; i++)
        store_fixture_damage(state, bytes_of_text(arena_printf(t->arena, "!%d", i)),
                             BYTES_LITERAL("x"));
    struct check_report report = check(state);
    assert_int_equal(report.finding_count, MANY);
    assert_non_null(report.findings[CHECK_FINDINGS_MAX - 1].what);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(whole_store_has_no_findings),
        UNIT_TEST(key_of_no_known_kind_is_found),
        UNIT_TEST(unreadable_record_is_found),
        UNIT_TEST(record_that_breaks_a_rule_is_found),
        UNIT_TEST(record_under_anothers_key_is_found),
        UNIT_TEST(missing_index_entry_is_found),
        UNIT_TEST(index_entry_that_names_another_record_is_found),
        UNIT_TEST(index_entry_that_leads_nowhere_is_found),
        UNIT_TEST(outdated_index_entry_is_found),
        UNIT_TEST(octets_that_belong_to_nothing_are_found),
        UNIT_TEST(stray_audit_keys_are_found),
        UNIT_TEST(broken_chain_is_found),
        UNIT_TEST(all_findings_are_counted_and_the_first_ones_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

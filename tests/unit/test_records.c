#include "core/base/clock.h"
#include "core/store/audit.h"
#include "core/store/records/all.h"
#include "core/store/records/authority.h"
#include "core/store/records/certificate.h"
#include "core/store/records/device.h"
#include "core/store/records/episode.h"
#include "core/store/records/event.h"
#include "core/store/records/manufacturer.h"
#include "core/store/records/profile.h"
#include "core/store/records/setting.h"
#include "core/store/records/slug.h"
#include "tests/unit/store_fixture.h"

#include <string.h>

/* ---- Every table ---- */

/* A value of the right kind and a length that the field allows. */
static void fill_field(struct task *t, const struct field *f, void *record)
{
    void *place = (char *)record + f->offset;
    struct bytes octets = bytes_random(t->arena, f->min > 0 ? (size_t)f->min : 8);
    switch (f->kind) {
    case FIELD_BOOL:
        *(bool *)place = true;
        break;
    case FIELD_UINT:
    case FIELD_SIZE:
        *(uint64_t *)place = 100 + f->key;
        break;
    case FIELD_TIME:
        *(int64_t *)place = 1700000000000 + f->key;
        break;
    case FIELD_DURATION:
        *(int64_t *)place = f->min + SECOND_MS;
        break;
    case FIELD_TEXT:
        *(const char **)place = arena_printf(t->arena, "text-%u", f->key);
        break;
    case FIELD_OCTETS:
    case FIELD_HEX:
        *(struct bytes *)place = octets;
        break;
    case FIELD_ENUM:
        *(unsigned *)place = 1;
        break;
    case FIELD_TEXTS: {
        const char **items = arena_array(t->arena, 2, sizeof(*items));
        items[0] = "one";
        items[1] = "two";
        *(struct text_list *)place = (struct text_list){items, 2};
        break;
    }
    case FIELD_OCTETS_LIST: {
        struct bytes *items = arena_array(t->arena, 2, sizeof(*items));
        items[0] = octets;
        items[1] = BYTES_LITERAL("two");
        *(struct bytes_list *)place = (struct bytes_list){items, 2};
        break;
    }
    case FIELD_RECORDS:
        *(struct record_list *)place = (struct record_list){arena_alloc(t->arena, f->sub->size), 1};
        for (size_t i = 0; i < f->sub->count; i++)
            fill_field(t, &f->sub->fields[i], ((struct record_list *)place)->items);
        break;
    default:
        fail_msg("%s is of a kind that this test does not fill", f->name);
    }
}

/* As record_to_json(), without what a client may not send. */
static json_t *writable(struct task *t, const struct record_type *type, const void *record)
{
    json_t *object = NULL;
    assert_ok(t, record_to_json(t, type, record, &object));
    for (size_t i = 0; i < type->count; i++) {
        if ((type->fields[i].flags & FIELD_READ_ONLY) != 0)
            (void)json_object_del(object, type->fields[i].name);
    }
    return object;
}

static void assert_round_trip(struct task *t, const struct record_type *type, const void *record)
{
    struct bytes cbor = BYTES_ABSENT;
    struct bytes again = BYTES_ABSENT;
    json_t *before = NULL;
    json_t *after = NULL;
    void *copy = arena_alloc(t->arena, type->size);
    assert_ok(t, record_encode(t, type, record, &cbor));
    assert_ok(t, record_decode(t, type, cbor, copy));
    assert_ok(t, record_encode(t, type, copy, &again));
    assert_bytes_equal(t, again, cbor);
    assert_ok(t, record_to_json(t, type, record, &before));
    assert_ok(t, record_to_json(t, type, copy, &after));
    assert_true(json_equal(before, after));
    assert_ok(t, record_from_json(t, type, writable(t, type, record), copy));
    assert_ok(t, record_encode(t, type, copy, &again));
    assert_bytes_equal(t, again, cbor);
}

static void every_table_survives_the_round_trip(void **state)
{
    struct task *t = test_task(state);
    for (const struct table *const *table = record_tables; *table != NULL; table++) {
        const struct record_type *type = (*table)->type;
        void *record = arena_alloc(t->arena, type->size);
        record_init(t, type, record);
        for (size_t i = 0; i < type->count; i++)
            fill_field(t, &type->fields[i], record);
        assert_round_trip(t, type, record);
    }
}

static void events_survive_the_round_trip(void **state)
{
    struct task *t = test_task(state);
    struct event event;
    record_init(t, &event_type, &event);
    for (size_t i = 0; i < event_type.count; i++)
        fill_field(t, &event_type.fields[i], &event);
    event.trace = "0123456789abcdef";
    assert_round_trip(t, &event_type, &event);
}

static void every_table_refuses_a_record_without_its_key(void **state)
{
    struct task *t = test_task(state);
    for (const struct table *const *table = record_tables; *table != NULL; table++) {
        void *empty = arena_alloc(t->arena, (*table)->type->size);
        assert_fails(t, record_check(t, (*table)->type, empty), E_INVALID);
    }
}

static void prefixes_and_field_keys_are_not_shared(void **state)
{
    bool used[256] = {false};
    (void)state;
    for (const struct table *const *table = record_tables; *table != NULL; table++) {
        assert_false(used[(*table)->prefix]);
        used[(*table)->prefix] = true;
        for (size_t i = 0; i < (*table)->index_count; i++) {
            assert_false(used[(*table)->indexes[i].prefix]);
            used[(*table)->indexes[i].prefix] = true;
        }
        for (size_t i = 1; i < (*table)->type->count; i++)
            assert_true((*table)->type->fields[i].key > (*table)->type->fields[i - 1].key);
    }
}

static void every_field_explains_itself(void **state)
{
    (void)state;
    for (const struct table *const *table = record_tables; *table != NULL; table++) {
        for (size_t i = 0; i < (*table)->type->count; i++) {
            const char *help = (*table)->type->fields[i].help;
            assert_non_null(help);
            assert_in_range(strlen(help), 10, 300);
            assert_int_equal(help[strlen(help) - 1], '.');
        }
    }
}

/* ---- Names ---- */

static void slugs_follow_their_rule(void **state)
{
    struct task *t = test_task(state);
    static const char *const good[] = {"a", "7", "acme", "acme-phones-2", "a--b"};
    static const char *const bad[] = {"",      "Acme",  "acme_phones", "acme phones",
                                      "-acme", "acme-", "acmé",        "a/b",
                                      "a.b",   "-",     "a\nacme"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_ok(t, slug_check(t, "name", good[i]));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_fails(t, slug_check(t, "name", bad[i]), E_INVALID);
    assert_fails(t, slug_check(t, "name", NULL), E_INVALID);
    char longest[SLUG_MAX + 2];
    memset(longest, 'x', sizeof(longest));
    longest[SLUG_MAX] = '\0';
    assert_ok(t, slug_check(t, "name", longest));
    longest[SLUG_MAX] = 'x';
    longest[SLUG_MAX + 1] = '\0';
    assert_fails(t, slug_check(t, "name", longest), E_INVALID);
}

/* ---- Manufacturers, CAs, profiles ---- */

static bool put_manufacturer(struct task *t, struct tx *tx, void *arg)
{
    struct manufacturer m;
    record_init(t, &manufacturer_type, &m);
    m.name = arg;
    return manufacturer_put(t, tx, &m);
}

static bool delete_manufacturer(struct task *t, struct tx *tx, void *arg)
{
    return manufacturer_delete(t, tx, arg);
}

static uint64_t generation(struct task *t, struct store *store)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    uint64_t number = 99;
    assert_ok(t, view_open(t, store, &view));
    assert_ok(t, manufacturers_generation(t, view_reader(view), &number));
    return number;
}

static void each_change_of_a_manufacturer_counts_up(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    assert_int_equal(generation(t, store), 0);
    assert_ok(t, store_update(t, store, put_manufacturer, (void *)"acme"));
    assert_ok(t, store_update(t, store, put_manufacturer, (void *)"acme"));
    assert_int_equal(generation(t, store), 2);
    assert_fails(t, store_update(t, store, put_manufacturer, (void *)"Acme"), E_INVALID);
    assert_int_equal(generation(t, store), 2);
    assert_ok(t, store_update(t, store, delete_manufacturer, (void *)"acme"));
    assert_int_equal(generation(t, store), 3);
    store_close(store);
}

static bool put_ca(struct task *t, struct tx *tx, void *arg)
{
    return ca_put(t, tx, arg);
}

static void ca_names_are_slugs(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct ca_record ca = {.name = "plant-2", .connector = "est"};
    assert_ok(t, store_update(t, store, put_ca, &ca));
    ca.name = "Plant 2";
    assert_fails(t, store_update(t, store, put_ca, &ca), E_INVALID);
    assert_detail(t, "name:");
    ca = (struct ca_record){.name = "plant-2", .connector = NULL};
    assert_fails(t, store_update(t, store, put_ca, &ca), E_INVALID);
    store_close(store);
}

static void ca_settings_never_leave_as_json(void **state)
{
    struct task *t = test_task(state);
    const struct ca_record ca = {
        .name = "plant", .connector = "scep", .settings = BYTES_LITERAL("challenge password")};
    json_t *object = NULL;
    assert_ok(t, record_to_json(t, &ca_type, &ca, &object));
    assert_null(json_object_get(object, "settings"));
    assert_non_null(json_object_get(object, "connector"));
}

static struct profile valid_profile(struct task *t)
{
    struct profile profile;
    record_init(t, &profile_type, &profile);
    profile.name = PROFILE_DEFAULT;
    return profile;
}

static void preset_profile_is_fit_for_devices(void **state)
{
    struct task *t = test_task(state);
    struct profile profile = valid_profile(t);
    assert_ok(t, profile_check(t, &profile));
    assert_string_equal(profile.ca, "local");
    assert_int_equal(profile.validity, 365 * DAY_MS);
    assert_int_equal(profile.key_usage.count, 1);
    assert_string_equal(profile.key_usage.items[0], "digitalSignature");
    assert_int_equal(profile.ext_key_usage.count, 1);
    assert_string_equal(profile.ext_key_usage.items[0], "clientAuth");
}

static void device_profile_grants_no_authoritys_usage(void **state)
{
    struct task *t = test_task(state);
    struct profile profile = valid_profile(t);
    static const char *const refused[] = {"cmcRA",
                                          "cmcCA",
                                          "1.3.6.1.5.5.7.3.28",
                                          "1.3.6.1.5.5.7.3.27",
                                          "2.5.29.37.0",
                                          "id-kp-cmcRA",
                                          "anyExtendedKeyUsage",
                                          "1",
                                          "3.1",
                                          "1.3.06.1",
                                          "1.3.",
                                          "1..3",
                                          "",
                                          "serverauth"};
    static const char *const allowed[] = {"clientAuth", "serverAuth", "1.3.6.1.5.5.7.3.17",
                                          "1.3.6.1.5.5.7.3.280", "2.999.1"};
    const char *usage;
    profile.ext_key_usage = (struct text_list){&usage, 1};
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        usage = refused[i];
        assert_fails(t, profile_check(t, &profile), E_INVALID);
    }
    for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
        usage = allowed[i];
        assert_ok(t, profile_check(t, &profile));
    }
    profile = valid_profile(t);
    profile.key_usage = (struct text_list){&usage, 1};
    usage = "keyCertSign";
    assert_fails(t, profile_check(t, &profile), E_INVALID);
    usage = "cRLSign";
    assert_fails(t, profile_check(t, &profile), E_INVALID);
    usage = "keyAgreement";
    assert_ok(t, profile_check(t, &profile));
}

static void dns_pattern_is_a_name_with_one_place(void **state)
{
    struct task *t = test_task(state);
    struct profile profile = valid_profile(t);
    static const char *const good[] = {"{serial}.phones.example.com", "dev-{serial}.example",
                                       "{serial}"};
    static const char *const bad[] = {"gateway.example.com", /* one name for all */
                                      "{serial}{serial}.example",
                                      "{mac}.example",
                                      "a b.example",
                                      "{serial",
                                      "*.example.com",
                                      "é.example"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        profile.dns_pattern = good[i];
        assert_ok(t, profile_check(t, &profile));
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        profile.dns_pattern = bad[i];
        assert_fails(t, profile_check(t, &profile), E_INVALID);
    }
}

static bool put_profile(struct task *t, struct tx *tx, void *arg)
{
    return profile_put(t, tx, arg);
}

static void profile_is_written_only_when_valid(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct profile profile = valid_profile(t);
    assert_ok(t, store_update(t, store, put_profile, &profile));
    profile.ca = "No Slug";
    assert_fails(t, store_update(t, store, put_profile, &profile), E_INVALID);
    store_close(store);
}

/* ---- Devices, episodes, nonces, certificates ---- */

static void device_is_its_issuer_and_serial_number(void **state)
{
    struct task *t = test_task(state);
    struct bytes issuer = bytes_sha256(t->arena, BYTES_LITERAL("issuer"));
    struct bytes other = bytes_sha256(t->arena, BYTES_LITERAL("other issuer"));
    const struct bytes parts[] = {issuer, BYTES_LITERAL("S1")};
    struct bytes digest = bytes_sha256(t->arena, bytes_concat(t->arena, parts, 2));
    struct bytes id = device_id(t->arena, issuer, "S1");
    assert_int_equal(id.len, DEVICE_ID_LEN);
    assert_bytes_equal(t, id, bytes_make(digest.data, 16));
    assert_false(bytes_equal(id, device_id(t->arena, other, "S1")));
    assert_false(bytes_equal(id, device_id(t->arena, issuer, "S2")));
}

static bool put_device(struct task *t, struct tx *tx, void *arg)
{
    return table_put(t, tx, &devices, arg);
}

static void put_device_of(struct task *t, struct store *store, const char *issuer,
                          const char *serial)
{
    struct device device;
    record_init(t, &device_type, &device);
    device.issuer_spki_sha256 = bytes_sha256(t->arena, bytes_of_text(issuer));
    device.serial = serial;
    device.manufacturer = issuer;
    device.id = device_id(t->arena, device.issuer_spki_sha256, serial);
    assert_ok(t, store_update(t, store, put_device, &device));
}

static void serial_number_finds_every_device_that_has_it(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct view *view = NULL;
    struct device device;
    bool found = true;
    int count = 0;
    put_device_of(t, store, "acme", "S1");
    put_device_of(t, store, "other", "S1");
    put_device_of(t, store, "acme", "S10"); /* begins the same, and is not it */
    assert_ok(t, view_open(t, store, &view));
    struct table_scan scan =
        table_scan_index(t, view, &devices, &devices_by_serial, bytes_make("S1", 3), false);
    for (; found; count += found) {
        assert_ok(t, table_scan_next(t, &scan, &device, &found));
        if (found)
            assert_string_equal(device.serial, "S1");
    }
    assert_int_equal(count, 2);
    view_close(view);
    store_close(store);
}

static bool put_two_episodes(struct task *t, struct tx *tx, void *arg)
{
    struct episode episode;
    record_init(t, &episode_type, &episode);
    episode.device = *(const struct bytes *)arg;
    for (uint8_t i = 1; i <= 2; i++) {
        uint8_t *id = arena_alloc(t->arena, ID_LEN);
        id[0] = i;
        episode.id = bytes_make(id, ID_LEN);
        episode.opened = i;
        TRY(table_put(t, tx, &episodes, &episode));
    }
    return true;
}

static void latest_episode_of_a_device_comes_first_backwards(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct bytes device = bytes_random(t->arena, SUBJECT_LEN);
    struct view *view = NULL;
    struct episode episode;
    bool found = false;
    assert_ok(t, store_update(t, store, put_two_episodes, &device));
    assert_ok(t, view_open(t, store, &view));
    struct table_scan scan =
        table_scan_index(t, view, &episodes, &episodes_by_device, device, true);
    assert_ok(t, table_scan_next(t, &scan, &episode, &found));
    assert_true(found);
    assert_int_equal(episode.opened, 2);
    view_close(view);
    store_close(store);
}

static void keys_of_nonces_and_expected_devices_are_those_of_their_records(void **state)
{
    struct task *t = test_task(state);
    struct bytes device = bytes_random(t->arena, SUBJECT_LEN);
    const struct used_nonce used = {.device = device,
                                    .nonce_sha256 = bytes_sha256(t->arena, BYTES_LITERAL("n0nce"))};
    const struct expected expected = {.manufacturer = "acme", .serial = "S1"};
    assert_bytes_equal(t, used_nonces.key_of(t->arena, &used),
                       used_nonce_key(t->arena, device, "n0nce"));
    assert_bytes_equal(t, expected_devices.key_of(t->arena, &expected),
                       expected_key(t->arena, "acme", "S1"));
    assert_false(
        bytes_equal(expected_key(t->arena, "acme", "1S"), expected_key(t->arena, "acme1", "S")));
}

/* ---- Events ---- */

static bool add_event(struct task *t, struct tx *tx, void *arg)
{
    return event_add(t, tx, arg);
}

static struct event latest_event(struct task *t, struct store *store, struct bytes device)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct audit_entry entry = {0};
    struct event event = {0};
    bool found = false;
    assert_ok(t, view_open(t, store, &view));
    struct scan scan = audit_timeline(t, view, device, true);
    assert_ok(t, audit_timeline_next(t, &scan, &entry, &found));
    assert_true(found);
    assert_ok(t, event_decode(t, entry.payload, &event));
    return event;
}

static void event_stands_in_its_devices_timeline(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct bytes device = bytes_random(t->arena, SUBJECT_LEN);
    struct event event = {.name = "enrolled", .actor = "pledge", .device = device};
    int64_t before = clock_wall();
    assert_ok(t, store_update(t, store, add_event, &event));
    struct event read = latest_event(t, store, device);
    assert_string_equal(read.name, "enrolled");
    assert_string_equal(read.actor, "pledge");
    assert_string_equal(read.trace, t->trace);
    assert_in_range(read.at, before, clock_wall());
    assert_int_equal(read.salt.len, 16);
    assert_null(read.detail);
    struct bytes first_salt = read.salt;
    assert_ok(t, store_update(t, store, add_event, &event));
    assert_false(bytes_equal(first_salt, latest_event(t, store, device).salt));
    store_close(store);
}

static void hostile_detail_cannot_keep_an_event_from_being_written(void **state)
{
    struct task *t = test_task(state);
    struct store *store = store_fixture_open(state);
    struct bytes device = bytes_random(t->arena, SUBJECT_LEN);
    char *detail = arena_alloc(t->arena, 2UL * EVENT_DETAIL_MAX);
    memset(detail, 0xC3, 2UL * EVENT_DETAIL_MAX - 1);
    struct event event = {.name = "failed", .device = device, .detail = detail};
    assert_ok(t, store_update(t, store, add_event, &event));
    assert_int_equal(strlen(latest_event(t, store, device).detail), EVENT_DETAIL_MAX);
    store_close(store);
}

static void payload_that_is_no_event_is_damage(void **state)
{
    struct task *t = test_task(state);
    struct event event;
    assert_fails(t, event_decode(t, BYTES_LITERAL("junk"), &event), E_STORE_DAMAGED);
}

static void foreign_text_is_cut_and_made_printable(void **state)
{
    struct task *t = test_task(state);
    static const uint8_t right_to_left[] = {'x', 0xE2, 0x80, 0xAE, 'g', 'p', 'j'};
    const struct {
        struct bytes text;
        size_t max;
        const char *expected;
    } cases[] = {
        {BYTES_LITERAL("plain text"), 100, "plain text"},
        {BYTES_LITERAL("plain text"), 5, "plain"},
        {BYTES_LITERAL("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"), 100, "café € 😀"},
        {BYTES_LITERAL("caf\xc3\xa9"), 4, "caf"}, /* not half a character */
        {BYTES_LITERAL("a\nb\tc\x1b[31m\x7f"), 100, "a?b?c?[31m?"},
        {BYTES_LITERAL("a\0b"), 100, "a?b"},
        {BYTES_LITERAL("\xff\xfe"
                       "ab\xc3"),
         100, "??ab?"},
        {BYTES_LITERAL("\xed\xa0\x80"), 100, "???"}, /* a surrogate */
        {BYTES_LITERAL("x\xc2\x9b"
                       "31m"),
         100, "x?31m"}, /* C1: CSI */
        {BYTES_ARRAY(right_to_left), 100, "x?gpj"},
        {BYTES_LITERAL("x\xe2\x80\xa8y"), 100, "x?y"}, /* line separator */
        {BYTES_ABSENT, 100, ""},
        {BYTES_LITERAL("x"), 0, ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(event_foreign_text(t->arena, cases[i].text, cases[i].max),
                            cases[i].expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(every_table_survives_the_round_trip),
        UNIT_TEST(events_survive_the_round_trip),
        UNIT_TEST(every_table_refuses_a_record_without_its_key),
        UNIT_TEST(prefixes_and_field_keys_are_not_shared),
        UNIT_TEST(every_field_explains_itself),
        UNIT_TEST(slugs_follow_their_rule),
        UNIT_TEST(each_change_of_a_manufacturer_counts_up),
        UNIT_TEST(ca_names_are_slugs),
        UNIT_TEST(ca_settings_never_leave_as_json),
        UNIT_TEST(preset_profile_is_fit_for_devices),
        UNIT_TEST(device_profile_grants_no_authoritys_usage),
        UNIT_TEST(dns_pattern_is_a_name_with_one_place),
        UNIT_TEST(profile_is_written_only_when_valid),
        UNIT_TEST(device_is_its_issuer_and_serial_number),
        UNIT_TEST(serial_number_finds_every_device_that_has_it),
        UNIT_TEST(latest_episode_of_a_device_comes_first_backwards),
        UNIT_TEST(keys_of_nonces_and_expected_devices_are_those_of_their_records),
        UNIT_TEST(event_stands_in_its_devices_timeline),
        UNIT_TEST(hostile_detail_cannot_keep_an_event_from_being_written),
        UNIT_TEST(payload_that_is_no_event_is_damage),
        UNIT_TEST(foreign_text_is_cut_and_made_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

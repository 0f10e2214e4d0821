/* The admin API: devices found by what they are, and by the beginning of what they are called. */
#include "core/store/records/certificate.h"
#include "core/store/records/device_name.h"
#include "tests/unit/api_fixture.h"

#include <string.h>

/* The serial numbers that a listing shows, in its order, and how many pages it took. */
static const char *listed(struct api_fixture *f, const char *query, unsigned limit)
{
    const char *all = "";
    const char *after = "";
    unsigned pages = 0;
    for (;;) {
        const char *path = arena_printf(f->t->arena, "/v1/devices?limit=%u%s%s%s", limit, query,
                                        *after == '\0' ? "" : "&after=", after);
        struct api_answer page = api_get(f, path);
        if (page.status != 200)
            fail_msg("%s: %s", path, page.text);
        json_t *items = json_at(page.json, "items");
        assert_true(json_array_size(items) <= limit);
        for (size_t i = 0; i < json_array_size(items); i++)
            all =
                arena_printf(f->t->arena, "%s%s%s", all, *all == '\0' ? "" : " ",
                             json_string_value(json_at(json_array_get(items, i), "serial-number")));
        json_t *next = json_object_get(page.json, "next");
        if (next == NULL)
            return all;
        after = json_string_value(next);
        assert_true(++pages < 100);
    }
}

/* The same, whatever the size of the pages. */
static void assert_listed(struct api_fixture *f, const char *query, const char *expected)
{
    const unsigned limits[] = {1, 2, 3, 100};
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        const char *found = listed(f, query, limits[i]);
        if (strcmp(found, expected) != 0)
            fail_msg("%s, %u a page: \"%s\" and not \"%s\"", query, limits[i], found, expected);
    }
}

struct change {
    struct bytes id;
    unsigned admission;
    int64_t since;
    const char *subject;
};

static bool change_device(struct task *t, struct tx *tx, void *arg)
{
    const struct change *change = arg;
    struct device device;
    TRY(table_get(t, tx_reader(tx), &devices, change->id, &device));
    device.admission = change->admission;
    device.admission_since = change->since;
    device.subject = change->subject;
    return table_put(t, tx, &devices, &device);
}

static struct bytes put(struct api_fixture *f, const char *manufacturer, const char *serial,
                        unsigned admission, const char *subject)
{
    static int64_t since;
    struct change change = {
        .id = put_device(f, manufacturer, serial, 1, BYTES_ABSENT),
        .admission = admission,
        .since = ++since,
        .subject = subject,
    };
    assert_ok(f->t, store_update(f->t, f->store, change_device, &change));
    return change.id;
}

static void prepare(struct api_fixture *f)
{
    put_manufacturer(f, "acme");
    put_manufacturer(f, "bolt");
    (void)put(f, "acme", "A1", DEVICE_ADMITTED, "CN=Phone one,O=Acme");
    (void)put(f, "acme", "A2", DEVICE_HELD, "CN=Phone two,O=Acme");
    (void)put(f, "bolt", "A3", DEVICE_HELD, "CN=Router three,O=Bolt");
    (void)put(f, "bolt", "b4", DEVICE_SOLD, "CN=Router four,O=Bolt");
    put_expected(f, "acme", "A5", BYTES_ABSENT);
    put_expected(f, "bolt", "A6", BYTES_ABSENT);
}

static void devices_are_listed_by_what_they_are(void **state)
{
    struct api_fixture *f = api_fixture(state);
    prepare(f);
    assert_listed(f, "&admission=held", "A2 A3");
    assert_listed(f, "&admission=sold", "b4");
    assert_listed(f, "&admission=declined", "");
    assert_listed(f, "&admission=expected", "A5 A6");
    assert_listed(f, "&admission=held&manufacturer=bolt", "A3");
    assert_listed(f, "&admission=expected&manufacturer=bolt", "A6");
    assert_listed(f, "&manufacturer=bolt", "A3 b4 A6");
    struct api_answer wrong = api_get(f, "/v1/devices?admission=nice");
    assert_problem(&wrong, 400, "invalid", "admission");
}

static void devices_are_listed_by_the_stage_of_their_current_onboarding(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    for (unsigned i = 0; i < 5; i++) {
        struct bytes before = id_make(f->t->arena);
        struct bytes now = id_make(f->t->arena);
        const char *serial = arena_printf(f->t->arena, "S%u", i);
        struct bytes id = put_device(f, "acme", serial, 1, now);
        (void)put_episode(f, before, id, EPISODE_LOG_REFUSED);
        (void)put_episode(f, now, id, i % 2 == 0 ? EPISODE_LOG_REFUSED : EPISODE_CONFIRMED);
    }
    assert_listed(f, "&stage=confirmed", "S1 S3");
    assert_listed(f, "&stage=log-refused", "S0 S2 S4");
    assert_listed(f, "&stage=log-refused&manufacturer=none", "");
}

static void beginning_of_a_serial_number_finds_devices(void **state)
{
    struct api_fixture *f = api_fixture(state);
    prepare(f);
    assert_listed(f, "&search=A", "A1 A2 A3 A5 A6");
    assert_listed(f, "&search=a", "A1 A2 A3 A5 A6"); /* in capitals too */
    assert_listed(f, "&search=A2", "A2");
    assert_listed(f, "&search=A5", "A5");
    assert_listed(f, "&search=b4", "b4");
    assert_listed(f, "&search=1", ""); /* only the beginning */
    assert_listed(f, "&search=A&manufacturer=bolt", "A3 A6");
    assert_listed(f, "&search=A&admission=held", "A2 A3");
}

static void beginning_of_a_subject_finds_devices(void **state)
{
    struct api_fixture *f = api_fixture(state);
    prepare(f);
    assert_listed(f, "&search=CN%3Dphone", "A1 A2");
    assert_listed(f, "&search=cn%3Drouter%20t", "A3");
    assert_listed(f, "&search=phone", "");
}

struct naming {
    struct bytes device;
    const char *name;
    struct certificate certificate;
};

static bool put_names(struct task *t, struct tx *tx, void *arg)
{
    const struct naming *naming = arg;
    TRY(device_name_claim(t, tx, naming->name, naming->device));
    return certificate_put(t, tx, &naming->certificate, BYTES_LITERAL("DER"));
}

static void names_and_certificates_find_their_device(void **state)
{
    struct api_fixture *f = api_fixture(state);
    prepare(f);
    static const char *names[] = {"DNS:phone-9.example.com", "DNS:voice.example.com"};
    struct naming naming = {
        .device = put(f, "acme", "Z9", DEVICE_ADMITTED, "CN=Zed"),
        .name = "phone-9.example.com",
        .certificate = {.id = bytes_random(f->t->arena, SHA256_LEN),
                        .ca = "local",
                        .serial = BYTES_LITERAL("1"),
                        .subject = "CN=Ninth,O=Owner",
                        .names = {names, ARRAY_SIZE(names)},
                        .issued = 1},
    };
    naming.certificate.device = naming.device;
    assert_ok(f->t, store_update(f->t, f->store, put_names, &naming));
    const char *const words[] = {"phone-9", "PHONE-9.EXAMPLE", "voice",
                                 "ninth",   "CN%3DNinth",      "z9"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        const char *query = arena_printf(f->t->arena, "&search=%s", words[i]);
        if (strcmp(listed(f, query, 100), "Z9") != 0)
            fail_msg("%s finds \"%s\"", words[i], listed(f, query, 100));
    }
}

static void wrong_searches_are_refused(void **state)
{
    struct api_fixture *f = api_fixture(state);
    char *long_text = arena_alloc(f->t->arena, 202);
    memset(long_text, 'a', 201);
    struct api_answer empty = api_get(f, "/v1/devices?search=");
    assert_problem(&empty, 400, "invalid", "search");
    struct api_answer both = api_get(f, "/v1/devices?search=a&serial=b");
    assert_problem(&both, 400, "invalid", "serial");
    struct api_answer too_long =
        api_get(f, arena_printf(f->t->arena, "/v1/devices?search=%s", long_text));
    assert_problem(&too_long, 400, "invalid", "200");
    struct api_answer stray = api_get(f, "/v1/devices?search=a&after=k00");
    assert_problem(&stray, 400, "invalid", "after");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(devices_are_listed_by_what_they_are),
        UNIT_TEST(devices_are_listed_by_the_stage_of_their_current_onboarding),
        UNIT_TEST(beginning_of_a_serial_number_finds_devices),
        UNIT_TEST(beginning_of_a_subject_finds_devices),
        UNIT_TEST(names_and_certificates_find_their_device),
        UNIT_TEST(wrong_searches_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

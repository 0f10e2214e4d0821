/* The admin API: one device with its timeline, and orders. */
#include "core/base/clock.h"
#include "core/store/records/certificate.h"
#include "tests/unit/api_fixture.h"

#include <string.h>

static json_t *show(struct api_fixture *f, const char *which)
{
    struct api_answer answer = api_get(f, arena_printf(f->t->arena, "/v1/devices/%s", which));
    if (answer.status != 200)
        fail_msg("%s", answer.text);
    return answer.json;
}

/* ---- Which device ---- */

static void device_is_found_by_id_and_by_serial_number(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    struct bytes id = put_device(f, "acme", "A1", 1, BYTES_ABSENT);
    json_t *by_serial = show(f, "A1");
    json_t *by_id = show(f, bytes_to_hex(f->t->arena, id));
    assert_true(json_equal(by_serial, by_id));
    assert_json_text(by_id, "device.serial-number", "A1");
    assert_null(json_object_get(by_id, "expected"));
}

static void serial_number_with_odd_characters_is_found(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    (void)put_device(f, "acme", "PID:C9500/16X SN:FCW%21?", 1, BYTES_ABSENT);
    json_t *device = show(f, "PID%3AC9500%2F16X%20SN%3AFCW%2521%3F");
    assert_json_text(device, "device.serial-number", "PID:C9500/16X SN:FCW%21?");
}

static void same_serial_number_twice_is_ambiguous(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    (void)put_device(f, "acme", "A1", 1, BYTES_ABSENT);
    (void)put_device(f, "acme", "A1", 2, BYTES_ABSENT);
    struct api_answer answer = api_get(f, "/v1/devices/A1");
    assert_problem(&answer, 409, "ambiguous", "A1");
}

static void device_not_seen_yet_is_shown_as_expected(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    put_manufacturer(f, "other");
    put_expected(f, "acme", "A1", BYTES_ABSENT);
    json_t *answer = show(f, "A1");
    assert_null(json_object_get(answer, "device"));
    assert_json_text(answer, "expected.manufacturer", "acme");
    put_expected(f, "other", "A1", BYTES_ABSENT);
    struct api_answer twice = api_get(f, "/v1/devices/A1");
    assert_problem(&twice, 409, "ambiguous", "A1");
}

static void place_claimed_by_another_device_is_not_shown(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    struct bytes id = put_device(f, "acme", "A1", 1, BYTES_ABSENT);
    struct bytes other = put_device(f, "acme", "A1", 2, BYTES_ABSENT);
    put_expected(f, "acme", "A1", other);
    assert_null(json_object_get(show(f, bytes_to_hex(f->t->arena, id)), "expected"));
    assert_json_text(show(f, bytes_to_hex(f->t->arena, other)), "expected.note", "a note");
}

/* ---- What is known about it ---- */

static void current_episode_stands_apart_from_earlier_ones(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    struct bytes ids[3];
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        ids[i] = id_make(f->t->arena);
        struct bytes device = put_device(f, "acme", "A1", 1, ids[i]);
        (void)put_episode(f, ids[i], device, i == 2 ? EPISODE_ENROLLED : EPISODE_LOG_REFUSED);
    }
    json_t *answer = show(f, "A1");
    assert_json_text(answer, "episode.id", bytes_to_hex(f->t->arena, ids[2]));
    assert_json_text(answer, "episode.stage", "enrolled");
    json_t *earlier = json_at(answer, "earlier-episodes");
    assert_int_equal(json_array_size(earlier), 2);
    for (size_t i = 0; i < 2; i++)
        assert_string_not_equal(json_string_value(json_at(json_array_get(earlier, i), "id")),
                                bytes_to_hex(f->t->arena, ids[2]));
}

static bool put_certificate(struct task *t, struct tx *tx, void *arg)
{
    return table_put(t, tx, &certificates, arg);
}

static void certificates_are_shown_latest_first(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    struct bytes device = put_device(f, "acme", "A1", 1, BYTES_ABSENT);
    for (unsigned i = 1; i <= 2; i++) {
        struct certificate certificate = {
            .id = bytes_sha256(f->t->arena, bytes_make(&i, sizeof(i))),
            .device = device,
            .ca = "local",
            .serial = bytes_copy(f->t->arena, bytes_make(&i, 1)),
            .subject = i == 1 ? "CN=first" : "CN=second",
            .issued = i * DAY_MS,
        };
        assert_ok(f->t, store_update(f->t, f->store, put_certificate, &certificate));
    }
    json_t *answer = show(f, "A1");
    assert_int_equal(json_array_size(json_at(answer, "certificates")), 2);
    assert_json_text(answer, "certificates.0.subject", "CN=second");
    assert_json_text(answer, "certificates.1.subject", "CN=first");
}

static void timeline_ends_with_the_latest_and_says_what_to_do(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    struct bytes id = put_device(f, "acme", "A1", 1, BYTES_ABSENT);
    struct bytes other = put_device(f, "acme", "A2", 1, BYTES_ABSENT);
    const struct event events[] = {
        {.name = "voucher-requested", .device = id, .actor = "pledge", .address = "192.0.2.1:1"},
        {.name = "elsewhere", .device = other, .actor = "pledge"},
        {.name = "voucher-refused",
         .device = id,
         .actor = "masa",
         .severity = EVENT_ERROR,
         .problem = "timeout",
         .detail = "no answer",
         .trace = "0123456789abcdef"},
        {.name = "odd", .device = id, .problem = "a-problem-of-another-version"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(events); i++)
        put_event(f, &events[i]);
    json_t *timeline = json_at(show(f, "A1"), "timeline");
    assert_int_equal(json_array_size(timeline), 3);
    assert_json_text(timeline, "0.event", "voucher-requested");
    assert_json_text(timeline, "0.actor", "pledge");
    assert_json_text(timeline, "0.address", "192.0.2.1:1");
    assert_null(json_object_get(json_at(timeline, "0"), "hint"));
    assert_json_text(timeline, "1.event", "voucher-refused");
    assert_json_text(timeline, "1.severity", "error");
    assert_json_text(timeline, "1.problem", "timeout");
    assert_json_text(timeline, "1.detail", "no answer");
    assert_json_text(timeline, "1.hint", E_TIMEOUT->hint);
    assert_json_text(timeline, "1.trace", "0123456789abcdef");
    assert_true(json_is_string(json_at(timeline, "1.at")));
    assert_null(json_object_get(json_at(timeline, "1"), "salt"));
    assert_json_text(timeline, "2.event", "odd");
    assert_null(json_object_get(json_at(timeline, "2"), "hint"));
}

static void timeline_is_cut_to_the_latest_events(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    struct bytes id = put_device(f, "acme", "A1", 1, BYTES_ABSENT);
    for (unsigned i = 0; i < 5; i++) {
        const struct event event = {.name = i < 4 ? "earlier" : "latest", .device = id};
        put_event(f, &event);
    }
    json_t *timeline = json_at(show(f, "A1?events=2"), "timeline");
    assert_int_equal(json_array_size(timeline), 2);
    assert_json_text(timeline, "0.event", "earlier");
    assert_json_text(timeline, "1.event", "latest");
    struct api_answer wrong = api_get(f, "/v1/devices/A1?events=1001");
    assert_problem(&wrong, 400, "invalid", "events");
}

static void forgotten_payloads_are_passed_over(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    struct bytes id = put_device(f, "acme", "A1", 1, BYTES_ABSENT);
    const struct event before = {.name = "before", .device = id};
    const struct event after = {.name = "after", .device = id};
    put_event(f, &before);
    assert_ok(f->t, audit_forget(f->t, f->store, id, UINT64_MAX));
    put_event(f, &after);
    json_t *timeline = json_at(show(f, "A1"), "timeline");
    assert_int_equal(json_array_size(timeline), 1);
    assert_json_text(timeline, "0.event", "after");
}

/* U+202E, which turns the direction of writing. */
static const char right_to_left[] = {'\xe2', '\x80', '\xae', '\0'};

static void foreign_text_in_a_detail_is_harmless_in_json(void **state)
{
    struct api_fixture *f = api_fixture(state);
    put_manufacturer(f, "acme");
    struct bytes id = put_device(f, "acme", "A1", 1, BYTES_ABSENT);
    const struct event event = {
        .name = "request-refused",
        .device = id,
        .detail = "\"},{\"event\":\"forged\"}\n\033[2J\xff\xe2\x80\xaegpj\xe2\x80\xac",
    };
    put_event(f, &event);
    struct api_answer answer = api_get(f, "/v1/devices/A1");
    assert_int_equal(json_array_size(json_at(answer.json, "timeline")), 1);
    for (const char *c = answer.text; *c != '\0'; c++)
        assert_true((unsigned char)*c >= 0x20);
    assert_null(strstr(answer.text, right_to_left));
    assert_non_null(strstr(json_string_value(json_at(answer.json, "timeline.0.detail")), "forged"));
}

/* ---- Orders ---- */

static struct bytes submit(struct api_fixture *f, const char *name, struct bytes device,
                           bool needs_approval)
{
    struct bytes id;
    enum order_join join;
    const struct order_request request = {
        .kind = &fixture_order_kind,
        .identity = bytes_sha256(f->t->arena, bytes_of_text(name)),
        .device = device,
        .peer = "masa:example:443",
        .request = bytes_of_text(name),
        .needs_approval = needs_approval,
    };
    assert_ok(f->t, order_submit(f->t, f->orders, &request, &id, &join));
    return id;
}

static void wait_until_done(struct api_fixture *f, struct bytes id)
{
    struct order order;
    struct bytes result;
    assert_ok(f->t, order_wait(f->t, f->orders, id, 10 * SECOND_MS, &order, &result));
    assert_int_equal(order.state, ORDER_DONE);
}

static const char *order_path(struct api_fixture *f, struct bytes id, const char *query)
{
    return arena_printf(f->t->arena, "/v1/orders/%s%s", bytes_to_hex(f->t->arena, id), query);
}

static void orders_are_listed_by_state_and_device(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct bytes a = bytes_make(bytes_sha256(f->t->arena, BYTES_LITERAL("a")).data, SUBJECT_LEN);
    struct bytes b = bytes_make(bytes_sha256(f->t->arena, BYTES_LITERAL("b")).data, SUBJECT_LEN);
    struct bytes done = submit(f, "one", a, false);
    (void)submit(f, "two", a, true);
    (void)submit(f, "three", b, true);
    wait_until_done(f, done);
    const struct {
        const char *query;
        size_t count;
    } cases[] = {
        {"", 3},
        {"?state=waiting", 2},
        {"?state=done", 1},
        {"?state=refused", 0},
        {arena_printf(f->t->arena, "?device=%s", bytes_to_hex(f->t->arena, a)), 2},
        {arena_printf(f->t->arena, "?device=%s&state=done", bytes_to_hex(f->t->arena, a)), 1},
        {arena_printf(f->t->arena, "?device=%s&limit=1", bytes_to_hex(f->t->arena, a)), 1},
        {arena_printf(f->t->arena, "?device=%s&state=done", bytes_to_hex(f->t->arena, b)), 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct api_answer list =
            api_get(f, arena_printf(f->t->arena, "/v1/orders%s", cases[i].query));
        if (json_array_size(json_at(list.json, "items")) != cases[i].count)
            fail_msg("%s: %s", cases[i].query, list.text);
    }
}

static bool put_order(struct task *t, struct tx *tx, void *arg)
{
    return table_put(t, tx, &order_table, arg);
}

static void open_order_says_what_it_waits_for(void **state)
{
    struct api_fixture *f = api_fixture(state);
    const int64_t now = clock_wall();
    const struct {
        struct order order;
        const char *sentence; /* begins with */
        const char *line;     /* in the list of devices */
    } cases[] = {
        {{.state = ORDER_WAITING, .peer = "masa:masa.example:443"},
         "waiting for approval: orders approve or orders decline ",
         "approval"},
        {{.state = ORDER_READY, .peer = "masa:masa.example:443", .due = now},
         "at work with the MASA masa.example:443",
         "the MASA masa.example:443"},
        {{.state = ORDER_READY, .peer = "ca:local", .due = now + HOUR_MS},
         "for the CA local, in ",
         "the CA local"},
        {{.state = ORDER_READY,
          .peer = "ca:local",
          .due = now + HOUR_MS,
          .problem = "timeout",
          .detail = "no answer"},
         "waiting for the CA local: timeout: no answer; next try in ",
         "the CA local (timeout)"},
        {{.state = ORDER_DONE, .peer = "ca:local", .finished = now}, NULL, NULL},
    };
    put_manufacturer(f, "acme");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *serial = arena_printf(f->t->arena, "A%zu", i);
        struct order order = cases[i].order;
        order.id = id_make(f->t->arena);
        order.kind = "voucher";
        order.device = put_device(f, "acme", serial, 1, BYTES_ABSENT);
        order.created = now;
        assert_ok(f->t, store_update(f->t, f->store, put_order, &order));
        json_t *shown = api_get(f, order_path(f, order.id, "")).json;
        json_t *device = show(f, serial);
        json_t *line = api_get(f, arena_printf(f->t->arena, "/v1/devices?serial=%s", serial)).json;
        if (cases[i].sentence == NULL) {
            assert_null(json_object_get(shown, "waits-for"));
            assert_int_equal(json_array_size(json_at(device, "orders")), 0);
            assert_null(json_object_get(json_at(line, "items.0"), "waits-for"));
            continue;
        }
        const char *sentence = json_string_value(json_at(shown, "waits-for"));
        if (strncmp(sentence, cases[i].sentence, strlen(cases[i].sentence)) != 0)
            fail_msg("case %zu: %s", i, sentence);
        assert_json_text(device, "orders.0.id", bytes_to_hex(f->t->arena, order.id));
        assert_true(json_is_string(json_at(device, "orders.0.waits-for")));
        assert_json_text(line, "items.0.waits-for", cases[i].line);
    }
    json_t *all = json_at(api_get(f, "/v1/orders?state=waiting").json, "items");
    assert_true(json_is_string(json_at(all, "0.waits-for")));
}

static void octets_of_an_order_are_shown_when_asked_for(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct bytes id = submit(f, "what is asked", BYTES_ABSENT, false);
    wait_until_done(f, id);
    struct api_answer plain = api_get(f, order_path(f, id, ""));
    assert_json_text(plain.json, "state", "done");
    assert_json_text(plain.json, "kind", "fixture");
    assert_null(json_object_get(plain.json, "request"));
    struct api_answer octets = api_get(f, order_path(f, id, "?octets=1"));
    const char *expected = bytes_to_base64(f->t->arena, BYTES_LITERAL("what is asked"));
    assert_json_text(octets.json, "request", expected);
    assert_json_text(octets.json, "result", expected);
    assert_null(json_object_get(octets.json, "work"));
}

static void approved_order_is_carried_out(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct bytes id = submit(f, "held", BYTES_ABSENT, true);
    struct api_answer answer = api_post(f, order_path(f, id, ""), "{\"decision\":\"approve\"}");
    assert_int_equal(answer.status, 200);
    assert_json_text(answer.json, "decided-by", own_actor(f->t));
    wait_until_done(f, id);
}

static void declined_order_is_refused_and_says_what_to_do(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct bytes id = submit(f, "held", BYTES_ABSENT, true);
    struct api_answer answer = api_post(f, order_path(f, id, ""), "{\"decision\":\"decline\"}");
    assert_int_equal(answer.status, 200);
    assert_json_text(answer.json, "state", "refused");
    assert_json_text(answer.json, "problem", E_ORDER_DECLINED->name);
    assert_json_text(answer.json, "hint", E_ORDER_DECLINED->hint);
    assert_json_text(answer.json, "decided-by", own_actor(f->t));
}

static void decisions_are_audited(void **state)
{
    struct api_fixture *f = api_fixture(state);
    struct bytes id = submit(f, "held", BYTES_ABSENT, true);
    assert_int_equal(api_post(f, order_path(f, id, ""), "{\"decision\":\"decline\"}").status, 200);
    struct event event = last_event(f);
    assert_string_equal(event.name, "order-declined");
    assert_string_equal(event.actor, own_actor(f->t));
}

static void wrong_decisions_are_refused(void **state)
{
    static const struct {
        const char *body;
        const char *code;
    } cases[] = {
        {"{}", "invalid"},
        {"{\"decision\":\"maybe\"}", "invalid"},
        {"{\"decision\":true}", "invalid"},
        {"{\"decision\":\"approve\",\"by\":\"root\"}", "invalid"},
        {"approve", "malformed"},
    };
    struct api_fixture *f = api_fixture(state);
    struct bytes id = submit(f, "held", BYTES_ABSENT, true);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct api_answer answer = api_post(f, order_path(f, id, ""), cases[i].body);
        assert_problem(&answer, 400, cases[i].code, "");
    }
    assert_json_text(api_get(f, order_path(f, id, "")).json, "state", "waiting");
    struct api_answer none =
        api_post(f, "/v1/orders/00112233445566778899aabbccddeeff", "{\"decision\":\"approve\"}");
    assert_problem(&none, 404, "not-found", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(device_is_found_by_id_and_by_serial_number),
        UNIT_TEST(serial_number_with_odd_characters_is_found),
        UNIT_TEST(same_serial_number_twice_is_ambiguous),
        UNIT_TEST(device_not_seen_yet_is_shown_as_expected),
        UNIT_TEST(place_claimed_by_another_device_is_not_shown),
        UNIT_TEST(current_episode_stands_apart_from_earlier_ones),
        UNIT_TEST(certificates_are_shown_latest_first),
        UNIT_TEST(timeline_ends_with_the_latest_and_says_what_to_do),
        UNIT_TEST(timeline_is_cut_to_the_latest_events),
        UNIT_TEST(forgotten_payloads_are_passed_over),
        UNIT_TEST(foreign_text_in_a_detail_is_harmless_in_json),
        UNIT_TEST(orders_are_listed_by_state_and_device),
        UNIT_TEST(open_order_says_what_it_waits_for),
        UNIT_TEST(octets_of_an_order_are_shown_when_asked_for),
        UNIT_TEST(approved_order_is_carried_out),
        UNIT_TEST(declined_order_is_refused_and_says_what_to_do),
        UNIT_TEST(decisions_are_audited),
        UNIT_TEST(wrong_decisions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

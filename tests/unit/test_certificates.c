/* Records of certificates: how they are found, revoked, suspended and taken up again. */
#include "core/base/clock.h"
#include "core/store/records/certificate.h"
#include "tests/unit/store_fixture.h"

#include <string.h>

struct scene {
    struct task *t;
    struct store *store;
};

static void close_store(void *object)
{
    store_close(object);
}

static struct scene scene_open(void **state)
{
    struct scene s = {.t = test_task(state), .store = store_fixture_open(state)};
    ARENA_DEFER(s.t->arena, close_store, s.store);
    return s;
}

static struct bytes octets_of_number(struct task *t, uint8_t number, size_t len)
{
    uint8_t *octets = arena_alloc(t->arena, len);
    octets[len - 1] = number;
    return bytes_make(octets, len);
}

/* A certificate of the CA `ca`, told apart by its number. */
static struct certificate make(struct task *t, uint8_t number, uint8_t ca)
{
    static const char *names[] = {"DNS:Phone1.Example.com", "URI:urn:phone:1"};
    struct certificate c;
    record_init(t, &certificate_type, &c);
    c.id = octets_of_number(t, number, SHA256_LEN);
    c.ca = "local";
    c.serial = octets_of_number(t, number, 3);
    c.subject = arena_printf(t->arena, "CN=Phone %u,O=Example Corp", number);
    c.names = (struct text_list){names, ARRAY_SIZE(names)};
    c.spki_sha256 = octets_of_number(t, 77, SHA256_LEN);
    c.issuer_key = octets_of_number(t, ca, SHA256_LEN);
    c.issued = clock_wall();
    c.not_after = c.issued + number * DAY_MS;
    return c;
}

static bool put_fn(struct task *t, struct tx *tx, void *arg)
{
    return certificate_put(t, tx, arg, BYTES_LITERAL("DER"));
}

static void put(const struct scene *s, const struct certificate *c)
{
    assert_ok(s->t, store_update(s->t, s->store, put_fn, (void *)c));
}

struct revoking {
    struct bytes id;
    enum revocation_reason reason;
    struct certificate after;
    bool changed;
};

static bool revoke_fn(struct task *t, struct tx *tx, void *arg)
{
    struct revoking *r = arg;
    return certificate_revoke(t, tx, r->id, r->reason, "it was lost", &r->after, &r->changed);
}

static struct revoking revoke(const struct scene *s, struct bytes id, enum revocation_reason reason)
{
    struct revoking r = {.id = id, .reason = reason};
    assert_ok(s->t, store_update(s->t, s->store, revoke_fn, &r));
    return r;
}

static bool resume_fn(struct task *t, struct tx *tx, void *arg)
{
    struct revoking *r = arg;
    return certificate_resume(t, tx, r->id, &r->after);
}

static unsigned count(const struct scene *s, const struct table_index *index, struct bytes prefix)
{
    struct view *view = NULL;
    struct certificate c;
    unsigned number = 0;
    assert_ok(s->t, view_open(s->t, s->store, &view));
    struct table_scan scan = table_scan_index(s->t, view, &certificates, index, prefix, false);
    for (bool found = true; found; number += found)
        assert_ok(s->t, table_scan_next(s->t, &scan, &c, &found));
    view_close(view);
    return number;
}

/* How many certificates have a name that begins with this. */
static unsigned count_named(const struct scene *s, const char *text)
{
    struct view *view = NULL;
    struct certificate_name name;
    const char *key = certificate_name_key(s->t->arena, text);
    unsigned number = 0;
    assert_ok(s->t, view_open(s->t, s->store, &view));
    struct table_scan scan = table_scan(s->t, view, &certificate_names, bytes_of_text(key));
    for (;;) {
        bool found;
        assert_ok(s->t, table_scan_next(s->t, &scan, &name, &found));
        if (!found || strncmp(name.name, key, strlen(key)) != 0)
            break;
        number++;
    }
    view_close(view);
    return number;
}

static uint64_t generation(const struct scene *s)
{
    struct view *view = NULL;
    uint64_t number = 0;
    assert_ok(s->t, view_open(s->t, s->store, &view));
    assert_ok(s->t, revocations_generation(s->t, view_reader(view), &number));
    view_close(view);
    return number;
}

/* ---- Tests ---- */

static void certificate_is_found_by_number_key_and_every_name(void **state)
{
    struct scene s = scene_open(state);
    struct certificate one = make(s.t, 1, 9);
    struct certificate two = make(s.t, 2, 9);
    put(&s, &one);
    put(&s, &two);
    assert_int_equal(count(&s, &certificates_by_key, one.spki_sha256), 2);
    assert_int_equal(count(&s, &certificates_by_number, octets_of_number(s.t, 2, 20)), 1);
    assert_int_equal(count_named(&s, "phone 1"), 1);                   /* common name */
    assert_int_equal(count_named(&s, "cn=PHONE 2,o=example corp"), 1); /* subject */
    assert_int_equal(count_named(&s, "phone1.example.com"), 2);        /* dNSName */
    assert_int_equal(count_named(&s, "urn:phone:1"), 2);               /* URI */
    assert_int_equal(count_named(&s, "phone1.example.com.evil.test"), 0);
}

static void serial_number_belongs_to_its_ca_and_is_given_once(void **state)
{
    struct scene s = scene_open(state);
    struct certificate one = make(s.t, 1, 9);
    struct certificate other_ca = make(s.t, 1, 8);
    struct certificate again = make(s.t, 1, 9);
    other_ca.id = octets_of_number(s.t, 200, SHA256_LEN);
    again.id = octets_of_number(s.t, 201, SHA256_LEN);
    put(&s, &one);
    put(&s, &other_ca);
    assert_fails(s.t, store_update(s.t, s.store, put_fn, &again), E_EXISTS);
}

static void expiry_list_is_in_order_of_time(void **state)
{
    struct scene s = scene_open(state);
    for (uint8_t i = 3; i > 0; i--) {
        struct certificate c = make(s.t, i, 9);
        put(&s, &c);
    }
    struct view *view = NULL;
    assert_ok(s.t, view_open(s.t, s.store, &view));
    struct table_scan scan =
        table_scan_index(s.t, view, &certificates, &certificates_by_expiry, BYTES_ABSENT, false);
    int64_t last = 0;
    for (int i = 0; i < 3; i++) {
        struct certificate c;
        bool found;
        assert_ok(s.t, table_scan_next(s.t, &scan, &c, &found));
        assert_true(found && c.not_after > last);
        last = c.not_after;
    }
    view_close(view);
}

static void revoked_certificate_says_why_and_stays_revoked(void **state)
{
    struct scene s = scene_open(state);
    struct certificate c = make(s.t, 1, 9);
    put(&s, &c);
    assert_int_equal(count(&s, &certificates_revoked, c.issuer_key), 0);
    struct revoking first = revoke(&s, c.id, REVOKED_KEY_COMPROMISE);
    assert_true(first.changed && first.after.state == CERTIFICATE_REVOKED);
    assert_int_equal(first.after.reason, REVOKED_KEY_COMPROMISE);
    assert_string_equal(first.after.revoked_because, "it was lost");
    assert_int_equal(count(&s, &certificates_revoked, c.issuer_key), 1);
    assert_int_equal(generation(&s), 1);
    struct revoking second = revoke(&s, c.id, REVOKED_SUPERSEDED);
    assert_false(second.changed);
    assert_int_equal(second.after.reason, REVOKED_KEY_COMPROMISE);
    assert_false(revoke(&s, c.id, REVOKED_CERTIFICATE_HOLD).changed);
    assert_fails(s.t, store_update(s.t, s.store, resume_fn, &first), E_INVALID);
    assert_int_equal(generation(&s), 1);
}

static void compromise_that_is_known_later_becomes_the_reason_and_the_date_stays(void **state)
{
    struct scene s = scene_open(state);
    struct certificate c = make(s.t, 1, 9);
    put(&s, &c);
    c.state = CERTIFICATE_REVOKED;
    c.reason = REVOKED_SUPERSEDED;
    c.revoked = c.issued - DAY_MS;
    put(&s, &c);
    assert_false(revoke(&s, c.id, REVOKED_AFFILIATION_CHANGED).changed);
    assert_int_equal(generation(&s), 0);
    struct revoking r = revoke(&s, c.id, REVOKED_KEY_COMPROMISE);
    assert_true(r.changed && r.after.state == CERTIFICATE_REVOKED);
    assert_int_equal(r.after.reason, REVOKED_KEY_COMPROMISE);
    assert_true(r.after.revoked == c.revoked);
    assert_string_equal(r.after.revoked_because, "it was lost");
    assert_int_equal(generation(&s), 1);
    assert_false(revoke(&s, c.id, REVOKED_KEY_COMPROMISE).changed);
}

static void suspended_certificate_can_be_taken_up_again_or_revoked(void **state)
{
    struct scene s = scene_open(state);
    struct certificate c = make(s.t, 1, 9);
    put(&s, &c);
    struct revoking r = revoke(&s, c.id, REVOKED_CERTIFICATE_HOLD);
    assert_true(r.changed && r.after.state == CERTIFICATE_SUSPENDED);
    assert_int_equal(count(&s, &certificates_revoked, c.issuer_key), 1);
    assert_ok(s.t, store_update(s.t, s.store, resume_fn, &r));
    assert_true(r.after.state == CERTIFICATE_ISSUED && r.after.revoked == 0);
    assert_int_equal(count(&s, &certificates_revoked, c.issuer_key), 0);
    assert_true(revoke(&s, c.id, REVOKED_CERTIFICATE_HOLD).changed);
    assert_true(revoke(&s, c.id, REVOKED_SUPERSEDED).changed);
    assert_int_equal(generation(&s), 4);
}

static void what_is_not_there_cannot_be_revoked(void **state)
{
    struct scene s = scene_open(state);
    struct revoking r = {.id = octets_of_number(s.t, 9, SHA256_LEN)};
    assert_fails(s.t, store_update(s.t, s.store, revoke_fn, &r), E_NOT_FOUND);
    assert_fails(s.t, store_update(s.t, s.store, resume_fn, &r), E_NOT_FOUND);
}

static void long_names_are_cut_between_characters(void **state)
{
    struct task *t = test_task(state);
    char *text = arena_alloc(t->arena, 401);
    for (size_t i = 0; i < 200; i++)
        memcpy(text + 2 * i, "\xC3\xA4", 2);
    memmove(text + 1, text, 399);
    text[0] = 'A';
    const char *key = certificate_name_key(t->arena, text);
    assert_int_equal(strlen(key), CERTIFICATE_NAME_KEY_MAX - 1);
    assert_true(bytes_are_utf8(bytes_of_text(key)) && key[0] == 'a');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(certificate_is_found_by_number_key_and_every_name),
        UNIT_TEST(serial_number_belongs_to_its_ca_and_is_given_once),
        UNIT_TEST(expiry_list_is_in_order_of_time),
        UNIT_TEST(revoked_certificate_says_why_and_stays_revoked),
        UNIT_TEST(compromise_that_is_known_later_becomes_the_reason_and_the_date_stays),
        UNIT_TEST(suspended_certificate_can_be_taken_up_again_or_revoked),
        UNIT_TEST(what_is_not_there_cannot_be_revoked),
        UNIT_TEST(long_names_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

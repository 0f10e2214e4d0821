/* Our certificate and its change: what waits, what is seen where, and what a change would break. */
#include "tests/unit/pki_fixture.h"
#include "tests/unit/softhsm.h"
#include "tests/unit/store_fixture.h"

#include "core/store/records/alarm.h"
#include "core/store/records/authority.h"
#include "core/store/records/cloud.h"
#include "registrar/identity/change.h"
#include "web/ctl/owner.h"

#include <string.h>

#define HOST "registrar.example.com"

struct scene {
    struct task *t;
    struct softhsm *hsm;
    struct store *store;
    struct keystore *keys;
    struct identities *identities;
};

static const char *hosts[] = {HOST, "192.0.2.7"};

static struct scene scene_open(void **state)
{
    struct scene s = {.t = test_task(state)};
    struct owner_options options = owner_presets();
    struct owner owner;
    s.hsm = softhsm_fresh(state, SOFTHSM_MODULE);
    options.name = "Example, Inc.";
    options.hosts = (struct text_list){hosts, ARRAY_SIZE(hosts)};
    options.folder = arena_printf(s.t->arena, "%s/owner", test_folder(state));
    options.actor = "admin:root";
    s.store = store_fixture_open(state);
    assert_ok(s.t, keystore_open(s.t, &s.hsm->options, &s.keys));
    assert_ok(s.t, owner_make(s.t, &options, s.store, s.keys, &owner));
    assert_ok(s.t, identities_open(s.t, s.store, s.keys, &s.identities));
    return s;
}

static void scene_close(struct scene *s)
{
    identities_close(s->identities);
    keystore_close(s->keys);
    store_close(s->store);
}

static const struct cert *stage(struct scene *s, bool new_key, const char *host)
{
    const struct cert *made;
    const struct identity_plan plan = {
        .new_key = new_key,
        .hosts = {&host, host == NULL ? 0 : 1},
        .actor = "admin:root",
    };
    assert_ok(s->t, identity_stage(s->t, s->store, s->keys, &plan, &made));
    assert_ok(s->t, identities_refresh(s->t, s->identities));
    return made;
}

static bool switch_over(struct scene *s, const char *override)
{
    const struct identity_switch change = {"admin:root", override};
    if (!identity_switch(s->t, s->store, &change))
        return false;
    assert_ok(s->t, identities_refresh(s->t, s->identities));
    return true;
}

static struct bytes current(const struct scene *s)
{
    return identity_current(s->identities)->cert->der;
}

static struct text_list obstacles(struct scene *s)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct text_list list;
    assert_ok(s->t, view_open(s->t, s->store, &view));
    assert_ok(s->t, identity_obstacles(s->t, view, identities_now(s->identities), &list));
    return list;
}

static struct bytes seen_at(const struct scene *s, const char *host, bool after)
{
    return identity_seen_at(identities_now(s->identities), host, after)->cert->der;
}

/* ---- Staging and switching ---- */

static void renewed_certificate_has_the_names_and_the_key_and_waits(void **state)
{
    struct scene s = scene_open(state);
    const struct registrar_identity *before = identity_current(s.identities);
    struct bytes old = current(&s);
    const struct cert *made = stage(&s, false, NULL);
    assert_bytes_equal(s.t, cert_spki(s.t, made), cert_spki(s.t, before->cert));
    assert_string_equal(cert_subject(s.t, made), cert_subject(s.t, before->cert));
    assert_true(cert_names_host(made, HOST) && cert_names_host(made, "192.0.2.7"));
    assert_true(cert_has_eku(made, OID_KP_CMC_RA));
    assert_false(bytes_equal(cert_serial(s.t, made), cert_serial(s.t, before->cert)));
    assert_bytes_equal(s.t, current(&s), old);
    assert_true(identities_now(s.identities)->staged);
    /* Nobody sees it: it has no name of its own. */
    assert_bytes_equal(s.t, seen_at(&s, HOST, false), old);
    assert_bytes_equal(s.t, seen_at(&s, HOST, true), made->der);
    scene_close(&s);
}

static void new_key_is_another_key_in_the_token(void **state)
{
    struct scene s = scene_open(state);
    struct bytes old = cert_spki(s.t, identity_current(s.identities)->cert);
    const struct cert *made = stage(&s, true, NULL);
    assert_false(bytes_equal(cert_spki(s.t, made), old));
    assert_true(switch_over(&s, NULL));
    const struct registrar_identity *now = identity_current(s.identities);
    assert_bytes_equal(s.t, now->cert->der, made->der);
    assert_int_equal(X509_check_private_key(now->cert->x509, now->key), 1);
    scene_close(&s);
}

static void switch_keeps_the_earlier_one_for_those_who_ask_for_its_name(void **state)
{
    struct scene s = scene_open(state);
    struct bytes old = current(&s);
    struct bytes old_sha256 = bytes_sha256(s.t->arena, old);
    const struct cert *made = stage(&s, true, "new.example.com");
    assert_bytes_equal(s.t, seen_at(&s, "new.example.com", false), made->der);
    assert_bytes_equal(s.t, seen_at(&s, HOST, false), old);
    assert_bytes_equal(s.t, seen_at(&s, "192.0.2.7", false), old);
    assert_true(switch_over(&s, NULL));
    const struct identity_set *set = identities_now(s.identities);
    assert_false(set->staged);
    assert_int_equal(set->count, 2);
    assert_bytes_equal(s.t, seen_at(&s, "nobody.example", false), made->der);
    assert_bytes_equal(s.t, seen_at(&s, "192.0.2.7", false), made->der);
    assert_bytes_equal(s.t, seen_at(&s, HOST, false), old);
    assert_bytes_equal(s.t, identity_shown(s.identities, old_sha256)->cert->der, old);
    assert_non_null(identity_shown(s.identities, old_sha256)->key);
    assert_true(identity_is_visible(s.t, set, &set->items[0]));
    assert_true(identity_is_visible(s.t, set, &set->items[1]));
    scene_close(&s);
}

static void earlier_one_with_no_name_of_its_own_is_seen_by_nobody(void **state)
{
    struct scene s = scene_open(state);
    (void)stage(&s, true, NULL);
    const struct identity_set *set = identities_now(s.identities);
    assert_false(identity_is_visible(s.t, set, &set->items[1]));
    assert_true(switch_over(&s, NULL));
    set = identities_now(s.identities);
    assert_int_equal(set->count, 2);
    assert_true(identity_is_visible(s.t, set, &set->items[0]));
    assert_false(identity_is_visible(s.t, set, &set->items[1]));
    scene_close(&s);
}

static void staged_certificate_is_taken_back(void **state)
{
    struct scene s = scene_open(state);
    struct bytes old = current(&s);
    (void)stage(&s, false, NULL);
    assert_ok(s.t, identity_unstage(s.t, s.store, "admin:root"));
    assert_fails(s.t, identity_unstage(s.t, s.store, "admin:root"), E_NOTHING_STAGED);
    assert_fails(s.t, switch_over(&s, NULL), E_NOTHING_STAGED);
    assert_ok(s.t, identities_refresh(s.t, s.identities));
    assert_int_equal(identities_now(s.identities)->count, 1);
    assert_bytes_equal(s.t, current(&s), old);
    scene_close(&s);
}

static void earlier_ones_are_bounded(void **state)
{
    struct scene s = scene_open(state);
    for (int i = 0; i < IDENTITIES_EARLIER_MAX + 3; i++) {
        (void)stage(&s, false, NULL);
        assert_true(switch_over(&s, NULL));
    }
    assert_int_equal(identities_now(s.identities)->count, 1 + IDENTITIES_EARLIER_MAX);
    scene_close(&s);
}

static void validity_ends_with_the_registrar_ca(void **state)
{
    struct scene s = scene_open(state);
    const struct cert *made;
    const struct identity_plan plan = {.validity = 100LL * OWNER_YEAR_MS, .actor = "admin:root"};
    const struct cert_list *domain = &identity_current(s.identities)->domain;
    assert_ok(s.t, identity_stage(s.t, s.store, s.keys, &plan, &made));
    assert_int_equal(cert_not_after(made), cert_not_after(domain->items[1]));
    scene_close(&s);
}

static void name_that_is_none_is_refused(void **state)
{
    struct scene s = scene_open(state);
    const char *host = "no name";
    const struct cert *made = NULL;
    const struct identity_plan plan = {.hosts = {&host, 1}, .actor = "admin:root"};
    assert_fails(s.t, identity_stage(s.t, s.store, s.keys, &plan, &made), E_INVALID);
    assert_null(made);
    scene_close(&s);
}

/* ---- What a change would break ---- */

static bool put_cloud(struct task *t, struct tx *tx, void *arg)
{
    return table_put(t, tx, &clouds, arg);
}

static struct cloud_pinned pinned(const char *address, struct bytes certificate, int64_t until)
{
    return (struct cloud_pinned){
        .est_domain = address, .certificate = certificate, .since = 1, .until = until};
}

/* A cloud that pins this certificate at this address, and what it pinned before. */
static void pin_matched(struct scene *s, unsigned kind, unsigned match, struct cloud_pinned *pins,
                        size_t count)
{
    struct cloud cloud;
    record_init(s->t, &cloud_type, &cloud);
    cloud.name = "maker";
    cloud.manufacturer = "maker";
    cloud.owner = "us";
    cloud.mode = CLOUD_VOUCHER;
    cloud.pin = kind;
    cloud.pin_match = match;
    cloud.pins = (struct record_list){pins, count};
    assert_ok(s->t, store_update(s->t, s->store, put_cloud, &cloud));
}

static void pin(struct scene *s, unsigned kind, struct cloud_pinned *pins, size_t count)
{
    pin_matched(s, kind, CLOUD_PIN_MATCH_CERTIFICATE, pins, count);
}

static void pinned_ca_never_stands_in_the_way(void **state)
{
    struct scene s = scene_open(state);
    struct cloud_pinned pins[] = {
        pinned("https://" HOST ":8443", identity_current(s.identities)->domain.items[1]->der, 0)};
    pin(&s, CLOUD_PIN_CA, pins, 1);
    (void)stage(&s, true, NULL);
    assert_int_equal(obstacles(&s).count, 0);
    assert_true(switch_over(&s, NULL));
    /* But the name at which devices look must stay. */
    (void)stage(&s, true, "192.0.2.7");
    assert_int_equal(obstacles(&s).count, 0); /* the earlier one still has it */
    scene_close(&s);
}

static void pinned_end_entity_is_registered_before_it_is_shown(void **state)
{
    struct scene s = scene_open(state);
    struct cloud_pinned pins[] = {pinned("https://192.0.2.7", current(&s), 0)};
    pin_matched(&s, CLOUD_PIN_END_ENTITY, CLOUD_PIN_MATCH_KEY, pins, 1);
    const struct cert *made = stage(&s, false, NULL);
    assert_fails(s.t, switch_over(&s, NULL), E_PIN_AT_STAKE);
    assert_non_null(strstr(s.t->detail, "cloud maker has not acknowledged"));
    /* Acknowledged: the old pin has the same key, so that who holds it finds us too. */
    struct cloud_pinned both[] = {pinned("https://192.0.2.7", pins[0].certificate, clock_wall()),
                                  pinned("https://192.0.2.7", made->der, 0)};
    /* But not a device that compares certificates, whichever of the two is seen. */
    pin_matched(&s, CLOUD_PIN_END_ENTITY, CLOUD_PIN_MATCH_CERTIFICATE, both, 2);
    assert_fails(s.t, switch_over(&s, NULL), E_PIN_AT_STAKE);
    assert_non_null(strstr(s.t->detail, "has lately pinned"));
    pin_matched(&s, CLOUD_PIN_END_ENTITY, CLOUD_PIN_MATCH_KEY, both, 2);
    assert_true(switch_over(&s, NULL));
    assert_bytes_equal(s.t, current(&s), made->der);
    scene_close(&s);
}

static void another_key_at_the_same_address_strands_those_who_hold_vouchers(void **state)
{
    struct scene s = scene_open(state);
    struct cloud_pinned old = pinned("https://" HOST, current(&s), 0);
    const struct cert *made = stage(&s, true, NULL);
    old.until = clock_wall();
    struct cloud_pinned both[] = {old, pinned("https://" HOST, made->der, 0)};
    pin(&s, CLOUD_PIN_END_ENTITY, both, 2);
    assert_fails(s.t, switch_over(&s, NULL), E_PIN_AT_STAKE);
    assert_non_null(strstr(s.t->detail, "has lately pinned"));
    /* Nobody holds such a voucher any more. */
    both[0].until = clock_wall() - 8 * DAY_MS;
    pin(&s, CLOUD_PIN_END_ENTITY, both, 2);
    assert_true(switch_over(&s, NULL));
    scene_close(&s);
}

static void another_key_at_an_address_of_its_own_strands_nobody(void **state)
{
    struct scene s = scene_open(state);
    struct cloud_pinned old = pinned("https://" HOST ":8443", current(&s), clock_wall());
    const struct cert *made = stage(&s, true, "new.example.com");
    struct cloud_pinned both[] = {old, pinned("https://new.example.com:8443", made->der, 0)};
    pin(&s, CLOUD_PIN_END_ENTITY, both, 2);
    assert_true(switch_over(&s, NULL));
    assert_bytes_equal(s.t, seen_at(&s, HOST, false), old.certificate);
    scene_close(&s);
}

static bool alarm_is_set(struct scene *s)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct alarm *alarms;
    size_t count;
    assert_ok(s->t, view_open(s->t, s->store, &view));
    assert_ok(s->t, alarms_read(s->t, view, &alarms, &count));
    for (size_t i = 0; i < count; i++)
        assert_string_equal(alarms[i].problem, "pin-at-stake");
    return count != 0;
}

static void blocked_switch_raises_an_alarm_and_can_be_overridden(void **state)
{
    struct scene s = scene_open(state);
    struct cloud_pinned pins[] = {pinned("https://192.0.2.7", current(&s), 0)};
    pin(&s, CLOUD_PIN_END_ENTITY, pins, 1);
    const struct cert *made = stage(&s, true, NULL);
    assert_false(alarm_is_set(&s));
    assert_fails(s.t, switch_over(&s, NULL), E_PIN_AT_STAKE);
    assert_true(alarm_is_set(&s));
    assert_true(switch_over(&s, "the key is lost"));
    assert_false(alarm_is_set(&s));
    assert_bytes_equal(s.t, current(&s), made->der);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(renewed_certificate_has_the_names_and_the_key_and_waits),
        UNIT_TEST(new_key_is_another_key_in_the_token),
        UNIT_TEST(switch_keeps_the_earlier_one_for_those_who_ask_for_its_name),
        UNIT_TEST(earlier_one_with_no_name_of_its_own_is_seen_by_nobody),
        UNIT_TEST(staged_certificate_is_taken_back),
        UNIT_TEST(earlier_ones_are_bounded),
        UNIT_TEST(validity_ends_with_the_registrar_ca),
        UNIT_TEST(name_that_is_none_is_refused),
        UNIT_TEST(pinned_ca_never_stands_in_the_way),
        UNIT_TEST(pinned_end_entity_is_registered_before_it_is_shown),
        UNIT_TEST(another_key_at_the_same_address_strands_those_who_hold_vouchers),
        UNIT_TEST(another_key_at_an_address_of_its_own_strands_nobody),
        UNIT_TEST(blocked_switch_raises_an_alarm_and_can_be_overridden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* An enrolment at a CA that takes its time, while its device leaves us. */
#include "tests/unit/order_fixture.h"
#include "tests/unit/pki_fixture.h"

#include "ca-connectors/ca_internal.h"
#include "core/base/clock.h"
#include "core/pledge/leaving.h"
#include "core/pledge/problems.h"
#include "core/store/records/authority.h"
#include "core/store/records/certificate.h"
#include "core/store/records/episode.h"
#include "core/store/records/standing.h"
#include "est/csr_shelf.h"
#include "est/enrolment.h"
#include "est/est.h"

#include <string.h>

#define NAME "a.example.com"

/* ---- The CA: it says "later" until it is told to say something else. ---- */

enum answer { ANSWER_LATER, ANSWER_ISSUES, ANSWER_REFUSES };

struct slow_ca {
    _Atomic(enum answer) answer;
    atomic_int asked;     /* for a certificate */
    atomic_int steps;     /* that looked after what was asked */
    atomic_int abandoned; /* of these, when nobody wanted it any more */
    struct identity issuer;
};

struct slow_settings {
    const char *nothing;
    struct record_rest rest;
};
static const struct field slow_fields[] = {
    FIELD(1, struct slow_settings, nothing, "nothing", FIELD_TEXT, .help = "Nothing."),
};
static const struct record_type slow_type =
    RECORD_TYPE("slow", 1, struct slow_settings, slow_fields);

static bool slow_open(struct task *t, const struct ca_environment *env, const void *settings,
                      void **ret)
{
    (void)env;
    (void)settings;
    *ret = arena_alloc(t->arena, sizeof(struct slow_ca));
    return true;
}

static void slow_close(void *ca)
{
    (void)ca;
}

static bool grant(struct task *t, const struct slow_ca *slow, const struct csr *csr,
                  struct ca_result *ret)
{
    const char *name = NAME;
    const struct text_list names = {&name, 1};
    struct extension item = {.oid = OID_CE_SUBJECT_ALT_NAME};
    struct issue issue = {.key = csr->key,
                          .not_before = YEAR_2020,
                          .not_after = YEAR_9999,
                          .path_length = -1,
                          .extensions = {&item, 1},
                          .issuer = slow->issuer.cert,
                          .issuer_key = slow->issuer.key};
    TRY(extension_dns_names(t, &names, &item.value));
    TRY(name_from_text(t, "CN=a", &issue.subject));
    ret->outcome = CA_ISSUED;
    ret->issuer = slow->issuer.cert;
    return issue_certificate(t, &issue, &ret->certificate);
}

static bool slow_enrol(struct task *t, void *ca, const struct ca_request *request,
                       struct ca_result *ret)
{
    struct slow_ca *slow = ca;
    *ret = (struct ca_result){.outcome = CA_WAITING, .retry_after = 20};
    if (!bytes_present(request->state)) {
        atomic_fetch_add(&slow->asked, 1);
        return request->save(t, request->save_arg, BYTES_LITERAL("transaction 1"));
    }
    atomic_fetch_add(&slow->steps, 1);
    atomic_fetch_add(&slow->abandoned, request->abandoned);
    switch (atomic_load(&slow->answer)) {
    case ANSWER_ISSUES:
        return grant(t, slow, request->csr, ret);
    case ANSWER_REFUSES:
        return fail(t, E_CA_REFUSED, "the CA has cancelled it");
    case ANSWER_LATER:
        break;
    }
    return true;
}

static const struct ca_connector slow_connector = {
    .name = "slow",
    .settings = &slow_type,
    .settings_size = sizeof(struct slow_settings),
    .open = slow_open,
    .close = slow_close,
    .enrol = slow_enrol,
};
static const struct ca_connector *const connectors[] = {&slow_connector, NULL};

/* ---- The stage: a device that may enrol. ---- */

struct stage {
    struct task *t;
    struct store *store;
    struct orders *orders;
    struct ca_registry *cas;
    struct slow_ca *slow;
    struct est est;
    struct device device;
    struct order_kind_entry kinds[2];
};

static bool put_all(struct task *t, struct tx *tx, void *arg)
{
    struct stage *s = arg;
    static const struct decided nobody = {NULL, NULL};
    struct device *device = &s->device;
    const struct ca_record ca = {.name = "slow", .connector = "slow"};
    struct profile profile;
    struct episode e;
    record_init(t, &profile_type, &profile);
    profile.name = PROFILE_DEFAULT;
    profile.ca = ca.name;
    record_init(t, &device_type, device);
    device->issuer_spki_sha256 = bytes_sha256(t->arena, BYTES_LITERAL("issuer"));
    device->serial = "S1";
    device->id = device_id(t->arena, device->issuer_spki_sha256, device->serial);
    device->episode = id_make(t->arena);
    record_init(t, &episode_type, &e);
    e.id = device->episode;
    e.device = device->id;
    e.stage = EPISODE_IMPRINTED;
    e.opened = clock_wall();
    e.voucher_sha256 = bytes_sha256(t->arena, BYTES_LITERAL("voucher"));
    e.log_verdict = VERDICT_ACCEPTED;
    TRY(table_put(t, tx, &cas, &ca));
    TRY(table_put(t, tx, &profiles, &profile));
    TRY(table_put(t, tx, &episodes, &e));
    TRY(standing_set(t, tx, device, "maker", DEVICE_ADMITTED, &nobody));
    return table_put(t, tx, &devices, device);
}

static void stage_open(void **state, struct stage *s)
{
    struct desk limits;
    const struct ca *ca;
    desk_prepare(&limits, NULL);
    *s = (struct stage){.t = test_task(state), .store = store_fixture_open(state)};
    assert_ok(s->t, store_update(s->t, s->store, put_all, s));
    const struct ca_environment env = {.store = s->store, .connectors = connectors};
    assert_ok(s->t, ca_registry_open(s->t, &env, &s->cas));
    assert_ok(s->t, ca_find(s->t, s->cas, "slow", &ca));
    s->slow = ca->handle;
    s->slow->issuer = make_ca(s->t, "CN=Slow CA", NULL);
    s->est = (struct est){
        .store = s->store, .cas = s->cas, .csrs = csr_shelf_make(), .enrol_window = DAY_MS};
    s->kinds[0] = (struct order_kind_entry){&enrol_order, &s->est};
    assert_ok(s->t, orders_start(s->t, s->store, &limits.options, s->kinds, &s->orders));
    s->est.orders = s->orders;
}

static void stage_close(struct stage *s)
{
    assert_true(orders_stop(s->orders, clock_monotonic() + 5 * SECOND_MS));
    csr_shelf_free(s->est.csrs);
    ca_registry_close(s->cas);
    store_close(s->store);
}

static struct bytes submit(struct stage *s, int64_t due)
{
    struct task *t = s->t;
    const char *name = NAME;
    const struct text_list names = {&name, 1};
    struct extension item = {.oid = OID_CE_SUBJECT_ALT_NAME};
    const struct extension_list extensions = {&item, 1};
    struct enrolment enrolment;
    enum order_join join;
    struct bytes id;
    EVP_PKEY *key;
    struct order_request request = {
        .kind = &enrol_order,
        .identity = bytes_sha256(t->arena, BYTES_LITERAL("one")),
        .device = s->device.id,
        .episode = s->device.episode,
        .peer = "ca:slow",
        .due = due,
    };
    record_init(t, &enrolment_type, &enrolment);
    assert_ok(t, key_generate(t, KEY_P256, 0, &key));
    assert_ok(t, extension_dns_names(t, &names, &item.value));
    assert_ok(t, csr_build(t, key, NULL, &extensions, NULL, NULL, &enrolment.csr));
    enrolment.profile = PROFILE_DEFAULT;
    enrolment.serial = s->device.serial;
    assert_ok(t, record_encode(t, &enrolment_type, &enrolment, &request.request));
    assert_ok(t, order_submit(t, s->orders, &request, &id, &join));
    return id;
}

static void wait_until_above(atomic_int *count, int than)
{
    for (int i = 0; i < 5000 && atomic_load(count) <= than; i++)
        sleep_ms(2);
    assert_true(atomic_load(count) > than);
}

static void sell(struct stage *s)
{
    static const enum manufacturer_erases nothing = MANUFACTURER_ERASES_NOTHING;
    const struct leaving leaving = {.device = s->device.id,
                                    .how = LEAVING_SOLD,
                                    .by = "admin:root",
                                    .to = "somebody",
                                    .erases = &nothing};
    struct left left;
    assert_ok(s->t, device_leave(s->t, s->store, s->orders, &leaving, &left));
    assert_int_equal(left.certificates, 0);
}

static struct order finished(struct stage *s, struct bytes id)
{
    struct order order;
    struct bytes result;
    assert_ok(s->t, order_wait(s->t, s->orders, id, 5 * SECOND_MS, &order, &result));
    assert_false(bytes_present(result));
    return order;
}

static bool find_certificate(struct stage *s, struct bytes order, struct certificate *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    bool found;
    assert_ok(s->t, view_open(s->t, s->store, &view));
    assert_ok(s->t, table_find_by(s->t, view_reader(view), &certificates, &certificates_by_order,
                                  order, ret, &found));
    return found;
}

/* ---- What becomes of it. ---- */

static void certificate_that_comes_after_its_device_was_sold_is_recorded_as_revoked(void **state)
{
    struct stage s;
    struct certificate certificate;
    stage_open(state, &s);
    struct bytes id = submit(&s, 0);
    wait_until_above(&s.slow->steps, 0);
    assert_int_equal(atomic_load(&s.slow->abandoned), 0);
    sell(&s);
    wait_until_above(&s.slow->abandoned, 0); /* it is asked about, and goes on being so */
    wait_until_above(&s.slow->abandoned, 1);
    atomic_store(&s.slow->answer, ANSWER_ISSUES);
    struct order order = finished(&s, id);
    assert_int_equal(order.state, ORDER_REFUSED);
    assert_string_equal(order.problem, E_DEVICE_GONE->name);
    assert_true(find_certificate(&s, id, &certificate));
    assert_int_equal(certificate.state, CERTIFICATE_REVOKED);
    assert_true(bytes_equal(certificate.device, s.device.id));
    assert_int_equal(atomic_load(&s.slow->asked), 1);
    stage_close(&s);
}

static void ca_that_cancels_ends_it(void **state)
{
    struct stage s;
    struct certificate certificate;
    stage_open(state, &s);
    struct bytes id = submit(&s, 0);
    wait_until_above(&s.slow->steps, 0);
    sell(&s);
    atomic_store(&s.slow->answer, ANSWER_REFUSES);
    struct order order = finished(&s, id);
    assert_int_equal(order.state, ORDER_REFUSED);
    assert_string_equal(order.problem, E_DEVICE_GONE->name);
    assert_false(find_certificate(&s, id, &certificate));
    stage_close(&s);
}

static void what_was_not_asked_before_is_not_asked_for_a_device_that_has_left(void **state)
{
    struct stage s;
    stage_open(state, &s);
    struct bytes id = submit(&s, clock_wall() + HOUR_MS);
    sell(&s);
    struct order order = finished(&s, id);
    assert_int_equal(order.state, ORDER_REFUSED);
    assert_int_equal(atomic_load(&s.slow->asked) + atomic_load(&s.slow->steps), 0);
    stage_close(&s);
}

static void certificate_that_comes_in_time_is_handed_out(void **state)
{
    struct stage s;
    struct order order;
    struct bytes result;
    struct certificate certificate;
    stage_open(state, &s);
    struct bytes id = submit(&s, 0);
    wait_until_above(&s.slow->steps, 0);
    atomic_store(&s.slow->answer, ANSWER_ISSUES);
    assert_ok(s.t, order_wait(s.t, s.orders, id, 5 * SECOND_MS, &order, &result));
    assert_int_equal(order.state, ORDER_DONE);
    assert_true(bytes_present(result));
    assert_true(find_certificate(&s, id, &certificate));
    assert_int_equal(certificate.state, CERTIFICATE_ISSUED);
    assert_int_equal(atomic_load(&s.slow->abandoned), 0);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(certificate_that_comes_after_its_device_was_sold_is_recorded_as_revoked),
        PKI_TEST(ca_that_cancels_ends_it),
        PKI_TEST(what_was_not_asked_before_is_not_asked_for_a_device_that_has_left),
        PKI_TEST(certificate_that_comes_in_time_is_handed_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

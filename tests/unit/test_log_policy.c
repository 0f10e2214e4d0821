/* The policy over a table of audit logs (RFC 8995 5.8.3). */
#include "core/base/clock.h"
#include "core/pledge/log_policy.h"
#include "tests/unit/support.h"

#include <string.h>

/* domainIDs: "own", "past", "allowed", "other", in base64. */
#define OWN     "b3du"
#define PAST    "cGFzdA=="
#define ALLOWED "YWxsb3dlZA=="
#define OTHER   "b3RoZXI="
/* Nonces: the voucher's, one of an earlier request, and others. */
#define NONCE   "bm9uY2UtMDAwMQ=="
#define EARLIER "ZWFybGllci0wMQ=="

#define EVENT(domain, nonce)                                                                       \
    "{\"date\":\"2026-01-02T03:04:05Z\",\"domainID\":\"" domain "\",\"nonce\":" nonce              \
    ",\"assertion\":\"logged\",\"truncated\":0}"
#define LOG(events)       "{\"version\":1,\"events\":[" events "]}"
#define WITH(text)        "\"" text "\""
#define THIS              EVENT(OWN, WITH(NONCE))
#define COUNTED(counters) "{\"version\":1,\"events\":[" THIS "],\"truncation\":{" counters "}}"

static bool sent(struct task *t, void *context, const char *nonce, bool *ret)
{
    (void)t;
    (void)context;
    *ret = strcmp(nonce, EARLIER) == 0;
    return true;
}

static struct log_policy policy_of(struct task *t)
{
    struct bytes *ids = arena_array(t->arena, 3, sizeof(*ids));
    ids[0] = BYTES_LITERAL("own");
    ids[1] = BYTES_LITERAL("past");
    ids[2] = BYTES_LITERAL("allowed");
    return (struct log_policy){
        .own = {&ids[0], 1},
        .own_past = {&ids[0], 2},
        .allowed = {&ids[2], 1},
        .nonce = NONCE,
        .sent = sent,
    };
}

static struct audit_log log_of(struct task *t, const char *json)
{
    struct audit_log log = {.version = 0};
    assert_ok(t, audit_log_read(t, bytes_of_text(json), 0, &log));
    return log;
}

static struct log_verdict judge(struct task *t, const struct log_policy *policy, const char *json)
{
    struct log_verdict verdict = {.problem = NULL};
    struct audit_log log = log_of(t, json);
    assert_ok(t, log_judge(t, &log, policy, &verdict));
    return verdict;
}

static void assert_verdict(const char *what, const struct log_verdict *verdict,
                           const struct problem_kind *problem, bool final)
{
    const char *is = verdict->problem == NULL ? "accepted" : verdict->problem->name;
    const char *should = problem == NULL ? "accepted" : problem->name;
    if (verdict->problem != problem || verdict->final != final)
        fail_msg("%s: %s%s instead of %s%s (%s)", what, is, verdict->final ? "" : ", not final",
                 should, final ? "" : ", not final",
                 verdict->detail == NULL ? "" : verdict->detail);
    assert_true((verdict->detail != NULL) == (problem != NULL));
}

static void logs_are_judged_by_who_stands_in_them(void **state)
{
    static const struct {
        const char *what;
        const char *log;
        const struct problem_kind *problem;
        bool final;
    } cases[] = {
        {"our own entry alone", LOG(THIS), NULL, true},
        {"an earlier request of ours", LOG(THIS "," EVENT(OWN, WITH(EARLIER))), NULL, true},
        {"one under a domainID of the past", LOG(THIS "," EVENT(PAST, WITH(EARLIER))), NULL, true},
        {"an allowed owner", LOG(EVENT(ALLOWED, WITH("x")) "," THIS), NULL, true},
        {"another owner", LOG(THIS "," EVENT(OTHER, WITH("x"))), E_LOG_FOREIGN, true},
        {"another owner, and no entry of ours", LOG(EVENT(OTHER, WITH("x"))), E_LOG_FOREIGN, true},
        {"another owner without nonce", LOG(THIS "," EVENT(OTHER, "null")), E_LOG_FOREIGN, true},
        {"an allowed owner without nonce", LOG(THIS "," EVENT(ALLOWED, "null")), E_LOG_NONCELESS,
         true},
        {"our name with a nonce we never sent", LOG(THIS "," EVENT(OWN, WITH("b3RoZXI="))),
         E_LOG_NOT_CAUSED, true},
        {"the same under a past domainID", LOG(THIS "," EVENT(PAST, WITH("b3RoZXI="))),
         E_LOG_NOT_CAUSED, true},
        {"our name without nonce, never asked for", LOG(THIS "," EVENT(OWN, "null")),
         E_LOG_NOT_CAUSED, true},
        {"an empty log", LOG(""), E_LOG_STALE, false},
        {"only an earlier entry of ours", LOG(EVENT(OWN, WITH(EARLIER))), E_LOG_STALE, false},
        {"our nonce under another's domainID", LOG(EVENT(ALLOWED, WITH(NONCE))), E_LOG_STALE,
         false},
        {"dropped at will", COUNTED("\"arbitrary\":1"), E_LOG_TRUNCATED, true},
        {"duplicates dropped",
         COUNTED("\"arbitrary\":0,\"nonced duplicates\":1024,\"nonceless duplicates\":3"), NULL,
         true},
        {"counters as strings", COUNTED("\"arbitrary\":\"0\",\"nonced duplicates\":\"7\""), NULL,
         true},
        {"dropped at will, as a string", COUNTED("\"arbitrary\":\"2\""), E_LOG_TRUNCATED, true},
    };
    struct task *t = test_task(state);
    const struct log_policy policy = policy_of(t);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct log_verdict verdict = judge(t, &policy, cases[i].log);
        assert_verdict(cases[i].what, &verdict, cases[i].problem, cases[i].final);
    }
}

static void every_entry_has_its_owner_and_cause(void **state)
{
    struct task *t = test_task(state);
    const struct log_policy policy = policy_of(t);
    struct log_verdict v =
        judge(t, &policy,
              LOG(THIS "," EVENT(PAST, WITH(EARLIER)) "," EVENT(ALLOWED, WITH("x")) "," EVENT(
                  OTHER, "null") "," EVENT(OTHER, WITH("y")) "," EVENT(OWN, "null")));
    static const struct log_entry_verdict expected[] = {
        {LOG_OWNER_OWN, LOG_CAUSE_THIS, NULL, false},
        {LOG_OWNER_OWN_PAST, LOG_CAUSE_EARLIER, NULL, false},
        {LOG_OWNER_ALLOWED, LOG_CAUSE_NONE, NULL, false},
        {LOG_OWNER_OTHER, LOG_CAUSE_NONE, E_LOG_FOREIGN, false},
        {LOG_OWNER_OTHER, LOG_CAUSE_NONE, E_LOG_FOREIGN, false},
        {LOG_OWNER_OWN, LOG_CAUSE_NONE, E_LOG_NOT_CAUSED, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        assert_int_equal(v.entries[i].owner, expected[i].owner);
        assert_int_equal(v.entries[i].cause, expected[i].cause);
        assert_ptr_equal(v.entries[i].problem, expected[i].problem);
    }
    assert_string_equal(v.detail, "entry 4 (2026-01-02T03:04:05Z): domainID " OTHER
                                  ", without nonce; and 2 more like it");
}

/* MASAs write the octets of a nonce in either alphabet, with padding or without. */
static void nonce_is_the_same_in_other_letters(void **state)
{
    struct task *t = test_task(state);
    struct log_policy policy = policy_of(t);
    policy.nonce = "-_8-_w";
    struct log_verdict v =
        judge(t, &policy, LOG(EVENT(OWN, WITH("+/8+/w==")) "," EVENT(OWN, WITH("ZWFybGllci0wMQ"))));
    assert_verdict("other letters", &v, NULL, true);
    assert_int_equal(v.entries[0].cause, LOG_CAUSE_THIS);
    assert_int_equal(v.entries[1].cause, LOG_CAUSE_EARLIER);
}

static void own_entries_without_nonce_are_as_many_as_we_asked_for(void **state)
{
    struct task *t = test_task(state);
    struct log_policy policy = policy_of(t);
    policy.nonceless = 1;
    struct log_verdict one = judge(t, &policy, LOG(THIS "," EVENT(OWN, "null")));
    assert_verdict("as many", &one, NULL, true);
    assert_int_equal(one.entries[1].cause, LOG_CAUSE_NONCELESS);
    struct log_verdict two =
        judge(t, &policy, LOG(THIS "," EVENT(OWN, "null") "," EVENT(OWN, "null")));
    assert_verdict("one more", &two, E_LOG_NOT_CAUSED, true);
}

static void stored_voucher_needs_an_entry_of_ours_without_nonce(void **state)
{
    struct task *t = test_task(state);
    struct log_policy policy = policy_of(t);
    policy.nonce = NULL;
    policy.nonceless = 2;
    struct log_verdict there = judge(t, &policy, LOG(EVENT(OWN, "null")));
    assert_verdict("it is there", &there, NULL, true);
    struct log_verdict missing = judge(t, &policy, LOG(EVENT(OWN, WITH(EARLIER))));
    assert_verdict("it is not", &missing, E_LOG_STALE, false);
}

/* Its nonces are known to it and the devices alone; and it answers devices, so there are nonces. */
static void entry_of_the_manufacturers_cloud_is_ours_where_it_speaks_for_us(void **state)
{
    struct task *t = test_task(state);
    struct log_policy policy = policy_of(t);
    const char *log = LOG(THIS "," EVENT(OWN, WITH("Y2xvdWQ=")));
    struct log_verdict without = judge(t, &policy, log);
    assert_verdict("it does not", &without, E_LOG_NOT_CAUSED, true);
    policy.cloud = true;
    struct log_verdict with = judge(t, &policy, log);
    assert_verdict("it does", &with, NULL, true);
    assert_int_equal(with.entries[1].cause, LOG_CAUSE_CLOUD);
    struct log_verdict nonceless = judge(t, &policy, LOG(THIS "," EVENT(OWN, "null")));
    assert_verdict("without nonce", &nonceless, E_LOG_NOT_CAUSED, true);
    struct log_verdict foreign = judge(t, &policy, LOG(THIS "," EVENT(OTHER, WITH("x"))));
    assert_verdict("another owner", &foreign, E_LOG_FOREIGN, true);
}

static void device_with_a_voucher_of_the_cloud_needs_its_entry(void **state)
{
    struct task *t = test_task(state);
    struct log_policy policy = policy_of(t);
    policy.nonce = NULL;
    policy.cloud = policy.arrived = true;
    struct log_verdict there = judge(t, &policy, LOG(EVENT(OWN, WITH("Y2xvdWQ="))));
    assert_verdict("it is there", &there, NULL, true);
    struct log_verdict earlier = judge(t, &policy, LOG(EVENT(OWN, WITH(EARLIER))));
    assert_verdict("only one that we asked for", &earlier, E_LOG_STALE, false);
    struct log_verdict none = judge(t, &policy, LOG(""));
    assert_verdict("none", &none, E_LOG_STALE, false);
}

static void what_a_restored_store_cannot_know_is_told_apart(void **state)
{
    struct task *t = test_task(state);
    struct log_policy policy = policy_of(t);
    struct restoration gap;
    assert_true(time_from_text("2026-01-01T00:00:00Z", &gap.from));
    assert_true(time_from_text("2026-01-03T00:00:00Z", &gap.to));
    policy.restorations = (struct restoration_list){&gap, 1};
    const char *log = LOG(THIS "," EVENT(OWN, WITH("dW5rbm93bg==")) "," EVENT(OWN, "null"));
    struct log_verdict within = judge(t, &policy, log);
    assert_verdict("from before the restore", &within, NULL, true);
    assert_int_equal(within.restored, 2);
    assert_int_equal(within.entries[1].cause, LOG_CAUSE_RESTORED);

    gap.to = gap.from + HOUR_MS; /* it is older than the entries */
    struct log_verdict after = judge(t, &policy, log);
    assert_verdict("from after the restore", &after, E_LOG_NOT_CAUSED, true);

    /* The same name does not make another's entry ours. */
    assert_true(time_from_text("2026-01-03T00:00:00Z", &gap.to));
    struct log_verdict other = judge(t, &policy, LOG(THIS "," EVENT(OTHER, WITH("x"))));
    assert_verdict("another's", &other, E_LOG_FOREIGN, true);
}

static void another_registrar_of_ours_can_be_allowed(void **state)
{
    struct task *t = test_task(state);
    struct log_policy policy = policy_of(t);
    policy.allowed = policy.own;
    struct log_verdict v =
        judge(t, &policy, LOG(THIS "," EVENT(OWN, WITH("b3RoZXI=")) "," EVENT(OWN, "null")));
    assert_verdict("another registrar of ours", &v, NULL, true);
    assert_int_equal(v.entries[1].cause, LOG_CAUSE_ALLOWED);
}

static void newer_version_is_what_the_switch_says(void **state)
{
    static const char log[] = "{\"version\":2,\"events\":[" THIS "],\"more\":[{}]}";
    struct task *t = test_task(state);
    struct log_policy policy = policy_of(t);
    struct log_verdict read = judge(t, &policy, log);
    assert_verdict("read", &read, NULL, true);
    policy.newer = AUDIT_LOG_NEWER_HOLD;
    struct log_verdict held = judge(t, &policy, log);
    assert_verdict("hold", &held, E_LOG_HELD, false);
    policy.newer = AUDIT_LOG_NEWER_REFUSE;
    struct log_verdict refused = judge(t, &policy, log);
    assert_verdict("refuse", &refused, E_LOG_NEWER, true);
    policy.pardoned_version = 2;
    struct log_verdict accepted = judge(t, &policy, log);
    assert_verdict("refuse, but accepted by hand", &accepted, NULL, true);
    policy.pardoned_version = 0;
    struct log_verdict known = judge(t, &policy, LOG(THIS));
    assert_verdict("the known one", &known, NULL, true);
}

static void what_an_administrator_accepted_passes_and_nothing_else(void **state)
{
    static const char first[] = LOG(EVENT(OTHER, WITH("x")) "," EVENT(ALLOWED, "null"));
    static const char later[] = LOG(THIS "," EVENT(OTHER, WITH("x")) "," EVENT(ALLOWED, "null"));
    struct task *t = test_task(state);
    struct log_policy policy = policy_of(t);
    struct audit_log log = log_of(t, first);
    struct bytes pardons[] = {audit_log_event_digest(t->arena, &log.events[0]),
                              audit_log_event_digest(t->arena, &log.events[1])};
    policy.pardons = (struct bytes_list){pardons, 1};
    struct log_verdict one = judge(t, &policy, later);
    assert_verdict("one of two", &one, E_LOG_NONCELESS, true);
    policy.pardons.count = 2;
    struct log_verdict both = judge(t, &policy, later);
    assert_verdict("both", &both, NULL, true);
    assert_true(both.entries[1].pardoned && both.entries[1].problem == E_LOG_FOREIGN);
    struct log_verdict more = judge(
        t, &policy,
        LOG(THIS "," EVENT(OTHER, WITH("x")) "," EVENT(ALLOWED, "null") "," EVENT(OTHER, "null")));
    assert_verdict("and one more", &more, E_LOG_FOREIGN, true);

    policy.pardoned_arbitrary = 2;
    struct log_verdict as_many = judge(t, &policy, COUNTED("\"arbitrary\":2"));
    assert_verdict("as many dropped", &as_many, NULL, true);
    struct log_verdict too_many = judge(t, &policy, COUNTED("\"arbitrary\":3"));
    assert_verdict("more dropped", &too_many, E_LOG_TRUNCATED, true);

    policy.pardons.count = 0;
    policy.pardoned = true; /* this very log, whatever it says */
    struct log_verdict whole = judge(t, &policy, first);
    assert_verdict("the whole log", &whole, NULL, true);
}

static void entries_are_told_apart_by_owner_nonce_and_date(void **state)
{
    struct task *t = test_task(state);
    struct audit_log log =
        log_of(t, LOG(EVENT(OTHER, WITH("x")) "," EVENT(OTHER, WITH("x")) "," EVENT(
                      OTHER, WITH("y")) "," EVENT(ALLOWED, WITH("x")) "," EVENT(OTHER, "null")));
    struct bytes first = audit_log_event_digest(t->arena, &log.events[0]);
    assert_bytes_equal(t, audit_log_event_digest(t->arena, &log.events[1]), first);
    for (size_t i = 2; i < log.count; i++)
        assert_false(bytes_equal(audit_log_event_digest(t->arena, &log.events[i]), first));
    log.events[0].date = "2026-01-02T03:04:06Z";
    assert_false(bytes_equal(audit_log_event_digest(t->arena, &log.events[0]), first));
}

static void registrar_id_is_read_only_where_it_is_allowed(void **state)
{
    static const char json[] = "{\"version\":\"1\",\"events\":[{\"date\":\"2026-01-02T03:04:05Z\","
                               "\"registrarID\":\"" OWN "\",\"nonce\":\"" NONCE "\"}]}";
    struct task *t = test_task(state);
    struct audit_log log = {.version = 0};
    assert_fails(t, audit_log_read(t, bytes_of_text(json), 0, &log), E_LOG_REGISTRAR_ID);
    assert_ok(t, audit_log_read(t, bytes_of_text(json), AUDIT_LOG_REGISTRAR_ID, &log));
    assert_int_equal(log.departures, AUDIT_LOG_REGISTRAR_ID);
    assert_bytes_equal(t, log.events[0].domain_id, BYTES_LITERAL("own"));
    assert_ok(t, audit_log_read(t, BYTES_LITERAL(LOG(THIS)), AUDIT_LOG_REGISTRAR_ID, &log));
    assert_int_equal(log.departures, 0);
}

/* RFC 8995 Figure 18 has its numbers as strings; other fields are left out in it. */
static void example_of_the_rfc_is_read(void **state)
{
    struct task *t = test_task(state);
    struct audit_log log = {.version = 0};
    if (!vectors_present())
        skip();
    struct bytes json = vector_read(t, "brski-json/rfc8995_fig18_auditlog.json");
    assert_ok(t, audit_log_read(t, json, 0, &log));
    assert_int_equal(log.version, 1);
    assert_int_equal(log.count, 2);
    assert_int_equal(log.events[1].truncated, 0);
    assert_string_equal(log.events[1].nonce, "f4G6Vi1t8nKo/FieCVgpBg==");
    assert_string_equal(time_to_text(t->arena, log.events[0].at), "2019-05-15T21:25:55.644Z");
    assert_int_equal(log.nonceless_duplicates, 1);
    assert_int_equal(log.arbitrary, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(logs_are_judged_by_who_stands_in_them),
        UNIT_TEST(every_entry_has_its_owner_and_cause),
        UNIT_TEST(nonce_is_the_same_in_other_letters),
        UNIT_TEST(own_entries_without_nonce_are_as_many_as_we_asked_for),
        UNIT_TEST(stored_voucher_needs_an_entry_of_ours_without_nonce),
        UNIT_TEST(entry_of_the_manufacturers_cloud_is_ours_where_it_speaks_for_us),
        UNIT_TEST(device_with_a_voucher_of_the_cloud_needs_its_entry),
        UNIT_TEST(what_a_restored_store_cannot_know_is_told_apart),
        UNIT_TEST(another_registrar_of_ours_can_be_allowed),
        UNIT_TEST(newer_version_is_what_the_switch_says),
        UNIT_TEST(what_an_administrator_accepted_passes_and_nothing_else),
        UNIT_TEST(entries_are_told_apart_by_owner_nonce_and_date),
        UNIT_TEST(registrar_id_is_read_only_where_it_is_allowed),
        UNIT_TEST(example_of_the_rfc_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

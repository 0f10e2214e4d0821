/* What the MASA keeps of the vouchers it issued: lab/masa_state.h. */
#include "lab/masa_state.h"

#include "core/base/file.h"
#include "lab/problems.h"
#include "tests/unit/support.h"

#include <stdio.h>

#define JOURNAL_MAX ((size_t)1024 * 1024)

/* Makes "voucher 1", "voucher 2" and so on. */
struct maker {
    unsigned made;
};

static bool make(struct task *t, void *context, struct bytes *ret)
{
    struct maker *maker = context;
    maker->made++;
    *ret = bytes_of_text(arena_printf(t->arena, "voucher %u", maker->made));
    return true;
}

static bool refuse(struct task *t, void *context, struct bytes *ret)
{
    (void)context;
    (void)ret;
    return fail(t, E_REQUEST_REFUSED, "no");
}

static struct masa_issue issue_of(const char *request, const char *serial, const char *nonce)
{
    return (struct masa_issue){
        .request = bytes_of_text(request),
        .serial = serial,
        .idevid_issuer = BYTES_LITERAL("issuer"),
        .nonce = nonce,
        .domain_id = BYTES_LITERAL("ours"),
        .assertion = "proximity",
    };
}

static struct masa_state *open_state(struct task *t, const char *folder)
{
    struct masa_state *state = NULL;
    assert_ok(t, masa_state_open(t, folder, &state));
    return state;
}

/* Issues in a state that is opened for it and closed afterwards, as after a restart. */
static bool issue_afresh(struct task *t, const char *folder, const struct masa_issue *issue,
                         struct maker *maker, struct bytes *ret)
{
    struct arena_mark mark = arena_mark(t->arena);
    struct bytes voucher;
    struct masa_state *state = open_state(t, folder);
    bool ok = masa_state_issue(t, state, issue, make, maker, &voucher);
    if (ok && ret != NULL)
        assert_string_equal(bytes_to_text(t->arena, voucher), (const char *)ret->data);
    arena_rewind(t->arena, mark);
    return ok;
}

static void append_to_journal(struct task *t, const char *folder, const char *text)
{
    FILE *journal = fopen(arena_printf(t->arena, "%s/" MASA_JOURNAL, folder), "ae");
    assert_non_null(journal);
    assert_true(fputs(text, journal) >= 0);
    assert_int_equal(fclose(journal), 0);
}

static struct bytes read_journal(struct task *t, const char *folder)
{
    struct bytes content = BYTES_ABSENT;
    assert_ok(
        t, file_read(t, arena_printf(t->arena, "%s/" MASA_JOURNAL, folder), JOURNAL_MAX, &content));
    return content;
}

static void same_octets_get_the_same_voucher(void **state)
{
    struct task *t = test_task(state);
    struct masa_state *masa = open_state(t, test_folder(state));
    struct maker maker = {0};
    struct masa_issue issue = issue_of("request", "S1", "nonce");
    struct bytes first;
    struct bytes second;
    assert_ok(t, masa_state_issue(t, masa, &issue, make, &maker, &first));
    assert_ok(t, masa_state_issue(t, masa, &issue, make, &maker, &second));
    assert_bytes_equal(t, second, first);
    assert_int_equal(maker.made, 1);
}

static void same_octets_get_the_same_voucher_after_a_restart(void **state)
{
    struct task *t = test_task(state);
    const char *folder = test_folder(state);
    struct maker maker = {0};
    struct masa_issue issue = issue_of("request", "S1", "nonce");
    struct bytes expected = BYTES_LITERAL("voucher 1");
    assert_ok(t, issue_afresh(t, folder, &issue, &maker, &expected));
    assert_ok(t, issue_afresh(t, folder, &issue, &maker, &expected));
    assert_int_equal(maker.made, 1);
}

static void nonce_is_for_one_request_of_a_device(void **state)
{
    struct task *t = test_task(state);
    struct masa_state *masa = open_state(t, test_folder(state));
    struct maker maker = {0};
    struct bytes voucher;
    struct masa_issue first = issue_of("request", "S1", "nonce");
    struct masa_issue again = issue_of("other octets", "S1", "nonce");
    struct masa_issue fresh = issue_of("third", "S1", "fresh nonce");
    struct masa_issue other_device = issue_of("fourth", "S2", "nonce");
    struct masa_issue other_issuer = issue_of("fifth", "S1", "nonce");
    other_issuer.idevid_issuer = BYTES_LITERAL("another issuer");
    assert_ok(t, masa_state_issue(t, masa, &first, make, &maker, &voucher));
    assert_fails(t, masa_state_issue(t, masa, &again, make, &maker, &voucher), E_REQUEST_REFUSED);
    assert_ok(t, masa_state_issue(t, masa, &fresh, make, &maker, &voucher));
    assert_ok(t, masa_state_issue(t, masa, &other_device, make, &maker, &voucher));
    assert_ok(t, masa_state_issue(t, masa, &other_issuer, make, &maker, &voucher));
    assert_int_equal(maker.made, 4);
}

static void refused_request_leaves_nothing(void **state)
{
    struct task *t = test_task(state);
    struct masa_state *masa = open_state(t, test_folder(state));
    struct maker maker = {0};
    struct bytes voucher;
    struct masa_issue issue = issue_of("request", "S1", "nonce");
    assert_fails(t, masa_state_issue(t, masa, &issue, refuse, NULL, &voucher), E_REQUEST_REFUSED);
    assert_int_equal(read_journal(t, test_folder(state)).len, 0);
    assert_ok(t, masa_state_issue(t, masa, &issue, make, &maker, &voucher));
}

static void half_a_line_is_cut_off(void **state)
{
    struct task *t = test_task(state);
    const char *folder = test_folder(state);
    struct maker maker = {0};
    struct masa_issue first = issue_of("request", "S1", "nonce");
    struct masa_issue second = issue_of("second", "S1", "nonce 2");
    assert_ok(t, issue_afresh(t, folder, &first, &maker, NULL));
    struct bytes before = read_journal(t, folder);
    append_to_journal(t, folder, "{\"date\":\"2026-");
    assert_ok(t, issue_afresh(t, folder, &first, &maker, &BYTES_LITERAL("voucher 1")));
    assert_bytes_equal(t, read_journal(t, folder), before);
    assert_ok(t, issue_afresh(t, folder, &second, &maker, &BYTES_LITERAL("voucher 2")));
    assert_ok(t, issue_afresh(t, folder, &second, &maker, &BYTES_LITERAL("voucher 2")));
}

static void spoilt_line_is_named(void **state)
{
    static const char *const lines[] = {"garbage\n", "{}\n", "[]\n", "\n"};
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct task *t = test_task(state);
        struct maker maker = {0};
        struct masa_state *masa;
        const char *folder = arena_printf(t->arena, "%s/%zu", test_folder(state), i);
        struct masa_issue issue = issue_of("request", "S1", "nonce");
        assert_ok(t, issue_afresh(t, folder, &issue, &maker, NULL));
        append_to_journal(t, folder, lines[i]);
        assert_fails(t, masa_state_open(t, folder, &masa), E_INVALID);
        assert_detail(t, ":2:");
    }
}

static void folder_is_for_one_masa(void **state)
{
    struct task *t = test_task(state);
    struct masa_state *second;
    (void)open_state(t, test_folder(state));
    assert_fails(t, masa_state_open(t, test_folder(state), &second), E_BUSY);
}

static void log_is_newest_first(void **state)
{
    struct task *t = test_task(state);
    struct masa_state *masa = open_state(t, test_folder(state));
    struct maker maker = {0};
    struct bytes voucher;
    json_t *events;
    struct bytes ours = BYTES_LITERAL("ours");
    const struct bytes_list domains = {&ours, 1};
    struct masa_issue first = issue_of("request", "S1", "nonce 1");
    struct masa_issue second = issue_of("second", "S1", NULL);
    second.domain_id = BYTES_LITERAL("another");
    second.assertion = "logged";
    assert_ok(t, masa_state_issue(t, masa, &first, make, &maker, &voucher));
    assert_ok(t, masa_state_issue(t, masa, &second, make, &maker, &voucher));
    assert_ok(t, masa_state_events(t, masa, "S1", first.idevid_issuer, &domains, &events));
    assert_int_equal(json_array_size(events), 2);
    json_t *newest = json_array_get(events, 0);
    json_t *oldest = json_array_get(events, 1);
    assert_true(json_is_null(json_object_get(newest, "nonce")));
    assert_string_equal(json_string_value(json_object_get(newest, "assertion")), "logged");
    assert_string_equal(json_string_value(json_object_get(oldest, "nonce")), "nonce 1");
    assert_string_equal(json_string_value(json_object_get(oldest, "domainID")),
                        bytes_to_base64(t->arena, ours));
    assert_int_equal(json_integer_value(json_object_get(oldest, "truncated")), 0);
}

static void log_is_for_those_who_were_given_the_device(void **state)
{
    struct task *t = test_task(state);
    struct masa_state *masa = open_state(t, test_folder(state));
    struct maker maker = {0};
    struct bytes voucher;
    json_t *events;
    struct bytes strangers = BYTES_LITERAL("strangers");
    struct bytes ours = BYTES_LITERAL("ours");
    const struct bytes_list stranger = {&strangers, 1};
    const struct bytes_list owner = {&ours, 1};
    struct masa_issue issue = issue_of("request", "S1", "nonce");
    assert_ok(t, masa_state_issue(t, masa, &issue, make, &maker, &voucher));
    assert_fails(t, masa_state_events(t, masa, "S1", issue.idevid_issuer, &stranger, &events),
                 E_DEVICE_UNKNOWN);
    assert_fails(t, masa_state_events(t, masa, "S2", issue.idevid_issuer, &owner, &events),
                 E_DEVICE_UNKNOWN);
    assert_fails(t,
                 masa_state_events(t, masa, "S1", BYTES_LITERAL("another issuer"), &owner, &events),
                 E_DEVICE_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(same_octets_get_the_same_voucher),
        UNIT_TEST(same_octets_get_the_same_voucher_after_a_restart),
        UNIT_TEST(nonce_is_for_one_request_of_a_device),
        UNIT_TEST(refused_request_leaves_nothing),
        UNIT_TEST(half_a_line_is_cut_off),
        UNIT_TEST(spoilt_line_is_named),
        UNIT_TEST(folder_is_for_one_masa),
        UNIT_TEST(log_is_newest_first),
        UNIT_TEST(log_is_for_those_who_were_given_the_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

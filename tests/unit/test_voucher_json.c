#include "tests/unit/pki_fixture.h"

#include "core/base/clock.h"
#include "core/base/json.h"
#include "registrar/voucher/voucher.h"

#include <string.h>

static struct voucher read_json(struct task *t, const char *json)
{
    struct voucher v = {.kind = VOUCHER};
    assert_ok(t, voucher_from_json(t, bytes_of_text(json), 0, &v));
    return v;
}

#define REQUEST(members) "{\"ietf-voucher-request:voucher\":{" members "}}"

static void figures_with_elided_values_are_refused_for_them_alone(void **state)
{
    static const char *const files[] = {
        "brski-json/rfc8995_fig6_pvr.json",
        "brski-json/rfc8995_fig7_rvr.json",
        "brski-json/rfc8995_fig8_rvr_nonceless.json",
        "brski-json/rfc8995_fig14_voucher.json",
        "brski-json/rfc8366bis_ephemeral_voucher.json",
        "brski-json/rfc8366bis_nonceless_voucher.json",
        "brski-json/rfc8366bis_extension_voucher.json",
    };
    struct task *t = test_task(state);
    struct voucher v = {.kind = VOUCHER};
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char *text = bytes_to_text(t->arena, vector_read(t, files[i]));
        /* "base64encodedvalue==" has stray bits; the values are elided in the texts. */
        assert_fails(t, voucher_from_json(t, bytes_of_text(text), 0, &v), E_VOUCHER_MALFORMED);
        assert_detail(t, "no base64");
        for (char *at = strstr(text, "value=="); at != NULL; at = strstr(at, "value=="))
            at[4] = 'Q';
        assert_ok(t, voucher_from_json(t, bytes_of_text(text), 0, &v));
        assert_string_equal(v.serial_number, "JADA123456789");
        assert_int_equal(v.unknown.count, i == 6 ? 1 : 0);
    }
    assert_int_equal(v.extensions.count, 1);
    assert_string_equal(v.extensions.items[0], "example-my-extension");
    assert_string_equal(v.unknown.items[0].name, "extension:example-my-extension");
    assert_string_equal(v.unknown.items[0].value, "{\"my-ext-leaf1\":\"my-ext-leaf1-data\"}");
}

static void nonceless_voucher_has_its_dates_and_checks(void **state)
{
    struct task *t = test_task(state);
    struct voucher v =
        read_json(t, "{\"ietf-voucher:voucher\":{\"created-on\":\"2016-10-07T19:31:42Z\","
                     "\"expires-on\":\"2016-10-21T19:31:42Z\",\"assertion\":\"verified\","
                     "\"serial-number\":\"JADA123456789\",\"domain-cert-revocation-checks\":true,"
                     "\"last-renewal-date\":\"2017-10-07T19:31:42Z\"}}");
    assert_null(v.nonce);
    assert_int_equal(v.created_on, 1475868702000);
    assert_int_equal(v.expires_on, v.created_on + 14 * DAY_MS);
    assert_int_equal(v.last_renewal_date, v.created_on + 365 * DAY_MS);
    assert_true(v.has_revocation_checks);
    assert_true(v.domain_cert_revocation_checks);
}

static void payloads_of_other_forms_are_the_same_model(void **state)
{
    struct task *t = test_task(state);
    struct voucher v = {.kind = VOUCHER};
    if (!vectors_present())
        skip();
    /* JWS examples have no assertion. */
    assert_ok(t, voucher_from_json(t, vector_read(t, "jws/pvr.payload.json"), 0, &v));
    assert_int_equal(v.kind, VOUCHER_REQUEST);
    assert_null(v.assertion);
    assert_ok(t, voucher_from_json(t, vector_read(t, "jws/rvr.payload.json"), 0, &v));
    assert_string_equal(bytes_to_base64(t->arena, v.idevid_issuer),
                        "BBgwFoAUlU7Vft0KvopLzyjGaNB2fcQyB/U=");
    assert_ok(t, voucher_from_json(t, vector_read(t, "jws/voucher.payload.json"), 0, &v));
    assert_int_equal(v.kind, VOUCHER);
    /* BRSKI-PRM's examples have a container name of their own. */
    assert_ok(t, voucher_from_json(t, vector_read(t, "prm/pvr.payload.json"), 0, &v));
    assert_int_equal(v.kind, VOUCHER_REQUEST);
    assert_int_equal(v.unknown.count, 0);
    assert_string_equal(v.assertion, "agent-proximity");
    assert_true(bytes_present(v.agent_provided_proximity_registrar_cert));
    assert_true(bytes_present(v.agent_signed_data));
    assert_ok(t, voucher_from_json(t, vector_read(t, "prm/rvr.payload.json"), 0, &v));
    assert_int_equal(v.unknown.count, 0);
    assert_int_equal(v.agent_sign_cert.count, 1);
}

static void base64_is_read_as_peers_write_it(void **state)
{
    static const char *const same[] = {
        REQUEST("\"idevid-issuer\":\"+/+/+w==\""),
        REQUEST("\"idevid-issuer\":\"-_-_-w==\""),
        REQUEST("\"idevid-issuer\":\"-_-_-w\""),
        REQUEST("\"idevid-issuer\":\"+/+/+w\""),
        REQUEST("\"idevid-issuer\":\"+\\/+\\/+w==\""),
        REQUEST("\"idevid-issuer\":\"+/+/\\r\\n+w==\""),
        REQUEST("\"idevid-issuer\":\"\\u002b/+/+w==\""),
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(same); i++)
        assert_bytes_equal(t, read_json(t, same[i]).idevid_issuer,
                           BYTES_LITERAL("\xFB\xFF\xBF\xFB"));
}

static void nonce_is_kept_as_it_stands(void **state)
{
    static const char *const nonces[] = {
        "-_XE9zK9q8Ll1qylMtLKeg",
        "62a2e7693d82fcda2624de58fb6722e5",
        "f4G6Vi1t8nKo/FieCVgpBg==",
        "not base64 at all!",
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(nonces); i++) {
        const char *json = arena_printf(t->arena, REQUEST("\"nonce\":\"%s\""), nonces[i]);
        assert_string_equal(read_json(t, json).nonce, nonces[i]);
    }
    assert_string_equal(read_json(t, REQUEST("\"nonce\":\"f4\\/F\"")).nonce, "f4/F");
}

static void unknown_members_are_passed_over_and_named(void **state)
{
    struct task *t = test_task(state);
    struct voucher v = read_json(t, REQUEST("\"serial-number\":\"1\",\"x\":{\"y\":[1,2]},"
                                            "\"z\\n\":null,\"extension:a\":\"b\""));
    assert_int_equal(v.unknown.count, 3);
    assert_string_equal(v.unknown.items[0].name, "x");
    assert_string_equal(v.unknown.items[0].value, "{\"y\":[1,2]}");
    assert_string_equal(v.unknown.items[1].name, "z?");
    assert_string_equal(v.unknown.items[1].value, "null");
    assert_string_equal(v.unknown.items[2].name, "extension:a");
}

static void members_of_requests_are_unknown_in_vouchers(void **state)
{
    struct task *t = test_task(state);
    struct voucher v =
        read_json(t, "{\"ietf-voucher:voucher\":{\"prior-signed-voucher-request\":\"AA==\","
                     "\"proximity-registrar-cert\":1}}");
    assert_false(bytes_present(v.prior_signed_voucher_request));
    assert_int_equal(v.unknown.count, 2);
}

static void every_member_is_read_into_its_own_field(void **state)
{
    struct task *t = test_task(state);
    struct voucher v = read_json(
        t,
        REQUEST("\"assertion\":\"agent-proximity\",\"created-on\":\"1970-01-01T00:00:00.001Z\","
                "\"expires-on\":\"1970-01-01T00:00:00.002Z\","
                "\"last-renewal-date\":\"1970-01-01T00:00:00.003Z\",\"serial-number\":\"s\","
                "\"nonce\":\"n\",\"idevid-issuer\":\"AQ==\",\"pinned-domain-cert\":\"Ag==\","
                "\"pinned-domain-pubk\":\"Aw==\",\"pinned-domain-pubk-sha256\":\"BA==\","
                "\"domain-cert-revocation-checks\":false,\"est-domain\":\"e\","
                "\"additional-configuration-url\":\"u\",\"prior-signed-voucher-request\":\"BQ==\","
                "\"proximity-registrar-cert\":\"Bg==\",\"proximity-registrar-pubk\":\"Bw==\","
                "\"proximity-registrar-pubk-sha256\":\"CA==\",\"agent-signed-data\":\"CQ==\","
                "\"agent-provided-proximity-registrar-cert\":\"Cg==\","
                "\"agent-sign-cert\":[\"Cw==\",\"DA==\"],\"manufacturer-proprietary\":\"DQ\","
                "\"additional-configuration\":\"c\",\"extensions\":[\"x\",\"y\"]"));
    assert_string_equal(v.assertion, "agent-proximity");
    assert_int_equal(v.created_on, 1);
    assert_int_equal(v.expires_on, 2);
    assert_int_equal(v.last_renewal_date, 3);
    assert_string_equal(v.serial_number, "s");
    assert_string_equal(v.nonce, "n");
    assert_bytes_equal(t, v.idevid_issuer, BYTES_LITERAL("\1"));
    assert_bytes_equal(t, v.pinned_domain_cert, BYTES_LITERAL("\2"));
    assert_bytes_equal(t, v.pinned_domain_pubk, BYTES_LITERAL("\3"));
    assert_bytes_equal(t, v.pinned_domain_pubk_sha256, BYTES_LITERAL("\4"));
    assert_true(v.has_revocation_checks);
    assert_false(v.domain_cert_revocation_checks);
    assert_string_equal(v.est_domain, "e");
    assert_string_equal(v.additional_configuration_url, "u");
    assert_bytes_equal(t, v.prior_signed_voucher_request, BYTES_LITERAL("\5"));
    assert_bytes_equal(t, v.proximity_registrar_cert, BYTES_LITERAL("\6"));
    assert_bytes_equal(t, v.proximity_registrar_pubk, BYTES_LITERAL("\7"));
    assert_bytes_equal(t, v.proximity_registrar_pubk_sha256, BYTES_LITERAL("\10"));
    assert_bytes_equal(t, v.agent_signed_data, BYTES_LITERAL("\11"));
    assert_bytes_equal(t, v.agent_provided_proximity_registrar_cert, BYTES_LITERAL("\12"));
    assert_int_equal(v.agent_sign_cert.count, 2);
    assert_bytes_equal(t, v.agent_sign_cert.items[1], BYTES_LITERAL("\14"));
    assert_bytes_equal(t, v.manufacturer_proprietary, BYTES_LITERAL("\15"));
    assert_string_equal(v.additional_configuration, "c");
    assert_int_equal(v.extensions.count, 2);
    assert_string_equal(v.extensions.items[1], "y");
    assert_int_equal(v.unknown.count, 0);
}

static void absent_members_are_absent(void **state)
{
    struct task *t = test_task(state);
    struct voucher v = read_json(t, REQUEST(""));
    assert_int_equal(v.kind, VOUCHER_REQUEST);
    assert_null(v.assertion);
    assert_null(v.serial_number);
    assert_null(v.nonce);
    assert_int_equal(v.created_on, 0);
    assert_false(bytes_present(v.idevid_issuer));
    assert_false(v.has_revocation_checks);
}

static void malformed_json_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "{}",
        "[]",
        "null",
        "{",
        "{\"ietf-voucher-request:voucher\":{}",
        "{\"ietf-voucher-request:voucher\":{}}x",
        "{\"ietf-voucher-request:voucher\":null}",
        "{\"ietf-voucher-request:voucher\":[]}",
        "{\"ietf-voucher-request:voucher\":\"\"}",
        "{\"voucher\":{}}",
        "{\"IETF-voucher:voucher\":{}}",
        /* exactly one member at the top */
        "{\"ietf-voucher-request:voucher\":{},\"ietf-voucher:voucher\":{}}",
        "{\"ietf-voucher-request:voucher\":{},\"x\":1}",
        "{\"ietf-voucher-request:voucher\":{},\"ietf-voucher-request:voucher\":{}}",
        /* doubled members */
        REQUEST("\"nonce\":\"a\",\"nonce\":\"a\""),
        REQUEST("\"nonce\":\"a\",\"no\\u006ece\":\"b\""),
        /* wrong types */
        REQUEST("\"serial-number\":1"),
        REQUEST("\"serial-number\":null"),
        REQUEST("\"serial-number\":\"\""),
        REQUEST("\"serial-number\":\"a\\nb\""),
        REQUEST("\"serial-number\":\"a\\u0000b\""),
        REQUEST("\"serial-number\":\"a\\u007fb\""),
        REQUEST("\"nonce\":[]"),
        REQUEST("\"nonce\":\"\""),
        REQUEST("\"assertion\":1"),
        REQUEST("\"created-on\":1618350203"),
        REQUEST("\"created-on\":\"2021-04-13T17:43:23\""),
        REQUEST("\"created-on\":\"2021-02-30T17:43:23Z\""),
        REQUEST("\"expires-on\":\"tomorrow\""),
        REQUEST("\"domain-cert-revocation-checks\":\"true\""),
        REQUEST("\"domain-cert-revocation-checks\":1"),
        REQUEST("\"prior-signed-voucher-request\":[]"),
        REQUEST("\"proximity-registrar-cert\":{}"),
        REQUEST("\"created-on\":\"2024-05-1\""),
        REQUEST("\"created-on\":\"2024-05-32\""),
        REQUEST("\"expires-on\":\"2024-05-01\""),
        REQUEST("\"prior-signed-voucher-request\":\"\""),
        REQUEST("\"proximity-registrar-cert\":\"A\""),
        REQUEST("\"proximity-registrar-cert\":\"AB==\""),
        REQUEST("\"proximity-registrar-cert\":\"AA=A\""),
        REQUEST("\"proximity-registrar-cert\":\"A\\u00e4AA\""),
        REQUEST("\"serial-number\":\"\xE4\""),
        REQUEST("\"extensions\":\"a\""),
        REQUEST("\"extensions\":[1]"),
        REQUEST("\"extensions\":[\"\"]"),
        REQUEST("\"agent-sign-cert\":[]"),
        REQUEST("\"agent-sign-cert\":[\"\"]"),
        REQUEST("\"agent-sign-cert\":{}"),
        REQUEST("\"manufacturer-private\":\"AA\",\"manufacturer-proprietary\":\"AA\""),
        REQUEST("\"x\":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"),
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct voucher v = {.kind = VOUCHER};
        if (voucher_from_json(t, bytes_of_text(wrong[i]), 0, &v))
            fail_msg("%s was read", wrong[i]);
        assert_ptr_equal(t->problem, E_VOUCHER_MALFORMED);
        assert_int_equal(v.kind, VOUCHER);
    }
    struct voucher v;
    char *large = arena_alloc(t->arena, VOUCHER_SIZE_MAX + 2);
    memset(large, ' ', VOUCHER_SIZE_MAX + 1);
    memcpy(large, REQUEST(""), strlen(REQUEST("")));
    assert_fails(t, voucher_from_json(t, bytes_of_text(large), 0, &v), E_VOUCHER_MALFORMED);
    large[VOUCHER_SIZE_MAX] = '\0';
    assert_ok(t, voucher_from_json(t, bytes_of_text(large), 0, &v));
    assert_fails(t, voucher_from_json(t, BYTES_ABSENT, 0, &v), E_VOUCHER_MALFORMED);
    assert_fails(t, voucher_from_json(t, BYTES_LITERAL(REQUEST("") "\0"), 0, &v),
                 E_VOUCHER_MALFORMED);
}

static void members_are_so_many_and_no_more(void **state)
{
    struct task *t = test_task(state);
    const char *members = "\"m0\":0";
    struct voucher v;
    for (int i = 1; i < 64; i++)
        members = arena_printf(t->arena, "%s,\"m%d\":%d", members, i, i);
    assert_int_equal(read_json(t, arena_printf(t->arena, REQUEST("%s"), members)).unknown.count,
                     64);
    const char *json = arena_printf(t->arena, REQUEST("%s,\"m64\":64"), members);
    assert_fails(t, voucher_from_json(t, bytes_of_text(json), 0, &v), E_VOUCHER_MALFORMED);
}

static void member_that_was_renamed_is_read_under_both_names(void **state)
{
    struct task *t = test_task(state);
    struct bytes json = BYTES_ABSENT;
    struct voucher v = read_json(t, REQUEST("\"serial-number\":\"1\","
                                            "\"manufacturer-private\":\"-_-_\""));
    assert_bytes_equal(t, v.manufacturer_proprietary, BYTES_LITERAL("\xFB\xFF\xBF"));
    /* RFC 8366bis: written under the one name, in base64url. */
    assert_ok(t, voucher_to_json(t, &v, &json));
    assert_string_equal(bytes_to_text(t->arena, json),
                        REQUEST("\"serial-number\":\"1\",\"manufacturer-proprietary\":\"-_-_\""));
}

#define ALL_DEPARTURES (VOUCHER_REQUEST_CONTAINER | VOUCHER_PRIOR_OBJECT | VOUCHER_CREATED_ON_DATE)

static void each_departure_is_read_only_where_it_is_allowed(void **state)
{
    static const struct {
        const char *json;
        unsigned departure;
        const struct problem_kind *kind;
    } rows[] = {
        {REQUEST("\"created-on\":\"2024-05-01\""), VOUCHER_CREATED_ON_DATE,
         E_VOUCHER_CREATED_ON_DATE},
        {REQUEST("\"prior-signed-voucher-request\":{\"a\": [1]}"), VOUCHER_PRIOR_OBJECT,
         E_VOUCHER_PRIOR_OBJECT},
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bytes json = bytes_of_text(rows[i].json);
        unsigned others = ALL_DEPARTURES & ~rows[i].departure;
        struct voucher v = {.kind = VOUCHER};
        assert_fails(t, voucher_from_json(t, json, 0, &v), rows[i].kind);
        assert_fails(t, voucher_from_json(t, json, others, &v), rows[i].kind);
        assert_ok(t, voucher_from_json(t, json, rows[i].departure, &v));
        assert_int_equal(v.departures, rows[i].departure);
        if (i == 0)
            assert_int_equal(v.created_on, 1714521600000); /* date -ud 2024-05-01 +%s */
        else
            assert_bytes_equal(t, v.prior_signed_voucher_request, BYTES_LITERAL("{\"a\":[1]}"));
    }
}

static void request_in_a_vouchers_container_is_one_where_it_is_allowed(void **state)
{
    static const char json[] = "{\"ietf-voucher:voucher\":{\"serial-number\":\"S\","
                               "\"proximity-registrar-cert\":\"AAAA\"}}";
    struct task *t = test_task(state);
    struct bytes written = BYTES_ABSENT;
    struct voucher v = read_json(t, json);
    assert_int_equal(v.kind, VOUCHER);
    assert_int_equal(v.unknown.count, 1); /* no member of a voucher */
    assert_ok(t, voucher_from_json(t, bytes_of_text(json), VOUCHER_REQUEST_CONTAINER, &v));
    assert_int_equal(v.kind, VOUCHER_REQUEST);
    assert_int_equal(v.departures, VOUCHER_REQUEST_CONTAINER);
    assert_int_equal(v.proximity_registrar_cert.len, 3);
    assert_ok(t, voucher_to_json(t, &v, &written));
    assert_true(bytes_start_with(written, BYTES_LITERAL("{\"ietf-voucher:voucher\":")));
    /* What keeps to the RFC departs from nothing, whatever is allowed. */
    assert_ok(t, voucher_from_json(t, BYTES_LITERAL(REQUEST("\"serial-number\":\"S\"")),
                                   ALL_DEPARTURES, &v));
    assert_int_equal(v.departures, 0);
    assert_ok(t, voucher_to_json(t, &v, &written));
    assert_true(bytes_start_with(written, BYTES_LITERAL("{\"ietf-voucher-request:voucher\":")));
}

static struct voucher sample(enum voucher_kind kind)
{
    struct voucher v = {
        .kind = kind,
        .assertion = "proximity",
        .created_on = 1618350203787,
        .expires_on = 1618350204000,
        .last_renewal_date = 1618350205000,
        .serial_number = "00-D0-E5-F2-00-02",
        .nonce = "-_XE9zK9q8Ll1qylMtLKeg",
        .idevid_issuer = BYTES_LITERAL("\xFB\xFF\xBF\xFB"),
        .has_revocation_checks = true,
        .est_domain = "https://est.example/",
        .additional_configuration_url = "https://more.example/",
    };
    if (kind == VOUCHER) {
        v.pinned_domain_cert = BYTES_LITERAL("a");
        v.pinned_domain_pubk = BYTES_LITERAL("b");
        v.pinned_domain_pubk_sha256 = BYTES_LITERAL("c");
    } else {
        v.prior_signed_voucher_request = BYTES_LITERAL("d");
        v.proximity_registrar_cert = BYTES_LITERAL("e");
        v.proximity_registrar_pubk = BYTES_LITERAL("f");
        v.proximity_registrar_pubk_sha256 = BYTES_LITERAL("g");
    }
    return v;
}

static void what_is_written_is_read_again(void **state)
{
    struct task *t = test_task(state);
    for (int kind = VOUCHER; kind <= VOUCHER_REQUEST; kind++) {
        struct voucher given = sample((enum voucher_kind)kind);
        struct voucher read = {.kind = VOUCHER};
        struct bytes once = BYTES_ABSENT;
        struct bytes twice = BYTES_ABSENT;
        assert_ok(t, voucher_to_json(t, &given, &once));
        assert_ok(t, voucher_from_json(t, once, 0, &read));
        assert_int_equal(read.kind, kind);
        assert_int_equal(read.created_on, given.created_on);
        assert_string_equal(read.nonce, given.nonce);
        assert_bytes_equal(t, read.idevid_issuer, given.idevid_issuer);
        assert_bytes_equal(t, read.proximity_registrar_cert, given.proximity_registrar_cert);
        assert_bytes_equal(t, read.pinned_domain_cert, given.pinned_domain_cert);
        assert_int_equal(read.unknown.count, 0);
        assert_ok(t, voucher_to_json(t, &read, &twice));
        assert_bytes_equal(t, twice, once);
    }
}

static void written_json_has_its_date_first_and_padded_standard_base64(void **state)
{
    struct task *t = test_task(state);
    const struct voucher v = {.kind = VOUCHER_REQUEST,
                              .assertion = "proximity",
                              .created_on = 1618350203787,
                              .serial_number = "1",
                              .idevid_issuer = BYTES_LITERAL("\xFB\xFF\xBF\xFB")};
    struct bytes json = BYTES_ABSENT;
    assert_ok(t, voucher_to_json(t, &v, &json));
    assert_string_equal(bytes_to_text(t->arena, json),
                        "{\"ietf-voucher-request:voucher\":{"
                        "\"created-on\":\"2021-04-13T21:43:23.787Z\","
                        "\"assertion\":\"proximity\",\"serial-number\":\"1\","
                        "\"idevid-issuer\":\"+/+/+w==\"}}");
}

static void constructed_examples_are_written_with_the_same_members(void **state)
{
    static const char *const files[] = {"derived/rvr_constructed.json",
                                        "derived/voucher_constructed.json"};
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        struct bytes published = vector_read(t, files[i]);
        struct voucher v = {.kind = VOUCHER};
        struct bytes ours = BYTES_ABSENT;
        json_t *a = NULL;
        json_t *b = NULL;
        assert_ok(t, voucher_from_json(t, published, 0, &v));
        assert_ok(t, voucher_to_json(t, &v, &ours));
        assert_ok(t, json_parse(t, published, &a));
        assert_ok(t, json_parse(t, ours, &b));
        assert_true(json_equal(a, b));
    }
}

static void what_the_modules_do_not_allow_is_not_written(void **state)
{
    struct task *t = test_task(state);
    struct voucher no_serial = sample(VOUCHER);
    struct voucher empty_serial = sample(VOUCHER);
    struct voucher odd_assertion = sample(VOUCHER);
    struct voucher control = sample(VOUCHER);
    struct voucher no_utf8 = sample(VOUCHER);
    struct voucher misplaced = sample(VOUCHER);
    no_serial.serial_number = NULL;
    empty_serial.serial_number = "";
    odd_assertion.assertion = "guessed";
    control.nonce = "a\nb";
    no_utf8.est_domain = "\xE4";
    misplaced.proximity_registrar_cert = BYTES_LITERAL("a");
    const struct voucher *wrong[] = {&no_serial, &empty_serial, &odd_assertion,
                                     &control,   &no_utf8,      &misplaced};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct bytes json = BYTES_LITERAL("unset");
        assert_fails(t, voucher_to_json(t, wrong[i], &json), E_INVALID);
        assert_bytes_equal(t, json, BYTES_LITERAL("unset"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(figures_with_elided_values_are_refused_for_them_alone),
        PKI_TEST(nonceless_voucher_has_its_dates_and_checks),
        PKI_TEST(payloads_of_other_forms_are_the_same_model),
        PKI_TEST(base64_is_read_as_peers_write_it),
        PKI_TEST(nonce_is_kept_as_it_stands),
        PKI_TEST(unknown_members_are_passed_over_and_named),
        PKI_TEST(members_of_requests_are_unknown_in_vouchers),
        PKI_TEST(every_member_is_read_into_its_own_field),
        PKI_TEST(absent_members_are_absent),
        PKI_TEST(malformed_json_is_refused),
        PKI_TEST(members_are_so_many_and_no_more),
        PKI_TEST(member_that_was_renamed_is_read_under_both_names),
        PKI_TEST(each_departure_is_read_only_where_it_is_allowed),
        PKI_TEST(request_in_a_vouchers_container_is_one_where_it_is_allowed),
        PKI_TEST(what_is_written_is_read_again),
        PKI_TEST(written_json_has_its_date_first_and_padded_standard_base64),
        PKI_TEST(constructed_examples_are_written_with_the_same_members),
        PKI_TEST(what_the_modules_do_not_allow_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

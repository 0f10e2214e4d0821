#include "tests/unit/pki_fixture.h"

#include "registrar/voucher/voucher.h"

#include <string.h>

static struct bytes hex(struct task *t, const char *text)
{
    struct bytes octets = BYTES_ABSENT;
    if (!bytes_from_hex(t->arena, text, &octets))
        fail_msg("%s is no hexadecimal", text);
    return octets;
}

static struct voucher read_hex(struct task *t, const char *text)
{
    struct voucher v = {.kind = VOUCHER};
    assert_ok(t, voucher_from_cbor(t, hex(t, text), 0, &v));
    return v;
}

/* The containers are SIDs 2451 and 2501. */
#define IN_VOUCHER(map) "a1190993" map
#define IN_REQUEST(map) "a11909c5" map

static void published_payloads_are_read(void **state)
{
    struct task *t = test_task(state);
    struct voucher v = {.kind = VOUCHER};
    if (!vectors_present())
        skip();
    assert_ok(t, voucher_from_cbor(t, vector_read(t, "cbrski/pvr-nonsigned.cbor"), 0, &v));
    assert_int_equal(v.kind, VOUCHER_REQUEST);
    assert_string_equal(v.assertion, "proximity");
    assert_string_equal(v.serial_number, "JADA123456789");
    assert_string_equal(v.nonce, "I7+7ycK88hM="); /* 23bfbbc9c2bcf213 */
    assert_int_equal(v.proximity_registrar_pubk.len, 91);
    assert_ok(t, voucher_from_cbor(t, vector_read(t, "cbrski/rvr-nonsigned.cbor"), 0, &v));
    assert_int_equal(v.created_on, 1670357055754);
    assert_int_equal(v.prior_signed_voucher_request.len, 201);
    assert_string_equal(bytes_to_base64(t->arena, v.idevid_issuer),
                        "BBgwFoAUy42YynTFG1jd56zvhpqUQ6jWZqY=");
    assert_ok(t, voucher_from_cbor(t, vector_read(t, "cbrski/voucher-nonsigned.cbor"), 0, &v));
    assert_int_equal(v.kind, VOUCHER);
    assert_true(v.has_revocation_checks);
    assert_false(v.domain_cert_revocation_checks);
    /* The pinned certificate is another one for the key of the domain CA that is printed. */
    const struct cert *pinned = NULL;
    assert_ok(t, cert_parse(t, v.pinned_domain_cert, &pinned));
    assert_bytes_equal(t, cert_spki(t, pinned),
                       cert_spki(t, vector_cert(t, "cbrski/domain_ca.cert.pem")));
    assert_int_equal(v.unknown.count, 0);
}

/* What is published and read is written to the same octets: keys ascend there too. */
static void published_payloads_are_written_again_octet_for_octet(void **state)
{
    static const char *const files[] = {"cbrski/pvr-nonsigned.cbor", "cbrski/rvr-nonsigned.cbor",
                                        "cbrski/voucher-nonsigned.cbor"};
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        struct bytes published = vector_read(t, files[i]);
        struct bytes ours = BYTES_ABSENT;
        struct voucher v = {.kind = VOUCHER};
        assert_ok(t, voucher_from_cbor(t, published, 0, &v));
        assert_ok(t, voucher_to_cbor(t, &v, &ours));
        assert_bytes_equal(t, ours, published);
    }
}

/* cBRSKI 15.2.2: differences, whole SIDs under tag 47, and names, in one map or each alone. */
static void keys_are_read_in_each_way(void **state)
{
    static const char *const same[] = {
        IN_REQUEST("a2"
                   "0102"
                   "0d6131"),
        IN_REQUEST("a2"
                   "d82f1909c602"
                   "d82f1909d26131"),
        IN_REQUEST("a2"
                   "69617373657274696f6e02"
                   "6d73657269616c2d6e756d6265726131"),
        IN_REQUEST("a2"
                   "0102"
                   "6d73657269616c2d6e756d6265726131"),
        IN_REQUEST("a2"
                   "69617373657274696f6e02"
                   "d82f1909d26131"),
        /* the container likewise */
        "a1d82f1909c5a201020d6131",
        "a1781c696574662d766f75636865722d726571756573743a766f7563686572a201020d6131",
        "a17820696574662d766f75636865722d726571756573742d70726d3a766f7563686572a201020d6131",
        /* not in the shortest form */
        "b900011a000009c5ba00000002180102180d6131",
    };
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
        struct voucher v = read_hex(t, same[i]);
        assert_int_equal(v.kind, VOUCHER_REQUEST);
        assert_string_equal(v.assertion, "proximity");
        assert_string_equal(v.serial_number, "1");
        assert_int_equal(v.unknown.count, 0);
    }
}

/* A voucher's keys are another table's. */
static void keys_are_those_of_the_container(void **state)
{
    struct task *t = test_task(state);
    struct voucher v = read_hex(t, IN_VOUCHER("a3"
                                              "0b6131"
                                              "0d6165"
                                              "0c6175"));
    assert_string_equal(v.serial_number, "1");
    assert_string_equal(v.est_domain, "e");
    assert_string_equal(v.additional_configuration_url, "u");
    /* 2501 + 9 is a request's alone, also as a whole SID in a voucher. */
    v = read_hex(t, IN_VOUCHER("a1d82f1909ce4100"));
    assert_false(bytes_present(v.prior_signed_voucher_request));
    assert_int_equal(v.unknown.count, 1);
    assert_string_equal(v.unknown.items[0].name, "SID 2510");
    assert_string_equal(v.unknown.items[0].value, "CBOR 4100");
}

static void every_member_is_read_into_its_own_field(void **state)
{
    struct task *t = test_task(state);
    struct voucher v = read_hex(
        t, IN_REQUEST("b8"
                      "17"                                                     /* 23 */
                      "0103"                                                   /* assertion */
                      "027818313937302d30312d30315430303a30303a30302e3030315a" /* created-on */
                      "03f5"                                                   /* checks */
                      "047818313937302d30312d30315430303a30303a30302e3030325a" /* expires-on */
                      "054101"                                                 /* idevid-issuer */
                      "067818313937302d30312d30315430303a30303a30302e3030335a" /* last-renewal */
                      "07480102030405060708"                                   /* nonce */
                      "084102"
                      "094105"
                      "0a4106"
                      "0b4108"
                      "0c4107"
                      "0d6173" /* serial-number */
                      "0e410a"
                      "0f82410b410c"
                      "104109" /* agent- */
                      "114103"
                      "12"
                      "4104" /* pinned-domain-pubk */
                      "136175"
                      "146165" /* URLs */
                      "1582"
                      "190bb8"
                      "6178"   /* extensions */
                      "16410d" /* proprietary */
                      "78186164646974696f6e616c2d636f6e66696775726174696f6e6163"));
    assert_string_equal(v.assertion, "agent-proximity");
    assert_int_equal(v.created_on, 1);
    assert_int_equal(v.expires_on, 2);
    assert_int_equal(v.last_renewal_date, 3);
    assert_string_equal(v.serial_number, "s");
    assert_string_equal(v.nonce, "AQIDBAUGBwg=");
    assert_bytes_equal(t, v.idevid_issuer, BYTES_LITERAL("\1"));
    assert_bytes_equal(t, v.pinned_domain_cert, BYTES_LITERAL("\2"));
    assert_bytes_equal(t, v.pinned_domain_pubk, BYTES_LITERAL("\3"));
    assert_bytes_equal(t, v.pinned_domain_pubk_sha256, BYTES_LITERAL("\4"));
    assert_true(v.domain_cert_revocation_checks);
    assert_bytes_equal(t, v.prior_signed_voucher_request, BYTES_LITERAL("\5"));
    assert_bytes_equal(t, v.proximity_registrar_cert, BYTES_LITERAL("\6"));
    assert_bytes_equal(t, v.proximity_registrar_pubk, BYTES_LITERAL("\7"));
    assert_bytes_equal(t, v.proximity_registrar_pubk_sha256, BYTES_LITERAL("\10"));
    assert_bytes_equal(t, v.agent_signed_data, BYTES_LITERAL("\11"));
    assert_bytes_equal(t, v.agent_provided_proximity_registrar_cert, BYTES_LITERAL("\12"));
    assert_int_equal(v.agent_sign_cert.count, 2);
    assert_bytes_equal(t, v.agent_sign_cert.items[1], BYTES_LITERAL("\14"));
    assert_bytes_equal(t, v.manufacturer_proprietary, BYTES_LITERAL("\15"));
    assert_string_equal(v.est_domain, "e");
    assert_string_equal(v.additional_configuration_url, "u");
    assert_string_equal(v.additional_configuration, "c");
    assert_int_equal(v.extensions.count, 2);
    assert_string_equal(v.extensions.items[0], "3000");
    assert_string_equal(v.extensions.items[1], "x");
    assert_int_equal(v.unknown.count, 0);
    /* and written as it was read: it was in order, and has no SID at the end */
    struct bytes ours = BYTES_ABSENT;
    struct voucher again = {.kind = VOUCHER};
    assert_ok(t, voucher_to_cbor(t, &v, &ours));
    assert_ok(t, voucher_from_cbor(t, ours, 0, &again));
    struct bytes twice = BYTES_ABSENT;
    assert_ok(t, voucher_to_cbor(t, &again, &twice));
    assert_bytes_equal(t, twice, ours);
    assert_string_equal(again.additional_configuration, "c");
}

/* RFC 8366bis 6, and its own example, which has 17 for extensions. */
static void unknown_keys_are_passed_over(void **state)
{
    struct task *t = test_task(state);
    struct voucher v = read_hex(t, IN_VOUCHER("a5"
                                              "0b6131"
                                              "118161"
                                              "78"
                                              "20f6"
                                              "d82f0a00"
                                              "6161a10102"));
    assert_string_equal(v.serial_number, "1");
    assert_int_equal(v.unknown.count, 4);
    assert_string_equal(v.unknown.items[0].name, "SID 2468");
    assert_string_equal(v.unknown.items[0].value, "CBOR 816178");
    assert_string_equal(v.unknown.items[1].name, "SID 2450"); /* 2451 - 1 */
    assert_string_equal(v.unknown.items[2].name, "SID 10");
    assert_string_equal(v.unknown.items[3].name, "a");
}

static void assertion_of_another_number_is_shown_as_it_is(void **state)
{
    struct task *t = test_task(state);
    assert_string_equal(read_hex(t, IN_VOUCHER("a10100")).assertion, "verified");
    assert_string_equal(read_hex(t, IN_VOUCHER("a10101")).assertion, "logged");
    assert_string_equal(read_hex(t, IN_VOUCHER("a10104")).assertion, "4");
}

static void malformed_cbor_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "a0",
        "80",
        "00",
        "a1190993",
        "a1190993a000",
        "a119099380",
        "a1190993bfff",
        "a119099400",
        "a1190995a0",
        "a200a0190993a0",
        "a2190993a01909c5a0",
        "a16161a0",
        "a1d82e190993a0",
        "a1d82f6161a0",
        "a1f6a0",
        "a139"
        "0993a0",
        /* a member twice, also in two ways of saying it */
        IN_REQUEST("a20d61310d6131"),
        IN_REQUEST("a20d6131d82f1909d26131"),
        IN_REQUEST("a20d61316d73657269616c2d6e756d6265726131"),
        /* wrong types */
        IN_REQUEST("a10d01"),
        IN_REQUEST("a10d4131"),
        IN_REQUEST("a10d60"),
        IN_REQUEST("a10d610a"),
        IN_REQUEST("a10d61ff"),
        IN_REQUEST("a10d6100"),
        IN_REQUEST("a1016970726f78696d697479"), /* an enumeration is a number */
        IN_REQUEST("a10120"),
        IN_REQUEST("a1021a00000000"),
        IN_REQUEST("a102c06161"),
        IN_REQUEST("a1026161"),
        IN_REQUEST("a10301"),
        IN_REQUEST("a10540"),
        IN_REQUEST("a1056141"),
        IN_REQUEST("a107470102030405"
                   "0607"),   /* 7 octets of nonce */
        IN_REQUEST("a1075821" /* 33 */
                   "000000000000000000000000000000000000000000000000000000000000000000"),
        IN_REQUEST("a1076c41514944424155474277673d"),
        IN_REQUEST("a10f80"),
        IN_REQUEST("a10f8100"),
        IN_REQUEST("a11500"),
        IN_REQUEST("a1158140"),
        /* keys */
        IN_REQUEST("a1f600"),
        IN_REQUEST("a1410100"),
        IN_REQUEST("a1d82f2000"),
        /* more than there is, and deeper than is followed */
        IN_REQUEST("bb00000001000000000000"),
        IN_REQUEST("ba7fffffff00"),
        IN_REQUEST("a118648181818181818181818181818181818181818181818100"),
    };
    struct task *t = test_task(state);
    struct voucher v = {.kind = VOUCHER, .nonce = "untouched"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        if (voucher_from_cbor(t, hex(t, wrong[i]), 0, &v))
            fail_msg("%s was read", wrong[i]);
        assert_ptr_equal(t->problem, E_VOUCHER_MALFORMED);
        task_forgive(t);
    }
    assert_string_equal(v.nonce, "untouched");
    const uint8_t *zeros = arena_alloc(t->arena, VOUCHER_SIZE_MAX + 1);
    assert_fails(t, voucher_from_cbor(t, bytes_make(zeros, VOUCHER_SIZE_MAX + 1), 0, &v),
                 E_VOUCHER_MALFORMED);
}

static void members_are_so_many_and_no_more(void **state)
{
    struct task *t = test_task(state);
    struct voucher v;
    for (int more = 0; more < 2; more++) {
        const char *text = arena_printf(t->arena, IN_REQUEST("b8%02x"), 64 + more);
        for (int i = 0; i < 64 + more; i++)
            text = arena_printf(t->arena, "%s19%04x00", text, 1000 + i);
        if (more == 0)
            assert_int_equal(read_hex(t, text).unknown.count, 64);
        else
            assert_fails(t, voucher_from_cbor(t, hex(t, text), 0, &v), E_VOUCHER_MALFORMED);
    }
}

static void date_alone_is_read_only_where_it_is_allowed(void **state)
{
    struct task *t = test_task(state);
    struct bytes cbor = hex(t, IN_REQUEST("a1026a323032342d30352d3031"));
    struct voucher v = {.kind = VOUCHER};
    assert_fails(t, voucher_from_cbor(t, cbor, 0, &v), E_VOUCHER_CREATED_ON_DATE);
    assert_ok(t, voucher_from_cbor(t, cbor, VOUCHER_CREATED_ON_DATE, &v));
    assert_int_equal(v.departures, VOUCHER_CREATED_ON_DATE);
    assert_int_equal(v.created_on, 1714521600000);
}

static void what_the_modules_do_not_allow_is_not_written(void **state)
{
    struct task *t = test_task(state);
    const struct voucher right = {.kind = VOUCHER, .serial_number = "1", .nonce = "AQIDBAUGBwg="};
    struct voucher wrong[5];
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        wrong[i] = right;
    wrong[0].serial_number = NULL;
    wrong[1].assertion = "guessed";
    wrong[2].proximity_registrar_cert = BYTES_LITERAL("a");
    wrong[3].nonce = "no base64 at all";
    wrong[4].nonce = "AQIDBAUGBw=="; /* seven octets */
    struct bytes cbor = BYTES_LITERAL("unset");
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_fails(t, voucher_to_cbor(t, &wrong[i], &cbor), E_INVALID);
    assert_bytes_equal(t, cbor, BYTES_LITERAL("unset"));
    assert_ok(t, voucher_to_cbor(t, &right, &cbor));
}

static void nonces_are_compared_by_what_they_stand_for(void **state)
{
    struct task *t = test_task(state);
    assert_true(nonce_same_octets(t, "-_XE9zK9q8Ll1qylMtLKeg", "+/XE9zK9q8Ll1qylMtLKeg=="));
    assert_true(nonce_same_octets(t, "AQIDBAUGBwg=", "AQIDBAUGBwg"));
    assert_false(nonce_same_octets(t, "AQIDBAUGBwg=", "AQIDBAUGBwk="));
    assert_false(nonce_same_octets(t, "", ""));
    assert_false(nonce_same_octets(t, "!", "!"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(published_payloads_are_read),
        PKI_TEST(published_payloads_are_written_again_octet_for_octet),
        PKI_TEST(keys_are_read_in_each_way),
        PKI_TEST(keys_are_those_of_the_container),
        PKI_TEST(every_member_is_read_into_its_own_field),
        PKI_TEST(unknown_keys_are_passed_over),
        PKI_TEST(assertion_of_another_number_is_shown_as_it_is),
        PKI_TEST(malformed_cbor_is_refused),
        PKI_TEST(members_are_so_many_and_no_more),
        PKI_TEST(date_alone_is_read_only_where_it_is_allowed),
        PKI_TEST(what_the_modules_do_not_allow_is_not_written),
        PKI_TEST(nonces_are_compared_by_what_they_stand_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

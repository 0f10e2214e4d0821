#include "tests/unit/pki_fixture.h"
#include "tests/unit/token_key.h"

#include "core/base/json.h"
#include "core/pki/jws.h"
#include "core/pki/signature.h"

#include <string.h>

#define TYPE    "voucher-jws+json"
#define CONTENT "{\"a\":1}"

static const enum key_kind kinds[] = {KEY_P256, KEY_P384, KEY_P521, KEY_RSA, KEY_ED25519};

static struct bytes signed_by(struct task *t, const struct identity *who)
{
    struct bytes octets = BYTES_ABSENT;
    struct cert_list certs = cert_list_of(t, 1, who->cert);
    assert_ok(t, jws_sign(t, BYTES_LITERAL(CONTENT), TYPE, who->key, &certs, &octets));
    return octets;
}

static struct jws opened(struct task *t, struct bytes octets)
{
    struct jws jws = {.count = 0};
    assert_ok(t, jws_open(t, octets, NULL, &jws));
    return jws;
}

static bool verifies(struct task *t, struct bytes octets)
{
    struct jws jws = opened(t, octets);
    const struct cert *signer = NULL;
    return jws_verify(t, &jws, 0, &signer);
}

/* A message that we would never write: any header, signed as `algorithm` says. */
static struct bytes forged(struct task *t, const struct identity *who, const char *header,
                           const char *algorithm)
{
    const char *protected = bytes_to_base64url(t->arena, bytes_of_text(header));
    const char *payload = bytes_to_base64url(t->arena, BYTES_LITERAL(CONTENT));
    const char *input = arena_printf(t->arena, "%s.%s", protected, payload);
    struct bytes signature = BYTES_LITERAL("x");
    if (algorithm != NULL)
        assert_ok(t, signature_make(t, signature_algorithm_named(algorithm), who->key,
                                    bytes_of_text(input), &signature));
    return bytes_of_text(arena_printf(t->arena,
                                      "{\"payload\":\"%s\",\"signatures\":[{\"protected\":\"%s\","
                                      "\"signature\":\"%s\"}]}",
                                      payload, protected, bytes_to_base64url(t->arena, signature)));
}

/* `more` goes into the header after alg and x5c. */
static struct bytes with_header(struct task *t, const struct identity *who, const char *algorithm,
                                const char *said, const char *more)
{
    return forged(t, who,
                  arena_printf(t->arena, "{\"alg\":\"%s\",\"x5c\":[\"%s\"]%s}", said,
                               bytes_to_base64(t->arena, who->cert->der), more),
                  algorithm);
}

static void published_messages_verify(void **state)
{
    static const struct {
        const char *file;
        size_t signatures;
    } messages[] = {
        {"jws/pvr.jws.json", 1},     {"jws/rvr.jws.json", 1},
        {"jws/voucher.jws.json", 1}, {"jws/rfc8366bis-A4-voucher.jws.json", 1},
        {"prm/pvr.jws.json", 1},     {"prm/rvr.jws.json", 1},
        {"prm/voucher.jws.json", 1}, {"prm/voucher-countersigned.jws.json", 2},
    };
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
        struct bytes octets = vector_read(t, messages[i].file);
        struct jws jws = opened(t, octets);
        const struct cert *signer = NULL;
        assert_int_equal(jws.count, messages[i].signatures);
        for (size_t at = 0; at < jws.count; at++) {
            assert_ok(t, jws_verify(t, &jws, at, &signer));
            assert_ptr_equal(signer, jws.signatures[at].certs.items[0]);
            assert_string_equal(jws.signatures[at].algorithm, "ES256");
        }
        json_t *payload = NULL;
        json_t *published = NULL;
        char *name = arena_strdup(t->arena, messages[i].file);
        strcpy(strstr(name, ".jws.json"), ""); /* NOLINT: a shorter text */
        assert_ok(t, json_parse(t, jws.payload, &payload));
        assert_ok(t, json_parse(t, vector_read(t, arena_printf(t->arena, "%s.payload.json", name)),
                                &published));
        assert_true(json_equal(payload, published));
    }
}

static void message_of_each_kind_of_key_verifies(void **state)
{
    static const char *const names[] = {"ES256", "ES384", "ES512", "RS256", "EdDSA"};
    static const size_t lengths[] = {64, 96, 132, 256, 64};
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct identity who = make_identity(t, kinds[i], "CN=signer", false, NULL);
        struct jws jws = opened(t, signed_by(t, &who));
        const struct cert *signer = NULL;
        assert_ok(t, jws_verify(t, &jws, 0, &signer));
        assert_bytes_equal(t, signer->der, who.cert->der);
        assert_bytes_equal(t, jws.payload, BYTES_LITERAL(CONTENT));
        assert_string_equal(jws.signatures[0].algorithm, names[i]);
        assert_string_equal(jws.signatures[0].type, TYPE);
        /* RFC 7518 3.4: r and s, not DER. */
        assert_int_equal(jws.signatures[0].signature.len, lengths[i]);
    }
}

static void key_that_is_a_handle_signs(void **state)
{
    struct task *t = test_task(state);
    static const enum key_kind in_tokens[] = {KEY_P256, KEY_P384, KEY_RSA};
    for (size_t i = 0; i < ARRAY_SIZE(in_tokens); i++) {
        unsigned signatures = 0;
        struct identity who = make_identity(t, in_tokens[i], "CN=signer", false, NULL);
        who.key = token_key_make(t, who.key, &signatures);
        assert_true(verifies(t, signed_by(t, &who)));
        assert_int_equal(signatures, 1);
    }
}

static void altered_message_does_not_verify(void **state)
{
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct identity who = make_identity(t, kinds[i], "CN=signer", false, NULL);
        struct bytes octets = signed_by(t, &who);
        struct jws jws = opened(t, octets);
        const struct cert *signer = NULL;
        struct jws other = jws;
        other.payload_text = BYTES_LITERAL("eyJhIjoyfQ");
        assert_fails(t, jws_verify(t, &other, 0, &signer), E_SIGNATURE);
        other = jws;
        other.signatures[0].protected = with_octet_changed(t, other.signatures[0].protected, 3);
        assert_fails(t, jws_verify(t, &other, 0, &signer), E_SIGNATURE);
        for (size_t at = 0; at < jws.signatures[0].signature.len; at += 13) {
            other = jws;
            other.signatures[0].signature = with_octet_changed(t, jws.signatures[0].signature, at);
            assert_fails(t, jws_verify(t, &other, 0, &signer), E_SIGNATURE);
        }
        assert_null(signer);
    }
}

static void signature_of_another_length_does_not_verify(void **state)
{
    struct task *t = test_task(state);
    struct identity who = make_device(t, "CN=signer", NULL);
    struct jws jws = opened(t, signed_by(t, &who));
    struct bytes right = jws.signatures[0].signature;
    const struct bytes longer[] = {right, BYTES_LITERAL("\0")};
    const struct cert *signer = NULL;
    jws.signatures[0].signature = bytes_make(right.data, right.len - 1);
    assert_fails(t, jws_verify(t, &jws, 0, &signer), E_SIGNATURE);
    jws.signatures[0].signature = bytes_concat(t->arena, longer, 2);
    assert_fails(t, jws_verify(t, &jws, 0, &signer), E_SIGNATURE);
    jws.signatures[0].signature = bytes_make(arena_alloc(t->arena, 64), 64);
    assert_fails(t, jws_verify(t, &jws, 0, &signer), E_SIGNATURE);
}

/* RFC 8725 3.1, RFC 7515 4.1.11. */
static void algorithm_and_extensions_are_those_that_are_known(void **state)
{
    struct task *t = test_task(state);
    struct identity ec = make_device(t, "CN=signer", NULL);
    struct identity rsa = make_identity(t, KEY_RSA, "CN=signer", false, NULL);
    assert_true(verifies(t, with_header(t, &ec, "ES256", "ES256", "")));
    assert_true(verifies(t, with_header(t, &ec, "ES256", "ES256", ",\"jku\":\"x\"")));
    const struct bytes wrong[] = {
        with_header(t, &ec, NULL, "none", ""),
        with_header(t, &ec, "ES256", "none", ""),
        with_header(t, &ec, "ES256", "NONE", ""),
        with_header(t, &ec, "ES256", "HS256", ""),
        with_header(t, &ec, "ES256", "ES384", ""),
        with_header(t, &ec, "ES256", "RS256", ""),
        with_header(t, &ec, "ES256", "es256", ""),
        with_header(t, &rsa, "RS256", "ES256", ""),
        with_header(t, &rsa, "RS256", "PS256", ""),
        with_header(t, &rsa, "RS256", "RS1", ""),
        with_header(t, &ec, "ES256", "ES256", ",\"crit\":[\"b64\"],\"b64\":false"),
        with_header(t, &ec, "ES256", "ES256", ",\"crit\":[\"x\"],\"x\":1"),
        /* the certificate is what says whose the signature is */
        forged(t, &ec, "{\"alg\":\"ES256\"}", "ES256"),
    };
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct jws jws = opened(t, wrong[i]);
        const struct cert *signer = NULL;
        assert_fails(t, jws_verify(t, &jws, 0, &signer), E_SIGNATURE);
    }
}

static void key_that_is_too_weak_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity weak = make_device(t, "CN=signer", NULL);
    EVP_PKEY *key = EVP_RSA_gen(1024);
    ARENA_DEFER(t->arena, EVP_PKEY_free, key);
    X509 *x509 = copy_to_spoil(t, weak.cert);
    assert_int_equal(X509_set_pubkey(x509, key), 1);
    assert_ok(t, cert_parse(t, sign_spoilt(x509, t, key, EVP_sha256()), &weak.cert));
    weak.key = key;
    struct jws jws = opened(t, signed_by(t, &weak));
    const struct cert *signer = NULL;
    assert_fails(t, jws_verify(t, &jws, 0, &signer), E_SIGNATURE);
    assert_detail(t, "too weak");
}

#define B64      "eyJhIjoxfQ"
#define HEADER   "eyJhbGciOiJFUzI1NiJ9" /* {"alg":"ES256"} */
#define ONE(sig) "{\"payload\":\"" B64 "\",\"signatures\":[" sig "]}"
#define SIG      "{\"protected\":\"" HEADER "\",\"signature\":\"AAAA\"}"

static void other_messages_are_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "x",
        "[]",
        "{}",
        HEADER "." B64 ".AAAA", /* compact */
        "{\"payload\":\"" B64 "\",\"protected\":\"" HEADER "\",\"signature\":\"AAAA\"}",
        /* flattened as well as general */
        "{\"payload\":\"" B64 "\",\"signature\":\"AAAA\",\"signatures\":[" SIG "]}",
        ONE(""),
        ONE(SIG "," SIG "," SIG),
        ONE("1"),
        "{\"payload\":\"" B64 "\",\"signatures\":{}}",
        "{\"signatures\":[" SIG "]}",                            /* detached */
        "{\"payload\":\"\",\"signatures\":[" SIG "]}",           /* the same */
        "{\"payload\":1,\"signatures\":[" SIG "]}",              /* no text */
        "{\"payload\":\"" B64 "==\",\"signatures\":[" SIG "]}",  /* padding */
        "{\"payload\":\"eyJh+joxfQ\",\"signatures\":[" SIG "]}", /* other alphabet */
        "{\"payload\":\"" B64 "\\n\",\"signatures\":[" SIG "]}", /* a line break */
        "{\"payload\":\"a\",\"signatures\":[" SIG "]}",          /* six bits */
        "{\"payload\":\"" B64 "\",\"payload\":\"" B64 "\",\"signatures\":[" SIG "]}",
        ONE("{\"protected\":\"" HEADER "\"}"),
        ONE("{\"signature\":\"AAAA\"}"),
        ONE("{\"protected\":\"" HEADER "\",\"signature\":\"\"}"),
        ONE("{\"protected\":\"\",\"signature\":\"AAAA\"}"),
        /* what nobody has signed */
        ONE("{\"protected\":\"" HEADER "\",\"header\":{},\"signature\":\"AAAA\"}"),
        ONE("{\"protected\":\"AAAA\",\"signature\":\"AAAA\"}"),
    };
    static const char *const headers[] = {
        "[]",
        "{}",
        "{\"alg\":1}",
        "{\"alg\":\"ES256\",\"alg\":\"ES256\"}",
        "{\"alg\":\"ES256\",\"typ\":1}",
        "{\"alg\":\"ES256\",\"crit\":[]}",
        "{\"alg\":\"ES256\",\"crit\":{}}",
        "{\"alg\":\"ES256\",\"crit\":[1]}",
        "{\"alg\":\"ES256\",\"x5c\":[]}",
        "{\"alg\":\"ES256\",\"x5c\":\"AAAA\"}",
        "{\"alg\":\"ES256\",\"x5c\":[1]}",
        "{\"alg\":\"ES256\",\"x5c\":[\"AAAA\"]}",
        "{\"alg\":\"ES256\",\"x\":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}",
    };
    struct task *t = test_task(state);
    struct jws jws = {.count = 77};
    assert_ok(t, jws_open(t, BYTES_LITERAL(ONE(SIG)), NULL, &jws));
    assert_ok(t, jws_open(t, BYTES_LITERAL(ONE(SIG "," SIG)), NULL, &jws));
    jws.count = 77;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_fails(t, jws_open(t, bytes_of_text(wrong[i]), NULL, &jws), E_JWS_MALFORMED);
    for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
        assert_fails(t, jws_open(t, forged(t, NULL, headers[i], NULL), NULL, &jws),
                     E_JWS_MALFORMED);
    assert_int_equal(jws.count, 77);
}

static void certificates_are_so_many_and_no_more(void **state)
{
    struct task *t = test_task(state);
    struct identity who = make_device(t, "CN=signer", NULL);
    const char *der = bytes_to_base64(t->arena, who.cert->der);
    const char *list = arena_printf(t->arena, "\"%s\"", der);
    struct jws jws;
    for (int i = 1; i < CERT_COUNT_MAX; i++)
        list = arena_printf(t->arena, "%s,\"%s\"", list, der);
    const char *header = arena_printf(t->arena, "{\"alg\":\"ES256\",\"x5c\":[%s]}", list);
    assert_ok(t, jws_open(t, forged(t, &who, header, "ES256"), NULL, &jws));
    assert_int_equal(jws.signatures[0].certs.count, CERT_COUNT_MAX);
    header = arena_printf(t->arena, "{\"alg\":\"ES256\",\"x5c\":[%s,\"%s\"]}", list, der);
    assert_fails(t, jws_open(t, forged(t, &who, header, "ES256"), NULL, &jws), E_JWS_MALFORMED);
}

static void truncated_message_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity who = make_device(t, "CN=signer", NULL);
    struct bytes octets = signed_by(t, &who);
    struct jws jws;
    for (size_t len = 0; len < octets.len; len++)
        assert_fails(t, jws_open(t, bytes_copy(t->arena, bytes_make(octets.data, len)), NULL, &jws),
                     E_JWS_MALFORMED);
}

/* Another implementation (jwcrypto) reads what we write. */
static void message_is_read_by_jwcrypto(void **state)
{
    static const char program[] =
        "import sys\n"
        "from cryptography import x509\n"
        "from jwcrypto import jwk, jws\n"
        "cert = x509.load_pem_x509_certificate(open(sys.argv[2], 'rb').read())\n"
        "token = jws.JWS()\n"
        "token.deserialize(open(sys.argv[1]).read())\n"
        "token.allowed_algs = ['ES256', 'ES384', 'ES512', 'RS256', 'EdDSA']\n"
        "token.verify(jwk.JWK.from_pyca(cert.public_key()))\n"
        "print(token.payload.decode(), token.jose_header[0]['typ'])\n";
    struct task *t = test_task(state);
    const char *script = put_file(state, "verify.py", bytes_of_text(program));
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const char *output;
        struct identity who = make_identity(t, kinds[i], "CN=signer", false, NULL);
        const char *file = put_file(state, "message", signed_by(t, &who));
        const char *cert = put_file(state, "cert.pem", bytes_of_text(cert_to_pem(t, who.cert)));
        int status = RUN(state, &output, "/usr/bin/python3", script, file, cert);
        if (strstr(output, "No module named") != NULL)
            skip();
        if (status != 0)
            fail_msg("%s", output);
        assert_string_equal(output, CONTENT " " TYPE "\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(published_messages_verify),
        PKI_TEST(message_of_each_kind_of_key_verifies),
        PKI_TEST(key_that_is_a_handle_signs),
        PKI_TEST(altered_message_does_not_verify),
        PKI_TEST(signature_of_another_length_does_not_verify),
        PKI_TEST(algorithm_and_extensions_are_those_that_are_known),
        PKI_TEST(key_that_is_too_weak_is_refused),
        PKI_TEST(other_messages_are_refused),
        PKI_TEST(certificates_are_so_many_and_no_more),
        PKI_TEST(truncated_message_is_refused),
        PKI_TEST(message_is_read_by_jwcrypto),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

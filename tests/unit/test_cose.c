#include "tests/unit/pki_fixture.h"
#include "tests/unit/token_key.h"

#include "core/base/cbor.h"
#include "core/pki/cose.h"
#include "core/pki/signature.h"

#include <string.h>

#define PAYLOAD "\xA1\x01\x02"

static const enum key_kind kinds[] = {KEY_P256, KEY_P384, KEY_P521, KEY_ED25519};

static struct bytes hex(struct task *t, const char *text)
{
    struct bytes octets = BYTES_ABSENT;
    if (!bytes_from_hex(t->arena, text, &octets))
        fail_msg("%s is no hexadecimal", text);
    return octets;
}

static struct cert_list only(struct task *t, const struct identity *who)
{
    return cert_list_of(t, 1, who->cert);
}

static struct bytes signed_by(struct task *t, const struct identity *who,
                              const struct cert_list *certs)
{
    struct bytes octets = BYTES_ABSENT;
    assert_ok(t, cose_sign(t, BYTES_LITERAL(PAYLOAD), who->key, certs, &octets));
    return octets;
}

static struct cose opened(struct task *t, struct bytes octets)
{
    struct cose cose = {.algorithm = 0};
    assert_ok(t, cose_open(t, octets, &cose));
    return cose;
}

/*
 * A message that we would never write: with these header maps (`protected` and `unprotected` in
 * hexadecimal), signed as RFC 9052 4.4 says with ES256.
 */
static struct bytes forged(struct task *t, const struct identity *who, const char *protected,
                           const char *unprotected)
{
    struct bytes header = hex(t, protected);
    struct bytes signature = BYTES_ABSENT;
    struct cbor_writer w = cbor_writer_make(t->arena);
    cbor_write_array(&w, 4);
    cbor_write_text(&w, "Signature1");
    cbor_write_octets(&w, header);
    cbor_write_octets(&w, BYTES_LITERAL(""));
    cbor_write_octets(&w, BYTES_LITERAL(PAYLOAD));
    assert_ok(t, signature_make(t, signature_algorithm_named("ES256"), who->key, cbor_written(&w),
                                &signature));
    w = cbor_writer_make(t->arena);
    cbor_write_tag(&w, 18);
    cbor_write_array(&w, 4);
    cbor_write_octets(&w, header);
    cbor_write_raw(&w, hex(t, unprotected));
    cbor_write_octets(&w, BYTES_LITERAL(PAYLOAD));
    cbor_write_octets(&w, signature);
    return cbor_written(&w);
}

static void published_messages_verify(void **state)
{
    static const struct {
        const char *file;
        const char *signer;
        size_t certs;
    } messages[] = {
        {"cbrski/pvr.cbor", "cbrski/pledge.cert.pem", 0},
        {"cbrski/rvr.cbor", "cbrski/registrar.cert.pem", 2},
        {"cbrski/voucher.cbor", "cbrski/masa_ca.cert.pem", 0},
        {"cbrski/voucher-with-unprotected-x5bag.cbor", "cbrski/masa_ca.cert.pem", 1},
    };
    struct task *t = test_task(state);
    if (!vectors_present())
        skip();
    for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
        struct cose cose = opened(t, vector_read(t, messages[i].file));
        const struct cert *cert = vector_cert(t, messages[i].signer);
        const struct cert_list candidates = {&cert, 1};
        const struct cert *signer = NULL;
        assert_ok(t, cose_verify(t, &cose, &candidates, &signer));
        assert_ptr_equal(signer, cert);
        assert_int_equal(cose.algorithm, -7);
        assert_true(cose.tagged);
        assert_int_equal(cose.certs.count, messages[i].certs);
        assert_int_equal(cose.protected_certs, 0);
    }
}

static void published_voucher_without_its_bag_is_the_other_published_voucher(void **state)
{
    struct task *t = test_task(state);
    struct bytes stripped = BYTES_ABSENT;
    if (!vectors_present())
        skip();
    assert_ok(t, cose_without_certs(t, vector_read(t, "cbrski/voucher-with-unprotected-x5bag.cbor"),
                                    &stripped));
    assert_bytes_equal(t, stripped, vector_read(t, "cbrski/voucher.cbor"));
}

static void message_of_each_kind_of_key_verifies(void **state)
{
    static const int numbers[] = {-7, -35, -36, -8};
    static const size_t lengths[] = {64, 96, 132, 64};
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct identity who = make_identity(t, kinds[i], "CN=signer", false, NULL);
        struct cert_list candidates = only(t, &who);
        struct cose cose = opened(t, signed_by(t, &who, &candidates));
        const struct cert *signer = NULL;
        assert_ok(t, cose_verify(t, &cose, &candidates, &signer));
        assert_int_equal(cose.algorithm, numbers[i]);
        assert_int_equal(cose.signature.len, lengths[i]);
        assert_bytes_equal(t, cose.payload, BYTES_LITERAL(PAYLOAD));
        assert_int_equal(cose.certs.count, 1);
        assert_bytes_equal(t, cose.certs.items[0], who.cert->der);
    }
    struct identity rsa = make_identity(t, KEY_RSA, "CN=signer", false, NULL);
    struct bytes octets = BYTES_ABSENT;
    assert_fails(
        t, cose_sign(t, BYTES_LITERAL(PAYLOAD), rsa.key, &(struct cert_list){NULL, 0}, &octets),
        E_INVALID);
}

static void key_that_is_a_handle_signs(void **state)
{
    struct task *t = test_task(state);
    unsigned signatures = 0;
    struct identity who = make_device(t, "CN=signer", NULL);
    struct cert_list candidates = only(t, &who);
    const struct cert *signer = NULL;
    who.key = token_key_make(t, who.key, &signatures);
    struct cose cose = opened(t, signed_by(t, &who, &candidates));
    assert_ok(t, cose_verify(t, &cose, &candidates, &signer));
    assert_int_equal(signatures, 1);
}

/* cBRSKI 9.2: one certificate stands alone, more are in an array, and none says who signed. */
static void signer_is_found_among_many(void **state)
{
    struct task *t = test_task(state);
    struct identity ca = make_ca(t, "CN=ca", NULL);
    struct identity rsa = make_identity(t, KEY_RSA, "CN=other", false, NULL);
    struct identity who = make_device(t, "CN=signer", &ca);
    struct cert_list all = cert_list_of(t, 3, ca.cert, rsa.cert, who.cert);
    struct cose cose = opened(t, signed_by(t, &who, &all));
    const struct cert *signer = NULL;
    assert_int_equal(cose.certs.count, 3);
    assert_ok(t, cose_verify(t, &cose, &all, &signer));
    assert_ptr_equal(signer, who.cert);
    struct cert_list others = cert_list_of(t, 2, ca.cert, rsa.cert);
    signer = NULL;
    assert_fails(t, cose_verify(t, &cose, &others, &signer), E_SIGNATURE);
    others.count = 0;
    assert_fails(t, cose_verify(t, &cose, &others, &signer), E_SIGNATURE);
    assert_null(signer);
}

static void altered_message_does_not_verify(void **state)
{
    struct task *t = test_task(state);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct identity who = make_identity(t, kinds[i], "CN=signer", false, NULL);
        struct cert_list candidates = only(t, &who);
        struct cose cose = opened(t, signed_by(t, &who, &candidates));
        const struct cert *signer = NULL;
        struct cose other = cose;
        other.payload = BYTES_LITERAL("\xA1\x01\x03");
        assert_fails(t, cose_verify(t, &other, &candidates, &signer), E_SIGNATURE);
        other = cose;
        other.protected = BYTES_LITERAL("\xA1\x01\x27\x00");
        assert_fails(t, cose_verify(t, &other, &candidates, &signer), E_SIGNATURE);
        for (size_t at = 0; at < cose.signature.len; at += 13) {
            other = cose;
            other.signature = with_octet_changed(t, cose.signature, at);
            assert_fails(t, cose_verify(t, &other, &candidates, &signer), E_SIGNATURE);
        }
        other = cose;
        other.signature.len--;
        assert_fails(t, cose_verify(t, &other, &candidates, &signer), E_SIGNATURE);
        assert_null(signer);
    }
}

#define ES256 "a10126"

static void algorithm_is_protected_known_and_that_of_the_key(void **state)
{
    static const struct {
        const char *protected;
        const char *unprotected;
        bool verifies;
    } rows[] = {
        {ES256, "a0", true},
        {ES256, "a1054100", true},    /* a parameter that is not looked at */
        {"a201260441aa", "a0", true}, /* kid */
        {"a201266161f6", "a0", true}, /* a label that is a text */
        {"a20126028101", "a0", true}, /* crit, with what is understood */
        {"a3012602811820182041aa", "a0", true},
        {"", "a0", false}, /* nothing is protected */
        {"a0", "a0", false},
        {"a0", "a10126", false},           /* outside of the signature */
        {"a1013822", "a0", false},         /* ES384 with a key on P-256 */
        {"a10127", "a0", false},           /* EdDSA likewise */
        {"a1013900ff", "a0", false},       /* RS1 and others */
        {"a10105", "a0", false},           /* HMAC */
        {"a10100", "a0", false},           /* reserved */
        {"a101654553323536", "a0", false}, /* a name where the number belongs */
        {"a20126028105", "a0", false},     /* crit, with what is not */
        {"a2012602816161", "a0", false},
    };
    struct task *t = test_task(state);
    struct identity who = make_device(t, "CN=signer", NULL);
    struct cert_list candidates = only(t, &who);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct cert *signer = NULL;
        struct cose cose = opened(t, forged(t, &who, rows[i].protected, rows[i].unprotected));
        if (cose_verify(t, &cose, &candidates, &signer) != rows[i].verifies)
            fail_msg("%s %s", rows[i].protected, rows[i].unprotected);
        if (!rows[i].verifies)
            assert_ptr_equal(t->problem, E_SIGNATURE);
        task_forgive(t);
    }
}

static void other_messages_are_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "00",
        "d2",
        "d180", /* COSE_Mac0's tag is 17 */
        "d18443a10126a041004100",
        "d8628443a10126a041004100", /* COSE_Sign's is 98 */
        "d2d28443a10126a041004100", /* twice */
        "d28343a10126a04100",       /* three members */
        "d28543a10126a04100410000", /* five */
        "d29f43a10126a041004100ff", /* of indefinite length */
        "d28443a10126bfff41004100",
        "d2845f43a10126ffa041004100",
        "d28443a10126a0f64100", /* detached */
        "d28443a10126a0610041"
        "00", /* the payload is a text */
        "d28443a10126a04100"
        "6100",                 /* the signature is one */
        "d284a10126a041004100", /* the protected header is no byte string */
        "d28443a10126804100"
        "4100",                       /* the unprotected one is no map */
        "d28443820126a041004100",     /* the protected one is none */
        "d28444a1012600a041004100",   /* something behind it */
        "d28443a10126a04100410000",   /* something behind it all */
        "d28445a201260126a041004100", /* a label twice */
        "d28443a10126a1012641004100", /* a label in both maps */
        "d28443a10126a26161006161004100"
        "4100",
        "d28444a1f60026a041004100", /* a label that is none */
        "d28449a11bffffffffffffffff00a041004100",
        "d28443a10126a1182080"
        "41004100",                     /* no certificate in the array */
        "d28443a10126a118200041004100", /* a number */
        "d28443a10126a11820810041004100",
        "d28443a10126a1028101"
        "41004100", /* crit outside of the signature */
        "d28444a1028026a041004100",
        "d28444a1028000a041004100",
        "d28444a1020000a041004100",
        "d28443a10126a1040041004100",     /* kid is no byte string */
        "d28443a10126ba7fffffff41004100", /* a map of two thousand million pairs */
        "d28443a10126bb7fffffffffffffff",
        "d28443a101265b7fffffffffffffff",
        "9b7fffffffffffffff",
    };
    struct task *t = test_task(state);
    struct cose cose = {.algorithm = 77};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        if (cose_open(t, hex(t, wrong[i]), &cose))
            fail_msg("%s was read", wrong[i]);
        assert_ptr_equal(t->problem, E_COSE_MALFORMED);
        task_forgive(t);
    }
    assert_int_equal(cose.algorithm, 77);
}

/* Where there is no tag, the caller is told. */
static void missing_tag_is_told(void **state)
{
    struct task *t = test_task(state);
    assert_true(opened(t, hex(t, "d28443a10126a041004100")).tagged);
    assert_false(opened(t, hex(t, "8443a10126a041004100")).tagged);
}

static void limits_hold(void **state)
{
    struct task *t = test_task(state);
    struct identity who = make_device(t, "CN=signer", NULL);
    struct cose cose;
    /* Parameters of both headers together. */
    for (int more = 0; more < 2; more++) {
        struct cbor_writer w = cbor_writer_make(t->arena);
        cbor_write_map(&w, COSE_PARAMETERS_MAX - 1 + (size_t)more);
        for (int i = 0; i < COSE_PARAMETERS_MAX - 1 + more; i++) {
            cbor_write_uint(&w, 1000 + (uint64_t)i);
            cbor_write_null(&w);
        }
        struct bytes octets = forged(t, &who, ES256, bytes_to_hex(t->arena, cbor_written(&w)));
        if (more == 0)
            assert_ok(t, cose_open(t, octets, &cose));
        else
            assert_fails(t, cose_open(t, octets, &cose), E_COSE_MALFORMED);
    }
    /* Certificates. */
    for (int more = 0; more < 2; more++) {
        struct cbor_writer w = cbor_writer_make(t->arena);
        cbor_write_map(&w, 2);
        cbor_write_uint(&w, 32);
        cbor_write_octets(&w, BYTES_LITERAL("x"));
        cbor_write_uint(&w, 33);
        cbor_write_array(&w, CERT_COUNT_MAX - 1 + (size_t)more);
        for (int i = 0; i < CERT_COUNT_MAX - 1 + more; i++)
            cbor_write_octets(&w, BYTES_LITERAL("x"));
        struct bytes octets = forged(t, &who, ES256, bytes_to_hex(t->arena, cbor_written(&w)));
        if (more == 0)
            assert_ok(t, cose_open(t, octets, &cose));
        else
            assert_fails(t, cose_open(t, octets, &cose), E_COSE_MALFORMED);
    }
    /* Depth, in what is passed over. */
    const char *deep = "a11864";
    for (int i = 0; i < 30; i++)
        deep = arena_printf(t->arena, "%s81", deep);
    deep = arena_printf(t->arena, "%s00", deep);
    assert_fails(t, cose_open(t, forged(t, &who, ES256, deep), &cose), E_COSE_MALFORMED);
    assert_detail(t, "deeper");
}

/* cBRSKI 6.8: what is not under the signature goes, and nothing else; the signature still fits. */
static void certificates_outside_of_the_signature_are_taken_out(void **state)
{
    static const struct {
        const char *before;
        const char *after;
    } rows[] = {
        {"a0", "a0"},
        {"b800", "b800"}, /* nothing to take out: octet for octet */
        {"a1182041aa", "a0"},
        {"a118208241aa41bb", "a0"},
        {"a2182041aa182141bb", "a0"},
        {"a30441cc182041aa182141bb", "a10441cc"},
        {"a3182041aa0441cc6161f6", "a20441cc6161f6"},
        {"b8021820411805"
         "00",
         "a10500"},
        {"a1182250000102030405060708090a0b0c0d0e0f",
         "a1182250000102030405060708090a0b0c0d0e0f"}, /* x5t is none */
    };
    struct task *t = test_task(state);
    struct identity who = make_device(t, "CN=signer", NULL);
    struct cert_list candidates = only(t, &who);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        /* One under the signature stays. */
        struct bytes octets = forged(t, &who, "a2012618234100", rows[i].before);
        struct bytes left = BYTES_ABSENT;
        const struct cert *signer = NULL;
        assert_ok(t, cose_without_certs(t, octets, &left));
        size_t before = 3 + 7; /* tag, array, head of the protected header; itself */
        struct bytes wanted = hex(t, rows[i].after);
        size_t removed = strlen(rows[i].before) / 2 - wanted.len;
        assert_int_equal(left.len, octets.len - removed);
        assert_memory_equal(left.data, octets.data, before);
        assert_memory_equal(left.data + before, wanted.data, wanted.len);
        struct cose cose = opened(t, left);
        assert_int_equal(cose.certs.count, 0);
        assert_ok(t, cose_verify(t, &cose, &candidates, &signer));
    }
    /* Certificates in the protected header stay. */
    struct bytes octets = forged(t, &who, "a2012618204100", "a118214100");
    struct bytes left = BYTES_ABSENT;
    assert_ok(t, cose_without_certs(t, octets, &left));
    struct cose cose = opened(t, left);
    assert_int_equal(cose.certs.count, 1);
    assert_int_equal(cose.protected_certs, 1);
}

static void truncated_message_is_refused(void **state)
{
    struct task *t = test_task(state);
    struct identity who = make_device(t, "CN=signer", NULL);
    struct cert_list certs = only(t, &who);
    struct bytes octets = signed_by(t, &who, &certs);
    for (size_t len = 0; len < octets.len; len++) {
        struct cose cose;
        struct bytes left = BYTES_ABSENT;
        struct bytes prefix = bytes_copy(t->arena, bytes_make(octets.data, len));
        assert_fails(t, cose_open(t, prefix, &cose), E_COSE_MALFORMED);
        if (cose_without_certs(t, prefix, &left)) /* what is behind the header is not read */
            assert_true(left.len <= len);
    }
}

/* Others (cbor2 and cryptography) read what we write. */
static void message_is_read_by_cbor2_and_cryptography(void **state)
{
    static const char program[] =
        "import sys, cbor2\n"
        "from cryptography import x509\n"
        "from cryptography.hazmat.primitives import hashes\n"
        "from cryptography.hazmat.primitives.asymmetric import ec, utils\n"
        "key = x509.load_pem_x509_certificate(open(sys.argv[2], 'rb').read()).public_key()\n"
        "message = cbor2.loads(open(sys.argv[1], 'rb').read())\n"
        "protected, unprotected, payload, signature = message.value\n"
        "tbs = cbor2.dumps(['Signature1', protected, b'', payload])\n"
        "alg = cbor2.loads(protected)[1]\n"
        "if alg == -8:\n"
        "    key.verify(signature, tbs)\n"
        "else:\n"
        "    half = len(signature) // 2\n"
        "    r, s = (int.from_bytes(part, 'big') for part in (signature[:half], "
        "signature[half:]))\n"
        "    hash_ = {-7: hashes.SHA256, -35: hashes.SHA384, -36: hashes.SHA512}[alg]()\n"
        "    key.verify(utils.encode_dss_signature(r, s), tbs, ec.ECDSA(hash_))\n"
        "print(message.tag, payload.hex(), len(unprotected[32]))\n";
    struct task *t = test_task(state);
    const char *script = put_file(state, "verify.py", bytes_of_text(program));
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const char *output;
        struct identity who = make_identity(t, kinds[i], "CN=signer", false, NULL);
        struct cert_list certs = cert_list_of(t, 2, who.cert, who.cert);
        const char *file = put_file(state, "message", signed_by(t, &who, &certs));
        const char *cert = put_file(state, "cert.pem", bytes_of_text(cert_to_pem(t, who.cert)));
        int status = RUN(state, &output, "/usr/bin/python3", script, file, cert);
        if (strstr(output, "No module named") != NULL)
            skip();
        assert_int_equal(status, 0);
        assert_string_equal(output, "18 a10102 2\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PKI_TEST(published_messages_verify),
        PKI_TEST(published_voucher_without_its_bag_is_the_other_published_voucher),
        PKI_TEST(message_of_each_kind_of_key_verifies),
        PKI_TEST(key_that_is_a_handle_signs),
        PKI_TEST(signer_is_found_among_many),
        PKI_TEST(altered_message_does_not_verify),
        PKI_TEST(algorithm_is_protected_known_and_that_of_the_key),
        PKI_TEST(other_messages_are_refused),
        PKI_TEST(missing_tag_is_told),
        PKI_TEST(limits_hold),
        PKI_TEST(certificates_outside_of_the_signature_are_taken_out),
        PKI_TEST(truncated_message_is_refused),
        PKI_TEST(message_is_read_by_cbor2_and_cryptography),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

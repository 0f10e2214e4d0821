/*
 * pki_seeds FOLDER: makes the seeds of the fuzz targets for PKI objects anew, in FOLDER/<target>/.
 * Keys and serial numbers are random, so that every run gives others.
 */
#include "core/base/file.h"
#include "core/pki/cmc.h"
#include "core/pki/cms.h"
#include "core/pki/library.h"
#include "core/pki/csrattrs.h"
#include "core/pki/issue.h"
#include "core/pki/jws.h"
#include "registrar/voucher/voucher.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/crmf.h>

#define FROM 1577836800000LL   /* 2020-01-01T00:00:00Z */
#define TO   253402300799000LL /* 9999-12-31T23:59:59Z */

struct seeds {
    const char *folder;
    const struct cert *ca;
    EVP_PKEY *ca_key;
    const struct cert *device;
    EVP_PKEY *device_key;
};

static bool put(struct task *t, const struct seeds *s, const char *target, const char *name,
                struct bytes seed)
{
    const char *folder = arena_printf(t->arena, "%s/%s", s->folder, target);
    TRY(folder_make(t, folder, 0755));
    return file_write(t, arena_printf(t->arena, "%s/%s", folder, name), seed, 0644);
}

static bool device_extensions(struct task *t, struct extension_list *ret)
{
    static const char *const names[] = {"a.example", "b.example"};
    static const char *const usages[] = {"digitalSignature"};
    static const char *const purposes[] = {"clientAuth", "cmcRA"};
    struct extension *items = arena_array(t->arena, 4, sizeof(*items));
    items[0] = (struct extension){.oid = OID_CE_SUBJECT_ALT_NAME};
    items[1] = (struct extension){.oid = OID_CE_KEY_USAGE, .critical = true};
    items[2] = (struct extension){.oid = OID_CE_EXT_KEY_USAGE};
    items[3] = (struct extension){.oid = OID_PE_MASA_URL,
                                  .value = BYTES_LITERAL("\x16\x10"
                                                         "masa.example.com")};
    TRY(extension_dns_names(t, &(struct text_list){(const char **)names, 2}, &items[0].value));
    TRY(extension_key_usage(t, &(struct text_list){(const char **)usages, 1}, &items[1].value));
    TRY(extension_ext_key_usage(t, &(struct text_list){(const char **)purposes, 2},
                                &items[2].value));
    *ret = (struct extension_list){items, 4};
    return true;
}

static bool put_certs(struct task *t, struct seeds *s)
{
    struct issue ca = {.not_before = FROM, .not_after = TO, .ca = true, .path_length = 1};
    struct issue device = {.not_before = FROM, .not_after = TO, .path_length = -1};
    TRY(key_generate(t, KEY_P256, 0, &s->ca_key));
    TRY(key_generate(t, KEY_P256, 0, &s->device_key));
    TRY(name_from_text(t, "CN=ca,O=maker", &ca.subject));
    TRY(name_from_text(t, "CN=a+serialNumber=1,2.5.4.12=title,O=maker", &device.subject));
    ca.key = ca.issuer_key = s->ca_key;
    TRY(issue_certificate(t, &ca, &s->ca));
    device.key = s->device_key;
    device.issuer = s->ca;
    device.issuer_key = s->ca_key;
    TRY(device_extensions(t, &device.extensions));
    TRY(issue_certificate(t, &device, &s->device));
    TRY(put(t, s, "cert", "ca", s->ca->der));
    TRY(put(t, s, "cert", "device", s->device->der));
    return put(t, s, "cert", "pem", bytes_of_text(cert_to_pem(t, s->ca)));
}

static bool put_cms(struct task *t, const struct seeds *s)
{
    struct bytes seed;
    const struct cert *both[] = {s->device, s->ca};
    const struct voucher voucher = {.kind = VOUCHER, .serial_number = "1", .nonce = "n"};
    const struct voucher_signer signer = {s->device, s->device_key, {both, 1}};
    TRY(voucher_form_cms.seal(t, &voucher, &signer, &seed));
    TRY(put(t, s, "cms", "voucher", seed));
    TRY(cms_sign(t, BYTES_LITERAL("x"), OID_DATA, s->device, s->device_key, NULL, &seed));
    TRY(put(t, s, "cms", "without-certificates", seed));
    TRY(cms_certs_only(t, &(struct cert_list){both, 2}, &seed));
    return put(t, s, "cms", "certs-only", seed);
}

/* Gaps of every kind, and a value of every kind. */
static bool put_template(struct task *t, const struct seeds *s)
{
    struct name_attribute names[] = {
        {OID_AT_SERIAL_NUMBER, BYTES_ABSENT},
        {"2.5.4.11", BYTES_LITERAL("\x0C\x04unit")},
    };
    struct name_rdn rdns[] = {{&names[0], 1}, {names, 2}};
    struct extension extensions[] = {
        {OID_CE_SUBJECT_ALT_NAME, false, BYTES_LITERAL("\x30\x06\x87\x00\xA4\x02\x30\x00")},
        {OID_CE_KEY_USAGE, true, BYTES_ABSENT},
        {OID_CE_EXT_KEY_USAGE, false, BYTES_ABSENT},
        {OID_CE_SUBJECT_KEY_ID, false, BYTES_ABSENT},
    };
    struct csr_attribute attribute = {OID_CHALLENGE_PASSWORD, BYTES_LITERAL("\x31\x03\x0C\x01x")};
    const struct csr_template gaps = {.has_subject = true,
                                      .rdns = rdns,
                                      .rdn_count = 2,
                                      .has_key = true,
                                      .key = KEY_RSA,
                                      .rsa_bits = 2048,
                                      .extensions = {extensions, 4},
                                      .attributes = &attribute,
                                      .attribute_count = 1};
    const struct csr_template plain = {
        .has_key = true, .key = KEY_P384, .extensions = {extensions, 1}};
    const struct csrattrs attrs[] = {
        {.template = &gaps},
        {.template = &plain, .key = KEY_P256, .signature_oid = OID_ECDSA_SHA384},
    };
    struct bytes seed;
    TRY(csrattrs_encode(t, &attrs[0], &seed));
    TRY(put(t, s, "csrattrs", "template", seed));
    TRY(csrattrs_encode(t, &attrs[1], &seed));
    return put(t, s, "csrattrs", "both", seed);
}

/* The same voucher and request in the forms that BRSKI has besides CMS. */
static bool put_forms(struct task *t, const struct seeds *s)
{
    static const struct {
        const char *target;
        const struct voucher_form *form;
    } forms[] = {{"jws", &voucher_form_jws}, {"cose", &voucher_form_cose}};
    struct bytes seed;
    const struct cert *both[] = {s->device, s->ca};
    const struct voucher voucher = {.kind = VOUCHER,
                                    .assertion = "logged",
                                    .created_on = FROM,
                                    .serial_number = "1",
                                    .nonce = "AQIDBAUGBwg=",
                                    .pinned_domain_cert = BYTES_LITERAL("cert")};
    const struct voucher request = {.kind = VOUCHER_REQUEST,
                                    .assertion = "proximity",
                                    .serial_number = "1",
                                    .nonce = "AQIDBAUGBwg=",
                                    .additional_configuration = "a",
                                    .prior_signed_voucher_request = BYTES_LITERAL("prior")};
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        const struct voucher_signer alone = {s->device, s->device_key, {both, 1}};
        const struct voucher_signer with_ca = {s->device, s->device_key, {both, 2}};
        TRY(forms[i].form->seal(t, &voucher, &alone, &seed));
        TRY(put(t, s, forms[i].target, "voucher", seed));
        TRY(forms[i].form->seal(t, &request, &with_ca, &seed));
        TRY(put(t, s, forms[i].target, "request", seed));
        TRY(put(t, s, "inspect", arena_printf(t->arena, "request.%s", forms[i].target), seed));
    }
    TRY(voucher_to_cbor(t, &voucher, &seed));
    TRY(put(t, s, "voucher_cbor", "voucher", seed));
    TRY(voucher_to_cbor(t, &request, &seed));
    TRY(put(t, s, "voucher_cbor", "request", seed));
    return put(t, s, "voucher_cbor", "names",
               BYTES_LITERAL("\xA1\xD8\x2F\x19\x09\xC5\xA3\x65nonceH12345678"
                             "\xD8\x2F\x19\x09\xD2\x61\x31\x18\x64\x80"));
}

/* A status report that the device has signed. */
static bool put_report(struct task *t, const struct seeds *s)
{
    struct bytes seed;
    const struct cert_list certs = {&s->device, 1};
    TRY(jws_sign(t, BYTES_LITERAL("{\"version\":1,\"status\":false,\"reason\":\"no\"}"), "JOSE",
                 s->device_key, &certs, &seed));
    return put(t, s, "status_report", "jose", seed);
}

/* Requests that come near to what fuzz_asking.c asks for. */
static bool put_asked(struct task *t, const struct seeds *s)
{
    struct extension items[] = {
        /* a.example, b.example, 192.0.2.7, and the subject below */
        {OID_CE_SUBJECT_ALT_NAME, false,
         BYTES_LITERAL("\x30\x4D\x82\x09"
                       "a.example"
                       "\x82\x09"
                       "b.example"
                       "\x87\x04\xC0\x00\x02\x07"
                       "\xA4\x2F\x30\x2D\x31\x0E\x30\x0C\x06\x03\x55\x04\x0A\x0C\x05maker"
                       "\x31\x0F\x30\x0D\x06\x03\x55\x04\x07\x0C\x06"
                       "Berlin"
                       "\x31\x0A\x30\x08\x06\x03\x55\x04\x05\x13\x01"
                       "1")},
        {OID_CE_KEY_USAGE, true, BYTES_LITERAL("\x03\x02\x07\x80")},
        {OID_CE_EXT_KEY_USAGE, false,
         BYTES_LITERAL("\x30\x0A\x06\x08\x2B\x06\x01\x05\x05\x07\x03\x02")},
        {"1.2.3", false, BYTES_LITERAL("\x05\x00")},
    };
    const struct extension_list all = {items, ARRAY_SIZE(items)};
    const struct extension_list names = {items, 1};
    struct bytes seed;
    X509_NAME *subject;
    TRY(name_from_text(t, "serialNumber=1,L=Berlin,O=maker", &subject));
    TRY(csr_build(t, s->device_key, subject, &all, NULL, NULL, &seed));
    TRY(put(t, s, "asking", "all", seed));
    TRY(csr_build(t, s->device_key, subject, &names, NULL, NULL, &seed));
    TRY(put(t, s, "asking", "names", seed));
    TRY(csr_build(t, s->device_key, NULL, NULL, NULL, NULL, &seed));
    return put(t, s, "asking", "plain", seed);
}

static bool put_requests(struct task *t, const struct seeds *s)
{
    struct bytes seed;
    struct extension_list extensions;
    X509_NAME *subject;
    TRY(device_extensions(t, &extensions));
    TRY(name_from_text(t, "serialNumber=1", &subject));
    TRY(csr_build(t, s->device_key, subject, &extensions, "secret", NULL, &seed));
    TRY(put(t, s, "csr", "extensions", seed));
    TRY(csr_build(t, s->device_key, NULL, NULL, NULL, NULL, &seed));
    TRY(put(t, s, "csr", "plain", seed));
    /* ChangeSubjectName, in a SET: "CN=x", and "x.y". */
    struct csr_attribute change = {
        "1.3.6.1.5.5.7.7.36",
        BYTES_LITERAL("\x31\x17\x30\x15\x30\x0C\x31\x0A\x30\x08\x06\x03\x55\x04\x03\x0C\x01x"
                      "\xA1\x05\x82\x03x.y")};
    const struct csr_content changed = {
        .subject = subject, .attributes = &change, .attribute_count = 1};
    TRY(csr_write(t, s->device_key, &changed, &seed));
    TRY(put(t, s, "csr", "change", seed));
    TRY(put_asked(t, s));
    const char *fill = OID_AT_SERIAL_NUMBER;
    const struct csrattrs full = {.challenge_password = true,
                                  .signature_oid = OID_ECDSA_SHA256,
                                  .key = KEY_P256,
                                  .extensions = extensions,
                                  .fill = {&fill, 1}};
    const struct csrattrs rsa = {.key = KEY_RSA, .rsa_bits = 3072};
    TRY(csrattrs_encode(t, &full, &seed));
    TRY(put(t, s, "csrattrs", "full", seed));
    TRY(csrattrs_encode(t, &rsa, &seed));
    TRY(put(t, s, "csrattrs", "rsa", seed));
    return put_template(t, s);
}

static bool control(struct task *t, uint8_t part, const char *oid, struct bytes value,
                    struct bytes *ret)
{
    const uint8_t number[] = {2, 1, part};
    struct bytes parts[] = {bytes_copy(t->arena, BYTES_ARRAY(number)), BYTES_ABSENT,
                            der_set(t, &value, 1)};
    TRY(der_oid(t, oid, &parts[1]));
    *ret = der_sequence(t, parts, ARRAY_SIZE(parts));
    return true;
}

static bool crmf(struct task *t, const struct seeds *s, int proof, struct bytes *ret)
{
    OSSL_CRMF_MSG *message = IN_ARENA(t, OSSL_CRMF_MSG_free, OSSL_CRMF_MSG_new());
    X509_NAME *subject;
    X509_EXTENSIONS *extensions;
    struct extension_list list;
    TRY(name_from_text(t, "CN=a", &subject));
    TRY(device_extensions(t, &list));
    TRY(extensions_write(t, &list, &extensions));
    ENSURE(t,
           OSSL_CRMF_MSG_set_certReqId(message, 101) == 1 &&
               OSSL_CRMF_CERTTEMPLATE_fill(OSSL_CRMF_MSG_get0_tmpl(message), s->device_key, subject,
                                           NULL, NULL) == 1 &&
               OSSL_CRMF_MSG_push0_extension(
                   message, X509_EXTENSION_dup(sk_X509_EXTENSION_value(extensions, 0))) == 1 &&
               OSSL_CRMF_MSG_create_popo(proof, message, s->device_key, EVP_sha256(), NULL, NULL) ==
                   1,
           E_CRYPTO, "CRMF: %s", crypto_error(t));
    struct bytes der = ENCODE(t, i2d_OSSL_CRMF_MSG, message);
    ((uint8_t *)der.data)[0] = 0xA1; /* TaggedRequest: crm */
    *ret = der;
    return true;
}

/* Every control that is understood, and one that is not. */
static bool controls(struct task *t, struct bytes *ret)
{
    static const struct bytes algorithm = {
        (const uint8_t *)"\x30\x0B\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01", 13};
    const struct bytes witness[] = {algorithm, algorithm, BYTES_LITERAL("\x04\x03mac")};
    struct bytes made = der_sequence(t, witness, ARRAY_SIZE(witness));
    struct bytes items[9];
    TRY(control(t, 1, OID_CMC_TRANSACTION_ID, BYTES_LITERAL("\x02\x01\x07"), &items[0]));
    TRY(control(t, 2, OID_CMC_SENDER_NONCE, BYTES_LITERAL("\x04\x01n"), &items[1]));
    TRY(control(t, 3, OID_CMC_DATA_RETURN, BYTES_LITERAL("\x04\x01r"), &items[2]));
    TRY(control(t, 4, OID_CMC_IDENTIFICATION, BYTES_LITERAL("\x0C\x01u"), &items[3]));
    TRY(control(t, 5, OID_CMC_IDENTITY_PROOF_V2, made, &items[4]));
    TRY(control(t, 6, OID_CMC_LINK_RANDOM, BYTES_LITERAL("\x04\x01x"), &items[5]));
    TRY(control(t, 7, OID_CMC_LINK_WITNESS_V2, made, &items[6]));
    TRY(control(t, 8, OID_CMC_QUERY_PENDING, BYTES_LITERAL("\x04\x01t"), &items[7]));
    TRY(control(t, 9, OID_CMC ".17", BYTES_LITERAL("\x30\x00"), &items[8]));
    *ret = der_sequence(t, items, ARRAY_SIZE(items));
    return true;
}

/* Responses, and both as they are signed. */
static bool put_cmc_messages(struct task *t, const struct seeds *s, struct bytes data)
{
    uint32_t part = 100;
    const struct cmc_response pending = {
        .transaction_id = BYTES_LITERAL("\x02\x01\x07"),
        .recipient_nonce = BYTES_LITERAL("n"),
        .sender_nonce = BYTES_LITERAL("m"),
        .data_return = BYTES_LITERAL("r"),
        .status = CMC_PENDING,
        .parts = &part,
        .part_count = 1,
        .text = "later",
        .pending_token = BYTES_LITERAL("token"),
        .pending_until = FROM,
    };
    const struct cert *signer = s->device;
    struct bytes response;
    struct bytes seed;
    TRY(cmc_response_write(t, &pending, &response));
    TRY(put(t, s, "cmc", "response", response));
    TRY(cms_sign(t, response, OID_CT_PKI_RESPONSE, s->device, s->device_key,
                 &(struct cert_list){&signer, 1}, &seed));
    TRY(put(t, s, "inspect", "cmc-response", seed));
    TRY(cms_sign(t, data, OID_CT_PKI_DATA, s->device, s->device_key, NULL, &seed));
    return put(t, s, "inspect", "cmc-request", seed);
}

static bool put_cmc(struct task *t, const struct seeds *s)
{
    const struct bytes nothing = BYTES_LITERAL("\x30\x00");
    const struct bytes nested = BYTES_LITERAL("\x30\x07\x30\x05\x02\x01\x6E\x30\x00");
    struct bytes pkcs10[] = {BYTES_LITERAL("\x02\x01\x64"), BYTES_ABSENT};
    struct bytes requests[3];
    struct bytes parts[] = {nothing, BYTES_ABSENT, nothing, nothing};
    TRY(csr_build(t, s->device_key, NULL, NULL, NULL, NULL, &pkcs10[1]));
    requests[0] = der_tagged(t, 0, pkcs10, ARRAY_SIZE(pkcs10));
    TRY(crmf(t, s, OSSL_CRMF_POPO_SIGNATURE, &requests[1]));
    parts[1] = der_sequence(t, requests, 2);
    TRY(put(t, s, "cmc", "both", der_sequence(t, parts, ARRAY_SIZE(parts))));
    TRY(crmf(t, s, OSSL_CRMF_POPO_RAVERIFIED, &requests[2]));
    parts[1] = der_sequence(t, &requests[2], 1);
    parts[2] = nested;
    TRY(controls(t, &parts[0]));
    struct bytes data = der_sequence(t, parts, ARRAY_SIZE(parts));
    TRY(put(t, s, "cmc", "controls", data));
    return put_cmc_messages(t, s, data);
}

static bool put_vouchers(struct task *t, const struct seeds *s)
{
    struct bytes seed;
    const struct voucher voucher = {.kind = VOUCHER,
                                    .assertion = "logged",
                                    .created_on = FROM,
                                    .expires_on = FROM + 1,
                                    .serial_number = "1",
                                    .pinned_domain_cert = BYTES_LITERAL("cert"),
                                    .has_revocation_checks = true};
    const struct voucher request = {.kind = VOUCHER_REQUEST,
                                    .assertion = "proximity",
                                    .created_on = FROM + 1,
                                    .serial_number = "1",
                                    .nonce = "-_XE",
                                    .proximity_registrar_cert = BYTES_LITERAL("cert")};
    TRY(voucher_to_json(t, &voucher, &seed));
    TRY(put(t, s, "voucher_json", "voucher", seed));
    TRY(voucher_to_json(t, &request, &seed));
    TRY(put(t, s, "voucher_json", "request", seed));
    return put(t, s, "voucher_json", "unknown",
               BYTES_LITERAL("{\"ietf-voucher:voucher\":{\"x\":[1,{}],\"nonce\":\"a\\/b\"}}"));
}

static bool put_texts(struct task *t, const struct seeds *s)
{
    static const struct {
        const char *target;
        const char *name;
        const char *text;
    } texts[] = {
        {"masa_url", "host", "masa.example.com"},
        {"masa_url", "port", "masa.example.com:9443"},
        {"masa_url", "ipv6", "[2001:db8::1]:9443"},
        {"masa_url", "path", "https://masa.example.com/a%20b/"},
        {"name", "plain", "CN=a,O=b,C=DE"},
        {"name", "escapes", "CN=\\ a\\,\\C3\\A4\\ +serialNumber=1,DC=example"},
        {"name", "hex", "1.2.3.4=#0C0161,2.5.4.12=b"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        TRY(put(t, s, texts[i].target, texts[i].name, bytes_of_text(texts[i].text)));
    return true;
}

int main(int count, char **arguments)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, NULL);
    if (count != 2) {
        (void)fprintf(stderr, "usage: %s FOLDER\n", arguments[0]);
        return EXIT_FAILURE;
    }
    struct seeds s = {.folder = arguments[1]};
    if (put_certs(&t, &s) && put_cms(&t, &s) && put_forms(&t, &s) && put_requests(&t, &s) &&
        put_cmc(&t, &s) && put_report(&t, &s) && put_vouchers(&t, &s) && put_texts(&t, &s))
        return EXIT_SUCCESS;
    (void)fprintf(stderr, "%s: %s\n", t.problem->name, t.detail);
    return EXIT_FAILURE;
}

/* CMS, CSR and certificate as libcrypto offers them, the owner's keys in the token. */
#include "tests/bench/floors.h"

#include <openssl/cms.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define SERIAL_LEN    20
#define KEY_ID_LEN    20
#define VALID_SECONDS (365L * 24 * 60 * 60)
#define VOUCHER_TYPE  "1.2.840.113549.1.9.16.1.40"

static void check(bool *good, bool now)
{
    *good = *good && now;
}

static bool done(struct task *t, bool good)
{
    ENSURE(t, good, E_INTERNAL, "libcrypto did not do what was asked");
    return true;
}

/* ---- Verifying a message ---- */

struct message {
    struct bytes octets;
    X509_STORE *anchors;
};

static bool verify_message(struct task *t, void *arg, struct stopwatch *watch)
{
    const struct message *message = arg;
    const unsigned char *at = message->octets.data;
    stopwatch_go(watch);
    BIO *content = BIO_new(BIO_s_mem());
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)message->octets.len);
    bool good =
        cms != NULL && CMS_verify(cms, NULL, message->anchors, NULL, content, CMS_BINARY) == 1;
    CMS_ContentInfo_free(cms);
    BIO_free(content);
    stopwatch_halt(watch);
    return done(t, good);
}

static bool prepare_message(struct task *t, struct bytes octets, const struct cert_list *anchors,
                            void **ret)
{
    struct message *message = arena_alloc(t->arena, sizeof(*message));
    *message = (struct message){octets, X509_STORE_new()};
    ARENA_DEFER(t->arena, X509_STORE_free, message->anchors);
    (void)X509_STORE_set_flags(message->anchors, X509_V_FLAG_PARTIAL_CHAIN);
    (void)X509_STORE_set_purpose(message->anchors, X509_PURPOSE_ANY);
    for (size_t i = 0; i < anchors->count; i++)
        TRY(done(t, X509_STORE_add_cert(message->anchors, anchors->items[i]->x509) == 1));
    *ret = message;
    return true;
}

static bool prepare_request(struct task *t, const struct scene *scene, void **ret)
{
    return prepare_message(t, scene->voucher_request, &scene->maker_anchor, ret);
}

static bool prepare_voucher(struct task *t, const struct scene *scene, void **ret)
{
    return prepare_message(t, scene->voucher, &scene->voucher_anchor, ret);
}

const struct part part_verify_request = {
    .name = "verify-request",
    .of_library = true,
    .at_once = 1,
    .prepare = prepare_request,
    .once = verify_message,
};
const struct part part_verify_voucher = {
    .name = "verify-voucher",
    .of_library = true,
    .at_once = 1,
    .prepare = prepare_voucher,
    .once = verify_message,
};

/* ---- Signing the registrar's request ---- */

struct signing {
    struct bytes content;
    const struct scene *scene;
    ASN1_OBJECT *type;
};

static CMS_ContentInfo *sign(const struct signing *signing)
{
    const unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_NOSMIMECAP | CMS_NOCERTS;
    const struct cert_list *chain = &signing->scene->registrar_chain;
    EVP_PKEY *key = keystore_key_evp(signing->scene->registrar_key);
    BIO *content = BIO_new_mem_buf(signing->content.data, (int)signing->content.len);
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
    bool good = cms != NULL && CMS_set1_eContentType(cms, signing->type) == 1;
    for (size_t i = 0; i < chain->count; i++)
        check(&good, CMS_add1_cert(cms, chain->items[i]->x509) == 1);
    check(&good, CMS_add1_signer(cms, chain->items[0]->x509, key, EVP_sha256(), flags) != NULL);
    check(&good, CMS_final(cms, content, NULL, flags) == 1);
    BIO_free(content);
    if (good)
        return cms;
    CMS_ContentInfo_free(cms);
    return NULL;
}

static bool sign_message(struct task *t, void *arg, struct stopwatch *watch)
{
    unsigned char *der = NULL;
    stopwatch_go(watch);
    CMS_ContentInfo *cms = sign(arg);
    bool good = cms != NULL && i2d_CMS_ContentInfo(cms, &der) > 0;
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    stopwatch_halt(watch);
    return done(t, good);
}

/* What is signed is as long as the real one: the pledge's request in base64 is nearly all of it. */
static bool prepare_signing(struct task *t, const struct scene *scene, void **ret)
{
    struct signing *signing = arena_alloc(t->arena, sizeof(*signing));
    *signing = (struct signing){
        .content = bytes_of_text(bytes_to_base64(t->arena, scene->voucher_request)),
        .scene = scene,
        .type = OBJ_txt2obj(VOUCHER_TYPE, 1),
    };
    ARENA_DEFER(t->arena, ASN1_OBJECT_free, signing->type);
    *ret = signing;
    return true;
}

const struct part part_sign_request = {
    .name = "sign-request",
    .of_library = true,
    .at_once = 1,
    .prepare = prepare_signing,
    .once = sign_message,
};

/* ---- The CSR and the certificate ---- */

static X509_REQ *read_csr(struct bytes der)
{
    const unsigned char *at = der.data;
    return d2i_X509_REQ(NULL, &at, (long)der.len);
}

static bool verify_csr(struct task *t, void *arg, struct stopwatch *watch)
{
    const struct scene *scene = arg;
    stopwatch_go(watch);
    X509_REQ *csr = read_csr(scene->csr);
    bool good = csr != NULL && X509_REQ_verify(csr, X509_REQ_get0_pubkey(csr)) == 1;
    X509_REQ_free(csr);
    stopwatch_halt(watch);
    return done(t, good);
}

static bool prepare_csr(struct task *t, const struct scene *scene, void **ret)
{
    (void)t;
    *ret = (void *)scene;
    return true;
}

const struct part part_verify_csr = {
    .name = "verify-csr",
    .of_library = true,
    .at_once = 1,
    .prepare = prepare_csr,
    .once = verify_csr,
};

struct issuing {
    const struct cert *issuer;
    EVP_PKEY *issuer_key;
    X509_REQ *csr;
    STACK_OF(X509_EXTENSION) * asked;
};

static bool set_fields(X509 *x509, const struct issuing *issuing)
{
    uint8_t serial[SERIAL_LEN];
    bool good = RAND_bytes(serial, sizeof(serial)) == 1;
    serial[0] = (uint8_t)((serial[0] & 0x7FU) | 0x40U);
    check(&good, X509_set_version(x509, X509_VERSION_3) == 1);
    check(&good, ASN1_STRING_set(X509_get_serialNumber(x509), serial, sizeof(serial)) == 1);
    check(&good, X509_gmtime_adj(X509_getm_notBefore(x509), 0) != NULL);
    check(&good, X509_gmtime_adj(X509_getm_notAfter(x509), VALID_SECONDS) != NULL);
    check(&good, X509_set_subject_name(x509, X509_REQ_get_subject_name(issuing->csr)) == 1);
    check(&good, X509_set_issuer_name(x509, X509_get_subject_name(issuing->issuer->x509)) == 1);
    check(&good, X509_set_pubkey(x509, X509_REQ_get0_pubkey(issuing->csr)) == 1);
    return good;
}

static bool add_key_ids(X509 *x509, const struct issuing *issuing)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    ASN1_OCTET_STRING *own = ASN1_OCTET_STRING_new();
    AUTHORITY_KEYID *issuers = AUTHORITY_KEYID_new();
    issuers->keyid = ASN1_OCTET_STRING_dup(X509_get0_subject_key_id(issuing->issuer->x509));
    bool good = X509_pubkey_digest(x509, EVP_sha256(), digest, NULL) == 1 &&
                ASN1_OCTET_STRING_set(own, digest, KEY_ID_LEN) == 1 &&
                X509_add1_ext_i2d(x509, NID_subject_key_identifier, own, 0, 0) == 1 &&
                X509_add1_ext_i2d(x509, NID_authority_key_identifier, issuers, 0, 0) == 1;
    ASN1_OCTET_STRING_free(own);
    AUTHORITY_KEYID_free(issuers);
    return good;
}

static bool add_usages(X509 *x509)
{
    ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();
    EXTENDED_KEY_USAGE *extended = EXTENDED_KEY_USAGE_new();
    bool good = ASN1_BIT_STRING_set_bit(usage, 0, 1) == 1 &&
                sk_ASN1_OBJECT_push(extended, OBJ_nid2obj(NID_client_auth)) > 0 &&
                X509_add1_ext_i2d(x509, NID_key_usage, usage, 1, 0) == 1 &&
                X509_add1_ext_i2d(x509, NID_ext_key_usage, extended, 0, 0) == 1;
    ASN1_BIT_STRING_free(usage);
    EXTENDED_KEY_USAGE_free(extended);
    return good;
}

static bool issue(struct task *t, void *arg, struct stopwatch *watch)
{
    const struct issuing *issuing = arg;
    unsigned char *der = NULL;
    stopwatch_go(watch);
    X509 *x509 = X509_new();
    bool good = set_fields(x509, issuing) && add_key_ids(x509, issuing) && add_usages(x509);
    for (int i = 0; i < sk_X509_EXTENSION_num(issuing->asked); i++)
        check(&good, X509_add_ext(x509, sk_X509_EXTENSION_value(issuing->asked, i), -1) == 1);
    check(&good, X509_sign(x509, issuing->issuer_key, EVP_sha256()) > 0);
    check(&good, i2d_X509(x509, &der) > 0);
    OPENSSL_free(der);
    X509_free(x509);
    stopwatch_halt(watch);
    return done(t, good);
}

static void release_extensions(void *stack)
{
    sk_X509_EXTENSION_pop_free(stack, X509_EXTENSION_free);
}

static bool prepare_issuing(struct task *t, const struct scene *scene, void **ret)
{
    struct issuing *issuing = arena_alloc(t->arena, sizeof(*issuing));
    issuing->issuer = scene->device_ca;
    issuing->issuer_key = keystore_key_evp(scene->device_ca_key);
    issuing->csr = read_csr(scene->csr);
    ARENA_DEFER(t->arena, X509_REQ_free, issuing->csr);
    issuing->asked = X509_REQ_get_extensions(issuing->csr);
    arena_defer(t->arena, release_extensions, issuing->asked);
    *ret = issuing;
    return true;
}

const struct part part_issue = {
    .name = "issue",
    .of_library = true,
    .at_once = 1,
    .prepare = prepare_issuing,
    .once = issue,
};

#include "core/pki/csr.h"

#include "core/pki/library.h"

#include <string.h>

#include <openssl/err.h>

/* The attribute of that kind; NULL when there is none.  Two of a kind are refused. */
static bool find_attribute(struct task *t, const X509_REQ *request, int nid, X509_ATTRIBUTE **ret)
{
    int at = X509_REQ_get_attr_by_NID(request, nid, -1);
    if (at < 0) {
        *ret = NULL;
        return true;
    }
    X509_ATTRIBUTE *attribute = X509_REQ_get_attr(request, at);
    ENSURE(t,
           X509_REQ_get_attr_by_NID(request, nid, at) < 0 && X509_ATTRIBUTE_count(attribute) == 1,
           E_CSR_MALFORMED, "more than one value of the attribute %s", OBJ_nid2sn(nid));
    *ret = attribute;
    return true;
}

/*
 * RFC 2985 5.4.2.  The attribute's older OID is read too: an upstream CA may honour it, so that
 * what it asks for must be seen here.
 */
static bool read_extensions(struct task *t, const X509_REQ *request, struct extension_list *ret)
{
    X509_ATTRIBUTE *attribute;
    X509_ATTRIBUTE *older;
    TRY(find_attribute(t, request, NID_ext_req, &attribute));
    TRY(find_attribute(t, request, NID_ms_ext_req, &older));
    ENSURE(t, attribute == NULL || older == NULL, E_CSR_MALFORMED,
           "extensions asked for under two OIDs");
    if (attribute == NULL)
        attribute = older;
    if (attribute == NULL) {
        *ret = (struct extension_list){NULL, 0};
        return true;
    }
    const ASN1_TYPE *value = X509_ATTRIBUTE_get0_type(attribute, 0);
    ENSURE(t, ASN1_TYPE_get(value) == V_ASN1_SEQUENCE, E_CSR_MALFORMED,
           "the extension request holds no SEQUENCE");
    return extensions_decode(t, octets_of(value->value.sequence), E_CSR_MALFORMED, ret);
}

static bool is_character_string(int type)
{
    return type == V_ASN1_UTF8STRING || type == V_ASN1_PRINTABLESTRING ||
           type == V_ASN1_IA5STRING || type == V_ASN1_T61STRING || type == V_ASN1_BMPSTRING ||
           type == V_ASN1_UNIVERSALSTRING;
}

static bool read_challenge_password(struct task *t, const X509_REQ *request, const char **ret)
{
    X509_ATTRIBUTE *attribute;
    TRY(find_attribute(t, request, NID_pkcs9_challengePassword, &attribute));
    if (attribute == NULL) {
        *ret = NULL;
        return true;
    }
    const ASN1_TYPE *value = X509_ATTRIBUTE_get0_type(attribute, 0);
    ENSURE(t,
           is_character_string(ASN1_TYPE_get(value)) &&
               string_text(t, value->value.asn1_string, ret),
           E_CSR_MALFORMED, "the challenge password is no text");
    return true;
}

/* How a request is read. */
struct way {
    const struct csr_reader *reader;
    bool keyless; /* a key that cannot be read is none */
};

static bool read_key(struct task *t, X509_REQ *request, const struct way *way, struct csr *csr)
{
    const bool keyless = way->keyless;
    csr->key = way->reader == NULL ? X509_REQ_get0_pubkey(request)
                                   : key_of_spki(t, X509_REQ_get_X509_PUBKEY(request));
    ENSURE(t, csr->key != NULL || keyless, E_CSR_MALFORMED, "the public key cannot be read: %s",
           crypto_error(t));
    ERR_clear_error();
    csr->key_kind = csr->key == NULL ? KEY_OTHER : key_kind_of(csr->key, &csr->key_bits);
    csr->spki = ENCODE(t, i2d_X509_PUBKEY, X509_REQ_get_X509_PUBKEY(request));
    return true;
}

static bool read_request(struct task *t, X509_REQ *request, const struct way *way, struct csr *csr)
{
    const X509_ALGOR *algorithm;
    const ASN1_OBJECT *signature;
    /* RFC 2986 4.1: version 0. */
    ENSURE(t, X509_REQ_get_version(request) == X509_REQ_VERSION_1, E_CSR_MALFORMED,
           "a version that PKCS#10 does not have");
    TRY(read_key(t, request, way, csr));
    X509_REQ_get0_signature(request, NULL, &algorithm);
    X509_ALGOR_get0(&signature, NULL, NULL, algorithm);
    csr->signature_oid = oid_text(t, signature);
    TRY(read_extensions(t, request, &csr->extensions));
    TRY(csr_change_read(t, request, &csr->change));
    return read_challenge_password(t, request, &csr->challenge_password);
}

static bool parse(struct task *t, struct bytes der, const struct way *way, struct csr *ret)
{
    ENSURE(t, der.len > 0 && der.len <= CSR_SIZE_MAX, E_CSR_MALFORMED,
           "%zu octets; a request has 1 to %zu", der.len, CSR_SIZE_MAX);
    const unsigned char *at = der.data;
    X509_REQ *request = csr_decode(way->reader, &at, (long)der.len);
    ENSURE(t, request != NULL, E_CSR_MALFORMED, "not a DER certification request: %s",
           crypto_error(t));
    ARENA_DEFER(t->arena, X509_REQ_free, request);
    ERR_clear_error();
    ENSURE(t, at == der.data + der.len, E_CSR_MALFORMED, "%zu octets after the request",
           (size_t)(der.data + der.len - at));
    ENSURE(t, bytes_equal(der, ENCODE(t, i2d_X509_REQ, request)), E_CSR_MALFORMED,
           "the request is BER, not DER");
    struct csr csr = {.request = request, .der = bytes_copy(t->arena, der)};
    TRY(read_request(t, request, way, &csr));
    *ret = csr;
    return true;
}

bool csr_parse(struct task *t, struct bytes der, struct csr *ret)
{
    return parse(t, der, &(struct way){.keyless = false}, ret);
}

bool csr_parse_by(struct task *t, const struct csr_reader *reader, struct bytes der,
                  struct csr *ret)
{
    return parse(t, der, &(struct way){.reader = reader}, ret);
}

bool csr_parse_keyless(struct task *t, struct bytes der, struct csr *ret)
{
    return parse(t, der, &(struct way){.keyless = true}, ret);
}

bool csr_verify(struct task *t, const struct csr *csr)
{
    /* RFC 7030 4.2.1: the server verifies the proof of possession. */
    ENSURE(t, X509_REQ_verify_ex(csr->request, csr->key, NULL, NULL) == 1, E_CSR_POP, "%s",
           crypto_error(t));
    return true;
}

char *csr_subject(struct task *t, const struct csr *csr)
{
    return name_text(t, X509_REQ_get_subject_name(csr->request));
}

bool csr_attribute_value(struct task *t, const struct csr *csr, const char *oid, struct bytes *ret)
{
    ASN1_OBJECT *object;
    TRY(oid_object(t, oid, &object));
    int at = X509_REQ_get_attr_by_OBJ(csr->request, object, -1);
    if (at < 0) {
        *ret = BYTES_ABSENT;
        return true;
    }
    X509_ATTRIBUTE *attribute = X509_REQ_get_attr(csr->request, at);
    ENSURE(t,
           X509_REQ_get_attr_by_OBJ(csr->request, object, at) < 0 &&
               X509_ATTRIBUTE_count(attribute) == 1,
           E_CSR_MALFORMED, "more than one value of the attribute %s", oid);
    *ret = ENCODE(t, i2d_ASN1_TYPE, X509_ATTRIBUTE_get0_type(attribute, 0));
    return true;
}

/* The hash of a signature algorithm, with a key that lets it choose. */
static bool hash_to_sign_with(struct task *t, const EVP_PKEY *key, const char *signature_oid,
                              const EVP_MD **ret)
{
    const EVP_MD *hash = natural_hash(key);
    if (signature_oid != NULL && hash != NULL) {
        ASN1_OBJECT *oid;
        int nid = NID_undef;
        TRY(oid_object(t, signature_oid, &oid));
        (void)OBJ_find_sigid_algs(OBJ_obj2nid(oid), &nid, NULL);
        hash = nid == NID_undef ? NULL : EVP_get_digestbynid(nid);
        ENSURE(t, hash != NULL, E_INVALID, "%s is no signature algorithm that names a hash",
               signature_oid);
    }
    *ret = hash;
    return true;
}

static bool add_attribute(struct task *t, X509_REQ *request, const struct csr_attribute *item)
{
    struct bytes der;
    TRY(der_pair(t, item->oid, item->values, &der));
    const unsigned char *at = der.data;
    X509_ATTRIBUTE *attribute = d2i_X509_ATTRIBUTE(NULL, &at, (long)der.len);
    bool added = attribute != NULL && X509_REQ_add1_attr(request, attribute) == 1;
    X509_ATTRIBUTE_free(attribute);
    ENSURE(t, added, E_INVALID, "the attribute %s: %s", item->oid, crypto_error(t));
    return true;
}

static bool add_attributes(struct task *t, X509_REQ *request, const struct csr_content *content)
{
    const char *password = content->challenge_password;
    if (content->extensions.count > 0) {
        X509_EXTENSIONS *stack;
        TRY(extensions_write(t, &content->extensions, &stack));
        ENSURE(t, X509_REQ_add_extensions(request, stack) == 1, E_CRYPTO, "extensions: %s",
               crypto_error(t));
    }
    for (size_t i = 0; i < content->attribute_count; i++)
        TRY(add_attribute(t, request, &content->attributes[i]));
    if (password != NULL)
        ENSURE(t,
               X509_REQ_add1_attr_by_NID(request, NID_pkcs9_challengePassword, MBSTRING_UTF8,
                                         (const unsigned char *)password, -1) == 1,
               E_CRYPTO, "challenge password: %s", crypto_error(t));
    return true;
}

bool csr_write(struct task *t, EVP_PKEY *key, const struct csr_content *content, struct bytes *ret)
{
    const EVP_MD *hash;
    EVP_MD_CTX *ctx;
    X509_REQ *request = IN_ARENA(t, X509_REQ_free, X509_REQ_new());
    TRY(hash_to_sign_with(t, key, content->signature_oid, &hash));
    ENSURE(t,
           X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
               (content->subject == NULL ||
                X509_REQ_set_subject_name(request, content->subject) == 1) &&
               X509_REQ_set_pubkey(request, key) == 1,
           E_CRYPTO, "certification request: %s", crypto_error(t));
    TRY(add_attributes(t, request, content));
    TRY(signing_context(t, key, hash, &ctx));
    ENSURE(t, X509_REQ_sign_ctx(request, ctx) > 0, E_CRYPTO,
           "the certification request could not be signed: %s", crypto_error(t));
    *ret = ENCODE(t, i2d_X509_REQ, request);
    return true;
}

bool csr_build(struct task *t, EVP_PKEY *key, X509_NAME *subject,
               const struct extension_list *extensions, const char *challenge_password,
               const char *signature_oid, struct bytes *ret)
{
    const struct csr_content content = {
        .subject = subject,
        .extensions = extensions == NULL ? (struct extension_list){NULL, 0} : *extensions,
        .challenge_password = challenge_password,
        .signature_oid = signature_oid,
    };
    return csr_write(t, key, &content, ret);
}

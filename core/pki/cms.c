#include "core/pki/cms.h"

#include "core/base/clock.h"
#include "core/pki/library.h"

#include <time.h>

#include <openssl/cms.h>
#include <openssl/err.h>

static void release_certs(void *stack)
{
    sk_X509_pop_free(stack, X509_free);
}

static bool open_signed_data(struct task *t, struct bytes octets, CMS_ContentInfo **ret)
{
    ENSURE(t, octets.len > 0 && octets.len <= CMS_SIZE_MAX, E_CMS_MALFORMED,
           "%zu octets; a message has 1 to %zu", octets.len, CMS_SIZE_MAX);
    const unsigned char *at = octets.data;
    CMS_ContentInfo *info = d2i_CMS_ContentInfo(NULL, &at, (long)octets.len);
    ENSURE(t, info != NULL, E_CMS_MALFORMED, "not CMS: %s", crypto_error(t));
    ARENA_DEFER(t->arena, CMS_ContentInfo_free, info);
    ERR_clear_error();
    ENSURE(t, at == octets.data + octets.len, E_CMS_MALFORMED, "%zu octets after the message",
           (size_t)(octets.data + octets.len - at));
    ENSURE(t, OBJ_obj2nid(CMS_get0_type(info)) == NID_pkcs7_signed, E_CMS_MALFORMED,
           "not SignedData but %s", oid_text(t, CMS_get0_type(info)));
    *ret = info;
    return true;
}

static bool read_certs(struct task *t, CMS_ContentInfo *info, struct cert_list *ret)
{
    STACK_OF(X509) *stack = CMS_get1_certs(info);
    if (stack == NULL) {
        *ret = (struct cert_list){NULL, 0};
        return true;
    }
    arena_defer(t->arena, release_certs, stack);
    size_t count = (size_t)sk_X509_num(stack);
    ENSURE(t, count <= CERT_COUNT_MAX, E_CMS_MALFORMED, "%zu certificates; at most %d", count,
           CERT_COUNT_MAX);
    const struct cert **items = arena_array(t->arena, count, sizeof(struct cert *));
    for (size_t i = 0; i < count; i++) {
        if (!cert_of_x509(t, sk_X509_value(stack, (int)i), &items[i]))
            return fail(t, E_CMS_MALFORMED, "certificate %zu: %s", i + 1, t->detail);
    }
    *ret = (struct cert_list){items, count};
    return true;
}

/* `known` serves for what it holds; the others are DER, or libcrypto is asked. */
static bool parse_certs(struct task *t, const struct bytes_list *der, const struct cert_list *known,
                        struct cert_list *ret)
{
    const struct cert **items = arena_array(t->arena, der->count, sizeof(struct cert *));
    for (size_t i = 0; i < der->count; i++) {
        if (!cert_parse_unless(t, der->items[i], known, &items[i]))
            return false;
    }
    *ret = (struct cert_list){items, der->count};
    return true;
}

static bool open_message(struct task *t, struct bytes octets, const struct cert_list *known,
                         CMS_ContentInfo **ret, struct cert_list *ret_certs)
{
    struct bytes rest;
    struct bytes_list der;
    if (octets.len > 0 && octets.len <= CMS_SIZE_MAX && cms_divide(t, octets, &rest, &der) &&
        parse_certs(t, &der, known, ret_certs))
        return open_signed_data(t, rest, ret);
    task_forgive(t);
    TRY(open_signed_data(t, octets, ret));
    return read_certs(t, *ret, ret_certs);
}

static unsigned count_signers(CMS_ContentInfo *info)
{
    int count = sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(info));
    return count < 0 ? 0 : (unsigned)count;
}

bool cms_open(struct task *t, struct bytes octets, const struct cert_list *known, struct cms *ret)
{
    CMS_ContentInfo *info;
    struct cert_list certs;
    TRY(open_message(t, octets, known, &info, &certs));
    ASN1_OCTET_STRING **content = CMS_get0_content(info);
    ENSURE(t, content != NULL && *content != NULL, E_CMS_MALFORMED, "the content is not inside");
    struct cms cms = {
        .content = bytes_copy(t->arena, octets_of(*content)),
        .content_type = oid_text(t, CMS_get0_eContentType(info)),
        .certs = certs,
        .signers = count_signers(info),
        .library = info,
    };
    ENSURE(t, cms.signers > 0, E_CMS_MALFORMED, "nobody signed it");
    *ret = cms;
    return true;
}

/* --- verifying --- */

static const struct cert *find_signer(CMS_SignerInfo *signer, const struct cert_list *certs)
{
    for (size_t i = 0; certs != NULL && i < certs->count; i++) {
        if (CMS_SignerInfo_cert_cmp(signer, certs->items[i]->x509) == 0)
            return certs->items[i];
    }
    return NULL;
}

static const char *signer_text(struct task *t, CMS_SignerInfo *signer)
{
    ASN1_OCTET_STRING *key = NULL;
    X509_NAME *issuer = NULL;
    ASN1_INTEGER *serial = NULL;
    (void)CMS_SignerInfo_get0_signer_id(signer, &key, &issuer, &serial);
    if (key != NULL)
        return arena_printf(t->arena, "key identifier %s", bytes_to_hex(t->arena, octets_of(key)));
    return arena_printf(t->arena, "issuer %s, serial number %s", name_text(t, issuer),
                        bytes_to_hex(t->arena, octets_of(serial)));
}

/* RFC 8366 5.4 leaves the algorithms open: nothing weaker than SHA-256. */
static const EVP_MD *acceptable_hash(int nid)
{
    switch (nid) {
    case NID_sha256:
    case NID_sha384:
    case NID_sha512:
    case NID_sha3_256:
    case NID_sha3_384:
    case NID_sha3_512:
        return EVP_get_digestbynid(nid);
    default:
        return NULL;
    }
}

/* The two algorithm fields must not disagree: the library looks at the digest's alone. */
static bool check_algorithms(struct task *t, CMS_SignerInfo *signer, const EVP_MD **ret)
{
    X509_ALGOR *digest;
    X509_ALGOR *signature;
    int within = NID_undef;
    CMS_SignerInfo_get0_algs(signer, NULL, NULL, &digest, &signature);
    int nid = OBJ_obj2nid(digest->algorithm);
    const EVP_MD *hash = acceptable_hash(nid);
    ENSURE(t, hash != NULL, E_SIGNATURE, "the hash %s is not accepted",
           oid_text(t, digest->algorithm));
    (void)OBJ_find_sigid_algs(OBJ_obj2nid(signature->algorithm), &within, NULL);
    ERR_clear_error();
    ENSURE(t, within == NID_undef || within == nid, E_SIGNATURE,
           "the signature algorithm %s does not fit the hash %s", oid_text(t, signature->algorithm),
           oid_text(t, digest->algorithm));
    *ret = hash;
    return true;
}

/* The value of a signed attribute that is there once and with one value; else NULL. */
static const void *single_attribute(CMS_SignerInfo *signer, int nid, int type)
{
    return CMS_signed_get0_data_by_OBJ(signer, OBJ_nid2obj(nid), -3, type);
}

/* RFC 5652 5.3 and 11: content type and digest are among the signed attributes, and right. */
static bool check_signed_attributes(struct task *t, const struct cms *cms, CMS_SignerInfo *signer,
                                    const EVP_MD *hash)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len;
    ENSURE(t, CMS_signed_get_attr_count(signer) > 0, E_SIGNATURE, "no signed attributes");
    const ASN1_OBJECT *type = single_attribute(signer, NID_pkcs9_contentType, V_ASN1_OBJECT);
    ENSURE(t, type != NULL && OBJ_cmp(type, CMS_get0_eContentType(cms->library)) == 0, E_SIGNATURE,
           "the signed content type is not that of the content, %s", cms->content_type);
    const ASN1_OCTET_STRING *signed_digest =
        single_attribute(signer, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING);
    ENSURE(t, signed_digest != NULL, E_SIGNATURE, "no signed message digest");
    ENSURE(t,
           EVP_Digest(cms->content.data, cms->content.len, digest, &len, hash, NULL) == 1 &&
               bytes_equal(octets_of(signed_digest), bytes_make(digest, len)),
           E_SIGNATURE, "the content is not what was signed");
    return true;
}

static bool check_signature(struct task *t, CMS_SignerInfo *signer, const struct cert *cert)
{
    EVP_PKEY *key;
    TRY(signer_key(t, cert, &key));
    CMS_SignerInfo_set1_signer_cert(signer, cert->x509);
    ENSURE(t, CMS_SignerInfo_verify(signer) == 1, E_SIGNATURE,
           "the signature does not verify with the key of %s: %s", cert_subject(t, cert),
           crypto_error(t));
    return true;
}

/* NULL unless there is exactly one. */
static CMS_SignerInfo *only_signer(const struct cms *cms)
{
    return cms->signers == 1 ? sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms->library), 0)
                             : NULL;
}

static bool check_all(struct task *t, const struct cms *cms, CMS_SignerInfo *signer,
                      const struct cert *cert)
{
    const EVP_MD *hash;
    TRY(check_algorithms(t, signer, &hash));
    TRY(check_signed_attributes(t, cms, signer, hash));
    return check_signature(t, signer, cert);
}

bool cms_verify(struct task *t, const struct cms *cms, const struct cert_list *known,
                const struct cert **ret_signer)
{
    CMS_SignerInfo *signer = only_signer(cms);
    ENSURE(t, signer != NULL, E_SIGNATURE, "%u signers; there must be one", cms->signers);
    const struct cert *cert = find_signer(signer, &cms->certs);
    if (cert == NULL)
        cert = find_signer(signer, known);
    ENSURE(t, cert != NULL, E_SIGNATURE, "the signer's certificate is not at hand: %s",
           signer_text(t, signer));
    TRY(check_all(t, cms, signer, cert));
    *ret_signer = cert;
    return true;
}

static bool is_named_by_key(CMS_SignerInfo *signer)
{
    ASN1_OCTET_STRING *key = NULL;
    X509_NAME *issuer = NULL;
    ASN1_INTEGER *serial = NULL;
    return CMS_SignerInfo_get0_signer_id(signer, &key, &issuer, &serial) == 1 && key != NULL;
}

bool cms_verify_with_key(struct task *t, const struct cms *cms, EVP_PKEY *key)
{
    CMS_SignerInfo *signer = only_signer(cms);
    ENSURE(t, signer != NULL, E_SIGNATURE, "%u signers; there must be one", cms->signers);
    const struct cert *named = find_signer(signer, &cms->certs);
    ENSURE(t,
           named == NULL ? is_named_by_key(signer)
                         : EVP_PKEY_eq(X509_get0_pubkey(named->x509), key) == 1,
           E_SIGNATURE, "signed by another than the key in the request: %s",
           signer_text(t, signer));
    /* The library verifies with certificates alone: this one has nothing but the key. */
    X509 *shell = IN_ARENA(t, X509_free, X509_new());
    ENSURE(t, X509_set_pubkey(shell, key) == 1, E_CRYPTO, "the request's key: %s", crypto_error(t));
    const struct cert cert = {.x509 = shell};
    return check_all(t, cms, signer, &cert);
}

bool cms_names_signer(const struct cms *cms, const struct cert *cert)
{
    CMS_SignerInfo *signer = only_signer(cms);
    return signer != NULL && CMS_SignerInfo_cert_cmp(signer, cert->x509) == 0;
}

bool cms_hash_is_accepted(const struct cms *cms)
{
    CMS_SignerInfo *signer = only_signer(cms);
    X509_ALGOR *digest;
    if (signer == NULL)
        return false;
    CMS_SignerInfo_get0_algs(signer, NULL, NULL, &digest, NULL);
    return acceptable_hash(OBJ_obj2nid(digest->algorithm)) != NULL;
}

int64_t cms_signing_time(const struct cms *cms)
{
    CMS_SignerInfo *signer = only_signer(cms);
    const ASN1_TIME *time = NULL;
    struct tm parts;
    if (signer != NULL)
        time = single_attribute(signer, NID_pkcs9_signingTime, V_ASN1_UTCTIME);
    if (signer != NULL && time == NULL)
        time = single_attribute(signer, NID_pkcs9_signingTime, V_ASN1_GENERALIZEDTIME);
    bool there = time != NULL && ASN1_TIME_to_tm(time, &parts) == 1;
    ERR_clear_error();
    return there ? (int64_t)timegm(&parts) * SECOND_MS : 0;
}

/* --- signing --- */

static bool is_listed_before(const struct cert_list *certs, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (bytes_equal(certs->items[i]->der, certs->items[at]->der))
            return true;
    }
    return false;
}

static bool add_certs(struct task *t, CMS_ContentInfo *info, const struct cert_list *certs)
{
    for (size_t i = 0; certs != NULL && i < certs->count; i++) {
        if (!is_listed_before(certs, i))
            ENSURE(t, CMS_add1_cert(info, certs->items[i]->x509) == 1, E_CRYPTO,
                   "certificate of %s: %s", cert_subject(t, certs->items[i]), crypto_error(t));
    }
    return true;
}

static bool set_content_type(struct task *t, CMS_ContentInfo *info, const char *content_type)
{
    ASN1_OBJECT *oid;
    TRY(oid_object(t, content_type, &oid));
    ENSURE(t, CMS_set1_eContentType(info, oid) == 1, E_CRYPTO, "content type: %s", crypto_error(t));
    return true;
}

static bool sign(struct task *t, struct bytes content, const char *content_type,
                 const struct cert *signer, EVP_PKEY *key, const struct cert_list *certs,
                 CMS_ContentInfo *info)
{
    const unsigned flags = CMS_BINARY | CMS_NOSMIMECAP | CMS_NOCERTS | CMS_PARTIAL;
    const EVP_MD *hash = key_kind_of(key, NULL) == KEY_P384 ? EVP_sha384() : EVP_sha256();
    TRY(set_content_type(t, info, content_type));
    TRY(add_certs(t, info, certs));
    ENSURE(t, CMS_add1_signer(info, signer->x509, key, hash, flags) != NULL, E_CRYPTO,
           "cannot sign as %s: %s", cert_subject(t, signer), crypto_error(t));
    BIO *input = IN_ARENA(
        t, BIO_free_all,
        BIO_new_mem_buf(content.len == 0 ? (const void *)"" : content.data, (int)content.len));
    ENSURE(t, CMS_final(info, input, NULL, flags) == 1, E_CRYPTO, "cannot sign as %s: %s",
           cert_subject(t, signer), crypto_error(t));
    return true;
}

static CMS_ContentInfo *to_be_signed(struct task *t)
{
    const unsigned flags = CMS_BINARY | CMS_NOSMIMECAP | CMS_NOCERTS | CMS_PARTIAL;
    return IN_ARENA(t, CMS_ContentInfo_free, CMS_sign(NULL, NULL, NULL, NULL, flags));
}

bool cms_sign(struct task *t, struct bytes content, const char *content_type,
              const struct cert *signer, EVP_PKEY *key, const struct cert_list *certs,
              struct bytes *ret)
{
    CMS_ContentInfo *info = to_be_signed(t);
    TRY(sign(t, content, content_type, signer, key, certs, info));
    *ret = ENCODE(t, i2d_CMS_ContentInfo, info);
    return true;
}

/* The library frees the content as it is. */
static void wipe_content(void *info)
{
    ASN1_OCTET_STRING **content = CMS_get0_content(info);
    if (content != NULL && *content != NULL && ASN1_STRING_length(*content) > 0)
        OPENSSL_cleanse((unsigned char *)ASN1_STRING_get0_data(*content),
                        (size_t)ASN1_STRING_length(*content));
}

/* What stands in the ContentInfo's [0]; borrowed. */
static bool content_of(struct task *t, struct bytes info, struct bytes *ret)
{
    const unsigned char *at = info.data;
    const unsigned char *end = info.data + info.len;
    for (int depth = 0; depth < 3; depth++) { /* SEQUENCE { OID, [0] { */
        long len;
        int tag;
        int class;
        int bad = ASN1_get_object(&at, &len, &tag, &class, end - at) & 0x80;
        ENSURE(t, bad == 0, E_CRYPTO, "the library's ContentInfo cannot be read");
        if (depth == 1)
            at += len;
    }
    *ret = bytes_make(at, (size_t)(end - at));
    return true;
}

bool cms_sign_secret(struct task *t, struct bytes content, const char *content_type,
                     const struct cert *signer, EVP_PKEY *key, const struct cert_list *certs,
                     struct bytes *ret)
{
    CMS_ContentInfo *info = to_be_signed(t);
    arena_defer(t->arena, wipe_content, info);
    TRY(sign(t, content, content_type, signer, key, certs, info));
    int len = i2d_CMS_ContentInfo(info, NULL);
    ENSURE(t, len > 0, E_CRYPTO, "SignedData: %s", crypto_error(t));
    unsigned char *octets = arena_secret(t->arena, (size_t)len);
    unsigned char *at = octets;
    (void)i2d_CMS_ContentInfo(info, &at);
    return content_of(t, bytes_make(octets, (size_t)len), ret);
}

/* --- certificates only --- */

bool cms_certs_only(struct task *t, const struct cert_list *certs, struct bytes *ret)
{
    CMS_ContentInfo *info = IN_ARENA(t, CMS_ContentInfo_free, CMS_ContentInfo_new());
    ENSURE(t, CMS_SignedData_init(info) == 1, E_CRYPTO, "SignedData: %s", crypto_error(t));
    TRY(add_certs(t, info, certs));
    *ret = ENCODE(t, i2d_CMS_ContentInfo, info);
    return true;
}

bool cms_certs_only_read(struct task *t, struct bytes octets, struct cert_list *ret)
{
    CMS_ContentInfo *info;
    struct cert_list certs;
    TRY(open_signed_data(t, octets, &info));
    ASN1_OCTET_STRING **content = CMS_get0_content(info);
    ENSURE(t, count_signers(info) == 0, E_CMS_MALFORMED, "certs-only, but signed");
    ENSURE(t, content == NULL || *content == NULL || ASN1_STRING_length(*content) == 0,
           E_CMS_MALFORMED, "certs-only, but with content");
    TRY(read_certs(t, info, &certs));
    ENSURE(t, certs.count > 0, E_CMS_MALFORMED, "certs-only, but without certificates");
    *ret = certs;
    return true;
}

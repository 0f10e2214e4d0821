#include "core/pki/issue.h"

#include "core/base/clock.h"
#include "core/pki/library.h"

#include <string.h>

#include <openssl/err.h>

#define KEY_ID_LEN 20
#define FIRST_TIME (-631152000000LL) /* 1950-01-01T00:00:00Z, RFC 5280 4.1.2.5.1 */
#define LAST_TIME  253402300799000LL /* 9999-12-31T23:59:59Z, RFC 5280 4.1.2.5 */

/* Positive and always of the same length: the top bit off, the next one on. */
static bool set_serial(struct task *t, X509 *x509)
{
    uint8_t serial[ISSUE_SERIAL_LEN];
    memcpy(serial, bytes_random(t->arena, sizeof(serial)).data, sizeof(serial));
    serial[0] = (uint8_t)((serial[0] & 0x7FU) | 0x40U);
    return ASN1_STRING_set(X509_get_serialNumber(x509), serial, sizeof(serial)) == 1;
}

static int64_t whole_seconds(int64_t wall)
{
    int64_t rest = wall % SECOND_MS;
    return wall - (rest < 0 ? rest + SECOND_MS : rest);
}

static bool set_validity(struct task *t, X509 *x509, const struct issue *issue)
{
    int64_t from = whole_seconds(issue->not_before);
    int64_t to = whole_seconds(issue->not_after);
    ENSURE(t, from >= FIRST_TIME && to <= LAST_TIME, E_INVALID,
           "validity that a certificate cannot express");
    ENSURE(t, from <= to, E_INVALID, "validity would end before it begins");
    if (issue->issuer != NULL)
        ENSURE(t, from >= cert_not_before(issue->issuer) && to <= cert_not_after(issue->issuer),
               E_INVALID, "validity from %s to %s exceeds the issuer's, from %s to %s",
               time_to_text(t->arena, from), time_to_text(t->arena, to),
               time_to_text(t->arena, cert_not_before(issue->issuer)),
               time_to_text(t->arena, cert_not_after(issue->issuer)));
    /* UTCTime up to 2049, GeneralizedTime from 2050 (RFC 5280 4.1.2.5). */
    ENSURE(t,
           ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)(from / SECOND_MS)) != NULL &&
               ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)(to / SECOND_MS)) != NULL,
           E_CRYPTO, "validity: %s", crypto_error(t));
    return true;
}

/* The parameters of an algorithm, duplicated: an object, or what is kept as a string; or nothing.
 */
static bool copy_parameters(const X509_ALGOR *algorithm, int *ret_type, void **ret)
{
    const void *value = NULL; /* which the library leaves alone where there are none */
    X509_ALGOR_get0(NULL, ret_type, &value, algorithm);
    *ret = NULL;
    if (value == NULL)
        return true;
    if (*ret_type == V_ASN1_OBJECT)
        *ret = OBJ_dup(value);
    else
        *ret = ASN1_STRING_dup(value);
    return *ret != NULL;
}

/*
 * The request's SubjectPublicKeyInfo as it stands.  libcrypto would write it out and decode it
 * again, at twice the price of a signature.
 */
static bool copy_spki(X509 *x509, const struct csr *csr)
{
    ASN1_OBJECT *oid;
    const unsigned char *bits;
    int len;
    X509_ALGOR *algorithm;
    int type;
    void *parameters;
    if (X509_PUBKEY_get0_param(&oid, &bits, &len, &algorithm,
                               X509_REQ_get_X509_PUBKEY(csr->request)) != 1 ||
        !copy_parameters(algorithm, &type, &parameters))
        return false;
    /* The library takes what it is given, when it succeeds; it fails only without memory. */
    unsigned char *own = OPENSSL_memdup(bits, (size_t)len);
    return own != NULL && X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(x509), OBJ_dup(oid), type,
                                                 parameters, own, len) == 1;
}

static bool set_key(X509 *x509, const struct issue *issue)
{
    return issue->csr == NULL ? X509_set_pubkey(x509, issue->key) == 1
                              : copy_spki(x509, issue->csr);
}

static bool set_fields(struct task *t, X509 *x509, const struct issue *issue)
{
    const X509_NAME *issuer =
        issue->issuer == NULL ? issue->subject : X509_get_subject_name(issue->issuer->x509);
    TRY(set_validity(t, x509, issue));
    ENSURE(t,
           X509_set_version(x509, X509_VERSION_3) == 1 && set_serial(t, x509) &&
               X509_set_subject_name(x509, issue->subject) == 1 &&
               X509_set_issuer_name(x509, issuer) == 1 && set_key(x509, issue),
           E_CRYPTO, "certificate: %s", crypto_error(t));
    return true;
}

/* RFC 7093 section 2 method 1. */
static bool key_identifier(struct task *t, const X509 *x509, ASN1_OCTET_STRING **ret)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    ASN1_OCTET_STRING *identifier = IN_ARENA(t, ASN1_OCTET_STRING_free, ASN1_OCTET_STRING_new());
    ENSURE(t,
           X509_pubkey_digest(x509, EVP_sha256(), digest, NULL) == 1 &&
               ASN1_OCTET_STRING_set(identifier, digest, KEY_ID_LEN) == 1,
           E_CRYPTO, "key identifier: %s", crypto_error(t));
    *ret = identifier;
    return true;
}

/* RFC 5280 4.2.1.1: the identifier is the issuer's, as its own certificate has it. */
static bool issuer_key_identifier(struct task *t, const struct issue *issue, X509 *x509,
                                  ASN1_OCTET_STRING **ret)
{
    X509 *issuer = issue->issuer == NULL ? x509 : issue->issuer->x509;
    const ASN1_OCTET_STRING *known =
        issue->issuer == NULL ? NULL : X509_get0_subject_key_id(issuer);
    ERR_clear_error();
    if (known == NULL)
        return key_identifier(t, issuer, ret);
    *ret = IN_ARENA(t, ASN1_OCTET_STRING_free, ASN1_OCTET_STRING_dup(known));
    return true;
}

static bool add_own_extensions(struct task *t, X509 *x509, const struct issue *issue)
{
    ASN1_OCTET_STRING *identifier;
    TRY(key_identifier(t, x509, &identifier));
    AUTHORITY_KEYID *authority = IN_ARENA(t, AUTHORITY_KEYID_free, AUTHORITY_KEYID_new());
    ASN1_OCTET_STRING *issuer_identifier;
    TRY(issuer_key_identifier(t, issue, x509, &issuer_identifier));
    authority->keyid = ASN1_OCTET_STRING_dup(issuer_identifier);
    bool added = X509_add1_ext_i2d(x509, NID_subject_key_identifier, identifier, 0,
                                   X509V3_ADD_DEFAULT) == 1 &&
                 X509_add1_ext_i2d(x509, NID_authority_key_identifier, authority, 0,
                                   X509V3_ADD_DEFAULT) == 1;
    if (added && issue->ca) {
        /* RFC 5280 4.2.1.9: critical in CA certificates. */
        BASIC_CONSTRAINTS *constraints =
            IN_ARENA(t, BASIC_CONSTRAINTS_free, BASIC_CONSTRAINTS_new());
        constraints->ca = 0xFF; /* X.690 11.1: DER has but one TRUE */
        if (issue->path_length >= 0) {
            constraints->pathlen = ASN1_INTEGER_new();
            added = constraints->pathlen != NULL &&
                    ASN1_INTEGER_set(constraints->pathlen, issue->path_length) == 1;
        }
        added = added && X509_add1_ext_i2d(x509, NID_basic_constraints, constraints, 1,
                                           X509V3_ADD_DEFAULT) == 1;
    }
    ENSURE(t, added, E_CRYPTO, "extensions: %s", crypto_error(t));
    return true;
}

/* RFC 5280 4.2.1.6: without a subject the SubjectAltName must be there, and critical. */
static bool name_somewhere(struct task *t, const struct issue *issue, X509_EXTENSIONS *extensions)
{
    if (X509_NAME_entry_count(issue->subject) > 0)
        return true;
    int at = X509v3_get_ext_by_NID(extensions, NID_subject_alt_name, -1);
    ENSURE(t, at >= 0, E_INVALID, "neither a subject nor a SubjectAltName");
    (void)X509_EXTENSION_set_critical(X509v3_get_ext(extensions, at), 1);
    return true;
}

static bool add_given_extensions(struct task *t, X509 *x509, const struct issue *issue)
{
    static const char *const ours[] = {OID_CE_SUBJECT_KEY_ID, OID_CE_AUTHORITY_KEY_ID,
                                       OID_CE_BASIC_CONSTRAINTS};
    for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
        ENSURE(t, extension_find(&issue->extensions, ours[i]) == NULL, E_INVALID,
               "the extension %s is made here and cannot be given", ours[i]);
    X509_EXTENSIONS *extensions;
    TRY(extensions_write(t, &issue->extensions, &extensions));
    TRY(name_somewhere(t, issue, extensions));
    for (int i = 0; i < sk_X509_EXTENSION_num(extensions); i++)
        ENSURE(t, X509_add_ext(x509, sk_X509_EXTENSION_value(extensions, i), -1) == 1, E_CRYPTO,
               "extensions: %s", crypto_error(t));
    return true;
}

bool issue_certificate(struct task *t, const struct issue *issue, const struct cert **ret)
{
    EVP_MD_CTX *ctx;
    X509 *x509 = IN_ARENA(t, X509_free, X509_new());
    const X509 *issuer = issue->issuer == NULL ? x509 : issue->issuer->x509;
    TRY(set_fields(t, x509, issue));
    TRY(add_own_extensions(t, x509, issue));
    TRY(add_given_extensions(t, x509, issue));
    ENSURE(t, X509_check_private_key(issuer, issue->issuer_key) == 1, E_INVALID,
           "the issuer's key is not that of its certificate: %s", crypto_error(t));
    TRY(signing_context(t, issue->issuer_key, natural_hash(issue->issuer_key), &ctx));
    ENSURE(t, X509_sign_ctx(x509, ctx) > 0, E_CRYPTO, "the certificate could not be signed: %s",
           crypto_error(t));
    return cert_of_x509(t, x509, ret);
}

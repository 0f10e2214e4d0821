#include "core/pki/crl_issue.h"

#include "core/base/clock.h"
#include "core/pki/library.h"

#include <openssl/err.h>

static ASN1_TIME *time_of(struct task *t, int64_t wall)
{
    /* RFC 5280 5.1.2.4: UTCTime up to 2049, GeneralizedTime from 2050. */
    return IN_ARENA(t, ASN1_TIME_free, ASN1_TIME_set(NULL, (time_t)(wall / SECOND_MS)));
}

static bool set_fields(struct task *t, X509_CRL *crl, const struct crl_issue *issue)
{
    const X509_NAME *name = X509_get_subject_name(issue->issuer->x509);
    ENSURE(t,
           X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
               X509_CRL_set_issuer_name(crl, (X509_NAME *)name) == 1 &&
               X509_CRL_set1_lastUpdate(crl, time_of(t, issue->this_update)) == 1 &&
               X509_CRL_set1_nextUpdate(crl, time_of(t, issue->next_update)) == 1,
           E_CRYPTO, "revocation list: %s", crypto_error(t));
    return true;
}

static bool set_reason(X509_REVOKED *revoked, int reason)
{
    if (reason == 0)
        return true;
    ASN1_ENUMERATED *value = ASN1_ENUMERATED_new();
    bool done = value != NULL && ASN1_ENUMERATED_set(value, reason) == 1 &&
                X509_REVOKED_add1_ext_i2d(revoked, NID_crl_reason, value, 0, 0) == 1;
    ASN1_ENUMERATED_free(value);
    return done;
}

static bool fill_entry(struct task *t, X509_REVOKED *revoked, const struct crl_entry *entry)
{
    BIGNUM *number = BN_bin2bn(entry->serial.data, (int)entry->serial.len, NULL);
    ASN1_INTEGER *serial = number == NULL ? NULL : BN_to_ASN1_INTEGER(number, NULL);
    ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)(entry->revoked / SECOND_MS));
    bool done =
        serial != NULL && when != NULL && X509_REVOKED_set_serialNumber(revoked, serial) == 1 &&
        X509_REVOKED_set_revocationDate(revoked, when) == 1 && set_reason(revoked, entry->reason);
    BN_free(number);
    ASN1_INTEGER_free(serial);
    ASN1_TIME_free(when);
    return done || fail(t, E_CRYPTO, "an entry of the revocation list: %s", crypto_error(t));
}

static bool add_entries(struct task *t, X509_CRL *crl, const struct crl_issue *issue)
{
    for (size_t i = 0; i < issue->count; i++) {
        X509_REVOKED *revoked = X509_REVOKED_new();
        ENSURE(t, revoked != NULL, E_CRYPTO, "no memory for a revocation list");
        if (!fill_entry(t, revoked, &issue->entries[i]) ||
            X509_CRL_add0_revoked(crl, revoked) != 1) {
            X509_REVOKED_free(revoked);
            return t->problem != NULL ? false
                                      : fail(t, E_CRYPTO, "revocation list: %s", crypto_error(t));
        }
    }
    return X509_CRL_sort(crl) == 1 || fail(t, E_CRYPTO, "revocation list: %s", crypto_error(t));
}

/* RFC 5280 5.2.1, 5.2.3: both must be there. */
static bool add_extensions(struct task *t, X509_CRL *crl, const struct crl_issue *issue)
{
    const ASN1_OCTET_STRING *identifier = X509_get0_subject_key_id(issue->issuer->x509);
    AUTHORITY_KEYID *authority = IN_ARENA(t, AUTHORITY_KEYID_free, AUTHORITY_KEYID_new());
    ASN1_INTEGER *number = IN_ARENA(t, ASN1_INTEGER_free, ASN1_INTEGER_new());
    ENSURE(t, identifier != NULL, E_INVALID, "the issuer has no SubjectKeyIdentifier");
    authority->keyid = ASN1_OCTET_STRING_dup(identifier);
    ENSURE(t,
           ASN1_INTEGER_set_uint64(number, issue->number) == 1 &&
               X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, authority, 0,
                                     X509V3_ADD_DEFAULT) == 1 &&
               X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, X509V3_ADD_DEFAULT) == 1,
           E_CRYPTO, "revocation list: %s", crypto_error(t));
    return true;
}

static bool check_issuer(struct task *t, const struct crl_issue *issue)
{
    ENSURE(t, issue->this_update < issue->next_update, E_INVALID,
           "a revocation list that ends before it begins");
    /* RFC 5280 4.2.1.3: an issuer whose key usage is stated must be allowed to. */
    ENSURE(t, (X509_get_key_usage(issue->issuer->x509) & KU_CRL_SIGN) != 0, E_INVALID,
           "%s may not sign revocation lists", cert_subject(t, issue->issuer));
    ENSURE(t, X509_check_private_key(issue->issuer->x509, issue->issuer_key) == 1, E_INVALID,
           "the issuer's key is not that of its certificate: %s", crypto_error(t));
    return true;
}

bool crl_issue(struct task *t, const struct crl_issue *issue, struct bytes *ret)
{
    EVP_MD_CTX *ctx;
    TRY(check_issuer(t, issue));
    X509_CRL *crl = IN_ARENA(t, X509_CRL_free, X509_CRL_new());
    TRY(set_fields(t, crl, issue));
    TRY(add_entries(t, crl, issue));
    TRY(add_extensions(t, crl, issue));
    TRY(signing_context(t, issue->issuer_key, natural_hash(issue->issuer_key), &ctx));
    ENSURE(t, X509_CRL_sign_ctx(crl, ctx) > 0, E_CRYPTO,
           "the revocation list could not be signed: %s", crypto_error(t));
    struct bytes der = ENCODE(t, i2d_X509_CRL, crl);
    ENSURE(t, bytes_present(der), E_CRYPTO, "revocation list: %s", crypto_error(t));
    *ret = der;
    return true;
}

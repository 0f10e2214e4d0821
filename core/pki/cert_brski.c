/* What BRSKI reads from a certificate (RFC 8995 section 2.3). */
#include "core/pki/library.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/sha.h>

bool cert_subject_serial(struct task *t, const struct cert *cert, const char **ret)
{
    const X509_NAME *subject = X509_get_subject_name(cert->x509);
    int at = X509_NAME_get_index_by_NID(subject, NID_serialNumber, -1);
    if (at < 0) {
        *ret = NULL;
        return true;
    }
    ENSURE(t, X509_NAME_get_index_by_NID(subject, NID_serialNumber, at) < 0, E_CERT_MALFORMED,
           "more than one serialNumber in the subject %s", name_text(t, subject));
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    ENSURE(t, string_text(t, value, ret), E_CERT_MALFORMED,
           "the serialNumber in the subject %s is no text", name_text(t, subject));
    return true;
}

static void string_cleanup(ASN1_IA5STRING **string)
{
    ASN1_IA5STRING_free(*string);
}

static bool is_visible_ascii(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= 0x20 || text.data[i] >= 0x7F)
            return false;
    }
    return text.len > 0;
}

/* RFC 8995 2.3.2: the extension's value is a DER IA5String holding a URI or an authority. */
bool cert_masa_url(struct task *t, const struct cert *cert, const char **ret)
{
    struct bytes value = cert_extension(t, cert, OID_PE_MASA_URL);
    if (!bytes_present(value)) {
        *ret = NULL;
        return true;
    }
    const unsigned char *at = value.data;
    CLEANUP(string_cleanup)
    ASN1_IA5STRING *string = d2i_ASN1_IA5STRING(NULL, &at, (long)value.len);
    ERR_clear_error();
    ENSURE(t, string != NULL && at == value.data + value.len && is_visible_ascii(octets_of(string)),
           E_CERT_MALFORMED, "the MASA URL extension is no IA5String with a URL: %s",
           bytes_to_hex(t->arena, value));
    *ret = bytes_to_text(t->arena, octets_of(string));
    return true;
}

bool cert_idevid_issuer(struct task *t, const struct cert *idevid, struct bytes *ret)
{
    /* RFC 8366bis 6.1: an AuthorityKeyIdentifier goes in as the whole extnValue. */
    int at = X509_get_ext_by_NID(idevid->x509, NID_authority_key_identifier, -1);
    if (at >= 0) {
        ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_get_ext(idevid->x509, at));
        *ret = ENCODE(t, i2d_ASN1_OCTET_STRING, value);
        return true;
    }
    /* Without one: OCTET STRING { SEQUENCE { [0] keyIdentifier } } around RFC 5280 4.2.1.2 (1). */
    static const uint8_t around[] = {0x04, 0x18, 0x30, 0x16, 0x80, SHA_DIGEST_LENGTH};
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len;
    ENSURE(t, X509_pubkey_digest(idevid->x509, EVP_sha1(), digest, &len) == 1, E_CRYPTO,
           "SHA-1 of the public key: %s", crypto_error(t));
    const struct bytes parts[] = {BYTES_ARRAY(around), {digest, len}};
    *ret = bytes_concat(t->arena, parts, ARRAY_SIZE(parts));
    return true;
}

/* RFC 8995 5.8.2: the domainID is the SubjectKeyIdentifier, or a digest of the public key. */
bool cert_domain_id(struct task *t, const struct cert *cert, struct bytes *ret)
{
    if (!bytes_present(cert_extension(t, cert, OID_CE_SUBJECT_KEY_ID))) {
        *ret = cert_spki_sha256(t, cert);
        return true;
    }
    const ASN1_OCTET_STRING *identifier = X509_get0_subject_key_id(cert->x509);
    ERR_clear_error();
    ENSURE(t, identifier != NULL && ASN1_STRING_length(identifier) > 0, E_CERT_MALFORMED,
           "the SubjectKeyIdentifier cannot be read");
    *ret = bytes_copy(t->arena, octets_of(identifier));
    return true;
}

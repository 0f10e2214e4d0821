/* What BRSKI reads from a certificate (RFC 8995 section 2.3). */
#include "core/pki/library.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/sha.h>

static void string_cleanup(ASN1_STRING **string)
{
    ASN1_STRING_free(*string);
}

static bool is_visible_ascii(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= 0x20 || text.data[i] >= 0x7F)
            return false;
    }
    return text.len > 0;
}

typedef ASN1_STRING *(*string_reader)(ASN1_STRING **unused, const unsigned char **at, long len);

/* The URL in DER of that string type and nothing else; NULL when it is none. */
static const char *url_in_string(struct task *t, struct bytes value, string_reader read)
{
    const unsigned char *at = value.data;
    CLEANUP(string_cleanup) ASN1_STRING *string = read(NULL, &at, (long)value.len);
    ERR_clear_error();
    if (string == NULL || at != value.data + value.len || !is_visible_ascii(octets_of(string)))
        return NULL;
    return bytes_to_text(t->arena, octets_of(string));
}

/* RFC 8995 2.3.2: an IA5String; what else is seen is told apart, for whoever allows it. */
static void read_url(struct task *t, struct bytes value, struct masa_url *url)
{
    url->text = url_in_string(t, value, d2i_ASN1_IA5STRING);
    if (url->text != NULL)
        return;
    url->no_ia5_string = true;
    url->text = url_in_string(t, value, d2i_ASN1_UTF8STRING);
    if (url->text == NULL && is_visible_ascii(value)) /* no string's tag is visible */
        url->text = bytes_to_text(t->arena, value);
}

bool cert_masa_url_found(struct task *t, const struct cert *cert, struct masa_url *ret)
{
    struct masa_url url = {.text = NULL};
    struct bytes value = cert_extension(t, cert, OID_PE_MASA_URL);
    if (!bytes_present(value)) {
        value = cert_extension(t, cert, OID_PE_MASA_URL_OLD);
        url.old_oid = bytes_present(value);
    }
    if (bytes_present(value)) {
        read_url(t, value, &url);
        ENSURE(t, url.text != NULL, E_CERT_MALFORMED,
               "the MASA URL extension is no IA5String with a URL: %s",
               bytes_to_hex(t->arena, value));
    }
    *ret = url;
    return true;
}

/* RFC 8995 2.3.2: the extension's value is a DER IA5String holding a URI or an authority. */
bool cert_masa_url(struct task *t, const struct cert *cert, const char **ret)
{
    struct masa_url url;
    TRY(cert_masa_url_found(t, cert, &url));
    ENSURE(t, url.old_oid || !url.no_ia5_string, E_CERT_MALFORMED,
           "the MASA URL extension is no IA5String with a URL: %s",
           bytes_to_hex(t->arena, cert_extension(t, cert, OID_PE_MASA_URL)));
    *ret = url.old_oid ? NULL : url.text;
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
#define KEY_ID_MAX 120 /* octets: every length below fits one octet */

bool cert_idevid_issuer_of_ca(struct task *t, const struct cert *ca, struct bytes *ret)
{
    const ASN1_OCTET_STRING *identifier = X509_get0_subject_key_id(ca->x509);
    ERR_clear_error();
    ENSURE(t, identifier != NULL && ASN1_STRING_length(identifier) > 0, E_CERT_MALFORMED,
           "the CA certificate of %s has no SubjectKeyIdentifier", cert_subject(t, ca));
    struct bytes key_id = octets_of(identifier);
    ENSURE(t, key_id.len <= KEY_ID_MAX, E_CERT_MALFORMED, "the SubjectKeyIdentifier has %zu octets",
           key_id.len);
    const uint8_t around[] = {0x04, (uint8_t)(key_id.len + 4), 0x30, (uint8_t)(key_id.len + 2),
                              0x80, (uint8_t)key_id.len};
    const struct bytes parts[] = {BYTES_ARRAY(around), key_id};
    *ret = bytes_concat(t->arena, parts, ARRAY_SIZE(parts));
    return true;
}

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

#include "core/pki/lint.h"

#include "core/pki/issue.h"
#include "core/pki/library.h"

#include <string.h>

#include <openssl/err.h>

#define SERIAL_LEN_MAX 20 /* RFC 5280 4.1.2.2 */
#define RSA_BITS_LEAST 2048
#define EC_BITS_LEAST  256
#define TIME_UTC_LAST  2524607999000LL /* 2049-12-31T23:59:59Z, RFC 5280 4.1.2.5 */

/* One rule; fails with E_LINT. */
typedef bool (*lint_rule)(struct task *t, const struct lint *l);

#define BROKEN(t, section, ...) fail((t), E_LINT, "RFC 5280 " section ": " __VA_ARGS__)
#define RULE(t, condition, section, ...)                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return BROKEN(t, section, __VA_ARGS__);                                                \
    } while (0)

static bool check_version(struct task *t, const struct lint *l)
{
    RULE(t, X509_get_version(l->cert->x509) == X509_VERSION_3, "4.1.2.1", "the version is not 3");
    return true;
}

static bool check_serial(struct task *t, const struct lint *l)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(l->cert->x509);
    const struct bytes octets = octets_of(serial);
    bool positive = (ASN1_STRING_type(serial) & V_ASN1_NEG) == 0 && octets.len > 0 &&
                    !(octets.len == 1 && octets.data[0] == 0);
    RULE(t, positive, "4.1.2.2", "the serial number is not positive");
    /* As encoded: a first octet above 0x7F takes one more for the sign. */
    size_t encoded = octets.len + (octets.data[0] > 0x7F);
    RULE(t, encoded <= SERIAL_LEN_MAX, "4.1.2.2", "the serial number has more than %d octets",
         SERIAL_LEN_MAX);
    return true;
}

static bool check_algorithm(struct task *t, const struct lint *l)
{
    const X509_ALGOR *outer;
    const X509_ALGOR *inner = X509_get0_tbs_sigalg(l->cert->x509);
    int digest = NID_undef;
    X509_get0_signature(NULL, &outer, l->cert->x509);
    RULE(t, X509_ALGOR_cmp(inner, outer) == 0, "4.1.1.2", "two different signature algorithms");
    (void)X509_get_signature_info(l->cert->x509, &digest, NULL, NULL, NULL);
    RULE(t, digest != NID_md5 && digest != NID_sha1, "4.1.1.2", "a signature with a broken hash");
    ERR_clear_error();
    return true;
}

static bool check_names(struct task *t, const struct lint *l)
{
    const X509_NAME *name = X509_get_issuer_name(l->cert->x509);
    RULE(t, X509_NAME_entry_count(name) > 0, "4.1.2.4", "the issuer has no name");
    RULE(t, l->issuer == NULL || X509_NAME_cmp(name, X509_get_subject_name(l->issuer->x509)) == 0,
         "4.1.2.4", "the issuer's name is not that of who signed");
    return true;
}

static bool check_time(struct task *t, const ASN1_TIME *time, int64_t wall)
{
    int wanted = wall <= TIME_UTC_LAST ? V_ASN1_UTCTIME : V_ASN1_GENERALIZEDTIME;
    RULE(t, ASN1_STRING_type(time) == wanted, "4.1.2.5", "a time in the wrong form");
    return true;
}

static bool check_validity(struct task *t, const struct lint *l)
{
    int64_t from = cert_not_before(l->cert);
    int64_t to = cert_not_after(l->cert);
    TRY(check_time(t, X509_get0_notBefore(l->cert->x509), from));
    TRY(check_time(t, X509_get0_notAfter(l->cert->x509), to));
    RULE(t, from <= to, "4.1.2.5", "the validity ends before it begins");
    RULE(t, l->issuer == NULL || to <= cert_not_after(l->issuer), "6.1.3",
         "it outlives the certificate of its issuer");
    return true;
}

/* RFC 5280 A.1: upper bounds; RFC 5280 4.1.2.4: the string types. */
static bool check_attribute(struct task *t, const X509_NAME_ENTRY *entry)
{
    static const struct {
        int nid;
        int max; /* characters */
    } bounds[] = {
        {NID_countryName, 2},           {NID_commonName, 64},
        {NID_organizationName, 64},     {NID_organizationalUnitName, 64},
        {NID_serialNumber, 64},         {NID_localityName, 128},
        {NID_stateOrProvinceName, 128},
    };
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);
    int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    const char *text;
    RULE(t, string_text(t, value, &text), "4.1.2.4", "a subject attribute that is no plain text");
    RULE(t, !name_wants_printable(entry) || ASN1_STRING_type(value) == V_ASN1_PRINTABLESTRING,
         "A.1", "%s is no PrintableString", OBJ_nid2sn(nid));
    for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
        if (bounds[i].nid != nid)
            continue;
        RULE(t, ASN1_STRING_length(value) <= bounds[i].max || strlen(text) <= (size_t)bounds[i].max,
             "A.1", "%s has more than %d characters", OBJ_nid2sn(nid), bounds[i].max);
    }
    return true;
}

static bool check_subject(struct task *t, const struct lint *l)
{
    const X509_NAME *subject = X509_get_subject_name(l->cert->x509);
    for (int i = 0; i < X509_NAME_entry_count(subject); i++)
        TRY(check_attribute(t, X509_NAME_get_entry(subject, i)));
    if (X509_NAME_entry_count(subject) > 0)
        return true;
    int at = X509_get_ext_by_NID(l->cert->x509, NID_subject_alt_name, -1);
    RULE(t, at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(l->cert->x509, at)) == 1, "4.2.1.6",
         "neither a subject nor critical alternative names");
    return true;
}

static bool check_key(struct task *t, const struct lint *l)
{
    const EVP_PKEY *key = l->key;
    RULE(t, key != NULL, "4.1.2.7", "the public key cannot be read");
    int bits = EVP_PKEY_get_bits(key);
    RULE(t, EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || bits >= RSA_BITS_LEAST, "4.1.2.7",
         "an RSA key of %d bits", bits);
    RULE(t, EVP_PKEY_get_base_id(key) != EVP_PKEY_EC || bits >= EC_BITS_LEAST, "4.1.2.7",
         "an elliptic-curve key of %d bits", bits);
    return true;
}

/* What every certificate has, and what none has twice. */
static bool check_extensions(struct task *t, const struct lint *l)
{
    const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(l->cert->x509);
    const ASN1_OCTET_STRING *authority = X509_get0_authority_key_id(l->cert->x509);
    const ASN1_OCTET_STRING *theirs =
        l->issuer == NULL ? NULL : X509_get0_subject_key_id(l->issuer->x509);
    struct extension_list list;
    if (!extensions_read(t, X509_get0_extensions(l->cert->x509), E_LINT, &list))
        return false;
    RULE(t, own != NULL, "4.2.1.2", "no SubjectKeyIdentifier");
    RULE(t, authority != NULL, "4.2.1.1", "no AuthorityKeyIdentifier with a key");
    RULE(t, theirs == NULL || ASN1_OCTET_STRING_cmp(authority, theirs) == 0, "4.2.1.1",
         "the AuthorityKeyIdentifier is not that of who signed");
    for (size_t i = 0; i < list.count; i++)
        RULE(t, list.items[i].value.len > 0, "4.2", "the extension %s is empty", list.items[i].oid);
    return true;
}

static bool check_powers(struct task *t, const struct lint *l)
{
    int at = X509_get_ext_by_NID(l->cert->x509, NID_key_usage, -1);
    uint32_t usage = X509_get_key_usage(l->cert->x509);
    RULE(t, (X509_get_extension_flags(l->cert->x509) & EXFLAG_CA) == 0, "4.2.1.9",
         "an end entity's certificate says it is a CA's");
    if (at < 0)
        return true;
    RULE(t, X509_EXTENSION_get_critical(X509_get_ext(l->cert->x509, at)) == 1, "4.2.1.3",
         "the key usage is not critical");
    RULE(t, usage != 0, "4.2.1.3", "a key usage without any use");
    RULE(t, (usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) == 0, "4.2.1.3",
         "an end entity's key that may sign for a CA");
    bool rsa = EVP_PKEY_get_base_id(l->key) == EVP_PKEY_RSA;
    /* RFC 8813 section 3: an elliptic-curve key enciphers nothing. */
    RULE(t, rsa || (usage & (KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT)) == 0, "4.2.1.3",
         "a key that cannot encipher is to encipher");
    return true;
}

/* RFC 8994 6.2.2: an AcpNodeName is an IA5String. */
static bool check_other_name(struct task *t, const GENERAL_NAME *name)
{
    ASN1_OBJECT *oid;
    ASN1_TYPE *value;
    if (GENERAL_NAME_get0_otherName(name, &oid, &value) != 1 ||
        strcmp(oid_text(t, oid), OID_ON_ACP_NODE_NAME) != 0)
        return true;
    RULE(t, ASN1_TYPE_get(value) == V_ASN1_IA5STRING, "4.2.1.6",
         "an AcpNodeName that is no IA5String");
    return true;
}

static bool check_general_name(struct task *t, const GENERAL_NAME *name)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    switch (type) {
    case GEN_DNS:
        RULE(t, is_host_name(octets_of(value)), "4.2.1.6", "a dNSName that is no DNS name: %s",
             text_printable(t, octets_of(value)));
        return true;
    case GEN_IPADD:
        RULE(t, octets_of(value).len == 4 || octets_of(value).len == 16, "4.2.1.6",
             "an iPAddress of %zu octets", octets_of(value).len);
        return true;
    case GEN_URI:
        RULE(t, memchr(octets_of(value).data, ':', octets_of(value).len) != NULL, "4.2.1.6",
             "a URI without scheme");
        return true;
    case GEN_OTHERNAME:
        return check_other_name(t, name);
    default:
        return true;
    }
}

static void release_names(void *names)
{
    GENERAL_NAMES_free(names);
}

static bool check_alt_names(struct task *t, const struct lint *l)
{
    int critical;
    GENERAL_NAMES *names = X509_get_ext_d2i(l->cert->x509, NID_subject_alt_name, &critical, NULL);
    ERR_clear_error();
    if (names != NULL)
        arena_defer(t->arena, release_names, names);
    RULE(t, names != NULL || critical == -1, "4.2.1.6", "alternative names that cannot be read");
    RULE(t, names == NULL || sk_GENERAL_NAME_num(names) > 0, "4.2.1.6",
         "no alternative name in it");
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        TRY(check_general_name(t, sk_GENERAL_NAME_value(names, i)));
    return true;
}

static bool check_ext_key_usage(struct task *t, const struct lint *l)
{
    int at = X509_get_ext_by_NID(l->cert->x509, NID_ext_key_usage, -1);
    if (at < 0)
        return true;
    EXTENDED_KEY_USAGE *usages = X509V3_EXT_d2i(X509_get_ext(l->cert->x509, at));
    int count = usages == NULL ? 0 : sk_ASN1_OBJECT_num(usages);
    EXTENDED_KEY_USAGE_free(usages);
    ERR_clear_error();
    RULE(t, count > 0, "4.2.1.12", "an extended key usage without any use");
    return true;
}

/* Names and usages first: what cannot be read there spoils what libcrypto makes of the others. */
static const lint_rule rules[] = {
    check_version,  check_serial,  check_algorithm,  check_names,
    check_validity, check_subject, check_alt_names,  check_ext_key_usage,
    check_key,      check_powers,  check_extensions,
};

bool lint_certificate(struct task *t, const struct lint *l)
{
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        TRY(rules[i](t, l));
    return true;
}

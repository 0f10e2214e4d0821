/* What no CA may give a device, whatever the connector. */
#include "ca-connectors/ca_internal.h"

#include "core/pki/lint.h"

#include <strings.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define OID_MAX 128 /* characters of a dotted OID */

/*
 * RFC 7030 3.6.1: a client takes whoever holds id-kp-cmcRA for an EST server, and RFC 8995 5.5.4
 * has the MASA take it for a registrar; id-kp-cmcCA speaks for a CA likewise.  anyExtendedKeyUsage
 * (RFC 5280 4.2.1.12) passes for both where the check is lenient.
 */
static const char *const forbidden_usages[] = {OID_KP_CMC_RA, OID_KP_CMC_CA, "2.5.29.37.0"};

/* "cmcRA" or dotted: the same object. */
static bool names_object(const char *name, const char *oid)
{
    ASN1_OBJECT *one = OBJ_txt2obj(name, 0);
    ASN1_OBJECT *other = OBJ_txt2obj(oid, 1);
    bool same = one != NULL && other != NULL && OBJ_cmp(one, other) == 0;
    ASN1_OBJECT_free(one);
    ASN1_OBJECT_free(other);
    return same;
}

/* Before the CA is asked: what was signed once exists. */
static bool check_profile(struct task *t, const struct profile *profile)
{
    for (size_t i = 0; i < profile->ext_key_usage.count; i++) {
        for (size_t j = 0; j < ARRAY_SIZE(forbidden_usages); j++)
            ENSURE(t, !names_object(profile->ext_key_usage.items[i], forbidden_usages[j]),
                   E_CA_FORBIDDEN_EKU, "profile %s has the extended key usage %s", profile->name,
                   profile->ext_key_usage.items[i]);
    }
    return true;
}

static bool may_sign_certificates(const struct cert *cert)
{
    return (X509_get_extension_flags(cert->x509) & EXFLAG_KUSAGE) != 0 &&
           (X509_get_key_usage(cert->x509) & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0;
}

static bool check_powers(struct task *t, const struct cert *cert)
{
    ENSURE(t, !cert_is_ca(cert) && !may_sign_certificates(cert), E_CA_FORBIDDEN_EKU,
           "the certificate for a device is that of a CA");
    for (size_t i = 0; i < ARRAY_SIZE(forbidden_usages); i++)
        ENSURE(t, !cert_has_eku(cert, forbidden_usages[i]), E_CA_FORBIDDEN_EKU,
               "the certificate has the extended key usage %s", forbidden_usages[i]);
    return true;
}

static bool has_name(const struct text_list *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcasecmp(names->items[i], name) == 0)
            return true;
    }
    return false;
}

/* RFC 7030 4.2.1: the names asked for are those that the owner told the device to ask for. */
static bool check_names(struct task *t, const struct cert *cert, const struct csr *csr)
{
    struct text_list asked = {NULL, 0};
    struct text_list given;
    const struct bytes names = csr_wanted_alt_names(csr);
    if (bytes_present(names))
        TRY(alt_names_to_text(t, names, &asked));
    TRY(cert_alt_names(t, cert, &given));
    for (size_t i = 0; i < asked.count; i++)
        ENSURE(t, has_name(&given, asked.items[i]), E_CA_REFUSED,
               "the CA's certificate lacks the name %s", asked.items[i]);
    ENSURE(t, given.count > 0 || X509_NAME_entry_count(X509_get_subject_name(cert->x509)) > 0,
           E_CA_REFUSED, "the CA's certificate names nobody");
    return true;
}

/* Each usage in the request is in the certificate. */
static bool has_key_usage(const struct cert *cert, struct bytes asked)
{
    const unsigned char *at = asked.data;
    ASN1_BIT_STRING *bits = d2i_ASN1_BIT_STRING(NULL, &at, (long)asked.len);
    ASN1_BIT_STRING *given = X509_get_ext_d2i(cert->x509, NID_key_usage, NULL, NULL);
    bool has = bits != NULL && given != NULL;
    for (int i = 0; has && i < 8 * ASN1_STRING_length(bits); i++)
        has = ASN1_BIT_STRING_get_bit(bits, i) == 0 || ASN1_BIT_STRING_get_bit(given, i) == 1;
    ASN1_BIT_STRING_free(bits);
    ASN1_BIT_STRING_free(given);
    ERR_clear_error();
    return has;
}

static bool has_ext_key_usage(struct task *t, const struct cert *cert, struct bytes asked)
{
    const unsigned char *at = asked.data;
    EXTENDED_KEY_USAGE *list = d2i_EXTENDED_KEY_USAGE(NULL, &at, (long)asked.len);
    bool has = list != NULL;
    for (int i = 0; has && i < sk_ASN1_OBJECT_num(list); i++) {
        char *oid = arena_alloc(t->arena, OID_MAX);
        (void)OBJ_obj2txt(oid, OID_MAX, sk_ASN1_OBJECT_value(list, i), 1);
        has = cert_has_eku(cert, oid);
    }
    EXTENDED_KEY_USAGE_free(list);
    ERR_clear_error();
    return has;
}

static bool check_usages(struct task *t, const struct cert *cert, const struct ca_request *request)
{
    const struct extension_list *asked = &request->csr->extensions;
    const struct extension *key = extension_find(asked, OID_CE_KEY_USAGE);
    const struct extension *extended = extension_find(asked, OID_CE_EXT_KEY_USAGE);
    ENSURE(t,
           request->profile->ask_key_usage == PROFILE_ASK_NO || key == NULL ||
               has_key_usage(cert, key->value),
           E_CA_REFUSED, "the CA's certificate lacks a key usage that the profile asks for");
    ENSURE(t,
           request->profile->ask_ext_key_usage == PROFILE_ASK_NO || extended == NULL ||
               has_ext_key_usage(t, cert, extended->value),
           E_CA_REFUSED,
           "the CA's certificate lacks an extended key usage that the profile asks for");
    return true;
}

/* What the profile has made the device ask for is in what it gets. */
static bool check_extensions(struct task *t, const struct cert *cert,
                             const struct ca_request *request)
{
    const struct profile_extension *wanted = request->profile->extensions.items;
    for (size_t i = 0; i < request->profile->extensions.count; i++) {
        const struct extension *asked = extension_find(&request->csr->extensions, wanted[i].oid);
        ENSURE(t,
               asked == NULL || bytes_equal(cert_extension(t, cert, wanted[i].oid), asked->value),
               E_CA_REFUSED, "the CA's certificate lacks the extension %s, or has another value",
               wanted[i].oid);
    }
    return true;
}

static bool check_certificate(struct task *t, const struct ca_result *result,
                              const struct ca_request *request)
{
    const struct cert *cert = result->certificate;
    const struct csr *csr = request->csr;
    ENSURE(t, bytes_equal(cert_spki(t, cert), csr->spki), E_CA_REFUSED,
           "the CA's certificate is for another key");
    TRY(check_powers(t, cert));
    TRY(check_names(t, cert, csr));
    TRY(check_usages(t, cert, request));
    TRY(check_extensions(t, cert, request));
    const struct lint lint = {cert, csr->key, result->issuer};
    return lint_certificate(t, &lint);
}

bool ca_enrol(struct task *t, const struct ca *ca, const struct ca_request *request,
              struct ca_result *ret)
{
    struct ca_result result;
    TRY(check_profile(t, request->profile));
    if (!ca->connector->enrol(t, ca->handle, request, &result))
        return fail_context(t, "CA %s", ca->name);
    if (result.outcome == CA_ISSUED && !check_certificate(t, &result, request))
        return fail_context(t, "CA %s", ca->name);
    *ret = result;
    return true;
}

#include "core/pki/csr_fill.h"

#include "core/pki/library.h"

#include <string.h>

#include <openssl/err.h>

#define END_ENTITY BYTES_LITERAL("\x30\x00") /* BasicConstraints without anything in it */

/* The first attribute of that kind in the IDevID's subject; NULL: none. */
static const ASN1_STRING *own_attribute(const struct csr_facts *facts, const ASN1_OBJECT *oid)
{
    const X509_NAME *subject = X509_get_subject_name(facts->idevid->x509);
    int at = X509_NAME_get_index_by_OBJ(subject, oid, -1);
    return at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
}

/* What goes into the subject for an attribute without a value. */
static bool find_own(struct task *t, const struct csr_facts *facts, const char *dotted,
                     const ASN1_OBJECT *oid, const ASN1_STRING **ret)
{
    const ASN1_STRING *own = own_attribute(facts, oid);
    if (own == NULL && OBJ_obj2nid(oid) == NID_commonName)
        own = own_attribute(facts, OBJ_nid2obj(NID_serialNumber));
    ENSURE(t, own != NULL, E_CSRATTRS_UNMET,
           "the subject is to have %s, which the IDevID's has not", dotted);
    *ret = own;
    return true;
}

static bool given_value(struct task *t, const struct name_attribute *attribute,
                        const ASN1_STRING **ret)
{
    const unsigned char *at = attribute->value.data;
    ASN1_STRING *value = d2i_ASN1_PRINTABLE(NULL, &at, (long)attribute->value.len);
    const char *unused;
    ENSURE(t, value != NULL, E_CSRATTRS_MALFORMED, "the subject's %s is no string: %s",
           attribute->oid, crypto_error(t));
    ARENA_DEFER(t->arena, ASN1_STRING_free, value);
    ENSURE(t, string_text(t, value, &unused), E_CSRATTRS_MALFORMED, "the subject's %s is no text",
           attribute->oid);
    *ret = value;
    return true;
}

static bool fill_attribute(struct task *t, const struct csr_facts *facts,
                           const struct name_attribute *attribute, bool first, X509_NAME *name)
{
    ASN1_OBJECT *oid;
    const ASN1_STRING *value;
    TRY(oid_object(t, attribute->oid, &oid));
    if (bytes_present(attribute->value))
        TRY(given_value(t, attribute, &value));
    else
        TRY(find_own(t, facts, attribute->oid, oid, &value));
    ENSURE(t,
           X509_NAME_add_entry_by_OBJ(name, oid, ASN1_STRING_type(value),
                                      ASN1_STRING_get0_data(value), ASN1_STRING_length(value), -1,
                                      first ? 0 : -1) == 1,
           E_CSRATTRS_MALFORMED, "the subject's %s: %s", attribute->oid, crypto_error(t));
    return true;
}

static bool fill_subject(struct task *t, const struct csr_template *template,
                         const struct csr_facts *facts, X509_NAME **ret)
{
    if (!template->has_subject) {
        *ret = X509_get_subject_name(facts->idevid->x509);
        return true;
    }
    X509_NAME *name = IN_ARENA(t, X509_NAME_free, X509_NAME_new());
    for (size_t i = 0; i < template->rdn_count; i++) {
        for (size_t j = 0; j < template->rdns[i].count; j++)
            TRY(fill_attribute(t, facts, &template->rdns[i].items[j], j == 0, name));
    }
    *ret = name;
    return true;
}

/* RFC 9908 3.4: some names may be there with nothing in them. */
static bool fill_name(struct task *t, const struct csr_facts *facts, X509_NAME *subject,
                      GENERAL_NAME *name, bool *ret_changed)
{
    int type;
    void *value = GENERAL_NAME_get0_value(name, &type);
    if (type == GEN_DIRNAME && X509_NAME_entry_count(value) == 0) {
        ENSURE(t, X509_NAME_set(&name->d.directoryName, subject) == 1, E_CRYPTO,
               "directoryName: %s", crypto_error(t));
        *ret_changed = true;
    } else if (type == GEN_IPADD && ASN1_STRING_length(value) == 0) {
        ENSURE(t, bytes_present(facts->address), E_CSRATTRS_UNMET,
               "an iPAddress is wanted, and the device's address is not known");
        ENSURE(t, ASN1_STRING_set(value, facts->address.data, (int)facts->address.len) == 1,
               E_CRYPTO, "iPAddress: %s", crypto_error(t));
        *ret_changed = true;
    }
    return true;
}

static bool fill_alt_names(struct task *t, const struct csr_facts *facts, X509_NAME *subject,
                           struct bytes *value)
{
    const unsigned char *at = value->data;
    bool changed = false;
    GENERAL_NAMES *names = d2i_GENERAL_NAMES(NULL, &at, (long)value->len);
    ENSURE(t, names != NULL, E_CSRATTRS_MALFORMED, "a SubjectAltName that cannot be read: %s",
           crypto_error(t));
    ARENA_DEFER(t->arena, GENERAL_NAMES_free, names);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        TRY(fill_name(t, facts, subject, sk_GENERAL_NAME_value(names, i), &changed));
    /* Nothing to fill: octet for octet as it came. */
    if (changed)
        *value = ENCODE(t, i2d_GENERAL_NAMES, names);
    return true;
}

/* RFC 5280 4.2.1.2 (1): SHA-1 of the key's bits. */
static struct bytes key_identifier(struct task *t, EVP_PKEY *key)
{
    X509_PUBKEY *spki = NULL;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    const unsigned char *bits;
    int count = 0;
    bool hashed = X509_PUBKEY_set(&spki, key) == 1 &&
                  X509_PUBKEY_get0_param(NULL, &bits, &count, NULL, spki) == 1 &&
                  EVP_Digest(bits, (size_t)count, digest, &len, EVP_sha1(), NULL) == 1;
    X509_PUBKEY_free(spki);
    ASN1_OCTET_STRING *identifier = IN_ARENA(t, ASN1_OCTET_STRING_free, ASN1_OCTET_STRING_new());
    if (!hashed || ASN1_OCTET_STRING_set(identifier, digest, (int)len) != 1)
        return BYTES_ABSENT;
    return ENCODE(t, i2d_ASN1_OCTET_STRING, identifier);
}

static bool own_extension(struct task *t, const struct csr_facts *facts, const char *oid,
                          struct bytes *ret)
{
    static const char *const usage[] = {"digitalSignature"};
    static const char *const purpose[] = {"clientAuth"};
    const struct text_list usages = {(const char **)usage, 1};
    const struct text_list purposes = {(const char **)purpose, 1};
    struct bytes value;
    if (strcmp(oid, OID_CE_KEY_USAGE) == 0)
        return extension_key_usage(t, &usages, ret);
    if (strcmp(oid, OID_CE_EXT_KEY_USAGE) == 0)
        return extension_ext_key_usage(t, &purposes, ret);
    if (strcmp(oid, OID_CE_BASIC_CONSTRAINTS) == 0)
        value = END_ENTITY;
    else if (strcmp(oid, OID_CE_SUBJECT_KEY_ID) == 0)
        value = key_identifier(t, facts->key);
    else
        value = cert_extension(t, facts->idevid, oid);
    ENSURE(t, bytes_present(value), E_CSRATTRS_UNMET,
           "the extension %s is to be filled, and the IDevID has none", oid);
    *ret = value;
    return true;
}

static bool fill_extensions(struct task *t, const struct csr_template *template,
                            const struct csr_facts *facts, struct csr_content *content)
{
    const struct extension_list *wanted = &template->extensions;
    struct extension *items = arena_array(t->arena, wanted->count, sizeof(*items));
    for (size_t i = 0; i < wanted->count; i++) {
        items[i] = wanted->items[i];
        if (!bytes_present(items[i].value))
            TRY(own_extension(t, facts, items[i].oid, &items[i].value));
        else if (strcmp(items[i].oid, OID_CE_SUBJECT_ALT_NAME) == 0)
            TRY(fill_alt_names(t, facts, content->subject, &items[i].value));
    }
    content->extensions = (struct extension_list){items, wanted->count};
    return true;
}

bool csr_fill(struct task *t, const struct csr_template *template, const struct csr_facts *facts,
              struct csr_content *ret)
{
    struct csr_content content = {
        .attributes = template->attributes,
        .attribute_count = template->attribute_count,
    };
    TRY(fill_subject(t, template, facts, &content.subject));
    TRY(fill_extensions(t, template, facts, &content));
    *ret = content;
    return true;
}

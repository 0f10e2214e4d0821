/* RFC 8995 5.9.2: is the request what the device was told to ask for? */
#include "est/profile.h"

#include "core/store/records/certificate.h"

#include <string.h>

bool csr_key_as_asked(struct task *t, const struct csr *csr, const struct csrattrs *asked)
{
    ENSURE(t, asked->key == KEY_OTHER || csr->key_kind == asked->key, E_CSR_NOT_AS_ASKED,
           "key is %s, asked for is %s", key_kind_text(t, csr->key_kind, csr->key_bits),
           key_kind_text(t, asked->key, asked->rsa_bits));
    ENSURE(t, asked->rsa_bits == 0 || csr->key_bits == asked->rsa_bits, E_CSR_NOT_AS_ASKED,
           "the RSA key has %u bits, asked for are %u", csr->key_bits, asked->rsa_bits);
    ENSURE(t, asked->signature_oid == NULL || strcmp(csr->signature_oid, asked->signature_oid) == 0,
           E_CSR_NOT_AS_ASKED, "signed with algorithm %s, asked for is %s", csr->signature_oid,
           asked->signature_oid);
    return true;
}

static bool check_extensions(struct task *t, const struct csr *csr, const struct csrattrs *asked)
{
    for (size_t i = 0; i < asked->extensions.count; i++) {
        const struct extension *want = &asked->extensions.items[i];
        const struct extension *got = extension_find(&csr->extensions, want->oid);
        ENSURE(t, got != NULL, E_CSR_NOT_AS_ASKED, "extension %s is missing", want->oid);
        ENSURE(t, bytes_equal(got->value, want->value), E_CSR_NOT_AS_ASKED,
               "extension %s has another value than the one given: %s", want->oid,
               bytes_to_hex(t->arena, got->value));
    }
    for (size_t i = 0; i < csr->extensions.count; i++) {
        const char *oid = csr->extensions.items[i].oid;
        ENSURE(t, extension_find(&asked->extensions, oid) != NULL, E_CSR_NOT_AS_ASKED,
               "extension %s was not asked for", oid);
    }
    return true;
}

static bool same_attribute(const X509_NAME_ENTRY *a, const X509_NAME_ENTRY *b)
{
    return OBJ_cmp(X509_NAME_ENTRY_get_object(a), X509_NAME_ENTRY_get_object(b)) == 0 &&
           ASN1_STRING_cmp(X509_NAME_ENTRY_get_data(a), X509_NAME_ENTRY_get_data(b)) == 0;
}

/* How often the name has this attribute with this value. */
static int count_attribute(const X509_NAME *name, const X509_NAME_ENTRY *entry)
{
    int count = 0;
    for (int i = 0; i < X509_NAME_entry_count(name); i++)
        count += same_attribute(X509_NAME_get_entry(name, i), entry);
    return count;
}

/* Characters that stand for themselves: not a type whose octets merely look like a name. */
static bool is_plain_string(const ASN1_STRING *value)
{
    int type = ASN1_STRING_type(value);
    return type == V_ASN1_UTF8STRING || type == V_ASN1_PRINTABLESTRING || type == V_ASN1_IA5STRING;
}

/* A common name may repeat a name that was given as subjectAltName. */
static bool repeats_given_name(struct task *t, const struct csrattrs *asked,
                               const X509_NAME_ENTRY *entry)
{
    const struct extension *san = extension_find(&asked->extensions, OID_CE_SUBJECT_ALT_NAME);
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);
    struct text_list names;
    if (OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) != NID_commonName ||
        !is_plain_string(value) || san == NULL)
        return false;
    if (!alt_names_to_text(t, san->value, &names)) {
        task_forgive(t);
        return false;
    }
    struct bytes stated =
        bytes_make(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    for (size_t i = 0; i < names.count; i++) {
        const char *name = strchr(names.items[i], ':');
        if (name != NULL && bytes_equal(bytes_of_text(name + 1), stated))
            return true;
    }
    return false;
}

/* Each attribute as often as the IDevID has it, and the given name once besides. */
static bool check_subject(struct task *t, const struct csr *csr, const struct csrattrs *asked,
                          const struct cert *idevid)
{
    const X509_NAME *subject = X509_REQ_get_subject_name(csr->request);
    const X509_NAME *stated = X509_get_subject_name(idevid->x509);
    for (int i = 0; i < X509_NAME_entry_count(subject); i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, i);
        int allowed = count_attribute(stated, entry) + repeats_given_name(t, asked, entry);
        ENSURE(t, count_attribute(subject, entry) <= allowed, E_CSR_NOT_AS_ASKED,
               "the subject %s states what neither the IDevID (%s) nor the CSR attributes do, or "
               "more often",
               csr_subject(t, csr), cert_subject(t, idevid));
    }
    ENSURE(t, strlen(csr_subject(t, csr)) <= CERTIFICATE_SUBJECT_MAX, E_CSR_NOT_AS_ASKED,
           "the subject is longer than %d characters", CERTIFICATE_SUBJECT_MAX);
    return true;
}

bool csr_rest_as_asked(struct task *t, const struct csr *csr, const struct csrattrs *asked,
                       const struct cert *idevid)
{
    TRY(check_extensions(t, csr, asked));
    return check_subject(t, csr, asked, idevid);
}

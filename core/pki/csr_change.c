/* ChangeSubjectName in a certification request (RFC 6402 2.8, RFC 7030 4.2.2). */
#include "core/pki/library.h"

#include <string.h>

#include <openssl/err.h>

#define CLASS_MASK    0xC0U
#define TAG_SEQUENCE  0x30U
#define TAG_SET       0x31U
#define TAG_ALT_NAMES 0xA1U /* [1], as erratum 3943 has it */

/* 1.3.6.1.5.5.7.7.36 */
static const uint8_t change_oid[] = {0x2B, 6, 1, 5, 5, 7, 7, 36};

static bool is_change(X509_ATTRIBUTE *attribute)
{
    const ASN1_OBJECT *oid = X509_ATTRIBUTE_get0_object(attribute);
    return OBJ_length(oid) == sizeof(change_oid) &&
           memcmp(OBJ_get0_data(oid), change_oid, sizeof(change_oid)) == 0;
}

static void release_parts(void *parts)
{
    sk_ASN1_TYPE_pop_free(parts, ASN1_TYPE_free);
}

/* What is inside, without tag and length. */
static struct bytes content_of(struct bytes der)
{
    const unsigned char *at = der.data;
    long len = 0;
    int tag;
    int class;
    int broken = ASN1_get_object(&at, &len, &tag, &class, (long)der.len);
    ERR_clear_error();
    return (broken & 0x80) != 0 || len < 0 ? BYTES_ABSENT : bytes_make(at, (size_t)len);
}

static bool read_subject(struct task *t, struct bytes der, struct csr_change *change)
{
    const unsigned char *at = der.data;
    ENSURE(t, change->subject == NULL && !bytes_present(change->alt_names), E_CSR_MALFORMED,
           "ChangeSubjectName has a subject twice, or behind the names");
    X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)der.len);
    ENSURE(t, name != NULL, E_CSR_MALFORMED, "the subject of ChangeSubjectName: %s",
           crypto_error(t));
    ARENA_DEFER(t->arena, X509_NAME_free, name);
    ENSURE(t, at == der.data + der.len, E_CSR_MALFORMED, "octets after a subject");
    change->subject = name;
    return true;
}

static bool read_alt_names(struct task *t, struct bytes der, struct csr_change *change)
{
    struct text_list unused;
    uint8_t *own = (uint8_t *)arena_alloc(t->arena, der.len);
    ENSURE(t, !bytes_present(change->alt_names), E_CSR_MALFORMED,
           "ChangeSubjectName has alternative names twice");
    memcpy(own, der.data, der.len);
    own[0] = TAG_SEQUENCE;
    struct bytes names = bytes_make(own, der.len);
    TRY(alt_names_to_text(t, names, &unused));
    ENSURE(t, unused.count > 0, E_CSR_MALFORMED, "ChangeSubjectName has no alternative name in it");
    change->alt_names = names;
    return true;
}

/*
 * RFC 6402 2.8 as published gives both parts the same tag; erratum 3943 has [1] for the names.
 * Clients do either: what is inside tells them apart.
 */
static bool read_part(struct task *t, struct bytes der, struct csr_change *change)
{
    struct bytes content = content_of(der);
    uint8_t first = content.len > 0 ? content.data[0] : TAG_SET;
    if (der.data[0] == TAG_SEQUENCE && first == TAG_SET)
        return read_subject(t, der, change);
    if (der.data[0] == TAG_ALT_NAMES ||
        (der.data[0] == TAG_SEQUENCE && (first & CLASS_MASK) == V_ASN1_CONTEXT_SPECIFIC))
        return read_alt_names(t, der, change);
    return fail(t, E_CSR_MALFORMED, "ChangeSubjectName has a part that is no name");
}

static bool read_value(struct task *t, const ASN1_TYPE *value, struct csr_change *change)
{
    ENSURE(t, ASN1_TYPE_get(value) == V_ASN1_SEQUENCE, E_CSR_MALFORMED,
           "ChangeSubjectName holds no SEQUENCE");
    struct bytes der = octets_of(value->value.sequence);
    const unsigned char *at = der.data;
    ASN1_SEQUENCE_ANY *parts = d2i_ASN1_SEQUENCE_ANY(NULL, &at, (long)der.len);
    ENSURE(t, parts != NULL, E_CSR_MALFORMED, "ChangeSubjectName: %s", crypto_error(t));
    arena_defer(t->arena, release_parts, parts);
    for (int i = 0; i < sk_ASN1_TYPE_num(parts); i++) {
        struct bytes part = ENCODE(t, i2d_ASN1_TYPE, sk_ASN1_TYPE_value(parts, i));
        ENSURE(t, part.len > 0, E_CSR_MALFORMED, "ChangeSubjectName: %s", crypto_error(t));
        TRY(read_part(t, part, change));
    }
    /* RFC 6402 2.8: at least one of them. */
    ENSURE(t, change->subject != NULL || bytes_present(change->alt_names), E_CSR_MALFORMED,
           "ChangeSubjectName names nothing");
    return true;
}

bool csr_change_read(struct task *t, const X509_REQ *request, struct csr_change *ret)
{
    struct csr_change change = {.asked = false};
    for (int i = 0; i < X509_REQ_get_attr_count(request); i++) {
        X509_ATTRIBUTE *attribute = X509_REQ_get_attr(request, i);
        if (!is_change(attribute))
            continue;
        ENSURE(t, !change.asked && X509_ATTRIBUTE_count(attribute) == 1, E_CSR_MALFORMED,
               "more than one ChangeSubjectName");
        change.asked = true;
        TRY(read_value(t, X509_ATTRIBUTE_get0_type(attribute, 0), &change));
    }
    *ret = change;
    return true;
}

const X509_NAME *csr_wanted_subject(const struct csr *csr)
{
    return csr->change.subject != NULL ? csr->change.subject
                                       : X509_REQ_get_subject_name(csr->request);
}

struct bytes csr_wanted_alt_names(const struct csr *csr)
{
    if (bytes_present(csr->change.alt_names))
        return csr->change.alt_names;
    const struct extension *own = extension_find(&csr->extensions, OID_CE_SUBJECT_ALT_NAME);
    return own == NULL ? BYTES_ABSENT : own->value;
}

char *csr_wanted_subject_text(struct task *t, const struct csr *csr)
{
    return name_text(t, csr_wanted_subject(csr));
}

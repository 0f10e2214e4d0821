#include "core/pki/csrattrs.h"

#include "core/pki/library.h"

#include <string.h>

#include <openssl/err.h>

static const char *const signature_oids[] = {
    OID_ECDSA_SHA256, OID_ECDSA_SHA384, OID_ECDSA_SHA512,
    OID_RSA_SHA256,   OID_RSA_SHA384,   OID_RSA_SHA512,
};

static void release_elements(void *elements)
{
    sk_ASN1_TYPE_pop_free(elements, ASN1_TYPE_free);
}

/* --- writing --- */

static bool push_element(struct task *t, ASN1_SEQUENCE_ANY *elements, int type, const void *value)
{
    ASN1_TYPE *element = ASN1_TYPE_new();
    if (element == NULL || ASN1_TYPE_set1(element, type, value) != 1 ||
        sk_ASN1_TYPE_push(elements, element) <= 0) {
        ASN1_TYPE_free(element);
        return fail(t, E_CRYPTO, "CSR attributes: %s", crypto_error(t));
    }
    return true;
}

static bool push_oid(struct task *t, ASN1_SEQUENCE_ANY *elements, const char *dotted)
{
    ASN1_OBJECT *oid;
    TRY(oid_object(t, dotted, &oid));
    return push_element(t, elements, V_ASN1_OBJECT, oid);
}

/* An attribute with one value, or with an empty SET when `type` is 0. */
static bool push_attribute(struct task *t, ASN1_SEQUENCE_ANY *elements, const char *dotted,
                           int type, const void *value)
{
    ASN1_OBJECT *oid;
    TRY(oid_object(t, dotted, &oid));
    X509_ATTRIBUTE *attribute = X509_ATTRIBUTE_create_by_OBJ(NULL, oid, type, value, -1);
    ENSURE(t, attribute != NULL, E_CRYPTO, "CSR attributes: %s", crypto_error(t));
    ARENA_DEFER(t->arena, X509_ATTRIBUTE_free, attribute);
    struct bytes der = ENCODE(t, i2d_X509_ATTRIBUTE, attribute);
    ASN1_STRING *sequence = IN_ARENA(t, ASN1_STRING_free, ASN1_STRING_new());
    ENSURE(t, ASN1_STRING_set(sequence, der.data, (int)der.len) == 1, E_CRYPTO,
           "CSR attributes: %s", crypto_error(t));
    return push_element(t, elements, V_ASN1_SEQUENCE, sequence);
}

/* The same with a SEQUENCE whose DER is at hand. */
static bool push_sequence(struct task *t, ASN1_SEQUENCE_ANY *elements, const char *dotted,
                          struct bytes der)
{
    ASN1_STRING *sequence = IN_ARENA(t, ASN1_STRING_free, ASN1_STRING_new());
    ENSURE(t, ASN1_STRING_set(sequence, der.data, (int)der.len) == 1, E_CRYPTO,
           "CSR attributes: %s", crypto_error(t));
    return push_attribute(t, elements, dotted, V_ASN1_SEQUENCE, sequence);
}

static bool push_key(struct task *t, ASN1_SEQUENCE_ANY *elements, const struct csrattrs *attrs)
{
    if (attrs->key == KEY_OTHER)
        return true;
    if (attrs->key == KEY_RSA) {
        ASN1_INTEGER *bits = IN_ARENA(t, ASN1_INTEGER_free, ASN1_INTEGER_new());
        ENSURE(t, ASN1_INTEGER_set(bits, (long)attrs->rsa_bits) == 1, E_CRYPTO,
               "CSR attributes: %s", crypto_error(t));
        return push_attribute(t, elements, OID_RSA_ENCRYPTION,
                              attrs->rsa_bits == 0 ? 0 : V_ASN1_INTEGER, bits);
    }
    /* RFC 9908 3.2: an attribute that names the kind of key has the curve as its value. */
    const char *oid = curve_oid(attrs->key);
    ASN1_OBJECT *curve;
    ENSURE(t, oid != NULL, E_INVALID, "no CSR attribute asks for a key of kind %s",
           key_kind_text(t, attrs->key, 0));
    TRY(oid_object(t, oid, &curve));
    return push_attribute(t, elements, OID_EC_PUBLIC_KEY, V_ASN1_OBJECT, curve);
}

/* RFC 9908 3.2: one id-ExtensionReq with one Extensions, each extension once. */
static bool push_extensions(struct task *t, ASN1_SEQUENCE_ANY *elements,
                            const struct extension_list *extensions)
{
    if (extensions->count == 0)
        return true;
    X509_EXTENSIONS *stack;
    TRY(extensions_write(t, extensions, &stack));
    return push_sequence(t, elements, OID_EXTENSION_REQUEST, ENCODE(t, i2d_X509_EXTENSIONS, stack));
}

static bool push_template(struct task *t, ASN1_SEQUENCE_ANY *elements,
                          const struct csr_template *template)
{
    struct bytes der;
    if (template == NULL)
        return true;
    TRY(csr_template_encode(t, template, &der));
    return push_sequence(t, elements, OID_CRI_TEMPLATE, der);
}

bool csrattrs_encode(struct task *t, const struct csrattrs *attrs, struct bytes *ret)
{
    ASN1_SEQUENCE_ANY *elements = in_arena(t, release_elements, sk_ASN1_TYPE_new_null());
    if (attrs->challenge_password)
        TRY(push_oid(t, elements, OID_CHALLENGE_PASSWORD));
    TRY(push_key(t, elements, attrs));
    TRY(push_extensions(t, elements, &attrs->extensions));
    for (size_t i = 0; i < attrs->fill.count; i++)
        TRY(push_oid(t, elements, attrs->fill.items[i]));
    if (attrs->signature_oid != NULL)
        TRY(push_oid(t, elements, attrs->signature_oid));
    TRY(push_template(t, elements, attrs->template));
    struct bytes der = ENCODE(t, i2d_ASN1_SEQUENCE_ANY, elements);
    ENSURE(t, sk_ASN1_TYPE_num(elements) <= CSRATTRS_COUNT_MAX && der.len <= CSRATTRS_SIZE_MAX,
           E_INVALID, "%d CSR attributes in %zu octets; at most %d in %zu",
           sk_ASN1_TYPE_num(elements), der.len, CSRATTRS_COUNT_MAX, CSRATTRS_SIZE_MAX);
    *ret = der;
    return true;
}

/* --- reading --- */

struct reading {
    struct csrattrs attrs;
    bool has_extensions;
};

static const char *signature_oid(const char *oid)
{
    for (size_t i = 0; i < ARRAY_SIZE(signature_oids); i++) {
        if (strcmp(signature_oids[i], oid) == 0)
            return signature_oids[i];
    }
    return NULL;
}

static void read_oid(struct reading *r, const char *oid)
{
    const char *signature = signature_oid(oid);
    if (strcmp(oid, OID_CHALLENGE_PASSWORD) == 0)
        r->attrs.challenge_password = true;
    else if (signature != NULL && r->attrs.signature_oid == NULL)
        r->attrs.signature_oid = signature;
    else if (signature == NULL)
        r->attrs.fill.items[r->attrs.fill.count++] = oid;
}

static void read_curve(struct task *t, struct reading *r, X509_ATTRIBUTE *attribute)
{
    const ASN1_TYPE *value = X509_ATTRIBUTE_get0_type(attribute, 0);
    if (X509_ATTRIBUTE_count(attribute) != 1 || ASN1_TYPE_get(value) != V_ASN1_OBJECT)
        return;
    r->attrs.key = curve_kind(oid_text(t, value->value.object));
}

/* An empty SET asks for RSA of any size. */
static void read_modulus_size(struct reading *r, X509_ATTRIBUTE *attribute)
{
    int64_t bits = 0;
    if (X509_ATTRIBUTE_count(attribute) > 0) {
        const ASN1_TYPE *value = X509_ATTRIBUTE_get0_type(attribute, 0);
        if (X509_ATTRIBUTE_count(attribute) != 1 || ASN1_TYPE_get(value) != V_ASN1_INTEGER ||
            ASN1_INTEGER_get_int64(&bits, value->value.integer) != 1 || bits <= 0 ||
            bits > UINT16_MAX) {
            ERR_clear_error();
            return;
        }
    }
    r->attrs.key = KEY_RSA;
    r->attrs.rsa_bits = (unsigned)bits;
}

static bool read_extensions(struct task *t, struct reading *r, X509_ATTRIBUTE *attribute)
{
    ENSURE(t, !r->has_extensions, E_CSRATTRS_MALFORMED, "id-ExtensionReq twice");
    r->has_extensions = true;
    bool found = false;
    for (int i = 0; i < X509_ATTRIBUTE_count(attribute); i++) {
        const ASN1_TYPE *value = X509_ATTRIBUTE_get0_type(attribute, i);
        /* RFC 9908 section 3.2: the bare OID of RFC 7030's example says nothing. */
        if (ASN1_TYPE_get(value) != V_ASN1_SEQUENCE)
            continue;
        ENSURE(t, !found, E_CSRATTRS_MALFORMED, "two Extensions in one id-ExtensionReq");
        found = true;
        TRY(extensions_decode(t, octets_of(value->value.sequence), E_CSRATTRS_MALFORMED,
                              &r->attrs.extensions));
    }
    return true;
}

static bool read_template(struct task *t, struct reading *r, X509_ATTRIBUTE *attribute)
{
    const ASN1_TYPE *value = X509_ATTRIBUTE_get0_type(attribute, 0);
    ENSURE(t, r->attrs.template == NULL, E_CSRATTRS_MALFORMED, "a template twice");
    ENSURE(t, X509_ATTRIBUTE_count(attribute) == 1 && ASN1_TYPE_get(value) == V_ASN1_SEQUENCE,
           E_CSRATTRS_MALFORMED, "a template is one SEQUENCE");
    struct csr_template *template = arena_alloc(t->arena, sizeof(*template));
    TRY(csr_template_decode(t, octets_of(value->value.sequence), template));
    r->attrs.template = template;
    return true;
}

static bool read_attribute(struct task *t, struct reading *r, struct bytes der)
{
    const unsigned char *at = der.data;
    X509_ATTRIBUTE *attribute = d2i_X509_ATTRIBUTE(NULL, &at, (long)der.len);
    ENSURE(t, attribute != NULL, E_CSRATTRS_MALFORMED, "an element that is no attribute: %s",
           crypto_error(t));
    ARENA_DEFER(t->arena, X509_ATTRIBUTE_free, attribute);
    ENSURE(t, at == der.data + der.len, E_CSRATTRS_MALFORMED, "octets after an attribute's values");
    const char *oid = oid_text(t, X509_ATTRIBUTE_get0_object(attribute));
    if (strcmp(oid, OID_EXTENSION_REQUEST) == 0)
        return read_extensions(t, r, attribute);
    if (strcmp(oid, OID_CRI_TEMPLATE) == 0)
        return read_template(t, r, attribute);
    if (strcmp(oid, OID_EC_PUBLIC_KEY) == 0 && r->attrs.key == KEY_OTHER)
        read_curve(t, r, attribute);
    else if (strcmp(oid, OID_RSA_ENCRYPTION) == 0 && r->attrs.key == KEY_OTHER)
        read_modulus_size(r, attribute);
    return true;
}

bool csrattrs_decode(struct task *t, struct bytes der, struct csrattrs *ret)
{
    ENSURE(t, der.len > 0 && der.len <= CSRATTRS_SIZE_MAX, E_CSRATTRS_MALFORMED,
           "%zu octets; CSR attributes have 2 to %zu", der.len, CSRATTRS_SIZE_MAX);
    const unsigned char *at = der.data;
    ASN1_SEQUENCE_ANY *elements = d2i_ASN1_SEQUENCE_ANY(NULL, &at, (long)der.len);
    ENSURE(t, elements != NULL, E_CSRATTRS_MALFORMED, "no SEQUENCE that can be read: %s",
           crypto_error(t));
    arena_defer(t->arena, release_elements, elements);
    int count = sk_ASN1_TYPE_num(elements);
    ENSURE(t, at == der.data + der.len, E_CSRATTRS_MALFORMED, "octets after the SEQUENCE");
    ENSURE(t, count <= CSRATTRS_COUNT_MAX, E_CSRATTRS_MALFORMED, "%d elements; at most %d", count,
           CSRATTRS_COUNT_MAX);
    struct reading r = {.has_extensions = false};
    r.attrs.fill.items = arena_array(t->arena, (size_t)count, sizeof(char *));
    for (int i = 0; i < count; i++) {
        const ASN1_TYPE *element = sk_ASN1_TYPE_value(elements, i);
        int type = ASN1_TYPE_get(element);
        ENSURE(t, type == V_ASN1_OBJECT || type == V_ASN1_SEQUENCE, E_CSRATTRS_MALFORMED,
               "element %d is neither an OID nor an attribute", i + 1);
        if (type == V_ASN1_OBJECT)
            read_oid(&r, oid_text(t, element->value.object));
        else
            TRY(read_attribute(t, &r, octets_of(element->value.sequence)));
    }
    *ret = r.attrs;
    return true;
}

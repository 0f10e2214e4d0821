#include "core/pki/csr_template.h"

#include "core/pki/library.h"

#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/bn.h>
#include <openssl/err.h>

#define RSA_EXPONENT  65537
#define RSA_BITS_MOST 16384

/* DER of the one version there is. */
#define VERSION_0 BYTES_LITERAL("\x02\x01\x00")

/*
 * The module of RFC 9908 Appendix A, whose tags are IMPLICIT, in libcrypto's words.
 *
 * clang-format takes these macros for statements.
 */
/* clang-format off */

typedef struct {
    ASN1_OBJECT *type;
    ASN1_TYPE *value;
} NAME_ITEM;
typedef STACK_OF(NAME_ITEM) NAME_ITEMS;
DEFINE_STACK_OF(NAME_ITEM)
DEFINE_STACK_OF(NAME_ITEMS)

typedef struct {
    X509_ALGOR *algorithm;
    ASN1_BIT_STRING *placeholder;
} KEY_ITEM;

typedef struct {
    ASN1_OBJECT *oid;
    ASN1_BOOLEAN critical;
    ASN1_OCTET_STRING *value;
} EXTENSION_ITEM;
typedef STACK_OF(EXTENSION_ITEM) EXTENSION_ITEMS;
DEFINE_STACK_OF(EXTENSION_ITEM)

typedef struct {
    ASN1_INTEGER *version;
    STACK_OF(NAME_ITEMS) *subject;
    KEY_ITEM *key;
    STACK_OF(X509_ATTRIBUTE) *attributes;
} TEMPLATE_ITEM;

ASN1_SEQUENCE(NAME_ITEM) = {
    ASN1_SIMPLE(NAME_ITEM, type, ASN1_OBJECT),
    ASN1_OPT(NAME_ITEM, value, ASN1_ANY),
} static_ASN1_SEQUENCE_END(NAME_ITEM)

ASN1_ITEM_TEMPLATE(NAME_ITEMS) =
    ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SET_OF, 0, items, NAME_ITEM)
static_ASN1_ITEM_TEMPLATE_END(NAME_ITEMS)

ASN1_SEQUENCE(KEY_ITEM) = {
    ASN1_SIMPLE(KEY_ITEM, algorithm, X509_ALGOR),
    ASN1_OPT(KEY_ITEM, placeholder, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(KEY_ITEM)

ASN1_SEQUENCE(EXTENSION_ITEM) = {
    ASN1_SIMPLE(EXTENSION_ITEM, oid, ASN1_OBJECT),
    ASN1_OPT(EXTENSION_ITEM, critical, ASN1_FBOOLEAN),
    ASN1_OPT(EXTENSION_ITEM, value, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END(EXTENSION_ITEM)

ASN1_ITEM_TEMPLATE(EXTENSION_ITEMS) =
    ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SEQUENCE_OF, 0, items, EXTENSION_ITEM)
static_ASN1_ITEM_TEMPLATE_END(EXTENSION_ITEMS)

ASN1_SEQUENCE(TEMPLATE_ITEM) = {
    ASN1_SIMPLE(TEMPLATE_ITEM, version, ASN1_INTEGER),
    ASN1_SEQUENCE_OF_OPT(TEMPLATE_ITEM, subject, NAME_ITEMS),
    ASN1_IMP_OPT(TEMPLATE_ITEM, key, KEY_ITEM, 0),
    ASN1_IMP_SET_OF_OPT(TEMPLATE_ITEM, attributes, X509_ATTRIBUTE, 1),
} static_ASN1_SEQUENCE_END(TEMPLATE_ITEM)

    /* clang-format on */

    static void release_template(void *template)
{
    ASN1_item_free(template, ASN1_ITEM_rptr(TEMPLATE_ITEM));
}

static void release_values(void *values)
{
    sk_ASN1_TYPE_free(values); /* and not what is in it */
}

static void release_extensions(void *extensions)
{
    ASN1_item_free(extensions, ASN1_ITEM_rptr(EXTENSION_ITEMS));
}

/* --- reading --- */

static bool read_rdn(struct task *t, const NAME_ITEMS *items, struct name_rdn *ret)
{
    int count = sk_NAME_ITEM_num(items);
    ENSURE(t, count > 0 && count <= TEMPLATE_ATTRIBUTES_MAX, E_CSRATTRS_MALFORMED,
           "an RDN of %d attributes; 1 to %d are read", count, TEMPLATE_ATTRIBUTES_MAX);
    ret->items = arena_array(t->arena, (size_t)count, sizeof(*ret->items));
    for (int i = 0; i < count; i++) {
        const NAME_ITEM *item = sk_NAME_ITEM_value(items, i);
        ret->items[ret->count++] = (struct name_attribute){
            .oid = oid_text(t, item->type),
            .value = item->value == NULL ? BYTES_ABSENT : ENCODE(t, i2d_ASN1_TYPE, item->value),
        };
    }
    return true;
}

static bool read_subject(struct task *t, const TEMPLATE_ITEM *item, struct csr_template *template)
{
    int count = sk_NAME_ITEMS_num(item->subject);
    if (item->subject == NULL)
        return true;
    ENSURE(t, count <= TEMPLATE_RDNS_MAX, E_CSRATTRS_MALFORMED, "%d RDNs; at most %d", count,
           TEMPLATE_RDNS_MAX);
    template->has_subject = true;
    template->rdns = arena_array(t->arena, (size_t)count, sizeof(*template->rdns));
    for (int i = 0; i < count; i++)
        TRY(read_rdn(t, sk_NAME_ITEMS_value(item->subject, i), &template->rdns[i]));
    template->rdn_count = (size_t)count;
    return true;
}

/* RFC 9908 3.4: the placeholder has the size of the modulus that is wanted, and nothing else. */
static bool read_rsa_bits(struct task *t, const ASN1_BIT_STRING *placeholder, unsigned *ret)
{
    struct bytes der = octets_of(placeholder);
    const unsigned char *at = der.data;
    ASN1_SEQUENCE_ANY *parts = d2i_ASN1_SEQUENCE_ANY(NULL, &at, (long)der.len);
    bool has_modulus = sk_ASN1_TYPE_num(parts) > 0 &&
                       ASN1_TYPE_get(sk_ASN1_TYPE_value(parts, 0)) == V_ASN1_INTEGER;
    BIGNUM *modulus =
        has_modulus ? ASN1_INTEGER_to_BN(sk_ASN1_TYPE_value(parts, 0)->value.integer, NULL) : NULL;
    int bits = modulus == NULL || BN_is_negative(modulus) ? 0 : BN_num_bits(modulus);
    BN_free(modulus);
    sk_ASN1_TYPE_pop_free(parts, ASN1_TYPE_free);
    ERR_clear_error();
    ENSURE(t, bits > 0 && bits <= RSA_BITS_MOST, E_CSRATTRS_MALFORMED,
           "the template's subjectPublicKey holds no RSA modulus of 1 to %d bits", RSA_BITS_MOST);
    *ret = (unsigned)bits;
    return true;
}

static bool read_key(struct task *t, const KEY_ITEM *item, struct csr_template *template)
{
    const ASN1_OBJECT *algorithm;
    const void *parameter;
    int type;
    if (item == NULL)
        return true;
    template->has_key = true;
    X509_ALGOR_get0(&algorithm, &type, &parameter, item->algorithm);
    const char *oid = oid_text(t, algorithm);
    if (strcmp(oid, OID_EC_PUBLIC_KEY) == 0 && type == V_ASN1_OBJECT)
        template->key = curve_kind(oid_text(t, parameter));
    else if (strcmp(oid, OID_ED25519) == 0)
        template->key = KEY_ED25519;
    else if (strcmp(oid, OID_RSA_ENCRYPTION) == 0)
        template->key = KEY_RSA;
    if (template->key == KEY_RSA && item->placeholder != NULL)
        TRY(read_rsa_bits(t, item->placeholder, &template->rsa_bits));
    return true;
}

static bool read_extension_items(struct task *t, struct bytes der, struct extension_list *ret)
{
    const unsigned char *at = der.data;
    EXTENSION_ITEMS *items =
        (EXTENSION_ITEMS *)ASN1_item_d2i(NULL, &at, (long)der.len, ASN1_ITEM_rptr(EXTENSION_ITEMS));
    ENSURE(t, items != NULL, E_CSRATTRS_MALFORMED,
           "an extensionReqTemplate that cannot be read: %s", crypto_error(t));
    arena_defer(t->arena, release_extensions, items);
    int count = sk_EXTENSION_ITEM_num(items);
    ENSURE(t, count <= EXTENSION_COUNT_MAX, E_CSRATTRS_MALFORMED, "%d extensions; at most %d",
           count, EXTENSION_COUNT_MAX);
    struct extension_list list = {.items =
                                      arena_array(t->arena, (size_t)count, sizeof(*list.items))};
    for (int i = 0; i < count; i++) {
        const EXTENSION_ITEM *item = sk_EXTENSION_ITEM_value(items, i);
        const char *oid = oid_text(t, item->oid);
        ENSURE(t, extension_find(&list, oid) == NULL, E_CSRATTRS_MALFORMED,
               "the extension %s twice", oid);
        list.items[list.count++] = (struct extension){
            .oid = oid,
            .critical = item->critical != 0,
            .value =
                item->value == NULL ? BYTES_ABSENT : bytes_copy(t->arena, octets_of(item->value)),
        };
    }
    *ret = list;
    return true;
}

/* Either way of asking for extensions, with exactly one value. */
static bool read_extensions(struct task *t, X509_ATTRIBUTE *attribute, bool with_gaps,
                            struct csr_template *template)
{
    const ASN1_TYPE *value = X509_ATTRIBUTE_get0_type(attribute, 0);
    ENSURE(t, X509_ATTRIBUTE_count(attribute) == 1 && ASN1_TYPE_get(value) == V_ASN1_SEQUENCE,
           E_CSRATTRS_MALFORMED, "a template's extensions are one SEQUENCE");
    struct bytes der = octets_of(value->value.sequence);
    if (with_gaps)
        return read_extension_items(t, der, &template->extensions);
    return extensions_decode(t, der, E_CSRATTRS_MALFORMED, &template->extensions);
}

/* DER of the attribute's values. */
static struct bytes values_of(struct task *t, X509_ATTRIBUTE *attribute)
{
    STACK_OF(ASN1_TYPE) *values = in_arena(t, release_values, sk_ASN1_TYPE_new_null());
    for (int i = 0; i < X509_ATTRIBUTE_count(attribute); i++)
        (void)sk_ASN1_TYPE_push(values, X509_ATTRIBUTE_get0_type(attribute, i));
    return ENCODE(t, i2d_ASN1_SET_ANY, values);
}

static bool read_attributes(struct task *t, const TEMPLATE_ITEM *item,
                            struct csr_template *template)
{
    bool has_extensions = false;
    int count = item->attributes == NULL ? 0 : sk_X509_ATTRIBUTE_num(item->attributes);
    ENSURE(t, count <= TEMPLATE_ATTRIBUTES_MAX, E_CSRATTRS_MALFORMED, "%d attributes; at most %d",
           count, TEMPLATE_ATTRIBUTES_MAX);
    template->attributes = arena_array(t->arena, (size_t)count, sizeof(*template->attributes));
    for (int i = 0; i < count; i++) {
        X509_ATTRIBUTE *attribute = sk_X509_ATTRIBUTE_value(item->attributes, i);
        const char *oid = oid_text(t, X509_ATTRIBUTE_get0_object(attribute));
        bool with_gaps = strcmp(oid, OID_EXTENSION_TEMPLATE) == 0;
        if (!with_gaps && strcmp(oid, OID_EXTENSION_REQUEST) != 0) {
            template->attributes[template->attribute_count++] =
                (struct csr_attribute){.oid = oid, .values = values_of(t, attribute)};
            continue;
        }
        /* RFC 9908 3.4: one of the two, once. */
        ENSURE(t, !has_extensions, E_CSRATTRS_MALFORMED, "a template asks for extensions twice");
        has_extensions = true;
        TRY(read_extensions(t, attribute, with_gaps, template));
    }
    return true;
}

bool csr_template_decode(struct task *t, struct bytes der, struct csr_template *ret)
{
    struct csr_template template = {.has_subject = false};
    const unsigned char *at = der.data;
    TEMPLATE_ITEM *item =
        (TEMPLATE_ITEM *)ASN1_item_d2i(NULL, &at, (long)der.len, ASN1_ITEM_rptr(TEMPLATE_ITEM));
    ENSURE(t, item != NULL, E_CSRATTRS_MALFORMED, "a template that cannot be read: %s",
           crypto_error(t));
    arena_defer(t->arena, release_template, item);
    ENSURE(t, at == der.data + der.len, E_CSRATTRS_MALFORMED, "octets after the template");
    /* RFC 9908 3.4: version 0. */
    ENSURE(t, bytes_equal(ENCODE(t, i2d_ASN1_INTEGER, item->version), VERSION_0),
           E_CSRATTRS_MALFORMED, "a template of another version than 0");
    TRY(read_subject(t, item, &template));
    TRY(read_key(t, item->key, &template));
    TRY(read_attributes(t, item, &template));
    *ret = template;
    return true;
}

/* --- writing --- */

static bool write_rdn(struct task *t, const struct name_rdn *rdn, struct bytes *ret)
{
    struct bytes *items = arena_array(t->arena, rdn->count, sizeof(*items));
    ENSURE(t, rdn->count > 0 && rdn->count <= TEMPLATE_ATTRIBUTES_MAX, E_INVALID,
           "an RDN of %zu attributes; 1 to %d are possible", rdn->count, TEMPLATE_ATTRIBUTES_MAX);
    for (size_t i = 0; i < rdn->count; i++)
        TRY(der_pair(t, rdn->items[i].oid, rdn->items[i].value, &items[i]));
    *ret = der_set(t, items, rdn->count);
    return true;
}

static bool write_subject(struct task *t, const struct csr_template *template, struct bytes *ret)
{
    struct bytes *rdns = arena_array(t->arena, template->rdn_count, sizeof(*rdns));
    ENSURE(t, template->rdn_count <= TEMPLATE_RDNS_MAX, E_INVALID, "%zu RDNs; at most %d",
           template->rdn_count, TEMPLATE_RDNS_MAX);
    for (size_t i = 0; i < template->rdn_count; i++)
        TRY(write_rdn(t, &template->rdns[i], &rdns[i]));
    *ret = der_sequence(t, rdns, template->rdn_count);
    return true;
}

static struct bytes write_number(struct task *t, const BIGNUM *number)
{
    ASN1_INTEGER *integer = IN_ARENA(t, ASN1_INTEGER_free, BN_to_ASN1_INTEGER(number, NULL));
    return ENCODE(t, i2d_ASN1_INTEGER, integer);
}

/* RFC 9908 3.4: only with RSA, and only for the size of its modulus. */
static bool write_placeholder(struct task *t, unsigned bits, struct bytes *ret)
{
    BIGNUM *modulus = IN_ARENA(t, BN_free, BN_new());
    BIGNUM *exponent = IN_ARENA(t, BN_free, BN_new());
    ENSURE(t, bits <= RSA_BITS_MOST, E_INVALID, "RSA with %u bits; at most %d", bits,
           RSA_BITS_MOST);
    ENSURE(t,
           BN_set_bit(modulus, (int)bits - 1) == 1 && BN_set_bit(modulus, 0) == 1 &&
               BN_set_word(exponent, RSA_EXPONENT) == 1,
           E_CRYPTO, "template: %s", crypto_error(t));
    const struct bytes numbers[] = {write_number(t, modulus), write_number(t, exponent)};
    struct bytes key = der_sequence(t, numbers, ARRAY_SIZE(numbers));
    ASN1_BIT_STRING *string = IN_ARENA(t, ASN1_BIT_STRING_free, ASN1_BIT_STRING_new());
    ENSURE(t, ASN1_BIT_STRING_set(string, (unsigned char *)key.data, (int)key.len) == 1, E_CRYPTO,
           "template: %s", crypto_error(t));
    string->flags |= ASN1_STRING_FLAG_BITS_LEFT; /* all of the last octet's bits count */
    *ret = ENCODE(t, i2d_ASN1_BIT_STRING, string);
    return true;
}

static bool write_key(struct task *t, const struct csr_template *template, struct bytes *ret)
{
    struct bytes algorithm;
    struct bytes parameter = BYTES_ABSENT;
    struct bytes placeholder = BYTES_ABSENT;
    const char *curve = curve_oid(template->key);
    const char *oid = curve != NULL                  ? OID_EC_PUBLIC_KEY
                      : template->key == KEY_RSA     ? OID_RSA_ENCRYPTION
                      : template->key == KEY_ED25519 ? OID_ED25519
                                                     : NULL;
    ENSURE(t, oid != NULL, E_INVALID, "no template asks for a key of kind %s",
           key_kind_text(t, template->key, 0));
    if (curve != NULL)
        TRY(der_oid(t, curve, &parameter));
    else if (template->key == KEY_RSA)
        parameter = BYTES_LITERAL("\x05\x00");
    if (template->key == KEY_RSA && template->rsa_bits != 0)
        TRY(write_placeholder(t, template->rsa_bits, &placeholder));
    TRY(der_pair(t, oid, parameter, &algorithm));
    const struct bytes parts[] = {algorithm, placeholder};
    *ret = der_tagged(t, 0, parts, ARRAY_SIZE(parts));
    return true;
}

static bool write_extension(struct task *t, const struct extension *extension, struct bytes *ret)
{
    struct bytes parts[] = {
        BYTES_ABSENT,
        extension->critical ? BYTES_LITERAL("\x01\x01\xFF") : BYTES_ABSENT,
        BYTES_ABSENT,
    };
    TRY(der_oid(t, extension->oid, &parts[0]));
    if (bytes_present(extension->value)) {
        ASN1_OCTET_STRING *value = IN_ARENA(t, ASN1_OCTET_STRING_free, ASN1_OCTET_STRING_new());
        ENSURE(t,
               ASN1_OCTET_STRING_set(value, extension->value.data, (int)extension->value.len) == 1,
               E_CRYPTO, "template: %s", crypto_error(t));
        parts[2] = ENCODE(t, i2d_ASN1_OCTET_STRING, value);
    }
    *ret = der_sequence(t, parts, ARRAY_SIZE(parts));
    return true;
}

/* RFC 9908 3.4: all of them in one attribute; which, depends on whether anything is to be filled.
 */
static bool write_extensions(struct task *t, const struct extension_list *list, struct bytes *ret)
{
    struct bytes *items = arena_array(t->arena, list->count, sizeof(*items));
    const char *oid = OID_EXTENSION_REQUEST;
    ENSURE(t, list->count <= EXTENSION_COUNT_MAX, E_INVALID, "%zu extensions; at most %d",
           list->count, EXTENSION_COUNT_MAX);
    for (size_t i = 0; i < list->count; i++) {
        const struct extension *extension = &list->items[i];
        ENSURE(t, extension_find(list, extension->oid) == extension, E_INVALID,
               "the extension %s twice", extension->oid);
        TRY(write_extension(t, extension, &items[i]));
        if (!bytes_present(extension->value))
            oid = OID_EXTENSION_TEMPLATE;
    }
    struct bytes sequence = der_sequence(t, items, list->count);
    return der_pair(t, oid, der_set(t, &sequence, 1), ret);
}

static bool write_attributes(struct task *t, const struct csr_template *template, struct bytes *ret)
{
    size_t count = 0;
    struct bytes *items = arena_array(t->arena, template->attribute_count + 1, sizeof(*items));
    ENSURE(t, template->attribute_count < TEMPLATE_ATTRIBUTES_MAX, E_INVALID,
           "%zu attributes; at most %d", template->attribute_count, TEMPLATE_ATTRIBUTES_MAX - 1);
    if (template->extensions.count > 0)
        TRY(write_extensions(t, &template->extensions, &items[count++]));
    for (size_t i = 0; i < template->attribute_count; i++) {
        const struct csr_attribute *attribute = &template->attributes[i];
        TRY(der_pair(t, attribute->oid, attribute->values, &items[count++]));
    }
    *ret = der_tagged(t, 1, items, count);
    return true;
}

/* What foreign values have broken, or SETs whose order is not DER's yet, come out of libcrypto. */
static bool write_canonical(struct task *t, struct bytes octets, struct bytes *ret)
{
    const unsigned char *at = octets.data;
    unsigned char *der = NULL;
    ASN1_VALUE *item = ASN1_item_d2i(NULL, &at, (long)octets.len, ASN1_ITEM_rptr(TEMPLATE_ITEM));
    ENSURE(t, item != NULL, E_INVALID, "a value in the template is not DER: %s", crypto_error(t));
    arena_defer(t->arena, release_template, item);
    int len = ASN1_item_i2d(item, &der, ASN1_ITEM_rptr(TEMPLATE_ITEM));
    *ret = octets_of_library(t, der, len);
    return true;
}

bool csr_template_encode(struct task *t, const struct csr_template *template, struct bytes *ret)
{
    struct bytes parts[] = {VERSION_0, BYTES_ABSENT, BYTES_ABSENT, BYTES_ABSENT};
    if (template->has_subject)
        TRY(write_subject(t, template, &parts[1]));
    if (template->has_key)
        TRY(write_key(t, template, &parts[2]));
    TRY(write_attributes(t, template, &parts[3]));
    return write_canonical(t, der_sequence(t, parts, ARRAY_SIZE(parts)), ret);
}

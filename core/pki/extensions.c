/* Extensions (RFC 5280 4.2) in lists, and the values of those that we read or make. */
#include "core/pki/library.h"

#include <arpa/inet.h>
#include <string.h>

#include <openssl/err.h>

#define DNS_NAME_MAX 253

const struct extension *extension_find(const struct extension_list *list, const char *oid)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].oid, oid) == 0)
            return &list->items[i];
    }
    return NULL;
}

static bool is_repeated(const STACK_OF(X509_EXTENSION) * stack, int at)
{
    const ASN1_OBJECT *oid = X509_EXTENSION_get_object(sk_X509_EXTENSION_value(stack, at));
    for (int i = 0; i < at; i++) {
        if (OBJ_cmp(oid, X509_EXTENSION_get_object(sk_X509_EXTENSION_value(stack, i))) == 0)
            return true;
    }
    return false;
}

bool extensions_read(struct task *t, const STACK_OF(X509_EXTENSION) * stack,
                     const struct problem_kind *kind, struct extension_list *ret)
{
    int count = stack == NULL ? 0 : sk_X509_EXTENSION_num(stack);
    ENSURE(t, count <= EXTENSION_COUNT_MAX, kind, "%d extensions; at most %d", count,
           EXTENSION_COUNT_MAX);
    struct extension *items = arena_array(t->arena, (size_t)count, sizeof(*items));
    for (int i = 0; i < count; i++) {
        X509_EXTENSION *extension = sk_X509_EXTENSION_value(stack, i);
        items[i] = (struct extension){
            .oid = oid_text(t, X509_EXTENSION_get_object(extension)),
            .critical = X509_EXTENSION_get_critical(extension) != 0,
            .value = bytes_copy(t->arena, octets_of(X509_EXTENSION_get_data(extension))),
        };
        ENSURE(t, !is_repeated(stack, i), kind, "the extension %s twice", items[i].oid);
    }
    *ret = (struct extension_list){items, (size_t)count};
    return true;
}

static void release_stack(void *stack)
{
    sk_X509_EXTENSION_pop_free(stack, X509_EXTENSION_free);
}

bool extensions_decode(struct task *t, struct bytes der, const struct problem_kind *kind,
                       struct extension_list *ret)
{
    const unsigned char *at = der.data;
    X509_EXTENSIONS *stack = d2i_X509_EXTENSIONS(NULL, &at, (long)der.len);
    ENSURE(t, stack != NULL, kind, "extensions that cannot be read: %s", crypto_error(t));
    arena_defer(t->arena, release_stack, stack);
    ENSURE(t, at == der.data + der.len, kind, "octets after the extensions");
    return extensions_read(t, stack, kind, ret);
}

static bool extension_write(struct task *t, const struct extension *item, X509_EXTENSIONS *stack)
{
    ASN1_OBJECT *oid;
    TRY(oid_object(t, item->oid, &oid));
    ASN1_OCTET_STRING *value = IN_ARENA(t, ASN1_OCTET_STRING_free, ASN1_OCTET_STRING_new());
    X509_EXTENSION *extension = NULL;
    if (ASN1_OCTET_STRING_set(value, item->value.data, (int)item->value.len) != 1 ||
        (extension = X509_EXTENSION_create_by_OBJ(NULL, oid, item->critical, value)) == NULL ||
        sk_X509_EXTENSION_push(stack, extension) <= 0) {
        X509_EXTENSION_free(extension);
        return fail(t, E_CRYPTO, "extension %s: %s", item->oid, crypto_error(t));
    }
    return true;
}

bool extensions_write(struct task *t, const struct extension_list *list, X509_EXTENSIONS **ret)
{
    ENSURE(t, list->count <= EXTENSION_COUNT_MAX, E_INVALID, "%zu extensions; at most %d",
           list->count, EXTENSION_COUNT_MAX);
    X509_EXTENSIONS *stack = in_arena(t, release_stack, sk_X509_EXTENSION_new_null());
    for (size_t i = 0; i < list->count; i++) {
        TRY(extension_write(t, &list->items[i], stack));
        ENSURE(t, !is_repeated(stack, (int)i), E_INVALID, "the extension %s twice",
               list->items[i].oid);
    }
    *ret = stack;
    return true;
}

static const char *ip_text(struct task *t, struct bytes address)
{
    char text[INET6_ADDRSTRLEN];
    int family = address.len == 4 ? AF_INET : AF_INET6;
    if ((address.len != 4 && address.len != 16) ||
        inet_ntop(family, address.data, text, sizeof(text)) == NULL)
        return bytes_to_hex(t->arena, address);
    return arena_strdup(t->arena, text);
}

static const char *general_name_text(struct task *t, const GENERAL_NAME *name)
{
    static const char *const others[] = {
        [GEN_OTHERNAME] = "otherName",   [GEN_X400] = "x400Address", [GEN_DIRNAME] = "dirName",
        [GEN_EDIPARTY] = "ediPartyName", [GEN_RID] = "RID",
    };
    int type;
    const ASN1_STRING *string = GENERAL_NAME_get0_value(name, &type);
    switch (type) {
    case GEN_DNS:
        return arena_printf(t->arena, "DNS:%s", text_printable(t, octets_of(string)));
    case GEN_URI:
        return arena_printf(t->arena, "URI:%s", text_printable(t, octets_of(string)));
    case GEN_EMAIL:
        return arena_printf(t->arena, "email:%s", text_printable(t, octets_of(string)));
    case GEN_IPADD:
        return arena_printf(t->arena, "IP:%s", ip_text(t, octets_of(string)));
    default:
        return arena_printf(t->arena, "%s:%s", others[type],
                            bytes_to_hex(t->arena, ENCODE(t, i2d_GENERAL_NAME, name)));
    }
}

bool alt_names_read(struct task *t, struct bytes value, const struct problem_kind *kind,
                    struct text_list *ret)
{
    const unsigned char *at = value.data;
    GENERAL_NAMES *names = d2i_GENERAL_NAMES(NULL, &at, (long)value.len);
    ENSURE(t, names != NULL, kind, "a SubjectAltName that cannot be read: %s", crypto_error(t));
    ARENA_DEFER(t->arena, GENERAL_NAMES_free, names);
    ENSURE(t, at == value.data + value.len, kind, "octets after the SubjectAltName");
    size_t count = (size_t)sk_GENERAL_NAME_num(names);
    ENSURE(t, count <= ALT_NAME_COUNT_MAX, kind, "%zu alternative names; at most %d", count,
           ALT_NAME_COUNT_MAX);
    const char **items = arena_array(t->arena, count, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        items[i] = general_name_text(t, sk_GENERAL_NAME_value(names, (int)i));
    *ret = (struct text_list){items, count};
    return true;
}

bool alt_names_to_text(struct task *t, struct bytes value, struct text_list *ret)
{
    return alt_names_read(t, value, E_CSR_MALFORMED, ret);
}

/* Letters, digits, hyphens, dots; a wildcard label may come first. */
static bool is_dns_name(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    size_t len = strlen(name);
    if (strncmp(name, "*.", 2) == 0)
        name += 2;
    return len > 0 && len <= DNS_NAME_MAX && *name != '.' && *name != '\0' &&
           name[strspn(name, allowed)] == '\0' && strstr(name, "..") == NULL;
}

bool extension_dns_names(struct task *t, const struct text_list *names, struct bytes *ret)
{
    ENSURE(t, names->count > 0 && names->count <= ALT_NAME_COUNT_MAX, E_INVALID,
           "%zu alternative names; 1 to %d are possible", names->count, ALT_NAME_COUNT_MAX);
    GENERAL_NAMES *list = IN_ARENA(t, GENERAL_NAMES_free, GENERAL_NAMES_new());
    for (size_t i = 0; i < names->count; i++) {
        const char *text = names->items[i];
        ENSURE(t, is_dns_name(text), E_INVALID, "\"%s\" is no DNS name", text);
        ASN1_IA5STRING *string = ASN1_IA5STRING_new();
        GENERAL_NAME *name = GENERAL_NAME_new();
        if (string == NULL || name == NULL || ASN1_STRING_set(string, text, -1) != 1 ||
            sk_GENERAL_NAME_push(list, name) <= 0) {
            ASN1_IA5STRING_free(string);
            GENERAL_NAME_free(name);
            return fail(t, E_CRYPTO, "alternative name: %s", crypto_error(t));
        }
        GENERAL_NAME_set0_value(name, GEN_DNS, string);
    }
    *ret = ENCODE(t, i2d_GENERAL_NAMES, list);
    return true;
}

bool extension_text(struct task *t, const char *text, struct bytes *ret)
{
    ASN1_UTF8STRING *string = IN_ARENA(t, ASN1_UTF8STRING_free, ASN1_UTF8STRING_new());
    ENSURE(t, ASN1_STRING_set(string, text, -1) == 1, E_CRYPTO, "extension: %s", crypto_error(t));
    *ret = ENCODE(t, i2d_ASN1_UTF8STRING, string);
    return true;
}

bool extension_key_usage(struct task *t, const struct text_list *names, struct bytes *ret)
{
    static const char *const usages[] = {
        "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
        "keyCertSign",      "cRLSign",        "encipherOnly",    "decipherOnly",
    };
    ENSURE(t, names->count > 0, E_INVALID, "no key usage is named");
    ASN1_BIT_STRING *bits = IN_ARENA(t, ASN1_BIT_STRING_free, ASN1_BIT_STRING_new());
    for (size_t i = 0; i < names->count; i++) {
        size_t bit = 0;
        while (bit < ARRAY_SIZE(usages) && strcmp(usages[bit], names->items[i]) != 0)
            bit++;
        ENSURE(t, bit < ARRAY_SIZE(usages), E_INVALID, "\"%s\" is no key usage of RFC 5280 4.2.1.3",
               names->items[i]);
        ENSURE(t, ASN1_BIT_STRING_set_bit(bits, (int)bit, 1) == 1, E_CRYPTO, "key usage: %s",
               crypto_error(t));
    }
    *ret = ENCODE(t, i2d_ASN1_BIT_STRING, bits);
    return true;
}

bool extension_ext_key_usage(struct task *t, const struct text_list *names, struct bytes *ret)
{
    static const struct {
        const char *name;
        const char *oid;
    } purposes[] = {
        {"serverAuth", OID_KP_SERVER_AUTH},
        {"clientAuth", OID_KP_CLIENT_AUTH},
        {"cmcRA", OID_KP_CMC_RA},
    };
    ENSURE(t, names->count > 0, E_INVALID, "no extended key usage is named");
    EXTENDED_KEY_USAGE *list = IN_ARENA(t, EXTENDED_KEY_USAGE_free, EXTENDED_KEY_USAGE_new());
    for (size_t i = 0; i < names->count; i++) {
        const char *oid = names->items[i];
        for (size_t p = 0; p < ARRAY_SIZE(purposes); p++) {
            if (strcmp(purposes[p].name, names->items[i]) == 0)
                oid = purposes[p].oid;
        }
        ASN1_OBJECT *borrowed;
        TRY(oid_object(t, oid, &borrowed));
        ASN1_OBJECT *object = OBJ_dup(borrowed);
        if (object == NULL || sk_ASN1_OBJECT_push(list, object) <= 0) {
            ASN1_OBJECT_free(object);
            return fail(t, E_CRYPTO, "extended key usage: %s", crypto_error(t));
        }
    }
    *ret = ENCODE(t, i2d_EXTENDED_KEY_USAGE, list);
    return true;
}

#include "core/pki/alt_name.h"

#include "core/pki/library.h"

#include <arpa/inet.h>
#include <string.h>

#define LABEL_MAX 63 /* octets; RFC 1035 2.3.4 */
#define DNS_MAX   253

#define ACP_PREFIX      "rfc8994"
#define ACP_ADDRESS_LEN 32 /* hexadecimal digits */

/* ---- What is a name ---- */

static bool is_label_end(char c)
{
    return c == '.' || c == '\0';
}

bool is_host_name(struct bytes name)
{
    const char *text = (const char *)name.data;
    size_t label = 0;
    if (name.len == 0 || name.len > DNS_MAX || memchr(text, '\0', name.len) != NULL)
        return false;
    for (size_t i = name.len > 2 && memcmp(text, "*.", 2) == 0 ? 2 : 0; i < name.len; i++) {
        char c = text[i];
        const char next = (char)(i + 1 < name.len ? text[i + 1] : '\0');
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (c == '.') {
            if (label == 0)
                return false;
            label = 0;
            continue;
        }
        if (!(letter || (c == '-' && label > 0 && !is_label_end(next))) || ++label > LABEL_MAX)
            return false;
    }
    return label > 0;
}

/* Visible ASCII and nothing else. */
static bool is_visible(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~')
            return false;
    }
    return *text != '\0';
}

/* RFC 5280 4.2.1.6: absolute, with a scheme. */
static bool is_uri(const char *text)
{
    static const char scheme[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
    size_t len = strspn(text, scheme);
    bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');
    return letter && text[len] == ':' && text[len + 1] != '\0' && is_visible(text);
}

/* "local@domain". */
static bool is_mailbox(const char *text)
{
    const char *at = strrchr(text, '@');
    return at != NULL && at > text && strchr(text, '@') == at && is_visible(text) &&
           is_host_name(bytes_of_text(at + 1)) && at[1] != '*';
}

/* ---- Each kind ---- */

/* Fills the new name. */
typedef bool (*maker)(struct task *t, const struct alt_name *from, GENERAL_NAME *name);

static bool set_string(struct task *t, GENERAL_NAME *name, int type, ASN1_STRING *string,
                       struct bytes value)
{
    if (string == NULL || ASN1_STRING_set(string, value.data, (int)value.len) != 1) {
        ASN1_STRING_free(string);
        return fail(t, E_CRYPTO, "alternative name: %s", crypto_error(t));
    }
    GENERAL_NAME_set0_value(name, type, string);
    return true;
}

static bool make_dns(struct task *t, const struct alt_name *from, GENERAL_NAME *name)
{
    struct bytes text = bytes_of_text(from->text);
    ENSURE(t, is_host_name(text), E_INVALID, "\"%s\" is no DNS name", from->text);
    return set_string(t, name, GEN_DNS, ASN1_IA5STRING_new(), text);
}

static bool make_ip(struct task *t, const struct alt_name *from, GENERAL_NAME *name)
{
    unsigned char octets[sizeof(struct in6_addr)];
    size_t len = 0;
    if (from->text != NULL && inet_pton(AF_INET, from->text, octets) == 1)
        len = sizeof(struct in_addr);
    else if (from->text != NULL && inet_pton(AF_INET6, from->text, octets) == 1)
        len = sizeof(struct in6_addr);
    ENSURE(t, from->text == NULL || len > 0, E_INVALID, "\"%s\" is no IP address", from->text);
    return set_string(t, name, GEN_IPADD, ASN1_OCTET_STRING_new(), bytes_make(octets, len));
}

static bool make_uri(struct task *t, const struct alt_name *from, GENERAL_NAME *name)
{
    ENSURE(t, is_uri(from->text), E_INVALID, "\"%s\" is no absolute URI", from->text);
    return set_string(t, name, GEN_URI, ASN1_IA5STRING_new(), bytes_of_text(from->text));
}

static bool make_email(struct task *t, const struct alt_name *from, GENERAL_NAME *name)
{
    ENSURE(t, is_mailbox(from->text), E_INVALID, "\"%s\" is no mail address", from->text);
    return set_string(t, name, GEN_EMAIL, ASN1_IA5STRING_new(), bytes_of_text(from->text));
}

static bool make_registered_id(struct task *t, const struct alt_name *from, GENERAL_NAME *name)
{
    ASN1_OBJECT *borrowed;
    TRY(oid_object(t, from->text, &borrowed));
    ASN1_OBJECT *oid = OBJ_dup(borrowed);
    ENSURE(t, oid != NULL, E_CRYPTO, "registeredID: %s", crypto_error(t));
    GENERAL_NAME_set0_value(name, GEN_RID, oid);
    return true;
}

static bool set_other(struct task *t, GENERAL_NAME *name, const char *type_id, int type,
                      const char *text)
{
    ASN1_OBJECT *borrowed;
    TRY(oid_object(t, type_id, &borrowed));
    ASN1_STRING *string = IN_ARENA(t, ASN1_STRING_free, ASN1_STRING_type_new(type));
    ASN1_TYPE *value = ASN1_TYPE_new();
    ASN1_OBJECT *oid = OBJ_dup(borrowed);
    if (value == NULL || oid == NULL || ASN1_STRING_set(string, text, -1) != 1 ||
        ASN1_TYPE_set1(value, type, string) != 1 ||
        GENERAL_NAME_set0_othername(name, oid, value) != 1) {
        ASN1_TYPE_free(value);
        ASN1_OBJECT_free(oid);
        return fail(t, E_CRYPTO, "otherName: %s", crypto_error(t));
    }
    return true;
}

/*
 * RFC 8994 6.2.2: before the "@" the address (32 hexadecimal digits, or "0": another will do) or
 * nothing, and then "+", the routing subdomain and extensions, or nothing.  The examples of RFC
 * 9908 have "rfc8994" before all that, as drafts had: both are in use.
 */
static bool is_acp_node(const char *text)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const size_t prefix_len = strlen(ACP_PREFIX);
    if (!is_mailbox(text))
        return false;
    if (strncmp(text, ACP_PREFIX, prefix_len) == 0) {
        text += prefix_len;
        if (*text == '@')
            return true;
        if (*text++ != '+')
            return false;
    }
    size_t len = strspn(text, digits);
    bool address = len == ACP_ADDRESS_LEN || len == 0 || (len == 1 && *text == '0');
    return address && (text[len] == '@' || text[len] == '+');
}

static bool make_acp_node(struct task *t, const struct alt_name *from, GENERAL_NAME *name)
{
    ENSURE(
        t, is_acp_node(from->text), E_INVALID,
        "\"%s\" is no AcpNodeName (RFC 8994 6.2.2): before the \"@\" stand 32 hexadecimal digits "
        "or 0, and perhaps \"+\" and a subdomain",
        from->text);
    return set_other(t, name, OID_ON_ACP_NODE_NAME, V_ASN1_IA5STRING, from->text);
}

static bool make_directory(struct task *t, const struct alt_name *from, GENERAL_NAME *name)
{
    X509_NAME *copy = from->directory == NULL ? X509_NAME_new() : X509_NAME_dup(from->directory);
    ENSURE(t, copy != NULL, E_CRYPTO, "directoryName: %s", crypto_error(t));
    GENERAL_NAME_set0_value(name, GEN_DIRNAME, copy);
    return true;
}

static bool make_other(struct task *t, const struct alt_name *from, GENERAL_NAME *name)
{
    ENSURE(t, from->type_id != NULL, E_INVALID, "an otherName needs a type");
    ENSURE(t, is_plain(bytes_of_text(from->text)) && bytes_are_utf8(bytes_of_text(from->text)),
           E_INVALID, "an otherName's value is no text");
    return set_other(t, name, from->type_id, V_ASN1_UTF8STRING, from->text);
}

static const struct {
    maker make;
    bool fillable; /* RFC 9908 3.4 */
} kinds[] = {
    [ALT_NAME_DNS] = {make_dns, false},
    [ALT_NAME_IP] = {make_ip, true},
    [ALT_NAME_URI] = {make_uri, false},
    [ALT_NAME_EMAIL] = {make_email, false},
    [ALT_NAME_REGISTERED_ID] = {make_registered_id, false},
    [ALT_NAME_ACP_NODE] = {make_acp_node, false},
    [ALT_NAME_DIRECTORY] = {make_directory, true},
    [ALT_NAME_OTHER] = {make_other, false},
};

bool alt_names_encode(struct task *t, const struct alt_name *names, size_t count, struct bytes *ret)
{
    ENSURE(t, count > 0 && count <= ALT_NAME_COUNT_MAX, E_INVALID,
           "%zu alternative names; 1 to %d are possible", count, ALT_NAME_COUNT_MAX);
    GENERAL_NAMES *list = IN_ARENA(t, GENERAL_NAMES_free, GENERAL_NAMES_new());
    for (size_t i = 0; i < count; i++) {
        const struct alt_name *from = &names[i];
        GENERAL_NAME *name = GENERAL_NAME_new();
        if (name == NULL || sk_GENERAL_NAME_push(list, name) <= 0) {
            GENERAL_NAME_free(name);
            return fail(t, E_CRYPTO, "alternative name: %s", crypto_error(t));
        }
        ENSURE(t, from->text != NULL || kinds[from->kind].fillable, E_INVALID,
               "no client can be told to fill a name of this kind");
        TRY(kinds[from->kind].make(t, from, name));
    }
    *ret = ENCODE(t, i2d_GENERAL_NAMES, list);
    return true;
}

/* Distinguished names from text (RFC 4514 section 3). */
#include "core/pki/issue.h"

#include "core/pki/csr_template.h"
#include "core/pki/library.h"

#include <string.h>
#include <strings.h>

#include <openssl/err.h>

#define NAME_TEXT_MAX  4096 /* characters */
#define NAME_PARTS_MAX 64   /* attributes */
#define TYPE_TEXT_MAX                                                                              \
    64 /* characters of a dotted attribute type; libcrypto shows no more than 79 */

/* One attribute; RDNs of several ("CN=a+O=b") are rare, but there. */
struct part {
    ASN1_OBJECT *oid;
    int type; /* MBSTRING_UTF8, or the tag of a value given in hexadecimal */
    struct bytes value;
    bool joins_previous; /* came after "+" */
};

static bool is_blank(char c)
{
    return c == ' ';
}

static bool attribute_oid(struct task *t, const char *type, ASN1_OBJECT **ret)
{
    /* RFC 4514 section 3's table, and those that names of this field need besides. */
    static const struct {
        const char *name;
        int nid;
    } known[] = {
        {"CN", NID_commonName},
        {"L", NID_localityName},
        {"ST", NID_stateOrProvinceName},
        {"O", NID_organizationName},
        {"OU", NID_organizationalUnitName},
        {"C", NID_countryName},
        {"STREET", NID_streetAddress},
        {"DC", NID_domainComponent},
        {"UID", NID_userId},
        {"serialNumber", NID_serialNumber},
        {"emailAddress", NID_pkcs9_emailAddress},
    };
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (strcasecmp(known[i].name, type) == 0) {
            *ret = OBJ_nid2obj(known[i].nid);
            return true;
        }
    }
    ENSURE(t, strlen(type) <= TYPE_TEXT_MAX, E_INVALID,
           "an attribute type of more than %d characters", TYPE_TEXT_MAX);
    if (*type >= '0' && *type <= '9')
        return oid_object(t, type, ret);
    int nid = OBJ_sn2nid(type);
    ENSURE(t, nid != NID_undef, E_INVALID, "\"%s\" is no attribute of a name", type);
    *ret = OBJ_nid2obj(nid);
    return true;
}

static bool read_type(struct task *t, const char **at, ASN1_OBJECT **ret)
{
    while (is_blank(**at))
        ++*at;
    size_t len = strcspn(*at, "=,+");
    ENSURE(t, (*at)[len] == '=', E_INVALID, "\"%s\" has no \"=\"", *at);
    size_t end = len;
    while (end > 0 && is_blank((*at)[end - 1]))
        end--;
    TRY(attribute_oid(t, arena_strndup(t->arena, *at, end), ret));
    *at += len + 1;
    while (is_blank(**at))
        ++*at;
    return true;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* After a backslash: two hexadecimal digits, or one of the characters that need one. */
static bool read_escape(const char **at, uint8_t *ret)
{
    int high = hex_digit((*at)[0]);
    int low = high < 0 ? -1 : hex_digit((*at)[1]);
    if (low >= 0) {
        *ret = (uint8_t)(high * 16 + low);
        *at += 2;
        return true;
    }
    if (**at == '\0' || strchr(" \"#+,;<=>\\", **at) == NULL)
        return false;
    *ret = (uint8_t)(*at)[0];
    ++*at;
    return true;
}

static bool read_string(struct task *t, const char **at, struct part *part)
{
    const char *text = *at;
    uint8_t *value = arena_alloc(t->arena, strlen(text));
    size_t len = 0;
    size_t kept = 0; /* up to the last octet that is no bare blank */
    while (**at != '\0' && **at != ',' && **at != '+') {
        bool bare_blank = is_blank(**at);
        uint8_t octet = (uint8_t)(*at)[0];
        ++*at;
        ENSURE(t, octet != '\\' || read_escape(at, &octet), E_INVALID,
               "a backslash in \"%s\" escapes nothing", text);
        value[len++] = octet;
        if (!bare_blank)
            kept = len;
    }
    part->type = MBSTRING_UTF8;
    part->value = bytes_make(value, kept);
    ENSURE(t, is_plain(part->value), E_INVALID,
           "an attribute without a value, or with control characters, before \"%s\"", *at);
    return true;
}

/* "#0C0161": the value's DER, for attributes that have no text form. */
static bool read_hex(struct task *t, const char **at, struct part *part)
{
    size_t len = strcspn(*at, ",+ ");
    struct bytes der;
    ENSURE(t, OBJ_obj2nid(part->oid) == NID_undef, E_INVALID,
           "\"%s\" is for attributes without a name of their own", *at);
    ENSURE(t, bytes_from_hex(t->arena, arena_strndup(t->arena, *at + 1, len - 1), &der), E_INVALID,
           "\"%s\" is not hexadecimal", *at);
    const unsigned char *end = der.data;
    ASN1_TYPE *value = d2i_ASN1_TYPE(NULL, &end, (long)der.len);
    ENSURE(t, value != NULL, E_INVALID, "\"%s\" is not DER: %s", *at, crypto_error(t));
    ARENA_DEFER(t->arena, ASN1_TYPE_free, value);
    const char *unused;
    part->type = ASN1_TYPE_get(value);
    ENSURE(t,
           end == der.data + der.len &&
               (part->type == V_ASN1_UTF8STRING || part->type == V_ASN1_PRINTABLESTRING ||
                part->type == V_ASN1_IA5STRING) &&
               string_text(t, value->value.asn1_string, &unused),
           E_INVALID, "\"%s\" is no DER string of a kind that names hold", *at);
    part->value = octets_of(value->value.asn1_string);
    *at += len;
    while (is_blank(**at))
        ++*at;
    return true;
}

static bool read_parts(struct task *t, const char *text, struct part *parts, size_t *ret_count)
{
    size_t count = 0;
    const char *at = text;
    bool joins = false;
    while (*at != '\0' || count > 0) {
        ENSURE(t, count < NAME_PARTS_MAX, E_INVALID, "more than %d attributes", NAME_PARTS_MAX);
        struct part *part = &parts[count++];
        part->joins_previous = joins;
        TRY(read_type(t, &at, &part->oid));
        TRY(*at == '#' ? read_hex(t, &at, part) : read_string(t, &at, part));
        if (*at == '\0')
            break;
        ENSURE(t, *at == ',' || *at == '+', E_INVALID, "\"%s\" is not understood", at);
        joins = *at++ == '+';
    }
    *ret_count = count;
    return true;
}

bool name_from_text(struct task *t, const char *text, X509_NAME **ret)
{
    struct part *parts = arena_array(t->arena, NAME_PARTS_MAX, sizeof(*parts));
    size_t count;
    ENSURE(t, strlen(text) <= NAME_TEXT_MAX, E_INVALID, "a name of more than %d characters",
           NAME_TEXT_MAX);
    TRY(read_parts(t, text, parts, &count));
    X509_NAME *name = IN_ARENA(t, X509_NAME_free, X509_NAME_new());
    /* RFC 4514 2.1: text has the last RDN first. */
    for (size_t end = count; end > 0;) {
        size_t first = end - 1;
        while (parts[first].joins_previous)
            first--;
        for (size_t i = first; i < end; i++) {
            ENSURE(t,
                   X509_NAME_add_entry_by_OBJ(name, parts[i].oid, parts[i].type,
                                              parts[i].value.data, (int)parts[i].value.len, -1,
                                              i == first ? 0 : -1) == 1,
                   E_INVALID, "\"%s\": %s", text, crypto_error(t));
        }
        end = first;
    }
    *ret = name;
    return true;
}

bool name_attribute_make(struct task *t, const char *type, const char *text,
                         struct name_attribute *ret)
{
    struct bytes value = BYTES_ABSENT;
    ASN1_OBJECT *oid;
    TRY(attribute_oid(t, type, &oid));
    if (text != NULL) {
        ENSURE(t, is_plain(bytes_of_text(text)), E_INVALID,
               "%s: nothing, or control characters, for a value", type);
        ASN1_STRING *string = ASN1_STRING_set_by_NID(
            NULL, (const unsigned char *)text, (int)strlen(text), MBSTRING_UTF8, OBJ_obj2nid(oid));
        ENSURE(t, string != NULL, E_INVALID, "%s=%s: %s", type, text, crypto_error(t));
        ARENA_DEFER(t->arena, ASN1_STRING_free, string);
        value = ENCODE(t, i2d_ASN1_PRINTABLE, string);
    }
    *ret = (struct name_attribute){.oid = oid_text(t, oid), .value = value};
    return true;
}

const char *name_attribute_text(struct task *t, const struct name_attribute *attribute)
{
    const unsigned char *at = attribute->value.data;
    const char *text = NULL;
    ASN1_STRING *value = bytes_present(attribute->value)
                             ? d2i_ASN1_PRINTABLE(NULL, &at, (long)attribute->value.len)
                             : NULL;
    if (value != NULL && !string_text(t, value, &text))
        text = NULL;
    ASN1_STRING_free(value);
    ERR_clear_error();
    return text;
}

bool name_wants_printable(const X509_NAME_ENTRY *entry)
{
    int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(entry);
    return (nid == NID_countryName || nid == NID_serialNumber || nid == NID_dnQualifier) &&
           ASN1_PRINTABLE_type(ASN1_STRING_get0_data(value), ASN1_STRING_length(value)) ==
               V_ASN1_PRINTABLESTRING;
}

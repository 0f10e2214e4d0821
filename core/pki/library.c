#include "core/pki/library.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#define ERRORS_SHOWN_MAX 4

void bio_cleanup(BIO **bio)
{
    BIO_free_all(*bio);
}

void object_cleanup(ASN1_OBJECT **object)
{
    ASN1_OBJECT_free(*object);
}

void *in_arena(struct task *t, void (*release)(void *), void *object)
{
    if (object == NULL)
        abort();
    arena_defer(t->arena, release, object);
    return object;
}

const char *crypto_error(struct task *t)
{
    const char *text = NULL;
    const char *data;
    int flags;
    unsigned long code;
    for (int shown = 0; (code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0; shown++) {
        const char *reason = ERR_reason_error_string(code);
        if (shown >= ERRORS_SHOWN_MAX)
            continue;
        bool has_data = (flags & ERR_TXT_STRING) != 0 && *data != '\0';
        text = arena_printf(t->arena, "%s%s%s%s%s%s", text == NULL ? "" : text,
                            text == NULL ? "" : "; ", reason == NULL ? "unnamed error" : reason,
                            has_data ? " (" : "", has_data ? data : "", has_data ? ")" : "");
    }
    return text == NULL ? "libcrypto gives no reason" : text;
}

const char *oid_text(struct task *t, const ASN1_OBJECT *oid)
{
    int len = OBJ_obj2txt(NULL, 0, oid, 1);
    if (len <= 0)
        return "";
    char *text = arena_alloc(t->arena, (size_t)len + 1);
    (void)OBJ_obj2txt(text, len + 1, oid, 1);
    return text;
}

static struct bytes wrapped(struct task *t, int class, int tag, const struct bytes *parts,
                            size_t count)
{
    struct bytes content = bytes_concat(t->arena, parts, count);
    int size = ASN1_object_size(1, (int)content.len, tag);
    uint8_t *octets = arena_alloc(t->arena, (size_t)size);
    unsigned char *at = octets;
    ASN1_put_object(&at, 1, (int)content.len, tag, class);
    if (content.len > 0)
        memcpy(at, content.data, content.len);
    return bytes_make(octets, (size_t)size);
}

struct bytes der_sequence(struct task *t, const struct bytes *parts, size_t count)
{
    return wrapped(t, V_ASN1_UNIVERSAL, V_ASN1_SEQUENCE, parts, count);
}

struct bytes der_set(struct task *t, const struct bytes *parts, size_t count)
{
    return wrapped(t, V_ASN1_UNIVERSAL, V_ASN1_SET, parts, count);
}

struct bytes der_tagged(struct task *t, int tag, const struct bytes *parts, size_t count)
{
    return wrapped(t, V_ASN1_CONTEXT_SPECIFIC, tag, parts, count);
}

bool der_oid(struct task *t, const char *dotted, struct bytes *ret)
{
    ASN1_OBJECT *oid;
    TRY(oid_object(t, dotted, &oid));
    *ret = ENCODE(t, i2d_ASN1_OBJECT, oid);
    return true;
}

bool der_pair(struct task *t, const char *dotted, struct bytes value, struct bytes *ret)
{
    struct bytes parts[] = {BYTES_ABSENT, value};
    TRY(der_oid(t, dotted, &parts[0]));
    *ret = der_sequence(t, parts, ARRAY_SIZE(parts));
    return true;
}

/* Stricter than libcrypto, which reads "1..2" as something. */
static bool is_dotted(const char *text)
{
    bool at_arc = true;
    for (; *text != '\0'; text++) {
        if (*text == '.' ? at_arc : *text < '0' || *text > '9')
            return false;
        at_arc = *text == '.';
    }
    return !at_arc;
}

bool oid_object(struct task *t, const char *dotted, ASN1_OBJECT **ret)
{
    ENSURE(t, strlen(dotted) <= OID_TEXT_MAX, E_INVALID, "an OID of more than %d characters",
           OID_TEXT_MAX);
    ASN1_OBJECT *oid = is_dotted(dotted) ? OBJ_txt2obj(dotted, 1) : NULL;
    ERR_clear_error();
    ENSURE(t, oid != NULL, E_INVALID, "\"%s\" is no dotted OID",
           text_printable(t, bytes_of_text(dotted)));
    *ret = IN_ARENA(t, ASN1_OBJECT_free, oid);
    return true;
}

struct bytes octets_of(const ASN1_STRING *string)
{
    return bytes_make(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

struct bytes octets_of_library(struct task *t, unsigned char *data, int len)
{
    if (len < 0)
        return BYTES_ABSENT;
    struct bytes copy = bytes_copy(t->arena, bytes_make(data, (size_t)len));
    OPENSSL_free(data);
    return copy;
}

struct bytes octets_of_bio(struct task *t, BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    return bytes_copy(t->arena, bytes_make(len > 0 ? data : "", len > 0 ? (size_t)len : 0));
}

char *text_printable(struct task *t, struct bytes octets)
{
    static const char digits[] = "0123456789ABCDEF";
    char *text = arena_alloc(t->arena, octets.len * 3 + 1);
    size_t len = 0;
    for (size_t i = 0; i < octets.len; i++) {
        uint8_t octet = octets.data[i];
        if (octet >= 0x20 && octet < 0x7F && octet != '\\') {
            text[len++] = (char)octet;
            continue;
        }
        text[len++] = '\\';
        text[len++] = digits[octet >> 4];
        text[len++] = digits[octet & 0x0FU];
    }
    return text;
}

bool is_plain(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7F)
            return false;
    }
    return text.len > 0;
}

bool string_text(struct task *t, const ASN1_STRING *string, const char **ret)
{
    unsigned char *utf8 = NULL;
    int len = ASN1_STRING_to_UTF8(&utf8, string);
    struct bytes text = octets_of_library(t, utf8, len);
    ERR_clear_error();
    if (!is_plain(text))
        return false;
    *ret = bytes_to_text(t->arena, text);
    return true;
}

char *name_text(struct task *t, const X509_NAME *name)
{
    CLEANUP(bio_cleanup) BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL || X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0)
        return arena_strdup(t->arena, "?");
    return bytes_to_text(t->arena, octets_of_bio(t, bio));
}

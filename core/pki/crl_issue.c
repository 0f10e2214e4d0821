#include "core/pki/crl_issue.h"

#include "core/base/clock.h"
#include "core/pki/library.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>

#define VERSION_2       1               /* RFC 5280 5.1.2.1 */
#define SERIAL_LEN_MAX  40              /* octets: an entry's length stays below 128 */
#define UTC_LAST        2524607999000LL /* 2049-12-31T23:59:59Z, RFC 5280 5.1.2.4 */
#define UTC_LEN         13              /* characters */
#define GENERALIZED_LEN 15

/*
 * A list of the library's objects is many times as large as its octets, and one may have many
 * entries: so these are written here, and only what is around them is the library's.
 */
/* clang-format off */

typedef struct {
    ASN1_INTEGER *version;
    X509_ALGOR *algorithm;
    X509_NAME *issuer;
    ASN1_TIME *this_update;
    ASN1_TIME *next_update;
    ASN1_STRING *revoked; /* DER of the SEQUENCE; NULL: none */
    STACK_OF(X509_EXTENSION) *extensions;
} LIST_CONTENT;

typedef struct {
    LIST_CONTENT *content;
    X509_ALGOR *algorithm;
    ASN1_BIT_STRING *signature;
} LIST;

ASN1_SEQUENCE(LIST_CONTENT) = {
    ASN1_SIMPLE(LIST_CONTENT, version, ASN1_INTEGER),
    ASN1_SIMPLE(LIST_CONTENT, algorithm, X509_ALGOR),
    ASN1_SIMPLE(LIST_CONTENT, issuer, X509_NAME),
    ASN1_SIMPLE(LIST_CONTENT, this_update, ASN1_TIME),
    ASN1_SIMPLE(LIST_CONTENT, next_update, ASN1_TIME),
    ASN1_OPT(LIST_CONTENT, revoked, ASN1_SEQUENCE),
    ASN1_EXP_SEQUENCE_OF(LIST_CONTENT, extensions, X509_EXTENSION, 0),
} static_ASN1_SEQUENCE_END(LIST_CONTENT)

ASN1_SEQUENCE(LIST) = {
    ASN1_SIMPLE(LIST, content, LIST_CONTENT),
    ASN1_SIMPLE(LIST, algorithm, X509_ALGOR),
    ASN1_SIMPLE(LIST, signature, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(LIST)

static void release_list(void *list)
{
    ASN1_item_free(list, ASN1_ITEM_rptr(LIST));
}

/* clang-format on */

/* ---- Entries ---- */

/* CRLReason (RFC 5280 5.3.1) as the only extension of an entry; its number is the last octet. */
static const uint8_t reason_extensions[] = {0x30, 0x0C, 0x30, 0x0A, 0x06, 0x03, 0x55,
                                            0x1D, 0x15, 0x04, 0x03, 0x0A, 0x01, 0x00};

/* Without leading zeros; of the number 0 nothing is left. */
static struct bytes serial_of(const struct crl_entry *entry)
{
    struct bytes serial = entry->serial;
    while (serial.len > 0 && serial.data[0] == 0) {
        serial.data++;
        serial.len--;
    }
    return serial;
}

/* As an INTEGER: with an octet for the sign where the first one is above 0x7F. */
static bool wants_sign(struct bytes serial)
{
    return serial.len == 0 || serial.data[0] > 0x7F;
}

static size_t time_len(const struct crl_entry *entry)
{
    return entry->revoked <= UTC_LAST ? UTC_LEN : GENERALIZED_LEN;
}

/* Of what is in the entry's SEQUENCE. */
static size_t content_len(const struct crl_entry *entry)
{
    struct bytes serial = serial_of(entry);
    return 2 + wants_sign(serial) + serial.len + 2 + time_len(entry) +
           (entry->reason == 0 ? 0 : sizeof(reason_extensions));
}

static uint8_t *put(uint8_t *at, const void *octets, size_t len)
{
    if (len > 0)
        memcpy(at, octets, len);
    return at + len;
}

static uint8_t *put_header(uint8_t *at, int tag, size_t len)
{
    *at++ = (uint8_t)tag;
    *at++ = (uint8_t)len;
    return at;
}

/* `time` is the library's, to be used again and again. */
static bool put_entry(struct task *t, uint8_t **at, const struct crl_entry *entry, ASN1_TIME *time)
{
    struct bytes serial = serial_of(entry);
    uint8_t *to = put_header(*at, V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED, content_len(entry));
    to = put_header(to, V_ASN1_INTEGER, wants_sign(serial) + serial.len);
    if (wants_sign(serial))
        *to++ = 0;
    to = put(to, serial.data, serial.len);
    ENSURE(t,
           ASN1_TIME_set(time, (time_t)(entry->revoked / SECOND_MS)) != NULL &&
               (size_t)ASN1_STRING_length(time) == time_len(entry),
           E_CRYPTO, "an entry of the revocation list: %s", crypto_error(t));
    to = put_header(to, ASN1_STRING_type(time), time_len(entry));
    to = put(to, ASN1_STRING_get0_data(time), time_len(entry));
    if (entry->reason != 0) {
        to = put(to, reason_extensions, sizeof(reason_extensions));
        to[-1] = (uint8_t)entry->reason;
    }
    *at = to;
    return true;
}

/* By number. */
static int compare_entries(const void *a, const void *b)
{
    struct bytes one = serial_of(*(const struct crl_entry *const *)a);
    struct bytes other = serial_of(*(const struct crl_entry *const *)b);
    if (one.len != other.len)
        return one.len < other.len ? -1 : 1;
    return one.len == 0 ? 0 : memcmp(one.data, other.data, one.len);
}

static const struct crl_entry **in_order(struct task *t, const struct crl_issue *issue)
{
    const struct crl_entry **order =
        arena_array(t->arena, issue->count, sizeof(struct crl_entry *));
    for (size_t i = 0; i < issue->count; i++)
        order[i] = &issue->entries[i];
    qsort(order, issue->count, sizeof(struct crl_entry *), compare_entries);
    return order;
}

static bool measure(struct task *t, const struct crl_issue *issue, size_t *ret)
{
    size_t len = 0;
    for (size_t i = 0; i < issue->count; i++) {
        ENSURE(t, issue->entries[i].serial.len <= SERIAL_LEN_MAX, E_INVALID,
               "a serial number of %zu octets", issue->entries[i].serial.len);
        len += 2 + content_len(&issue->entries[i]);
    }
    ENSURE(t, len < INT32_MAX, E_INVALID, "a revocation list of %zu octets", len);
    *ret = len;
    return true;
}

/* RFC 5280 5.1.2.6: without entries there is no such SEQUENCE. */
static bool add_entries(struct task *t, LIST_CONTENT *content, const struct crl_issue *issue)
{
    size_t len;
    if (issue->count == 0)
        return true;
    TRY(measure(t, issue, &len));
    int whole = ASN1_object_size(1, (int)len, V_ASN1_SEQUENCE);
    uint8_t *der = OPENSSL_malloc((size_t)whole);
    content->revoked = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
    ASN1_TIME *time = IN_ARENA(t, ASN1_TIME_free, ASN1_TIME_new());
    if (der == NULL || content->revoked == NULL) {
        OPENSSL_free(der);
        return fail(t, E_CRYPTO, "no memory for a revocation list");
    }
    ASN1_STRING_set0(content->revoked, der, whole);
    ASN1_put_object(&der, 1, (int)len, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    const struct crl_entry **order = in_order(t, issue);
    for (size_t i = 0; i < issue->count; i++)
        TRY(put_entry(t, &der, order[i], time));
    return true;
}

/* ---- What is around them ---- */

static bool set_fields(struct task *t, LIST_CONTENT *content, const struct crl_issue *issue)
{
    const X509_NAME *name = X509_get_subject_name(issue->issuer->x509);
    /* RFC 5280 5.1.2.4: UTCTime up to 2049, GeneralizedTime from 2050. */
    ENSURE(
        t,
        ASN1_INTEGER_set(content->version, VERSION_2) == 1 &&
            X509_NAME_set(&content->issuer, name) == 1 &&
            ASN1_TIME_set(content->this_update, (time_t)(issue->this_update / SECOND_MS)) != NULL &&
            ASN1_TIME_set(content->next_update, (time_t)(issue->next_update / SECOND_MS)) != NULL,
        E_CRYPTO, "revocation list: %s", crypto_error(t));
    return true;
}

/* RFC 5280 5.2.1, 5.2.3: both must be there. */
static bool add_extensions(struct task *t, LIST_CONTENT *content, const struct crl_issue *issue)
{
    const ASN1_OCTET_STRING *identifier = X509_get0_subject_key_id(issue->issuer->x509);
    AUTHORITY_KEYID *authority = IN_ARENA(t, AUTHORITY_KEYID_free, AUTHORITY_KEYID_new());
    ASN1_INTEGER *number = IN_ARENA(t, ASN1_INTEGER_free, ASN1_INTEGER_new());
    ENSURE(t, identifier != NULL, E_INVALID, "the issuer has no SubjectKeyIdentifier");
    authority->keyid = ASN1_OCTET_STRING_dup(identifier);
    ENSURE(t,
           ASN1_INTEGER_set_uint64(number, issue->number) == 1 &&
               X509V3_add1_i2d(&content->extensions, NID_authority_key_identifier, authority, 0,
                               X509V3_ADD_DEFAULT) == 1 &&
               X509V3_add1_i2d(&content->extensions, NID_crl_number, number, 0,
                               X509V3_ADD_DEFAULT) == 1,
           E_CRYPTO, "revocation list: %s", crypto_error(t));
    return true;
}

static bool check_issuer(struct task *t, const struct crl_issue *issue)
{
    ENSURE(t, issue->this_update < issue->next_update, E_INVALID,
           "a revocation list that ends before it begins");
    /* RFC 5280 4.2.1.3: an issuer whose key usage is stated must be allowed to. */
    ENSURE(t, (X509_get_key_usage(issue->issuer->x509) & KU_CRL_SIGN) != 0, E_INVALID,
           "%s may not sign revocation lists", cert_subject(t, issue->issuer));
    ENSURE(t, X509_check_private_key(issue->issuer->x509, issue->issuer_key) == 1, E_INVALID,
           "the issuer's key is not that of its certificate: %s", crypto_error(t));
    return true;
}

static struct bytes encode(struct task *t, LIST *list)
{
    unsigned char *der = NULL;
    int len = ASN1_item_i2d((const ASN1_VALUE *)list, &der, ASN1_ITEM_rptr(LIST));
    struct bytes copy = len < 0 ? BYTES_ABSENT : bytes_copy(t->arena, bytes_make(der, (size_t)len));
    OPENSSL_free(der);
    return copy;
}

bool crl_issue(struct task *t, const struct crl_issue *issue, struct bytes *ret)
{
    EVP_MD_CTX *ctx;
    TRY(check_issuer(t, issue));
    LIST *list = (LIST *)ASN1_item_new(ASN1_ITEM_rptr(LIST));
    ENSURE(t, list != NULL, E_CRYPTO, "no memory for a revocation list");
    arena_defer(t->arena, release_list, list);
    TRY(set_fields(t, list->content, issue));
    TRY(add_entries(t, list->content, issue));
    TRY(add_extensions(t, list->content, issue));
    TRY(signing_context(t, issue->issuer_key, natural_hash(issue->issuer_key), &ctx));
    ENSURE(t,
           ASN1_item_sign_ctx(ASN1_ITEM_rptr(LIST_CONTENT), list->content->algorithm,
                              list->algorithm, list->signature, list->content, ctx) > 0,
           E_CRYPTO, "the revocation list could not be signed: %s", crypto_error(t));
    struct bytes der = encode(t, list);
    ENSURE(t, bytes_present(der), E_CRYPTO, "revocation list: %s", crypto_error(t));
    *ret = der;
    return true;
}

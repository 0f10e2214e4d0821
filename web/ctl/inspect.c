#include "web/ctl/inspect.h"

#include "web/ctl/facts.h"
#include "web/ctl/inspect_internal.h"
#include "web/ctl/problems.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

#define PEM_BLOCKS_MAX 64

void inspect_failed(struct inspection *in, const char *what)
{
    if (in->failed == NULL)
        in->failed = what;
}

void inspect_without_chain(struct inspection *in, const char *what)
{
    if (in->anchors != NULL)
        inspect_failed(in, what);
}

/* ---- DER ---- */

struct der_item {
    uint8_t tag;
    struct bytes content; /* as much of it as is there */
    uint64_t stated;      /* length that the header states */
};

/* The head of one item; false when there is none that DER allows. */
static bool der_read(struct bytes octets, struct der_item *ret)
{
    if (octets.len < 2)
        return false;
    size_t header = 2;
    uint64_t length = octets.data[1];
    if (length >= 0x80) {
        size_t more = length & 0x7fU;
        if (more == 0 || more > 4 || octets.len < 2 + more)
            return false;
        length = 0;
        for (size_t i = 0; i < more; i++)
            length = length << 8 | octets.data[2 + i];
        header += more;
    }
    size_t there = octets.len - header;
    *ret = (struct der_item){
        octets.data[0], bytes_make(octets.data + header, length < there ? length : there), length};
    return true;
}

#define TAG_INTEGER  0x02
#define TAG_OID      0x06
#define TAG_SEQUENCE 0x30
#define TAG_SET      0x31

/* The item behind the first one. */
static bool der_second(struct bytes octets, struct der_item *ret)
{
    struct der_item first;
    if (!der_read(octets, &first))
        return false;
    const uint8_t *end = first.content.data + first.content.len;
    return der_read(bytes_make(end, octets.len - (size_t)(end - octets.data)), ret);
}

/* id-signedData (RFC 5652 5.1): 1.2.840.113549.1.7.2. */
static bool is_signed_data(const struct der_item *first)
{
    static const uint8_t signed_data[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02};
    return first->tag == TAG_OID && bytes_equal(first->content, BYTES_ARRAY(signed_data));
}

/* A certification request is SEQUENCE { SEQUENCE { version 0, name, key... } ... } (RFC 2986). */
static bool is_request(const struct der_item *first)
{
    struct der_item version;
    struct der_item name;
    if (first->tag != TAG_SEQUENCE || !der_read(first->content, &version) ||
        version.tag != TAG_INTEGER || version.content.len != 1 || version.content.data[0] != 0)
        return false;
    struct der_item inner;
    if (!der_second(first->content, &name) || name.tag != TAG_SEQUENCE)
        return false;
    /* A version 1 certificate has its algorithm here, which starts with an OID. */
    return name.content.len == 0 || (der_read(name.content, &inner) && inner.tag != TAG_OID);
}

/* SEQUENCE { SEQUENCE { OID ... } ... }: attributes; every certificate begins with a number. */
static bool is_csrattrs(const struct der_item *first)
{
    struct der_item inner;
    if (first->tag == TAG_OID)
        return true;
    return first->tag == TAG_SEQUENCE && der_read(first->content, &inner) && inner.tag == TAG_OID;
}

/*
 * SEQUENCE { version, ... }: a private key (RFC 5958, RFC 5915, RFC 8017), but for what stands in
 * a certification request: there a name, a SEQUENCE OF SET, follows.
 */
static bool inspect_numbered(struct task *t, struct inspection *in, struct bytes der,
                             const struct der_item *outer, json_t *report)
{
    struct der_item second;
    struct der_item inner;
    if (der_second(outer->content, &second) && second.tag == TAG_SEQUENCE &&
        der_read(second.content, &inner) && inner.tag == TAG_SET)
        return fail(t, E_CTL_UNKNOWN_FILE,
                    "the inner part of a certification request, or a template of one "
                    "(RFC 9908 3.4), alone: inspect what it was taken from");
    return inspect_private_key(t, in, der, report);
}

static bool inspect_der(struct task *t, struct inspection *in, struct bytes der, json_t *report)
{
    struct der_item outer;
    struct der_item first;
    const struct cert *cert;
    ENSURE(t, der_read(der, &outer) && outer.tag == TAG_SEQUENCE, E_CTL_UNKNOWN_FILE,
           "%zu octets that begin with no DER SEQUENCE", der.len);
    ENSURE(t, outer.content.len == outer.stated, E_CTL_UNKNOWN_FILE,
           "cut off: the outer SEQUENCE says %llu octets, %zu are there",
           (unsigned long long)outer.stated, outer.content.len);
    if (outer.content.len == 0)
        return inspect_csrattrs(t, in, der, report);
    ENSURE(t, der_read(outer.content, &first), E_CTL_UNKNOWN_FILE,
           "a DER SEQUENCE with garbage in it");
    if (is_signed_data(&first))
        return inspect_signed_data(t, in, der, report);
    if (is_csrattrs(&first))
        return inspect_csrattrs(t, in, der, report);
    if (first.tag == TAG_INTEGER)
        return inspect_numbered(t, in, der, &outer, report);
    if (is_request(&first))
        return inspect_request(t, in, der, report);
    ENSURE(t, first.tag == TAG_SEQUENCE, E_CTL_UNKNOWN_FILE,
           "a DER SEQUENCE of another kind: it begins with tag 0x%02x", first.tag);
    TRY(cert_parse(t, der, &cert));
    return inspect_certificate(t, in, cert, report);
}

/* ---- PEM ---- */

struct pem_block {
    const char *label;
    bool encrypted;
    struct bytes octets;
};

struct pem_blocks {
    struct pem_block items[PEM_BLOCKS_MAX];
    size_t count;
};

static bool pem_read(struct task *t, struct bytes text, struct pem_blocks *ret)
{
    char *label;
    char *header;
    unsigned char *data;
    long len;
    ENSURE(t, text.len <= INT32_MAX, E_TOO_LARGE, "%zu octets of PEM", text.len);
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
    ENSURE(t, bio != NULL, E_CRYPTO, "no memory");
    ARENA_DEFER(t->arena, BIO_free_all, bio);
    while (ret->count < PEM_BLOCKS_MAX && PEM_read_bio(bio, &label, &header, &data, &len) == 1) {
        ret->items[ret->count++] = (struct pem_block){
            .label = arena_strdup(t->arena, label),
            .encrypted = strstr(header, "ENCRYPTED") != NULL || strstr(label, "ENCRYPTED") != NULL,
            .octets = bytes_copy(t->arena, bytes_make(data, (size_t)len)),
        };
        OPENSSL_free(label);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, (size_t)len);
    }
    const char *reason = crypto_error(t);
    ENSURE(t, ret->count > 0, E_CTL_UNKNOWN_FILE, "PEM that cannot be read: %s", reason);
    return true;
}

static bool is_certificate(const struct pem_block *block)
{
    return strcmp(block->label, PEM_STRING_X509) == 0 ||
           strcmp(block->label, PEM_STRING_X509_OLD) == 0;
}

/* All certificates, or else the first block that says more than a curve's name. */
static bool inspect_pem(struct task *t, struct inspection *in, struct bytes text, json_t *report)
{
    struct pem_blocks blocks = {.count = 0};
    const struct pem_block *other = NULL;
    TRY(pem_read(t, text, &blocks));
    struct cert_list certs = {arena_array(t->arena, blocks.count, sizeof(struct cert *)), 0};
    for (size_t i = 0; i < blocks.count; i++) {
        const struct pem_block *block = &blocks.items[i];
        if (is_certificate(block)) {
            TRY(cert_parse(t, block->octets, &certs.items[certs.count]));
            certs.count++;
        } else if (other == NULL && strcmp(block->label, PEM_STRING_ECPARAMETERS) != 0) {
            other = block;
        }
    }
    if (certs.count > 0) {
        fact_text(t, report, "wrapping", "PEM CERTIFICATE");
        return certs.count == 1 ? inspect_certificate(t, in, certs.items[0], report)
                                : inspect_certificates(t, in, &certs, "certificates", report);
    }
    ENSURE(t, other != NULL, E_CTL_UNKNOWN_FILE, "PEM that holds nothing but a curve's name");
    ENSURE(t, !other->encrypted, E_CTL_UNKNOWN_FILE, "%s, encrypted: it cannot be looked into",
           other->label);
    fact_text(t, report, "wrapping", arena_printf(t->arena, "PEM %s", other->label));
    return inspect_der(t, in, other->octets, report);
}

/* ---- Everything ---- */

static bool contains(struct bytes octets, const char *text)
{
    return octets.len > 0 && memmem(octets.data, octets.len, text, strlen(text)) != NULL;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct bytes without_leading_space(struct bytes octets)
{
    while (octets.len > 0 && is_space(octets.data[0]))
        octets = bytes_make(octets.data + 1, octets.len - 1);
    return octets;
}

/* Text that is nothing but pairs of hexadecimal digits, in lines or not. */
static bool octets_from_hex(struct task *t, struct bytes text, struct bytes *ret)
{
    char *digits = arena_alloc(t->arena, text.len + 1);
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_space(text.data[i]))
            digits[count++] = (char)text.data[i];
    }
    return strlen(digits) == count && bytes_from_hex(t->arena, digits, ret);
}

/* CBOR of ours begins with a tag, an array or a map; text and DER with smaller octets. */
static bool is_cbor(struct bytes octets)
{
    return octets.len > 0 && octets.data[0] >= 0x80;
}

static bool inspect_binary(struct task *t, struct inspection *in, struct bytes octets,
                           json_t *report)
{
    return is_cbor(octets) ? inspect_cbor(t, in, octets, report)
                           : inspect_der(t, in, octets, report);
}

static bool inspect_any(struct task *t, struct inspection *in, struct bytes octets, json_t *report)
{
    struct bytes binary;
    struct bytes trimmed = without_leading_space(octets);
    const char *wrapping = "base64";
    ENSURE(t, trimmed.len > 0, E_CTL_UNKNOWN_FILE, "there is nothing in it");
    if (octets.data[0] == TAG_SEQUENCE && !bytes_from_base64(t->arena, octets, &binary))
        return inspect_der(t, in, octets, report);
    if (is_cbor(octets))
        return inspect_cbor(t, in, octets, report);
    if (contains(octets, "-----BEGIN "))
        return inspect_pem(t, in, octets, report);
    if (trimmed.data[0] == '{')
        return inspect_json(t, in, trimmed, report);
    /* Hexadecimal is base64, too, but of nothing. */
    if (octets_from_hex(t, octets, &binary))
        wrapping = "hexadecimal";
    else
        ENSURE(t, bytes_from_base64(t->arena, octets, &binary), E_CTL_UNKNOWN_FILE,
               "neither DER nor PEM, CBOR, JSON, hexadecimal or whole base64");
    fact_text(t, report, "wrapping", wrapping);
    if (inspect_binary(t, in, binary, report))
        return true;
    return fail_context(t, "read as %s", wrapping);
}

bool inspect(struct task *t, struct bytes octets, const struct inspect_rules *rules,
             struct inspect_report *ret)
{
    struct inspection in = {.rules = rules};
    json_t *report = json_in_arena(t, json_object());
    if (rules->anchors.count > 0)
        TRY(anchors_make(t, &rules->anchors, &in.anchors));
    TRY(inspect_any(t, &in, octets, report));
    *ret = (struct inspect_report){report, in.failed};
    return true;
}

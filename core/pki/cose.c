#include "core/pki/cose.h"

#include "core/base/cbor.h"
#include "core/pki/signature.h"

#include <inttypes.h>

#define TAG_SIGN1     18
#define SIGN1_MEMBERS 4

/* Header parameters (RFC 9052 3.1, RFC 9360 2). */
#define LABEL_ALG     1
#define LABEL_CRIT    2
#define LABEL_KID     4
#define LABEL_X5BAG   32
#define LABEL_X5CHAIN 33

/* A label is a number or a text. */
struct label {
    bool is_text;
    int64_t number;
    struct bytes text;
};

/* --- reading --- */

static bool malformed(struct task *t)
{
    return fail(t, E_COSE_MALFORMED, "%s", t->detail);
}

static bool next(struct task *t, struct cbor_reader *r, struct cbor_item *ret)
{
    return cbor_next(t, r, ret) || malformed(t);
}

static bool expect(struct task *t, struct cbor_reader *r, enum cbor_item_kind kind,
                   struct cbor_item *ret)
{
    return cbor_expect(t, r, kind, ret) || malformed(t);
}

static bool skip(struct task *t, struct cbor_reader *r, struct bytes *ret)
{
    return cbor_skip(t, r, ret) || malformed(t);
}

static bool read_label(struct task *t, struct cbor_reader *r, struct label *ret)
{
    struct cbor_item item;
    TRY(next(t, r, &item));
    bool is_number = item.kind == CBOR_ITEM_UINT || item.kind == CBOR_ITEM_NEGINT;
    ENSURE(t, item.kind == CBOR_ITEM_TEXT || (is_number && item.number <= INT64_MAX),
           E_COSE_MALFORMED, "a header label that is neither a number nor a text");
    *ret = (struct label){
        .is_text = !is_number,
        .number = item.kind == CBOR_ITEM_NEGINT ? -1 - (int64_t)item.number : (int64_t)item.number,
        .text = item.string,
    };
    return true;
}

static bool same_label(const struct label *a, const struct label *b)
{
    if (a->is_text != b->is_text)
        return false;
    return a->is_text ? bytes_equal(a->text, b->text) : a->number == b->number;
}

static const char *label_text(struct task *t, const struct label *label)
{
    if (label->is_text)
        return bytes_to_printable(t->arena, label->text, 40);
    return arena_printf(t->arena, "%" PRId64, label->number);
}

/* One of the two header maps, and the labels of both. */
struct header {
    struct cose *cose;
    bool is_protected;
    struct label labels[COSE_PARAMETERS_MAX];
    size_t count;
};

/* RFC 9052 3: a label stands once, in one of the two maps. */
static bool note_label(struct task *t, struct header *h, const struct label *label)
{
    ENSURE(t, h->count < COSE_PARAMETERS_MAX, E_COSE_MALFORMED, "more than %d header parameters",
           COSE_PARAMETERS_MAX);
    for (size_t i = 0; i < h->count; i++)
        ENSURE(t, !same_label(&h->labels[i], label), E_COSE_MALFORMED,
               "header parameter %s is there twice", label_text(t, label));
    h->labels[h->count++] = *label;
    return true;
}

static bool add_cert(struct task *t, struct header *h, struct cbor_reader *r)
{
    struct bytes_list *certs = &h->cose->certs;
    struct cbor_item item;
    TRY(expect(t, r, CBOR_ITEM_OCTETS, &item));
    ENSURE(t, certs->count < CERT_COUNT_MAX, E_COSE_MALFORMED, "more than %d certificates",
           CERT_COUNT_MAX);
    certs->items[certs->count++] = bytes_copy(t->arena, item.string);
    h->cose->protected_certs += h->is_protected;
    return true;
}

/* RFC 9360 2: one certificate stands alone, several are in an array. */
static bool read_certs(struct task *t, struct header *h, struct cbor_reader *r)
{
    struct cbor_reader ahead = *r;
    struct cbor_item item;
    TRY(next(t, &ahead, &item));
    if (item.kind != CBOR_ITEM_ARRAY)
        return add_cert(t, h, r);
    ENSURE(t, item.number > 0, E_COSE_MALFORMED, "an array without certificates");
    *r = ahead;
    for (uint64_t i = 0; i < item.number; i++)
        TRY(add_cert(t, h, r));
    return true;
}

static bool is_cert_label(const struct label *label)
{
    return !label->is_text && (label->number == LABEL_X5BAG || label->number == LABEL_X5CHAIN);
}

/* RFC 9052 3.1: labels that whoever reads the message must understand; these are. */
static bool is_understood(const struct label *label)
{
    return is_cert_label(label) ||
           (!label->is_text && (label->number == LABEL_ALG || label->number == LABEL_KID));
}

static bool read_critical(struct task *t, struct header *h, struct cbor_reader *r)
{
    struct cbor_item item;
    struct label label;
    ENSURE(t, h->is_protected, E_COSE_MALFORMED, "\"crit\" in the unprotected header");
    TRY(expect(t, r, CBOR_ITEM_ARRAY, &item));
    ENSURE(t, item.number > 0, E_COSE_MALFORMED, "\"crit\" without labels");
    for (uint64_t i = 0; i < item.number; i++) {
        TRY(read_label(t, r, &label));
        if (h->cose->critical == NULL && !is_understood(&label))
            h->cose->critical = label_text(t, &label);
    }
    return true;
}

/* An algorithm counts when it is under the signature, and a number. */
static bool read_algorithm(struct task *t, struct header *h, struct cbor_reader *r)
{
    struct cbor_reader ahead = *r;
    struct cbor_item item;
    TRY(skip(t, r, NULL));
    TRY(next(t, &ahead, &item));
    bool is_number = item.kind == CBOR_ITEM_UINT || item.kind == CBOR_ITEM_NEGINT;
    if (h->is_protected && is_number && item.number < INT64_MAX)
        h->cose->algorithm =
            item.kind == CBOR_ITEM_NEGINT ? -1 - (int64_t)item.number : (int64_t)item.number;
    return true;
}

static bool read_kid(struct task *t, struct header *h, struct cbor_reader *r)
{
    struct cbor_item item;
    TRY(expect(t, r, CBOR_ITEM_OCTETS, &item));
    h->cose->kid = bytes_copy(t->arena, item.string);
    return true;
}

static bool read_parameter(struct task *t, struct header *h, struct cbor_reader *r)
{
    struct label label;
    TRY(read_label(t, r, &label));
    TRY(note_label(t, h, &label));
    switch (label.is_text ? 0 : label.number) {
    case LABEL_ALG:
        return read_algorithm(t, h, r);
    case LABEL_CRIT:
        return read_critical(t, h, r);
    case LABEL_KID:
        return read_kid(t, h, r);
    case LABEL_X5BAG:
    case LABEL_X5CHAIN:
        return read_certs(t, h, r);
    default:
        return skip(t, r, NULL);
    }
}

static bool read_header(struct task *t, struct header *h, struct cbor_reader *r)
{
    struct cbor_item map;
    TRY(expect(t, r, CBOR_ITEM_MAP, &map));
    for (uint64_t i = 0; i < map.number; i++)
        TRY(read_parameter(t, h, r));
    return true;
}

/* RFC 9052 3: the map in a byte string, which is empty when there are no parameters. */
static bool read_protected(struct task *t, struct header *h, struct bytes encoded)
{
    struct cbor_reader r = cbor_reader_of(encoded);
    if (encoded.len == 0)
        return true;
    h->is_protected = true;
    TRY(read_header(t, h, &r));
    h->is_protected = false;
    return cbor_at_end(t, &r) || malformed(t);
}

/* Tag 18 or none, and the head of the array. */
static bool read_begin(struct task *t, struct cbor_reader *r, bool *ret_tagged)
{
    struct cbor_item item;
    TRY(next(t, r, &item));
    bool tagged = item.kind == CBOR_ITEM_TAG;
    if (tagged) {
        ENSURE(t, item.number == TAG_SIGN1, E_COSE_MALFORMED,
               "tag %" PRIu64 ", where that of COSE_Sign1 is %d", item.number, TAG_SIGN1);
        TRY(next(t, r, &item));
    }
    ENSURE(t, item.kind == CBOR_ITEM_ARRAY && item.number == SIGN1_MEMBERS, E_COSE_MALFORMED,
           "not an array of %d, which COSE_Sign1 is", SIGN1_MEMBERS);
    *ret_tagged = tagged;
    return true;
}

bool cose_open(struct task *t, struct bytes octets, struct cose *ret)
{
    struct cbor_reader r = cbor_reader_of(octets);
    struct cose cose = {.certs.items = arena_array(t->arena, CERT_COUNT_MAX, sizeof(struct bytes))};
    struct header header = {.cose = &cose};
    struct cbor_item protected;
    struct cbor_item payload;
    struct cbor_item signature;
    ENSURE(t, octets.len <= COSE_SIZE_MAX, E_COSE_MALFORMED, "%zu octets; at most %zu", octets.len,
           COSE_SIZE_MAX);
    TRY(read_begin(t, &r, &cose.tagged));
    TRY(expect(t, &r, CBOR_ITEM_OCTETS, &protected));
    TRY(read_protected(t, &header, protected.string));
    TRY(read_header(t, &header, &r));
    TRY(expect(t, &r, CBOR_ITEM_OCTETS, &payload));
    TRY(expect(t, &r, CBOR_ITEM_OCTETS, &signature));
    if (!cbor_at_end(t, &r))
        return malformed(t);
    cose.protected = bytes_copy(t->arena, protected.string);
    cose.payload = bytes_copy(t->arena, payload.string);
    cose.signature = bytes_copy(t->arena, signature.string);
    *ret = cose;
    return true;
}

/* --- verifying --- */

/* RFC 9052 4.4: what is signed, in deterministic encoding. */
static struct bytes sig_structure(struct task *t, struct bytes protected, struct bytes payload)
{
    struct cbor_writer w = cbor_writer_make(t->arena);
    cbor_write_array(&w, 4);
    cbor_write_text(&w, "Signature1");
    cbor_write_octets(&w, protected);
    cbor_write_octets(&w, BYTES_LITERAL(""));
    cbor_write_octets(&w, payload);
    return cbor_written(&w);
}

bool cose_verify(struct task *t, const struct cose *cose, const struct cert_list *candidates,
                 const struct cert **ret_signer)
{
    const struct signature_algorithm *algorithm = signature_algorithm_numbered(cose->algorithm);
    struct bytes signed_octets = sig_structure(t, cose->protected, cose->payload);
    ENSURE(t, cose->algorithm != 0, E_SIGNATURE, "the protected header says no algorithm");
    ENSURE(t, algorithm != NULL, E_SIGNATURE, "the algorithm %" PRId64 " is not accepted",
           cose->algorithm);
    ENSURE(t, cose->critical == NULL, E_SIGNATURE, "the critical header parameter %s",
           cose->critical);
    ENSURE(t, candidates->count > 0, E_SIGNATURE, "the signer's certificate is not at hand");
    for (size_t i = 0; i < candidates->count; i++) {
        task_forgive(t);
        if (signature_check(t, algorithm, candidates->items[i], signed_octets, cose->signature)) {
            *ret_signer = candidates->items[i];
            return true;
        }
    }
    return candidates->count == 1
               ? false
               : fail(t, E_SIGNATURE, "it is of none of the %zu certificates at hand: %s",
                      candidates->count, t->detail);
}

/* --- signing --- */

static void write_certs(struct cbor_writer *w, const struct cert_list *certs)
{
    cbor_write_map(w, certs->count > 0 ? 1 : 0);
    if (certs->count == 0)
        return;
    cbor_write_uint(w, LABEL_X5BAG);
    if (certs->count > 1)
        cbor_write_array(w, certs->count);
    for (size_t i = 0; i < certs->count; i++)
        cbor_write_octets(w, certs->items[i]->der);
}

static struct bytes protected_header(struct task *t, const struct signature_algorithm *algorithm)
{
    struct cbor_writer w = cbor_writer_make(t->arena);
    cbor_write_map(&w, 1);
    cbor_write_uint(&w, LABEL_ALG);
    cbor_write_int(&w, algorithm->cose);
    return cbor_written(&w);
}

bool cose_sign(struct task *t, struct bytes payload, EVP_PKEY *key, const struct cert_list *certs,
               struct bytes *ret)
{
    const struct signature_algorithm *algorithm = signature_algorithm_for(key);
    struct cbor_writer w = cbor_writer_make(t->arena);
    struct bytes signature;
    ENSURE(t, algorithm != NULL && algorithm->cose != 0, E_INVALID,
           "COSE has no algorithm here for keys of kind %s",
           key_kind_text(t, key_kind_of(key, NULL), 0));
    ENSURE(t, certs->count <= CERT_COUNT_MAX, E_INVALID, "%zu certificates; at most %d",
           certs->count, CERT_COUNT_MAX);
    struct bytes protected = protected_header(t, algorithm);
    TRY(signature_make(t, algorithm, key, sig_structure(t, protected, payload), &signature));
    cbor_write_tag(&w, TAG_SIGN1);
    cbor_write_array(&w, SIGN1_MEMBERS);
    cbor_write_octets(&w, protected);
    write_certs(&w, certs);
    cbor_write_octets(&w, payload);
    cbor_write_octets(&w, signature);
    *ret = cbor_written(&w);
    return true;
}

/* --- taking certificates out --- */

/* The pairs that stay, as they stand; how many. */
static bool keep_others(struct task *t, struct cbor_reader *r, uint64_t pairs,
                        struct cbor_writer *w, uint64_t *ret_kept)
{
    uint64_t kept = 0;
    for (uint64_t i = 0; i < pairs; i++) {
        struct cbor_reader pair = *r;
        struct label label;
        TRY(read_label(t, r, &label));
        TRY(skip(t, r, NULL));
        if (is_cert_label(&label))
            continue;
        cbor_write_raw(w, bytes_make(pair.input.data + pair.at, r->at - pair.at));
        kept++;
    }
    *ret_kept = kept;
    return true;
}

bool cose_without_certs(struct task *t, struct bytes octets, struct bytes *ret)
{
    struct cbor_reader r = cbor_reader_of(octets);
    struct cbor_writer others = cbor_writer_make(t->arena);
    struct cbor_writer head = cbor_writer_make(t->arena);
    struct cbor_item map;
    uint64_t kept;
    bool tagged;
    TRY(read_begin(t, &r, &tagged));
    TRY(skip(t, &r, NULL));
    struct bytes before = bytes_make(octets.data, r.at);
    TRY(expect(t, &r, CBOR_ITEM_MAP, &map));
    TRY(keep_others(t, &r, map.number, &others, &kept));
    if (kept == map.number) {
        *ret = octets;
        return true;
    }
    cbor_write_map(&head, kept);
    const struct bytes parts[] = {before, cbor_written(&head), cbor_written(&others),
                                  bytes_make(octets.data + r.at, octets.len - r.at)};
    *ret = bytes_concat(t->arena, parts, ARRAY_SIZE(parts));
    return true;
}

/* Full PKI Requests, read. */
#include "core/pki/cmc.h"

#include "core/pki/cmc_private.h"
#include "core/pki/library.h"

#include <string.h>

#define KIND E_CMC_MALFORMED

/* Alternatives of a TaggedRequest (RFC 5272 3.2.1.2). */
enum { REQUEST_PKCS10 = 0, REQUEST_CRMF = 1, REQUEST_OTHER = 2 };

/* --- controls --- */

bool cmc_attribute_read(struct task *t, const struct der *element, struct cmc_attribute *ret)
{
    struct der_list parts;
    struct cmc_attribute attribute;
    TRY(der_in_sequence(t, element->whole, 3, KIND, &parts));
    ENSURE(t, parts.count == 3 && der_is(&parts.items[2], V_ASN1_SET), KIND,
           "a control that is no TaggedAttribute");
    TRY(der_number(t, &parts.items[0], KIND, &attribute.part));
    TRY(der_object(t, &parts.items[1], KIND, &attribute.oid));
    TRY(der_elements(t, parts.items[2].content, CMC_PARTS_MAX, KIND, &attribute.values));
    *ret = attribute;
    return true;
}

bool cmc_octets_read(struct task *t, const struct der *value, struct bytes *ret)
{
    ENSURE(t, der_is(value, V_ASN1_OCTET_STRING) && value->content.len <= CMC_NONCE_MAX, KIND,
           "a control that holds no OCTET STRING of up to %d octets", CMC_NONCE_MAX);
    *ret = value->content;
    return true;
}

bool cmc_transaction_read(struct task *t, const struct der *value, struct bytes *ret)
{
    ENSURE(t, der_is(value, V_ASN1_INTEGER) && value->whole.len <= CMC_NONCE_MAX, KIND,
           "a transaction identifier that is no INTEGER, or an endless one");
    *ret = value->whole;
    return true;
}

static bool read_identification(struct task *t, const struct der *value, struct cmc_data *data)
{
    ENSURE(t,
           der_is(value, V_ASN1_UTF8STRING) && value->content.len <= CMC_NONCE_MAX &&
               is_plain(value->content) && bytes_are_utf8(value->content),
           KIND, "an identification that is no text");
    data->identification = bytes_to_text(t->arena, value->content);
    return true;
}

/* What the member is that a control is read into; NULL: it is not one of plain octets. */
static struct bytes *octets_member(struct cmc_data *data, const char *oid)
{
    const struct {
        const char *oid;
        struct bytes *member;
    } members[] = {
        {OID_CMC_SENDER_NONCE, &data->sender_nonce},
        {OID_CMC_DATA_RETURN, &data->data_return},
        {OID_CMC_LINK_RANDOM, &data->link_random},
        {OID_CMC_QUERY_PENDING, &data->pending_token},
    };
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        if (strcmp(members[i].oid, oid) == 0)
            return members[i].member;
    }
    return NULL;
}

static bool read_value(struct task *t, const char *oid, const struct der *value,
                       struct cmc_data *data, bool *ret_understood)
{
    struct bytes *octets = octets_member(data, oid);
    *ret_understood = true;
    if (octets != NULL)
        return cmc_octets_read(t, value, octets);
    if (strcmp(oid, OID_CMC_TRANSACTION_ID) == 0)
        return cmc_transaction_read(t, value, &data->transaction_id);
    if (strcmp(oid, OID_CMC_IDENTIFICATION) == 0)
        return read_identification(t, value, data);
    if (strcmp(oid, OID_CMC_IDENTITY_PROOF_V2) == 0)
        data->identity_proof = value->whole;
    else if (strcmp(oid, OID_CMC_LINK_WITNESS_V2) == 0)
        data->link_witness = value->whole;
    else
        /* RFC 5272 6.6: in a first message there is nothing that it could answer. */
        *ret_understood = strcmp(oid, OID_CMC_RECIPIENT_NONCE) == 0;
    return true;
}

static bool is_repeated(const struct cmc_data *data, const char *oid)
{
    for (size_t i = 0; i < data->control_count; i++) {
        if (strcmp(data->controls[i].oid, oid) == 0)
            return true;
    }
    return false;
}

static bool read_control(struct task *t, const struct der *element, struct cmc_data *data)
{
    struct cmc_attribute attribute;
    bool understood = false;
    TRY(cmc_attribute_read(t, element, &attribute));
    /* RFC 5272 3.2.1.1: each of those that are read here has one value. */
    if (attribute.values.count == 1)
        TRY(read_value(t, attribute.oid, &attribute.values.items[0], data, &understood));
    ENSURE(t, !understood || !is_repeated(data, attribute.oid), KIND, "the control %s twice",
           attribute.oid);
    data->controls[data->control_count++] =
        (struct cmc_control){attribute.part, attribute.oid, understood};
    return true;
}

static bool read_controls(struct task *t, const struct der *sequence, struct cmc_data *data)
{
    struct der_list list;
    TRY(der_in_sequence(t, sequence->whole, CMC_CONTROLS_MAX, KIND, &list));
    data->controls = arena_array(t->arena, list.count, sizeof(*data->controls));
    for (size_t i = 0; i < list.count; i++)
        TRY(read_control(t, &list.items[i], data));
    return true;
}

/* --- requests --- */

/* TaggedCertificationRequest and OtherReqMsg both begin with their bodyPartID. */
static bool read_numbered(struct task *t, const struct der *element, size_t count,
                          struct cmc_request *request)
{
    struct der_list parts;
    TRY(der_elements(t, element->content, count, KIND, &parts));
    ENSURE(t, parts.count == count, KIND, "a request that is not whole");
    TRY(der_number(t, &parts.items[0], KIND, &request->part));
    request->der = parts.items[count - 1].whole;
    return true;
}

/* CertReqMsg: the number is certReqId, the first of the CertRequest, which is first. */
static bool read_crmf(struct task *t, const struct der *element, struct cmc_request *request)
{
    struct der_list parts;
    struct der_list inner;
    TRY(der_elements(t, element->content, 3, KIND, &parts));
    ENSURE(t, parts.count > 0, KIND, "a CertReqMsg that is empty");
    TRY(der_in_sequence(t, parts.items[0].whole, 3, KIND, &inner));
    ENSURE(t, inner.count > 0, KIND, "a CertRequest that is empty");
    TRY(der_number(t, &inner.items[0], KIND, &request->part));
    request->der = der_retagged(t, element, V_ASN1_SEQUENCE);
    return true;
}

static bool read_request(struct task *t, const struct der *element, struct cmc_request *request)
{
    ENSURE(t, element->contextual && element->constructed && element->tag <= REQUEST_OTHER, KIND,
           "a request that is no TaggedRequest");
    if (element->tag == REQUEST_PKCS10) {
        request->form = CMC_PKCS10;
        return read_numbered(t, element, 2, request);
    }
    if (element->tag == REQUEST_CRMF) {
        request->form = CMC_CRMF;
        return read_crmf(t, element, request);
    }
    request->form = CMC_OTHER_FORM;
    return read_numbered(t, element, 3, request);
}

static bool read_requests(struct task *t, const struct der *sequence, struct cmc_data *data)
{
    struct der_list list;
    TRY(der_in_sequence(t, sequence->whole, CMC_PARTS_MAX, KIND, &list));
    data->request_sequence = sequence->whole;
    data->requests = arena_array(t->arena, list.count, sizeof(*data->requests));
    for (size_t i = 0; i < list.count; i++)
        TRY(read_request(t, &list.items[i], &data->requests[i]));
    data->request_count = list.count;
    return true;
}

/* --- nested and other messages --- */

static bool read_others(struct task *t, const struct der *sequence, struct cmc_data *data)
{
    struct der_list list;
    TRY(der_in_sequence(t, sequence->whole, CMC_PARTS_MAX, KIND, &list));
    for (size_t i = 0; i < list.count; i++) {
        struct der_list parts;
        TRY(der_in_sequence(t, list.items[i].whole, 3, KIND, &parts));
        ENSURE(t, parts.count >= 2, KIND, "a message within the message that is not whole");
        TRY(der_number(t, &parts.items[0], KIND, &data->others[data->other_count]));
        data->other_count++;
    }
    return true;
}

/* --- all of it --- */

/* RFC 5272 3.2.2: 0 is the message as a whole, and all others are unlike. */
static bool check_numbers(struct task *t, const struct cmc_data *data)
{
    size_t count = data->control_count + data->request_count + data->other_count;
    uint32_t *seen = arena_array(t->arena, count, sizeof(*seen));
    size_t at = 0;
    for (size_t i = 0; i < data->control_count; i++)
        seen[at++] = data->controls[i].part;
    for (size_t i = 0; i < data->request_count; i++)
        seen[at++] = data->requests[i].part;
    for (size_t i = 0; i < data->other_count; i++)
        seen[at++] = data->others[i];
    for (size_t i = 0; i < count; i++) {
        ENSURE(t, seen[i] != 0, KIND, "a bodyPartID of 0");
        for (size_t j = 0; j < i; j++)
            ENSURE(t, seen[i] != seen[j], KIND, "the bodyPartID %lu twice", (unsigned long)seen[i]);
    }
    return true;
}

bool cmc_data_parse(struct task *t, struct bytes der, struct cmc_data *ret)
{
    struct cmc_data data = {.control_count = 0};
    struct der_list parts;
    TRY(der_in_sequence(t, der, 4, KIND, &parts));
    ENSURE(t, parts.count == 4, KIND, "a PKIData of %zu parts, where there are four", parts.count);
    data.others = arena_array(t->arena, (size_t)2 * CMC_PARTS_MAX, sizeof(*data.others));
    TRY(read_controls(t, &parts.items[0], &data));
    TRY(read_requests(t, &parts.items[1], &data));
    TRY(read_others(t, &parts.items[2], &data));
    TRY(read_others(t, &parts.items[3], &data));
    TRY(check_numbers(t, &data));
    *ret = data;
    return true;
}

static bool algorithm_oid(struct task *t, const struct der *algorithm, const char **ret)
{
    struct der_list parts;
    TRY(der_in_sequence(t, algorithm->whole, 2, KIND, &parts));
    ENSURE(t, parts.count > 0, KIND, "an algorithm without a name");
    return der_object(t, &parts.items[0], KIND, ret);
}

bool cmc_witness_parse(struct task *t, struct bytes der, struct cmc_witness *ret)
{
    struct cmc_witness witness;
    struct der_list parts;
    TRY(der_in_sequence(t, der, 3, KIND, &parts));
    ENSURE(t, parts.count == 3 && der_is(&parts.items[2], V_ASN1_OCTET_STRING), KIND,
           "a witness that is not hash, MAC and value");
    TRY(algorithm_oid(t, &parts.items[0], &witness.hash_oid));
    TRY(algorithm_oid(t, &parts.items[1], &witness.mac_oid));
    witness.mac = parts.items[2].content;
    *ret = witness;
    return true;
}

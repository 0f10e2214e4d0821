/* Full PKI Responses. */
#include "core/base/clock.h"
#include "core/pki/cmc.h"
#include "core/pki/cmc_private.h"
#include "core/pki/library.h"

#include <string.h>
#include <time.h>

#include <openssl/err.h>

#define KIND         E_CMC_MALFORMED
#define CONTROLS_MAX 5

/* --- writing --- */

struct controls {
    struct bytes items[CONTROLS_MAX];
    size_t count;
};

static struct bytes number(struct task *t, uint64_t value)
{
    ASN1_INTEGER *integer = IN_ARENA(t, ASN1_INTEGER_free, ASN1_INTEGER_new());
    (void)ASN1_INTEGER_set_uint64(integer, value);
    return ENCODE(t, i2d_ASN1_INTEGER, integer);
}

static struct bytes octet_string(struct task *t, struct bytes octets)
{
    ASN1_OCTET_STRING *string = IN_ARENA(t, ASN1_OCTET_STRING_free, ASN1_OCTET_STRING_new());
    (void)ASN1_OCTET_STRING_set(string, octets.data, (int)octets.len);
    return ENCODE(t, i2d_ASN1_OCTET_STRING, string);
}

static struct bytes utf8_string(struct task *t, const char *text)
{
    ASN1_UTF8STRING *string = IN_ARENA(t, ASN1_UTF8STRING_free, ASN1_UTF8STRING_new());
    (void)ASN1_STRING_set(string, text, -1);
    return ENCODE(t, i2d_ASN1_UTF8STRING, string);
}

static bool generalized_time(struct task *t, int64_t at, struct bytes *ret)
{
    ASN1_GENERALIZEDTIME *time = ASN1_GENERALIZEDTIME_set(NULL, (time_t)(at / SECOND_MS));
    ENSURE(t, time != NULL, E_CRYPTO, "a time that cannot be written: %s", crypto_error(t));
    ARENA_DEFER(t->arena, ASN1_GENERALIZEDTIME_free, time);
    *ret = ENCODE(t, i2d_ASN1_GENERALIZEDTIME, time);
    return true;
}

/* TaggedAttribute with one value. */
static bool add(struct task *t, struct controls *controls, const char *oid, struct bytes value)
{
    struct bytes parts[] = {number(t, controls->count + 1), BYTES_ABSENT, der_set(t, &value, 1)};
    TRY(der_oid(t, oid, &parts[1]));
    controls->items[controls->count++] = der_sequence(t, parts, ARRAY_SIZE(parts));
    return true;
}

static struct bytes body_list(struct task *t, const struct cmc_response *response)
{
    struct bytes *parts = arena_array(t->arena, response->part_count, sizeof(*parts));
    for (size_t i = 0; i < response->part_count; i++)
        parts[i] = number(t, response->parts[i]);
    return der_sequence(t, parts, response->part_count);
}

/* OtherStatusInfo ::= CHOICE { failInfo, pendInfo, ... }. */
static bool status_detail(struct task *t, const struct cmc_response *response, struct bytes *ret)
{
    struct bytes detail = BYTES_ABSENT;
    if (response->status == CMC_FAILED)
        detail = number(t, (uint64_t)response->failure);
    if (response->status == CMC_PENDING) {
        struct bytes parts[] = {octet_string(t, response->pending_token), BYTES_ABSENT};
        TRY(generalized_time(t, response->pending_until, &parts[1]));
        detail = der_sequence(t, parts, ARRAY_SIZE(parts));
    }
    *ret = detail;
    return true;
}

static bool add_status(struct task *t, const struct cmc_response *response,
                       struct controls *controls)
{
    struct bytes parts[] = {
        number(t, (uint64_t)response->status),
        body_list(t, response),
        response->text == NULL ? BYTES_ABSENT : utf8_string(t, response->text),
        BYTES_ABSENT,
    };
    TRY(status_detail(t, response, &parts[3]));
    return add(t, controls, OID_CMC_STATUS_INFO_V2, der_sequence(t, parts, ARRAY_SIZE(parts)));
}

bool cmc_response_write(struct task *t, const struct cmc_response *response, struct bytes *ret)
{
    struct controls controls = {.count = 0};
    TRY(add_status(t, response, &controls));
    /* RFC 5272 6.6: the transaction, and the nonce as that of who is answered. */
    if (bytes_present(response->transaction_id))
        TRY(add(t, &controls, OID_CMC_TRANSACTION_ID, response->transaction_id));
    if (bytes_present(response->recipient_nonce)) {
        TRY(add(t, &controls, OID_CMC_SENDER_NONCE, octet_string(t, response->sender_nonce)));
        TRY(add(t, &controls, OID_CMC_RECIPIENT_NONCE, octet_string(t, response->recipient_nonce)));
    }
    /* RFC 5272 6.4: given back as it came. */
    if (bytes_present(response->data_return))
        TRY(add(t, &controls, OID_CMC_DATA_RETURN, octet_string(t, response->data_return)));
    const struct bytes parts[] = {
        der_sequence(t, controls.items, controls.count),
        der_sequence(t, NULL, 0),
        der_sequence(t, NULL, 0),
    };
    *ret = der_sequence(t, parts, ARRAY_SIZE(parts));
    return true;
}

/* --- reading --- */

static bool read_parts(struct task *t, const struct der *sequence, struct cmc_response *response)
{
    struct der_list list;
    TRY(der_in_sequence(t, sequence->whole, CMC_PARTS_MAX, KIND, &list));
    response->parts = arena_array(t->arena, list.count, sizeof(*response->parts));
    for (size_t i = 0; i < list.count; i++)
        TRY(der_number(t, &list.items[i], KIND, &response->parts[i]));
    response->part_count = list.count;
    return true;
}

static bool read_pending(struct task *t, const struct der *info, struct cmc_response *response)
{
    struct der_list parts;
    struct tm moment;
    TRY(der_in_sequence(t, info->whole, 2, KIND, &parts));
    ENSURE(t, parts.count == 2, KIND, "a PendInfo without token or time");
    TRY(cmc_octets_read(t, &parts.items[0], &response->pending_token));
    const unsigned char *at = parts.items[1].whole.data;
    ASN1_GENERALIZEDTIME *time =
        d2i_ASN1_GENERALIZEDTIME(NULL, &at, (long)parts.items[1].whole.len);
    bool good = time != NULL && ASN1_TIME_to_tm(time, &moment) == 1;
    ASN1_GENERALIZEDTIME_free(time);
    ERR_clear_error();
    ENSURE(t, good, KIND, "a PendInfo with a time that is none");
    response->pending_until = (int64_t)timegm(&moment) * SECOND_MS;
    return true;
}

static bool read_detail(struct task *t, const struct der *detail, struct cmc_response *response)
{
    uint32_t failure;
    if (der_is(detail, V_ASN1_SEQUENCE))
        return read_pending(t, detail, response);
    if (detail->contextual) /* extendedFailInfo: somebody else's */
        return true;
    TRY(der_number(t, detail, KIND, &failure));
    response->failure = (enum cmc_failure)failure;
    return true;
}

static bool read_status(struct task *t, const struct der *value, struct cmc_response *response)
{
    struct der_list parts;
    uint32_t status;
    TRY(der_in_sequence(t, value->whole, 4, KIND, &parts));
    ENSURE(t, parts.count >= 2 && response->part_count == 0, KIND, "no status, or two");
    TRY(der_number(t, &parts.items[0], KIND, &status));
    response->status = (enum cmc_status)status;
    TRY(read_parts(t, &parts.items[1], response));
    ENSURE(t, response->part_count > 0, KIND, "a status of nothing");
    size_t next = 2;
    if (next < parts.count && der_is(&parts.items[next], V_ASN1_UTF8STRING)) {
        response->text = text_printable(t, parts.items[next].content);
        next++;
    }
    if (next < parts.count)
        TRY(read_detail(t, &parts.items[next++], response));
    ENSURE(t, next == parts.count, KIND, "a status that goes on and on");
    return true;
}

static bool read_control(struct task *t, const struct der *element, struct cmc_response *response)
{
    struct cmc_attribute attribute;
    TRY(cmc_attribute_read(t, element, &attribute));
    if (attribute.values.count != 1)
        return true;
    const struct der *value = &attribute.values.items[0];
    if (strcmp(attribute.oid, OID_CMC_STATUS_INFO_V2) == 0)
        return read_status(t, value, response);
    if (strcmp(attribute.oid, OID_CMC_TRANSACTION_ID) == 0)
        return cmc_transaction_read(t, value, &response->transaction_id);
    if (strcmp(attribute.oid, OID_CMC_SENDER_NONCE) == 0)
        return cmc_octets_read(t, value, &response->sender_nonce);
    if (strcmp(attribute.oid, OID_CMC_RECIPIENT_NONCE) == 0)
        return cmc_octets_read(t, value, &response->recipient_nonce);
    return strcmp(attribute.oid, OID_CMC_DATA_RETURN) != 0 ||
           cmc_octets_read(t, value, &response->data_return);
}

bool cmc_response_parse(struct task *t, struct bytes der, struct cmc_response *ret)
{
    struct cmc_response response = {.part_count = 0};
    struct der_list parts;
    struct der_list list;
    TRY(der_in_sequence(t, der, 3, KIND, &parts));
    ENSURE(t, parts.count == 3, KIND, "a PKIResponse of %zu parts, where there are three",
           parts.count);
    TRY(der_in_sequence(t, parts.items[0].whole, CMC_CONTROLS_MAX, KIND, &list));
    for (size_t i = 0; i < list.count; i++)
        TRY(read_control(t, &list.items[i], &response));
    ENSURE(t, response.part_count > 0, KIND, "a PKIResponse without a status");
    *ret = response;
    return true;
}

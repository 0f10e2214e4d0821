/* Full PKI Responses, written. */
#include "core/pki/cmc.h"
#include "core/pki/library.h"

#include "core/base/clock.h"

#include <openssl/err.h>

#define CONTROLS_MAX 5

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

#include "registrar/pledge_body.h"

#include "core/store/records/allowance.h"
#include "registrar/voucher_accept.h"

#include <string.h>
#include <strings.h>

#define PEM_LINE 64 /* characters (RFC 7468 2) */

/* ---- Media types ---- */

/* Names from drafts of RFC 8366, RFC 8995 and later texts, which are still in the field. */
static const struct {
    const char *alias;
    const char *media_type;
} aliases[] = {
    {"application/pkcs7-mime", "application/voucher-cms+json"},
    {"application/voucher+cms", "application/voucher-cms+json"},
    {"application/voucherrequest+cms", "application/voucher-cms+json"},
    {"application/voucher-cose+cbor", "application/voucher+cose"},
};

const struct voucher_form *voucher_form_named(const char *media_type, bool *ret_alias)
{
    const struct voucher_form *form = voucher_form_of(media_type);
    *ret_alias = false;
    for (size_t i = 0; form == NULL && media_type != NULL && i < ARRAY_SIZE(aliases); i++) {
        if (strcasecmp(aliases[i].alias, media_type) != 0)
            continue;
        form = voucher_form_of(aliases[i].media_type);
        *ret_alias = form != NULL;
    }
    return form;
}

static bool allow_alias(struct task *t, const struct idevid *idevid, const char *field,
                        const char *alias, struct pledge_body *body)
{
    ENSURE(t, (idevid->maker->allowed & ALLOWANCE(ALLOW_MEDIA_TYPE_ALIAS)) != 0, E_MEDIA_TYPE_ALIAS,
           "%s %s stands for %s", field, alias, body->form->media_type);
    body->used |= ALLOWANCE(ALLOW_MEDIA_TYPE_ALIAS);
    return true;
}

static bool read_form(struct task *t, const struct http_request *rq, const struct idevid *idevid,
                      struct pledge_body *body)
{
    bool alias;
    body->form = voucher_form_named(rq->media_type, &alias);
    ENSURE(t, body->form != NULL, E_HTTP_MEDIA_TYPE, "Content-Type %s",
           rq->media_type == NULL ? "missing" : rq->media_type);
    return !alias || allow_alias(t, idevid, "Content-Type", rq->media_type, body);
}

/*
 * RFC 8995 5.3: 406 when there is no form of voucher that both sides read.  The voucher goes under
 * its own media type, unless the pledge knows it by an old one alone.
 */
static bool read_accept(struct task *t, const struct http_request *rq, const struct idevid *idevid,
                        struct pledge_body *body)
{
    bool relays = idevid->manufacturer->relay_unreadable;
    body->answer_type = body->form->media_type;
    body->accept = rq->accept;
    if (voucher_accept(t, rq->accept, body->form, relays) != NULL)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
        if (strcmp(aliases[i].media_type, body->form->media_type) != 0 ||
            !http_accepts(rq, aliases[i].alias))
            continue;
        body->answer_type = aliases[i].alias;
        body->accept = NULL;
        return allow_alias(t, idevid, "Accept", aliases[i].alias, body);
    }
    return fail(t, E_HTTP_ACCEPT, "Accept: %s", rq->accept);
}

/* ---- Wrapping ---- */

static bool is_blank(uint8_t octet)
{
    return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

bool body_unwrap(struct arena *arena, struct bytes octets, struct bytes *ret,
                 enum body_wrapping *ret_wrapping)
{
    while (octets.len > 0 && is_blank(octets.data[0]))
        octets = bytes_make(octets.data + 1, octets.len - 1);
    bool pem = bytes_start_with(octets, BYTES_LITERAL("-----BEGIN "));
    struct bytes inner = pem ? bytes_without_armour(octets) : octets;
    struct bytes decoded;
    if (!bytes_from_base64(arena, inner, &decoded) || decoded.len == 0)
        return false;
    *ret = decoded;
    *ret_wrapping = pem ? BODY_PEM : BODY_BASE64;
    return true;
}

bool pledge_body_read(struct task *t, const struct http_request *rq, const struct idevid *idevid,
                      struct pledge_body *ret)
{
    struct pledge_body body = {.octets = rq->body};
    struct bytes inner;
    TRY(read_form(t, rq, idevid, &body));
    TRY(read_accept(t, rq, idevid, &body));
    /* No artifact of any form is all characters of base64. */
    if (body_unwrap(t->arena, rq->body, &inner, &body.wrapping)) {
        ENSURE(t, (idevid->maker->allowed & ALLOWANCE(ALLOW_REQUEST_BASE64)) != 0, E_REQUEST_BASE64,
               "the body is %s", body.wrapping == BODY_PEM ? "PEM" : "base64");
        body.octets = inner;
        body.used |= ALLOWANCE(ALLOW_REQUEST_BASE64);
    }
    *ret = body;
    return true;
}

static struct bytes in_armour(struct task *t, const char *base64)
{
    size_t left = strlen(base64);
    size_t room = left + left / PEM_LINE + 2;
    char *lines = arena_alloc(t->arena, room);
    char *at = lines;
    while (left > 0) {
        size_t part = left < PEM_LINE ? left : PEM_LINE;
        memcpy(at, base64, part);
        at += part;
        *at++ = '\n';
        base64 += part;
        left -= part;
    }
    /* RFC 7468 9: the label of CMS. */
    return bytes_of_text(
        arena_printf(t->arena, "-----BEGIN CMS-----\n%s-----END CMS-----\n", lines));
}

void pledge_body_wrap_alike(struct task *t, const struct pledge_body *body,
                            struct http_reply *reply)
{
    if (reply->status != 200)
        return;
    if (strcmp(reply->media_type, body->form->media_type) == 0)
        reply->media_type = body->answer_type;
    if (body->wrapping == BODY_BARE)
        return;
    const char *base64 = bytes_to_base64(t->arena, reply->body);
    reply->body = body->wrapping == BODY_PEM ? in_armour(t, base64) : bytes_of_text(base64);
}

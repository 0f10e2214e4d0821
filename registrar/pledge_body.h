/*
 * What a pledge POSTs to requestvoucher, before anything in it is read: which form it has, and the
 * octets of the artifact (RFC 8995 5.2, 6).
 */
#ifndef GATEHOUSE_REGISTRAR_PLEDGE_BODY_H
#define GATEHOUSE_REGISTRAR_PLEDGE_BODY_H

#include "core/pledge/caller.h"
#include "registrar/problems.h"
#include "registrar/voucher/voucher.h"

enum body_wrapping { BODY_BARE, BODY_BASE64, BODY_PEM };

struct pledge_body {
    const struct voucher_form *form;
    const char *answer_type; /* what the pledge wants a voucher of that form called */
    const char *accept;      /* its Accept; NULL: none, or one that only names that form so */
    struct bytes octets;     /* of the artifact itself */
    enum body_wrapping wrapping;
    unsigned used; /* set of enum allowance */
};

/*
 * RFC 8995 6: the artifact itself, under its media type.  What departs from that is read where the
 * manufacturer's record allows it; else it fails with E_MEDIA_TYPE_ALIAS or E_REQUEST_BASE64.
 * Fails with E_HTTP_MEDIA_TYPE on a media type that is none of a voucher, and with E_HTTP_ACCEPT
 * when the pledge takes no voucher that can be handed out here.
 */
MUST_USE bool pledge_body_read(struct task *t, const struct http_request *rq,
                               const struct idevid *idevid, struct pledge_body *ret);
/* The form that a media type names, which may be an alias of old; NULL: none. */
const struct voucher_form *voucher_form_named(const char *media_type, bool *ret_alias);
/* Octets that are base64, or PEM, and nothing else, without that; false: they are not. */
MUST_USE bool body_unwrap(struct arena *arena, struct bytes octets, struct bytes *ret,
                          enum body_wrapping *ret_wrapping);
/* As the request was named and wrapped, so is the answer. */
void pledge_body_wrap_alike(struct task *t, const struct pledge_body *body,
                            struct http_reply *reply);

#endif

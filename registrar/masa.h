/* The MASA: where it is, and how it is talked to (RFC 8995 2.3.2, 2.8, 5.4). */
#ifndef GATEHOUSE_REGISTRAR_MASA_H
#define GATEHOUSE_REGISTRAR_MASA_H

#include "core/pledge/order_events.h"
#include "registrar/registrar.h"

/*
 * The base of the MASA's resources: the manufacturer's record says, or else the IDevID's
 * extension.  What had to be allowed for that is added to the set `used` of enum allowance.  Fails
 * with E_MASA_URL, E_MASA_URL_ENCODING, E_MASA_URL_OLD_OID.
 */
MUST_USE bool masa_base(struct task *t, const struct idevid *idevid, unsigned *used,
                        const char **ret);
/* The same later, for an order that was submitted with `before`: what the record says now. */
MUST_USE bool masa_base_now(struct task *t, const struct manufacturer *maker, const char *before,
                            const char **ret);
/* The form in which its MASA is asked where no pledge's request shows one: the record says. */
const struct voucher_form *masa_form(const struct manufacturer *maker);
/* "masa:host:port" of a base: what its orders are counted under. */
const char *masa_peer(struct task *t, const char *base);

/*
 * POSTs to base/operation as ourselves, in the way that the manufacturer's record says: TLS client
 * certificate with the key in the token, or HTTP authentication; its anchors, its proxy, private
 * addresses only where it allows them; in base64 where it allows that.
 */
MUST_USE bool masa_post(struct task *t, const struct registrar *r, const struct manufacturer *maker,
                        const char *base, const char *operation, const char *media_type,
                        const char *accept, struct bytes body, struct http_answer *ret);
/* GETs a URL of the same origin as `base`; another one fails with E_MASA_ANSWER. */
MUST_USE bool masa_get(struct task *t, const struct registrar *r, const struct manufacturer *maker,
                       const char *base, const char *url, struct http_answer *ret);

/*
 * An answer 200 to requestvoucher: with a voucher's own media type, and its octets as they are to
 * be handed on; of one whose form is not known here, as they are.  Departures that the record
 * allows are undone and added to `used`.  `asked` is the form that was asked in.  Fails with
 * E_MASA_TEXT_PLAIN, E_MASA_ALIAS, E_MASA_BASE64.
 */
MUST_USE bool masa_read_voucher(struct task *t, const struct manufacturer *maker,
                                const struct voucher_form *asked, struct http_answer *answer,
                                unsigned *used);

/* "404: text of the body, cut and made printable", for details. */
const char *masa_words(struct task *t, const struct http_answer *answer);
/* How long the MASA asks to wait, ms; it is foreign, and a pledge waits: an hour at most. */
int64_t masa_wait(const struct http_answer *answer);
/* What came between an order and its manufacturer's MASA. */
struct masa_trouble {
    struct order_trouble trouble;
    const char *manufacturer;
};
/*
 * For order_retry() and order_refuse(): as order_trouble_note(), and an alarm when the MASA does
 * not accept us.  The next voucher from it ends the alarm.
 */
MUST_USE bool masa_trouble_note(struct task *t, struct tx *tx, void *masa_trouble);
/* True when the MASA was not reached, or could do nothing just now. */
bool masa_is_away(const struct task *t);
/* True for problems that pass by themselves or with a change here: the order is tried again. */
bool masa_problem_passes(const struct task *t);

#endif

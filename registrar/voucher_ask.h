/* One question to a MASA for a voucher, whatever it is for (RFC 8995 5.4 to 5.6). */
#ifndef GATEHOUSE_REGISTRAR_VOUCHER_ASK_H
#define GATEHOUSE_REGISTRAR_VOUCHER_ASK_H

#include "core/http/client.h"
#include "registrar/registrar.h"
#include "registrar/voucher/voucher.h"

struct voucher_question {
    const struct manufacturer *maker;
    const char *masa_url;
    const struct voucher_form *form; /* of the request */
    const char *accept;   /* the forms that the pledge takes; NULL: that of the request */
    struct bytes request; /* signed; it goes out as it is */
};
/*
 * `ret` has the voucher's octets, which nobody has looked at yet, and `ret_form` how to read them;
 * NULL: a form that we cannot read, and that the maker's record lets us pass on.  What the MASA had
 * to be allowed is added to the set `used` of enum allowance.  Fails with the peer kinds, the
 * E_MASA kinds and E_VOUCHER_UNREADABLE; `ret` is filled as far as there was an answer.
 */
MUST_USE bool voucher_ask(struct task *t, const struct registrar *r,
                          const struct voucher_question *question, unsigned *used,
                          struct http_answer *ret, const struct voucher_form **ret_form);

#endif

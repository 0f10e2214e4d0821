/* Which forms of voucher a pledge takes, and which the MASA is asked for (RFC 8995 5.5, 5.6). */
#ifndef GATEHOUSE_REGISTRAR_VOUCHER_ACCEPT_H
#define GATEHOUSE_REGISTRAR_VOUCHER_ACCEPT_H

#include "registrar/voucher/voucher.h"

#define ACCEPT_MAX 512 /* characters of a pledge's Accept that are kept */

/*
 * The pledge takes the form that it asks in, unless its Accept says otherwise, and every other one
 * that its Accept names: what only "*" allows, hardly any pledge can read.
 */
bool voucher_taken(const char *accept, const struct voucher_form *asked, const char *media_type);
/*
 * The Accept for the MASA: of the forms that the pledge takes, those that we can read; where
 * `relays`, the pledge's own list.  NULL: there is none.
 */
const char *voucher_accept(struct task *t, const char *accept, const struct voucher_form *asked,
                           bool relays);

#endif

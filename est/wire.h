/* EST bodies: base64 of DER, whatever Content-Transfer-Encoding says (RFC 8951 section 3). */
#ifndef GATEHOUSE_EST_WIRE_H
#define GATEHOUSE_EST_WIRE_H

#include "core/http/server.h"

/* Wrapped or not, with or without PEM armour.  Fails with E_MALFORMED. */
MUST_USE bool est_read_body(struct task *t, struct bytes body, struct bytes *ret);
/* 200 with `der` in base64, in lines of 64 as RFC 7030's examples have it. */
void est_write_body(struct task *t, const char *media_type, struct bytes der,
                    struct http_reply *reply);
/* The same in lines of that many characters, a multiple of 4; 0: one line without an end. */
void est_write_lines(struct task *t, const char *media_type, struct bytes der, size_t line,
                     struct http_reply *reply);

#endif

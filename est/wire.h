/* EST bodies: base64 of DER, whatever Content-Transfer-Encoding says (RFC 8951 section 3). */
#ifndef GATEHOUSE_EST_WIRE_H
#define GATEHOUSE_EST_WIRE_H

#include "core/http/server.h"

/* Wrapped or not, with or without PEM armour.  Fails with E_MALFORMED. */
MUST_USE bool est_read_body(struct task *t, struct bytes body, struct bytes *ret);
/* 200 with `der` in base64, in lines of so many characters, a multiple of 4; 0: one without an end.
 */
void est_write_lines(struct task *t, const char *media_type, struct bytes der, size_t line,
                     struct http_reply *reply);

/* A part of an answer: DER, and what it is. */
struct est_part {
    const char *media_type;
    struct bytes octets;
};
/*
 * 200 with multipart/mixed (RFC 7030 4.4.2, RFC 2046 5.1): every part in base64, lines as above,
 * all of them ended by CR LF.  The body is wiped when it has left.
 */
void est_write_parts(struct task *t, const struct est_part *parts, size_t count, size_t line,
                     struct http_reply *reply);

#endif

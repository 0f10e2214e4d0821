/*
 * Plain HTTP, for what needs no TLS because it is signed itself: revocation lists (RFC 5280 8).
 */
#ifndef GATEHOUSE_LAB_FETCH_H
#define GATEHOUSE_LAB_FETCH_H

#include "lab/pledge_socket.h"
#include "lab/response.h"

/*
 * GETs an http URL, without following redirects.  Fails with E_INVALID and the kinds of
 * socket_connect() and response_read().
 */
MUST_USE bool fetch(struct task *t, const char *url, const struct socket_rules *rules,
                    struct response *ret);

#endif

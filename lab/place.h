/* Where to send a request: an https URL taken apart (RFC 9110 4.2.2, RFC 3986). */
#ifndef GATEHOUSE_LAB_PLACE_H
#define GATEHOUSE_LAB_PLACE_H

#include "core/base/task.h"

#define PLACE_URL_MAX        2048 /* characters */
#define PLACE_DEFAULT_PORT   443
#define PATH_BRSKI           "/.well-known/brski" /* RFC 8995 8.3 */
#define PATH_REQUEST_VOUCHER PATH_BRSKI "/requestvoucher"
#define PATH_EST             "/.well-known/est" /* RFC 7030 3.2.2 */

struct place {
    const char *host; /* lower-case name, or an address without brackets */
    bool is_address;  /* IPv4 or IPv6 */
    unsigned port;
    bool has_port;         /* it was named */
    const char *path;      /* begins with "/" */
    const char *authority; /* "host" or "host:port", as the Host header has it */
    const char *url;       /* canonical: "https://" authority path */
};

/*
 * An absolute https URL without user, query or fragment.  Without a path of its own, or with that
 * of the well-known BRSKI resources, it stands for requestvoucher there.  Fails with E_INVALID.
 */
MUST_USE bool place_from_url(struct task *t, const char *url, struct place *ret);
/*
 * What a Location (RFC 9110 10.2.2) in an answer from there leads to: a URL as above, or a path on
 * the same server.  Fails with E_INVALID.
 */
MUST_USE bool place_from_location(struct task *t, const struct place *from, const char *location,
                                  struct place *ret);
/* The same with any path and query, which are kept as they are. */
MUST_USE bool place_from_any_url(struct task *t, const char *url, struct place *ret);
/* The same with http instead of https: for what is signed itself, such as revocation lists. */
MUST_USE bool place_from_http_url(struct task *t, const char *url, struct place *ret);
/*
 * est-domain (RFC 8366bis; draft-ietf-anima-brski-cloud 3.2.3): an https URL, or host[:port] alone.
 * The path is the base of the EST operations: the well-known one when there is none.
 */
MUST_USE bool place_from_est_domain(struct task *t, const char *text, struct place *ret);
/* The same server, and there the same resource. */
bool place_equal(const struct place *a, const struct place *b);
/* The same server. */
bool place_same_origin(const struct place *a, const struct place *b);

#endif

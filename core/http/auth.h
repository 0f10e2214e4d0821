/* HTTP authentication (RFC 7617 Basic, RFC 7616 Digest) as EST asks for it (RFC 7030 3.2.3). */
#ifndef GATEHOUSE_CORE_HTTP_AUTH_H
#define GATEHOUSE_CORE_HTTP_AUTH_H

#include "core/base/task.h"
#include "core/http/problems.h"

#define HTTP_AUTH_MAX 4096 /* octets of an Authorization field */

enum http_auth_scheme { HTTP_AUTH_BASIC, HTTP_AUTH_DIGEST };

/* What an Authorization field says.  Texts are absent (NULL) where they were. */
struct http_auth {
    enum http_auth_scheme scheme;
    const char *user;
    struct bytes password; /* Basic; in wiped memory */
    /* Digest. */
    const char *realm;
    const char *nonce;
    const char *uri;
    const char *algorithm;
    const char *qop;
    const char *nc;
    const char *cnonce;
    const char *response;
};

/* Fails with E_AUTH_MALFORMED. */
MUST_USE bool http_auth_read(struct task *t, const char *field, struct http_auth *ret);

/*
 * The response that goes with HA1 (a digest of "user:realm:password"), in hexadecimal (RFC 7616
 * 3.4.1, qop=auth).  `md5`: by MD5, else by SHA-256.
 */
MUST_USE bool http_auth_response(struct task *t, const struct http_auth *auth, struct bytes ha1,
                                 const char *method, bool md5, const char **ret);
/* HA1 of a password (RFC 7616 3.4.2). */
MUST_USE bool http_auth_ha1(struct task *t, const char *user, const char *realm,
                            const char *password, bool md5, struct bytes *ret);

#endif

/*
 * The outgoing client over libcurl (OpenSSL flavour): HTTPS to MASAs, CAs and clouds, and plain
 * HTTP over a Unix socket to the admin API.  Redirects are never followed here.  Connections are
 * kept and used again by calls to the same place with the same credentials and anchors.
 */
#ifndef GATEHOUSE_CORE_HTTP_CLIENT_H
#define GATEHOUSE_CORE_HTTP_CLIENT_H

#include "core/base/task.h"
#include "core/http/problems.h"

#include <openssl/evp.h>

struct http_client;

/*
 * An HTTP proxy, which is asked with CONNECT for a way to the peer (RFC 9110 9.3.6): TLS is with
 * the peer all the same.  Where the proxy is was said by whoever runs this, so its own address may
 * be any.  The peer's address is the proxy's to find, and cannot be seen from here; so hosts are
 * refused that are special-purpose addresses (unless among the target's networks), or names that
 * cannot be public ones (RFC 6761, RFC 6762 G), unless the target vouches for its name.
 */
struct http_proxy {
    const char *url;      /* "http://host:port"; NULL: none */
    const char *user;     /* NULL: without credentials */
    const char *password; /* secret */
};
/* Fails with E_INVALID unless it is such a URL, without user, path, query or fragment. */
MUST_USE bool http_proxy_check(struct task *t, const char *url);

struct http_client_options {
    int64_t connect_timeout;   /* ms for name, connection and handshake */
    int64_t timeout;           /* ms in all; a task's deadline may cut it */
    size_t answer_max;         /* octets of a body */
    unsigned idle_connections; /* kept at most */
    int64_t idle;              /* ms they are kept */
    struct text_list resolve;  /* "name:port:address": instead of asking the resolver */
    struct http_proxy proxy;   /* for targets that name none */
};
/* Fails with E_INTERNAL when libcurl is not the OpenSSL flavour. */
MUST_USE bool http_client_make(struct task *t, const struct http_client_options *options,
                               struct http_client **ret);
/* No call may be under way.  Accepts NULL. */
void http_client_free(struct http_client *client);

enum http_login { HTTP_LOGIN_NONE, HTTP_LOGIN_BASIC, HTTP_LOGIN_DIGEST };

/* With whom, and how to know them.  Borrowed for the call. */
struct http_target {
    struct bytes_list anchors; /* DER; nothing else is trusted, the system's store least of all */
    bool system_anchors;       /* but for this: its CA certificates are anchors too */
    struct text_list networks; /* special-purpose addresses allowed nevertheless (RFC 6890) */
    struct bytes_list chain;   /* our certificate and its chain, DER; empty: none is shown */
    EVP_PKEY *key;             /* for it; may live in a token */
    enum http_login login;     /* RFC 7617, RFC 7616; never sent to a proxy */
    const char *user;
    const char *password;           /* secret */
    const struct http_proxy *proxy; /* NULL: the client's; without URL: none */
    bool named_by_owner;            /* the host is the administrator's word, not a peer's */
    const char *unix_socket;        /* NULL: TCP */
};

struct http_call {
    const char *method;
    const char *url;
    const char *media_type; /* of the body; NULL: none */
    const char *accept;     /* NULL: no header */
    struct bytes body;
    const struct http_target *target;
};

struct http_answer {
    int status;
    const char *media_type; /* lower-case, without parameters; NULL: not named */
    struct bytes body;
    int retry_after;      /* seconds; 0: none */
    const char *location; /* NULL: none */
};

/*
 * True whenever an HTTP answer came, whatever its status.  The server's certificate is checked
 * against the anchors and the URL's host (RFC 9525), SNI is sent.  With Digest a POST is sent
 * twice, the first time without its body.  Fails with the E_PEER kinds.
 */
MUST_USE bool http_client_call(struct task *t, struct http_client *client,
                               const struct http_call *call, struct http_answer *ret);

#endif

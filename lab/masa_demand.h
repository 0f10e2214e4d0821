/* What a MASA wants to know of whoever asks, before it looks at what is asked (RFC 8995 5.4.1). */
#ifndef GATEHOUSE_LAB_MASA_DEMAND_H
#define GATEHOUSE_LAB_MASA_DEMAND_H

#include "core/http/server.h"

#define MASA_REALM "masa"

enum masa_demand_kind {
    DEMAND_NOTHING,
    DEMAND_CERTIFICATE, /* any TLS client certificate */
    DEMAND_BASIC,       /* RFC 7617 */
    DEMAND_DIGEST,      /* RFC 7616, SHA-256 */
};
extern const char *const masa_demand_names[];

struct masa_demand {
    unsigned kind; /* enum masa_demand_kind */
    const char *user;
    const char *password;
    const char *nonce; /* one for the program's life */
};

/* Fails with E_USAGE, E_IO. */
MUST_USE bool masa_demand_read(struct task *t, unsigned kind, const char *user,
                               const char *password_file, struct masa_demand *ret);
/* Whether whoever has met it is known by that: by a password, and not by just any certificate. */
bool masa_demand_identifies(const struct masa_demand *demand);
/* Otherwise `reply` is 401 and says what is wanted. */
bool masa_demand_met(struct task *t, const struct masa_demand *demand,
                     const struct http_request *rq, struct http_reply *reply);

#endif

/*
 * Answers to HTTP/1.1 requests (RFC 9112), read from a stream of octets.  What is read is hostile:
 * until a voucher has settled the TLS connection, anybody may be at the other end.
 */
#ifndef GATEHOUSE_LAB_RESPONSE_H
#define GATEHOUSE_LAB_RESPONSE_H

#include "core/base/task.h"

#define RESPONSE_HEADER_MAX                                                                        \
    ((size_t)16 * 1024) /* octets of status line and fields, each answer                           \
                         */
#define RESPONSE_BODY_MAX        ((size_t)1024 * 1024) /* octets */
#define RESPONSE_INTERIM_MAX     8                     /* 1xx answers before the final one */
#define RESPONSE_RETRY_AFTER_MAX 345600                /* seconds: four days */

/* Where the octets come from. */
struct octet_source {
    /* At least one octet, or `*ret_got` 0 when the peer ended the stream in order. */
    MUST_USE bool (*read)(struct task *t, void *context, uint8_t *into, size_t room,
                          size_t *ret_got);
    void *context;
};

/* Members lie in the arena. */
struct response {
    int status;             /* 200 to 599 */
    const char *media_type; /* lower-case, without parameters; NULL: not named */
    const char *location;   /* NULL: no such field */
    int retry_after;        /* seconds; -1: no such field, or one that cannot be read */
    bool close;             /* the connection cannot carry another request */
    struct bytes body;
};

/*
 * Reads one final answer; interim ones (1xx) are passed over.  Fails with E_PEER_CLOSED when the
 * stream ends before the first octet, E_TOO_LARGE past a limit, E_PEER_ANSWER on all that is no
 * HTTP, and with what the source fails with.
 */
MUST_USE bool response_read(struct task *t, const struct octet_source *source,
                            struct response *ret);

/*
 * The same without a body, whatever the fields say: the answer to CONNECT (RFC 9110 9.3.6).  With
 * 2xx, octets after the header are E_PEER_ANSWER: what follows is not ours to have read.
 */
MUST_USE bool response_read_head(struct task *t, const struct octet_source *source,
                                 struct response *ret);

#endif

/*
 * The members of vouchers and voucher requests (RFC 8366bis section 8, draft-ietf-anima-brski-prm):
 * the one table from which JSON and CBOR are read and written.  Not for other rooms.
 */
#ifndef GATEHOUSE_REGISTRAR_VOUCHER_MEMBERS_H
#define GATEHOUSE_REGISTRAR_VOUCHER_MEMBERS_H

#include "registrar/voucher/voucher.h"

#define VOUCHER_MEMBERS_MAX 64 /* in one voucher; the known ones are fewer than half of it */

/* Types of the YANG modules, as JSON (RFC 7951) and CBOR (RFC 9254) have them. */
enum member_type {
    MEMBER_TEXT,         /* const char *: string                                             */
    MEMBER_ASSERTION,    /* const char *: enumeration; a name in JSON, a number in CBOR      */
    MEMBER_NONCE,        /* const char *: opaque text in JSON, octets in CBOR                */
    MEMBER_TIME,         /* int64_t: date-and-time                                           */
    MEMBER_BINARY,       /* struct bytes: base64, byte string                                */
    MEMBER_BINARY_URL,   /* the same, written in base64url                                   */
    MEMBER_CERTIFICATES, /* struct bytes_list: an array, or one by itself                    */
    MEMBER_NAMES,        /* struct text_list: names, or SIDs                                 */
    MEMBER_CHECKS,       /* the boolean domain-cert-revocation-checks                        */
};

struct member {
    const char *name;
    enum member_type type;
    bool in_requests_only;
    unsigned sid;         /* in vouchers; 0: none, CBOR has the name */
    unsigned request_sid; /* in voucher requests */
    size_t offset;
};

/* In the order in which JSON is written. */
extern const struct member voucher_members[];
extern const size_t voucher_member_count;

/* NULL: no such member in an artifact of this kind. */
const struct member *member_named(enum voucher_kind kind, const char *name);
const struct member *member_numbered(enum voucher_kind kind, uint64_t sid);
/* 0: none. */
unsigned member_sid(const struct member *member, enum voucher_kind kind);

/* The containers; the first name of a kind is the one that is written. */
struct container {
    const char *name;
    enum voucher_kind kind;
    unsigned sid; /* 0: JSON and text keys alone */
};
const struct container *container_named(const char *name);
const struct container *container_numbered(uint64_t sid);
const struct container *container_of_kind(enum voucher_kind kind);

/* verified, logged, proximity, agent-proximity: by their numbers; NULL: no such number. */
const char *assertion_name(uint64_t number);
/* False when it is none of them. */
bool assertion_number(const char *name, uint64_t *ret);

/* Where the model keeps the member. */
const void *member_field(const struct voucher *v, const struct member *member);
void *member_place(struct voucher *v, const struct member *member);
bool member_is_there(const struct voucher *v, const struct member *member);

/* A voucher that is being read, and what may depart from the RFCs in it. */
struct reading {
    struct voucher v;
    unsigned allowed; /* set of enum voucher_departure */
};

/* Before `count` members are read.  Fails with E_VOUCHER_MALFORMED when they are too many. */
MUST_USE bool reading_begin(struct task *t, struct reading *r, uint64_t count);
/* A departure is noted; or it fails with its own kind, because nobody allows it. */
MUST_USE bool reading_depart(struct task *t, struct reading *r, enum voucher_departure departure,
                             const struct problem_kind *kind, const char *what);
/* Something, UTF-8, and no control characters.  Fails with E_VOUCHER_MALFORMED. */
MUST_USE bool reading_text(struct task *t, const char *name, struct bytes text, const char **ret);
MUST_USE bool reading_time(struct task *t, struct reading *r, const struct member *member,
                           struct bytes text);
/* Notes one that nobody here knows: it is ignored (RFC 8366bis 6), and shown to who wants to see.
 */
void reading_pass_over(struct task *t, struct reading *r, const char *name, struct bytes value);

/* What we write is what the YANG modules allow, whatever we would read.  Fails with E_INVALID. */
MUST_USE bool members_check_writable(struct task *t, const struct voucher *v);

#endif

/* What the files of this room share: see agent.h. */
#ifndef GATEHOUSE_REGISTRAR_CLOUD_INTERNAL_H
#define GATEHOUSE_REGISTRAR_CLOUD_INTERNAL_H

#include "registrar/cloud/agent.h"
#include "registrar/cloud/answer.h"

#define CLOUD_WORDS_MAX 300 /* octets of foreign words in a detail */

/* ---- agent.c ---- */

/*
 * Inside an update: the cloud's next order, due then, in the place of whichever was its order.  The
 * caller writes the record, and calls orders_wake() after the update.
 */
MUST_USE bool cloud_place_order(struct task *t, struct tx *tx, struct orders *orders,
                                struct cloud *cloud, int64_t due, bool follows);

/* ---- message.c ---- */

/* What is to be registered, and who we are while we do so. */
struct cloud_plan {
    const struct cloud *cloud;
    const struct identity_set *identities;
    const struct registrar_identity *own; /* the TLS client */
    const char *host;                     /* of the address to be registered */
    struct bytes pin;                     /* mode voucher: DER; absent otherwise */
    struct bytes claim;                   /* body; absent: there is nothing to claim */
    struct bytes registration;            /* body */
};
/*
 * Makes the bodies, with fresh statements by the keys in the token.  Fails with E_CLOUD_ADDRESS,
 * E_CLOUD_UNCLAIMED, and as the token does.
 */
MUST_USE bool cloud_plan_make(struct task *t, const struct cloud_agent *agent,
                              const struct cloud *cloud, struct cloud_plan *ret);

/* ---- back-ends ---- */

enum cloud_operation {
    CLOUD_OP_CLAIM,
    CLOUD_OP_REGISTER,
    CLOUD_OP_WITHDRAW,
    CLOUD_OP_DEVICES,
    CLOUD_OP_RELEASE,
};
struct cloud_call {
    enum cloud_operation operation;
    struct bytes body; /* JSON; absent where the operation has none */
    const char *after; /* CLOUD_OP_DEVICES: where the page begins; NULL: at the beginning */
};
struct cloud_backend_kind {
    /* JSON of the answer.  Fails with the E_CLOUD and E_PEER kinds. */
    MUST_USE bool (*call)(struct task *t, const struct cloud_agent *agent,
                          const struct cloud *cloud, const struct cloud_call *call,
                          struct bytes *ret);
};
extern const struct cloud_backend_kind cloud_backend_rest;
extern const struct cloud_backend_kind cloud_backend_command;
MUST_USE bool cloud_call(struct task *t, const struct cloud_agent *agent, const struct cloud *cloud,
                         const struct cloud_call *call, struct bytes *ret);

/* ---- devices.c ---- */

struct cloud_import {
    bool wanted; /* the list is read */
    bool prune;
    uint64_t listed;
    uint64_t added;
    uint64_t gone;
};
/* Reads the whole list; each page becomes expected in an update of its own. */
MUST_USE bool cloud_import(struct task *t, const struct cloud_agent *agent,
                           const struct cloud *cloud, struct cloud_import *import);
/* Gives up what was sold or decommissioned since the last time; `*ret_until`: up to when. */
MUST_USE bool cloud_release(struct task *t, const struct cloud_agent *agent,
                            const struct cloud *cloud, uint64_t *ret_count, int64_t *ret_until);

/* ---- outcome.c ---- */

/* What an order has brought about. */
struct cloud_outcome {
    const struct cloud_agent *agent;
    const struct order *order;
    const char *name;
    uint64_t generation; /* what was registered, or withdrawn */
    uint64_t asked;      /* cloud.asked when it began */
    bool withdrawn;
    bool claimed;
    const char *est_domain; /* with `pin` */
    struct bytes pin;       /* absent: nothing is pinned */
    struct cloud_registered answer;
    struct cloud_import import;
    uint64_t released;
    int64_t released_until;             /* 0: as before */
    struct bytes next;                  /* the order that was placed; absent: none */
    const struct problem_kind *problem; /* failures */
    const char *detail;
};
/* For order_done(): the record, the timeline, the next order. */
MUST_USE bool cloud_note_success(struct task *t, struct tx *tx, void *outcome);
/* For order_retry(). */
MUST_USE bool cloud_note_failure(struct task *t, struct tx *tx, void *outcome);
/* For order_refuse(): the same, and another order, since this one has had its time. */
MUST_USE bool cloud_note_failure_and_go_on(struct task *t, struct tx *tx, void *outcome);
/* The account is ours; the token is forgotten. */
MUST_USE bool cloud_note_claim(struct task *t, struct tx *tx, void *outcome);
MUST_USE bool cloud_event(struct task *t, struct tx *tx, const char *name, const char *event,
                          const char *detail);

#endif

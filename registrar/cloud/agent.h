/*
 * Registration with cloud registrars (draft-ietf-anima-brski-cloud 3.2.2): at start, when something
 * has changed, and daily.  Each cloud has one order open at a time, which says what is wanted, and
 * places the next one when it is done.
 *
 *   agent.c         which orders there are
 *   cloud_order.c   one order: claim, register or withdraw, read the list, give devices up
 *   outcome.c       what came of it, in the cloud's record and timeline
 *   message.c       what is said: docs/cloud-registration.yaml
 *   answer.c        what is answered
 *   devices.c       the list of devices that are ours; those we have given up
 *   backend_rest.c, backend_command.c   how it is said
 */
#ifndef GATEHOUSE_REGISTRAR_CLOUD_AGENT_H
#define GATEHOUSE_REGISTRAR_CLOUD_AGENT_H

#include "core/http/client.h"
#include "core/order/order.h"
#include "core/store/records/cloud.h"
#include "registrar/cloud/problems.h"
#include "registrar/identity/identity.h"

struct cloud_agent {
    struct store *store;
    struct orders *orders; /* set once the orders run */
    struct http_client *client;
    struct identities *identities;
    struct keystore *keys;
    const char *programs; /* folder of back-end programs; NULL: there are none */
    int64_t patience;     /* ms that one run of such a program may take */
};

/* Its context is the `struct cloud_agent`. */
extern const struct order_kind cloud_order;

/* At start: every cloud is registered with now. */
MUST_USE bool cloud_agent_start(struct task *t, const struct cloud_agent *agent);
/* Something has changed: this cloud is spoken to soon.  One that is not there is no failure. */
MUST_USE bool cloud_agent_wake(struct task *t, const struct cloud_agent *agent, const char *name);
/* The same for every cloud of a manufacturer; NULL: for all. */
MUST_USE bool cloud_agent_wake_all(struct task *t, const struct cloud_agent *agent,
                                   const char *manufacturer);

#endif

/*
 * The admin REST API, version 1: what `gatehousectl` speaks over the daemon's Unix socket.
 * docs/api.yaml describes it.
 *
 * It knows no users yet: who may open the socket (root and our own user) may do everything, and
 * the audit trail names the socket's peer as "admin:NAME".
 */
#ifndef GATEHOUSE_WEB_API_H
#define GATEHOUSE_WEB_API_H

#include "core/http/server.h"
#include "core/order/order.h"
#include "core/pledge/strangers.h"
#include "core/store/store.h"
#include "web/problems.h"
#include "web/views.h"

/*
 * What the registrar does on an administrator's word; the API need not know how.  NULL where there
 * is no registrar.
 */
struct api_works {
    /* This cloud is spoken to soon. */
    bool (*cloud_wake)(struct task *t, void *context, const char *name);
    /* All clouds of a manufacturer are; NULL: all. */
    bool (*clouds_wake)(struct task *t, void *context, const char *manufacturer);
    /* Our certificates, and what stands in the way of a change. */
    bool (*identity_look)(struct task *t, void *context, struct identity_report *ret);
    bool (*identity_act)(struct task *t, void *context, const struct identity_action *action,
                         const char *actor);
};

/* What the API works on.  All borrowed, for as long as its routes are served. */
struct api {
    struct store *store;
    struct orders *orders;
    struct strangers *strangers;
    /* The problem tables of all rooms (NULL at the end), for the hints in timelines. */
    const struct problem_kind *const *const *problems;
    struct http_server *pledges; /* whose figures the status shows; NULL: none */
    /* How we are announced on the owner's networks; NULL: not at all. */
    void (*discovery)(struct task *t, void *context, struct status_discovery *ret);
    void *discovery_context;
    const struct api_works *works;
    void *works_context;
    const struct problem_status *works_statuses; /* ends with a NULL kind; NULL: none */
    int64_t started;                             /* wall-clock ms */
    bool unauthenticated;                        /* the node file has unauthenticated-pledges */
};

/*
 * The routes, for a server on a Unix socket that turns others than root and our own user away
 * (unix_root_only).  They live in the task's arena and borrow `api`.
 */
const struct http_route *api_routes(struct task *t, const struct api *api);

#endif

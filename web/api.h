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
    int64_t started; /* wall-clock ms */
};

/*
 * The routes, for a server on a Unix socket that turns others than root and our own user away
 * (unix_root_only).  They live in the task's arena and borrow `api`.
 */
const struct http_route *api_routes(struct task *t, const struct api *api);

#endif

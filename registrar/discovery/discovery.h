/*
 * How proxies and pledges on the owner's own networks find us: mDNS and DNS-SD through Avahi
 * (RFC 8995 appendix B) and GRASP floods (RFC 8995 4.3), each only when the node file says so.
 * Nothing here stops or delays the registrar: what fails is logged, shown and tried again.
 */
#ifndef GATEHOUSE_REGISTRAR_DISCOVERY_DISCOVERY_H
#define GATEHOUSE_REGISTRAR_DISCOVERY_DISCOVERY_H

#include "core/base/task.h"
#include "core/node/node.h"
#include "registrar/discovery/problems.h"

struct discovery;

enum announcement_state {
    ANNOUNCEMENT_OFF,
    ANNOUNCEMENT_STARTING,
    ANNOUNCEMENT_STANDS,
    ANNOUNCEMENT_FAILING,
};

/* One way of announcing, as it stands. */
struct announcement {
    enum announcement_state state;
    int64_t since;                      /* wall-clock ms: in this state */
    const char *name;                   /* the DNS-SD instance; NULL: none */
    uint64_t sent;                      /* floods */
    const struct problem_kind *problem; /* when failing */
    const char *detail;                 /* with it */
};

/*
 * Begins to announce `port`.  `settings` are borrowed until discovery_stop().  Fails only when
 * there can be no thread for it; there is something to stop then, too.
 */
MUST_USE bool discovery_start(struct task *t, const struct node_discovery *settings, unsigned port,
                              struct discovery **ret);
/*
 * Withdraws what is announced.  False when a thread hangs in a call to another program: nothing is
 * freed, and the process should end.  Accepts NULL.
 */
bool discovery_stop(struct discovery *discovery);
/* Copies, in the arena.  Accepts NULL for `discovery`: all is off. */
void discovery_look(struct discovery *discovery, struct arena *arena, struct announcement *ret_mdns,
                    struct announcement *ret_grasp);

#endif

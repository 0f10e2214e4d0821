#include "registrar/discovery/discovery.h"

#include "registrar/discovery/internal.h"

#include <stdlib.h>

DEFINE_PROBLEMS(discovery_problems, DISCOVERY_PROBLEMS)

struct discovery {
    struct notice mdns_notice;
    struct notice grasp_notice;
    struct mdns *mdns;
    struct grasp *grasp;
};

bool discovery_start(struct task *t, const struct node_discovery *settings, unsigned port,
                     struct discovery **ret)
{
    struct discovery *d = calloc(1, sizeof(*d));
    if (d == NULL)
        abort();
    unsigned announced = settings->port == 0 ? port : (unsigned)settings->port;
    notice_init(&d->mdns_notice, t->log, "mDNS");
    notice_init(&d->grasp_notice, t->log, "GRASP");
    *ret = d;
    bool mdns = !settings->mdns || mdns_start(t, settings, announced, &d->mdns_notice, &d->mdns);
    bool grasp =
        !settings->grasp || grasp_start(t, settings, announced, &d->grasp_notice, &d->grasp);
    return mdns && grasp;
}

bool discovery_stop(struct discovery *discovery)
{
    if (discovery == NULL)
        return true;
    grasp_stop(discovery->grasp);
    discovery->grasp = NULL;
    if (!mdns_stop(discovery->mdns))
        return false;
    notice_destroy(&discovery->mdns_notice);
    notice_destroy(&discovery->grasp_notice);
    free(discovery);
    return true;
}

void discovery_look(struct discovery *discovery, struct arena *arena, struct announcement *ret_mdns,
                    struct announcement *ret_grasp)
{
    if (discovery == NULL) {
        *ret_mdns = *ret_grasp = (struct announcement){.state = ANNOUNCEMENT_OFF};
        return;
    }
    notice_look(&discovery->mdns_notice, arena, ret_mdns);
    notice_look(&discovery->grasp_notice, arena, ret_grasp);
}

/* What the sources of this room share with one another and with nobody else. */
#ifndef GATEHOUSE_REGISTRAR_DISCOVERY_INTERNAL_H
#define GATEHOUSE_REGISTRAR_DISCOVERY_INTERNAL_H

#include "registrar/discovery/discovery.h"

#include <pthread.h>

/* ---- notice.c: how an announcement stands, for whoever asks ---- */

struct notice {
    pthread_mutex_t lock;
    const struct log *log;
    const char *what; /* for the log: "mDNS" */
    enum announcement_state state;
    int64_t since;
    uint64_t sent;
    char *name;
    const struct problem_kind *problem;
    char *detail;
};

void notice_init(struct notice *n, const struct log *log, const char *what);
void notice_destroy(struct notice *n);
/* It starts (again). */
void notice_starting(struct notice *n);
/* It stands, under `name` (NULL: it has none). */
void notice_stands(struct notice *n, const char *name);
/* It does not stand, for the task's problem.  Logged when that is news. */
void notice_failing(struct notice *n, const struct task *t);
void notice_count(struct notice *n);
void notice_look(struct notice *n, struct arena *arena, struct announcement *ret);

/* ---- mdns.c ---- */

struct mdns;
MUST_USE bool mdns_start(struct task *t, const struct node_discovery *settings, unsigned port,
                         struct notice *notice, struct mdns **ret);
/* False: its thread hangs in a call over D-Bus, and nothing may be freed.  Accepts NULL. */
bool mdns_stop(struct mdns *mdns);

/* ---- grasp.c ---- */

struct grasp;
MUST_USE bool grasp_start(struct task *t, const struct node_discovery *settings, unsigned port,
                          struct notice *notice, struct grasp **ret);
/* Accepts NULL. */
void grasp_stop(struct grasp *grasp);

#endif

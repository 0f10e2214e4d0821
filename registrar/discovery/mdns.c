/*
 * _brski-registrar._tcp through Avahi (RFC 8995 appendix B, draft-ietf-anima-brski-discovery
 * 3.5.1).  One thread runs Avahi's loop and owns all of its objects.  What Avahi loses, it loses
 * when we go: nothing is announced that does not run.
 */
#include "registrar/discovery/internal.h"

#include "core/base/clock.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <avahi-client/client.h>
#include <avahi-client/publish.h>
#include <avahi-common/alternative.h>
#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <avahi-common/simple-watch.h>
#include <avahi-common/timeval.h>

#define SERVICE_TYPE "_brski-registrar._tcp"
/* Until what failed is tried again. */
#define RETRY_MS (5 * SECOND_MS)
/* A call over D-Bus that hangs must not keep the house from closing. */
#define STOP_MS (2 * SECOND_MS)

struct mdns {
    const struct node_discovery *settings;
    unsigned port;
    struct notice *notice;
    const struct log *log;
    pthread_t thread;
    atomic_bool stopping;
    AvahiSimplePoll *poll;
    /* The thread's own. */
    AvahiClient *client;
    AvahiEntryGroup *group;
    AvahiTimeout *retry;
    char *name; /* avahi_malloc() */
};

/* ---- What went wrong, and when it is tried again ---- */

static void try_later(struct mdns *m, int64_t after)
{
    struct timeval when;
    (void)avahi_elapse_time(&when, (unsigned)after, 0);
    avahi_simple_poll_get(m->poll)->timeout_update(m->retry, &when);
}

static void failing(struct mdns *m, const char *what, int error)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, m->log);
    (void)fail(&t, E_MDNS, "%s: %s", what, avahi_strerror(error));
    notice_failing(m->notice, &t);
}

static void forget_client(struct mdns *m)
{
    if (m->client != NULL)
        avahi_client_free(m->client); /* and the group */
    m->client = NULL;
    m->group = NULL;
}

/* ---- The service ---- */

static int add_service(struct mdns *m, AvahiIfIndex interface)
{
    AvahiStringList *text = NULL;
    /* Each variation is a key without a value: brski-discovery 3.5.1.2. */
    for (size_t i = m->settings->variations.count; i > 0; i--)
        text = avahi_string_list_add(text, m->settings->variations.items[i - 1]);
    int error =
        avahi_entry_group_add_service_strlst(m->group, interface, AVAHI_PROTO_UNSPEC, 0, m->name,
                                             SERVICE_TYPE, NULL, NULL, (uint16_t)m->port, text);
    avahi_string_list_free(text);
    return error;
}

static int add_services(struct mdns *m)
{
    const struct text_list *interfaces = &m->settings->interfaces;
    int error = interfaces->count == 0 ? add_service(m, AVAHI_IF_UNSPEC) : AVAHI_OK;
    for (size_t i = 0; i < interfaces->count && error == AVAHI_OK; i++) {
        unsigned index = if_nametoindex(interfaces->items[i]);
        error = index == 0 ? AVAHI_ERR_INVALID_INTERFACE : add_service(m, (AvahiIfIndex)index);
    }
    return error;
}

static void on_group(AvahiEntryGroup *group, AvahiEntryGroupState state, void *arg);

/* Somebody else on the network has the name. */
static void choose_another_name(struct mdns *m)
{
    char *other = avahi_alternative_service_name(m->name);
    avahi_free(m->name);
    m->name = other;
}

static void publish(struct mdns *m)
{
    if (m->group != NULL)
        (void)avahi_entry_group_free(m->group);
    m->group = avahi_entry_group_new(m->client, on_group, m);
    int error = m->group == NULL ? avahi_client_errno(m->client) : AVAHI_OK;
    while (error == AVAHI_OK && (error = add_services(m)) == AVAHI_ERR_COLLISION) {
        choose_another_name(m); /* another program of this very host has it */
        error = avahi_entry_group_reset(m->group);
    }
    if (error == AVAHI_OK)
        error = avahi_entry_group_commit(m->group);
    if (error != AVAHI_OK) {
        failing(m, "the service is not registered", error);
        try_later(m, RETRY_MS);
    }
}

static void on_group(AvahiEntryGroup *group, AvahiEntryGroupState state, void *arg)
{
    struct mdns *m = arg;
    m->group = group; /* it may be called before the group is handed over */
    switch (state) {
    case AVAHI_ENTRY_GROUP_ESTABLISHED:
        notice_stands(m->notice, m->name);
        break;
    case AVAHI_ENTRY_GROUP_COLLISION:
        choose_another_name(m);
        try_later(m, 0);
        break;
    case AVAHI_ENTRY_GROUP_FAILURE:
        failing(m, "the service is not registered", avahi_client_errno(m->client));
        try_later(m, RETRY_MS);
        break;
    case AVAHI_ENTRY_GROUP_UNCOMMITED:
    case AVAHI_ENTRY_GROUP_REGISTERING:
        break;
    }
}

/* ---- The daemon ---- */

static void on_client(AvahiClient *client, AvahiClientState state, void *arg)
{
    struct mdns *m = arg;
    m->client = client;
    switch (state) {
    case AVAHI_CLIENT_S_RUNNING:
        publish(m);
        break;
    case AVAHI_CLIENT_S_COLLISION:
    case AVAHI_CLIENT_S_REGISTERING:
        /* The host's own name is being settled; it is announced again afterwards. */
        notice_starting(m->notice);
        if (m->group != NULL)
            (void)avahi_entry_group_reset(m->group);
        break;
    case AVAHI_CLIENT_CONNECTING:
        failing(m, "avahi-daemon is awaited", AVAHI_ERR_NO_DAEMON);
        break;
    case AVAHI_CLIENT_FAILURE:
        failing(m, "avahi-daemon went away", avahi_client_errno(client));
        try_later(m, RETRY_MS);
        break;
    }
}

/* The first time, and whenever something failed. */
static void on_retry(AvahiTimeout *timeout, void *arg)
{
    struct mdns *m = arg;
    const AvahiPoll *poll = avahi_simple_poll_get(m->poll);
    int error;
    poll->timeout_update(timeout, NULL);
    if (m->client != NULL && avahi_client_get_state(m->client) == AVAHI_CLIENT_S_RUNNING) {
        publish(m);
        return;
    }
    forget_client(m);
    if (avahi_client_new(poll, AVAHI_CLIENT_NO_FAIL, on_client, m, &error) == NULL) {
        m->client = NULL; /* what its callback left */
        m->group = NULL;
        failing(m, "avahi-daemon cannot be asked", error);
        try_later(m, RETRY_MS);
    }
}

static void *mdns_main(void *arg)
{
    struct mdns *m = arg;
    const AvahiPoll *poll = avahi_simple_poll_get(m->poll);
    struct timeval now;
    m->retry = poll->timeout_new(poll, avahi_elapse_time(&now, 0, 0), on_retry, m);
    while (m->retry != NULL && !atomic_load(&m->stopping) &&
           avahi_simple_poll_iterate(m->poll, -1) == 0)
        continue;
    forget_client(m);
    if (m->retry != NULL)
        poll->timeout_free(m->retry);
    return NULL;
}

/* ---- Start and stop ---- */

/* Not two registrars of one host have the same name: brski-discovery 3.5.1.3. */
static char *make_name(struct task *t, const struct node_discovery *settings)
{
    enum { HOST_LEN = 63 - sizeof("-brski-4194304") }; /* RFC 1035 2.3.4 */
    char host[HOST_NAME_MAX + 1] = "";
    if (settings->name != NULL)
        return avahi_strdup(settings->name);
    if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
        (void)strcpy(host, "gatehouse"); /* NOLINT(*insecureAPI*): it fits */
    return avahi_strdup(arena_printf(t->arena, "%.*s-brski-%ld", (int)strnlen(host, HOST_LEN), host,
                                     (long)getpid()));
}

static void release(struct mdns *m)
{
    if (m->poll != NULL)
        avahi_simple_poll_free(m->poll);
    avahi_free(m->name);
    free(m);
}

bool mdns_start(struct task *t, const struct node_discovery *settings, unsigned port,
                struct notice *notice, struct mdns **ret)
{
    struct mdns *m = calloc(1, sizeof(*m));
    if (m == NULL)
        abort();
    m->settings = settings;
    m->port = port;
    m->notice = notice;
    m->log = t->log;
    m->name = make_name(t, settings);
    m->poll = avahi_simple_poll_new();
    notice_starting(notice);
    int error = m->poll == NULL ? ENOMEM : pthread_create(&m->thread, NULL, mdns_main, m);
    if (error != 0) {
        release(m);
        return fail_errno(t, E_MDNS, error, "cannot start its thread");
    }
    (void)pthread_setname_np(m->thread, "mdns");
    *ret = m;
    return true;
}

bool mdns_stop(struct mdns *m)
{
    struct timespec until;
    if (m == NULL)
        return true;
    atomic_store(&m->stopping, true);
    avahi_simple_poll_wakeup(m->poll);
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += STOP_MS / SECOND_MS;
    if (pthread_clockjoin_np(m->thread, NULL, CLOCK_MONOTONIC, &until) != 0)
        return false;
    release(m);
    return true;
}

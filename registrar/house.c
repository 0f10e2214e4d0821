#include "registrar/house.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/pki/weak_key_list.h"
#include "core/pledge/failures.h"
#include "core/pledge/leaving.h"
#include "registrar/arrival.h"
#include "registrar/past_identity.h"
#include "registrar/reduced_security.h"

#include <assert.h>
#include <pwd.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A thread that must keep moving has not stood still for longer than this, ms. */
#define STANDSTILL_MAX (20 * SECOND_MS)

/* Every room's table: for hints, and for refusals that were stored by name. */
static const struct problem_kind *const *const problem_tables[] = {
    base_problems,
    store_problems,
    order_problems,
    pki_problems,
    http_problems,
    pledge_problems,
    voucher_problems,
    ca_problems,
    registrar_problems,
    est_problems,
    api_problems,
    keystore_problems,
    discovery_problems,
    identity_problems,
    cloud_problems,
    asking_problems,
    NULL,
};

/* One connection is one file; the store, the token and outgoing connections need some too. */
static void raise_file_limit(struct task *t, const struct node *node)
{
    struct rlimit limit;
    const rlim_t wanted = node->limits.connections + node->orders.runners * 2 + 256;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
        log_warning(t, "fewer files may be open than limits.connections needs",
                    LOG_NUMBER("wanted", wanted), LOG_NUMBER("allowed", limit.rlim_cur));
}

static bool open_store(struct task *t, struct house *house)
{
    const struct node_store *store = &house->node.store;
    struct store_options options = {
        .path = store->path,
        .size = store->size,
        .readers = (unsigned)store->readers,
        .batch = (unsigned)store->batch,
        .gather = store->gather,
        .alarm_percent = (unsigned)store->alarm_percent,
    };
    ENSURE(t, access(store->path, F_OK) == 0, E_NO_STORE, "%s is not there", store->path);
    return store_open(t, &options, &house->store);
}

static bool open_keys(struct task *t, struct house *house)
{
    const struct node *node = &house->node;
    struct keystore_options options = {
        .module = node->token.module,
        .token = node->token.label,
        .pin_file = node->token.pin_file,
        .state = node->store.path,
    };
    return keystore_open(t, &options, &house->keys) &&
           identities_open(t, house->store, house->keys, &house->identities);
}

static bool open_outgoing(struct task *t, struct house *house)
{
    const struct node_outgoing *outgoing = &house->node.outgoing;
    struct http_client_options options = {
        .connect_timeout = outgoing->connect_timeout,
        .timeout = outgoing->timeout,
        .answer_max = outgoing->answer_size,
        .idle_connections = (unsigned)house->node.orders.runners,
        .idle = MINUTE_MS,
        .resolve = outgoing->resolve,
        .proxy = house->proxy,
    };
    TRY(http_client_make(t, &options, &house->client));
    const struct ca_environment env = {
        .store = house->store,
        .keys = house->keys,
        .client = house->client,
        .public_url = house->node.public.url,
    };
    return ca_registry_open(t, &env, &house->cas);
}

static bool start_orders(struct task *t, struct house *house)
{
    const struct node_orders *orders = &house->node.orders;
    struct order_options options = {
        .runners = (unsigned)orders->runners,
        .runners_per_peer = (unsigned)orders->runners_per_peer,
        .pending = (unsigned)orders->pending,
        .lifetime = orders->lifetime,
        .replay = orders->replay,
        .retention = orders->retention,
        .retry_first = orders->retry_first,
        .retry_most = orders->retry_most,
        .run_limit = orders->run_limit,
    };
    const struct order_kind_entry kinds[] = {
        {&voucher_order, &house->registrar},
        {&audit_log_order, &house->registrar},
        {&audit_log_again_order, &house->registrar},
        {&stored_voucher_order, &house->registrar},
        {&enrol_order, &house->est},
        {&leaving_erasure, house->store},
        {&cloud_order, &house->clouds},
        {NULL, NULL},
    };
    static_assert(sizeof(kinds) <= sizeof(house->kinds), "there is room for all kinds of orders");
    memcpy(house->kinds, kinds, sizeof(kinds));
    TRY(orders_start(t, house->store, &options, house->kinds, &house->orders));
    house->registrar.orders = house->orders;
    house->est.orders = house->orders;
    house->clouds.orders = house->orders;
    return true;
}

static bool start_rounds(struct task *t, struct house *house)
{
    house->log_rounds.registrar = &house->registrar;
    house->round_list[0] = (struct round){"audit logs", audit_log_walk, &house->log_rounds};
    house->stored_voucher_rounds.registrar = &house->registrar;
    house->round_list[1] =
        (struct round){"stored vouchers", stored_voucher_walk, &house->stored_voucher_rounds};
    house->round_list[2] = (struct round){.walk = NULL};
    return rounds_start(t, house->round_list, &house->rounds);
}

/* In TLS and in voucher requests we are the same one: so here. */
static void key_maker(void *context, struct key_maker *ret)
{
    const struct registrar_identity *identity = identity_current(context);
    *ret = (struct key_maker){identity->cert, identity->key, identity->tls_chain};
}

static bool node_allows_unauthenticated(const struct house *house)
{
    return reduced_security_has(&house->node.reduced_security, REDUCTION_UNAUTHENTICATED);
}

static void furnish(struct house *house)
{
    const struct node_limits *limits = &house->node.limits;
    struct callers_options callers = {
        .store = house->store,
        .strangers = house->strangers,
        .unexpected_devices = limits->unexpected_devices,
        .held_devices = limits->held_devices,
        .failures_per_hour = limits->failures_per_hour,
        .unauthenticated = node_allows_unauthenticated(house),
    };
    struct answer_limits answer = {
        .wait = limits->pledge_wait,
        .retry_after = (int)(limits->retry_after / SECOND_MS),
    };
    house->callers = callers_make(&callers);
    house->registrar.store = house->store;
    house->registrar.identities = house->identities;
    house->registrar.callers = house->callers;
    house->registrar.client = house->client;
    house->registrar.answer = answer;
    house->registrar.attempts_per_hour = limits->attempts_per_hour;
    house->registrar.problems = problem_tables;
    house->clouds = (struct cloud_agent){
        .store = house->store,
        .client = house->client,
        .identities = house->identities,
        .keys = house->keys,
        .programs = house->node.cloud_programs,
        .patience = house->node.outgoing.timeout,
    };
    house->arrivals = (struct arrivals){registrar_arrive, &house->registrar};
    house->est = (struct est){
        .store = house->store,
        .weak_keys = house->weak_keys,
        .callers = house->callers,
        .arrivals = &house->arrivals,
        .cas = house->cas,
        .own_chain = identity_current(house->identities)->domain,
        .signer = {house_sign, house},
        .answer = answer,
        .enrol_window = limits->enrol_window,
        .enrolments = limits->enrolments,
        .problems = problem_tables,
        .keys = house->keys,
        .maker = key_maker,
        .maker_context = house->identities,
    };
}

static struct http_limits server_limits(const struct node_limits *limits)
{
    return (struct http_limits){
        .connections = (unsigned)limits->connections,
        .connections_per_address = (unsigned)limits->connections_per_address,
        .requests = (unsigned)limits->requests,
        .handshake = limits->handshake,
        .header = limits->header,
        .body = limits->body,
        .idle = limits->idle,
        .header_size = limits->header_size,
        .retry_after = (int)(limits->retry_after / SECOND_MS),
    };
}

static struct http_identity shown_as(struct task *t, const struct registrar_identity *identity)
{
    return (struct http_identity){
        .chain = certs_der(t, &identity->tls_chain),
        .key = identity->tls_key,
    };
}

bool house_show_identities(struct task *t, struct house *house)
{
    const struct identity_set *set = identities_now(house->identities);
    struct http_identity *shown = arena_array(t->arena, set->count, sizeof(*shown));
    const struct cert **certs = arena_array(t->arena, set->count, sizeof(struct cert *));
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (!identity_is_visible(t, set, &set->items[i]))
            continue;
        shown[count] = shown_as(t, &set->items[i]);
        certs[count++] = set->items[i].cert;
    }
    TRY(past_identity_note(t, house->store, &(struct cert_list){certs, count}));
    return http_server_identify(t, house->pledges, shown, count);
}

static void on_broken(struct task *t, struct http_connection *connection, void *context)
{
    breakage_note(t, context, connection);
}

static bool serve_pledges(struct task *t, struct house *house)
{
    const struct http_identity first = shown_as(t, identity_current(house->identities));
    house->pledge_routes = pledge_routes(t, &house->registrar, &house->est);
    struct http_server_options options = {
        .name = "pledges",
        .identity = &first,
        .listen = house->node.listen.pledges,
        .routes = house->pledge_routes,
        .limits = server_limits(&house->node.limits),
        .style = HTTP_STYLE_TEXT,
        .witness = {on_broken, house->callers},
        .log = t->log,
    };
    TRY(http_server_start(t, &options, &house->pledges));
    return house_show_identities(t, house);
}

/* Nobody who is sent by a cloud registrar needs it: what is in its way is seen in the status. */
static void announce(struct task *t, struct house *house)
{
    unsigned port = http_server_port(house->pledges);
    if (!discovery_start(t, &house->node.discovery, port, &house->discovery))
        log_problem(t, "not announced");
    task_forgive(t);
}

static struct status_announcement announcement_status(const struct announcement *a)
{
    static const enum status_announced states[] = {
        [ANNOUNCEMENT_OFF] = STATUS_OFF,
        [ANNOUNCEMENT_STARTING] = STATUS_STARTING,
        [ANNOUNCEMENT_STANDS] = STATUS_ANNOUNCED,
        [ANNOUNCEMENT_FAILING] = STATUS_FAILING,
    };
    return (struct status_announcement){
        .state = states[a->state],
        .since = a->since,
        .name = a->name,
        .sent = a->sent,
        .problem = a->problem == NULL ? NULL : a->problem->name,
        .detail = a->detail,
        .hint = a->problem == NULL ? NULL : a->problem->hint,
    };
}

static void discovery_status(struct task *t, void *context, struct status_discovery *ret)
{
    const struct house *house = context;
    struct announcement mdns;
    struct announcement grasp;
    discovery_look(house->discovery, t->arena, &mdns, &grasp);
    ret->mdns = announcement_status(&mdns);
    ret->grasp = announcement_status(&grasp);
}

static bool serve_admin(struct task *t, struct house *house)
{
    const char *listen = arena_printf(t->arena, "unix:%s", house->node.listen.admin);
    struct http_server_options options = {
        .name = "admin",
        .listen = {arena_array(t->arena, 1, sizeof(listen)), 1},
        .unix_mode = S_IRUSR | S_IWUSR,
        .unix_root_only = true,
        .limits = server_limits(&house->node.limits),
        .style = HTTP_STYLE_PROBLEM,
        .log = t->log,
    };
    options.listen.items[0] = listen;
    house->api = (struct api){
        .store = house->store,
        .orders = house->orders,
        .strangers = house->strangers,
        .problems = problem_tables,
        .pledges = house->pledges,
        .discovery = discovery_status,
        .discovery_context = house,
        .works = &house_works,
        .works_context = house,
        .works_statuses = house_works_statuses,
        .started = clock_wall(),
        .unauthenticated = node_allows_unauthenticated(house),
    };
    options.routes = api_routes(t, &house->api);
    return http_server_start(t, &options, &house->admin);
}

/* After a roll-over: new certificates are signed with the new key, and /cacerts shows it. */
static void reopen_cas(void *arg)
{
    struct house *house = arg;
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    task_init(&t, arena, house->log);
    if (!ca_registry_reopen(&t, house->cas))
        log_problem(&t, "the CAs could not be opened anew; restart to use the new key");
}

static bool keep_status(struct task *t, struct house *house)
{
    const struct node_public *public = &house->node.public;
    const struct status_options options = {
        .store = house->store,
        .keys = house->keys,
        .log = t->log,
        .responds = public->listen.count > 0,
        .url = public->url,
        .crl_lifetime = public->crl_lifetime,
        .crl_interval = public->crl_interval,
        .crl_gap = public->crl_gap,
        .ocsp_lifetime = public->ocsp_lifetime,
        .rolled_over = reopen_cas,
        .arg = house,
    };
    house->log = t->log;
    return status_start(t, &options, &house->status);
}

static bool serve_public(struct task *t, struct house *house)
{
    if (house->node.public.listen.count == 0)
        return true;
    struct http_server_options options = {
        .name = "public",
        .plain = true,
        .listen = house->node.public.listen,
        .routes = status_routes(t, house->status),
        .limits = server_limits(&house->node.limits),
        .style = HTTP_STYLE_TEXT,
        .log = t->log,
    };
    return http_server_start(t, &options, &house->public);
}

bool house_open(struct task *t, struct house *house)
{
    house->before = arena_mark(t->arena);
    raise_file_limit(t, &house->node);
    TRY(open_store(t, house));
    TRY(reduced_security_tell(t, house->store, node_allows_unauthenticated(house)));
    TRY(open_keys(t, house));
    TRY(open_outgoing(t, house));
    house->strangers = strangers_make(house->node.limits.strangers);
    furnish(house);
    if (house->weak_keys != NULL)
        log_info(t, "lists of weak keys were read",
                 LOG_NUMBER("keys", weak_key_list_count(house->weak_keys)));
    TRY(est_prepare(t, &house->est));
    TRY(start_orders(t, house));
    TRY(keep_status(t, house));
    TRY(serve_public(t, house));
    TRY(start_rounds(t, house));
    TRY(serve_pledges(t, house));
    /* Once we can be reached: a cloud looks whether we are. */
    TRY(cloud_agent_start(t, &house->clouds));
    announce(t, house);
    return serve_admin(t, house);
}

bool house_close(struct task *t, struct house *house)
{
    int64_t deadline = clock_monotonic() + house->node.limits.shutdown;
    bool silent = discovery_stop(house->discovery);
    if (house->admin != NULL)
        (void)http_server_stop(house->admin, deadline);
    if (house->pledges != NULL && !http_server_stop(house->pledges, deadline))
        log_warning(t, "requests were still under way",
                    LOG_NUMBER("limit_ms", house->node.limits.shutdown));
    if (house->public != NULL)
        (void)http_server_stop(house->public, deadline);
    rounds_stop(house->rounds);
    if (house->orders != NULL && !orders_stop(house->orders, deadline)) {
        log_warning(t, "orders were still under way; they are run again after the start",
                    LOG_NUMBER("limit_ms", house->node.limits.shutdown));
        return false;
    }
    /* What the start has left refers to what is closed now: keys, and what is held of services. */
    arena_rewind(t->arena, house->before);
    status_stop(house->status);
    est_release(&house->est);
    callers_free(house->callers);
    strangers_free(house->strangers);
    if (house->cas != NULL)
        ca_registry_close(house->cas);
    http_client_free(house->client);
    identities_close(house->identities);
    if (house->keys != NULL)
        keystore_close(house->keys);
    store_close(house->store);
    return silent;
}

static bool moves(int64_t beat)
{
    return clock_monotonic() - beat < STANDSTILL_MAX;
}

bool house_alive(struct house *house)
{
    return moves(store_figures(house->store).last_beat) &&
           moves(order_figures(house->orders).last_beat) &&
           moves(status_last_beat(house->status)) && moves(rounds_last_beat(house->rounds)) &&
           moves(http_server_figures(house->pledges).last_beat) &&
           moves(http_server_figures(house->admin).last_beat);
}

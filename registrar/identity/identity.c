#include "registrar/identity/identity.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/store/records/authority.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

DEFINE_PROBLEMS(identity_problems, IDENTITY_PROBLEMS)

/* ---- From the store ---- */

static bool read_identity(struct task *t, struct reader *r, const char *name,
                          struct registrar_identity *ret)
{
    struct bytes_list chain;
    struct cert_list domain;
    const char *label;
    TRY(authority_chain(t, r, name, &chain, &label));
    TRY(certs_parse(t, &chain, &domain));
    *ret = (struct registrar_identity){
        .name = arena_strdup(t->arena, name),
        .cert = domain.items[0],
        .sha256 = bytes_sha256(t->arena, domain.items[0]->der),
        .key_label = label,
        /* RFC 8995 5.5: all but the root: what is to be pinned is the registrar CA. */
        .tls_chain = {domain.items, domain.count > 1 ? domain.count - 1 : 1},
        .domain = domain,
    };
    return true;
}

static bool is_valid_now(const struct cert *cert)
{
    int64_t now = clock_wall();
    return now >= cert_not_before(cert) && now <= cert_not_after(cert);
}

/* Names of the earlier ones, latest first. */
static bool earlier_names(struct task *t, struct view *view, struct text_list *ret)
{
    struct table_scan scan = table_scan(t, view, &authorities, BYTES_ABSENT);
    const char **names = arena_array(t->arena, IDENTITIES_EARLIER_MAX, sizeof(*names));
    int64_t *ends = arena_array(t->arena, IDENTITIES_EARLIER_MAX, sizeof(*ends));
    size_t count = 0;
    for (;;) {
        struct authority a;
        bool found;
        TRY(table_scan_next(t, &scan, &a, &found));
        if (!found || count == IDENTITIES_EARLIER_MAX)
            break;
        if (strncmp(a.name, AUTHORITY_EARLIER, strlen(AUTHORITY_EARLIER)) != 0)
            continue;
        size_t at = count++;
        for (; at > 0 && ends[at - 1] < a.replaced; at--) {
            ends[at] = ends[at - 1];
            names[at] = names[at - 1];
        }
        ends[at] = a.replaced;
        names[at] = a.name;
    }
    *ret = (struct text_list){names, count};
    return true;
}

static bool add_staged(struct task *t, struct reader *r, struct registrar_identity *items,
                       struct identity_set *set)
{
    struct authority staged;
    bool found;
    TRY(table_find(t, r, &authorities, BYTES_LITERAL(AUTHORITY_REGISTRAR_NEXT), &staged, &found));
    if (!found)
        return true;
    TRY(read_identity(t, r, AUTHORITY_REGISTRAR_NEXT, &items[set->count]));
    set->count++;
    set->staged = true;
    return true;
}

bool identity_set_read(struct task *t, struct view *view, struct identity_set *ret)
{
    struct reader *r = view_reader(view);
    struct text_list earlier;
    struct registrar_identity *items =
        arena_array(t->arena, 2 + IDENTITIES_EARLIER_MAX, sizeof(*items));
    struct identity_set set = {.items = items, .count = 1};
    TRY(read_identity(t, r, AUTHORITY_REGISTRAR, &items[0]));
    TRY(add_staged(t, r, items, &set));
    TRY(earlier_names(t, view, &earlier));
    for (size_t i = 0; i < earlier.count; i++) {
        TRY(read_identity(t, r, earlier.items[i], &items[set.count]));
        set.count += is_valid_now(items[set.count].cert);
    }
    *ret = set;
    return true;
}

/* ---- Which one is seen where ---- */

static bool is_address(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

const struct registrar_identity *identity_seen_at(const struct identity_set *set, const char *host,
                                                  bool after)
{
    bool moved = after && set->staged;
    const struct registrar_identity *first = &set->items[moved ? 1 : 0];
    /* RFC 6066 3: addresses are not sent as server names. */
    if (is_address(host) || cert_names_host(first->cert, host))
        return first;
    for (size_t i = 0; i < set->count; i++) {
        if (cert_names_host(set->items[i].cert, host))
            return &set->items[i];
    }
    return first;
}

#define DNS_PREFIX "DNS:"

bool identity_is_visible(struct task *t, const struct identity_set *set,
                         const struct registrar_identity *identity)
{
    struct text_list names = {0};
    bool visible = identity == &set->items[0];
    if (!cert_alt_names(t, identity->cert, &names))
        task_forgive(t);
    for (size_t i = 0; !visible && i < names.count; i++) {
        const char *name = names.items[i];
        visible = strncmp(name, DNS_PREFIX, strlen(DNS_PREFIX)) == 0 &&
                  identity_seen_at(set, name + strlen(DNS_PREFIX), false) == identity;
    }
    return visible;
}

/* ---- In a running daemon ---- */

/* A set with the arena that it lives in. */
struct edition {
    struct edition *before;
    struct arena *arena;
    struct identity_set set;
};

struct identities {
    struct store *store;
    struct keystore *keys;
    pthread_mutex_t lock; /* one refresh at a time */
    _Atomic(struct edition *) now;
};

static bool check_certificate(struct task *t, const struct cert *cert,
                              const struct keystore_key *key)
{
    static const char *const wanted[] = {OID_KP_CMC_RA, OID_KP_SERVER_AUTH, OID_KP_CLIENT_AUTH};
    ENSURE(t, bytes_equal(cert_spki(t, cert), keystore_key_spki(key)), E_REGISTRAR_IDENTITY,
           "our certificate is for another key than the token's %s", keystore_key_label(key));
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        ENSURE(t, cert_has_eku(cert, wanted[i]), E_REGISTRAR_IDENTITY,
               "our certificate lacks the extended key usage %s", wanted[i]);
    ENSURE(t, is_valid_now(cert), E_REGISTRAR_IDENTITY, "our certificate is valid from %s to %s",
           time_to_text(t->arena, cert_not_before(cert)),
           time_to_text(t->arena, cert_not_after(cert)));
    return true;
}

static bool find_key(struct task *t, struct keystore *keys, struct registrar_identity *identity)
{
    struct keystore_key *key;
    if (!keystore_find(t, keys, identity->key_label, &key))
        return fail(t, E_REGISTRAR_IDENTITY, "%s", t->detail);
    TRY(check_certificate(t, identity->cert, key));
    identity->key = keystore_key_evp(key);
    identity->tls_key = keystore_key_gnutls(key);
    return true;
}

/* All that have their keys.  Without the first there is nobody; without a later one, fewer. */
static bool find_keys(struct task *t, struct keystore *keys, struct identity_set *set)
{
    struct registrar_identity *items = arena_array(t->arena, set->count, sizeof(*items));
    struct identity_set usable = {.items = items};
    for (size_t i = 0; i < set->count; i++) {
        items[usable.count] = set->items[i];
        if (find_key(t, keys, &items[usable.count])) {
            usable.staged = usable.staged || (i == 1 && set->staged);
            usable.count++;
        } else if (i == 0) {
            return false;
        } else {
            log_warning(t, "a certificate of ours is not shown",
                        LOG_TEXT("certificate", set->items[i].name), LOG_TEXT("why", t->detail));
            task_forgive(t);
        }
    }
    *set = usable;
    return true;
}

/* Whether the certificate's domainID is among those that are kept. */
static bool find_domain(struct task *t, struct reader *r, const struct cert *cert,
                        struct bytes *ret_id, bool *ret_found)
{
    struct own_domain domain;
    TRY(cert_domain_id(t, cert, ret_id));
    return table_find(t, r, &own_domains, *ret_id, &domain, ret_found);
}

/* A start writes nothing when there is nothing new. */
static bool domains_are_known(struct task *t, struct store *store, const struct cert_list *chain,
                              bool *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    bool found = true;
    struct bytes id;
    TRY(view_open(t, store, &view));
    for (size_t i = 0; found && i < chain->count; i++)
        TRY(find_domain(t, view_reader(view), chain->items[i], &id, &found));
    *ret = found;
    return true;
}

/* RFC 8995 5.8.2: a MASA may pin, and log, any certificate of the chain. */
static bool note_domains(struct task *t, struct tx *tx, void *arg)
{
    const struct cert_list *chain = arg;
    for (size_t i = 0; i < chain->count; i++) {
        struct own_domain domain;
        bool found;
        struct bytes id;
        TRY(find_domain(t, tx_reader(tx), chain->items[i], &id, &found));
        if (found)
            continue;
        record_init(t, &own_domain_type, &domain);
        domain.id = id;
        domain.since = clock_wall();
        TRY(table_put(t, tx, &own_domains, &domain));
    }
    return true;
}

static bool read_set(struct task *t, struct identities *identities, struct identity_set *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    TRY(view_open(t, identities->store, &view));
    if (!identity_set_read(t, view, ret))
        return fail(t, E_REGISTRAR_IDENTITY, "%s", t->detail);
    return find_keys(t, identities->keys, ret);
}

static bool make_edition(struct task *t, struct identities *identities, struct edition *edition)
{
    TRY(read_set(t, identities, &edition->set));
    for (size_t i = 0; i < edition->set.count; i++) {
        struct cert_list domain = edition->set.items[i].domain;
        bool known;
        TRY(domains_are_known(t, identities->store, &domain, &known));
        if (!known)
            TRY(store_update(t, identities->store, note_domains, &domain));
    }
    return true;
}

static bool publish(struct task *t, struct identities *identities)
{
    struct edition *edition = arena_alloc(t->arena, sizeof(*edition));
    edition->arena = t->arena;
    TRY(make_edition(t, identities, edition));
    edition->before = atomic_load(&identities->now);
    atomic_store(&identities->now, edition);
    return true;
}

bool identities_refresh(struct task *t, struct identities *identities)
{
    struct task own;
    struct arena *arena = arena_create();
    task_init(&own, arena, t->log);
    (void)pthread_mutex_lock(&identities->lock);
    bool ok = publish(&own, identities);
    (void)pthread_mutex_unlock(&identities->lock);
    if (ok)
        return true;
    (void)fail(t, own.problem, "%s", own.detail);
    arena_destroy(arena);
    return false;
}

bool identities_open(struct task *t, struct store *store, struct keystore *keys,
                     struct identities **ret)
{
    struct identities *identities = calloc(1, sizeof(*identities));
    ENSURE(t, identities != NULL, E_INTERNAL, "no memory for our identities");
    identities->store = store;
    identities->keys = keys;
    (void)pthread_mutex_init(&identities->lock, NULL);
    if (!identities_refresh(t, identities)) {
        identities_close(identities);
        return false;
    }
    *ret = identities;
    return true;
}

void identities_close(struct identities *identities)
{
    if (identities == NULL)
        return;
    struct edition *edition = atomic_load(&identities->now);
    while (edition != NULL) {
        struct edition *before = edition->before;
        arena_destroy(edition->arena);
        edition = before;
    }
    (void)pthread_mutex_destroy(&identities->lock);
    free(identities);
}

const struct identity_set *identities_now(const struct identities *identities)
{
    return &atomic_load(&((struct identities *)identities)->now)->set;
}

const struct registrar_identity *identity_current(const struct identities *identities)
{
    return &identities_now(identities)->items[0];
}

const struct registrar_identity *identity_shown(const struct identities *identities,
                                                struct bytes sha256)
{
    const struct identity_set *set = identities_now(identities);
    for (size_t i = 0; i < set->count; i++) {
        if (bytes_equal(set->items[i].sha256, sha256))
            return &set->items[i];
    }
    return &set->items[0];
}

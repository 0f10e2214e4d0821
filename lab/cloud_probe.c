/*
 * A look from outside: TLS to where the owner's devices will be sent shows what they will expect.
 * No address is called that is special (RFC 6890), unless --network allows it.
 */
#include "core/base/clock.h"
#include "core/http/address.h"
#include "lab/cloud_owners.h"
#include "lab/pledge_link.h"
#include "lab/pledge_socket.h"
#include "lab/problems.h"

#include <netdb.h>
#include <string.h>

#define PATIENCE (5 * SECOND_MS)

static void free_addresses(struct addrinfo **addresses)
{
    if (*addresses != NULL)
        freeaddrinfo(*addresses);
}

static const char *numeric(struct task *t, const struct addrinfo *address)
{
    char text[NI_MAXHOST];
    if (getnameinfo(address->ai_addr, address->ai_addrlen, text, sizeof(text), NULL, 0,
                    NI_NUMERICHOST) != 0)
        return NULL;
    return arena_strdup(t->arena, text);
}

/* What --resolve says, or an address that may be called; fixed, so that no other is called. */
static bool fix_address(struct task *t, const struct cloud *cloud, const struct place *place,
                        struct text_list *ret)
{
    CLEANUP(free_addresses) struct addrinfo *addresses = NULL;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    const char *host = resolve_host(t, place, &cloud->settings.resolve);
    int error = getaddrinfo(host, NULL, &hints, &addresses);
    ENSURE(t, error == 0, E_PEER_UNRESOLVED, "%s: %s", place->host, gai_strerror(error));
    for (const struct addrinfo *a = addresses; a != NULL; a = a->ai_next) {
        const char *text = numeric(t, a);
        if (text == NULL ||
            (!address_is_public(a->ai_addr) && !address_in(a->ai_addr, &cloud->settings.networks)))
            continue;
        const char **entry = arena_array(t->arena, 1, sizeof(*entry));
        *entry = arena_printf(t->arena, "%s:%u:[%s]", place->host, place->port, text);
        *ret = (struct text_list){entry, 1};
        return true;
    }
    return fail(t, E_PEER_ADDRESS, "%s has no address that may be called", place->host);
}

/* brski-cloud 4.2: judged as a pledge will judge, with what is pinned as the one anchor. */
static bool judge(struct task *t, const struct cloud_account *account, const struct place *place,
                  const struct cert_list *chain)
{
    const struct cloud_registration *r = &account->registration;
    const struct cert *server = chain->items[0];
    const struct chain_rules rules = {0};
    const struct cert *pinned;
    if (r->mode == CLOUD_MODE_REDIRECT) {
        ENSURE(t, cloud_is_one_of(t, &account->identities, server, chain), E_PEER_TLS,
               "it shows %s, which is not the owner's", cert_subject(t, server));
        return true;
    }
    TRY(cert_parse(t, r->pinned_domain_cert, &pinned));
    TRY(chain_verify_pinned(t, pinned, server, chain, &rules));
    /* RFC 9525: only under a CA does the name count. */
    ENSURE(t, !cert_is_ca(pinned) || cert_names_host(server, place->host), E_PEER_TLS,
           "its certificate does not name %s", place->host);
    return true;
}

static bool look(struct task *t, const struct cloud *cloud, const struct cloud_account *account)
{
    const struct cloud_registration *r = &account->registration;
    const char *url = r->mode == CLOUD_MODE_REDIRECT ? r->registrar : r->est_domain;
    struct place place;
    struct text_list address;
    struct link_maker maker;
    struct link *link;
    TRY(place_from_url(t, url, &place));
    TRY(fix_address(t, cloud, &place, &address));
    TRY(link_maker_make(t, 0, &address, &maker));
    maker.patience = PATIENCE;
    const struct link_options options = {
        .place = &place,
        .trust = LINK_PROVISIONAL,
        .anchors = cloud->idevids.anchors, /* judged below */
        .credentials = &cloud->tls,
    };
    TRY(link_open(t, &maker, &options, &link));
    bool right = judge(t, account, &place, link_chain(link));
    link_close(link);
    return right;
}

void cloud_probe(struct task *t, const struct cloud *cloud, const struct cloud_account *account,
                 struct cloud_reachability *ret)
{
    struct cloud_reachability found;
    record_init(t, &cloud_reachability_type, &found);
    found.reachable = look(t, cloud, account);
    found.checked = clock_wall();
    if (!found.reachable)
        found.detail = bytes_to_printable(t->arena, bytes_of_text(t->detail), 500);
    task_forgive(t);
    *ret = found;
}

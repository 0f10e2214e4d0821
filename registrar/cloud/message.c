/* What is said to a cloud, as docs/cloud-registration.yaml has it. */
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/pki/cms.h"
#include "core/store/records/authority.h"
#include "core/store/records/device.h"
#include "registrar/cloud/internal.h"

#include <string.h>

#define STATEMENT          "gatehouse-registration:statement"
#define PROOFS_MAX         4
#define CONFIGURATIONS_MAX 10000

/* A certificate of ours with its key. */
struct holding {
    const struct cert *cert;
    EVP_PKEY *key;
};
struct holdings {
    struct holding items[PROOFS_MAX];
    size_t count;
};

/* ---- Whom we show to be ---- */

/* The registrar CA signs our certificates and nothing else: with it, renewals need no word. */
static bool hold_ca(struct task *t, const struct cloud_agent *agent, struct holdings *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct authority own;
    struct authority ca;
    struct keystore_key *key;
    struct holding *holding = &ret->items[ret->count++];
    TRY(view_open(t, agent->store, &view));
    struct reader *r = view_reader(view);
    TRY(table_get(t, r, &authorities, BYTES_LITERAL(AUTHORITY_REGISTRAR), &own));
    TRY(table_get(t, r, &authorities, bytes_of_text(own.issuer), &ca));
    TRY(cert_parse(t, ca.certificate, &holding->cert));
    TRY(keystore_find(t, agent->keys, ca.key_label, &key));
    holding->key = keystore_key_evp(key);
    return true;
}

/*
 * What a cloud is to pin when it pins an end entity: what devices see at the address.  When another
 * certificate for the same key is about to take its place, that one, if devices go by the key: it
 * is found with either.
 */
static const struct registrar_identity *to_be_pinned(struct task *t, const struct cloud_plan *plan)
{
    const struct registrar_identity *now = identity_seen_at(plan->identities, plan->host, false);
    const struct registrar_identity *then = identity_seen_at(plan->identities, plan->host, true);
    bool either = plan->cloud->pin_match == CLOUD_PIN_MATCH_KEY &&
                  bytes_equal(cert_spki(t, now->cert), cert_spki(t, then->cert));
    return either ? then : now;
}

/* brski-cloud 4.2: with a CA pinned, devices also look for the name. */
static bool choose_pin(struct task *t, struct cloud_plan *plan, struct holdings *holdings)
{
    const struct cloud *cloud = plan->cloud;
    if (cloud->mode != CLOUD_VOUCHER)
        return true;
    if (cloud->pin == CLOUD_PIN_CA) {
        const struct registrar_identity *seen =
            identity_seen_at(plan->identities, plan->host, false);
        ENSURE(t, cert_names_host(seen->cert, plan->host), E_CLOUD_ADDRESS,
               "our certificate does not name %s", plan->host);
        plan->pin = holdings->items[0].cert->der;
        return true;
    }
    const struct registrar_identity *pinned = to_be_pinned(t, plan);
    holdings->items[holdings->count++] = (struct holding){pinned->cert, pinned->key};
    plan->pin = pinned->cert->der;
    return true;
}

static bool add_proof(struct task *t, const struct cloud *cloud, const struct holding *holding,
                      json_t *proofs)
{
    struct bytes content;
    struct bytes statement;
    const struct cert_list none = {NULL, 0};
    const char *digest = bytes_to_base64(t->arena, bytes_sha256(t->arena, holding->cert->der));
    json_t *said =
        json_in_arena(t, json_pack("{s:{s:s, s:s, s:s, s:s}}", STATEMENT, "audience",
                                   cloud->url == NULL ? "" : cloud->url, "owner", cloud->owner,
                                   "certificate-sha256", digest, "created-on",
                                   time_to_text(t->arena, clock_wall() / SECOND_MS * SECOND_MS)));
    TRY(json_write(t, said, &content));
    TRY(cms_sign(t, content, OID_DATA, holding->cert, holding->key, &none, &statement));
    (void)json_array_append_new(proofs,
                                json_pack("{s:s, s:s}", "certificate",
                                          bytes_to_base64(t->arena, holding->cert->der),
                                          "statement", bytes_to_base64(t->arena, statement)));
    return true;
}

/* ---- What is registered ---- */

static json_t *texts(const struct text_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        (void)json_array_append_new(array, json_string(list->items[i]));
    return array;
}

static json_t *selection(const struct cloud *cloud)
{
    json_t *chosen = json_object();
    if (cloud->orders.count + cloud->serials.count == 0)
        (void)json_object_set_new(chosen, "all", json_true());
    if (cloud->orders.count > 0)
        (void)json_object_set_new(chosen, "orders", texts(&cloud->orders));
    if (cloud->serials.count > 0)
        (void)json_object_set_new(chosen, "serial-numbers", texts(&cloud->serials));
    return chosen;
}

/* Devices with a configuration address of their own stand on the list of expected ones. */
static bool add_configurations(struct task *t, const struct cloud_agent *agent,
                               const struct cloud *cloud, json_t *body)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    json_t *list = json_array();
    (void)json_object_set_new(body, "configurations", list);
    TRY(view_open(t, agent->store, &view));
    struct table_scan scan =
        table_scan(t, view, &expected_devices, expected_key(t->arena, cloud->manufacturer, ""));
    for (;;) {
        struct arena_mark mark = arena_mark(t->arena);
        struct expected place;
        bool found;
        TRY(table_scan_next(t, &scan, &place, &found));
        if (!found || strcmp(place.manufacturer, cloud->manufacturer) != 0)
            break;
        if (place.additional_configuration_url != NULL) {
            ENSURE(t, json_array_size(list) < CONFIGURATIONS_MAX, E_TOO_LARGE,
                   "more than %d devices of %s have a configuration address of their own; use "
                   "{serial-number} in the cloud's",
                   CONFIGURATIONS_MAX, cloud->manufacturer);
            (void)json_array_append_new(list, json_pack("{s:s, s:s}", "serial-number", place.serial,
                                                        "additional-configuration-url",
                                                        place.additional_configuration_url));
        }
        arena_rewind(t->arena, mark);
    }
    return true;
}

static bool add_voucher(struct task *t, const struct cloud_agent *agent,
                        const struct cloud_plan *plan, json_t *body)
{
    const struct cloud *cloud = plan->cloud;
    (void)json_object_set_new(body, "est-domain", json_string(cloud->est_domain));
    (void)json_object_set_new(body, "pinned-domain-cert",
                              json_string(bytes_to_base64(t->arena, plan->pin)));
    if (cloud->additional_configuration_url != NULL)
        (void)json_object_set_new(body, "additional-configuration-url",
                                  json_string(cloud->additional_configuration_url));
    return add_configurations(t, agent, cloud, body);
}

static bool make_registration(struct task *t, const struct cloud_agent *agent, json_t *proofs,
                              struct cloud_plan *plan)
{
    const struct cloud *cloud = plan->cloud;
    bool redirect = cloud->mode == CLOUD_REDIRECT;
    json_t *body = json_in_arena(t, json_pack("{s:s, s:s, s:o, s:O}", "owner", cloud->owner, "mode",
                                              redirect ? "redirect" : "voucher", "devices",
                                              selection(cloud), "proofs", proofs));
    if (redirect)
        (void)json_object_set_new(body, "registrar", json_string(cloud->registrar_url));
    else
        TRY(add_voucher(t, agent, plan, body));
    return json_write(t, body, &plan->registration);
}

/* A program may know the cloud by other means; the resource wants a token, once. */
static bool make_claim(struct task *t, json_t *proofs, struct cloud_plan *plan)
{
    const struct cloud *cloud = plan->cloud;
    ENSURE(t, cloud->token != NULL || cloud->claimed != 0 || cloud->backend == CLOUD_COMMAND,
           E_CLOUD_UNCLAIMED, "there is no token");
    if (cloud->token == NULL)
        return true;
    json_t *body = json_in_arena(t, json_pack("{s:s, s:s, s:O}", "owner", cloud->owner, "token",
                                              cloud->token, "proofs", proofs));
    return json_write(t, body, &plan->claim);
}

bool cloud_plan_make(struct task *t, const struct cloud_agent *agent, const struct cloud *cloud,
                     struct cloud_plan *ret)
{
    struct holdings holdings = {.count = 0};
    struct cloud_plan plan = {.cloud = cloud, .identities = identities_now(agent->identities)};
    bool redirect = cloud->mode == CLOUD_REDIRECT;
    json_t *proofs = json_in_arena(t, json_array());
    plan.own = &plan.identities->items[0];
    TRY(redirect ? cloud_url_host(t, "registrar-url", cloud->registrar_url, &plan.host)
                 : cloud_url_host(t, "est-domain", cloud->est_domain, &plan.host));
    TRY(hold_ca(t, agent, &holdings));
    TRY(choose_pin(t, &plan, &holdings));
    for (size_t i = 0; i < holdings.count; i++)
        TRY(add_proof(t, cloud, &holdings.items[i], proofs));
    TRY(make_claim(t, proofs, &plan));
    TRY(make_registration(t, agent, proofs, &plan));
    *ret = plan;
    return true;
}

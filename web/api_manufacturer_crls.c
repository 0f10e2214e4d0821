/* PUT manufacturers/{}/idevid-crls: the revocation lists of a manufacturer's IDevID CAs. */
#include "core/pki/revocations.h"
#include "core/store/records/event.h"
#include "web/api_manufacturer.h"
#include "web/views.h"

/* Lists that are held against anchors, one after the other. */
struct crl_reading {
    struct cert_list anchors;
    struct bytes_list kept; /* DER */
    struct revocation_list *facts;
};

static bool begin(struct task *t, const struct manufacturer *m, size_t count,
                  struct crl_reading *ret)
{
    TRY(certs_parse(t, &m->idevid_anchors, &ret->anchors));
    ret->kept = (struct bytes_list){arena_array(t->arena, count, sizeof(struct bytes)), 0};
    ret->facts = arena_array(t->arena, count, sizeof(*ret->facts));
    return true;
}

static bool read_list(struct task *t, struct crl_reading *r, struct bytes der,
                      const struct crl **ret)
{
    const struct cert *signer;
    TRY(crl_parse(t, der, ret));
    const struct crl *crl = *ret;
    TRY(crl_verify(t, crl, &r->anchors, &signer));
    r->facts[r->kept.count] = (struct revocation_list){
        .issuer = crl_issuer(t, crl),
        .number = crl->number,
        .this_update = crl->this_update,
        .next_update = crl->next_update,
        .revoked = crl->revoked,
    };
    r->kept.items[r->kept.count++] = der;
    return true;
}

static struct record_list facts_of(const struct crl_reading *r)
{
    return (struct record_list){r->facts, r->kept.count};
}

bool manufacturer_keep_crls(struct task *t, struct tx *tx, const struct manufacturer *before,
                            struct manufacturer *m, const char **ret_dropped)
{
    static const struct problem_kind *const gone[] = {E_CRL_UNTRUSTED, E_CRL_MALFORMED, NULL};
    struct bytes_list lists;
    struct crl_reading r = {.kept = {NULL, 0}};
    const char *dropped = NULL;
    TRY(manufacturer_crls_get(t, tx_reader(tx), before->name, &lists));
    TRY(begin(t, m, lists.count, &r));
    for (size_t i = 0; i < lists.count; i++) {
        const struct crl *crl;
        if (read_list(t, &r, lists.items[i], &crl))
            continue;
        if (!task_failed_with_any(t, gone))
            return false;
        dropped = arena_printf(t->arena, "%s%s%s", dropped == NULL ? "" : dropped,
                               dropped == NULL ? "" : "; ", t->detail);
        task_forgive(t);
    }
    m->idevid_crls = facts_of(&r);
    *ret_dropped = dropped;
    return dropped == NULL || manufacturer_crls_put(t, tx, m->name, &r.kept);
}

/* ---- PUT ---- */

struct crl_writing {
    const char *name;
    const struct bytes_list *lists;
    const char *actor;
    struct manufacturer manufacturer; /* as it is afterwards */
};

static const char *describe(struct task *t, const char *name, const struct record_list *list)
{
    const struct revocation_list *facts = list->items;
    const char *text = arena_printf(t->arena, "%s: %zu revocation lists", name, list->count);
    for (size_t i = 0; i < list->count; i++)
        text = arena_printf(t->arena, "%s; of %s, %llu certificates", text, facts[i].issuer,
                            (unsigned long long)facts[i].revoked);
    return text;
}

static bool put(struct task *t, struct tx *tx, void *arg)
{
    struct crl_writing *w = arg;
    struct manufacturer *m = &w->manufacturer;
    struct crl_reading r = {.kept = {NULL, 0}};
    TRY(table_get(t, tx_reader(tx), &manufacturers, bytes_of_text(w->name), m));
    TRY(begin(t, m, w->lists->count, &r));
    for (size_t i = 0; i < w->lists->count; i++) {
        const struct crl *crl;
        if (!read_list(t, &r, w->lists->items[i], &crl))
            return fail(t, E_INVALID, "crls[%zu]: %s", i, t->detail);
    }
    m->idevid_crls = facts_of(&r);
    TRY(manufacturer_put(t, tx, m));
    TRY(manufacturer_crls_put(t, tx, m->name, &r.kept));
    const struct event e = {.name = "manufacturer-crls-changed",
                            .severity = EVENT_INFO,
                            .actor = w->actor,
                            .detail = describe(t, m->name, &m->idevid_crls)};
    return event_add(t, tx, &e);
}

bool api_manufacturer_crls(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct crl_lists body;
    json_t *json;
    TRY(api_read_record(t, rq, &crl_lists_type, &body));
    struct crl_writing w = {rq->parameter, &body.crls, api_actor(t, rq), {.name = NULL}};
    TRY(store_update(t, api_of(rq)->store, put, &w));
    TRY(record_to_json(t, &manufacturer_type, &w.manufacturer, &json));
    return api_reply(t, reply, 200, json);
}

/* additional-configuration-url (RFC 8366bis; draft-ietf-anima-brski-cloud 3.2.3). */
#include "lab/pledge_enrol.h"
#include "lab/problems.h"

/* What the owner's CA, the voucher or the manufacturer vouches for: each of them has given us it.
 */
static bool configuration_anchors(struct task *t, const struct pledge *p,
                                  const struct anchors **ret)
{
    const struct cert_list *cacerts = &p->now.cacerts;
    const struct cert_list *implicit = &p->world->implicit.certs;
    struct cert_list all = {
        .items = arena_array(t->arena, cacerts->count + implicit->count + 1, sizeof(struct cert *)),
    };
    for (size_t i = 0; i < cacerts->count; i++)
        all.items[all.count++] = cacerts->items[i];
    for (size_t i = 0; i < implicit->count; i++)
        all.items[all.count++] = implicit->items[i];
    all.items[all.count++] = p->now.pinned;
    return anchors_make(t, &all, ret);
}

static bool fetch(struct task *t, struct pledge *p)
{
    const struct credentials ldevid = pledge_ldevid(p);
    struct place place;
    struct response answer;
    struct link *link;
    /* The URL may hold what nobody else is to know: no message repeats it. */
    if (!place_from_any_url(t, p->now.configuration, &place))
        return fail(t, E_INVALID, "additional-configuration-url is no https URL that can be used");
    struct link_options options = {
        .place = &place, .trust = LINK_VALIDATED, .credentials = &ldevid};
    TRY(configuration_anchors(t, p, &options.anchors));
    TRY(link_open(t, &p->world->link_maker, &options, &link));
    const struct patient_call call = {
        .link = link,
        .request = {.method = "GET", .path = place.path},
        .action = "GET configuration",
        .discreet = true,
    };
    TRY(pledge_call(t, p, &call, &answer));
    link_close(link);
    if (answer.status != 200)
        return pledge_status_failure(t, p, &answer, call.action);
    p->now.configured = answer.body;
    report_note(t, &p->line, p->step,
                arena_printf(t->arena, "%zu octets of %s", answer.body.len,
                             answer.media_type == NULL ? "no named type" : answer.media_type));
    return true;
}

void pledge_configure(struct task *t, struct pledge *p)
{
    if (p->now.configuration == NULL)
        return;
    pledge_step(p, "configuration", ENCOUNTER_CONFIGURATION);
    if (fetch(t, p))
        return;
    report_note(t, &p->line, p->step, t->detail);
    report_indicator(t, &p->line, indicator_of(t->problem, p->with, p->status));
    task_forgive(t);
}

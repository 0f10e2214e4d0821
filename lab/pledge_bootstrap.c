/* From the cloud registrar to a voucher that says who the registrar is. */
#include "core/base/clock.h"
#include "lab/pledge_enrol.h"
#include "lab/problems.h"

/* Still where it was told to begin, and that is a cloud registrar. */
static bool at_cloud(const struct pledge *p)
{
    return p->from_cloud && p->now.journey.count == 1;
}

static bool meet_registrar(struct task *t, struct pledge *p)
{
    enum pledge_fault fault = pledge_fault(t, p, OP_CONNECT);
    const struct link_options options = {
        .place = journey_here(&p->now.journey),
        /* brski-cloud 3.1: never provisional with the cloud registrar; RFC 8995 5.1 elsewhere. */
        .trust = at_cloud(p) ? LINK_VALIDATED : LINK_PROVISIONAL,
        .anchors = p->world->implicit.anchors,
        .credentials = fault == PF_NO_CERTIFICATE ? NULL : &p->idevid,
        .leash = p->leash,
        .stall = fault == PF_STALL,
    };
    TRY(link_open(t, &p->world->link_maker, &options, &p->now.link));
    report_note(t, &p->line, p->step,
                arena_printf(t->arena, "%s with %s, %s", link_tls_version(p->now.link),
                             options.place->authority,
                             link_validated(p->now.link) ? "validated" : "provisional"));
    return true;
}

/* How often, and until when, the present place may be asked again. */
struct repetition {
    uint64_t left;
    int64_t until; /* clock_monotonic() ms */
};

/*
 * brski-cloud 3.3.1: the present place may be asked again after 401, and after 503 that says when.
 * At the cloud registrar, 401 without Retry-After means: do not ask again (3.2.1).
 */
static bool may_repeat(const struct pledge *p, const struct response *answer)
{
    bool told_when = answer->retry_after >= 0;
    return p->attempts_left > 1 && ((answer->status == 503 && told_when) ||
                                    (answer->status == 401 && (told_when || !at_cloud(p))));
}

/*
 * False, without a problem, when the place has been asked often and long enough.  Without a
 * Retry-After, the repetitions are spread over their time, so that all of them fit in.
 */
static bool wait_to_repeat(struct task *t, struct pledge *p, const struct response *answer,
                           struct repetition *again)
{
    const struct pledge_settings *s = &p->world->settings;
    int64_t wait = answer->retry_after >= 0 ? answer->retry_after * SECOND_MS
                                            : s->repeat_time / ((int64_t)s->repeats + 1);
    if (again->left == 0 || clock_monotonic() + wait > again->until)
        return false;
    again->left--;
    report_note(t, &p->line, p->step,
                arena_printf(t->arena, "%d: here again in %s", answer->status,
                             duration_to_text(t->arena, wait)));
    if (pledge_pause(t, p, wait))
        return true;
    task_forgive(t);
    return false;
}

static bool visit(struct task *t, struct pledge *p, struct response *ret)
{
    const struct pledge_settings *s = &p->world->settings;
    struct repetition again = {.left = s->repeats, .until = clock_monotonic() + s->repeat_time};
    struct response answer;
    if (at_cloud(p))
        pledge_step(p, "cloud", ENCOUNTER_CLOUD);
    else
        pledge_step(p, "voucher", ENCOUNTER_REGISTRAR);
    TRY(meet_registrar(t, p));
    TRY(pledge_request_voucher(t, p, &answer));
    while (may_repeat(p, &answer) && wait_to_repeat(t, p, &answer, &again))
        TRY(pledge_request_voucher(t, p, &answer));
    *ret = answer;
    return true;
}

/* brski-cloud 3.3.1: a redirect means a new voucher request with a fresh nonce, elsewhere. */
static bool travel(struct task *t, struct pledge *p, struct response *ret)
{
    struct response answer;
    journey_begin(t, p->start, (unsigned)p->world->settings.max_redirects, &p->now.journey);
    TRY(visit(t, p, &answer));
    while (journey_is_redirect(answer.status)) {
        const struct redirect redirect = {
            .status = answer.status,
            .location = answer.location,
            .from_validated = link_validated(p->now.link),
        };
        link_close(p->now.link);
        TRY(journey_follow(t, &p->now.journey, &redirect));
        TRY(visit(t, p, &answer));
    }
    *ret = answer;
    return true;
}

static void report_accepted(struct task *t, const struct pledge *p, const struct voucher *v)
{
    report_note(t, &p->line, "voucher",
                arena_printf(t->arena, "accepted: assertion %s%s, pins %s%s%s",
                             v->assertion == NULL ? "missing" : v->assertion,
                             v->nonce == NULL ? ", nonceless" : "", cert_subject(t, p->now.pinned),
                             v->est_domain == NULL ? "" : ", est-domain ",
                             v->est_domain == NULL ? "" : v->est_domain));
}

/* RFC 8995 5.6.2: the chain received earlier leads to the pinned certificate, or all was in vain.
 */
static bool settle(struct task *t, struct pledge *p)
{
    const struct cert_list *chain = link_chain(p->now.link);
    const struct chain_rules rules = {.ignore_validity = p->world->settings.no_clock};
    if (!chain_verify_pinned(t, p->now.pinned, chain->items[0], chain, &rules))
        return fail(t, E_REGISTRAR_REFUSED, "pinned-domain-cert: %s", t->detail);
    p->now.est = p->now.link;
    p->now.est_place = *journey_here(&p->now.journey);
    p->now.est_place.path = PATH_EST;
    return true;
}

static bool accept_voucher(struct task *t, struct pledge *p, const struct response *answer)
{
    struct signed_voucher sv;
    p->now.voucher = answer->body;
    TRY(pledge_check_voucher(t, p, answer, &sv));
    if (!cert_parse(t, sv.voucher.pinned_domain_cert, &p->now.pinned))
        return fail(t, E_VOUCHER_REFUSED, "voucher: pinned-domain-cert: %s", t->detail);
    p->now.est_domain = sv.voucher.est_domain;
    p->now.configuration = sv.voucher.additional_configuration_url;
    if (p->now.est_domain == NULL)
        TRY(settle(t, p));
    report_accepted(t, p, &sv.voucher);
    if (p->now.est_domain != NULL)
        return pledge_meet_est_server(t, p);
    return true;
}

bool pledge_tell_accepted(struct task *t, struct pledge *p)
{
    /*
     * brski-cloud 4.2: with est-domain nobody is bound to listen, and only a validated server is
     * told.
     */
    bool apart = p->now.est_domain != NULL;
    if (apart && !link_validated(p->now.link))
        return true;
    pledge_step(p, "voucher_status", ENCOUNTER_REGISTRAR);
    bool told = pledge_tell_success(t, p, p->now.link, p->step);
    if (!apart)
        return told;
    if (!told)
        report_note(t, &p->line, p->step, t->detail);
    task_forgive(t);
    link_close(p->now.link);
    return true;
}

void pledge_tell_refused(struct task *t, struct pledge *p)
{
    pledge_tell_failure(t, p, p->now.link, "voucher_status");
    link_close(p->now.link);
}

bool pledge_bootstrap(struct task *t, struct pledge *p)
{
    struct response answer;
    if (pledge_fault(t, p, OP_BEGIN) == PF_ENROL_FIRST)
        pledge_enrol_first(t, p);
    TRY(travel(t, p, &answer));
    if (answer.status != 200)
        return pledge_status_failure(t, p, &answer, PLEDGE_REQUEST_VOUCHER);
    if (accept_voucher(t, p, &answer))
        return true;
    /* RFC 8995 5.7: say that and why, then drop the connection. */
    pledge_tell_refused(t, p);
    return false;
}

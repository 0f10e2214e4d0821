/* From a settled connection to an LDevID in use (RFC 8995 5.9, RFC 7030). */
#include "lab/pledge_enrol.h"

#include "core/pki/cms.h"
#include "lab/problems.h"

static const char certs_media_type[] = "application/pkcs7-mime";
static const char csr_media_type[] = "application/pkcs10";
static const char csrattrs_media_type[] = "application/csrattrs";

static bool get(struct task *t, struct pledge *p, const char *resource, const char *media_type,
                struct response *ret)
{
    struct patient_call call = {.request = {.method = "GET", .accept = media_type}};
    return est_call(t, p, resource, &call, ret);
}

static bool get_cacerts(struct task *t, struct pledge *p)
{
    struct response answer;
    struct bytes der;
    TRY(get(t, p, "cacerts", certs_media_type, &answer));
    if (answer.status != 200)
        return pledge_status_failure(t, p, &answer, "GET cacerts");
    TRY(est_answer_read(t, p, &answer, certs_media_type, &der));
    TRY(cms_certs_only_read(t, der, &p->now.cacerts));
    ENSURE(t, p->now.cacerts.count > 0, E_STATUS, "cacerts: no certificate in it");
    return true;
}

/* RFC 8995 5.9.2: always asked for.  204 and 404 mean that nothing is wanted (RFC 7030 4.5.2). */
static bool get_csrattrs(struct task *t, struct pledge *p, struct csrattrs *ret)
{
    struct response answer;
    TRY(get(t, p, "csrattrs", csrattrs_media_type, &answer));
    if (answer.status == 200)
        TRY(est_answer_read(t, p, &answer, csrattrs_media_type, &p->now.csrattrs));
    else if (answer.status != 204 && answer.status != 404)
        return pledge_status_failure(t, p, &answer, "GET csrattrs");
    TRY(csr_wishes(t, p, ret));
    if (ret->template != NULL)
        report_note(t, &p->line, "csrattrs", "there is a template (RFC 9908 3.4): it is followed");
    return true;
}

struct enrolment {
    const struct csrattrs *wishes;
    unsigned handshakes; /* the connection that the request was made for */
};

/* A request that is bound to its connection (RFC 7030 3.5) is made anew for another one. */
static bool prepare_csr(struct task *t, struct pledge *p, void *context,
                        struct link_request *request)
{
    struct enrolment *enrolment = context;
    unsigned handshakes = link_handshakes(p->now.est);
    bool fits = !enrolment->wishes->challenge_password || enrolment->handshakes == handshakes;
    if (bytes_present(p->now.csr) && fits)
        return true;
    TRY(csr_make(t, p, enrolment->wishes));
    enrolment->handshakes = handshakes;
    request->body = est_body(t, p->now.csr);
    return true;
}

static bool simpleenroll(struct task *t, struct pledge *p, const struct csrattrs *wishes)
{
    struct enrolment enrolment = {.wishes = wishes};
    struct response answer;
    struct bytes der;
    struct cert_list given;
    struct patient_call call = {
        .request = {.method = "POST", .media_type = csr_media_type, .accept = certs_media_type},
        .prepare = prepare_csr,
        .context = &enrolment,
    };
    TRY(csr_make_key(t, p, wishes));
    TRY(est_call(t, p, "simpleenroll", &call, &answer));
    if (answer.status != 200)
        return pledge_status_failure(t, p, &answer, call.action);
    TRY(est_answer_read(t, p, &answer, certs_media_type, &der));
    TRY(cms_certs_only_read(t, der, &given));
    return issued_check(t, p, wishes, &given, &p->now.ldevid);
}

struct credentials pledge_ldevid(struct pledge *p)
{
    return (struct credentials){
        .cert = p->now.ldevid,
        .chain = {.items = &p->now.ldevid, .count = 1},
        .key = p->now.key,
    };
}

/*
 * RFC 8995 5.9.4: a new connection with the LDevID, to a server that only what cacerts gave can
 * vouch for, or the voucher's pin where that named the server; there it says that all is well.
 */
static bool confirm(struct task *t, struct pledge *p)
{
    const struct credentials ldevid = pledge_ldevid(p);
    struct link_options options = {
        .place = &p->now.est_place,
        .trust = p->now.est_domain != NULL ? LINK_PINNED : LINK_EST,
        .pinned = p->now.pinned,
        .credentials = &ldevid,
    };
    struct link *link;
    pledge_step(p, "enrollstatus", ENCOUNTER_EST);
    TRY(est_anchors(t, p, &options.anchors));
    TRY(link_open(t, &p->world->link_maker, &options, &link));
    report_note(t, &p->line, p->step,
                arena_printf(t->arena, "%s with the LDevID; the server leads to %s",
                             link_tls_version(link),
                             p->now.est_domain != NULL ? "the pin" : "cacerts"));
    bool told = pledge_tell_success(t, p, link, p->step);
    link_close(link);
    return told;
}

/* brski-cloud 4.2: a plain EST server need not know the resource, nor hear of it. */
static bool confirm_if_heard(struct task *t, struct pledge *p)
{
    if (confirm(t, p))
        return true;
    if (p->now.est_domain == NULL)
        return false;
    report_note(t, &p->line, p->step, t->detail);
    task_forgive(t);
    return true;
}

/* A fault: certificate after certificate, each for a new key; the first one is kept. */
static void enrol_repeatedly(struct task *t, struct pledge *p, const struct csrattrs *wishes)
{
    const struct attempt before = p->now;
    bool goes_on = true;
    for (int i = 0; goes_on && i < PF_REPETITIONS; i++) {
        p->now.csr = BYTES_ABSENT;
        goes_on = simpleenroll(t, p, wishes);
    }
    if (!goes_on)
        report_note(t, &p->line, p->step, t->detail);
    task_forgive(t);
    p->now = before;
}

void pledge_enrol_first(struct task *t, struct pledge *p)
{
    const struct csrattrs wishes = {.key = KEY_OTHER};
    const struct link_options options = {
        .place = p->start,
        .trust = LINK_PROVISIONAL,
        .anchors = p->world->implicit.anchors,
        .credentials = &p->idevid,
        .leash = p->leash,
    };
    p->now.est_place = *p->start;
    p->now.est_place.path = PATH_EST;
    if (!link_open(t, &p->world->link_maker, &options, &p->now.est) || !simpleenroll(t, p, &wishes))
        report_note(t, &p->line, "simpleenroll", t->detail);
    task_forgive(t);
    link_close(p->now.est);
    p->now = (struct attempt){0};
}

static bool enrol(struct task *t, struct pledge *p)
{
    struct csrattrs wishes = {.key = KEY_OTHER};
    TRY(get_cacerts(t, p));
    if (pledge_fault(t, p, OP_CSRATTRS) != PF_NO_CSRATTRS)
        TRY(get_csrattrs(t, p, &wishes));
    TRY(simpleenroll(t, p, &wishes));
    p->outcome.certificate_ms = report_elapsed(&p->line);
    if (pledge_fault(t, p, OP_ENROL) == PF_ENROL_REPEATEDLY)
        enrol_repeatedly(t, p, &wishes);
    return confirm_if_heard(t, p);
}

bool pledge_enrol(struct task *t, struct pledge *p)
{
    if (enrol(t, p)) {
        link_close(p->now.est);
        return true;
    }
    /* RFC 8995 5.9.4: a failure is told over the connection on which it happened. */
    pledge_tell_failure(t, p, p->now.est, "enrollstatus");
    link_close(p->now.est);
    return false;
}

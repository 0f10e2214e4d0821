/* From a settled connection to an LDevID in use (RFC 8995 5.9, RFC 7030). */
#include "lab/pledge_enrol.h"

#include "core/pki/cms.h"
#include "lab/problems.h"

#include <string.h>

#define PATH_EST       "/.well-known/est/"
#define BASE64_COLUMNS 64

static const char certs_media_type[] = "application/pkcs7-mime";
static const char csr_media_type[] = "application/pkcs10";
static const char csrattrs_media_type[] = "application/csrattrs";

/* RFC 8951 3: base64 whatever the header says; in lines, which old servers want. */
static struct bytes est_body(struct task *t, struct bytes der)
{
    const char *base64 = bytes_to_base64(t->arena, der);
    size_t len = strlen(base64);
    size_t lines = (len + BASE64_COLUMNS - 1) / BASE64_COLUMNS;
    struct bytes *parts = arena_array(t->arena, lines * 2, sizeof(*parts));
    for (size_t i = 0; i < lines; i++) {
        size_t at = i * BASE64_COLUMNS;
        size_t left = len - at;
        parts[2 * i] = bytes_make(base64 + at, left < BASE64_COLUMNS ? left : BASE64_COLUMNS);
        parts[2 * i + 1] = BYTES_LITERAL("\r\n");
    }
    return bytes_concat(t->arena, parts, lines * 2);
}

static bool read_est_body(struct task *t, const struct response *answer, const char *media_type,
                          const char *resource, struct bytes *ret)
{
    ENSURE(t, answer->media_type != NULL && strcmp(answer->media_type, media_type) == 0, E_STATUS,
           "%s: Content-Type is %s, not %s", resource,
           answer->media_type == NULL ? "missing" : answer->media_type, media_type);
    ENSURE(t, bytes_from_base64(t->arena, answer->body, ret), E_STATUS, "%s: not base64", resource);
    return true;
}

static bool get(struct task *t, struct pledge *p, const char *resource, const char *media_type,
                struct response *ret)
{
    p->step = resource;
    const struct patient_call call = {
        .link = p->now.link,
        .request = {.method = "GET",
                    .path = arena_printf(t->arena, PATH_EST "%s", resource),
                    .accept = media_type},
        .action = arena_printf(t->arena, "GET %s", resource),
    };
    return pledge_call(t, p, &call, ret);
}

static bool get_cacerts(struct task *t, struct pledge *p)
{
    struct response answer;
    struct bytes der;
    TRY(get(t, p, "cacerts", certs_media_type, &answer));
    if (answer.status != 200)
        return pledge_status_failure(t, &answer, "GET cacerts");
    TRY(read_est_body(t, &answer, certs_media_type, "cacerts", &der));
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
        TRY(read_est_body(t, &answer, csrattrs_media_type, "csrattrs", &p->now.csrattrs));
    else if (answer.status != 204 && answer.status != 404)
        return pledge_status_failure(t, &answer, "GET csrattrs");
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
    unsigned handshakes = link_handshakes(p->now.link);
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
    p->step = "simpleenroll";
    const struct patient_call call = {
        .link = p->now.link,
        .request = {.method = "POST",
                    .path = PATH_EST "simpleenroll",
                    .media_type = csr_media_type,
                    .accept = certs_media_type},
        .action = "POST simpleenroll",
        .prepare = prepare_csr,
        .context = &enrolment,
    };
    TRY(csr_make_key(t, p, wishes));
    TRY(pledge_call(t, p, &call, &answer));
    if (answer.status != 200)
        return pledge_status_failure(t, &answer, call.action);
    TRY(read_est_body(t, &answer, certs_media_type, "simpleenroll", &der));
    TRY(cms_certs_only_read(t, der, &given));
    return issued_check(t, p, wishes, &given, &p->now.ldevid);
}

/*
 * RFC 8995 5.9.4: a new connection with the LDevID, to a server that only what cacerts gave can
 * vouch for; there it says that all is well.
 */
static bool confirm(struct task *t, struct pledge *p)
{
    const struct credentials ldevid = {
        .cert = p->now.ldevid,
        .chain = {.items = &p->now.ldevid, .count = 1},
        .key = p->now.key,
    };
    struct link_options options = {
        .place = journey_here(&p->now.journey),
        .trust = LINK_EST,
        .credentials = &ldevid,
    };
    struct link *link;
    p->step = "enrollstatus";
    TRY(est_anchors(t, p, &options.anchors));
    TRY(link_open(t, &p->world->link_maker, &options, &link));
    report_note(t, &p->line, p->step,
                arena_printf(t->arena, "%s with the LDevID; the server leads to cacerts",
                             link_tls_version(link)));
    bool told = pledge_tell_success(t, p, link, p->step);
    link_close(link);
    return told;
}

static bool enrol(struct task *t, struct pledge *p)
{
    struct csrattrs wishes;
    TRY(get_cacerts(t, p));
    TRY(get_csrattrs(t, p, &wishes));
    TRY(simpleenroll(t, p, &wishes));
    return confirm(t, p);
}

bool pledge_enrol(struct task *t, struct pledge *p)
{
    if (enrol(t, p)) {
        link_close(p->now.link);
        return true;
    }
    /* RFC 8995 5.9.4: a failure is told over the connection on which it happened. */
    pledge_tell_failure(t, p, "enrollstatus");
    link_close(p->now.link);
    return false;
}

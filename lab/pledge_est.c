/* EST's side of the pledge: the server that a voucher names, and how it is asked (RFC 7030). */
#include "lab/pledge_enrol.h"

#include "lab/problems.h"

#include <string.h>

#define BASE64_COLUMNS 64
#define REDIRECTS_MAX  5

bool pledge_meet_est_server(struct task *t, struct pledge *p)
{
    pledge_step(p, "est-server", ENCOUNTER_EST);
    if (!place_from_est_domain(t, p->now.est_domain, &p->now.est_place))
        return fail(t, E_VOUCHER_REFUSED, "voucher: est-domain: %s", t->detail);
    /*
     * brski-cloud 4.2: verified with pinned-domain-cert during the handshake, before anything is
     * said: a server that fails has seen no request of ours.
     */
    const struct link_options options = {
        .place = &p->now.est_place,
        .trust = LINK_PINNED,
        .pinned = p->now.pinned,
        .credentials = &p->idevid,
        .leash = p->leash,
    };
    TRY(link_open(t, &p->world->link_maker, &options, &p->now.est));
    report_note(t, &p->line, p->step,
                arena_printf(t->arena, "%s with %s, pinned by the voucher",
                             link_tls_version(p->now.est), p->now.est_place.authority));
    return true;
}

struct bytes est_body(struct task *t, struct bytes der)
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

bool est_answer_read(struct task *t, struct pledge *p, const struct response *answer,
                     const char *media_type, struct bytes *ret)
{
    p->status = answer->status;
    ENSURE(t, answer->media_type != NULL && strcmp(answer->media_type, media_type) == 0, E_STATUS,
           "%s: Content-Type is %s, not %s", p->step,
           answer->media_type == NULL ? "missing" : answer->media_type, media_type);
    ENSURE(t, bytes_from_base64(t->arena, answer->body, ret), E_STATUS, "%s: not base64", p->step);
    return true;
}

/* RFC 7030 3.2.1: a redirect is followed by itself only to the same server. */
static bool follow(struct task *t, const struct pledge *p, const struct response *answer,
                   struct link_request *request)
{
    struct place next;
    ENSURE(t, answer->location != NULL, E_REDIRECT, "%d without Location", answer->status);
    if (!place_from_location(t, &p->now.est_place, answer->location, &next))
        return fail(t, E_REDIRECT, "Location: %s", t->detail);
    ENSURE(t, place_same_origin(&next, &p->now.est_place), E_REDIRECT,
           "%d from the EST server to another one, %s", answer->status, next.authority);
    request->path = next.path;
    return true;
}

bool est_call(struct task *t, struct pledge *p, const char *resource, struct patient_call *call,
              struct response *ret)
{
    pledge_step(p, resource, ENCOUNTER_EST);
    call->link = p->now.est;
    call->request.path = arena_printf(t->arena, "%s/%s", p->now.est_place.path, resource);
    call->action = arena_printf(t->arena, "%s %s", call->request.method, resource);
    for (unsigned redirects = 0;; redirects++) {
        struct response answer;
        TRY(pledge_call(t, p, call, &answer));
        if (!journey_is_redirect(answer.status)) {
            *ret = answer;
            return true;
        }
        ENSURE(t, redirects < REDIRECTS_MAX, E_REDIRECT_LIMIT, "more than %d redirects of %s",
               REDIRECTS_MAX, resource);
        TRY(follow(t, p, &answer, &call->request));
    }
}

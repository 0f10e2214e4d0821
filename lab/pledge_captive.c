/* Whether the network is captive (RFC 8910, RFC 8908; draft-ietf-anima-brski-cloud 7.1). */
#include "lab/captive.h"
#include "lab/pledge.h"
#include "lab/problems.h"

#include <string.h>

/* The network has named its API; who we are is none of its business. */
static bool ask_api(struct task *t, struct pledge *p, struct captivity *ret)
{
    const struct pledge_world *world = p->world;
    const struct link_options options = {
        .place = &world->captive,
        .trust = LINK_VALIDATED,
        .anchors = world->portal.anchors,
        .leash = p->leash,
    };
    struct link *link;
    struct response answer;
    TRY(link_open(t, &world->direct, &options, &link));
    const struct link_request request = {
        .method = "GET", .path = world->captive.path, .accept = CAPTIVE_MEDIA_TYPE};
    TRY(link_call(t, link, &request, &answer));
    link_close(link);
    report_step(t, &p->line, p->step, "GET captive portal API", answer.status, NULL);
    ENSURE(t,
           answer.status == 200 && answer.media_type != NULL &&
               strcmp(answer.media_type, CAPTIVE_MEDIA_TYPE) == 0,
           E_STATUS, "%d with %s is no answer of the API", answer.status,
           answer.media_type == NULL ? "no media type" : answer.media_type);
    return captive_read(t, answer.body, ret);
}

bool pledge_check_network(struct task *t, struct pledge *p)
{
    struct captivity captivity;
    if (p->world->captive.host == NULL)
        return true;
    pledge_step(p, "network", ENCOUNTER_NOBODY);
    if (!ask_api(t, p, &captivity)) {
        /* The API helps to say why nothing works; that it is of no help stops nothing. */
        report_note(t, &p->line, p->step, t->detail);
        task_forgive(t);
        return true;
    }
    ENSURE(t, !captivity.captive, E_CAPTIVE, "the network wants somebody to log in%s%s",
           captivity.portal == NULL ? "" : " at ",
           captivity.portal == NULL ? "" : captivity.portal);
    return true;
}

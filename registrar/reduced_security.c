#include "registrar/reduced_security.h"

#include "core/base/log.h"
#include "core/store/records/event.h"
#include "core/store/records/reduction.h"

bool reduced_security_tell(struct task *t, struct store *store, bool unauthenticated)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct reduction_in_force *list;
    size_t count;
    TRY(view_open(t, store, &view));
    TRY(reductions_read(t, view, unauthenticated, &list, &count));
    for (size_t i = 0; i < count; i++)
        log_warning(t, "security is reduced", LOG_TEXT("reduction", reduction_names[list[i].which]),
                    LOG_TEXT("about", list[i].about),
                    LOG_TEXT("detail", reduction_texts[list[i].which]));
    return true;
}

bool reduced_security_note(struct task *t, struct tx *tx, const struct idevid *idevid,
                           const struct episode *e)
{
    struct event event;
    if (!idevid->unauthenticated)
        return true;
    record_init(t, &event_type, &event);
    event.name = "reduced-security";
    event.severity = EVENT_WARNING;
    event.actor = "gatehouse";
    event.device = e->device;
    event.episode = e->id;
    event.address = e->address;
    event.problem = E_IDEVID_UNPROVEN->name;
    event.detail = arena_printf(
        t->arena, "%s: %s; its certificate names %s as its issuer, and was not signed there",
        reduction_names[REDUCTION_UNAUTHENTICATED], reduction_texts[REDUCTION_UNAUTHENTICATED],
        cert_issuer(t, idevid->cert));
    return event_add(t, tx, &event);
}

#include "registrar/reduced_security.h"

#include "core/base/log.h"
#include "core/pledge/problems.h"
#include "core/store/records/event.h"

#include <string.h>

static bool is_name(const char *name)
{
    for (size_t i = 0; i < REDUCTION_COUNT; i++) {
        if (strcmp(reduction_names[i], name) == 0)
            return true;
    }
    return false;
}

bool reduced_security_check(struct task *t, const struct text_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->items[i];
        const char *owner = reduction_names[REDUCTION_UNVERIFIED];
        const char *what = !is_name(name)             ? "nothing that Gatehouse knows"
                           : strcmp(name, owner) == 0 ? "an admission rule's switch"
                                                      : "a manufacturer's switch";
        ENSURE(t, reduction_is_the_nodes(name), E_CONFIG,
               "reduced-security[%zu]: \"%s\" is %s; only %s stands here", i, name, what,
               reduction_names[REDUCTION_UNAUTHENTICATED]);
    }
    return true;
}

bool reduced_security_has(const struct text_list *names, enum reduction which)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i], reduction_names[which]) == 0)
            return true;
    }
    return false;
}

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

bool reduced_security_note(struct task *t, struct tx *tx, const struct episode *e,
                           enum reduction which, const char *detail)
{
    struct event event;
    record_init(t, &event_type, &event);
    event.name = "reduced-security";
    event.severity = EVENT_WARNING;
    event.actor = "gatehouse";
    event.device = e->device;
    event.episode = e->id;
    event.problem =
        which == REDUCTION_UNAUTHENTICATED ? E_IDEVID_UNPROVEN->name : E_REDUCED_SECURITY->name;
    event.detail = arena_printf(t->arena, "%s: %s; %s", reduction_names[which],
                                reduction_texts[which], detail);
    return event_add(t, tx, &event);
}

bool reduced_security_begin(struct task *t, struct tx *tx, const struct idevid *idevid,
                            const struct ground *ground, const struct episode *e)
{
    if (idevid->unauthenticated)
        TRY(reduced_security_note(
            t, tx, e, REDUCTION_UNAUTHENTICATED,
            arena_printf(t->arena,
                         "its certificate names %s as its issuer, and was not signed there",
                         cert_issuer(t, idevid->cert))));
    if (ground->kind != GROUND_RULE || !ground->rule.unverified)
        return true;
    return reduced_security_note(t, tx, e, REDUCTION_UNVERIFIED,
                                 arena_printf(t->arena, "rule %s", ground->rule.name));
}

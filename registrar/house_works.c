/*
 * What the registrar does on an administrator's word: the admin API asks, and knows no more; and
 * what it signs for EST.
 */
#include "registrar/house.h"

#include "core/pki/cms.h"
#include "registrar/cloud/agent.h"
#include "registrar/identity/change.h"

#include <string.h>

/* ---- Clouds ---- */

static bool wake_cloud(struct task *t, void *context, const char *name)
{
    const struct house *house = context;
    return cloud_agent_wake(t, &house->clouds, name);
}

static bool wake_clouds(struct task *t, void *context, const char *manufacturer)
{
    const struct house *house = context;
    return cloud_agent_wake_all(t, &house->clouds, manufacturer);
}

/* ---- Our certificates ---- */

static enum identity_role role_of(const struct identity_set *set, size_t at)
{
    if (at == 0)
        return IDENTITY_CURRENT;
    return at == 1 && set->staged ? IDENTITY_STAGED : IDENTITY_EARLIER;
}

static bool describe(struct task *t, const struct identity_set *set, size_t at,
                     struct identity_line *ret)
{
    const struct registrar_identity *identity = &set->items[at];
    *ret = (struct identity_line){
        .role = role_of(set, at),
        .sha256 = identity->sha256,
        .subject = cert_subject(t, identity->cert),
        .not_before = cert_not_before(identity->cert),
        .not_after = cert_not_after(identity->cert),
        .key_label = identity->key_label,
        .shown = identity_is_visible(t, set, identity),
    };
    return cert_alt_names(t, identity->cert, &ret->names);
}

static bool look(struct task *t, void *context, struct identity_report *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    const struct house *house = context;
    const struct identity_set *set = identities_now(house->identities);
    struct identity_line *lines = arena_array(t->arena, set->count, sizeof(*lines));
    for (size_t i = 0; i < set->count; i++)
        TRY(describe(t, set, i, &lines[i]));
    TRY(view_open(t, house->store, &view));
    TRY(identity_obstacles(t, view, set, &ret->obstacles));
    ret->certificates = (struct record_list){lines, set->count};
    return true;
}

static bool change(struct task *t, struct house *house, const struct identity_action *action,
                   const char *actor)
{
    const struct cert *made;
    const struct identity_switch change = {actor, action->override};
    const struct identity_plan plan = {
        .new_key = action->new_key,
        .hosts = action->names,
        .validity = action->validity,
        .actor = actor,
    };
    if (strcmp(action->action, "renew") == 0)
        return identity_stage(t, house->store, house->keys, &plan, &made);
    if (strcmp(action->action, "take-back") == 0)
        return identity_unstage(t, house->store, actor);
    return identity_switch(t, house->store, &change);
}

/* Devices are shown what is right from here on, and clouds learn of it. */
static bool act(struct task *t, void *context, const struct identity_action *action,
                const char *actor)
{
    struct house *house = context;
    TRY(change(t, house, action, actor));
    return house_refresh_identities(t, house);
}

bool house_refresh_identities(struct task *t, struct house *house)
{
    TRY(identities_refresh(t, house->identities));
    TRY(house_show_identities(t, house));
    return cloud_agent_wake_all(t, &house->clouds, NULL);
}

/* ---- Answers of Full CMC ---- */

bool house_sign(struct task *t, void *context, struct bytes content, const char *content_type,
                const struct cert_list *certs, struct bytes *ret)
{
    const struct house *house = context;
    const struct registrar_identity *we = identity_current(house->identities);
    const struct cert **all =
        arena_array(t->arena, certs->count + we->tls_chain.count, sizeof(struct cert *));
    struct cert_list list = {all, 0};
    for (size_t i = 0; i < certs->count; i++)
        all[list.count++] = certs->items[i];
    for (size_t i = 0; i < we->tls_chain.count; i++)
        all[list.count++] = we->tls_chain.items[i];
    return cms_sign(t, content, content_type, we->cert, we->key, &list, ret);
}

const struct api_works house_works = {
    .cloud_wake = wake_cloud,
    .clouds_wake = wake_clouds,
    .identity_look = look,
    .identity_act = act,
};

const struct problem_status house_works_statuses[] = {
    {E_PIN_AT_STAKE, 409},
    {E_NOTHING_STAGED, 409},
    {NULL, 0},
};

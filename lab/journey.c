#include "lab/journey.h"

#include "lab/problems.h"

#include <string.h>

/* RFC 8995 5.6: redirects that say less than 307 lead to another server once at most. */
#define OTHER_ORIGINS_MAX 1

void journey_begin(struct task *t, const struct place *start, unsigned limit, struct journey *ret)
{
    /* Room for the start and every redirect. */
    struct place *visited = arena_array(t->arena, (size_t)limit + 1, sizeof(*visited));
    visited[0] = *start;
    *ret = (struct journey){.visited = visited, .count = 1, .limit = limit};
}

const struct place *journey_here(const struct journey *journey)
{
    return &journey->visited[journey->count - 1];
}

bool journey_is_redirect(int status)
{
    return status == 301 || status == 302 || status == 307 || status == 308;
}

/* brski-cloud 3.3.1: a pledge never goes back to a place where it has been. */
static bool has_been_at(const struct journey *journey, const struct place *place)
{
    for (size_t i = 0; i < journey->count; i++) {
        if (place_equal(&journey->visited[i], place))
            return true;
    }
    return false;
}

bool journey_follow(struct task *t, struct journey *journey, const struct redirect *redirect)
{
    struct place next;
    unsigned other_origins = journey->other_origins;
    ENSURE(t, redirect->location != NULL, E_REDIRECT, "%d without Location", redirect->status);
    /* brski-cloud 3.3.1: no 307 is accepted over a TLS connection that is only provisional. */
    ENSURE(t, redirect->status != 307 || redirect->from_validated, E_REDIRECT_PROVISIONAL,
           "307 from %s, which is not validated with the implicit anchors",
           journey_here(journey)->url);
    /* brski-cloud 3.3.1: the number of redirects has a limit. */
    ENSURE(t, journey->count <= journey->limit, E_REDIRECT_LIMIT, "more than %u redirects",
           journey->limit);
    if (!place_from_location(t, journey_here(journey), redirect->location, &next))
        return fail(t, E_REDIRECT, "Location: %s", t->detail);
    ENSURE(t, !has_been_at(journey, &next), E_REDIRECT_LOOP, "%s: has been visited before",
           next.url);
    if (redirect->status != 307 && !place_same_origin(journey_here(journey), &next))
        other_origins++;
    ENSURE(t, other_origins <= OTHER_ORIGINS_MAX, E_REDIRECT,
           "%d to another server for the second time", redirect->status);
    journey->visited[journey->count++] = next;
    journey->other_origins = other_origins;
    return true;
}

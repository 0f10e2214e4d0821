#include "registrar/onboarding.h"

bool onboarding_open(struct task *t, struct reader *r, struct bytes id, struct episode *ret)
{
    struct episode e;
    TRY(table_get(t, r, &episodes, id, &e));
    ENSURE(t, e.closed == 0, E_REQUEST_STALE, "its onboarding was closed: %s",
           e.closed_because == NULL ? "no reason kept" : e.closed_because);
    *ret = e;
    return true;
}

/* The address stands for the place in the connection. */
static const char place;

void onboarding_remember(struct http_connection *connection, struct bytes episode)
{
    struct arena *arena = http_connection_arena(connection);
    struct bytes *kept = arena_alloc(arena, sizeof(*kept));
    *kept = bytes_copy(arena, episode);
    *http_connection_slot(connection, &place) = kept;
}

struct bytes onboarding_remembered(struct http_connection *connection)
{
    const struct bytes *kept = *http_connection_slot(connection, &place);
    return kept == NULL ? BYTES_ABSENT : *kept;
}

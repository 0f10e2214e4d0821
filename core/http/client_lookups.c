#include "core/http/client_private.h"

#include "core/base/clock.h"

#include <string.h>

/* RFC 4343: names that differ in case alone are one. */
static struct bytes identify(struct arena *arena, const char *host)
{
    return bytes_sha256(arena, bytes_of_text(text_to_lower(arena, host)));
}

/* A free place and how many lookups of this host have stalled, with the lock held. */
static struct lookup *survey(struct http_client *client, struct bytes host, unsigned *ret_stalled)
{
    struct lookup *place = NULL;
    int64_t now = clock_monotonic();
    *ret_stalled = 0;
    for (size_t i = 0; i < LOOKUPS_MAX; i++) {
        struct lookup *lookup = &client->lookups[i];
        if (lookup->until <= now)
            place = lookup;
        else if (lookup->until < INT64_MAX && memcmp(lookup->host, host.data, host.len) == 0)
            ++*ret_stalled;
    }
    return place;
}

bool lookup_begin(struct task *t, struct http_client *client, const char *host, struct lookup **ret)
{
    struct bytes id = identify(t->arena, host);
    unsigned stalled = 0;
    (void)pthread_mutex_lock(&client->lock);
    struct lookup *lookup = survey(client, id, &stalled);
    bool begun = lookup != NULL && stalled < LOOKUPS_STALLED_PER_HOST;
    if (begun) {
        memcpy(lookup->host, id.data, sizeof(lookup->host));
        lookup->until = INT64_MAX;
    }
    (void)pthread_mutex_unlock(&client->lock);
    ENSURE(t, stalled < LOOKUPS_STALLED_PER_HOST, E_PEER_UNRESOLVED,
           "%u lookups of this name have not ended: it is not looked up again for a while",
           stalled);
    ENSURE(t, begun, E_RESOLVER_BUSY,
           "%d name lookups have not ended: no more are begun for a while", LOOKUPS_MAX);
    *ret = lookup;
    return true;
}

void lookup_end(struct http_client *client, struct lookup *lookup, bool stalled)
{
    if (lookup == NULL)
        return;
    (void)pthread_mutex_lock(&client->lock);
    lookup->until = stalled ? clock_monotonic() + LOOKUP_LIFE_MS : 0;
    (void)pthread_mutex_unlock(&client->lock);
}

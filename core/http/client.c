#include "core/http/client.h"

#include "core/base/cbor.h"
#include "core/base/clock.h"
#include "core/http/client_private.h"

#include <string.h>

#include <curl/curl.h>

static struct text_list copy_texts(struct arena *arena, const struct text_list *texts)
{
    struct text_list copy = {arena_array(arena, texts->count, sizeof(*copy.items)), texts->count};
    for (size_t i = 0; i < texts->count; i++)
        copy.items[i] = arena_strdup(arena, texts->items[i]);
    return copy;
}

static const char *copy_text(struct arena *arena, const char *text)
{
    return text == NULL ? NULL : arena_strdup(arena, text);
}

static struct http_proxy copy_proxy(struct arena *arena, const struct http_proxy *proxy)
{
    return (struct http_proxy){copy_text(arena, proxy->url), copy_text(arena, proxy->user),
                               copy_text(arena, proxy->password)};
}

static bool fill(struct task *t, struct http_client *client)
{
    const struct http_client_options *options = &client->options;
    for (size_t i = 0; i < options->resolve.count; i++) {
        struct curl_slist *longer = curl_slist_append(client->resolve, options->resolve.items[i]);
        ENSURE(t, longer != NULL, E_INTERNAL, "out of memory");
        client->resolve = longer;
    }
    return true;
}

bool http_client_make(struct task *t, const struct http_client_options *options,
                      struct http_client **ret)
{
    ENSURE(t, curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, E_INTERNAL,
           "libcurl does not start");
    const char *tls = curl_version_info(CURLVERSION_NOW)->ssl_version;
    if (tls == NULL || strncmp(tls, "OpenSSL/", strlen("OpenSSL/")) != 0) {
        curl_global_cleanup();
        return fail(t, E_INTERNAL, "libcurl is of the flavour %s, and must be OpenSSL",
                    tls == NULL ? "without TLS" : tls);
    }
    struct arena *arena = arena_create();
    struct http_client *client = arena_alloc(arena, sizeof(*client));
    client->arena = arena;
    client->options = *options;
    client->options.resolve = copy_texts(arena, &options->resolve);
    client->options.proxy = copy_proxy(arena, &options->proxy);
    client->kept = arena_array(arena, options->idle_connections, sizeof(*client->kept));
    (void)pthread_mutex_init(&client->lock, NULL);
    if (!fill(t, client)) {
        http_client_free(client);
        return false;
    }
    *ret = client;
    return true;
}

void http_client_free(struct http_client *client)
{
    if (client == NULL)
        return;
    for (unsigned i = 0; i < client->options.idle_connections; i++)
        curl_easy_cleanup(client->kept[i].easy);
    curl_slist_free_all(client->resolve);
    (void)pthread_mutex_destroy(&client->lock);
    arena_destroy(client->arena);
    curl_global_cleanup();
}

static void write_list(struct cbor_writer *w, const struct bytes_list *list)
{
    cbor_write_array(w, list->count);
    for (size_t i = 0; i < list->count; i++)
        cbor_write_octets(w, list->items[i]);
}

static void write_text(struct cbor_writer *w, const char *text)
{
    cbor_write_text(w, text == NULL ? "" : text);
}

static void write_secrets(struct cbor_writer *w, const struct call *call)
{
    const struct http_target *target = call->what->target;
    cbor_write_uint(w, target->login);
    write_text(w, target->user);
    write_text(w, target->password);
    cbor_write_bool(w, call->proxy != NULL);
    if (call->proxy == NULL)
        return;
    write_text(w, call->proxy->url);
    write_text(w, call->proxy->user);
    write_text(w, call->proxy->password);
}

/*
 * A connection serves again only who would have opened the same: one place, one idea of whom to
 * trust, one certificate of ours, one way there.  Written as CBOR so that no two lists look alike.
 */
static struct bytes key_of(struct task *t, const struct call *call)
{
    const struct origin *origin = &call->origin;
    const struct http_target *target = call->what->target;
    struct cbor_writer w = cbor_writer_make(t->arena);
    cbor_write_bool(&w, origin->secure);
    cbor_write_text(&w, origin->host);
    cbor_write_text(&w, origin->port);
    cbor_write_text(&w, target->unix_socket == NULL ? "" : target->unix_socket);
    write_list(&w, &target->anchors);
    write_list(&w, &target->chain);
    cbor_write_array(&w, target->networks.count);
    for (size_t i = 0; i < target->networks.count; i++)
        cbor_write_text(&w, target->networks.items[i]);
    cbor_write_bool(&w, target->system_anchors);
    write_secrets(&w, call);
    return bytes_sha256(t->arena, cbor_written(&w));
}

/* Moves handles that were idle for too long to `ret`, to be closed without the lock. */
static size_t expire(struct http_client *client, void **ret)
{
    size_t count = 0;
    int64_t now = clock_monotonic();
    for (unsigned i = 0; i < client->options.idle_connections; i++) {
        struct kept *kept = &client->kept[i];
        if (kept->easy != NULL && now - kept->since >= client->options.idle) {
            ret[count++] = kept->easy;
            kept->easy = NULL;
        }
    }
    return count;
}

/* The handle of that key that was used last; NULL: none. */
static void *take_kept(struct http_client *client, struct bytes key)
{
    struct kept *latest = NULL;
    for (unsigned i = 0; i < client->options.idle_connections; i++) {
        struct kept *kept = &client->kept[i];
        if (kept->easy != NULL && memcmp(kept->key, key.data, sizeof(kept->key)) == 0 &&
            (latest == NULL || kept->since > latest->since))
            latest = kept;
    }
    if (latest == NULL)
        return NULL;
    void *easy = latest->easy;
    latest->easy = NULL;
    return easy;
}

static bool take(struct task *t, struct http_client *client, struct bytes key, void **ret)
{
    void **expired = arena_array(t->arena, client->options.idle_connections, sizeof(*expired));
    (void)pthread_mutex_lock(&client->lock);
    size_t count = expire(client, expired);
    void *easy = take_kept(client, key);
    (void)pthread_mutex_unlock(&client->lock);
    for (size_t i = 0; i < count; i++)
        curl_easy_cleanup(expired[i]);
    if (easy == NULL)
        easy = curl_easy_init();
    ENSURE(t, easy != NULL, E_INTERNAL, "libcurl gives no handle");
    *ret = easy;
    return true;
}

/* A free place, or that of the handle that was idle for longest. */
static struct kept *place_for(struct http_client *client)
{
    struct kept *place = &client->kept[0];
    for (unsigned i = 0; i < client->options.idle_connections; i++) {
        struct kept *kept = &client->kept[i];
        if (kept->easy == NULL)
            return kept;
        if (kept->since < place->since)
            place = kept;
    }
    return place;
}

static void keep(struct http_client *client, struct bytes key, void *easy)
{
    void *displaced = easy;
    if (client->options.idle_connections > 0) {
        (void)pthread_mutex_lock(&client->lock);
        struct kept *place = place_for(client);
        displaced = place->easy;
        place->easy = easy;
        place->since = clock_monotonic();
        memcpy(place->key, key.data, sizeof(place->key));
        (void)pthread_mutex_unlock(&client->lock);
    }
    curl_easy_cleanup(displaced);
}

bool http_client_call(struct task *t, struct http_client *client, const struct http_call *call,
                      struct http_answer *ret)
{
    struct call at_hand = {.task = t, .client = client, .what = call};
    void *easy = NULL;
    TRY(origin_of(t, call, &at_hand.origin));
    TRY(proxy_choose(&at_hand));
    struct bytes key = key_of(t, &at_hand);
    TRY(take(t, client, key, &easy));
    if (!call_perform(&at_hand, easy, ret)) {
        curl_easy_cleanup(easy); /* whatever state it is in */
        return false;
    }
    keep(client, key, easy);
    return true;
}

#include "core/http/server_private.h"

#include "core/base/clock.h"
#include "core/http/fields.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include <microhttpd.h>

/* How many fields the server itself makes at most. */
#define OWN_FIELDS 8
/* Octets of all fields: they share libmicrohttpd's memory with the request's header. */
#define FIELDS_MAX 4096UL

/* A handler has but the members of its reply for these, or no say at all. */
static const char *const reserved[] = {
    "Allow",          "Cache-Control", "Connection",
    "Content-Length", "Content-Type",  "Content-Transfer-Encoding",
    "Date",           "Keep-Alive",    "Location",
    "Retry-After",    "Trailer",       "Transfer-Encoding",
    "Upgrade",
};

static bool is_reserved(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
        if (strcasecmp(reserved[i], name) == 0)
            return true;
    }
    return false;
}

static void add(struct reply_fields *fields, const char *name, const char *value)
{
    if (value != NULL)
        fields->items[fields->count++] = (struct http_header){name, value};
}

/* `number` behind `prefix`; nothing when it is 0. */
static void add_number(struct exchange *x, struct reply_fields *fields, const char *name,
                       const char *prefix, int number)
{
    if (number > 0)
        add(fields, name, arena_printf(x->arena, "%s%d", prefix, number));
}

static void add_own(struct exchange *x, struct reply_fields *fields)
{
    const struct http_reply *reply = &x->reply;
    const struct http_server *server = x->connection->server;
    int retry_after = reply->retry_after;
    if (retry_after == 0 && reply->status == MHD_HTTP_SERVICE_UNAVAILABLE)
        retry_after = server->limits.retry_after;
    bool close = reply->close || x->connection->close || atomic_load(&server->stopping);
    add(fields, "Content-Type", reply->media_type);
    add(fields, "Cache-Control", reply->max_age > 0 ? NULL : "no-store");
    add_number(x, fields, "Cache-Control", "max-age=", reply->max_age);
    add_number(x, fields, "Retry-After", "", retry_after);
    add(fields, "Location", reply->location);
    add(fields, "Allow", x->route_allow);
    add(fields, "Content-Transfer-Encoding", reply->base64_transfer ? "base64" : NULL);
    add(fields, "Connection", close ? "close" : NULL);
}

/* A line break would let whoever chose the value write fields, or a reply, of their own. */
static bool check(struct task *t, const struct reply_fields *fields)
{
    size_t octets = 0;
    for (size_t i = 0; i < fields->count; i++) {
        const struct http_header *field = &fields->items[i];
        ENSURE(t, field_name_is_valid(field->name), E_INTERNAL,
               "the reply has a header field that is no token");
        ENSURE(t, field->value != NULL && field_value_is_valid(field->value), E_INTERNAL,
               "the reply's header field %s cannot be sent", field->name);
        octets += strlen(field->name) + strlen(field->value);
    }
    ENSURE(t, octets <= FIELDS_MAX, E_INTERNAL, "the reply has header fields of %zu octets",
           octets);
    return true;
}

bool reply_gather(struct exchange *x)
{
    struct task *t = &x->task;
    const struct http_header *further = x->reply.headers;
    size_t count = 0;
    while (further != NULL && further[count].name != NULL) {
        ENSURE(t, !is_reserved(further[count].name), E_INTERNAL,
               "the header field %s is not a handler's to make", further[count].name);
        count++;
    }
    struct reply_fields fields = {
        .items = arena_array(x->arena, OWN_FIELDS + count, sizeof(*fields.items)),
    };
    add_own(x, &fields);
    for (size_t i = 0; i < count; i++)
        fields.items[fields.count++] = further[i];
    TRY(check(t, &fields));
    x->fields = fields;
    return true;
}

unsigned reply_status(const struct exchange *x)
{
    return x->reply.status == 0 ? MHD_HTTP_OK : (unsigned)x->reply.status;
}

static struct bytes body_of(const struct http_reply *reply)
{
    return reply->media_type == NULL ? BYTES_ABSENT : reply->body;
}

struct MHD_Response *reply_build(const struct exchange *x)
{
    struct bytes body = body_of(&x->reply);
    /* The exchange's arena outlives the sending: see exchange_end(). */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body.len, (void *)body.data, MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return NULL;
    for (size_t i = 0; i < x->fields.count; i++) {
        const struct http_header *field = &x->fields.items[i];
        if (MHD_add_response_header(response, field->name, field->value) == MHD_YES)
            continue;
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}

/* RFC 9110 5.6.7: the same in every locale. */
static const char *date_now(struct arena *arena)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = (time_t)(clock_wall() / SECOND_MS);
    struct tm tm = {0};
    (void)gmtime_r(&now, &tm);
    return arena_printf(arena, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday,
                        months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

struct bytes reply_write(const struct exchange *x)
{
    struct arena *arena = x->arena;
    const struct bytes body = body_of(&x->reply);
    const unsigned status = reply_status(x);
    const char *text =
        arena_printf(arena, "HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Length: %zu\r\n", status,
                     MHD_get_reason_phrase_for(status), date_now(arena), body.len);
    for (size_t i = 0; i < x->fields.count; i++)
        text = arena_printf(arena, "%s%s: %s\r\n", text, x->fields.items[i].name,
                            x->fields.items[i].value);
    const struct bytes parts[] = {bytes_of_text(text), BYTES_LITERAL("\r\n"), body};
    return bytes_concat(arena, parts, ARRAY_SIZE(parts));
}

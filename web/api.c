#include "web/api.h"

#include "web/api_internal.h"
#include "web/import.h"

#include <pwd.h>
#include <string.h>

#define BODY_MAX    (1024UL * 1024)
#define WORD_MAX    1024                 /* octets of a word on what the path names */
#define ACTION_MAX  4096                 /* the same with a reason */
#define CRLS_MAX    (24UL * 1024 * 1024) /* base64 of 16 MiB */
#define RULE_MAX    (16UL * 1024)
#define QUOTE_MAX   128           /* octets of a foreign word in a detail */
#define USER_BUFFER (64UL * 1024) /* octets: a line of the user database */

/* ---- Routes ---- */

static const char *const json_only[] = {"application/json", NULL};
static const char *const csv_only[] = {"text/csv", NULL}; /* RFC 7111 */

/* Where http_default_status() would say something else. */
static const struct problem_status statuses[] = {
    {E_AMBIGUOUS, 409},
    {E_IN_USE, 409},
    {E_LOG_CHANGED, 409},
    {E_CLOUD_REGISTERED, 409},
    {E_STORE_CLOSING, 503},
    {E_STORE_FULL, 507},
    {NULL, 0},
};

#define READ(path_, handler_)                                                                      \
    {                                                                                              \
        .method = "GET", .path = (path_), .handler = (handler_), .statuses = statuses,             \
        .style = HTTP_STYLE_PROBLEM                                                                \
    }
#define WRITE(method_, path_, limit_, handler_)                                                    \
    {                                                                                              \
        .method = (method_), .path = (path_), .media_types = json_only, .body_limit = (limit_),    \
        .handler = (handler_), .statuses = statuses, .style = HTTP_STYLE_PROBLEM                   \
    }
#define REMOVE(path_, handler_)                                                                    \
    {                                                                                              \
        .method = "DELETE", .path = (path_), .handler = (handler_), .statuses = statuses,          \
        .style = HTTP_STYLE_PROBLEM                                                                \
    }

static const struct http_route routes[] = {
    READ("/v1/admission-rules", api_admission_rules),
    WRITE("POST", "/v1/admission-rules", RULE_MAX, api_admission_rule_add),
    READ("/v1/admission-rules/{}", api_admission_rule),
    REMOVE("/v1/admission-rules/{}", api_admission_rule_remove),
    READ("/v1/authorities", api_authorities),
    READ("/v1/configurations", api_configurations),
    WRITE("POST", "/v1/configurations", BODY_MAX, api_configuration_set),
    READ("/v1/configurations/{}", api_configuration),
    REMOVE("/v1/configurations/{}", api_configuration_remove),
    WRITE("POST", "/v1/authorities/{}", WORD_MAX, api_authority_act),
    READ("/v1/certificates", api_certificates),
    READ("/v1/certificates/{}", api_certificate),
    WRITE("POST", "/v1/certificates/{}", WORD_MAX, api_certificate_act),
    READ("/v1/crls", api_crls),
    READ("/v1/crls/{}", api_crl),
    {
        .method = "POST",
        .path = "/v1/device-imports",
        .media_types = csv_only,
        .body_limit = IMPORT_SIZE_MAX,
        .handler = api_device_import,
        .statuses = statuses,
        .style = HTTP_STYLE_PROBLEM,
    },
    READ("/v1/clouds", api_clouds),
    WRITE("POST", "/v1/clouds", BODY_MAX, api_cloud_add),
    READ("/v1/clouds/{}", api_cloud),
    WRITE("PUT", "/v1/clouds/{}", BODY_MAX, api_cloud_set),
    WRITE("POST", "/v1/clouds/{}", WORD_MAX, api_cloud_act),
    REMOVE("/v1/clouds/{}", api_cloud_remove),
    READ("/v1/csrattrs", api_csrattrs),
    WRITE("POST", "/v1/csrattrs", BODY_MAX, api_csrattrs_try),
    READ("/v1/devices", api_devices),
    WRITE("POST", "/v1/devices", BODY_MAX, api_devices_expect),
    READ("/v1/devices/{}", api_device),
    WRITE("POST", "/v1/devices/{}", ACTION_MAX, api_device_act),
    READ("/v1/devices/{}/log", api_device_log),
    WRITE("POST", "/v1/devices/{}/log", WORD_MAX, api_device_log_act),
    READ("/v1/labels", api_labels),
    WRITE("POST", "/v1/labels", BODY_MAX, api_label_add),
    READ("/v1/labels/{}", api_label),
    WRITE("PUT", "/v1/labels/{}", BODY_MAX, api_label_set),
    REMOVE("/v1/labels/{}", api_label_remove),
    READ("/v1/identity", api_identity),
    WRITE("POST", "/v1/identity", BODY_MAX, api_identity_act),
    READ("/v1/manufacturers", api_manufacturers),
    WRITE("POST", "/v1/manufacturers", BODY_MAX, api_manufacturer_add),
    READ("/v1/manufacturers/{}", api_manufacturer),
    WRITE("PUT", "/v1/manufacturers/{}", BODY_MAX, api_manufacturer_set),
    REMOVE("/v1/manufacturers/{}", api_manufacturer_remove),
    WRITE("PUT", "/v1/manufacturers/{}/idevid-crls", CRLS_MAX, api_manufacturer_crls),
    READ("/v1/orders", api_orders),
    READ("/v1/orders/{}", api_order),
    WRITE("POST", "/v1/orders/{}", WORD_MAX, api_order_decide),
    READ("/v1/profiles", api_profiles),
    WRITE("POST", "/v1/profiles", BODY_MAX, api_profile_add),
    READ("/v1/profiles/{}", api_profile),
    WRITE("PUT", "/v1/profiles/{}", BODY_MAX, api_profile_set),
    REMOVE("/v1/profiles/{}", api_profile_remove),
    READ("/v1/secrets", api_secrets),
    WRITE("POST", "/v1/secrets", BODY_MAX, api_secret_add),
    READ("/v1/secrets/{}", api_secret),
    REMOVE("/v1/secrets/{}", api_secret_remove),
    READ("/v1/status", api_status),
    READ("/v1/strangers", api_strangers),
    READ("/v1/vouchers", api_vouchers),
    WRITE("POST", "/v1/vouchers", BODY_MAX, api_voucher_fetch),
    READ("/v1/vouchers/{}", api_voucher),
    REMOVE("/v1/vouchers/{}", api_voucher_remove),
    {.method = NULL},
};

/* Our own statuses, and those of what the registrar does for us. */
static const struct problem_status *all_statuses(struct task *t, const struct api *api)
{
    size_t own = ARRAY_SIZE(statuses) - 1;
    size_t more = 0;
    while (api->works_statuses != NULL && api->works_statuses[more].kind != NULL)
        more++;
    struct problem_status *all = arena_array(t->arena, own + more + 1, sizeof(*all));
    memcpy(all, statuses, own * sizeof(*all));
    for (size_t i = 0; i < more; i++)
        all[own + i] = api->works_statuses[i];
    return all;
}

const struct http_route *api_routes(struct task *t, const struct api *api)
{
    const struct problem_status *all = all_statuses(t, api);
    struct http_route *made = arena_array(t->arena, ARRAY_SIZE(routes), sizeof(*made));
    memcpy(made, routes, sizeof(routes));
    for (struct http_route *route = made; route->method != NULL; route++) {
        route->context = (void *)api;
        route->statuses = all;
    }
    return made;
}

/* ---- Requests ---- */

const struct api *api_of(const struct http_request *rq)
{
    return rq->context;
}

const char *api_actor(struct task *t, struct http_request *rq)
{
    uid_t user = http_connection_user(rq->connection);
    char *buffer = arena_alloc(t->arena, USER_BUFFER);
    struct passwd entry;
    struct passwd *found = NULL;
    if (getpwuid_r(user, &entry, buffer, USER_BUFFER, &found) != 0 || found == NULL)
        return arena_printf(t->arena, "admin:%lu", (unsigned long)user);
    return arena_printf(t->arena, "admin:%s", found->pw_name);
}

bool api_number(struct task *t, const struct http_request *rq, const char *name, uint64_t least,
                uint64_t most, uint64_t otherwise, uint64_t *ret)
{
    const char *text = http_query(t, rq, name);
    if (text == NULL) {
        *ret = otherwise;
        return true;
    }
    uint64_t number = 0;
    bool digits = *text != '\0';
    for (const char *c = text; *c != '\0' && digits; c++) {
        digits = *c >= '0' && *c <= '9' && number <= most;
        number = number * 10 + (uint64_t)(*c - '0');
    }
    ENSURE(t, digits && number >= least && number <= most, E_INVALID,
           "%s: must be a number from %llu to %llu", name, (unsigned long long)least,
           (unsigned long long)most);
    *ret = number;
    return true;
}

bool api_choice(struct task *t, const char *name, const char *text, const char *const *names,
                unsigned *ret)
{
    const char *choices = "";
    for (unsigned i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], text) == 0) {
            *ret = i;
            return true;
        }
        choices = arena_printf(t->arena, "%s%s%s", choices, i == 0 ? "" : ", ", names[i]);
    }
    return fail(t, E_INVALID, "%s: must be one of %s", name, choices);
}

const char *api_quote(struct task *t, const char *text)
{
    return bytes_to_printable(t->arena, bytes_of_text(text), QUOTE_MAX);
}

bool api_read_record(struct task *t, const struct http_request *rq, const struct record_type *type,
                     void *ret)
{
    json_t *json;
    TRY(json_parse(t, rq->body, &json));
    record_init(t, type, ret);
    return record_from_json(t, type, json, ret);
}

bool api_same_name(struct task *t, const struct http_request *rq, const char *name)
{
    ENSURE(t, strcmp(name, rq->parameter) == 0, E_INVALID,
           "name: is %s and cannot be changed to %s", api_quote(t, rq->parameter),
           api_quote(t, name));
    return true;
}

/* ---- Replies ---- */

bool api_reply(struct task *t, struct http_reply *reply, int status, json_t *value)
{
    TRY(json_write(t, value, &reply->body));
    reply->status = status;
    reply->media_type = "application/json";
    return true;
}

bool api_reply_made(struct task *t, struct http_reply *reply, const char *location, json_t *value)
{
    TRY(api_reply(t, reply, 201, value));
    reply->location = location;
    return true;
}

bool api_reply_stored(struct task *t, const struct http_request *rq, struct http_reply *reply,
                      const struct table *table)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    void *record = arena_alloc(t->arena, table->type->size);
    json_t *json;
    TRY(view_open(t, api_of(rq)->store, &view));
    TRY(table_get(t, view_reader(view), table, bytes_of_text(rq->parameter), record));
    TRY(record_to_json(t, table->type, record, &json));
    return api_reply(t, reply, 200, json);
}

bool api_set_record(struct task *t, json_t *object, const char *name,
                    const struct record_type *type, const void *record)
{
    json_t *json;
    TRY(record_to_json(t, type, record, &json));
    (void)json_object_set(object, name, json);
    return true;
}

bool api_append_record(struct task *t, json_t *array, const struct record_type *type,
                       const void *record)
{
    json_t *json;
    TRY(record_to_json(t, type, record, &json));
    (void)json_array_append(array, json);
    return true;
}

void api_set_hint(const struct api *api, json_t *object, const char *problem)
{
    if (problem == NULL)
        return;
    const struct problem_kind *kind = problem_find(api->problems, problem);
    if (kind != NULL)
        (void)json_object_set_new(object, "hint", json_string(kind->hint));
}

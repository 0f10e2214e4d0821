/* The owner's own certificates, their revocation lists, and the roll-over of a CA. */
#include "core/store/records/authority.h"
#include "core/store/records/crl.h"
#include "core/store/records/event.h"
#include "core/store/records/setting.h"
#include "web/api_internal.h"
#include "web/views.h"

#include <string.h>

bool api_authorities(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return page_of_table(t, rq, reply, &authorities);
}

/* ---- POST authorities/{} ---- */

struct wish {
    const char *name;
    const char *actor;
    struct authority authority;
};

/*
 * The daemon's thread for certificate status has the keys: it finds the wish in the store, also
 * after a restart, and takes it down when it is fulfilled.
 */
static bool wish_rollover(struct task *t, struct tx *tx, void *arg)
{
    struct wish *wish = arg;
    struct setting setting;
    /* The root's anchor is in devices, and vouchers pin the registrar CA: another matter. */
    ENSURE(t, strcmp(wish->name, AUTHORITY_DEVICE_CA) == 0, E_INVALID, "only %s can be rolled over",
           AUTHORITY_DEVICE_CA);
    TRY(table_get(t, tx_reader(tx), &authorities, bytes_of_text(wish->name), &wish->authority));
    record_init(t, &setting_type, &setting);
    setting.name = arena_printf(t->arena, SETTING_ROLLOVER "%s", wish->name);
    setting.text = wish->actor;
    const struct event event = {
        .name = "ca-rollover-asked",
        .severity = EVENT_INFO,
        .actor = wish->actor,
        .detail = wish->name,
    };
    TRY(table_put(t, tx, &settings, &setting));
    return event_add(t, tx, &event);
}

bool api_authority_act(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    static const char *const actions[] = {"rollover", NULL};
    struct wish wish = {.name = rq->parameter, .actor = api_actor(t, rq)};
    struct authority_action action;
    unsigned which;
    json_t *json;
    TRY(api_read_record(t, rq, &authority_action_type, &action));
    TRY(api_choice(t, "action", action.action, actions, &which));
    TRY(store_update(t, api_of(rq)->store, wish_rollover, &wish));
    TRY(record_to_json(t, &authority_type, &wish.authority, &json));
    return api_reply(t, reply, 202, json);
}

/* ---- GET crls ---- */

bool api_crls(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return page_of_table(t, rq, reply, &crls);
}

/* The list itself too: for those who publish it elsewhere. */
bool api_crl(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    struct crl crl;
    struct bytes key;
    struct bytes der;
    json_t *json;
    ENSURE(t, bytes_from_hex(t->arena, rq->parameter, &key) && key.len == SHA256_LEN, E_INVALID,
           "a list is named by the %d hexadecimal digits of its issuer-key-sha256", 2 * SHA256_LEN);
    TRY(view_open(t, api_of(rq)->store, &view));
    TRY(table_get(t, view_reader(view), &crls, key, &crl));
    TRY(blob_get(t, view_reader(view), &crls, key, CRL_BLOB_DER, &der));
    TRY(record_to_json(t, &crl_type, &crl, &json));
    (void)json_object_set_new(json, "der", json_string(bytes_to_base64(t->arena, der)));
    return api_reply(t, reply, 200, json);
}

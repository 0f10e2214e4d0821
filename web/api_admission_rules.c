/* Admission rules: whom else than the devices on the list the owner lets in. */
#include "core/base/clock.h"
#include "core/store/records/admission_rule.h"
#include "core/store/records/event.h"
#include "core/store/records/manufacturer.h"
#include "web/api_internal.h"

#include <string.h>

#define PATH "/v1/admission-rules"

bool api_admission_rules(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return page_of_table(t, rq, reply, &admission_rules);
}

bool api_admission_rule(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return api_reply_stored(t, rq, reply, &admission_rules);
}

/* The rule in words: an override is named with its reason. */
static bool note(struct task *t, struct tx *tx, const char *name, const char *actor,
                 const struct admission_rule *rule)
{
    const struct event event = {
        .name = name,
        .severity = rule->unverified ? EVENT_WARNING : EVENT_INFO,
        .actor = actor,
        .detail = arena_printf(t->arena, "%s: devices of %s%s%s%s%s%s%s", rule->name,
                               rule->manufacturer, rule->subject == NULL ? "" : ", subject ",
                               rule->subject == NULL ? "" : rule->subject,
                               rule->serial == NULL ? "" : ", serial number ",
                               rule->serial == NULL ? "" : rule->serial,
                               rule->unverified ? "; without a verified voucher, because: " : "",
                               rule->unverified ? rule->reason : ""),
    };
    return event_add(t, tx, &event);
}

static bool check_room(struct task *t, struct store *store)
{
    struct view *view CLEANUP(view_cleanup) = NULL;
    TRY(view_open(t, store, &view));
    struct table_scan scan = table_scan(t, view, &admission_rules, BYTES_ABSENT);
    for (unsigned count = 0;; count++) {
        struct admission_rule rule;
        bool found;
        TRY(table_scan_next(t, &scan, &rule, &found));
        if (!found)
            return true;
        ENSURE(t, count + 1 < ADMISSION_RULES_MAX, E_TOO_LARGE,
               "there are %d admission rules, as many as there can be", ADMISSION_RULES_MAX);
    }
}

static bool add(struct task *t, struct tx *tx, void *arg)
{
    const struct admission_rule *rule = arg;
    struct admission_rule other;
    struct manufacturer m;
    bool found;
    TRY(table_find(t, tx_reader(tx), &manufacturers, bytes_of_text(rule->manufacturer), &m,
                   &found));
    ENSURE(t, found, E_INVALID, "manufacturer: there is no %s", api_quote(t, rule->manufacturer));
    TRY(table_find(t, tx_reader(tx), &admission_rules, bytes_of_text(rule->name), &other, &found));
    ENSURE(t, !found, E_EXISTS, "there is an admission rule %s already", rule->name);
    TRY(table_put(t, tx, &admission_rules, rule));
    return note(t, tx, "admission-rule-added", rule->created_by, rule);
}

bool api_admission_rule_add(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct admission_rule rule;
    json_t *json;
    TRY(api_read_record(t, rq, &admission_rule_type, &rule));
    TRY(admission_rule_check(t, &rule));
    TRY(check_room(t, api_of(rq)->store));
    rule.created = clock_wall();
    rule.created_by = api_actor(t, rq);
    TRY(store_update(t, api_of(rq)->store, add, &rule));
    TRY(record_to_json(t, &admission_rule_type, &rule, &json));
    return api_reply_made(t, reply, arena_printf(t->arena, PATH "/%s", rule.name), json);
}

struct removal {
    const char *name;
    const char *actor;
    struct admission_rule rule; /* as it was */
};

static bool remove_rule(struct task *t, struct tx *tx, void *arg)
{
    struct removal *removal = arg;
    TRY(table_get(t, tx_reader(tx), &admission_rules, bytes_of_text(removal->name),
                  &removal->rule));
    TRY(table_delete(t, tx, &admission_rules, bytes_of_text(removal->name)));
    return note(t, tx, "admission-rule-removed", removal->actor, &removal->rule);
}

bool api_admission_rule_remove(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct removal removal = {.name = rq->parameter, .actor = api_actor(t, rq)};
    json_t *json;
    TRY(store_update(t, api_of(rq)->store, remove_rule, &removal));
    TRY(record_to_json(t, &admission_rule_type, &removal.rule, &json));
    return api_reply(t, reply, 200, json);
}

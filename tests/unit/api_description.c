/*
 * Prints what docs/api.yaml must agree with: the API's routes, and the members of what it reads
 * and shows, as JSON.  Run by tests/flow/test_api_document.py.
 */
#include "core/base/json.h"
#include "core/store/records/admission_rule.h"
#include "core/store/records/authority.h"
#include "core/store/records/certificate.h"
#include "core/store/records/cloud.h"
#include "core/store/records/configuration.h"
#include "core/store/records/crl.h"
#include "core/store/records/device.h"
#include "core/store/records/episode.h"
#include "core/store/records/est_label.h"
#include "core/store/records/est_secret.h"
#include "core/store/records/event.h"
#include "core/store/records/manufacturer.h"
#include "core/store/records/profile.h"
#include "core/store/records/stored_voucher.h"
#include "web/api.h"
#include "web/import.h"
#include "web/log_views.h"
#include "web/views.h"

#include <stdio.h>

static const char *const kind_names[] = {
    [FIELD_BOOL] = "bool",
    [FIELD_UINT] = "uint",
    [FIELD_TIME] = "time",
    [FIELD_DURATION] = "duration",
    [FIELD_SIZE] = "size",
    [FIELD_TEXT] = "text",
    [FIELD_OCTETS] = "octets",
    [FIELD_HEX] = "hex",
    [FIELD_ENUM] = "enum",
    [FIELD_TEXTS] = "texts",
    [FIELD_OCTETS_LIST] = "octets-list",
    [FIELD_RECORD] = "record",
    [FIELD_RECORDS] = "records",
};

static const struct record_type *const types[] = {
    &admission_rule_type,
    &est_label_type,
    &est_secret_type,
    &secret_wish_type,
    &authority_type,
    &certificate_type,
    &cloud_type,
    &cloud_action_type,
    &configuration_type,
    &configuration_upload_type,
    &crl_lists_type,
    &csrattrs_question_type,
    &csrattrs_report_type,
    &csrattrs_verdict_type,
    &decision_type,
    &device_type,
    &departure_type,
    &device_action_type,
    &device_line_type,
    &device_log_type,
    &episode_type,
    &event_type,
    &expected_type,
    &identity_action_type,
    &identity_report_type,
    &import_report_type,
    &log_action_type,
    &manufacturer_type,
    &order_type,
    &profile_type,
    &status_type,
    &stranger_type,
    &stored_voucher_type,
    &voucher_wish_type,
    &authority_action_type,
    &certificate_action_type,
    &crl_type,
};

static json_t *fields_of(const struct record_type *type);

static json_t *field_of(const struct field *f)
{
    json_t *field = json_pack("{s:s, s:s, s:b, s:b, s:b, s:s}", "name", f->name, "kind",
                              kind_names[f->kind], "required", (f->flags & FIELD_REQUIRED) != 0,
                              "read-only", (f->flags & FIELD_READ_ONLY) != 0, "write-only",
                              (f->flags & FIELD_SECRET) != 0, "help", f->help);
    if (f->kind == FIELD_ENUM) {
        json_t *names = json_array();
        for (size_t i = 0; f->names[i] != NULL; i++)
            (void)json_array_append_new(names, json_string(f->names[i]));
        (void)json_object_set_new(field, "enum", names);
    }
    if (f->sub != NULL)
        (void)json_object_set_new(field, "fields", fields_of(f->sub));
    return field;
}

static json_t *fields_of(const struct record_type *type)
{
    json_t *fields = json_array();
    for (size_t i = 0; i < type->count; i++) {
        const unsigned hidden = FIELD_SECRET | FIELD_READ_ONLY;
        if ((type->fields[i].flags & hidden) != hidden)
            (void)json_array_append_new(fields, field_of(&type->fields[i]));
    }
    return fields;
}

int main(void)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_create();
    struct task t;
    task_init(&t, arena, NULL);
    const struct api none = {.store = NULL};
    json_auto_t *description = json_pack("{s:[], s:{}}", "routes", "types");
    for (const struct http_route *route = api_routes(&t, &none); route->method != NULL; route++)
        (void)json_array_append_new(
            json_object_get(description, "routes"),
            json_pack("{s:s, s:s}", "method", route->method, "path", route->path));
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        (void)json_object_set_new(json_object_get(description, "types"), types[i]->name,
                                  fields_of(types[i]));
    return json_dumpf(description, stdout, JSON_INDENT(1)) == 0 ? 0 : 1;
}

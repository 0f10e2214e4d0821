/* POST device-imports: places on the list of expected devices, many at once, from a table. */
#include "web/api_internal.h"
#include "web/import.h"

static bool read_flag(struct task *t, const struct http_request *rq, const char *name, bool *ret)
{
    uint64_t number;
    TRY(api_number(t, rq, name, 0, 1, 0, &number));
    *ret = number == 1;
    return true;
}

bool api_device_import(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct import_options options = {
        .manufacturer = http_query(t, rq, "manufacturer"),
        .file = http_query(t, rq, "file"),
        .actor = api_actor(t, rq),
    };
    struct import_report report;
    json_t *json;
    TRY(read_flag(t, rq, "dry-run", &options.dry_run));
    TRY(read_flag(t, rq, "skip-bad", &options.skip_bad));
    TRY(import_devices(t, api_of(rq)->store, rq->body, &options, &report));
    TRY(record_to_json(t, &import_report_type, &report, &json));
    return api_reply(t, reply, 200, json);
}

#include "registrar/status_report.h"

#include "core/base/cbor.h"
#include "core/base/json.h"
#include "core/pki/jws.h"
#include "core/store/records/event.h"

#include <string.h>

#define CONTEXT_ROUGH (4 * (size_t)STATUS_TEXT_MAX) /* octets of a context that are written out */

static const char *words(struct task *t, struct bytes foreign)
{
    return event_foreign_text(t->arena, foreign, STATUS_TEXT_MAX);
}

/* RFC 8995 5.7: what is not known is passed over; its name is for the administrator. */
static void note_unknown(struct task *t, struct status_report *report, const char *name)
{
    struct text_list *list = &report->unknown;
    if (list->items == NULL)
        list->items = arena_array(t->arena, STATUS_UNKNOWN_MAX, sizeof(*list->items));
    if (list->count < STATUS_UNKNOWN_MAX)
        list->items[list->count++] =
            event_foreign_text(t->arena, bytes_of_text(name), STATUS_TEXT_MAX / 8);
}

/* ---- JSON ---- */

static const char *json_context(struct task *t, json_t *context)
{
    struct bytes text;
    if (context == NULL)
        return NULL;
    if (!json_write(t, context, &text)) { /* it stays in the report; only its text is lost */
        task_forgive(t);
        return NULL;
    }
    return words(t, text);
}

static bool is_known(const char *name)
{
    static const char *const known[] = {"version", "status", "reason", "reason-context"};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (strcmp(known[i], name) == 0)
            return true;
    }
    return false;
}

/* RFC 8995 5.7: version and status must be there; names are case-sensitive. */
static bool read_json(struct task *t, struct bytes octets, struct status_report *ret)
{
    json_t *root;
    const char *name;
    json_t *value;
    if (!json_parse(t, octets, &root))
        return fail(t, E_TELEMETRY, "%s", t->detail);
    json_t *version = json_object_get(root, "version");
    json_t *status = json_object_get(root, "status");
    json_t *reason = json_object_get(root, "reason");
    ENSURE(t, json_is_integer(version) && json_integer_value(version) >= 1, E_TELEMETRY,
           "version is missing or no positive number");
    ENSURE(t, json_is_boolean(status), E_TELEMETRY, "status is missing or not true or false");
    ENSURE(t, reason == NULL || json_is_string(reason), E_TELEMETRY, "reason is no text");
    struct status_report report = {
        .version = (uint64_t)json_integer_value(version),
        .success = json_is_true(status),
        .context = json_context(t, json_object_get(root, "reason-context")),
    };
    if (reason != NULL)
        report.reason = words(t, bytes_of_text(json_string_value(reason)));
    json_object_foreach(root, name, value)
    {
        if (!is_known(name))
            note_unknown(t, &report, name);
    }
    *ret = report;
    return true;
}

/* ---- CBOR ---- */

static const char *joined(struct task *t, const char *a, const char *b)
{
    return arena_printf(t->arena, "%s%s", a, b);
}

static const char *quoted(struct task *t, struct bytes text)
{
    return arena_printf(t->arena, "\"%s\"", words(t, text));
}

/*
 * One item, whole, in the notation of RFC 8949 8, behind `text`.  Past CONTEXT_ROUGH octets nothing
 * more is written; the item is passed over to its end all the same.
 */
static bool write_item(struct task *t, struct cbor_reader *r, unsigned depth, const char **text);

static bool write_items(struct task *t, struct cbor_reader *r, unsigned depth,
                        const struct cbor_item *head, const char **text)
{
    bool map = head->kind == CBOR_ITEM_MAP;
    *text = joined(t, *text, map ? "{" : "[");
    for (uint64_t i = 0; i < head->number; i++) {
        if (strlen(*text) > CONTEXT_ROUGH) {
            for (uint64_t left = map ? 2 * (head->number - i) : head->number - i; left > 0; left--)
                TRY(cbor_skip(t, r, NULL));
            break;
        }
        *text = joined(t, *text, i == 0 ? "" : ", ");
        TRY(write_item(t, r, depth + 1, text));
        if (!map)
            continue;
        *text = joined(t, *text, ": ");
        TRY(write_item(t, r, depth + 1, text));
    }
    *text = joined(t, *text, map ? "}" : "]");
    return true;
}

static bool write_item(struct task *t, struct cbor_reader *r, unsigned depth, const char **text)
{
    struct cbor_item item;
    ENSURE(t, depth <= CBOR_DEPTH_MAX, E_MALFORMED, "nested deeper than %d levels", CBOR_DEPTH_MAX);
    TRY(cbor_next(t, r, &item));
    switch (item.kind) {
    case CBOR_ITEM_ARRAY:
    case CBOR_ITEM_MAP:
        return write_items(t, r, depth, &item, text);
    case CBOR_ITEM_TAG:
        *text = arena_printf(t->arena, "%s%llu ", *text, (unsigned long long)item.number);
        return write_item(t, r, depth + 1, text);
    case CBOR_ITEM_UINT:
        *text = arena_printf(t->arena, "%s%llu", *text, (unsigned long long)item.number);
        return true;
    case CBOR_ITEM_NEGINT:
        *text = arena_printf(t->arena, "%s-1-%llu", *text, (unsigned long long)item.number);
        return true;
    case CBOR_ITEM_TEXT:
        *text = joined(t, *text, quoted(t, item.string));
        return true;
    case CBOR_ITEM_OCTETS:
        item.string.len = item.string.len < STATUS_TEXT_MAX ? item.string.len : STATUS_TEXT_MAX;
        *text = arena_printf(t->arena, "%sh'%s'", *text, bytes_to_hex(t->arena, item.string));
        return true;
    case CBOR_ITEM_BOOL:
        *text = joined(t, *text, item.number != 0 ? "true" : "false");
        return true;
    case CBOR_ITEM_NULL:
        *text = joined(t, *text, "null");
        return true;
    case CBOR_ITEM_OTHER:
        *text = joined(t, *text, "simple");
        return true;
    case CBOR_ITEM_END:
        break;
    }
    return fail(t, E_MALFORMED, "CBOR ends in the midst of it");
}

static bool cbor_context(struct task *t, struct cbor_reader *r, const char **ret)
{
    const char *text = "";
    TRY(write_item(t, r, 1, &text));
    *ret = words(t, bytes_of_text(text));
    return true;
}

/* What was met of the members that may come once. */
struct met {
    bool version;
    bool status;
    bool reason;
    bool context;
};

static bool once(struct task *t, bool *met, const char *name)
{
    ENSURE(t, !*met, E_MALFORMED, "%s is there twice", name);
    *met = true;
    return true;
}

static bool read_member(struct task *t, struct cbor_reader *r, const char *name, struct met *met,
                        struct status_report *report)
{
    struct cbor_item item;
    if (strcmp(name, "version") == 0) {
        TRY(once(t, &met->version, name));
        TRY(cbor_expect(t, r, CBOR_ITEM_UINT, &item));
        report->version = item.number;
    } else if (strcmp(name, "status") == 0) {
        TRY(once(t, &met->status, name));
        TRY(cbor_expect(t, r, CBOR_ITEM_BOOL, &item));
        report->success = item.number != 0;
    } else if (strcmp(name, "reason") == 0) {
        TRY(once(t, &met->reason, name));
        TRY(cbor_expect(t, r, CBOR_ITEM_TEXT, &item));
        report->reason = words(t, item.string);
    } else if (strcmp(name, "reason-context") == 0) {
        TRY(once(t, &met->context, name));
        return cbor_context(t, r, &report->context);
    } else {
        note_unknown(t, report, name);
        return cbor_skip(t, r, NULL);
    }
    return true;
}

static bool read_pair(struct task *t, struct cbor_reader *r, struct met *met,
                      struct status_report *report)
{
    struct cbor_reader before = *r;
    struct cbor_item key;
    TRY(cbor_next(t, r, &key));
    if (key.kind == CBOR_ITEM_TEXT)
        return read_member(t, r, bytes_to_text(t->arena, key.string), met, report);
    *r = before;
    note_unknown(t, report, "(a key that is no text)");
    TRY(cbor_skip(t, r, NULL));
    return cbor_skip(t, r, NULL);
}

static bool read_map(struct task *t, struct bytes octets, struct met *met,
                     struct status_report *report)
{
    struct cbor_reader r = cbor_reader_of(octets);
    struct cbor_item map;
    TRY(cbor_expect(t, &r, CBOR_ITEM_MAP, &map));
    for (uint64_t i = 0; i < map.number; i++)
        TRY(read_pair(t, &r, met, report));
    return cbor_at_end(t, &r);
}

/* draft-ietf-anima-constrained-voucher 6.5.2: the same members, by the same names. */
static bool read_cbor(struct task *t, struct bytes octets, struct status_report *ret)
{
    struct status_report report = {.version = 0};
    struct met met = {.version = false};
    if (!read_map(t, octets, &met, &report))
        return fail(t, E_TELEMETRY, "%s", t->detail);
    ENSURE(t, met.version && report.version >= 1, E_TELEMETRY,
           "version is missing or no positive number");
    ENSURE(t, met.status, E_TELEMETRY, "status is missing");
    *ret = report;
    return true;
}

/* ---- JWS ---- */

/* brski-prm 7.9, 7.10: the same JSON, with one signature: that of the device. */
static bool read_jose(struct task *t, struct bytes octets, struct status_report *ret)
{
    struct jws jws;
    struct status_report report;
    const struct cert *signer;
    if (!jws_open(t, octets, NULL, &jws))
        return fail(t, E_TELEMETRY, "%s", t->detail);
    ENSURE(t, jws.count == 1, E_TELEMETRY, "%zu signatures", jws.count);
    if (!jws_verify(t, &jws, 0, &signer))
        return fail(t, E_REPORT_SIGNATURE, "%s", t->detail);
    TRY(read_json(t, jws.payload, &report));
    report.signer = signer;
    *ret = report;
    return true;
}

bool status_report_read(struct task *t, const char *media_type, struct bytes octets,
                        struct status_report *ret)
{
    const char *type = media_type == NULL ? STATUS_JSON : media_type;
    if (strcasecmp(type, STATUS_CBOR) == 0)
        return read_cbor(t, octets, ret);
    if (strcasecmp(type, STATUS_JOSE) == 0)
        return read_jose(t, octets, ret);
    return read_json(t, octets, ret);
}

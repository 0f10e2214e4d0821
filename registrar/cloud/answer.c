#include "registrar/cloud/answer.h"

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/store/records/device.h"
#include "registrar/cloud/internal.h"

#include <string.h>

DEFINE_PROBLEMS(cloud_problems, CLOUD_PROBLEMS)

static bool parse(struct task *t, struct bytes json, json_t **ret)
{
    json_t *object;
    ENSURE(t, json_parse(t, json, &object), E_CLOUD_ANSWER, "%s", t->detail);
    ENSURE(t, json_is_object(object), E_CLOUD_ANSWER, "the answer is no object");
    *ret = object;
    return true;
}

static const char *printable(struct task *t, const char *text)
{
    return text == NULL ? NULL : bytes_to_printable(t->arena, bytes_of_text(text), CLOUD_WORDS_MAX);
}

static bool read_reachability(struct task *t, const json_t *object, struct cloud_registered *ret)
{
    const json_t *reachable = json_object_get(object, "reachable");
    const char *checked = json_string_value(json_object_get(object, "checked"));
    if (object == NULL)
        return true;
    ENSURE(t, json_is_boolean(reachable), E_CLOUD_ANSWER, "reachability.reachable is no truth");
    ENSURE(t, checked == NULL || time_from_text(checked, &ret->checked), E_CLOUD_ANSWER,
           "reachability.checked is no time");
    ret->looked = true;
    ret->reachable = json_is_true(reachable);
    ret->reach_detail = printable(t, json_string_value(json_object_get(object, "detail")));
    return true;
}

bool cloud_registered_read(struct task *t, struct bytes json, struct cloud_registered *ret)
{
    json_t *object;
    struct cloud_registered answer = {0};
    TRY(parse(t, json, &object));
    const json_t *count = json_object_get(object, "devices");
    ENSURE(t, count == NULL || (json_is_integer(count) && json_integer_value(count) >= 0),
           E_CLOUD_ANSWER, "devices is no number");
    answer.devices = (uint64_t)json_integer_value(count);
    TRY(read_reachability(t, json_object_get(object, "reachability"), &answer));
    *ret = answer;
    return true;
}

/* Fit for a record: something, not too long, without what moves cursors. */
static bool is_serial(struct task *t, const char *text)
{
    size_t len = strlen(text);
    return len >= 1 && len <= SERIAL_MAX &&
           strcmp(bytes_to_printable(t->arena, bytes_of_text(text), SERIAL_MAX), text) == 0;
}

static bool read_items(struct task *t, const json_t *items, const char *after,
                       struct cloud_listed *ret)
{
    size_t count = json_array_size(items);
    const char *before = after;
    ENSURE(t, json_is_array(items) && count <= CLOUD_PAGE_MAX, E_CLOUD_ANSWER,
           "items is no list of at most %d devices", CLOUD_PAGE_MAX);
    const char **serials = arena_array(t->arena, count, sizeof(*serials));
    struct text_list list = {serials, 0};
    for (size_t i = 0; i < count; i++) {
        const char *serial =
            json_string_value(json_object_get(json_array_get(items, i), "serial-number"));
        ENSURE(t, serial != NULL, E_CLOUD_ANSWER, "items[%zu] has no serial-number", i);
        ENSURE(t, before == NULL || strcmp(serial, before) > 0, E_CLOUD_ANSWER,
               "items[%zu]: the serial numbers are not in order", i);
        before = serial;
        if (is_serial(t, serial))
            serials[list.count++] = arena_strdup(t->arena, serial);
    }
    ret->serials = list;
    return true;
}

bool cloud_listed_read(struct task *t, struct bytes json, const char *after,
                       struct cloud_listed *ret)
{
    json_t *object;
    struct cloud_listed listed;
    TRY(parse(t, json, &object));
    const json_t *next = json_object_get(object, "next");
    TRY(read_items(t, json_object_get(object, "items"), after, &listed));
    ENSURE(t, next == NULL || json_is_string(next), E_CLOUD_ANSWER, "next is no text");
    listed.next = next == NULL ? NULL : arena_strdup(t->arena, json_string_value(next));
    /* Or the list would never end. */
    ENSURE(t, next == NULL || after == NULL || strcmp(listed.next, after) > 0, E_CLOUD_ANSWER,
           "the list does not go on");
    *ret = listed;
    return true;
}

const char *cloud_problem_words(struct task *t, struct bytes body)
{
    struct task aside = *t;
    json_t *object = NULL;
    if (json_parse(&aside, body, &object) && json_is_object(object)) {
        const char *code = json_string_value(json_object_get(object, "code"));
        const char *detail = json_string_value(json_object_get(object, "detail"));
        if (code != NULL && detail != NULL)
            return printable(t, arena_printf(t->arena, "%s: %s", code, detail));
    }
    return bytes_to_printable(t->arena, body, CLOUD_WORDS_MAX);
}

#include "core/base/json.h"

#include <stdlib.h>

/* jansson's own limit is 2048 levels: enough to hurt.  Brackets inside strings do not count. */
static size_t nesting(struct bytes text)
{
    size_t depth = 0;
    size_t deepest = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > deepest)
                deepest = depth;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

static void release_json(void *value)
{
    json_decref(value);
}

json_t *json_in_arena(struct task *t, json_t *value)
{
    if (value == NULL)
        abort(); /* jansson returns NULL only when memory is gone or text is not UTF-8 */
    arena_defer(t->arena, release_json, value);
    return value;
}

bool json_parse(struct task *t, struct bytes text, json_t **ret)
{
    json_error_t error;
    ENSURE(t, nesting(text) <= JSON_DEPTH_MAX, E_MALFORMED, "JSON nested deeper than %d levels",
           JSON_DEPTH_MAX);
    json_t *value = json_loadb(text.len == 0 ? "" : (const char *)text.data, text.len,
                               JSON_REJECT_DUPLICATES, &error);
    ENSURE(t, value != NULL, E_MALFORMED, "JSON, line %d column %d: %s", error.line, error.column,
           error.text);
    *ret = json_in_arena(t, value);
    return true;
}

bool json_write(struct task *t, json_t *value, struct bytes *ret)
{
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    size_t len = json_dumpb(value, NULL, 0, flags);
    ENSURE(t, len > 0, E_INTERNAL, "JSON cannot be written");
    char *text = arena_alloc(t->arena, len);
    (void)json_dumpb(value, text, len, flags);
    *ret = bytes_make(text, len);
    return true;
}

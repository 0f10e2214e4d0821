#include "web/ctl/profile_asks.h"

#include "core/base/config.h"
#include "core/store/records/profile.h"
#include "web/ctl/members.h"
#include "web/ctl/problems.h"

#include <string.h>

#define CRITICAL "critical,"

/* What is before the separator, and what is behind it (NULL: there is none). */
static const char *split(struct arena *arena, const char *word, char separator,
                         const char **ret_rest)
{
    const char *at = strchr(word, separator);
    *ret_rest = at == NULL ? NULL : at + 1;
    return at == NULL ? word : arena_strndup(arena, word, (size_t)(at - word));
}

typedef bool (*reader_of_one)(struct task *t, const char *word, json_t *object);

static bool set_list(struct task *t, json_t *body, const char *name, const struct text_list *words,
                     reader_of_one read_one)
{
    if (words->count == 0)
        return true;
    json_t *list = json_array();
    (void)json_object_set_new(body, name, list);
    for (size_t i = 0; i < words->count; i++) {
        json_t *object = json_object();
        if (words->count == 1 && *words->items[0] == '\0') {
            json_decref(object);
            return true;
        }
        (void)json_array_append_new(list, object);
        TRY(read_one(t, words->items[i], object));
    }
    return true;
}

static bool read_attribute(struct task *t, const char *word, json_t *object)
{
    const char *value;
    TRY(member_set_text(t, object, "type", split(t->arena, word, '=', &value)));
    return member_set_text(t, object, "value", value);
}

bool asks_set_subject(struct task *t, json_t *body, const struct text_list *words)
{
    return set_list(t, body, "subject", words, read_attribute);
}

static bool read_alt_name(struct task *t, const char *word, json_t *object)
{
    const char *value;
    const char *kind = split(t->arena, word, '=', &value);
    TRY(member_set_text(t, object, "kind", kind));
    if (strcmp(kind, profile_name_kinds[PROFILE_NAME_OTHER]) == 0) {
        const char *type_id = split(t->arena, value == NULL ? "" : value, ':', &value);
        ENSURE(t, value != NULL, E_CTL_USAGE, "--alt-name: other-name=OID:TEXT, not \"%s\"", word);
        TRY(member_set_text(t, object, "type-id", type_id));
    }
    return member_set_text(t, object, "value", value);
}

bool asks_set_alt_names(struct task *t, json_t *body, const struct text_list *words)
{
    return set_list(t, body, "alt-names", words, read_alt_name);
}

static bool read_extension(struct task *t, const char *word, json_t *object)
{
    bool critical = strncmp(word, CRITICAL, strlen(CRITICAL)) == 0;
    const char *value;
    const char *content;
    const char *oid = split(t->arena, critical ? word + strlen(CRITICAL) : word, '=', &value);
    (void)json_object_set_new(object, "critical", json_boolean(critical));
    TRY(member_set_text(t, object, "oid", oid));
    if (value == NULL)
        return true;
    const char *form = split(t->arena, value, ':', &content);
    bool hex = strcmp(form, "hex") == 0;
    ENSURE(t, content != NULL && (hex || strcmp(form, "text") == 0), E_CTL_USAGE,
           "--extension: a value is hex:... or text:..., not \"%s\"", value);
    return member_set_text(t, object, hex ? "value" : "text", content);
}

bool asks_set_extensions(struct task *t, json_t *body, const struct text_list *words)
{
    return set_list(t, body, "extensions", words, read_extension);
}

bool asks_set_file(struct task *t, json_t *body, const char *path)
{
    const char *name = json_string_value(json_object_get(body, "name"));
    struct profile profile;
    json_t *json;
    if (path == NULL)
        return true;
    TRY(config_read(t, path, &profile_type, &profile));
    ENSURE(t, name == NULL || strcmp(profile.name, name) == 0, E_CTL_USAGE,
           "%s is of profile %s, not %s", path, profile.name, name);
    TRY(record_to_json(t, &profile_type, &profile, &json));
    /* What the file does not have gets its preset. */
    (void)json_object_clear(body);
    (void)json_object_update(body, json);
    return true;
}

#include "core/asking/values.h"

#include "core/store/records/device_name.h"

#include <string.h>

#define COLUMN  "column:"
#define PROFILE "profile"

static const char *const words[] = {"serial", "manufacturer", "device", "profile",
                                    "opaque", "name",         NULL};

/* A stretch of a pattern: text, or the word of a place. */
struct stretch {
    const char *text;
    size_t len;
    bool place;
};

/* The next one; moves *at behind it.  False: the brace at *at is none of a place. */
static bool next_stretch(const char **at, struct stretch *ret)
{
    const char *from = *at;
    if (*from == '}')
        return false;
    if (*from != '{') {
        *ret = (struct stretch){from, strcspn(from, "{}"), false};
        *at = from + ret->len;
        return true;
    }
    size_t len = strcspn(from + 1, "{}");
    if (from[1 + len] != '}')
        return false;
    *ret = (struct stretch){from + 1, len, true};
    *at = from + len + 2;
    return true;
}

static bool is_column(const char *word)
{
    return strncmp(word, COLUMN, strlen(COLUMN)) == 0 && word[strlen(COLUMN)] != '\0';
}

static bool is_known(const char *word)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], word) == 0)
            return true;
    }
    return is_column(word);
}

bool pattern_check(struct task *t, const char *pattern)
{
    const char *at = pattern;
    while (*at != '\0') {
        struct stretch s;
        ENSURE(t, next_stretch(&at, &s), E_INVALID, "\"%s\": a brace that is no place's",
               bytes_to_printable(t->arena, bytes_of_text(pattern), PROFILE_TEXT_MAX));
        const char *word = arena_strndup(t->arena, s.text, s.len);
        ENSURE(t, !s.place || is_known(word), E_INVALID,
               "{%s} stands for nothing; what does: {serial}, {manufacturer}, {device}, {profile}, "
               "{name}, {opaque}, {column:NAME}",
               bytes_to_printable(t->arena, bytes_of_text(word), 64));
    }
    return true;
}

bool pattern_uses(const char *pattern, const char *word)
{
    const char *at = pattern == NULL ? "" : pattern;
    struct stretch s;
    while (*at != '\0' && next_stretch(&at, &s)) {
        if (s.place && s.len == strlen(word) && strncmp(s.text, word, s.len) == 0)
            return true;
    }
    return false;
}

static const char *column_of(const struct asking_device *device, const char *name)
{
    const struct expected_column *columns = device->columns.items;
    for (size_t i = 0; i < device->columns.count; i++) {
        if (strcmp(columns[i].name, name) == 0)
            return columns[i].value;
    }
    return NULL;
}

/* NULL: there is none. */
static const char *value_of(const struct values *values, const char *word)
{
    const struct asking_device *device = values->device;
    if (strcmp(word, PROFILE) == 0)
        return values->profile->name;
    const struct {
        const char *word;
        const char *value;
    } known[] = {
        {"serial", device->serial}, {"manufacturer", device->manufacturer},
        {"device", device->id},     {"opaque", device->opaque},
        {"name", values->name},
    };
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (strcmp(known[i].word, word) == 0)
            return known[i].value;
    }
    return is_column(word) ? column_of(device, word + strlen(COLUMN)) : NULL;
}

static bool is_plain_text(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return false;
    }
    return *text != '\0';
}

/* RFC 4514 2.4: each octet but letters and digits in hexadecimal. */
static const char *escaped(struct arena *arena, const char *value)
{
    const char *text = "";
    for (const char *c = value; *c != '\0'; c++) {
        bool plain =
            (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        text = plain ? arena_printf(arena, "%s%c", text, *c)
                     : arena_printf(arena, "%s\\%02X", text, (unsigned)(unsigned char)*c);
    }
    return text;
}

static bool fill_place(struct task *t, const struct values *values, const char *word,
                       enum value_form form, const char **ret)
{
    const char *value = value_of(values, word);
    ENSURE(t, value != NULL && *value != '\0', E_PROFILE_VALUE,
           "profile %s: there is nothing to put for {%s}", values->profile->name, word);
    ENSURE(t, strlen(value) <= PROFILE_TEXT_MAX, E_PROFILE_VALUE,
           "profile %s: {%s} has more than %d octets", values->profile->name, word,
           PROFILE_TEXT_MAX);
    ENSURE(t, is_plain_text(value), E_PROFILE_VALUE, "profile %s: {%s} has control characters",
           values->profile->name, word);
    if (form == VALUE_DNS && strcmp(word, "serial") == 0)
        value = device_name_label(t->arena, value);
    *ret = form == VALUE_DNS    ? text_to_lower(t->arena, value)
           : form == VALUE_NAME ? escaped(t->arena, value)
                                : value;
    return true;
}

/* Others of the same manufacturer and profile have another. */
static bool is_unique(const char *word)
{
    return strcmp(word, "manufacturer") != 0 && strcmp(word, PROFILE) != 0;
}

/* Anybody has a profile; all else is a device's, and columns are no sample's. */
static bool is_left_out(const struct values *values, const char *word)
{
    if (values->device == NULL)
        return strcmp(word, PROFILE) != 0;
    return values->device->sample && is_column(word);
}

bool pattern_fill(struct task *t, const struct values *values, const char *pattern,
                  enum value_form form, struct filled *ret)
{
    struct filled filled = {.text = ""};
    const char *at = pattern;
    bool left_out = false;
    TRY(pattern_check(t, pattern));
    while (*at != '\0') {
        struct stretch s;
        if (!next_stretch(&at, &s))
            break;
        const char *text = arena_strndup(t->arena, s.text, s.len);
        filled.unique = filled.unique || (s.place && is_unique(text));
        left_out = left_out || (s.place && is_left_out(values, text));
        if (s.place && !left_out)
            TRY(fill_place(t, values, text, form, &text));
        filled.text = arena_printf(t->arena, "%s%s", filled.text, text);
    }
    if (left_out)
        filled.text = NULL;
    *ret = filled;
    return true;
}

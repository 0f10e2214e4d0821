#include "core/store/records/setting.h"

#include "core/store/prefixes.h"

#define NAME_MAX_LEN 128

static const struct field fields[] = {
    FIELD(1, struct setting, name, "name", FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_READ_ONLY,
          .max = NAME_MAX_LEN, .help = "Name of the setting."),
    FIELD(2, struct setting, number, "number", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "The value, when it is a counter."),
    FIELD(3, struct setting, text, "text", FIELD_TEXT, .max = SETTING_TEXT_MAX,
          .help = "The value, when it is text."),
};
const struct record_type setting_type = RECORD_TYPE("setting", 1, struct setting, fields);

static struct bytes key_of(struct arena *arena, const void *record)
{
    const struct setting *setting = record;
    (void)arena;
    return bytes_of_text(setting->name);
}

const struct table settings = {
    .prefix = PREFIX_SETTING,
    .type = &setting_type,
    .key_of = key_of,
};

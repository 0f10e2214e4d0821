#include "core/store/records/configuration.h"

#include "core/base/placeholders.h"
#include "core/store/prefixes.h"
#include "core/store/records/device.h"
#include "core/store/records/slug.h"

#include <string.h>

#define FILE_MAX       64
#define MEDIA_TYPE_MAX 127
#define ACTOR_MAX      128

static const char *const scope_names[] = {"device", "profile", NULL};

static const struct field fields[] = {
    FIELD(1, struct configuration, id, "id", FIELD_HEX, .flags = FIELD_REQUIRED | FIELD_READ_ONLY,
          .min = CONFIGURATION_ID_LEN, .max = CONFIGURATION_ID_LEN,
          .help = "Identifies whose file it is, and which."),
    FIELD(2, struct configuration, scope, "scope", FIELD_ENUM, .names = scope_names,
          .help = "Whether it is one device's, or a file for all devices of a profile that have "
                  "none of that name of their own."),
    FIELD(3, struct configuration, manufacturer, "manufacturer", FIELD_TEXT, .max = SLUG_MAX,
          .help = "Name of the device's manufacturer."),
    FIELD(4, struct configuration, serial, "serial-number", FIELD_TEXT, .max = SERIAL_MAX,
          .help = "The device's serial number."),
    FIELD(5, struct configuration, profile, "profile", FIELD_TEXT, .max = SLUG_MAX,
          .help = "Name of the enrolment profile."),
    FIELD(6, struct configuration, file, "file", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = FILE_MAX, .preset = CONFIGURATION_FILE,
          .help = "Name under which the device asks for it; a device that names none gets the one "
                  "called default."),
    FIELD(7, struct configuration, media_type, "media-type", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = MEDIA_TYPE_MAX, .preset = "application/octet-stream",
          .help = "Content-Type that the device is told."),
    FIELD(8, struct configuration, is_template, "template", FIELD_BOOL, .preset = "false",
          .help = "Whether {serial}, {name}, {manufacturer}, {profile} and {device} in it are "
                  "filled in for the device that asks."),
    FIELD(9, struct configuration, size, "size", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "Octets that it has."),
    FIELD(10, struct configuration, changed, "changed", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was put there."),
    FIELD(11, struct configuration, changed_by, "changed-by", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = ACTOR_MAX, .help = "Who put it there."),
};
const struct record_type configuration_type =
    RECORD_TYPE("configuration", 1, struct configuration, fields);

const char *const configuration_places[] = {"serial",  "name",   "manufacturer",
                                            "profile", "device", NULL};

#define END BYTES_LITERAL("\0")

struct bytes configuration_key_of_device(struct arena *arena, const char *manufacturer,
                                         const char *serial, const char *file)
{
    const struct bytes parts[] = {
        BYTES_LITERAL("d"),  bytes_of_text(manufacturer), END, bytes_of_text(serial), END,
        bytes_of_text(file),
    };
    return bytes_concat(arena, parts, ARRAY_SIZE(parts));
}

struct bytes configuration_key_of_profile(struct arena *arena, const char *profile,
                                          const char *file)
{
    const struct bytes parts[] = {BYTES_LITERAL("p"), bytes_of_text(profile), END,
                                  bytes_of_text(file)};
    return bytes_concat(arena, parts, ARRAY_SIZE(parts));
}

static struct bytes key_of(struct arena *arena, const void *record)
{
    const struct configuration *c = record;
    return c->scope == CONFIGURATION_OF_DEVICE
               ? configuration_key_of_device(arena, c->manufacturer, c->serial, c->file)
               : configuration_key_of_profile(arena, c->profile, c->file);
}

struct bytes configuration_id(struct arena *arena, const struct configuration *c)
{
    return bytes_make(bytes_sha256(arena, key_of(arena, c)).data, CONFIGURATION_ID_LEN);
}

static struct bytes by_id(struct arena *arena, const void *record)
{
    const struct configuration *c = record;
    (void)arena;
    return c->id;
}

const struct table_index configurations_by_id = {
    .prefix = PREFIX_CONFIGURATION_BY_ID,
    .unique = true,
    .key_of = by_id,
};

const struct table configurations = {
    .prefix = PREFIX_CONFIGURATION,
    .type = &configuration_type,
    .key_of = key_of,
    .indexes = &configurations_by_id,
    .index_count = 1,
    .blobs = CONFIGURATION_BLOB_CONTENT,
};

static bool is_of(const char *text, const char *signs)
{
    for (const char *c = text; *c != '\0'; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || strchr(signs, *c) != NULL;
        if (!plain)
            return false;
    }
    return true;
}

bool configuration_file_is_good(const char *file)
{
    size_t len = strlen(file);
    return len >= 1 && len <= FILE_MAX && *file != '.' && is_of(file, "._-");
}

static bool check_whose(struct task *t, const struct configuration *c)
{
    bool device = c->scope == CONFIGURATION_OF_DEVICE;
    ENSURE(t, (c->manufacturer != NULL && c->serial != NULL) == device, E_INVALID,
           device ? "serial-number: a device's file needs manufacturer and serial-number"
                  : "serial-number: a profile's file has no manufacturer and serial-number");
    ENSURE(t, (c->profile == NULL) == device, E_INVALID,
           device ? "profile: a device's file has none" : "profile: missing");
    return true;
}

bool configuration_check(struct task *t, const struct configuration *c, struct bytes content)
{
    TRY(check_whose(t, c));
    ENSURE(t, configuration_file_is_good(c->file), E_INVALID,
           "file: must be 1 to %d letters, digits, \".\", \"_\" and \"-\"", FILE_MAX);
    /* RFC 9110 8.3.1, and nothing that could end the header field. */
    ENSURE(t, strchr(c->media_type, '/') != NULL && is_of(c->media_type, "/!#$&^_.+-;= "),
           E_INVALID, "media-type: %s is none",
           bytes_to_printable(t->arena, bytes_of_text(c->media_type), 64));
    ENSURE(t, content.len > 0, E_INVALID, "content: is empty");
    ENSURE(t, content.len <= (size_t)CONFIGURATION_SIZE_MAX, E_TOO_LARGE,
           "content: %zu octets, %ld are allowed", content.len, CONFIGURATION_SIZE_MAX);
    if (c->is_template && !placeholders_check(t, content, configuration_places))
        return fail_context(t, "content");
    return true;
}

#include "core/store/records/device_name.h"

#include "core/store/prefixes.h"

#include <string.h>

#define LABEL_MAX    63 /* octets; RFC 1035 2.3.4 */
#define HASH_DIGITS  8
#define SERIAL_PLACE "{serial}"

static const struct field fields[] = {
    FIELD(1, struct device_name, name, "name", FIELD_TEXT,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .max = DEVICE_NAME_MAX,
          .help = "DNS name in lower case, or another kind of name behind its kind: "
                  "\"ip:192.0.2.1\"."),
    FIELD(2, struct device_name, device, "device", FIELD_HEX,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .min = SUBJECT_LEN, .max = SUBJECT_LEN,
          .help = "The device that has it."),
};
const struct record_type device_name_type =
    RECORD_TYPE("device-name", 1, struct device_name, fields);

static struct bytes key_of(struct arena *arena, const void *record)
{
    const struct device_name *name = record;
    (void)arena;
    return bytes_of_text(name->name);
}

static struct bytes by_device(struct arena *arena, const void *record)
{
    (void)arena;
    return ((const struct device_name *)record)->device;
}

const struct table_index device_names_by_device = {
    .prefix = PREFIX_DEVICE_NAME_BY_DEVICE,
    .key_of = by_device,
};

const struct table device_names = {
    .prefix = PREFIX_DEVICE_NAME,
    .type = &device_name_type,
    .key_of = key_of,
    .indexes = &device_names_by_device,
    .index_count = 1,
};

static bool is_label_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* *ret_changed when more than the case had to change. */
static char *as_label(struct arena *arena, const char *serial, bool *ret_changed)
{
    char *label = text_to_lower(arena, serial);
    size_t len = strlen(label);
    *ret_changed = len == 0 || len > LABEL_MAX;
    for (size_t i = 0; i < len; i++) {
        bool edge = i == 0 || i == len - 1;
        if (!is_label_char(label[i]) || (edge && label[i] == '-')) {
            label[i] = edge ? 'x' : '-';
            *ret_changed = true;
        }
    }
    return label;
}

const char *device_name_label(struct arena *arena, const char *serial)
{
    bool changed;
    char *label = as_label(arena, serial, &changed);
    if (!changed)
        return label;
    const char *hash = bytes_to_hex(arena, bytes_sha256(arena, bytes_of_text(serial)));
    return arena_printf(arena, "%.*s-%.*s", LABEL_MAX - HASH_DIGITS - 1,
                        *label == '\0' ? "x" : label, HASH_DIGITS, hash);
}

static bool is_dns_name(const char *name)
{
    size_t label = 0;
    if (strlen(name) > DEVICE_NAME_MAX)
        return false;
    for (const char *c = name;; c++) {
        if (*c == '.' || *c == '\0') {
            if (label == 0 || label > LABEL_MAX || c[-1] == '-')
                return false;
            label = 0;
            if (*c == '\0')
                return true;
        } else if (!is_label_char(*c) || (label == 0 && *c == '-')) {
            return false;
        } else {
            label++;
        }
    }
}

bool device_name_make(struct task *t, const char *pattern, const char *serial, const char **ret)
{
    const char *place = strstr(pattern, SERIAL_PLACE);
    ENSURE(t, place != NULL, E_INVALID,
           "the name pattern %s has no " SERIAL_PLACE ", so every device would get the same name",
           pattern);
    char *before = arena_strndup(t->arena, pattern, (size_t)(place - pattern));
    const char *name = arena_printf(t->arena, "%s%s%s", text_to_lower(t->arena, before),
                                    device_name_label(t->arena, serial),
                                    text_to_lower(t->arena, place + strlen(SERIAL_PLACE)));
    ENSURE(t, is_dns_name(name), E_INVALID, "the name pattern %s makes %s of serial number %s",
           pattern, name, serial);
    *ret = name;
    return true;
}

bool device_name_check(struct task *t, const char *pattern)
{
    const char *name;
    return device_name_make(t, pattern, "serial", &name);
}

bool device_name_claim(struct task *t, struct tx *tx, const char *name, struct bytes device)
{
    struct device_name claim;
    bool found;
    TRY(table_find(t, tx_reader(tx), &device_names, bytes_of_text(name), &claim, &found));
    if (found) {
        ENSURE(t, bytes_equal(claim.device, device), E_EXISTS, "device %s has the name %s",
               bytes_to_hex(t->arena, claim.device), name);
        return true;
    }
    record_init(t, &device_name_type, &claim);
    claim.name = name;
    claim.device = device;
    return table_put(t, tx, &device_names, &claim);
}

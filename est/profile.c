#include "est/profile.h"

#include "core/store/records/manufacturer.h"

#include <string.h>

#define DNS_LABEL_MAX 63
#define DNS_NAME_MAX  253
#define SERIAL_PLACE  "{serial}"

bool profile_of_device(struct task *t, struct reader *r, const struct device *device,
                       struct profile *ret)
{
    struct manufacturer maker;
    bool found;
    TRY(table_get(t, r, &manufacturers, bytes_of_text(device->manufacturer), &maker));
    TRY(table_find(t, r, &profiles, bytes_of_text(maker.profile), ret, &found));
    ENSURE(t, found, E_PROFILE_MISSING, "manufacturer %s: profile %s", maker.name, maker.profile);
    return true;
}

static bool is_label_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* Lower case and hyphens for what no label may hold; *ret_changed when more than case changed. */
static char *as_label(struct arena *arena, const char *serial, bool *ret_changed)
{
    char *label = arena_strdup(arena, serial);
    size_t len = strlen(label);
    *ret_changed = false;
    for (size_t i = 0; i < len; i++) {
        if (label[i] >= 'A' && label[i] <= 'Z')
            label[i] = (char)(label[i] - 'A' + 'a');
        bool edge = i == 0 || i == len - 1;
        if (!is_label_char(label[i]) || (edge && label[i] == '-')) {
            label[i] = edge ? 'x' : '-';
            *ret_changed = true;
        }
    }
    return label;
}

static const char *serial_label(struct arena *arena, const char *serial)
{
    const int digits = 8;
    bool changed;
    char *label = as_label(arena, serial, &changed);
    if (!changed && strlen(label) <= DNS_LABEL_MAX)
        return label;
    const char *hash = bytes_to_hex(arena, bytes_sha256(arena, bytes_of_text(serial)));
    return arena_printf(arena, "%.*s-%.*s", DNS_LABEL_MAX - digits - 1, label, digits, hash);
}

static bool is_dns_name(const char *name)
{
    size_t label = 0;
    if (strlen(name) > DNS_NAME_MAX)
        return false;
    for (const char *c = name;; c++) {
        if (*c == '.' || *c == '\0') {
            if (label == 0 || label > DNS_LABEL_MAX || c[-1] == '-')
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

bool profile_dns_name(struct task *t, const struct profile *profile, const char *serial,
                      const char **ret)
{
    const char *pattern = profile->dns_pattern;
    const char *place = strstr(pattern, SERIAL_PLACE);
    ENSURE(t, place != NULL, E_PROFILE_NAME,
           "profile %s: the name pattern %s has no " SERIAL_PLACE
           ", so every device would get the same name",
           profile->name, pattern);
    const char *name = arena_printf(t->arena, "%.*s%s%s", (int)(place - pattern), pattern,
                                    serial_label(t->arena, serial), place + strlen(SERIAL_PLACE));
    ENSURE(t, is_dns_name(name), E_PROFILE_NAME, "profile %s makes %s of serial number %s",
           profile->name, name, serial);
    *ret = name;
    return true;
}

static enum key_kind key_of_profile(const struct profile *profile, unsigned *ret_rsa_bits)
{
    *ret_rsa_bits = 0;
    switch ((enum profile_key)profile->key) {
    case PROFILE_KEY_P256:
        return KEY_P256;
    case PROFILE_KEY_P384:
        return KEY_P384;
    case PROFILE_KEY_RSA2048:
        *ret_rsa_bits = 2048;
        return KEY_RSA;
    case PROFILE_KEY_RSA3072:
        *ret_rsa_bits = 3072;
        return KEY_RSA;
    }
    return KEY_OTHER;
}

static const char *signature_of_profile(const struct profile *profile, enum key_kind key)
{
    static const char *const ecdsa[] = {
        [PROFILE_HASH_SHA256] = OID_ECDSA_SHA256,
        [PROFILE_HASH_SHA384] = OID_ECDSA_SHA384,
        [PROFILE_HASH_SHA512] = OID_ECDSA_SHA512,
    };
    static const char *const rsa[] = {
        [PROFILE_HASH_SHA256] = OID_RSA_SHA256,
        [PROFILE_HASH_SHA384] = OID_RSA_SHA384,
        [PROFILE_HASH_SHA512] = OID_RSA_SHA512,
    };
    return (key == KEY_RSA ? rsa : ecdsa)[profile->hash];
}

bool profile_csrattrs(struct task *t, const struct profile *profile, const char *serial,
                      struct bytes *ret)
{
    const char *name;
    TRY(profile_dns_name(t, profile, serial, &name));
    struct text_list names = {&name, 1};
    struct extension alt_name = {.oid = OID_CE_SUBJECT_ALT_NAME};
    TRY(extension_dns_names(t, &names, &alt_name.value));
    struct csrattrs attrs = {.extensions = {&alt_name, 1}};
    attrs.key = key_of_profile(profile, &attrs.rsa_bits);
    attrs.signature_oid = signature_of_profile(profile, attrs.key);
    return csrattrs_encode(t, &attrs, ret);
}

bool profile_attributes(struct task *t, struct store *store, const struct episode *e,
                        struct bytes *ret_attributes, struct bytes *ret_remembered)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct device device;
    struct profile profile;
    struct bytes remembered;
    TRY(view_open(t, store, &view));
    TRY(table_get(t, view_reader(view), &devices, e->device, &device));
    TRY(profile_of_device(t, view_reader(view), &device, &profile));
    TRY(blob_get(t, view_reader(view), &episodes, e->id, EPISODE_BLOB_CSRATTRS, &remembered));
    TRY(profile_csrattrs(t, &profile, device.serial, ret_attributes));
    *ret_remembered = remembered;
    return true;
}

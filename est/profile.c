#include "est/profile.h"

#include "core/store/records/device_name.h"
#include "core/store/records/manufacturer.h"

bool profile_of_device(struct task *t, struct reader *r, const struct device *device,
                       struct profile *ret)
{
    struct manufacturer maker;
    bool found;
    TRY(table_find(t, r, &manufacturers, bytes_of_text(device->manufacturer), &maker, &found));
    ENSURE(t, found, E_PROFILE_MISSING, "the manufacturer %s is gone", device->manufacturer);
    TRY(table_find(t, r, &profiles, bytes_of_text(maker.profile), ret, &found));
    ENSURE(t, found, E_PROFILE_MISSING, "manufacturer %s: profile %s", maker.name, maker.profile);
    return true;
}

enum key_kind profile_key_kind(const struct profile *profile, unsigned *ret_rsa_bits)
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

/* RFC 9908 3.2: key type, hash, and an extension request with the name. */
static bool make_attributes(struct task *t, const struct profile *profile, const char *name,
                            struct bytes *ret)
{
    struct extension alt_name = {.oid = OID_CE_SUBJECT_ALT_NAME};
    struct text_list names = {&name, 1};
    struct csrattrs attrs = {.extensions = {&alt_name, name == NULL ? 0 : 1}};
    if (name != NULL)
        TRY(extension_dns_names(t, &names, &alt_name.value));
    attrs.key = profile_key_kind(profile, &attrs.rsa_bits);
    attrs.signature_oid = signature_of_profile(profile, attrs.key);
    return csrattrs_encode(t, &attrs, ret);
}

bool profile_asked(struct task *t, struct store *store, const struct episode *e, struct asked *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct device device;
    struct profile profile;
    struct asked asked = {.name = NULL};
    TRY(view_open(t, store, &view));
    struct reader *r = view_reader(view);
    TRY(table_get(t, r, &devices, e->device, &device));
    TRY(profile_of_device(t, r, &device, &profile));
    TRY(blob_get(t, r, &episodes, e->id, EPISODE_BLOB_CSRATTRS, &asked.told));
    if (profile.dns_pattern != NULL &&
        !device_name_make(t, profile.dns_pattern, device.serial, &asked.name))
        return fail(t, E_PROFILE_NAME, "profile %s: %s", profile.name, t->detail);
    TRY(make_attributes(t, &profile, asked.name, &asked.attributes));
    *ret = asked;
    return true;
}

bool profile_claim_name(struct task *t, struct tx *tx, const char *name, struct bytes device)
{
    if (name == NULL || device_name_claim(t, tx, name, device))
        return true;
    return task_failed_with(t, E_EXISTS) ? fail(t, E_PROFILE_NAME, "%s", t->detail) : false;
}

static bool find_profile(struct task *t, struct store *store, const char *name, struct profile *ret)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    bool found;
    TRY(view_open(t, store, &view));
    TRY(table_find(t, view_reader(view), &profiles, bytes_of_text(name), ret, &found));
    ENSURE(t, found, E_PROFILE_MISSING, "profile %s", name);
    return true;
}

bool profile_check_key(struct task *t, struct store *store, const char *name, const struct csr *csr)
{
    struct profile profile;
    struct csrattrs asked = {.key = KEY_OTHER};
    TRY(find_profile(t, store, name, &profile));
    asked.key = profile_key_kind(&profile, &asked.rsa_bits);
    asked.signature_oid = signature_of_profile(&profile, asked.key);
    return csr_key_as_asked(t, csr, &asked);
}

bool profile_generic(struct task *t, struct store *store, const char *name, bool binding,
                     struct bytes *ret)
{
    struct profile profile;
    struct csrattrs attrs = {.challenge_password = binding};
    TRY(find_profile(t, store, name, &profile));
    attrs.key = profile_key_kind(&profile, &attrs.rsa_bits);
    attrs.signature_oid = signature_of_profile(&profile, attrs.key);
    return csrattrs_encode(t, &attrs, ret);
}

#include "core/asking/wishes.h"

#include "core/asking/compiling.h"

enum key_kind wishes_key(const struct profile *profile, unsigned *ret_rsa_bits)
{
    static const struct {
        enum key_kind kind;
        unsigned bits;
    } keys[] = {
        [PROFILE_KEY_P256] = {KEY_P256, 0},       [PROFILE_KEY_P384] = {KEY_P384, 0},
        [PROFILE_KEY_RSA2048] = {KEY_RSA, 2048},  [PROFILE_KEY_RSA3072] = {KEY_RSA, 3072},
        [PROFILE_KEY_P521] = {KEY_P521, 0},       [PROFILE_KEY_RSA4096] = {KEY_RSA, 4096},
        [PROFILE_KEY_ED25519] = {KEY_ED25519, 0}, [PROFILE_KEY_ANY] = {KEY_OTHER, 0},
    };
    *ret_rsa_bits = keys[profile->key].bits;
    return keys[profile->key].kind;
}

/* NULL: the client's choice. */
static const char *wish_signature(const struct profile *profile, enum key_kind key)
{
    static const char *const ecdsa[] = {
        [PROFILE_HASH_SHA256] = OID_ECDSA_SHA256,
        [PROFILE_HASH_SHA384] = OID_ECDSA_SHA384,
        [PROFILE_HASH_SHA512] = OID_ECDSA_SHA512,
        [PROFILE_HASH_ANY] = NULL,
    };
    static const char *const rsa[] = {
        [PROFILE_HASH_SHA256] = OID_RSA_SHA256,
        [PROFILE_HASH_SHA384] = OID_RSA_SHA384,
        [PROFILE_HASH_SHA512] = OID_RSA_SHA512,
        [PROFILE_HASH_ANY] = NULL,
    };
    if (key == KEY_OTHER || key == KEY_ED25519)
        return NULL; /* no choice, or not ours */
    return (key == KEY_RSA ? rsa : ecdsa)[profile->hash];
}

/* RFC 9908 3.4. */
static bool make_template(struct task *t, struct compiling *c, const struct csrattrs *attrs,
                          const struct wished_extensions *extensions,
                          const struct csr_template **ret)
{
    struct csr_template *template = arena_alloc(t->arena, sizeof(*template));
    *template = (struct csr_template){
        .has_key = attrs->key != KEY_OTHER,
        .key = attrs->key,
        .rsa_bits = attrs->rsa_bits,
        .extensions = extensions->all,
    };
    TRY(wish_subject(t, c, template));
    *ret = template;
    return true;
}

static bool compile(struct task *t, struct compiling *c, bool binding, struct csrattrs *attrs)
{
    const struct profile *profile = c->values.profile;
    struct wished_extensions extensions;
    attrs->key = wishes_key(profile, &attrs->rsa_bits);
    attrs->signature_oid = wish_signature(profile, attrs->key);
    attrs->challenge_password = binding || profile->challenge_password;
    TRY(wish_name(t, c));
    TRY(wish_extensions(t, c, &extensions));
    if (profile->csrattrs != PROFILE_LEGACY)
        TRY(make_template(t, c, attrs, &extensions, &attrs->template));
    if (profile->csrattrs == PROFILE_TEMPLATE) {
        /* The template says it; hash and channel binding are not in it. */
        attrs->key = KEY_OTHER;
        attrs->rsa_bits = 0;
        return true;
    }
    attrs->extensions = extensions.whole;
    attrs->fill = profile->fill;
    return true;
}

bool wishes_compile(struct task *t, const struct profile *profile,
                    const struct asking_device *device, bool binding, struct wishes *ret)
{
    struct csrattrs attrs = {.key = KEY_OTHER};
    struct compiling c = {
        .values = {.profile = profile, .device = device},
        .claims = {arena_array(t->arena, profile->alt_names.count + 1, sizeof(char *)), 0},
    };
    if (!compile(t, &c, binding, &attrs)) {
        /* What was right when the profile was written is wrong for this device. */
        if (device == NULL || device->sample || !task_failed_with(t, E_INVALID))
            return false;
        return fail(t, E_PROFILE_VALUE, "profile %s: %s", profile->name, t->detail);
    }
    *ret = (struct wishes){attrs, c.claims};
    return true;
}

/* Each pattern, also those that a sample leaves out. */
static bool check_patterns(struct task *t, const struct profile *profile)
{
    const struct profile_attribute *attributes = profile->subject.items;
    const struct profile_alt_name *names = profile->alt_names.items;
    const struct profile_extension *extensions = profile->extensions.items;
    for (size_t i = 0; i < profile->subject.count; i++)
        TRY(attributes[i].value == NULL || pattern_check(t, attributes[i].value));
    for (size_t i = 0; i < profile->alt_names.count; i++)
        TRY(names[i].value == NULL || pattern_check(t, names[i].value));
    for (size_t i = 0; i < profile->extensions.count; i++)
        TRY(extensions[i].text == NULL || pattern_check(t, extensions[i].text));
    return true;
}

bool wishes_check(struct task *t, const struct profile *profile)
{
    static const struct asking_device sample = {
        .serial = "0",
        .manufacturer = "m",
        .id = "00000000000000000000000000000000",
        .opaque = "00000000000000000000000000000000",
        .sample = true,
    };
    struct wishes wishes;
    struct bytes der;
    TRY(check_patterns(t, profile));
    TRY(!wishes_use(profile, "name") || profile->dns_pattern != NULL ||
        fail(t, E_INVALID, "{name} stands for what dns-pattern makes, and there is none"));
    /* A value that the sample's own does not fit will fit no device's. */
    if (!wishes_compile(t, profile, &sample, false, &wishes))
        return fail(t, E_INVALID, "%s", t->detail);
    return csrattrs_encode(t, &wishes.attrs, &der);
}

bool wishes_use(const struct profile *profile, const char *place)
{
    const struct profile_attribute *attributes = profile->subject.items;
    const struct profile_alt_name *names = profile->alt_names.items;
    const struct profile_extension *extensions = profile->extensions.items;
    bool uses = false;
    for (size_t i = 0; i < profile->subject.count; i++)
        uses = uses || pattern_uses(attributes[i].value, place);
    for (size_t i = 0; i < profile->alt_names.count; i++)
        uses = uses || pattern_uses(names[i].value, place);
    for (size_t i = 0; i < profile->extensions.count; i++)
        uses = uses || pattern_uses(extensions[i].text, place);
    return uses;
}

#include "core/store/records/profile.h"

#include "core/base/clock.h"
#include "core/store/prefixes.h"
#include "core/store/records/device_name.h"
#include "core/store/records/slug.h"

#include <string.h>

#define USAGES_MAX 16
#define OID_MAX    128

static const char *const key_names[] = {"p256", "p384", "rsa2048", "rsa3072", NULL};
static const char *const hash_names[] = {"sha256", "sha384", "sha512", NULL};

static const struct field fields[] = {
    FIELD(1, struct profile, name, "name", FIELD_TEXT, .flags = FIELD_REQUIRED, .max = SLUG_MAX,
          .help = "Name of the profile, as manufacturers refer to it: lower-case letters, digits "
                  "and \"-\"."),
    FIELD(2, struct profile, ca, "ca", FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_LIVE,
          .max = SLUG_MAX, .preset = "local", .help = "Name of the CA that issues."),
    FIELD(3, struct profile, dns_pattern, "dns-pattern", FIELD_TEXT, .flags = FIELD_LIVE,
          .max = DEVICE_NAME_MAX,
          .help = "DNS name that devices are told to ask for, with {serial} where the serial "
                  "number goes, such as {serial}.phones.example.com. Without it they get none."),
    FIELD(4, struct profile, key, "key", FIELD_ENUM, .flags = FIELD_LIVE, .names = key_names,
          .preset = "p256", .help = "The kind of key that devices are told to make."),
    FIELD(5, struct profile, hash, "hash", FIELD_ENUM, .flags = FIELD_LIVE, .names = hash_names,
          .preset = "sha256", .help = "The hash that devices are told to sign their request with."),
    FIELD(6, struct profile, validity, "validity", FIELD_DURATION, .flags = FIELD_LIVE,
          .min = HOUR_MS, .max = 100LL * 366 * DAY_MS, .preset = "365 d",
          .help = "How long a certificate is valid. Other CAs than the local one may have rules "
                  "of their own."),
    FIELD(7, struct profile, key_usage, "key-usage", FIELD_TEXTS, .flags = FIELD_LIVE,
          .max = USAGES_MAX, .preset = "digitalSignature",
          .help = "Key usages of RFC 5280: digitalSignature, nonRepudiation, keyEncipherment, "
                  "dataEncipherment, keyAgreement."),
    FIELD(8, struct profile, ext_key_usage, "ext-key-usage", FIELD_TEXTS, .flags = FIELD_LIVE,
          .max = USAGES_MAX, .preset = "clientAuth",
          .help = "Extended key usages: clientAuth, serverAuth or OIDs. Those of a registration "
                  "or certification authority are refused."),
};
const struct record_type profile_type = RECORD_TYPE("profile", 1, struct profile, fields);

static struct bytes key_of(struct arena *arena, const void *record)
{
    const struct profile *profile = record;
    (void)arena;
    return bytes_of_text(profile->name);
}

const struct table profiles = {
    .prefix = PREFIX_PROFILE,
    .type = &profile_type,
    .key_of = key_of,
};

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(name, *names) == 0)
            return true;
    }
    return false;
}

/* RFC 5280 4.2.1.3: what is left to those that are no CA. */
static bool check_key_usage(struct task *t, const char *usage)
{
    static const char *const usages[] = {"digitalSignature", "nonRepudiation", "keyEncipherment",
                                         "dataEncipherment", "keyAgreement",   NULL};
    ENSURE(t, is_one_of(usage, usages), E_INVALID, "key-usage: \"%s\" is not for devices", usage);
    return true;
}

/* RFC 5280 and X.660: at least two numbers, no leading zeros, the first of them 0, 1 or 2. */
static bool is_oid(const char *text)
{
    size_t len = strspn(text, "0123456789.");
    if (text[len] != '\0' || len > OID_MAX || text[0] < '0' || text[0] > '2' || text[1] != '.')
        return false;
    for (const char *dot = text + 1; dot != NULL; dot = strchr(dot + 1, '.')) {
        const char *number = dot + 1;
        size_t digits = strspn(number, "0123456789");
        if (digits == 0 || (digits > 1 && number[0] == '0'))
            return false;
    }
    return true;
}

/*
 * RFC 7030 3.6.1 and RFC 8995 5.5.4: whoever holds id-kp-cmcRA is taken for an EST server and a
 * registrar; id-kp-cmcCA likewise for a CA.  anyExtendedKeyUsage could pass for either.
 */
static bool check_ext_key_usage(struct task *t, const char *usage)
{
    static const char *const names[] = {"clientAuth", "serverAuth", NULL};
    static const char *const refused[] = {
        "cmcRA",       "id-kp-cmcRA",         "1.3.6.1.5.5.7.3.28",
        "cmcCA",       "id-kp-cmcCA",         "1.3.6.1.5.5.7.3.27",
        "2.5.29.37.0", "anyExtendedKeyUsage", NULL,
    };
    ENSURE(t, !is_one_of(usage, refused), E_INVALID,
           "ext-key-usage: \"%s\" would make a device pass for a registrar or CA", usage);
    ENSURE(t, is_one_of(usage, names) || is_oid(usage), E_INVALID,
           "ext-key-usage: \"%s\" is neither clientAuth, serverAuth nor an OID", usage);
    return true;
}

bool profile_check(struct task *t, const struct profile *profile)
{
    TRY(record_check(t, &profile_type, profile));
    TRY(slug_check(t, "name", profile->name));
    TRY(slug_check(t, "ca", profile->ca));
    if (profile->dns_pattern != NULL && !device_name_check(t, profile->dns_pattern))
        return fail_context(t, "dns-pattern");
    for (size_t i = 0; i < profile->key_usage.count; i++)
        TRY(check_key_usage(t, profile->key_usage.items[i]));
    for (size_t i = 0; i < profile->ext_key_usage.count; i++)
        TRY(check_ext_key_usage(t, profile->ext_key_usage.items[i]));
    return true;
}

bool profile_put(struct task *t, struct tx *tx, const struct profile *profile)
{
    TRY(profile_check(t, profile));
    return table_put(t, tx, &profiles, profile);
}

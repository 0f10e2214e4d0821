#include "core/store/records/profile.h"

#include "core/base/clock.h"
#include "core/store/prefixes.h"
#include "core/store/records/device_name.h"
#include "core/store/records/slug.h"

#include <string.h>

#define USAGES_MAX 16
#define OID_MAX    128
#define PARTS_MAX  16 /* of a subject, of alternative names; extensions */
#define TYPE_MAX   64
#define DER_MAX    4096 /* octets of an extension's value */

static const char *const key_names[] = {"p256",    "p384",    "rsa2048", "rsa3072", "p521",
                                        "rsa4096", "ed25519", "any",     NULL};
static const char *const hash_names[] = {"sha256", "sha384", "sha512", "any", NULL};
static const char *const csrattrs_names[] = {"legacy", "template", "both", NULL};
static const char *const ask_names[] = {"no", "value", "fill", NULL};
const char *const profile_name_kinds[] = {
    "dns",        "ip", "uri", "email", "registered-id", "acp-node-name", "directory-name",
    "other-name", NULL};

#define PATTERN_HELP                                                                               \
    "What is in braces is replaced by the device's own: {serial}, {manufacturer}, {device}, "      \
    "{profile}, {name} (what dns-pattern makes), {opaque} (a random identifier kept for it) and "  \
    "{column:NAME} (of the list of expected devices)."

static const struct field attribute_fields[] = {
    FIELD(1, struct profile_attribute, type, "type", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = TYPE_MAX,
          .help = "Attribute of the subject: CN, O, OU, serialNumber, ... or an OID."),
    FIELD(2, struct profile_attribute, value, "value", FIELD_TEXT, .max = PROFILE_TEXT_MAX,
          .help = "Its value; without one the device fills it. " PATTERN_HELP),
};
static const struct record_type attribute_type =
    RECORD_TYPE("profile-attribute", 1, struct profile_attribute, attribute_fields);

static const struct field alt_name_fields[] = {
    FIELD(1, struct profile_alt_name, kind, "kind", FIELD_ENUM, .names = profile_name_kinds,
          .preset = "dns", .help = "Which kind of name."),
    FIELD(2, struct profile_alt_name, value, "value", FIELD_TEXT, .max = PROFILE_TEXT_MAX,
          .help = "The name; an ip or directory-name without one is filled by the "
                  "device. " PATTERN_HELP),
    FIELD(3, struct profile_alt_name, type_id, "type-id", FIELD_TEXT, .max = OID_MAX,
          .help = "Type of an other-name, an OID; its value is a UTF8String."),
};
static const struct record_type alt_name_type =
    RECORD_TYPE("profile-alt-name", 1, struct profile_alt_name, alt_name_fields);

static const struct field extension_fields[] = {
    FIELD(1, struct profile_extension, oid, "oid", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = OID_MAX, .help = "The extension, an OID."),
    FIELD(2, struct profile_extension, critical, "critical", FIELD_BOOL, .preset = "false",
          .help = "Whether it is critical."),
    FIELD(3, struct profile_extension, value, "value", FIELD_HEX, .max = DER_MAX,
          .help = "Its value, DER in hexadecimal. With neither value nor text the device fills "
                  "it."),
    FIELD(4, struct profile_extension, text, "text", FIELD_TEXT, .max = PROFILE_TEXT_MAX,
          .help = "Its value as a UTF8String. " PATTERN_HELP),
};
static const struct record_type extension_type =
    RECORD_TYPE("profile-extension", 1, struct profile_extension, extension_fields);

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
    FIELD(100, struct profile, subject, "subject", FIELD_RECORDS, .flags = FIELD_LIVE,
          .max = PARTS_MAX, .sub = &attribute_type,
          .help = "The subject that devices are told to ask for, outermost first. Without it they "
                  "keep what their IDevID says. Only the template can ask for it."),
    FIELD(101, struct profile, alt_names, "alt-names", FIELD_RECORDS, .flags = FIELD_LIVE,
          .max = PARTS_MAX, .sub = &alt_name_type,
          .help = "Names that devices are told to ask for, besides that of dns-pattern. A name "
                  "that is made of a device's own values is given to one device only."),
    FIELD(102, struct profile, alt_names_critical, "alt-names-critical", FIELD_BOOL,
          .flags = FIELD_LIVE, .preset = "false",
          .help = "Whether the names are critical, in the request and in the certificate."),
    FIELD(103, struct profile, extensions, "extensions", FIELD_RECORDS, .flags = FIELD_LIVE,
          .max = PARTS_MAX, .sub = &extension_type,
          .help = "Further extensions that devices are told to ask for; the certificate has them."),
    FIELD(104, struct profile, ask_key_usage, "ask-key-usage", FIELD_ENUM, .flags = FIELD_LIVE,
          .names = ask_names, .preset = "no",
          .help = "Whether devices are told to ask for the key usage: no (they get it anyway), "
                  "value (for all of it) or fill (for what they want of it, and they get no "
                  "more)."),
    FIELD(105, struct profile, ask_ext_key_usage, "ask-ext-key-usage", FIELD_ENUM,
          .flags = FIELD_LIVE, .names = ask_names, .preset = "no",
          .help = "The same for the extended key usage."),
    FIELD(106, struct profile, fill, "fill", FIELD_TEXTS, .flags = FIELD_LIVE, .max = PARTS_MAX,
          .help = "OIDs of attributes that devices are to fill, in the subject or beside it, named "
                  "bare as RFC 7030 4.5.2 has it; not in the template."),
    FIELD(107, struct profile, challenge_password, "challenge-password", FIELD_BOOL,
          .flags = FIELD_LIVE, .preset = "false",
          .help = "Whether requests must be bound to their TLS connection (RFC 7030 3.5)."),
    FIELD(108, struct profile, csrattrs, "csrattrs", FIELD_ENUM, .flags = FIELD_LIVE,
          .names = csrattrs_names, .preset = "legacy",
          .help = "How devices are told: legacy (RFC 7030 4.5.2), template (RFC 9908 3.4) or both, "
                  "where a request that follows either is taken."),
    FIELD(109, struct profile, change_subject_name, "change-subject-name", FIELD_BOOL,
          .flags = FIELD_LIVE, .preset = "false",
          .help = "Whether a device that renews may ask for the names that this profile gives "
                  "now, with ChangeSubjectName (RFC 7030 4.2.2); otherwise names stay."),
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

/* ---- What devices are told to ask for ---- */

/* The device cannot be told to fill it but by the template. */
static bool check_gap(struct task *t, const struct profile *profile, const char *what)
{
    ENSURE(t, profile->csrattrs != PROFILE_LEGACY, E_INVALID,
           "%s: only the template (RFC 9908 3.4) tells a device to fill it: csrattrs must be "
           "template or both",
           what);
    return true;
}

static bool check_subject(struct task *t, const struct profile *profile)
{
    ENSURE(t, profile->subject.count == 0 || profile->csrattrs != PROFILE_LEGACY, E_INVALID,
           "subject: only the template (RFC 9908 3.4) asks for one: csrattrs must be template or "
           "both");
    return true;
}

static bool check_alt_name(struct task *t, const struct profile *profile,
                           const struct profile_alt_name *name)
{
    const char *kind = profile_name_kinds[name->kind];
    bool fillable = name->kind == PROFILE_NAME_IP || name->kind == PROFILE_NAME_DIRECTORY;
    ENSURE(t, name->value != NULL || fillable, E_INVALID,
           "alt-names: %s needs a value; devices can fill an ip or directory-name only (RFC "
           "9908 3.4)",
           kind);
    ENSURE(t, (name->kind == PROFILE_NAME_OTHER) == (name->type_id != NULL), E_INVALID,
           "alt-names: type-id is for an other-name, which needs it");
    ENSURE(t, name->type_id == NULL || is_oid(name->type_id), E_INVALID,
           "alt-names: type-id: \"%s\" is no OID", name->type_id);
    return name->value != NULL || check_gap(t, profile, "alt-names");
}

/* What has an item of its own, and what is the CA's to say. */
static bool check_extension(struct task *t, const struct profile *profile,
                            const struct profile_extension *extension)
{
    static const char *const own[] = {"2.5.29.15", "2.5.29.17", "2.5.29.37", NULL};
    static const char *const of_ca[] = {
        "2.5.29.14",
        "2.5.29.18",
        "2.5.29.19",
        "2.5.29.20",
        "2.5.29.30",
        "2.5.29.31",
        "2.5.29.33",
        "2.5.29.35",
        "2.5.29.36",
        "2.5.29.46",
        "2.5.29.54",
        "1.3.6.1.5.5.7.1.1",
        "1.3.6.1.5.5.7.48.1.5",
        NULL,
    };
    const char *oid = extension->oid;
    size_t times = 0;
    const struct profile_extension *all = profile->extensions.items;
    for (size_t i = 0; i < profile->extensions.count; i++)
        times += strcmp(all[i].oid, oid) == 0;
    ENSURE(t, is_oid(oid), E_INVALID, "extensions: \"%s\" is no OID", oid);
    ENSURE(t, times == 1, E_INVALID, "extensions: %s twice", oid);
    ENSURE(t, !is_one_of(oid, own), E_INVALID,
           "extensions: %s has items of its own: alt-names, ask-key-usage, ask-ext-key-usage", oid);
    ENSURE(t, !is_one_of(oid, of_ca), E_INVALID, "extensions: %s is for the CA to give", oid);
    bool has_value = bytes_present(extension->value);
    ENSURE(t, !has_value || extension->text == NULL, E_INVALID,
           "extensions: %s has both a value and a text", oid);
    return has_value || extension->text != NULL || check_gap(t, profile, "extensions");
}

static bool check_fill(struct task *t, const struct profile *profile)
{
    static const char *const own[] = {"1.2.840.113549.1.9.7",
                                      "1.2.840.113549.1.9.14",
                                      "1.2.840.113549.1.9.16.2.61",
                                      "1.2.840.113549.1.9.16.2.62",
                                      "1.2.840.10045.2.1",
                                      "1.2.840.113549.1.1.1",
                                      "1.2.840.10045.4.3.2",
                                      "1.2.840.10045.4.3.3",
                                      "1.2.840.10045.4.3.4",
                                      "1.2.840.113549.1.1.11",
                                      "1.2.840.113549.1.1.12",
                                      "1.2.840.113549.1.1.13",
                                      NULL};
    ENSURE(t, profile->fill.count == 0 || profile->csrattrs != PROFILE_TEMPLATE, E_INVALID,
           "fill: not with csrattrs template, where subject and extensions say it");
    for (size_t i = 0; i < profile->fill.count; i++) {
        const char *oid = profile->fill.items[i];
        ENSURE(t, is_oid(oid), E_INVALID, "fill: \"%s\" is no OID", oid);
        ENSURE(t, !is_one_of(oid, own), E_INVALID, "fill: %s has an item of its own", oid);
    }
    return true;
}

static bool check_key(struct task *t, const struct profile *profile)
{
    ENSURE(t, profile->key != PROFILE_KEY_ED25519 || profile->csrattrs == PROFILE_TEMPLATE,
           E_INVALID, "key: only the template asks for ed25519: csrattrs must be template");
    ENSURE(t, profile->key != PROFILE_KEY_ANY || profile->hash == PROFILE_HASH_ANY, E_INVALID,
           "hash: must be any where the key is: a hash is asked for together with a kind of key");
    return true;
}

static bool check_asks(struct task *t, const struct profile *profile)
{
    const struct profile_alt_name *names = profile->alt_names.items;
    const struct profile_extension *extensions = profile->extensions.items;
    TRY(check_key(t, profile));
    TRY(check_subject(t, profile));
    for (size_t i = 0; i < profile->alt_names.count; i++)
        TRY(check_alt_name(t, profile, &names[i]));
    for (size_t i = 0; i < profile->extensions.count; i++)
        TRY(check_extension(t, profile, &extensions[i]));
    TRY(check_fill(t, profile));
    ENSURE(t, profile->ask_key_usage == PROFILE_ASK_NO || profile->key_usage.count > 0, E_INVALID,
           "ask-key-usage: the profile has no key-usage");
    ENSURE(t, profile->ask_ext_key_usage == PROFILE_ASK_NO || profile->ext_key_usage.count > 0,
           E_INVALID, "ask-ext-key-usage: the profile has no ext-key-usage");
    if (profile->ask_key_usage == PROFILE_ASK_FILL)
        TRY(check_gap(t, profile, "ask-key-usage"));
    return profile->ask_ext_key_usage != PROFILE_ASK_FILL ||
           check_gap(t, profile, "ask-ext-key-usage");
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
    return check_asks(t, profile);
}

bool profile_put(struct task *t, struct tx *tx, const struct profile *profile)
{
    TRY(profile_check(t, profile));
    return table_put(t, tx, &profiles, profile);
}

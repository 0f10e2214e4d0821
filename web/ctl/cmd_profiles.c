#include "core/store/records/profile.h"
#include "web/ctl/commands.h"
#include "web/ctl/confirm.h"
#include "web/ctl/members.h"
#include "web/ctl/profile_asks.h"
#include "web/ctl/resource.h"

/* ---- add, set ---- */

struct profile_options {
    const char *ca;
    const char *dns_pattern;
    const char *key;
    const char *hash;
    const char *validity;
    struct text_list key_usage;
    struct text_list ext_key_usage;
    struct text_list subject;
    struct text_list alt_names;
    const char *alt_names_critical;
    struct text_list extensions;
    const char *ask_key_usage;
    const char *ask_ext_key_usage;
    struct text_list fill;
    const char *challenge_password;
    const char *csrattrs;
    const char *change_subject_name;
    const char *file;
};

static const struct option profile_options[] = {
    OPTION(struct profile_options, ca, "ca", OPTION_TEXT, "NAME",
           "The CA that issues; by default local."),
    OPTION(struct profile_options, dns_pattern, "dns-pattern", OPTION_TEXT, "PATTERN",
           "The DNS name that devices are told to ask for, such as {serial}.phones.example.com; "
           "without it they get none."),
    OPTION(
        struct profile_options, key, "key", OPTION_TEXT, "KIND",
        "The kind of key that devices are told to make: p256 (the default), p384, p521, rsa2048, "
        "rsa3072, rsa4096, ed25519 or any."),
    OPTION(struct profile_options, hash, "hash", OPTION_TEXT, "HASH",
           "The hash that devices are told to sign their request with: sha256 (the default), "
           "sha384, sha512 or any."),
    OPTION(struct profile_options, validity, "validity", OPTION_TEXT, "DURATION",
           "How long a certificate is valid, such as \"90 d\"; by default 365 d."),
    OPTION(struct profile_options, key_usage, "key-usage", OPTION_TEXTS, "USAGE",
           "A key usage; by default digitalSignature."),
    OPTION(struct profile_options, ext_key_usage, "ext-key-usage", OPTION_TEXTS, "USAGE",
           "An extended key usage: clientAuth (the default), serverAuth or an OID."),
    OPTION(struct profile_options, csrattrs, "csrattrs", OPTION_TEXT, "HOW",
           "How devices are told: legacy (the default), template (RFC 9908 3.4) or both."),
    OPTION(struct profile_options, subject, "subject", OPTION_TEXTS, "TYPE[=VALUE]",
           "An RDN of the subject, outermost first; without a value the device fills it."),
    OPTION(struct profile_options, alt_names, "alt-name", OPTION_TEXTS, "KIND[=VALUE]",
           "An alternative name: dns, ip, uri, email, registered-id, acp-node-name, "
           "directory-name or other-name=OID:VALUE. The device fills an ip or directory-name "
           "without a value."),
    OPTION(struct profile_options, alt_names_critical, "alt-names-critical", OPTION_TEXT, "yes|no",
           "Whether the alternative names are critical."),
    OPTION(struct profile_options, extensions, "extension", OPTION_TEXTS,
           "[critical,]OID[=hex:DER|=text:TEXT]",
           "A further extension; without a value the device fills it."),
    OPTION(struct profile_options, ask_key_usage, "ask-key-usage", OPTION_TEXT, "no|value|fill",
           "Whether devices are told to ask for the key usage."),
    OPTION(struct profile_options, ask_ext_key_usage, "ask-ext-key-usage", OPTION_TEXT,
           "no|value|fill", "Whether devices are told to ask for the extended key usage."),
    OPTION(struct profile_options, fill, "fill", OPTION_TEXTS, "OID",
           "An attribute that devices are to fill, named bare (RFC 7030 4.5.2)."),
    OPTION(struct profile_options, challenge_password, "challenge-password", OPTION_TEXT, "yes|no",
           "Whether requests must be bound to their TLS connection."),
    OPTION(struct profile_options, change_subject_name, "change-subject-name", OPTION_TEXT,
           "yes|no", "Whether a device that renews may ask for the names it is given now."),
    OPTION(struct profile_options, file, "file", OPTION_TEXT, "FILE",
           "The whole profile as YAML, its name included; other options change what it says."),
};

static bool set_asks(struct task *t, json_t *body, const struct profile_options *o)
{
    TRY(member_set_text(t, body, "csrattrs", o->csrattrs));
    TRY(asks_set_subject(t, body, &o->subject));
    TRY(asks_set_alt_names(t, body, &o->alt_names));
    TRY(member_set_bool(t, body, "alt-names-critical", o->alt_names_critical));
    TRY(asks_set_extensions(t, body, &o->extensions));
    TRY(member_set_text(t, body, "ask-key-usage", o->ask_key_usage));
    TRY(member_set_text(t, body, "ask-ext-key-usage", o->ask_ext_key_usage));
    TRY(member_set_texts(t, body, "fill", &o->fill));
    TRY(member_set_bool(t, body, "challenge-password", o->challenge_password));
    return member_set_bool(t, body, "change-subject-name", o->change_subject_name);
}

static bool set_members(struct task *t, json_t *body, const void *options)
{
    const struct profile_options *o = options;
    TRY(asks_set_file(t, body, o->file));
    TRY(set_asks(t, body, o));
    TRY(member_set_text(t, body, "ca", o->ca));
    TRY(member_set_text(t, body, "dns-pattern", o->dns_pattern));
    TRY(member_set_text(t, body, "key", o->key));
    TRY(member_set_text(t, body, "hash", o->hash));
    TRY(member_set_text(t, body, "validity", o->validity));
    TRY(member_set_texts(t, body, "key-usage", &o->key_usage));
    return member_set_texts(t, body, "ext-key-usage", &o->ext_key_usage);
}

static const struct print_column columns[] = {
    {"NAME", "name"}, {"CA", "ca"},     {"DNS NAME", "dns-pattern"},
    {"KEY", "key"},   {"HASH", "hash"}, {"VALIDITY", "validity"},
};
static const struct resource resource = {
    .path = "/v1/profiles",
    .noun = "profile",
    .empty = "no profiles; `gatehousectl profiles add`",
    .columns = columns,
    .column_count = ARRAY_SIZE(columns),
    .type = &profile_type,
    .set = set_members,
};

static bool profiles_add(struct task *t, struct ctl *ctl, const struct text_list *words,
                         const void *options)
{
    json_t *made;
    return resource_add(t, ctl, &resource, "name", words->items[0], options, &made);
}

static bool profiles_set(struct task *t, struct ctl *ctl, const struct text_list *words,
                         const void *options)
{
    ENSURE(t, options_given(profile_options, ARRAY_SIZE(profile_options), options), E_CTL_USAGE,
           "profiles set: no option says what to change");
    return resource_change(t, ctl, &resource, words->items[0], options);
}

static bool profiles_list(struct task *t, struct ctl *ctl, const struct text_list *words,
                          const void *options)
{
    (void)words;
    (void)options;
    return resource_list(t, ctl, &resource);
}

static bool profiles_show(struct task *t, struct ctl *ctl, const struct text_list *words,
                          const void *options)
{
    (void)options;
    return resource_show(t, ctl, &resource, words->items[0]);
}

static bool profiles_remove(struct task *t, struct ctl *ctl, const struct text_list *words,
                            const void *options)
{
    const struct confirm_options *o = options;
    TRY(confirm(t, o->yes, arena_printf(t->arena, "Remove the profile %s?", words->items[0])));
    return resource_remove(t, ctl, &resource, words->items[0]);
}

#define VALUES                                                                                     \
    "In values, what is in braces is replaced by the device's own: {serial}, {manufacturer}, "     \
    "{device}, {profile}, {name}, {opaque} and {column:NAME}. `gatehousectl csrattrs show` shows " \
    "what comes of it."

const struct command profile_commands[] = {
    {.name = "profiles add",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Add an enrolment profile: which identity devices are told to ask for.",
     .text = VALUES,
     OPTIONS(struct profile_options, profile_options),
     .run = profiles_add},
    {.name = "profiles list", .summary = "List the enrolment profiles.", .run = profiles_list},
    {.name = "profiles set",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Change an enrolment profile.",
     .text = "What no option names stays as it is; an empty value takes away what is there, or "
             "brings back the default. Certificates that are there already do not change. " VALUES,
     OPTIONS(struct profile_options, profile_options),
     .run = profiles_set},
    {.name = "profiles show",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Show one enrolment profile.",
     .run = profiles_show},
    {.name = "profiles remove",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Remove an enrolment profile that no manufacturer and no label has.",
     OPTIONS(struct confirm_options, confirm_options),
     .run = profiles_remove},
    {.name = NULL},
};

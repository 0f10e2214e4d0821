#include "core/store/records/profile.h"
#include "web/ctl/commands.h"
#include "web/ctl/members.h"
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
};

static const struct option profile_options[] = {
    OPTION(struct profile_options, ca, "ca", OPTION_TEXT, "NAME",
           "The CA that issues; by default local."),
    OPTION(struct profile_options, dns_pattern, "dns-pattern", OPTION_TEXT, "PATTERN",
           "The DNS name that devices are told to ask for, such as {serial}.phones.example.com; "
           "without it they get none."),
    OPTION(struct profile_options, key, "key", OPTION_TEXT, "KIND",
           "The kind of key that devices are told to make: p256 (the default), p384, rsa2048 or "
           "rsa3072."),
    OPTION(struct profile_options, hash, "hash", OPTION_TEXT, "HASH",
           "The hash that devices are told to sign their request with: sha256 (the default), "
           "sha384 or sha512."),
    OPTION(struct profile_options, validity, "validity", OPTION_TEXT, "DURATION",
           "How long a certificate is valid, such as \"90 d\"; by default 365 d."),
    OPTION(struct profile_options, key_usage, "key-usage", OPTION_TEXTS, "USAGE",
           "A key usage; by default digitalSignature."),
    OPTION(struct profile_options, ext_key_usage, "ext-key-usage", OPTION_TEXTS, "USAGE",
           "An extended key usage: clientAuth (the default), serverAuth or an OID."),
};

static bool set_members(struct task *t, json_t *body, const void *options)
{
    const struct profile_options *o = options;
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

const struct command profile_commands[] = {
    {.name = "profiles add",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Add an enrolment profile: which identity devices are told to ask for.",
     OPTIONS(struct profile_options, profile_options),
     .run = profiles_add},
    {.name = "profiles list", .summary = "List the enrolment profiles.", .run = profiles_list},
    {.name = "profiles set",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Change an enrolment profile.",
     .text = "What no option names stays as it is; an empty value takes away what is there, or "
             "brings back the default. Certificates that are there already do not change.",
     OPTIONS(struct profile_options, profile_options),
     .run = profiles_set},
    {.name = "profiles show",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Show one enrolment profile.",
     .run = profiles_show},
    {.name = NULL},
};

#include "web/ctl/commands.h"
#include "web/ctl/confirm.h"
#include "web/ctl/members.h"
#include "web/ctl/resource.h"

struct add_options {
    struct text_list labels;
    const char *name;
    const char *uses;
    bool unlimited;
    const char *expires;
    const char *password_file;
    bool digest;
    bool digest_md5;
    bool cmc;
    const char *decrypt_key_file;
};

static const struct option add_options[] = {
    OPTION(struct add_options, labels, "label", OPTION_TEXTS, "NAME",
           "EST label under which it is taken; by default the one called default."),
    OPTION(struct add_options, name, "name", OPTION_TEXT, "DNS-NAME",
           "The one name that may be asked for with it, or *.domain; by default the label's "
           "domains say."),
    OPTION(struct add_options, uses, "uses", OPTION_TEXT, "COUNT",
           "How many certificates it is good for; by default one."),
    OPTION(struct add_options, unlimited, "unlimited", OPTION_FLAG, NULL,
           "It is good for any number of certificates."),
    OPTION(struct add_options, expires, "expires", OPTION_TEXT, "TIME",
           "When it ends, such as 2027-01-31T00:00:00Z."),
    OPTION(struct add_options, password_file, "password-file", OPTION_TEXT, "FILE",
           "The password (\"-\": standard input); by default one is made and printed, this once."),
    OPTION(struct add_options, digest, "digest", OPTION_FLAG, NULL,
           "It can be used with HTTP Digest (SHA-256), too."),
    OPTION(struct add_options, digest_md5, "digest-md5", OPTION_FLAG, NULL,
           "And with HTTP Digest by MD5, where the label allows that."),
    OPTION(struct add_options, cmc, "cmc", OPTION_FLAG, NULL,
           "It can be used for identity proofs of Full CMC, too."),
    OPTION(struct add_options, decrypt_key_file, "decrypt-key-file", OPTION_TEXT, "FILE",
           "A key that the clients have, too, in base64 (\"-\": standard input; `openssl rand "
           "-base64 32` makes one). It encrypts the keys that are made for clients which name USER "
           "in a DecryptKeyIdentifier."),
};

static bool set_members(struct task *t, json_t *body, const void *options)
{
    const struct add_options *o = options;
    const char *presets[] = {"default"};
    const struct text_list preset = {presets, 1};
    TRY(member_set_texts(t, body, "labels", o->labels.count > 0 ? &o->labels : &preset));
    TRY(member_set_text(t, body, "name", o->name));
    TRY(member_set_number(t, body, "uses", o->uses));
    TRY(member_set_text(t, body, "expires", o->expires));
    (void)json_object_set_new(body, "unlimited", json_boolean(o->unlimited));
    (void)json_object_set_new(body, "digest", json_boolean(o->digest));
    (void)json_object_set_new(body, "digest-md5", json_boolean(o->digest_md5));
    (void)json_object_set_new(body, "cmc", json_boolean(o->cmc));
    TRY(member_set_secret(t, body, "decrypt-key", o->decrypt_key_file));
    return member_set_secret(t, body, "password", o->password_file);
}

static const struct print_column columns[] = {
    {"USER", "user"},
    {"LABELS", "labels"},
    {"USES", "uses"},
    {"UNLIMITED", "unlimited"},
    {"EXPIRES", "expires"},
    {"LAST USED", "last-used"},
    {"NAME", "name"},
    {"DIGEST", "digest"},
    {"MD5", "digest-by-md5"},
    {"CMC", "cmc"},
    {"DECRYPT KEY", "decrypt-key-set"},
};
static const struct resource resource = {
    .path = "/v1/secrets",
    .noun = "secret",
    .empty = "no enrolment secrets; `gatehousectl secrets add`",
    .columns = columns,
    .column_count = ARRAY_SIZE(columns),
    .set = set_members,
};

static bool secrets_add(struct task *t, struct ctl *ctl, const struct text_list *words,
                        const void *options)
{
    json_t *made;
    TRY(resource_add(t, ctl, &resource, "user", words->items[0], options, &made));
    const char *password = json_string_value(json_object_get(made, "password"));
    if (password != NULL && !ctl->json)
        (void)fprintf(ctl->out, "password %s\n", print_safe(t->arena, password));
    return true;
}

static bool secrets_list(struct task *t, struct ctl *ctl, const struct text_list *words,
                         const void *options)
{
    (void)words;
    (void)options;
    return resource_list(t, ctl, &resource);
}

static bool secrets_remove(struct task *t, struct ctl *ctl, const struct text_list *words,
                           const void *options)
{
    const struct confirm_options *o = options;
    TRY(confirm(t, o->yes,
                arena_printf(t->arena, "Remove the secret %s?  Nobody enrols with it any more.",
                             words->items[0])));
    return resource_remove(t, ctl, &resource, words->items[0]);
}

const struct command secret_commands[] = {
    {.name = "secrets add",
     .words = "USER",
     .words_min = 1,
     .words_max = 1,
     .summary = "Make an enrolment secret: a password for clients that have no certificate yet.",
     OPTIONS(struct add_options, add_options),
     .run = secrets_add},
    {.name = "secrets list", .summary = "List the enrolment secrets.", .run = secrets_list},
    {.name = "secrets remove",
     .words = "USER",
     .words_min = 1,
     .words_max = 1,
     .summary = "Take an enrolment secret away.",
     OPTIONS(struct confirm_options, confirm_options),
     .run = secrets_remove},
    {.name = NULL},
};

#include "core/store/records/est_label.h"
#include "web/ctl/commands.h"
#include "web/ctl/confirm.h"
#include "web/ctl/members.h"
#include "web/ctl/resource.h"

struct label_options {
    const char *title;
    const char *profile;
    struct text_list proofs;
    const char *password_too;
    struct text_list anchors;
    struct text_list domains;
    const char *binding;
    const char *line_length;
    const char *digest_md5;
    const char *renew_before;
    const char *renew_after;
    const char *approval;
    const char *per_day;
    const char *full_cmc;
    const char *server_keys;
    const char *change_subject_name;
    const char *other_labels;
};

static const struct option label_options[] = {
    OPTION(struct label_options, proofs, "authenticate", OPTION_TEXTS, "PROOF",
           "How clients may prove who they are: idevid, certificate, third-party, password or ra; "
           "any of those given is enough."),
    OPTION(struct label_options, password_too, "password-too", OPTION_TEXT, "yes|no",
           "Whether a password is asked for besides the certificate."),
    OPTION(struct label_options, profile, "profile", OPTION_TEXT, "NAME",
           "Enrolment profile of clients that are no devices."),
    OPTION(struct label_options, domains, "domain", OPTION_TEXTS, "NAME",
           "A domain whose names may be asked for."),
    OPTION(struct label_options, anchors, "anchor", OPTION_TEXTS, "FILE",
           "Certificates that third parties' and RAs' certificates chain to."),
    OPTION(struct label_options, binding, "channel-binding", OPTION_TEXT, "optional|required",
           "Whether requests must be linked to their TLS connection."),
    OPTION(struct label_options, approval, "approval", OPTION_TEXT, "yes|no",
           "Whether an administrator decides on each request."),
    OPTION(struct label_options, per_day, "per-day", OPTION_TEXT, "COUNT",
           "Most certificates for the same subject in a day."),
    OPTION(struct label_options, change_subject_name, "change-subject-name", OPTION_TEXT, "yes|no",
           "Whether a client that renews may ask for other names."),
    OPTION(struct label_options, other_labels, "other-labels", OPTION_TEXT, "yes|no",
           "Whether certificates that were given under other labels are taken, too, and renewed by "
           "this label's rules."),
    OPTION(struct label_options, renew_before, "renew-before", OPTION_TEXT, "DURATION",
           "How long before its end a certificate may be renewed; \"0 s\": at any time."),
    OPTION(struct label_options, renew_after, "renew-after", OPTION_TEXT, "DURATION",
           "How long after its end a certificate may still be renewed."),
    OPTION(struct label_options, line_length, "line-length", OPTION_TEXT, "CHARACTERS",
           "Of base64 in a line of an answer; 0: one single line."),
    OPTION(struct label_options, digest_md5, "digest-md5", OPTION_TEXT, "yes|no",
           "Whether HTTP Digest by MD5 is offered."),
    OPTION(struct label_options, full_cmc, "full-cmc", OPTION_TEXT, "yes|no",
           "Whether clients may enrol by Full CMC (fullcmc), too."),
    OPTION(struct label_options, server_keys, "server-keys", OPTION_TEXT, "off|encrypted|plain",
           "Whether keys are made for clients (serverkeygen), and whether they may leave with "
           "nothing but TLS around them."),
    OPTION(struct label_options, title, "title", OPTION_TEXT, "TEXT", "What it is for."),
};

static bool set_members(struct task *t, json_t *body, const void *options)
{
    const struct label_options *o = options;
    TRY(member_set_text(t, body, "title", o->title));
    TRY(member_set_text(t, body, "profile", o->profile));
    TRY(member_set_texts(t, body, "authenticate", &o->proofs));
    TRY(member_set_bool(t, body, "password-too", o->password_too));
    TRY(member_set_certificates(t, body, "anchors", &o->anchors));
    TRY(member_set_texts(t, body, "domains", &o->domains));
    TRY(member_set_text(t, body, "channel-binding", o->binding));
    TRY(member_set_number(t, body, "line-length", o->line_length));
    TRY(member_set_bool(t, body, "digest-md5", o->digest_md5));
    TRY(member_set_bool(t, body, "change-subject-name", o->change_subject_name));
    TRY(member_set_bool(t, body, "other-labels", o->other_labels));
    TRY(member_set_text(t, body, "renew-before", o->renew_before));
    TRY(member_set_text(t, body, "renew-after", o->renew_after));
    TRY(member_set_bool(t, body, "approval", o->approval));
    TRY(member_set_bool(t, body, "full-cmc", o->full_cmc));
    TRY(member_set_text(t, body, "server-keys", o->server_keys));
    return member_set_number(t, body, "per-day", o->per_day);
}

static const struct print_column columns[] = {
    {"NAME", "name"}, {"PROFILE", "profile"}, {"APPROVAL", "approval"}, {"TITLE", "title"}};
static const struct resource resource = {
    .path = "/v1/labels",
    .noun = "label",
    .empty = "no labels but the default one, which is for devices",
    .columns = columns,
    .column_count = ARRAY_SIZE(columns),
    .type = &est_label_type,
    .set = set_members,
};

static bool labels_add(struct task *t, struct ctl *ctl, const struct text_list *words,
                       const void *options)
{
    json_t *made;
    return resource_add(t, ctl, &resource, "name", words->items[0], options, &made);
}

static bool labels_set(struct task *t, struct ctl *ctl, const struct text_list *words,
                       const void *options)
{
    ENSURE(t, options_given(label_options, ARRAY_SIZE(label_options), options), E_CTL_USAGE,
           "labels set: no option says what to change");
    return resource_change(t, ctl, &resource, words->items[0], options);
}

static bool labels_list(struct task *t, struct ctl *ctl, const struct text_list *words,
                        const void *options)
{
    (void)words;
    (void)options;
    return resource_list(t, ctl, &resource);
}

static bool labels_show(struct task *t, struct ctl *ctl, const struct text_list *words,
                        const void *options)
{
    (void)options;
    return resource_show(t, ctl, &resource, words->items[0]);
}

static bool labels_remove(struct task *t, struct ctl *ctl, const struct text_list *words,
                          const void *options)
{
    const struct confirm_options *o = options;
    TRY(confirm(t, o->yes,
                arena_printf(t->arena, "Remove the label %s?  Nobody enrols under it any more.",
                             words->items[0])));
    return resource_remove(t, ctl, &resource, words->items[0]);
}

const struct command label_commands[] = {
    {.name = "labels add",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Add an EST label: who enrols at /.well-known/est/NAME/, and how.",
     .text = "The label called default is that of the paths without a label. While there is none, "
             "those are for devices alone.",
     OPTIONS(struct label_options, label_options),
     .run = labels_add},
    {.name = "labels list", .summary = "List the EST labels.", .run = labels_list},
    {.name = "labels show",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Show one EST label.",
     .run = labels_show},
    {.name = "labels set",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Change an EST label.",
     .text = "What no option names stays as it is; an empty value takes away what is there, or "
             "brings back the default.",
     OPTIONS(struct label_options, label_options),
     .run = labels_set},
    {.name = "labels remove",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Remove an EST label.",
     OPTIONS(struct confirm_options, confirm_options),
     .run = labels_remove},
    {.name = NULL},
};

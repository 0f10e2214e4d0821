#include "core/base/file.h"
#include "core/pki/cert.h"
#include "web/ctl/call.h"
#include "web/ctl/commands.h"
#include "web/ctl/confirm.h"
#include "web/ctl/print.h"

#include <string.h>

#define PATH    "/v1/certificates"
#define ID_TEXT ((size_t)2 * SHA256_LEN) /* characters of an id */

/* ---- list ---- */

struct list_options {
    const char *name;
    const char *serial;
    const char *key;
    const char *device;
    const char *expires_before;
    const char *state;
    const char *ca;
};

static const struct option list_options[] = {
    OPTION(struct list_options, name, "name", OPTION_TEXT, "TEXT",
           "Those whose subject, common name or alternative name begins like this."),
    OPTION(struct list_options, serial, "serial", OPTION_TEXT, "HEX", "By serial number."),
    OPTION(struct list_options, key, "key", OPTION_TEXT, "HEX",
           "By the SHA-256 of the public key (SubjectPublicKeyInfo)."),
    OPTION(struct list_options, device, "device", OPTION_TEXT, "ID", "Only this device's."),
    OPTION(struct list_options, expires_before, "expires-before", OPTION_TEXT, "TIME",
           "Only those that end before this time, such as 2027-01-31T00:00:00Z."),
    OPTION(struct list_options, state, "state", OPTION_TEXT, "STATE",
           "Only those that are issued, revoked or suspended."),
    OPTION(struct list_options, ca, "ca", OPTION_TEXT, "NAME", "Only those of this CA."),
};

static bool certificates_list(struct task *t, struct ctl *ctl, const struct text_list *words,
                              const void *options)
{
    static const struct print_column columns[] = {
        {"SERIAL", "serial-number"}, {"STATE", "state"}, {"UNTIL", "not-after"}, {"CA", "ca"},
        {"SUBJECT", "subject"},
    };
    const struct list_options *o = options;
    const struct {
        const char *name;
        const char *value;
    } filters[] = {
        {"name", o->name},     {"serial", o->serial}, {"key", o->key},
        {"device", o->device}, {"state", o->state},   {"expires-before", o->expires_before},
        {"ca", o->ca},
    };
    const char *query = "";
    json_t *list;
    (void)words;
    for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
        query = ctl_query(t->arena, query, filters[i].name, filters[i].value);
    TRY(ctl_list(t, ctl, PATH, query, &list));
    if (ctl->json)
        print_json(ctl->out, list);
    else
        print_objects(ctl->out, t->arena, list, columns, ARRAY_SIZE(columns), "no certificates");
    return true;
}

/* ---- Which one ---- */

/* An id, or a serial number that one certificate alone has. */
static bool find(struct task *t, struct ctl *ctl, const char *word, const char **ret_id)
{
    json_t *list;
    if (strlen(word) == ID_TEXT) {
        *ret_id = word;
        return true;
    }
    TRY(ctl_list(t, ctl, PATH, ctl_query(t->arena, "", "serial", word), &list));
    ENSURE(t, json_array_size(list) > 0, E_NOT_FOUND, "no certificate has the serial number %s",
           print_safe(t->arena, word));
    ENSURE(t, json_array_size(list) == 1, E_CTL_USAGE,
           "%zu CAs have given this serial number: name the certificate by its SHA-256",
           json_array_size(list));
    *ret_id = print_member(t->arena, json_array_get(list, 0), "id");
    ENSURE(t, *ret_id != NULL, E_CTL_ANSWER, "a certificate without id");
    return true;
}

/* ---- show ---- */

struct show_options {
    const char *out;
};

static const struct option show_options[] = {
    OPTION(struct show_options, out, "out", OPTION_TEXT, "FILE",
           "Write the certificate itself to this file, PEM."),
};

static bool write_pem(struct task *t, const json_t *certificate, const char *path)
{
    const char *base64 = json_string_value(json_object_get(certificate, "der"));
    struct bytes der;
    const struct cert *cert;
    ENSURE(t, base64 != NULL && bytes_from_base64(t->arena, bytes_of_text(base64), &der),
           E_CTL_ANSWER, "the certificate itself is not in the answer");
    TRY(cert_parse(t, der, &cert));
    return file_write(t, path, bytes_of_text(cert_to_pem(t, cert)), 0644);
}

static bool certificates_show(struct task *t, struct ctl *ctl, const struct text_list *words,
                              const void *options)
{
    const struct show_options *o = options;
    const char *id;
    json_t *certificate;
    TRY(find(t, ctl, words->items[0], &id));
    TRY(ctl_call(t, ctl, "GET", ctl_path(t->arena, PATH, id), NULL, &certificate));
    if (o->out != NULL)
        TRY(write_pem(t, certificate, o->out));
    if (ctl->json) {
        print_json(ctl->out, certificate);
        return true;
    }
    (void)json_object_del(certificate, "der");
    print_tree(ctl->out, t->arena, certificate, 0);
    return true;
}

/* ---- revoke, suspend, resume ---- */

struct revoke_options {
    const char *reason;
    const char *because;
    bool yes;
};

static const struct option revoke_options[] = {
    OPTION(struct revoke_options, reason, "reason", OPTION_TEXT, "REASON",
           "key-compromise, affiliation-changed, superseded, cessation-of-operation, "
           "privilege-withdrawn or unspecified."),
    OPTION(struct revoke_options, because, "because", OPTION_TEXT, "TEXT", "Why, for the record."),
    OPTION(struct revoke_options, yes, "yes", OPTION_FLAG, NULL, "Do not ask."),
};

static const struct option because_options[] = {
    OPTION(struct revoke_options, because, "because", OPTION_TEXT, "TEXT", "Why, for the record."),
};

static bool act(struct task *t, struct ctl *ctl, const char *word, const char *action,
                const struct revoke_options *o)
{
    const char *id;
    json_t *certificate;
    json_t *body = json_in_arena(t, json_pack("{s:s}", "action", action));
    if (o->reason != NULL)
        (void)json_object_set_new(body, "reason", json_string(o->reason));
    if (o->because != NULL)
        (void)json_object_set_new(body, "because", json_string(o->because));
    TRY(find(t, ctl, word, &id));
    TRY(ctl_call(t, ctl, "POST", ctl_path(t->arena, PATH, id), body, &certificate));
    if (ctl->json) {
        print_json(ctl->out, certificate);
        return true;
    }
    const char *serial = print_member(t->arena, certificate, "serial-number");
    const char *state = print_member(t->arena, certificate, "state");
    (void)fprintf(ctl->out, "certificate %s is now %s\n",
                  serial == NULL ? "?" : print_safe(t->arena, serial),
                  state == NULL ? "?" : print_safe(t->arena, state));
    return true;
}

static bool certificates_revoke(struct task *t, struct ctl *ctl, const struct text_list *words,
                                const void *options)
{
    const struct revoke_options *o = options;
    TRY(confirm(t, o->yes,
                arena_printf(t->arena, "Revoke the certificate %s, for good?",
                             print_safe(t->arena, words->items[0]))));
    return act(t, ctl, words->items[0], "revoke", o);
}

static bool certificates_suspend(struct task *t, struct ctl *ctl, const struct text_list *words,
                                 const void *options)
{
    return act(t, ctl, words->items[0], "suspend", options);
}

static bool certificates_resume(struct task *t, struct ctl *ctl, const struct text_list *words,
                                const void *options)
{
    return act(t, ctl, words->items[0], "resume", options);
}

const struct command certificate_commands[] = {
    {.name = "certificates list",
     .summary = "List certificates, the soonest to expire first, or find some.",
     .text =
         "One of --name, --serial, --key and --device, and not more, chooses how they are found; "
         "the other options narrow it down.",
     OPTIONS(struct list_options, list_options),
     .run = certificates_list},
    {.name = "certificates show",
     .words = "ID|SERIAL",
     .words_min = 1,
     .words_max = 1,
     .summary = "Show one certificate's record.",
     OPTIONS(struct show_options, show_options),
     .run = certificates_show},
    {.name = "certificates revoke",
     .words = "ID|SERIAL",
     .words_min = 1,
     .words_max = 1,
     .summary = "Revoke a certificate, for good.",
     OPTIONS(struct revoke_options, revoke_options),
     .run = certificates_revoke},
    {.name = "certificates suspend",
     .words = "ID|SERIAL",
     .words_min = 1,
     .words_max = 1,
     .summary = "Put a certificate on hold.",
     OPTIONS(struct revoke_options, because_options),
     .run = certificates_suspend},
    {.name = "certificates resume",
     .words = "ID|SERIAL",
     .words_min = 1,
     .words_max = 1,
     .summary = "Make a suspended certificate good again.",
     .run = certificates_resume,
     .options_size = sizeof(struct revoke_options)},
    {.name = NULL},
};

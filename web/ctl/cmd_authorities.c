#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/pki/cert.h"
#include "web/ctl/call.h"
#include "web/ctl/commands.h"
#include "web/ctl/confirm.h"
#include "web/ctl/print.h"

#include <string.h>
#include <time.h>

#define PATH "/v1/authorities"
#define CRLS "/v1/crls"

/* How long a roll-over may take until it is looked at no more, in tries of 100 ms. */
#define TRIES_MAX 300

/* ---- authorities ---- */

/* The certificate as people know it. */
static bool add_facts(struct task *t, json_t *authority)
{
    const char *base64 = json_string_value(json_object_get(authority, "certificate"));
    struct bytes der;
    const struct cert *cert;
    ENSURE(t, base64 != NULL && bytes_from_base64(t->arena, bytes_of_text(base64), &der),
           E_CTL_ANSWER, "an authority without certificate");
    TRY(cert_parse(t, der, &cert));
    (void)json_object_set_new(authority, "subject", json_string(cert_subject(t, cert)));
    (void)json_object_set_new(authority, "until",
                              json_string(time_to_text(t->arena, cert_not_after(cert))));
    return true;
}

static bool authorities_list(struct task *t, struct ctl *ctl, const struct text_list *words,
                             const void *options)
{
    static const struct print_column columns[] = {
        {"NAME", "name"},         {"ISSUER", "issuer"}, {"UNTIL", "until"},
        {"REPLACED", "replaced"}, {"KEY", "key-label"}, {"SUBJECT", "subject"},
    };
    json_t *list;
    (void)words;
    (void)options;
    TRY(ctl_list(t, ctl, PATH, "", &list));
    if (ctl->json) {
        print_json(ctl->out, list);
        return true;
    }
    for (size_t i = 0; i < json_array_size(list); i++)
        TRY(add_facts(t, json_array_get(list, i)));
    print_objects(ctl->out, t->arena, list, columns, ARRAY_SIZE(columns), "no authorities");
    return true;
}

/* The record of that name; NULL: there is none. */
static bool get_authority(struct task *t, struct ctl *ctl, const char *name, const json_t **ret)
{
    json_t *list;
    *ret = NULL;
    TRY(ctl_list(t, ctl, PATH, "", &list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *authority = json_array_get(list, i);
        const char *known = json_string_value(json_object_get(authority, "name"));
        if (known != NULL && strcmp(known, name) == 0)
            *ret = authority;
    }
    return true;
}

static const char *label_of(const json_t *authority)
{
    const char *label = json_string_value(json_object_get(authority, "key-label"));
    return label == NULL ? "" : label;
}

/* The daemon makes the key in its own time; until the record names another one. */
static bool wait_for_key(struct task *t, struct ctl *ctl, const char *name, const char *label)
{
    static const struct timespec pause = {.tv_nsec = 100000000L};
    for (int i = 0; i < TRIES_MAX; i++) {
        const json_t *authority;
        TRY(get_authority(t, ctl, name, &authority));
        if (authority != NULL && strcmp(label_of(authority), label) != 0)
            return true;
        (void)nanosleep(&pause, NULL);
    }
    return fail(t, E_TIMEOUT, "%s has no new key yet; the daemon's log says why", name);
}

struct rollover_options {
    bool yes;
};

static const struct option rollover_options[] = {
    OPTION(struct rollover_options, yes, "yes", OPTION_FLAG, NULL, "Do not ask."),
};

static bool authorities_rollover(struct task *t, struct ctl *ctl, const struct text_list *words,
                                 const void *options)
{
    const struct rollover_options *o = options;
    const char *name = words->items[0];
    json_t *before;
    json_t *body = json_in_arena(t, json_pack("{s:s}", "action", "rollover"));
    TRY(confirm(t, o->yes,
                arena_printf(t->arena, "Give %s a new key?", print_safe(t->arena, name))));
    TRY(ctl_call(t, ctl, "POST", ctl_path(t->arena, PATH, name), body, &before));
    TRY(wait_for_key(t, ctl, name, label_of(before)));
    if (!ctl->json)
        (void)fprintf(ctl->out, "%s has a new key\n", print_safe(t->arena, name));
    return true;
}

const struct command authority_commands[] = {
    {.name = "authorities list",
     .summary = "List the owner's own certificates.",
     .run = authorities_list},
    {.name = "authorities rollover",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Give a CA a new key; the old one goes on signing its revocation lists.",
     .text = "Only device-ca can be rolled over. Certificates that it has issued stay good; "
             "/cacerts holds both, and the two certificates that lead from one to the other.",
     OPTIONS(struct rollover_options, rollover_options),
     .run = authorities_rollover},
    {.name = NULL},
};

/* ---- crls ---- */

static bool crls_list(struct task *t, struct ctl *ctl, const struct text_list *words,
                      const void *options)
{
    static const struct print_column columns[] = {
        {"AUTHORITY", "authority"}, {"NUMBER", "number"},   {"MADE", "this-update"},
        {"NEXT", "next-update"},    {"ENTRIES", "entries"},
    };
    json_t *list;
    (void)words;
    (void)options;
    TRY(ctl_list(t, ctl, CRLS, "", &list));
    if (ctl->json)
        print_json(ctl->out, list);
    else
        print_objects(ctl->out, t->arena, list, columns, ARRAY_SIZE(columns), "no lists yet");
    return true;
}

static bool find_crl(struct task *t, struct ctl *ctl, const char *authority, json_t **ret)
{
    json_t *list;
    TRY(ctl_list(t, ctl, CRLS, "", &list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = print_member(t->arena, json_array_get(list, i), "authority");
        const char *key = print_member(t->arena, json_array_get(list, i), "issuer-key-sha256");
        if (name != NULL && key != NULL && strcmp(name, authority) == 0)
            return ctl_call(t, ctl, "GET", ctl_path(t->arena, CRLS, key), NULL, ret);
    }
    return fail(t, E_NOT_FOUND, "there is no revocation list of %s",
                print_safe(t->arena, authority));
}

static bool crls_export(struct task *t, struct ctl *ctl, const struct text_list *words,
                        const void *options)
{
    json_t *crl;
    struct bytes der;
    (void)options;
    TRY(find_crl(t, ctl, words->items[0], &crl));
    const char *base64 = json_string_value(json_object_get(crl, "der"));
    ENSURE(t, base64 != NULL && bytes_from_base64(t->arena, bytes_of_text(base64), &der),
           E_CTL_ANSWER, "the list itself is not in the answer");
    return file_write(t, words->items[1], der, 0644);
}

const struct command crl_commands[] = {
    {.name = "crls list", .summary = "List the CAs' revocation lists.", .run = crls_list},
    {.name = "crls export",
     .words = "AUTHORITY FILE",
     .words_min = 2,
     .words_max = 2,
     .summary = "Write a CA's latest revocation list to a file, DER.",
     .run = crls_export},
    {.name = NULL},
};

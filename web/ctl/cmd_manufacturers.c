#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/pki/cert.h"
#include "web/ctl/call.h"
#include "web/ctl/commands.h"
#include "web/ctl/print.h"

#define PATH            "/v1/manufacturers"
#define ANCHOR_FILE_MAX (1024UL * 1024)

/* ---- add ---- */

struct add_options {
    struct text_list anchors;
    const char *masa_url;
    struct text_list masa_anchors;
    struct text_list voucher_anchors;
    struct text_list masa_networks;
    const char *title;
    const char *profile;
};

static const struct option add_options[] = {
    OPTION(struct add_options, anchors, "anchor", OPTION_TEXTS, "FILE",
           "Certificates (PEM or DER) that its IDevIDs chain to."),
    OPTION(struct add_options, masa_url, "masa-url", OPTION_TEXT, "URL",
           "Where its MASA is; without it, the IDevID's own extension says."),
    OPTION(struct add_options, masa_anchors, "masa-anchor", OPTION_TEXTS, "FILE",
           "Certificates that the MASA's TLS certificate chains to."),
    OPTION(struct add_options, voucher_anchors, "voucher-anchor", OPTION_TEXTS, "FILE",
           "Certificates that the signer of its vouchers chains to."),
    OPTION(struct add_options, masa_networks, "masa-network", OPTION_TEXTS, "CIDR",
           "A private or loopback network that its MASA may be in."),
    OPTION(struct add_options, title, "title", OPTION_TEXT, "TEXT", "Its name for people."),
    OPTION(struct add_options, profile, "profile", OPTION_TEXT, "NAME",
           "Enrolment profile of its devices."),
};

/* The certificates of some files, each as base64 of its DER. */
static bool set_certificates(struct task *t, json_t *object, const char *name,
                             const struct text_list *files)
{
    if (files->count == 0)
        return true;
    json_t *list = json_array();
    (void)json_object_set_new(object, name, list);
    for (size_t i = 0; i < files->count; i++) {
        struct bytes octets;
        struct cert_list certs;
        TRY(file_read(t, files->items[i], ANCHOR_FILE_MAX, &octets));
        if (!certs_from_file_octets(t, octets, &certs))
            return fail_context(t, "%s", files->items[i]);
        for (size_t j = 0; j < certs.count; j++)
            (void)json_array_append_new(
                list, json_string(bytes_to_base64(t->arena, certs.items[j]->der)));
    }
    return true;
}

/* What was not given stays away, so that the daemon's preset holds. */
static bool set_text(struct task *t, json_t *object, const char *name, const char *text)
{
    if (text == NULL)
        return true;
    json_t *value = json_string(text);
    ENSURE(t, value != NULL, E_CTL_USAGE, "the %s is not UTF-8", name);
    (void)json_object_set_new(object, name, value);
    return true;
}

static bool set_texts(struct task *t, json_t *object, const char *name,
                      const struct text_list *texts)
{
    if (texts->count == 0)
        return true;
    json_t *list = json_array();
    (void)json_object_set_new(object, name, list);
    for (size_t i = 0; i < texts->count; i++) {
        json_t *value = json_string(texts->items[i]);
        ENSURE(t, value != NULL, E_CTL_USAGE, "one of the %s is not UTF-8", name);
        (void)json_array_append_new(list, value);
    }
    return true;
}

static bool manufacturers_add(struct task *t, struct ctl *ctl, const struct text_list *words,
                              const void *options)
{
    const struct add_options *o = options;
    json_t *body = json_in_arena(t, json_object());
    json_t *made;
    ENSURE(t, o->anchors.count > 0, E_CTL_USAGE,
           "manufacturers add needs at least one --anchor: without it no device is believed");
    TRY(set_text(t, body, "name", words->items[0]));
    TRY(set_text(t, body, "title", o->title));
    TRY(set_certificates(t, body, "idevid-anchors", &o->anchors));
    TRY(set_text(t, body, "masa-url", o->masa_url));
    TRY(set_certificates(t, body, "masa-anchors", &o->masa_anchors));
    TRY(set_certificates(t, body, "voucher-anchors", &o->voucher_anchors));
    TRY(set_texts(t, body, "masa-networks", &o->masa_networks));
    TRY(set_text(t, body, "profile", o->profile));
    TRY(ctl_call(t, ctl, "POST", PATH, body, &made));
    if (ctl->json)
        print_json(ctl->out, made);
    else
        (void)fprintf(ctl->out, "added manufacturer %s\n", print_safe(t->arena, words->items[0]));
    return true;
}

/* ---- list, show ---- */

static bool manufacturers_list(struct task *t, struct ctl *ctl, const struct text_list *words,
                               const void *options)
{
    static const char *const headers[] = {"NAME", "ANCHORS", "MASA", "PROFILE", "TITLE"};
    (void)words;
    (void)options;
    json_t *list;
    TRY(ctl_list(t, ctl, PATH, "", &list));
    if (ctl->json) {
        print_json(ctl->out, list);
        return true;
    }
    struct print_table table = print_table_make(t->arena, headers, ARRAY_SIZE(headers));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *m = json_array_get(list, i);
        const char *masa = print_member(t->arena, m, "masa-url");
        print_table_add(&table, print_member(t->arena, m, "name"));
        print_table_add(
            &table,
            arena_printf(t->arena, "%zu", json_array_size(json_object_get(m, "idevid-anchors"))));
        print_table_add(&table, masa == NULL ? "(as the IDevID says)" : masa);
        print_table_add(&table, print_member(t->arena, m, "profile"));
        print_table_add(&table, print_member(t->arena, m, "title"));
    }
    print_table_end(ctl->out, &table, "no manufacturers; `gatehousectl manufacturers add`");
    return true;
}

/* Certificates as people know them: by their subject and end. */
static bool summarise_certificates(struct task *t, json_t *object, const char *name)
{
    json_t *list = json_object_get(object, name);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct bytes der;
        const struct cert *cert;
        const char *base64 = json_string_value(json_array_get(list, i));
        ENSURE(t, base64 != NULL && bytes_from_base64(t->arena, bytes_of_text(base64), &der),
               E_CTL_ANSWER, "%s is no list of certificates", name);
        TRY(cert_parse(t, der, &cert));
        const char *line = arena_printf(t->arena, "%s (until %s)", cert_subject(t, cert),
                                        time_to_text(t->arena, cert_not_after(cert)));
        (void)json_array_set_new(list, i, json_string(line));
    }
    return true;
}

static bool manufacturers_show(struct task *t, struct ctl *ctl, const struct text_list *words,
                               const void *options)
{
    (void)options;
    json_t *manufacturer;
    TRY(ctl_call(t, ctl, "GET", ctl_path(t->arena, PATH, words->items[0]), NULL, &manufacturer));
    if (ctl->json) {
        print_json(ctl->out, manufacturer);
        return true;
    }
    TRY(summarise_certificates(t, manufacturer, "idevid-anchors"));
    TRY(summarise_certificates(t, manufacturer, "masa-anchors"));
    TRY(summarise_certificates(t, manufacturer, "voucher-anchors"));
    print_tree(ctl->out, t->arena, manufacturer, 0);
    return true;
}

const struct command manufacturer_commands[] = {
    {.name = "manufacturers add",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Add a manufacturer: whose devices may knock, and where their MASA is.",
     OPTIONS(struct add_options, add_options),
     .run = manufacturers_add},
    {.name = "manufacturers list", .summary = "List the manufacturers.", .run = manufacturers_list},
    {.name = "manufacturers show",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Show one manufacturer with its anchors.",
     .run = manufacturers_show},
    {.name = NULL},
};

#include "core/base/file.h"
#include "core/store/records/configuration.h"
#include "web/ctl/call.h"
#include "web/ctl/commands.h"
#include "web/ctl/confirm.h"
#include "web/ctl/members.h"
#include "web/ctl/print.h"

#include <string.h>

#define PATH "/v1/configurations"

/* Whose file is meant, and which: the first members of every command's options. */
struct target {
    const char *manufacturer;
    const char *device;
    const char *profile;
    const char *name;
};

#define TARGET_OPTIONS(structure)                                                                  \
    OPTION(structure, target.manufacturer, "manufacturer", OPTION_TEXT, "NAME",                    \
           "The device's manufacturer."),                                                          \
        OPTION(structure, target.device, "device", OPTION_TEXT, "SERIAL",                          \
               "For this device alone: its serial number."),                                       \
        OPTION(structure, target.profile, "profile", OPTION_TEXT, "NAME",                          \
               "For all devices of this enrolment profile that have none of their own.")
#define NAME_OPTION(structure)                                                                     \
    OPTION(structure, target.name, "name", OPTION_TEXT, "FILE",                                    \
           "The name under which devices ask for it; by default " CONFIGURATION_FILE               \
           ", which is what they get when they name none.")

static bool is_given(const struct target *target)
{
    return target->manufacturer != NULL || target->device != NULL || target->profile != NULL;
}

static bool check_target(struct task *t, const struct target *target)
{
    bool device = target->manufacturer != NULL && target->device != NULL;
    bool half = (target->manufacturer != NULL) != (target->device != NULL);
    ENSURE(t, !half && device == (target->profile == NULL), E_CTL_USAGE,
           "say either --manufacturer and --device, or --profile");
    return true;
}

/* ---- set ---- */

struct set_options {
    struct target target;
    const char *media_type;
    bool is_template;
};

static const struct option set_options[] = {
    TARGET_OPTIONS(struct set_options),
    NAME_OPTION(struct set_options),
    OPTION(struct set_options, media_type, "media-type", OPTION_TEXT, "TYPE",
           "The Content-Type that devices are told; by default application/octet-stream."),
    OPTION(struct set_options, is_template, "template", OPTION_FLAG, NULL,
           "Fill {serial}, {name}, {manufacturer}, {profile} and {device} in for each device."),
};

static bool configuration_set(struct task *t, struct ctl *ctl, const struct text_list *words,
                              const void *options)
{
    const struct set_options *o = options;
    json_t *body = json_in_arena(t, json_object());
    struct bytes content;
    json_t *made;
    TRY(check_target(t, &o->target));
    TRY(file_read(t, words->items[0], (size_t)CONFIGURATION_SIZE_MAX * 2, &content));
    TRY(member_set_text(t, body, "manufacturer", o->target.manufacturer));
    TRY(member_set_text(t, body, "serial-number", o->target.device));
    TRY(member_set_text(t, body, "profile", o->target.profile));
    TRY(member_set_text(t, body, "file", o->target.name));
    TRY(member_set_text(t, body, "media-type", o->media_type));
    (void)json_object_set_new(body, "template", json_boolean(o->is_template));
    (void)json_object_set_new(body, "content", json_string(bytes_to_base64(t->arena, content)));
    TRY(ctl_call(t, ctl, "POST", PATH, body, &made));
    if (ctl->json)
        print_json(ctl->out, made);
    else
        (void)fprintf(ctl->out, "set %s, %zu octets\n", print_member(t->arena, made, "file"),
                      content.len);
    return true;
}

/* ---- list ---- */

static const char *query_of(struct task *t, const struct target *target)
{
    char *query = ctl_query(t->arena, "", "manufacturer", target->manufacturer);
    query = ctl_query(t->arena, query, "serial", target->device);
    return ctl_query(t->arena, query, "profile", target->profile);
}

struct list_options {
    struct target target;
};

static const struct option list_options[] = {TARGET_OPTIONS(struct list_options)};

static bool configuration_list(struct task *t, struct ctl *ctl, const struct text_list *words,
                               const void *options)
{
    static const struct print_column columns[] = {
        {"MANUFACTURER", "manufacturer"},
        {"DEVICE", "serial-number"},
        {"PROFILE", "profile"},
        {"FILE", "file"},
        {"TYPE", "media-type"},
        {"TEMPLATE", "template"},
        {"OCTETS", "size"},
        {"CHANGED", "changed"},
        {"BY", "changed-by"},
    };
    const struct list_options *o = options;
    json_t *list;
    (void)words;
    if (is_given(&o->target))
        TRY(check_target(t, &o->target));
    TRY(ctl_list(t, ctl, PATH, query_of(t, &o->target), &list));
    if (ctl->json)
        print_json(ctl->out, list);
    else
        print_objects(ctl->out, t->arena, list, columns, ARRAY_SIZE(columns),
                      "no configurations; `gatehousectl configuration set`");
    return true;
}

/* ---- show, remove ---- */

/* The path of the one that is meant. */
static bool find(struct task *t, struct ctl *ctl, const struct target *target, const char **ret)
{
    const char *name = target->name == NULL ? CONFIGURATION_FILE : target->name;
    json_t *list;
    TRY(check_target(t, target));
    TRY(ctl_list(t, ctl, PATH, query_of(t, target), &list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *c = json_array_get(list, i);
        const char *file = json_string_value(json_object_get(c, "file"));
        const char *id = json_string_value(json_object_get(c, "id"));
        if (file == NULL || id == NULL || strcmp(file, name) != 0)
            continue;
        *ret = ctl_path(t->arena, PATH, id);
        return true;
    }
    return fail(t, E_NOT_FOUND, "there is no file %s", name);
}

struct show_options {
    struct target target;
    bool content;
};

static const struct option show_options[] = {
    TARGET_OPTIONS(struct show_options),
    NAME_OPTION(struct show_options),
    OPTION(struct show_options, content, "content", OPTION_FLAG, NULL,
           "Write out what is in it, as it was put there; the audit trail tells that this was "
           "done."),
};

static bool show_content(struct task *t, struct ctl *ctl, const char *path)
{
    struct bytes content;
    json_t *c;
    TRY(ctl_call(t, ctl, "GET", ctl_query(t->arena, path, "content", "1"), NULL, &c));
    const char *base64 = json_string_value(json_object_get(c, "content"));
    ENSURE(t, base64 != NULL && bytes_from_base64(t->arena, bytes_of_text(base64), &content),
           E_CTL_ANSWER, "the daemon sent no content");
    if (ctl->json)
        print_json(ctl->out, c);
    else
        ENSURE(t, fwrite(content.data, 1, content.len, ctl->out) == content.len, E_IO,
               "cannot write it out");
    return true;
}

static bool configuration_show(struct task *t, struct ctl *ctl, const struct text_list *words,
                               const void *options)
{
    const struct show_options *o = options;
    const char *path;
    json_t *c;
    (void)words;
    TRY(find(t, ctl, &o->target, &path));
    if (o->content)
        return show_content(t, ctl, path);
    TRY(ctl_call(t, ctl, "GET", path, NULL, &c));
    if (ctl->json)
        print_json(ctl->out, c);
    else
        print_tree(ctl->out, t->arena, c, 0);
    return true;
}

struct remove_options {
    struct target target;
    bool yes;
};

static const struct option remove_options[] = {
    TARGET_OPTIONS(struct remove_options),
    NAME_OPTION(struct remove_options),
    OPTION(struct remove_options, yes, "yes", OPTION_FLAG, NULL, "Do it without asking."),
};

static bool configuration_remove(struct task *t, struct ctl *ctl, const struct text_list *words,
                                 const void *options)
{
    const struct remove_options *o = options;
    const char *path;
    json_t *removed;
    (void)words;
    TRY(find(t, ctl, &o->target, &path));
    TRY(confirm(t, o->yes, "Remove the file?  No device gets it any more."));
    TRY(ctl_call(t, ctl, "DELETE", path, NULL, &removed));
    if (ctl->json)
        print_json(ctl->out, removed);
    else
        (void)fprintf(ctl->out, "removed %s\n", print_member(t->arena, removed, "file"));
    return true;
}

const struct command configuration_commands[] = {
    {.name = "configuration set",
     .words = "FILE",
     .words_min = 1,
     .words_max = 1,
     .summary = "Give a device, or all devices of a profile, a configuration file.",
     .text = "Devices get it at /.well-known/gatehouse/configuration (or .../configuration/NAME), "
             "the address for a voucher's additional-configuration-url, with their IDevID while "
             "they are being onboarded and with the certificate they got from then on. It may "
             "hold credentials: nobody else gets it, and it stands in no log. A file that is there "
             "is replaced.",
     OPTIONS(struct set_options, set_options),
     .run = configuration_set},
    {.name = "configuration list",
     .summary = "List the configuration files; not what is in them.",
     OPTIONS(struct list_options, list_options),
     .run = configuration_list},
    {.name = "configuration show",
     .summary = "Show a configuration file: whose it is, how large, since when.",
     OPTIONS(struct show_options, show_options),
     .run = configuration_show},
    {.name = "configuration remove",
     .summary = "Remove a configuration file.",
     OPTIONS(struct remove_options, remove_options),
     .run = configuration_remove},
    {.name = NULL},
};

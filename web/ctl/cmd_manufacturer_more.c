/* What a manufacturer may depart in, and which of its certificates it has revoked. */
#include "core/store/records/allowance.h"
#include "core/store/records/manufacturer.h"
#include "web/ctl/call.h"
#include "web/ctl/commands.h"
#include "web/ctl/members.h"
#include "web/ctl/print.h"

#include <string.h>

#define PATH "/v1/manufacturers"

/* ---- allow, disallow ---- */

static bool names(const struct text_list *list, const char *name)
{
    for (size_t i = 1; i < list->count; i++) { /* the first word is the manufacturer's */
        if (strcmp(list->items[i], name) == 0)
            return true;
    }
    return false;
}

static bool is_in(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *item = json_string_value(json_array_get(list, i));
        if (item != NULL && strcmp(item, name) == 0)
            return true;
    }
    return false;
}

/* Those that were there, with the words or without them; the daemon judges what it does not know.
 */
static json_t *merge(struct task *t, const json_t *before, const struct text_list *words, bool add)
{
    json_t *after = json_in_arena(t, json_array());
    for (size_t i = 0; i < json_array_size(before); i++) {
        json_t *item = json_array_get(before, i);
        const char *name = json_string_value(item);
        if (add || name == NULL || !names(words, name))
            (void)json_array_append(after, item);
    }
    for (size_t i = 1; add && i < words->count; i++) {
        if (!is_in(after, words->items[i]))
            (void)json_array_append_new(after, json_string(words->items[i]));
    }
    return after;
}

static bool change_allowances(struct task *t, struct ctl *ctl, const struct text_list *words,
                              bool add)
{
    const char *path = ctl_path(t->arena, PATH, words->items[0]);
    json_t *manufacturer;
    json_t *made;
    TRY(ctl_call(t, ctl, "GET", path, NULL, &manufacturer));
    members_keep_writable(manufacturer, &manufacturer_type);
    json_t *after = merge(t, json_object_get(manufacturer, "allow"), words, add);
    (void)json_object_set(manufacturer, "allow", after);
    TRY(ctl_call(t, ctl, "PUT", path, manufacturer, &made));
    if (ctl->json) {
        print_json(ctl->out, made);
        return true;
    }
    (void)fprintf(ctl->out, "allowed to manufacturer %s:", print_safe(t->arena, words->items[0]));
    const json_t *list = json_object_get(made, "allow");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        (void)fprintf(ctl->out, " %s", name == NULL ? "?" : print_safe(t->arena, name));
    }
    (void)fprintf(ctl->out, "%s\n", json_array_size(list) == 0 ? " nothing" : "");
    return true;
}

static bool manufacturers_allow(struct task *t, struct ctl *ctl, const struct text_list *words,
                                const void *options)
{
    (void)options;
    return change_allowances(t, ctl, words, true);
}

static bool manufacturers_disallow(struct task *t, struct ctl *ctl, const struct text_list *words,
                                   const void *options)
{
    (void)options;
    return change_allowances(t, ctl, words, false);
}

/* ---- allowances ---- */

static bool manufacturers_allowances(struct task *t, struct ctl *ctl, const struct text_list *words,
                                     const void *options)
{
    json_t *list = json_in_arena(t, json_object());
    (void)words;
    (void)options;
    for (unsigned i = 0; i < ALLOWANCE_COUNT; i++)
        (void)json_object_set_new(list, allowance_names[i], json_string(allowance_texts[i]));
    if (ctl->json)
        print_json(ctl->out, list);
    else
        print_tree(ctl->out, t->arena, list, 0);
    return true;
}

/* ---- crls ---- */

static bool manufacturers_crls(struct task *t, struct ctl *ctl, const struct text_list *words,
                               const void *options)
{
    const struct text_list files = {words->items + 1, words->count - 1};
    const char *path =
        arena_printf(t->arena, "%s/idevid-crls", ctl_path(t->arena, PATH, words->items[0]));
    json_t *body = json_in_arena(t, json_object());
    json_t *made;
    (void)options;
    TRY(member_set_crls(t, body, "crls", &files));
    TRY(ctl_call(t, ctl, "PUT", path, body, &made));
    if (ctl->json)
        print_json(ctl->out, made);
    else
        (void)fprintf(ctl->out, "manufacturer %s has %zu revocation lists\n",
                      print_safe(t->arena, words->items[0]),
                      json_array_size(json_object_get(made, "idevid-crls")));
    return true;
}

const struct command manufacturer_more_commands[] = {
    {.name = "manufacturers allow",
     .words = "NAME WHAT...",
     .words_min = 2,
     .words_max = ALLOWANCE_COUNT + 1,
     .summary = "Allow a manufacturer's devices or MASA to depart from the RFCs.",
     .text = "Each departure has a name, which `gatehousectl manufacturers allowances` explains. "
             "What is allowed already stays so. The timeline of a device names each that it "
             "needed.",
     .run = manufacturers_allow},
    {.name = "manufacturers allowances",
     .summary = "List the departures from the RFCs that can be allowed.",
     .run = manufacturers_allowances},
    {.name = "manufacturers crls",
     .words = "NAME [FILE...]",
     .words_min = 1,
     .words_max = 17,
     .summary = "Put the revocation lists of a manufacturer's IDevID CAs in place.",
     .text = "The files (PEM or DER) take the place of all lists that were there; without a file "
             "there are none any more. Each list must be signed by one of the IDevID anchors.",
     .run = manufacturers_crls},
    {.name = "manufacturers disallow",
     .words = "NAME WHAT...",
     .words_min = 2,
     .words_max = ALLOWANCE_COUNT + 1,
     .summary = "Take away what `manufacturers allow` has allowed.",
     .run = manufacturers_disallow},
    {.name = NULL},
};

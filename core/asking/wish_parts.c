/* Subject, names and extensions of what is asked for. */
#include "core/asking/compiling.h"

#include "core/pki/alt_name.h"
#include "core/pki/issue.h"
#include "core/store/records/device_name.h"

#define OWN_EXTENSIONS 3 /* names, key usage, extended key usage */

static void claim(struct compiling *c, const char *name)
{
    c->claims.items[c->claims.count++] = name;
}

bool wish_name(struct task *t, struct compiling *c)
{
    const struct profile *profile = c->values.profile;
    if (profile->dns_pattern == NULL || c->values.device == NULL)
        return true;
    if (!device_name_make(t, profile->dns_pattern, c->values.device->serial, &c->values.name))
        return fail(t, E_PROFILE_NAME, "profile %s: %s", profile->name, t->detail);
    claim(c, c->values.name);
    return true;
}

/* ---- Names ---- */

static const enum alt_name_kind kinds[] = {
    [PROFILE_NAME_DNS] = ALT_NAME_DNS,
    [PROFILE_NAME_IP] = ALT_NAME_IP,
    [PROFILE_NAME_URI] = ALT_NAME_URI,
    [PROFILE_NAME_EMAIL] = ALT_NAME_EMAIL,
    [PROFILE_NAME_REGISTERED_ID] = ALT_NAME_REGISTERED_ID,
    [PROFILE_NAME_ACP_NODE] = ALT_NAME_ACP_NODE,
    [PROFILE_NAME_DIRECTORY] = ALT_NAME_DIRECTORY,
    [PROFILE_NAME_OTHER] = ALT_NAME_OTHER,
};

/* How it is known to the table of names that are given to one device only. */
static bool claim_name(struct task *t, struct compiling *c, const struct profile_alt_name *from,
                       const char *text)
{
    const char *name = from->kind == PROFILE_NAME_DNS
                           ? text_to_lower(t->arena, text)
                           : arena_printf(t->arena, "%s:%s", profile_name_kinds[from->kind], text);
    ENSURE(t, bytes_of_text(name).len <= DEVICE_NAME_MAX, E_INVALID,
           "the name %s is longer than %d octets", name, DEVICE_NAME_MAX);
    claim(c, name);
    return true;
}

/* *ret_there is false when it is left out. */
static bool make_name(struct task *t, struct compiling *c, const struct profile_alt_name *from,
                      struct alt_name *ret, bool *ret_there)
{
    struct alt_name name = {.kind = kinds[from->kind], .type_id = from->type_id};
    struct filled filled = {.unique = false};
    if (from->value != NULL) {
        enum value_form form = from->kind == PROFILE_NAME_DNS         ? VALUE_DNS
                               : from->kind == PROFILE_NAME_DIRECTORY ? VALUE_NAME
                                                                      : VALUE_TEXT;
        TRY(pattern_fill(t, &c->values, from->value, form, &filled));
        name.text = filled.text;
    }
    if (filled.text != NULL && from->kind == PROFILE_NAME_DIRECTORY)
        TRY(name_from_text(t, filled.text, &name.directory));
    if (filled.text != NULL && filled.unique)
        TRY(claim_name(t, c, from, filled.text));
    *ret = name;
    *ret_there = from->value == NULL || filled.text != NULL;
    return true;
}

/* With and without those that are to be filled; absent: none. */
struct encoded_names {
    struct bytes all;
    struct bytes whole;
};

static bool encode_names(struct task *t, const struct alt_name *names, size_t count,
                         struct encoded_names *ret)
{
    struct encoded_names encoded = {BYTES_ABSENT, BYTES_ABSENT};
    struct alt_name *whole = arena_array(t->arena, count, sizeof(*whole));
    size_t whole_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (names[i].text != NULL)
            whole[whole_count++] = names[i];
    }
    if (count > 0)
        TRY(alt_names_encode(t, names, count, &encoded.all));
    if (whole_count > 0)
        TRY(alt_names_encode(t, whole, whole_count, &encoded.whole));
    *ret = encoded;
    return true;
}

static bool wish_names(struct task *t, struct compiling *c, struct encoded_names *ret)
{
    const struct profile *profile = c->values.profile;
    const struct profile_alt_name *from = profile->alt_names.items;
    struct alt_name *names = arena_array(t->arena, profile->alt_names.count + 1, sizeof(*names));
    size_t count = 0;
    if (c->values.name != NULL)
        names[count++] = (struct alt_name){.kind = ALT_NAME_DNS, .text = c->values.name};
    for (size_t i = 0; i < profile->alt_names.count; i++) {
        bool there;
        TRY(make_name(t, c, &from[i], &names[count], &there));
        count += there;
    }
    return encode_names(t, names, count, ret);
}

/* ---- Extensions ---- */

static void add(struct wished_extensions *w, struct extension extension, struct bytes whole)
{
    w->all.items[w->all.count++] = extension;
    extension.value = whole;
    if (bytes_present(whole))
        w->whole.items[w->whole.count++] = extension;
}

static bool wish_usages(struct task *t, const struct profile *profile, struct wished_extensions *w)
{
    struct extension key = {OID_CE_KEY_USAGE, true, BYTES_ABSENT}; /* RFC 5280 4.2.1.3 */
    struct extension extended = {OID_CE_EXT_KEY_USAGE, false, BYTES_ABSENT};
    if (profile->ask_key_usage == PROFILE_ASK_VALUE)
        TRY(extension_key_usage(t, &profile->key_usage, &key.value));
    if (profile->ask_ext_key_usage == PROFILE_ASK_VALUE)
        TRY(extension_ext_key_usage(t, &profile->ext_key_usage, &extended.value));
    if (profile->ask_key_usage != PROFILE_ASK_NO)
        add(w, key, key.value);
    if (profile->ask_ext_key_usage != PROFILE_ASK_NO)
        add(w, extended, extended.value);
    return true;
}

static bool wish_extension(struct task *t, struct compiling *c,
                           const struct profile_extension *from, struct wished_extensions *w)
{
    struct extension extension = {from->oid, from->critical, from->value};
    struct filled filled;
    if (from->text != NULL) {
        TRY(pattern_fill(t, &c->values, from->text, VALUE_TEXT, &filled));
        if (filled.text == NULL)
            return true;
        TRY(extension_text(t, filled.text, &extension.value));
    }
    add(w, extension, extension.value);
    return true;
}

bool wish_extensions(struct task *t, struct compiling *c, struct wished_extensions *ret)
{
    const struct profile *profile = c->values.profile;
    const struct profile_extension *from = profile->extensions.items;
    size_t room = profile->extensions.count + OWN_EXTENSIONS;
    struct wished_extensions w = {
        .all = {arena_array(t->arena, room, sizeof(struct extension)), 0},
        .whole = {arena_array(t->arena, room, sizeof(struct extension)), 0},
    };
    struct encoded_names names;
    TRY(wish_names(t, c, &names));
    if (bytes_present(names.all))
        add(&w, (struct extension){OID_CE_SUBJECT_ALT_NAME, profile->alt_names_critical, names.all},
            names.whole);
    TRY(wish_usages(t, profile, &w));
    for (size_t i = 0; i < profile->extensions.count; i++)
        TRY(wish_extension(t, c, &from[i], &w));
    *ret = w;
    return true;
}

/* ---- Subject ---- */

/* One attribute to an RDN.  What is nobody's own when anybody asks is the client's to fill. */
bool wish_subject(struct task *t, struct compiling *c, struct csr_template *template)
{
    const struct record_list *subject = &c->values.profile->subject;
    const struct profile_attribute *from = subject->items;
    if (subject->count == 0)
        return true;
    template->has_subject = true;
    template->rdns = arena_array(t->arena, subject->count, sizeof(*template->rdns));
    for (size_t i = 0; i < subject->count; i++) {
        struct name_attribute *attribute = arena_alloc(t->arena, sizeof(*attribute));
        struct filled filled = {.text = NULL};
        if (from[i].value != NULL)
            TRY(pattern_fill(t, &c->values, from[i].value, VALUE_TEXT, &filled));
        TRY(name_attribute_make(t, from[i].type, filled.text, attribute));
        template->rdns[template->rdn_count++] = (struct name_rdn){attribute, 1};
    }
    return true;
}

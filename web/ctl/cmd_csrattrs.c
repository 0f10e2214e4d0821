/* What a device is told to put into its request, and whether a request has it. */
#include "core/base/file.h"
#include "core/pki/csr.h"
#include "web/ctl/call.h"
#include "web/ctl/commands.h"
#include "web/ctl/facts.h"
#include "web/ctl/inspect_internal.h"
#include "web/ctl/members.h"
#include "web/ctl/print.h"

#include <string.h>

#define PATH     "/v1/csrattrs"
#define FILE_MAX (4 * CSR_SIZE_MAX) /* octets: PEM of the largest request, and some text */

struct csrattrs_options {
    const char *device;
    const char *manufacturer;
    const char *profile;
    const char *csr;
    bool der;
};

#define WHOSE                                                                                      \
    OPTION(struct csrattrs_options, device, "device", OPTION_TEXT, "SERIAL",                       \
           "Serial number or id of the device, which may be an expected one."),                    \
        OPTION(struct csrattrs_options, manufacturer, "manufacturer", OPTION_TEXT, "NAME",         \
               "Its manufacturer, where several have that serial number."),                        \
        OPTION(struct csrattrs_options, profile, "profile", OPTION_TEXT, "NAME",                   \
               "Instead of a device: what this profile asks of anybody.")

static const struct option show_options[] = {
    WHOSE,
    OPTION(struct csrattrs_options, der, "der", OPTION_FLAG, NULL,
           "Write the CSR attributes themselves (DER), as the device gets them in base64."),
};
static const struct option try_options[] = {
    WHOSE,
    OPTION(struct csrattrs_options, csr, "csr", OPTION_TEXT, "FILE",
           "The certification request, PEM, base64 or DER."),
};

static bool check_options(struct task *t, const struct csrattrs_options *o)
{
    ENSURE(t, (o->device == NULL) != (o->profile == NULL), E_CTL_USAGE,
           "either --device or --profile says whose attributes");
    return true;
}

/* ---- show ---- */

static bool octets_of_member(struct task *t, const json_t *answer, const char *name,
                             struct bytes *ret)
{
    const char *text = json_string_value(json_object_get(answer, name));
    *ret = BYTES_ABSENT;
    ENSURE(t, text == NULL || bytes_from_base64(t->arena, bytes_of_text(text), ret), E_CTL_ANSWER,
           "%s is not base64", name);
    return true;
}

/* Decoded, in the place of the octets. */
static bool decode_member(struct task *t, json_t *answer, const char *name, struct bytes der)
{
    struct inspection in = {.anchors = NULL};
    json_t *report = json_in_arena(t, json_object());
    if (!bytes_present(der))
        return true;
    TRY(inspect_csrattrs(t, &in, der, report));
    (void)json_object_del(report, "kind");
    fact_base64(t, report, "der", der);
    (void)json_object_set(answer, name, report);
    return true;
}

static bool csrattrs_show(struct task *t, struct ctl *ctl, const struct text_list *words,
                          const void *options)
{
    const struct csrattrs_options *o = options;
    struct bytes now;
    struct bytes told;
    json_t *answer;
    (void)words;
    TRY(check_options(t, o));
    const char *query = ctl_query(t->arena, "", "device", o->device);
    query = ctl_query(t->arena, query, "manufacturer", o->manufacturer);
    query = ctl_query(t->arena, query, "profile", o->profile);
    TRY(ctl_call(t, ctl, "GET", arena_printf(t->arena, PATH "%s", query), NULL, &answer));
    TRY(octets_of_member(t, answer, "attributes", &now));
    TRY(octets_of_member(t, answer, "told", &told));
    ENSURE(t, bytes_present(now), E_CTL_ANSWER, "no attributes");
    if (o->der) {
        (void)fwrite(now.data, 1, now.len, ctl->out);
        return true;
    }
    /* What it was told is of interest where it differs. */
    if (bytes_equal(now, told))
        (void)json_object_del(answer, "told");
    else
        TRY(decode_member(t, answer, "told", told));
    TRY(decode_member(t, answer, "attributes", now));
    if (ctl->json)
        print_json(ctl->out, answer);
    else
        print_tree(ctl->out, t->arena, answer, 0);
    return true;
}

/* ---- try ---- */

static bool read_der(struct task *t, const char *path, struct bytes *ret)
{
    struct bytes octets;
    TRY(file_read(t, path, FILE_MAX, &octets));
    ENSURE(t, octets.len > 0, E_CTL_UNKNOWN_FILE, "%s: there is nothing in it", path);
    if (octets.data[0] == 0x30)
        *ret = octets;
    else
        ENSURE(t, bytes_from_base64(t->arena, bytes_without_armour(octets), ret),
               E_CTL_UNKNOWN_FILE, "%s: neither DER, PEM nor base64", path);
    return true;
}

/* Whatever else was named by mistake, such as a private key, is not sent to anybody. */
static bool read_csr(struct task *t, const char *path, struct bytes *ret)
{
    struct csr csr;
    TRY(read_der(t, path, ret));
    if (!csr_parse(t, *ret, &csr))
        return fail_context(t, "%s: no certification request, so it was not sent", path);
    return true;
}

/* In words; the problem's members are left for the message, which says them once. */
static json_t *verdict_in_words(struct task *t, json_t *answer)
{
    static const char *const of_message[] = {"problem", "detail", "hint"};
    const char *judged_by = json_string_value(json_object_get(answer, "judged-by"));
    json_t *words = json_in_arena(t, json_copy(answer));
    if (judged_by != NULL && strcmp(judged_by, "told") == 0)
        (void)json_object_set_new(
            words, "judged-by", json_string("what the device was told in its current onboarding"));
    else if (judged_by != NULL)
        (void)json_object_set_new(words, "judged-by", json_string("what the profile asks now"));
    for (size_t i = 0; i < ARRAY_SIZE(of_message); i++)
        (void)json_object_del(words, of_message[i]);
    return words;
}

static bool csrattrs_try(struct task *t, struct ctl *ctl, const struct text_list *words,
                         const void *options)
{
    const struct csrattrs_options *o = options;
    json_t *body = json_in_arena(t, json_object());
    struct bytes csr;
    json_t *answer;
    (void)words;
    TRY(check_options(t, o));
    ENSURE(t, o->csr != NULL, E_CTL_USAGE, "--csr says which request");
    TRY(read_csr(t, o->csr, &csr));
    TRY(member_set_text(t, body, "device", o->device));
    TRY(member_set_text(t, body, "manufacturer", o->manufacturer));
    TRY(member_set_text(t, body, "profile", o->profile));
    fact_base64(t, body, "csr", csr);
    TRY(ctl_call(t, ctl, "POST", PATH, body, &answer));
    if (ctl->json)
        print_json(ctl->out, answer);
    else
        print_tree(ctl->out, t->arena, verdict_in_words(t, answer), 0);
    if (json_is_true(json_object_get(answer, "accepted")))
        return true;
    return fail(t, ctl_problem(t, answer, "problem"), "%s: %s", o->csr,
                print_member(t->arena, answer, "detail"));
}

const struct command csrattrs_commands[] = {
    {.name = "csrattrs show",
     .summary = "Show what a device is told to put into its certification request.",
     .text =
         "CSR attributes (RFC 7030 4.5, RFC 9908) as its profile makes them now, decoded; and "
         "what it was told in its current onboarding, where that is something else. An "
         "expected device need not have come yet. Nothing is given out by looking. \"provisional "
         "yes\": zeros stand for the opaque identifier, which the device does not have yet; it "
         "gets one when it first asks.",
     OPTIONS(struct csrattrs_options, show_options),
     .run = csrattrs_show},
    {.name = "csrattrs try",
     .summary = "Say whether a certification request is what was asked for, and if not, why.",
     .text = "By the code that stands before the CA, without any request being made: what was "
             "asked, what came, and status 1 when it would be refused. For a device that has been "
             "told already, by what it was told, even where its profile is another by now: "
             "judged-by says which. The address that it sends from is not known here. A device "
             "that has yet to get the opaque identifier that its profile uses cannot be judged.",
     OPTIONS(struct csrattrs_options, try_options),
     .run = csrattrs_try},
    {.name = NULL},
};

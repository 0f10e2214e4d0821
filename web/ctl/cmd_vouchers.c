/* vouchers: those without nonce, fetched ahead for devices that come when their MASA is away. */
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/pki/cert.h"
#include "web/ctl/call.h"
#include "web/ctl/commands.h"
#include "web/ctl/confirm.h"
#include "web/ctl/members.h"
#include "web/ctl/print.h"

#include <string.h>
#include <time.h>

#define PATH       "/v1/vouchers"
#define FILE_MAX   (1024UL * 1024)
#define WAIT_MS    (10 * SECOND_MS) /* for the MASA's answer, before leaving it to itself */
#define LOOK_AGAIN 200              /* ms */

struct voucher_options {
    const char *manufacturer;
    const char *serial;
    const char *idevid;
    const char *idevid_issuer;
    const char *form;
    bool yes;
};

#define MANUFACTURER                                                                               \
    OPTION(struct voucher_options, manufacturer, "manufacturer", OPTION_TEXT, "NAME",              \
           "Whose device it is.")
#define SERIAL                                                                                     \
    OPTION(struct voucher_options, serial, "serial", OPTION_TEXT, "SERIAL",                        \
           "Its serial number as its IDevID states it.")

static const struct option name_options[] = {MANUFACTURER, SERIAL};
static const struct option remove_options[] = {
    MANUFACTURER,
    SERIAL,
    OPTION(struct voucher_options, yes, "yes", OPTION_FLAG, NULL, "Do it without asking."),
};
static const struct option fetch_options[] = {
    MANUFACTURER,
    SERIAL,
    OPTION(struct voucher_options, idevid, "idevid", OPTION_TEXT, "FILE",
           "The device's IDevID, PEM or DER, and after it the CA that signed it unless that is the "
           "manufacturer's anchor. Not needed for a device that has come before."),
    OPTION(struct voucher_options, idevid_issuer, "idevid-issuer", OPTION_TEXT, "FILE",
           "Instead of it the certificate of the CA that signs such IDevIDs; the manufacturer's "
           "record must then say where its MASA is."),
    OPTION(struct voucher_options, form, "form", OPTION_TEXT, "FORM",
           "The form that the device asks for vouchers in: cms, jws or cose; without it, that of "
           "the manufacturer's record."),
};

static bool check_name(struct task *t, const struct voucher_options *o)
{
    ENSURE(t, o->manufacturer != NULL && o->serial != NULL, E_CTL_USAGE,
           "--manufacturer and --serial are needed");
    return true;
}

static const char *path_of(struct task *t, const struct voucher_options *o)
{
    return ctl_path(t->arena, PATH, arena_printf(t->arena, "%s:%s", o->manufacturer, o->serial));
}

static bool set_certificate(struct task *t, json_t *body, const char *name, const struct cert *cert)
{
    (void)t;
    (void)json_object_set_new(body, name, json_string(bytes_to_base64(t->arena, cert->der)));
    return true;
}

/* The first certificate of a file; *ret_next is the second, or NULL. */
static bool read_certificates(struct task *t, const char *path, const struct cert **ret,
                              const struct cert **ret_next)
{
    struct bytes octets;
    struct cert_list certs;
    TRY(file_read(t, path, FILE_MAX, &octets));
    if (!certs_from_file_octets(t, octets, &certs))
        return fail_context(t, "%s", path);
    *ret = certs.items[0];
    *ret_next = certs.count > 1 ? certs.items[1] : NULL;
    return true;
}

static bool make_body(struct task *t, const struct voucher_options *o, json_t **ret)
{
    json_t *body = json_in_arena(t, json_object());
    const struct cert *cert;
    const struct cert *next;
    ENSURE(t, o->idevid == NULL || o->idevid_issuer == NULL, E_CTL_USAGE,
           "either --idevid or --idevid-issuer");
    TRY(member_set_text(t, body, "manufacturer", o->manufacturer));
    TRY(member_set_text(t, body, "serial-number", o->serial));
    TRY(member_set_text(t, body, "form", o->form));
    if (o->idevid != NULL) {
        TRY(read_certificates(t, o->idevid, &cert, &next));
        TRY(set_certificate(t, body, "idevid", cert));
        if (next != NULL)
            TRY(set_certificate(t, body, "idevid-issuer", next));
    } else if (o->idevid_issuer != NULL) {
        TRY(read_certificates(t, o->idevid_issuer, &cert, &next));
        TRY(set_certificate(t, body, "idevid-issuer", cert));
    }
    *ret = body;
    return true;
}

static bool is_settled(const json_t *voucher)
{
    const char *state = json_string_value(json_object_get(voucher, "state"));
    bool due = json_object_get(voucher, "due") != NULL;
    const char *log = json_string_value(json_object_get(voucher, "log-verdict"));
    if (json_object_get(voucher, "problem") != NULL || state == NULL)
        return true;
    return strcmp(state, "held") == 0 && log != NULL && strcmp(log, "pending") != 0 &&
           (!due || json_object_get(voucher, "expires-on") != NULL);
}

/* Until the MASA has answered, or for a while. */
static bool wait_for_answer(struct task *t, struct ctl *ctl, const char *path, json_t **ret)
{
    const struct timespec pause = {.tv_nsec = LOOK_AGAIN * 1000000L};
    int64_t end = clock_monotonic() + WAIT_MS;
    for (;;) {
        TRY(ctl_call(t, ctl, "GET", path, NULL, ret));
        if (is_settled(*ret) || clock_monotonic() >= end)
            return true;
        (void)nanosleep(&pause, NULL);
    }
}

static bool vouchers_fetch(struct task *t, struct ctl *ctl, const struct text_list *words,
                           const void *options)
{
    const struct voucher_options *o = options;
    json_t *body;
    json_t *voucher;
    (void)words;
    TRY(check_name(t, o));
    TRY(make_body(t, o, &body));
    TRY(ctl_call(t, ctl, "POST", PATH, body, &voucher));
    TRY(wait_for_answer(t, ctl, path_of(t, o), &voucher));
    if (ctl->json)
        print_json(ctl->out, voucher);
    else
        print_tree(ctl->out, t->arena, voucher, 0);
    return true;
}

static bool vouchers_list(struct task *t, struct ctl *ctl, const struct text_list *words,
                          const void *options)
{
    static const struct print_column columns[] = {
        {"MANUFACTURER", "manufacturer"}, {"SERIAL", "serial-number"}, {"STATE", "state"},
        {"UNTIL", "expires-on"},          {"RENEWED", "due"},          {"LOG", "log-verdict"},
        {"PROBLEM", "problem"},
    };
    json_t *list;
    (void)words;
    (void)options;
    TRY(ctl_list(t, ctl, PATH, "", &list));
    if (ctl->json)
        print_json(ctl->out, list);
    else
        print_objects(ctl->out, t->arena, list, columns, ARRAY_SIZE(columns), "no stored vouchers");
    return true;
}

static bool vouchers_show(struct task *t, struct ctl *ctl, const struct text_list *words,
                          const void *options)
{
    const struct voucher_options *o = options;
    json_t *voucher;
    (void)words;
    TRY(check_name(t, o));
    TRY(ctl_call(t, ctl, "GET", path_of(t, o), NULL, &voucher));
    if (ctl->json)
        print_json(ctl->out, voucher);
    else
        print_tree(ctl->out, t->arena, voucher, 0);
    return true;
}

static bool vouchers_remove(struct task *t, struct ctl *ctl, const struct text_list *words,
                            const void *options)
{
    const struct voucher_options *o = options;
    json_t *voucher;
    (void)words;
    TRY(check_name(t, o));
    TRY(confirm(t, o->yes,
                arena_printf(t->arena, "Destroy the stored voucher for %s of %s?", o->serial,
                             o->manufacturer)));
    TRY(ctl_call(t, ctl, "DELETE", path_of(t, o), NULL, &voucher));
    if (ctl->json)
        print_json(ctl->out, voucher);
    else
        (void)fprintf(ctl->out, "the stored voucher for %s is destroyed\n",
                      print_safe(t->arena, o->serial));
    return true;
}

const struct command voucher_commands[] = {
    {.name = "vouchers fetch",
     .summary = "Ask a MASA for a voucher without nonce, for a device that is expected.",
     .text = "It is handed to the device when its MASA is away, or always, as the manufacturer's "
             "stored-vouchers says, and renewed before it ends. Whoever holds such a voucher can "
             "let the device be taken over; it is destroyed when the device leaves.",
     OPTIONS(struct voucher_options, fetch_options),
     .run = vouchers_fetch},
    {.name = "vouchers list", .summary = "List the stored vouchers.", .run = vouchers_list},
    {.name = "vouchers show",
     .summary = "Show a stored voucher, and what its audit log says.",
     OPTIONS(struct voucher_options, name_options),
     .run = vouchers_show},
    {.name = "vouchers remove",
     .summary = "Destroy a stored voucher.",
     OPTIONS(struct voucher_options, remove_options),
     .run = vouchers_remove},
    {.name = NULL},
};

#include "core/base/clock.h"
#include "core/pki/cert.h"
#include "core/store/records/manufacturer.h"
#include "web/ctl/call.h"
#include "web/ctl/commands.h"
#include "web/ctl/confirm.h"
#include "web/ctl/members.h"
#include "web/ctl/print.h"

#define PATH "/v1/manufacturers"

/* ---- add, set ---- */

struct manufacturer_options {
    struct text_list anchors;
    const char *masa_url;
    struct text_list masa_anchors;
    struct text_list voucher_anchors;
    struct text_list masa_networks;
    struct text_list allowed_domains;
    const char *title;
    const char *profile;
    const char *unexpected;
    const char *returned;
    const char *erase;
    const char *serial_from;
    const char *serial_pattern;
    const char *expired_idevids;
    const char *nonceless;
    const char *masa_system_anchors;
    const char *masa_authentication;
    const char *masa_user;
    const char *masa_password_file;
    const char *proxy;
    const char *proxy_user;
    const char *proxy_password_file;
    struct text_list allow;
    const char *stored_vouchers;
    const char *audit_log;
    const char *audit_log_revokes;
    const char *audit_log_newer;
    const char *audit_log_again;
    const char *audit_log_settles;
    const char *audit_log_later;
    const char *est_domain_vouchers;
    const char *relay_unreadable;
    const char *voucher_form;
    const char *unauthenticated;
};

static const struct option manufacturer_options[] = {
    OPTION(struct manufacturer_options, anchors, "anchor", OPTION_TEXTS, "FILE",
           "Certificates (PEM or DER) that its IDevIDs chain to."),
    OPTION(struct manufacturer_options, masa_url, "masa-url", OPTION_TEXT, "URL",
           "Where its MASA is; without it, the IDevID's own extension says."),
    OPTION(struct manufacturer_options, masa_anchors, "masa-anchor", OPTION_TEXTS, "FILE",
           "Certificates that the MASA's TLS certificate chains to."),
    OPTION(struct manufacturer_options, voucher_anchors, "voucher-anchor", OPTION_TEXTS, "FILE",
           "Certificates that the signer of its vouchers chains to."),
    OPTION(struct manufacturer_options, masa_networks, "masa-network", OPTION_TEXTS, "CIDR",
           "A private or loopback network that its MASA may be in."),
    OPTION(struct manufacturer_options, allowed_domains, "allowed-domain", OPTION_TEXTS, "ID",
           "The domainID of another owner, such as the reseller, that may stand in the audit log "
           "of a device; base64, as audit logs have it."),
    OPTION(struct manufacturer_options, title, "title", OPTION_TEXT, "TEXT",
           "Its name for people."),
    OPTION(struct manufacturer_options, profile, "profile", OPTION_TEXT, "NAME",
           "Enrolment profile of its devices."),
    OPTION(struct manufacturer_options, unexpected, "unexpected", OPTION_TEXT, "WHAT",
           "What becomes of its devices that are on no list: refuse (the default), or hold until "
           "an administrator decides."),
    OPTION(struct manufacturer_options, returned, "returned", OPTION_TEXT, "WHAT",
           "What becomes of a device's earlier certificates when it is onboarded anew: keep (the "
           "default) or revoke."),
    OPTION(struct manufacturer_options, erase, "erase", OPTION_TEXT, "WHAT",
           "What is erased of a device that is decommissioned or sold: personal (the default), "
           "names (the subject names too) or nothing."),
    OPTION(struct manufacturer_options, serial_from, "serial-from", OPTION_TEXT, "WHERE",
           "Where its IDevIDs have the serial number: subject (serialNumber, the default), "
           "common-name or hardware-module-name."),
    OPTION(struct manufacturer_options, serial_pattern, "serial-pattern", OPTION_TEXT, "REGEX",
           "Extended regular expression with one group, around the part of that which is the "
           "serial number. `gatehousectl inspect` tries it on a certificate."),
    OPTION(struct manufacturer_options, expired_idevids, "expired-idevids", OPTION_TEXT, "YES|NO",
           "Whether IDevIDs are good although they have expired."),
    OPTION(struct manufacturer_options, nonceless, "nonceless", OPTION_TEXT, "YES|NO",
           "Whether vouchers without nonce are good."),
    OPTION(struct manufacturer_options, masa_system_anchors, "masa-system-anchors", OPTION_TEXT,
           "YES|NO", "Whether this machine's CA certificates are anchors for its MASA too."),
    OPTION(struct manufacturer_options, masa_authentication, "masa-authentication", OPTION_TEXT,
           "HOW", "How its MASA knows us: certificate (the default), basic, digest or none."),
    OPTION(struct manufacturer_options, masa_user, "masa-user", OPTION_TEXT, "NAME",
           "Our user name at its MASA."),
    OPTION(struct manufacturer_options, masa_password_file, "masa-password-file", OPTION_TEXT,
           "FILE", "File that holds our password at its MASA; - reads standard input."),
    OPTION(struct manufacturer_options, proxy, "proxy", OPTION_TEXT, "URL",
           "HTTP proxy on the way to its MASA, http://HOST:PORT; none: not even the node file's."),
    OPTION(struct manufacturer_options, proxy_user, "proxy-user", OPTION_TEXT, "NAME",
           "Our user name at that proxy."),
    OPTION(struct manufacturer_options, proxy_password_file, "proxy-password-file", OPTION_TEXT,
           "FILE", "File that holds our password at that proxy; - reads standard input."),
    OPTION(struct manufacturer_options, allow, "allow", OPTION_TEXTS, "NAME",
           "A way in which its devices or its MASA may depart from the RFCs; see `manufacturers "
           "allow`."),
    OPTION(struct manufacturer_options, stored_vouchers, "stored-vouchers", OPTION_TEXT, "WHEN",
           "When a voucher without nonce that was fetched ahead is handed to its device: never "
           "(the default, and none is fetched), when-masa-is-away, or always."),
    OPTION(struct manufacturer_options, audit_log, "audit-log", OPTION_TEXT, "MODE",
           "What a MASA's audit log does that breaks the policy: enforce (the default) refuses the "
           "device, warn only says so; off asks for no logs."),
    OPTION(struct manufacturer_options, audit_log_revokes, "audit-log-revokes", OPTION_TEXT,
           "YES|NO", "Whether such a log also revokes the device's certificates."),
    OPTION(struct manufacturer_options, audit_log_newer, "audit-log-newer", OPTION_TEXT, "WHAT",
           "What becomes of a log of a version that is not known here: read (the default), hold or "
           "refuse."),
    OPTION(struct manufacturer_options, audit_log_again, "audit-log-again", OPTION_TEXT, "TIME",
           "How often a log is fetched again at first; 0 s: not."),
    OPTION(struct manufacturer_options, audit_log_settles, "audit-log-settles", OPTION_TEXT, "TIME",
           "How long that goes on."),
    OPTION(struct manufacturer_options, audit_log_later, "audit-log-later", OPTION_TEXT, "TIME",
           "How often a log is fetched afterwards; 0 s: not any more."),
    OPTION(struct manufacturer_options, est_domain_vouchers, "est-domain-vouchers", OPTION_TEXT,
           "YES|NO",
           "Whether its cloud registrar gives out vouchers that name us as EST server: then its "
           "expected devices may enrol without a voucher request to us; no by default."),
    OPTION(struct manufacturer_options, relay_unreadable, "relay-unreadable", OPTION_TEXT, "YES|NO",
           "Whether vouchers in forms that Gatehouse cannot read are handed, unchecked, to devices "
           "that take these."),
    OPTION(struct manufacturer_options, voucher_form, "voucher-form", OPTION_TEXT, "FORM",
           "The form in which its MASA is asked where no request of a device shows one: cms (the "
           "default), jws or cose."),
    OPTION(struct manufacturer_options, unauthenticated, "unauthenticated-pledges", OPTION_TEXT,
           "YES|NO",
           "Whether expected devices are believed although nobody vouches for their IDevID; only "
           "where the node file's reduced-security has it, too."),
};

/* How its devices are told apart, and its MASA reached. */
static bool set_more_members(struct task *t, json_t *body, const struct manufacturer_options *o)
{
    TRY(member_set_text(t, body, "unexpected", o->unexpected));
    TRY(member_set_text(t, body, "returned-certificates", o->returned));
    TRY(member_set_text(t, body, "erase", o->erase));
    TRY(member_set_bool(t, body, "relay-unreadable", o->relay_unreadable));
    TRY(member_set_bool(t, body, "unauthenticated-pledges", o->unauthenticated));
    TRY(member_set_text(t, body, "serial-from", o->serial_from));
    TRY(member_set_text(t, body, "serial-pattern", o->serial_pattern));
    TRY(member_set_bool(t, body, "expired-idevids", o->expired_idevids));
    TRY(member_set_bool(t, body, "nonceless", o->nonceless));
    TRY(member_set_bool(t, body, "masa-system-anchors", o->masa_system_anchors));
    TRY(member_set_text(t, body, "masa-authentication", o->masa_authentication));
    TRY(member_set_text(t, body, "masa-user", o->masa_user));
    TRY(member_set_secret(t, body, "masa-password", o->masa_password_file));
    TRY(member_set_text(t, body, "proxy", o->proxy));
    TRY(member_set_text(t, body, "proxy-user", o->proxy_user));
    TRY(member_set_secret(t, body, "proxy-password", o->proxy_password_file));
    TRY(member_set_bool(t, body, "est-domain-vouchers", o->est_domain_vouchers));
    return member_set_texts(t, body, "allow", &o->allow);
}

/* What is made of vouchers fetched ahead and of audit logs. */
static bool set_policy(struct task *t, json_t *body, const struct manufacturer_options *o)
{
    TRY(member_set_text(t, body, "voucher-form", o->voucher_form));
    TRY(member_set_text(t, body, "stored-vouchers", o->stored_vouchers));
    TRY(member_set_text(t, body, "audit-log", o->audit_log));
    TRY(member_set_bool(t, body, "audit-log-revokes", o->audit_log_revokes));
    TRY(member_set_text(t, body, "audit-log-newer", o->audit_log_newer));
    TRY(member_set_text(t, body, "audit-log-again", o->audit_log_again));
    TRY(member_set_text(t, body, "audit-log-settles", o->audit_log_settles));
    return member_set_text(t, body, "audit-log-later", o->audit_log_later);
}

static bool set_members(struct task *t, json_t *body, const struct manufacturer_options *o)
{
    TRY(member_set_text(t, body, "title", o->title));
    TRY(member_set_certificates(t, body, "idevid-anchors", &o->anchors));
    TRY(member_set_text(t, body, "masa-url", o->masa_url));
    TRY(member_set_certificates(t, body, "masa-anchors", &o->masa_anchors));
    TRY(member_set_certificates(t, body, "voucher-anchors", &o->voucher_anchors));
    TRY(member_set_texts(t, body, "masa-networks", &o->masa_networks));
    TRY(member_set_texts(t, body, "allowed-domain-ids", &o->allowed_domains));
    TRY(member_set_text(t, body, "profile", o->profile));
    TRY(set_policy(t, body, o));
    return set_more_members(t, body, o);
}

static void say(struct task *t, struct ctl *ctl, const char *what, const char *name,
                const json_t *answer)
{
    if (ctl->json)
        print_json(ctl->out, answer);
    else
        (void)fprintf(ctl->out, "%s manufacturer %s\n", what, print_safe(t->arena, name));
}

static bool manufacturers_add(struct task *t, struct ctl *ctl, const struct text_list *words,
                              const void *options)
{
    const struct manufacturer_options *o = options;
    json_t *body = json_in_arena(t, json_object());
    json_t *made;
    ENSURE(t, o->anchors.count > 0, E_CTL_USAGE,
           "manufacturers add needs at least one --anchor: without it no device is believed");
    TRY(member_set_text(t, body, "name", words->items[0]));
    TRY(set_members(t, body, o));
    TRY(ctl_call(t, ctl, "POST", PATH, body, &made));
    say(t, ctl, "added", words->items[0], made);
    return true;
}

static bool manufacturers_set(struct task *t, struct ctl *ctl, const struct text_list *words,
                              const void *options)
{
    const char *path = ctl_path(t->arena, PATH, words->items[0]);
    json_t *manufacturer;
    json_t *made;
    ENSURE(t, options_given(manufacturer_options, ARRAY_SIZE(manufacturer_options), options),
           E_CTL_USAGE, "manufacturers set: no option says what to change");
    TRY(ctl_call(t, ctl, "GET", path, NULL, &manufacturer));
    members_keep_writable(manufacturer, &manufacturer_type);
    TRY(set_members(t, manufacturer, options));
    TRY(ctl_call(t, ctl, "PUT", path, manufacturer, &made));
    say(t, ctl, "changed", words->items[0], made);
    return true;
}

/* ---- remove ---- */

static bool manufacturers_remove(struct task *t, struct ctl *ctl, const struct text_list *words,
                                 const void *options)
{
    const struct confirm_options *o = options;
    json_t *removed;
    TRY(confirm(
        t, o->yes,
        arena_printf(t->arena, "Remove manufacturer %s with its anchors?", words->items[0])));
    TRY(ctl_call(t, ctl, "DELETE", ctl_path(t->arena, PATH, words->items[0]), NULL, &removed));
    say(t, ctl, "removed", words->items[0], removed);
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
     OPTIONS(struct manufacturer_options, manufacturer_options),
     .run = manufacturers_add},
    {.name = "manufacturers list", .summary = "List the manufacturers.", .run = manufacturers_list},
    {.name = "manufacturers remove",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Remove a manufacturer that no device refers to.",
     OPTIONS(struct confirm_options, confirm_options),
     .run = manufacturers_remove},
    {.name = "manufacturers set",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Change a manufacturer.",
     .text = "What no option names stays as it is; an option that may be repeated replaces all "
             "that were there; an empty value takes away what is there.",
     OPTIONS(struct manufacturer_options, manufacturer_options),
     .run = manufacturers_set},
    {.name = "manufacturers show",
     .words = "NAME",
     .words_min = 1,
     .words_max = 1,
     .summary = "Show one manufacturer with its anchors.",
     .run = manufacturers_show},
    {.name = NULL},
};

#include "lab/cloud_forms.h"

#include "lab/place.h"

#include <string.h>

#define OWNER_MAX          64
#define TOKEN_MAX          128
#define DIGEST_MAX         64
#define SERIAL_MAX         128
#define URL_MAX            2048
#define CERTIFICATE_MAX    (16 * 1024L)
#define STATEMENT_MAX      (64 * 1024L)
#define PROOFS_MAX         8
#define SELECTION_MAX      10000
#define CONFIGURATIONS_MAX 10000
#define RELEASED_MAX       1000000
#define DETAIL_MAX         512
#define REASON_MAX         200 /* octets of a report's in a log */

static const struct field proof_fields[] = {
    FIELD(1, struct cloud_proof, certificate, "certificate", FIELD_OCTETS, .flags = FIELD_REQUIRED,
          .max = CERTIFICATE_MAX, .help = "A certificate whose key the owner holds, DER."),
    FIELD(2, struct cloud_proof, statement, "statement", FIELD_OCTETS, .flags = FIELD_REQUIRED,
          .max = STATEMENT_MAX, .help = "CMS SignedData by that key."),
};
static const struct record_type proof_type =
    RECORD_TYPE("proof", 1, struct cloud_proof, proof_fields);

static const struct field claim_fields[] = {
    FIELD(1, struct cloud_claim, owner, "owner", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = OWNER_MAX, .help = "Name of the account."),
    FIELD(2, struct cloud_claim, token, "token", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = TOKEN_MAX, .help = "What the cloud's operator gave to the owner."),
    FIELD(3, struct cloud_claim, proofs, "proofs", FIELD_RECORDS, .flags = FIELD_REQUIRED, .min = 1,
          .max = PROOFS_MAX, .sub = &proof_type, .help = "Who speaks for the owner from now on."),
};
const struct record_type cloud_claim_type =
    RECORD_TYPE("claim", 1, struct cloud_claim, claim_fields);

static const struct field selection_fields[] = {
    FIELD(1, struct cloud_selection, all, "all", FIELD_BOOL,
          .help = "All that the sales channel attributes to the owner."),
    FIELD(2, struct cloud_selection, orders, "orders", FIELD_TEXTS, .max = SELECTION_MAX,
          .help = "Those of these orders."),
    FIELD(3, struct cloud_selection, serial_numbers, "serial-numbers", FIELD_TEXTS,
          .max = SELECTION_MAX, .help = "These."),
};
static const struct record_type selection_type =
    RECORD_TYPE("devices", 1, struct cloud_selection, selection_fields);

static const struct field configuration_fields[] = {
    FIELD(1, struct cloud_configuration, serial_number, "serial-number", FIELD_TEXT,
          .flags = FIELD_REQUIRED, .max = SERIAL_MAX, .help = "The device."),
    FIELD(2, struct cloud_configuration, url, "additional-configuration-url", FIELD_TEXT,
          .flags = FIELD_REQUIRED, .max = URL_MAX, .help = "Where its configuration is."),
};
static const struct record_type configuration_type =
    RECORD_TYPE("configuration", 1, struct cloud_configuration, configuration_fields);

static const char *const mode_names[] = {"none", "redirect", "voucher", NULL};

static const struct field registration_fields[] = {
    FIELD(1, struct cloud_registration, owner, "owner", FIELD_TEXT, .max = OWNER_MAX,
          .help = "Name of the account."),
    FIELD(2, struct cloud_registration, mode, "mode", FIELD_ENUM, .names = mode_names,
          .help = "How the owner's devices are answered."),
    FIELD(3, struct cloud_registration, registrar, "registrar", FIELD_TEXT, .max = URL_MAX,
          .help = "Mode redirect: where they are sent."),
    FIELD(4, struct cloud_registration, est_domain, "est-domain", FIELD_TEXT, .max = URL_MAX,
          .help = "Mode voucher: the owner's EST server."),
    FIELD(5, struct cloud_registration, pinned_domain_cert, "pinned-domain-cert", FIELD_OCTETS,
          .max = CERTIFICATE_MAX, .help = "Mode voucher: what vouchers pin, DER."),
    FIELD(6, struct cloud_registration, additional_configuration_url,
          "additional-configuration-url", FIELD_TEXT, .max = URL_MAX,
          .help = "Mode voucher: where a device's configuration is; \"{serial-number}\" in it is "
                  "the device's."),
    FIELD(7, struct cloud_registration, devices, "devices", FIELD_RECORD, .sub = &selection_type,
          .help = "Which devices this is for."),
    FIELD(8, struct cloud_registration, configurations, "configurations", FIELD_RECORDS,
          .max = CONFIGURATIONS_MAX, .sub = &configuration_type,
          .help = "Where the configurations of single devices are."),
    FIELD(9, struct cloud_registration, proofs, "proofs", FIELD_RECORDS, .max = PROOFS_MAX,
          .sub = &proof_type, .help = "Who speaks for the owner from now on."),
};
const struct record_type cloud_registration_type =
    RECORD_TYPE("registration", 1, struct cloud_registration, registration_fields);

static const struct field reachability_fields[] = {
    FIELD(1, struct cloud_reachability, reachable, "reachable", FIELD_BOOL,
          .help = "TLS to the owner's address showed the expected certificate."),
    FIELD(2, struct cloud_reachability, checked, "checked", FIELD_TIME,
          .help = "When that was tried."),
    FIELD(3, struct cloud_reachability, detail, "detail", FIELD_TEXT, .max = DETAIL_MAX,
          .help = "What was in the way."),
};
const struct record_type cloud_reachability_type =
    RECORD_TYPE("reachability", 1, struct cloud_reachability, reachability_fields);

static const struct field releases_fields[] = {
    FIELD(1, struct cloud_releases, serial_numbers, "serial-numbers", FIELD_TEXTS,
          .flags = FIELD_REQUIRED, .min = 1, .max = CLOUD_RELEASES_MAX,
          .help = "Devices that the owner gives up."),
};
const struct record_type cloud_releases_type =
    RECORD_TYPE("releases", 1, struct cloud_releases, releases_fields);

static const struct field account_fields[] = {
    FIELD(1, struct cloud_account, name, "name", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = OWNER_MAX, .help = "Name of the account."),
    FIELD(2, struct cloud_account, claimed_with, "claimed-with", FIELD_TEXT, .max = DIGEST_MAX,
          .help = "SHA-256 of the token that it was claimed with last."),
    FIELD(3, struct cloud_account, claimed, "claimed", FIELD_TIME, .help = "When that was."),
    FIELD(4, struct cloud_account, identities, "identities", FIELD_OCTETS_LIST, .max = PROOFS_MAX,
          .help = "TLS clients under one of these speak for the owner."),
    FIELD(5, struct cloud_account, registered, "registered", FIELD_TIME,
          .help = "When it registered last."),
    FIELD(6, struct cloud_account, registration, "registration", FIELD_RECORD,
          .sub = &cloud_registration_type, .help = "What it registered last."),
    FIELD(7, struct cloud_account, reachability, "reachability", FIELD_RECORD,
          .sub = &cloud_reachability_type, .help = "What a look from outside found."),
    FIELD(8, struct cloud_account, released, "released", FIELD_TEXTS, .max = RELEASED_MAX,
          .help = "Devices given up, each with the order it was attributed by."),
};
const struct record_type cloud_account_type =
    RECORD_TYPE("account", 1, struct cloud_account, account_fields);

static const struct field token_fields[] = {
    FIELD(1, struct cloud_token, owner, "owner", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = OWNER_MAX, .help = "Whose account it claims."),
    FIELD(2, struct cloud_token, created, "created", FIELD_TIME, .help = "When it was made."),
    FIELD(3, struct cloud_token, expires, "expires", FIELD_TIME, .flags = FIELD_REQUIRED,
          .help = "It is of no use from then on."),
};
const struct record_type cloud_token_type =
    RECORD_TYPE("token", 1, struct cloud_token, token_fields);

bool cloud_owner_check(struct task *t, const char *owner)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t len = owner == NULL ? 0 : strlen(owner);
    ENSURE(t, len >= 1 && len <= OWNER_MAX && strspn(owner, allowed) == len, E_INVALID,
           "owner: must be 1 to %d letters, digits and \"-\"", OWNER_MAX);
    return true;
}

bool cloud_form_read(struct task *t, struct bytes json, const struct record_type *type, void *ret)
{
    json_t *object;
    TRY(json_parse(t, json, &object));
    record_init(t, type, ret);
    return record_from_json(t, type, object, ret);
}

bool cloud_form_write(struct task *t, const struct record_type *type, const void *form,
                      struct bytes *ret)
{
    json_t *json;
    TRY(record_check(t, type, form));
    TRY(record_to_json(t, type, form, &json));
    return json_write(t, json, ret);
}

static bool check_url(struct task *t, const char *member, const char *url)
{
    struct place place;
    ENSURE(t, url != NULL, E_INVALID, "%s: is missing", member);
    return place_from_url(t, url, &place) || fail_context(t, "%s", member);
}

/* Anything that a device may be able to fetch; what is in it is between owner and device. */
static bool check_configuration_url(struct task *t, const char *url)
{
    for (const char *c = url; *c != '\0'; c++)
        ENSURE(t, *c > ' ' && *c < 0x7F, E_INVALID,
               "additional-configuration-url: has a character that URLs do not have");
    ENSURE(t, strchr(url, ':') != NULL, E_INVALID,
           "additional-configuration-url: is no absolute URL");
    return true;
}

static bool check_redirect(struct task *t, const struct cloud_registration *r)
{
    ENSURE(t,
           r->est_domain == NULL && !bytes_present(r->pinned_domain_cert) &&
               r->additional_configuration_url == NULL && r->configurations.count == 0,
           E_INVALID, "mode redirect has a registrar and nothing else: nothing is pinned");
    return check_url(t, "registrar", r->registrar);
}

static bool check_voucher(struct task *t, const struct cloud_registration *r)
{
    const struct cloud_configuration *configurations = r->configurations.items;
    ENSURE(t, r->registrar == NULL, E_INVALID, "mode voucher has an est-domain, no registrar");
    ENSURE(t, bytes_present(r->pinned_domain_cert), E_INVALID, "pinned-domain-cert: is missing");
    if (r->additional_configuration_url != NULL)
        TRY(check_configuration_url(t, r->additional_configuration_url));
    for (size_t i = 0; i < r->configurations.count; i++)
        TRY(check_configuration_url(t, configurations[i].url));
    return check_url(t, "est-domain", r->est_domain);
}

bool cloud_registration_check(struct task *t, const struct cloud_registration *r)
{
    const struct cloud_selection *devices = &r->devices;
    TRY(cloud_owner_check(t, r->owner));
    ENSURE(t, devices->all != (devices->orders.count + devices->serial_numbers.count > 0),
           E_INVALID, "devices: either all of them, or orders and serial-numbers");
    ENSURE(t, r->proofs.count > 0, E_INVALID, "proofs: at least one is needed");
    ENSURE(t, r->mode != CLOUD_MODE_NONE, E_INVALID, "mode: must be redirect or voucher");
    return r->mode == CLOUD_MODE_REDIRECT ? check_redirect(t, r) : check_voucher(t, r);
}

bool cloud_report_read(struct task *t, struct bytes json, const char **ret)
{
    json_t *report;
    TRY(json_parse(t, json, &report));
    const json_t *status = json_object_get(report, "status");
    const char *reason = json_string_value(json_object_get(report, "reason"));
    ENSURE(t, json_is_integer(json_object_get(report, "version")) && json_is_boolean(status),
           E_MALFORMED, "a report has a number \"version\" and a truth \"status\"");
    const char *word = json_is_true(status) ? "true" : "false";
    *ret = reason == NULL
               ? word
               : arena_printf(t->arena, "%s: %s", word,
                              bytes_to_printable(t->arena, bytes_of_text(reason), REASON_MAX));
    return true;
}

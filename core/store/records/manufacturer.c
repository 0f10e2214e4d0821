#include "core/store/records/manufacturer.h"

#include "core/base/cbor.h"
#include "core/base/clock.h"
#include "core/store/prefixes.h"
#include "core/store/records/profile.h"
#include "core/store/records/setting.h"
#include "core/store/records/slug.h"

#include <string.h>

#define TITLE_MAX      128
#define URL_MAX        512
#define ANCHORS_MAX    64
#define NETWORKS_MAX   32
#define DOMAIN_IDS_MAX 256
#define CRLS_MAX       16
#define PATTERN_MAX    256
#define USER_MAX       128
#define PASSWORD_MAX   512
#define ALLOW_MAX      32

static const char *const serial_sources[] = {"subject", "common-name", "hardware-module-name",
                                             NULL};
static const char *const authentications[] = {"certificate", "basic", "digest", "none", NULL};

static const struct field crl_fields[] = {
    FIELD(1, struct revocation_list, issuer, "issuer", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .help = "The CA whose list it is."),
    FIELD(2, struct revocation_list, number, "number", FIELD_HEX, .flags = FIELD_READ_ONLY,
          .help = "Number of the list, when it has one."),
    FIELD(3, struct revocation_list, this_update, "this-update", FIELD_TIME,
          .flags = FIELD_READ_ONLY, .help = "When it was made."),
    FIELD(4, struct revocation_list, next_update, "next-update", FIELD_TIME,
          .flags = FIELD_READ_ONLY,
          .help = "When the next one was to be there; an alarm tells when that has passed."),
    FIELD(5, struct revocation_list, revoked, "revoked", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "How many certificates are on it."),
};
static const struct record_type crl_type =
    RECORD_TYPE("revocation list", 1, struct revocation_list, crl_fields);
#define YEAR_MS (366 * DAY_MS)

static const char *const stored_voucher_use_names[] = {
    [STORED_VOUCHERS_NEVER] = "never",
    [STORED_VOUCHERS_WHEN_AWAY] = "when-masa-is-away",
    [STORED_VOUCHERS_ALWAYS] = "always",
    NULL,
};
static const char *const audit_log_names[] = {
    [AUDIT_LOG_ENFORCE] = "enforce",
    [AUDIT_LOG_WARN] = "warn",
    [AUDIT_LOG_OFF] = "off",
    NULL,
};
static const char *const newer_names[] = {
    [AUDIT_LOG_NEWER_READ] = "read",
    [AUDIT_LOG_NEWER_HOLD] = "hold",
    [AUDIT_LOG_NEWER_REFUSE] = "refuse",
    NULL,
};

static const char *const unexpected_names[] = {"refuse", "hold", NULL};
static const char *const returned_names[] = {"keep", "revoke", NULL};
const char *const manufacturer_form_names[] = {"cms", "jws", "cose", NULL};
const char *const manufacturer_erases_names[] = {"personal", "names", "nothing", NULL};

static const struct field fields[] = {
    FIELD(1, struct manufacturer, name, "name", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = SLUG_MAX,
          .help = "Short name: lower-case letters, digits and \"-\". It cannot be changed later."),
    FIELD(2, struct manufacturer, title, "title", FIELD_TEXT, .flags = FIELD_LIVE, .max = TITLE_MAX,
          .help = "The manufacturer's name as people write it."),
    FIELD(3, struct manufacturer, idevid_anchors, "idevid-anchors", FIELD_OCTETS_LIST,
          .flags = FIELD_LIVE, .max = ANCHORS_MAX,
          .help = "CA certificates (DER) that its devices' IDevIDs chain to. No other device is "
                  "taken for one of this manufacturer."),
    FIELD(4, struct manufacturer, masa_url, "masa-url", FIELD_TEXT, .flags = FIELD_LIVE,
          .max = URL_MAX,
          .help = "Where its MASA is. Leave it out to use the address in the device's IDevID."),
    FIELD(5, struct manufacturer, masa_anchors, "masa-anchors", FIELD_OCTETS_LIST,
          .flags = FIELD_LIVE, .max = ANCHORS_MAX,
          .help = "CA certificates (DER) for the TLS certificate of its MASA."),
    FIELD(6, struct manufacturer, voucher_anchors, "voucher-anchors", FIELD_OCTETS_LIST,
          .flags = FIELD_LIVE, .max = ANCHORS_MAX,
          .help = "CA certificates (DER) that the signer of its vouchers chains to."),
    FIELD(7, struct manufacturer, masa_networks, "masa-networks", FIELD_TEXTS, .flags = FIELD_LIVE,
          .max = NETWORKS_MAX,
          .help = "Private or loopback networks (such as 10.1.0.0/16) in which its MASA may be. "
                  "Public addresses need no entry."),
    FIELD(8, struct manufacturer, allowed_domain_ids, "allowed-domain-ids", FIELD_OCTETS_LIST,
          .flags = FIELD_LIVE, .max = DOMAIN_IDS_MAX,
          .help = "Other owners' domainIDs that may stand in a device's audit log, such as the "
                  "reseller's."),
    FIELD(9, struct manufacturer, profile, "profile", FIELD_TEXT, .flags = FIELD_LIVE,
          .max = SLUG_MAX, .preset = PROFILE_DEFAULT, .help = "Enrolment profile of its devices."),
    FIELD(10, struct manufacturer, created, "created", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was added."),
    FIELD(20, struct manufacturer, idevid_crls, "idevid-crls", FIELD_RECORDS,
          .flags = FIELD_READ_ONLY, .max = CRLS_MAX, .sub = &crl_type,
          .help = "Revocation lists of its IDevID CAs, put in place by themselves. A device on "
                  "one of them is not believed."),
    FIELD(21, struct manufacturer, expired_idevids, "expired-idevids", FIELD_BOOL,
          .flags = FIELD_LIVE,
          .help = "Whether IDevIDs are good although they, or their CA's certificates, have "
                  "expired (RFC 8995 2.6.2)."),
    FIELD(22, struct manufacturer, nonceless, "nonceless", FIELD_BOOL, .flags = FIELD_LIVE,
          .help = "Whether vouchers without nonce are good, which work for as long as they last."),
    FIELD(23, struct manufacturer, serial_from, "serial-from", FIELD_ENUM, .flags = FIELD_LIVE,
          .names = serial_sources,
          .help = "Where an IDevID has the serial number: serialNumber or commonName of the "
                  "subject, or hwSerialNum of a HardwareModuleName. Devices seen so far keep "
                  "theirs."),
    FIELD(24, struct manufacturer, serial_pattern, "serial-pattern", FIELD_TEXT,
          .flags = FIELD_LIVE, .min = 1, .max = PATTERN_MAX,
          .help = "POSIX extended regular expression with one group: the part of that value that "
                  "is the serial number, such as SN:([A-Z0-9]+)."),
    FIELD(25, struct manufacturer, masa_system_anchors, "masa-system-anchors", FIELD_BOOL,
          .flags = FIELD_LIVE,
          .help = "Whether the CA certificates of this machine are anchors for the TLS "
                  "certificate of its MASA, besides masa-anchors."),
    FIELD(26, struct manufacturer, masa_authentication, "masa-authentication", FIELD_ENUM,
          .flags = FIELD_LIVE, .names = authentications,
          .help = "How its MASA knows us: our registrar certificate in TLS, HTTP Basic or Digest "
                  "with masa-user and masa-password, or not at all (RFC 8995 5.4.1)."),
    FIELD(27, struct manufacturer, masa_user, "masa-user", FIELD_TEXT, .flags = FIELD_LIVE,
          .min = 1, .max = USER_MAX, .help = "Our user name at its MASA."),
    FIELD(28, struct manufacturer, masa_password, "masa-password", FIELD_TEXT,
          .flags = FIELD_LIVE | FIELD_SECRET, .min = 1, .max = PASSWORD_MAX,
          .help = "Our password at its MASA: it can be set and taken away, and is never shown."),
    FIELD(29, struct manufacturer, masa_password_set, "masa-password-set", FIELD_BOOL,
          .flags = FIELD_READ_ONLY, .help = "Whether there is a masa-password."),
    FIELD(30, struct manufacturer, proxy, "proxy", FIELD_TEXT, .flags = FIELD_LIVE, .min = 1,
          .max = URL_MAX,
          .help = "HTTP proxy (CONNECT) on the way to its MASA: http://HOST:PORT, or none. Leave "
                  "it out for the one of the node file."),
    FIELD(31, struct manufacturer, proxy_user, "proxy-user", FIELD_TEXT, .flags = FIELD_LIVE,
          .min = 1, .max = USER_MAX, .help = "Our user name at that proxy."),
    FIELD(32, struct manufacturer, proxy_password, "proxy-password", FIELD_TEXT,
          .flags = FIELD_LIVE | FIELD_SECRET, .min = 1, .max = PASSWORD_MAX,
          .help = "Our password at that proxy: it can be set and taken away, and is never shown."),
    FIELD(33, struct manufacturer, proxy_password_set, "proxy-password-set", FIELD_BOOL,
          .flags = FIELD_READ_ONLY, .help = "Whether there is a proxy-password."),
    FIELD(34, struct manufacturer, allow, "allow", FIELD_TEXTS, .flags = FIELD_LIVE,
          .max = ALLOW_MAX,
          .help = "Ways in which its devices and its MASA may depart from the RFCs, by name; the "
                  "timeline names each that is used."),
    FIELD(35, struct manufacturer, changed, "changed", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was last changed."),
    FIELD(45, struct manufacturer, relay_unreadable, "relay-unreadable", FIELD_BOOL,
          .flags = FIELD_LIVE,
          .help = "Hand a voucher in a form that Gatehouse cannot read, and so cannot check, to a "
                  "device that says it takes that form (RFC 8995 5.6). Its timeline says so."),
    FIELD(50, struct manufacturer, unexpected, "unexpected", FIELD_ENUM, .flags = FIELD_LIVE,
          .names = unexpected_names,
          .help = "What becomes of its devices that are on nobody's list. refuse: they are turned "
                  "away; hold: they wait until an administrator decides, and its MASA is not asked "
                  "before that."),
    FIELD(51, struct manufacturer, returned, "returned-certificates", FIELD_ENUM,
          .flags = FIELD_LIVE, .names = returned_names,
          .help = "What becomes of a device's earlier certificates when it is onboarded anew, as "
                  "after a reset to factory defaults: keep, or revoke as soon as it gets its new "
                  "voucher."),
    FIELD(52, struct manufacturer, erases, "erase", FIELD_ENUM, .flags = FIELD_LIVE,
          .names = manufacturer_erases_names,
          .help = "What is erased of a device that is decommissioned or sold. personal: addresses, "
                  "remarks, what it reported, and its timeline up to then; names: and the subject "
                  "names, with the certificates they stand in; nothing."),
    FIELD(60, struct manufacturer, stored_vouchers, "stored-vouchers", FIELD_ENUM,
          .flags = FIELD_LIVE, .names = stored_voucher_use_names, .preset = "never",
          .help = "Whether vouchers without nonce may be fetched ahead (`gatehousectl vouchers "
                  "fetch`), and when such a one is handed to its device: when-masa-is-away, or "
                  "always."),
    FIELD(61, struct manufacturer, audit_log, "audit-log", FIELD_ENUM, .flags = FIELD_LIVE,
          .names = audit_log_names, .preset = "enforce",
          .help = "What its MASA's audit log does: enforce refuses a device whose log breaks the "
                  "policy, warn only says so, off does not ask for logs."),
    FIELD(62, struct manufacturer, audit_log_revokes, "audit-log-revokes", FIELD_BOOL,
          .flags = FIELD_LIVE,
          .help = "Whether a log that breaks the policy also revokes the device's certificates."),
    FIELD(63, struct manufacturer, audit_log_newer, "audit-log-newer", FIELD_ENUM,
          .flags = FIELD_LIVE, .names = newer_names, .preset = "read",
          .help = "What becomes of a log of a version that Gatehouse does not know: it is read as "
                  "far as it is known, held until an administrator accepts it, or refused."),
    FIELD(64, struct manufacturer, audit_log_again, "audit-log-again", FIELD_DURATION,
          .flags = FIELD_LIVE, .max = YEAR_MS, .preset = "1 d",
          .help = "How often a device's log is fetched again at first; 0 s: not."),
    FIELD(65, struct manufacturer, audit_log_settles, "audit-log-settles", FIELD_DURATION,
          .flags = FIELD_LIVE, .max = 10 * YEAR_MS, .preset = "7 d",
          .help = "How long that goes on, from the device's voucher request on."),
    FIELD(66, struct manufacturer, audit_log_later, "audit-log-later", FIELD_DURATION,
          .flags = FIELD_LIVE, .max = YEAR_MS, .preset = "7 d",
          .help = "How often the log is fetched afterwards, as long as the device is ours; 0 s: "
                  "not any more."),
    FIELD(80, struct manufacturer, est_domain_vouchers, "est-domain-vouchers", FIELD_BOOL,
          .flags = FIELD_LIVE, .preset = "false",
          .help = "Whether its cloud registrar gives out vouchers that name us as EST server "
                  "(est-domain): then a device of its that is expected may enrol without having "
                  "asked us for a voucher."),
    FIELD(110, struct manufacturer, unauthenticated, "unauthenticated-pledges", FIELD_BOOL,
          .flags = FIELD_LIVE, .preset = "false",
          .help = "Whether devices that are on the list are believed although their certificate "
                  "only names one of idevid-anchors as its issuer and was not signed there (RFC "
                  "8995 7.3). Only where reduced-security in the node file has "
                  "unauthenticated-pledges, and nobody but expected devices can reach us."),
    FIELD(130, struct manufacturer, voucher_form, "voucher-form", FIELD_ENUM, .flags = FIELD_LIVE,
          .names = manufacturer_form_names, .preset = "cms",
          .help = "The form in which its MASA is asked where no request of a device shows one: for "
                  "the audit log of a device that comes with a voucher of its cloud, and for "
                  "vouchers fetched ahead."),
};
const struct record_type manufacturer_type =
    RECORD_TYPE("manufacturer", 1, struct manufacturer, fields);

static struct bytes key_of(struct arena *arena, const void *record)
{
    const struct manufacturer *m = record;
    (void)arena;
    return bytes_of_text(m->name);
}

const struct table manufacturers = {
    .prefix = PREFIX_MANUFACTURER,
    .type = &manufacturer_type,
    .key_of = key_of,
    .blobs = MANUFACTURER_BLOB_CRLS,
};

static bool count_up(struct task *t, struct tx *tx)
{
    struct setting setting = {.name = SETTING_MANUFACTURERS_GENERATION};
    bool found;
    TRY(table_find(t, tx_reader(tx), &settings, bytes_of_text(setting.name), &setting, &found));
    setting.number++;
    return table_put(t, tx, &settings, &setting);
}

bool manufacturer_put(struct task *t, struct tx *tx, struct manufacturer *m)
{
    TRY(slug_check(t, "name", m->name));
    if (m->profile != NULL)
        TRY(slug_check(t, "profile", m->profile));
    m->changed = clock_wall();
    m->masa_password_set = m->masa_password != NULL;
    m->proxy_password_set = m->proxy_password != NULL;
    TRY(table_put(t, tx, &manufacturers, m));
    return count_up(t, tx);
}

bool manufacturer_delete(struct task *t, struct tx *tx, const char *name)
{
    TRY(table_delete(t, tx, &manufacturers, bytes_of_text(name)));
    return count_up(t, tx);
}

/* ---- Revocation lists ---- */

bool manufacturer_crls_put(struct task *t, struct tx *tx, const char *name,
                           const struct bytes_list *crls)
{
    struct cbor_writer w = cbor_writer_make(t->arena);
    cbor_write_array(&w, crls->count);
    for (size_t i = 0; i < crls->count; i++)
        cbor_write_octets(&w, crls->items[i]);
    return blob_put(t, tx, &manufacturers, bytes_of_text(name), MANUFACTURER_BLOB_CRLS,
                    crls->count == 0 ? BYTES_ABSENT : cbor_written(&w));
}

static bool read_crls(struct task *t, struct bytes blob, struct bytes_list *ret)
{
    struct cbor_reader r = cbor_reader_of(blob);
    struct cbor_item item;
    TRY(cbor_expect(t, &r, CBOR_ITEM_ARRAY, &item));
    ENSURE(t, item.number <= CRLS_MAX, E_MALFORMED, "more than %d revocation lists", CRLS_MAX);
    struct bytes_list list = {arena_array(t->arena, (size_t)item.number, sizeof(struct bytes)),
                              (size_t)item.number};
    for (size_t i = 0; i < list.count; i++) {
        TRY(cbor_expect(t, &r, CBOR_ITEM_OCTETS, &item));
        list.items[i] = item.string;
    }
    *ret = list;
    return cbor_at_end(t, &r);
}

bool manufacturer_crls_get(struct task *t, struct reader *r, const char *name,
                           struct bytes_list *ret)
{
    struct bytes blob;
    struct bytes_list list = {NULL, 0};
    TRY(blob_get(t, r, &manufacturers, bytes_of_text(name), MANUFACTURER_BLOB_CRLS, &blob));
    if (bytes_present(blob) && !read_crls(t, blob, &list))
        return fail(t, E_STORE_DAMAGED, "revocation lists of %s: %s", name, t->detail);
    *ret = list;
    return true;
}

bool manufacturers_generation(struct task *t, struct reader *r, uint64_t *ret)
{
    struct setting setting = {.number = 0};
    bool found;
    TRY(table_find(t, r, &settings, BYTES_LITERAL(SETTING_MANUFACTURERS_GENERATION), &setting,
                   &found));
    *ret = setting.number;
    return true;
}

/* ---- Anchors by their keys ---- */

static const struct field anchor_key_fields[] = {
    FIELD(1, struct anchor_key, spki_sha256, "spki-sha256", FIELD_HEX,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .min = SHA256_LEN, .max = SHA256_LEN,
          .help = "SHA-256 of the public key of an IDevID anchor."),
    FIELD(2, struct anchor_key, manufacturer, "manufacturer", FIELD_TEXT,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .max = SLUG_MAX,
          .help = "Name of the manufacturer whose anchor it is."),
};
const struct record_type anchor_key_type =
    RECORD_TYPE("anchor key", 1, struct anchor_key, anchor_key_fields);

static struct bytes key_of_anchor_key(struct arena *arena, const void *record)
{
    const struct anchor_key *anchor = record;
    (void)arena;
    return anchor->spki_sha256;
}

const struct table anchor_keys = {
    .prefix = PREFIX_ANCHOR_KEY,
    .type = &anchor_key_type,
    .key_of = key_of_anchor_key,
};

static bool release_anchor(struct task *t, struct tx *tx, const char *name, struct bytes key)
{
    struct anchor_key anchor;
    bool found;
    TRY(table_find(t, tx_reader(tx), &anchor_keys, key, &anchor, &found));
    if (!found || strcmp(anchor.manufacturer, name) != 0)
        return true;
    return table_delete(t, tx, &anchor_keys, key);
}

bool manufacturer_move_anchors(struct task *t, struct tx *tx, const char *name,
                               const struct bytes_list *before, const struct bytes_list *after)
{
    for (size_t i = 0; i < before->count; i++)
        TRY(release_anchor(t, tx, name, before->items[i]));
    for (size_t i = 0; i < after->count; i++) {
        struct anchor_key anchor;
        bool found;
        TRY(table_find(t, tx_reader(tx), &anchor_keys, after->items[i], &anchor, &found));
        ENSURE(t, !found || strcmp(anchor.manufacturer, name) == 0, E_EXISTS,
               "idevid-anchors[%zu]: manufacturer %s has an anchor with this key; devices could "
               "not be told apart",
               i, anchor.manufacturer);
        record_init(t, &anchor_key_type, &anchor);
        anchor.spki_sha256 = after->items[i];
        anchor.manufacturer = name;
        TRY(table_put(t, tx, &anchor_keys, &anchor));
    }
    return true;
}

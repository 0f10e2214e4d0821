#include "core/store/records/manufacturer.h"

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

static const char *const unexpected_names[] = {"refuse", "hold", NULL};

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
    FIELD(50, struct manufacturer, unexpected, "unexpected", FIELD_ENUM, .flags = FIELD_LIVE,
          .names = unexpected_names,
          .help = "What becomes of its devices that are on nobody's list. refuse: they are turned "
                  "away; hold: they wait until an administrator decides, and its MASA is not asked "
                  "before that."),
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
};

static bool count_up(struct task *t, struct tx *tx)
{
    struct setting setting = {.name = SETTING_MANUFACTURERS_GENERATION};
    bool found;
    TRY(table_find(t, tx_reader(tx), &settings, bytes_of_text(setting.name), &setting, &found));
    setting.number++;
    return table_put(t, tx, &settings, &setting);
}

bool manufacturer_put(struct task *t, struct tx *tx, const struct manufacturer *m)
{
    TRY(slug_check(t, "name", m->name));
    if (m->profile != NULL)
        TRY(slug_check(t, "profile", m->profile));
    TRY(table_put(t, tx, &manufacturers, m));
    return count_up(t, tx);
}

bool manufacturer_delete(struct task *t, struct tx *tx, const char *name)
{
    TRY(table_delete(t, tx, &manufacturers, bytes_of_text(name)));
    return count_up(t, tx);
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

#include "core/store/records/cloud.h"

#include "core/base/clock.h"
#include "core/store/prefixes.h"
#include "core/store/records/slug.h"

#include <string.h>

#define URL_MAX         2048
#define OWNER_MAX       64
#define TOKEN_MAX       128
#define ANCHORS_MAX     64
#define NETWORKS_MAX    32
#define SELECTION_MAX   10000
#define CERTIFICATE_MAX (16 * 1024L)
#define NAME_LEN        64
#define DETAIL_MAX      1024

static const char *const backend_names[] = {"rest", "command", NULL};
static const char *const mode_names[] = {"redirect", "voucher", NULL};
static const char *const pin_names[] = {"registrar-ca", "end-entity", NULL};
static const char *const pin_match_names[] = {"certificate", "key", NULL};
static const char *const wish_names[] = {"register", "withdraw", NULL};
static const char *const state_names[] = {"new", "registered", "changed", "withdrawn", NULL};
static const char *const reach_names[] = {"unknown", "reachable", "unreachable", NULL};

static const struct field pinned_fields[] = {
    FIELD(1, struct cloud_pinned, est_domain, "est-domain", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = URL_MAX, .help = "Where such vouchers send devices."),
    FIELD(2, struct cloud_pinned, certificate, "certificate", FIELD_OCTETS,
          .flags = FIELD_READ_ONLY, .max = CERTIFICATE_MAX, .help = "What they pin, DER."),
    FIELD(3, struct cloud_pinned, since, "since", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When the cloud acknowledged it."),
    FIELD(4, struct cloud_pinned, until, "until", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When another took its place; absent while it stands."),
};
static const struct record_type pinned_type =
    RECORD_TYPE("pinned", 1, struct cloud_pinned, pinned_fields);

static const struct field fields[] = {
    FIELD(1, struct cloud, name, "name", FIELD_TEXT, .flags = FIELD_REQUIRED, .max = SLUG_MAX,
          .help = "Short name: lower-case letters, digits and \"-\". It cannot be changed later."),
    FIELD(2, struct cloud, manufacturer, "manufacturer", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = SLUG_MAX,
          .help = "Whose devices it sends. What it attributes to us is expected from this "
                  "manufacturer and no other. It cannot be changed later."),
    FIELD(3, struct cloud, backend, "backend", FIELD_ENUM, .flags = FIELD_LIVE,
          .names = backend_names,
          .help = "rest: the resource of docs/cloud-registration.yaml. command: a program of yours "
                  "that speaks to the cloud."),
    FIELD(4, struct cloud, url, "url", FIELD_TEXT, .flags = FIELD_LIVE, .max = URL_MAX,
          .help = "Base of the registration resource, as the cloud's operator gives it. Back-end "
                  "command: only if our proofs are to be made for an address."),
    FIELD(5, struct cloud, anchors, "anchors", FIELD_OCTETS_LIST, .flags = FIELD_LIVE,
          .max = ANCHORS_MAX, .help = "CA certificates (DER) for the cloud's TLS certificate."),
    FIELD(6, struct cloud, networks, "networks", FIELD_TEXTS, .flags = FIELD_LIVE,
          .max = NETWORKS_MAX,
          .help = "Private or loopback networks in which the cloud may be. Public addresses need "
                  "no entry."),
    FIELD(7, struct cloud, program, "program", FIELD_TEXT, .flags = FIELD_LIVE, .max = SLUG_MAX,
          .help = "Back-end command: name of a program in the folder that the node file's "
                  "cloud-programs names. It gets JSON on standard input."),
    FIELD(8, struct cloud, owner, "owner", FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_LIVE,
          .max = OWNER_MAX, .help = "Name of our account at the cloud."),
    FIELD(9, struct cloud, token, "token", FIELD_TEXT, .flags = FIELD_LIVE | FIELD_SECRET,
          .max = TOKEN_MAX,
          .help = "Token with which the account is claimed, once; forgotten after that."),
    FIELD(10, struct cloud, mode, "mode", FIELD_ENUM, .flags = FIELD_LIVE, .names = mode_names,
          .help = "redirect: devices are sent to registrar-url. voucher: the cloud gives them "
                  "vouchers for est-domain."),
    FIELD(11, struct cloud, registrar_url, "registrar-url", FIELD_TEXT, .flags = FIELD_LIVE,
          .max = URL_MAX,
          .help = "Mode redirect: https URL of our registrar, as devices reach it."),
    FIELD(12, struct cloud, est_domain, "est-domain", FIELD_TEXT, .flags = FIELD_LIVE,
          .max = URL_MAX, .help = "Mode voucher: https URL of our EST server."),
    FIELD(13, struct cloud, pin, "pin", FIELD_ENUM, .flags = FIELD_LIVE, .names = pin_names,
          .help = "Mode voucher: what vouchers pin. The registrar CA lets our certificate be "
                  "renewed without anyone noticing; the end entity is for addresses without a "
                  "name."),
    FIELD(14, struct cloud, additional_configuration_url, "additional-configuration-url",
          FIELD_TEXT, .flags = FIELD_LIVE | FIELD_SECRET, .max = URL_MAX,
          .help = "Mode voucher: where a device's configuration is; \"{serial-number}\" in it "
                  "stands for the device's. A secret: it is never shown."),
    FIELD(15, struct cloud, orders, "orders", FIELD_TEXTS, .flags = FIELD_LIVE,
          .max = SELECTION_MAX, .help = "Only devices of these orders, and of serial-numbers."),
    FIELD(16, struct cloud, serials, "serial-numbers", FIELD_TEXTS, .flags = FIELD_LIVE,
          .max = SELECTION_MAX,
          .help = "Only these devices, and those of orders. Neither: all that the sales channel "
                  "attributes to us."),
    FIELD(17, struct cloud, import, "import", FIELD_BOOL, .flags = FIELD_LIVE,
          .help = "With each registration, devices that the cloud attributes to us are put on the "
                  "list of expected devices of that manufacturer."),
    FIELD(18, struct cloud, interval, "interval", FIELD_DURATION, .flags = FIELD_LIVE,
          .min = MINUTE_MS, .max = 30 * DAY_MS, .preset = "1 d",
          .help = "How often we register again when nothing changes."),
    FIELD(19, struct cloud, pin_hold, "pin-hold", FIELD_DURATION, .flags = FIELD_LIVE,
          .max = 3650 * DAY_MS, .preset = "7 d",
          .help = "How long devices may hold a voucher with a pin that was replaced: until then "
                  "our certificate is not changed so that it would not be found."),
    FIELD(20, struct cloud, created, "created", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was added."),
    FIELD(30, struct cloud, wish, "wish", FIELD_ENUM, .flags = FIELD_READ_ONLY, .names = wish_names,
          .help = "Whether we want to be registered."),
    FIELD(31, struct cloud, state, "state", FIELD_ENUM, .flags = FIELD_READ_ONLY,
          .names = state_names,
          .help = "new: nothing acknowledged yet. registered: as it is wanted. changed: something "
                  "else is wanted than is registered. withdrawn."),
    FIELD(32, struct cloud, generation, "generation", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "Counts changes of what is to be registered."),
    FIELD(33, struct cloud, registered_generation, "registered-generation", FIELD_UINT,
          .flags = FIELD_READ_ONLY, .help = "The one that the cloud acknowledged last."),
    FIELD(34, struct cloud, order, "order", FIELD_HEX, .flags = FIELD_READ_ONLY, .min = ID_LEN,
          .max = ID_LEN, .help = "The order that registers next."),
    FIELD(35, struct cloud, orders_placed, "orders-placed", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "How many there have been."),
    FIELD(36, struct cloud, import_once, "import-once", FIELD_BOOL, .flags = FIELD_READ_ONLY,
          .help = "An import was asked for."),
    FIELD(37, struct cloud, prune, "prune", FIELD_BOOL, .flags = FIELD_READ_ONLY,
          .help = "With it, unclaimed places that came from this cloud and are no longer "
                  "attributed to us are removed."),
    FIELD(38, struct cloud, claimed, "claimed", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When the account was claimed."),
    FIELD(39, struct cloud, tried, "tried", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When we spoke to the cloud last, or tried to."),
    FIELD(40, struct cloud, succeeded, "succeeded", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it acknowledged what we wanted last."),
    FIELD(41, struct cloud, failures, "failures", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "Attempts that failed since then."),
    FIELD(42, struct cloud, problem, "problem", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = NAME_LEN,
          .help = "What was wrong with the last attempt; absent when it succeeded."),
    FIELD(43, struct cloud, detail, "detail", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = DETAIL_MAX, .help = "Particulars of it."),
    FIELD(44, struct cloud, reach, "reach", FIELD_ENUM, .flags = FIELD_READ_ONLY,
          .names = reach_names,
          .help = "Whether the cloud, looking from outside, finds us as devices will."),
    FIELD(45, struct cloud, reach_checked, "reach-checked", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it looked."),
    FIELD(46, struct cloud, reach_detail, "reach-detail", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .max = DETAIL_MAX, .help = "What it says was in the way."),
    FIELD(47, struct cloud, devices, "devices", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "How many devices it says are ours."),
    FIELD(48, struct cloud, imported, "imported", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When its list was read last."),
    FIELD(49, struct cloud, import_added, "import-added", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "Devices that became expected by that."),
    FIELD(50, struct cloud, import_gone, "import-gone", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "Unclaimed places from earlier imports that it no longer had."),
    FIELD(51, struct cloud, released, "released", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "Devices, sold or decommissioned, that we have given up there so far."),
    FIELD(52, struct cloud, pins, "pins", FIELD_RECORDS, .flags = FIELD_READ_ONLY,
          .max = CLOUD_PINNED_MAX, .sub = &pinned_type,
          .help = "What its vouchers pin and have pinned."),
    FIELD(53, struct cloud, released_until, "released-until", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "Those that left us before are given up."),
    FIELD(54, struct cloud, asked, "asked", FIELD_UINT, .flags = FIELD_READ_ONLY,
          .help = "How often a registration was asked for: what is asked for while one is under "
                  "way is done once more."),
    FIELD(131, struct cloud, pin_match, "pin-match", FIELD_ENUM, .flags = FIELD_LIVE,
          .names = pin_match_names, .preset = "certificate",
          .help = "Pin end-entity: what its devices take for the pinned certificate. certificate: "
                  "that one and no other, as a TLS library with it as its anchor does; key: also a "
                  "renewed one with its key, as RFC 8995 5.6.2 lets them."),
};
const struct record_type cloud_type = RECORD_TYPE("cloud", 1, struct cloud, fields);

static struct bytes key_of(struct arena *arena, const void *record)
{
    const struct cloud *cloud = record;
    (void)arena;
    return bytes_of_text(cloud->name);
}

const struct table clouds = {
    .prefix = PREFIX_CLOUD,
    .type = &cloud_type,
    .key_of = key_of,
};

struct bytes cloud_subject(struct arena *arena, const char *name)
{
    const struct bytes parts[] = {BYTES_LITERAL("cloud\0"), bytes_of_text(name)};
    struct bytes digest = bytes_sha256(arena, bytes_concat(arena, parts, ARRAY_SIZE(parts)));
    return bytes_make(digest.data, SUBJECT_LEN);
}

#define SCHEME "https://"

bool cloud_url_host(struct task *t, const char *member, const char *url, const char **ret)
{
    ENSURE(t, url != NULL, E_INVALID, "%s: is missing", member);
    ENSURE(t, strncmp(url, SCHEME, strlen(SCHEME)) == 0, E_INVALID, "%s: is no https URL", member);
    for (const char *c = url; *c != '\0'; c++)
        ENSURE(t, *c > ' ' && *c < 0x7F, E_INVALID, "%s: has a character that URLs do not have",
               member);
    const char *host = url + strlen(SCHEME);
    ENSURE(t, memchr(host, '@', strcspn(host, "/?#")) == NULL, E_INVALID,
           "%s: names a user, who would stand where anybody reads it", member);
    bool bracketed = *host == '[';
    host += bracketed;
    size_t len = strcspn(host, bracketed ? "]" : ":/?#");
    ENSURE(t, len > 0 && (!bracketed || host[len] == ']'), E_INVALID, "%s: names no host", member);
    *ret = arena_strndup(t->arena, host, len);
    return true;
}

static bool check_https(struct task *t, const char *member, const char *url)
{
    const char *host;
    return cloud_url_host(t, member, url, &host);
}

static bool check_backend(struct task *t, const struct cloud *cloud)
{
    if (cloud->backend == CLOUD_COMMAND) {
        if (cloud->url != NULL)
            TRY(check_https(t, "url", cloud->url));
        return slug_check(t, "program", cloud->program);
    }
    ENSURE(t, cloud->program == NULL, E_INVALID, "program: is for backend command");
    ENSURE(t, cloud->anchors.count > 0, E_INVALID,
           "anchors: at least one is needed, or the cloud would not be believed");
    return check_https(t, "url", cloud->url);
}

bool cloud_check(struct task *t, const struct cloud *cloud)
{
    TRY(slug_check(t, "name", cloud->name));
    TRY(check_backend(t, cloud));
    if (cloud->mode == CLOUD_REDIRECT) {
        ENSURE(t, cloud->est_domain == NULL && cloud->additional_configuration_url == NULL,
               E_INVALID, "mode redirect has a registrar-url, no est-domain and no configuration");
        return check_https(t, "registrar-url", cloud->registrar_url);
    }
    ENSURE(t, cloud->registrar_url == NULL, E_INVALID, "registrar-url: is for mode redirect");
    return check_https(t, "est-domain", cloud->est_domain);
}

const struct cloud_pinned *cloud_pinned_now(const struct cloud *cloud)
{
    const struct cloud_pinned *pins = cloud->pins.items;
    for (size_t i = 0; i < cloud->pins.count; i++) {
        if (pins[i].until == 0)
            return &pins[i];
    }
    return NULL;
}

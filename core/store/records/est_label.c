#include "core/store/records/est_label.h"

#include "core/base/clock.h"
#include "core/store/prefixes.h"
#include "core/store/records/profile.h"
#include "core/store/records/slug.h"

#include <string.h>

#define TITLE_MAX   128
#define ANCHORS_MAX 64
#define DOMAINS_MAX 64
#define DOMAIN_MAX  253 /* octets; RFC 1035 2.3.4 */
#define LINE_MAX    4096

const char *const est_proof_names[] = {"idevid",   "certificate", "third-party",
                                       "password", "ra",          NULL};
static const char *const binding_names[] = {"optional", "required", NULL};

static const char *const server_keys_names[] = {"off", "encrypted", "plain", NULL};

static const struct field fields[] = {
    FIELD(1, struct est_label, name, "name", FIELD_TEXT, .flags = FIELD_REQUIRED, .max = SLUG_MAX,
          .help = "The label, as it stands in paths: /.well-known/est/NAME/simpleenroll. The one "
                  "called default is that of paths without a label."),
    FIELD(2, struct est_label, title, "title", FIELD_TEXT, .flags = FIELD_LIVE, .max = TITLE_MAX,
          .help = "What it is for."),
    FIELD(3, struct est_label, profile, "profile", FIELD_TEXT, .flags = FIELD_LIVE, .max = SLUG_MAX,
          .preset = PROFILE_DEFAULT,
          .help = "Enrolment profile of clients that are no devices; a device's is its "
                  "manufacturer's."),
    FIELD(4, struct est_label, proofs, "authenticate", FIELD_TEXTS, .flags = FIELD_LIVE, .min = 1,
          .max = EST_PROOF_COUNT, .preset = "idevid, certificate",
          .help = "How clients prove who they are, one of these being enough: idevid (a device "
                  "that is being onboarded), certificate (one of ours), third-party (one under "
                  "the label's anchors), password (an enrolment secret) or ra (one under the "
                  "label's anchors with id-kp-cmcRA, asking for others)."),
    FIELD(5, struct est_label, password_too, "password-too", FIELD_BOOL, .flags = FIELD_LIVE,
          .preset = "false", .help = "Whether a password is asked for besides the certificate."),
    FIELD(6, struct est_label, anchors, "anchors", FIELD_OCTETS_LIST, .flags = FIELD_LIVE,
          .max = ANCHORS_MAX,
          .help = "CA certificates (DER) that third parties' and RAs' certificates chain to."),
    FIELD(7, struct est_label, domains, "domains", FIELD_TEXTS, .flags = FIELD_LIVE,
          .max = DOMAINS_MAX,
          .help = "Domains whose names clients that are no devices may ask for, such as "
                  "routers.example.com. Without any they get no name that their proof does not "
                  "state."),
    FIELD(8, struct est_label, binding, "channel-binding", FIELD_ENUM, .flags = FIELD_LIVE,
          .names = binding_names, .preset = "optional",
          .help = "Whether a request must be bound to its TLS connection (RFC 7030 3.5). What is "
                  "there is verified in any case."),
    FIELD(9, struct est_label, line_length, "line-length", FIELD_UINT, .flags = FIELD_LIVE,
          .max = LINE_MAX, .preset = "64",
          .help = "Characters of base64 in a line of an answer; 0 for one single line."),
    FIELD(10, struct est_label, digest_md5, "digest-md5", FIELD_BOOL, .flags = FIELD_LIVE,
          .preset = "false",
          .help = "Whether HTTP Digest by MD5 is offered to clients that know no better."),
    FIELD(12, struct est_label, renew_before, "renew-before", FIELD_DURATION, .flags = FIELD_LIVE,
          .max = 3660 * DAY_MS, .preset = "0 s",
          .help = "How long before its end a certificate may be renewed; 0 for at any time."),
    FIELD(13, struct est_label, renew_after, "renew-after", FIELD_DURATION, .flags = FIELD_LIVE,
          .max = 3660 * DAY_MS, .preset = "0 s",
          .help = "How long after its end a certificate may still be renewed."),
    FIELD(14, struct est_label, approval, "approval", FIELD_BOOL, .flags = FIELD_LIVE,
          .preset = "false", .help = "Whether an administrator decides on each request."),
    FIELD(15, struct est_label, per_day, "per-day", FIELD_UINT, .flags = FIELD_LIVE, .min = 1,
          .max = 100000, .preset = "10",
          .help = "Most certificates for the same subject in a day."),
    FIELD(16, struct est_label, created, "created", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "When it was added."),
    FIELD(100, struct est_label, change_subject_name, "change-subject-name", FIELD_BOOL,
          .flags = FIELD_LIVE, .preset = "false",
          .help = "Whether a client that renews may ask for other names, by the same rules as for "
                  "a first certificate, with ChangeSubjectName (RFC 7030 4.2.2); a device's "
                  "profile says it for devices."),
    FIELD(101, struct est_label, other_labels, "other-labels", FIELD_BOOL, .flags = FIELD_LIVE,
          .preset = "false",
          .help = "Whether certificates that were given under other labels are taken, too, and "
                  "renewed by this label's rules."),
    FIELD(110, struct est_label, server_keys, "server-keys", FIELD_ENUM, .flags = FIELD_LIVE,
          .names = server_keys_names, .preset = "off",
          .help =
              "Whether keys are made for clients that ask for one (serverkeygen, RFC 7030 4.4): "
              "off; encrypted, only to a key that the client names; or plain, which lets them "
              "leave with nothing but TLS around them, too."),
    FIELD(120, struct est_label, full_cmc, "full-cmc", FIELD_BOOL, .flags = FIELD_LIVE,
          .preset = "false", .help = "Whether clients may enrol by Full CMC (RFC 7030 4.3), too."),
};
const struct record_type est_label_type = RECORD_TYPE("label", 1, struct est_label, fields);

static struct bytes key_of(struct arena *arena, const void *record)
{
    (void)arena;
    return bytes_of_text(((const struct est_label *)record)->name);
}

const struct table est_labels = {
    .prefix = PREFIX_EST_LABEL,
    .type = &est_label_type,
    .key_of = key_of,
};

/* RFC 7030 3.2.2: a label is none of the operations. */
static bool check_name(struct task *t, const char *name)
{
    static const char *const taken[] = {"cacerts",  "simpleenroll", "simplereenroll", "fullcmc",
                                        "csrattrs", "serverkeygen", "brski"};
    TRY(slug_check(t, "name", name));
    for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
        ENSURE(t, strcmp(name, taken[i]) != 0, E_INVALID, "name: %s is an operation of EST", name);
    return true;
}

static bool check_proof(struct task *t, const char *text)
{
    for (size_t i = 0; i < EST_PROOF_COUNT; i++) {
        if (strcmp(est_proof_names[i], text) == 0)
            return true;
    }
    return fail(t, E_INVALID,
                "authenticate: \"%s\" is none of idevid, certificate, third-party, password and "
                "ra",
                text);
}

/* Letters, digits, "-" and ".": what a name may end with. */
static bool check_domain(struct task *t, const char *domain)
{
    size_t len = strlen(domain);
    ENSURE(t,
           len > 0 && len <= DOMAIN_MAX && domain[0] != '.' && domain[len - 1] != '.' &&
               strspn(domain, "abcdefghijklmnopqrstuvwxyz0123456789-.") == len &&
               strstr(domain, "..") == NULL,
           E_INVALID, "domains: \"%s\" is no domain name in lower case", domain);
    return true;
}

bool est_label_check(struct task *t, const struct est_label *label)
{
    TRY(record_check(t, &est_label_type, label));
    TRY(check_name(t, label->name));
    TRY(slug_check(t, "profile", label->profile));
    for (size_t i = 0; i < label->proofs.count; i++)
        TRY(check_proof(t, label->proofs.items[i]));
    for (size_t i = 0; i < label->domains.count; i++)
        TRY(check_domain(t, label->domains.items[i]));
    bool by_anchors =
        est_label_takes(label, EST_PROOF_THIRD_PARTY) || est_label_takes(label, EST_PROOF_RA);
    ENSURE(t, !by_anchors || label->anchors.count > 0, E_INVALID,
           "anchors: third-party and ra need at least one");
    ENSURE(t, label->line_length % 4 == 0, E_INVALID,
           "line-length: base64 is cut after a multiple of 4 characters");
    return true;
}

bool est_label_takes(const struct est_label *label, enum est_proof proof)
{
    for (size_t i = 0; i < label->proofs.count; i++) {
        if (strcmp(label->proofs.items[i], est_proof_names[proof]) == 0)
            return true;
    }
    return false;
}

bool est_label_get(struct task *t, struct reader *r, const char *name, struct est_label *ret,
                   bool *ret_found)
{
    const char *key = name == NULL ? EST_LABEL_DEFAULT : name;
    struct est_label label;
    bool found;
    TRY(table_find(t, r, &est_labels, bytes_of_text(key), &label, &found));
    if (!found && strcmp(key, EST_LABEL_DEFAULT) == 0) {
        record_init(t, &est_label_type, &label);
        label.name = EST_LABEL_DEFAULT;
        found = true;
    }
    if (found)
        *ret = label;
    *ret_found = found;
    return true;
}

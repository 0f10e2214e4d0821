#include "core/base/clock.h"
#include "web/views.h"

#define NAMES_MAX    64
#define OVERRIDE_MAX 512

static const struct field cloud_action_fields[] = {
    FIELD(1, struct cloud_action, action, "action", FIELD_TEXT, .flags = FIELD_REQUIRED, .max = 16,
          .help = "sync: speak to the cloud now. withdraw, register: what we want there. import: "
                  "put the devices that it attributes to us on the list of expected ones."),
    FIELD(2, struct cloud_action, prune, "prune", FIELD_BOOL,
          .help = "With import: places from it that nobody has claimed, and that it no longer has, "
                  "are taken away."),
};
const struct record_type cloud_action_type =
    RECORD_TYPE("cloud action", 1, struct cloud_action, cloud_action_fields);

static const struct field identity_action_fields[] = {
    FIELD(1, struct identity_action, action, "action", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .max = 16,
          .help = "renew: make a certificate that waits. take-back: it is not wanted. switch: it "
                  "takes the present one's place."),
    FIELD(2, struct identity_action, new_key, "new-key", FIELD_BOOL,
          .help = "With renew: for another key, made in the token."),
    FIELD(3, struct identity_action, names, "names", FIELD_TEXTS, .max = NAMES_MAX,
          .help = "With renew: DNS names and IP addresses; none: the present one's."),
    FIELD(4, struct identity_action, validity, "validity", FIELD_DURATION, .min = HOUR_MS,
          .preset = "730 d", .max = 100LL * 366 * DAY_MS,
          .help = "With renew: how long it is valid; never "
                  "longer than the registrar CA."),
    FIELD(5, struct identity_action, override, "override", FIELD_TEXT, .max = OVERRIDE_MAX,
          .help = "With switch: the reason why it is done although devices will not find us any "
                  "more. It goes to the audit trail."),
};
const struct record_type identity_action_type =
    RECORD_TYPE("identity action", 1, struct identity_action, identity_action_fields);

static const char *const role_names[] = {"current", "staged", "earlier", NULL};

static const struct field line_fields[] = {
    FIELD(1, struct identity_line, role, "role", FIELD_ENUM, .names = role_names,
          .help = "current: what devices see. staged: it waits. earlier: it was current."),
    FIELD(2, struct identity_line, sha256, "sha256", FIELD_HEX,
          .help = "SHA-256 of the certificate."),
    FIELD(3, struct identity_line, subject, "subject", FIELD_TEXT, .help = "Its subject."),
    FIELD(4, struct identity_line, names, "names", FIELD_TEXTS,
          .help = "DNS names and IP addresses in it."),
    FIELD(5, struct identity_line, not_before, "not-before", FIELD_TIME,
          .help = "Start of its validity."),
    FIELD(6, struct identity_line, not_after, "not-after", FIELD_TIME,
          .help = "End of its validity."),
    FIELD(7, struct identity_line, key_label, "key-label", FIELD_TEXT,
          .help = "Label of its key in the token."),
    FIELD(8, struct identity_line, shown, "shown", FIELD_BOOL,
          .help = "There is a name for which devices are shown it."),
};
static const struct record_type line_type =
    RECORD_TYPE("identity line", 1, struct identity_line, line_fields);

static const struct field report_fields[] = {
    FIELD(1, struct identity_report, certificates, "certificates", FIELD_RECORDS, .sub = &line_type,
          .help = "The current one, the one that waits, earlier ones."),
    FIELD(2, struct identity_report, obstacles, "obstacles", FIELD_TEXTS,
          .help = "What a switch to the one that waits would break."),
};
const struct record_type identity_report_type =
    RECORD_TYPE("identity", 1, struct identity_report, report_fields);

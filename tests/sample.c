#include "tests/sample.h"

#include "core/base/clock.h"

static const char *const mode_names[] = {"open", "closed", "unattended", NULL};

static const struct field masa_fields[] = {
    FIELD(1, struct sample_masa, url, "url", FIELD_TEXT, .max = 64, .help = "Where the MASA is."),
    FIELD(2, struct sample_masa, retries, "retries", FIELD_UINT, .preset = "3", .max = 10,
          .help = "How often a request is sent again."),
};
static const struct record_type masa_type = RECORD_TYPE("masa", 1, struct sample_masa, masa_fields);

static const struct field owner_fields[] = {
    FIELD(1, struct sample_owner, name, "name", FIELD_TEXT, .flags = FIELD_REQUIRED, .max = 32,
          .help = "Name of the owner."),
    FIELD(2, struct sample_owner, level, "level", FIELD_UINT, .preset = "1", .max = 9,
          .help = "Rank."),
    FIELD(3, struct sample_owner, password, "password", FIELD_TEXT, .flags = FIELD_SECRET,
          .help = "Never shown."),
};
static const struct record_type owner_type =
    RECORD_TYPE("owner", 1, struct sample_owner, owner_fields);

#define SERIAL_FIELD                                                                               \
    FIELD(1, struct sample, serial, "serial-number", FIELD_TEXT, .flags = FIELD_REQUIRED,          \
          .max = 16, .help = "Serial number as the IDevID states it.")

#define OTHER_FIELDS                                                                               \
    FIELD(2, struct sample, active, "active", FIELD_BOOL, .preset = "true", .flags = FIELD_LIVE,   \
          .help = "Whether it takes part."),                                                       \
        FIELD(3, struct sample, port, "port", FIELD_UINT, .preset = "443", .min = 1, .max = 65535, \
              .help = "TCP port."),                                                                \
        FIELD(4, struct sample, created_on, "created-on", FIELD_TIME,                              \
              .help = "When it was made."),                                                        \
        FIELD(5, struct sample, poll, "poll", FIELD_DURATION, .preset = "90 s", .min = SECOND_MS,  \
              .max = HOUR_MS,                                                                      \
              .help = "How long a pledge is asked to wait before it comes again, which for some "  \
                      "pledges is a matter of hours and for others one of seconds."),              \
        FIELD(6, struct sample, body_limit, "body-limit", FIELD_SIZE, .preset = "64 KiB",          \
              .min = 1024, .max = 1024LL * 1024, .help = "Greatest request."),                     \
        FIELD(7, struct sample, digest, "digest", FIELD_HEX, .max = 32, .help = "SHA-256."),       \
        FIELD(8, struct sample, certificate, "certificate", FIELD_OCTETS, .max = 64,               \
              .help = "DER."),                                                                     \
        FIELD(9, struct sample, mode, "mode", FIELD_ENUM, .preset = "closed", .names = mode_names, \
              .help = "Who is let in."),                                                           \
        FIELD(10, struct sample, labels, "labels", FIELD_TEXTS, .max = 3,                          \
              .help = "EST labels (RFC 7030 3.2.2)."),                                             \
        FIELD(11, struct sample, anchors, "idevid-anchors", FIELD_OCTETS_LIST, .max = 4,           \
              .help = "Trust anchors."),                                                           \
        FIELD(12, struct sample, masa, "masa", FIELD_RECORD, .sub = &masa_type,                    \
              .help = "The manufacturer's service."),                                              \
        FIELD(13, struct sample, owners, "owners", FIELD_RECORDS, .sub = &owner_type, .max = 4,    \
              .help = "Whose it is."),                                                             \
        FIELD(14, struct sample, pin, "pin", FIELD_TEXT, .flags = FIELD_SECRET, .preset = "0000",  \
              .help = "Never shown."),                                                             \
        FIELD(15, struct sample, state, "state", FIELD_TEXT, .flags = FIELD_READ_ONLY,             \
              .help = "Set by Gatehouse."),                                                        \
        FIELD(17, struct sample, greeting, "greeting", FIELD_TEXT,                                 \
              .preset = "say: \"hi\" # there", .help = "A text that needs care in YAML."),         \
        FIELD(19, struct sample, groups, "groups", FIELD_TEXTS, .preset = "staff, guests",         \
              .help = "A list that is not empty to begin with.")

static const struct field sample_fields[] = {SERIAL_FIELD, OTHER_FIELDS};
static const struct field sample_optional_fields[] = {OTHER_FIELDS};

const struct record_type sample_type = RECORD_TYPE("sample", 2, struct sample, sample_fields);
const struct record_type sample_optional_type =
    RECORD_TYPE("sample", 2, struct sample, sample_optional_fields);

struct sample sample_full(struct arena *arena)
{
    const char **labels = arena_array(arena, 2, sizeof(*labels));
    const char **groups = arena_array(arena, 1, sizeof(*groups));
    struct bytes *anchors = arena_array(arena, 2, sizeof(*anchors));
    struct sample_owner *owners = arena_array(arena, 2, sizeof(*owners));
    labels[0] = "a";
    labels[1] = "bc";
    groups[0] = "x";
    anchors[0] = BYTES_LITERAL("\1");
    anchors[1] = BYTES_LITERAL("\2\3");
    owners[0] = (struct sample_owner){.name = "x", .level = 0};
    owners[1] = (struct sample_owner){.name = "y", .level = 9, .password = "pw"};
    return (struct sample){
        .serial = "JADA-1234",
        .active = true,
        .port = 8443,
        .created_on = 1617278400747,
        .poll = 60000,
        .body_limit = 2048,
        .digest = BYTES_LITERAL("\xde\xad\xbe\xef"),
        .certificate = BYTES_LITERAL("\0\1\2\3"),
        .mode = SAMPLE_UNATTENDED,
        .labels = {labels, 2},
        .anchors = {anchors, 2},
        .masa = {.url = "https://m.example", .retries = 7},
        .owners = {owners, 2},
        .pin = "1234",
        .state = "done",
        .greeting = "hello",
        .groups = {groups, 1},
    };
}

struct sample sample_least(struct task *t)
{
    struct sample s;
    record_init(t, &sample_type, &s);
    s.serial = "J";
    return s;
}

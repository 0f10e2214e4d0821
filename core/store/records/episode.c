#include "core/store/records/episode.h"

#include "core/store/prefixes.h"
#include "core/store/records/slug.h"

#include <string.h>

#define NONCE_MAX     256 /* octets of text; RFC 8995 makes it 32 at most before encoding */
#define ADDRESS_MAX   64
#define URL_MAX       512
#define REASON_MAX    1024
#define ASSERTION_MAX 32
#define PROBLEM_MAX   64

const char *const episode_stage_names[] = {
    [EPISODE_REQUESTED] = "requested",
    [EPISODE_VOUCHER] = "voucher",
    [EPISODE_IMPRINTED] = "imprinted",
    [EPISODE_ENROLLED] = "enrolled",
    [EPISODE_CONFIRMED] = "confirmed",
    [EPISODE_VOUCHER_REFUSED] = "voucher-refused",
    [EPISODE_PLEDGE_REFUSED] = "pledge-refused",
    [EPISODE_LOG_REFUSED] = "log-refused",
    [EPISODE_ENROL_FAILED] = "enrol-failed",
    [EPISODE_HELD] = "held",
    NULL,
};
static const char *const beginning_names[] = {"voucher-request", "est-domain", NULL};
static const char *const report_names[] = {"none", "success", "failure", NULL};
const char *const episode_verdict_names[] = {
    [VERDICT_PENDING] = "pending",
    [VERDICT_ACCEPTED] = "accepted",
    [VERDICT_REFUSED] = "refused",
    [VERDICT_NOT_ASKED] = "not-asked",
    NULL,
};

#define FROM_GATEHOUSE .flags = FIELD_READ_ONLY
#define ID_LENGTH      .min = ID_LEN, .max = ID_LEN
#define DIGEST_LENGTH  .min = SHA256_LEN, .max = SHA256_LEN

static const struct field episode_fields[] = {
    FIELD(1, struct episode, id, "id", FIELD_HEX, .flags = FIELD_REQUIRED | FIELD_READ_ONLY,
          ID_LENGTH, .help = "Identifies the onboarding; later ones are greater."),
    FIELD(2, struct episode, device, "device", FIELD_HEX, .flags = FIELD_REQUIRED | FIELD_READ_ONLY,
          .min = SUBJECT_LEN, .max = SUBJECT_LEN, .help = "The device that is onboarded."),
    FIELD(3, struct episode, stage, "stage", FIELD_ENUM, FROM_GATEHOUSE,
          .names = episode_stage_names, .help = "How far the onboarding has come."),
    FIELD(4, struct episode, opened, "opened", FIELD_TIME,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY,
          .help = "When the device's voucher request came."),
    FIELD(5, struct episode, closed, "closed", FIELD_TIME, FROM_GATEHOUSE,
          .help = "When the onboarding ceased to count; absent while it does."),
    FIELD(6, struct episode, closed_because, "closed-because", FIELD_TEXT, FROM_GATEHOUSE,
          .max = REASON_MAX, .help = "Why: revoked, reset, sold or replaced by a later one."),
    FIELD(7, struct episode, nonce, "nonce", FIELD_TEXT, FROM_GATEHOUSE, .max = NONCE_MAX,
          .help = "Nonce of the voucher request, as the device sent it."),
    FIELD(8, struct episode, request_sha256, "request-sha256", FIELD_HEX, FROM_GATEHOUSE,
          DIGEST_LENGTH, .help = "SHA-256 of the voucher request."),
    FIELD(9, struct episode, our_certificate_sha256, "our-certificate-sha256", FIELD_HEX,
          FROM_GATEHOUSE, DIGEST_LENGTH,
          .help = "SHA-256 of our TLS certificate that the device saw."),
    FIELD(10, struct episode, address, "address", FIELD_TEXT, FROM_GATEHOUSE, .max = ADDRESS_MAX,
          .help = "Network address that the request came from."),
    FIELD(11, struct episode, masa_url, "masa-url", FIELD_TEXT, FROM_GATEHOUSE, .max = URL_MAX,
          .help = "Where the MASA was asked."),
    FIELD(12, struct episode, voucher_order, "voucher-order", FIELD_HEX, FROM_GATEHOUSE, ID_LENGTH,
          .help = "The order that gets the voucher."),
    FIELD(13, struct episode, log_order, "log-order", FIELD_HEX, FROM_GATEHOUSE, ID_LENGTH,
          .help = "The order that gets the MASA's audit log."),
    FIELD(14, struct episode, enrol_order, "enrol-order", FIELD_HEX, FROM_GATEHOUSE, ID_LENGTH,
          .help = "The latest order for a certificate."),
    FIELD(15, struct episode, voucher_sha256, "voucher-sha256", FIELD_HEX, FROM_GATEHOUSE,
          DIGEST_LENGTH, .help = "SHA-256 of the voucher."),
    FIELD(16, struct episode, voucher_assertion, "voucher-assertion", FIELD_TEXT, FROM_GATEHOUSE,
          .max = ASSERTION_MAX, .help = "What the voucher asserts: verified, logged or proximity."),
    FIELD(17, struct episode, voucher_report, "voucher-report", FIELD_ENUM, FROM_GATEHOUSE,
          .names = report_names, .help = "What the device said of the voucher (voucher_status)."),
    FIELD(18, struct episode, voucher_report_at, "voucher-report-at", FIELD_TIME, FROM_GATEHOUSE,
          .help = "When it said so."),
    FIELD(19, struct episode, voucher_report_reason, "voucher-report-reason", FIELD_TEXT,
          FROM_GATEHOUSE, .max = REASON_MAX, .help = "The reason it gave."),
    FIELD(20, struct episode, log_verdict, "log-verdict", FIELD_ENUM, FROM_GATEHOUSE,
          .names = episode_verdict_names,
          .help = "Whether the MASA's audit log speaks for the device."),
    FIELD(21, struct episode, log_at, "log-at", FIELD_TIME, FROM_GATEHOUSE,
          .help = "When the audit log was received."),
    FIELD(22, struct episode, log_sha256, "log-sha256", FIELD_HEX, FROM_GATEHOUSE, DIGEST_LENGTH,
          .help = "SHA-256 of the audit log."),
    FIELD(23, struct episode, log_entries, "log-entries", FIELD_UINT, FROM_GATEHOUSE,
          .help = "How many entries the audit log has."),
    FIELD(24, struct episode, csrattrs_at, "csrattrs-at", FIELD_TIME, FROM_GATEHOUSE,
          .help = "When the device was told what to ask for (CSR attributes)."),
    FIELD(25, struct episode, certificate, "certificate", FIELD_HEX, FROM_GATEHOUSE, DIGEST_LENGTH,
          .help = "The latest certificate issued to it."),
    FIELD(26, struct episode, enrol_report, "enrol-report", FIELD_ENUM, FROM_GATEHOUSE,
          .names = report_names, .help = "What the device said of the certificate (enrollstatus)."),
    FIELD(27, struct episode, enrol_report_at, "enrol-report-at", FIELD_TIME, FROM_GATEHOUSE,
          .help = "When it said so."),
    FIELD(28, struct episode, enrol_report_reason, "enrol-report-reason", FIELD_TEXT,
          FROM_GATEHOUSE, .max = REASON_MAX, .help = "The reason it gave."),
    FIELD(29, struct episode, enrol_report_matches, "enrol-report-matches", FIELD_BOOL,
          FROM_GATEHOUSE, .help = "Whether it said so over a connection with that certificate."),
    FIELD(30, struct episode, enrolments, "enrolments", FIELD_UINT, FROM_GATEHOUSE,
          .help = "How many orders for a certificate there have been."),
    FIELD(40, struct episode, allowances, "allowances", FIELD_TEXTS, FROM_GATEHOUSE,
          .help = "The allowances of its manufacturer that it needed, by name."),
    FIELD(45, struct episode, rule, "rule", FIELD_TEXT, FROM_GATEHOUSE, .max = SLUG_MAX,
          .help = "The admission rule that let the device in; absent when its place on the list "
                  "did."),
    FIELD(46, struct episode, needs_verified, "needs-verified", FIELD_BOOL, FROM_GATEHOUSE,
          .help = "Whether only a voucher with the assertion \"verified\" is handed out."),
    FIELD(50, struct episode, voucher_stored, "voucher-stored", FIELD_BOOL, FROM_GATEHOUSE,
          .help = "Whether its voucher was fetched ahead."),
    FIELD(51, struct episode, log_problem, "log-problem", FIELD_TEXT, FROM_GATEHOUSE,
          .max = PROBLEM_MAX,
          .help = "What was held against the audit log, also when that was let pass."),
    FIELD(52, struct episode, log_ahead, "log-ahead", FIELD_BOOL, FROM_GATEHOUSE,
          .help = "Whether the verdict is on the audit log that was fetched with that voucher."),
    FIELD(53, struct episode, voucher_nonceless, "voucher-nonceless", FIELD_BOOL, FROM_GATEHOUSE,
          .help = "Whether its voucher has no nonce."),
    FIELD(60, struct episode, voucher_type, "voucher-type", FIELD_TEXT, FROM_GATEHOUSE,
          .max = EPISODE_MEDIA_TYPE_MAX, .help = "Media type of the voucher."),
    FIELD(61, struct episode, voucher_unread, "voucher-unread", FIELD_BOOL, FROM_GATEHOUSE,
          .help = "Whether the voucher was handed on unchecked, its form being one that Gatehouse "
                  "cannot read."),
    FIELD(65, struct episode, begun_by, "begun-by", FIELD_ENUM, FROM_GATEHOUSE,
          .names = beginning_names,
          .help = "What it began with: the device's voucher request to us, or its coming for a "
                  "certificate with a voucher of its manufacturer's cloud (est-domain)."),
};
const struct record_type episode_type = RECORD_TYPE("episode", 1, struct episode, episode_fields);

static struct bytes episode_key(struct arena *arena, const void *record)
{
    const struct episode *episode = record;
    (void)arena;
    return episode->id;
}

/* Ids grow with time, and the index goes on with them. */
static struct bytes by_device(struct arena *arena, const void *record)
{
    const struct episode *episode = record;
    (void)arena;
    return episode->device;
}

static struct bytes by_stage(struct arena *arena, const void *record)
{
    const uint8_t stage = (uint8_t)((const struct episode *)record)->stage;
    return bytes_copy(arena, bytes_make(&stage, 1));
}

#define BY_DEVICE                                                                                  \
    {                                                                                              \
        .prefix = PREFIX_EPISODE_BY_DEVICE, .key_of = by_device                                    \
    }
#define BY_STAGE                                                                                   \
    {                                                                                              \
        .prefix = PREFIX_EPISODE_BY_STAGE, .key_of = by_stage                                      \
    }
const struct table_index episodes_by_device = BY_DEVICE;
const struct table_index episodes_by_stage = BY_STAGE;
static const struct table_index episode_indexes[] = {BY_DEVICE, BY_STAGE};

bool episode_has_voucher(const struct episode *episode)
{
    return bytes_present(episode->voucher_sha256) || episode->begun_by == EPISODE_BY_EST_DOMAIN;
}

bool episode_log_passed(const struct episode *episode)
{
    return episode->log_verdict == VERDICT_ACCEPTED || episode->log_verdict == VERDICT_NOT_ASKED;
}

const struct table episodes = {
    .prefix = PREFIX_EPISODE,
    .type = &episode_type,
    .key_of = episode_key,
    .indexes = episode_indexes,
    .index_count = ARRAY_SIZE(episode_indexes),
    .blobs = EPISODE_BLOB_LOG,
};

bool episode_voucher_suffices(const struct episode *episode, const char *assertion)
{
    return !episode->needs_verified || (assertion != NULL && strcmp(assertion, "verified") == 0);
}

static const struct field nonce_fields[] = {
    FIELD(1, struct used_nonce, device, "device", FIELD_HEX,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, .min = SUBJECT_LEN, .max = SUBJECT_LEN,
          .help = "The device that used it."),
    FIELD(2, struct used_nonce, nonce_sha256, "nonce-sha256", FIELD_HEX,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, DIGEST_LENGTH,
          .help = "SHA-256 of the nonce."),
    FIELD(3, struct used_nonce, request_sha256, "request-sha256", FIELD_HEX,
          .flags = FIELD_REQUIRED | FIELD_READ_ONLY, DIGEST_LENGTH,
          .help = "SHA-256 of the voucher request it came in."),
    FIELD(4, struct used_nonce, episode, "episode", FIELD_HEX, FROM_GATEHOUSE, ID_LENGTH,
          .help = "The onboarding that the request began."),
};
const struct record_type used_nonce_type =
    RECORD_TYPE("used nonce", 1, struct used_nonce, nonce_fields);

static struct bytes join(struct arena *arena, struct bytes device, struct bytes nonce_sha256)
{
    const struct bytes parts[] = {device, nonce_sha256};
    return bytes_concat(arena, parts, ARRAY_SIZE(parts));
}

struct bytes used_nonce_key(struct arena *arena, struct bytes device, const char *nonce)
{
    return join(arena, device, bytes_sha256(arena, bytes_of_text(nonce)));
}

static struct bytes key_of_nonce(struct arena *arena, const void *record)
{
    const struct used_nonce *used = record;
    return join(arena, used->device, used->nonce_sha256);
}

const struct table used_nonces = {
    .prefix = PREFIX_NONCE,
    .type = &used_nonce_type,
    .key_of = key_of_nonce,
};

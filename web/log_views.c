#include "web/log_views.h"

#define WORD_MAX 128 /* octets of a foreign word that are shown */

static const struct field entry_fields[] = {
    FIELD(1, struct log_entry, date, "date", FIELD_TEXT, .help = "When, as the MASA writes it."),
    FIELD(2, struct log_entry, domain_id, "domain-id", FIELD_OCTETS,
          .help = "The domainID of the owner that a voucher was issued to (RFC 8995 5.8.2)."),
    FIELD(3, struct log_entry, owner, "owner", FIELD_ENUM, .names = log_owner_names,
          .help = "Whose that is: our own, our own of the past, one that the manufacturer's "
                  "record allows, or another's."),
    FIELD(4, struct log_entry, nonce, "nonce", FIELD_TEXT,
          .help = "The voucher's nonce; absent: a voucher without nonce."),
    FIELD(5, struct log_entry, assertion, "assertion", FIELD_TEXT,
          .help = "What the voucher asserted."),
    FIELD(6, struct log_entry, truncated, "truncated", FIELD_UINT,
          .help = "How many entries of this owner the MASA has dropped."),
    FIELD(7, struct log_entry, cause, "cause", FIELD_ENUM, .names = log_cause_names,
          .help = "How an entry in our own name came about, as far as it is known here."),
    FIELD(8, struct log_entry, problem, "problem", FIELD_TEXT,
          .help = "What the policy holds against it; absent when nothing."),
    FIELD(9, struct log_entry, accepted, "accepted", FIELD_BOOL,
          .help = "Whether an administrator has accepted it all the same."),
};
static const struct record_type log_entry_type =
    RECORD_TYPE("log-entry", 1, struct log_entry, entry_fields);

static const struct field log_fields[] = {
    FIELD(1, struct device_log, device, "device", FIELD_HEX, .help = "The device's id."),
    FIELD(2, struct device_log, sha256, "sha256", FIELD_HEX,
          .help = "SHA-256 of the log as it was received."),
    FIELD(3, struct device_log, first_seen, "first-seen", FIELD_TIME,
          .help = "When it was received for the first time."),
    FIELD(4, struct device_log, last_seen, "last-seen", FIELD_TIME,
          .help = "When it was received last."),
    FIELD(5, struct device_log, times, "times", FIELD_UINT, .help = "How often it was received."),
    FIELD(6, struct device_log, version, "version", FIELD_UINT, .help = "Its version."),
    FIELD(7, struct device_log, entries, "entries", FIELD_RECORDS, .sub = &log_entry_type,
          .help = "Its entries, in the MASA's order."),
    FIELD(8, struct device_log, nonced_duplicates, "nonced-duplicates", FIELD_UINT,
          .help = "How many entries with a nonce the MASA dropped because a later one says the "
                  "same."),
    FIELD(9, struct device_log, nonceless_duplicates, "nonceless-duplicates", FIELD_UINT,
          .help = "How many without one."),
    FIELD(10, struct device_log, arbitrary, "arbitrary", FIELD_UINT,
          .help = "How many it dropped at will."),
    FIELD(11, struct device_log, problem, "problem", FIELD_TEXT,
          .help = "What the policy, as it is now, holds against the log; absent when nothing."),
    FIELD(12, struct device_log, detail, "detail", FIELD_TEXT, .help = "The same in particular."),
    FIELD(13, struct device_log, hint, "hint", FIELD_TEXT,
          .help = "What the administrator can do about it."),
    FIELD(14, struct device_log, due, "due", FIELD_TIME,
          .help = "When the log is fetched next; absent: not by itself."),
    FIELD(15, struct device_log, fetch_problem, "fetch-problem", FIELD_TEXT,
          .help = "Why none came the last time; absent when one came."),
    FIELD(16, struct device_log, accepted_sha256, "accepted-sha256", FIELD_HEX,
          .help = "SHA-256 of the log that an administrator accepted last."),
    FIELD(17, struct device_log, accepted_by, "accepted-by", FIELD_TEXT,
          .help = "Who accepted it."),
    FIELD(18, struct device_log, accepted_at, "accepted-at", FIELD_TIME,
          .help = "When it was accepted."),
    FIELD(19, struct device_log, kept, "kept", FIELD_RECORDS, .sub = &seen_log_type,
          .help = "The distinct logs that are kept of this device, the one received last at the "
                  "end."),
};
const struct record_type device_log_type =
    RECORD_TYPE("device-log", 1, struct device_log, log_fields);

static const struct field action_fields[] = {
    FIELD(1, struct log_action, action, "action", FIELD_TEXT, .flags = FIELD_REQUIRED,
          .help = "accept or fetch."),
    FIELD(2, struct log_action, sha256, "sha256", FIELD_HEX, .min = SHA256_LEN, .max = SHA256_LEN,
          .help = "With accept: SHA-256 of the log that was looked at; it must be the one that was "
                  "received last."),
};
const struct record_type log_action_type =
    RECORD_TYPE("log-action", 1, struct log_action, action_fields);

static const char *word(struct task *t, const char *foreign)
{
    return foreign == NULL ? NULL : bytes_to_printable(t->arena, bytes_of_text(foreign), WORD_MAX);
}

static void view_entry(struct task *t, const struct audit_log_event *event,
                       const struct log_entry_verdict *verdict, struct log_entry *ret)
{
    *ret = (struct log_entry){
        .date = word(t, event->date),
        .domain_id = event->domain_id,
        .owner = verdict->owner,
        .nonce = word(t, event->nonce),
        .assertion = word(t, event->assertion),
        .truncated = event->truncated,
        .cause = verdict->cause,
        .problem = verdict->problem == NULL ? NULL : verdict->problem->name,
        .accepted = verdict->pardoned,
    };
}

void device_log_view(struct task *t, const struct judged_log *judged, struct device_log *ret)
{
    const struct audit_log *log = &judged->log;
    const struct log_verdict *verdict = &judged->verdict;
    struct log_entry *entries = arena_array(t->arena, log->count, sizeof(*entries));
    for (size_t i = 0; i < log->count; i++)
        view_entry(t, &log->events[i], &verdict->entries[i], &entries[i]);
    *ret = (struct device_log){
        .device = judged->watch.device,
        .sha256 = judged->seen.sha256,
        .first_seen = judged->seen.first_seen,
        .last_seen = judged->seen.last_seen,
        .times = judged->seen.times,
        .version = log->version,
        .entries = {entries, log->count},
        .nonced_duplicates = log->nonced_duplicates,
        .nonceless_duplicates = log->nonceless_duplicates,
        .arbitrary = log->arbitrary,
        .problem = verdict->problem == NULL ? NULL : verdict->problem->name,
        .detail = verdict->detail,
        .hint = verdict->problem == NULL ? NULL : verdict->problem->hint,
        .due = judged->watch.due,
        .fetch_problem = judged->watch.problem,
        .accepted_sha256 = judged->watch.pardoned_sha256,
        .accepted_by = judged->watch.pardoned_by,
        .accepted_at = judged->watch.pardoned_at,
        .kept = judged->watch.logs,
    };
}

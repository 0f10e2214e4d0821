#include "core/pledge/log_policy.h"

#include "core/base/clock.h"

#include <string.h>

/* How far a MASA's clock may be from ours where dates are compared, ms. */
#define CLOCK_SLACK (5 * MINUTE_MS)
#define DATE_SHOWN  40 /* octets of a foreign date in a detail */
#define NONCE_FORMS 4

const char *const log_owner_names[] = {
    [LOG_OWNER_OWN] = "own",
    [LOG_OWNER_OWN_PAST] = "own-past",
    [LOG_OWNER_ALLOWED] = "allowed",
    [LOG_OWNER_OTHER] = "other",
    NULL,
};
const char *const log_cause_names[] = {
    [LOG_CAUSE_NONE] = "none",
    [LOG_CAUSE_THIS] = "this-voucher",
    [LOG_CAUSE_EARLIER] = "earlier-request",
    [LOG_CAUSE_NONCELESS] = "nonceless-request",
    [LOG_CAUSE_RESTORED] = "before-restore",
    [LOG_CAUSE_CLOUD] = "manufacturers-cloud",
    [LOG_CAUSE_ALLOWED] = "allowed",
    NULL,
};

static bool contains(const struct bytes_list *list, struct bytes id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (bytes_equal(list->items[i], id))
            return true;
    }
    return false;
}

static enum log_owner owner_of(const struct log_policy *policy, struct bytes domain_id)
{
    if (contains(&policy->own, domain_id))
        return LOG_OWNER_OWN;
    if (contains(&policy->own_past, domain_id))
        return LOG_OWNER_OWN_PAST;
    return contains(&policy->allowed, domain_id) ? LOG_OWNER_ALLOWED : LOG_OWNER_OTHER;
}

/* As text, or as the octets it stands for: some MASAs write it in the other base64 alphabet. */
static bool same_nonce(struct task *t, const char *a, const char *b)
{
    struct bytes left;
    struct bytes right;
    if (strcmp(a, b) == 0)
        return true;
    return bytes_from_base64(t->arena, bytes_of_text(a), &left) &&
           bytes_from_base64(t->arena, bytes_of_text(b), &right) && left.len > 0 &&
           bytes_equal(left, right);
}

/* The texts that a nonce may have been sent as, when the MASA shows it as this one. */
static size_t forms_of(struct task *t, const char *nonce, const char *ret[NONCE_FORMS])
{
    struct bytes octets;
    size_t count = 0;
    ret[count++] = nonce;
    if (!bytes_from_base64(t->arena, bytes_of_text(nonce), &octets) || octets.len == 0)
        return count;
    const char *padded = bytes_to_base64(t->arena, octets);
    ret[count++] = padded;
    ret[count++] = arena_strndup(t->arena, padded, strcspn(padded, "="));
    ret[count++] = bytes_to_base64url(t->arena, octets);
    return count;
}

static bool was_sent(struct task *t, const struct log_policy *policy, const char *nonce, bool *ret)
{
    const char *forms[NONCE_FORMS];
    size_t count = forms_of(t, nonce, forms);
    bool sent = false;
    for (size_t i = 0; i < count && !sent; i++)
        TRY(policy->sent(t, policy->context, forms[i], &sent));
    *ret = sent;
    return true;
}

static bool is_from_before_a_restore(const struct log_policy *policy, int64_t at)
{
    for (size_t i = 0; at != 0 && i < policy->restorations.count; i++) {
        const struct restoration *restoration = &policy->restorations.items[i];
        if (at >= restoration->from - CLOCK_SLACK && at <= restoration->to + CLOCK_SLACK)
            return true;
    }
    return false;
}

/*
 * The durable order tells our own crash apart: its request, and the nonce in it, were in the store
 * before they were sent, so an answer that was lost changes nothing here.
 */
static bool cause_of(struct task *t, const struct log_policy *policy,
                     const struct audit_log_event *event, uint64_t *nonceless, enum log_cause *ret)
{
    bool sent = false;
    *ret = LOG_CAUSE_NONE;
    if (event->nonce == NULL && *nonceless > 0) {
        --*nonceless;
        *ret = LOG_CAUSE_NONCELESS;
    } else if (event->nonce != NULL && policy->nonce != NULL &&
               same_nonce(t, event->nonce, policy->nonce)) {
        *ret = LOG_CAUSE_THIS;
    } else if (event->nonce != NULL) {
        TRY(was_sent(t, policy, event->nonce, &sent));
        *ret = sent ? LOG_CAUSE_EARLIER : LOG_CAUSE_NONE;
    }
    if (*ret == LOG_CAUSE_NONE && is_from_before_a_restore(policy, event->at))
        *ret = LOG_CAUSE_RESTORED;
    /* It answers pledges, and carries their nonces over. */
    if (*ret == LOG_CAUSE_NONE && policy->cloud && event->nonce != NULL)
        *ret = LOG_CAUSE_CLOUD;
    if (*ret == LOG_CAUSE_NONE && contains(&policy->allowed, event->domain_id))
        *ret = LOG_CAUSE_ALLOWED;
    return true;
}

static bool judge_entry(struct task *t, const struct log_policy *policy,
                        const struct audit_log_event *event, uint64_t *nonceless,
                        struct log_entry_verdict *ret)
{
    struct log_entry_verdict verdict = {.owner = owner_of(policy, event->domain_id)};
    enum log_cause cause = LOG_CAUSE_NONE;
    bool ours = verdict.owner == LOG_OWNER_OWN || verdict.owner == LOG_OWNER_OWN_PAST;
    if (ours)
        TRY(cause_of(t, policy, event, nonceless, &cause));
    verdict.cause = cause;
    if (verdict.owner == LOG_OWNER_OTHER)
        verdict.problem = E_LOG_FOREIGN;
    else if (verdict.owner == LOG_OWNER_ALLOWED && event->nonce == NULL)
        verdict.problem = E_LOG_NONCELESS;
    else if (ours && cause == LOG_CAUSE_NONE)
        verdict.problem = E_LOG_NOT_CAUSED;
    verdict.pardoned = verdict.problem != NULL &&
                       contains(&policy->pardons, audit_log_event_digest(t->arena, event));
    *ret = verdict;
    return true;
}

static const char *words_about(struct task *t, const struct audit_log *log, size_t at)
{
    const struct audit_log_event *event = &log->events[at];
    return arena_printf(
        t->arena, "entry %zu (%s): domainID %s%s", at + 1,
        event->date == NULL ? "without date"
                            : bytes_to_printable(t->arena, bytes_of_text(event->date), DATE_SHOWN),
        bytes_to_base64(t->arena, event->domain_id), event->nonce == NULL ? ", without nonce" : "");
}

/* The first entry that is in the way, and how many more are. */
static void find_entry_in_the_way(struct task *t, const struct audit_log *log,
                                  struct log_verdict *verdict)
{
    size_t more = 0;
    for (size_t i = 0; i < log->count; i++) {
        const struct log_entry_verdict *entry = &verdict->entries[i];
        if (entry->problem == NULL || entry->pardoned)
            continue;
        if (verdict->problem == NULL) {
            verdict->problem = entry->problem;
            verdict->detail = words_about(t, log, i);
        } else {
            more++;
        }
    }
    if (more > 0)
        verdict->detail = arena_printf(t->arena, "%s; and %zu more like it", verdict->detail, more);
}

/* RFC 8995 5.8.1: what the MASA says of entries that are not there. */
static void look_at_truncation(struct task *t, const struct audit_log *log,
                               const struct log_policy *policy, struct log_verdict *verdict)
{
    if (verdict->problem != NULL || log->arbitrary <= policy->pardoned_arbitrary)
        return;
    verdict->problem = E_LOG_TRUNCATED;
    verdict->detail = arena_printf(t->arena, "%llu entries were dropped at will",
                                   (unsigned long long)log->arbitrary);
}

static void look_at_version(struct task *t, const struct audit_log *log,
                            const struct log_policy *policy, struct log_verdict *verdict)
{
    if (verdict->problem != NULL || log->version <= AUDIT_LOG_VERSION ||
        log->version <= policy->pardoned_version || policy->newer == AUDIT_LOG_NEWER_READ)
        return;
    verdict->final = policy->newer == AUDIT_LOG_NEWER_REFUSE;
    verdict->problem = verdict->final ? E_LOG_NEWER : E_LOG_HELD;
    verdict->detail =
        arena_printf(t->arena, "the log has version %llu", (unsigned long long)log->version);
}

/*
 * Our own entry: with the nonce of the voucher, or, for one without nonce, any such of ours; the
 * nonce of a voucher of the manufacturer's cloud is known to the device and to the cloud alone.
 */
static void look_for_our_entry(struct task *t, const struct audit_log *log,
                               const struct log_policy *policy, struct log_verdict *verdict)
{
    const unsigned otherwise = policy->nonce == NULL ? LOG_CAUSE_NONCELESS : LOG_CAUSE_THIS;
    const unsigned wanted = policy->arrived ? LOG_CAUSE_CLOUD : otherwise;
    static const char *const words[] = {
        [LOG_CAUSE_THIS] = "with our nonce",
        [LOG_CAUSE_NONCELESS] = "ours and without nonce",
        [LOG_CAUSE_CLOUD] = "of a voucher that the manufacturer's cloud gave out for us",
    };
    if (verdict->problem != NULL)
        return;
    for (size_t i = 0; i < log->count; i++) {
        if (verdict->entries[i].cause == wanted)
            return;
    }
    verdict->final = false;
    verdict->problem = E_LOG_STALE;
    verdict->detail =
        arena_printf(t->arena, "%zu entries, none of them %s", log->count, words[wanted]);
}

bool log_judge(struct task *t, const struct audit_log *log, const struct log_policy *policy,
               struct log_verdict *ret)
{
    uint64_t nonceless = policy->nonceless;
    struct log_verdict verdict = {
        .entries = arena_array(t->arena, log->count, sizeof(*verdict.entries)), .final = true};
    for (size_t i = 0; i < log->count; i++) {
        TRY(judge_entry(t, policy, &log->events[i], &nonceless, &verdict.entries[i]));
        verdict.restored += verdict.entries[i].cause == LOG_CAUSE_RESTORED;
    }
    if (!policy->pardoned) {
        find_entry_in_the_way(t, log, &verdict);
        look_at_truncation(t, log, policy, &verdict);
        look_at_version(t, log, policy, &verdict);
        look_for_our_entry(t, log, policy, &verdict);
    }
    *ret = verdict;
    return true;
}

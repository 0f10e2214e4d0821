#include "registrar/audit_log_fetch.h"

#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/store/records/allowance.h"
#include "registrar/masa.h"

#include <string.h>

#define SCATTER_PERCENT 10
#define DETAIL_MAX      512 /* octets of a detail that are kept with a log */

/* RFC 8995 5.8: what the MASA's status means; nothing but a log is a verdict. */
static bool judge_status(struct task *t, const struct http_answer *answer)
{
    /* 404 says that we never owned the device, which the voucher in hand belies. */
    ENSURE(t, answer->status != 404, E_LOG_STALE, "%s", masa_words(t, answer));
    ENSURE(t, answer->status != 401, E_MASA_CREDENTIALS, "%s", masa_words(t, answer));
    ENSURE(t, answer->status != 415, E_LOG_REQUEST_FORM, "%s", masa_words(t, answer));
    ENSURE(t, answer->status < 500, E_MASA_FAILED, "%s", masa_words(t, answer));
    ENSURE(t, answer->status == 200, E_MASA_ANSWER, "%s", masa_words(t, answer));
    return true;
}

/* RFC 8995 5.8: the log is application/json. */
static bool read_log(struct task *t, const struct manufacturer *maker, struct fetched_log *fetched)
{
    const unsigned allowed = allowances_of(&maker->allow);
    const char *type = fetched->answer.media_type;
    bool plain = type != NULL && strcmp(type, "text/plain") == 0;
    ENSURE(t, plain || (type != NULL && strcmp(type, "application/json") == 0), E_MASA_ANSWER,
           "Content-Type %s where application/json was asked for", type == NULL ? "missing" : type);
    ENSURE(t, !plain || (allowed & ALLOWANCE(ALLOW_MASA_TEXT_PLAIN)) != 0, E_MASA_TEXT_PLAIN,
           "the audit log is text/plain");
    TRY(audit_log_read(t, fetched->answer.body,
                       (allowed & ALLOWANCE(ALLOW_LOG_REGISTRAR_ID)) != 0 ? AUDIT_LOG_REGISTRAR_ID
                                                                          : 0,
                       &fetched->log));
    fetched->used = plain ? ALLOWANCE(ALLOW_MASA_TEXT_PLAIN) : 0;
    if ((fetched->log.departures & AUDIT_LOG_REGISTRAR_ID) != 0)
        fetched->used |= ALLOWANCE(ALLOW_LOG_REGISTRAR_ID);
    return true;
}

/* RFC 8995 5.8: the log at once, or 201 and where it is: a place of the MASA's own origin. */
bool audit_log_fetch(struct task *t, const struct registrar *r, const struct log_errand *errand,
                     struct fetched_log *ret)
{
    struct http_answer *answer = &ret->answer;
    failpoint(FP_LOG_BEFORE_FETCH);
    TRY(masa_post(t, r, errand->maker, errand->masa_url, "requestauditlog", errand->media_type,
                  "application/json", errand->request, answer));
    if (answer->status == 201 && answer->location != NULL)
        TRY(masa_get(t, r, errand->maker, errand->masa_url, answer->location, answer));
    failpoint(FP_LOG_AFTER_ANSWER);
    TRY(judge_status(t, answer));
    return read_log(t, errand->maker, ret);
}

bool audit_log_hold(struct task *t, const struct registrar *r, struct log_subject *subject,
                    struct fetched_log *fetched)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct log_policy policy;
    subject->log_sha256 = bytes_sha256(t->arena, fetched->answer.body);
    subject->own = &identity_current(r->identities)->domain;
    TRY(view_open(t, r->store, &view));
    TRY(log_policy_read(t, view, subject, &policy));
    return log_judge(t, &fetched->log, &policy, &fetched->verdict);
}

static const char *name_of(const struct problem_kind *problem)
{
    return problem == NULL ? NULL : problem->name;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool note_log(struct task *t, struct tx *tx, const struct log_news *news,
                     struct log_watch *watch, bool *ret_new)
{
    struct seen_log seen;
    record_init(t, &seen_log_type, &seen);
    seen.entries = news->fetched->log.count;
    seen.problem = name_of(news->problem);
    if (news->detail != NULL)
        seen.detail = bytes_to_printable(t->arena, bytes_of_text(news->detail), DETAIL_MAX);
    watch->fetches++;
    watch->fetched = clock_wall();
    watch->problem = NULL;
    return log_watch_keep(t, tx, watch, news->fetched->answer.body, &seen, ret_new);
}

bool audit_log_note(struct task *t, struct tx *tx, const struct log_news *news, bool *ret_new)
{
    struct log_watch watch;
    TRY(log_watch_get(t, tx_reader(tx), news->device, &watch));
    *ret_new = !same_text(watch.problem, name_of(news->problem));
    if (news->fetched != NULL)
        TRY(note_log(t, tx, news, &watch, ret_new));
    else
        watch.problem = name_of(news->problem);
    watch.order = news->order;
    watch.due = news->due;
    if (news->media_type != NULL)
        watch.media_type = news->media_type;
    return table_put(t, tx, &log_watches, &watch);
}

static int64_t scattered(struct task *t, int64_t wait)
{
    int64_t spread = wait * SCATTER_PERCENT / 100;
    uint32_t random;
    memcpy(&random, bytes_random(t->arena, sizeof(random)).data, sizeof(random));
    return wait - spread + (int64_t)(random % (uint64_t)(spread + 1));
}

int64_t audit_log_next(struct task *t, const struct manufacturer *maker, int64_t opened)
{
    int64_t now = clock_wall();
    int64_t settled = opened + maker->audit_log_settles;
    if (now < settled && maker->audit_log_again > 0)
        return now + scattered(t, maker->audit_log_again);
    if (maker->audit_log_later <= 0)
        return 0;
    return (now < settled ? settled : now) + scattered(t, maker->audit_log_later);
}

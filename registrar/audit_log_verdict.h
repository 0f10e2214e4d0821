/* What an audit log means for the onboarding of its device (RFC 8995 5.8.3). */
#ifndef GATEHOUSE_REGISTRAR_AUDIT_LOG_VERDICT_H
#define GATEHOUSE_REGISTRAR_AUDIT_LOG_VERDICT_H

#include "core/store/records/episode.h"
#include "registrar/audit_log_fetch.h"

struct onboarding_verdict {
    const struct registrar *registrar;
    const struct manufacturer *maker;
    const struct order *order; /* whose device and onboarding it is */
    const char *media_type;
    bool again; /* there was a verdict before, and it was good */
    enum episode_verdict verdict;
    const struct fetched_log *fetched; /* NULL: none came */
    const struct problem_kind
        *problem; /* held against it, also when it is let pass; NULL: nothing */
    const char *detail;
    int64_t ahead_at; /* the log that was fetched then, ahead, is what counts; 0: none was */
    int64_t due;      /* when the log is fetched next */
    struct bytes_list revoked; /* set by onboarding_verdict_prepare() */
};

/* What the update below needs to know from outside it. */
MUST_USE bool onboarding_verdict_prepare(struct task *t, struct onboarding_verdict *verdict);
/*
 * For order_done(): the verdict in the onboarding, which a refusal closes, what was seen in the
 * device's watch, and an event.  By the manufacturer's record a refusal also revokes what was
 * issued.  Fails with E_REQUEST_STALE when the onboarding was closed meanwhile.
 */
MUST_USE bool onboarding_verdict_note(struct task *t, struct tx *tx, void *verdict);
/* Afterwards: a refusal is in the log too, and what was issued at the last moment is revoked. */
void onboarding_verdict_alarm(struct task *t, struct onboarding_verdict *verdict);

#endif

/* Getting the MASA's audit log of a device (RFC 8995 5.8), judging it, and keeping what was seen.
 */
#ifndef GATEHOUSE_REGISTRAR_AUDIT_LOG_FETCH_H
#define GATEHOUSE_REGISTRAR_AUDIT_LOG_FETCH_H

#include "core/pledge/log_history.h"
#include "registrar/registrar.h"

/* Whom to ask, and with what. */
struct log_errand {
    const struct manufacturer *maker;
    const char *masa_url;
    const char *media_type; /* of the request */
    struct bytes request;   /* a registrar voucher request, signed */
};

struct fetched_log {
    struct http_answer answer; /* with the log as received; also of a failure, as far as it came */
    struct audit_log log;
    struct log_verdict verdict;
    unsigned used; /* set of enum allowance: what its MASA had to be allowed */
};

/*
 * Asks, follows 201, and reads what comes.  Fails with the peer kinds, E_MASA_CREDENTIALS,
 * E_LOG_REQUEST_FORM (415), E_MASA_FAILED, E_MASA_ANSWER, E_MASA_TEXT_PLAIN, E_LOG_STALE (404),
 * E_LOG_REGISTRAR_ID and E_LOG_MALFORMED; `ret->answer` is filled as far as there was one.
 */
MUST_USE bool audit_log_fetch(struct task *t, const struct registrar *r,
                              const struct log_errand *errand, struct fetched_log *ret);
/* Holds it against the policy for the subject, whose log_sha256 is set here. */
MUST_USE bool audit_log_hold(struct task *t, const struct registrar *r, struct log_subject *subject,
                             struct fetched_log *fetched);

/* What there is to be noted in the device's watch. */
struct log_news {
    struct bytes device;
    struct bytes order;
    const char *media_type;
    const struct fetched_log *fetched;  /* NULL: none came */
    const struct problem_kind *problem; /* what is held against it, or why none came; or NULL */
    const char *detail;
    int64_t due; /* when it is fetched next; 0: not by itself */
};
/*
 * Inside an update.  *ret_new: a log that was not seen before; or, when none came, a problem that
 * is not the one of the last time.
 */
MUST_USE bool audit_log_note(struct task *t, struct tx *tx, const struct log_news *news,
                             bool *ret_new);

/*
 * When a device's log is fetched next (RFC 8995 11.4), by its manufacturer's record; `opened` is
 * when its onboarding began.  Scattered by a tenth, so that what came together is not fetched
 * together; 0: not by itself.
 */
int64_t audit_log_next(struct task *t, const struct manufacturer *maker, int64_t opened);

#endif

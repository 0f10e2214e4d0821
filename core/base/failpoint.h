/*
 * Failpoints: named places where a test build can be made to die as by kill -9, before and after
 * each durable write and each send.  GATEHOUSE_FAILPOINT=name dies there; name:3 the third time
 * it is passed.  In other builds there is nothing left of them.
 */
#ifndef GATEHOUSE_CORE_BASE_FAILPOINT_H
#define GATEHOUSE_CORE_BASE_FAILPOINT_H

#include <stdio.h>

/* "before" and "after" are seen from the write or send that the name says. */
#define FAILPOINTS(X)                                                                              \
    X(FP_VOUCHER_BEFORE_SUBMIT, "voucher-before-submit")                                           \
    X(FP_VOUCHER_AFTER_SUBMIT, "voucher-after-submit")                                             \
    X(FP_VOUCHER_BEFORE_SEND, "voucher-before-send")                                               \
    X(FP_VOUCHER_AFTER_MASA_ANSWER, "voucher-after-masa-answer")                                   \
    X(FP_VOUCHER_AFTER_DONE, "voucher-after-done")                                                 \
    X(FP_VOUCHER_BEFORE_REPLY, "voucher-before-reply")                                             \
    X(FP_STATUS_BEFORE_STORED, "status-before-stored")                                             \
    X(FP_STATUS_AFTER_STORED, "status-after-stored")                                               \
    X(FP_LOG_BEFORE_FETCH, "log-before-fetch")                                                     \
    X(FP_LOG_AFTER_ANSWER, "log-after-answer")                                                     \
    X(FP_LOG_AFTER_STORED, "log-after-stored")                                                     \
    X(FP_ARRIVAL_BEFORE_STORED, "arrival-before-stored")                                           \
    X(FP_ARRIVAL_AFTER_STORED, "arrival-after-stored")                                             \
    X(FP_CSRATTRS_BEFORE_STORED, "csrattrs-before-stored")                                         \
    X(FP_CSRATTRS_AFTER_STORED, "csrattrs-after-stored")                                           \
    X(FP_ENROL_BEFORE_SUBMIT, "enrol-before-submit")                                               \
    X(FP_ENROL_AFTER_SUBMIT, "enrol-after-submit")                                                 \
    X(FP_ENROL_BEFORE_SIGNED, "enrol-before-signed")                                               \
    X(FP_ENROL_AFTER_SIGNED, "enrol-after-signed")                                                 \
    X(FP_ENROL_AFTER_DONE, "enrol-after-done")                                                     \
    X(FP_ENROL_BEFORE_REPLY, "enrol-before-reply")                                                 \
    X(FP_SERVER_KEY_BEFORE_SEALED, "server-key-before-sealed")                                     \
    X(FP_SERVER_KEY_AFTER_SEALED, "server-key-after-sealed")                                       \
    X(FP_SERVER_KEY_BEFORE_GONE, "server-key-before-gone")                                         \
    X(FP_SERVER_KEY_AFTER_GONE, "server-key-after-gone")                                           \
    X(FP_ENROLSTATUS_BEFORE_STORED, "enrolstatus-before-stored")                                   \
    X(FP_ENROLSTATUS_AFTER_STORED, "enrolstatus-after-stored")                                     \
    X(FP_REPLY_AFTER_SENT, "reply-after-sent")                                                     \
    X(FP_CLOUD_BEFORE_SEND, "cloud-before-send")                                                   \
    X(FP_CLOUD_AFTER_ANSWER, "cloud-after-answer")                                                 \
    X(FP_STORE_BEFORE_COMMIT, "store-before-commit")                                               \
    X(FP_STORE_AFTER_COMMIT, "store-after-commit")

enum failpoint {
#define FAILPOINT_ENUM(id, name) id,
    FAILPOINTS(FAILPOINT_ENUM)
#undef FAILPOINT_ENUM
        FAILPOINT_COUNT
};

#ifdef GATEHOUSE_TEST_HOOKS
void failpoint(enum failpoint point);
/* One name a line, for the test that goes through them all. */
void failpoints_list(FILE *out);
#else
static inline void failpoint(enum failpoint point)
{
    (void)point;
}
static inline void failpoints_list(FILE *out)
{
    (void)out;
}
#endif

#endif

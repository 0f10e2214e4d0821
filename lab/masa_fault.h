/* Faults: ways in which a MASA goes wrong, for registrars to show how they take it. */
#ifndef GATEHOUSE_LAB_MASA_FAULT_H
#define GATEHOUSE_LAB_MASA_FAULT_H

#include "core/base/json.h"
#include "core/http/server.h"
#include "lab/fault.h"
#include "registrar/voucher/voucher.h"

struct masa;

/* What a fault touches by itself: vouchers, audit logs, or whichever --fault-on says. */
#define MASA_FAULTS(X)                                                                             \
    X(FAULT_HANG, "hang", FAULT_FITS_BOTH)                                                         \
    X(FAULT_5XX, "5xx", FAULT_FITS_BOTH)                                                           \
    X(FAULT_SLOW, "slow", FAULT_FITS_BOTH)                                                         \
    X(FAULT_HUGE, "huge", FAULT_FITS_BOTH)                                                         \
    X(FAULT_202, "202", FAULT_FITS_BOTH)                                                           \
    X(FAULT_REDIRECT, "redirect", FAULT_FITS_BOTH)                                                 \
    X(FAULT_401, "401", FAULT_FITS_BOTH)                                                           \
    X(FAULT_403, "403", FAULT_FITS_BOTH)                                                           \
    X(FAULT_404, "404", FAULT_FITS_BOTH)                                                           \
    X(FAULT_406, "406", FAULT_FITS_BOTH)                                                           \
    X(FAULT_GARBAGE, "garbage", FAULT_FITS_BOTH)                                                   \
    X(FAULT_WRONG_TYPE, "wrong-media-type", FAULT_FITS_VOUCHER)                                    \
    X(FAULT_LOST_REPLY, "lost-reply", FAULT_FITS_BOTH)                                             \
    X(FAULT_WRONG_SERIAL, "wrong-serial", FAULT_FITS_VOUCHER)                                      \
    X(FAULT_WRONG_NONCE, "wrong-nonce", FAULT_FITS_VOUCHER)                                        \
    X(FAULT_WRONG_PIN, "wrong-pin", FAULT_FITS_VOUCHER)                                            \
    X(FAULT_NO_PIN, "no-pin", FAULT_FITS_VOUCHER)                                                  \
    X(FAULT_WRONG_ISSUER, "wrong-issuer", FAULT_FITS_VOUCHER)                                      \
    X(FAULT_FOREIGN_SIGNER, "foreign-signer", FAULT_FITS_VOUCHER)                                  \
    X(FAULT_EXPIRED, "expired", FAULT_FITS_VOUCHER)                                                \
    X(FAULT_UNSIGNED, "unsigned", FAULT_FITS_VOUCHER)                                              \
    X(FAULT_LOG_FOREIGN, "log-foreign", FAULT_FITS_LOG)                                            \
    X(FAULT_LOG_NONCELESS, "log-nonceless", FAULT_FITS_LOG)                                        \
    X(FAULT_LOG_MISSING, "log-missing", FAULT_FITS_LOG)                                            \
    X(FAULT_LOG_TRUNCATED, "log-truncated", FAULT_FITS_LOG)                                        \
    X(FAULT_LOG_STRINGS, "log-strings", FAULT_FITS_LOG)

enum masa_fault {
    FAULT_NONE,
#define MASA_FAULT_ENUM(id, name, fits) id,
    MASA_FAULTS(MASA_FAULT_ENUM)
#undef MASA_FAULT_ENUM
};

enum masa_operation { MASA_VOUCHER, MASA_LOG };
/* --fault-on */
enum masa_fault_on { FAULT_ON_FITTING, FAULT_ON_VOUCHER, FAULT_ON_LOG };

/* "NAME" or "NAME:COUNT" each.  Fails with E_USAGE. */
MUST_USE bool masa_faults_read(struct task *t, const struct text_list *texts,
                               enum masa_fault_on fault_on, struct faults *ret);
/* The first fault that is left for this operation, used up by one request. */
enum masa_fault masa_fault_take(struct faults *faults, enum masa_operation operation);
const char *masa_fault_name(enum masa_fault fault); /* NULL for FAULT_NONE */

/*
 * Faults instead of an answer: nothing is done about the request.  True when `reply` is the answer.
 * FAULT_SLOW waits here and then lets the request go on.
 */
bool masa_fault_answers(struct task *t, struct masa *masa, enum masa_fault fault,
                        struct http_reply *reply);
/* Faults of the voucher that leaves; what is kept stays right. */
MUST_USE bool masa_fault_spoils_voucher(struct task *t, const struct masa *masa,
                                        enum masa_fault fault, const struct voucher_form *form,
                                        struct bytes *voucher);
/* Faults of the log that leaves. */
void masa_fault_spoils_log(struct task *t, enum masa_fault fault, json_t *log);

#endif

/* Faults of a cloud registrar, for pledges and owners' registrars to show how they take them. */
#ifndef GATEHOUSE_LAB_CLOUD_FAULT_H
#define GATEHOUSE_LAB_CLOUD_FAULT_H

#include "core/http/server.h"
#include "lab/fault.h"
#include "lab/spoil.h"

struct cloud;

#define CLOUD_FAULTS(X)                                                                            \
    X(CLOUD_FAULT_HANG, "hang", FITS_VOUCHER)                                                      \
    X(CLOUD_FAULT_SLOW, "slow", FITS_VOUCHER)                                                      \
    X(CLOUD_FAULT_5XX, "5xx", FITS_VOUCHER)                                                        \
    X(CLOUD_FAULT_503, "503", FITS_VOUCHER)                                                        \
    X(CLOUD_FAULT_202, "202", FITS_VOUCHER)                                                        \
    X(CLOUD_FAULT_HUGE, "huge", FITS_VOUCHER)                                                      \
    X(CLOUD_FAULT_GARBAGE, "garbage", FITS_VOUCHER)                                                \
    X(CLOUD_FAULT_LOST_REPLY, "lost-reply", FITS_VOUCHER)                                          \
    X(CLOUD_FAULT_REDIRECT_LOOP, "redirect-loop", FITS_VOUCHER)                                    \
    X(CLOUD_FAULT_REDIRECT_HTTP, "redirect-http", FITS_VOUCHER)                                    \
    X(CLOUD_FAULT_REDIRECT_NOWHERE, "redirect-nowhere", FITS_VOUCHER)                              \
    X(CLOUD_FAULT_REDIRECT_302, "redirect-302", FITS_VOUCHER)                                      \
    X(CLOUD_FAULT_WRONG_SERIAL, "wrong-serial", FITS_VOUCHER)                                      \
    X(CLOUD_FAULT_WRONG_NONCE, "wrong-nonce", FITS_VOUCHER)                                        \
    X(CLOUD_FAULT_WRONG_PIN, "wrong-pin", FITS_VOUCHER)                                            \
    X(CLOUD_FAULT_NO_PIN, "no-pin", FITS_VOUCHER)                                                  \
    X(CLOUD_FAULT_EXPIRED, "expired", FITS_VOUCHER)                                                \
    X(CLOUD_FAULT_NO_EST_DOMAIN, "no-est-domain", FITS_VOUCHER)                                    \
    X(CLOUD_FAULT_UNSIGNED, "unsigned", FITS_VOUCHER)                                              \
    X(CLOUD_FAULT_R_HANG, "registration-hang", FITS_REGISTRATION)                                  \
    X(CLOUD_FAULT_R_5XX, "registration-5xx", FITS_REGISTRATION)                                    \
    X(CLOUD_FAULT_R_403, "registration-403", FITS_REGISTRATION)                                    \
    X(CLOUD_FAULT_R_GARBAGE, "registration-garbage", FITS_REGISTRATION)                            \
    X(CLOUD_FAULT_R_LOST_REPLY, "registration-lost-reply", FITS_REGISTRATION)                      \
    X(CLOUD_FAULT_R_UNREACHABLE, "registration-unreachable", FITS_REGISTRATION)

enum cloud_fault {
    CLOUD_FAULT_NONE,
#define CLOUD_FAULT_ENUM(id, name, fits) id,
    CLOUD_FAULTS(CLOUD_FAULT_ENUM)
#undef CLOUD_FAULT_ENUM
};

enum cloud_operation { CLOUD_OP_VOUCHER, CLOUD_OP_REGISTRATION };

/* "NAME" or "NAME:COUNT" each.  Fails with E_USAGE. */
MUST_USE bool cloud_faults_read(struct task *t, const struct text_list *texts, struct faults *ret);
enum cloud_fault cloud_fault_take(struct faults *faults, enum cloud_operation operation);
const char *cloud_fault_name(enum cloud_fault fault); /* NULL for CLOUD_FAULT_NONE */

/*
 * Faults instead of an answer: nothing is done about the request.  True when `reply` is the answer.
 * CLOUD_FAULT_SLOW waits here and then lets the request go on.
 */
bool cloud_fault_answers(struct task *t, struct cloud *cloud, enum cloud_fault fault,
                         const struct http_request *rq, struct http_reply *reply);
/* Faults of the redirect that leaves. */
void cloud_fault_spoils_redirect(struct task *t, enum cloud_fault fault, struct http_reply *reply);
/* What is to be wrong with the voucher. */
enum spoil cloud_fault_spoil(enum cloud_fault fault);

#endif

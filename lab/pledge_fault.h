/* Faults: what a device may do wrong, for registrars to show how they take it. */
#ifndef GATEHOUSE_LAB_PLEDGE_FAULT_H
#define GATEHOUSE_LAB_PLEDGE_FAULT_H

#include "core/pki/csr.h"
#include "lab/fault.h"
#include "registrar/voucher/voucher.h"

struct pledge;

/* Where they strike; at each place at most one. */
enum pledge_operation {
    OP_BEGIN,
    OP_CONNECT,
    OP_REQUEST, /* what the voucher request says */
    OP_SEND,    /* how it is sent */
    OP_AGAIN,   /* after it was answered */
    OP_WAIT,    /* after a 202 */
    OP_VOUCHER_STATUS,
    OP_CSRATTRS,
    OP_CSR,
    OP_ENROL, /* once there is a certificate */
    OP_ENROL_STATUS,
};

#define AT(operation) (1U << (operation))
#define PLEDGE_FAULTS(X)                                                                           \
    X(PF_ENROL_FIRST, "enrol-first", AT(OP_BEGIN), "asks for a certificate before a voucher")      \
    X(PF_STALL, "stalled-handshake", AT(OP_CONNECT), "begins a TLS handshake and says no more")    \
    X(PF_NO_CERTIFICATE, "no-certificate", AT(OP_CONNECT), "shows no IDevID")                      \
    X(PF_BAD_SIGNATURE, "bad-signature", AT(OP_REQUEST), "the signature is altered")               \
    X(PF_WRONG_SIGNER, "wrong-signer", AT(OP_REQUEST),                                             \
      "signed with a key that is not the IDevID's")                                                \
    X(PF_WRONG_SERIAL, "wrong-serial", AT(OP_REQUEST), "another device's serial-number")           \
    X(PF_WRONG_PROXIMITY, "wrong-proximity", AT(OP_REQUEST),                                       \
      "proximity-registrar-cert is not the registrar's")                                           \
    X(PF_NO_PROXIMITY, "no-proximity", AT(OP_REQUEST), "no proximity-registrar-cert")              \
    X(PF_NO_ASSERTION, "no-assertion", AT(OP_REQUEST), "no assertion")                             \
    X(PF_NO_NONCE, "no-nonce", AT(OP_REQUEST), "no nonce")                                         \
    X(PF_GARBAGE, "garbage", AT(OP_REQUEST), "random octets instead of a voucher request")         \
    X(PF_TRUNCATED, "truncated", AT(OP_REQUEST), "half a voucher request")                         \
    X(PF_EMPTY, "empty", AT(OP_REQUEST), "no octets at all")                                       \
    X(PF_HUGE, "huge", AT(OP_REQUEST), "8 MiB instead of a voucher request")                       \
    X(PF_WRONG_TYPE, "wrong-media-type", AT(OP_REQUEST), "a voucher request as text/plain")        \
    X(PF_HEADER_DRIP, "header-drip", AT(OP_SEND), "the request goes out octet by octet")           \
    X(PF_BODY_DRIP, "body-drip", AT(OP_SEND), "its body does")                                     \
    X(PF_HALF, "half-request", AT(OP_SEND), "hangs up in the middle of the request")               \
    X(PF_HANG_UP, "hang-up", AT(OP_SEND), "hangs up before the answer")                            \
    X(PF_TWICE, "twice", AT(OP_AGAIN), "sends the same voucher request once more")                 \
    X(PF_REUSED_NONCE, "reused-nonce", AT(OP_AGAIN), "the same nonce once more, in other octets")  \
    X(PF_MANY_NONCES, "many-nonces", AT(OP_AGAIN), "20 more voucher requests with new nonces")     \
    X(PF_IMPATIENT, "impatient", AT(OP_WAIT), "does not wait as Retry-After says")                 \
    X(PF_NO_VOUCHER_STATUS, "no-voucher-status", AT(OP_VOUCHER_STATUS), "sends no voucher_status") \
    X(PF_FALSE_VOUCHER_STATUS, "false-voucher-status", AT(OP_VOUCHER_STATUS),                      \
      "declines the voucher, and goes on nevertheless")                                            \
    X(PF_HOSTILE_REPORTS, "hostile-telemetry", AT(OP_VOUCHER_STATUS) | AT(OP_ENROL_STATUS),        \
      "reports with control characters, markup and depth")                                         \
    X(PF_HUGE_REPORTS, "huge-telemetry", AT(OP_VOUCHER_STATUS) | AT(OP_ENROL_STATUS),              \
      "reports of 1 MiB")                                                                          \
    X(PF_GARBAGE_REPORTS, "garbage-telemetry", AT(OP_VOUCHER_STATUS) | AT(OP_ENROL_STATUS),        \
      "reports that are no JSON")                                                                  \
    X(PF_NO_CSRATTRS, "no-csrattrs", AT(OP_CSRATTRS), "does not ask for CSR attributes")           \
    X(PF_CSR_NAME, "csr-other-name", AT(OP_CSR), "asks for another's name")                        \
    X(PF_CSR_SUBJECT, "csr-other-subject", AT(OP_CSR), "asks for another subject")                 \
    X(PF_CSR_CA, "csr-ca", AT(OP_CSR), "asks to become a CA")                                      \
    X(PF_CSR_CMC_RA, "csr-cmcra", AT(OP_CSR), "asks to become a registration authority")           \
    X(PF_CSR_WEAK_KEY, "csr-weak-key", AT(OP_CSR), "RSA with 1024 bits")                           \
    X(PF_CSR_SIGNATURE, "csr-bad-signature", AT(OP_CSR), "the signature is altered")               \
    X(PF_CSR_GARBAGE, "csr-garbage", AT(OP_CSR), "random octets")                                  \
    X(PF_CSR_TRUNCATED, "csr-truncated", AT(OP_CSR), "half a request")                             \
    X(PF_CSR_HUGE, "csr-huge", AT(OP_CSR), "1 MiB")                                                \
    X(PF_ENROL_REPEATEDLY, "enrol-repeatedly", AT(OP_ENROL),                                       \
      "asks for 20 more certificates, each for a new key")                                         \
    X(PF_NO_ENROL_STATUS, "no-enrollstatus", AT(OP_ENROL_STATUS), "sends no enrollstatus")         \
    X(PF_FALSE_ENROL_STATUS, "false-enrollstatus", AT(OP_ENROL_STATUS), "reports a failure")

enum pledge_fault {
    PF_NONE,
#define PLEDGE_FAULT_ENUM(id, name, fits, help) id,
    PLEDGE_FAULTS(PLEDGE_FAULT_ENUM)
#undef PLEDGE_FAULT_ENUM
};

#define PF_REPETITIONS 20

/* "NAME" or "NAME:COUNT" each.  Fails with E_USAGE. */
MUST_USE bool pledge_faults_read(struct task *t, const struct text_list *texts, struct faults *ret);
/* The one that strikes now, used up by one; noted in the report. */
enum pledge_fault pledge_fault(struct task *t, const struct pledge *p,
                               enum pledge_operation operation);

/* A voucher request before it is signed. */
void fault_spoils_request(const struct pledge *p, enum pledge_fault fault, struct voucher *request);
/* A voucher request or a certification request after it is signed. */
MUST_USE bool fault_spoils_octets(struct task *t, const struct pledge *p, enum pledge_fault fault,
                                  struct bytes *octets);
/* The body of a report; `body` as it should be. */
MUST_USE bool fault_spoils_report(struct task *t, enum pledge_fault fault, struct bytes *body);
/* A certification request before it is signed. */
MUST_USE bool fault_spoils_csr(struct task *t, enum pledge_fault fault,
                               struct csr_content *content);
MUST_USE bool fault_weak_key(struct task *t, EVP_PKEY **ret);

#endif

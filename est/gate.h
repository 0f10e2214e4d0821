/*
 * The one gate before all that EST grants a pledge: the device has the key it was admitted with,
 * its episode is open and recent, it has a voucher from us or from its manufacturer's cloud, it has
 * not reported that it declines it, and the MASA's audit log was held against the policy and passed
 * (RFC 8995 5.8.3, 5.9).  It is passed when the request comes, and again before anything is issued.
 */
#ifndef GATEHOUSE_EST_GATE_H
#define GATEHOUSE_EST_GATE_H

#include "core/store/records/certificate.h"
#include "core/store/records/episode.h"
#include "est/est.h"

enum gate {
    GATE_OPEN,
    GATE_LATER, /* the audit log's verdict is not in yet: 202 */
};

/* The episode as far as everything but a pending audit log allows it to go on. */
MUST_USE bool gate_check(struct task *t, struct reader *r, const struct est *est,
                         const struct device *device, struct episode *ret);
/*
 * What a device comes for with its IDevID.  CSR attributes come first (RFC 8995 5.9.2): a device
 * that was through and asks for them over another connection begins anew.
 */
enum gate_errand { GATE_ATTRIBUTES, GATE_CERTIFICATE, GATE_CONFIGURATION };
/*
 * The same for the device of an IDevID, by what is committed.  One that has no onboarding under way
 * may have come with a voucher of its manufacturer's cloud that names us in est-domain
 * (draft-ietf-anima-brski-cloud 4.2): where the manufacturer's record says so, est->arrivals is
 * asked to begin one, once for each connection.
 */
MUST_USE bool gate_episode(struct task *t, const struct est *est, struct http_request *rq,
                           const struct idevid *idevid, enum gate_errand errand,
                           struct episode *ret);
/* This very episode is still the device's current one, and passes in full. */
MUST_USE bool gate_holds(struct task *t, struct reader *r, const struct est *est,
                         struct bytes device, struct bytes episode, struct episode *ret);
/*
 * For a renewal: this episode is the device's current one and has passed, however long ago it
 * began.
 */
MUST_USE bool gate_renews(struct task *t, struct reader *r, struct bytes device,
                          struct bytes episode, struct episode *ret);
/*
 * For a device that comes with a certificate of ours: it is the one that its current onboarding
 * brought, which goes on and has passed in full, however long ago it began.
 */
MUST_USE bool gate_certificate(struct task *t, const struct est *est,
                               const struct certificate *certificate, struct episode *ret);
/*
 * The whole gate.  Brings the audit log's order forward when the pledge came before its verdict,
 * also when it sent no voucher_status at all (RFC 8995 section 11), and waits for it.
 */
MUST_USE bool gate_pass(struct task *t, const struct est *est, struct http_request *rq,
                        const struct idevid *idevid, enum gate_errand errand, struct episode *ret,
                        enum gate *ret_gate);

#endif

/* Who is asking, under which label (RFC 7030 3.2.2, 3.3.2, 3.2.3). */
#ifndef GATEHOUSE_EST_CLIENT_H
#define GATEHOUSE_EST_CLIENT_H

#include "core/store/records/est_label.h"
#include "core/store/records/est_secret.h"
#include "est/est.h"

struct est_client {
    struct est_label label;
    enum est_proof proof;
    const struct idevid *idevid; /* with EST_PROOF_IDEVID */
    const struct ldevid *issued; /* with EST_PROOF_CERTIFICATE */
    const struct cert *shown;    /* with EST_PROOF_THIRD_PARTY, EST_PROOF_RA */
    bool has_secret;
    struct est_secret secret;
    const char *name; /* "secret:lab", "certificate:CN=...": of who is no device; else NULL */
    const struct csrattrs *asked; /* of who is no device, once it is known; gives names too */
};

/* The label that the request's path names.  Fails with E_NO_LABEL. */
MUST_USE bool est_client_label(struct task *t, const struct est *est, const struct http_request *rq,
                               struct est_label *ret);

/*
 * Certificates are looked at first: one of ours (ended no longer ago than `grace` ms), then an
 * IDevID or one under the label's anchors, then the password.  Fails with E_NO_LABEL, the caller's
 * and the password's kinds, and with E_PROOF when what was shown is none that the label takes.
 */
MUST_USE bool est_client_identify(struct task *t, const struct est *est, struct http_request *rq,
                                  int64_t grace, struct est_client *ret);

/* Another way than HTTP's of showing that a client knows a secret that the label takes. */
struct est_secret_proof {
    MUST_USE bool (*check)(struct task *t, const struct est *est, struct http_request *rq,
                           const struct est_label *label, const void *arg, struct est_secret *ret);
    const void *arg;
};
/* est_client_identify(), with that in place of HTTP's where a password is asked for. */
MUST_USE bool est_client_identify_by(struct task *t, const struct est *est, struct http_request *rq,
                                     int64_t grace, const struct est_secret_proof *proof,
                                     struct est_client *ret);

/*
 * RFC 7030 3.5: a challengePassword in the request is this connection's channel binding, and there
 * when the label asks for it; an RA has seen to that itself (3.7).  Fails with E_BINDING.
 */
MUST_USE bool est_client_binding(struct task *t, struct http_request *rq,
                                 const struct est_client *client, const struct csr *csr);

/* Puts the failure of somebody who is no device where an administrator finds it. */
void est_client_failed(struct task *t, const struct est *est, struct http_request *rq,
                       struct http_reply *reply);

#endif

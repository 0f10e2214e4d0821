/*
 * CA connectors: one vtable, one file per kind of CA.  A connector turns a checked certification
 * request into a certificate; it keeps what it must remember between steps as opaque octets in the
 * order (a transaction id, an order's URL), stored before it sends anything.
 */
#ifndef GATEHOUSE_CA_CONNECTORS_CA_H
#define GATEHOUSE_CA_CONNECTORS_CA_H

#include "ca-connectors/problems.h"
#include "core/base/record.h"
#include "core/pki/csr.h"
#include "core/store/records/profile.h"
#include "core/store/store.h"
#include "pkcs11/keystore.h"

struct ca_connector;

/* What a connector may use.  Borrowed, for as long as the CA is open. */
struct ca_environment {
    struct store *store;
    struct keystore *keys;
    struct http_client *client;
    const char *public_url; /* base of where certificates' status is served; NULL: nowhere */
    const struct ca_connector *const *connectors; /* ends with NULL; NULL: all that there are */
};

struct ca_request {
    /*
     * Possession proven, checked against the CSR attributes.  One that came in CRMF has a signature
     * that is no PKCS#10's (core/pki/crmf.h): csr_verify() tells.
     */
    const struct csr *csr;
    const struct profile *profile; /* validity, key usage */
    const char *serial;            /* of the device, for CAs that want to know */
    struct bytes state;            /* what save() kept last; absent: the first step */
    /* Makes `state` durable.  To be called before anything that depends on it is sent. */
    MUST_USE bool (*save)(struct task *t, void *arg, struct bytes state);
    void *save_arg;
    /*
     * Nobody wants the certificate any more: the device has left, or its onboarding has ended.  Set
     * only on a request with a state, so that a certificate which the CA has issued, or still will,
     * does not go about unknown.  Nothing new is asked for; the step only looks after what the
     * state says was asked, and cancels it where the protocol can.  What is issued all the same is
     * recorded, revoked and handed to nobody.
     */
    bool abandoned;
};

enum ca_outcome { CA_ISSUED, CA_WAITING };
struct ca_result {
    enum ca_outcome outcome;
    const struct cert *certificate; /* issued */
    const struct cert *issuer;      /* who signed it; NULL: not known */
    int64_t retry_after;            /* waiting: ms */
};

struct ca_connector {
    const char *name;                   /* in CA records: "local" */
    const struct record_type *settings; /* its own configuration items */
    size_t settings_size;
    /* `t`'s arena, and the settings in it, live as long as the CA is open. */
    MUST_USE bool (*open)(struct task *t, const struct ca_environment *env, const void *settings,
                          void **ret);
    void (*close)(void *ca);
    /* The issuing CA's chain, the issuer first, the root last: for /cacerts. */
    MUST_USE bool (*chain)(struct task *t, void *ca, struct cert_list *ret);
    /*
     * Further certificates for /cacerts (RFC 7030 4.1.3): former issuers whose certificates may
     * still be about, and what leads from one key to the next.  NULL: there are none.
     */
    MUST_USE bool (*others)(struct task *t, void *ca, struct cert_list *ret);
    /*
     * One step towards a certificate.  Fails with E_CA_REFUSED (for good) or with anything else
     * (tried again later).  A CA that takes its time is CA_WAITING: the step comes again, with the
     * state, after `retry_after`, for as long as the order lives (orders.lifetime), also when
     * meanwhile the request was abandoned; then E_CA_REFUSED says that nothing will come of it.
     */
    MUST_USE bool (*enrol)(struct task *t, void *ca, const struct ca_request *request,
                           struct ca_result *ret);
};

extern const struct ca_connector ca_local; /* see local.h */

/* The CAs that the store's records name, opened: all of them, or the opening fails. */
struct ca_registry;
MUST_USE bool ca_registry_open(struct task *t, const struct ca_environment *env,
                               struct ca_registry **ret);
/* Accepts NULL. */
void ca_registry_close(struct ca_registry *registry);
/*
 * Opens all of them anew, as the records are now; who uses one at the time goes on with it.  When
 * that fails, everything is as before.
 */
MUST_USE bool ca_registry_reopen(struct task *t, struct ca_registry *registry);
/* Counts up with each reopening. */
uint64_t ca_registry_generation(struct ca_registry *registry);

struct ca; /* one of them */
/* Fails with E_CA_UNKNOWN. */
MUST_USE bool ca_find(struct task *t, struct ca_registry *registry, const char *name,
                      const struct ca **ret);
MUST_USE bool ca_chain(struct task *t, const struct ca *ca, struct cert_list *ret);
MUST_USE bool ca_others(struct task *t, const struct ca *ca, struct cert_list *ret);
/*
 * The connector's step, and what no connector may do.  A certificate that comes back is no CA's and
 * carries neither cmcRA, cmcCA nor anyExtendedKeyUsage (E_CA_FORBIDDEN_EKU; a profile that wants
 * them gets no further than here); it is for the request's key, and has a subject or alternative
 * names, all those asked for among them (E_CA_REFUSED: another try would give no better one).
 */
MUST_USE bool ca_enrol(struct task *t, const struct ca *ca, const struct ca_request *request,
                       struct ca_result *ret);

#endif

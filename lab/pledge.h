/*
 * The reference pledge (RFC 8995, draft-ietf-anima-brski-cloud): one device and one run, from the
 * cloud registrar to an LDevID in use.
 *
 * pledge_attempts.c   again after a failure
 * pledge_race.c       several registrars at once
 * pledge_captive.c    whether the network is captive
 * pledge_request.c    the voucher request
 * pledge_bootstrap.c  from the start to a voucher, along redirects
 * pledge_voucher.c    what is demanded of a voucher
 * pledge_enrol.c      EST at the registrar, or at the server that est-domain names
 * pledge_est.c        that server, and EST's way of asking
 * pledge_csr.c        the certification request
 * pledge_issued.c     what is demanded of the certificate
 * pledge_config.c     additional-configuration-url
 * pledge_call.c       asking patiently; telemetry
 * pledge_fault.c      what a device may do wrong
 * pledge_link.c       TLS connections
 * pledge_report.c     what is said about it
 */
#ifndef GATEHOUSE_LAB_PLEDGE_H
#define GATEHOUSE_LAB_PLEDGE_H

#include "core/pki/csr.h"
#include "lab/indicator.h"
#include "lab/journey.h"
#include "lab/pledge_fault.h"
#include "lab/pledge_link.h"
#include "lab/pledge_report.h"
#include "registrar/voucher/voucher.h"

/* The command line. */
struct pledge_settings {
    const char *identity;   /* folder with idevid.pem and idevid.key */
    const char *identities; /* folder of such folders */
    uint64_t parallel;
    uint64_t load; /* 0: no load */
    uint64_t rate;
    const char *cloud;
    struct text_list registrars;
    uint64_t at_once;
    int64_t start_interval;
    int64_t stale_after;
    const char *anchors;
    const char *masa_anchors;
    const char *proxy;
    const char *proxy_credentials;
    const char *captive_api;
    const char *captive_anchors;
    struct text_list assertions; /* that are accepted; none: all */
    struct text_list resolve;
    struct text_list faults;
    const char *out;
    unsigned tls;  /* enum pledge_tls */
    unsigned form; /* index into voucher_forms */
    bool no_clock;
    bool json;
    bool quiet;
    int64_t timeout;
    int64_t patience;
    uint64_t attempts;
    int64_t retry_wait;
    uint64_t repeats;
    int64_t repeat_time;
    int64_t max_wait;
    uint64_t retry_limit;
    uint64_t max_redirects;
};
enum pledge_tls { PLEDGE_TLS_ANY, PLEDGE_TLS_1_2, PLEDGE_TLS_1_3 };

/* What all pledges of a run share.  Read-only, but for the report. */
struct pledge_world {
    struct pledge_settings settings;
    struct place *registrars; /* that were discovered */
    size_t registrar_count;
    struct place cloud;    /* built in; no host: none */
    struct place captive;  /* the captive portal API; no host: none */
    struct trust portal;   /* what its certificate leads to */
    struct trust implicit; /* built in: for the cloud registrar; no anchors without a cloud */
    struct trust masa;     /* built in: for vouchers */
    struct link_maker link_maker;
    struct link_maker direct; /* without the proxy */
    struct proxy proxy;
    struct faults *faults; /* taken from by all pledges */
    struct report report;
};

/* What became of a pledge. */
struct pledge_outcome {
    int status;                        /* LAB_EXIT_OK, or the failure's class */
    const struct indicator *indicator; /* of the failure; NULL: none */
    double voucher_ms; /* since its start, when the voucher was accepted; 0: never */
    double certificate_ms;
    double total_ms;
};

struct pledge {
    const struct pledge_world *world;
    struct credentials idevid;
    const char *serial;
    struct report_line line;
    struct pledge_outcome outcome;
    const char *step;    /* the one under way, as reports call it */
    enum encounter with; /* whom it is about */
    int status;          /* of HTTP, behind the latest E_STATUS */
    const struct voucher_form *form;
    const struct place *start; /* where an attempt begins */
    bool from_cloud;           /* which is the cloud registrar */
    struct leash *leash;       /* NULL: nobody else ends what it does */
    uint64_t attempts_left;

    /* What one attempt finds out; cleared before the next. */
    struct attempt {
        struct journey journey;
        struct link *link; /* to the registrar that gave the voucher */
        const char *nonce;
        struct bytes voucher_request;
        struct bytes voucher;
        const struct cert *pinned; /* pinned-domain-cert */
        const char *est_domain;    /* NULL: EST is at the registrar */
        const char *configuration; /* additional-configuration-url: a secret; NULL: none */
        struct place est_place;    /* its path is the base of the EST operations */
        struct link *est;          /* to the EST server; the same as `link` without est_domain */
        struct cert_list cacerts;
        struct bytes csrattrs;
        EVP_PKEY *key;
        enum pledge_fault csr_fault;
        struct csr_content content; /* of the certification request */
        struct bytes csr;
        const struct cert *ldevid;
        struct bytes configured; /* what the configuration's URL gave */
    } now;
};

/* As many attempts as the settings allow; reports how it ended, and notes it in `outcome`. */
void pledge_onboard(struct task *t, struct pledge *p);

/* RFC 8908: fails with E_CAPTIVE when the network's API says so; what else it says is noted. */
MUST_USE bool pledge_check_network(struct task *t, struct pledge *p);
/*
 * From `start` to a voucher that pins the registrar's TLS connection (RFC 8995 5.1 to 5.6), or an
 * EST server elsewhere (brski-cloud 4.2).
 */
MUST_USE bool pledge_bootstrap(struct task *t, struct pledge *p);
/* The same from all registrars at once, and from the cloud registrar when none of them helps. */
MUST_USE bool pledge_race(struct task *t, struct pledge *p);
/* RFC 8995 5.7: the voucher is accepted, and this registrar is the one. */
MUST_USE bool pledge_tell_accepted(struct task *t, struct pledge *p);
/* And it is not, for the problem of the task; ends the connection. */
void pledge_tell_refused(struct task *t, struct pledge *p);
/* From there to an LDevID that was used once (RFC 8995 5.9). */
MUST_USE bool pledge_enrol(struct task *t, struct pledge *p);
/*
 * brski-cloud 3.2.3: fetches what the voucher's additional-configuration-url names, with the
 * LDevID. That it does not come is said, and is no failure: the device has its certificate.
 */
void pledge_configure(struct task *t, struct pledge *p);
/* A fault: simpleenroll at the place where an attempt begins, before all else. */
void pledge_enrol_first(struct task *t, struct pledge *p);

/* Notes where the pledge is: reports and the indicator say so. */
void pledge_step(struct pledge *p, const char *step, enum encounter with);

#define PLEDGE_REQUEST_VOUCHER "POST requestvoucher"
/*
 * RFC 8995 5.2: a voucher request with a fresh nonce, over `now.link` to where the journey is; sent
 * again as long as the answer is 202.
 */
MUST_USE bool pledge_request_voucher(struct task *t, struct pledge *p, struct response *ret);

/* RFC 8995 5.6.1: every check that needs no TLS connection.  Fails with E_VOUCHER_REFUSED. */
MUST_USE bool pledge_check_voucher(struct task *t, const struct pledge *p,
                                   const struct response *answer, struct signed_voucher *ret);

/* A request that is sent again, octet for octet, as long as the answer is 202. */
struct patient_call {
    struct link *link;
    struct link_request request;
    const char *action; /* "POST requestvoucher" */
    bool discreet;      /* what a redirect names is not reported */
    /*
     * Called before each sending, with the connection open: for a request that is bound to its
     * connection (RFC 7030 3.5).  NULL: nothing changes.
     */
    MUST_USE bool (*prepare)(struct task *t, struct pledge *p, void *context,
                             struct link_request *request);
    void *context;
};
/*
 * RFC 8995 5.6, RFC 7030 4.2.3: waits for what Retry-After says, at most `max_wait`, and asks
 * again, over the same connection or a new one.  Every answer is reported.  Fails with E_TIMEOUT,
 * E_STATUS (past the retry limit) and the kinds of link_call().
 */
MUST_USE bool pledge_call(struct task *t, struct pledge *p, const struct patient_call *call,
                          struct response *ret);
/* Fails with E_STATUS, the place and the first words of the body. */
bool pledge_status_failure(struct task *t, struct pledge *p, const struct response *answer,
                           const char *action);
/*
 * Telemetry (RFC 8995 5.7, 5.9.4) to "voucher_status" or "enrollstatus": all is well.  What the
 * answer says does not matter; fails when there is none.
 */
MUST_USE bool pledge_tell_success(struct task *t, struct pledge *p, struct link *link,
                                  const char *resource);
/* The same for the problem of the task, which stays what it is. */
void pledge_tell_failure(struct task *t, struct pledge *p, struct link *link, const char *resource);
/* Fails at once with E_TIMEOUT when the wait would pass the deadline, and with E_ABANDONED. */
MUST_USE bool pledge_pause(struct task *t, struct pledge *p, int64_t wait);
/* What a person at the device sees of the task's problem. */
const struct indicator *pledge_indicate(struct task *t, const struct pledge *p);
/* The next wait of a back-off: twice as long, at most an hour (RFC 8995 4.1). */
int64_t pledge_back_off(int64_t wait);

/* --out: what the attempt has so far, in a folder of its own. */
MUST_USE bool pledge_save(struct task *t, const struct pledge *p);

#endif

/*
 * A MASA (RFC 8995 5.5, 5.6, 5.8) that can be told to misbehave.
 *
 * masa_main.c     command line and routes
 * masa_request.c  reading and judging a registrar's voucher request
 * masa_revocation.c  whether the registrar's certificates are revoked
 * masa_owners.c   whose a device is
 * masa_voucher.c  requestvoucher
 * masa_cloud.c    vouchers for a cloud registrar
 * masa_issue.c    signing vouchers
 * masa_auditlog.c requestauditlog
 * masa_log.c      the audit log's form
 * masa_slips.c    audit logs behind an address of their own
 * masa_transfer.c the command "transfer"
 * masa_state.c    what was issued, durably
 * masa_fault.c    faults
 * masa_demand.c   who may ask
 */
#ifndef GATEHOUSE_LAB_MASA_H
#define GATEHOUSE_LAB_MASA_H

#include "lab/credentials.h"
#include "lab/masa_demand.h"
#include "lab/masa_fault.h"
#include "lab/masa_issue.h"
#include "lab/masa_owners.h"
#include "lab/masa_slips.h"
#include "lab/masa_state.h"
#include "lab/service.h"
#include "registrar/voucher/voucher.h"

struct masa_settings {
    struct service_settings service;
    const char *maker;
    const char *signer_cert;
    const char *signer_key;
    const char *idevid_anchor;
    const char *registrars;
    const char *clouds;
    const char *devices;
    const char *state;
    const char *sales;
    bool exclusive;
    bool require_prior;
    int64_t stale_after;
    unsigned revocation; /* enum masa_revocation */
    struct text_list networks;
    struct text_list resolve;
    uint64_t log_most;
    bool log_location;
    int64_t renewable;
    unsigned pin;    /* enum masa_pin */
    unsigned demand; /* enum masa_demand_kind */
    const char *user;
    const char *password_file;
    bool name_issuer;
    int64_t lifetime;
    struct text_list faults;
    unsigned fault_on; /* enum masa_fault_on */
    int64_t slow;
};
enum masa_pin { MASA_PIN_CA, MASA_PIN_EE, MASA_PIN_LOWEST_CA, MASA_PIN_AUTO };
enum masa_revocation {
    MASA_REVOCATION_REQUIRE, /* lists that are named must be there */
    MASA_REVOCATION_TRY,
    MASA_REVOCATION_IGNORE,
};

struct masa {
    struct masa_settings settings;
    struct service *service;
    struct credentials signer;
    struct trust idevids;     /* what IDevIDs lead to */
    struct trust registrars;  /* TLS clients that may ask without nonce; no anchors: none */
    struct trust clouds;      /* TLS clients that are cloud registrars; no anchors: none */
    struct text_list devices; /* serial numbers */
    bool any_device;          /* no list was given */
    struct masa_state *state;
    struct masa_owners *owners;
    struct masa_lists *lists;
    struct masa_slips *slips;
    struct faults faults;
    struct masa_demand demand;
};

/* A registrar's voucher request, judged. */
struct masa_request {
    const struct voucher_form *form;
    struct voucher rvr;
    const struct cert *signer;  /* the registrar */
    struct cert_list certs;     /* that came along: in COSE, the pledge's too (cBRSKI 9.2) */
    struct cert_list path;      /* from it to the farthest certificate that was sent along */
    struct bytes idevid_issuer; /* of the device, as RFC 8366bis 6.1 has it */
    const char *assertion;      /* what can be said of where the device is */
    bool renewal;               /* an older voucher came along */
    int64_t lists_until;        /* wall-clock ms when a revocation list ends; 0: none is followed */
};
/*
 * RFC 8995 5.5.1 to 5.5.6: everything but whose the device is.  Fails with E_REQUEST_REFUSED and
 * the kinds of the readers.
 */
MUST_USE bool masa_read_request(struct task *t, const struct masa *masa,
                                const struct http_request *rq, struct masa_request *ret);

/* The domainIDs of all who could be pinned: of each certificate on the path. */
MUST_USE bool masa_domains_of(struct task *t, const struct masa_request *request,
                              struct bytes_list *ret);
bool masa_is_among(const struct bytes_list *domain_ids, struct bytes domain_id);
/*
 * Whose the device is: "verified" when the records say, the asking domain's; E_REQUEST_REFUSED when
 * they, or with --exclusive an earlier voucher, say another's.
 */
MUST_USE bool masa_check_owner(struct task *t, const struct masa *masa,
                               struct masa_request *request);
/* RFC 8995 5.5.2.  Fails with E_REQUEST_REFUSED. */
MUST_USE bool masa_check_revocation(struct task *t, const struct masa *masa,
                                    struct masa_request *request);
struct masa_lists *masa_lists_make(struct task *t);

/* Fails with E_DEVICE_UNKNOWN when there is a list of devices and this is not on it. */
MUST_USE bool masa_check_device(struct task *t, const struct masa *masa, const char *serial);
struct masa_office masa_office_of(const struct masa *masa);

/* Logs the request; with FAULT_LOST_REPLY, drops the connection that waits for the reply. */
void masa_finish(struct task *t, const struct masa *masa, enum masa_fault fault,
                 const struct http_request *rq, const struct http_reply *reply);

bool masa_request_voucher(struct task *t, struct http_request *rq, struct http_reply *reply);
bool masa_cloud_voucher(struct task *t, struct http_request *rq, struct http_reply *reply);
bool masa_request_audit_log(struct task *t, struct http_request *rq, struct http_reply *reply);
bool masa_serve_log(struct task *t, struct http_request *rq, struct http_reply *reply);

/* "gatehouse-masa transfer ..."; the exit status. */
int masa_transfer_main(struct task *t, const char *const *argv);

#endif

/*
 * A MASA (RFC 8995 5.5, 5.6, 5.8) that can be told to misbehave.
 *
 * masa_main.c     command line and routes
 * masa_request.c  reading and judging a registrar's voucher request
 * masa_voucher.c  requestvoucher
 * masa_cloud.c    vouchers for a cloud registrar
 * masa_issue.c    signing vouchers
 * masa_auditlog.c requestauditlog
 * masa_state.c    what was issued, durably
 * masa_fault.c    faults
 */
#ifndef GATEHOUSE_LAB_MASA_H
#define GATEHOUSE_LAB_MASA_H

#include "lab/credentials.h"
#include "lab/masa_fault.h"
#include "lab/masa_issue.h"
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
    unsigned pin; /* enum masa_pin */
    bool name_issuer;
    int64_t lifetime;
    struct text_list faults;
    unsigned fault_on; /* enum masa_fault_on */
    int64_t slow;
};
enum masa_pin { MASA_PIN_CA, MASA_PIN_EE };

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
    struct faults faults;
};

/* A registrar's voucher request, judged. */
struct masa_request {
    const struct voucher_form *form;
    struct voucher rvr;
    const struct cert *signer;  /* the registrar */
    struct cert_list path;      /* from it to the farthest certificate that was sent along */
    struct bytes idevid_issuer; /* of the device, as RFC 8366bis 6.1 has it */
    const char *assertion;      /* what can be said of where the device is */
};
MUST_USE bool masa_read_request(struct task *t, const struct masa *masa,
                                const struct http_request *rq, struct masa_request *ret);

/* Fails with E_DEVICE_UNKNOWN when there is a list of devices and this is not on it. */
MUST_USE bool masa_check_device(struct task *t, const struct masa *masa, const char *serial);
struct masa_office masa_office_of(const struct masa *masa);

/* Logs the request; with FAULT_LOST_REPLY, drops the connection that waits for the reply. */
void masa_finish(struct task *t, const struct masa *masa, enum masa_fault fault,
                 const struct http_request *rq, const struct http_reply *reply);

bool masa_request_voucher(struct task *t, struct http_request *rq, struct http_reply *reply);
bool masa_cloud_voucher(struct task *t, struct http_request *rq, struct http_reply *reply);
bool masa_request_audit_log(struct task *t, struct http_request *rq, struct http_reply *reply);

#endif

/*
 * Who is calling: a connection's client certificate judged against the right anchors, once, and
 * kept with the connection.  Manufacturers' anchors judge IDevIDs, our own store judges LDevIDs,
 * and the two are never mixed (RFC 8995 2.5.3).
 */
#ifndef GATEHOUSE_CORE_PLEDGE_CALLER_H
#define GATEHOUSE_CORE_PLEDGE_CALLER_H

#include "core/http/server.h"
#include "core/pki/chain.h"
#include "core/pledge/idevid.h"
#include "core/pledge/problems.h"
#include "core/pledge/strangers.h"
#include "core/pledge/trust.h"
#include "core/store/records/certificate.h"
#include "core/store/records/device.h"
#include "core/store/records/manufacturer.h"

/* What judging needs.  Borrowed, for the server's life. */
struct callers;
struct callers_options {
    struct store *store;
    struct strangers *strangers;
    uint64_t unexpected_devices; /* records per manufacturer */
    uint64_t held_devices;       /* devices per manufacturer that wait for a decision */
    uint64_t failures_per_hour;  /* timeline entries per device */
    bool unauthenticated;        /* the node file has unauthenticated-pledges */
};
struct callers *callers_make(const struct callers_options *options);
/* No connection may be open.  Accepts NULL. */
void callers_free(struct callers *callers);
const struct callers_options *callers_options(const struct callers *callers);

/*
 * The caller's IDevID.  It lives as long as the connection.  Fails with E_NO_CERTIFICATE and as
 * idevid_judge(); such callers are strangers and noted as such.
 */
MUST_USE bool caller_idevid(struct task *t, struct callers *callers, struct http_request *rq,
                            const struct idevid **ret);
/* The same, without a note: for rooms that note strangers of more kinds, each once. */
MUST_USE bool caller_judge(struct task *t, struct callers *callers, struct http_request *rq,
                           const struct idevid **ret);

/* A device with a certificate that we issued. */
struct ldevid {
    struct certificate record;
};
/*
 * Whichever of the two the certificate is; the other is NULL.  Fails as caller_idevid(), and with
 * E_REVOKED_CERTIFICATE and E_CERT_EXPIRED for certificates of ours.
 */
MUST_USE bool caller_either(struct task *t, struct callers *callers, struct http_request *rq,
                            const struct idevid **ret_idevid, const struct ldevid **ret_ldevid);

/*
 * The certificate of ours that the caller has shown, whatever has become of it; NULL: it has shown
 * none, or another.
 */
MUST_USE bool caller_issued(struct task *t, struct callers *callers, struct http_request *rq,
                            const struct ldevid **ret);
/*
 * It is neither revoked nor suspended (E_REVOKED_CERTIFICATE), and within its validity or ended no
 * longer ago than `grace` ms (E_CERT_EXPIRED).
 */
MUST_USE bool caller_check_issued(struct task *t, const struct certificate *record, int64_t grace);
/*
 * Which device it is, for the timeline and nothing else: also one whose IDevID is not good any
 * more.  Strangers are not noted here.  *ret_idevid is NULL unless it came with a good IDevID.
 */
MUST_USE bool caller_device_id(struct task *t, struct callers *callers, struct http_request *rq,
                               struct bytes *ret, const struct idevid **ret_idevid);

/*
 * Inside an update: the device's record with address and time brought up to date; made when it is
 * not there yet, as an unexpected one (E_TOO_MANY_DEVICES past the limit on those).  The caller
 * writes it.
 */
MUST_USE bool caller_device(struct task *t, struct tx *tx, struct callers *callers,
                            const struct idevid *idevid, const char *address, struct device *ret);
/* The same, admitted as `admission` from now on; E_TOO_MANY_HELD past the limit on held ones. */
MUST_USE bool caller_device_as(struct task *t, struct tx *tx, struct callers *callers,
                               const struct idevid *idevid, const char *address,
                               enum device_admission admission, struct device *ret);

/* Notes the task's problem among the strangers, with the certificate that was shown, if any. */
void caller_is_stranger(struct task *t, struct callers *callers,
                        struct http_connection *connection);

/*
 * The key that the device was admitted with is the one it has now: the same serial number under
 * another key is another matter.  Fails with E_DEVICE_OTHER_KEY.
 */
MUST_USE bool caller_check_key(struct task *t, const struct device *device,
                               const struct idevid *idevid);

/* A manufacturer and its anchors as they stand now, until the task ends; E_UNKNOWN_MAKER. */
MUST_USE bool callers_maker(struct task *t, struct callers *callers, const char *name,
                            const struct trusted_maker **ret);

#endif

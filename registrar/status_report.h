/* A pledge's status report: voucher_status (RFC 8995 5.7), enrollstatus (RFC 8995 5.9.4). */
#ifndef GATEHOUSE_REGISTRAR_STATUS_REPORT_H
#define GATEHOUSE_REGISTRAR_STATUS_REPORT_H

#include "core/pki/cert.h"
#include "registrar/problems.h"

#define STATUS_VERSION     1   /* the one that is known here */
#define STATUS_TEXT_MAX    256 /* octets kept of a pledge's own words */
#define STATUS_UNKNOWN_MAX 8   /* members that are named though they are not known */

#define STATUS_JSON "application/json"
#define STATUS_CBOR "application/cbor" /* draft-ietf-anima-constrained-voucher 6.5.2 */
#define STATUS_JOSE                                                                                \
    "application/jose+json" /* JSON in a JWS (draft-ietf-anima-brski-prm 7.9, 7.10) */

/* Its words come from a device that may not have accepted us: they are cut and made printable. */
struct status_report {
    uint64_t version;
    bool success;
    const char *reason;        /* NULL: none */
    const char *context;       /* JSON, or CBOR in the notation of RFC 8949 8; NULL: none */
    struct text_list unknown;  /* names of members that were passed over, the first few */
    const struct cert *signer; /* of a JWS, whose signature is right; NULL: none, for other forms */
};

/*
 * Reads JSON, or CBOR or JWS when `media_type` (without parameters, any case) says so.  Whose
 * certificate `signer` is, nobody has looked at yet.  Fails with E_TELEMETRY and
 * E_REPORT_SIGNATURE.
 */
MUST_USE bool status_report_read(struct task *t, const char *media_type, struct bytes octets,
                                 struct status_report *ret);

#endif

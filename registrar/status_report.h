/* A pledge's status report: voucher_status (RFC 8995 5.7), enrollstatus (RFC 8995 5.9.4). */
#ifndef GATEHOUSE_REGISTRAR_STATUS_REPORT_H
#define GATEHOUSE_REGISTRAR_STATUS_REPORT_H

#include "core/base/task.h"
#include "registrar/problems.h"

#define STATUS_VERSION     1   /* the one that is known here */
#define STATUS_TEXT_MAX    256 /* octets kept of a pledge's own words */
#define STATUS_UNKNOWN_MAX 8   /* members that are named though they are not known */

#define STATUS_JSON "application/json"
#define STATUS_CBOR "application/cbor" /* draft-ietf-anima-constrained-voucher 6.5.2 */

/* Its words come from a device that may not have accepted us: they are cut and made printable. */
struct status_report {
    uint64_t version;
    bool success;
    const char *reason;       /* NULL: none */
    const char *context;      /* JSON, or CBOR in the notation of RFC 8949 8; NULL: none */
    struct text_list unknown; /* names of members that were passed over, the first few */
};

/*
 * Reads JSON, or CBOR when `media_type` (without parameters, any case) says so.  Fails with
 * E_TELEMETRY.
 */
MUST_USE bool status_report_read(struct task *t, const char *media_type, struct bytes octets,
                                 struct status_report *ret);

#endif

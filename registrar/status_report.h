/* A pledge's status report: voucher_status (RFC 8995 5.7), enrollstatus (RFC 8995 5.9.4). */
#ifndef GATEHOUSE_REGISTRAR_STATUS_REPORT_H
#define GATEHOUSE_REGISTRAR_STATUS_REPORT_H

#include "core/base/task.h"
#include "registrar/problems.h"

#define STATUS_TEXT_MAX 256 /* octets kept of a pledge's own words */

/* Its words come from a device that may not have accepted us: they are cut and made printable. */
struct status_report {
    uint64_t version;
    bool success;
    const char *reason;  /* NULL: none */
    const char *context; /* JSON; NULL: none */
};

/* Fails with E_TELEMETRY.  Members that are not known are passed over. */
MUST_USE bool status_report_read(struct task *t, struct bytes json, struct status_report *ret);

#endif

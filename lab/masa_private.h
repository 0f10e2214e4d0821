/*
 * How a cloud registrar asks a MASA elsewhere for a voucher.  RFC 8995 5.4 is for registrars whose
 * own certificate is to be pinned, which a cloud's is not; so this interface is private to the lab,
 * and may change with any version (docs/masa-private.md).
 */
#ifndef GATEHOUSE_LAB_MASA_PRIVATE_H
#define GATEHOUSE_LAB_MASA_PRIVATE_H

#include "core/base/record.h"

#define MASA_PRIVATE_PATH     "/private/cloud/vouchers"
#define MASA_PRIVATE_BODY_MAX ((size_t)256 * 1024) /* octets */

struct masa_commission {
    const char *media_type; /* of the pledge's request, and of the voucher that is wanted */
    struct bytes voucher_request;
    struct bytes pinned_domain_cert;
    const char *est_domain;
    const char *additional_configuration_url;
    struct bytes idevid; /* of the pledge's TLS connection: a COSE request has none (cBRSKI 9.2) */
    struct record_rest rest;
};
extern const struct record_type masa_commission_type;

/* Every member, the configuration's secret address too: for the body of the request alone. */
MUST_USE bool masa_commission_write(struct task *t, const struct masa_commission *commission,
                                    struct bytes *ret);
MUST_USE bool masa_commission_read(struct task *t, struct bytes json, struct masa_commission *ret);

#endif

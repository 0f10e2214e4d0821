/*
 * Allowances: ways in which a manufacturer's devices, or its MASA, may depart from the RFCs.  None
 * holds unless the manufacturer's record names it, and the timeline names each that is used.  A
 * problem of the same name tells who meets one that is not allowed.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_ALLOWANCE_H
#define GATEHOUSE_CORE_STORE_RECORDS_ALLOWANCE_H

#include "core/base/field.h"
#include "core/base/task.h"

/* X(id, name, what is allowed) */
#define ALLOWANCES(X)                                                                              \
    /* The pledge's voucher request. */                                                            \
    X(ALLOW_MISSING_ASSERTION, "missing-assertion",                                                \
      "a voucher request without assertion; the certificate that the pledge saw must be ours all " \
      "the same (RFC 8995 5.2)")                                                                   \
    X(ALLOW_MISSING_SERIAL, "missing-serial-number",                                               \
      "a voucher request without serial-number; the IDevID's counts (RFC 8995 5.5)")               \
    X(ALLOW_REQUEST_BASE64, "request-base64",                                                      \
      "a voucher request as base64 or PEM; the voucher is given in the same way (RFC 8995 6)")     \
    X(ALLOW_REQUEST_CONTAINER, "request-container",                                                \
      "a voucher request whose top member is ietf-voucher:voucher (RFC 8995 3.2)")                 \
    X(ALLOW_PRIOR_OBJECT, "prior-request-object",                                                  \
      "prior-signed-voucher-request as a JSON object (RFC 8995 3.4)")                              \
    X(ALLOW_CREATED_ON_DATE, "created-on-date",                                                    \
      "created-on as a date without time (RFC 8366 5.3)")                                          \
    X(ALLOW_COSE_UNTAGGED, "cose-untagged",                                                        \
      "a voucher request in COSE without the tag 18 of COSE_Sign1 (RFC 9052 2)")                   \
    X(ALLOW_MEDIA_TYPE_ALIAS, "voucher-media-type-alias",                                          \
      "media types from before RFC 8366 and RFC 8995, such as application/voucher+cms, from its "  \
      "devices and its MASA (RFC 8366 8.3)")                                                       \
    X(ALLOW_EMPTY_REQUEST, "empty-first-request",                                                  \
      "a request with nothing in it, by which a pledge learns our certificate; it gets an empty "  \
      "answer (RFC 8995 5.2)")                                                                     \
    /* The IDevID's MASA URL extension. */                                                         \
    X(ALLOW_MASA_URL_ENCODING, "masa-url-encoding",                                                \
      "a MASA URL extension that is a UTF8String, or the URL without any tag (RFC 8995 2.3.2)")    \
    X(ALLOW_MASA_URL_OLD_OID, "masa-url-old-oid",                                                  \
      "a MASA URL extension under 1.3.6.1.4.1.46930.2 (RFC 8995 2.3.2)")                           \
    /* The MASA. */                                                                                \
    X(ALLOW_MASA_BASE64, "masa-base64",                                                            \
      "a MASA that reads base64 and may answer in it; our requests go to it so (RFC 8995 6)")      \
    X(ALLOW_MASA_TEXT_PLAIN, "masa-text-plain",                                                    \
      "a MASA that calls vouchers and audit logs text/plain (RFC 8995 5.6)")                       \
    X(ALLOW_MASA_CONTAINER, "masa-container",                                                      \
      "a MASA that wants ietf-voucher:voucher as the top member of requests; ours to it have it "  \
      "(RFC 8995 3.2)")                                                                            \
    X(ALLOW_LOG_REGISTRAR_ID, "log-registrar-id",                                                  \
      "an audit log that says registrarID instead of domainID (RFC 8995 5.8.1)")

enum allowance {
#define ALLOWANCE_ID(id, name, help) id,
    ALLOWANCES(ALLOWANCE_ID)
#undef ALLOWANCE_ID
        ALLOWANCE_COUNT
};

extern const char *const allowance_names[]; /* in the order of the enum; ends with NULL */
extern const char *const allowance_texts[];

/* A set of them: bits `1U << id`. */
#define ALLOWANCE(id) (1U << (id))
/* Those that a list names.  A name that is none fails with E_INVALID and what it may be. */
MUST_USE bool allowances_check(struct task *t, const struct text_list *names);
unsigned allowances_of(const struct text_list *names);
/* Their names, in the order of the enum. */
struct text_list allowances_to_list(struct arena *arena, unsigned set);
/* The same as one text, "a, b"; "none". */
const char *allowances_to_text(struct arena *arena, unsigned set);

#endif

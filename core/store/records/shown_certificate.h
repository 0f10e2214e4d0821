/*
 * Certificates that we have shown to pledges in TLS, those of the past included: a pledge may come
 * with a request that names one which has been replaced since (RFC 8995 5.2).
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_SHOWN_CERTIFICATE_H
#define GATEHOUSE_CORE_STORE_RECORDS_SHOWN_CERTIFICATE_H

#include "core/store/table.h"

struct shown_certificate {
    struct bytes sha256; /* of the DER; the key */
    struct bytes spki_sha256;
    const char *subject;
    int64_t since;
    int64_t until; /* 0: it is shown now */
    struct record_rest rest;
};
extern const struct record_type shown_certificate_type;
extern const struct table shown_certificates;
extern const struct table_index shown_certificates_by_key; /* spki_sha256 */

/*
 * These are shown from now on; of others that were shown until now it is noted that they are not
 * any more.  Writes nothing when all is known.
 */
MUST_USE bool shown_certificates_note(struct task *t, struct store *store,
                                      const struct shown_certificate *shown, size_t count);

#endif

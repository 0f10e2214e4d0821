/* Certificates that our CAs issued to devices. */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_CERTIFICATE_H
#define GATEHOUSE_CORE_STORE_RECORDS_CERTIFICATE_H

#include "core/store/table.h"

#define CERTIFICATE_SUBJECT_MAX 1024 /* octets of text */
#define CERTIFICATE_NAMES_MAX   32

enum certificate_state { CERTIFICATE_ISSUED, CERTIFICATE_REVOKED };

struct certificate {
    struct bytes id; /* SHA-256 of the DER; the key */
    struct bytes device;
    struct bytes episode;
    struct bytes order;
    const char *ca;
    struct bytes serial;    /* octets of the INTEGER, big-endian, without sign octet */
    const char *subject;    /* RFC 4514 */
    struct text_list names; /* subject alternative names: "DNS:phone1.example.com" */
    struct bytes spki_sha256;
    int64_t not_before;
    int64_t not_after;
    int64_t issued;
    unsigned int state; /* enum certificate_state */
    int64_t revoked;
    const char *revoked_because;
    struct record_rest rest;
};
enum { CERTIFICATE_BLOB_DER = 1 };

extern const struct record_type certificate_type;
extern const struct table certificates;
extern const struct table_index certificates_by_device; /* device id, time of issue */
extern const struct table_index certificates_by_order;  /* order id; unique */

#endif

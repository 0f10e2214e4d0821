/* Certificate revocation lists, the latest one of each of the owner's CAs. */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_CRL_H
#define GATEHOUSE_CORE_STORE_RECORDS_CRL_H

#include "core/store/table.h"

struct crl {
    struct bytes issuer_key; /* SHA-256 of the CA's SPKI; the key */
    const char *authority;   /* its name when the list was made */
    uint64_t number;         /* cRLNumber: one more each time */
    int64_t this_update;
    int64_t next_update;
    uint64_t entries;
    uint64_t generation; /* revocations_generation() that it speaks of */
    struct record_rest rest;
};
enum { CRL_BLOB_DER = 1 };

extern const struct record_type crl_type;
extern const struct table crls;

#endif

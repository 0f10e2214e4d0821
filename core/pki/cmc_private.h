/* What reading requests and responses of CMC has in common. */
#ifndef GATEHOUSE_CORE_PKI_CMC_PRIVATE_H
#define GATEHOUSE_CORE_PKI_CMC_PRIVATE_H

#include "core/pki/cmc.h"
#include "core/pki/der.h"

/* TaggedAttribute (RFC 5272 3.2.1.1): a control. */
struct cmc_attribute {
    uint32_t part;
    const char *oid;
    struct der_list values;
};
MUST_USE bool cmc_attribute_read(struct task *t, const struct der *element,
                                 struct cmc_attribute *ret);
/* An OCTET STRING of no more than CMC_NONCE_MAX octets. */
MUST_USE bool cmc_octets_read(struct task *t, const struct der *value, struct bytes *ret);
/* The transaction's number, as DER. */
MUST_USE bool cmc_transaction_read(struct task *t, const struct der *value, struct bytes *ret);

#endif

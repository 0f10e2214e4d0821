/*
 * What Certificate Management over CMS says within its SignedData (RFC 5272 3.2, RFC 6402): the
 * PKIData of a Full PKI Request, which is read, and the PKIResponse, which is written, and read to
 * be shown.
 */
#ifndef GATEHOUSE_CORE_PKI_CMC_H
#define GATEHOUSE_CORE_PKI_CMC_H

#include "core/pki/cert.h"

#define CMC_SIZE_MAX     ((size_t)128 * 1024) /* octets of a Full PKI Request */
#define CMC_CONTROLS_MAX 32
#define CMC_PARTS_MAX    16  /* requests, nested messages and others, of each kind */
#define CMC_NONCE_MAX    128 /* octets of a nonce, of what is to be given back, and of a token */

/* All octets are borrowed from those that were read. */
struct cmc_control {
    uint32_t part; /* bodyPartID */
    const char *oid;
    bool understood; /* it is among the members of struct cmc_data */
};

enum cmc_form { CMC_PKCS10, CMC_CRMF, CMC_OTHER_FORM };
struct cmc_request {
    uint32_t part; /* bodyPartID; certReqId of CRMF */
    enum cmc_form form;
    struct bytes der; /* CertificationRequest, or CertReqMsg; in the arena */
};

struct cmc_data {
    struct cmc_control *controls;
    size_t control_count;
    struct cmc_request *requests;
    size_t request_count;
    struct bytes request_sequence; /* DER of reqSequence, which identity proofs are made over */
    uint32_t *others;              /* bodyPartIDs of nested messages and other ones */
    size_t other_count;

    /* What the controls say; absent or NULL: no such control. */
    struct bytes transaction_id; /* DER of an INTEGER */
    struct bytes sender_nonce;
    struct bytes data_return;
    const char *identification;
    struct bytes identity_proof; /* DER of an IdentityProofV2 */
    struct bytes link_random;
    struct bytes link_witness; /* DER of a PopLinkWitnessV2 */
    struct bytes pending_token;
};

/*
 * One PKIData and nothing after it.  No bodyPartID is 0 or there twice (RFC 5272 3.2.2), no control
 * that is understood is there twice.  Fails with E_CMC_MALFORMED.
 */
MUST_USE bool cmc_data_parse(struct task *t, struct bytes der, struct cmc_data *ret);

/* IdentityProofV2 and PopLinkWitnessV2 (RFC 5272 6.2.1, 6.3.1.1), which look alike. */
struct cmc_witness {
    const char *hash_oid;
    const char *mac_oid;
    struct bytes mac;
};
MUST_USE bool cmc_witness_parse(struct task *t, struct bytes der, struct cmc_witness *ret);

/* --- the response --- */

enum cmc_status { /* RFC 5272 6.1.3 */
                  CMC_SUCCESS = 0,
                  CMC_FAILED = 2,
                  CMC_PENDING = 3,
                  CMC_NO_SUPPORT = 4,
                  CMC_CONFIRM_REQUIRED = 5, /* these three are read, and never said */
                  CMC_NEEDS_POP = 6,
                  CMC_PARTIAL = 7,
};
enum cmc_failure { /* CMCFailInfo, RFC 5272 6.1.4 */
                   CMC_BAD_ALG = 0,
                   CMC_BAD_MESSAGE_CHECK = 1,
                   CMC_BAD_REQUEST = 2,
                   CMC_BAD_TIME = 3,
                   CMC_BAD_CERT_ID = 4,
                   CMC_UNSUPPORTED_EXT = 5,
                   CMC_BAD_IDENTITY = 7,
                   CMC_POP_REQUIRED = 8,
                   CMC_POP_FAILED = 9,
                   CMC_NO_KEY_REUSE = 10,
                   CMC_INTERNAL_CA_ERROR = 11,
                   CMC_TRY_LATER = 12,
                   CMC_AUTH_DATA_FAIL = 13,
};

struct cmc_response {
    /* Echoed where they were there (RFC 5272 6.4, 6.6). */
    struct bytes transaction_id; /* DER */
    struct bytes recipient_nonce;
    struct bytes data_return;
    struct bytes sender_nonce; /* our own; with a recipient nonce */
    /* The one CMCStatusInfoV2. */
    enum cmc_status status;
    uint32_t *parts; /* what it is about; 0 alone: the whole message */
    size_t part_count;
    const char *text;           /* UTF-8 for people; NULL: none */
    enum cmc_failure failure;   /* with CMC_FAILED; as read: any number */
    struct bytes pending_token; /* with CMC_PENDING */
    int64_t pending_until;      /* wall-clock ms: when to ask again */
};

/* DER of a PKIResponse (RFC 5272 4.2.1) whose controls are numbered from 1. */
MUST_USE bool cmc_response_write(struct task *t, const struct cmc_response *response,
                                 struct bytes *ret);
/*
 * One PKIResponse with one CMCStatusInfoV2; other controls than those above are passed over.  Fails
 * with E_CMC_MALFORMED.
 */
MUST_USE bool cmc_response_parse(struct task *t, struct bytes der, struct cmc_response *ret);

#endif

/* Certification requests in CRMF (RFC 4211), as CMC carries them (RFC 5272 3.2.1.2.2). */
#ifndef GATEHOUSE_CORE_PKI_CRMF_H
#define GATEHOUSE_CORE_PKI_CRMF_H

#include "core/pki/csr.h"

#define CRMF_CONTROLS_MAX 16

/* How possession of the key is shown (RFC 4211 4). */
enum crmf_proof {
    CRMF_PROOF_NONE,
    CRMF_PROOF_RA,        /* raVerified: the RA says so */
    CRMF_PROOF_SIGNATURE, /* POPOSigningKey */
    CRMF_PROOF_OTHER,     /* by decrypting, or by agreeing on a key */
};

/* All borrowed from the octets that were read, unless said otherwise. */
struct crmf {
    uint32_t id;             /* certReqId */
    struct bytes request;    /* DER of the CertRequest, which the proof signs */
    struct bytes subject;    /* DER of a Name */
    struct bytes spki;       /* DER */
    struct bytes extensions; /* DER of Extensions, in the arena; absent: none */
    enum crmf_proof proof;
    struct bytes algorithm; /* DER of an AlgorithmIdentifier; with CRMF_PROOF_SIGNATURE */
    struct bytes signature;
    struct text_list controls; /* OIDs of what else is asked for (RFC 4211 6), but for: */
    struct bytes link_witness; /* DER of a PopLinkWitnessV2 (RFC 5272 6.3.1.1); absent: none */
    struct bytes change;       /* DER of a ChangeSubjectName (RFC 6402 2.8); absent: none */
};

/*
 * One CertReqMsg and nothing after it, with key and subject (which may be empty) in its template
 * and nothing there that is the CA's to say (RFC 4211 5).  Fails with E_CRMF_MALFORMED.
 */
MUST_USE bool crmf_parse(struct task *t, struct bytes der, struct crmf *ret);
/*
 * The same request in the form of PKCS#10, for all that judges requests and for CAs: its signature
 * is that of the CRMF proof, over other octets, and does not verify.  Fails with E_CSR_MALFORMED.
 */
MUST_USE bool crmf_to_csr(struct task *t, const struct crmf *crmf, struct csr *ret);
/*
 * RFC 4211 4.1: the signature over the CertRequest is the key's.  Fails with E_CSR_POP, and with
 * E_POP_MISSING when there is no signature.
 */
MUST_USE bool crmf_verify(struct task *t, const struct crmf *crmf, const struct csr *csr);

#endif

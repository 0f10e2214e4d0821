/* What can be wrong with the PKI's objects. */
#ifndef GATEHOUSE_CORE_PKI_PROBLEMS_H
#define GATEHOUSE_CORE_PKI_PROBLEMS_H

#include "core/base/problem.h"

#define PKI_PROBLEMS(X)                                                                            \
    X(E_CERT_MALFORMED, "certificate-malformed", "malformed certificate",                          \
      "The certificate could not be read; `gatehousectl inspect FILE` shows how far it goes.")     \
    X(E_SERIAL_PATTERN, "serial-pattern", "not known here",                                        \
      "The IDevID does not say its serial number in the way that the manufacturer's "              \
      "serial-pattern describes. `gatehousectl inspect FILE --serial-pattern PATTERN` tries one.") \
    X(E_CRL_MALFORMED, "crl-malformed", "malformed revocation list",                               \
      "The octets are no certificate revocation list (RFC 5280 5) that can be read; "              \
      "`openssl crl -in FILE -noout -text` may show more.")                                        \
    X(E_CRL_UNTRUSTED, "crl-untrusted", "revocation list not accepted",                            \
      "The revocation list is signed by none of the anchors it was held against. If an "           \
      "intermediate CA has signed it, that CA's certificate has to be an anchor too.")             \
    X(E_CERT_UNTRUSTED, "certificate-untrusted", "not known here",                                 \
      "The certificate does not chain to the anchors it was held against. If it should, add the "  \
      "missing anchor or intermediate certificate.")                                               \
    X(E_CERT_EXPIRED, "certificate-expired", "not known here",                                     \
      "A certificate of the chain is outside its validity. Check the clock here, then the "        \
      "certificate.")                                                                              \
    X(E_CMS_MALFORMED, "cms-malformed", "malformed request",                                       \
      "The octets are no CMS SignedData that can be read; `gatehousectl inspect FILE` shows how "  \
      "far it goes.")                                                                              \
    X(E_JWS_MALFORMED, "jws-malformed", "malformed request",                                       \
      "The octets are no JWS in general JSON serialisation that can be read; `gatehousectl "       \
      "inspect FILE` shows how far it goes.")                                                      \
    X(E_COSE_MALFORMED, "cose-malformed", "malformed request",                                     \
      "The octets are no COSE_Sign1 that can be read; `gatehousectl inspect FILE` shows how far "  \
      "it goes.")                                                                                  \
    X(E_SIGNATURE, "signature-wrong", "signature not accepted",                                    \
      "The signature does not fit the content or the signer's key. Altered on the way, or signed " \
      "with another key than the certificate's.")                                                  \
    X(E_CSR_MALFORMED, "csr-malformed", "malformed certification request",                         \
      "The certification request could not be read; `gatehousectl inspect FILE` shows it.")        \
    X(E_CSR_POP, "csr-proof-of-possession", "proof of possession failed",                          \
      "The request is not signed with the key it asks a certificate for.")                         \
    X(E_POP_MISSING, "proof-of-possession-missing", "proof of possession required",                \
      "The request proves in no way that is understood here that the client has the key: it has "  \
      "to sign it. An RA may say that it has seen to that itself (RFC 4211 4).")                   \
    X(E_CRMF_MALFORMED, "crmf-malformed", "malformed certification request",                       \
      "The CRMF message (RFC 4211) could not be read, or asks for what is not done here; the "     \
      "detail says which.")                                                                        \
    X(E_CMC_MALFORMED, "cmc-malformed", "malformed request",                                       \
      "The octets are no PKIData of a Full PKI Request (RFC 5272 3.2) that can be read.")          \
    X(E_KEY_WISH, "key-protection",                                                                \
      "the private key cannot be protected as asked (RFC 7030 4.4.1)",                             \
      "The client asked for a key to be made for it, and how it is to be encrypted on its way "    \
      "cannot be done: the detail says why. Either the label gives keys only encrypted, or the "   \
      "key identifier is none that is known: a certificate of the client's, or a secret with a "   \
      "decrypt-key.")                                                                              \
    X(E_CSRATTRS_MALFORMED, "csrattrs-malformed", "malformed CSR attributes",                      \
      "The CSR attributes are no SEQUENCE OF AttrOrOID (RFC 7030 4.5.2, RFC 9908 3.2).")           \
    X(E_CSRATTRS_UNMET, "csrattrs-unmet", "CSR attributes cannot be met",                          \
      "The server wants something in the request that this device does not have. Give it a value " \
      "in the server's profile, or do not ask for it.")                                            \
    X(E_OCSP_MALFORMED, "ocsp-malformed", "malformed OCSP request",                                \
      "What was sent is no OCSP request that can be read (RFC 6960 4.1.1).")                       \
    X(E_LINT, "certificate-faulty", "internal error",                                              \
      "A certificate breaks a rule of RFC 5280; the detail names it. It was not handed out. If a " \
      "profile asks for it, change the profile.")                                                  \
    X(E_CRYPTO, "crypto", "internal error",                                                        \
      "The cryptographic library or the token failed; the detail has its message. If it is the "   \
      "token: is it present, and is the PIN right?")
DECLARE_PROBLEMS(pki_problems, PKI_PROBLEMS)

#endif

/* Why EST does not give a device what it asks for. */
#ifndef GATEHOUSE_EST_PROBLEMS_H
#define GATEHOUSE_EST_PROBLEMS_H

#include "core/asking/problems.h"

#define EST_PROBLEMS(X)                                                                            \
    X(E_NOT_ONBOARDED, "no-open-onboarding", "not allowed",                                        \
      "The device asks for a certificate, but it has no onboarding under way: no voucher was "     \
      "issued to it, or the onboarding was closed. Reset the device so that it starts again.")     \
    X(E_ONBOARDING_OVER, "onboarding-too-old", "not allowed",                                      \
      "The voucher was handed out longer ago than limits.enrol-window allows. Reset the device "   \
      "so that it starts again, or raise the limit.")                                              \
    X(E_PLEDGE_DECLINED, "pledge-declined-voucher", "not allowed",                                 \
      "The pledge itself reported that it does not accept our voucher; its reason is in the "      \
      "timeline.")                                                                                 \
    X(E_LOG_SPEAKS_AGAINST, "audit-log-refused", "not allowed",                                    \
      "The MASA's audit log of this device broke the policy; the timeline shows which entry. If "  \
      "the device was rightly someone else's before, have the manufacturer transfer it, or allow " \
      "that domainID in the manufacturer's record.")                                               \
    X(E_TOO_MANY_ENROLMENTS, "too-many-enrolments", "not allowed",                                 \
      "The device has asked for more certificates in one onboarding than limits.enrolments "       \
      "allows: a new key each time, or a new subject. Its software loses what it is given; reset " \
      "it when that is mended.")                                                                   \
    X(E_NO_CONFIGURATION, "no-configuration", "no configuration",                                  \
      "The device asked for a configuration file that there is none of, neither for it nor for "   \
      "its profile: `gatehousectl configuration set`. Harmless if it is not meant to have one.")   \
    X(E_CONFIGURATION_VALUE, "configuration-value", "try again later",                             \
      "The device's configuration is a template, and a value that goes into it cannot be had or "  \
      "is not fit to be put into text. Give this device a file of its own: `gatehousectl "         \
      "configuration set --device`. It will ask again by itself.")                                 \
    X(E_NO_LABEL, "no-such-label", "not found",                                                    \
      "A client used an EST label that does not exist: `gatehousectl labels list`.")               \
    X(E_PROOF, "proof-not-taken", "not allowed",                                                   \
      "The client proves who it is in a way that the label does not take; the detail says which. " \
      "`gatehousectl labels set NAME --authenticate ...`, or another label for it.")               \
    X(E_SERVER_KEYS_OFF, "server-keys-off", "no keys are made here",                               \
      "The client asked for a key to be made for it, which the label does not allow: "             \
      "`gatehousectl labels set NAME --server-keys encrypted`, if it is to be. Better the client " \
      "makes its own.")                                                                            \
    X(E_SERVER_KEY_GONE, "server-key-gone",                                                        \
      "the key was delivered before and is not here any more: ask with another request",           \
      "The client has got the key that was made for this very request, and asks again. It was "    \
      "deleted when it arrived. If the client has lost it, revoke the certificate, and have the "  \
      "client ask with another request, such as one with another key in it.")                      \
    X(E_AUTH_NEEDED, "password-needed", "authentication required",                                 \
      "The client gave no password; it was asked for one.")                                        \
    X(E_AUTH_STALE, "password-nonce-stale", "authentication required",                             \
      "The client's HTTP Digest was made with a nonce that has had its time; it asks again by "    \
      "itself.")                                                                                   \
    X(E_AUTH_WRONG, "password-wrong", "authentication failed",                                     \
      "The user name, the password, or what the secret is for was wrong; the detail says which. "  \
      "`gatehousectl secrets list` shows what is left of each.")                                   \
    X(E_BINDING, "channel-binding",                                                                \
      "the request must be linked to this TLS connection (RFC 7030 3.5)",                          \
      "The challengePassword in the request is not the channel binding of its connection, or is "  \
      "missing where the label asks for it. A TLS proxy between us and the client does that; "     \
      "else "                                                                                      \
      "the client's software is at fault.")                                                        \
    X(E_KEY_REFUSED, "key-refused", "key not allowed",                                             \
      "The key in the request is known to be weak, was revoked as compromised, or is in the "      \
      "certificate of another; the detail says which. Devices that share a key were cloned, or "   \
      "have poor random numbers: ask their maker. Make the device generate a new key.")            \
    X(E_NAME_REFUSED, "name-refused", "name not allowed",                                          \
      "The client asks for a name, or a power, that it may not have; the detail says which. "      \
      "Names "                                                                                     \
      "come from the label's domains and the secret's name.")                                      \
    X(E_NOT_RENEWABLE, "not-renewable", "not a renewal of this certificate",                       \
      "The request is no renewal of the certificate that the client has shown: other names, too "  \
      "early, or no certificate of ours at all. The detail says which.")                           \
    X(E_CMC_OFF, "full-cmc-off", "not found",                                                      \
      "A client came with Full CMC to a label that does not serve it: `gatehousectl labels set "   \
      "NAME --full-cmc yes`, or another label for it.")                                            \
    X(E_CMC_UNSUPPORTED, "cmc-not-supported", "not supported",                                     \
      "The Full CMC request holds a control, a second request or a message within it that is not " \
      "handled here; the answer named it to the client. One PKCS#10 or CRMF request in each "      \
      "message is what works.")                                                                    \
    X(E_CMC_ALGORITHM, "cmc-algorithm", "algorithm not supported",                                 \
      "The Full CMC request is signed or proven with an algorithm that is not accepted: SHA-256 "  \
      "or stronger for signatures, SHA-256 and HMAC-SHA256 for proofs by a shared secret.")        \
    X(E_CMC_SIGNER, "cmc-signer", "not signed by who sends it",                                    \
      "The Full CMC request is signed by another than the certificate of its TLS connection. "     \
      "Only who comes with a password, or as an RA, may send what the requested key itself has "   \
      "signed.")                                                                                   \
    X(E_CMC_IDENTITY, "cmc-identity", "identity proof failed",                                     \
      "The identification or identity proof in the Full CMC request is not that of the client's "  \
      "secret; the detail says why. Secrets for this are made with `gatehousectl secrets add "     \
      "--cmc`.")                                                                                   \
    X(E_CMC_LINK, "cmc-pop-link", "proof of possession failed",                                    \
      "The POP link witness in the Full CMC request was not made with the client's secret. "       \
      "Secrets for this are made with `gatehousectl secrets add --cmc`.")                          \
    X(E_CMC_TIME, "cmc-time", "the time is wrong",                                                 \
      "The Full CMC request says that it was signed at a time far from now; the detail says "      \
      "when. Check the client's clock, then ours.")                                                \
    X(E_CMC_EXTENSION, "cmc-extension", "extension not supported",                                 \
      "The request asks for a critical extension that no certificate gets here.")                  \
    X(E_CMC_PENDING, "cmc-pending-unknown", "no such request",                                     \
      "The client asks what has become of a request that is not there any more, or is not its "    \
      "own. It has to send the request itself again.")                                             \
    X(E_TOO_MANY_CERTIFICATES, "too-many-certificates", "not allowed",                             \
      "So many certificates for the same subject were issued today that the label's per-day is "   \
      "reached. A client that asks again and again loses what it is given.")
DECLARE_PROBLEMS(est_problems, EST_PROBLEMS)

#endif

/* What can go wrong in the lab: a manufacturer's services and the reference pledge. */
#ifndef GATEHOUSE_LAB_PROBLEMS_H
#define GATEHOUSE_LAB_PROBLEMS_H

#include "core/base/problem.h"

#define LAB_PROBLEMS(X)                                                                            \
    X(E_USAGE, "usage", "wrong usage", "`--help` lists the options with their defaults.")          \
    X(E_REQUEST_REFUSED, "request-refused", "voucher request refused",                             \
      "The request could be read, and a check of RFC 8995 5.5 failed; the detail says which.")     \
    X(E_DEVICE_UNKNOWN, "device-unknown", "device not known here",                                 \
      "The device is none of this manufacturer's, or none that the file of devices lists.")        \
    X(E_NO_OWNER, "no-owner", "no owner known yet",                                                \
      "The devices file has \"-\" for this device. Put the owner's registrar there and send "      \
      "SIGHUP.")                                                                                   \
    X(E_CLAIM, "claim-refused", "claim refused",                                                   \
      "A claim token is for one account, for some days, and for one use. The cloud's operator "    \
      "makes another with `gatehouse-cloud token new`.")                                           \
    X(E_PROOF, "proof-refused", "proof refused",                                                   \
      "A certificate is not proven to be the owner's; the detail says which rule of "              \
      "docs/cloud-registration.yaml is broken.")                                                   \
    X(E_OWNER, "owner-refused", "not this account",                                                \
      "The TLS client certificate does not lead to a certificate that the account was claimed or " \
      "registered with.")                                                                          \
    X(E_NO_MASA, "no-masa", "no vouchers here",                                                    \
      "Vouchers need a MASA: --masa-state for an integrated one, --masa for one elsewhere.")       \
    X(E_MASA_AWAY, "masa-away", "try again later",                                                 \
      "The MASA that --masa names did not give a voucher; see the detail and its log.")            \
    X(E_PEER_CLOSED, "peer-closed", "try again later",                                             \
      "The peer closed the connection before it had answered.")                                    \
    X(E_ABANDONED, "abandoned", "try again later",                                                 \
      "Another registrar's voucher came first, or this one made no progress while others were "    \
      "waiting (RFC 8995 5.1).")                                                                   \
    X(E_PROXY, "proxy-refused", "bad gateway",                                                     \
      "The proxy does not let us through. Check --proxy and --proxy-credentials, and whether it "  \
      "allows CONNECT to that port.")                                                              \
    X(E_CAPTIVE, "captive-portal", "try again later",                                              \
      "The network is captive (RFC 8908): somebody must log in at its portal first.")              \
    X(E_STATUS, "unexpected-status", "bad gateway",                                                \
      "The registrar answered with a status that ends this step; its own log says why.")           \
    X(E_REDIRECT, "redirect-refused", "bad gateway",                                               \
      "The redirect may not be followed; the detail says which rule forbids it.")                  \
    X(E_REDIRECT_PROVISIONAL, "redirect-provisional", "bad gateway",                               \
      "A 307 is only followed from a server that the implicit anchors validate (brski-cloud "      \
      "3.3.1): an owner's registrar issues none, and a VAR's certificate must lead to them.")      \
    X(E_REDIRECT_LOOP, "redirect-loop", "bad gateway",                                             \
      "The redirects lead in a circle (brski-cloud 7.2): whoever is not authoritative for the "    \
      "device must answer 404 instead.")                                                           \
    X(E_REDIRECT_LIMIT, "redirect-limit", "bad gateway",                                           \
      "More redirects than --max-redirects allows in one attempt.")                                \
    X(E_VOUCHER_REFUSED, "voucher-refused", "voucher not accepted",                                \
      "The voucher failed a check of RFC 8995 5.6.1; the detail says which.")                      \
    X(E_REGISTRAR_REFUSED, "registrar-refused", "registrar not accepted",                          \
      "The registrar's TLS certificate does not lead to the certificate that the voucher pins "    \
      "(RFC 8995 5.6.2).")                                                                         \
    X(E_EST_SERVER_REFUSED, "est-server-refused", "EST server not accepted",                       \
      "The EST server that the voucher names is not the one that it pins (RFC 7030 3.3.1, "        \
      "brski-cloud 4.2). Its certificate was changed, or est-domain leads somewhere else.")        \
    X(E_CERTIFICATE_REFUSED, "issued-certificate-refused", "certificate not accepted",             \
      "The certificate that EST returned is not the one that was asked for; see the detail.")
DECLARE_PROBLEMS(lab_problems, LAB_PROBLEMS)

#endif

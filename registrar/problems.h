/* Why a pledge's voucher request leads to no voucher. */
#ifndef GATEHOUSE_REGISTRAR_PROBLEMS_H
#define GATEHOUSE_REGISTRAR_PROBLEMS_H

#include "core/base/problem.h"

#define REGISTRAR_PROBLEMS(X)                                                                      \
    X(E_REQUEST_SIGNER, "request-signer", "signature not accepted",                                \
      "The voucher request is signed with another certificate than the one the pledge uses in "    \
      "TLS. A relay or a proxy in between, or a device with two identities.")                      \
    X(E_REQUEST_SIGNATURE, "request-signature", "signature not accepted",                          \
      "The voucher request's signature is wrong: it was altered on its way, or the device signs "  \
      "wrongly.")                                                                                  \
    X(E_REQUEST_STALE, "request-stale", "request too old",                                         \
      "The pledge sent an old voucher request again, after a newer one. Harmless if it happens "   \
      "once; if somebody else sent it, it is a replay and was refused.")                           \
    X(E_NONCE_REUSED, "nonce-reused", "request too old",                                           \
      "A nonce that this device has used before came in another request. Its random generator is " \
      "broken, or somebody replays parts of an old request.")                                      \
    X(E_NONCE_MISSING, "nonce-missing", "malformed voucher request",                               \
      "The voucher request has no nonce (RFC 8995 5.2 demands one), or one of a forbidden "        \
      "length.")                                                                                   \
    X(E_SERIAL_MISMATCH, "serial-mismatch", "request not accepted",                                \
      "The serial number in the voucher request is not the one in the IDevID (RFC 8995 5.5). The " \
      "device's software is wrong, or it speaks for another device.")                              \
    X(E_PROXIMITY, "proximity", "proximity not accepted",                                          \
      "The pledge saw another TLS certificate than ours: somebody stands between it and us, or "   \
      "it talks to us through a TLS-terminating proxy, or it was redirected with an outdated "     \
      "address. The MASA was not asked.")                                                          \
    X(E_PREVIOUS_CERTIFICATE, "previous-certificate", "proximity not accepted",                    \
      "The pledge came with a request that names the TLS certificate we had before: it made it "   \
      "when it saw that one, and our certificate has changed since. Nobody stands in between. It " \
      "begins anew by itself, with the certificate that it sees now. The MASA was not asked.")     \
    X(E_REQUEST_CONTAINER, "request-container", "malformed voucher request",                       \
      "A voucher, or a voucher request in a voucher's container, was sent where RFC 8995 "         \
      "3.2 has ietf-voucher-request:voucher. If this manufacturer's devices are made so: "         \
      "`gatehousectl manufacturers allow NAME request-container`.")                                \
    X(E_REQUEST_BASE64, "request-base64", "malformed voucher request",                             \
      "The voucher request came in base64 or PEM, where RFC 8995 6 has the octets "                \
      "themselves. If this manufacturer's devices are made so: `gatehousectl "                     \
      "manufacturers allow NAME request-base64`.")                                                 \
    X(E_MEDIA_TYPE_ALIAS, "voucher-media-type-alias", "media type not understood",                 \
      "The voucher, or voucher request, came under a media type from before RFC 8366 and "         \
      "RFC 8995. If this manufacturer's devices are made so: `gatehousectl manufacturers "         \
      "allow NAME voucher-media-type-alias`.")                                                     \
    X(E_EMPTY_REQUEST, "empty-first-request", "malformed voucher request",                         \
      "The pledge sent a request with nothing in it, as some do to learn our certificate. "        \
      "If this manufacturer's devices are made so: `gatehousectl manufacturers allow NAME "        \
      "empty-first-request`.")                                                                     \
    X(E_ASSERTION_MISSING, "missing-assertion", "proximity not accepted",                          \
      "The voucher request does not assert proximity, as RFC 8995 5.2 demands; the "               \
      "certificate in it is ours. If this manufacturer's devices are made so: "                    \
      "`gatehousectl manufacturers allow NAME missing-assertion`.")                                \
    X(E_SERIAL_MISSING, "missing-serial-number", "request not accepted",                           \
      "The voucher request has no serial-number, as RFC 8995 5.5 demands. If this "                \
      "manufacturer's devices are made so: `gatehousectl manufacturers allow NAME "                \
      "missing-serial-number`.")                                                                   \
    X(E_MASA_URL_ENCODING, "masa-url-encoding", "not possible now",                                \
      "The IDevID's MASA URL extension is no IA5String (RFC 8995 2.3.2). masa-url in the "         \
      "manufacturer's record takes its place. If this manufacturer's devices are made so: "        \
      "`gatehousectl manufacturers allow NAME masa-url-encoding`.")                                \
    X(E_MASA_URL_OLD_OID, "masa-url-old-oid", "not possible now",                                  \
      "The IDevID has its MASA URL under 1.3.6.1.4.1.46930.2, from before RFC 8995. "              \
      "masa-url in the manufacturer's record takes its place. If this manufacturer's "             \
      "devices are made so: `gatehousectl manufacturers allow NAME masa-url-old-oid`.")            \
    X(E_MASA_BASE64, "masa-base64", "bad answer from the manufacturer",                            \
      "The MASA's answer is base64, where RFC 8995 6 has the octets themselves. If this "          \
      "manufacturer's MASA is made so: `gatehousectl manufacturers allow NAME "                    \
      "masa-base64`.")                                                                             \
    X(E_MASA_ALIAS, "masa-media-type-alias", "bad answer from the manufacturer",                   \
      "The MASA gives its answer a media type from before RFC 8366 and RFC 8995. If this "         \
      "manufacturer's MASA is made so: `gatehousectl manufacturers allow NAME "                    \
      "voucher-media-type-alias`.")                                                                \
    X(E_MASA_TEXT_PLAIN, "masa-text-plain", "bad answer from the manufacturer",                    \
      "The MASA calls its answer text/plain, where RFC 8995 5.6 has the media type of a "          \
      "voucher. If this manufacturer's MASA is made so: `gatehousectl manufacturers allow "        \
      "NAME masa-text-plain`.")                                                                    \
    X(E_MASA_URL, "masa-url", "not possible now",                                                  \
      "The IDevID names no MASA that can be used, and the manufacturer's record has none: "        \
      "`gatehousectl manufacturers` sets masa-url.")                                               \
    X(E_MASA_CREDENTIALS, "masa-credentials", "try again later",                                   \
      "The MASA does not accept us (401). Ask its operator which certificate or password it "      \
      "wants.")                                                                                    \
    X(E_MASA_REFUSED, "masa-refused", "refused by the manufacturer",                               \
      "The MASA refused to issue a voucher (403): bad or stale signature in its eyes, or another " \
      "owner. The detail has its words.")                                                          \
    X(E_MASA_UNKNOWN, "masa-unknown-device", "not known to the manufacturer",                      \
      "The MASA does not know the device (404). Ask the manufacturer.")                            \
    X(E_MASA_FORM, "masa-form", "form not possible",                                               \
      "The MASA cannot make a voucher in a form or with an algorithm that the pledge reads "       \
      "(406). Ask the manufacturer.")                                                              \
    X(E_MASA_MEDIA_TYPE, "masa-media-type", "media type not understood",                           \
      "The MASA does not read the form of voucher request that the pledge uses (415). Ask the "    \
      "manufacturer.")                                                                             \
    X(E_LOG_REQUEST_FORM, "audit-log-request-form", "try again later",                             \
      "The MASA does not read our request for the audit log in this form (415). For a device "     \
      "that comes with a voucher of its manufacturer's cloud the form is that of the "             \
      "manufacturer's record: `gatehousectl manufacturers set NAME --voucher-form jws`, or cose, " \
      "and then `gatehousectl devices fetch-log SERIAL`.")                                         \
    X(E_MASA_ANSWER, "masa-answer", "bad answer from the manufacturer",                            \
      "The MASA's answer is none that RFC 8995 5.6 knows; the detail has the status and the "      \
      "beginning of the body. One that wants base64, or ietf-voucher:voucher as the top member, "  \
      "has to be allowed it: masa-base64, masa-container.")                                        \
    X(E_MASA_FAILED, "masa-failed", "try again later",                                             \
      "The MASA could not answer just now (5xx). It is asked again; the pledge waits with 202.")   \
    X(E_MASA_WORKING, "masa-working", "try again later",                                           \
      "The MASA is preparing the voucher (202). It is asked again; the pledge waits with 202.")    \
    X(E_VOUCHER_UNTRUSTED, "voucher-untrusted", "no acceptable voucher",                           \
      "The voucher's signer does not chain to the manufacturer's voucher anchors. If the "         \
      "manufacturer has a new signing CA, add it to voucher-anchors.")                             \
    X(E_VOUCHER_SIGNATURE, "voucher-signature", "no acceptable voucher",                           \
      "The voucher's signature is wrong. It was not handed to the pledge.")                        \
    X(E_VOUCHER_SERIAL, "voucher-serial", "no acceptable voucher",                                 \
      "The MASA sent a voucher for another serial number. It was not handed to the pledge; tell "  \
      "the manufacturer.")                                                                         \
    X(E_VOUCHER_NONCE, "voucher-nonce", "no acceptable voucher",                                   \
      "The MASA sent a voucher for another nonce, or none. It was not handed to the pledge; tell " \
      "the manufacturer.")                                                                         \
    X(E_VOUCHER_ISSUER, "voucher-issuer", "no acceptable voucher",                                 \
      "The voucher names another IDevID issuer than the device has. It was not handed to the "     \
      "pledge; tell the manufacturer.")                                                            \
    X(E_VOUCHER_EXPIRED, "voucher-expired", "no acceptable voucher",                               \
      "The voucher had expired when it came. Check the clock here, then tell the manufacturer.")   \
    X(E_VOUCHER_PIN, "voucher-pin", "no acceptable voucher",                                       \
      "The voucher pins a certificate that is not in our TLS chain: the pledge would not trust "   \
      "us. It was not handed out. Does the MASA confuse two registrars of yours?")                 \
    X(E_VOUCHER_NOT_VERIFIED, "voucher-not-verified", "no acceptable voucher",                     \
      "The device is on no list, and the admission rule that speaks of it asks for a voucher by "  \
      "which the MASA has verified that it is ours; this one asserts less. It was not handed to "  \
      "the pledge. If the device is yours, put it on the list: `gatehousectl devices add`; it "    \
      "will try again by itself. Otherwise somebody else's device of the same kind came here.")    \
    X(E_STORED_VOUCHERS_OFF, "stored-vouchers-off", "not allowed",                                 \
      "The manufacturer's record does not let vouchers be fetched ahead: `gatehousectl "           \
      "manufacturers set NAME --stored-vouchers when-masa-is-away`.")                              \
    X(E_VOUCHER_UNREADABLE, "voucher-unreadable", "no acceptable voucher",                         \
      "The MASA sent a voucher in a form that the pledge takes and Gatehouse cannot read. It was " \
      "not handed out. To hand such vouchers on unchecked, set the manufacturer's "                \
      "relay-unreadable.")                                                                         \
    X(E_VOUCHER_UNREAD, "voucher-unread", "no acceptable voucher",                                 \
      "The voucher's form is one that Gatehouse cannot read. It was handed to the pledge "         \
      "unchecked, as the manufacturer's relay-unreadable says; only the pledge will find out "     \
      "whether it is right.")                                                                      \
    X(E_TELEMETRY, "telemetry-malformed", "malformed status",                                      \
      "The pledge's status report is not what RFC 8995 5.7 describes; the detail says why.")       \
    X(E_REPORT_SIGNATURE, "report-signature", "signature not accepted",                            \
      "The status report is signed, and its signature is wrong: it was altered on its way, or "    \
      "the device signs wrongly. Nothing of it was taken down.")                                   \
    X(E_REPORT_SIGNER, "report-signer", "signature not accepted",                                  \
      "The status report is signed, and not by the device: neither with the key of its IDevID "    \
      "nor, after enrolment, with a certificate that it has from us. Somebody speaks in its "      \
      "name, "                                                                                     \
      "or its software mixes up its keys. Nothing of it was taken down.")                          \
    X(E_NO_STORE, "no-store", "internal error",                                                    \
      "There is no store at that place. `gatehousectl init` makes it, with the keys and "          \
      "certificates; or correct store.path in the node file.")                                     \
    X(E_NO_EPISODE, "no-onboarding", "not known here",                                             \
      "A status report came from a device that has no onboarding here.")
DECLARE_PROBLEMS(registrar_problems, REGISTRAR_PROBLEMS)

#endif

/* Why a caller is not who it would have to be, or may not go on. */
#ifndef GATEHOUSE_CORE_PLEDGE_PROBLEMS_H
#define GATEHOUSE_CORE_PLEDGE_PROBLEMS_H

#include "core/base/problem.h"

#define PLEDGE_PROBLEMS(X)                                                                         \
    X(E_NO_CERTIFICATE, "no-client-certificate", "not known here",                                 \
      "The caller showed no client certificate. A pledge must use its IDevID; a TLS proxy in "     \
      "between takes it away.")                                                                    \
    X(E_UNKNOWN_MAKER, "unknown-manufacturer", "not known here",                                   \
      "The certificate does not chain to any manufacturer's anchor. If the device is yours, add "  \
      "its manufacturer: `gatehousectl manufacturers add`.")                                       \
    X(E_REDUCED_SECURITY, "reduced-security", "reduced security",                                  \
      "An administrator has switched a protection of BRSKI off. If that is not needed any more, "  \
      "switch it on again: in the manufacturer's record (`gatehousectl manufacturers set`), the "  \
      "admission rule, or the node file's reduced-security.")                                      \
    X(E_IDEVID_UNPROVEN, "idevid-unproven", "not known here",                                      \
      "Nobody vouches for the device's IDevID; it was believed because unauthenticated-pledges "   \
      "is on, in the node file and for this manufacturer. If others than the expected devices "    \
      "can reach this registrar, switch it off: `gatehousectl manufacturers set NAME "             \
      "--unauthenticated-pledges no`, and look at each device that came in so.")                   \
    X(E_NO_SERIAL, "idevid-without-serial-number", "not known here",                               \
      "The serial number was not found in the IDevID, so the device cannot be told apart. If "     \
      "this manufacturer has it elsewhere, say so with `gatehousectl manufacturers set NAME "      \
      "--serial-from ... --serial-pattern ...`; `gatehousectl inspect` tries it on a "             \
      "certificate.")                                                                              \
    X(E_IDEVID_EXPIRED, "idevid-expired", "not known here",                                        \
      "The IDevID, or its CA's certificate, is outside its validity. Check the clock here. If "    \
      "this manufacturer's devices outlive their IDevIDs, allow it: `gatehousectl manufacturers "  \
      "set NAME --expired-idevids yes`.")                                                          \
    X(E_IDEVID_REVOKED, "idevid-revoked", "not known here",                                        \
      "The manufacturer has revoked the IDevID: its key may be in other hands. If the list is "    \
      "wrong, it is the manufacturer's to set right; `gatehousectl manufacturers crls` puts a "    \
      "new list in place.")                                                                        \
    X(E_REVOKED_CERTIFICATE, "certificate-revoked", "not known here",                              \
      "The client certificate was revoked or suspended; the device's timeline says when and why. " \
      "A suspended one is taken up again with `gatehousectl certificates resume`.")                \
    X(E_DEVICE_UNEXPECTED, "device-unexpected", "not known here",                                  \
      "The device's manufacturer is known, but the device is on no list. If it is yours: "         \
      "`gatehousectl devices add --manufacturer NAME --serial SERIAL`; it will try again by "      \
      "itself.")                                                                                   \
    X(E_DEVICE_HELD, "device-held", "try again later",                                             \
      "The device is genuine and on no list; its manufacturer's record says to hold such ones. "   \
      "It waits, and the MASA is not asked, until you decide: `gatehousectl devices approve` or "  \
      "`devices decline` with its serial number.")                                                 \
    X(E_DEVICE_DECLINED, "device-declined", "not allowed",                                         \
      "An administrator has turned this device away. If it is yours after all: `gatehousectl "     \
      "devices approve` with its serial number; it will try again by itself.")                     \
    X(E_ONBOARDING_ENDED, "onboarding-ended", "not allowed",                                       \
      "An administrator has ended this onboarding and revoked what was issued in it; the "         \
      "timeline says why. The device is still ours: after a reset it is onboarded anew.")          \
    X(E_DEVICE_GONE, "device-gone", "not known here",                                              \
      "The device was ours, and was decommissioned or sold. If it is ours again: `gatehousectl "   \
      "devices add --manufacturer NAME --serial SERIAL`; places that a cloud registrar's list "    \
      "brings do not let it in. If it is not, its new owner or its cloud registrar should no "     \
      "longer send it here.")                                                                      \
    X(E_DEVICE_OTHER_KEY, "device-with-another-key", "not known here",                             \
      "The serial number is expected, but another device has already claimed it: this one comes "  \
      "with another key or issuer. Either the manufacturer reissued the IDevID, or one of the "    \
      "two "                                                                                       \
      "is not genuine.")                                                                           \
    X(E_TOO_MANY_DEVICES, "too-many-unexpected-devices", "not known here",                         \
      "More unexpected devices of this manufacturer have knocked than limits.unexpected-devices "  \
      "keeps. Nothing is recorded for further ones.")                                              \
    X(E_TOO_MANY_HELD, "too-many-held-devices", "busy, try again later",                           \
      "As many unexpected devices of this manufacturer are held as limits.held-devices allows. "   \
      "Decide on them: `gatehousectl devices held`, then `devices approve` or `devices "           \
      "decline`. The device tries again by itself.")                                               \
    X(E_LOG_FOREIGN, "log-foreign-domain", "not allowed",                                          \
      "The MASA's audit log shows an owner that is neither us nor allowed. The device may be "     \
      "second-hand or was taken over before. `gatehousectl devices show --log` shows the "         \
      "entries. "                                                                                  \
      "If all is well, `gatehousectl devices accept-log` accepts them for this device, and the "   \
      "manufacturer's allowed-domain-ids that owner for all; then reset the device.")              \
    X(E_LOG_NONCELESS, "log-nonceless", "not allowed",                                             \
      "The MASA's audit log shows a voucher without nonce for somebody else: who holds it can "    \
      "take the device over at any time. If they are known to have destroyed it, "                 \
      "`gatehousectl devices accept-log` accepts the entry; then reset the device.")               \
    X(E_LOG_NOT_CAUSED, "log-entry-not-caused", "not allowed",                                     \
      "The MASA's audit log shows a voucher in our own name that nothing here has asked for. "     \
      "Another registrar of yours with the same CA? Then add your own domainID to the "            \
      "manufacturer's allowed-domain-ids. An older copy of this store? Then accept the entries "   \
      "with `gatehousectl devices accept-log`. Otherwise somebody else signs with your "           \
      "registrar's key or has a certificate of your registrar CA: replace them.")                  \
    X(E_LOG_TRUNCATED, "log-truncated", "not allowed",                                             \
      "The MASA has dropped entries from this device's audit log at will, so its history cannot "  \
      "be judged. `gatehousectl devices accept-log` accepts that for this device; then reset it.") \
    X(E_LOG_NEWER, "log-newer", "not allowed",                                                     \
      "The MASA's audit log has a version that is not known here, and the manufacturer's "         \
      "audit-log-newer refuses such. See what is in it with `gatehousectl devices show --log`; "   \
      "`gatehousectl devices accept-log` accepts it.")                                             \
    X(E_LOG_HELD, "log-held", "try again later",                                                   \
      "The MASA's audit log has a version that is not known here, and the manufacturer's "         \
      "audit-log-newer holds such. Enrolment waits until you have seen it (`gatehousectl devices " \
      "show --log`) and accept it (`gatehousectl devices accept-log`).")                           \
    X(E_LOG_TURNED, "audit-log-turned-against-device", "not allowed",                              \
      "The audit log of a device that had been let in was fetched again and refused: it was sold " \
      "on, or somebody took it over. Its onboarding is closed. See `gatehousectl devices show "    \
      "--log`. Accepting what stands there (`gatehousectl devices accept-log`), or a new "         \
      "onboarding with a log that passes, ends the alarm.")                                        \
    X(E_LOG_REGISTRAR_ID, "log-registrar-id", "try again later",                                   \
      "The MASA's audit log says registrarID where RFC 8995 5.8.1 has domainID. If that is how "   \
      "this manufacturer's MASA is, allow it: `gatehousectl manufacturers allow NAME "             \
      "log-registrar-id`. Enrolment waits.")                                                       \
    X(E_LOG_STALE, "log-without-our-entry", "try again later",                                     \
      "The MASA's audit log does not show the voucher we just received: an old copy, or the MASA " \
      "does not log. It is fetched again; enrolment waits. If the MASA never logs, set the "       \
      "manufacturer's audit-log to warn.")                                                         \
    X(E_LOG_MALFORMED, "log-malformed", "try again later",                                         \
      "The MASA's audit log could not be read (RFC 8995 5.8.1). It is fetched again; enrolment "   \
      "waits. If the MASA has no such logs, set the manufacturer's audit-log to warn or off.")     \
    X(E_TOO_MANY_ATTEMPTS, "too-many-attempts", "busy, try again later",                           \
      "The device has begun more onboardings in an hour, with fresh voucher requests or vouchers " \
      "of its cloud, than limits.attempts-per-hour allows. See in its timeline why they lead "     \
      "nowhere.")                                                                                  \
    X(E_LOG_NOT_TO_BE_HAD, "audit-log-not-to-be-had", "not possible now",                          \
      "The device came with a voucher of its manufacturer's cloud. The manufacturer's record "     \
      "demands the MASA's audit log, and nothing says where that MASA is: `gatehousectl "          \
      "manufacturers set NAME --masa-url URL`.")
DECLARE_PROBLEMS(pledge_problems, PLEDGE_PROBLEMS)

#endif

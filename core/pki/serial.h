/*
 * How a device's serial number is read from its IDevID (RFC 8995 2.3.1).  One reader for all: who
 * the caller is, whose signature a request has, and what is asked of the MASA.
 */
#ifndef GATEHOUSE_CORE_PKI_SERIAL_H
#define GATEHOUSE_CORE_PKI_SERIAL_H

#include "core/pki/cert.h"

#define SERIAL_PATTERN_MAX 256 /* octets of a regular expression */
#define SERIAL_VALUE_MAX   512 /* octets of what it is applied to */

enum serial_source {
    SERIAL_FROM_SUBJECT,              /* serialNumber of the subject (2.5.4.5) */
    SERIAL_FROM_COMMON_NAME,          /* commonName of the subject */
    SERIAL_FROM_HARDWARE_MODULE_NAME, /* hwSerialNum in the subjectAltName (RFC 4108 5) */
};
extern const char *const serial_source_names[]; /* in the order of the enum; ends with NULL */

/* Zeroed: RFC 8995 2.3.1, the subject's serialNumber as it stands. */
struct serial_rule {
    unsigned source;     /* enum serial_source */
    const char *pattern; /* POSIX extended regular expression with one group; NULL: all of it */
};

/*
 * The pattern compiles, has exactly one group, no reference to it, and does not ask for more
 * repetitions than matching can bear.  Fails with E_INVALID.
 */
MUST_USE bool serial_rule_check(struct task *t, const struct serial_rule *rule);
/*
 * NULL when the certificate has no such value.  Of a hwSerialNum that is no text, the hexadecimal
 * digits.  Fails with E_CERT_MALFORMED on more than one value, one that is no text or too long;
 * with E_SERIAL_PATTERN when the pattern, or its group, matches nothing in it.
 */
MUST_USE bool cert_device_serial(struct task *t, const struct cert *cert,
                                 const struct serial_rule *rule, const char **ret);

#endif

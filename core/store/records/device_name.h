/*
 * Names of devices: made from a profile's patterns and what is the device's own, and each given to
 * one device only.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_DEVICE_NAME_H
#define GATEHOUSE_CORE_STORE_RECORDS_DEVICE_NAME_H

#include "core/store/table.h"

#define DEVICE_NAME_MAX 253 /* octets; RFC 1035 2.3.4 */

/*
 * The pattern with "{serial}" replaced by the serial number made a DNS label (RFC 1123 2.1): lower
 * case, and "-" for what no label may hold, with eight digits of a hash behind it when that, or the
 * length, made it another.  The rest of the pattern is taken in lower case.  Fails with E_INVALID.
 */
MUST_USE bool device_name_make(struct task *t, const char *pattern, const char *serial,
                               const char **ret);
/* The serial number made a DNS label, as above. */
const char *device_name_label(struct arena *arena, const char *serial);
/* Whether names can be made of the pattern at all; fails with E_INVALID saying why not. */
MUST_USE bool device_name_check(struct task *t, const char *pattern);

/* Who has the name; kept when the device is told to ask for it. */
struct device_name {
    const char *name; /* DNS name in lower case, or "KIND:VALUE" of another kind */
    struct bytes device;
    struct record_rest rest;
};
extern const struct record_type device_name_type;
extern const struct table device_names;
extern const struct table_index device_names_by_device;

/* Makes the name this device's; E_EXISTS when another one has it. */
MUST_USE bool device_name_claim(struct task *t, struct tx *tx, const char *name,
                                struct bytes device);

#endif

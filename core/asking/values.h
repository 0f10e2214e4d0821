/*
 * Values in a profile: text with places in braces that stand for what is the device's own.
 *
 * {serial}, {manufacturer}, {device} (its identifier in the store), {profile}, {name} (what
 * dns-pattern makes of the serial number), {opaque} (a random identifier that is kept for it) and
 * {column:NAME} (of its row in the list of expected devices).
 */
#ifndef GATEHOUSE_CORE_ASKING_VALUES_H
#define GATEHOUSE_CORE_ASKING_VALUES_H

#include "core/asking/wishes.h"

struct values {
    const struct profile *profile;
    const struct asking_device *device; /* NULL: what is nobody's own */
    const char *name;                   /* NULL: the profile makes none */
};

/* What the text is to be; values are made fit for it. */
enum value_form {
    VALUE_TEXT,
    VALUE_DNS,  /* of a DNS name: lower case, the serial number a label */
    VALUE_NAME, /* of a distinguished name (RFC 4514): nothing in a value has a meaning there */
};

struct filled {
    const char *text; /* NULL: left out, see below */
    bool unique;      /* made of what tells a device from others of its manufacturer and profile */
};

/* Every brace is one of a place that there is; fails with E_INVALID. */
MUST_USE bool pattern_check(struct task *t, const char *pattern);
/*
 * The text with the values in their places.  Without a device a pattern with other places than
 * {profile} is left out, and so is one with columns for a device that is but a sample.  Fails with
 * E_PROFILE_VALUE when a value cannot be had.
 */
MUST_USE bool pattern_fill(struct task *t, const struct values *values, const char *pattern,
                           enum value_form form, struct filled *ret);

#endif

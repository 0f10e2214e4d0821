/*
 * What an administrator's profile asks of a request, compiled for one device or for anybody: the
 * CSR attributes (RFC 7030 4.5.2, RFC 9908).  What is handed out is the encoding of these, and a
 * request is held against what was handed out (check.h): there is nothing else that could differ.
 */
#ifndef GATEHOUSE_CORE_ASKING_WISHES_H
#define GATEHOUSE_CORE_ASKING_WISHES_H

#include "core/asking/problems.h"
#include "core/pki/csrattrs.h"
#include "core/store/records/device.h"
#include "core/store/records/profile.h"

/* What is a device's own. */
struct asking_device {
    const char *serial;
    const char *manufacturer;
    const char *id;             /* hexadecimal; NULL: it has not been seen yet */
    const char *opaque;         /* NULL: it has none yet */
    struct record_list columns; /* struct expected_column, of its place on the list */
    bool sample;                /* stands for any device: what needs a column is left out */
};

struct wishes {
    struct csrattrs attrs;
    /*
     * Names that are made of what is the device's own, as device_name_claim() takes them: they are
     * to be nobody else's.
     */
    struct text_list claims;
};

/*
 * For a device; NULL: for anybody, without what is made of a device's own.  `binding`: the label
 * asks for a challengePassword even if the profile does not.  Fails with E_PROFILE_NAME,
 * E_PROFILE_VALUE when a value cannot be had or does not fit, and with E_INVALID when the profile
 * asks for what cannot be said.
 */
MUST_USE bool wishes_compile(struct task *t, const struct profile *profile,
                             const struct asking_device *device, bool binding, struct wishes *ret);

/* The kind of key that the profile asks for (KEY_OTHER: any); *ret_rsa_bits is 0 but with RSA. */
enum key_kind wishes_key(const struct profile *profile, unsigned *ret_rsa_bits);

/* All that can be known of a profile before there are devices; E_INVALID saying what is wrong. */
MUST_USE bool wishes_check(struct task *t, const struct profile *profile);

/* One of the profile's values has that place, such as "opaque". */
bool wishes_use(const struct profile *profile, const char *place);

/* The place stands in the pattern (NULL: nowhere). */
bool pattern_uses(const char *pattern, const char *place);

/* The profile of a manufacturer's devices.  Fails with E_PROFILE_MISSING. */
MUST_USE bool asking_profile(struct task *t, struct reader *r, const char *manufacturer,
                             struct profile *ret);
/* What is the device's own, its row in the list of expected devices included. */
MUST_USE bool asking_device(struct task *t, struct reader *r, const struct device *device,
                            struct asking_device *ret);
/* The same of a place that no device has claimed yet. */
struct asking_device asking_place(const struct expected *place);

#endif

/* Profiles as an administrator writes them, compiled for one device. */
#ifndef GATEHOUSE_TESTS_UNIT_ASKING_FIXTURE_H
#define GATEHOUSE_TESTS_UNIT_ASKING_FIXTURE_H

#include "tests/unit/pki_fixture.h"

#include "core/asking/wishes.h"

#define OPAQUE "0123456789abcdef0123456789abcdef"

/* Over the presets, by every rule there is. */
MUST_USE bool read_profile(struct task *t, const char *json, struct profile *ret);
struct profile profile_of(struct task *t, const char *json);
/* Serial number "R/1" of acme, with the columns ip, rack and acp. */
const struct asking_device *router(void);
struct wishes wishes_of(struct task *t, const struct profile *profile,
                        const struct asking_device *device);

#endif

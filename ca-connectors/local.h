/*
 * The local CA: certificates signed here, with the token's key of one of the owner's authorities.
 */
#ifndef GATEHOUSE_CA_CONNECTORS_LOCAL_H
#define GATEHOUSE_CA_CONNECTORS_LOCAL_H

#include "core/base/clock.h"
#include "core/base/record.h"

#define CA_LOCAL "local" /* name of the connector */

/* A certificate is valid from a little before it is made, for devices whose clock is slow. */
#define LOCAL_BACKDATE (5 * MINUTE_MS)

struct local_settings {
    const char *authority; /* name of the record in `authorities` that signs */
    struct record_rest rest;
};

extern const struct record_type local_settings_type;

#endif

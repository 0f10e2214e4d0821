/* What registry.c and guard.c share. */
#ifndef GATEHOUSE_CA_CONNECTORS_CA_INTERNAL_H
#define GATEHOUSE_CA_CONNECTORS_CA_INTERNAL_H

#include "ca-connectors/ca.h"

struct ca {
    const char *name;
    const struct ca_connector *connector;
    void *handle; /* the connector's own */
};

#endif

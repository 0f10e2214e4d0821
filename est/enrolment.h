/* What an enrolment order says; shared by those who place it and those who carry it out. */
#ifndef GATEHOUSE_EST_ENROLMENT_H
#define GATEHOUSE_EST_ENROLMENT_H

#include "core/base/record.h"

/* What the order's runner is to do; kept in the order. */
struct enrolment {
    struct bytes csr;
    const char *profile;
    const char *serial; /* NULL: it is for no device */
    const char *address;
    const char *label;
    const char *client;  /* of who is no device */
    struct bytes renews; /* id of the certificate whose place it takes; absent: none */
    struct record_rest rest;
};

extern const struct record_type enrolment_type;

#endif

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
    const char *client;     /* of who is no device */
    struct bytes renews;    /* id of the certificate whose place it takes; absent: none */
    bool server_key;        /* the key is made here; the request's own counts for nothing */
    struct bytes recipient; /* DER of the certificate that it is encrypted to; absent: none */
    const char *secret;     /* whose shared key it is encrypted with; NULL: none */
    struct record_rest rest;
};

extern const struct record_type enrolment_type;

#endif

/* What the files of a service share: service.c and service_request.c. */
#ifndef GATEHOUSE_LAB_SERVICE_PRIVATE_H
#define GATEHOUSE_LAB_SERVICE_PRIVATE_H

#include "lab/service.h"

#include <pthread.h>
#include <stdio.h>

struct service {
    const char *name;
    const struct service_settings *settings;
    struct log log;
    gnutls_privkey_t key;
    struct http_identity identity;
    FILE *requests; /* NULL: no log of requests */
    pthread_mutex_t lock;
    pthread_cond_t stop;
    bool stopping;
};

#endif

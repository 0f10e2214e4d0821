/*
 * A cloud registrar (draft-ietf-anima-brski-cloud 3.2) that redirects pledges to their owners.
 *
 * cloud_main.c     command line and routes
 * cloud_request.c  requestvoucher
 * cloud_devices.c  who owns what
 */
#ifndef GATEHOUSE_LAB_CLOUD_H
#define GATEHOUSE_LAB_CLOUD_H

#include "lab/credentials.h"
#include "lab/service.h"

#include <pthread.h>

struct cloud_settings {
    struct service_settings service;
    const char *maker;
    const char *idevid_anchor;
    const char *devices;
    uint64_t retry_after;
};

struct cloud_device {
    const char *serial;
    const char *owner; /* URL of requestvoucher; NULL: nobody yet */
};

struct cloud {
    struct cloud_settings settings;
    struct service *service;
    struct trust idevids;
    /* Replaced as a whole by cloud_load_devices(). */
    pthread_rwlock_t lock;
    struct arena *devices_arena;
    struct cloud_device *devices; /* sorted by serial number */
    size_t device_count;
};

/* Reads the file again; on failure what was there stays. */
MUST_USE bool cloud_load_devices(struct task *t, struct cloud *cloud);
/* The owner's registrar, copied; NULL: none yet.  Fails with E_DEVICE_UNKNOWN. */
MUST_USE bool cloud_owner(struct task *t, struct cloud *cloud, const char *serial,
                          const char **ret);

bool cloud_request_voucher(struct task *t, struct http_request *rq, struct http_reply *reply);

#endif

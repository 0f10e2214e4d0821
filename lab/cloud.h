/*
 * A cloud registrar (draft-ietf-anima-brski-cloud 3.2), of a manufacturer or of a reseller: it
 * sends pledges to their owners' registrars, or gives them vouchers for their owners' EST servers.
 *
 * cloud_main.c      command line
 * cloud_doors.c     addresses and routes
 * cloud_request.c   requestvoucher: who asks, and whether the request is right
 * cloud_answer.c    what the answer is: redirect, voucher, not yet
 * cloud_voucher.c   vouchers: the MASA integrated or remote
 * cloud_report.c    what pledges report
 * cloud_devices.c   which device is whose
 * cloud_token.c     the commands for the operator: token new, owners list
 * cloud_owners.c    owners' accounts and tokens
 * cloud_claim.c     claiming an account
 * cloud_registration.c  what owners register
 * cloud_listing.c   the devices attributed to an owner
 * cloud_probe.c     a look from outside
 * cloud_proof.c     proof that an owner holds a key
 * cloud_forms.c     what is said and kept, as field tables
 * cloud_fault.c     faults
 */
#ifndef GATEHOUSE_LAB_CLOUD_H
#define GATEHOUSE_LAB_CLOUD_H

#include "core/http/client.h"
#include "lab/cloud_fault.h"
#include "lab/credentials.h"
#include "lab/masa_state.h"
#include "lab/place.h"
#include "lab/service.h"
#include "registrar/voucher/voucher.h"

#include <pthread.h>

struct cloud_settings {
    struct service_settings service;
    const char *maker;
    const char *idevid_anchor;
    const char *devices;
    struct text_list upstream;
    uint64_t retry_after;
    const char *est_domain;
    const char *pin;
    const char *additional_configuration_url;
    const char *masa;
    const char *masa_anchor;
    struct text_list networks;
    struct text_list resolve;
    const char *masa_state;
    const char *signer_cert;
    const char *signer_key;
    int64_t lifetime;
    bool name_issuer;
    int64_t prepare;
    bool name_authorities;
    bool refuse_strangers;
    const char *registration_listen;
    const char *registration_url;
    const char *state;
    struct text_list faults;
    int64_t slow;
};

/* How a device's owner wants it to be answered. */
enum cloud_word {
    CLOUD_NOBODY,   /* nobody is known to own it yet */
    CLOUD_REDIRECT, /* go to the owner's registrar */
    CLOUD_VOUCHER,  /* here is a voucher for the owner's EST server */
    CLOUD_OWNER,    /* in the devices file: as the owner has registered */
};
struct cloud_answer {
    enum cloud_word word;
    const char *location;   /* CLOUD_REDIRECT: URL of requestvoucher */
    const char *est_domain; /* CLOUD_VOUCHER, and all that follows */
    const struct cert *pinned;
    const char *additional_configuration_url; /* NULL: none; a secret between owner and device */
};

/* A line of the devices file. */
struct cloud_device {
    const char *serial;
    enum cloud_word word;
    const char *location; /* CLOUD_REDIRECT */
    const char *owner;    /* CLOUD_OWNER: whom the sales channel attributes it to */
    const char *order;    /* by this order; NULL: none is named */
};

/* A request whose voucher is being prepared, and when that will be done. */
struct cloud_wait {
    uint8_t request[SHA256_LEN];
    int64_t ready; /* clock_monotonic() ms; 0: the place is free */
};
#define CLOUD_WAITS 256

struct cloud {
    struct cloud_settings settings;
    struct service *service;
    struct trust idevids;
    struct faults faults;
    struct place *upstream;    /* settings.upstream.count of them */
    const struct cert *pinned; /* --pin; NULL: not given */
    /* The MASA: integrated, remote, or neither. */
    struct credentials signer;
    struct masa_state *masa_state; /* NULL: not integrated */
    struct credentials tls;
    struct trust masa_trust;
    struct http_client *client;  /* NULL: not remote */
    pthread_mutex_t owners_lock; /* one change of an account at a time */
    pthread_mutex_t wait_lock;
    struct cloud_wait waits[CLOUD_WAITS];
    size_t next_wait;
    /* Replaced as a whole by cloud_load_devices(). */
    pthread_rwlock_t lock;
    struct arena *devices_arena;
    struct cloud_device *devices; /* sorted by serial number */
    size_t device_count;
};

/* Reads the file again; on failure what was there stays. */
MUST_USE bool cloud_load_devices(struct task *t, struct cloud *cloud);
/* What is to be answered, copied.  Fails with E_DEVICE_UNKNOWN. */
MUST_USE bool cloud_answer_for(struct task *t, struct cloud *cloud, const char *serial,
                               struct cloud_answer *ret);

/* A line of the devices file, copied; false: there is none. */
bool cloud_find_device(struct task *t, struct cloud *cloud, const char *serial,
                       struct cloud_device *ret);
/* brski-cloud 7.2: fails with E_INVALID when pledges would go back to where they come from. */
MUST_USE bool cloud_check_forward(struct task *t, const struct cloud *cloud,
                                  const struct place *place);
/* As the device's owner has registered. */
MUST_USE bool cloud_owners_answer(struct task *t, const struct cloud *cloud,
                                  const struct cloud_device *device, struct cloud_answer *ret);
struct cloud_account;
/* Devices attributed to the owner and not given up. */
size_t cloud_count_devices(struct task *t, struct cloud *cloud,
                           const struct cloud_account *account);
/* The URL with the device's serial number where the place for it is; NULL stays NULL. */
const char *cloud_fill_in(struct task *t, const char *url, const char *serial);

/* The pledge that asks: who it is by its TLS certificate (brski-cloud 3.1).  Fails: E_DENIED. */
struct cloud_pledge {
    const struct cert *idevid;
    const char *serial;
};
MUST_USE bool cloud_meet_pledge(struct task *t, const struct cloud *cloud,
                                const struct http_request *rq, struct cloud_pledge *ret);

/* A voucher request that is right (brski-cloud 3.2). */
struct cloud_request {
    struct cloud_pledge pledge;
    const struct voucher_form *form;
    struct bytes octets;
    struct voucher pvr;
};
/* Answers as the owner wants it. */
MUST_USE bool cloud_give_answer(struct task *t, struct cloud *cloud, const struct http_request *rq,
                                const struct cloud_request *request, enum cloud_fault fault,
                                struct http_reply *reply);

/* Makes the MASA that the settings name ready. */
MUST_USE bool cloud_masa_open(struct task *t, struct cloud *cloud);
void cloud_masa_close(struct cloud *cloud);
bool cloud_has_masa(const struct cloud *cloud);
/*
 * The voucher, or `*ret_wait` in seconds (not 0) until it can be asked for again.  Fails with
 * E_NO_MASA, E_MASA_AWAY, and as masa_grant() does.
 */
MUST_USE bool cloud_issue(struct task *t, struct cloud *cloud, const struct cloud_request *request,
                          const struct cloud_answer *answer, struct bytes *ret, int *ret_wait);

/* Opens the doors and serves until told to stop. */
MUST_USE bool cloud_serve(struct task *t, struct cloud *cloud,
                          bool (*reload)(struct task *t, void *context));

/* Logs the request; with CLOUD_FAULT_LOST_REPLY, drops the connection that waits for the reply. */
void cloud_finish(struct task *t, const struct cloud *cloud, enum cloud_fault fault,
                  const struct http_request *rq, const struct http_reply *reply);

bool cloud_request_voucher(struct task *t, struct http_request *rq, struct http_reply *reply);
bool cloud_voucher_status(struct task *t, struct http_request *rq, struct http_reply *reply);
bool cloud_enrollstatus(struct task *t, struct http_request *rq, struct http_reply *reply);

#endif

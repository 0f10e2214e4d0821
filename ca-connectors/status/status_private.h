/* What the files of this room share. */
#ifndef GATEHOUSE_CA_CONNECTORS_STATUS_STATUS_PRIVATE_H
#define GATEHOUSE_CA_CONNECTORS_STATUS_STATUS_PRIVATE_H

#include "ca-connectors/status/status.h"
#include "core/pki/cert.h"

#include <pthread.h>
#include <stdatomic.h>

/* One of the owner's CAs, in use or replaced. */
struct status_ca {
    const char *name; /* of its record in `authorities` */
    const struct cert *cert;
    struct bytes key_sha256;      /* of its SPKI */
    const char *key_id;           /* its SubjectKeyIdentifier, hexadecimal */
    struct keystore_key *key;     /* NULL: not in the token (a root kept elsewhere) */
    const struct cert *responder; /* NULL: nobody signs OCSP responses for it */
    EVP_PKEY *responder_key;
};

/* Immutable but for the count; lives until the last reference is given back. */
struct status_snapshot {
    struct status_ca *cas;
    size_t count;
    struct cert_list own; /* certificates of all our authorities: none of them is in the store */
    struct arena *arena;
    unsigned references;
};

struct status_service {
    struct status_options options;
    struct arena *arena;
    pthread_t thread;
    bool running; /* the thread is to be joined */
    atomic_int_least64_t beat;

    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t wake;
    bool stopping;
    struct status_snapshot *current;

    pthread_mutex_t lists_lock; /* for what follows */
    struct served_list *lists;
};

/* snapshot.c */
/* Reads the authorities; the service's current snapshot from now on. */
MUST_USE bool snapshot_renew(struct task *t, struct status_service *service);
/* The current one; the reference ends with the task's arena. */
const struct status_snapshot *snapshot_get(struct task *t, struct status_service *service);
void snapshot_release(struct status_service *service);

/* lists.c */
/*
 * The CA's list as it was last published, shared with all who fetch it: the reference ends with the
 * task's arena.  Fails with E_NOT_FOUND when there is none yet.
 */
MUST_USE bool list_get(struct task *t, struct status_service *service, const struct status_ca *ca,
                       struct bytes *ret_der, int64_t *ret_next_update);
void lists_release(struct status_service *service);

/* crl_publish.c */
/* Makes a list for the CA when one is due. */
MUST_USE bool crl_tend(struct task *t, const struct status_service *service,
                       const struct status_ca *ca);

/* ocsp_signer.c */
/* Makes the responder's certificate when there is none that is good for long. */
MUST_USE bool responder_tend(struct task *t, const struct status_service *service,
                             const struct status_ca *ca, bool *ret_made);
/* Name of the record of the responder's certificate. */
const char *responder_name(struct arena *arena, const char *ca);

/* rollover.c */
/* Does the roll-overs that have been asked for. */
MUST_USE bool rollover_tend(struct task *t, const struct status_service *service,
                            const struct status_ca *ca, bool *ret_done);

#endif

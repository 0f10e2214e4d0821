/*
 * The floors: what one onboarding costs at the least, on this machine, with the token, the
 * certificates and the messages of onboardings that have just taken place.
 */
#ifndef GATEHOUSE_TESTS_BENCH_FLOORS_H
#define GATEHOUSE_TESTS_BENCH_FLOORS_H

#include "core/pki/cert.h"
#include "pkcs11/keystore.h"

#include <gnutls/gnutls.h>

/* What tests/bench/run left of an onboarded device and its owner. */
struct scene {
    const char *folder;
    struct keystore_key *registrar_key;
    struct keystore_key *device_ca_key;
    struct cert_list registrar_chain; /* ours, then the registrar CA */
    const struct cert *device_ca;
    struct cert_list maker_anchor;   /* of IDevIDs */
    struct cert_list voucher_anchor; /* of vouchers */
    const char *idevid_cert;         /* path */
    const char *idevid_key;          /* path */
    struct bytes voucher_request;    /* the pledge's, CMS */
    struct bytes voucher;            /* CMS */
    struct bytes csr;                /* DER */
};

/* Processor time of this thread, collected from go to halt; in ns. */
struct stopwatch {
    int64_t since;
    int64_t total;
};
void stopwatch_go(struct stopwatch *watch);
void stopwatch_halt(struct stopwatch *watch);

/* A part of an onboarding that can be done again and again. */
struct part {
    const char *name;
    bool of_library;  /* counts in the library's sum */
    unsigned at_once; /* how many of it are done together */
    bool (*prepare)(struct task *t, const struct scene *scene, void **ret);
    /* `watch` runs only while that happens which counts. */
    bool (*once)(struct task *t, void *prepared, struct stopwatch *watch);
};
extern const struct part part_bare;
extern const struct part part_bare_enrolment;      /* on a connection that is there */
extern const struct part part_bare_enrolment_anew; /* on a new one */
extern const struct part part_handshake;
extern const struct part part_verify_request;
extern const struct part part_verify_voucher;
extern const struct part part_sign_request;
extern const struct part part_verify_csr;
extern const struct part part_issue;
extern const struct part part_store;

#endif

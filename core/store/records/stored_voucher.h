/*
 * Vouchers fetched ahead (RFC 8995 3.1, 5.5: without nonce), for a device that comes when its MASA
 * is away.  Whoever holds one can let the device be taken over, so there is none for a device that
 * is not expected, and none is left when a device leaves.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_STORED_VOUCHER_H
#define GATEHOUSE_CORE_STORE_RECORDS_STORED_VOUCHER_H

#include "core/store/table.h"

enum stored_voucher_state {
    STORED_VOUCHER_ASKED,   /* to be fetched; the MASA has not answered yet */
    STORED_VOUCHER_HELD,    /* it is there */
    STORED_VOUCHER_REFUSED, /* the MASA, or our own check, said no */
    STORED_VOUCHER_REMOVED, /* nothing is left but how often one was asked for */
};

struct stored_voucher {
    const char *manufacturer; /* with `serial` the key: expected_key() */
    const char *serial;
    struct bytes
        idevid_issuer;      /* whose serial number it is (RFC 8366bis 6.1); absent: not known yet */
    struct bytes device;    /* absent: the issuer's key is not known */
    const char *media_type; /* the form it is asked for in */
    unsigned int state;     /* enum stored_voucher_state */
    const char *asked_by;
    int64_t asked;      /* when it was asked for by hand */
    int64_t due;        /* when the MASA is asked, or asked again; 0: not by itself */
    struct bytes order; /* the latest */
    uint64_t requests;  /* signed requests without nonce so far: so many entries may a log have */
    const char *masa_url;
    struct bytes sha256; /* of the voucher */
    int64_t fetched;
    int64_t created_on; /* as the voucher says; 0: it does not */
    int64_t expires_on; /* 0: never */
    const char *assertion;
    bool pins_ca;     /* false: it pins our own certificate, and ends with it */
    unsigned int log; /* enum episode_verdict on the log that was fetched with it */
    int64_t log_at;
    struct bytes log_sha256;
    const char *problem; /* of the last attempt, or of the log */
    const char *detail;
    struct bytes voucher_order; /* the order that brought the voucher */
    uint64_t served;            /* times that it was handed to the device */
    int64_t served_at;
    struct record_rest rest;
};
enum {
    STORED_VOUCHER_BLOB_VOUCHER = 1,
    STORED_VOUCHER_BLOB_LOG = 2,
    STORED_VOUCHER_BLOB_IDEVID = 3, /* DER of the device's certificate, where it is known */
    STORED_VOUCHER_BLOB_ISSUER = 4, /* DER of the CA that signed it, where that was given */
};

extern const struct record_type stored_voucher_type;
extern const struct table stored_vouchers;
extern const struct table_index stored_vouchers_by_due; /* due, 8 octets; only those that are due */
extern const char *const stored_voucher_state_names[];

/* False in *ret_found when there is none, or nothing is left of it. */
MUST_USE bool stored_voucher_find(struct task *t, struct reader *r, const char *manufacturer,
                                  const char *serial, struct stored_voucher *ret, bool *ret_found);
/* How often a voucher without nonce was asked for, also one that was removed since. */
MUST_USE bool stored_voucher_requests(struct task *t, struct reader *r, const char *manufacturer,
                                      const char *serial, uint64_t *ret);
/* A MASA gave a voucher without nonce that we had not asked for so: one more that a log may show.
 */
MUST_USE bool stored_voucher_count(struct task *t, struct tx *tx, const char *manufacturer,
                                   const char *serial);
/* It is handed out.  Fails with E_NOT_FOUND when it is no longer the one that is held. */
MUST_USE bool stored_voucher_served(struct task *t, struct tx *tx,
                                    const struct stored_voucher *served);
/* The voucher goes; that it was asked for stays, for the day it shows in an audit log. */
MUST_USE bool stored_voucher_remove(struct task *t, struct tx *tx, const char *manufacturer,
                                    const char *serial);
/* Nothing stays: the device is no longer ours.  Destroying what is not there is no failure. */
MUST_USE bool stored_voucher_destroy(struct task *t, struct tx *tx, const char *manufacturer,
                                     const char *serial);

#endif

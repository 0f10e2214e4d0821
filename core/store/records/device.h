/*
 * Devices: each one that is expected, or was authenticated under a manufacturer's anchor.
 * A device is (SHA-256 of the SPKI of its IDevID's issuer, serial number): the same serial number
 * under another issuer is another device.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_DEVICE_H
#define GATEHOUSE_CORE_STORE_RECORDS_DEVICE_H

#include "core/store/table.h"

#define SERIAL_MAX    128 /* octets of a serial number */
#define DEVICE_ID_LEN SUBJECT_LEN

enum device_admission {
    DEVICE_UNEXPECTED, /* known manufacturer, on nobody's list */
    DEVICE_ADMITTED,   /* it has claimed its place on the list of expected devices */
};

struct device {
    struct bytes id; /* device_id(); the key, and the subject of its timeline */
    struct bytes issuer_spki_sha256;
    const char *serial;
    const char *manufacturer;
    unsigned int admission;          /* enum device_admission */
    struct bytes idevid_spki_sha256; /* of the IDevID it first came with */
    struct bytes episode;            /* the current or last one; absent: none yet */
    int64_t first_seen;
    int64_t last_seen;
    const char *last_address;
    /* What its own doing brought into its timeline since then: failures and status reports. */
    int64_t failures_since;
    uint64_t failures;
    /* Voucher requests with a new nonce since `attempts_since`. */
    int64_t attempts_since;
    uint64_t attempts;
    struct record_rest rest;
};
enum { DEVICE_BLOB_IDEVID = 1 /* DER of the IDevID it first came with */ };

extern const struct record_type device_type;
extern const struct table devices;
extern const struct table_index devices_by_serial; /* serial, NUL */

/* The first 16 octets of SHA-256 over issuer SPKI hash and serial. */
struct bytes device_id(struct arena *arena, struct bytes issuer_spki_sha256, const char *serial);

/* An entry on the list of expected devices: admits the first device that claims it, and no other.
 */
struct expected {
    const char *manufacturer;
    const char *serial;
    struct bytes device; /* id of the one that claimed it; absent: not seen yet */
    int64_t added;
    const char *added_by;
    const char *note;
    struct record_rest rest;
};
extern const struct record_type expected_type;
extern const struct table expected_devices;
struct bytes expected_key(struct arena *arena, const char *manufacturer, const char *serial);

#endif

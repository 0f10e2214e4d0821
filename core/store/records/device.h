/*
 * Devices: each one that is expected, or was authenticated under a manufacturer's anchor.
 * A device is (SHA-256 of the SPKI of its IDevID's issuer, serial number): the same serial number
 * under another issuer is another device.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_DEVICE_H
#define GATEHOUSE_CORE_STORE_RECORDS_DEVICE_H

#include "core/store/table.h"

#define SERIAL_MAX         128 /* octets of a serial number */
#define DEVICE_SUBJECT_MAX 256 /* octets of an IDevID's subject that are kept */
#define DEVICE_ID_LEN      SUBJECT_LEN
#define DEVICE_OPAQUE_LEN  16 /* random octets of an opaque identifier */

/* Whether a device is let in.  Only an admitted one is granted anything; values never change. */
enum device_admission {
    DEVICE_UNEXPECTED,     /* known manufacturer, on nobody's list */
    DEVICE_ADMITTED,       /* it has claimed its place on the list, or a rule lets it in */
    DEVICE_HELD,           /* it waits at the door until an administrator decides */
    DEVICE_DECLINED,       /* an administrator has turned it away */
    DEVICE_DECOMMISSIONED, /* it was ours; nothing is granted to it any more */
    DEVICE_SOLD,           /* the same, and it belongs to somebody else */
};

struct device {
    struct bytes id; /* device_id(); the key, and the subject of its timeline */
    struct bytes issuer_spki_sha256;
    const char *serial;
    const char *manufacturer;
    unsigned int admission;          /* enum device_admission */
    struct bytes idevid_spki_sha256; /* of its IDevID; absent: readmitted, and not come yet */
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
    int64_t admission_since;     /* when `admission` became what it is */
    const char *decided_by;      /* who held, declined, approved, sold, ...: "admin:root" */
    const char *decided_because; /* the reason that was given */
    const char *sold_to;
    const char *subject; /* of its IDevID (RFC 4514), cut to DEVICE_SUBJECT_MAX */
    const char *opaque;  /* in place of its serial number in certificates; NULL: none yet */
    struct record_rest rest;
};
enum { DEVICE_BLOB_IDEVID = 1 /* DER of the IDevID with its key */ };

extern const struct record_type device_type;
extern const char *const device_admission_names[];
extern const struct table devices;
extern const struct table_index devices_by_serial;    /* serial, NUL */
extern const struct table_index devices_by_subject;   /* device_search_text() of it, NUL */
extern const struct table_index devices_by_admission; /* devices_admission_key(), since when */

/*
 * Octets: the admission, and unless `manufacturer` is NULL its name and a NUL.  Devices of one
 * admission and manufacturer come in the order in which they became so.
 */
struct bytes devices_admission_key(struct arena *arena, enum device_admission admission,
                                   const char *manufacturer);

/* As names and subjects are searched for: in lower case. */
char *device_search_text(struct arena *arena, const char *text);

/* The first 16 octets of SHA-256 over issuer SPKI hash and serial. */
struct bytes device_id(struct arena *arena, struct bytes issuer_spki_sha256, const char *serial);

/* What a list says about a place besides: a column's name and its value, for profiles to use. */
struct expected_column {
    const char *name; /* in lower case */
    const char *value;
    struct record_rest rest;
};

#define EXPECTED_COLUMNS_MAX     32
#define EXPECTED_COLUMN_NAME_MAX 64       /* octets */
#define EXPECTED_FILE_MAX        200      /* octets of a file's name in a source */
#define EXPECTED_SOURCE_ADMIN    "admin:" /* and the user: put there one by one */
#define EXPECTED_SOURCE_CSV      "csv:"   /* and the file's name */
#define EXPECTED_SOURCE_CLOUD                                                                      \
    "cloud:" /* and the cloud's name: it came with no decision of ours                             \
              */

/*
 * A place on the list of expected devices: admits the first device that claims it, and no other.
 * It is a manufacturer's: devices are found to be that manufacturer's by its anchors, so a place
 * never admits another's device with the same serial number.
 */
struct expected {
    const char *manufacturer;
    const char *serial;
    struct bytes device; /* id of the one that claimed it; absent: not seen yet */
    int64_t added;
    const char *added_by;
    const char *note;
    const char *source;         /* one of EXPECTED_SOURCE_* and what follows; NULL: before there
                                   were several */
    struct record_list columns; /* struct expected_column */
    const char *additional_configuration_url; /* for vouchers by a cloud; a secret */
    struct record_rest rest;
};
extern const struct record_type expected_type;
extern const struct table expected_devices;
/* Places that nobody has claimed yet. */
extern const struct table_index expected_open;      /* expected_key(); unique */
extern const struct table_index expected_by_serial; /* serial, NUL */
struct bytes expected_key(struct arena *arena, const char *manufacturer, const char *serial);

/* Columns have names in lower case, each once; fails with E_INVALID. */
MUST_USE bool expected_check_columns(struct task *t, const struct expected *expected);

/*
 * A list that came from one manufacturer, or from a cloud that speaks for it, has places for its
 * devices only: fails with E_INVALID when the place is another's.
 */
MUST_USE bool expected_check_list(struct task *t, const struct expected *expected,
                                  const char *manufacturer);

#endif

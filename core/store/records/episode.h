/*
 * Episodes: one onboarding of one device, from its voucher request to its revocation, reset or
 * sale.  All that EST grants a pledge hangs on its device's current episode.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_EPISODE_H
#define GATEHOUSE_CORE_STORE_RECORDS_EPISODE_H

#include "core/store/table.h"

enum episode_stage {
    EPISODE_REQUESTED,       /* admitted; the voucher order is under way */
    EPISODE_VOUCHER,         /* voucher received, verified and ready to be handed out */
    EPISODE_IMPRINTED,       /* the pledge reported success (voucher_status) */
    EPISODE_ENROLLED,        /* a certificate was issued */
    EPISODE_CONFIRMED,       /* the pledge reported success (enrollstatus) */
    EPISODE_VOUCHER_REFUSED, /* MASA or we refused: no voucher */
    EPISODE_PLEDGE_REFUSED,  /* voucher_status false */
    EPISODE_LOG_REFUSED,     /* the audit log speaks against it */
    EPISODE_ENROL_FAILED,    /* enrollstatus false */
    EPISODE_HELD,            /* waits for an administrator's decision; the MASA was not asked */
};

/* What it began with. */
enum episode_beginning {
    EPISODE_BY_REQUEST,    /* the device asked us for a voucher */
    EPISODE_BY_EST_DOMAIN, /* it came with a voucher of its manufacturer's cloud, to enrol */
};

#define EPISODE_MEDIA_TYPE_MAX 128 /* characters */

enum episode_report { REPORT_NONE, REPORT_SUCCESS, REPORT_FAILURE };

enum episode_verdict {
    VERDICT_PENDING,
    VERDICT_ACCEPTED,
    VERDICT_REFUSED,
    VERDICT_NOT_ASKED, /* the manufacturer's record has no log asked for: as good as accepted */
};
extern const char *const episode_verdict_names[];

struct episode {
    struct bytes id; /* id_make(); the key */
    struct bytes device;
    unsigned int stage; /* enum episode_stage */
    int64_t opened;
    int64_t closed; /* 0: open */
    const char *closed_because;
    const char *nonce; /* as the pledge sent it: an opaque string */
    struct bytes request_sha256;
    struct bytes our_certificate_sha256; /* the TLS certificate the pledge saw */
    const char *address;
    const char *masa_url;
    struct bytes voucher_order;
    struct bytes log_order;
    struct bytes enrol_order; /* the latest */
    struct bytes voucher_sha256;
    const char *voucher_assertion;
    const char *voucher_type;    /* media type */
    bool voucher_unread;         /* in a form that we cannot read: handed on unchecked */
    unsigned int voucher_report; /* enum episode_report: voucher_status */
    int64_t voucher_report_at;
    const char *voucher_report_reason;
    unsigned int log_verdict; /* enum episode_verdict */
    int64_t log_at;
    struct bytes log_sha256;
    uint64_t log_entries;
    int64_t csrattrs_at;
    uint64_t enrolments;       /* orders for a certificate so far */
    struct bytes certificate;  /* id of the latest one issued in this episode */
    unsigned int enrol_report; /* enum episode_report: enrollstatus */
    int64_t enrol_report_at;
    const char *enrol_report_reason;
    struct text_list allowances; /* names of those that it needed */
    bool enrol_report_matches;   /* it came with the certificate just issued (RFC 8995 5.9.4) */
    const char *rule;        /* the admission rule that let it in; NULL: its place on the list */
    bool needs_verified;     /* only a voucher with the assertion "verified" counts */
    bool voucher_nonceless;  /* its voucher has no nonce */
    bool voucher_stored;     /* its voucher was fetched ahead and has no nonce */
    bool log_ahead;          /* the verdict is on a log that was fetched with that voucher */
    const char *log_problem; /* what was held against the log, also when it was accepted */
    unsigned int begun_by;   /* enum episode_beginning */
    struct record_rest rest;
};
enum {
    EPISODE_BLOB_CSRATTRS = 1, /* DER handed out: what the CSR is held against */
    EPISODE_BLOB_LOG = 2,      /* the MASA's audit log, as earlier versions kept it: log_watch.h */
};
/* Nothing about the audit log is in the way of its enrolment. */
bool episode_log_passed(const struct episode *episode);
/* One of ours was handed out, or the device came with one of its manufacturer's cloud. */
bool episode_has_voucher(const struct episode *episode);

extern const struct record_type episode_type;
extern const struct table episodes;
extern const struct table_index episodes_by_device; /* device id; then in order of time */
extern const struct table_index episodes_by_stage;  /* one octet; then in order of time */
extern const char *const episode_stage_names[];

/* Whether a voucher that asserts this (NULL: nothing) is enough for the device to be let in. */
bool episode_voucher_suffices(const struct episode *episode, const char *assertion);

/* A nonce that a device has used, and the request it came in. */
struct used_nonce {
    struct bytes device;
    struct bytes nonce_sha256;
    struct bytes request_sha256;
    struct bytes episode;
    struct record_rest rest;
};
extern const struct record_type used_nonce_type;
extern const struct table used_nonces;
struct bytes used_nonce_key(struct arena *arena, struct bytes device, const char *nonce);

#endif

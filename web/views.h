/* What the API shows that is no record of the store: made of several, or of what is in memory. */
#ifndef GATEHOUSE_WEB_VIEWS_H
#define GATEHOUSE_WEB_VIEWS_H

#include "core/store/records/alarm.h"
#include "core/store/records/device.h"

/* A line of the list of devices: seen, or expected and not seen yet. */
enum line_admission { LINE_EXPECTED, LINE_SEEN /* and, from here on, enum device_admission */ };
struct device_line {
    struct bytes id; /* absent: not seen yet */
    const char *serial;
    const char *manufacturer;
    unsigned int admission; /* enum line_admission */
    const char *stage;      /* of the current episode; NULL: there is none */
    int64_t first_seen;
    int64_t last_seen;
    const char *last_address;
    const char *last_problem;
    int64_t last_problem_at;
    const char *note;
    const char *waits_for; /* NULL: no order of its is open */
    struct record_rest rest;
};
extern const struct record_type device_line_type;

/* POST devices/{}. */
struct device_action {
    const char *action;       /* "remove", "readmit", "approve", "decline", "revoke", ... */
    const char *manufacturer; /* NULL: whoever has such a device */
    const char *reason;
    const char *to;    /* of "sell" */
    const char *erase; /* of "decommission" and "sell"; NULL: as the manufacturer's record says */
    struct record_rest rest;
};
extern const struct record_type device_action_type;

/* PUT manufacturers/{}/idevid-crls. */
struct crl_lists {
    struct bytes_list crls; /* DER */
    struct record_rest rest;
};
extern const struct record_type crl_lists_type;

/* POST configurations: a file for a device, or for the devices of a profile. */
struct configuration_upload {
    const char *manufacturer; /* with `serial`, or NULL like it */
    const char *serial;
    const char *profile;
    const char *file;
    const char *media_type;
    bool is_template;
    struct bytes content;
    struct record_rest rest;
};
extern const struct record_type configuration_upload_type;

/* POST certificates/{}. */
struct certificate_action {
    const char *action;  /* "revoke", "suspend" or "resume" */
    const char *reason;  /* of a revocation, by revocation_reason_names; NULL: unspecified */
    const char *because; /* in the administrator's words; NULL: none */
    struct record_rest rest;
};
extern const struct record_type certificate_action_type;

/* POST authorities/{}. */
struct authority_action {
    const char *action; /* "rollover" */
    struct record_rest rest;
};
extern const struct record_type authority_action_type;

/* POST secrets. */
struct secret_wish {
    const char *user;
    struct text_list labels;
    const char *name;
    uint64_t uses;
    bool unlimited;
    int64_t expires;
    const char *password; /* NULL: one is made */
    bool digest;
    bool digest_md5;
    bool cmc;
    struct bytes decrypt_key; /* absent: none */
    struct record_rest rest;
};
extern const struct record_type secret_wish_type;
/* POST clouds/{}. */
struct cloud_action {
    const char *action; /* "sync", "withdraw", "register" or "import" */
    bool prune;         /* with "import" */
    struct record_rest rest;
};
extern const struct record_type cloud_action_type;

/* POST identity. */
struct identity_action {
    const char *action; /* "renew", "take-back" or "switch" */
    bool new_key;       /* with "renew", as the next two */
    struct text_list names;
    int64_t validity;
    const char *override; /* with "switch": why it is done in spite of what it breaks */
    struct record_rest rest;
};
extern const struct record_type identity_action_type;

/* GET identity: one certificate of ours. */
enum identity_role { IDENTITY_CURRENT, IDENTITY_STAGED, IDENTITY_EARLIER };
struct identity_line {
    unsigned int role; /* enum identity_role */
    struct bytes sha256;
    const char *subject;
    struct text_list names; /* "DNS:...", "IP:..." */
    int64_t not_before;
    int64_t not_after;
    const char *key_label;
    bool shown; /* there is a name at which it is seen */
    struct record_rest rest;
};
struct identity_report {
    struct record_list certificates; /* struct identity_line */
    struct text_list obstacles;      /* what the switch to the staged one would break */
    struct record_rest rest;
};
extern const struct record_type identity_report_type;

/* What became of a device that has left, or whose onboarding was ended. */
struct departure_view {
    struct device device;
    uint64_t certificates;
    uint64_t orders;
    uint64_t belongings;
    struct bytes erasure;
    struct record_rest rest;
};
extern const struct record_type departure_type;

/* POST vouchers. */
struct voucher_wish {
    const char *manufacturer;
    const char *serial;
    const char *form; /* NULL: cms */
    struct bytes idevid;
    struct bytes idevid_issuer;
    struct record_rest rest;
};
extern const struct record_type voucher_wish_type;

/* POST csrattrs: would this request be taken? */
struct csrattrs_question {
    const char *device;       /* serial number or id; NULL: `profile` */
    const char *manufacturer; /* NULL: whoever has such a device */
    const char *profile;
    struct bytes csr;
    struct record_rest rest;
};
extern const struct record_type csrattrs_question_type;
#define JUDGED_BY_TOLD    "told"    /* what the device was told in its current onboarding */
#define JUDGED_BY_PROFILE "profile" /* what it would be told now */
struct csrattrs_verdict {
    const char *judged_by;
    const char *profile; /* NULL: JUDGED_BY_TOLD */
    bool accepted;
    const char *problem; /* NULL: none */
    const char *detail;
    struct record_rest rest;
};
extern const struct record_type csrattrs_verdict_type;

/* GET csrattrs: what a device is told to ask for. */
struct csrattrs_report {
    const char *profile;
    const char *serial; /* NULL: what anybody is told */
    const char *manufacturer;
    struct bytes attributes; /* DER, by the profile now */
    struct bytes told;       /* DER; absent: nothing yet */
    struct text_list names;
    bool provisional;
    struct record_rest rest;
};
extern const struct record_type csrattrs_report_type;

/* POST orders/{}. */
struct decision {
    const char *decision; /* "approve" or "decline" */
    struct record_rest rest;
};
extern const struct record_type decision_type;

struct status_store {
    uint64_t commits;
    uint64_t updates;
    uint64_t used;
    uint64_t size;
    bool alarm;
    struct record_rest rest;
};

struct status_orders {
    uint64_t open;
    uint64_t running;
    uint64_t threads;
    int64_t oldest_due;
    struct record_rest rest;
};

/* How many devices are admitted as what. */
struct status_devices {
    uint64_t counts[DEVICE_SOLD + 1]; /* by enum device_admission */
    struct record_rest rest;
};

struct status_pledges {
    uint64_t connections;
    uint64_t requests;
    uint64_t accepted;
    uint64_t turned_away;
    uint64_t busy;
    uint64_t swept;
    uint64_t served;
    struct record_rest rest;
};

/* One way in which we are announced on the owner's networks. */
enum status_announced { STATUS_OFF, STATUS_STARTING, STATUS_ANNOUNCED, STATUS_FAILING };
struct status_announcement {
    unsigned int state; /* enum status_announced */
    int64_t since;
    const char *name;
    uint64_t sent;
    const char *problem; /* name of a problem kind; NULL: nothing is wrong */
    const char *detail;
    const char *hint; /* what the administrator can do about it */
    struct record_rest rest;
};

struct status_discovery {
    struct status_announcement mdns;
    struct status_announcement grasp;
    struct record_rest rest;
};

struct status {
    struct record_list alarms; /* struct alarm */
    const char *version;
    struct text_list libraries;
    int64_t started;
    int64_t uptime;
    struct status_store store;
    struct status_orders orders;
    struct status_pledges pledges;
    struct status_discovery discovery;
    struct status_devices devices;
    struct record_rest rest;
};
extern const struct record_type status_type;

#endif

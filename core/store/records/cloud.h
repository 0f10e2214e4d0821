/*
 * Clouds: cloud registrars (draft-ietf-anima-brski-cloud) with which we register where our devices
 * are to go, and how that stands.
 */
#ifndef GATEHOUSE_CORE_STORE_RECORDS_CLOUD_H
#define GATEHOUSE_CORE_STORE_RECORDS_CLOUD_H

#include "core/store/table.h"

enum cloud_backend { CLOUD_REST /* docs/cloud-registration.yaml */, CLOUD_COMMAND };
enum cloud_mode { CLOUD_REDIRECT, CLOUD_VOUCHER };
enum cloud_pin { CLOUD_PIN_CA, CLOUD_PIN_END_ENTITY };
/* What devices take for a pinned end entity: see the field. */
enum cloud_pin_match { CLOUD_PIN_MATCH_CERTIFICATE, CLOUD_PIN_MATCH_KEY };
enum cloud_wish { CLOUD_REGISTER, CLOUD_WITHDRAW /* withdrawn, and to stay so */ };
enum cloud_state {
    CLOUD_NEW,        /* nothing has been acknowledged yet */
    CLOUD_REGISTERED, /* as it is wanted */
    CLOUD_CHANGED,    /* something is registered, and something else is wanted */
    CLOUD_WITHDRAWN,
};
enum cloud_reach { CLOUD_REACH_UNKNOWN, CLOUD_REACHABLE, CLOUD_UNREACHABLE };

/* What the cloud's vouchers pin, or have pinned: devices may hold such vouchers. */
struct cloud_pinned {
    const char *est_domain;
    struct bytes certificate; /* DER */
    int64_t since;            /* acknowledged */
    int64_t until;            /* replaced; 0: it stands */
    struct record_rest rest;
};
#define CLOUD_PINNED_MAX 16 /* kept */

struct cloud {
    const char *name;         /* slug; the key */
    const char *manufacturer; /* whose devices it sends, and no others */
    unsigned int backend;     /* enum cloud_backend */
    const char *url;          /* CLOUD_REST: base of the registration resource */
    struct bytes_list anchors;
    struct text_list networks; /* CIDR: private or loopback addresses it may have */
    const char *program;       /* CLOUD_COMMAND: a file in the node's folder of them */
    const char *owner;         /* our account there */
    const char *token;         /* to claim it with; gone once it is claimed */
    unsigned int mode;         /* enum cloud_mode */
    const char *registrar_url; /* CLOUD_REDIRECT: where devices are sent */
    const char *est_domain;    /* CLOUD_VOUCHER, and the next two */
    unsigned int pin;          /* enum cloud_pin */
    unsigned int pin_match;    /* enum cloud_pin_match */
    const char *additional_configuration_url;
    struct text_list orders;  /* devices of these orders, */
    struct text_list serials; /* and these; neither: all that are attributed to us */
    bool import;              /* what is attributed to us becomes expected, each time */
    int64_t interval;         /* ms between two registrations when nothing changes */
    int64_t pin_hold;         /* ms that a replaced pin still counts */
    int64_t created;
    /* How it stands. */
    unsigned int wish;   /* enum cloud_wish */
    unsigned int state;  /* enum cloud_state */
    uint64_t generation; /* counts changes of what is wanted */
    uint64_t registered_generation;
    struct bytes order;     /* the one that registers next */
    uint64_t orders_placed; /* so that no two are the same */
    uint64_t asked;         /* how often: what is asked for while it runs is done once more */
    bool import_once;
    bool prune; /* with the next import: places that are no longer attributed to us are removed */
    int64_t claimed;
    int64_t tried;
    int64_t succeeded;
    uint64_t failures; /* since the last success */
    const char *problem;
    const char *detail;
    unsigned int reach; /* enum cloud_reach: what the cloud found when it looked for us */
    int64_t reach_checked;
    const char *reach_detail;
    uint64_t devices; /* that are attributed to us */
    int64_t imported;
    uint64_t import_added;   /* by the last import */
    uint64_t import_gone;    /* places from it that were no longer attributed to us */
    uint64_t released;       /* devices given up there, so far */
    int64_t released_until;  /* those that left us before are given up */
    struct record_list pins; /* struct cloud_pinned, latest last */
    struct record_rest rest;
};

extern const struct record_type cloud_type;
extern const struct table clouds;
/* Subject of a cloud's timeline. */
struct bytes cloud_subject(struct arena *arena, const char *name);
/* What the field table cannot know: that mode and back-end have what they need.  Fails: E_INVALID.
 */
MUST_USE bool cloud_check(struct task *t, const struct cloud *cloud);
/* The host of an https URL, an IPv6 address without brackets.  Fails with E_INVALID. */
MUST_USE bool cloud_url_host(struct task *t, const char *member, const char *url, const char **ret);
/* The acknowledged pin that stands; NULL: none. */
const struct cloud_pinned *cloud_pinned_now(const struct cloud *cloud);

#endif

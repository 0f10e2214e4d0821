/* The node file: what this machine's Gatehouse needs to know before it can open its store. */
#ifndef GATEHOUSE_CORE_NODE_NODE_H
#define GATEHOUSE_CORE_NODE_NODE_H

#include "core/base/record.h"

#define NODE_FILE_DEFAULT "/etc/gatehouse/node.yaml"

struct node_listen {
    struct text_list pledges; /* "0.0.0.0:8443" */
    const char *admin;        /* Unix socket */
    struct record_rest rest;
};

struct node_store {
    const char *path;
    uint64_t size;
    uint64_t readers;
    uint64_t batch;
    int64_t gather;
    uint64_t alarm_percent;
    struct record_rest rest;
};

struct node_token {
    const char *module;
    const char *label;
    const char *pin_file;
    struct record_rest rest;
};

struct node_limits {
    uint64_t connections;
    uint64_t connections_per_address;
    uint64_t requests;
    int64_t handshake;
    int64_t header;
    int64_t body;
    int64_t idle;
    uint64_t header_size;
    int64_t pledge_wait;         /* how long a pledge's request waits for its order before 202 */
    int64_t retry_after;         /* in 202 and 503; at most 60 s (RFC 8995 5.6) */
    uint64_t strangers;          /* kept in memory */
    uint64_t unexpected_devices; /* records per manufacturer for devices on nobody's list */
    uint64_t held_devices;       /* per manufacturer that wait for an administrator's decision */
    uint64_t failures_per_hour;  /* timeline entries that one device causes */
    uint64_t attempts_per_hour;  /* voucher requests with a new nonce per device */
    int64_t enrol_window;        /* from the voucher request, in which a device may enrol */
    uint64_t enrolments;         /* different requests for a certificate in one onboarding */
    int64_t shutdown;
    struct record_rest rest;
};

struct node_orders {
    uint64_t runners;
    uint64_t runners_per_peer;
    uint64_t pending;
    int64_t lifetime;
    int64_t replay;
    int64_t retention;
    int64_t retry_first;
    int64_t retry_most;
    int64_t run_limit;
    struct record_rest rest;
};

struct node_outgoing {
    int64_t connect_timeout;
    int64_t timeout;
    uint64_t answer_size;
    struct text_list resolve;
    const char *proxy;            /* "http://host:port"; NULL: none */
    const char *proxy_login_file; /* "user:password" */
    struct record_rest rest;
};

/* How the owner's own networks learn where we are (RFC 8995 4.3, appendix B). */
struct node_discovery {
    bool mdns;
    bool grasp;
    const char *name;            /* DNS-SD instance; NULL: made of host name and process */
    uint64_t port;               /* 0: that of listen.pledges */
    struct text_list interfaces; /* mDNS: none: all of them; GRASP: those that are flooded */
    struct text_list variations; /* of BRSKI, as brski-discovery 3.5 names them */
    const char *address;         /* IPv6, for GRASP; NULL: the interface's own */
    int64_t grasp_interval;
    struct text_list grasp_peers;
    struct record_rest rest;
};

/* Plain HTTP, for anybody: revocation lists and OCSP. */
struct node_public {
    struct text_list listen; /* "0.0.0.0:80"; empty: nothing is served */
    const char *url;         /* base that certificates name; NULL: they name none */
    int64_t crl_lifetime;
    int64_t crl_interval;
    int64_t crl_gap;
    int64_t ocsp_lifetime;
    struct record_rest rest;
};

struct node {
    struct node_listen listen;
    struct node_store store;
    struct node_token token;
    const char *owner_folder; /* where gatehousectl init puts copies of the owner's certificates */
    const char *log_level;
    const char *cloud_programs; /* folder of programs that speak to clouds */
    struct node_limits limits;
    struct node_orders orders;
    struct node_outgoing outgoing;
    struct node_discovery discovery;
    struct node_public public;
    struct text_list weak_key_lists;   /* files of keys that get no certificate */
    struct text_list reduced_security; /* names of core/store/records/reduction.h; none: the rule */
    struct record_rest rest;
};

extern const struct record_type node_type;

/* Reads and checks the file; relative paths in it are taken from the file's own folder. */
MUST_USE bool node_read(struct task *t, const char *path, struct node *ret);

#endif

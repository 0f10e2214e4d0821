/* What the manufacturer's services share: an HTTPS server, signals, and a log of requests. */
#ifndef GATEHOUSE_LAB_SERVICE_H
#define GATEHOUSE_LAB_SERVICE_H

#include "core/base/log.h"
#include "core/http/server.h"
#include "core/pki/cert.h"
#include "lab/options.h"

#define SERVICE_BODY_MAX ((size_t)64 * 1024) /* octets of a voucher request */

/* The command line's part. */
struct service_settings {
    const char *listen; /* "127.0.0.1:9443" */
    const char *port_file;
    const char *tls_cert;
    const char *tls_key;
    const char *requests_log;
    uint64_t requests; /* in work at once; 0: as many as connections */
};

/* Rows for the options table of a program whose settings have a `struct service_settings service`.
 */
#define SERVICE_OPTIONS(structure)                                                                 \
    LAB_OPTION("ADDRESS:PORT", structure, service.listen, "listen", FIELD_TEXT,                    \
               .preset = "127.0.0.1:0",                                                            \
               .help = "Where to listen. Port 0 takes a free one; \"listening ADDRESS:PORT\" on "  \
                       "standard output says which."),                                             \
        LAB_OPTION("FILE", structure, service.port_file, "port-file", FIELD_TEXT,                  \
                   .help = "Write the port number to FILE as well."),                              \
        LAB_OPTION("FILE", structure, service.tls_cert, "tls-cert", FIELD_TEXT,                    \
                   .help = "PEM: the TLS server certificate and its chain."),                      \
        LAB_OPTION("FILE", structure, service.tls_key, "tls-key", FIELD_TEXT,                      \
                   .help = "PEM: its key."),                                                       \
        LAB_OPTION("FILE", structure, service.requests_log, "requests-log", FIELD_TEXT,            \
                   .help = "Append one JSON line per request: time, path, sha256 (of the body), "  \
                           "status (0: dropped), serial, client, fault, problem, report.")

/* What the problems of voucher requests are in HTTP (RFC 8995 5.6). */
extern const struct problem_status service_statuses[];

struct service;

/* A file of the factory in the folder `maker` (may be NULL), for a setting that was not given. */
void service_preset(struct task *t, const char *maker, const char **setting, const char *file);
/* Reads the key, opens the log.  Lives as long as the arena. */
MUST_USE bool service_make(struct task *t, const char *name,
                           const struct service_settings *settings, struct service **ret);
/* One address with what is served there; all have the service's TLS certificate. */
struct service_door {
    const char *name;   /* "listening": what is printed when it is open */
    const char *listen; /* "127.0.0.1:9443" */
    const struct http_route *routes;
    const struct http_clients *clients; /* NULL: all are let in */
    enum http_style style;
};
#define SERVICE_DOORS_MAX 2
/*
 * Serves until SIGTERM or SIGINT; the routes' contexts are the caller's.  Prints "NAME
 * ADDRESS:PORT" on standard output for each door, the first door's once all are open.  SIGHUP calls
 * `reload` (may be NULL) in this thread; a failure of it is logged and changes nothing.
 */
MUST_USE bool service_run(struct task *t, struct service *service, const struct service_door *doors,
                          size_t count, bool (*reload)(struct task *t, void *context),
                          void *context);

/* Sleeps in a handler; false when the service is stopping. */
bool service_pause(struct service *service, int64_t duration);

/*
 * One JSON line {time, path, sha256, status, serial, ...} in the log of requests, whatever became
 * of the request; `status` 0: the connection was dropped instead of an answer.
 */
struct service_entry {
    int status;
    const char *fault;  /* NULL: none */
    const char *report; /* what a pledge reports; NULL: it is no report */
};
void service_log_request(struct task *t, struct service *service, const struct http_request *rq,
                         const struct service_entry *entry);
/*
 * For a route's `failed`: logs the request, and puts the problem's detail into the body.  These
 * are services for tests: whoever is refused should learn why.
 */
void service_explain(struct task *t, struct service *service, const struct http_request *rq,
                     struct http_reply *reply);

/* Media types of all voucher forms, for routes; ends with NULL. */
const char *const *service_voucher_types(struct task *t);

/* The client's certificate; NULL when it showed none, or one that cannot be read. */
const struct cert *service_client(struct task *t, const struct http_request *rq,
                                  struct cert_list *ret_chain);

#endif

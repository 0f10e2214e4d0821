/* Who may ask what, where: the resources that pledges and EST clients see. */
#include "core/pki/cmc.h"
#include "registrar/house.h"
#include "registrar/status_report.h"

#include <string.h>

/* Octets of a status report: a few words. */
#define TELEMETRY_SIZE_MAX (16 * (size_t)1024)

/* RFC 7030 3.2.4: what is answered. */
#define PKCS7     "application/pkcs7-mime"
#define CSRATTRS  "application/csrattrs"
#define MULTIPART "multipart/mixed"

static const char *const report_types[] = {STATUS_JSON, STATUS_CBOR, STATUS_JOSE, NULL};
static const char *const pkcs10_types[] = {"application/pkcs10", NULL};

/* RFC 7030 3.2.2: each operation without a label and with one. */
#define EST_ROUTE(method_, path_, types_, limit_, produces_, handler_)                             \
    {                                                                                              \
        .method = (method_), .path = (path_), .media_types = (types_), .body_limit = (limit_),     \
        .produces = (produces_), .handler = (handler_), .failed = est_failed,                      \
        .statuses = est_statuses, .context = est                                                   \
    }
#define EST_GET(operation, produces, handler)                                                      \
    EST_ROUTE("GET", "/.well-known/est/" operation, NULL, 0, produces, handler),                   \
        EST_ROUTE("GET", "/.well-known/est/{}/" operation, NULL, 0, produces, handler)
#define EST_POST(operation, types, limit, produces, handler)                                       \
    EST_ROUTE("POST", "/.well-known/est/" operation, types, limit, produces, handler),             \
        EST_ROUTE("POST", "/.well-known/est/{}/" operation, types, limit, produces, handler)

/* Its media type is looked at once the label is known to serve it. */
#define EST_FULLCMC(path_)                                                                         \
    {                                                                                              \
        .method = "POST", .path = (path_), .body_limit = 2 * (size_t)CMC_SIZE_MAX,                 \
        .handler = est_fullcmc, .failed = est_fullcmc_failed, .statuses = est_statuses,            \
        .context = est                                                                             \
    }

struct http_route *pledge_routes(struct task *t, struct registrar *registrar, struct est *est)
{
    const struct http_route routes[] = {
        {
            .method = "POST",
            .path = "/.well-known/brski/requestvoucher",
            .body_limit = VOUCHER_SIZE_MAX,
            .handler = registrar_requestvoucher,
            .failed = registrar_voucher_failed,
            .statuses = registrar_statuses,
            .context = registrar,
        },
        {
            .method = "POST",
            .path = "/.well-known/brski/voucher_status",
            .media_types = report_types,
            .body_limit = TELEMETRY_SIZE_MAX,
            .handler = registrar_voucher_status,
            .failed = registrar_telemetry_failed,
            .statuses = registrar_statuses,
            .context = registrar,
        },
        {
            .method = "POST",
            .path = "/.well-known/brski/enrollstatus",
            .media_types = report_types,
            .body_limit = TELEMETRY_SIZE_MAX,
            .handler = registrar_enrollstatus,
            .failed = registrar_telemetry_failed,
            .statuses = registrar_statuses,
            .context = registrar,
        },
        EST_GET("cacerts", PKCS7, est_cacerts),
        EST_GET("csrattrs", CSRATTRS, est_csrattrs),
        EST_POST("simpleenroll", pkcs10_types, 2 * (size_t)CSR_SIZE_MAX, PKCS7, est_simpleenroll),
        EST_POST("simplereenroll", pkcs10_types, 2 * (size_t)CSR_SIZE_MAX, PKCS7,
                 est_simplereenroll),
        EST_FULLCMC("/.well-known/est/fullcmc"),
        EST_FULLCMC("/.well-known/est/{}/fullcmc"),
        EST_POST("serverkeygen", pkcs10_types, 2 * (size_t)CSR_SIZE_MAX, MULTIPART,
                 est_serverkeygen),
        {
            .method = "GET",
            .path = "/.well-known/gatehouse/configuration",
            .handler = est_configuration,
            .failed = est_configuration_failed,
            .statuses = est_statuses,
            .context = est,
        },
        {
            .method = "GET",
            .path = "/.well-known/gatehouse/configuration/{}",
            .handler = est_configuration,
            .failed = est_configuration_failed,
            .statuses = est_statuses,
            .context = est,
        },
        {.method = NULL},
    };
    struct http_route *copy = arena_array(t->arena, ARRAY_SIZE(routes), sizeof(routes[0]));
    memcpy(copy, routes, sizeof(routes));
    return copy;
}

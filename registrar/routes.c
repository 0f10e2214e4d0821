/* Who may ask what, where: the resources that pledges and EST clients see. */
#include "registrar/house.h"

#include <string.h>

/* Octets of a status report: a few words. */
#define TELEMETRY_SIZE_MAX (16 * (size_t)1024)

static const char *const json_types[] = {"application/json", NULL};
static const char *const pkcs10_types[] = {"application/pkcs10", NULL};

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
            .media_types = json_types,
            .body_limit = TELEMETRY_SIZE_MAX,
            .handler = registrar_voucher_status,
            .failed = registrar_telemetry_failed,
            .statuses = registrar_statuses,
            .context = registrar,
        },
        {
            .method = "POST",
            .path = "/.well-known/brski/enrollstatus",
            .media_types = json_types,
            .body_limit = TELEMETRY_SIZE_MAX,
            .handler = registrar_enrollstatus,
            .failed = registrar_telemetry_failed,
            .statuses = registrar_statuses,
            .context = registrar,
        },
        {
            .method = "GET",
            .path = "/.well-known/est/cacerts",
            .handler = est_cacerts,
            .statuses = est_statuses,
            .context = est,
        },
        {
            .method = "GET",
            .path = "/.well-known/est/csrattrs",
            .handler = est_csrattrs,
            .failed = est_failed,
            .statuses = est_statuses,
            .context = est,
        },
        {
            .method = "POST",
            .path = "/.well-known/est/simpleenroll",
            .media_types = pkcs10_types,
            .body_limit = 2 * (size_t)CSR_SIZE_MAX, /* base64 */
            .handler = est_simpleenroll,
            .failed = est_failed,
            .statuses = est_statuses,
            .context = est,
        },
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

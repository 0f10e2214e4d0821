/* What anybody may ask about our CAs and their certificates, over plain HTTP. */
#include "ca-connectors/problems.h"
#include "ca-connectors/status/status_private.h"

#include "core/base/clock.h"
#include "core/pki/ocsp.h"
#include "core/store/records/certificate.h"

#include <string.h>

/* How long caches may keep an answer, seconds: what is revoked is to be seen soon. */
#define CACHE_SECONDS 300

/* RFC 5019 6.2: and never longer than it is good; `left` in ms. */
static int cache_seconds(int64_t left)
{
    if (left <= 0)
        return 0;
    return left < CACHE_SECONDS * SECOND_MS ? (int)(left / SECOND_MS) : CACHE_SECONDS;
}

/* The CA whose key identifier stands before `suffix` in the path. */
static bool find_ca(struct task *t, const struct status_snapshot *snapshot, const char *name,
                    const char *suffix, const struct status_ca **ret)
{
    size_t len = strlen(name);
    size_t end = strlen(suffix);
    for (size_t i = 0; i < snapshot->count && len > end; i++) {
        const char *id = snapshot->cas[i].key_id;
        if (strlen(id) == len - end && strncasecmp(name, id, len - end) == 0 &&
            strcmp(name + len - end, suffix) == 0) {
            *ret = &snapshot->cas[i];
            return true;
        }
    }
    return fail(t, E_NOT_FOUND, "no CA of ours has this key identifier");
}

/* RFC 5280 4.2.1.13: one list in DER; RFC 2585 section 3: its media type. */
static bool get_crl(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct status_service *service = rq->context;
    const struct status_ca *ca;
    int64_t next_update;
    TRY(find_ca(t, snapshot_get(t, service), rq->parameter, ".crl", &ca));
    TRY(list_get(t, service, ca, &reply->body, &next_update));
    reply->media_type = "application/pkix-crl";
    reply->max_age = cache_seconds(next_update - clock_wall());
    return true;
}

/* RFC 5280 4.2.2.1: the issuer's certificate in DER. */
static bool get_issuer(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    const struct status_ca *ca;
    TRY(find_ca(t, snapshot_get(t, rq->context), rq->parameter, ".cer", &ca));
    reply->media_type = "application/pkix-cert";
    reply->body = ca->cert->der;
    reply->max_age = CACHE_SECONDS;
    return true;
}

/* ---- OCSP ---- */

/* One CA for all that is asked: a response has one signer.  NULL: we speak for no such CA. */
static const struct status_ca *ca_of(const struct status_snapshot *snapshot,
                                     const struct ocsp_request *request)
{
    for (size_t i = 0; i < snapshot->count; i++) {
        size_t asked = 0;
        while (asked < request->count &&
               ocsp_asks_about(&request->asked[asked], snapshot->cas[i].cert))
            asked++;
        if (asked == request->count)
            return snapshot->cas[i].responder == NULL ? NULL : &snapshot->cas[i];
    }
    return NULL;
}

/* Our own authorities' certificates stand in no table of issued ones. */
static bool is_own(struct task *t, const struct status_snapshot *snapshot,
                   const struct status_ca *ca, struct bytes serial)
{
    for (size_t i = 0; i < snapshot->own.count; i++) {
        const struct cert *cert = snapshot->own.items[i];
        if (cert_is_issued_by(cert, ca->cert) && bytes_equal(cert_serial(t, cert), serial))
            return true;
    }
    return false;
}

static bool judge(struct task *t, struct reader *r, const struct status_snapshot *snapshot,
                  const struct status_ca *ca, struct bytes serial, struct ocsp_verdict *ret)
{
    struct certificate certificate;
    bool found;
    TRY(table_find_by(t, r, &certificates, &certificates_by_serial,
                      certificate_serial_key(t->arena, ca->key_sha256, serial), &certificate,
                      &found));
    if (found && certificate.state == CERTIFICATE_ISSUED)
        *ret = (struct ocsp_verdict){.status = OCSP_GOOD};
    else if (found)
        *ret = (struct ocsp_verdict){OCSP_REVOKED, certificate.revoked, (int)certificate.reason};
    else /* RFC 6960 2.2: what was never issued is not good. */
        *ret = (struct ocsp_verdict){.status = is_own(t, snapshot, ca, serial) ? OCSP_GOOD
                                                                               : OCSP_UNKNOWN};
    return true;
}

static bool answer(struct task *t, struct status_service *service, struct bytes der,
                   struct bytes *ret, bool *ret_cacheable)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    const struct status_snapshot *snapshot = snapshot_get(t, service);
    struct ocsp_request request;
    TRY(ocsp_request_read(t, der, &request));
    const struct status_ca *ca = ca_of(snapshot, &request);
    *ret_cacheable = ca != NULL && !request.has_nonce;
    if (ca == NULL) /* RFC 6960 2.3: not the responder for it */
        return ocsp_error_make(t, OCSP_ERROR_UNAUTHORIZED, ret);
    struct ocsp_verdict *verdicts = arena_array(t->arena, request.count, sizeof(*verdicts));
    TRY(view_open(t, service->options.store, &view));
    int64_t now = clock_wall();
    for (size_t i = 0; i < request.count; i++)
        TRY(judge(t, view_reader(view), snapshot, ca, request.asked[i].serial, &verdicts[i]));
    const struct ocsp_signer signer = {ca->responder, ca->responder_key};
    return ocsp_response_make(t, &request, verdicts, &signer, now,
                              now + service->options.ocsp_lifetime, ret);
}

/* RFC 6960 A.1: the response's own status says what is wrong; HTTP's is 200. */
static bool respond(struct task *t, struct status_service *service, struct bytes der,
                    bool may_cache, struct http_reply *reply)
{
    bool cacheable = false;
    if (!answer(t, service, der, &reply->body, &cacheable)) {
        enum ocsp_error error =
            task_failed_with(t, E_OCSP_MALFORMED) ? OCSP_ERROR_MALFORMED : OCSP_ERROR_TRY_LATER;
        task_forgive(t);
        cacheable = false;
        TRY(ocsp_error_make(t, error, &reply->body));
    }
    reply->media_type = "application/ocsp-response";
    /* RFC 5019 6.2: what holds no nonce may be kept by proxies. */
    if (cacheable && may_cache)
        reply->max_age = cache_seconds(service->options.ocsp_lifetime);
    return true;
}

static bool post_ocsp(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    return respond(t, rq->context, rq->body, false, reply);
}

/* RFC 6960 A.1.1: the request in base64, at the end of the path. */
static bool get_ocsp(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    struct bytes der;
    if (!bytes_from_base64(t->arena, bytes_of_text(rq->parameter), &der))
        der = BYTES_LITERAL("");
    return respond(t, rq->context, der, true, reply);
}

static const char *const ocsp_types[] = {"application/ocsp-request", NULL};

struct http_route *status_routes(struct task *t, struct status_service *service)
{
    const struct http_route routes[] = {
        {.method = "GET", .path = "/crl/{}", .handler = get_crl, .context = service},
        {.method = "GET", .path = "/ca/{}", .handler = get_issuer, .context = service},
        {.method = "POST",
         .path = "/ocsp",
         .media_types = ocsp_types,
         .body_limit = OCSP_SIZE_MAX,
         .handler = post_ocsp,
         .context = service},
        {.method = "GET", .path = "/ocsp/{*}", .handler = get_ocsp, .context = service},
        {.method = NULL},
    };
    struct http_route *copy = arena_array(t->arena, ARRAY_SIZE(routes), sizeof(routes[0]));
    memcpy(copy, routes, sizeof(routes));
    return copy;
}

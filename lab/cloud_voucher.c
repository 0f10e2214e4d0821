/* A cloud registrar's vouchers: its MASA is integrated, or asked over masa_private.h. */
#include "core/base/clock.h"
#include "lab/cloud.h"
#include "lab/masa_issue.h"
#include "lab/masa_private.h"
#include "lab/problems.h"

#define CONNECT_TIMEOUT  (5 * SECOND_MS)
#define CALL_TIMEOUT     (15 * SECOND_MS)
#define VOUCHER_MAX      ((size_t)64 * 1024)
#define IDLE_CONNECTIONS 8
#define WORDS_MAX        200 /* octets of the MASA's words in a detail */

static bool open_integrated(struct task *t, struct cloud *cloud)
{
    const struct cloud_settings *s = &cloud->settings;
    ENSURE(t, s->signer_cert != NULL && s->signer_key != NULL, E_USAGE,
           "--masa-state needs --signer-cert and --signer-key, or --maker");
    TRY(credentials_read(t, s->signer_cert, s->signer_key, &cloud->signer));
    return masa_state_open(t, s->masa_state, &cloud->masa_state);
}

static bool open_remote(struct task *t, struct cloud *cloud)
{
    const struct cloud_settings *s = &cloud->settings;
    const struct http_client_options options = {
        .connect_timeout = CONNECT_TIMEOUT,
        .timeout = CALL_TIMEOUT,
        .answer_max = VOUCHER_MAX,
        .idle_connections = IDLE_CONNECTIONS,
        .idle = MINUTE_MS,
        .resolve = s->resolve,
    };
    ENSURE(t, s->masa_anchor != NULL, E_USAGE, "--masa needs --masa-anchor, or --maker");
    TRY(trust_read(t, s->masa_anchor, &cloud->masa_trust));
    return http_client_make(t, &options, &cloud->client);
}

bool cloud_masa_open(struct task *t, struct cloud *cloud)
{
    const struct cloud_settings *s = &cloud->settings;
    ENSURE(t, s->masa == NULL || s->masa_state == NULL, E_USAGE,
           "--masa and --masa-state exclude each other: the MASA is elsewhere, or integrated");
    if (s->masa_state != NULL)
        return open_integrated(t, cloud);
    return s->masa == NULL || open_remote(t, cloud);
}

void cloud_masa_close(struct cloud *cloud)
{
    http_client_free(cloud->client);
}

bool cloud_has_masa(const struct cloud *cloud)
{
    return cloud->masa_state != NULL || cloud->client != NULL;
}

static bool issue_here(struct task *t, const struct cloud *cloud,
                       const struct cloud_request *request, const struct cloud_answer *answer,
                       struct bytes *ret)
{
    const struct masa_office office = {
        .signer = &cloud->signer,
        .state = cloud->masa_state,
        .lifetime = cloud->settings.lifetime,
        .name_issuer = cloud->settings.name_issuer,
    };
    struct masa_grant grant = {
        .form = request->form,
        .request = request->octets,
        .serial = request->pledge.serial,
        .nonce = request->pvr.nonce,
        /* RFC 8366: the sales channel says whose it is. */
        .assertion = "verified",
        .pinned = answer->pinned,
        .est_domain = answer->est_domain,
        .additional_configuration_url = answer->additional_configuration_url,
    };
    TRY(cert_idevid_issuer(t, request->pledge.idevid, &grant.idevid_issuer));
    return masa_grant(t, &office, &grant, ret);
}

/* The MASA's no is the pledge's no; what it cannot do just now is tried again by the pledge. */
static bool judge_status(struct task *t, const struct http_answer *answer)
{
    const char *words = bytes_to_printable(t->arena, answer->body, WORDS_MAX);
    ENSURE(t, answer->status != 404, E_DEVICE_UNKNOWN, "the MASA: %s", words);
    ENSURE(t, answer->status != 403, E_REQUEST_REFUSED, "the MASA: %s", words);
    ENSURE(t, answer->status == 200 || answer->status == 202, E_MASA_AWAY,
           "the MASA answered %d: %s", answer->status, words);
    return true;
}

static bool ask_masa(struct task *t, struct cloud *cloud, const struct cloud_request *request,
                     const struct cloud_answer *answer, struct http_answer *ret)
{
    struct masa_commission commission;
    const struct http_target target = {
        .anchors = certs_der(t, &cloud->masa_trust.certs),
        .networks = cloud->settings.networks,
        .chain = certs_der(t, &cloud->tls.chain),
        .key = cloud->tls.key,
    };
    struct http_call call = {
        .method = "POST",
        .url = arena_printf(t->arena, "%s" MASA_PRIVATE_PATH, cloud->settings.masa),
        .media_type = "application/json",
        .accept = request->form->media_type,
        .target = &target,
    };
    record_init(t, &masa_commission_type, &commission);
    commission.media_type = request->form->media_type;
    commission.voucher_request = request->octets;
    commission.pinned_domain_cert = answer->pinned->der;
    commission.est_domain = answer->est_domain;
    commission.additional_configuration_url = answer->additional_configuration_url;
    commission.idevid = request->pledge.idevid->der;
    TRY(masa_commission_write(t, &commission, &call.body));
    if (!http_client_call(t, cloud->client, &call, ret))
        return fail(t, E_MASA_AWAY, "%s", t->detail);
    return judge_status(t, ret);
}

bool cloud_issue(struct task *t, struct cloud *cloud, const struct cloud_request *request,
                 const struct cloud_answer *answer, struct bytes *ret, int *ret_wait)
{
    struct http_answer voucher;
    ENSURE(t, cloud_has_masa(cloud), E_NO_MASA, "a voucher is wanted for %s",
           request->pledge.serial);
    *ret_wait = 0;
    if (cloud->client == NULL)
        return issue_here(t, cloud, request, answer, ret);
    TRY(ask_masa(t, cloud, request, answer, &voucher));
    if (voucher.status == 202)
        *ret_wait = voucher.retry_after > 0 ? voucher.retry_after : 1;
    *ret = voucher.body;
    return true;
}

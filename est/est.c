#include "est/est.h"

#include "core/pledge/failures.h"
#include "core/store/problems.h"
#include "est/client.h"
#include "est/enrol_order.h"

DEFINE_PROBLEMS(est_problems, EST_PROBLEMS)

const struct problem_status est_statuses[] = {
    /* The request. */
    {E_CSR_MALFORMED, 400},
    {E_CSR_POP, 400},
    {E_CSR_NOT_AS_ASKED, 400},
    {E_CA_REFUSED, 400},
    {E_BINDING, 400},
    {E_KEY_REFUSED, 400},
    {E_CMS_MALFORMED, 400},
    {E_CMC_MALFORMED, 400},
    {E_CRMF_MALFORMED, 400},
    {E_SIGNATURE, 400},
    {E_POP_MISSING, 400},
    {E_CMC_UNSUPPORTED, 400},
    {E_CMC_ALGORITHM, 400},
    {E_CMC_TIME, 400},
    {E_CMC_EXTENSION, 400},
    {E_CMC_PENDING, 400},
    {E_CMC_LINK, 400},
    {E_CMC_IDENTITY, 403},
    {E_CMC_SIGNER, 403},
    {E_KEY_WISH, 400},
    /* Who has a password, or should have one. */
    {E_AUTH_NEEDED, 401},
    {E_AUTH_STALE, 401},
    {E_AUTH_WRONG, 401},
    {E_AUTH_MALFORMED, 401},
    /* What a label allows. */
    {E_NO_LABEL, 404},
    {E_CMC_OFF, 404},
    {E_PROOF, 403},
    {E_SERVER_KEYS_OFF, 403},
    {E_SERVER_KEY_GONE, 410},
    {E_NAME_REFUSED, 403},
    {E_NOT_RENEWABLE, 403},
    {E_TOO_MANY_CERTIFICATES, 403},
    /* The onboarding. */
    {E_NOT_ONBOARDED, 403},
    {E_ONBOARDING_OVER, 403},
    {E_PLEDGE_DECLINED, 403},
    {E_LOG_SPEAKS_AGAINST, 403},
    {E_REVOKED_CERTIFICATE, 403},
    {E_DEVICE_UNEXPECTED, 403},
    {E_DEVICE_DECLINED, 403},
    {E_DEVICE_GONE, 403},
    {E_TOO_MANY_DEVICES, 403},
    {E_TOO_MANY_ENROLMENTS, 403},
    {E_ORDER_DECLINED, 403},
    {E_ONBOARDING_ENDED, 403},
    {E_DEVICE_HELD, 403},
    /* The caller. */
    {E_NO_CERTIFICATE, 404},
    {E_UNKNOWN_MAKER, 404},
    {E_CERT_MALFORMED, 404},
    {E_CERT_EXPIRED, 404},
    {E_NO_SERIAL, 404},
    {E_IDEVID_EXPIRED, 404},
    {E_IDEVID_REVOKED, 404},
    {E_DEVICE_OTHER_KEY, 404},
    {E_NO_CONFIGURATION, 404},
    /* We ourselves. */
    {E_CA_FAILED, 503},
    {E_TOO_MANY_ATTEMPTS, 503},
    {E_LOG_NOT_TO_BE_HAD, 503},
    {E_PROFILE_MISSING, 503},
    {E_PROFILE_NAME, 503},
    {E_PROFILE_VALUE, 503},
    {E_CONFIGURATION_VALUE, 503},
    {E_ORDERS_FULL, 503},
    {E_STORE_FULL, 503},
    {E_STORE_CLOSING, 503},
    {E_ORDER_EXPIRED, 504},
    {NULL, 0},
};

static void note_failure(struct task *t, struct http_request *rq, struct http_reply *reply,
                         const char *event)
{
    const struct est *est = rq->context;
    if (reply->status == 503)
        reply->retry_after = est->answer.retry_after;
    if (!enrol_order_told(t))
        failure_note(t, est->callers, rq, event);
}

void est_failed(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    note_failure(t, rq, reply, "est-request-failed");
    est_client_failed(t, rq->context, rq, reply);
}

void est_configuration_failed(struct task *t, struct http_request *rq, struct http_reply *reply)
{
    note_failure(t, rq, reply, "configuration-not-served");
}

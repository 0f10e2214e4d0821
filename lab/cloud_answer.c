/* What a pledge is answered (draft-ietf-anima-brski-cloud 3.2.1, 3.2.2). */
#include "core/base/clock.h"
#include "lab/cloud.h"
#include "lab/problems.h"

#include <string.h>

/* Under the lock: the place of this request; NULL: it has none. */
static struct cloud_wait *find_wait(struct cloud *cloud, struct bytes digest)
{
    for (size_t i = 0; i < CLOUD_WAITS; i++) {
        struct cloud_wait *wait = &cloud->waits[i];
        if (wait->ready != 0 && memcmp(wait->request, digest.data, SHA256_LEN) == 0)
            return wait;
    }
    return NULL;
}

/* Under the lock: a place for this request, if need be that of the one that came longest ago. */
static struct cloud_wait *begin_wait(struct cloud *cloud, struct bytes digest)
{
    struct cloud_wait *wait = &cloud->waits[cloud->next_wait];
    cloud->next_wait = (cloud->next_wait + 1) % CLOUD_WAITS;
    memcpy(wait->request, digest.data, SHA256_LEN);
    wait->ready = clock_monotonic() + cloud->settings.prepare;
    return wait;
}

/* Seconds until the voucher for this request is ready; 0: it is. */
static int time_to_prepare(struct task *t, struct cloud *cloud, struct bytes request)
{
    if (cloud->settings.prepare == 0)
        return 0;
    struct bytes digest = bytes_sha256(t->arena, request);
    (void)pthread_mutex_lock(&cloud->wait_lock);
    struct cloud_wait *wait = find_wait(cloud, digest);
    if (wait == NULL)
        wait = begin_wait(cloud, digest);
    int64_t left = wait->ready - clock_monotonic();
    (void)pthread_mutex_unlock(&cloud->wait_lock);
    return left <= 0 ? 0 : (int)((left + SECOND_MS - 1) / SECOND_MS);
}

static bool not_yet(struct http_reply *reply, int wait)
{
    reply->retry_after = wait;
    return http_reply_text(reply, 202, "the voucher is being prepared\n");
}

static bool give_voucher(struct task *t, struct cloud *cloud, const struct http_request *rq,
                         const struct cloud_request *request, const struct cloud_answer *answer,
                         enum cloud_fault fault, struct http_reply *reply)
{
    struct bytes voucher;
    int wait = time_to_prepare(t, cloud, request->octets);
    /* RFC 8995 5.6: 406 when the voucher cannot be had in a form that the pledge reads. */
    ENSURE(t, http_accepts(rq, request->form->media_type), E_HTTP_ACCEPT, "Accept: %s", rq->accept);
    /* brski-cloud 3.2.2: 202 while the voucher takes some time. */
    if (wait > 0)
        return not_yet(reply, wait);
    TRY(cloud_issue(t, cloud, request, answer, &voucher, &wait));
    if (wait > 0)
        return not_yet(reply, wait);
    /* cBRSKI 6.8: what nobody has signed does not go on to the pledge. */
    if (request->form->for_pledge != NULL)
        TRY(request->form->for_pledge(t, voucher, &voucher));
    TRY(voucher_spoil(t, &cloud->signer, request->form, cloud_fault_spoil(fault), &voucher));
    reply->media_type = request->form->media_type;
    reply->body = voucher;
    reply->status = 200;
    return true;
}

bool cloud_give_answer(struct task *t, struct cloud *cloud, const struct http_request *rq,
                       const struct cloud_request *request, enum cloud_fault fault,
                       struct http_reply *reply)
{
    struct cloud_answer answer;
    TRY(cloud_answer_for(t, cloud, request->pledge.serial, &answer));
    /* brski-cloud 3.2: 401 when nobody owns it yet, with the time to come back. */
    ENSURE(t, answer.word != CLOUD_NOBODY, E_NO_OWNER, "nobody is known to own %s yet",
           request->pledge.serial);
    if (answer.word == CLOUD_VOUCHER)
        return give_voucher(t, cloud, rq, request, &answer, fault, reply);
    /* brski-cloud 3.2.2: 307 with the owner's registrar in Location. */
    reply->location = answer.location;
    (void)http_reply_text(reply, 307, "this device's owner has a registrar\n");
    cloud_fault_spoils_redirect(t, fault, reply);
    return true;
}

/* What is said in CMC: status, nonces, certificates; signed by us. */
#include "est/fullcmc.h"

#include "core/base/clock.h"
#include "core/base/failpoint.h"
#include "core/store/problems.h"
#include "est/wire.h"

#include <stdatomic.h>
#include <stdlib.h>

#define NONCE_LEN 16
/* Refusals that are signed at once: beyond, they are said in HTTP alone. */
#define REFUSALS_MAX 4

/* ---- What a problem is called in CMC (RFC 5272 6.1.4) ---- */

enum about { ABOUT_MESSAGE, ABOUT_REQUEST };
struct saying {
    const struct problem_kind *kind;
    enum cmc_failure failure;
    enum about about;
};

static const struct saying sayings[] = {
    {E_SIGNATURE, CMC_BAD_MESSAGE_CHECK, ABOUT_MESSAGE},
    {E_CMC_SIGNER, CMC_BAD_CERT_ID, ABOUT_MESSAGE},
    {E_CMC_ALGORITHM, CMC_BAD_ALG, ABOUT_MESSAGE},
    {E_CMC_TIME, CMC_BAD_TIME, ABOUT_MESSAGE},
    {E_CMC_EXTENSION, CMC_UNSUPPORTED_EXT, ABOUT_REQUEST},
    {E_CA_FORBIDDEN_EKU, CMC_UNSUPPORTED_EXT, ABOUT_REQUEST},
    {E_POP_MISSING, CMC_POP_REQUIRED, ABOUT_REQUEST},
    {E_CSR_POP, CMC_POP_FAILED, ABOUT_REQUEST},
    {E_BINDING, CMC_POP_FAILED, ABOUT_REQUEST},
    {E_CMC_LINK, CMC_POP_FAILED, ABOUT_REQUEST},
    {E_KEY_REFUSED, CMC_NO_KEY_REUSE, ABOUT_REQUEST},
    {E_CSR_MALFORMED, CMC_BAD_REQUEST, ABOUT_REQUEST},
    {E_CRMF_MALFORMED, CMC_BAD_REQUEST, ABOUT_REQUEST},
    {E_CSR_NOT_AS_ASKED, CMC_BAD_REQUEST, ABOUT_REQUEST},
    {E_NAME_REFUSED, CMC_BAD_REQUEST, ABOUT_REQUEST},
    {E_NOT_RENEWABLE, CMC_BAD_REQUEST, ABOUT_REQUEST},
    {E_CA_REFUSED, CMC_BAD_REQUEST, ABOUT_REQUEST},
    /* Who asks: by secret ... */
    {E_CMC_IDENTITY, CMC_BAD_IDENTITY, ABOUT_MESSAGE},
    {E_AUTH_NEEDED, CMC_AUTH_DATA_FAIL, ABOUT_MESSAGE},
    {E_AUTH_STALE, CMC_AUTH_DATA_FAIL, ABOUT_MESSAGE},
    {E_AUTH_WRONG, CMC_AUTH_DATA_FAIL, ABOUT_MESSAGE},
    {E_AUTH_MALFORMED, CMC_AUTH_DATA_FAIL, ABOUT_MESSAGE},
    /* ... and by certificate. */
    {E_NO_CERTIFICATE, CMC_BAD_CERT_ID, ABOUT_MESSAGE},
    {E_UNKNOWN_MAKER, CMC_BAD_CERT_ID, ABOUT_MESSAGE},
    {E_CERT_MALFORMED, CMC_BAD_CERT_ID, ABOUT_MESSAGE},
    {E_CERT_EXPIRED, CMC_BAD_CERT_ID, ABOUT_MESSAGE},
    {E_IDEVID_EXPIRED, CMC_BAD_CERT_ID, ABOUT_MESSAGE},
    {E_IDEVID_REVOKED, CMC_BAD_CERT_ID, ABOUT_MESSAGE},
    {E_REVOKED_CERTIFICATE, CMC_BAD_CERT_ID, ABOUT_MESSAGE},
};

/* What the table does not name is told by its HTTP status. */
static struct saying saying_of(const struct problem_kind *kind, int status)
{
    for (size_t i = 0; i < ARRAY_SIZE(sayings); i++) {
        if (sayings[i].kind == kind)
            return sayings[i];
    }
    if (status == 503 || status == 504)
        return (struct saying){kind, CMC_TRY_LATER, ABOUT_MESSAGE};
    return (struct saying){kind, status >= 500 ? CMC_INTERNAL_CA_ERROR : CMC_BAD_REQUEST,
                           ABOUT_MESSAGE};
}

/* ---- The response ---- */

static struct cmc_response respond(struct task *t, const struct cmc_data *data)
{
    return (struct cmc_response){
        .transaction_id = data->transaction_id,
        .recipient_nonce = data->sender_nonce,
        .data_return = data->data_return,
        .sender_nonce = bytes_random(t->arena, NONCE_LEN),
    };
}

/* What the status is about; without any request, or when it is none of theirs, the message. */
static void set_part(struct task *t, const struct cmc_data *data, enum about about,
                     struct cmc_response *response)
{
    response->parts = arena_array(t->arena, 1, sizeof(*response->parts));
    response->part_count = 1;
    if (about == ABOUT_REQUEST && data->request_count > 0)
        response->parts[0] = data->requests[0].part;
}

/* Signed, base64, with the status that the reply has. */
static bool seal(struct task *t, const struct est *est, const struct est_label *label,
                 const struct cmc_response *response, const struct cert_list *certs,
                 struct http_reply *reply)
{
    struct bytes content;
    struct bytes signed_data;
    int status = reply->status;
    TRY(cmc_response_write(t, response, &content));
    TRY(est->signer.sign(t, est->signer.context, content, OID_CT_PKI_RESPONSE, certs,
                         &signed_data));
    /* RFC 7030 4.3.2: base64 as everywhere, and a type of its own. */
    est_write_lines(t, EST_CMC_RESPONSE, signed_data, label->line_length, reply);
    reply->status = status;
    return true;
}

/* What leads from a certificate of ours to its root, which is for cacerts to say. */
static bool add_chain(struct task *t, const struct est *est, const struct cert *certificate,
                      struct cert_list *certs)
{
    CLEANUP(view_cleanup) struct view *view = NULL;
    struct certificate record;
    const struct ca *ca;
    struct cert_list chain;
    bool found;
    TRY(view_open(t, est->store, &view));
    TRY(table_find(t, view_reader(view), &certificates, bytes_sha256(t->arena, certificate->der),
                   &record, &found));
    if (!found)
        return true;
    TRY(ca_find(t, est->cas, record.ca, &ca));
    TRY(ca_chain(t, ca, &chain));
    const struct cert **all = arena_array(t->arena, 1 + chain.count, sizeof(struct cert *));
    size_t count = 0;
    all[count++] = certificate;
    for (size_t i = 0; i < chain.count; i++) {
        if (!cert_is_self_signed(chain.items[i]))
            all[count++] = chain.items[i];
    }
    *certs = (struct cert_list){all, count};
    return true;
}

static bool answer_issued(struct task *t, const struct est *est, const struct est_label *label,
                          struct cmc_response *response, struct http_reply *reply)
{
    struct cert_list certs;
    TRY(cms_certs_only_read(t, reply->body, &certs));
    TRY(add_chain(t, est, certs.items[0], &certs));
    response->status = CMC_SUCCESS;
    return seal(t, est, label, response, &certs, reply);
}

bool fullcmc_answer(struct task *t, const struct est *est, const struct est_label *label,
                    const struct cmc_data *data, struct bytes order, struct http_reply *reply)
{
    const struct cert_list none = {NULL, 0};
    struct cmc_response response = respond(t, data);
    set_part(t, data, ABOUT_REQUEST, &response);
    bool done = reply->status == 200;
    if (!done && bytes_present(order)) {
        /* RFC 5272 6.1.1: a token to ask with, and when. */
        response.status = CMC_PENDING;
        response.pending_token = order;
        response.pending_until = clock_wall() + reply->retry_after * SECOND_MS;
    } else if (!done) {
        response.status = CMC_FAILED;
        response.failure = CMC_TRY_LATER;
    }
    TRY(done ? answer_issued(t, est, label, &response, reply)
             : seal(t, est, label, &response, &none, reply));
    failpoint(FP_ENROL_BEFORE_REPLY);
    return true;
}

struct refusals {
    atomic_uint signing;
};

struct refusals *refusals_make(void)
{
    struct refusals *refusals = calloc(1, sizeof(*refusals));
    if (refusals == NULL)
        abort();
    return refusals;
}

void refusals_free(struct refusals *refusals)
{
    free(refusals);
}

static bool seal_refusal(struct task *t, const struct est *est, const struct est_label *label,
                         const struct cmc_response *response, struct http_reply *reply)
{
    const struct cert_list none = {NULL, 0};
    unsigned before = atomic_fetch_add(&est->refusals->signing, 1);
    bool sealed = before < REFUSALS_MAX
                      ? seal(t, est, label, response, &none, reply)
                      : fail(t, E_BUSY, "%u refusals are being signed already", before);
    atomic_fetch_sub(&est->refusals->signing, 1);
    return sealed;
}

bool fullcmc_refuse(struct task *t, const struct est *est, const struct est_label *label,
                    const struct cmc_data *data, const struct problem_kind *problem,
                    struct http_reply *reply)
{
    struct cmc_response response = respond(t, data);
    struct saying saying = saying_of(problem, reply->status);
    response.status = CMC_FAILED;
    response.failure = saying.failure;
    response.text = problem->public_text;
    set_part(t, data, saying.about, &response);
    if (problem == E_CMC_UNSUPPORTED) {
        struct fullcmc_rest rest;
        fullcmc_unsupported(t, data, &rest);
        response.parts = rest.parts;
        response.part_count = rest.count;
        /* RFC 5272 6: badRequest for what is unknown; 6.1.3: noSupport for what is not done. */
        response.status = rest.unknown ? CMC_FAILED : CMC_NO_SUPPORT;
    }
    return seal_refusal(t, est, label, &response, reply);
}

/* Full CMC: requests and responses (RFC 5272). */
#include "core/pki/cmc.h"
#include "core/pki/crmf.h"
#include "web/ctl/facts.h"
#include "web/ctl/inspect_internal.h"

#include <string.h>

static const char *control_name(struct task *t, const char *oid)
{
    static const struct {
        const char *oid;
        const char *name;
    } names[] = {
        {OID_CMC_IDENTIFICATION, "identification"},
        {OID_CMC_DATA_RETURN, "dataReturn"},
        {OID_CMC_TRANSACTION_ID, "transactionId"},
        {OID_CMC_SENDER_NONCE, "senderNonce"},
        {OID_CMC_RECIPIENT_NONCE, "recipientNonce"},
        {OID_CMC_QUERY_PENDING, "queryPending"},
        {OID_CMC_LINK_RANDOM, "popLinkRandom"},
        {OID_CMC_LINK_WITNESS_V2, "popLinkWitnessV2"},
        {OID_CMC_IDENTITY_PROOF_V2, "identityProofV2"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(names[i].oid, oid) == 0)
            return arena_printf(t->arena, "%s (%s)", oid, names[i].name);
    }
    return oid_label(t, oid);
}

static void part_fact(struct task *t, json_t *object, uint32_t part)
{
    fact_text(t, object, "body-part", arena_printf(t->arena, "%lu", (unsigned long)part));
}

/* ---- Requests ---- */

static bool crmf_facts(struct task *t, struct inspection *in, struct bytes der, json_t *report)
{
    static const char *const proofs[] = {"none", "an RA's word", "signature", "by decryption"};
    struct crmf crmf;
    struct csr csr;
    TRY(crmf_parse(t, der, &crmf));
    TRY(crmf_to_csr(t, &crmf, &csr));
    fact_text(t, report, "kind", "crmf-request");
    fact_text(t, report, "subject", csr_subject(t, &csr));
    fact_text(t, report, "key", key_kind_text(t, csr.key_kind, csr.key_bits));
    fact_text(t, report, "proof", proofs[crmf.proof]);
    fact_texts(t, report, "controls", &crmf.controls);
    if (crmf.proof != CRMF_PROOF_SIGNATURE)
        return true;
    json_t *signature = fact_object(report, "signature");
    bool verifies = crmf_verify(t, &crmf, &csr);
    fact_bool(signature, "verifies", verifies);
    if (!verifies) {
        inspect_failed(in, arena_printf(t->arena, "proof of possession: %s", t->detail));
        fact_problem(t, signature, "detail");
    }
    return true;
}

/* What lies in a message leads to no anchor by itself. */
static void request_facts(struct task *t, struct inspection *in, const struct cmc_request *request,
                          json_t *report)
{
    struct inspection within = {.rules = in->rules};
    bool read = true;
    part_fact(t, report, request->part);
    if (request->form == CMC_PKCS10)
        read = inspect_request(t, &within, request->der, report);
    else if (request->form == CMC_CRMF)
        read = crmf_facts(t, &within, request->der, report);
    else
        fact_text(t, report, "kind", "other");
    if (!read) {
        inspect_failed(
            in, arena_printf(t->arena, "request %lu: %s", (unsigned long)request->part, t->detail));
        fact_problem(t, report, "detail");
    }
    if (within.failed != NULL)
        inspect_failed(in, within.failed);
}

static bool inspect_data(struct task *t, struct inspection *in, const struct cms *cms,
                         json_t *report)
{
    struct cmc_data data;
    TRY(cmc_data_parse(t, cms->content, &data));
    fact_text(t, report, "kind", "cmc-request");
    fact_hex(t, report, "transaction-id", data.transaction_id);
    fact_hex(t, report, "sender-nonce", data.sender_nonce);
    fact_text(t, report, "identification", data.identification);
    fact_hex(t, report, "pending-token", data.pending_token);
    json_t *controls = fact_array(report, "controls");
    for (size_t i = 0; i < data.control_count; i++) {
        json_t *one = fact_element(controls);
        part_fact(t, one, data.controls[i].part);
        fact_text(t, one, "oid", control_name(t, data.controls[i].oid));
    }
    json_t *requests = fact_array(report, "requests");
    for (size_t i = 0; i < data.request_count; i++)
        request_facts(t, in, &data.requests[i], fact_element(requests));
    return true;
}

/* ---- Responses ---- */

static const char *name_in(struct task *t, const char *const *names, size_t count, unsigned value)
{
    return value < count && names[value] != NULL ? names[value]
                                                 : arena_printf(t->arena, "%u", value);
}

static bool inspect_response(struct task *t, const struct cms *cms, json_t *report)
{
    static const char *const statuses[] = {"success",     NULL,        "failed",
                                           "pending",     "noSupport", "confirmRequired",
                                           "popRequired", "partial"};
    static const char *const failures[] = {
        "badAlg",         "badMessageCheck", "badRequest",  "badTime",     "badCertId",
        "unsupportedExt", "mustArchiveKeys", "badIdentity", "popRequired", "popFailed",
        "noKeyReuse",     "internalCAError", "tryLater",    "authDataFail"};
    struct cmc_response response;
    TRY(cmc_response_parse(t, cms->content, &response));
    fact_text(t, report, "kind", "cmc-response");
    fact_text(t, report, "status",
              name_in(t, statuses, ARRAY_SIZE(statuses), (unsigned)response.status));
    if (response.status == CMC_FAILED)
        fact_text(t, report, "failure",
                  name_in(t, failures, ARRAY_SIZE(failures), (unsigned)response.failure));
    fact_text(t, report, "text", response.text);
    json_t *parts = fact_array(report, "about");
    for (size_t i = 0; i < response.part_count; i++)
        part_fact(t, fact_element(parts), response.parts[i]);
    fact_hex(t, report, "pending-token", response.pending_token);
    fact_time(t, report, "pending-until", response.pending_until);
    fact_hex(t, report, "transaction-id", response.transaction_id);
    fact_hex(t, report, "sender-nonce", response.sender_nonce);
    fact_hex(t, report, "recipient-nonce", response.recipient_nonce);
    return true;
}

/* ---- Who signed ---- */

/* By the key in its one request, when there is no certificate (RFC 5272 3.2). */
static bool signed_by_requested_key(struct task *t, const struct cms *cms)
{
    struct cmc_data data;
    struct crmf crmf;
    struct csr csr;
    TRY(cmc_data_parse(t, cms->content, &data));
    ENSURE(t, data.request_count == 1, E_SIGNATURE, "the signer's certificate is not at hand");
    if (data.requests[0].form == CMC_PKCS10)
        TRY(csr_parse(t, data.requests[0].der, &csr));
    else
        TRY(crmf_parse(t, data.requests[0].der, &crmf) && crmf_to_csr(t, &crmf, &csr));
    return cms_verify_with_key(t, cms, csr.key);
}

static bool signature_facts(struct task *t, struct inspection *in, const struct cms *cms,
                            json_t *report)
{
    const struct cert *signer = NULL;
    bool request = strcmp(cms->content_type, OID_CT_PKI_DATA) == 0;
    json_t *signature = fact_object(report, "signature");
    bool verifies = cms_verify(t, cms, &in->rules->anchors, &signer);
    if (!verifies && request && cms->certs.count == 0) {
        task_forgive(t);
        verifies = signed_by_requested_key(t, cms);
    }
    fact_bool(signature, "verifies", verifies);
    if (!verifies) {
        inspect_failed(in, arena_printf(t->arena, "signature: %s", t->detail));
        fact_problem(t, signature, "detail");
        return true;
    }
    if (signer == NULL) {
        fact_text(t, signature, "signer", "the key that a certificate is asked for");
        inspect_without_chain(in, "signed by a key without a certificate");
        return true;
    }
    certificate_summary(t, signer, fact_object(signature, "signer"));
    return inspect_chain(t, in, report, signer, &cms->certs, 0, true);
}

bool inspect_cmc(struct task *t, struct inspection *in, const struct cms *cms, json_t *report)
{
    TRY(strcmp(cms->content_type, OID_CT_PKI_DATA) == 0 ? inspect_data(t, in, cms, report)
                                                        : inspect_response(t, cms, report));
    TRY(signature_facts(t, in, cms, report));
    json_t *certificates = fact_array(report, "certificates");
    for (size_t i = 0; i < cms->certs.count; i++)
        certificate_summary(t, cms->certs.items[i], fact_element(certificates));
    return true;
}

bool inspect_is_cmc(const struct cms *cms)
{
    return strcmp(cms->content_type, OID_CT_PKI_DATA) == 0 ||
           strcmp(cms->content_type, OID_CT_PKI_RESPONSE) == 0;
}

/*
 * Full PKI Requests and Responses: what is read is bounded and in its place, requests of both forms
 * among it are read or refused for what they are, and what is echoed can be written.
 *
 * Covers: core/pki/cmc.c core/pki/cmc_response.c core/pki/crmf.c core/pki/der.c
 */
#include "tests/fuzz/support.h"

#include "core/pki/cmc.h"
#include "core/pki/crmf.h"

static bool is_within(struct bytes part, struct bytes whole)
{
    return !bytes_present(part) ||
           (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

static void check_request(struct task *t, const struct cmc_request *request)
{
    struct crmf crmf;
    struct csr csr;
    if (request->form == CMC_CRMF && !crmf_parse(t, request->der, &crmf))
        MUST(t->problem == E_CRMF_MALFORMED);
    else if (request->form == CMC_CRMF && !crmf_to_csr(t, &crmf, &csr))
        MUST(t->problem == E_CSR_MALFORMED);
    else if (request->form == CMC_CRMF && !crmf_verify(t, &crmf, &csr))
        MUST(t->problem == E_CSR_POP || t->problem == E_POP_MISSING);
    else if (request->form == CMC_PKCS10 && !csr_parse(t, request->der, &csr))
        MUST(t->problem == E_CSR_MALFORMED);
    task_forgive(t);
}

static void check_witness(struct task *t, struct bytes der)
{
    struct cmc_witness witness;
    if (bytes_present(der) && cmc_witness_parse(t, der, &witness))
        MUST(is_within(witness.mac, der));
    task_forgive(t);
}

static void check_echo(struct task *t, const struct cmc_data *data)
{
    uint32_t part = 0;
    struct bytes der;
    const struct cmc_response response = {
        .transaction_id = data->transaction_id,
        .recipient_nonce = data->sender_nonce,
        .sender_nonce = BYTES_LITERAL("ours"),
        .data_return = data->data_return,
        .status = CMC_FAILED,
        .parts = &part,
        .part_count = 1,
        .failure = CMC_BAD_REQUEST,
    };
    struct cmc_response again;
    MUST(cmc_response_write(t, &response, &der) && cmc_response_parse(t, der, &again));
    MUST(again.status == CMC_FAILED && again.failure == CMC_BAD_REQUEST && again.part_count == 1);
    MUST(bytes_equal(again.transaction_id, data->transaction_id));
    MUST(bytes_equal(again.recipient_nonce, data->sender_nonce));
    MUST(bytes_equal(again.data_return, data->data_return));
}

/* Another's response. */
static void check_response(struct task *t, struct bytes octets)
{
    struct cmc_response response;
    if (cmc_response_parse(t, octets, &response))
        MUST(response.part_count > 0 && response.part_count <= CMC_PARTS_MAX);
    else
        MUST(t->problem == E_CMC_MALFORMED);
    task_forgive(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct bytes octets = bytes_make(data, size);
    struct cmc_data read;
    struct task t;
    task_init(&t, arena, NULL);
    check_response(&t, octets);
    if (!cmc_data_parse(&t, octets, &read)) {
        MUST(t.problem == E_CMC_MALFORMED);
        return 0;
    }
    MUST(read.control_count <= CMC_CONTROLS_MAX && read.request_count <= CMC_PARTS_MAX);
    MUST(is_within(read.request_sequence, octets) && is_within(read.sender_nonce, octets));
    for (size_t i = 0; i < read.request_count; i++)
        check_request(&t, &read.requests[i]);
    check_witness(&t, read.identity_proof);
    check_witness(&t, read.link_witness);
    check_echo(&t, &read);
    return 0;
}

/*
 * Whatever is read as an OCSP request is within its bounds, and is answered.
 *
 * Covers: core/pki/ocsp.c
 */
#include "tests/fuzz/support.h"

#include "core/pki/csr.h"
#include "core/pki/issue.h"
#include "core/pki/ocsp.h"

/* Made once: a responder that signs for itself. */
static struct ocsp_signer signer;

static void make_signer(void)
{
    static struct task t;
    if (signer.key != NULL)
        return;
    task_init(&t, arena_create(), NULL);
    struct issue issue = {.not_after = 253402300799000LL, .path_length = -1};
    MUST(key_generate(&t, KEY_P256, 0, &signer.key));
    MUST(name_from_text(&t, "CN=a", &issue.subject));
    issue.key = issue.issuer_key = signer.key;
    MUST(issue_certificate(&t, &issue, &signer.cert));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_create();
    struct task t;
    struct ocsp_request request;
    struct bytes response;
    make_signer();
    task_init(&t, arena, NULL);
    if (!ocsp_request_read(&t, bytes_make(data, size), &request)) {
        MUST(t.problem == E_OCSP_MALFORMED);
        MUST(ocsp_error_make(&t, OCSP_ERROR_MALFORMED, &response));
        return 0;
    }
    MUST(request.count >= 1 && request.count <= OCSP_ASKED_MAX);
    struct ocsp_verdict *verdicts = arena_array(arena, request.count, sizeof(*verdicts));
    for (size_t i = 0; i < request.count; i++) {
        (void)ocsp_asks_about(&request.asked[i], signer.cert);
        verdicts[i].status = (enum ocsp_status)(i % 3);
    }
    MUST(ocsp_response_make(&t, &request, verdicts, &signer, 0, 1000, &response));
    return 0;
}

/* Who has signed a Full PKI Request, and that the key in it is the client's. */
#include "est/fullcmc.h"

#include "core/base/clock.h"
#include "core/pki/crmf.h"
#include "est/profile.h"

#include <string.h>

/* How far from now a message may say that it was signed: clients ask again for as long, ms. */
#define SIGNED_AHEAD  DAY_MS
#define SIGNED_BEHIND (30 * DAY_MS)

/* ---- What is not handled ---- */

static bool is_of_cmc(const char *oid)
{
    return strncmp(oid, OID_CMC ".", strlen(OID_CMC ".")) == 0;
}

static void add(struct fullcmc_rest *rest, uint32_t part)
{
    rest->parts[rest->count++] = part;
}

/* RFC 5272 6: a control that is not recognised is named in the answer. */
static void add_controls(const struct cmc_data *data, bool of_cmc, struct fullcmc_rest *rest)
{
    for (size_t i = 0; i < data->control_count; i++) {
        const struct cmc_control *control = &data->controls[i];
        if (!control->understood && is_of_cmc(control->oid) == of_cmc)
            add(rest, control->part);
    }
}

void fullcmc_unsupported(struct task *t, const struct cmc_data *data, struct fullcmc_rest *ret)
{
    size_t most = data->control_count + data->request_count + data->other_count + 1;
    struct fullcmc_rest rest = {.parts = arena_array(t->arena, most, sizeof(*rest.parts))};
    add_controls(data, false, &rest);
    rest.unknown = rest.count > 0;
    if (!rest.unknown) {
        add_controls(data, true, &rest);
        for (size_t i = 0; i < data->request_count; i++) {
            if (i > 0 || data->requests[i].form == CMC_OTHER_FORM)
                add(&rest, data->requests[i].part);
        }
        for (size_t i = 0; i < data->other_count; i++)
            add(&rest, data->others[i]);
    }
    *ret = rest;
}

/* ---- The key ---- */

static bool read_pkcs10(struct task *t, const struct cmc_request *request, struct csr *ret,
                        struct bytes *ret_witness)
{
    struct csr csr;
    struct bytes witness;
    TRY(csr_parse(t, request->der, &csr));
    TRY(csr_verify(t, &csr));
    TRY(csr_attribute_value(t, &csr, OID_CMC_LINK_WITNESS_V2, &witness));
    *ret_witness = witness;
    *ret = csr;
    return true;
}

/* RFC 4211 4: an RA may have seen to the proof itself; nobody else is believed that. */
static bool read_crmf(struct task *t, const struct est_client *client,
                      const struct cmc_request *request, struct csr *ret, struct bytes *ret_witness)
{
    struct crmf crmf;
    struct csr csr;
    TRY(crmf_parse(t, request->der, &crmf));
    ENSURE(t, crmf.controls.count == 0, E_CRMF_MALFORMED, "the control %s is not handled",
           crmf.controls.items[0]);
    TRY(crmf_to_csr(t, &crmf, &csr));
    if (crmf.proof == CRMF_PROOF_RA)
        ENSURE(t, client->proof == EST_PROOF_RA, E_CSR_POP,
               "raVerified, from a client that is no RA");
    else
        TRY(crmf_verify(t, &crmf, &csr));
    *ret_witness = crmf.link_witness;
    *ret = csr;
    return true;
}

static bool is_given(const struct profile *profile, const char *oid)
{
    static const char *const always[] = {OID_CE_SUBJECT_ALT_NAME, OID_CE_KEY_USAGE,
                                         OID_CE_EXT_KEY_USAGE, OID_CE_BASIC_CONSTRAINTS};
    for (size_t i = 0; i < ARRAY_SIZE(always); i++) {
        if (strcmp(always[i], oid) == 0)
            return true;
    }
    for (size_t i = 0; i < profile->extensions.count; i++) {
        const struct profile_extension *extension = profile->extensions.items;
        if (strcmp(extension[i].oid, oid) == 0)
            return true;
    }
    return false;
}

/*
 * RFC 5272 6.1.4, unsupportedExt: what is critical does not get lost in silence.  A device's
 * request is held against its CSR attributes in any case.
 */
static bool check_extensions(struct task *t, const struct est *est, const struct est_client *client,
                             const struct csr *csr)
{
    struct asked asked;
    if (client->name == NULL)
        return true;
    TRY(profile_generic(t, est->store, client->label.profile, false, &asked));
    for (size_t i = 0; i < csr->extensions.count; i++) {
        const struct extension *extension = &csr->extensions.items[i];
        ENSURE(t, !extension->critical || is_given(&asked.profile, extension->oid), E_CMC_EXTENSION,
               "the critical extension %s", extension->oid);
    }
    return true;
}

bool fullcmc_request(struct task *t, struct http_request *rq, const struct est_client *client,
                     const struct cmc_data *data, struct csr *ret)
{
    const struct cmc_request *request = &data->requests[0];
    struct csr csr;
    struct bytes witness;
    TRY(request->form == CMC_PKCS10 ? read_pkcs10(t, request, &csr, &witness)
                                    : read_crmf(t, client, request, &csr, &witness));
    TRY(check_extensions(t, rq->context, client, &csr));
    /* RFC 5272 6.3.1.1: it is in the request; some have it beside the random value. */
    TRY(fullcmc_check_link(t, client, data, bytes_present(witness) ? witness : data->link_witness));
    TRY(est_client_binding(t, rq, client, &csr));
    *ret = csr;
    return true;
}

/* ---- The signature ---- */

static bool check_time(struct task *t, const struct cms *cms)
{
    int64_t at = cms_signing_time(cms);
    int64_t now = clock_wall();
    ENSURE(t, at == 0 || (at <= now + SIGNED_AHEAD && at >= now - SIGNED_BEHIND), E_CMC_TIME,
           "it was signed at %s", time_to_text(t->arena, at));
    return true;
}

/* Whose name is not on the connection's certificate may sign with the new key. */
static bool may_sign_with_key(const struct est_client *client)
{
    return client->proof == EST_PROOF_PASSWORD || client->proof == EST_PROOF_RA;
}

static bool check_signer(struct task *t, struct http_request *rq, const struct est_client *client,
                         const struct cms *cms, const struct csr *csr)
{
    struct bytes_list shown = http_connection_peer(rq->connection);
    const struct cert *own = NULL;
    const struct cert *signer;
    if (shown.count > 0)
        TRY(cert_parse(t, shown.items[0], &own));
    if (own == NULL || !cms_names_signer(cms, own)) {
        ENSURE(t, may_sign_with_key(client), E_CMC_SIGNER,
               "signed by another than the certificate of the connection");
        return cms_verify_with_key(t, cms, csr->key);
    }
    const struct cert_list known = {&own, 1};
    TRY(cms_verify(t, cms, &known, &signer));
    ENSURE(t, bytes_equal(signer->der, own->der), E_CMC_SIGNER,
           "signed by another certificate of the same number");
    return true;
}

bool fullcmc_signature(struct task *t, struct http_request *rq, const struct est_client *client,
                       const struct fullcmc *message, const struct csr *csr)
{
    ENSURE(t, message->cms.signers == 1, E_SIGNATURE, "%u signers; there must be one",
           message->cms.signers);
    ENSURE(t, cms_hash_is_accepted(&message->cms), E_CMC_ALGORITHM,
           "signed with a hash that is weaker than SHA-256");
    TRY(check_signer(t, rq, client, &message->cms, csr));
    return check_time(t, &message->cms);
}

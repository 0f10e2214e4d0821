#include "core/pki/cms.h"
#include "registrar/voucher/voucher.h"
#include "web/ctl/facts.h"
#include "web/ctl/inspect_internal.h"
#include "web/ctl/problems.h"

#define NESTED_MAX 4 /* voucher requests within one another */

static bool inspect_artifact(struct task *t, struct inspection *in, struct bytes octets,
                             unsigned depth, json_t *report);

/* ---- Members ---- */

/* A certificate in a member: a summary, or why it is none. */
static void member_certificate(struct task *t, json_t *members, const char *name, struct bytes der)
{
    const struct cert *cert;
    if (!bytes_present(der))
        return;
    json_t *summary = fact_object(members, name);
    if (cert_parse(t, der, &cert))
        certificate_summary(t, cert, summary);
    else
        fact_problem(t, summary, "problem");
}

static bool member_prior_request(struct task *t, struct inspection *in, const struct voucher *v,
                                 unsigned depth, json_t *members)
{
    if (!bytes_present(v->prior_signed_voucher_request))
        return true;
    json_t *prior = fact_object(members, "prior-signed-voucher-request");
    if (inspect_artifact(t, in, v->prior_signed_voucher_request, depth + 1, prior))
        return true;
    inspect_failed(in, arena_printf(t->arena, "prior-signed-voucher-request: %s", t->detail));
    fact_text(t, prior, "problem", t->problem->name);
    fact_problem(t, prior, "detail");
    return true;
}

static bool voucher_members(struct task *t, struct inspection *in, const struct voucher *v,
                            unsigned depth, json_t *members)
{
    fact_text(t, members, "assertion", v->assertion);
    fact_time(t, members, "created-on", v->created_on);
    fact_time(t, members, "expires-on", v->expires_on);
    fact_time(t, members, "last-renewal-date", v->last_renewal_date);
    fact_text(t, members, "serial-number", v->serial_number);
    fact_text(t, members, "nonce", v->nonce);
    fact_base64(t, members, "idevid-issuer", v->idevid_issuer);
    member_certificate(t, members, "pinned-domain-cert", v->pinned_domain_cert);
    fact_base64(t, members, "pinned-domain-pubk", v->pinned_domain_pubk);
    fact_base64(t, members, "pinned-domain-pubk-sha256", v->pinned_domain_pubk_sha256);
    if (v->has_revocation_checks)
        fact_bool(members, "domain-cert-revocation-checks", v->domain_cert_revocation_checks);
    fact_text(t, members, "est-domain", v->est_domain);
    fact_text(t, members, "additional-configuration-url", v->additional_configuration_url);
    member_certificate(t, members, "proximity-registrar-cert", v->proximity_registrar_cert);
    fact_base64(t, members, "proximity-registrar-pubk", v->proximity_registrar_pubk);
    fact_base64(t, members, "proximity-registrar-pubk-sha256", v->proximity_registrar_pubk_sha256);
    fact_texts(t, members, "passed-over", &v->unknown);
    return member_prior_request(t, in, v, depth, members);
}

/* A request that carries a pledge's request is a registrar's (RFC 8995 5.5). */
static const char *kind_of(const struct voucher *v)
{
    if (v->kind == VOUCHER)
        return "voucher";
    return bytes_present(v->prior_signed_voucher_request) ? "registrar-voucher-request"
                                                          : "voucher-request";
}

/* ---- Signature ---- */

static bool artifact_signature(struct task *t, struct inspection *in,
                               const struct signed_voucher *sv, unsigned depth, json_t *report)
{
    const struct cert *signer;
    json_t *signature = fact_object(report, "signature");
    if (sv->certs.count == 0 && in->rules->anchors.count == 0) {
        fact_text(t, signature, "verifies",
                  "not checked: it carries no certificate, and no --anchor names one");
        return true;
    }
    bool verifies = sv->form->verify(t, sv, &in->rules->anchors, &signer);
    fact_bool(signature, "verifies", verifies);
    if (!verifies) {
        inspect_failed(in, arena_printf(t->arena, "signature: %s", t->detail));
        fact_problem(t, signature, "detail");
        return true;
    }
    certificate_summary(t, signer, fact_object(signature, "signer"));
    /* Whose request lies within a registrar's is another matter than who the registrar is. */
    return inspect_chain(t, in, report, signer, &sv->certs, sv->voucher.created_on, depth == 0);
}

/* Tries each wire form; what the first one says stands when none can read it. */
static bool artifact_open(struct task *t, struct bytes octets, struct signed_voucher *ret)
{
    const struct problem_kind *problem = E_VOUCHER_FORM;
    const char *detail = "no wire form";
    for (size_t i = 0; voucher_forms[i] != NULL; i++) {
        task_forgive(t);
        if (voucher_forms[i]->open(t, octets, 0, ret))
            return true;
        if (i == 0) {
            problem = t->problem;
            detail = t->detail;
        }
    }
    return fail(t, problem, "%s", detail);
}

static bool inspect_artifact(struct task *t, struct inspection *in, struct bytes octets,
                             unsigned depth, json_t *report)
{
    struct signed_voucher sv;
    struct cms cms;
    ENSURE(t, depth < NESTED_MAX, E_TOO_LARGE, "voucher requests nested deeper than %d",
           NESTED_MAX);
    TRY(artifact_open(t, octets, &sv));
    fact_text(t, report, "kind", kind_of(&sv.voucher));
    fact_text(t, report, "form", sv.form->name);
    if (sv.form == &voucher_form_cms && cms_open(t, octets, &cms))
        fact_text(t, report, "content-type", oid_label(t, cms.content_type));
    TRY(artifact_signature(t, in, &sv, depth, report));
    TRY(voucher_members(t, in, &sv.voucher, depth, fact_object(report, "members")));
    json_t *certificates = fact_array(report, "certificates");
    for (size_t i = 0; i < sv.certs.count; i++)
        certificate_summary(t, sv.certs.items[i], fact_element(certificates));
    return true;
}

/* ---- Entrances ---- */

bool inspect_signed_data(struct task *t, struct inspection *in, struct bytes octets, json_t *report)
{
    struct cert_list certs;
    if (cms_certs_only_read(t, octets, &certs))
        return inspect_certificates(t, in, &certs, "certs-only", report);
    task_forgive(t);
    return inspect_artifact(t, in, octets, 0, report);
}

bool inspect_voucher_json(struct task *t, struct inspection *in, struct bytes json, json_t *report)
{
    struct signed_voucher sv;
    struct voucher v;
    if (artifact_open(t, json, &sv))
        return inspect_artifact(t, in, json, 0, report);
    task_forgive(t);
    if (!voucher_from_json(t, json, 0, &v))
        return fail(t, E_CTL_UNKNOWN_FILE, "JSON that is no voucher or voucher request: %s",
                    t->detail);
    fact_text(t, report, "kind", kind_of(&v));
    fact_text(t, report, "form", "JSON alone, unsigned");
    inspect_without_chain(in, "the JSON of a voucher alone has no signature to verify");
    return voucher_members(t, in, &v, 0, fact_object(report, "members"));
}

/* The members of vouchers and voucher requests (RFC 8366bis, RFC 8995 3, brski-prm). */
#include "web/ctl/facts.h"
#include "web/ctl/inspect_internal.h"

static void certificate_or_problem(struct task *t, struct bytes der, json_t *summary)
{
    const struct cert *cert;
    if (cert_parse(t, der, &cert))
        certificate_summary(t, cert, summary);
    else
        fact_problem(t, summary, "problem");
}

/* A certificate in a member: a summary, or why it is none. */
static void member_certificate(struct task *t, json_t *members, const char *name, struct bytes der)
{
    if (bytes_present(der))
        certificate_or_problem(t, der, fact_object(members, name));
}

static void member_certificates(struct task *t, json_t *members, const char *name,
                                const struct bytes_list *der)
{
    if (der->count == 0)
        return;
    json_t *list = fact_array(members, name);
    for (size_t i = 0; i < der->count; i++)
        certificate_or_problem(t, der->items[i], fact_element(list));
}

/* What a voucher request says of who is near whom. */
static void request_members(struct task *t, const struct voucher *v, json_t *members)
{
    member_certificate(t, members, "proximity-registrar-cert", v->proximity_registrar_cert);
    fact_base64(t, members, "proximity-registrar-pubk", v->proximity_registrar_pubk);
    fact_base64(t, members, "proximity-registrar-pubk-sha256", v->proximity_registrar_pubk_sha256);
    member_certificate(t, members, "agent-provided-proximity-registrar-cert",
                       v->agent_provided_proximity_registrar_cert);
    fact_base64(t, members, "agent-signed-data", v->agent_signed_data);
    member_certificates(t, members, "agent-sign-cert", &v->agent_sign_cert);
}

static void unknown_members(struct task *t, const struct unknown_members *unknown, json_t *members)
{
    if (unknown->count == 0)
        return;
    json_t *passed_over = fact_object(members, "passed-over");
    for (size_t i = 0; i < unknown->count; i++)
        fact_text(t, passed_over, unknown->items[i].name, unknown->items[i].value);
}

void inspect_voucher_members(struct task *t, const struct voucher *v, json_t *members)
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
    fact_text(t, members, "additional-configuration", v->additional_configuration);
    fact_base64(t, members, "manufacturer-proprietary", v->manufacturer_proprietary);
    fact_texts(t, members, "extensions", &v->extensions);
    request_members(t, v, members);
    unknown_members(t, &v->unknown, members);
}

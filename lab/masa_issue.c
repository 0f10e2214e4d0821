#include "lab/masa_issue.h"

#include "core/base/clock.h"

struct issuing {
    const struct masa_office *office;
    const struct masa_grant *grant;
};

/* RFC 8366 5.3: only a voucher without nonce ends; never after what it pins. */
static int64_t expiry(const struct issuing *issuing, int64_t now)
{
    if (issuing->grant->nonce != NULL)
        return 0;
    int64_t end = now + issuing->office->lifetime;
    int64_t pinned_end = cert_not_after(issuing->grant->pinned);
    int64_t bound = issuing->grant->not_after;
    if (bound != 0 && bound < end)
        end = bound;
    return end < pinned_end ? end : pinned_end;
}

/* RFC 8366 5.3: only together with expires-on. */
static int64_t last_renewal(const struct issuing *issuing, int64_t now)
{
    int64_t renewable = issuing->office->renewable;
    return issuing->grant->nonce == NULL && renewable > 0 ? now + renewable : 0;
}

static bool make_voucher(struct task *t, void *context, struct bytes *ret)
{
    const struct issuing *issuing = context;
    const struct masa_office *office = issuing->office;
    const struct masa_grant *grant = issuing->grant;
    int64_t now = clock_wall();
    const struct voucher voucher = {
        .kind = VOUCHER,
        .created_on = now,
        .expires_on = expiry(issuing, now),
        .last_renewal_date = last_renewal(issuing, now),
        .assertion = grant->assertion,
        .serial_number = grant->serial,
        .nonce = grant->nonce,
        .idevid_issuer = office->name_issuer ? grant->idevid_issuer : BYTES_ABSENT,
        .pinned_domain_cert = grant->pinned->der,
        .est_domain = grant->est_domain,
        .additional_configuration_url = grant->additional_configuration_url,
    };
    const struct voucher_signer signer = {
        .cert = office->signer->cert,
        .key = office->signer->key,
        .certs = office->signer->chain,
    };
    return grant->form->seal(t, &voucher, &signer, ret);
}

bool masa_grant(struct task *t, const struct masa_office *office, const struct masa_grant *grant,
                struct bytes *ret)
{
    struct issuing issuing = {office, grant};
    struct masa_issue issue = {
        .request = grant->request,
        .serial = grant->serial,
        .idevid_issuer = grant->idevid_issuer,
        .nonce = grant->nonce,
        .assertion = grant->assertion,
    };
    TRY(cert_domain_id(t, grant->pinned, &issue.domain_id));
    return masa_state_issue(t, office->state, &issue, make_voucher, &issuing, ret);
}

/* The certification request that the registrar's CSR attributes ask for (RFC 8995 5.9.2). */
#include "lab/pledge_enrol.h"

#include "core/pki/csr_fill.h"
#include "core/pki/csrattrs.h"
#include "lab/problems.h"

/* Where the registrar leaves the choice. */
#define DEFAULT_KEY      KEY_P256
#define DEFAULT_RSA_BITS 3072
#define RSA_BITS_MIN     2048
#define RSA_BITS_MAX     8192

/* RFC 7030 4.5.2: what is not understood is passed over; without attributes all is our choice. */
bool csr_wishes(struct task *t, struct pledge *p, struct csrattrs *ret)
{
    struct csrattrs wishes = {.key = KEY_OTHER};
    if (bytes_present(p->now.csrattrs) && p->now.csrattrs.len > 0)
        TRY(csrattrs_decode(t, p->now.csrattrs, &wishes));
    *ret = wishes;
    return true;
}

/* RFC 9908 3.4: who reads the template goes by it alone. */
static bool kind_of_key(struct task *t, const struct csrattrs *wishes, enum key_kind *ret,
                        unsigned *ret_bits)
{
    const struct csr_template *template = wishes->template;
    enum key_kind kind = wishes->key;
    unsigned bits = wishes->rsa_bits;
    if (template != NULL) {
        ENSURE(t, !template->has_key || template->key != KEY_OTHER, E_CSRATTRS_UNMET,
               "csrattrs ask for a kind of key that this device cannot make");
        kind = template->key;
        bits = template->rsa_bits;
    }
    *ret = kind == KEY_OTHER ? DEFAULT_KEY : kind;
    *ret_bits = bits == 0 ? DEFAULT_RSA_BITS : bits;
    return true;
}

bool csr_make_key(struct task *t, struct pledge *p, const struct csrattrs *wishes)
{
    enum key_kind kind;
    unsigned bits;
    p->now.csr_fault = pledge_fault(t, p, OP_CSR);
    if (p->now.csr_fault == PF_CSR_WEAK_KEY)
        return fault_weak_key(t, &p->now.key);
    TRY(kind_of_key(t, wishes, &kind, &bits));
    ENSURE(t, kind != KEY_RSA || (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX), E_CSRATTRS_UNMET,
           "csrattrs ask for an RSA key of %u bits; %d to %d are made", bits, RSA_BITS_MIN,
           RSA_BITS_MAX);
    return key_generate(t, kind, bits, &p->now.key);
}

/* RFC 7030 3.5: the request is bound to the connection that carries it, if that is asked for. */
static bool channel_binding(struct task *t, const struct pledge *p, const struct csrattrs *wishes,
                            const char **ret)
{
    struct bytes binding;
    if (!wishes->challenge_password) {
        *ret = NULL;
        return true;
    }
    TRY(link_channel_binding(t, p->now.est, &binding));
    *ret = bytes_to_base64(t->arena, binding);
    return true;
}

static bool request_content(struct task *t, const struct pledge *p, const struct csrattrs *wishes,
                            struct csr_content *ret)
{
    const struct csr_facts facts = {
        .idevid = p->idevid.cert,
        .key = p->now.key,
        .address = link_local_address(t, p->now.est),
    };
    struct csr_content content = {
        /* The name that the manufacturer gave, unless the owner's CA puts another in its place. */
        .subject = X509_get_subject_name(p->idevid.cert->x509),
        .extensions = wishes->extensions,
    };
    if (wishes->template != NULL)
        TRY(csr_fill(t, wishes->template, &facts, &content));
    TRY(channel_binding(t, p, wishes, &content.challenge_password));
    content.signature_oid = wishes->signature_oid;
    *ret = content;
    return true;
}

bool csr_make(struct task *t, struct pledge *p, const struct csrattrs *wishes)
{
    TRY(request_content(t, p, wishes, &p->now.content));
    struct csr_content content = p->now.content;
    TRY(fault_spoils_csr(t, p->now.csr_fault, &content));
    TRY(csr_write(t, p->now.key, &content, &p->now.csr));
    return fault_spoils_octets(t, p, p->now.csr_fault, &p->now.csr);
}

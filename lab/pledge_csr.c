/* The certification request that the registrar's CSR attributes ask for (RFC 8995 5.9.2). */
#include "lab/pledge_enrol.h"

#include "core/pki/csrattrs.h"
#include "lab/problems.h"

/* Where the registrar leaves the choice. */
#define DEFAULT_KEY      KEY_P256
#define DEFAULT_RSA_BITS 3072
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

bool csr_make_key(struct task *t, struct pledge *p, const struct csrattrs *wishes)
{
    enum key_kind kind = wishes->key == KEY_OTHER ? DEFAULT_KEY : wishes->key;
    unsigned bits = wishes->rsa_bits == 0 ? DEFAULT_RSA_BITS : wishes->rsa_bits;
    ENSURE(t, kind != KEY_RSA || bits <= RSA_BITS_MAX, E_STATUS,
           "csrattrs ask for an RSA key of %u bits; at most %d are made", bits, RSA_BITS_MAX);
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
    TRY(link_channel_binding(t, p->now.link, &binding));
    *ret = bytes_to_base64(t->arena, binding);
    return true;
}

bool csr_make(struct task *t, struct pledge *p, const struct csrattrs *wishes)
{
    const char *password;
    /* The name that the manufacturer gave, unless the owner's CA puts another in its place. */
    X509_NAME *subject = X509_get_subject_name(p->idevid.cert->x509);
    TRY(channel_binding(t, p, wishes, &password));
    return csr_build(t, p->now.key, subject, &wishes->extensions, password, wishes->signature_oid,
                     &p->now.csr);
}

#include "core/pki/chain.h"

#include "core/base/clock.h"
#include "core/pki/library.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

/*
 * What libcrypto reckons a signature to be worth.  SHA-1 counts 63: CAs of its age signed IDevIDs
 * that are still in the field.  MD5 counts 39.
 */
#define SIGNATURE_BITS_MIN 60

struct anchors {
    X509_STORE *store;
};

/*
 * Of several anchors with one name, the library takes the first that may be the issuer and never
 * another; a certificate that says no more of its issuer than the name needs the one whose key
 * fits.
 */
static bool has_namesakes(const struct cert_list *certs)
{
    for (size_t i = 0; i < certs->count; i++) {
        const X509_NAME *name = X509_get_subject_name(certs->items[i]->x509);
        for (size_t k = 0; k < i; k++) {
            if (X509_NAME_cmp(name, X509_get_subject_name(certs->items[k]->x509)) == 0)
                return true;
        }
    }
    return false;
}

/*
 * RFC 5280 4.2.1.1: the serial number in an authorityKeyIdentifier helps in finding the issuer. The
 * one of an old CA certificate must not keep a renewed one with the same name and key from being
 * found; the signature says whether it is the issuer.
 */
static int is_issued(X509_STORE_CTX *ctx, X509 *subject, X509 *issuer)
{
    int error = X509_check_issued(issuer, subject);
    (void)ctx;
    /* What an issuer may do is judged, and told, when the path is there. */
    return error == X509_V_OK || error == X509_V_ERR_KEYUSAGE_NO_CERTSIGN ||
           error == X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH;
}

static int is_issued_by_key(X509_STORE_CTX *ctx, X509 *subject, X509 *issuer)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    return is_issued(ctx, subject, issuer) == 1 && key != NULL && X509_verify(subject, key) == 1;
}

bool anchors_make(struct task *t, const struct cert_list *certs, const struct anchors **ret)
{
    struct anchors *anchors = arena_alloc(t->arena, sizeof(*anchors));
    anchors->store = IN_ARENA(t, X509_STORE_free, X509_STORE_new());
    /* An anchor need not be a root, and no lookup is added: nothing of the system's is trusted. */
    (void)X509_STORE_set_flags(anchors->store, X509_V_FLAG_PARTIAL_CHAIN);
    X509_STORE_set_check_issued(anchors->store,
                                has_namesakes(certs) ? is_issued_by_key : is_issued);
    for (size_t i = 0; i < certs->count; i++)
        ENSURE(t, X509_STORE_add_cert(anchors->store, certs->items[i]->x509) == 1, E_CRYPTO,
               "anchor %s: %s", cert_subject(t, certs->items[i]), crypto_error(t));
    *ret = anchors;
    return true;
}

static void release_borrowing_stack(void *stack)
{
    sk_X509_free(stack);
}

static STACK_OF(X509) * stack_of(struct task *t, const struct cert_list *certs)
{
    STACK_OF(X509) *stack = in_arena(t, release_borrowing_stack, sk_X509_new_null());
    for (size_t i = 0; certs != NULL && i < certs->count; i++) {
        if (sk_X509_push(stack, certs->items[i]->x509) <= 0)
            abort();
    }
    return stack;
}

static int64_t time_to_judge_at(const struct chain_rules *rules)
{
    return rules == NULL || rules->at == 0 ? clock_wall() : rules->at;
}

static bool validity_matters(const struct chain_rules *rules)
{
    return rules == NULL || !rules->ignore_validity;
}

static void set_rules(X509_STORE_CTX *ctx, const struct chain_rules *rules)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    /* RFC 8995 2.3: no key usage may be demanded of an IDevID, so no purpose either. */
    (void)X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY);
    X509_VERIFY_PARAM_set_depth(param, CERT_COUNT_MAX);
    /* With a time set, libcrypto would overlook the flag. */
    if (validity_matters(rules))
        X509_VERIFY_PARAM_set_time(param, (time_t)(time_to_judge_at(rules) / SECOND_MS));
    else
        (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
}

static bool fail_verification(struct task *t, X509_STORE_CTX *ctx)
{
    int error = X509_STORE_CTX_get_error(ctx);
    const X509 *at = X509_STORE_CTX_get_current_cert(ctx);
    bool expired = error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID;
    ERR_clear_error();
    return fail(t, expired ? E_CERT_EXPIRED : E_CERT_UNTRUSTED, "%s: %s",
                at == NULL ? "no certificate" : name_text(t, X509_get_subject_name(at)),
                X509_verify_cert_error_string(error));
}

/* The anchor's own signature proves nothing and is not judged. */
static bool check_signature_strength(struct task *t, STACK_OF(X509) * path)
{
    for (int i = 0; i + 1 < sk_X509_num(path); i++) {
        int bits = 0;
        X509 *x509 = sk_X509_value(path, i);
        (void)X509_get_signature_info(x509, NULL, NULL, &bits, NULL);
        ENSURE(t, bits >= SIGNATURE_BITS_MIN, E_CERT_UNTRUSTED, "%s: signed with a broken hash",
               name_text(t, X509_get_subject_name(x509)));
    }
    return true;
}

/* The path as certificates of this task: anchors may live in another arena. */
static bool copy_path(struct task *t, STACK_OF(X509) * path, const struct cert *leaf,
                      struct cert_list *ret)
{
    size_t count = (size_t)sk_X509_num(path);
    const struct cert **items = arena_array(t->arena, count, sizeof(struct cert *));
    items[0] = leaf;
    for (size_t i = 1; i < count; i++) {
        X509 *x509 = sk_X509_value(path, (int)i);
        if (X509_up_ref(x509) != 1)
            abort();
        ARENA_DEFER(t->arena, X509_free, x509);
        TRY(cert_of_x509(t, x509, &items[i]));
    }
    *ret = (struct cert_list){items, count};
    return true;
}

bool chain_verify(struct task *t, const struct anchors *anchors, const struct cert *leaf,
                  const struct cert_list *others, const struct chain_rules *rules,
                  struct cert_list *ret)
{
    X509_STORE_CTX *ctx = IN_ARENA(t, X509_STORE_CTX_free, X509_STORE_CTX_new());
    ENSURE(t, X509_STORE_CTX_init(ctx, anchors->store, leaf->x509, stack_of(t, others)) == 1,
           E_CRYPTO, "path validation: %s", crypto_error(t));
    set_rules(ctx, rules);
    if (X509_verify_cert(ctx) != 1)
        return fail_verification(t, ctx);
    ERR_clear_error(); /* what was tried on the way */
    STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(ctx);
    TRY(check_signature_strength(t, path));
    return ret == NULL || copy_path(t, path, leaf, ret);
}

static bool check_validity(struct task *t, const struct cert *cert, const struct chain_rules *rules)
{
    int64_t at = time_to_judge_at(rules);
    ENSURE(t,
           !validity_matters(rules) || (at >= cert_not_before(cert) && at <= cert_not_after(cert)),
           E_CERT_EXPIRED, "%s: valid from %s to %s", cert_subject(t, cert),
           time_to_text(t->arena, cert_not_before(cert)),
           time_to_text(t->arena, cert_not_after(cert)));
    return true;
}

bool chain_verify_pinned(struct task *t, const struct cert *pinned, const struct cert *leaf,
                         const struct cert_list *others, const struct chain_rules *rules)
{
    const struct anchors *anchors;
    /* RFC 8995 5.6.2: what is pinned may be the end entity; its key is what counts. */
    if (bytes_equal(cert_spki(t, pinned), cert_spki(t, leaf)))
        return check_validity(t, leaf, rules);
    const struct cert_list only = {&pinned, 1};
    TRY(anchors_make(t, &only, &anchors));
    return chain_verify(t, anchors, leaf, others, rules, NULL);
}

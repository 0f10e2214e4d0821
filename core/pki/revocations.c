#include "core/pki/revocations.h"

#include "core/base/clock.h"
#include "core/pki/library.h"

#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#define FILE_SIZE_MAX ((size_t)CRL_COUNT_MAX * CRL_SIZE_MAX * 2) /* PEM is larger */
#define HASH_LEN_MIN  20 /* SHA-1 of old manufacturers; nothing less */

/* ---- Reading ---- */

static bool time_read(const ASN1_TIME *time, int64_t *ret)
{
    struct tm parts;
    if (time == NULL || ASN1_TIME_to_tm(time, &parts) != 1)
        return false;
    *ret = (int64_t)timegm(&parts) * SECOND_MS;
    return true;
}

/* RFC 5280 5.2.5: which certificates the list is about.  Some of this issuer's, or all, is right.
 */
static bool check_scope(struct task *t, const X509_CRL *x509)
{
    ISSUING_DIST_POINT *scope =
        X509_CRL_get_ext_d2i(x509, NID_issuing_distribution_point, NULL, NULL);
    ERR_clear_error();
    ENSURE(t, scope != NULL, E_CRL_MALFORMED, "its issuingDistributionPoint cannot be read");
    ARENA_DEFER(t->arena, ISSUING_DIST_POINT_free, scope);
    ENSURE(t, scope->indirectCRL <= 0, E_CRL_MALFORMED, "it is an indirect list");
    ENSURE(t, scope->onlyattr <= 0, E_CRL_MALFORMED, "it is a list of attribute certificates");
    return true;
}

/* RFC 5280 5.2: a list with a critical extension that is not understood is not to be used. */
static bool check_extensions(struct task *t, const X509_CRL *x509)
{
    for (int i = 0; i < X509_CRL_get_ext_count(x509); i++) {
        X509_EXTENSION *extension = X509_CRL_get_ext(x509, i);
        const ASN1_OBJECT *oid = X509_EXTENSION_get_object(extension);
        ENSURE(t, OBJ_obj2nid(oid) != NID_delta_crl, E_CRL_MALFORMED, "it is a delta list");
        if (OBJ_obj2nid(oid) == NID_issuing_distribution_point)
            TRY(check_scope(t, x509));
        else
            ENSURE(t, X509_EXTENSION_get_critical(extension) == 0, E_CRL_MALFORMED,
                   "its critical extension %s is not understood", oid_text(t, oid));
    }
    return true;
}

/* RFC 5280 5.3: the one critical extension of entries is that of indirect lists. */
static bool check_entries(struct task *t, X509_CRL *x509, size_t *ret_count)
{
    const STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(x509);
    int count = entries == NULL ? 0 : sk_X509_REVOKED_num(entries);
    for (int i = 0; i < count; i++) {
        const X509_REVOKED *entry = sk_X509_REVOKED_value(entries, i);
        ENSURE(t, X509_REVOKED_get_ext_by_critical(entry, 1, -1) < 0, E_CRL_MALFORMED,
               "the critical extension of entry %d is not understood", i + 1);
    }
    *ret_count = (size_t)count;
    return true;
}

static struct bytes number_of(struct task *t, const X509_CRL *x509)
{
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(x509, NID_crl_number, NULL, NULL);
    ERR_clear_error();
    if (number == NULL)
        return BYTES_ABSENT;
    ARENA_DEFER(t->arena, ASN1_INTEGER_free, number);
    return octets_of(number);
}

static bool read_times(struct task *t, const X509_CRL *x509, struct crl *crl)
{
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(x509);
    bool read = time_read(X509_CRL_get0_lastUpdate(x509), &crl->this_update) &&
                (next == NULL || time_read(next, &crl->next_update));
    ERR_clear_error();
    ENSURE(t, read, E_CRL_MALFORMED, "a time in it cannot be read");
    return true;
}

bool crl_parse(struct task *t, struct bytes der, const struct crl **ret)
{
    ENSURE(t, der.len > 0 && der.len <= CRL_SIZE_MAX, E_CRL_MALFORMED,
           "%zu octets; a revocation list has 1 to %zu", der.len, CRL_SIZE_MAX);
    const unsigned char *at = der.data;
    X509_CRL *x509 = d2i_X509_CRL(NULL, &at, (long)der.len);
    ENSURE(t, x509 != NULL, E_CRL_MALFORMED, "no revocation list in DER: %s", crypto_error(t));
    ARENA_DEFER(t->arena, X509_CRL_free, x509);
    ERR_clear_error();
    ENSURE(t, at == der.data + der.len, E_CRL_MALFORMED, "%zu octets after the list",
           (size_t)(der.data + der.len - at));
    struct crl *crl = arena_alloc(t->arena, sizeof(*crl));
    *crl = (struct crl){.x509 = x509, .der = bytes_copy(t->arena, der)};
    TRY(read_times(t, x509, crl));
    TRY(check_extensions(t, x509));
    TRY(check_entries(t, x509, &crl->revoked));
    crl->number = number_of(t, x509);
    *ret = crl;
    return true;
}

static bool append(struct task *t, struct bytes_list *list, const unsigned char *data, long len)
{
    ENSURE(t, list->count < CRL_COUNT_MAX, E_TOO_LARGE, "more than %d revocation lists",
           CRL_COUNT_MAX);
    list->items[list->count++] = bytes_copy(t->arena, bytes_make(data, (size_t)len));
    return true;
}

static bool crls_from_pem(struct task *t, BIO *bio, struct bytes_list *list)
{
    char *name = NULL;
    char *header = NULL;
    unsigned char *data = NULL;
    long len = 0;
    while (PEM_read_bio(bio, &name, &header, &data, &len) == 1) {
        bool is_list = strcmp(name, PEM_STRING_X509_CRL) == 0;
        bool kept = !is_list || append(t, list, data, len);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, (size_t)len);
        TRY(kept);
    }
    ERR_clear_error();
    return true;
}

bool crls_from_file_octets(struct task *t, struct bytes octets, struct bytes_list *ret)
{
    static const char begin[] = "-----BEGIN ";
    struct bytes_list list = {arena_array(t->arena, CRL_COUNT_MAX, sizeof(struct bytes)), 0};
    ENSURE(t, octets.len > 0 && octets.len <= FILE_SIZE_MAX, E_CRL_MALFORMED, "%zu octets",
           octets.len);
    if (memmem(octets.data, octets.len, begin, strlen(begin)) == NULL) {
        list.items[list.count++] = octets;
    } else {
        BIO *bio = IN_ARENA(t, BIO_free_all, BIO_new_mem_buf(octets.data, (int)octets.len));
        TRY(crls_from_pem(t, bio, &list));
    }
    ENSURE(t, list.count > 0, E_CRL_MALFORMED, "no revocation list among its PEM blocks");
    *ret = list;
    return true;
}

char *crl_issuer(struct task *t, const struct crl *crl)
{
    return name_text(t, X509_CRL_get_issuer(crl->x509));
}

/* ---- Verifying ---- */

static bool hash_is_strong(const X509_CRL *x509)
{
    int hash = NID_undef;
    if (OBJ_find_sigid_algs(X509_CRL_get_signature_nid(x509), &hash, NULL) != 1)
        return false;
    /* Algorithms that have their hash within, such as Ed25519, name none. */
    return hash == NID_undef || (EVP_get_digestbynid(hash) != NULL &&
                                 EVP_MD_get_size(EVP_get_digestbynid(hash)) >= HASH_LEN_MIN);
}

/* RFC 5280 6.3.3 (f): where the issuer's certificate has a key usage, cRLSign is in it. */
static bool may_sign_lists(const struct cert *issuer)
{
    uint32_t usage = X509_get_key_usage(issuer->x509); /* all bits when there is no extension */
    return (usage & KU_CRL_SIGN) != 0;
}

bool crl_verify(struct task *t, const struct crl *crl, const struct cert_list *anchors,
                const struct cert **ret)
{
    const X509_NAME *issuer = X509_CRL_get_issuer(crl->x509);
    ENSURE(t, hash_is_strong(crl->x509), E_CRL_UNTRUSTED, "it is signed with a broken hash");
    for (size_t i = 0; i < anchors->count; i++) {
        const struct cert *anchor = anchors->items[i];
        EVP_PKEY *key = X509_get0_pubkey(anchor->x509);
        bool signs = key != NULL && may_sign_lists(anchor) &&
                     X509_NAME_cmp(X509_get_subject_name(anchor->x509), issuer) == 0 &&
                     X509_CRL_verify(crl->x509, key) == 1;
        ERR_clear_error();
        if (!signs)
            continue;
        *ret = anchor;
        return true;
    }
    return fail(t, E_CRL_UNTRUSTED, "the list of %s is signed by none of the anchors",
                crl_issuer(t, crl));
}

bool crl_lists(const struct crl *crl, const struct cert *cert)
{
    X509_REVOKED *entry;
    if (X509_NAME_cmp(X509_CRL_get_issuer(crl->x509), X509_get_issuer_name(cert->x509)) != 0)
        return false;
    return X509_CRL_get0_by_serial(crl->x509, &entry, X509_get0_serialNumber(cert->x509)) != 0;
}

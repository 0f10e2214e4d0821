#include "core/pki/cert.h"

#include "core/base/clock.h"
#include "core/pki/library.h"

#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#define HOST_MAX 255 /* octets of a DNS name */

static bool time_read(const ASN1_TIME *time, int64_t *ret)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1)
        return false;
    *ret = (int64_t)timegm(&parts) * SECOND_MS;
    return true;
}

/* What every reader below relies on. */
static bool check_readable(struct task *t, const X509 *x509)
{
    int64_t unused;
    struct extension_list extensions;
    ENSURE(t,
           time_read(X509_get0_notBefore(x509), &unused) &&
               time_read(X509_get0_notAfter(x509), &unused),
           E_CERT_MALFORMED, "a validity date that cannot be read");
    /* RFC 5280 4.2: a certificate holds no more than one instance of an extension. */
    return extensions_read(t, X509_get0_extensions(x509), E_CERT_MALFORMED, &extensions);
}

bool cert_parse(struct task *t, struct bytes der, const struct cert **ret)
{
    ENSURE(t, der.len > 0 && der.len <= CERT_SIZE_MAX, E_CERT_MALFORMED,
           "%zu octets; a certificate has 1 to %zu", der.len, CERT_SIZE_MAX);
    const unsigned char *at = der.data;
    X509 *x509 = d2i_X509(NULL, &at, (long)der.len);
    ENSURE(t, x509 != NULL, E_CERT_MALFORMED, "not a DER certificate: %s", crypto_error(t));
    ARENA_DEFER(t->arena, X509_free, x509);
    ERR_clear_error(); /* a public key of an unknown kind is noted there, and no failure */
    ENSURE(t, at == der.data + der.len, E_CERT_MALFORMED, "%zu octets after the certificate",
           (size_t)(der.data + der.len - at));
    const struct cert *cert;
    TRY(cert_of_x509(t, x509, &cert));
    ENSURE(t, bytes_equal(cert->der, der), E_CERT_MALFORMED, "the certificate is BER, not DER");
    *ret = cert;
    return true;
}

bool cert_parse_unless(struct task *t, struct bytes der, const struct cert_list *known,
                       const struct cert **ret)
{
    for (size_t i = 0; known != NULL && i < known->count; i++) {
        if (bytes_equal(known->items[i]->der, der)) {
            *ret = known->items[i];
            return true;
        }
    }
    return cert_parse(t, der, ret);
}

bool cert_of_x509(struct task *t, X509 *x509, const struct cert **ret)
{
    TRY(check_readable(t, x509));
    struct bytes der = ENCODE(t, i2d_X509, x509);
    ENSURE(t, der.len > 0 && der.len <= CERT_SIZE_MAX, E_CERT_MALFORMED,
           "%zu octets; a certificate has 1 to %zu", der.len, CERT_SIZE_MAX);
    struct cert *cert = arena_alloc(t->arena, sizeof(*cert));
    *cert = (struct cert){x509, der};
    *ret = cert;
    return true;
}

bool certs_parse(struct task *t, const struct bytes_list *der, struct cert_list *ret)
{
    const struct cert **items = arena_array(t->arena, der->count, sizeof(struct cert *));
    for (size_t i = 0; i < der->count; i++) {
        if (!cert_parse(t, der->items[i], &items[i]))
            return fail_context(t, "certificate %zu", i + 1);
    }
    *ret = (struct cert_list){items, der->count};
    return true;
}

static const struct bytes pem_begin = {(const uint8_t *)"-----BEGIN ", 11};

static size_t count_pem_blocks(struct bytes octets)
{
    size_t count = 0;
    const uint8_t *end = octets.data + octets.len;
    const uint8_t *at = octets.data;
    while ((at = memmem(at, (size_t)(end - at), pem_begin.data, pem_begin.len)) != NULL) {
        at += pem_begin.len;
        count++;
    }
    return count;
}

/* The next PEM block whatever it is; `ret_der` is absent when there is none left. */
static bool next_pem_block(struct task *t, BIO *bio, bool *ret_certificate, struct bytes *ret_der)
{
    char *name = NULL;
    char *header = NULL;
    unsigned char *data = NULL;
    long len = 0;
    if (PEM_read_bio(bio, &name, &header, &data, &len) != 1) {
        bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
        const char *reason = crypto_error(t);
        ENSURE(t, at_end, E_CERT_MALFORMED, "PEM: %s", reason);
        *ret_der = BYTES_ABSENT;
        return true;
    }
    *ret_certificate = strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0;
    *ret_der = *ret_certificate ? bytes_copy(t->arena, bytes_make(data, (size_t)len))
                                : BYTES_LITERAL("passed over");
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, (size_t)len); /* it may have been a private key */
    return true;
}

static bool certs_from_pem(struct task *t, struct bytes octets, size_t blocks,
                           struct cert_list *ret)
{
    const struct cert **items = arena_array(t->arena, blocks, sizeof(struct cert *));
    BIO *bio = IN_ARENA(t, BIO_free_all, BIO_new_mem_buf(octets.data, (int)octets.len));
    size_t count = 0;
    for (size_t i = 0; i < blocks; i++) {
        bool is_certificate = false;
        struct bytes der;
        TRY(next_pem_block(t, bio, &is_certificate, &der));
        if (!bytes_present(der))
            break;
        if (is_certificate && !cert_parse(t, der, &items[count++]))
            return fail_context(t, "PEM certificate %zu", count);
    }
    ENSURE(t, count > 0, E_CERT_MALFORMED, "no certificate among %zu PEM blocks", blocks);
    *ret = (struct cert_list){items, count};
    return true;
}

bool certs_from_file_octets(struct task *t, struct bytes octets, struct cert_list *ret)
{
    ENSURE(t, octets.len > 0 && octets.len <= CERT_FILE_SIZE_MAX, E_CERT_MALFORMED,
           "%zu octets; a file of certificates has 1 to %zu", octets.len, CERT_FILE_SIZE_MAX);
    size_t blocks = count_pem_blocks(octets);
    if (blocks > 0)
        return certs_from_pem(t, octets, blocks, ret);
    const struct cert **items = arena_array(t->arena, 1, sizeof(struct cert *));
    TRY(cert_parse(t, octets, &items[0]));
    *ret = (struct cert_list){items, 1};
    return true;
}

struct bytes_list certs_der(struct task *t, const struct cert_list *certs)
{
    struct bytes *items = arena_array(t->arena, certs->count, sizeof(*items));
    for (size_t i = 0; i < certs->count; i++)
        items[i] = certs->items[i]->der;
    return (struct bytes_list){items, certs->count};
}

char *cert_to_pem(struct task *t, const struct cert *cert)
{
    BIO *bio = IN_ARENA(t, BIO_free_all, BIO_new(BIO_s_mem()));
    (void)PEM_write_bio(bio, PEM_STRING_X509, "", cert->der.data, (long)cert->der.len);
    return bytes_to_text(t->arena, octets_of_bio(t, bio));
}

char *cert_subject(struct task *t, const struct cert *cert)
{
    return name_text(t, X509_get_subject_name(cert->x509));
}

char *cert_issuer(struct task *t, const struct cert *cert)
{
    return name_text(t, X509_get_issuer_name(cert->x509));
}

struct bytes cert_serial(struct task *t, const struct cert *cert)
{
    return bytes_copy(t->arena, octets_of(X509_get0_serialNumber(cert->x509)));
}

struct bytes cert_spki(struct task *t, const struct cert *cert)
{
    return ENCODE(t, i2d_X509_PUBKEY, X509_get_X509_PUBKEY(cert->x509));
}

struct bytes cert_spki_sha256(struct task *t, const struct cert *cert)
{
    return bytes_sha256(t->arena, cert_spki(t, cert));
}

int64_t cert_not_before(const struct cert *cert)
{
    int64_t at = 0;
    (void)time_read(X509_get0_notBefore(cert->x509), &at); /* read once in check_readable() */
    return at;
}

int64_t cert_not_after(const struct cert *cert)
{
    int64_t at = 0;
    (void)time_read(X509_get0_notAfter(cert->x509), &at);
    return at;
}

bool cert_is_ca(const struct cert *cert)
{
    bool is = X509_check_ca(cert->x509) == 1; /* other values: guesses where there is no cA */
    ERR_clear_error();
    return is;
}

bool cert_is_issued_by(const struct cert *cert, const struct cert *issuer)
{
    bool issued = X509_check_issued(issuer->x509, cert->x509) == X509_V_OK;
    ERR_clear_error();
    return issued;
}

bool cert_is_self_signed(const struct cert *cert)
{
    bool is = X509_self_signed(cert->x509, 1) == 1;
    ERR_clear_error();
    return is;
}

static void eku_cleanup(EXTENDED_KEY_USAGE **eku)
{
    EXTENDED_KEY_USAGE_free(*eku);
}

bool cert_has_eku(const struct cert *cert, const char *oid)
{
    CLEANUP(object_cleanup) ASN1_OBJECT *wanted = OBJ_txt2obj(oid, 1);
    CLEANUP(eku_cleanup)
    EXTENDED_KEY_USAGE *eku = X509_get_ext_d2i(cert->x509, NID_ext_key_usage, NULL, NULL);
    ERR_clear_error();
    for (int i = 0; wanted != NULL && i < sk_ASN1_OBJECT_num(eku); i++) {
        if (OBJ_cmp(sk_ASN1_OBJECT_value(eku, i), wanted) == 0)
            return true;
    }
    return false;
}

struct bytes cert_extension(struct task *t, const struct cert *cert, const char *oid)
{
    (void)t;
    CLEANUP(object_cleanup) ASN1_OBJECT *wanted = OBJ_txt2obj(oid, 1);
    int at = wanted == NULL ? -1 : X509_get_ext_by_OBJ(cert->x509, wanted, -1);
    if (at < 0)
        return BYTES_ABSENT;
    return octets_of(X509_EXTENSION_get_data(X509_get_ext(cert->x509, at)));
}

bool cert_alt_names(struct task *t, const struct cert *cert, struct text_list *ret)
{
    struct bytes value = cert_extension(t, cert, OID_CE_SUBJECT_ALT_NAME);
    if (bytes_present(value))
        return alt_names_read(t, value, E_CERT_MALFORMED, ret);
    *ret = (struct text_list){NULL, 0};
    return true;
}

bool cert_names_host(const struct cert *cert, const char *host)
{
    /* RFC 9525 6.3: the subject's CN is no identifier; 6.3: a wildcard is a whole label. */
    const unsigned flags =
        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
    size_t len = strlen(host);
    if (len == 0 || len > HOST_MAX || *host == '.') /* libcrypto takes ".a" for any name under a */
        return false;
    bool named = X509_check_ip_asc(cert->x509, host, 0) == 1 ||
                 X509_check_host(cert->x509, host, len, flags, NULL) == 1;
    ERR_clear_error();
    return named;
}

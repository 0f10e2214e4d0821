#include "core/pki/ocsp.h"

#include "core/base/clock.h"
#include "core/pki/library.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>

/* ---- Reading ---- */

/* RFC 8954 2.1: an OCTET STRING of 1 to 32 octets inside the extension's own. */
static bool read_nonce(struct task *t, OCSP_REQUEST *request, bool *ret)
{
    int at = OCSP_REQUEST_get_ext_by_NID(request, NID_id_pkix_OCSP_Nonce, -1);
    *ret = at >= 0;
    if (at < 0)
        return true;
    ENSURE(t, OCSP_REQUEST_get_ext_by_NID(request, NID_id_pkix_OCSP_Nonce, at) < 0,
           E_OCSP_MALFORMED, "more than one nonce");
    struct bytes value = octets_of(X509_EXTENSION_get_data(OCSP_REQUEST_get_ext(request, at)));
    const unsigned char *from = value.data;
    ASN1_OCTET_STRING *nonce = d2i_ASN1_OCTET_STRING(NULL, &from, (long)value.len);
    size_t len = nonce == NULL ? 0 : octets_of(nonce).len;
    bool whole = nonce != NULL && from == value.data + value.len;
    ASN1_OCTET_STRING_free(nonce);
    ERR_clear_error();
    ENSURE(t, whole && len >= 1 && len <= OCSP_NONCE_MAX, E_OCSP_MALFORMED,
           "a nonce that is no OCTET STRING of 1 to %d octets", OCSP_NONCE_MAX);
    return true;
}

static bool read_asked(struct task *t, OCSP_REQUEST *request, int at, struct ocsp_asked *ret)
{
    ASN1_OCTET_STRING *name;
    ASN1_OCTET_STRING *key;
    ASN1_OBJECT *hash;
    ASN1_INTEGER *serial;
    OCSP_CERTID *id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, at));
    ENSURE(t, id != NULL && OCSP_id_get0_info(&name, &hash, &key, &serial, id) == 1,
           E_OCSP_MALFORMED, "certificate %d of the request cannot be read", at + 1);
    ENSURE(t, (ASN1_STRING_type(serial) & V_ASN1_NEG) == 0, E_OCSP_MALFORMED,
           "a serial number below 0");
    *ret = (struct ocsp_asked){
        .hash = oid_text(t, hash),
        .issuer_name_hash = octets_of(name),
        .issuer_key_hash = octets_of(key),
        .serial = octets_of(serial),
        .library = id,
    };
    return true;
}

bool ocsp_request_read(struct task *t, struct bytes der, struct ocsp_request *ret)
{
    struct ocsp_request request = {.count = 0};
    ENSURE(t, der.len > 0 && der.len <= OCSP_SIZE_MAX, E_OCSP_MALFORMED,
           "%zu octets; a request has 1 to %zu", der.len, OCSP_SIZE_MAX);
    const unsigned char *at = der.data;
    OCSP_REQUEST *library = d2i_OCSP_REQUEST(NULL, &at, (long)der.len);
    ENSURE(t, library != NULL, E_OCSP_MALFORMED, "no OCSP request: %s", crypto_error(t));
    ARENA_DEFER(t->arena, OCSP_REQUEST_free, library);
    ERR_clear_error();
    ENSURE(t, at == der.data + der.len, E_OCSP_MALFORMED, "octets after the request");
    int count = OCSP_request_onereq_count(library);
    ENSURE(t, count >= 1 && count <= OCSP_ASKED_MAX, E_OCSP_MALFORMED,
           "%d certificates are asked for; 1 to %d may be", count, OCSP_ASKED_MAX);
    request.asked = arena_array(t->arena, (size_t)count, sizeof(*request.asked));
    for (int i = 0; i < count; i++)
        TRY(read_asked(t, library, i, &request.asked[i]));
    TRY(read_nonce(t, library, &request.has_nonce));
    request.count = (size_t)count;
    request.library = library;
    *ret = request;
    return true;
}

/* Digests by which an issuer may be named: RFC 6960 has SHA-1, RFC 5019 demands it. */
static const EVP_MD *digest_of(const char *oid)
{
    const EVP_MD *digest = EVP_get_digestbyname(oid);
    switch (digest == NULL ? NID_undef : EVP_MD_get_type(digest)) {
    case NID_sha1:
    case NID_sha256:
    case NID_sha384:
    case NID_sha512:
        return digest;
    default:
        return NULL;
    }
}

bool ocsp_asks_about(const struct ocsp_asked *asked, const struct cert *issuer)
{
    unsigned char octets[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    const EVP_MD *digest = digest_of(asked->hash);
    const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(issuer->x509);
    bool named = digest != NULL && key != NULL &&
                 X509_NAME_digest(X509_get_subject_name(issuer->x509), digest, octets, &len) == 1 &&
                 bytes_equal(bytes_make(octets, len), asked->issuer_name_hash) &&
                 EVP_Digest(ASN1_STRING_get0_data(key), (size_t)ASN1_STRING_length(key), octets,
                            &len, digest, NULL) == 1 &&
                 bytes_equal(bytes_make(octets, len), asked->issuer_key_hash);
    ERR_clear_error();
    return named;
}

/* ---- Answering ---- */

struct times {
    ASN1_TIME *this_update;
    ASN1_TIME *next_update;
};

static ASN1_GENERALIZEDTIME *time_of(struct task *t, int64_t wall)
{
    return IN_ARENA(t, ASN1_GENERALIZEDTIME_free,
                    ASN1_GENERALIZEDTIME_set(NULL, (time_t)(wall / SECOND_MS)));
}

static bool add_verdict(struct task *t, OCSP_BASICRESP *basic, const struct ocsp_asked *asked,
                        const struct ocsp_verdict *verdict, const struct times *times)
{
    bool revoked = verdict->status == OCSP_REVOKED;
    int reason = revoked && verdict->reason != 0 ? verdict->reason : OCSP_REVOKED_STATUS_NOSTATUS;
    ENSURE(t,
           OCSP_basic_add1_status(basic, asked->library, (int)verdict->status, reason,
                                  revoked ? time_of(t, verdict->revoked) : NULL, times->this_update,
                                  times->next_update) != NULL,
           E_CRYPTO, "OCSP response: %s", crypto_error(t));
    return true;
}

static bool sign_basic(struct task *t, OCSP_BASICRESP *basic, const struct ocsp_signer *signer)
{
    EVP_MD_CTX *ctx;
    TRY(signing_context(t, signer->key, natural_hash(signer->key), &ctx));
    /* RFC 6960 4.2.2.2: the certificate that was delegated to goes along. */
    ENSURE(t, OCSP_basic_sign_ctx(basic, signer->cert->x509, ctx, NULL, OCSP_RESPID_KEY) == 1,
           E_CRYPTO, "the OCSP response could not be signed: %s", crypto_error(t));
    return true;
}

bool ocsp_response_make(struct task *t, const struct ocsp_request *request,
                        const struct ocsp_verdict *verdicts, const struct ocsp_signer *signer,
                        int64_t this_update, int64_t next_update, struct bytes *ret)
{
    OCSP_BASICRESP *basic = IN_ARENA(t, OCSP_BASICRESP_free, OCSP_BASICRESP_new());
    const struct times times = {time_of(t, this_update), time_of(t, next_update)};
    for (size_t i = 0; i < request->count; i++)
        TRY(add_verdict(t, basic, &request->asked[i], &verdicts[i], &times));
    /* RFC 6960 4.4.1: the nonce comes back as it was. */
    ENSURE(t, OCSP_copy_nonce(basic, request->library) > 0, E_CRYPTO, "nonce: %s", crypto_error(t));
    TRY(sign_basic(t, basic, signer));
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    ENSURE(t, response != NULL, E_CRYPTO, "OCSP response: %s", crypto_error(t));
    ARENA_DEFER(t->arena, OCSP_RESPONSE_free, response);
    struct bytes der = ENCODE(t, i2d_OCSP_RESPONSE, response);
    ENSURE(t, bytes_present(der), E_CRYPTO, "OCSP response: %s", crypto_error(t));
    *ret = der;
    return true;
}

bool ocsp_error_make(struct task *t, enum ocsp_error error, struct bytes *ret)
{
    OCSP_RESPONSE *response = OCSP_response_create((int)error, NULL);
    ENSURE(t, response != NULL, E_CRYPTO, "OCSP response: %s", crypto_error(t));
    ARENA_DEFER(t->arena, OCSP_RESPONSE_free, response);
    struct bytes der = ENCODE(t, i2d_OCSP_RESPONSE, response);
    ENSURE(t, bytes_present(der), E_CRYPTO, "OCSP response: %s", crypto_error(t));
    *ret = der;
    return true;
}

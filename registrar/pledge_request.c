#include "registrar/pledge_request.h"

#include <string.h>

bool pledge_request_open(struct task *t, const struct voucher_form *form, struct bytes octets,
                         const struct idevid *idevid, struct pledge_request *ret)
{
    struct signed_voucher sv;
    struct cert_list known = {(const struct cert *[]){idevid->cert}, 1};
    const struct cert *signer;
    TRY(form->open(t, octets, 0, &sv));
    ENSURE(t, sv.voucher.kind == VOUCHER_REQUEST, E_VOUCHER_MALFORMED,
           "a voucher was sent where a voucher request belongs");
    /* RFC 8995 5.3: the signature is the pledge's, by the IDevID of this TLS session. */
    if (!form->verify(t, &sv, &known, &signer))
        return fail(t, E_REQUEST_SIGNATURE, "%s", t->detail);
    /*
     * The certificate inside may be another one for the same key and device than that of TLS
     * (RFC 8995's own example is), never one for another key.
     */
    const char *serial;
    ENSURE(t, bytes_equal(cert_spki(t, signer), cert_spki(t, idevid->cert)), E_REQUEST_SIGNER,
           "signed by %s, TLS client is %s", cert_subject(t, signer),
           cert_subject(t, idevid->cert));
    TRY(cert_subject_serial(t, signer, &serial));
    ENSURE(t, serial != NULL && strcmp(serial, idevid->serial) == 0, E_REQUEST_SIGNER,
           "the signer's serialNumber is %s, the TLS client's is %s",
           serial == NULL ? "missing" : serial, idevid->serial);
    *ret = (struct pledge_request){sv, bytes_sha256(t->arena, octets)};
    return true;
}

static bool same_key(struct task *t, struct bytes spki_sha256, struct bytes ours)
{
    const struct cert *cert;
    return cert_parse(t, ours, &cert) && bytes_equal(cert_spki_sha256(t, cert), spki_sha256);
}

/*
 * RFC 8995 5.2: assertion "proximity", and the certificate the pledge saw is the very one we
 * showed on this session; or its key or the hash of it, for pledges short of room.
 */
static bool check_proximity(struct task *t, const struct voucher *v, struct bytes ours)
{
    ENSURE(t, v->assertion != NULL && strcmp(v->assertion, "proximity") == 0, E_PROXIMITY,
           "the assertion is %s", v->assertion == NULL ? "missing" : v->assertion);
    ENSURE(t, bytes_present(ours), E_PROXIMITY, "no certificate of ours was shown");
    bool seen = bytes_present(v->proximity_registrar_cert) ||
                bytes_present(v->proximity_registrar_pubk) ||
                bytes_present(v->proximity_registrar_pubk_sha256);
    ENSURE(t, seen, E_PROXIMITY, "the request does not say which registrar the pledge saw");
    if (bytes_present(v->proximity_registrar_cert))
        ENSURE(t, bytes_equal(v->proximity_registrar_cert, ours), E_PROXIMITY,
               "the pledge saw the certificate with SHA-256 %s",
               bytes_to_hex(t->arena, bytes_sha256(t->arena, v->proximity_registrar_cert)));
    if (bytes_present(v->proximity_registrar_pubk))
        ENSURE(t, same_key(t, bytes_sha256(t->arena, v->proximity_registrar_pubk), ours),
               E_PROXIMITY, "the pledge saw another public key");
    if (bytes_present(v->proximity_registrar_pubk_sha256))
        ENSURE(t, same_key(t, v->proximity_registrar_pubk_sha256, ours), E_PROXIMITY,
               "the pledge saw another public key");
    return true;
}

bool pledge_request_check(struct task *t, const struct pledge_request *request,
                          const struct idevid *idevid, struct bytes ours)
{
    const struct voucher *v = &request->signed_request.voucher;
    /* RFC 8995 5.5: the IDevID says which device it is; the request must agree. */
    ENSURE(t, v->serial_number != NULL && strcmp(v->serial_number, idevid->serial) == 0,
           E_SERIAL_MISMATCH, "the IDevID says %s, the request says %s", idevid->serial,
           v->serial_number == NULL ? "nothing" : v->serial_number);
    /* RFC 8995 5.2: a pledge sends a nonce.  It is an opaque string here. */
    ENSURE(t, v->nonce != NULL, E_NONCE_MISSING, "there is no nonce");
    size_t len = strlen(v->nonce);
    ENSURE(t, len >= NONCE_TEXT_MIN && len <= NONCE_TEXT_MAX, E_NONCE_MISSING,
           "the nonce has %zu characters", len);
    return check_proximity(t, v, ours);
}

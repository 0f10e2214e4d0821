#include "registrar/pledge_request.h"

#include "core/store/records/allowance.h"

#include <string.h>

static bool allows(const struct idevid *idevid, enum allowance allowance)
{
    return (idevid->maker->allowed & ALLOWANCE(allowance)) != 0;
}

/* What the voucher's reader knows of the same. */
static const struct {
    enum allowance allowance;
    enum voucher_departure departure;
} departures[] = {
    {ALLOW_REQUEST_CONTAINER, VOUCHER_REQUEST_CONTAINER},
    {ALLOW_PRIOR_OBJECT, VOUCHER_PRIOR_OBJECT},
    {ALLOW_CREATED_ON_DATE, VOUCHER_CREATED_ON_DATE},
    {ALLOW_COSE_UNTAGGED, VOUCHER_COSE_UNTAGGED},
};

unsigned pledge_request_departures(const struct trusted_maker *maker)
{
    unsigned set = 0;
    for (size_t i = 0; i < ARRAY_SIZE(departures); i++) {
        if ((maker->allowed & ALLOWANCE(departures[i].allowance)) != 0)
            set |= departures[i].departure;
    }
    return set;
}

static unsigned allowances_of_departures(unsigned met)
{
    unsigned set = 0;
    for (size_t i = 0; i < ARRAY_SIZE(departures); i++) {
        if ((met & departures[i].departure) != 0)
            set |= ALLOWANCE(departures[i].allowance);
    }
    return set;
}

/*
 * The certificate inside may be another one for the same key and device than that of TLS
 * (RFC 8995's own example is), never one for another key.
 */
static bool check_signer(struct task *t, const struct cert *signer, const struct idevid *idevid)
{
    const char *serial;
    ENSURE(t, bytes_equal(cert_spki(t, signer), cert_spki(t, idevid->cert)), E_REQUEST_SIGNER,
           "signed by %s, TLS client is %s", cert_subject(t, signer),
           cert_subject(t, idevid->cert));
    if (!cert_device_serial(t, signer, &idevid->maker->serial_rule, &serial))
        return fail(t, E_REQUEST_SIGNER, "the signer's serial number: %s", t->detail);
    ENSURE(t, serial != NULL && strcmp(serial, idevid->serial) == 0, E_REQUEST_SIGNER,
           "the signer's serial number is %s, the TLS client's is %s",
           serial == NULL ? "missing" : serial, idevid->serial);
    return true;
}

bool pledge_request_open(struct task *t, const struct pledge_body *body,
                         const struct idevid *idevid, struct pledge_request *ret)
{
    const struct voucher_form *form = body->form;
    struct signed_voucher sv;
    struct cert_list known = {(const struct cert *[]){idevid->cert}, 1};
    const struct cert *signer;
    TRY(form->open(t, body->octets, pledge_request_departures(idevid->maker), &idevid->chain, &sv));
    /* RFC 8995 3.2: a request has a container of its own. */
    ENSURE(t, sv.voucher.kind == VOUCHER_REQUEST, E_REQUEST_CONTAINER,
           "the top member is ietf-voucher:voucher");
    /* cBRSKI 9.2: whatever the request says of its signer is ignored, the key is that of TLS. */
    if (form->signer_from_tls)
        sv.certs = (struct cert_list){NULL, 0};
    /* RFC 8995 5.3: the signature is the pledge's, by the IDevID of this TLS session. */
    if (!form->verify(t, &sv, &known, &signer))
        return fail(t, E_REQUEST_SIGNATURE, "%s", t->detail);
    TRY(check_signer(t, signer, idevid));
    /* jws-voucher 5: its x5c begins with the certificate that the pledge shows in TLS. */
    ENSURE(t, form != &voucher_form_jws || bytes_equal(signer->der, idevid->cert->der),
           E_REQUEST_SIGNER, "x5c begins with another certificate than TLS, for the same key");
    *ret = (struct pledge_request){
        .signed_request = sv,
        .sha256 = bytes_sha256(t->arena, body->octets),
        .used = body->used | allowances_of_departures(sv.voucher.departures),
    };
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
    ENSURE(t, v->assertion == NULL || strcmp(v->assertion, "proximity") == 0, E_PROXIMITY,
           "the assertion is %s", v->assertion);
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

/* What a request may lack where the manufacturer's record says so. */
static bool may_lack(struct task *t, struct pledge_request *request, const struct idevid *idevid,
                     enum allowance allowance, const struct problem_kind *kind, const char *member)
{
    ENSURE(t, allows(idevid, allowance), kind, "there is no %s", member);
    request->used |= ALLOWANCE(allowance);
    return true;
}

bool pledge_request_check(struct task *t, struct pledge_request *request,
                          const struct idevid *idevid, struct bytes ours)
{
    const struct voucher *v = &request->signed_request.voucher;
    /* RFC 8995 5.5: the IDevID says which device it is; the request must agree. */
    if (v->serial_number == NULL)
        TRY(may_lack(t, request, idevid, ALLOW_MISSING_SERIAL, E_SERIAL_MISSING, "serial-number"));
    else
        ENSURE(t, strcmp(v->serial_number, idevid->serial) == 0, E_SERIAL_MISMATCH,
               "the IDevID says %s, the request says %s", idevid->serial, v->serial_number);
    /* RFC 8995 5.2: a pledge sends a nonce.  It is an opaque string here. */
    ENSURE(t, v->nonce != NULL, E_NONCE_MISSING, "there is no nonce");
    size_t len = strlen(v->nonce);
    ENSURE(t, len >= NONCE_TEXT_MIN && len <= NONCE_TEXT_MAX, E_NONCE_MISSING,
           "the nonce has %zu characters", len);
    /* Whatever is allowed: what the pledge saw is what we showed. */
    TRY(check_proximity(t, v, ours));
    return v->assertion != NULL ||
           may_lack(t, request, idevid, ALLOW_MISSING_ASSERTION, E_ASSERTION_MISSING, "assertion");
}

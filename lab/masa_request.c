/* Reading and judging a registrar's voucher request (RFC 8995 5.5.1 to 5.5.6). */
#include "core/base/clock.h"
#include "lab/masa.h"
#include "lab/problems.h"

#include <string.h>

#include <openssl/x509v3.h>

static bool same_text(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool is_issuer(struct task *t, const struct cert *issuer, const struct cert *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer->x509);
    bool is = key != NULL && X509_check_issued(issuer->x509, cert->x509) == X509_V_OK &&
              X509_verify(cert->x509, key) == 1;
    (void)crypto_error(t);
    return is;
}

/* The certificate that was sent along and issued this one; NULL: the way ends here. */
static const struct cert *issuer_among(struct task *t, const struct cert_list *certs,
                                       const struct cert *cert)
{
    for (size_t i = 0; i < certs->count; i++) {
        if (is_issuer(t, certs->items[i], cert))
            return certs->items[i];
    }
    return NULL;
}

/*
 * RFC 8995 5.5.2: nothing is known of the domain's CA, so the farthest certificate that came along
 * is an anchor for this once: what is shown is consistency.
 */
static bool find_path(struct task *t, const struct signed_voucher *rvr,
                      struct masa_request *request)
{
    const struct cert **path = arena_array(t->arena, rvr->certs.count + 1, sizeof(struct cert *));
    const struct chain_rules rules = {0};
    const struct anchors *anchors;
    size_t count = 0;
    const struct cert *next = request->signer;
    while (next != NULL && count <= rvr->certs.count) {
        path[count++] = next;
        next = cert_is_self_signed(next) ? NULL : issuer_among(t, &rvr->certs, next);
    }
    TRY(anchors_make(t, &(struct cert_list){.items = &path[count - 1], .count = 1}, &anchors));
    TRY(chain_verify(t, anchors, request->signer, &rvr->certs, &rules, NULL));
    request->path = (struct cert_list){.items = path, .count = count};
    return true;
}

static bool read_rvr(struct task *t, const struct http_request *rq, struct masa_request *request)
{
    struct signed_voucher rvr;
    request->form = rq->media_type == NULL ? NULL : voucher_form_of(rq->media_type);
    ENSURE(t, request->form != NULL, E_HTTP_MEDIA_TYPE, "a body without Content-Type");
    TRY(request->form->open(t, rq->body, 0, NULL, &rvr));
    ENSURE(t, rvr.voucher.kind == VOUCHER_REQUEST, E_VOUCHER_MALFORMED,
           "a voucher, no voucher request");
    ENSURE(t, rvr.voucher.serial_number != NULL, E_VOUCHER_MALFORMED, "serial-number is missing");
    TRY(request->form->verify(t, &rvr, NULL, &request->signer));
    TRY(find_path(t, &rvr, request));
    /* RFC 8995 5.5.4: the signer must be a registration authority. */
    ENSURE(t, cert_has_eku(request->signer, OID_KP_CMC_RA), E_REQUEST_REFUSED,
           "the signer's certificate (%s) has no extended key usage id-kp-cmcRA",
           cert_subject(t, request->signer));
    request->rvr = rvr.voucher;
    request->certs = rvr.certs;
    return true;
}

/* `seen`: the certificate that the key is of; NULL: the pledge has said the key alone. */
static bool check_seen_key(struct task *t, const struct masa_request *request,
                           struct bytes spki_sha256, const struct cert *seen)
{
    for (size_t i = 0; i < request->path.count; i++) {
        if (bytes_equal(cert_spki_sha256(t, request->path.items[i]), spki_sha256))
            return true;
    }
    return fail(t, E_REQUEST_REFUSED,
                "the pledge saw %s, whose key is not in the chain of the request's signature "
                "(SHA-256 of the key: %s)",
                seen == NULL ? "a server" : cert_subject(t, seen),
                bytes_to_hex(t->arena, spki_sha256));
}

/*
 * RFC 8995 5.5.5: the TLS server that the pledge saw is of those who sign here.  RFC 8366bis:
 * a pledge that is short of room says its public key, or the hash of that; each that is there must
 * be right.
 */
static bool check_proximity(struct task *t, const struct voucher *pvr,
                            const struct masa_request *request, bool *ret_said)
{
    const struct cert *seen;
    struct bytes key = pvr->proximity_registrar_pubk;
    struct bytes hash = pvr->proximity_registrar_pubk_sha256;
    if (bytes_present(pvr->proximity_registrar_cert)) {
        TRY(cert_parse(t, pvr->proximity_registrar_cert, &seen));
        TRY(check_seen_key(t, request, cert_spki_sha256(t, seen), seen));
    }
    if (bytes_present(key))
        TRY(check_seen_key(t, request, bytes_sha256(t->arena, key), NULL));
    if (bytes_present(hash))
        TRY(check_seen_key(t, request, hash, NULL));
    *ret_said =
        bytes_present(pvr->proximity_registrar_cert) || bytes_present(key) || bytes_present(hash);
    return true;
}

/* What the pledge said is what the registrar says. */
static bool check_same_device(struct task *t, const struct voucher *pvr, const struct cert *idevid,
                              const struct masa_request *request)
{
    const struct voucher *rvr = &request->rvr;
    const char *serial;
    TRY(cert_subject_serial(t, idevid, &serial));
    /* RFC 8995 5.5: the serial number is that of the IDevID, not what a request claims. */
    ENSURE(t, same_text(serial, rvr->serial_number), E_REQUEST_REFUSED,
           "the IDevID is that of %s, the request is for %s", serial == NULL ? "nobody" : serial,
           rvr->serial_number);
    ENSURE(t, pvr->serial_number == NULL || same_text(pvr->serial_number, serial),
           E_REQUEST_REFUSED, "the pledge's request says serial-number %s, its IDevID %s",
           pvr->serial_number, serial);
    ENSURE(t, pvr->nonce == NULL || rvr->nonce == NULL || same_text(pvr->nonce, rvr->nonce),
           E_REQUEST_REFUSED, "the nonces of the pledge's and the registrar's request differ");
    ENSURE(t,
           !bytes_present(rvr->idevid_issuer) ||
               bytes_equal(rvr->idevid_issuer, request->idevid_issuer),
           E_REQUEST_REFUSED, "idevid-issuer is %s, the IDevID's is %s",
           bytes_to_hex(t->arena, rvr->idevid_issuer),
           bytes_to_hex(t->arena, request->idevid_issuer));
    return true;
}

/* RFC 8995 5.5.5: the pledge's own request, which the registrar passes on. */
static bool judge_pledges_request(struct task *t, const struct masa *masa,
                                  const struct signed_voucher *pvr, struct masa_request *request)
{
    /* RFC 8995 2.6.2: an IDevID is not out of date. */
    const struct chain_rules rules = {.ignore_validity = true};
    const struct cert *idevid;
    bool proximity;
    TRY(request->form->verify(t, pvr, &request->certs, &idevid));
    const struct cert_list *others = pvr->certs.count > 0 ? &pvr->certs : &request->certs;
    if (!chain_verify(t, masa->idevids.anchors, idevid, others, &rules, NULL))
        return fail(t, E_DEVICE_UNKNOWN, "the pledge's IDevID is none of ours: %s", t->detail);
    TRY(cert_idevid_issuer(t, idevid, &request->idevid_issuer));
    TRY(check_proximity(t, &pvr->voucher, request, &proximity));
    TRY(check_same_device(t, &pvr->voucher, idevid, request));
    request->assertion = proximity ? "proximity" : "logged";
    return true;
}

/* RFC 8366bis 6.1: whoever names a device without its own word names the issuer too. */
static bool take_issuer(struct task *t, struct masa_request *request)
{
    ENSURE(t, bytes_present(request->rvr.idevid_issuer), E_REQUEST_REFUSED,
           "neither the pledge's own request nor idevid-issuer");
    request->idevid_issuer = request->rvr.idevid_issuer;
    return true;
}

/*
 * RFC 8995 5.5.1, RFC 8366bis 10.1: a voucher of ours that has ended, or will, from the domain that
 * it pins.
 */
static bool judge_renewal(struct task *t, const struct masa *masa, const struct signed_voucher *old,
                          struct masa_request *request)
{
    const struct cert *signer;
    const struct cert *pinned;
    struct bytes_list domains;
    struct bytes domain_id;
    ENSURE(t, request->rvr.nonce == NULL, E_REQUEST_REFUSED,
           "a voucher is renewed without a nonce");
    TRY(request->form->verify(t, old, &masa->signer.chain, &signer));
    ENSURE(t, bytes_equal(signer->der, masa->signer.cert->der), E_REQUEST_REFUSED,
           "the older voucher is not signed by us");
    ENSURE(t, same_text(old->voucher.serial_number, request->rvr.serial_number), E_REQUEST_REFUSED,
           "the older voucher is for another device");
    TRY(take_issuer(t, request));
    ENSURE(t,
           !bytes_present(old->voucher.idevid_issuer) ||
               bytes_equal(old->voucher.idevid_issuer, request->idevid_issuer),
           E_REQUEST_REFUSED, "the older voucher names another idevid-issuer");
    TRY(cert_parse(t, old->voucher.pinned_domain_cert, &pinned));
    TRY(cert_domain_id(t, pinned, &domain_id));
    TRY(masa_domains_of(t, request, &domains));
    ENSURE(t, masa_is_among(&domains, domain_id), E_REQUEST_REFUSED,
           "the older voucher pins another domain's certificate");
    request->renewal = true;
    return true;
}

static bool judge_prior(struct task *t, const struct masa *masa, struct masa_request *request)
{
    struct signed_voucher prior;
    TRY(request->form->open(t, request->rvr.prior_signed_voucher_request, 0, NULL, &prior));
    if (prior.voucher.kind == VOUCHER)
        return judge_renewal(t, masa, &prior, request);
    return judge_pledges_request(t, masa, &prior, request);
}

static bool is_known_client(struct task *t, const struct masa *masa, const struct http_request *rq)
{
    const struct chain_rules rules = {0};
    struct cert_list chain;
    const struct cert *client = service_client(t, rq, &chain);
    return client != NULL &&
           chain_verify(t, masa->registrars.anchors, client, &chain, &rules, NULL);
}

/*
 * RFC 8995 5.5.3: without a nonce, the registrar itself must be known: by its password, by its TLS
 * certificate, or as the signer of the request.
 */
static bool check_registrar(struct task *t, const struct masa *masa, const struct http_request *rq,
                            const struct masa_request *request)
{
    const struct chain_rules rules = {0};
    if (masa_demand_identifies(&masa->demand))
        return true;
    ENSURE(t, masa->registrars.anchors != NULL, E_REQUEST_REFUSED,
           "nonceless requests are for known registrars, and none is known here (--registrars)");
    if (chain_verify(t, masa->registrars.anchors, request->signer, &request->path, &rules, NULL))
        return true;
    task_forgive(t);
    if (is_known_client(t, masa, rq))
        return true;
    return fail(
        t, E_REQUEST_REFUSED,
        "nonceless requests are for known registrars: neither the TLS client nor the signer "
        "is one");
}

bool masa_check_device(struct task *t, const struct masa *masa, const char *serial)
{
    if (masa->any_device)
        return true;
    for (size_t i = 0; i < masa->devices.count; i++) {
        if (strcmp(masa->devices.items[i], serial) == 0)
            return true;
    }
    return fail(t, E_DEVICE_UNKNOWN, "%s is not in the list of devices", serial);
}

bool masa_domains_of(struct task *t, const struct masa_request *request, struct bytes_list *ret)
{
    const struct cert_list *path = &request->path;
    struct bytes *ids = arena_array(t->arena, path->count, sizeof(*ids));
    for (size_t i = 0; i < path->count; i++)
        TRY(cert_domain_id(t, path->items[i], &ids[i]));
    *ret = (struct bytes_list){.items = ids, .count = path->count};
    return true;
}

bool masa_is_among(const struct bytes_list *domain_ids, struct bytes domain_id)
{
    for (size_t i = 0; i < domain_ids->count; i++) {
        if (bytes_equal(domain_ids->items[i], domain_id))
            return true;
    }
    return false;
}

/* --exclusive: the first who gets a device has it, until it is transferred. */
static bool check_earlier_owner(struct task *t, const struct masa *masa,
                                const struct masa_request *request,
                                const struct bytes_list *domains, int64_t since)
{
    struct bytes before;
    if (!masa->settings.exclusive)
        return true;
    TRY(masa_state_last_domain(t, masa->state, request->rvr.serial_number, request->idevid_issuer,
                               since, &before));
    ENSURE(t, !bytes_present(before) || masa_is_among(domains, before), E_REQUEST_REFUSED,
           "%s was given to another domain and not transferred since", request->rvr.serial_number);
    return true;
}

bool masa_check_owner(struct task *t, const struct masa *masa, struct masa_request *request)
{
    struct masa_owner owner;
    struct bytes_list domains;
    TRY(masa_owner_of(t, masa->owners, request->rvr.serial_number, &owner));
    TRY(masa_domains_of(t, request, &domains));
    if (!bytes_present(owner.domain_id))
        return check_earlier_owner(t, masa, request, &domains, owner.since);
    if (masa_is_among(&domains, owner.domain_id)) {
        /* RFC 8366 5.3: ownership was verified, here by what the sales channel says. */
        request->assertion = "verified";
        return true;
    }
    /* RFC 8995 5.5.1: what was sold on is not renewed. */
    ENSURE(t, !masa->settings.exclusive && !request->renewal, E_REQUEST_REFUSED,
           "%s is on record as another owner's", request->rvr.serial_number);
    return true;
}

/* RFC 8995 5.6: 403 for a request that is stale. */
static bool check_age(struct task *t, const struct masa *masa, const struct voucher *rvr)
{
    int64_t age = clock_wall() - rvr->created_on;
    int64_t most = masa->settings.stale_after;
    ENSURE(t, most == 0 || rvr->created_on == 0 || age <= most, E_REQUEST_REFUSED,
           "the request was made on %s", time_to_text(t->arena, rvr->created_on));
    return true;
}

bool masa_read_request(struct task *t, const struct masa *masa, const struct http_request *rq,
                       struct masa_request *ret)
{
    struct masa_request request = {.assertion = "logged"};
    TRY(read_rvr(t, rq, &request));
    TRY(check_age(t, masa, &request.rvr));
    TRY(masa_check_revocation(t, masa, &request));
    bool has_prior = bytes_present(request.rvr.prior_signed_voucher_request);
    ENSURE(t, has_prior || request.rvr.nonce == NULL || !masa->settings.require_prior,
           E_REQUEST_REFUSED, "prior-signed-voucher-request is missing");
    if (has_prior)
        TRY(judge_prior(t, masa, &request));
    else
        TRY(take_issuer(t, &request));
    if (request.rvr.nonce == NULL && !request.renewal)
        TRY(check_registrar(t, masa, rq, &request));
    TRY(masa_check_device(t, masa, request.rvr.serial_number));
    *ret = request;
    return true;
}

"""Vouchers: the pledge's request, the registrar's request, the voucher, the MASA's log."""

import base64
import hashlib

import certs
from certs import CLIENT_AUTH, CMC_RA, SERVER_AUTH, check_path
from plan import for_each_pledge, once
from wrong import want, want_equal

ANY_PURPOSE = ("-purpose", "any")
NONCE_OCTETS = range(8, 33)
# RFC 8995 3.4 and RFC 8366bis 6: what a request never has.
NEVER_ASKED = {"pinned-domain-cert", "pinned-domain-pubk", "pinned-domain-pubk-sha256",
               "last-renewal-date", "domain-cert-revocation-checks"}


def decoded(members, name):
    want(name in members, f"no member {name}")
    return base64.b64decode(members[name], validate=True)


# The owner's TLS server.


@once("the TLS server's certificate leads through the registrar CA to the owner's root")
def server_path(scene):
    for purpose in ("sslserver", "sslclient"):
        check_path(scene.registrar, [scene.root], [scene.registrar_ca], "-x509_strict",
                   "-purpose", purpose)
    want_equal("what the server shows", [each.der for each in scene.server_chain],
               [scene.registrar.der, scene.registrar_ca.der])


@once("the TLS server's certificate is for cmcRA, serverAuth and clientAuth and nothing else")
def server_usages(scene):
    want_equal("extended key usage", scene.registrar.usages(),
               sorted([CMC_RA, SERVER_AUTH, CLIENT_AUTH]))
    want(not scene.registrar.is_ca(), "it is a CA's")
    want(scene.registrar.may(certs.DIGITAL_SIGNATURE), "its key may not sign")
    want(not scene.registrar.may(certs.KEY_CERT_SIGN), "its key may sign certificates")


@once("the TLS server's certificate has the key identifiers of its own key and of its issuer's")
def server_key_ids(scene):
    check_key_ids(scene.registrar, scene.registrar_ca)


@once("registrar CA and device CA have keys of their own and can make no further CAs")
def two_cas(scene):
    keys = {each.spki for each in (scene.root, scene.registrar_ca, scene.device_ca,
                                   scene.registrar)}
    want_equal("number of the owner's keys", len(keys), 4)
    for authority in (scene.registrar_ca, scene.device_ca):
        check_path(authority, [scene.root], (), "-x509_strict")
        want(authority.is_ca() and authority.path_length() == 0, "pathLenConstraint is not 0")
        want_equal("extended key usage", authority.usages(), [])


def check_key_ids(certificate, issuer):
    want(certificate.key_id() in certificate.key_ids_by_the_book(),
         "SubjectKeyIdentifier is not made of the key")
    want_equal("AuthorityKeyIdentifier", certificate.issuer_key_id(), issuer.key_id())


# The pledge's request.


@for_each_pledge("the pledge's request is what its form demands, signed once")
def request_form(pledge):
    pledge.request.check_form()


@for_each_pledge("the pledge's request is signed by an IDevID of the manufacturer")
def request_signature(pledge):
    pledge.request.check_signed_by(pledge.idevid)
    check_path(pledge.idevid, pledge.scene.idevid_anchors, (), *ANY_PURPOSE)


@for_each_pledge("the pledge's request carries its IDevID; in COSE, nothing")
def request_certificates(pledge):
    wanted = [] if pledge.form == "cose" else [pledge.idevid.der]
    want_equal("its certificates", [each.der for each in pledge.request.certificates], wanted)


@for_each_pledge("the pledge's request says who, a nonce, and which TLS server it saw, no more")
def request_members(pledge):
    members = pledge.request_members
    want_equal("members", set(members), {"assertion", "created-on", "nonce", "serial-number",
                                         "proximity-registrar-cert"})
    want_equal("assertion", members["assertion"], "proximity")
    want_equal("serial-number", members["serial-number"], pledge.idevid.subject_serial())
    want(len(decoded(members, "nonce")) in NONCE_OCTETS, "the nonce has not 8 to 32 octets")


@for_each_pledge("proximity-registrar-cert is the TLS server's certificate")
def proximity(pledge):
    want_equal("proximity-registrar-cert", pledge.seen_registrar.der, pledge.scene.registrar.der)


@once("every nonce is another, and no request was the one that went to the cloud registrar")
def nonces(scene):
    nonce_list = [pledge.request_members["nonce"] for pledge in scene.pledges]
    want_equal("number of nonces", len(set(nonce_list)), len(scene.pledges))
    to_cloud = {sha256 for sha256, _ in scene.asked("cloud", "/requestvoucher")}
    for pledge in scene.pledges:
        want(hashlib.sha256(pledge.request.octets).hexdigest() not in to_cloud,
             f"{pledge.serial}: the cloud registrar got the same request")


@once("the cloud registrar sent every pledge on with 307, and did nothing else")
def redirected(scene):
    answers = [status for _, status in scene.asked("cloud", "")]
    want_equal("statuses", answers, [307] * len(scene.pledges))


# The registrar's request.


@for_each_pledge("the registrar's request is in the form of the pledge's, signed once")
def rvr_form(pledge):
    pledge.registrars_request.check_form()


@for_each_pledge("the registrar's request is signed with the TLS server's key")
def rvr_signature(pledge):
    signer = pledge.registrars_request.signer_certificate()
    want_equal("the signer's key", signer.spki, pledge.seen_registrar.spki)
    pledge.registrars_request.check_signed_by(signer)


@for_each_pledge("the registrar's request carries its certificate and the registrar CA, no others")
def rvr_certificates(pledge):
    """But in COSE the pledge's chain, too, of which nothing else speaks (cBRSKI 9.2)."""
    wanted = [pledge.scene.registrar.der, pledge.scene.registrar_ca.der]
    if pledge.form == "cose":
        wanted += [each.der for each in (pledge.idevid, *pledge.scene.idevid_anchors)]
    carried = [each.der for each in pledge.registrars_request.certificates]
    want(sorted(carried) == sorted(wanted),
         f"it carries {len(carried)} certificates, or others than these")


@for_each_pledge("the registrar's request has the device's serial number and the pledge's nonce")
def rvr_device(pledge):
    members = pledge.registrars_members
    want_equal("serial-number", members.get("serial-number"), pledge.idevid.subject_serial())
    want_equal("nonce", members.get("nonce"), pledge.request_members["nonce"])
    want_equal("assertion", members.get("assertion"), "proximity")
    want("created-on" in members, "no created-on")


@for_each_pledge("idevid-issuer is the extnValue of the IDevID's AuthorityKeyIdentifier, whole")
def rvr_issuer(pledge):
    issuer = pledge.idevid.extensions.get(certs.AKI)
    want(issuer is not None, "the IDevID has no AuthorityKeyIdentifier")
    want_equal("idevid-issuer", decoded(pledge.registrars_members, "idevid-issuer"), issuer.whole)


@for_each_pledge("prior-signed-voucher-request is the pledge's request, octet for octet")
def rvr_prior(pledge):
    want_equal("prior-signed-voucher-request",
               decoded(pledge.registrars_members, "prior-signed-voucher-request"),
               pledge.request.octets)


@for_each_pledge("the registrar's request has no proximity-registrar-cert and pins nothing")
def rvr_absent(pledge):
    there = (NEVER_ASKED | {"proximity-registrar-cert"}) & set(pledge.registrars_members)
    want(not there, f"it has {', '.join(sorted(there))}")


@for_each_pledge("the MASA got the request once, and the same octets for the audit log")
def rvr_sent(pledge):
    sha256 = hashlib.sha256(pledge.registrars_request.octets).hexdigest()
    want_equal("SHA-256 in the MASA's log", pledge.journal["sha256"], sha256)
    asked = {path: [status for body, status in pledge.scene.asked("masa", path) if body == sha256]
             for path in ("/requestvoucher", "/requestauditlog")}
    want_equal("statuses of requestvoucher", asked["/requestvoucher"], [200])
    want_equal("statuses of requestauditlog", set(asked["/requestauditlog"]), {200})


# The voucher and the MASA's log.


@for_each_pledge("the voucher is in the form of the pledge's request, signed once")
def voucher_form(pledge):
    pledge.voucher.check_form()


@for_each_pledge("the voucher's signature leads to the manufacturer's voucher anchors")
def voucher_signature(pledge):
    signer = pledge.voucher.signer_certificate(pledge.scene.voucher_anchors)
    pledge.voucher.check_signed_by(signer)
    check_path(signer, pledge.scene.voucher_anchors, pledge.voucher.certificates,
               "-partial_chain", *ANY_PURPOSE)


@for_each_pledge("the voucher is the MASA's, octet for octet; in COSE, without what nobody signed")
def voucher_relayed(pledge):
    pledge.voucher.check_relayed(pledge.masas_voucher)


@for_each_pledge("the voucher is for this device and this nonce")
def voucher_device(pledge):
    members = pledge.voucher_members
    want_equal("serial-number", members.get("serial-number"), pledge.idevid.subject_serial())
    want_equal("nonce", members.get("nonce"), pledge.request_members["nonce"])
    want_equal("assertion", members.get("assertion"), "proximity")
    want("prior-signed-voucher-request" not in members, "it repeats the request")


@for_each_pledge("the voucher pins the registrar CA, to which the TLS server's certificate leads")
def voucher_pin(pledge):
    want_equal("pinned-domain-cert", pledge.pinned.der, pledge.scene.registrar_ca.der)
    check_path(pledge.seen_registrar, [pledge.pinned], (), "-partial_chain")


@for_each_pledge("the MASA's log has one entry of the pinned domain, with the nonce")
def masa_log(pledge):
    book = pledge.pinned.key_id() or hashlib.sha256(pledge.pinned.spki).digest()
    want_equal("domainID", base64.b64decode(pledge.journal["domainID"]), book)
    want_equal("nonce", pledge.journal["nonce"], pledge.request_members["nonce"])
    want_equal("assertion", pledge.journal["assertion"], "proximity")
    want_equal("idevid-issuer", bytes.fromhex(pledge.journal["idevid-issuer"]),
               pledge.idevid.extensions[certs.AKI].whole)

"""EST: CSR attributes, CA certificates, the issued certificates, and that all tallies."""

import certs
import der
from certs import CLIENT_AUTH, check_path
from checks_voucher import check_key_ids
from plan import for_each_pledge, once
from wrong import want, want_equal

EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
SERIAL_OCTETS = 20


def asked_extensions(csrattrs):
    """RFC 9908 3.2: the extensions of the one attribute ExtensionReq, by OID."""
    attributes = [each.children() for each in der.read(csrattrs, der.SEQUENCE).children()
                  if each.tag == der.SEQUENCE]
    requests = [values.children() for kind, values in attributes if kind.oid() == EXTENSION_REQUEST]
    want(len(requests) == 1 and len(requests[0]) == 1, "not one ExtensionReq with one Extensions")
    extensions = [each.children() for each in requests[0][0].expect(der.SEQUENCE).children()]
    by_oid = {fields[0].oid(): fields[-1].expect(der.OCTET_STRING).content for fields in extensions}
    want_equal("number of extensions", len(by_oid), len(extensions))
    return by_oid


@for_each_pledge("the CSR attributes ask for a name of the device's own in SubjectAltName")
def csrattrs_name(pledge):
    asked = asked_extensions(pledge.csrattrs)
    want_equal("extensions asked for", list(asked), [certs.SAN])
    names = der.read(asked[certs.SAN], der.SEQUENCE).children()
    want(len(names) == 1 and names[0].tag == certs.DNS_NAME, "not one dNSName")
    want_equal("its first label", names[0].content.decode("ascii").split(".")[0],
               pledge.serial.lower())


@for_each_pledge("the certificate's SubjectAltName is the one in the CSR attributes")
def certificate_name(pledge):
    want_equal("SubjectAltName", pledge.ldevid.extension(certs.SAN),
               asked_extensions(pledge.csrattrs)[certs.SAN])


@for_each_pledge("cacerts holds root, device CA and registrar CA, and only CAs")
def cacerts(pledge):
    given = {each.der for each in pledge.cacerts}
    for name in ("root", "device_ca", "registrar_ca"):
        want(getattr(pledge.scene, name).der in given, f"{name} is missing")
    want(all(each.is_ca() for each in pledge.cacerts), "one of them is no CA's")


@for_each_pledge("the certificate leads through the device CA to the owner's root, strictly")
def certificate_path(pledge):
    scene = pledge.scene
    check_path(pledge.ldevid, [scene.root], [scene.device_ca], "-x509_strict", "-purpose",
               "sslclient")
    want(pledge.ldevid.issuer == scene.device_ca.subject.whole, "the device CA did not issue it")


@for_each_pledge("the certificate is for clientAuth alone: never a server's, an RA's or a CA's")
def certificate_usages(pledge):
    want_equal("extended key usage", pledge.ldevid.usages(), [CLIENT_AUTH])
    want(not pledge.ldevid.is_ca(), "it is a CA's")
    want(pledge.ldevid.may(certs.DIGITAL_SIGNATURE), "its key may not sign")
    for bit in (certs.KEY_CERT_SIGN, certs.CRL_SIGN):
        want(not pledge.ldevid.may(bit), "its key may sign certificates or CRLs")


@for_each_pledge("the certificate's serial number is positive and has 20 octets")
def certificate_serial(pledge):
    serial = pledge.ldevid.serial
    want_equal("number of octets", len(serial), SERIAL_OCTETS)
    want(0 < serial[0] < 0x80, "it is not positive, or not 20 octets long without padding")


@for_each_pledge("the certificate has the key identifiers of its own key and of the device CA's")
def certificate_key_ids(pledge):
    check_key_ids(pledge.ldevid, pledge.scene.device_ca)


@for_each_pledge("the certificate is valid within its issuer's validity")
def certificate_validity(pledge):
    issuer, ldevid = pledge.scene.device_ca, pledge.ldevid
    want(issuer.not_before <= ldevid.not_before < ldevid.not_after <= issuer.not_after,
         f"it is valid from {ldevid.not_before} to {ldevid.not_after}, "
         f"its issuer from {issuer.not_before} to {issuer.not_after}")


@for_each_pledge("the certificate is for the key that the pledge made, and not for the IDevID's")
def certificate_key(pledge):
    want_equal("the certificate's key", pledge.ldevid.spki, pledge.key_spki)
    want(pledge.ldevid.spki != pledge.idevid.spki, "it is the IDevID's key")


@for_each_pledge("the certificate's subject names the device")
def certificate_subject(pledge):
    want_equal("serialNumber", pledge.ldevid.subject_serial(), pledge.idevid.subject_serial())


@once("no two certificates share a key, a serial number or a name")
def all_different(scene):
    owners = [scene.root, scene.registrar_ca, scene.device_ca, scene.registrar]
    issued = [pledge.ldevid for pledge in scene.pledges]
    idevids = [pledge.idevid for pledge in scene.pledges]
    keys = [each.spki for each in owners + issued + idevids]
    want_equal("number of keys", len(set(keys)), len(keys))
    serials = [each.serial for each in owners + issued]
    want_equal("number of serial numbers", len(set(serials)), len(serials))
    names = [tuple(each.dns_names()) for each in issued]
    want_equal("number of names", len(set(names)), len(names))


@once("there are as many vouchers, log entries and certificates as pledges, one for each")
def tally(scene):
    serials = sorted(pledge.serial for pledge in scene.pledges)
    want(serials, "there are no pledges")
    want_equal("devices with results", sorted(
        folder.name for folder in (scene.folder / "devices").iterdir()), serials)
    want_equal("the MASA's log", sorted(entry["serial"] for entry in scene.issued), serials)
    for what, octets in (("vouchers", [pledge.voucher.octets for pledge in scene.pledges]),
                         ("LDevIDs", [pledge.ldevid.der for pledge in scene.pledges])):
        want_equal(f"number of different {what}", len(set(octets)), len(serials))

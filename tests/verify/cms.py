"""CMS SignedData (RFC 5652) around vouchers and voucher requests (RFC 8366 5.4)."""

import hashlib
import json

import der
from certs import HASHES, Certificate, check_signature
from wrong import Wrong, want, want_equal

SIGNED_DATA = "1.2.840.113549.1.7.2"
VOUCHER_TYPE = "1.2.840.113549.1.9.16.1.40"  # id-ct-animaJSONVoucher
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
CERTIFICATES = der.context(0)
SIGNED_ATTRIBUTES = der.context(0)
KEY_IDENTIFIER = der.context(0, constructed=False)


class SignedData:
    def __init__(self, octets):
        self.octets = octets
        kind, wrapped = der.read(octets, der.SEQUENCE).children()
        want_equal("contentType", kind.oid(), SIGNED_DATA)
        parts = der.read(wrapped.content, der.SEQUENCE).children()
        self.version = parts[0].integer()
        type_, content = parts[2].expect(der.SEQUENCE).children()
        self.content_type = type_.oid()
        self.content = der.read(content.content, der.OCTET_STRING).content
        self.certificates = [Certificate(each.whole) for part in parts[3:-1]
                             if part.tag == CERTIFICATES for each in part.children()]
        self.signers = [SignerInfo(each) for each in parts[-1].expect(der.SET).children()]

    def check_form(self):
        """RFC 8366 5.4: what is signed says that it is a voucher; one signer, with attributes."""
        want_equal("CMS version", self.version, 3)
        want_equal("eContentType", self.content_type, VOUCHER_TYPE)
        want_equal("number of signers", len(self.signers), 1)
        want(self.signers[0].attributes, "there are no signed attributes")

    def check_signed_by(self, certificate):
        """RFC 5652 5.4 and 11, with the key of this certificate."""
        signer = self.signers[0]
        want(signer.is_of(certificate), "SignerInfo names another certificate")
        want_equal("the signed content type", signer.attribute(CONTENT_TYPE).oid(),
                   self.content_type)
        digest = hashlib.new(signer.hash.name, self.content).digest()
        want_equal("the signed message digest", signer.attribute(MESSAGE_DIGEST).content, digest)
        check_signature(certificate.key, signer.hash, signer.signature, signer.signed_octets())

    def signer_certificate(self, anchors=()):
        for certificate in self.certificates:
            if self.signers[0].is_of(certificate):
                return certificate
        raise Wrong("the signer's certificate is not inside")

    def members(self, container):
        """What is in the one member `container` of the JSON object that was signed."""
        document = json.loads(self.content, object_pairs_hook=no_pair_twice)
        want_equal("top members", sorted(document), [container])
        return document[container]


    def check_relayed(self, sent):
        """RFC 8995 5.6: octet for octet."""
        want_equal("the voucher", self.octets, sent.octets)


class SignerInfo:
    def __init__(self, element):
        parts = element.children()
        self.identifier = parts[1]
        algorithm = parts[2].children()[0].oid()
        want(algorithm in HASHES, f"digest algorithm {algorithm}")
        self.hash = HASHES[algorithm]
        signed = [part for part in parts if part.tag == SIGNED_ATTRIBUTES]
        self.attributes = signed[0] if signed else None
        self.signature = [part for part in parts if part.tag == der.OCTET_STRING][0].content

    def is_of(self, certificate):
        if self.identifier.tag == KEY_IDENTIFIER:
            return self.identifier.content == certificate.key_id()
        issuer, serial = self.identifier.children()
        return (issuer.whole, serial.content) == (certificate.issuer, certificate.serial)

    def attribute(self, oid):
        values = [attribute.children()[1].children() for attribute in self.attributes.children()
                  if attribute.children()[0].oid() == oid]
        want(len(values) == 1 and len(values[0]) == 1, f"signed attribute {oid} is not there once")
        return values[0][0]

    def signed_octets(self):
        """RFC 5652 5.4: as a SET OF, not with the tag that they have in the message."""
        return der.write(der.SET, self.attributes.content)


def no_pair_twice(pairs):
    names = [name for name, _ in pairs]
    want(len(set(names)) == len(names), "a member is there twice")
    return dict(pairs)

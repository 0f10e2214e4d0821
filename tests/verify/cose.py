"""COSE_Sign1 (RFC 9052) around vouchers and voucher requests in CBOR (cBRSKI 9, RFC 8366bis 8)."""

import base64

import cbor2
from certs import Certificate
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from wrong import Wrong, want, want_equal

SIGN1 = 18
ALG, X5BAG, X5CHAIN = 1, 32, 33
EDDSA = -8
CURVES = {-7: ("secp256r1", hashes.SHA256()), -35: ("secp384r1", hashes.SHA384()),
          -36: ("secp521r1", hashes.SHA512())}
ASSERTIONS = ["verified", "logged", "proximity", "agent-proximity"]
# Container: its SID, and the SIDs of what may be in it (RFC 8366bis, tables of both modules).
SIDS = {
    "ietf-voucher:voucher": (2451, {
        "assertion": 2452, "created-on": 2453, "domain-cert-revocation-checks": 2454,
        "expires-on": 2455, "idevid-issuer": 2456, "last-renewal-date": 2457, "nonce": 2458,
        "pinned-domain-cert": 2459, "pinned-domain-pubk": 2460, "pinned-domain-pubk-sha256": 2461,
        "serial-number": 2462, "additional-configuration-url": 2463, "est-domain": 2464}),
    "ietf-voucher-request:voucher": (2501, {
        "assertion": 2502, "created-on": 2503, "domain-cert-revocation-checks": 2504,
        "expires-on": 2505, "idevid-issuer": 2506, "last-renewal-date": 2507, "nonce": 2508,
        "pinned-domain-cert": 2509, "prior-signed-voucher-request": 2510,
        "proximity-registrar-cert": 2511, "proximity-registrar-pubk-sha256": 2512,
        "proximity-registrar-pubk": 2513, "serial-number": 2514, "pinned-domain-pubk": 2518,
        "pinned-domain-pubk-sha256": 2519, "additional-configuration-url": 2520,
        "est-domain": 2521}),
}


def loads(octets, what):
    """One item and nothing behind it, in deterministic encoding."""
    item = cbor2.loads(octets)
    want(cbor2.dumps(item) == octets, f"{what} is not in its shortest encoding")
    return item


class SignedCbor:
    def __init__(self, octets):
        self.octets = octets
        item = loads(octets, "the message")
        want(isinstance(item, cbor2.CBORTag) and len(item.value) == 4, "no COSE_Sign1 with a tag")
        self.tag = item.tag
        self.protected_octets, self.unprotected, self.content, self.signature = item.value
        self.protected = loads(self.protected_octets, "the protected header")
        bag = self.unprotected.get(X5BAG, [])
        self.certificates = [Certificate(each)
                             for each in (bag if isinstance(bag, list) else [bag])]

    def check_form(self):
        want_equal("tag", self.tag, SIGN1)
        want_equal("parameters of the protected header", list(self.protected), [ALG])
        want(set(self.unprotected) <= {X5BAG}, "more than x5bag in the unprotected header")
        want(not isinstance(self.unprotected.get(X5BAG), list) or len(self.certificates) > 1,
             "one certificate in an array (RFC 9360 2)")

    def signed_octets(self):
        """RFC 9052 4.4."""
        return cbor2.dumps(["Signature1", self.protected_octets, b"", self.content])

    def fits(self, key):
        algorithm = self.protected[ALG]
        try:
            if algorithm == EDDSA and isinstance(key, ed25519.Ed25519PublicKey):
                key.verify(self.signature, self.signed_octets())
                return True
            curve, hash_ = CURVES[algorithm]
            if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != curve:
                return False
            half = (key.key_size + 7) // 8
            want_equal("length of the signature", len(self.signature), 2 * half)
            r, s = (int.from_bytes(part, "big")
                    for part in (self.signature[:half], self.signature[half:]))
            key.verify(utils.encode_dss_signature(r, s), self.signed_octets(), ec.ECDSA(hash_))
            return True
        except InvalidSignature:
            return False

    def check_signed_by(self, certificate):
        want(self.fits(certificate.key), "the signature does not verify")

    def signer_certificate(self, anchors=()):
        """Nothing inside says who it is: the one whose key fits."""
        for certificate in [*self.certificates, *anchors]:
            if self.fits(certificate.key):
                return certificate
        raise Wrong("it is signed by none whose certificate is at hand")

    def members(self, container):
        """What is in the one container, named and written as in JSON."""
        document = loads(self.content, "the payload")
        base, sids = SIDS[container]
        want_equal("top members", list(document), [base])
        names = {sid - base: name for name, sid in sids.items()}
        unknown = set(document[base]) - set(names)
        want(not unknown, f"members {unknown}")
        return {names[key]: as_in_json(names[key], value)
                for key, value in document[base].items()}

    def check_relayed(self, sent):
        """cBRSKI 6.8: without the certificates that nobody signed, and not otherwise changed."""
        for what in ("tag", "protected_octets", "content", "signature"):
            want_equal(what, getattr(self, what), getattr(sent, what))
        wanted = {label: value for label, value in sent.unprotected.items()
                  if label not in (X5BAG, X5CHAIN)}
        want_equal("the unprotected header", self.unprotected, wanted)


def as_in_json(name, value):
    if name == "assertion":
        return ASSERTIONS[value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value

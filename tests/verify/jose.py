"""JWS in general JSON serialisation (RFC 7515) around vouchers and voucher requests (jws-voucher)."""

import base64
import json
import re

from certs import Certificate
from cms import no_pair_twice
from jwcrypto import jwk, jws
from jwcrypto.common import JWException
from wrong import Wrong, want, want_equal

ALGORITHMS = ["ES256", "ES384", "ES512", "EdDSA", "RS256"]


def from_base64url(text):
    want(isinstance(text, str) and re.fullmatch("[A-Za-z0-9_-]+", text), "no base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class SignedJson:
    def __init__(self, octets):
        self.octets = octets
        self.message = json.loads(octets, object_pairs_hook=no_pair_twice)
        want_equal("members of the message", sorted(self.message), ["payload", "signatures"])
        self.content = from_base64url(self.message["payload"])
        self.headers = [json.loads(from_base64url(each["protected"]),
                                   object_pairs_hook=no_pair_twice)
                        for each in self.message["signatures"]]
        self.certificates = [Certificate(base64.b64decode(text, validate=True))
                             for text in self.headers[0]["x5c"]]

    def check_form(self):
        """jws-voucher 3: one signature, its header protected, with type, algorithm and x5c."""
        want_equal("number of signatures", len(self.headers), 1)
        want_equal("members of the signature", sorted(self.message["signatures"][0]),
                   ["protected", "signature"])
        want_equal("header parameters", sorted(self.headers[0]), ["alg", "typ", "x5c"])
        want_equal("typ", self.headers[0]["typ"], "voucher-jws+json")
        want(self.headers[0]["alg"] in ALGORITHMS, f"alg is {self.headers[0]['alg']}")

    def check_signed_by(self, certificate):
        want_equal("the first certificate of x5c", self.certificates[0].der, certificate.der)
        token = jws.JWS()
        token.allowed_algs = ALGORITHMS
        try:
            token.deserialize(self.octets.decode())
            token.verify(jwk.JWK.from_pyca(certificate.key))
        except JWException as error:
            raise Wrong(f"the signature does not verify: {error}") from None
        want_equal("the payload that was verified", token.payload, self.content)

    def signer_certificate(self, anchors=()):
        return self.certificates[0]

    def members(self, container):
        """What is in the one member `container` of the JSON object that was signed."""
        document = json.loads(self.content, object_pairs_hook=no_pair_twice)
        want_equal("top members", sorted(document), [container])
        return document[container]

    def check_relayed(self, sent):
        """RFC 8995 5.6: octet for octet."""
        want_equal("the voucher", self.octets, sent.octets)

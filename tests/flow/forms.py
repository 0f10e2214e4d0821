"""
The three forms of vouchers and voucher requests, by means that share nothing with Gatehouse:
`openssl cms`, jwcrypto, and cbor2 with the cryptography package.

Members are those of the JSON (RFC 8366bis), octets in base64; each form writes and reads them in its
own way.
"""

import base64
import json
import subprocess

import cbor2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.serialization import pkcs7
from jwcrypto import jwk, jws

REQUEST, VOUCHER = "ietf-voucher-request:voucher", "ietf-voucher:voucher"
VOUCHER_CONTENT = "1.2.840.113549.1.9.16.1.40"  # id-ct-animaJSONVoucher
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
ES256, EDDSA = -7, -8
X5BAG, X5CHAIN, KID = 32, 33, 4


def openssl(*arguments, octets=b"", check=True):
    """Runs openssl; its standard output."""
    run = subprocess.run(["openssl", *map(str, arguments)], input=octets, capture_output=True,
                         timeout=60, check=False)
    assert not check or run.returncode == 0, f"openssl {arguments[0]}: {run.stderr.decode()}"
    return run.stdout if run.returncode == 0 else None


def certificates_of(file):
    """All that are in a PEM file."""
    blocks = file.read_bytes().split(b"-----BEGIN CERTIFICATE-----")[1:]
    return [x509.load_pem_x509_certificate(b"-----BEGIN CERTIFICATE-----" + each)
            for each in blocks]


def key_of(file):
    return serialization.load_pem_private_key(file.read_bytes(), None)


def base64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Cms:
    name, media_type = "cms", "application/voucher-cms+json"

    @staticmethod
    def sign(content, identity, content_type=VOUCHER_CONTENT):
        certificates, key = identity
        return openssl("cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-md", "sha256",
                       "-outform", "DER", "-econtent_type", content_type, "-signer", certificates,
                       "-inkey", key, octets=content)

    def seal(self, container, members, identity, **how):
        return self.sign(json.dumps({container: members}).encode(), identity, **how)

    @staticmethod
    def content(octets, anchors):
        """What was signed, when the signer leads to the anchors; else an AssertionError."""
        return openssl("cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any",
                       "-partial_chain", "-CAfile", anchors, octets=octets)

    def verify(self, octets, anchors):
        return json.loads(self.content(octets, anchors))

    @staticmethod
    def peek(octets):
        """What it says, whoever signed it."""
        return json.loads(openssl("cms", "-verify", "-noverify", "-nosigs", "-binary", "-inform",
                                  "DER", octets=octets))

    @staticmethod
    def certificates(octets):
        return pkcs7.load_der_pkcs7_certificates(octets)


class Jws:
    name, media_type = "jws", "application/voucher-jws+json"
    ALGORITHMS = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}

    def algorithm(self, key):
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return self.ALGORITHMS[key.curve.name]
        return "EdDSA" if isinstance(key, ed25519.Ed25519PrivateKey) else "RS256"

    def header(self, certificates, key, **changes):
        header = {"alg": self.algorithm(key), "typ": "voucher-jws+json",
                  "x5c": [base64.b64encode(each.public_bytes(DER)).decode()
                          for each in certificates], **changes}
        return {name: value for name, value in header.items() if value is not None}

    def sign(self, content, identity, x5c=None, sign_as=None, **changes):
        """By jwcrypto; `x5c` others' certificates, `sign_as` what its header may not say."""
        certificates = certificates_of(identity[0]) if x5c is None else x5c
        key = key_of(identity[1])
        header = self.header(certificates, key, **changes)
        if sign_as is not None:
            return self.sign_whatever(content, header, key, sign_as)
        token = jws.JWS(content)
        token.allowed_algs = [header["alg"]]
        token.add_signature(jwk.JWK.from_pyca(key), None, json.dumps(header))
        message = json.loads(token.serialize())  # flattened, when there is one signature
        return json.dumps({"payload": message["payload"], "signatures": [
            {"protected": message["protected"], "signature": message["signature"]}]}).encode()

    @staticmethod
    def sign_whatever(content, header, key, sign_as):
        """A message that jwcrypto would not make; `sign_as` a function of key and octets."""
        protected, payload = base64url(json.dumps(header).encode()), base64url(content)
        signature = sign_as(key, f"{protected}.{payload}".encode())
        return json.dumps({"payload": payload, "signatures": [
            {"protected": protected, "signature": base64url(signature)}]}).encode()

    def seal(self, container, members, identity, **how):
        return self.sign(json.dumps({container: members}).encode(), identity, **how)

    @staticmethod
    def verify(octets, anchors):
        signer = x509.load_der_x509_certificate(Jws.certificates(octets)[0].public_bytes(DER))
        check_leads_to(signer, anchors)
        token = jws.JWS()
        token.deserialize(octets.decode())
        token.allowed_algs = ["ES256", "ES384", "ES512", "EdDSA", "RS256"]
        token.verify(jwk.JWK.from_pyca(signer.public_key()))
        message = json.loads(octets)
        assert set(message) == {"payload", "signatures"}
        assert json.loads(from_base64url(message["signatures"][0]["protected"]))["typ"] == (
            "voucher-jws+json")
        return json.loads(token.payload)

    @staticmethod
    def peek(octets):
        return json.loads(from_base64url(json.loads(octets)["payload"]))

    @staticmethod
    def certificates(octets):
        header = json.loads(from_base64url(json.loads(octets)["signatures"][0]["protected"]))
        return [x509.load_der_x509_certificate(base64.b64decode(text)) for text in header["x5c"]]


def sid_table(first, *names):
    return {name: first + at for at, name in enumerate(names)}


class Cose:
    name, media_type = "cose", "application/voucher+cose"
    CONTAINERS = {VOUCHER: 2451, REQUEST: 2501}
    COMMON = ("assertion", "created-on", "domain-cert-revocation-checks", "expires-on",
              "idevid-issuer", "last-renewal-date", "nonce", "pinned-domain-cert")
    SIDS = {
        VOUCHER: sid_table(2452, *COMMON, "pinned-domain-pubk", "pinned-domain-pubk-sha256",
                           "serial-number", "additional-configuration-url", "est-domain"),
        REQUEST: sid_table(2502, *COMMON, "prior-signed-voucher-request",
                           "proximity-registrar-cert", "proximity-registrar-pubk-sha256",
                           "proximity-registrar-pubk", "serial-number"),
    }
    ASSERTIONS = ("verified", "logged", "proximity", "agent-proximity")
    PLAIN = {"created-on", "expires-on", "last-renewal-date", "serial-number", "est-domain",
             "additional-configuration-url", "domain-cert-revocation-checks"}
    HASHES = {ES256: hashes.SHA256, -35: hashes.SHA384, -36: hashes.SHA512}

    def payload(self, container, members, keys="delta"):
        """`keys`: "delta" (differences of SIDs), "tag" (whole SIDs under tag 47) or "name"."""
        base = self.CONTAINERS.get(container)
        sids = self.SIDS.get(container, {})
        spelled = {}
        for name, value in members.items():
            key = name
            if name in sids and keys != "name":
                key = sids[name] - base if keys == "delta" else cbor2.CBORTag(47, sids[name])
            spelled[key] = self.encoded(name, value)
        outer = container if keys == "name" or base is None else base
        return cbor2.dumps({outer: spelled})

    def encoded(self, name, value):
        if name == "assertion" and value in self.ASSERTIONS:
            return self.ASSERTIONS.index(value)
        if name in self.PLAIN or not isinstance(value, str) or name not in (
                self.SIDS[VOUCHER] | self.SIDS[REQUEST]):
            return value
        return base64.b64decode(value)

    def decoded(self, name, value):
        if name == "assertion":
            return self.ASSERTIONS[value]
        return base64.b64encode(value).decode() if isinstance(value, bytes) else value

    @staticmethod
    def algorithm(key):
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return EDDSA
        return {"secp256r1": ES256, "secp384r1": -35, "secp521r1": -36}[key.curve.name]

    def sign(self, payload, identity, unprotected=None, protected=None, tag=18):
        key = key_of(identity[1])
        header = cbor2.dumps({1: self.algorithm(key)} if protected is None else protected)
        signed = cbor2.dumps(["Signature1", header, b"", payload])
        signature = self.raw_signature(key, signed)
        message = [header, unprotected or {}, payload, signature]
        return cbor2.dumps(message if tag is None else cbor2.CBORTag(tag, message))

    def raw_signature(self, key, octets):
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(octets)
        hash_with = self.HASHES[self.algorithm(key)]()
        r, s = utils.decode_dss_signature(key.sign(octets, ec.ECDSA(hash_with)))
        size = (key.key_size + 7) // 8
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    def seal(self, container, members, identity, keys="delta", **how):
        return self.sign(self.payload(container, members, keys), identity, **how)

    def verify(self, octets, anchors):
        """The signer is one of the anchors: nothing in a voucher that a pledge gets says who."""
        protected, unprotected, payload, signature = self.parts(octets)
        assert not {X5BAG, X5CHAIN} & set(unprotected), "certificates outside of the signature"
        signed = cbor2.dumps(["Signature1", protected, b"", payload])
        algorithm = cbor2.loads(protected)[1]
        assert any(self.fits(certificate.public_key(), algorithm, signature, signed)
                   for certificate in certificates_of(anchors)), "it is no anchor's signature"
        return self.named(payload)

    def fits(self, key, algorithm, signature, signed):
        try:
            if algorithm == EDDSA:
                key.verify(signature, signed)
            else:
                half = len(signature) // 2
                numbers = [int.from_bytes(part, "big")
                           for part in (signature[:half], signature[half:])]
                key.verify(utils.encode_dss_signature(*numbers), signed,
                           ec.ECDSA(self.HASHES[algorithm]()))
        except InvalidSignature:
            return False
        return True

    @staticmethod
    def parts(octets):
        message = cbor2.loads(octets)
        assert message.tag == 18
        return message.value

    def named(self, payload):
        (number, members), = cbor2.loads(payload).items()
        container, = [name for name, sid in self.CONTAINERS.items() if sid == number]
        names = {sid - number: name for name, sid in self.SIDS[container].items()}
        return {container: {names[key]: self.decoded(names[key], value)
                            for key, value in members.items()}}

    def peek(self, octets):
        return self.named(self.parts(octets)[2])

    def certificates(self, octets):
        bag = self.parts(octets)[1].get(X5BAG, [])
        return [x509.load_der_x509_certificate(each)
                for each in (bag if isinstance(bag, list) else [bag])]


CMS, JWS, COSE = Cms(), Jws(), Cose()
FORMS = (CMS, JWS, COSE)


def form_named(name):
    form, = [form for form in FORMS if form.name == name]
    return form


def form_of(octets):
    """By the first octet: DER, JSON or a tag of CBOR."""
    return {0x30: CMS, 0x7B: JWS, 0xD2: COSE}.get(octets[0] if octets else None)


def check_leads_to(certificate, anchors):
    """To one of the anchors, or is one."""
    if certificate in certificates_of(anchors):
        return
    (issuer,) = [each for each in certificates_of(anchors) if each.subject == certificate.issuer]
    issuer.public_key().verify(certificate.signature, certificate.tbs_certificate_bytes,
                               ec.ECDSA(certificate.signature_hash_algorithm))


def members_of(octets):
    """What an artifact of any form says, whoever signed it."""
    members, = form_of(octets).peek(octets).values()
    return members

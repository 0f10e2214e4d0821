"""
Certificate Management over CMS (RFC 5272), octet by octet: requests as a client makes them, and what
is in the answers.  Signatures are the cryptography package's; answers are verified by openssl.
"""

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass, field
from datetime import datetime, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from der import EXPLICIT_0, INTEGER, OCTETS, OID, SEQUENCE, SET, elements, inside, oid
from forms import openssl

REQUEST_TYPE = "application/pkcs7-mime; smime-type=CMC-request"
RESPONSE_TYPE = "application/pkcs7-mime; smime-type=CMC-response"
PKI_DATA, PKI_RESPONSE = "1.3.6.1.5.5.7.12.2", "1.3.6.1.5.5.7.12.3"
CMC = "1.3.6.1.5.5.7.7."
IDENTIFICATION, DATA_RETURN, TRANSACTION_ID = CMC + "2", CMC + "4", CMC + "5"
SENDER_NONCE, RECIPIENT_NONCE, REVOKE_REQUEST = CMC + "6", CMC + "7", CMC + "17"
QUERY_PENDING, LINK_RANDOM, STATUS_INFO = CMC + "21", CMC + "22", CMC + "25"
LINK_WITNESS, IDENTITY_PROOF, CHANGE_SUBJECT = CMC + "33", CMC + "34", CMC + "36"
SUCCESS, FAILED, PENDING, NO_SUPPORT = 0, 2, 3, 4
(BAD_ALG, BAD_MESSAGE_CHECK, BAD_REQUEST, BAD_TIME, BAD_CERT_ID, UNSUPPORTED_EXT, _, BAD_IDENTITY,
 POP_REQUIRED, POP_FAILED, NO_KEY_REUSE, INTERNAL_CA_ERROR, TRY_LATER, AUTH_DATA_FAIL) = range(14)

SHA256, HMAC_SHA256 = "2.16.840.1.101.3.4.2.1", "1.2.840.113549.2.9"
ECDSA_SHA256 = "1.2.840.10045.4.3.2"
DER = serialization.Encoding.DER
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


# Writing.


def tlv(tag, *parts):
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def sequence(*parts):
    return tlv(SEQUENCE, *parts)


def set_of(*parts):
    return tlv(SET, *sorted(parts))


def number(value):
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(value):
    return tlv(OCTETS, value)


def utf8(text):
    return tlv(0x0C, text.encode())


def bits(value):
    return tlv(0x03, b"\0" + value)


def identifier(dotted):
    first, second, *rest = map(int, dotted.split("."))
    content = b""
    for arc in (first * 40 + second, *rest):
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(arc & 0x7F | 0x80)
        content += bytes(reversed(digits))
    return tlv(OID, content)


def algorithm(dotted):
    return sequence(identifier(dotted))


def retagged(tag, element):
    return bytes([tag]) + element[1:]


def control(part, kind, *values):
    return sequence(number(part), identifier(kind), set_of(*values))


def pki_data(controls, requests, messages=(), others=()):
    return sequence(*(sequence(*each) for each in (controls, requests, messages, others)))


def pkcs10(part, csr):
    return retagged(0xA0, sequence(number(part), csr))


def witness(key, over, hash_with=SHA256):
    return sequence(algorithm(hash_with), algorithm(HMAC_SHA256),
                    octets(hmac.digest(key, over, "sha256")))


def identity_proof(part, secret, user, requests, **options):
    """RFC 5272 6.2.1: over the reqSequence as it stands."""
    key = hashlib.sha256(secret.encode() + user.encode()).digest()
    return control(part, IDENTITY_PROOF, witness(key, sequence(*requests), **options))


def subject_key_id(key):
    return hashlib.sha256(key.public_key().public_bytes(DER, SPKI)).digest()[:20]


def extensions_of(names):
    if not names:
        return b""
    value = x509.SubjectAlternativeName([x509.DNSName(name) for name in names]).public_bytes()
    return sequence(sequence(identifier("2.5.29.17"), octets(value)))


def crmf(part, key, subject, extensions=b"", proof="signature", controls=(), signer=None,
         template=b""):
    """CertReqMsg (RFC 4211), tagged for PKIData; `extensions` is DER of Extensions."""
    fields = [template, tlv(0xA5, subject.public_bytes()),
              retagged(0xA6, key.public_key().public_bytes(DER, SPKI)),
              retagged(0xA9, extensions) if extensions else b""]
    request = sequence(number(part), sequence(*fields), sequence(*controls) if controls else b"")
    if proof == "signature":
        signature = (signer or key).sign(request, ec.ECDSA(hashes.SHA256()))
        proof = tlv(0xA1, algorithm(ECDSA_SHA256), bits(signature))
    return tlv(0xA1, request, proof)


RA_VERIFIED = tlv(0x80)
BY_DECRYPTION = tlv(0xA2, tlv(0x81, b"\0"))  # subsequentMessage encrCert


def sign(content, key, certificate=None, content_type=PKI_DATA, hash_with=hashes.SHA256,
         hash_oid=SHA256, at=None, key_id=None):
    """SignedData by a certificate, or by a key alone (RFC 5272 3.2)."""
    at = at or datetime.now(timezone.utc)
    digest = hashes.Hash(hash_with())
    digest.update(content)
    attributes = set_of(
        sequence(identifier("1.2.840.113549.1.9.3"), set_of(identifier(content_type))),
        sequence(identifier("1.2.840.113549.1.9.5"),
                 set_of(tlv(0x18, at.strftime("%Y%m%d%H%M%SZ").encode()))),
        sequence(identifier("1.2.840.113549.1.9.4"), set_of(octets(digest.finalize()))))
    if certificate is None:
        sid, certificates, version = tlv(0x80, key_id or subject_key_id(key)), b"", 3
    else:
        sid = sequence(certificate.issuer.public_bytes(), number(certificate.serial_number))
        certificates, version = tlv(0xA0, certificate.public_bytes(DER)), 1
    signature = key.sign(attributes, ec.ECDSA(hash_with()))
    signer = sequence(number(version), sid, algorithm(hash_oid), retagged(0xA0, attributes),
                      algorithm(ECDSA_SHA256), octets(signature))
    signed = sequence(number(3), set_of(algorithm(hash_oid)),
                      sequence(identifier(content_type), tlv(EXPLICIT_0, octets(content))),
                      certificates, set_of(signer))
    return sequence(identifier("1.2.840.113549.1.7.2"), tlv(EXPLICIT_0, signed))


# A usual request.

TRANSACTION, REQUEST = 7, 100  # a transaction's number, and a bodyPartID


def controls_of(nonce):
    return [control(1, TRANSACTION_ID, number(TRANSACTION)),
            control(2, SENDER_NONCE, octets(nonce))]


def message(*requests, more=(), nonce=b"nonce-of-client!"):
    return pki_data([*controls_of(nonce), *more], requests)


# Reading.


@dataclass
class Answer:
    """What a Full PKI Response says."""

    status: int = None
    parts: list = None
    text: str = None
    failure: int = None
    token: bytes = None
    until: str = None
    controls: dict = field(default_factory=dict)
    certificates: list = field(default_factory=list)


def read_status(answer, content):
    (_, status), (_, parts), *rest = elements(content)
    answer.status = int.from_bytes(status, "big")
    answer.parts = [int.from_bytes(part, "big") for _, part in elements(parts)]
    if rest and rest[0][0] == 0x0C:
        answer.text = rest.pop(0)[1].decode()
    if rest and rest[0][0] == INTEGER:
        answer.failure = int.from_bytes(rest[0][1], "big")
    elif rest:
        (_, answer.token), (_, until) = elements(rest[0][1])
        answer.until = until.decode()


def read_response(content):
    answer = Answer()
    controls, messages, others = elements(inside(content, SEQUENCE))
    assert messages == others == (SEQUENCE, b"")
    numbers = []
    for _, each in elements(controls[1]):
        (_, part), (_, kind), (_, values) = elements(each)
        (tag, value), = elements(values)
        numbers.append(int.from_bytes(part, "big"))
        if oid(kind) == STATUS_INFO:
            read_status(answer, value)
        else:
            answer.controls[oid(kind)] = (tag, value)
    assert 0 not in numbers and len(set(numbers)) == len(numbers)
    return answer


def opened(reply, owner, scratch):
    """The answer in an HTTP reply, whose signer must be the owner's registrar (cmcRA)."""
    assert reply.headers["content-type"] == RESPONSE_TYPE, reply
    octets_ = base64.b64decode(reply.body, validate=False)
    scratch.mkdir(parents=True, exist_ok=True)
    files = [scratch / f"{os.urandom(4).hex()}.{kind}" for kind in ("p7", "signer")]
    files[0].write_bytes(octets_)
    content = openssl("cms", "-verify", "-binary", "-inform", "DER", "-in", files[0], "-CAfile",
                      owner / "pki" / "root.pem", "-purpose", "any", "-signer", files[1])
    signer = x509.load_pem_x509_certificate(files[1].read_bytes())
    usages = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert x509.ObjectIdentifier("1.3.6.1.5.5.7.3.28") in list(usages)
    answer = read_response(content)
    _, explicit = elements(inside(octets_, SEQUENCE))
    signed = elements(inside(explicit[1], SEQUENCE))
    assert oid(elements(signed[2][1])[0][1]) == PKI_RESPONSE
    for _, certificate in elements(signed[3][1]):
        answer.certificates.append(x509.load_der_x509_certificate(sequence(certificate)))
    return answer

"""Certificates, read from their DER; keys and signatures are left to python3-cryptography."""

import base64
import datetime
import functools
import hashlib
import re
import subprocess
import tempfile
from pathlib import Path

import der
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from wrong import Wrong, want

SKI, KEY_USAGE, SAN = "2.5.29.14", "2.5.29.15", "2.5.29.17"
BASIC_CONSTRAINTS, AKI, EKU = "2.5.29.19", "2.5.29.35", "2.5.29.37"
SERVER_AUTH, CLIENT_AUTH = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"
CMC_CA, CMC_RA, ANY_USAGE = "1.3.6.1.5.5.7.3.27", "1.3.6.1.5.5.7.3.28", "2.5.29.37.0"
SERIAL_NUMBER_ATTRIBUTE = "2.5.4.5"
DIGITAL_SIGNATURE, KEY_CERT_SIGN, CRL_SIGN = 0, 5, 6
DNS_NAME = der.context(2, constructed=False)
HASHES = {"2.16.840.1.101.3.4.2.1": hashes.SHA256(), "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
          "2.16.840.1.101.3.4.2.3": hashes.SHA512()}


class Certificate:
    """RFC 5280 4.1, each part as its octets say."""

    def __init__(self, octets):
        self.der = octets
        parts = der.read(octets, der.SEQUENCE).children()[0].expect(der.SEQUENCE).children()
        want(parts[0].tag == der.context(0), "not an X.509 v3 certificate")
        self.serial = parts[1].expect(der.INTEGER).content
        self.issuer = parts[3].whole
        self.not_before, self.not_after = map(moment, parts[4].children())
        self.subject = parts[5]
        self.spki = parts[6].expect(der.SEQUENCE).whole
        self.extensions = read_extensions(parts[7:])

    @functools.cached_property
    def key(self):
        return serialization.load_der_public_key(self.spki)

    def extension(self, oid):
        """The content of extnValue; None when there is no such extension."""
        return self.extensions[oid].content if oid in self.extensions else None

    def key_id(self):
        """SubjectKeyIdentifier."""
        value = self.extension(SKI)
        return None if value is None else der.read(value, der.OCTET_STRING).content

    def issuer_key_id(self):
        """keyIdentifier of AuthorityKeyIdentifier."""
        value = self.extension(AKI)
        for part in der.read(value, der.SEQUENCE).children() if value is not None else []:
            if part.tag == der.context(0, constructed=False):
                return part.content
        return None

    def key_ids_by_the_book(self):
        """RFC 5280 4.2.1.2 method 1, RFC 7093 2 method 1."""
        octets = der.read(self.spki).children()[1].expect(der.BIT_STRING).content[1:]
        return [hashlib.sha1(octets).digest(), hashlib.sha256(octets).digest()[:20]]

    def usages(self):
        """Extended key usages, as a sorted list of OIDs."""
        value = self.extension(EKU)
        return sorted(part.oid() for part in der.read(value).children()) if value else []

    def may(self, bit):
        """Whether the extension keyUsage is there and has the bit."""
        value = self.extension(KEY_USAGE)
        if value is None:
            return False
        bits = der.read(value, der.BIT_STRING).content[1:]
        return bit // 8 < len(bits) and bool(bits[bit // 8] & 0x80 >> bit % 8)

    def is_ca(self):
        return bool(self.basic_constraints()) and self.basic_constraints()[0].tag == der.BOOLEAN

    def path_length(self):
        parts = self.basic_constraints()
        return parts[1].integer() if len(parts) > 1 else None

    def basic_constraints(self):
        value = self.extension(BASIC_CONSTRAINTS)
        return der.read(value, der.SEQUENCE).children() if value is not None else []

    def dns_names(self):
        value = self.extension(SAN)
        names = der.read(value, der.SEQUENCE).children() if value is not None else []
        want(all(name.tag == DNS_NAME for name in names), "SubjectAltName: not only dNSNames")
        return [name.content.decode("ascii") for name in names]

    def subject_serial(self):
        """The subject's attribute serialNumber, which names a device (RFC 8995 2.3.1)."""
        for relative in self.subject.children():
            for attribute in relative.children():
                kind, value = attribute.children()
                if kind.oid() == SERIAL_NUMBER_ATTRIBUTE:
                    return value.content.decode()
        return None

    def pem(self):
        text = base64.encodebytes(self.der).decode()
        return f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"


def moment(element):
    text = element.content.decode("ascii")
    if element.tag == der.UTC_TIME:
        text = ("20" if int(text[:2]) < 50 else "19") + text
    return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ")


def read_extensions(parts):
    """extnValue by OID, as its whole element."""
    extensions = {}
    for part in parts:
        if part.tag != der.context(3):
            continue
        for extension in der.read(part.content, der.SEQUENCE).children():
            fields = extension.children()
            want(fields[0].oid() not in extensions, f"extension {fields[0].oid()} is there twice")
            extensions[fields[0].oid()] = fields[-1].expect(der.OCTET_STRING)
    return extensions


def read_pem(path):
    """Every certificate of a PEM file."""
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----",
                        Path(path).read_text(), re.S)
    want(blocks, f"{path}: no certificate")
    return [Certificate(base64.b64decode(block)) for block in blocks]


def private_spki(path):
    """The public half of a private key in a PEM file, DER SubjectPublicKeyInfo."""
    key = serialization.load_pem_private_key(Path(path).read_bytes(), None)
    return key.public_key().public_bytes(serialization.Encoding.DER,
                                         serialization.PublicFormat.SubjectPublicKeyInfo)


def check_signature(key, hash_, signature, signed):
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(hash_))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), hash_)
        else:
            raise Wrong(f"a signature of a kind not known here: {type(key).__name__}")
    except InvalidSignature:
        raise Wrong("the signature does not verify") from None


def check_path(certificate, anchors, others=(), *options):
    """openssl verify's judgement of a path from the certificate to one of the anchors."""
    with tempfile.TemporaryDirectory() as scratch:
        files = {"leaf": [certificate], "anchors": anchors, "others": others}
        for name, certificates in files.items():
            (Path(scratch) / name).write_text("".join(each.pem() for each in certificates))
        command = ["openssl", "verify", "-no-CApath", "-no-CAstore",
                   "-CAfile", f"{scratch}/anchors", *options]
        command += ["-untrusted", f"{scratch}/others"] if others else []
        run = subprocess.run([*command, f"{scratch}/leaf"], capture_output=True, text=True)
    want(run.returncode == 0, "openssl verify: " + " ".join(run.stderr.split()[:30]))

"""
What a finished demo left, and how to falsify it well: signatures are made with the very keys, the
owner's in a copy of the token, so that nothing is wrong but what is meant to be.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pledge import VOUCHER_CONTENT, openssl, sign_cms

PKCS11 = "/usr/lib/softhsm/libsofthsm2.so"
REQUEST, VOUCHER = "ietf-voucher-request:voucher", "ietf-voucher:voucher"
SIGNED_DATA, SHA256 = "1.2.840.113549.1.7.2", "2.16.840.1.101.3.4.2.1"
ECDSA_SHA256 = "1.2.840.10045.4.3.2"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
CLIENT_AUTH = x509.ExtendedKeyUsageOID.CLIENT_AUTH
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER


def tlv(tag, *parts):
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def oid(dotted):
    return tlv(0x06, oid_content(dotted))


def oid_content(dotted):
    first, second, *rest = map(int, dotted.split("."))
    octets = b""
    for number in [first * 40 + second, *rest]:
        group = bytes([number & 0x7F])
        while number := number >> 7:
            group = bytes([number & 0x7F | 0x80]) + group
        octets += group
    return octets


def parts_of(certificate):
    """Issuer and serial number, as octets."""
    serial = certificate.serial_number
    return (certificate.issuer.public_bytes(),
            tlv(0x02, serial.to_bytes(serial.bit_length() // 8 + 1, "big")))


def signed_data(content, signer, sign, certificates, version=3, content_type=VOUCHER_CONTENT):
    """CMS SignedData whose octets are all ours; `sign` makes the signature."""
    algorithm = tlv(0x30, oid(SHA256))
    attributes = b"".join(sorted([
        tlv(0x30, oid(CONTENT_TYPE), tlv(0x31, oid(content_type))),
        tlv(0x30, oid(MESSAGE_DIGEST), tlv(0x31, tlv(0x04, hashlib.sha256(content).digest())))]))
    signer_info = tlv(0x30, b"\2\1\1", tlv(0x30, *parts_of(signer)), algorithm,
                      tlv(0xA0, attributes), tlv(0x30, oid(ECDSA_SHA256)),
                      tlv(0x04, sign(tlv(0x31, attributes))))
    return tlv(0x30, oid(SIGNED_DATA), tlv(0xA0, tlv(
        0x30, tlv(0x02, bytes([version])), tlv(0x31, algorithm),
        tlv(0x30, oid(content_type), tlv(0xA0, tlv(0x04, content))),
        tlv(0xA0, *sorted(each.public_bytes(DER) for each in certificates)),
        tlv(0x31, signer_info))))


def content_of(cms):
    return openssl("cms", "-verify", "-noverify", "-binary", "-inform", "DER", octets=cms)


class Forger:
    """A copy of a demo's folder, to be spoilt."""

    def __init__(self, demo, folder):
        shutil.copytree(demo, folder)
        self.folder = folder
        self.owner = folder / "owner"
        self.maker = folder / "maker"
        self.serials = sorted(entry.name for entry in (self.maker / "pledges").iterdir())
        (folder / "softhsm2.conf").write_text(f"directories.tokendir = {self.owner / 'tokens'}\n"
                                              "objectstore.backend = file\nlog.level = ERROR\n")

    # Files.

    def device(self, at=0):
        return self.folder / "devices" / self.serials[at]

    def identity(self, at=0):
        folder = self.maker / "pledges" / self.serials[at]
        return folder / "idevid.pem", folder / "idevid.key"

    def certificate(self, name):
        return x509.load_pem_x509_certificate((self.owner / "pki" / f"{name}.pem").read_bytes())

    def ldevid(self, at=0):
        return x509.load_pem_x509_certificate((self.device(at) / "ldevid.pem").read_bytes())

    def change_lines(self, name, change):
        """Each JSON line of a file goes through `change`, which gives the lines to write for it."""
        path = self.folder / name
        entries = [json.loads(line) for line in path.read_text().splitlines()]
        changed = [each for entry in entries for each in change(entry)]
        path.write_text("".join(json.dumps(entry) + "\n" for entry in changed))

    def change_journal(self, change, at=0):
        """The MASA's entry for one device goes through `change`."""
        self.change_lines("masa/issued.jsonl", lambda entry: (
            change(entry) if entry["serial"] == self.serials[at] else [entry]))

    def journal(self, at=0):
        lines = (self.folder / "masa/issued.jsonl").read_text().splitlines()
        return next(entry for entry in map(json.loads, lines)
                    if entry["serial"] == self.serials[at])

    # The token.

    def pkcs11(self, *arguments):
        env = dict(os.environ, SOFTHSM2_CONF=str(self.folder / "softhsm2.conf"),
                   FORGER_PIN=(self.owner / "pin").read_text().strip())
        run = subprocess.run(["pkcs11-tool", "--module", PKCS11, "--token-label", "gatehouse",
                              "--login", "--pin", "env:FORGER_PIN", *map(str, arguments)],
                             capture_output=True, env=env, timeout=60, check=False)
        assert run.returncode == 0, run.stderr
        return run.stdout.decode()

    def key_id(self, label):
        """What pkcs11-tool calls the pair of keys by: a label does not do for signing."""
        listing = self.pkcs11("--list-objects", "--type", "privkey")
        return re.search(rf"label:\s+{label}\n\s+ID:\s+(\w+)", listing)[1]

    def token_sign(self, label, octets):
        digest, signature = self.folder / "digest", self.folder / "signature"
        digest.write_bytes(hashlib.sha256(octets).digest())
        self.pkcs11("--sign", "--id", self.key_id(label), "--mechanism", "ECDSA",
                    "--signature-format", "openssl", "--input-file", digest,
                    "--output-file", signature)
        return signature.read_bytes()

    def issue(self, issuer, label, subject, key, extensions, serial=None, days=30):
        """A certificate of the owner's CA `issuer`, signed by the token's key `label`."""
        now = datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0)
        authority = self.certificate(issuer)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(authority.subject)
                   .public_key(key).serial_number(serial or x509.random_serial_number() | 1 << 158)
                   .not_valid_before(now - timedelta(minutes=1))
                   .not_valid_after(now + timedelta(days=days)))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        draft = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        signature = self.token_sign(label, draft.tbs_certificate_bytes)
        octets = tlv(0x30, draft.tbs_certificate_bytes, tlv(0x30, oid(ECDSA_SHA256)),
                     tlv(0x03, b"\0", signature))
        return x509.load_der_x509_certificate(octets)

    # Whole artifacts.

    def reissue_ldevid(self, at=0, replace=(), add=(), **facts):
        """The device's certificate once more, with extensions replaced by their kind or added."""
        old = self.ldevid(at)
        kinds = {type(extension): extension for extension in replace}
        extensions = [(kinds.get(type(each.value), each.value), each.critical)
                      for each in old.extensions] + [(extension, True) for extension in add]
        new = self.issue("device-ca", "gatehouse-device-ca", old.subject,
                         facts.pop("key", old.public_key()), extensions, **facts)
        (self.device(at) / "ldevid.pem").write_bytes(new.public_bytes(PEM))

    def remake_request(self, at=0, change=lambda members: members, **form):
        """The registrar's request once more, signed with its key; the MASA remembers it so."""
        registrar, authority = self.certificate("registrar"), self.certificate("registrar-ca")
        old = base64.b64decode(self.journal(at)["request"])
        members = json.loads(content_of(old))[REQUEST]
        content = json.dumps({REQUEST: change(members)}).encode()
        certificates = form.pop("certificates", [registrar, authority])
        new = signed_data(content, registrar,
                          lambda octets: self.token_sign("gatehouse-registrar", octets),
                          certificates, **form)
        self.replace_request(new, at)

    def replace_request(self, new, at=0):
        old_sha256 = self.journal(at)["sha256"]
        sha256 = hashlib.sha256(new).hexdigest()
        self.change_journal(lambda entry: [dict(entry, sha256=sha256,
                                                request=base64.b64encode(new).decode())], at)
        self.change_lines("masa-requests.jsonl", lambda entry: [
            dict(entry, sha256=sha256) if entry["sha256"] == old_sha256 else entry])

    def remake_voucher(self, at=0, change=lambda members: members, identity=None):
        """The voucher once more, signed by the MASA; the MASA remembers it so."""
        members = json.loads(content_of((self.device(at) / "voucher.cms").read_bytes()))[VOUCHER]
        signer = identity or (self.maker / "masa-signer.pem", self.maker / "masa-signer.key")
        new = sign_cms(json.dumps({VOUCHER: change(members)}).encode(), signer)
        (self.device(at) / "voucher.cms").write_bytes(new)
        text = base64.b64encode(new).decode()
        self.change_journal(lambda entry: [dict(entry, voucher=text)], at)

    def remake_pledges_request(self, at=0, change=lambda members: members, identity=None):
        """The pledge's request once more, and the registrar's around it."""
        path = self.device(at) / "voucher-request.cms"
        members = json.loads(content_of(path.read_bytes()))[REQUEST]
        new = sign_cms(json.dumps({REQUEST: change(members)}).encode(),
                       identity or self.identity(at))
        path.write_bytes(new)
        prior = base64.b64encode(new).decode()
        self.remake_request(at, lambda outer: {**outer, "prior-signed-voucher-request": prior})

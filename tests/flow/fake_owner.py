"""
A fake owner: registrar and EST server with a CA of its own, in Python, that follows a script.  And
certificates for it, and answers, as good or as bad as a test wants them.
"""

import base64
import ipaddress
import json
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7

from fakes import NONCE, SERIAL, FakeServer, moment, reply
from forger import oid, tlv
from pledge import BRSKI, EST, VOUCHER_TYPE, binary, sign_cms
from wire import HOST

CERTS_TYPE, CSRATTRS_TYPE = "application/pkcs7-mime", "application/csrattrs"
CMC_RA = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.28")
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
EMPTY = b"\x30\x00"  # CSR attributes that want nothing


class Authority:
    """A CA in memory; `folder` is where its certificate, and those of its servers, are files."""

    def __init__(self, folder, name="Owner CA"):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.certificate = self.sign(self.subject, self.key.public_key(), ca=True)
        self.numbers = 0

    @classmethod
    def of_maker(cls, stage):
        """The manufacturer's: what its pledges have built in validates these servers."""
        self = cls.__new__(cls)
        self.folder = stage.folder / "maker-servers"
        self.folder.mkdir(exist_ok=True)
        self.certificate = x509.load_pem_x509_certificate((stage.maker / "ca.pem").read_bytes())
        self.key = serialization.load_pem_private_key((stage.maker / "ca.key").read_bytes(), None)
        self.subject = self.certificate.subject
        self.numbers = 0
        return self

    def sign(self, subject, public_key, extensions=(), ca=False, days=30):
        now = datetime.now(timezone.utc)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.subject)
                   .public_key(public_key).serial_number(x509.random_serial_number())
                   .not_valid_before(now - timedelta(days=1))
                   .not_valid_after(now + timedelta(days=days))
                   .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def server(self, *names, own=False, usages=(x509.ExtendedKeyUsageOID.SERVER_AUTH, CMC_RA)):
        """A server's certificate for names or addresses, and its files; `own`: self-signed."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")])
        extensions = [(x509.ExtendedKeyUsage(list(usages)), False)]
        if names:
            extensions.append((x509.SubjectAlternativeName(list(map(general_name, names))), False))
        issuer = Authority.__new__(Authority) if own else self
        if own:
            issuer.key, issuer.subject = key, subject
        certificate = issuer.sign(subject, key.public_key(), extensions)
        self.numbers += 1
        stem = self.folder / f"server-{self.numbers}"
        chain = [certificate] if own else [certificate, self.certificate]
        stem.with_suffix(".pem").write_bytes(b"".join(each.public_bytes(PEM) for each in chain))
        stem.with_suffix(".key").write_bytes(key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return certificate, (stem.with_suffix(".pem"), stem.with_suffix(".key"))


def general_name(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def no_content(request):
    return reply(204)


class FakeOwner(FakeServer):
    """
    Answers by the last segment of the path: a list of answers each, of which the last one stays; an
    answer is octets, or a function of the request that makes them.  What is not in the script is
    done well.
    """

    def __init__(self, stage, identity, authority=None, pinned=None, **script):
        super().__init__(0, identity, client_anchors=stage.maker / "ca.pem")
        self.authority = authority
        if authority is not None:  # LDevIDs are good here, too
            self.context.load_verify_locations(
                cadata=authority.certificate.public_bytes(PEM).decode())
        self.pinned = pinned
        self.masa = (stage.maker / "masa-signer.pem", stage.maker / "masa-signer.key")
        self.seen = []
        self.script = {"csrattrs": [answer_csrattrs(EMPTY)]}
        self.says(**script)

    def says(self, **script):
        self.script.update({name: answer if isinstance(answer, list) else [answer]
                            for name, answer in script.items()})

    def url(self, host=HOST):
        return f"https://{host}:{self.port}"

    def asked(self, operation=None):
        """The requests that came, or those for one operation."""
        with self.lock:
            return [request for request in self.seen
                    if operation in (None, request.path.rpartition("/")[2])]

    def told(self, resource):
        """What reports said."""
        return [json.loads(request.body) for request in self.asked(resource)]

    def nonces(self):
        return [NONCE.search(request.body)[1].decode() for request in self.asked("requestvoucher")]

    def choose(self, request):
        operation = request.path.rpartition("/")[2]
        with self.lock:
            self.seen.append(request)
            answers = self.script.get(operation)
            if answers is None:
                answer = getattr(self, operation, None) if self.knows(request.path) else None
                answer = answer or reply(404, b"nobody told me")
            else:
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer(request) if callable(answer) else answer

    @staticmethod
    def knows(path):
        return path.startswith((BRSKI, EST)) or path.count("/") > 2

    # What a good owner answers.

    def voucher(self, request, signer=None, kind="ietf-voucher:voucher", **changes):
        """A voucher for the request, but for the changes; None leaves a member out."""
        members = {
            "created-on": moment(),
            "assertion": "proximity",
            "serial-number": SERIAL.search(request.body)[1].decode(),
            "nonce": NONCE.search(request.body)[1].decode().replace("\\/", "/"),
            "pinned-domain-cert": binary(self.pinned.public_bytes(DER)) if self.pinned else None,
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }
        members = {name: value for name, value in members.items() if value is not None}
        return sign_cms(json.dumps({kind: members}).encode(), signer or self.masa)

    def voucher_answer(self, media_type=VOUCHER_TYPE, **changes):
        return lambda request: reply(200, self.voucher(request, **changes), media_type)

    def requestvoucher(self, request):
        return self.voucher_answer()(request)

    def voucher_status(self, request):
        return reply(200)

    def enrollstatus(self, request):
        return reply(200)

    def cacerts(self, request):
        return answer_certs([self.authority.certificate])

    def simpleenroll(self, request):
        return self.enrol_answer()(request)

    def enrol_answer(self, **changes):
        """A certificate for the request; `subject`, `names`, `key`, `extensions`, `ca`, `issuer`."""
        def answer(request):
            csr = x509.load_der_x509_csr(base64.b64decode(request.body))
            extensions = [(each.value, each.critical) for each in csr.extensions]
            if "extensions" in changes:
                extensions = changes["extensions"]
            issuer = changes.get("issuer", self.authority)
            return answer_certs([issuer.sign(
                changes.get("subject", csr.subject), changes.get("key", csr.public_key()),
                extensions, ca=changes.get("ca", False))])
        return answer

    def requests_for_certificates(self):
        """The certification requests that came."""
        return [x509.load_der_x509_csr(base64.b64decode(request.body))
                for request in self.asked("simpleenroll")]


# Answers.


def answer_certs(certificates):
    octets = pkcs7.serialize_certificates(certificates, DER)
    return reply(200, base64.encodebytes(octets), CERTS_TYPE)


def answer_csrattrs(octets):
    return reply(200, base64.encodebytes(octets), CSRATTRS_TYPE)


def redirect(url, status=307):
    return reply(status, b"", Location=url)


def csrattrs_with_names(*names):
    """One id-ExtensionReq with a SubjectAltName."""
    value = x509.SubjectAlternativeName(list(map(general_name, names))).public_bytes()
    extension = tlv(0x30, oid("2.5.29.17"), tlv(0x04, value))
    return tlv(0x30, tlv(0x30, oid("1.2.840.113549.1.9.14"), tlv(0x31, tlv(0x30, extension))))


def csrattrs_with_template(*, subject=None, key=None, extensions=(), more=b""):
    """
    RFC 9908 3.4.  `subject`: (OID, text or None) each; `key`: the AlgorithmIdentifier's content;
    `extensions`: (OID, value or None) each, which are a template of extensions.
    """
    parts = [b"\x02\x01\x00"]
    if subject is not None:
        parts.append(tlv(0x30, *(tlv(0x31, tlv(0x30, oid(kind), b"" if text is None else
                                               tlv(0x0C, text.encode()))) for kind, text in subject)))
    if key is not None:
        parts.append(tlv(0xA0, tlv(0x30, key)))
    items = b"".join(tlv(0x30, oid(kind), b"" if value is None else tlv(0x04, value))
                     for kind, value in extensions)
    attributes = tlv(0x30, oid("1.2.840.113549.1.9.16.2.62"), tlv(0x31, tlv(0x30, items)))
    parts.append(tlv(0xA1, attributes if extensions else b""))
    template = tlv(0x30, oid("1.2.840.113549.1.9.16.2.61"), tlv(0x31, tlv(0x30, *parts)))
    return tlv(0x30, more, template)

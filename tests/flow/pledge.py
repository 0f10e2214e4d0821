"""
A pledge that shares nothing with Gatehouse: Python's TLS, the three forms of vouchers as forms.py has
them, and the cryptography package.  It does what RFC 8995 asks of a pledge, holds every artifact against the RFC, and keeps
the octets of each request so that it can ask exactly the same again.
"""

import base64
import json
import os
import time
from datetime import datetime, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7

import der
from forms import CMS, REQUEST, VOUCHER_CONTENT, openssl
from wire import Wire

BRSKI = "/.well-known/brski/"
EST = "/.well-known/est/"
VOUCHER_TYPE = CMS.media_type
CMC_RA = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.28")
P256 = "1.2.840.10045.3.1.7"
ECDSA_SHA256 = "1.2.840.10045.4.3.2"
SUBJECT_ALT_NAME = "2.5.29.17"
WAIT_MAX = 60  # seconds that Retry-After may say (RFC 8995 5.6)
STEPS = ("voucher", "status", "cacerts", "csrattrs", "enrol", "confirm")


def sign_cms(content, identity, content_type=VOUCHER_CONTENT):
    """SignedData over the content, by a pair of PEM files."""
    return CMS.sign(content, identity, content_type)


def verify_cms(cms, anchors):
    """What was signed, when the signer leads to the anchors; else an AssertionError."""
    return CMS.content(cms, anchors)


def binary(octets):
    """As JSON vouchers hold octets (RFC 7951 6.6)."""
    return base64.b64encode(octets).decode()


def certificate_in(file):
    """The certificate in a PEM file, as JSON vouchers hold it."""
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    return binary(certificate.public_bytes(serialization.Encoding.DER))


def in_lines(octets):
    return base64.encodebytes(octets)


def on_one_line(octets):
    return base64.b64encode(octets)


def in_armour(octets):
    return b"".join([b"-----BEGIN CERTIFICATE REQUEST-----\n", base64.encodebytes(octets),
                     b"-----END CERTIFICATE REQUEST-----\n"])


def pem_of(certificates):
    return "".join(certificate.public_bytes(serialization.Encoding.PEM).decode()
                   for certificate in certificates)


def certificates_in(body):
    """The certificates of a certs-only answer, base64 as EST has it (RFC 8951 3)."""
    return pkcs7.load_der_pkcs7_certificates(base64.b64decode(body))


class Pledge:
    """One device.  `folder` has its idevid.pem and idevid.key, `masa_anchors` is built in."""

    def __init__(self, port, folder, masa_anchors, scratch, tls=None, keep=True, encode=in_lines,
                 now=time.time, serial=None, form=CMS):
        self.port = port
        self.form = form
        self.identity = (folder / "idevid.pem", folder / "idevid.key")
        self.idevid = x509.load_pem_x509_certificate(self.identity[0].read_bytes())
        self.serial = serial or self.idevid.subject.get_attributes_for_oid(
            x509.NameOID.SERIAL_NUMBER)[0].value
        self.masa_anchors = masa_anchors
        self.scratch = scratch
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.tls = tls
        self.keep = keep
        self.encode = encode
        self.now = now
        self.patience = 60  # seconds of 202 in a row
        self.wire = None
        self.begin()

    def begin(self):
        """Forgets everything, as after a reset to factory defaults."""
        self.done = 0
        self.waits = 0  # answers of 202
        self.request = self.nonce = self.voucher = self.pinned = None
        self.cacerts = self.attributes = self.key = self.csr_octets = self.ldevid = None

    # Connections.

    def connect(self):
        """A connection with the IDevID: the one that is there, or a new one."""
        if self.wire is None:
            self.wire = Wire(self.port, self.identity, tls=self.tls)
            if self.pinned is not None:  # no longer provisional
                self.check_pin(self.wire.server_certificate)
        return self.wire

    def hang_up(self):
        if self.wire is not None:
            self.wire.close()
        self.wire = None

    def ask(self, method, path, body=None, **fields):
        """One exchange with the IDevID; no connection is trusted after it broke."""
        try:
            answer = self.connect().request(method, path, body, **fields)
        except OSError:
            self.hang_up()
            raise
        if not self.keep or answer.headers.get("connection", "").lower() == "close":
            self.hang_up()
        return answer

    def patiently(self, ask):
        """Asks the identical until it is something else than 202 (RFC 8995 5.6, RFC 7030 4.2.3)."""
        end = time.monotonic() + self.patience
        while (answer := ask()).status == 202:
            assert 1 <= answer.retry_after <= WAIT_MAX
            assert time.monotonic() < end, f"202 for {self.patience} s"
            self.waits += 1
            time.sleep(0.05)
        return answer

    # The voucher (RFC 8995 5.2, 5.6).

    def voucher_request(self, signer=None, container=REQUEST, how=None, **changes):
        """
        A fresh request; members are named with "_" for "-", and None leaves one out; `how` is the
        form's own.
        """
        self.nonce = binary(os.urandom(16))
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        members = {
            "assertion": "proximity",
            "created-on": now.replace("+00:00", "Z"),
            "serial-number": self.serial,
            "nonce": self.nonce,
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }
        if "proximity-registrar-cert" not in members:
            members["proximity-registrar-cert"] = binary(self.connect().server_certificate)
        members = {name: value for name, value in members.items() if value is not None}
        return self.form.seal(container, members, signer or self.identity, **(how or {}))

    def post_request(self, octets, **fields):
        return self.ask("POST", BRSKI + "requestvoucher", octets, **{
            "content_type": self.form.media_type, "accept": self.form.media_type, **fields})

    def get_voucher(self):
        if self.request is None:
            self.request = self.voucher_request()
        answer = self.patiently(lambda: self.post_request(self.request))
        assert answer.status == 200, answer
        assert answer.media_type == self.form.media_type
        self.check_voucher(answer.body)
        return answer

    def check_voucher(self, octets):
        """RFC 8995 5.6.1, and that a voucher repeated is the same voucher."""
        assert self.voucher in (None, octets), "another voucher for the same request"
        members, = self.form.verify(octets, self.masa_anchors).values()
        assert members["serial-number"] == self.serial
        assert members["nonce"] == self.nonce
        assert members["assertion"] == "proximity"
        assert self.form is not CMS or der.content_type(octets) == VOUCHER_CONTENT
        pinned = base64.b64decode(members["pinned-domain-cert"])
        self.pinned = x509.load_der_x509_certificate(pinned)
        self.check_pin(self.connect().server_certificate)
        self.voucher = octets

    def check_pin(self, server_certificate):
        """RFC 8995 5.6.2: the TLS server leads to the pinned certificate, the one anchor."""
        leaf = x509.load_der_x509_certificate(server_certificate)
        for name, certificate in (("pinned", self.pinned), ("server", leaf)):
            (self.scratch / f"{name}.pem").write_text(pem_of([certificate]))
        openssl("verify", "-partial_chain", "-no-CApath", "-no-CAstore", "-attime",
                int(self.now()) + 1, "-trusted", self.scratch / "pinned.pem",
                self.scratch / "server.pem")

    # Telemetry (RFC 8995 5.7, 5.9.4).

    def tell(self, what, body, wire=None):
        octets = body if isinstance(body, bytes) else json.dumps(body).encode()
        ask = self.ask if wire is None else wire.request
        return ask("POST", BRSKI + what, octets, content_type="application/json")

    def tell_voucher_status(self, status=True, **more):
        answer = self.tell("voucher_status", {"version": 1, "status": status, **more})
        assert answer.status == 200, answer
        return answer

    def tell_enrolled(self):
        """With the LDevID, to a server that only what cacerts gave can vouch for."""
        with Wire(self.port, self.own_identity(), tls=self.tls, anchors=pem_of(self.cacerts)) as w:
            answer = self.tell("enrollstatus", {"version": 1, "status": True}, wire=w)
        assert answer.status == 200, answer
        return answer

    # EST (RFC 7030, RFC 8995 5.9).

    def get_cacerts(self):
        answer = self.ask("GET", EST + "cacerts")
        assert (answer.status, answer.media_type) == (200, "application/pkcs7-mime")
        self.cacerts = certificates_in(answer.body)
        for certificate in self.cacerts:
            constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
            assert constraints.value.ca
        (self.scratch / "cacerts.pem").write_text(pem_of(self.cacerts))
        return answer

    def get_csrattrs(self):
        answer = self.ask("GET", EST + "csrattrs")
        assert (answer.status, answer.media_type) == (200, "application/csrattrs")
        self.attributes = der.Attributes(base64.b64decode(answer.body))
        assert self.attributes.curve == P256
        assert self.attributes.oids == [ECDSA_SHA256]
        return answer

    def csr(self, key=None, subject=None, extensions=None, hash_with=None):
        """DER of a request; what is not said is as the CSR attributes ask for."""
        if key is None:
            key = self.key = self.key or ec.generate_private_key(ec.SECP256R1())
        if extensions is None:
            extensions = self.attributes.extensions.items()
        builder = x509.CertificateSigningRequestBuilder().subject_name(
            self.idevid.subject if subject is None else subject)
        for oid, value in extensions:
            builder = builder.add_extension(
                x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical=False)
        request = builder.sign(key, hash_with or hashes.SHA256())
        return request.public_bytes(serialization.Encoding.DER)

    def post_csr(self, octets, **fields):
        body = octets if fields.pop("raw", False) else self.encode(octets)
        return self.ask("POST", EST + "simpleenroll", body,
                        **{"content_type": "application/pkcs10", **fields})

    def enrol(self):
        if self.csr_octets is None:
            self.csr_octets = self.csr()
        answer = self.patiently(lambda: self.post_csr(self.csr_octets))
        assert answer.status == 200, answer
        self.check_certificate(answer)
        return answer

    def check_certificate(self, answer):
        """RFC 7030 4.2.3: the certificate that was asked for, and nothing else."""
        assert answer.media_type == "application/pkcs7-mime"
        assert "smime-type=certs-only" in answer.headers["content-type"]
        issued, = certificates_in(answer.body)
        extensions = issued.extensions
        assert issued.public_key().public_numbers() == self.key.public_key().public_numbers()
        assert issued.subject == self.idevid.subject
        assert [each.value.public_bytes() for each in extensions
                if each.oid == x509.SubjectAlternativeName.oid] == \
            [value for oid, value in self.attributes.extensions.items() if oid == SUBJECT_ALT_NAME]
        usages = extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        assert CMC_RA not in list(usages.value)
        assert self.ldevid in (None, issued), "another certificate for the same request"
        self.ldevid = issued
        (self.scratch / "ldevid.pem").write_text(pem_of([issued]))
        openssl("verify", "-no-CApath", "-no-CAstore", "-attime", int(self.now()) + 1, "-CAfile",
                self.scratch / "cacerts.pem", self.scratch / "ldevid.pem")

    def own_identity(self):
        """The LDevID and its key, as files."""
        (self.scratch / "ldevid.key").write_bytes(self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        return self.scratch / "ldevid.pem", self.scratch / "ldevid.key"

    # The whole way.

    def take_step(self):
        """The next of STEPS; when it failed half-way, exactly the same again."""
        steps = (self.get_voucher, self.tell_voucher_status, self.get_cacerts, self.get_csrattrs,
                 self.enrol, self.tell_enrolled)
        answer = steps[self.done]()
        self.done += 1
        return answer

    def go_on(self, until="confirm"):
        """From where it stands to the named step, inclusive."""
        while self.done <= STEPS.index(until):
            self.take_step()
        return self

    def persist(self, until="confirm", limit=60):
        """The same, over broken connections and a server that is away."""
        end = time.monotonic() + limit
        while self.done <= STEPS.index(until):
            try:
                self.take_step()
            except OSError:
                self.hang_up()
                assert time.monotonic() < end, f"{self.serial}: nobody to talk to for {limit} s"
                time.sleep(0.02)
        return self

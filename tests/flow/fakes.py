"""Fakes: servers that say whatever they are told, and certificates that nobody ordered."""

import base64
import contextlib
import hashlib
import json
import re
import select
import socket
import socketserver
import ssl
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from forms import VOUCHER, form_of, members_of
from pledge import Pledge, binary
from stage import MASA
from wire import split_header

# CMS has its JSON in the clear.
SERIAL = re.compile(rb'"serial-number":\s*"([^"]*)"')
NONCE = re.compile(rb'"nonce":\s*"([^"]*)"')
LOG_TYPE = "application/json"
MASA_URL = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.32")
MASA_URL_OLD = x509.ObjectIdentifier("1.3.6.1.4.1.46930.2")
HARDWARE_NAME = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.4")


def reply(status, body=b"", media_type=None, **fields):
    """The octets of an answer; fields are named with "_" for "-"."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    if media_type is not None:
        lines.append(f"Content-Type: {media_type}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class FakeServer:
    """
    A TLS server that says whatever it is told: `choose(request)` makes the octets of an answer;
    empty octets: the connection is closed without a word.  `client_anchors`: a file with what
    clients' certificates lead to, which are then asked for.
    """

    def __init__(self, port, identity, client_anchors=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*map(str, identity))
        if client_anchors is not None:
            self.context.verify_mode = ssl.CERT_OPTIONAL
            self.context.load_verify_locations(str(client_anchors))
        self.lock = threading.Lock()
        self.drips = False  # answers go out octet by octet
        self.closed = threading.Event()
        self.connections = 0
        fake = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with fake.lock:
                    fake.connections += 1
                fake.converse(self.request)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.closed.set()
        self.server.shutdown()
        self.server.server_close()

    def silence(self, request):
        """An answer that does not come."""
        self.closed.wait(60)
        return b""

    def converse(self, plain):
        try:
            with self.context.wrap_socket(plain, server_side=True) as wire:
                while (request := self.read(wire)) is not None:
                    answer = self.choose(request)
                    self.send(wire, answer)
                    if not answer or b"connection: close" in answer.lower():
                        return
        except OSError:
            return  # the other side went away, or did not believe our certificate

    def send(self, wire, answer):
        if not self.drips:
            wire.sendall(answer)
            return
        for octet in answer:
            wire.sendall(bytes([octet]))
            self.closed.wait(0.02)

    @staticmethod
    def read(wire):
        octets = b""
        while (parts := split_header(octets)) is None:
            more = wire.recv(65536)
            if not more:
                return None
            octets += more
        start, fields, body = parts
        while len(body) < int(fields.get("content-length", "0")):
            body += wire.recv(65536)
        method, path, _ = start.split()
        return Asked(method, path, fields, body, wire.getpeercert(binary_form=True))

    def choose(self, request):
        raise NotImplementedError


@dataclass
class Asked:
    """A request; header names are in lower case, `peer` is DER or None."""

    method: str
    path: str
    fields: dict
    body: bytes
    peer: bytes | None


def bare(body):
    """The octets of a body that may be base64."""
    return base64.b64decode(body) if body.startswith(b"MI") else body


class FakeMasa(FakeServer):
    """
    A fake MASA: TLS like the real one's, and for each device and operation the answers that a test
    wants.  An answer is octets, or a function of the request's body that makes them; the last one
    stays.
    """

    def __init__(self, port, identity):
        self.answers = {}
        self.seen = []  # (serial or path, operation, SHA-256 of the body)
        self.accepts = []  # (serial or path, operation, Accept)
        super().__init__(port, identity)

    def says(self, serial, operation, *answers):
        self.answers[serial, operation] = list(answers)

    def asked(self, serial, operation="requestvoucher"):
        """The digests of what was asked for a device."""
        with self.lock:
            return [digest for who, what, digest in self.seen if (who, what) == (serial, operation)]

    def accepted(self, serial, operation="requestvoucher"):
        """The Accepts of what was asked for a device."""
        with self.lock:
            return [types for who, what, types in self.accepts if (who, what) == (serial, operation)]

    def choose(self, request):
        serial = serial_in(request.body)
        who = serial or request.path
        operation = request.path.rpartition("/")[2] if serial else "GET"
        with self.lock:
            self.accepts.append((who, operation, request.fields.get("accept")))
            self.seen.append((who, operation, hashlib.sha256(request.body).hexdigest()))
            answers = self.answers.get((who, operation), [reply(404, b"nobody told me")])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer(request.body) if callable(answer) else answer


class Maker:
    """What a MASA signs and logs, with the right key and any content."""

    def __init__(self, folder):
        self.signer = (folder / "masa-signer.pem", folder / "masa-signer.key")

    def voucher(self, rvr, signer=None, form=None, how=None, **changes):
        """
        A voucher for the request, in its form unless another is said, but for the changes; None
        leaves a member out; `how` is the form's own.
        """
        asked = form_of(rvr)
        chain = asked.certificates(rvr)
        pinned = next(filter(is_ca, chain), chain[0])
        request = members_of(rvr)
        members = {
            "created-on": moment(),
            "assertion": "logged",
            "serial-number": request["serial-number"],
            "nonce": request["nonce"],
            "pinned-domain-cert": binary(pinned.public_bytes(serialization.Encoding.DER)),
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }
        members = {name: value for name, value in members.items() if value is not None}
        return (form or asked).seal(VOUCHER, members, signer or self.signer, **(how or {}))

    def voucher_reply(self, form=None, **changes):
        return lambda rvr: reply(200, self.voucher(rvr, form=form, **changes),
                                 (form or form_of(rvr)).media_type)


def serial_in(body):
    """The serial number in a request of any form; None: it is none."""
    body = bare(body)
    found = SERIAL.search(body)
    if found:
        return found[1].decode()
    return members_of(body).get("serial-number") if form_of(body) else None


def is_ca(certificate):
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def domain_ids(rvr):
    """RFC 8995 5.8.2: the domainIDs of the certificates that came with the request."""
    identifiers = []
    for certificate in form_of(rvr).certificates(rvr):
        with contextlib.suppress(x509.ExtensionNotFound):  # of a pledge, in COSE
            identifiers.append(base64.b64encode(certificate.extensions.get_extension_for_class(
                x509.SubjectKeyIdentifier).value.digest).decode())
    return identifiers


def audit_log(rvr, **changes):
    """A log with the one entry that belongs there."""
    event = {"date": moment(), "domainID": domain_ids(rvr)[0], "assertion": "logged",
             "nonce": members_of(rvr)["nonce"], "truncated": 0, **changes}
    return {"version": 1, "events": [event],
            "truncation": {"nonced duplicates": 0, "nonceless duplicates": 0, "arbitrary": 0}}


def log_reply(change=lambda log, rvr: log, status=200, **fields):
    """An answer with an audit log, as the change leaves it."""
    return lambda rvr: reply(status, json.dumps(change(audit_log(rvr), rvr)).encode(), LOG_TYPE,
                             **fields)


def moment(ago=timedelta()):
    now = datetime.now(timezone.utc) - ago
    return now.isoformat(timespec="seconds").replace("+00:00", "Z")


def hardware_name(serial):
    """A HardwareModuleName (RFC 4108 5) with this hwSerialNum."""
    value = b"\x06\x02\x2a\x03" + bytes([4, len(serial)]) + serial
    return x509.OtherName(HARDWARE_NAME, bytes([0x30, len(value)]) + value)


def make_identity(folder, serial, issuer=None, expired=False, masa=None, name="anything",
                  hardware=None, extensions=(), masa_tag=b"\x16", key=None):
    """
    An IDevID that gatehouse-maker would not make, in `folder`: `serial` None for a subject without
    serialNumber; `issuer` is a pair of PEM files, None for a certificate that signed itself; `masa`
    is the MASA's host and port, an IA5String unless `masa_tag` (b"" for none) is another one's;
    `name` is its CN, `hardware` the hwSerialNum of a HardwareModuleName.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]
    if serial is not None:
        names.append(x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, serial))
    subject = x509.Name(names)
    signing_name, signing_key = subject, key
    if issuer is not None:
        ca = x509.load_pem_x509_certificate(issuer[0].read_bytes())
        signing_name = ca.subject
        signing_key = serialization.load_pem_private_key(issuer[1].read_bytes(), None)
    now = datetime.now(timezone.utc)
    end = now - timedelta(days=1) if expired else now + timedelta(days=365)
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(signing_name)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now - timedelta(days=400)).not_valid_after(end))
    if masa is not None:
        url = masa_tag + (bytes([len(masa)]) if masa_tag else b"") + masa.encode()
        extensions = [*extensions, (MASA_URL, url)]
    if hardware is not None:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([hardware_name(hardware)]), critical=False)
    for oid, value in extensions:
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    certificate = builder.sign(signing_key, hashes.SHA256())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "idevid.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    write_key(folder / "idevid.key", key)
    return folder / "idevid.pem", folder / "idevid.key"


def write_key(path, key):
    path.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))


def make_crl(path, issuer, revoked=(), days=30, name=None):
    """
    A revocation list in PEM, by a pair of PEM files: of these certificates (PEM files), until so
    many days from now.  `name` is another issuer's.
    """
    ca = x509.load_pem_x509_certificate(issuer[0].read_bytes())
    key = serialization.load_pem_private_key(issuer[1].read_bytes(), None)
    now = datetime.now(timezone.utc)
    builder = (x509.CertificateRevocationListBuilder().issuer_name(name or ca.subject)
               .last_update(min(now, now + timedelta(days=days)) - timedelta(days=1))
               .next_update(now + timedelta(days=days))
               .add_extension(x509.CRLNumber(1), critical=False))
    for file in revoked:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
            .revocation_date(now - timedelta(hours=1)).build())
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


def renew_ca(path, ca, days=365, name=None, key=None):
    """A certificate for the same CA, name and key, in `path`, until so many days from now."""
    old = x509.load_pem_x509_certificate(ca[0].read_bytes())
    key = key or serialization.load_pem_private_key(ca[1].read_bytes(), None)
    now = datetime.now(timezone.utc)
    builder = (x509.CertificateBuilder().subject_name(name or old.subject)
               .issuer_name(name or old.subject).public_key(key.public_key())
               .serial_number(x509.random_serial_number())
               .not_valid_before(now - timedelta(days=1000))
               .not_valid_after(now + timedelta(days=days))
               .add_extension(x509.BasicConstraints(True, None), critical=True))
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


class Proxy:
    """
    An HTTP proxy (CONNECT) that leads every host to the same port of 127.0.0.1.  `login` is the
    Proxy-Authorization it wants, None for anybody.
    """

    def __init__(self, port, login=None):
        self.asked = []  # (target, header fields)
        self.login = login
        self.status = 200
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                proxy.lead(self.request, port)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def judge(self, fields):
        if self.login is None or fields.get("proxy-authorization") == self.login:
            return self.status
        return 407

    def lead(self, client, port):
        octets = b""
        while (parts := split_header(octets)) is None:
            more = client.recv(65536)
            if not more:
                return
            octets += more
        start, fields, _ = parts
        self.asked.append((start.split()[1], fields))
        status = self.judge(fields)
        if status != 200:
            client.sendall(f"HTTP/1.1 {status} No\r\nProxy-Authenticate: Basic realm=\"p\"\r\n"
                           "Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
            return
        with socket.create_connection(("127.0.0.1", port)) as server:
            client.sendall(b"HTTP/1.1 200 Go ahead\r\n\r\n")
            ends = {client: server, server: client}
            while True:
                for end in select.select(list(ends), [], [])[0]:
                    octets = end.recv(65536)
                    if not octets:
                        return
                    ends[end].sendall(octets)


def device_called(scene, serial):
    """A device with a serial number that no folder would have as its name."""
    folder = scene.folder / "called" / serial.encode().hex()[:40]
    issuer = (scene.maker / "ca.pem", scene.maker / "ca.key")
    make_identity(folder, serial, issuer, masa=f"{MASA}:{scene.masa_port}")
    scene.expect([serial])
    return Pledge(scene.port, folder, scene.maker / "masa-anchors.pem", folder / "scratch")

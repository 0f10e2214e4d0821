"""Clients that ask gatehoused as often as they can: EST and OCSP, over connections kept or not."""

import base64
import contextlib
import http.client
import multiprocessing
import ssl
import threading
import time
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from harness import StageError

PEM = serialization.Encoding.PEM
DER = serialization.Encoding.DER
DOMAIN = "bench.example.com"
PROCESSES = 2  # that clients run in: Python's threads take turns
PATIENCE = 60  # seconds for one answer


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Partner:
    """A CA of somebody else and a client that has a certificate of it."""

    def __init__(self, folder):
        self.anchor = folder / "partner-ca.pem"
        self.certificate = folder / "partner.pem"
        self.key = folder / "partner.key"
        ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        ca = self.sign("Bench CA", ca_key.public_key(), "Bench CA", ca_key, True)
        self.anchor.write_bytes(ca.public_bytes(PEM))
        own = self.sign("bench client", key.public_key(), "Bench CA", ca_key, False)
        self.certificate.write_bytes(own.public_bytes(PEM))
        self.key.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))

    @staticmethod
    def sign(subject, public_key, issuer, key, is_ca):
        now = datetime.now(timezone.utc)
        return x509.CertificateBuilder(
            named(issuer), named(subject), public_key, x509.random_serial_number(),
            now - timedelta(hours=1), now + timedelta(days=30)
        ).add_extension(x509.BasicConstraints(is_ca, None), True).sign(key, hashes.SHA256())

    def context(self):
        """The server is not judged: that is the clients' own affair."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(self.certificate, self.key)
        return context


def request_for(name):
    """A PKCS#10 request with a new key, as EST has it on the wire."""
    key = ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder().subject_name(named(name)).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name)]), False).sign(key, hashes.SHA256())
    return base64.encodebytes(csr.public_bytes(DER))


def requests(mark, count):
    return [request_for(f"{mark}-{at:06}.{DOMAIN}") for at in range(count)]


def certificate_in(body):
    certificate, = pkcs7.load_der_pkcs7_certificates(base64.b64decode(body))
    return certificate


class Door:
    """What is asked, and whether a connection is kept for the next request."""

    def __init__(self, port, path, media_type, partner=None, kept=True):
        self.port = port
        self.path = path
        self.media_type = media_type
        self.partner = partner
        self.kept = kept

    def connect(self):
        if self.partner is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        else:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE,
                                                     context=self.partner.context())
        connection.connect()
        return connection

    def ask(self, connection, body):
        connection.request("POST", self.path, body, {"Content-Type": self.media_type})
        answer = connection.getresponse()
        octets = answer.read()
        if answer.status != 200:
            raise StageError(f"{self.path}: {answer.status} {octets[:200]!r}")
        return octets

    def ask_all(self, bodies, begin):
        """One client: all of these, one after the other, once everybody is ready."""
        if self.kept:
            with contextlib.closing(self.connect()) as connection:
                begin.wait()
                for body in bodies:
                    self.ask(connection, body)
            return
        begin.wait()
        for body in bodies:
            with contextlib.closing(self.connect()) as connection:
                self.ask(connection, body)


def run_clients(door, shares, begin, failed):
    def run(share):
        try:
            door.ask_all(share, begin)
        except (OSError, StageError, http.client.HTTPException, threading.BrokenBarrierError) as why:
            begin.abort()
            failed.put(repr(why))
    threads = [threading.Thread(target=run, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def drive(door, bodies, parallel, started):
    """Seconds until all were answered, by so many clients; calls `started` when they begin."""
    fork = multiprocessing.get_context("fork")
    begin = fork.Barrier(parallel + 1)
    failed = fork.SimpleQueue()
    shares = [bodies[at::parallel] for at in range(parallel)]
    processes = [fork.Process(target=run_clients,
                              args=(door, shares[at::PROCESSES], begin, failed))
                 for at in range(PROCESSES)]
    for process in processes:
        process.start()
    with contextlib.suppress(threading.BrokenBarrierError):
        begin.wait()
    started()
    since = time.monotonic()
    for process in processes:
        process.join()
    seconds = time.monotonic() - since
    if not failed.empty():
        raise StageError(failed.get())
    return seconds

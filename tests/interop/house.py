"""The owner's side as clients of others meet it: labels, passwords, lists, an OCSP responder."""

import base64
import re
import shutil
import subprocess

import pytest

from pledge import certificates_in, pem_of
from scene import Scene, until
from stage import REGISTRAR, free_port
from wire import Wire

EST = "/.well-known/est"
PASSWORD = "correct horse battery staple"
USER = "client"
DOMAIN = "routers.example.com"
P256 = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")  # openssl's words
LOCAL = "localhost"  # for clients that cannot be told where a name is


def public_settings():
    port = free_port()
    return {"public": {"listen": [f"127.0.0.1:{port}"], "url": f"http://127.0.0.1:{port}",
                       "crl-gap": "0 ms"}}


def needs(program, package):
    """Its path; without it the test is skipped by name."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed (Debian's {package})")
    return path


def run(*command, check=True, octets=None, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, timeout=120,
                          input=octets, **options)
    assert not check or done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
    return done


def name_of(request, client):
    """A DNS name for a test's client."""
    words = re.findall("[a-z0-9]+", request.node.name.removeprefix("test_").lower())
    return f"{client}-{'-'.join(words)}.{DOMAIN}"


class Client:
    """The files of one client: its key, its request, what it was given."""

    def __init__(self, folder, name, new_key=None):
        self.folder = folder
        self.name = name
        self.new_key = new_key or P256
        self.key = folder / "key.pem"
        self.request = folder / "request.der"
        self.certificate = folder / "certificate.pem"

    def make_request(self):
        """With a new key, by openssl."""
        run("openssl", "req", "-new", "-newkey", *self.new_key, "-nodes", "-keyout", self.key,
            *self.contents())
        return self

    def ask_again(self):
        """Another request with the same key."""
        run("openssl", "req", "-new", "-key", self.key, *self.contents())
        return self

    def contents(self):
        return ("-subj", f"/CN={self.name}", "-addext", f"subjectAltName=DNS:{self.name}",
                "-outform", "DER", "-out", self.request)


class House(Scene):
    """A scene without a manufacturer."""

    def make_owner(self, changes=None, **options):
        super().make_owner(changes, names=(LOCAL, "127.0.0.1"), **options)
        self.public = changes["public"]["url"]

    @property
    def root(self):
        return self.owner / "pki" / "root.pem"

    @property
    def device_ca(self):
        return self.owner / "pki" / "device-ca.pem"

    def furnish(self, folder):
        """A label for each way to prove who one is."""
        self.password = folder / "password"
        self.password.touch(mode=0o600)
        self.password.write_text(PASSWORD + "\n")
        self.add_label("routers")
        self.add_label("held", "--approval", "yes")
        self.add_label("tied", "--channel-binding", "required")
        self.add_label("keys", "--server-keys", "plain")
        self.add_label("default", "--line-length", "0")
        self.make_partner(folder / "partner")

    def add_label(self, name, *options):
        self.ctl("labels", "add", name, "--authenticate", "password", "--authenticate",
                 "certificate", "--domain", DOMAIN, *options)
        self.ctl("secrets", "add", self.user(name), "--label", name, "--password-file",
                 self.password, "--digest", "--unlimited")

    @staticmethod
    def user(label):
        return f"{USER}-{label}"

    def make_partner(self, folder):
        """A CA of somebody else, and a client with a certificate of it."""
        folder.mkdir()
        self.partner = Client(folder, f"partner.{DOMAIN}")
        run("openssl", "req", "-x509", "-newkey", *P256, "-nodes", "-keyout", folder / "ca.key",
            "-out", folder / "ca.pem", "-subj", "/CN=Partner CA", "-days", "30")
        self.partner.make_request()
        run("openssl", "x509", "-req", "-in", self.partner.request, "-inform", "DER", "-CA",
            folder / "ca.pem", "-CAkey", folder / "ca.key", "-days", "30", "-out",
            self.partner.certificate)
        self.ctl("labels", "add", "partners", "--authenticate", "third-party", "--anchor",
                 folder / "ca.pem", "--domain", DOMAIN)

    def url(self, operation, label="routers", host=REGISTRAR):
        path = f"{EST}/{label}/{operation}" if label else f"{EST}/{operation}"
        return f"https://{host}:{self.port}{path}"

    def give(self, client, label="routers"):
        """A certificate for a client of whose own EST nothing is to be shown here."""
        body = base64.encodebytes(client.make_request().request.read_bytes())
        login = base64.b64encode(f"{self.user(label)}:{PASSWORD}".encode()).decode()
        with Wire(self.port) as wire:
            answer = wire.request("POST", f"{EST}/{label}/simpleenroll", body,
                                  content_type="application/pkcs10",
                                  authorization=f"Basic {login}")
        assert answer.status == 200, answer
        client.certificate.write_text(pem_of(certificates_in(answer.body)))
        return client

    wait_for = staticmethod(until)

    def told_later(self):
        """How many answers of 202 there have been."""
        return self.programs["gatehoused"].log_text().count(" status=202 ")

    def approve_one(self, told):
        """The request that waits, once its client was told so after `told` others."""
        until(lambda: self.told_later() > told, "a client is told to come again")
        order, = self.ctl_json("orders", "list", "--state", "waiting")
        self.ctl("orders", "approve", order["id"])

    def revoke(self, client, reason="key-compromise"):
        self.ctl("certificates", "revoke", "--yes", self.serial_of(client), "--reason", reason)

    @staticmethod
    def serial_of(client):
        said = run("openssl", "x509", "-in", client.certificate, "-noout", "-serial").stdout
        return said.decode().strip().partition("=")[2].lower()

    def issuer_chain(self, folder):
        """A file with the certificate of the CA for devices and of the root."""
        chain = folder / "chain.pem"
        chain.write_bytes(self.device_ca.read_bytes() + self.root.read_bytes())
        return chain

    def must_verify(self, client):
        """By openssl, strictly, and by certtool, and for its key; what any client was given."""
        keys = [run("openssl", "x509", "-in", client.certificate, "-noout", "-pubkey"),
                run("openssl", "pkey", "-in", client.key, "-pubout")]
        assert keys[0].stdout == keys[1].stdout
        run("openssl", "verify", "-x509_strict", "-CAfile", self.root, "-untrusted",
            self.device_ca, client.certificate)
        if shutil.which("certtool"):
            chain = client.certificate.read_bytes() + self.device_ca.read_bytes()
            run("certtool", "--verify", "--load-ca-certificate", self.root, octets=chain)

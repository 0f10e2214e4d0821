"""What a finished demo leaves in its folder, read when it is asked for."""

import base64
import functools
import json
from pathlib import Path

from certs import Certificate, private_spki, read_pem
from cms import SignedData
from cose import SignedCbor
from jose import SignedJson
from wrong import want

REQUEST, VOUCHER = "ietf-voucher-request:voucher", "ietf-voucher:voucher"
FORMS = {"cms": SignedData, "jws": SignedJson, "cose": SignedCbor}


def json_lines(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


class Scene:
    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        self.maker = self.folder / "maker"
        self.owner = self.folder / "owner"

    # The owner's certificates.

    def owners(self, name):
        certificates = read_pem(self.owner / "pki" / f"{name}.pem")
        want(len(certificates) == 1, f"{name}.pem holds {len(certificates)} certificates")
        return certificates[0]

    @functools.cached_property
    def root(self):
        return self.owners("root")

    @functools.cached_property
    def registrar_ca(self):
        return self.owners("registrar-ca")

    @functools.cached_property
    def device_ca(self):
        return self.owners("device-ca")

    @functools.cached_property
    def server_chain(self):
        """What the owner's TLS server shows."""
        return read_pem(self.owner / "pki" / "registrar.pem")

    @property
    def registrar(self):
        return self.server_chain[0]

    # The manufacturer.

    @functools.cached_property
    def idevid_anchors(self):
        return read_pem(self.maker / "ca.pem")

    @functools.cached_property
    def voucher_anchors(self):
        return read_pem(self.maker / "masa-anchors.pem")

    @functools.cached_property
    def issued(self):
        """The MASA's journal, which is also its audit log."""
        return json_lines(self.folder / "masa" / "issued.jsonl")

    def asked(self, who, path):
        """SHA-256 of the bodies that the MASA or the cloud registrar answered, in their order."""
        return [(entry["sha256"], entry["status"])
                for entry in json_lines(self.folder / f"{who}-requests.jsonl")
                if entry["path"].endswith(path)]

    @functools.cached_property
    def pledges(self):
        return [Pledge(self, folder) for folder in sorted((self.maker / "pledges").iterdir())]


class Pledge:
    """A device and everything that was said for it and to it."""

    def __init__(self, scene, folder):
        self.scene = scene
        self.folder = folder
        self.serial = folder.name
        self.out = scene.folder / "devices" / self.serial

    @functools.cached_property
    def idevid(self):
        return read_pem(self.folder / "idevid.pem")[0]

    @functools.cached_property
    def form(self):
        """cms, jws or cose: of the request that the device sent, and so of all the others."""
        names = [name for name in FORMS if (self.out / f"voucher-request.{name}").exists()]
        want(len(names) == 1, f"{self.out} has requests in {len(names)} forms")
        return names[0]

    def signed(self, octets):
        return FORMS[self.form](octets)

    @functools.cached_property
    def request(self):
        return self.signed((self.out / f"voucher-request.{self.form}").read_bytes())

    @functools.cached_property
    def request_members(self):
        return self.request.members(REQUEST)

    @functools.cached_property
    def seen_registrar(self):
        """The TLS server's certificate as the pledge saw it."""
        return Certificate(base64.b64decode(self.request_members["proximity-registrar-cert"]))

    @functools.cached_property
    def journal(self):
        """The MASA's one entry for it."""
        entries = [entry for entry in self.scene.issued if entry["serial"] == self.serial]
        want(len(entries) == 1, f"the MASA issued {len(entries)} vouchers")
        return entries[0]

    @functools.cached_property
    def registrars_request(self):
        return self.signed(base64.b64decode(self.journal["request"]))

    @functools.cached_property
    def registrars_members(self):
        return self.registrars_request.members(REQUEST)

    @functools.cached_property
    def voucher(self):
        return self.signed((self.out / f"voucher.{self.form}").read_bytes())

    @functools.cached_property
    def masas_voucher(self):
        """As it left the MASA."""
        return self.signed(base64.b64decode(self.journal["voucher"]))

    @functools.cached_property
    def voucher_members(self):
        return self.voucher.members(VOUCHER)

    @functools.cached_property
    def pinned(self):
        return Certificate(base64.b64decode(self.voucher_members["pinned-domain-cert"]))

    @functools.cached_property
    def csrattrs(self):
        return (self.out / "csrattrs.der").read_bytes()

    @functools.cached_property
    def cacerts(self):
        return read_pem(self.out / "cacerts.pem")

    @functools.cached_property
    def ldevid(self):
        certificates = read_pem(self.out / "ldevid.pem")
        want(len(certificates) == 1, f"ldevid.pem holds {len(certificates)} certificates")
        return certificates[0]

    @functools.cached_property
    def key_spki(self):
        return private_spki(self.out / "ldevid.key")

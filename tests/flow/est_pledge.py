"""
A pledge whose manufacturer's cloud gives it a voucher for its owner's EST server
(draft-ietf-anima-brski-cloud 4.2), and which then speaks plain EST there: Python's TLS, the three
forms as forms.py has them and the cryptography package, nothing of Gatehouse's.
"""

import base64
from urllib.parse import urlsplit

from cryptography import x509

from pledge import Pledge, binary, pem_of
from stage import CLOUD, REGISTRAR
from wire import Wire


class EstPledge(Pledge):
    """One device; what it does at its EST server is as in Pledge."""

    def __init__(self, scene, serial=None, **options):
        serial = serial or scene.device()
        super().__init__(scene.port, scene.maker / "pledges" / serial,
                         scene.maker / "masa-anchors.pem", scene.folder / "est-pledges" / serial,
                         **options)
        self.cloud_port = scene.cloud_port
        self.implicit_anchors = (scene.maker / "implicit-anchors.pem").read_text()
        self.owner = scene.owner
        self.members = self.host = None

    def ask_cloud(self):
        """A voucher from the cloud registrar, which is not believed for the time being only."""
        with Wire(self.cloud_port, self.identity, anchors=self.implicit_anchors, name=CLOUD) as w:
            self.request = self.voucher_request(
                proximity_registrar_cert=binary(w.server_certificate))
            answer = w.request("POST", "/.well-known/brski/requestvoucher", self.request,
                               content_type=self.form.media_type, accept=self.form.media_type)
        assert (answer.status, answer.media_type) == (200, self.form.media_type), answer
        self.members, = self.form.verify(answer.body, self.masa_anchors).values()
        assert self.members["serial-number"] == self.serial
        assert self.members["nonce"] == self.nonce
        self.pinned = x509.load_der_x509_certificate(
            base64.b64decode(self.members["pinned-domain-cert"]))
        self.host = urlsplit(self.members["est-domain"]).hostname
        return self

    def with_voucher_from_elsewhere(self):
        """Whatever cloud it was, the pledge has a voucher that pins our CA and names us."""
        self.pinned = x509.load_pem_x509_certificate(
            (self.owner / "pki" / "registrar-ca.pem").read_bytes())
        self.host = REGISTRAR
        return self

    def connect(self):
        """To the EST server, which the pinned certificate alone must vouch for (RFC 7030 3.3.1)."""
        if self.wire is None:
            literal = self.host if self.host.replace(".", "").isdigit() or ":" in self.host else None
            self.wire = Wire(self.port, self.identity, tls=self.tls, anchors=pem_of([self.pinned]),
                             name=self.host, address=literal or "127.0.0.1", partial=True)
        return self.wire

    def enrolled(self):
        """The whole way, as RFC 8995 5.9 has it."""
        self.get_cacerts()
        self.get_csrattrs()
        self.enrol()
        self.tell_enrolled()
        return self

"""
A registrar in Python that asks a MASA: voucher requests of pledges and of its own, as right or wrong
as a test wants them, and revocation lists to go with its certificates.
"""

import http.server
import json
import os
import threading
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fake_owner import CMC_RA, DER, PEM, Authority
from fakes import moment
from forger import tlv
from pledge import BRSKI, VOUCHER_CONTENT, VOUCHER_TYPE, binary, openssl, sign_cms
from stage import MASA
from wire import Wire

REQUEST = "ietf-voucher-request:voucher"
CLIENT_AUTH = x509.ExtendedKeyUsageOID.CLIENT_AUTH


def domain_id(certificate):
    """RFC 8995 5.8.2."""
    return binary(certificate.extensions.get_extension_for_class(
        x509.SubjectKeyIdentifier).value.digest)


def issuer_of(idevid):
    """RFC 8366bis 6.1: the AuthorityKeyIdentifier's extnValue, tag and all."""
    aki = idevid.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    return binary(tlv(0x04, aki.public_bytes()))


def fresh_nonce():
    return binary(os.urandom(16))


def certificate_of(identity):
    return x509.load_pem_x509_certificate(identity[0].read_bytes())


class Device:
    """One of the manufacturer's, by its files."""

    def __init__(self, stage, serial=None):
        self.serial = serial or stage.new_pledge()
        self.identity = stage.identity(self.serial)
        self.certificate = certificate_of(self.identity)
        self.issuer = issuer_of(self.certificate)

    def request(self, registrar, nonce, /, signer=None, **changes):
        """The pledge's own request; None leaves a member out."""
        members = {
            "assertion": "proximity", "created-on": moment(), "serial-number": self.serial,
            "nonce": nonce,
            "proximity-registrar-cert": binary(registrar.certificate.public_bytes(DER)),
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }
        members = {name: value for name, value in members.items() if value is not None}
        return sign_cms(json.dumps({REQUEST: members}).encode(), signer or self.identity)


class Domain(Authority):
    """An owner's registrar CA; `lists`: where the certificates below say revocation lists are."""

    def __init__(self, folder, name="Owner CA", above=None, lists=None):
        super().__init__(folder, name)
        self.above = above
        self.lists = lists
        if above is not None:
            self.certificate = above.sign(self.subject, self.key.public_key(), above.points(),
                                          ca=True)

    def points(self):
        if self.lists is None:
            return []
        return [(x509.CRLDistributionPoints([x509.DistributionPoint(
            [x509.UniformResourceIdentifier(url) for url in self.lists], None, None, None)]), False)]

    def chain(self):
        return [self.certificate] + (self.above.chain() if self.above else [])

    def revocation_list(self, *revoked, days=7, signer=None):
        now = datetime.now(timezone.utc)
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.subject)
                   .last_update(now - timedelta(days=8)).next_update(now + timedelta(days=days)))
        for certificate in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
                .revocation_date(now - timedelta(days=1)).build())
        return builder.sign((signer or self).key, hashes.SHA256()).public_bytes(DER)


class Registrar:
    """`usages` of its certificate; `days` it is valid for."""

    def __init__(self, domain, usages=(CMC_RA, CLIENT_AUTH), days=30):
        self.domain = domain
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "registrar")])
        extensions = [*domain.points()]
        if usages:
            extensions.append((x509.ExtendedKeyUsage(list(usages)), False))
        self.certificate = domain.sign(subject, self.key.public_key(), extensions, days=days)
        domain.numbers += 1
        stem = domain.folder / f"registrar-{domain.numbers}"
        self.identity = (stem.with_suffix(".pem"), stem.with_suffix(".key"))
        self.identity[0].write_bytes(self.certificate.public_bytes(PEM))
        self.identity[1].write_bytes(self.key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        self.above = stem.with_suffix(".chain")
        self.above.write_bytes(b"".join(each.public_bytes(PEM) for each in domain.chain()))

    def sign(self, members, chain=True):
        more = ["-certfile", self.above] if chain else []
        return openssl("cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-md", "sha256",
                       "-outform", "DER", "-econtent_type", VOUCHER_CONTENT, "-signer",
                       self.identity[0], "-inkey", self.identity[1], *more,
                       octets=json.dumps({REQUEST: members}).encode())

    def request(self, device, nonce=None, prior=None, /, chain=True, **changes):
        """The registrar's request around the pledge's; None leaves a member out."""
        members = {
            "created-on": moment(), "serial-number": device.serial, "nonce": nonce,
            "idevid-issuer": device.issuer, "assertion": "proximity" if nonce else None,
            "prior-signed-voucher-request": binary(prior) if prior is not None else None,
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }
        return self.sign({name: value for name, value in members.items() if value is not None},
                         chain)

    def usual_request(self, device, **changes):
        nonce = fresh_nonce()
        return self.request(device, nonce, device.request(self, nonce), **changes)

    def ask(self, stage, octets, operation="requestvoucher", shown=True, **fields):
        """One exchange with the MASA; `shown`: our certificate, in TLS."""
        fields = {"content_type": VOUCHER_TYPE, **fields}
        with Wire(stage.masa_port, self.identity if shown else None, name=MASA) as wire:
            return wire.request("POST", BRSKI + operation, octets, host=MASA, **fields)


class Lists:
    """Serves revocation lists over plain HTTP, by path."""

    def __init__(self):
        self.octets = {}
        self.asked = []
        lists = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                lists.asked.append(self.path)
                octets = lists.octets.get(self.path)
                self.send_response(404 if octets is None else 200)
                self.end_headers()
                self.wfile.write(octets or b"")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, path, host="crl.owner.example"):
        return f"http://{host}:{self.server.server_address[1]}{path}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

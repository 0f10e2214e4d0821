"""An owner at a cloud registrar that shares nothing with Gatehouse: cryptography and `openssl cms`."""

import base64
import hashlib
import json
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pledge import binary, certificate_in, openssl
from wire import Wire

BASE = "/registration/v1"
STATEMENT = "gatehouse-registration:statement"
PEM = serialization.Encoding.PEM


def moment(ahead=timedelta()):
    now = datetime.now(timezone.utc) + ahead
    return now.isoformat(timespec="seconds").replace("+00:00", "Z")


def save(folder, name, certificate, key, chain=()):
    """PEM files of a certificate with its chain, and its key."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.pem").write_bytes(b"".join(each.public_bytes(PEM)
                                                  for each in (certificate, *chain)))
    (folder / f"{name}.key").write_bytes(key.private_bytes(
        PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return folder / f"{name}.pem", folder / f"{name}.key"


def issue(name, key, issuer=None, issuer_key=None, host=None):
    """A CA without `host`, a TLS server's and client's certificate with it."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    builder = (x509.CertificateBuilder().subject_name(subject)
               .issuer_name(subject if issuer is None else issuer.subject)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now - timedelta(hours=1))
               .not_valid_after(now + timedelta(days=30))
               .add_extension(x509.BasicConstraints(host is None, None), True))
    if host is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
    return builder.sign(issuer_key or key, hashes.SHA256())


class Owner:
    """One owner: a CA and a certificate under it, `host` its name."""

    def __init__(self, folder, name, port, base, host="registrar.elsewhere.example"):
        self.folder, self.name, self.port, self.base = folder, name, port, base
        self.ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        ca = issue(f"{name} CA", self.ca_key)
        self.ca = save(folder, "ca", ca, self.ca_key)
        self.identity = save(folder, "own", issue(name, key, ca, self.ca_key, host), key, [ca])

    def another(self, name="next", host="registrar.elsewhere.example", under_ca=True):
        """Another certificate, with another key."""
        key = ec.generate_private_key(ec.SECP256R1())
        ca = x509.load_pem_x509_certificate(self.ca[0].read_bytes())
        made = (issue(name, key, ca, self.ca_key, host) if under_ca
                else issue(name, key, host=host))
        return save(self.folder, name, made, key, [ca] if under_ca else [])

    def proof(self, identity=None, signer=None, **changes):
        """That we hold the key of a certificate, by default the CA's."""
        identity = identity or self.ca
        certificate = base64.b64decode(certificate_in(identity[0]))
        statement = {"audience": self.base, "owner": self.name,
                     "certificate-sha256": binary(hashlib.sha256(certificate).digest()),
                     "created-on": moment(),
                     **{name.replace("_", "-"): value for name, value in changes.items()}}
        pem, key = signer or identity
        signed = openssl("cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-md", "sha256",
                         "-outform", "DER", "-signer", pem, "-inkey", key,
                         octets=json.dumps({STATEMENT: statement}).encode())
        return {"certificate": binary(certificate), "statement": binary(signed)}

    def call(self, method, path, body=None, identity=None):
        """Status and JSON of the answer."""
        with Wire(self.port, identity or self.identity) as wire:
            octets = None if body is None else json.dumps(body).encode()
            answer = wire.request(method, BASE + path, octets, content_type=octets and
                                  "application/json")
        return answer.status, json.loads(answer.body) if answer.body else None

    def claim(self, token, *proofs, **more):
        return self.call("POST", "/claims", {"owner": self.name, "token": token,
                                             "proofs": list(proofs) or [self.proof()]}, **more)

    def registration(self, **changes):
        """To be sent devices; "_" for "-", and None leaves a member out."""
        members = {"owner": self.name, "mode": "redirect",
                   "registrar": "https://registrar.elsewhere.example", "devices": {"all": True},
                   "proofs": [self.proof()], **changes}
        return {name.replace("_", "-"): value for name, value in members.items()
                if value is not None}

    def voucher_registration(self, **changes):
        return self.registration(**{
            "mode": "voucher", "registrar": None, "est_domain": "https://est.elsewhere.example",
            "pinned_domain_cert": certificate_in(self.ca[0]), **changes})

    def register(self, body, **more):
        return self.call("PUT", f"/owners/{self.name}/registration", body, **more)

    def withdraw(self):
        return self.call("DELETE", f"/owners/{self.name}/registration")

    def devices(self, query=""):
        return self.call("GET", f"/owners/{self.name}/devices{query}")

    def release(self, *serials):
        return self.call("POST", f"/owners/{self.name}/releases", {"serial-numbers": list(serials)})

"""
Keys that are made for clients (EST serverkeygen, RFC 7030 4.4): who gets one, how it is protected on
its way, that it is there once and gone, and that dying in between loses and doubles nothing.
"""

import base64
import email
import email.policy
import os
import threading
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

import der
from pledge import EST, certificates_in, in_lines, openssl, pem_of
from scene import until
from test_crash import KILLED, failpoints
from wire import Wire

PROJECT = Path(__file__).resolve().parents[2]
VECTORS = Path(os.environ.get("GATEHOUSE_VECTORS") or PROJECT.parent / "shared/vectors")
PASSWORD = "correct horse battery staple"
DER = serialization.Encoding.DER
DECRYPT_KEY_ID = "1.2.840.113549.1.9.16.2.37"
ASYMMETRIC_DECRYPT_KEY_ID = "1.2.840.113549.1.9.16.2.54"
SMIME_CAPABILITIES = "1.2.840.113549.1.9.15"
SIGNED_DATA = "1.2.840.113549.1.7.2"
KEY_PACKAGE = "2.16.840.1.101.2.1.2.78.5"
AES256_CBC, AES128_CBC = "2.16.840.1.101.3.4.1.42", "2.16.840.1.101.3.4.1.2"
RSAES_OAEP, SHA256_KDF = "1.2.840.113549.1.1.7", "1.3.132.1.11.1"
SHARED = bytes(range(32))


# What a client sends.


def tlv(tag, *parts):
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def oid(text):
    return tlv(der.OID, oid_content(text))


def oid_content(text):
    first, second, *rest = map(int, text.split("."))
    octets = bytearray()
    for arc in [first * 40 + second, *rest]:
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(0x80 | arc & 0x7F)
        octets += bytes(reversed(septets))
    return bytes(octets)


def attribute(kind, value):
    return tlv(der.SEQUENCE, oid(kind), tlv(der.SET, value))


def capabilities(*oids):
    return attribute(SMIME_CAPABILITIES,
                     tlv(der.SEQUENCE, *(tlv(der.SEQUENCE, oid(text)) for text in oids)))


def shared_key(identifier):
    return attribute(DECRYPT_KEY_ID, tlv(der.OCTETS, identifier))


def certificate_key(identifier):
    return attribute(ASYMMETRIC_DECRYPT_KEY_ID, tlv(der.OCTETS, identifier))


def with_attributes(csr, *attributes):
    """The request with more attributes, and with the signature that it had: now a wrong one."""
    info, *signature = der.elements(der.inside(csr, der.SEQUENCE))
    version, subject, key, given = der.elements(info[1])
    parts = [tlv(*element) for element in (version, subject, key)]
    told = tlv(der.EXPLICIT_0, given[1], *attributes)
    return tlv(der.SEQUENCE, tlv(der.SEQUENCE, *parts, told), *(tlv(*e) for e in signature))


def make_csr(name, *attributes, subject=None, extensions=None):
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        subject or x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
    if extensions is None:
        extensions = [x509.SubjectAlternativeName([x509.DNSName(name)])]
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    # RFC 7030 4.4.1: whatever key this is, it is not looked at.
    request = builder.sign(ec.generate_private_key(ec.SECP521R1()), hashes.SHA256())
    return with_attributes(request.public_bytes(DER), *attributes)


# What it gets.


def parts_of(answer):
    """The two parts, by Python's own reader of multipart; CR LF and the length as they should be."""
    assert answer.status == 200, answer
    assert answer.media_type == "multipart/mixed"
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert answer.body.replace(b"\r\n", b"").count(b"\n") == 0
    return read_parts(answer.headers["content-type"], answer.body)


def read_parts(content_type, body):
    message = email.message_from_bytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body, policy=email.policy.HTTP)
    assert message.is_multipart() and not message.defects
    key, certificate = message.get_payload()
    assert certificate.get_content_type() == "application/pkcs7-mime"
    assert certificate.get_param("smime-type") == "certs-only"
    assert all(part["content-transfer-encoding"] == "base64" for part in (key, certificate))
    issued, = pkcs7.load_der_pkcs7_certificates(certificate.get_payload(decode=True))
    return key, issued


def check_pair(key, certificate):
    assert key.public_key().public_numbers() == certificate.public_key().public_numbers()
    return key


def plain_key(answer):
    part, certificate = parts_of(answer)
    assert part.get_content_type() == "application/pkcs8"
    key = serialization.load_der_private_key(part.get_payload(decode=True), None)
    return check_pair(key, certificate), certificate


def opened_key(est, answer, tmp_path, *how):
    """`openssl cms` takes the envelope away, and verifies who has made the key."""
    part, certificate = parts_of(answer)
    assert part.get_content_type() == "application/pkcs7-mime"
    assert part.get_param("smime-type") == "server-generated-key"
    sealed, signed, package = (tmp_path / name for name in ("sealed", "signed", "package"))
    sealed.write_bytes(part.get_payload(decode=True))
    openssl("cms", "-decrypt", "-binary", "-inform", "DER", "-in", sealed, "-out", signed, *how)
    signed.write_bytes(tlv(der.SEQUENCE, oid(SIGNED_DATA),
                           tlv(der.EXPLICIT_0, signed.read_bytes())))
    assert der.content_type(signed.read_bytes()) == KEY_PACKAGE
    openssl("cms", "-verify", "-binary", "-inform", "DER", "-in", signed, "-out", package,
            "-purpose", "any", "-CAfile", est.owner / "pki" / "root.pem")
    key = serialization.load_der_private_key(one_key(package.read_bytes()), None)
    return check_pair(key, certificate), certificate, sealed


def one_key(package):
    """The one OneAsymmetricKey in an AsymmetricKeyPackage (RFC 5958 2)."""
    (tag, content), = der.elements(der.inside(package, der.SEQUENCE))
    return tlv(tag, content)


def shown_by_openssl(sealed):
    return openssl("cms", "-cmsout", "-print", "-noout", "-inform", "DER", "-in",
                   sealed).decode()


# The stage.


@pytest.fixture(scope="module", name="est")
def fixture_est(make_scene, tmp_path_factory):
    scene = make_scene()
    scene.secrets = tmp_path_factory.mktemp("secret")
    scene.password = secret_file(scene, "password", PASSWORD)
    scene.shared = secret_file(scene, "shared", base64.b64encode(SHARED).decode())
    scene.ctl("profiles", "add", "agree", "--key-usage", "digitalSignature", "--key-usage",
              "keyAgreement")
    scene.ctl("profiles", "add", "encipher", "--key", "rsa2048", "--key-usage", "digitalSignature",
              "--key-usage", "keyEncipherment")
    for label, profile, keys in (("plain", "agree", "plain"), ("sealed", "agree", "encrypted"),
                                 ("rsa", "encipher", "encrypted"), ("none", "agree", "off")):
        scene.ctl("labels", "add", label, "--authenticate", "password", "--authenticate",
                  "certificate", "--domain", f"{label}.example.com", "--profile", profile,
                  "--server-keys", keys, "--per-day", "1000")
    scene.ctl("secrets", "add", "lab", "--unlimited", "--password-file", scene.password,
              *(word for label in ("plain", "sealed", "rsa", "none") for word in ("--label", label)))
    scene.ctl("secrets", "add", "vault", "--unlimited", "--label", "sealed",
              "--decrypt-key-file", scene.shared)
    return scene


def secret_file(scene, name, text):
    file = scene.secrets / name
    file.write_text(text + "\n")
    file.chmod(0o600)
    return file


def ask(est, csr, label="plain", operation="serverkeygen", identity=None):
    fields = {}
    if identity is None:
        fields["authorization"] = "Basic " + base64.b64encode(f"lab:{PASSWORD}".encode()).decode()
    path = f"{EST}{label}/{operation}" if label else EST + operation
    with Wire(est.port, identity) as wire:
        return wire.request("POST", path, in_lines(csr), content_type="application/pkcs10",
                            **fields)


def stranger(est, problem, detail=""):
    return any(s["problem"] == problem and detail in s["detail"] for s in est.strangers())


def identity_files(tmp_path, certificate, key):
    files = [tmp_path / f"{certificate.serial_number:x}.{kind}" for kind in ("pem", "key")]
    files[0].write_text(pem_of([certificate]))
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM,
                                           serialization.PrivateFormat.PKCS8,
                                           serialization.NoEncryption()))
    return files


def key_identifier(certificate):
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


# Plain.


def test_key_is_made_for_the_client(est):
    key, certificate = plain_key(ask(est, make_csr("a.plain.example.com")))
    assert isinstance(key.curve, ec.SECP256R1)  # the profile's, not the request's
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.plain.example.com"]
    shown, = est.ctl_json("certificates", "list", "--name", "a.plain.example.com")
    assert (shown["client"], shown["label"]) == ("secret:lab", "plain")


def test_line_length_of_the_label_holds_for_the_parts(est):
    est.ctl("labels", "set", "plain", "--line-length", "0")
    answer = ask(est, make_csr("one-line.plain.example.com"))
    est.ctl("labels", "set", "plain", "--line-length", "64")
    plain_key(answer)
    assert max(map(len, answer.body.split(b"\r\n"))) > 100
    answer = ask(est, make_csr("lines.plain.example.com"))
    plain_key(answer)
    assert max(map(len, answer.body.split(b"\r\n"))) <= 64


def test_key_is_there_once(est):
    csr = make_csr("once.plain.example.com")
    plain_key(ask(est, csr))
    until(lambda: ask(est, csr).status == 410, "the key to be gone")
    answer = ask(est, csr)
    assert answer.media_type == "text/plain" and b"another request" in answer.body
    assert stranger(est, "server-key-gone")
    assert len(est.ctl_json("certificates", "list", "--name", "once.plain.example.com")) == 1
    plain_key(ask(est, make_csr("once.plain.example.com")))


def test_key_is_nowhere_else(est):
    """Neither in the store's files, nor in logs, nor in what the admin API shows."""
    key, _ = plain_key(ask(est, make_csr("nowhere.plain.example.com")))
    number = key.private_numbers().private_value.to_bytes(32, "big")
    octets = key.private_bytes(DER, serialization.PrivateFormat.PKCS8,
                               serialization.NoEncryption())
    traces = [number, number.hex().encode(), base64.b64encode(octets)[40:80]]
    files = [file for file in est.folder.rglob("*") if file.is_file()]
    assert len(files) > 10
    for file in files:
        content = file.read_bytes()
        found = [trace for trace in traces if trace in content]
        assert not found, file
    for shown in (est.ctl("orders", "list", "--json").stdout, est.ctl("secrets", "list", "--json").stdout):
        assert base64.b64encode(SHARED).decode() not in shown and number.hex() not in shown


def test_key_that_a_ca_would_refuse_is_not_looked_at(est):
    """RFC 7030 4.4.1: the request's key may be anything, and its signature wrong."""
    csr = make_csr("odd.plain.example.com")
    odd = csr.replace(oid_content("1.3.132.0.35"), oid_content("1.3.132.0.99"))
    assert odd != csr
    plain_key(ask(est, odd))


# Refused.


def test_off_by_default(est):
    answer = ask(est, make_csr("a.none.example.com"), "none")
    assert answer.status == 403 and answer.media_type == "text/plain"
    assert stranger(est, "server-keys-off")
    assert est.ctl_json("labels", "show", "none")["server-keys"] == "off"
    est.ctl("labels", "add", "fresh", "--authenticate", "password")
    assert est.ctl_json("labels", "show", "fresh")["server-keys"] == "off"
    assert est.ctl_json("certificates", "list", "--name", "a.none.example.com") == []


CAN = capabilities(AES256_CBC)
REFUSED = {
    "plain where only encrypted": ([], "names no key"),
    "a shared key that nobody has": ([shared_key(b"nobody"), CAN], "no secret with a decrypt-key"),
    "a secret without such a key": ([shared_key(b"lab"), CAN], "no secret with a decrypt-key"),
    "a certificate that is unknown": ([certificate_key(b"\1" * 20), CAN], "no certificate"),
    "both": ([shared_key(b"vault"), certificate_key(b"\1" * 20), CAN], "both"),
    "without SMIMECapabilities": ([shared_key(b"vault")], "without SMIMECapabilities"),
    "nothing that is done here": ([shared_key(b"vault"), capabilities("1.2.840.113549.3.7")],
                                  "AES in CBC mode"),
    "an identifier without octets": ([shared_key(b""), CAN], "key identifier of 0 octets"),
}


@pytest.mark.parametrize("attributes,why", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_protected_is_refused(est, attributes, why):
    name = "refused.sealed.example.com"
    answer = ask(est, make_csr(name, *attributes), "sealed")
    assert answer.status == 400 and why.encode() not in answer.body
    assert stranger(est, "key-protection", why)
    assert est.ctl_json("certificates", "list", "--name", name) == []


def test_shared_key_of_another_label_is_none(est):
    answer = ask(est, make_csr("b.plain.example.com", shared_key(b"vault"), CAN), "plain")
    assert answer.status == 400
    assert stranger(est, "key-protection", "not for the label plain")


def test_names_are_those_of_the_label(est):
    assert ask(est, make_csr("boss.example.com")).status == 403
    assert stranger(est, "name-refused")


def test_who_does_not_prove_who_he_is_gets_nothing(est):
    with Wire(est.port) as wire:
        answer = wire.request("POST", EST + "plain/serverkeygen",
                              in_lines(make_csr("c.plain.example.com")),
                              content_type="application/pkcs10")
    assert answer.status == 401
    assert est.ctl_json("certificates", "list", "--name", "c.plain.example.com") == []


def test_decrypt_key_must_be_one_of_aes(est):
    file = secret_file(est, "short", base64.b64encode(b"short").decode())
    done = est.ctl("secrets", "add", "short", "--label", "sealed", "--decrypt-key-file", file,
                   check=False)
    assert done.returncode != 0 and "16, 24 or 32" in done.stderr


# Encrypted.


@pytest.mark.parametrize("identifier", [b"vault", bytes.fromhex("00ff10")], ids=["text", "octets"])
def test_key_under_a_shared_key(est, tmp_path, identifier):
    if identifier != b"vault":
        est.ctl("secrets", "add", identifier.hex(), "--label", "sealed", "--decrypt-key-file",
                est.shared)
    csr = make_csr(f"{identifier.hex()}.sealed.example.com", shared_key(identifier), CAN)
    *_, sealed = opened_key(est, ask(est, csr, "sealed"), tmp_path, "-secretkey", SHARED.hex(),
                            "-secretkeyid", identifier.hex())
    shown = shown_by_openssl(sealed)
    assert "d.kekri" in shown and "aes-256-cbc" in shown and "id-aes256-wrap" in shown


def certified(est, tmp_path, label, name, make_key):
    """A client with a certificate of ours."""
    key = make_key()
    csr = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False).sign(
                key, hashes.SHA256()).public_bytes(DER)
    answer = ask(est, csr, label, "simpleenroll")
    assert answer.status == 200, answer
    certificate, = certificates_in(answer.body)
    return certificate, identity_files(tmp_path, certificate, key)


HOLDERS = {
    # capabilities: (label, how the key is made, what openssl shows of it)
    "EC": ("sealed", lambda: ec.generate_private_key(ec.SECP256R1()), (AES256_CBC, SHA256_KDF),
           ("d.kari", "dhSinglePass-stdDH-sha256kdf-scheme", "aes-256-cbc")),
    "EC, AES-128": ("sealed", lambda: ec.generate_private_key(ec.SECP256R1()), (AES128_CBC,),
                    ("d.kari", "aes-128-cbc")),
    "RSA": ("rsa", lambda: rsa.generate_private_key(65537, 2048), (AES256_CBC,),
            ("d.ktri", "rsaEncryption", "aes-256-cbc")),
    "RSA, OAEP": ("rsa", lambda: rsa.generate_private_key(65537, 2048), (AES256_CBC, RSAES_OAEP),
                  ("d.ktri", "rsaesOaep", "aes-256-cbc")),
}


@pytest.mark.parametrize("label,make,can,shows", HOLDERS.values(), ids=HOLDERS)
def test_key_for_the_holder_of_a_certificate(est, tmp_path, label, make, can, shows):
    name = f"{len(est.ctl_json('certificates', 'list'))}.{label}.example.com"
    certificate, identity = certified(est, tmp_path, label, name, make)
    csr = make_csr(name, certificate_key(key_identifier(certificate)), capabilities(*can))
    answer = ask(est, csr, label, identity=identity)  # a renewal: the very same names
    key, issued, sealed = opened_key(est, answer, tmp_path, "-recip", identity[0], "-inkey",
                                     identity[1])
    assert isinstance(key, rsa.RSAPrivateKey if label == "rsa" else ec.EllipticCurvePrivateKey)
    assert issued.subject == certificate.subject
    shown = shown_by_openssl(sealed)
    assert all(word in shown for word in shows), shown
    records = {c["serial-number"]: c for c in est.ctl_json("certificates", "list", "--name", name)}
    assert any(c.get("renews") for c in records.values())


def test_key_for_a_certificate_that_was_issued_before(est, tmp_path):
    """The client shows a password; the certificate is known from before."""
    name = "before.sealed.example.com"
    certificate, identity = certified(est, tmp_path, "sealed", name,
                                      lambda: ec.generate_private_key(ec.SECP256R1()))
    csr = make_csr(name, certificate_key(key_identifier(certificate)), CAN)
    opened_key(est, ask(est, csr, "sealed"), tmp_path, "-recip", identity[0], "-inkey", identity[1])


def test_certificate_that_is_not_for_encryption_is_refused(est, tmp_path):
    """RFC 7030 4.4.1.2: keyAgreement, or keyEncipherment, or no restriction."""
    est.ctl("profiles", "set", "agree", "--key-usage", "digitalSignature")
    certificate, identity = certified(est, tmp_path, "sealed", "signs.sealed.example.com",
                                      lambda: ec.generate_private_key(ec.SECP256R1()))
    est.ctl("profiles", "set", "agree", "--key-usage", "digitalSignature", "--key-usage",
            "keyAgreement")
    csr = make_csr("signs.sealed.example.com", certificate_key(key_identifier(certificate)), CAN)
    assert ask(est, csr, "sealed", identity=identity).status == 400
    assert stranger(est, "key-protection", "not for keyAgreement")


# Devices.


@pytest.fixture(scope="module", name="unlabelled")
def fixture_unlabelled(est):
    est.ctl("labels", "add", "default", "--server-keys", "plain")
    return est


def device_csr(pledge):
    names = [x509.UnrecognizedExtension(x509.ObjectIdentifier(kind), value)
             for kind, value in pledge.attributes.extensions.items()]
    return make_csr(None, subject=pledge.idevid.subject, extensions=names)


def device_ask(pledge, csr):
    return pledge.ask("POST", EST + "serverkeygen", in_lines(csr),
                      content_type="application/pkcs10")


def test_device_gets_a_key_through_the_same_gate(unlabelled, tmp_path):
    pledge = unlabelled.independent()
    early = make_csr(None, subject=pledge.idevid.subject, extensions=[])
    assert device_ask(pledge, early).status == 403
    assert unlabelled.nothing_issued(pledge.serial)
    pledge.go_on("csrattrs")
    csr = device_csr(pledge)
    key, certificate = plain_key(pledge.patiently(lambda: device_ask(pledge, csr)))
    until(lambda: unlabelled.events(pledge.serial, "server-key-delivered"), "the delivery")
    asked, = unlabelled.events(pledge.serial, "server-key-requested")
    assert asked["actor"] == "pledge"
    assert unlabelled.events(pledge.serial, "enrolled")

    assert device_ask(pledge, csr).status == 410
    assert unlabelled.trouble(pledge.serial, "server-key-gone")["hint"]

    identity = identity_files(tmp_path, certificate, key)
    renewed, again = plain_key(ask(unlabelled, device_csr(pledge), None, identity=identity))
    assert again.subject == certificate.subject
    assert renewed.private_numbers() != key.private_numbers()
    assert unlabelled.events(pledge.serial, "renewed")


def test_device_may_not_ask_for_other_names(unlabelled):
    pledge = unlabelled.independent().go_on("csrattrs")
    csr = make_csr("boss.example.com", subject=pledge.idevid.subject)
    assert device_ask(pledge, csr).status == 400
    assert unlabelled.trouble(pledge.serial, "csr-not-as-asked")
    assert unlabelled.certificates(pledge.serial) == []


# Dying in between.


def persist(est, csr, limit=60):
    """Asks exactly the same until there is an answer that says something."""
    end = time.monotonic() + limit
    while True:
        try:
            answer = ask(est, csr)
            if answer.status not in (202, 503):
                return answer
        except OSError:
            pass
        assert time.monotonic() < end, "nobody answers"
        time.sleep(0.05)


def dying_at(est, moment, act):
    ends = []

    def raise_the_dead():
        ends.append(est.wait_for_death())
        est.start_gatehoused()

    est.restart_gatehoused(env={"GATEHOUSE_FAILPOINT": moment})
    nurse = threading.Thread(target=raise_the_dead)
    nurse.start()
    try:
        return act()
    finally:
        nurse.join()
        assert ends == [KILLED], f"{moment} was never reached"


def moments():
    """Each place on the way, and each commit: the order's, the key's, the end, the deletion."""
    for name in failpoints():
        if name.startswith("store-"):
            yield from (f"{name}:{number}" for number in range(1, 5))
        elif name.startswith(("enrol-", "server-key-", "reply-")):
            yield name


@pytest.mark.parametrize("moment", [m for m in moments() if not m.endswith("-gone")])
def test_death_before_the_key_is_there(est, moment):
    """It comes once, with one certificate, whatever was under way."""
    name = f"{moment.replace(':', '-')}.plain.example.com"
    csr = make_csr(name)
    plain_key(dying_at(est, moment, lambda: persist(est, csr)))
    until(lambda: ask(est, csr).status == 410, "the key to be gone")
    assert len(est.ctl_json("certificates", "list", "--name", name)) == 1
    assert est.store_findings() == []


@pytest.mark.parametrize("moment", [m for m in moments() if m.endswith("-gone")])
def test_death_around_the_deletion(est, moment):
    """Before it, the identical request gets the identical answer; after it, none."""
    csr = make_csr(f"{moment}.plain.example.com")
    first = dying_at(est, moment, lambda: persist(est, csr))
    plain_key(first)
    again = persist(est, csr)
    if moment == "server-key-before-gone":
        assert (again.status, again.body) == (200, first.body)
    until(lambda: ask(est, csr).status == 410, "the key to be gone")
    assert est.store_findings() == []


def test_approval_comes_first(est):
    est.ctl("labels", "set", "plain", "--approval", "yes")
    csr = make_csr("held.plain.example.com")
    assert ask(est, csr).status == 202
    assert est.ctl_json("certificates", "list", "--name", "held.plain.example.com") == []
    order, = est.ctl_json("orders", "list", "--state", "waiting")
    est.ctl("orders", "approve", order["id"])
    est.ctl("labels", "set", "plain", "--approval", "no")
    plain_key(persist(est, csr))


def test_shared_key_that_was_taken_away_meanwhile_is_none(est):
    est.ctl("labels", "set", "sealed", "--approval", "yes")
    est.ctl("secrets", "add", "brief", "--label", "sealed", "--decrypt-key-file", est.shared)
    csr = make_csr("brief.sealed.example.com", shared_key(b"brief"), CAN)
    assert ask(est, csr, "sealed").status == 202
    est.ctl("secrets", "remove", "--yes", "brief")
    order, = est.ctl_json("orders", "list", "--state", "waiting")
    est.ctl("orders", "approve", order["id"])
    est.ctl("labels", "set", "sealed", "--approval", "no")
    until(lambda: est.ctl_json("orders", "show", order["id"])["state"] == "refused", "the refusal")
    assert ask(est, csr, "sealed").status == 400
    assert est.ctl_json("certificates", "list", "--name", "brief.sealed.example.com") == []


# The standard's example.

needs_vectors = pytest.mark.skipif(
    not VECTORS.is_dir(), reason=f"the vectors are not in {VECTORS} (GATEHOUSE_VECTORS)")


@needs_vectors
def test_example_of_rfc_7030_is_read_by_the_same_reader():
    body = (VECTORS / "rfc7030" / "A4_serverkeygen_response_multipart.txt").read_bytes()
    part, certificate = read_parts("multipart/mixed; boundary=estServerExampleBoundary",
                                   body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    assert part.get_content_type() == "application/pkcs8"
    check_pair(serialization.load_der_private_key(part.get_payload(decode=True), None), certificate)


@needs_vectors
def test_request_of_rfc_7030_is_read_and_its_binding_is_verified(est):
    """Its challengePassword is that of another connection, of long ago (RFC 7030 3.5)."""
    csr = (VECTORS / "rfc7030" / "A4_serverkeygen_request.p10.der").read_bytes()
    assert ask(est, csr).status == 400
    assert stranger(est, "channel-binding", "not this connection's")

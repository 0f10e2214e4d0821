"""tests/verify passes what a demo leaves, and finds each thing that could be wrong with it."""

import base64
import json
import os
import shutil
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from forger import CLIENT_AUTH, DER, PEM, Forger
from stage import Stage
from stages import ROOT

CMC_RA = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.28")
SERVER_AUTH = x509.ExtendedKeyUsageOID.SERVER_AUTH


def play_demo(folder, bins, form="cms", pledges=2):
    stage = Stage(folder, bins, form)
    try:
        stage.make_maker()
        stage.make_pledges("PHONE", pledges)
        stage.make_owner()
        stage.start_masa()
        stage.start_cloud()
        stage.start_gatehoused()
        stage.introduce(stage.serials)
        stage.pledge()
    finally:
        stage.stop()
    return stage.folder


@pytest.fixture(scope="module", name="demo")
def fixture_demo(bins, tmp_path_factory):
    """The folder of a finished demo with two pledges."""
    return play_demo(tmp_path_factory.mktemp("demo"), bins)


@pytest.fixture(scope="module", name="other_demos")
def fixture_other_demos(bins, tmp_path_factory):
    """The same in the other forms, made when they are asked for."""
    made = {}

    def make(form):
        if form not in made:
            made[form] = play_demo(tmp_path_factory.mktemp(form), bins, form, pledges=1)
        return made[form]
    return make


def verify(folder):
    """The exit status, and the checks that failed."""
    run = subprocess.run([sys.executable, str(ROOT / "tests/verify/verify"), str(folder)],
                         capture_output=True, text=True, timeout=300, check=False)
    lines = run.stdout.splitlines()
    checks = [line for line in lines if line.startswith(("ok ", "not ok "))]
    assert lines and lines[-1] == f"1..{len(checks)}", run.stdout + run.stderr
    return run.returncode, [line.split(" - ", 1)[1] for line in checks if line.startswith("not ok")]


def test_finished_demo_passes(demo):
    assert verify(demo) == (0, [])


def test_demo_passes_from_another_place(demo, tmp_path):
    shutil.copytree(demo, tmp_path / "moved to")
    assert verify(tmp_path / "moved to") == (0, [])


# The other forms.


@pytest.mark.parametrize("form", ["jws", "cose"])
def test_finished_demo_in_another_form_passes(other_demos, form):
    assert verify(other_demos(form)) == (0, [])


def device_of(folder):
    device, = (folder / "devices").iterdir()
    return device


def changed_text(path, old, new):
    text = path.read_bytes()
    assert old in text
    path.write_bytes(text.replace(old, new))


def alter_jws_voucher(folder):
    """One character of the signature."""
    path = device_of(folder) / "voucher.jws"
    message = json.loads(path.read_bytes())
    signature = message["signatures"][0]["signature"]
    message["signatures"][0]["signature"] = ("B" if signature[0] == "A" else "A") + signature[1:]
    path.write_text(json.dumps(message))


def alter_cose_voucher(folder):
    changed_text(device_of(folder) / "voucher.cose", b"PHONE", b"PHONY")


def leave_bag_in_cose_voucher(folder):
    """As it left the MASA."""
    entry, = map(json.loads, (folder / "masa" / "issued.jsonl").read_text().splitlines())
    (device_of(folder) / "voucher.cose").write_bytes(base64.b64decode(entry["voucher"]))


def alter_cose_request(folder):
    path = device_of(folder) / "voucher-request.cose"
    octets = bytearray(path.read_bytes())
    octets[-1] ^= 1
    path.write_bytes(octets)


OTHER_FORGERIES = [
    ("jws", alter_jws_voucher, ("the voucher's signature leads", "the voucher is the MASA's")),
    ("cose", alter_cose_voucher, ("the voucher's signature leads", "the voucher is the MASA's",
                                  "the voucher is for this device")),
    ("cose", leave_bag_in_cose_voucher, ("the voucher is the MASA's",)),
    ("cose", alter_cose_request, ("the pledge's request is signed by",
                                  "prior-signed-voucher-request")),
]


@pytest.mark.parametrize("form,forge,checks", OTHER_FORGERIES)
def test_forgery_in_another_form_is_found(other_demos, tmp_path, form, forge, checks):
    shutil.copytree(other_demos(form), tmp_path / "demo")
    forge(tmp_path / "demo")
    status, failed = verify(tmp_path / "demo")
    unexplained = [text for text in failed if not text.startswith(checks)]
    missed = [check for check in checks if not any(text.startswith(check) for text in failed)]
    assert (status, missed, unexplained) == (1, [], [])


# One function for each way to spoil it; what it says is the check that must find it.

FORGERIES = []


def found_by(*checks):
    """The beginnings of the checks that must fail, and no others may."""
    def register(function):
        FORGERIES.append(pytest.param(function, checks, id=function.__name__))
        return function
    return register


@pytest.mark.parametrize("forge, checks", FORGERIES)
def test_forgery_is_found(demo, tmp_path, forge, checks):
    forger = Forger(demo, tmp_path / "demo")
    forge(forger)
    status, failed = verify(forger.folder)
    unexplained = [text for text in failed if not text.startswith(checks)]
    missed = [check for check in checks if not any(text.startswith(check) for text in failed)]
    assert (status, missed, unexplained) == (1, [], [])


# The issued certificate.


@found_by("the certificate's SubjectAltName")
def certificate_with_another_name(forger):
    other = x509.SubjectAlternativeName([x509.DNSName("phone-0009.phones.example.com")])
    forger.reissue_ldevid(replace=[other])


@found_by("the certificate is for clientAuth alone")
def certificate_of_a_registrar(forger):
    forger.reissue_ldevid(replace=[x509.ExtendedKeyUsage([CLIENT_AUTH, CMC_RA])])


@found_by("the certificate is for clientAuth alone")
def certificate_of_a_server(forger):
    forger.reissue_ldevid(replace=[x509.ExtendedKeyUsage([CLIENT_AUTH, SERVER_AUTH])])


@found_by("the certificate is for clientAuth alone")
def certificate_of_a_ca(forger):
    forger.reissue_ldevid(add=[x509.BasicConstraints(ca=True, path_length=None)])


@found_by("the certificate's serial number")
def certificate_with_a_short_serial_number(forger):
    forger.reissue_ldevid(serial=0x1234567890)


@found_by("the certificate has the key identifiers")
def certificate_with_another_key_identifier(forger):
    forger.reissue_ldevid(replace=[x509.SubjectKeyIdentifier(bytes(20))])


@found_by("the certificate is valid within its issuer's validity")
def certificate_that_outlives_its_issuer(forger):
    forger.reissue_ldevid(days=365 * 30)


@found_by("the certificate is for the key that the pledge made", "no two certificates share",
          "the certificate has the key identifiers")
def certificate_for_the_key_of_the_idevid(forger):
    certificate, key = forger.identity()
    shutil.copy(key, forger.device() / "ldevid.key")
    forger.reissue_ldevid(key=x509.load_pem_x509_certificate(certificate.read_bytes()).public_key())


@found_by("the certificate is for the key that the pledge made",
          "the certificate has the key identifiers")
def certificate_for_a_strangers_key(forger):
    forger.reissue_ldevid(key=ec.generate_private_key(ec.SECP256R1()).public_key())


@found_by("the certificate's SubjectAltName", "the certificate is for the key that the pledge made",
          "the certificate's subject")
def certificates_swapped(forger):
    first, second = (forger.device(at) / "ldevid.pem" for at in (0, 1))
    octets = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(octets)


@found_by("the certificate's SubjectAltName", "the certificate's subject",
          "no two certificates share", "there are as many")
def certificate_given_twice(forger):
    for name in ("ldevid.pem", "ldevid.key"):
        shutil.copy(forger.device(1) / name, forger.device(0) / name)


@found_by("the certificate leads through the device CA")
def certificate_with_a_broken_signature(forger):
    old = forger.ldevid()
    octets = bytearray(old.public_bytes(DER))
    octets[-1] ^= 1
    text = base64.encodebytes(octets).decode()
    (forger.device() / "ldevid.pem").write_text(
        f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n")


# What EST gave besides.


@found_by("the CSR attributes", "the certificate's SubjectAltName")
def csr_attributes_of_another_device(forger):
    shutil.copy(forger.device(1) / "csrattrs.der", forger.device(0) / "csrattrs.der")


@found_by("the CSR attributes", "the certificate's SubjectAltName")
def csr_attributes_cut_short(forger):
    path = forger.device() / "csrattrs.der"
    path.write_bytes(path.read_bytes()[:-1])


@found_by("cacerts holds root")
def cacerts_without_the_registrar_ca(forger):
    kept = [forger.certificate(name).public_bytes(PEM) for name in ("root", "device-ca")]
    (forger.device() / "cacerts.pem").write_bytes(b"".join(kept))


# The registrar's request.


@found_by("the registrar's request has no proximity-registrar-cert")
def request_that_repeats_the_proximity(forger):
    certificate = base64.b64encode(forger.certificate("registrar").public_bytes(DER)).decode()
    forger.remake_request(change=lambda members: {**members,
                                                  "proximity-registrar-cert": certificate})


@found_by("the registrar's request has the device's serial number and the pledge's nonce")
def request_with_another_nonce(forger):
    forger.remake_request(change=lambda members: {**members, "nonce": "AAAAAAAAAAAAAAAAAAAAAA=="})


@found_by("the registrar's request has the device's serial number and the pledge's nonce")
def request_for_another_device(forger):
    forger.remake_request(change=lambda members: {**members, "serial-number": forger.serials[1]})


@found_by("idevid-issuer")
def request_with_an_issuer_without_its_octet_string(forger):
    def change(members):
        issuer = base64.b64decode(members["idevid-issuer"])
        return {**members, "idevid-issuer": base64.b64encode(issuer[2:]).decode()}
    forger.remake_request(change=change)


@found_by("prior-signed-voucher-request")
def request_around_another_pledges_request(forger):
    other = base64.b64encode((forger.device(1) / "voucher-request.cms").read_bytes()).decode()
    forger.remake_request(change=lambda members: {**members,
                                                  "prior-signed-voucher-request": other})


@found_by("the registrar's request carries")
def request_that_carries_the_root(forger):
    forger.remake_request(certificates=[forger.certificate(name) for name in
                                        ("registrar", "registrar-ca", "root")])


@found_by("the registrar's request is in the form")
def request_as_plain_pkcs7(forger):
    forger.remake_request(version=1, content_type="1.2.840.113549.1.7.1")


@found_by("the registrar's request is signed with the TLS server's key",
          "the registrar's request has the device's serial number")
def request_altered_after_signing(forger):
    octets = base64.b64decode(forger.journal()["request"])
    serial = forger.serials[0].encode()
    assert octets.count(serial) == 1
    forger.replace_request(octets.replace(serial, serial[:-1] + b"8"))


@found_by("the MASA got the request once")
def request_sent_twice(forger):
    sha256 = forger.journal()["sha256"]
    forger.change_lines("masa-requests.jsonl", lambda entry: [entry] * (
        2 if entry["sha256"] == sha256 and entry["path"].endswith("requestvoucher") else 1))


# The pledge's request.


@found_by("the pledge's request is signed by an IDevID", "prior-signed-voucher-request",
          "the pledge's request carries")
def pledges_request_signed_by_another(forger):
    octets = (forger.device() / "voucher-request.cms").read_bytes()
    forger.remake_pledges_request(identity=forger.identity(1))
    # Only the copy that the pledge kept: the MASA saw the true one.
    forger.remake_request(change=lambda members: {
        **members, "prior-signed-voucher-request": base64.b64encode(octets).decode()})


@found_by("the pledge's request says who")
def pledges_request_without_proximity(forger):
    forger.remake_pledges_request(change=lambda members: {**members, "assertion": "logged"})


@found_by("proximity-registrar-cert is the TLS server's", "the registrar's request is signed with",
          "the voucher pins the registrar CA", "the keys of TLS server", "those private keys",
          "what the token signs")
def pledge_that_saw_another_server(forger):
    other = base64.b64encode(x509.load_pem_x509_certificate(
        (forger.maker / "masa-tls.pem").read_bytes()).public_bytes(DER)).decode()
    forger.remake_pledges_request(change=lambda members: {**members,
                                                          "proximity-registrar-cert": other})


@found_by("every nonce is another")
def request_that_the_cloud_had_seen(forger):
    sha256 = openssl_sha256(forger.device() / "voucher-request.cms")
    forger.change_lines("cloud-requests.jsonl", lambda entry: [dict(entry, sha256=sha256)])


def openssl_sha256(path):
    run = subprocess.run(["openssl", "dgst", "-sha256", "-r", str(path)], capture_output=True,
                         text=True, check=True)
    return run.stdout.split()[0]


# The voucher and the MASA's log.


@found_by("the voucher is for this device")
def voucher_for_another_device(forger):
    forger.remake_voucher(change=lambda members: {**members, "serial-number": forger.serials[1]})


@found_by("the voucher is for this device")
def voucher_without_nonce(forger):
    forger.remake_voucher(change=lambda members: {name: value for name, value in members.items()
                                                  if name != "nonce"})


@found_by("the voucher pins the registrar CA", "the MASA's log")
def voucher_that_pins_the_device_ca(forger):
    pinned = base64.b64encode(forger.certificate("device-ca").public_bytes(DER)).decode()
    forger.remake_voucher(change=lambda members: {**members, "pinned-domain-cert": pinned})


@found_by("the voucher's signature leads")
def voucher_signed_by_a_pledge(forger):
    forger.remake_voucher(identity=forger.identity(1))


@found_by("the voucher is the MASA's, octet for octet")
def voucher_signed_anew_on_the_way(forger):
    before = forger.journal()["voucher"]
    forger.remake_voucher()
    forger.change_journal(lambda entry: [dict(entry, voucher=before)])


@found_by("the MASA's log has one entry")
def log_entry_of_another_domain(forger):
    other = base64.b64encode(bytes(20)).decode()
    forger.change_journal(lambda entry: [dict(entry, domainID=other)])


@found_by("the MASA's log has one entry", "there are as many", "the voucher is the MASA's",
          "the registrar's request", "idevid-issuer", "prior-signed-voucher-request",
          "the MASA got the request once", "the keys of TLS server", "those private keys",
          "what the token signs")
def log_entry_twice(forger):
    forger.change_journal(lambda entry: [entry, entry])


# The owner's side.


@found_by("the TLS server's certificate is for cmcRA", "proximity-registrar-cert is the TLS",
          "the registrar's request carries")
def server_certificate_without_cmcra(forger):
    old = forger.certificate("registrar")
    usage = x509.ExtendedKeyUsage([SERVER_AUTH, CLIENT_AUTH])
    extensions = [(usage if isinstance(each.value, x509.ExtendedKeyUsage) else each.value,
                   each.critical) for each in old.extensions]
    new = forger.issue("registrar-ca", "gatehouse-registrar-ca", old.subject, old.public_key(),
                       extensions)
    authority = forger.certificate("registrar-ca")
    (forger.owner / "pki" / "registrar.pem").write_bytes(
        new.public_bytes(PEM) + authority.public_bytes(PEM))


def drop_key(forger, path, encoding, form):
    key = ec.generate_private_key(ec.SECP256R1())
    octets = key.private_bytes(encoding, form, serialization.NoEncryption())
    (forger.owner / path).write_bytes(b"something before it\n" + octets)


@found_by("no file of the owner holds a private key")
def private_key_in_pem(forger):
    drop_key(forger, "pki/backup.txt", PEM, serialization.PrivateFormat.PKCS8)


@found_by("no file of the owner holds a private key")
def private_key_in_pkcs8(forger):
    drop_key(forger, "store/backup", DER, serialization.PrivateFormat.PKCS8)


@found_by("no file of the owner holds a private key")
def private_key_in_sec1(forger):
    drop_key(forger, "store/backup", DER, serialization.PrivateFormat.TraditionalOpenSSL)


@found_by("nobody but the owner may read")
def pin_for_everybody(forger):
    (forger.owner / "pin").chmod(0o644)


@found_by("those private keys are sensitive", "what the token signs")
def private_key_that_came_from_outside(forger):
    key = ec.generate_private_key(ec.SECP256R1())
    path = forger.folder / "outside"
    path.write_bytes(key.private_bytes(DER, serialization.PrivateFormat.TraditionalOpenSSL,
                                       serialization.NoEncryption()))
    identifier = forger.key_id("gatehouse-device-ca")
    forger.pkcs11("--delete-object", "--type", "privkey", "--id", identifier)
    forger.pkcs11("--write-object", path, "--type", "privkey", "--id", identifier,
                  "--label", "gatehouse-device-ca")


@found_by("gatehousectl store check")
def store_damaged(forger):
    path = forger.owner / "store" / "data.mdb"
    pages = os.stat(path).st_size // 4096
    with path.open("r+b") as data:
        for page in range(2, pages):  # after the two that say where everything is
            data.seek(page * 4096 + 64)
            data.write(b"\xff" * 512)

"""openssl: certificates held against RFC 5280, revocation lists, OCSP."""

import re

import pytest

from house import Client, needs, run

CLIENT = "openssl"


@pytest.fixture(scope="module", name="given")
def fixture_given(house, tmp_path_factory):
    """Makes a client that was given a certificate."""
    needs("openssl", "openssl")

    def make(name, label="routers", new_key=None):
        client = Client(tmp_path_factory.mktemp("client"), f"{name}.routers.example.com", new_key)
        return house.give(client, label)
    return make


def ask_ocsp(house, client, *options):
    done = run("openssl", "ocsp", *options, "-issuer", house.device_ca, "-cert", client.certificate,
               "-url", f"{house.public}/ocsp", "-CAfile", house.root, "-verify_other",
               house.device_ca)
    text = done.stdout.decode() + done.stderr.decode()
    assert "Response verify OK" in text, text
    return re.search(r"certificate\.pem: (\w+)", text)[1], text


def fetch_list(house, client, file):
    """By openssl itself, from where the certificate says; as PEM."""
    text = run("openssl", "x509", "-in", client.certificate, "-noout", "-ext",
               "crlDistributionPoints").stdout.decode()
    url = re.search(r"URI:(\S+)", text)[1]
    run("openssl", "crl", "-in", url, "-inform", "DER", "-out", file)
    return run("openssl", "crl", "-in", file, "-noout", "-text").stdout.decode()


def test_strictly(house, given, row):
    client = given("strict")
    run("openssl", "verify", "-x509_strict", "-policy_check", "-purpose", "sslclient", "-CAfile",
        house.root, "-untrusted", house.device_ca, client.certificate)
    row("verify -x509_strict of a P-256 certificate", "OK")


KEYS = {
    "p384": ("P-384", ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]),
    "rsa2048": ("RSA-2048", ["rsa:2048"]),
    "rsa3072": ("RSA-3072", ["rsa:3072"]),
}


@pytest.mark.parametrize("key", KEYS)
def test_other_keys(house, given, row, key):
    name, new_key = KEYS[key]
    house.ctl("profiles", "add", key, "--key", key)
    house.add_label(key, "--profile", key)
    client = given(key, label=key, new_key=new_key)
    house.must_verify(client)
    row(f"verify -x509_strict of a certificate for {name}", "OK")


def test_list(house, given, tmp_path, row):
    client = given("listed")
    file = tmp_path / "crl.pem"

    def verify(good):
        done = run("openssl", "verify", "-x509_strict", "-crl_check", "-CRLfile", file, "-CAfile",
                   house.root, "-untrusted", house.device_ca, client.certificate, check=good)
        return done.returncode == 0, (done.stdout + done.stderr).decode()
    text = fetch_list(house, client, file)
    run("openssl", "crl", "-in", file, "-noout", "-verify", "-CAfile", house.device_ca)
    assert "X509v3 CRL Number" in text and "X509v3 Authority Key Identifier" in text
    assert verify(True)[0]
    row("crl -verify; verify -crl_check of a good certificate", "OK")
    serial = house.serial_of(client).lstrip("0")
    house.revoke(client)
    house.wait_for(lambda: serial in fetch_list(house, client, file).lower(), "it is on the list")
    good, said = verify(False)
    assert not good and "certificate revoked" in said
    row("verify -crl_check of a revoked one", "certificate revoked")


def test_ocsp(house, given, row):
    client = given("status")
    status, text = ask_ocsp(house, client)
    assert status == "good" and "WARNING: no nonce" not in text
    row("ocsp with a nonce", "good")
    assert ask_ocsp(house, client, "-no_nonce", "-sha256")[0] == "good"
    row("ocsp without a nonce, the issuer by SHA-256", "good")
    house.ctl("certificates", "suspend", house.serial_of(client))
    status, text = ask_ocsp(house, client)
    assert status == "revoked" and "certificateHold" in text
    row("ocsp of a suspended certificate", "revoked, certificateHold")
    house.ctl("certificates", "resume", house.serial_of(client))
    assert ask_ocsp(house, client)[0] == "good"
    row("ocsp when it is not suspended any more", "good")
    house.revoke(client, "superseded")
    status, text = ask_ocsp(house, client)
    assert status == "revoked" and "superseded" in text
    row("ocsp of a revoked certificate", "revoked, superseded")
    never = ask_never_issued(house)
    assert never == "unknown"
    row("ocsp of a serial number that was never given", "unknown")


def ask_never_issued(house):
    done = run("openssl", "ocsp", "-issuer", house.device_ca, "-serial", "0x4711", "-url",
               f"{house.public}/ocsp", "-CAfile", house.root, "-verify_other", house.device_ca)
    return re.search(r"0x4711: (\w+)", done.stdout.decode())[1]

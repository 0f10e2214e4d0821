"""
strongSwan's pki, whose key, request, TLS and trust are its own.  It knows no labels: what it asks
for goes by the label called default.  It reads base64 in one line alone, which that label sends.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from house import LOCAL, PASSWORD, Client, name_of, needs, run

CLIENT = "strongSwan"


@pytest.fixture(scope="module", name="pki")
def fixture_pki(house):
    """Calls pki, which is told whom to trust; what it says, and what it makes."""
    program = needs("pki", "strongswan-pki")
    words = run(program, "--help", check=False)
    if b"--est " not in words.stdout + words.stderr:
        pytest.skip("this pki has no --est; that of Debian 12 (strongSwan 5.9.8) has")

    def call(*arguments, octets=None, check=True):
        done = run(program, *arguments, octets=octets, check=check)
        return done.stderr.decode() + ("" if done.returncode == 0 else "FAILED"), done.stdout

    call.trust = ("--url", f"https://{LOCAL}:{house.port}", "--cacert", house.root, "--cacert",
                  house.device_ca)
    return call


@pytest.fixture(name="client")
def fixture_client(pki, tmp_path, request):
    return make_request(pki, Client(tmp_path, name_of(request, "strongswan")))


def make_request(pki, client):
    client.key.write_bytes(pki("--gen", "--type", "ecdsa", "--size", "256", "--outform", "pem")[1])
    client.request.write_bytes(pki("--req", "--type", "priv", "--in", client.key, "--dn",
                                   f"CN={client.name}", "--san", client.name, "--digest",
                                   "sha256")[1])
    return client


def enrol(house, pki, client, *proof):
    said, certificate = pki("--est", *pki.trust, "--in", client.request, "--outform", "pem",
                            "--interval", "1", "--maxpolltime", "60", *proof)
    assert "Issued certificate is trusted" in said, said
    client.certificate.write_bytes(certificate)
    house.must_verify(client)
    return house.serial_of(client)


def password(house):
    return "--userpass", f"{house.user('default')}:{PASSWORD}"


def test_estca(house, pki, tmp_path, row):
    said, _ = pki("--estca", *pki.trust, "--caout", tmp_path / "ca.pem", "--outform", "pem")
    assert "Root CA equals trusted TLS Root CA" in said, said
    assert (tmp_path / "ca.pem").read_bytes().count(b"BEGIN CERTIFICATE") == 1
    assert len(list(tmp_path.glob("ca-*.pem"))) == 2
    row("pki --estca", "root, CA for devices, CA for registrars")


def test_lines(house, pki, row):
    house.ctl("labels", "set", "default", "--line-length", "64")
    try:
        said, _ = pki("--estca", *pki.trust, check=False)
        assert "FAILED" in said
    finally:
        house.ctl("labels", "set", "default", "--line-length", "0")
    row("base64 in lines of 64 characters", "cannot read it: labels set NAME --line-length 0")


def test_password(house, pki, client, row):
    enrol(house, pki, client, *password(house))
    row("pki --est with a password (Basic)", "a certificate that it trusts")


def test_wrong_password(house, pki, client, row):
    said, _ = pki("--est", *pki.trust, "--in", client.request, "--userpass",
                  f"{house.user('default')}:wrong", check=False)
    assert "HTTP 401" in said and "FAILED" in said, said
    row("pki --est with a wrong password", "401")


def test_renewal(house, pki, client, tmp_path, row):
    first = enrol(house, pki, client, *password(house))
    (tmp_path / "next").mkdir()
    following = make_request(pki, Client(tmp_path / "next", client.name))
    second = enrol(house, pki, following, "--cert", client.certificate, "--key", client.key)
    assert first != second
    row("pki --est with the certificate that is to be replaced", "a new certificate, for a new key")


def test_approval(house, pki, client, row):
    told = house.told_later()
    house.ctl("labels", "set", "default", "--approval", "yes")
    try:
        with ThreadPoolExecutor(1) as pool:
            given = pool.submit(enrol, house, pki, client, *password(house))
            house.approve_one(told)
            given.result()
    finally:
        house.ctl("labels", "set", "default", "--approval", "no")
    row("pki --est where an administrator decides", "asks again as it is told: a certificate")


def test_status(house, pki, client, tmp_path, row):
    enrol(house, pki, client, *password(house))
    file = tmp_path / "list.crl"
    chain = ("--in", client.certificate, "--cacert", house.root, "--cacert", house.device_ca,
             "--crl", file)
    house.ctl("crls", "export", "device-ca", file)
    said, made = pki("--verify", *chain, check=False)
    assert "certificate trusted" in said + made.decode(), said
    house.revoke(client)

    def is_revoked():
        house.ctl("crls", "export", "device-ca", file)
        said, made = pki("--verify", *chain, check=False)
        return "revoked" in said + made.decode() and "FAILED" in said
    house.wait_for(is_revoked, "strongSwan sees it on the list")
    row("pki --verify --crl", "good; revoked once it was")

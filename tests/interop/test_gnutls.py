"""GnuTLS's own tools: certtool, ocsptool, gnutls-cli."""

import base64
import re

import pytest

from house import PASSWORD, REGISTRAR, Client, name_of, needs, run

CLIENT = "GnuTLS"


@pytest.fixture(scope="module", name="certtool")
def fixture_certtool():
    program = needs("certtool", "gnutls-bin")

    def call(*arguments, check=True, octets=None):
        done = run(program, *arguments, check=check, octets=octets)
        return (done.stdout + done.stderr).decode(errors="replace")
    return call


@pytest.fixture(name="client")
def fixture_client(house, tmp_path, request):
    return house.give(Client(tmp_path, name_of(request, "gnutls")))


def test_chain(house, certtool, client, row):
    chain = client.certificate.read_bytes() + house.device_ca.read_bytes()
    said = certtool("--verify", "--verify-profile", "high", "--load-ca-certificate", house.root,
                    octets=chain)
    assert "Chain verification output: Verified." in said
    row("certtool --verify of a certificate's chain", "Verified")


def test_list(house, certtool, client, tmp_path, row):
    file = tmp_path / "list.crl"

    def fetch():
        house.ctl("crls", "export", "device-ca", file)
        return certtool("--crl-info", "--inder", "--infile", file)
    pem = fetch()
    (tmp_path / "list.pem").write_text(pem[pem.index("-----BEGIN"):])
    said = certtool("--verify-crl", "--load-ca-certificate", house.device_ca, "--infile",
                    tmp_path / "list.pem")
    assert "Verified." in said
    serial = house.serial_of(client).lstrip("0")
    house.revoke(client)
    house.wait_for(lambda: serial in fetch().lower(), "it is on the list")
    row("certtool --verify-crl, --crl-info", "Verified; a revoked serial number is on it")


def test_ocsp(house, client, row):
    program = needs("ocsptool", "gnutls-bin")

    def ask():
        done = run(program, f"--ask={house.public}/ocsp", "--load-cert", client.certificate,
                   "--load-issuer", house.device_ca, "--load-trust", house.issuer_chain(
                       client.folder), "--nonce")
        text = (done.stdout + done.stderr).decode()
        assert "Verifying OCSP Response: Success" in text, text
        return re.search(r"Certificate Status: (\w+)", text)[1]
    assert ask() == "good"
    house.revoke(client)
    assert ask() == "revoked"
    row("ocsptool --ask, with a nonce", "good; revoked once it was; response verified")


TEMPLATE = "cn = {name}\ndns_name = {name}\nsigning_key\n"


def by_hand(house, client, body, authorization):
    head = [f"POST /.well-known/est/routers/simpleenroll HTTP/1.1", f"Host: {REGISTRAR}",
            "Content-Type: application/pkcs10", f"Content-Length: {len(body)}",
            f"Authorization: {authorization}", "Connection: close"]
    done = run(needs("gnutls-cli", "gnutls-bin"), "--logfile", client.folder / "log",
               "--x509cafile", house.root, "--verify-hostname", REGISTRAR, "--sni-hostname",
               REGISTRAR, "--port", house.port, "127.0.0.1",
               octets="\r\n".join(head).encode() + b"\r\n\r\n" + body)
    return done.stdout.partition(b"\r\n\r\n")


def test_own_request(house, certtool, tmp_path, row):
    """A request made by certtool, over GnuTLS's client, its answer read by certtool."""
    client = Client(tmp_path, "gnutls-own.routers.example.com")
    template = tmp_path / "template"
    template.write_text(TEMPLATE.format(name=client.name))
    certtool("--generate-privkey", "--key-type", "ecdsa", "--curve", "secp256r1", "--outfile",
             client.key)
    certtool("--generate-request", "--load-privkey", client.key, "--template", template,
             "--outder", "--outfile", client.request)
    login = base64.b64encode(f"{house.user('routers')}:{PASSWORD}".encode()).decode()
    head, _, body = by_hand(house, client, base64.encodebytes(client.request.read_bytes()),
                            f"Basic {login}")
    assert b"HTTP/1.1 200" in head, head
    said = certtool("--p7-info", "--inder", "--outfile", client.certificate,
                    octets=base64.b64decode(body))
    text = client.certificate.read_text()
    begin = text.index("-----BEGIN CERTIFICATE")
    client.certificate.write_text(text[begin:])
    assert "Number of certificates: 1" in said + text
    house.must_verify(client)
    row("simpleenroll of certtool's request by gnutls-cli", "a certificate, read by certtool")

"""curl, with requests and keys made by openssl: what a shell script on any machine can do."""

import base64
from email import message_from_bytes

import pytest

from house import PASSWORD, REGISTRAR, Client, name_of, needs, run

CLIENT = "curl"


@pytest.fixture(scope="module", name="curl")
def fixture_curl(house):
    """Calls curl; status, header and body of its last answer."""
    program = needs("curl", "curl")

    def call(url, *options):
        done = run(program, "-sS", "-i", "--cacert", house.root, "--resolve",
                   f"{REGISTRAR}:{house.port}:127.0.0.1", *options, url)
        # Those before the last one are what curl got on its way to it.
        *_, head, body = done.stdout.split(b"\r\n\r\n", done.stdout.count(b"HTTP/1.1 "))
        return int(head.split()[1]), head.decode().lower(), body
    return call


@pytest.fixture(name="client")
def fixture_client(tmp_path, request):
    return Client(tmp_path, name_of(request, "curl")).make_request()


def post(client):
    body = client.folder / "request.b64"
    body.write_bytes(base64.encodebytes(client.request.read_bytes()))
    return "-H", "Content-Type: application/pkcs10", "--data-binary", f"@{body}"


def password(house, label="routers"):
    return "-u", f"{house.user(label)}:{PASSWORD}"


def with_certificate(client):
    return "--cert", client.certificate, "--key", client.key


def read_certificates(body, file):
    """A certs-only answer, read by openssl."""
    file.write_bytes(run("openssl", "pkcs7", "-inform", "DER", "-print_certs",
                         octets=base64.b64decode(body)).stdout)
    return file.read_bytes().count(b"BEGIN CERTIFICATE")


def enrolled(house, client, answer):
    status, head, body = answer
    assert status == 200, (head, body)
    assert "content-type: application/pkcs7-mime; smime-type=certs-only" in head
    assert read_certificates(body, client.certificate) == 1
    house.must_verify(client)
    return house.serial_of(client)


@pytest.fixture(name="enrol")
def fixture_enrol(house, curl, client):
    """Enrols the client with its password."""
    def enrol():
        return enrolled(house, client, curl(house.url("simpleenroll"), "--basic", *password(house),
                                            *post(client)))
    return enrol


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_cacerts(house, curl, tmp_path, row, version):
    status, head, body = curl(house.url("cacerts"), f"--tlsv{version}", "--tls-max", version)
    assert status == 200 and "content-type: application/pkcs7-mime" in head
    assert f"content-length: {len(body)}" in head
    assert read_certificates(body, tmp_path / "cas.pem") >= 3
    run("openssl", "verify", "-CAfile", tmp_path / "cas.pem", house.device_ca)
    row(f"cacerts over TLS {version}", "all CA certificates")


def test_csrattrs(house, curl, row):
    status, head, body = curl(house.url("csrattrs"))
    assert status == 200 and "content-type: application/csrattrs" in head
    said = run("openssl", "asn1parse", "-inform", "DER", octets=base64.b64decode(body)).stdout
    assert b"prime256v1" in said
    row("csrattrs", "read")


@pytest.mark.parametrize("scheme,says", [("--basic", "Basic"), ("--digest", "Digest, SHA-256")])
def test_password(house, curl, client, row, scheme, says):
    answer = curl(house.url("simpleenroll"), scheme, *password(house), *post(client))
    enrolled(house, client, answer)
    row(f"simpleenroll with a password ({says})", "a certificate")


def test_wrong_password(house, curl, client, row):
    for scheme in ("--basic", "--digest"):
        status, head, body = curl(house.url("simpleenroll"), scheme, "-u",
                                  f"{house.user('routers')}:wrong", *post(client))
        assert status == 401 and "www-authenticate: digest" in head, head
        assert body == b"authentication failed\n"
    row("simpleenroll with a wrong password", "401, and why in words")


def test_certificate_of_another_ca(house, curl, client, row):
    status, _, _ = curl(house.url("simpleenroll", "partners"), *post(client))
    assert status == 403
    answer = curl(house.url("simpleenroll", "partners"), *with_certificate(house.partner),
                  *post(client))
    enrolled(house, client, answer)
    row("simpleenroll with a certificate of a third party's CA", "a certificate")


def test_renewal(house, curl, client, enrol, row):
    first = enrol()
    answer = curl(house.url("simplereenroll"), *with_certificate(client), *post(client.ask_again()))
    assert enrolled(house, client, answer) != first
    row("simplereenroll with the same key", "a new certificate")


def test_new_key(house, curl, client, enrol, tmp_path, row):
    first = enrol()
    (tmp_path / "new").mkdir()
    new = Client(tmp_path / "new", client.name).make_request()
    answer = curl(house.url("simplereenroll"), *with_certificate(client), *post(new))
    assert enrolled(house, new, answer) != first
    row("simplereenroll with a new key", "a new certificate")


def test_renewal_of_what_is_revoked(house, curl, client, enrol, row):
    enrol()
    house.revoke(client, "superseded")
    status, _, _ = curl(house.url("simplereenroll"), *with_certificate(client), *post(client))
    assert status == 403
    row("simplereenroll with a revoked certificate", "403")


def test_approval(house, curl, client, row):
    def ask():
        return curl(house.url("simpleenroll", "held"), "--basic", *password(house, "held"),
                    *post(client))
    told = house.told_later()
    status, head, _ = ask()
    assert status == 202 and "retry-after: " in head
    house.approve_one(told)
    enrolled(house, client, ask())
    row("simpleenroll where an administrator decides", "202 and Retry-After, then a certificate")


def test_server_key(house, curl, client, row):
    _, head, body = curl(house.url("serverkeygen", "keys"), "--basic", *password(house, "keys"),
                         *post(client))
    assert "content-type: multipart/mixed; boundary=" in head
    field = next(line for line in head.split("\r\n") if line.startswith("content-type"))
    key, certificate = message_from_bytes(field.encode() + b"\r\n\r\n" + body).get_payload()
    assert key.get_content_type() == "application/pkcs8"
    client.key.write_bytes(run("openssl", "pkey", "-inform", "DER",
                               octets=base64.b64decode(key.get_payload())).stdout)
    assert read_certificates(certificate.get_payload(), client.certificate) == 1
    house.must_verify(client)
    row("serverkeygen with a password, where the label gives plain keys", "a key and its certificate")


def test_status(house, curl, client, enrol, tmp_path, row):
    """What the certificate says about where its status is found leads there."""
    enrol()
    house.revoke(client)
    text = run("openssl", "x509", "-in", client.certificate, "-noout", "-ext",
               "crlDistributionPoints").stdout.decode()
    url, = [word.removeprefix("URI:") for word in text.split() if word.startswith("URI:")]

    def is_listed():
        status, head, body = curl(url)
        assert status == 200 and "content-type: application/pkix-crl" in head
        said = run("openssl", "crl", "-inform", "DER", "-noout", "-text", octets=body).stdout
        return house.serial_of(client).lstrip("0") in said.decode().lower()
    house.wait_for(is_listed, "the certificate is on the list")
    row("the revocation list from where the certificate says", "found, and up to date")

    query = tmp_path / "ocsp.req"
    run("openssl", "ocsp", "-issuer", house.device_ca, "-cert", client.certificate, "-no_nonce",
        "-reqout", query)
    octets = base64.b64encode(query.read_bytes()).decode()
    status, head, body = curl(f"{house.public}/ocsp/" + octets.replace("+", "%2B"))
    assert status == 200 and "max-age=" in head
    (tmp_path / "ocsp.resp").write_bytes(body)
    said = run("openssl", "ocsp", "-issuer", house.device_ca, "-cert", client.certificate,
               "-respin", tmp_path / "ocsp.resp", "-CAfile", house.root, "-verify_other",
               house.device_ca).stdout.decode()
    assert ": revoked" in said and "keyCompromise" in said
    row("OCSP by GET, the request made by openssl", "revoked, keyCompromise")

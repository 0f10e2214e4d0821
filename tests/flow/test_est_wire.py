"""EST on the wire: methods, media types, base64, TLS; each answer says how long it is."""

import base64
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pledge import EST, certificates_in, in_armour, in_lines, on_one_line, openssl
from wire import HOST, Wire, header

PASSWORD = "correct horse battery staple"
LABEL = "wired"
USER = "wired"
DOMAIN = "wired.example.com"
LOGIN = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@pytest.fixture(scope="module", name="est")
def fixture_est(make_scene, tmp_path_factory):
    """A stage with a label for whoever has the password, and one that ties requests to TLS."""
    scene = make_scene(masa=None, introduce=False)
    password = tmp_path_factory.mktemp("secret") / "password"
    password.touch(mode=0o600)
    password.write_text(PASSWORD + "\n")
    for label, binding in ((LABEL, "optional"), ("tied", "required")):
        scene.ctl("labels", "add", label, "--authenticate", "password", "--domain", DOMAIN,
                  "--channel-binding", binding)
    for user, label in ((USER, LABEL), ("tied", "tied")):
        scene.ctl("secrets", "add", user, "--label", label, "--password-file", password,
                  "--unlimited")
    return scene


def make_csr(name, challenge=None):
    name = f"{name}.{DOMAIN}"
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
    if challenge is not None:
        builder = builder.add_attribute(x509.oid.AttributeOID.CHALLENGE_PASSWORD, challenge)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(
        serialization.Encoding.DER)


def ask(est, method, path, body=None, **fields):
    with Wire(est.port) as wire:
        return wire.request(method, path, body, **fields)


def enrol(est, body, **fields):
    return ask(est, "POST", f"{EST}{LABEL}/simpleenroll", body,
               **{"content_type": "application/pkcs10", "authorization": LOGIN, **fields})


def issued(est, name):
    return est.ctl_json("certificates", "list", "--name", f"{name}.{DOMAIN}")


# Which requests there are.

GET = "GET, HEAD"
REQUESTS = {
    # what is asked: (method, path below /.well-known/est/, status, Allow)
    "cacerts posted": ("POST", "cacerts", 405, GET),
    "cacerts put, under a label": ("PUT", f"{LABEL}/cacerts", 405, GET),
    "csrattrs deleted": ("DELETE", "csrattrs", 405, GET),
    "simpleenroll got": ("GET", "simpleenroll", 405, "POST"),
    "simpleenroll headed": ("HEAD", f"{LABEL}/simpleenroll", 405, "POST"),
    "simplereenroll got": ("GET", f"{LABEL}/simplereenroll", 405, "POST"),
    "no operation": ("GET", "", 404, None),
    "an operation that is none": ("GET", "cacert", 404, None),
    "an operation in capitals": ("GET", "CACERTS", 404, None),
    "a label without operation": ("GET", LABEL, 404, None),
    "a label that is none": ("GET", "nowhere/cacerts", 404, None),
    "an operation as a label": ("GET", "cacerts/cacerts", 404, None),
    "two labels": ("GET", f"{LABEL}/{LABEL}/cacerts", 404, None),
    "a slash behind it": ("GET", "cacerts/", 404, None),
}


@pytest.mark.parametrize("method,path,status,allow", REQUESTS.values(), ids=REQUESTS)
def test_what_there_is_not_is_refused(est, method, path, status, allow):
    with Wire(est.port) as wire:
        wire.send(header(method, EST + path, {"Host": HOST, "Content-Length": 0,
                                              "Connection": "close"}))
        octets = b""
        while more := wire.socket.recv(65536):
            octets += more
    head, _, body = octets.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert f" {status} " in lines[0]
    assert "content-type: text/plain; charset=utf-8" in lines
    assert any(line.startswith("content-length: ") for line in lines)
    assert not any(line.startswith("transfer-encoding") for line in lines)
    assert (body == b"") == (method == "HEAD")
    if allow is not None:
        assert f"allow: {allow.lower()}" in lines


@pytest.mark.parametrize("operation", ["cacerts", f"{LABEL}/cacerts", f"{LABEL}/csrattrs"])
def test_head_says_what_get_would(est, operation):
    got = ask(est, "GET", EST + operation)
    with Wire(est.port) as wire:
        wire.send(header("HEAD", EST + operation, {"Host": HOST}))
        head = wire._more()  # the whole answer: there is no body
    assert got.status == 200 and head.endswith(b"\r\n\r\n")
    assert f"content-length: {len(got.body)}" in head.decode().lower()


# Media types.

ACCEPTED = ["*/*", "application/pkcs7-mime", "application/*;q=0.1",
            "application/pkcs7-mime; smime-type=certs-only", "APPLICATION/PKCS7-MIME", None]


@pytest.mark.parametrize("accept", ACCEPTED)
def test_who_accepts_it_is_answered(est, accept):
    assert ask(est, "GET", EST + "cacerts", accept=accept).status == 200


@pytest.mark.parametrize("accept", ["text/html", "application/pkcs7-mime;q=0", "application/json"])
def test_who_does_not_accept_the_answer_gets_none(est, accept):
    assert ask(est, "GET", EST + "cacerts", accept=accept).status == 406
    assert ask(est, "GET", f"{EST}{LABEL}/csrattrs", accept=accept).status == 406
    answer = enrol(est, in_lines(make_csr("unwanted")), accept=accept)
    assert (answer.status, answer.body) == (406, b"nothing acceptable\n")
    assert not issued(est, "unwanted")


def test_media_type_is_compared_without_case_and_parameters(est):
    for at, media_type in enumerate(("Application/PKCS10", "application/pkcs10; charset=utf-8",
                                     " application/pkcs10 ;x=\"a;b\"")):
        answer = enrol(est, in_lines(make_csr(f"type-{at}")), content_type=media_type)
        assert answer.status == 200, media_type


@pytest.mark.parametrize("media_type", ["application/pkcs7-mime", "application/pkcs10x",
                                        "application/octet-stream", None])
def test_other_media_types_are_refused(est, media_type):
    answer = enrol(est, in_lines(make_csr("typeless")), content_type=media_type)
    assert answer.status == 415 and answer.media_type == "text/plain"
    assert not issued(est, "typeless")


# Base64 (RFC 8951 3).

def with_crlf(octets):
    return in_lines(octets).replace(b"\n", b"\r\n")


def with_blanks(octets):
    return b" \t\r\n" + b" \t".join(bytes([c]) for c in on_one_line(octets)) + b"\r\n\r\n"


@pytest.mark.parametrize("encode", [in_lines, with_crlf, on_one_line, with_blanks, in_armour])
def test_base64_is_read_in_every_manner(est, encode):
    name = encode.__name__.replace("_", "-")
    answer = enrol(est, encode(make_csr(name)), content_transfer_encoding="8bit")
    assert answer.status == 200
    assert answer.headers["content-length"] == str(len(answer.body))
    certificate, = certificates_in(answer.body)
    assert certificate.subject.rfc4514_string() == f"CN={name}.{DOMAIN}"


@pytest.mark.parametrize("line", [0, 64, 76])
def test_answers_are_in_lines_of_the_labels_length(est, line):
    est.ctl("labels", "set", LABEL, "--line-length", line)
    for body in (ask(est, "GET", f"{EST}{LABEL}/cacerts").body,
                 enrol(est, in_lines(make_csr(f"line-{line}"))).body):
        lines = body.split(b"\r\n")
        if line == 0:
            assert len(lines) == 1 and b"\n" not in body
        else:
            assert {len(one) for one in lines[:-2]} == {line} and lines[-1] == b""


# TLS.


def test_tls_1_2_is_served_with_authenticated_encryption_alone(est):
    with Wire(est.port, tls="1.2") as wire:
        assert wire.request("GET", EST + "cacerts").status == 200
    for ciphers in ("aNULL:eNULL", "AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "NULL-SHA256"):
        refused = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{est.port}", "-tls1_2", "-cipher",
             f"{ciphers}:@SECLEVEL=0"], capture_output=True, stdin=subprocess.DEVNULL, timeout=30,
            check=False)
        assert refused.returncode and b"Cipher is (NONE)" in refused.stdout, ciphers


def test_plain_http_is_not_spoken(est):
    done = subprocess.run(["curl", "-sS", f"http://127.0.0.1:{est.port}{EST}cacerts"],
                          capture_output=True, timeout=30, check=False)
    assert done.returncode != 0 and done.stdout == b""


# Linking a request to its connection in TLS 1.3 (RFC 9266): openssl tells what the exporter gives.


class Exporter:
    """openssl's s_client, which prints the connection's exported keying material."""

    def __init__(self, est):
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{est.port}", "-tls1_3", "-ign_eof",
             "-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def material(self):
        for line in self.process.stdout:
            if b"Keying material: " in line:
                return bytes.fromhex(line.split()[2].decode())
        raise AssertionError("openssl has not told the keying material")

    def post(self, path, body, **fields):
        """The status."""
        self.process.stdin.write(header("POST", path, {
            "Host": HOST, "Content-Length": len(body), "Connection": "close", **fields}) + body)
        self.process.stdin.flush()
        line = next(line for line in self.process.stdout if line.startswith(b"HTTP/1.1 "))
        return int(line.split()[1])


@pytest.mark.parametrize("label,what,status", [
    ("tied", "this", 200), ("tied", "another", 400), ("tied", "none", 400),
    (LABEL, "this", 200), (LABEL, "another", 400)])
def test_request_is_tied_to_its_tls_1_3_connection(est, label, what, status):
    user = "tied" if label == "tied" else USER
    login = "Basic " + base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
    with Exporter(est) as exporter:
        material = exporter.material()
        challenge = {"this": base64.b64encode(material), "another": base64.b64encode(material[::-1]),
                     "none": None}[what]
        csr = make_csr(f"{label}-{what}", challenge)
        assert exporter.post(f"{EST}{label}/simpleenroll", in_lines(csr), **{
            "Content-Type": "application/pkcs10", "Authorization": login}) == status
    assert len(issued(est, f"{label}-{what}")) == (status == 200)


def test_attributes_ask_for_what_the_label_requires(est):
    def asked(label):
        body = ask(est, "GET", f"{EST}{label}/csrattrs").body
        return openssl("asn1parse", "-inform", "DER", octets=base64.b64decode(body))
    assert b"challengePassword" in asked("tied")
    assert b"challengePassword" not in asked(LABEL)

"""
Voucher requests that must not get a voucher.  Each row says what comes and which status it must
get; the administrator must find it, with a hint, in the device's timeline or among the strangers;
nothing may be issued, and the MASA is never asked.
"""

import json
import sys

import pytest
from cryptography import x509

from fakes import make_identity
from pledge import BRSKI, VOUCHER_TYPE, Pledge, binary, certificate_in, openssl, sign_cms
from stage import MASA, free_port
from wire import HOST, Wire, header

CERT_FILES = ("ca.pem", "ca.key")


def altered(octets, at):
    """One bit is another."""
    changed = bytearray(octets)
    changed[at] ^= 1
    return bytes(changed)


def request_saying(pledge, content, **options):
    """Signed by the device itself, whatever it says."""
    return sign_cms(content, pledge.identity, **options)


def somebody_elses(scene):
    """The key of another device of the same maker."""
    return scene.identity(scene.device())


def with_my_serial(scene, pledge):
    """A second IDevID for the same serial number: other key."""
    issuer = tuple(scene.maker / name for name in CERT_FILES)
    return make_identity(pledge.scratch / "second", pledge.serial, issuer)


def certs_only(pledge):
    return openssl("crl2pkcs7", "-nocrl", "-certfile", pledge.identity[0], "-outform", "DER")


def json_request(**members):
    return json.dumps({"ietf-voucher-request:voucher": members}).encode()


REQUESTS = {
    # what comes: (how it is made, status, problem in the timeline)
    "serial number of another device":
        (lambda s, p: p.voucher_request(serial_number="PHONE-X"), 403, "serial-mismatch"),
    "no serial number":
        (lambda s, p: p.voucher_request(serial_number=None), 403, "missing-serial-number"),
    "certificate of somebody in between":
        (lambda s, p: p.voucher_request(
            proximity_registrar_cert=certificate_in(s.maker / "masa-tls.pem")), 401, "proximity"),
    "proximity-registrar-cert that is no certificate":
        (lambda s, p: p.voucher_request(proximity_registrar_cert=binary(b"\0" * 40)), 401,
         "proximity"),
    "public key of somebody in between":
        (lambda s, p: p.voucher_request(proximity_registrar_pubk_sha256=binary(b"\0" * 32)), 401,
         "proximity"),
    "no word about the registrar":
        (lambda s, p: p.voucher_request(proximity_registrar_cert=None), 401, "proximity"),
    "assertion logged": (lambda s, p: p.voucher_request(assertion="logged"), 401, "proximity"),
    "no assertion":
        (lambda s, p: p.voucher_request(assertion=None), 401, "missing-assertion"),
    "altered signature": (lambda s, p: altered(p.voucher_request(), -1), 403, "request-signature"),
    "altered content":
        (lambda s, p: p.voucher_request(colour="green").replace(b"green", b"grown"), 403,
         "request-signature"),
    "signed by another device":
        (lambda s, p: p.voucher_request(signer=somebody_elses(s)), 403, "request-signer"),
    "signed with another key for the same serial number":
        (lambda s, p: p.voucher_request(signer=with_my_serial(s, p)), 403, "request-signer"),
    "no nonce": (lambda s, p: p.voucher_request(nonce=None), 400, "nonce-missing"),
    "nonce of one octet": (lambda s, p: p.voucher_request(nonce="AA=="), 400, "nonce-missing"),
    "nonce of 4000 octets":
        (lambda s, p: p.voucher_request(nonce=binary(b"x" * 4000)), 400, "nonce-missing"),
    "nonce that is a number":
        (lambda s, p: p.voucher_request(nonce=7), 400, "voucher-malformed"),
    "created-on that is no time":
        (lambda s, p: p.voucher_request(created_on="yesterday"), 400, "voucher-malformed"),
    "nothing at all": (lambda s, p: b"", 400, "empty-first-request"),
    "text": (lambda s, p: b"Hello.\n", 400, "cms-malformed"),
    "base64 of a request":
        (lambda s, p: binary(p.voucher_request()).encode(), 400, "request-base64"),
    "half a request":
        (lambda s, p: p.voucher_request()[:400], 400, "cms-malformed"),
    "request and something behind it":
        (lambda s, p: p.voucher_request() + b"\0", 400, "cms-malformed"),
    "certificates and no signature": (lambda s, p: certs_only(p), 400, "cms-malformed"),
    "other content type":
        (lambda s, p: p.voucher_request(how={"content_type": "1.2.840.113549.1.9.16.1.4"}), 400,
         "voucher-malformed"),
    "no JSON": (lambda s, p: request_saying(p, b"<voucher/>"), 400, "voucher-malformed"),
    "JSON of nothing": (lambda s, p: request_saying(p, b"{}"), 400, "voucher-malformed"),
    "JSON with a member twice":
        (lambda s, p: request_saying(
            p, json_request(nonce="QUFBQUFBQUE=").replace(b'"nonce"', b'"nonce": "B", "nonce"')),
         400, "voucher-malformed"),
    "JSON with two members at the top":
        (lambda s, p: request_saying(p, json_request(nonce="x")[:-1] + b', "more": 1}'), 400,
         "voucher-malformed"),
    "JSON that is nested deeply":
        (lambda s, p: request_saying(p, b"[" * 5000), 400, "voucher-malformed"),
    "voucher instead of a request":
        (lambda s, p: p.voucher_request(container="ietf-voucher:voucher"), 400,
         "request-container"),
}


def check_refused(scene, serial, problem):
    scene.trouble(serial, problem)
    assert scene.nothing_issued(serial)
    assert scene.asked(serial) == []


@pytest.mark.parametrize("make,status,problem", REQUESTS.values(), ids=REQUESTS)
def test_request_is_refused(scene, make, status, problem):
    pledge = scene.independent()
    octets = make(scene, pledge)
    wire = pledge.connect()
    answer = pledge.post_request(octets)
    assert answer.status == status
    assert answer.media_type == "text/plain" and len(answer.body) < 100
    check_refused(scene, pledge.serial, problem)
    # RFC 8995 5.2: only the failed proximity check ends the connection
    assert (pledge.wire is None) == (status == 401)
    if status == 401:
        assert wire.socket.fileno() < 0 or wire.is_closed()


FIELDS = {
    # what the header says: (its fields, status, problem in the timeline)
    "a form nobody here reads": ({"content_type": "application/voucher+xml"}, 415, "media-type"),
    "another media type": ({"content_type": "application/json"}, 415, "media-type"),
    "a media type that only begins like ours":
        ({"content_type": VOUCHER_TYPE + "x"}, 415, "media-type"),
    "no media type": ({"content_type": None}, 415, "media-type"),
    "compressed": ({"content_encoding": "gzip"}, 415, "media-type"),
    "an answer that nobody can give": ({"accept": "application/voucher+xml"}, 406,
                                       "not-acceptable"),
    "an answer that is not wanted": ({"accept": f"{VOUCHER_TYPE};q=0"}, 406, "not-acceptable"),
}


@pytest.mark.parametrize("fields,status,problem", FIELDS.values(), ids=FIELDS)
def test_header_is_refused(scene, fields, status, problem):
    pledge = scene.independent()
    assert pledge.post_request(pledge.voucher_request(), **fields).status == status
    check_refused(scene, pledge.serial, problem)


def test_request_that_is_too_large_is_refused(scene):
    pledge = scene.independent()
    request = pledge.voucher_request(colour="g" * 70000)
    assert pledge.post_request(request).status == 413
    check_refused(scene, pledge.serial, "too-large")


def test_announced_size_is_believed_when_it_is_too_large(scene):
    """Without waiting for what is announced."""
    pledge = scene.independent()
    pledge.connect().send(header("POST", BRSKI + "requestvoucher", {
        "Host": HOST, "Content-Type": VOUCHER_TYPE, "Content-Length": 1 << 40}))
    assert pledge.wire.receive().status == 413
    check_refused(scene, pledge.serial, "too-large")


def in_chunks(pledge, count):
    """A request without end, as far as it goes; the answer, None when the connection was closed."""
    wire = pledge.connect()
    wire.send(header("POST", BRSKI + "requestvoucher", {
        "Host": HOST, "Content-Type": VOUCHER_TYPE, "Transfer-Encoding": "chunked"}))
    try:
        for _ in range(count):
            wire.send(b"8000\r\n" + bytes(0x8000) + b"\r\n")
        wire.send(b"0\r\n\r\n")
        return wire.receive()
    except OSError:
        pledge.hang_up()
        return None


def test_chunks_that_become_too_large_are_refused(scene):
    pledge = scene.independent()
    assert in_chunks(pledge, 8).status == 413
    check_refused(scene, pledge.serial, "too-large")


def test_endless_chunks_end_with_the_connection(scene):
    pledge = scene.independent()
    assert in_chunks(pledge, 4000) is None
    check_refused(scene, pledge.serial, "too-large")
    assert pledge.post_request(pledge.voucher_request()).status == 200


def test_body_that_breaks_off_leaves_nothing(scene):
    pledge = scene.independent()
    request = pledge.voucher_request()
    wire = pledge.connect()
    wire.send(header("POST", BRSKI + "requestvoucher", {
        "Host": HOST, "Content-Type": VOUCHER_TYPE, "Content-Length": len(request)}))
    wire.send(request[:-10])
    wire.finish_sending()
    try:
        assert wire.receive().status == 400
    except OSError:
        pass
    pledge.hang_up()
    check_refused(scene, pledge.serial, "request-incomplete")
    assert pledge.post_request(request).status == 200


@pytest.mark.parametrize("method,path,status", [
    ("GET", BRSKI + "requestvoucher", 405),
    ("PUT", BRSKI + "requestvoucher", 405),
    ("DELETE", BRSKI + "voucher_status", 405),
    ("POST", "/.well-known/est/cacerts", 405),
    ("POST", BRSKI + "requestvoucher/", 404),
    ("POST", BRSKI + "requestVoucher", 404),
    ("POST", "/.well-known/brski//requestvoucher", 404),
    ("POST", BRSKI + "../brski/requestvoucher", 404),
    ("POST", BRSKI + "requestauditlog", 404),
    ("POST", "/.well-known/est/simplereenrol", 404),
    ("GET", "/v1/status", 404),
    ("GET", "/", 404),
])
def test_wrong_door(scene, method, path, status):
    pledge = scene.independent()
    answer = pledge.ask(method, path, pledge.voucher_request() if method != "GET" else None,
                        content_type=VOUCHER_TYPE if method != "GET" else None)
    assert answer.status == status
    assert (answer.headers.get("allow") is not None) == (status == 405)
    assert scene.nothing_issued(pledge.serial)
    assert scene.asked(pledge.serial) == []


# Old requests.


def test_nonce_in_another_request_is_refused(scene):
    pledge = scene.independent()
    first = pledge.voucher_request()
    nonce = pledge.nonce
    assert pledge.post_request(first).status == 200
    assert pledge.post_request(pledge.voucher_request(nonce=nonce)).status == 403
    scene.trouble(pledge.serial, "nonce-reused")
    assert len(scene.asked(pledge.serial)) == 1
    assert pledge.post_request(first).status == 200  # the first one is still good


def test_old_request_after_a_newer_one_is_refused(scene):
    pledge = scene.independent()
    old = pledge.voucher_request()
    assert pledge.post_request(old).status == 200
    assert pledge.post_request(pledge.voucher_request()).status == 200
    assert pledge.post_request(old).status == 403
    scene.trouble(pledge.serial, "request-stale")
    assert len(scene.asked(pledge.serial)) == 2


# Who calls.


@pytest.fixture(scope="module", name="strange")
def fixture_strange(scene):
    """A factory that nobody here knows; its folder."""
    folder = scene.folder / "strange"
    scene.run("gatehouse-maker", "init", folder, "--name", "Strange",
              "--masa", "masa.strange.example", "--cloud", "cloud.strange.example")
    return folder


def strange_device(scene, strange):
    serial = scene.serial("STRANGE")
    scene.run("gatehouse-maker", "pledge", strange, "--serial", serial)
    folder = strange / "pledges" / serial
    return folder / "idevid.pem", folder / "idevid.key"


def forged(scene, strange):
    """Says that it is of our maker's CA, which never saw it."""
    ca = scene.folder / "forged" / "ca.pem"
    ca.parent.mkdir(exist_ok=True)
    ca.write_bytes((scene.maker / "ca.pem").read_bytes())
    return make_identity(scene.folder / "forged", scene.serial("FORGED"), (ca, strange / "ca.key"))


def made_by_our_maker(scene, name, serial, **options):
    issuer = tuple(scene.maker / file for file in CERT_FILES)
    return make_identity(scene.folder / name, serial, issuer, **options)


STRANGERS = {
    # who calls: (IDevID, problem among the strangers)
    "nobody": (lambda s, o: None, "no-client-certificate"),
    "device of an unknown maker": (strange_device, "unknown-manufacturer"),
    "device that signed its own certificate":
        (lambda s, o: make_identity(s.folder / "self", s.serial("SELF")), "unknown-manufacturer"),
    "device with a forged issuer": (forged, "unknown-manufacturer"),
    "device without serialNumber":
        (lambda s, o: made_by_our_maker(s, "none", None), "idevid-without-serial-number"),
    "device whose IDevID has expired":
        (lambda s, o: made_by_our_maker(s, "expired", s.serial("OLD"), expired=True),
         "idevid-expired"),
}


@pytest.fixture(scope="module", name="quiet")
def fixture_quiet(make_scene):
    """A stage where nothing goes on but what a test does."""
    return make_scene()


@pytest.mark.parametrize("find,problem", STRANGERS.values(), ids=STRANGERS)
def test_stranger_is_turned_away(quiet, strange, find, problem):
    identity = find(quiet, strange)
    victim = quiet.independent()
    asked = len(quiet.requests_seen())
    with Wire(quiet.port, identity) as wire:
        request = victim.voucher_request(
            signer=identity, proximity_registrar_cert=binary(wire.server_certificate))
        before = quiet.status()["store"]["updates"]
        for path, octets, media_type in (("requestvoucher", request, VOUCHER_TYPE),
                                         ("voucher_status", b'{"version":1,"status":true}',
                                          "application/json")):
            answer = wire.request("POST", BRSKI + path, octets, content_type=media_type)
            assert answer.status == 404
            assert answer.body == b"not known here\n"
    stranger = quiet.strangers()[0]
    assert stranger["problem"] == problem
    assert stranger["detail"] and stranger["hint"]
    assert stranger["times"] >= 2
    if identity is not None:
        subject = x509.load_pem_x509_certificate(identity[0].read_bytes()).subject
        assert subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value in (
            stranger["subject"])
    assert quiet.status()["store"]["updates"] == before
    assert len(quiet.requests_seen()) == asked


def test_ldevid_is_no_idevid(scene):
    pledge = scene.independent().go_on()
    identity = pledge.own_identity()
    with Wire(scene.port, identity) as wire:
        request = pledge.voucher_request(
            signer=identity, proximity_registrar_cert=binary(wire.server_certificate))
        answer = wire.request("POST", BRSKI + "requestvoucher", request, content_type=VOUCHER_TYPE)
    assert answer.status == 404
    scene.trouble(pledge.serial, "unknown-manufacturer")
    assert len(scene.asked(pledge.serial)) == 1


def test_idevid_without_masa_url_is_refused_until_somebody_says_where(scene):
    pledge = scene.independent(scene.device("--no-masa-url"))
    assert pledge.post_request(pledge.voucher_request()).status == 403
    check_refused(scene, pledge.serial, "masa-url")


def test_device_on_nobodys_list_waits_until_it_is_added(scene):
    pledge = scene.independent(scene.device(expected=False))
    request = pledge.voucher_request()
    assert pledge.post_request(request).status == 404
    check_refused(scene, pledge.serial, "device-unexpected")
    assert scene.shown(pledge.serial)["device"]["admission"] == "unexpected"
    scene.expect([pledge.serial])
    assert pledge.post_request(request).status == 200
    assert scene.shown(pledge.serial)["device"]["admission"] == "admitted"


def test_device_on_nobodys_list_gets_nothing_of_est(scene):
    pledge = scene.independent(scene.device(expected=False))
    assert pledge.ask("GET", "/.well-known/est/csrattrs").status == 403
    check_refused(scene, pledge.serial, "no-open-onboarding")


def test_second_device_with_the_same_serial_number_is_refused(scene):
    first = scene.independent().go_on("voucher")
    folder = first.scratch / "twin"
    make_identity(folder, first.serial, tuple(scene.maker / name for name in CERT_FILES),
                  masa=f"{MASA}:{scene.masa_port}")
    twin = Pledge(scene.port, folder, first.masa_anchors, folder)
    assert twin.post_request(twin.voucher_request()).status == 404
    scene.trouble(first.serial, "device-with-another-key")
    assert len(scene.asked(first.serial)) == 1
    assert first.go_on().done


# Somebody in between.


@pytest.fixture(scope="module", name="start_proxy")
def fixture_start_proxy(scene, strange):
    """Starts a machine in the middle, with or without an IDevID of its own; its port."""
    def start(*identity):
        port = free_port()
        name = f"proxy-{port}"
        scene.start(name, sys.executable, "-B", __file__.replace("test_bad_input",
                                                                 "intercepting_proxy"),
                    port, scene.port, strange / "masa-tls.pem", strange / "masa-tls.key",
                    *identity, says="listening")
        return port
    return start


def reference_pledge(scene, serial, port):
    return scene.run("gatehouse-pledge", "--identity", scene.maker / "pledges" / serial,
                     "--registrar", f"https://{HOST}:{port}", "--masa-anchors",
                     scene.maker / "masa-anchors.pem", "--resolve", f"{HOST}:{port}:127.0.0.1",
                     check=False)


def test_pledge_behind_an_intercepting_proxy_gets_no_voucher(scene, start_proxy):
    serial = scene.device()
    run = reference_pledge(scene, serial, start_proxy())
    assert run.returncode == 5 and "404" in run.stdout
    assert scene.strangers()[0]["problem"] == "no-client-certificate"
    assert scene.nothing_issued(serial)
    assert scene.asked(serial) == []


def test_proxy_with_a_device_of_its_own_gets_no_voucher_for_another(scene, start_proxy):
    serial, own = scene.device(), scene.device()
    run = reference_pledge(scene, serial, start_proxy(*scene.identity(own)))
    assert run.returncode == 5 and "403" in run.stdout
    scene.trouble(own, "request-signer")
    for device in (serial, own):
        assert scene.nothing_issued(device)
        assert scene.asked(device) == []


def test_pledge_that_saw_a_proxys_certificate_is_told_401(scene, start_proxy):
    """The request was made behind the proxy, and comes to us with the pledge's own TLS."""
    pledge = scene.independent()
    with Wire(start_proxy()) as wire:
        request = pledge.voucher_request(proximity_registrar_cert=binary(wire.server_certificate))
    answer = pledge.post_request(request)
    assert answer.status == 401
    assert answer.headers["connection"] == "close"
    check_refused(scene, pledge.serial, "proximity")

"""
Departures from the RFCs.  Each is refused unless the manufacturer's record allows it by name: the
pledge learns the right status, the administrator which name it is.  Where it is allowed the same
request works at once, and the timeline and the onboarding name what was needed.
"""

import base64
import json
import re
import subprocess
from datetime import timedelta

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from fakes import (LOG_TYPE, MASA_URL_OLD, FakeMasa, Maker, audit_log, bare, log_reply,
                   make_identity, reply)
from forms import CMS, JWS, VOUCHER, members_of
from pledge import BRSKI, VOUCHER_TYPE, Pledge, verify_cms
from scene import until
from stage import MASA

OLD_TYPE = "application/voucher+cms"
OLD_REQUEST_TYPE = "application/pkcs7-mime; smime-type=voucher-request"


@pytest.fixture(scope="module", name="told")
def fixture_told(make_scene):
    """A stage whose MASA is a fake that says what it is told."""
    scene = with_fake(make_scene)
    yield scene
    scene.fake.close()


def with_fake(make_scene):
    scene = make_scene(masa=None)
    scene.fake = FakeMasa(scene.masa_port, (scene.maker / "masa-tls.pem",
                                            scene.maker / "masa-tls.key"))
    scene.signing = Maker(scene.maker)
    return scene


@pytest.fixture(name="allow")
def fixture_allow(told):
    """Allows something; it is forbidden again at the end of the test."""
    allowed = []

    def allow(*names):
        told.ctl("manufacturers", "allow", "maker", *names)
        allowed.extend(names)

    yield allow
    if allowed:
        told.ctl("manufacturers", "disallow", "maker", *allowed)


def check_off(told, serial, problem, name):
    """Refused, and the administrator is told what could be allowed."""
    assert f"allow NAME {name}" in told.trouble(serial, problem)["hint"]
    assert told.nothing_issued(serial)


def check_on(told, serial, *names):
    """What was needed is named, once each."""
    used = [event["detail"] for event in told.events(serial, "allowance-used")]
    assert sorted(detail.split(":")[0] for detail in used) == sorted(names)
    assert sorted(told.episode(serial)["allowances"]) == sorted(names)


# The pledge's request.


def plain(pledge, **changes):
    """A request that departs in its content."""
    return pledge.voucher_request(**changes), {}


def in_base64(pledge):
    return base64.encodebytes(pledge.voucher_request()), {}


def in_pem(pledge):
    return (b"-----BEGIN CMS-----\n" + base64.encodebytes(pledge.voucher_request())
            + b"-----END CMS-----\n"), {}


def by_another_name(pledge):
    return pledge.voucher_request(), {"content_type": OLD_REQUEST_TYPE}


def wanting_another_name(pledge):
    return pledge.voucher_request(), {"accept": OLD_TYPE}


REQUESTS = {
    # how the request departs: (it, status, name of the allowance)
    "no assertion": (lambda p: plain(p, assertion=None), 401, "missing-assertion"),
    "no serial number": (lambda p: plain(p, serial_number=None), 403, "missing-serial-number"),
    "base64": (in_base64, 400, "request-base64"),
    "PEM": (in_pem, 400, "request-base64"),
    "container of a voucher":
        (lambda p: plain(p, container="ietf-voucher:voucher"), 400, "request-container"),
    "prior request as an object":
        (lambda p: plain(p, prior_signed_voucher_request={"payload": "e30"}), 400,
         "prior-request-object"),
    "date without time":
        (lambda p: plain(p, created_on="2026-01-31"), 400, "created-on-date"),
    "media type of old": (by_another_name, 415, "voucher-media-type-alias"),
    "media type of old in Accept": (wanting_another_name, 415, "voucher-media-type-alias"),
}


@pytest.mark.parametrize("make,status,name", REQUESTS.values(), ids=REQUESTS)
def test_request_that_departs(told, allow, make, status, name):
    pledge = told.independent()
    told.fake.says(pledge.serial, "requestvoucher", told.signing.voucher_reply())
    octets, fields = make(pledge)
    nonce = pledge.nonce
    assert pledge.post_request(octets, **fields).status == status
    check_off(told, pledge.serial, name, name)
    assert told.fake.asked(pledge.serial) == []
    # Another allowance does not help; this one does, for a request that is made anew if the
    # connection was lost with the first.
    allow("masa-text-plain")
    assert pledge.post_request(octets, **fields).status == status
    allow(name)
    answer = pledge.patiently(lambda: pledge.post_request(octets, **fields))
    assert answer.status == 200, answer
    check_voucher_in(told, answer, fields, octets, nonce)
    check_on(told, pledge.serial, name)
    # The very same request again is no news.
    assert pledge.post_request(octets, **fields).status == 200
    check_on(told, pledge.serial, name)


def check_voucher_in(told, answer, fields, octets, nonce):
    """The voucher is named and wrapped as the request was."""
    body = answer.body
    if octets.startswith(b"-----BEGIN CMS-----"):
        assert body.startswith(b"-----BEGIN CMS-----\n") and body.endswith(b"-----END CMS-----\n")
        body = base64.b64decode(body[20:-18])
    elif not octets.startswith(b"0"):
        body = base64.b64decode(body, validate=True)
    assert answer.media_type == (OLD_TYPE if fields.get("accept") == OLD_TYPE else VOUCHER_TYPE)
    voucher = json.loads(verify_cms(body, told.maker / "masa-anchors.pem"))["ietf-voucher:voucher"]
    assert voucher["nonce"] == nonce


def test_certificate_that_the_pledge_saw_is_never_waived(told, allow):
    allow("missing-assertion")
    pledge = told.independent()
    somebody = (told.maker / "masa-tls.pem").read_bytes()
    der = x509.load_pem_x509_certificate(somebody).public_bytes(serialization.Encoding.DER)
    for seen in (base64.b64encode(der).decode(), None):
        request = pledge.voucher_request(assertion=None, proximity_registrar_cert=seen)
        assert pledge.post_request(request).status == 401
    told.trouble(pledge.serial, "proximity")
    assert told.nothing_issued(pledge.serial)
    assert told.fake.asked(pledge.serial) == []


def test_another_assertion_is_no_missing_one(told, allow):
    allow("missing-assertion")
    pledge = told.independent()
    assert pledge.post_request(pledge.voucher_request(assertion="logged")).status == 401
    told.trouble(pledge.serial, "proximity")


def test_another_serial_number_is_no_missing_one(told, allow):
    allow("missing-serial-number")
    pledge = told.independent()
    assert pledge.post_request(pledge.voucher_request(serial_number="PHONE-X")).status == 403
    told.trouble(pledge.serial, "serial-mismatch")


@pytest.mark.parametrize("content_type", [VOUCHER_TYPE, None])
def test_first_request_with_nothing_in_it(told, allow, content_type):
    pledge = told.independent()
    told.fake.says(pledge.serial, "requestvoucher", told.signing.voucher_reply())

    def knock():
        return pledge.ask("POST", BRSKI + "requestvoucher", b"", content_type=content_type)

    assert knock().status == 400
    check_off(told, pledge.serial, "empty-first-request", "empty-first-request")
    allow("empty-first-request")
    answer = knock()
    assert (answer.status, answer.body) == (200, b"")
    event, = told.events(pledge.serial, "allowance-used")
    assert event["detail"].startswith("empty-first-request: ")
    assert told.nothing_issued(pledge.serial) and told.fake.asked(pledge.serial) == []
    pledge.hang_up()  # as it does, now that it knows our certificate
    assert pledge.post_request(pledge.voucher_request()).status == 200


def cose_request(pledge, tagged):
    """COSE_Sign1 (RFC 9052 4.2) with the names of members, by the device's key."""
    seen = pledge.connect().server_certificate
    pledge.nonce = b"n" * 16
    payload = cbor2.dumps({"ietf-voucher-request:voucher": {
        "assertion": 2, "serial-number": pledge.serial, "nonce": pledge.nonce,
        "proximity-registrar-cert": seen}})
    protected = cbor2.dumps({1: -7})
    key = serialization.load_pem_private_key(pledge.identity[1].read_bytes(), None)
    signed = cbor2.dumps(["Signature1", protected, b"", payload])
    r, s = utils.decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    parts = [protected, {}, payload, r.to_bytes(32, "big") + s.to_bytes(32, "big")]
    return cbor2.dumps(cbor2.CBORTag(18, parts) if tagged else parts)


def test_cose_without_its_tag(told, allow):
    """The fake MASA knows no COSE; that it is asked shows that the request is good here."""
    pledge = told.independent()
    fields = {"content_type": "application/voucher+cose", "accept": "application/voucher+cose"}
    told.fake.answers[BRSKI + "requestvoucher", "GET"] = [reply(404, b"not ours")]
    octets = cose_request(pledge, tagged=False)
    assert pledge.post_request(octets, **fields).status == 400
    check_off(told, pledge.serial, "cose-untagged", "cose-untagged")
    allow("cose-untagged")
    assert pledge.patiently(lambda: pledge.post_request(octets, **fields)).status == 404
    told.trouble(pledge.serial, "masa-unknown-device")
    check_on(told, pledge.serial, "cose-untagged")


# The IDevID's MASA URL extension.

EXTENSIONS = {
    # how it departs: (how such an IDevID is made, name of the allowance)
    "UTF8String": (lambda m: {"masa": m, "masa_tag": b"\x0c"}, ["masa-url-encoding"]),
    "without any tag": (lambda m: {"masa": m, "masa_tag": b""}, ["masa-url-encoding"]),
    "OID of old": (lambda m: {"extensions": [
        (MASA_URL_OLD, b"\x16" + bytes([len(m)]) + m.encode())]}, ["masa-url-old-oid"]),
    "both": (lambda m: {"extensions": [
        (MASA_URL_OLD, b"\x0c" + bytes([len(m)]) + m.encode())]},
        ["masa-url-old-oid", "masa-url-encoding"]),
}


@pytest.mark.parametrize("make,names", EXTENSIONS.values(), ids=EXTENSIONS)
def test_masa_url_that_departs(told, allow, make, names):
    serial = told.serial("ODD")
    folder = told.folder / "odd" / serial
    make_identity(folder, serial, (told.maker / "ca.pem", told.maker / "ca.key"),
                  **make(f"{MASA}:{told.masa_port}"))
    told.expect([serial])
    told.fake.says(serial, "requestvoucher", told.signing.voucher_reply())
    pledge = Pledge(told.port, folder, told.maker / "masa-anchors.pem", folder / "scratch")
    request = pledge.voucher_request()
    for name in names:
        assert pledge.post_request(request).status == 403
        check_off(told, serial, name, name)
        assert told.fake.asked(serial) == []
        allow(name)
    assert pledge.post_request(request).status == 200
    check_on(told, serial, *names)


# The MASA.


def answering(told, media_type=VOUCHER_TYPE, wrap=lambda octets: octets):
    return lambda body: reply(200, wrap(told.signing.voucher(bare(body))), media_type)


ANSWERS = {
    # how the MASA's answer departs: (it, problem, name of the allowance)
    "base64": ({"wrap": base64.b64encode}, "masa-base64", "masa-base64"),
    "base64 in lines": ({"wrap": base64.encodebytes}, "masa-base64", "masa-base64"),
    "text/plain": ({"media_type": "text/plain"}, "masa-text-plain", "masa-text-plain"),
    "media type of old":
        ({"media_type": OLD_TYPE}, "masa-media-type-alias", "voucher-media-type-alias"),
}


@pytest.mark.parametrize("answer,problem,name", ANSWERS.values(), ids=ANSWERS)
def test_answer_of_the_masa_that_departs(told, allow, answer, problem, name):
    pledge = told.independent()
    told.fake.says(pledge.serial, "requestvoucher", answering(told, **answer))
    request = pledge.voucher_request()
    assert pledge.patiently(lambda: pledge.post_request(request)).status == 502
    check_off(told, pledge.serial, problem, name)
    allow(name)
    got = pledge.patiently(lambda: pledge.post_request(request))
    assert (got.status, got.media_type) == (200, VOUCHER_TYPE)
    assert verify_cms(got.body, told.maker / "masa-anchors.pem")
    check_on(told, pledge.serial, name)


def registrar_log(rvr):
    """An audit log with registrarID for domainID."""
    log = audit_log(rvr)
    for event in log["events"]:
        event["registrarID"] = event.pop("domainID")
    return reply(200, json.dumps(log).encode(), LOG_TYPE)


def plain_log(rvr):
    return reply(200, json.dumps(audit_log(rvr)).encode(), "text/plain")


LOGS = {
    # how the audit log departs: (it, the problem's name and the allowance's)
    "registrarID": (registrar_log, "log-registrar-id"),
    "text/plain": (plain_log, "masa-text-plain"),
}


@pytest.mark.parametrize("log,name", LOGS.values(), ids=LOGS)
def test_audit_log_that_departs(told, allow, log, name):
    """No verdict until it may be read: enrolment waits, and goes on by itself when it may."""
    pledge = told.independent()
    told.fake.says(pledge.serial, "requestvoucher",
                   told.signing.voucher_reply(assertion="proximity"))
    told.fake.says(pledge.serial, "requestauditlog", log)
    pledge.go_on("csrattrs")
    csr = pledge.csr_octets = pledge.csr()
    assert pledge.post_csr(csr).status == 202
    until(lambda: told.events(pledge.serial, "audit-log-not-received"), "the log was refused")
    assert f"allow NAME {name}" in told.trouble(pledge.serial, name)["hint"]
    assert told.certificates(pledge.serial) == []
    assert told.episode(pledge.serial)["allowances"] == []
    allow(name)
    pledge.go_on()
    assert told.episode(pledge.serial)["log-verdict"] == "accepted"
    check_on(told, pledge.serial, name)


def test_masa_that_reads_nothing_but_base64(told, allow):
    def choosy(body):
        if not re.fullmatch(rb"[A-Za-z0-9+/=]+", body):
            return reply(400, b"no base64")
        return answering(told)(body)

    pledge = told.independent()
    told.fake.says(pledge.serial, "requestvoucher", choosy)
    request = pledge.voucher_request()
    assert pledge.patiently(lambda: pledge.post_request(request)).status == 502
    assert "masa-base64" in told.trouble(pledge.serial, "masa-answer")["hint"]
    allow("masa-base64")
    assert pledge.patiently(lambda: pledge.post_request(request)).status == 200
    check_on(told, pledge.serial, "masa-base64")


def test_masa_that_wants_another_container(told, allow):
    def choosy(body):
        if b'"ietf-voucher:voucher"' not in body:
            return reply(400, b"no voucher")
        return answering(told)(body)

    pledge = told.independent()
    told.fake.says(pledge.serial, "requestvoucher", choosy)
    request = pledge.voucher_request()
    assert pledge.patiently(lambda: pledge.post_request(request)).status == 502
    assert "masa-container" in told.trouble(pledge.serial, "masa-answer")["hint"]
    allow("masa-container")
    # Our request is signed already, and goes out as it is; the next one is made so.
    request = pledge.voucher_request()
    assert pledge.patiently(lambda: pledge.post_request(request)).status == 200
    check_on(told, pledge.serial, "masa-container")


@pytest.mark.parametrize("form", [CMS, JWS], ids=lambda form: form.name)
def test_later_request_for_the_log_is_made_as_that_masa_wants_it(make_scene, form):
    """RFC 8995 11.4: with the pledge's own request, which ours for the voucher had in it."""
    scene = with_fake(make_scene)
    scene.ctl("manufacturers", "allow", "maker", "masa-container")
    asked, logs = [], []

    def choosy(rvr):
        if set(form.peek(rvr)) != {VOUCHER}:
            return reply(400, b"no voucher")
        asked.append(members_of(rvr))
        logs.append(log_reply()(rvr))
        return logs[0]

    pledge = scene.independent(form=form)
    scene.fake.says(pledge.serial, "requestvoucher",
                    scene.signing.voucher_reply(assertion="proximity"))
    scene.fake.says(pledge.serial, "requestauditlog", choosy)
    pledge.go_on()
    scene.pass_time(timedelta(days=1))
    until(lambda: scene.ctl_json("devices", "show", pledge.serial, "--log")["times"] == 2,
          "the log was fetched again")
    first, second = asked
    assert second["created-on"] > first["created-on"]
    for request in asked:
        assert request["nonce"] == pledge.nonce
        assert base64.b64decode(request["prior-signed-voucher-request"]) == pledge.request
    check_on(scene, pledge.serial, "masa-container")


def test_all_that_one_masa_in_the_field_departs_in(told, allow):
    """Base64 both ways, another container, text/plain, and a pledge that first sends nothing."""
    allow("masa-base64", "masa-container", "masa-text-plain", "empty-first-request",
          "request-base64")
    pledge = told.independent()
    told.fake.says(pledge.serial, "requestvoucher",
                   answering(told, "text/plain", base64.encodebytes))
    assert pledge.ask("POST", BRSKI + "requestvoucher", b"").status == 200
    octets, _ = in_base64(pledge)
    answer = pledge.patiently(lambda: pledge.post_request(octets))
    assert verify_cms(base64.b64decode(answer.body), told.maker / "masa-anchors.pem")
    assert sorted(told.episode(pledge.serial)["allowances"]) == [
        "masa-base64", "masa-container", "masa-text-plain", "request-base64"]


# What there is.


def test_every_allowance_is_explained_and_no_other_can_be_given(told):
    explained = told.ctl_json("manufacturers", "allowances")
    assert {name for _, _, name in REQUESTS.values()} < set(explained)
    assert all("RFC" in text for text in explained.values())
    run = told.ctl("manufacturers", "allow", "maker", "everything", check=False)
    assert run.returncode == 1 and "missing-assertion" in run.stderr
    assert told.ctl_json("manufacturers", "show", "maker")["allow"] == []


def test_device_that_keeps_to_the_rfcs_needs_no_allowance(told, allow):
    allow("missing-assertion", "request-base64", "request-container", "created-on-date")
    pledge = told.independent()
    told.fake.says(pledge.serial, "requestvoucher", told.signing.voucher_reply())
    assert pledge.post_request(pledge.voucher_request()).status == 200
    check_on(told, pledge.serial)


def test_inspect_shows_a_masa_url_that_departs(told):
    folder = told.folder / "odd" / "shown"
    make_identity(folder, "S", (told.maker / "ca.pem", told.maker / "ca.key"),
                  extensions=[(MASA_URL_OLD, b"\x0c\x04host")])
    shown = subprocess.run([told.bins / "gatehousectl", "inspect", folder / "idevid.pem"],
                           capture_output=True, text=True, timeout=60, check=True).stdout
    assert "masa-url-encoding" in shown and "masa-url-oid" in shown

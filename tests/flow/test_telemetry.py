"""
What pledges report (RFC 8995 5.7, 5.9.4), in JSON, in CBOR and signed: recorded, shown harmlessly, matched
to the connection and the certificate it came with.
"""

import json

import cbor2
import pytest

from forms import JWS, base64url, from_base64url
from pledge import BRSKI
from wire import Wire

NASTY = "\x1b]0;owned\x07\x1b[2J\u202eevil\r\n\u2066" + "x" * 5000
JOSE = "application/jose+json"
WRITE = {
    "application/json": lambda report: json.dumps(report).encode(),
    "application/cbor": cbor2.dumps,
    "Application/CBOR; charset=utf-8": cbor2.dumps,
}


def report(pledge, what, body, media_type="application/json", wire=None):
    octets = body if isinstance(body, bytes) else WRITE[media_type](body)
    ask = pledge.ask if wire is None else wire.request
    return ask("POST", BRSKI + what, octets, content_type=media_type)


@pytest.mark.parametrize("media_type", WRITE)
def test_pledge_that_does_not_take_the_voucher_ends_the_onboarding(scene, media_type):
    pledge = scene.independent().go_on("voucher")
    body = {"version": 1, "status": False, "reason": "not mine", "reason-context": {"why": ["a", 1]}}
    assert report(pledge, "voucher_status", body, media_type).status == 200
    event, = scene.events(pledge.serial, "voucher-status")
    assert event["severity"] == "error"
    assert "not mine" in event["detail"] and "why" in event["detail"]
    episode = scene.episode(pledge.serial)
    assert (episode["stage"], episode["voucher-report"]) == ("pledge-refused", "failure")
    assert pledge.ask("GET", "/.well-known/est/csrattrs").status == 403
    assert scene.certificates(pledge.serial) == []


@pytest.mark.parametrize("media_type", ["application/json", "application/cbor"])
def test_newer_version_is_brought_to_notice_and_unknown_members_are_named(scene, media_type):
    pledge = scene.independent().go_on("voucher")
    body = {"version": 3, "status": True, "Status": False, "mood": "good", "reason-context": None}
    assert report(pledge, "voucher_status", body, media_type).status == 200
    event, = scene.events(pledge.serial, "voucher-status")
    assert event["severity"] == "warning"
    assert "version 3" in event["detail"]
    assert "Status" in event["detail"] and "mood" in event["detail"]
    assert scene.episode(pledge.serial)["voucher-report"] == "success"  # names are case-sensitive
    log = scene.programs["gatehoused"].log_text()
    assert "a status report has a version that is not known here" in log
    assert "member=mood" in log


@pytest.mark.parametrize("media_type", ["application/json", "application/cbor"])
def test_hostile_words_are_harmless(scene, media_type):
    pledge = scene.independent().go_on("voucher")
    body = {"version": 1, "status": False, "reason": NASTY, "reason-context": {NASTY: [NASTY]},
            "\x1b[31m" + NASTY[:100]: NASTY[:100]}
    assert report(pledge, "voucher_status", body, media_type).status == 200
    event, = scene.events(pledge.serial, "voucher-status")
    assert "evil" in event["detail"] and event["detail"].isprintable()
    assert len(event["detail"]) <= 1024
    for line in scene.ctl("devices", "show", pledge.serial).stdout.splitlines():
        assert line.isprintable(), line
    for line in scene.programs["gatehoused"].log_text().splitlines():
        assert line.isprintable(), line


MALFORMED = {
    "no UTF-8": ("application/json", b'{"version":1,"status":false,"reason":"\xff\xfe"}'),
    "no UTF-8 in CBOR": ("application/cbor", b"\xa3\x67version\x01\x66status\xf4\x66reason\x61\xff"),
    "no version": ("application/json", b'{"status":true}'),
    "no status": ("application/cbor", b"\xa1\x67version\x01"),
    "names in capitals": ("application/json", b'{"Version":1,"STATUS":true}'),
    "JSON said to be CBOR": ("application/cbor", b'{"version":1,"status":true}'),
    "CBOR said to be JSON": ("application/json", cbor2.dumps({"version": 1, "status": True})),
    "an array without end": ("application/cbor", b"\xa1\x67version\x9b" + b"\xff" * 8),
    "nothing": ("application/cbor", b""),
}


@pytest.mark.parametrize("media_type,octets", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_report_is_noted_and_changes_nothing(scene, media_type, octets):
    pledge = scene.independent().go_on("voucher")
    assert report(pledge, "voucher_status", octets, media_type).status == 400
    assert scene.trouble(pledge.serial, "telemetry-malformed")["event"] == "status-report-refused"
    assert scene.episode(pledge.serial)["voucher-report"] == "none"
    pledge.go_on()
    assert scene.episode(pledge.serial)["stage"] == "confirmed"


def test_report_that_is_too_long_is_not_read(scene):
    pledge = scene.independent().go_on("voucher")
    body = {"version": 1, "status": False, "reason": "x" * 20000}
    assert report(pledge, "voucher_status", body).status == 413
    assert scene.episode(pledge.serial)["voucher-report"] == "none"


def test_report_in_another_form_is_not_read(scene):
    pledge = scene.independent().go_on("voucher")
    answer = report(pledge, "voucher_status", b"status: true", "application/yaml")
    assert answer.status == 415


def test_report_of_a_device_without_onboarding_is_nothing(scene):
    """RFC 8995 5.7: a registrar may answer 404."""
    pledge = scene.independent()
    assert report(pledge, "voucher_status", {"version": 1, "status": True}).status == 404
    assert report(pledge, "enrollstatus", {"version": 1, "status": True}).status == 404


# Signed (draft-ietf-anima-brski-prm 7.9, 7.10).


def signed(body, identity, **header):
    return JWS.sign(json.dumps(body).encode(), identity, typ=None, **header)


def test_signed_reports_are_taken(scene):
    pledge = scene.independent().go_on("voucher")
    body = {"version": 1, "status": True, "mood": "good"}
    assert report(pledge, "voucher_status", signed(body, pledge.identity), JOSE).status == 200
    event, = scene.events(pledge.serial, "voucher-status")
    assert "signed with the IDevID" in event["detail"] and "mood" in event["detail"]
    pledge.done += 1
    pledge.go_on("enrol")
    # RFC 8995 5.9.4: over whichever connection, the certificate just issued is what counts.
    octets = signed({"version": 1, "status": True}, pledge.own_identity())
    assert report(pledge, "enrollstatus", octets, JOSE).status == 200
    event, = scene.events(pledge.serial, "enroll-status")
    assert "signed with the certificate just issued" in event["detail"]
    episode = scene.episode(pledge.serial)
    assert (episode["stage"], episode["enrol-report-matches"]) == ("confirmed", True)


def test_certificate_that_the_device_says_it_cannot_use_is_revoked(scene):
    """When it has signed that with its IDevID; a report that nobody has signed takes nothing."""
    pledge = scene.independent().go_on("enrol")
    body = {"version": 1, "status": False, "reason": "cannot store it"}
    assert report(pledge, "enrollstatus", body).status == 200
    certificate, = scene.certificates(pledge.serial)
    assert certificate["state"] == "issued"
    assert report(pledge, "enrollstatus", signed(body, pledge.identity), JOSE).status == 200
    certificate, = scene.certificates(pledge.serial)
    assert certificate["state"] == "revoked"
    assert "cannot use it" in scene.events(pledge.serial, "certificate-revoked")[0]["detail"]
    assert scene.episode(pledge.serial)["stage"] == "enrol-failed"


def altered(octets):
    message = json.loads(octets)
    payload = from_base64url(message["payload"]).replace(b'"version"', b'"Version"')
    return json.dumps({**message, "payload": base64url(payload)}).encode()


GOOD = {"version": 1, "status": True}
SIGNERS = {
    # who signs a voucher_status, what is sent of it: (problem, status)
    "another device": (lambda s, p: signed(GOOD, s.identity(s.device())), "report-signer", 403),
    "its MASA": (lambda s, p: signed(GOOD, (s.maker / "masa-signer.pem",
                                            s.maker / "masa-signer.key")), "report-signer", 403),
    "it, and it was altered": (lambda s, p: altered(signed(GOOD, p.identity)),
                               "report-signature", 403),
    "nobody": (lambda s, p: JWS.sign(json.dumps(GOOD).encode(), p.identity, alg="none",
                                     sign_as=lambda key, octets: b"x"), "report-signature", 403),
    "it, without saying so": (lambda s, p: signed(GOOD, p.identity, x5c=[]), "telemetry-malformed",
                              400),
    "it, and another": (lambda s, p: twice(s, signed(GOOD, p.identity)), "telemetry-malformed", 400),
    "it, and it is no report": (lambda s, p: signed({"status": True}, p.identity),
                                "telemetry-malformed", 400),
    "it, in compact form": (lambda s, p: compact(signed(GOOD, p.identity)), "telemetry-malformed",
                            400),
}
def twice(scene, octets):
    more = json.loads(signed(GOOD, scene.identity(scene.device())))
    message = json.loads(octets)
    return json.dumps({**message, "signatures": message["signatures"] + more["signatures"]}).encode()


def compact(octets):
    message = json.loads(octets)
    signature, = message["signatures"]
    return ".".join((signature["protected"], message["payload"], signature["signature"])).encode()


@pytest.mark.parametrize("make,problem,status", SIGNERS.values(), ids=SIGNERS)
def test_signature_that_is_not_the_devices_is_refused(scene, make, problem, status):
    pledge = scene.independent().go_on("voucher")
    assert report(pledge, "voucher_status", make(scene, pledge), JOSE).status == status
    assert scene.trouble(pledge.serial, problem)["event"] == "status-report-refused"
    assert scene.episode(pledge.serial)["voucher-report"] == "none"


def test_enrolment_signed_by_somebody_elses_certificate_of_ours_is_refused(scene):
    other = scene.independent().go_on()
    pledge = scene.independent().go_on("enrol")
    octets = signed(GOOD, other.own_identity())
    assert report(pledge, "enrollstatus", octets, JOSE).status == 403
    scene.trouble(pledge.serial, "report-signer")
    scene.ctl("certificates", "revoke", "--yes", scene.certificates(pledge.serial)[0]["serial-number"])
    assert report(pledge, "enrollstatus", signed(GOOD, pledge.own_identity()), JOSE).status == 404
    scene.trouble(pledge.serial, "certificate-revoked")
    assert scene.episode(pledge.serial)["enrol-report"] == "none"


def test_enrolment_reported_in_cbor_with_the_new_certificate(scene):
    pledge = scene.independent().go_on("enrol")
    with Wire(pledge.port, pledge.own_identity()) as wire:
        answer = report(pledge, "enrollstatus", {"version": 1, "status": True}, "application/cbor",
                        wire)
    assert answer.status == 200
    episode = scene.episode(pledge.serial)
    assert (episode["stage"], episode["enrol-report-matches"]) == ("confirmed", True)


def test_enrolment_that_failed_is_reported_on_the_same_connection(scene):
    """RFC 8995 5.9.4: with the IDevID; the record says so."""
    pledge = scene.independent().go_on("enrol")
    body = {"version": 1, "status": False, "reason": "cannot store it"}
    assert report(pledge, "enrollstatus", body, "application/cbor").status == 200
    event, = scene.events(pledge.serial, "enroll-status")
    assert event["severity"] == "error"
    assert "cannot store it" in event["detail"] and "with the IDevID" in event["detail"]
    assert scene.episode(pledge.serial)["stage"] == "enrol-failed"

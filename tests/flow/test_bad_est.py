"""
Requests for certificates that are not what the CSR attributes ask for, and status reports that say
nothing.  Each row: what comes, the status, and the problem that the timeline must show with a hint.
"""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pledge import BRSKI, EST, SUBJECT_ALT_NAME, certificates_in
from wire import Wire

BASIC_CONSTRAINTS = "2.5.29.19"
EXT_KEY_USAGE = "2.5.29.37"
KEY_USAGE = "2.5.29.15"
CA_TRUE = bytes.fromhex("30030101ff")
CMC_RA = bytes.fromhex("300a06082b0601050507031c")
KEY_CERT_SIGN = bytes.fromhex("03020204")


def names(*texts):
    return x509.SubjectAlternativeName([x509.DNSName(text) for text in texts]).public_bytes()


def with_extension(oid, value):
    return lambda p: p.csr(extensions=[*p.attributes.extensions.items(), (oid, value)])


def with_names(*texts):
    return lambda p: p.csr(extensions=[(SUBJECT_ALT_NAME, names(*texts))])


def given_name(pledge):
    """The DNS name in the CSR attributes: one short name in one short SEQUENCE."""
    return pledge.attributes.extensions[SUBJECT_ALT_NAME][4:].decode()


def with_subject(*attributes):
    return lambda p: p.csr(subject=x509.Name([*p.idevid.subject, *attributes]))


def named(text):
    return x509.NameAttribute(x509.NameOID.COMMON_NAME, text)


def with_password(pledge):
    pledge.csr()
    builder = x509.CertificateSigningRequestBuilder().subject_name(pledge.idevid.subject)
    for oid, value in pledge.attributes.extensions.items():
        builder = builder.add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical=False)
    builder = builder.add_attribute(x509.oid.AttributeOID.CHALLENGE_PASSWORD, b"c2VjcmV0")
    return builder.sign(pledge.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def altered(octets):
    return octets[:-1] + bytes([octets[-1] ^ 1])


def of_another_key(pledge):
    """The request of one key, with another key's public key put in its place."""
    first, second = pledge.csr(), pledge.csr(key=ec.generate_private_key(ec.SECP256R1()))
    own, other = (x509.load_der_x509_csr(csr).public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        for csr in (first, second))
    return first.replace(own, other)


REQUESTS = {
    # what is wrong with the request: (how it is made, problem in the timeline)
    "another name": (with_names("boss.example.com"), "csr-not-as-asked"),
    "one name more":
        (lambda p: with_names(given_name(p), "boss.example.com")(p), "csr-not-as-asked"),
    "another device's name": (with_names("phone-001.phones.example.org"), "csr-not-as-asked"),
    "no name": (lambda p: p.csr(extensions=[]), "csr-not-as-asked"),
    "P-384 key": (lambda p: p.csr(key=ec.generate_private_key(ec.SECP384R1())), "csr-not-as-asked"),
    "RSA key": (lambda p: p.csr(key=rsa.generate_private_key(65537, 2048)), "csr-not-as-asked"),
    "another hash": (lambda p: p.csr(hash_with=hashes.SHA384()), "csr-not-as-asked"),
    "CA:TRUE": (with_extension(BASIC_CONSTRAINTS, CA_TRUE), "csr-not-as-asked"),
    "a registrar's key usage": (with_extension(EXT_KEY_USAGE, CMC_RA), "csr-not-as-asked"),
    "a CA's key usage": (with_extension(KEY_USAGE, KEY_CERT_SIGN), "csr-not-as-asked"),
    "an extension nobody knows": (with_extension("1.2.3.4", b"\x05\x00"), "csr-not-as-asked"),
    "another subject": (lambda p: p.csr(subject=x509.Name([named("boss")])), "csr-not-as-asked"),
    "one name more in the subject": (with_subject(named("boss")), "csr-not-as-asked"),
    "another device's serial number": (with_subject(
        x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, "PHONE-X")), "csr-not-as-asked"),
    "a challenge password that ties it to no connection": (with_password, "channel-binding"),
    "altered signature": (lambda p: altered(p.csr()), "csr-proof-of-possession"),
    "somebody else's public key": (of_another_key, "csr-proof-of-possession"),
    "something behind it": (lambda p: p.csr() + b"\0", "csr-malformed"),
    "half of it": (lambda p: p.csr()[:100], "csr-malformed"),
    "a certificate": (lambda p: p.idevid.public_bytes(serialization.Encoding.DER), "csr-malformed"),
    "garbage": (lambda p: bytes(range(200)), "csr-malformed"),
}


@pytest.mark.parametrize("make,problem", REQUESTS.values(), ids=REQUESTS)
def test_request_is_refused(scene, make, problem):
    pledge = scene.independent().go_on("csrattrs")
    answer = pledge.patiently(lambda: pledge.post_csr(make(pledge)))
    assert answer.status == 400
    assert answer.media_type == "text/plain" and len(answer.body) < 100
    scene.trouble(pledge.serial, problem)
    assert scene.certificates(pledge.serial) == []
    # the device may do better
    assert pledge.go_on().done


BODIES = {
    # what the body is: (it, header fields, status, problem)
    "nothing": (b"", {}, 400, "malformed"),
    "not base64": (b"{}!", {}, 400, "malformed"),
    "base64 of nothing": (b"====", {}, 400, "malformed"),
    "JSON": (b'{"csr": 1}', {"content_type": "application/json"}, 415, "media-type"),
    "of no type": (b"AAAA", {"content_type": None}, 415, "media-type"),
    "too large": (b"A" * 70000, {}, 413, "too-large"),
}


@pytest.mark.parametrize("body,fields,status,problem", BODIES.values(), ids=BODIES)
def test_body_is_refused(scene, body, fields, status, problem):
    pledge = scene.independent().go_on("csrattrs")
    assert pledge.post_csr(body, raw=True, **fields).status == status
    scene.trouble(pledge.serial, problem)
    assert scene.certificates(pledge.serial) == []


def test_transfer_encoding_field_is_ignored(scene):
    """RFC 8951 3: base64, whatever Content-Transfer-Encoding says."""
    pledge = scene.independent().go_on("csrattrs")
    csr = pledge.csr()
    answer = pledge.patiently(
        lambda: pledge.post_csr(csr, content_transfer_encoding="binary",
                                content_type="application/pkcs10; charset=utf-8"))
    assert answer.status == 200


def test_subject_may_repeat_the_given_name(scene):
    pledge = scene.independent().go_on("csrattrs")
    csr = pledge.csr(subject=x509.Name([named(given_name(pledge))]))
    assert pledge.patiently(lambda: pledge.post_csr(csr)).status == 200


def test_request_without_subject_gets_a_critical_name(scene):
    """RFC 5280 4.2.1.6."""
    pledge = scene.independent().go_on("csrattrs")
    csr = pledge.csr(subject=x509.Name([]))
    answer = pledge.patiently(lambda: pledge.post_csr(csr))
    assert answer.status == 200
    issued, = certificates_in(answer.body)
    assert issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical


def test_issued_certificate_is_one_of_a_device(scene):
    pledge = scene.independent().go_on()
    extensions = {extension.oid.dotted_string: extension for extension in pledge.ldevid.extensions}
    assert BASIC_CONSTRAINTS not in extensions or not extensions[BASIC_CONSTRAINTS].value.ca
    assert not extensions[KEY_USAGE].value.key_cert_sign
    assert pledge.ldevid.serial_number.bit_length() > 63
    assert pledge.ldevid.version == x509.Version.v3


# Who may ask.


def test_device_without_a_voucher_gets_no_certificate(scene):
    pledge = scene.independent()
    pledge.attributes = scene.independent().go_on("csrattrs").attributes
    assert pledge.post_csr(pledge.csr()).status == 403
    scene.trouble(pledge.serial, "no-open-onboarding")
    assert scene.certificates(pledge.serial) == []


def test_device_whose_voucher_is_under_way_gets_no_certificate(make_scene):
    scene = make_scene({"limits": {"pledge-wait": "100 ms"}}, masa=("--fault", "5xx"))
    pledge = scene.independent()
    assert pledge.post_request(pledge.voucher_request()).status == 202
    assert pledge.ask("GET", EST + "csrattrs").status == 403
    scene.trouble(pledge.serial, "no-open-onboarding")


@pytest.mark.parametrize("method,what", [("GET", "csrattrs"), ("POST", "simpleenroll")])
def test_nobody_gets_nothing(scene, method, what):
    with Wire(scene.port) as wire:
        body = ({"body": base64.b64encode(b"0"), "content_type": "application/pkcs10"}
                if method == "POST" else {})
        answer = wire.request(method, EST + what, **body)
    assert answer.status == 404
    assert scene.strangers()[0]["problem"] == "no-client-certificate"
    assert scene.strangers()[0]["subject"] == f"EST, {EST}{what}"


def test_stranger_is_listed_once(make_scene, tmp_path):
    scene = make_scene()
    scene.run("gatehouse-maker", "init", tmp_path / "other", "--name", "Other", "--masa",
              "masa.other.example", "--cloud", "cloud.other.example")
    scene.run("gatehouse-maker", "pledge", tmp_path / "other", "--serial", "THEIRS")
    identity = [tmp_path / "other" / "pledges" / "THEIRS" / name for name in ("idevid.pem", "idevid.key")]
    with Wire(scene.port, identity) as wire:
        assert wire.request("GET", EST + "csrattrs").status == 404
    stranger, = scene.strangers()
    assert (stranger["problem"], stranger["times"]) == ("unknown-manufacturer", 1)
    assert "THEIRS" in stranger["subject"]


# Status reports.

REPORTS = {
    # what is reported: (it, status, problem)
    "nothing": (b"", 400, "telemetry-malformed"),
    "no JSON": (b"all is well", 400, "telemetry-malformed"),
    "a list": (b"[1, true]", 400, "telemetry-malformed"),
    "no version": ({"status": True}, 400, "telemetry-malformed"),
    "version 0": ({"version": 0, "status": True}, 400, "telemetry-malformed"),
    "version in words": ({"version": "1", "status": True}, 400, "telemetry-malformed"),
    "no status": ({"version": 1}, 400, "telemetry-malformed"),
    "status in words": ({"version": 1, "status": "true"}, 400, "telemetry-malformed"),
    "capitals": ({"Version": 1, "Status": True}, 400, "telemetry-malformed"),
    "status twice": (b'{"version":1,"status":true,"status":false}', 400, "telemetry-malformed"),
    "a reason that is no text":
        ({"version": 1, "status": False, "reason": 7}, 400, "telemetry-malformed"),
    "deep nesting": (b'{"version":1,"status":true,"reason-context":' + b"[" * 3000, 400,
                     "telemetry-malformed"),
    "too much": ({"version": 1, "status": True, "reason": "r" * 20000}, 413, "too-large"),
}


@pytest.mark.parametrize("what", ["voucher_status", "enrollstatus"])
@pytest.mark.parametrize("report,status,problem", REPORTS.values(), ids=REPORTS)
def test_report_that_says_nothing_is_refused(scene, what, report, status, problem):
    pledge = scene.independent().go_on("voucher")
    before = scene.episode(pledge.serial)
    assert pledge.tell(what, report).status == status
    assert scene.trouble(pledge.serial, problem)["event"] == "status-report-refused"
    after = scene.episode(pledge.serial)
    assert (after["voucher-report"], after["enrol-report"]) == (
        before["voucher-report"], before["enrol-report"])


def test_report_of_another_type_is_refused(scene):
    pledge = scene.independent().go_on("voucher")
    answer = pledge.ask("POST", BRSKI + "voucher_status", b'{"version":1,"status":true}',
                        content_type="text/plain")
    assert answer.status == 415
    scene.trouble(pledge.serial, "media-type")


def test_report_with_more_than_is_known_is_taken(scene):
    """RFC 8995 5.7: unknown members are ignored, a higher version is noted."""
    pledge = scene.independent().go_on("voucher")
    pledge.tell_voucher_status(True, colour="green", **{"version": 2, "reason-context": {"a": [1]}})
    event, = scene.events(pledge.serial, "voucher-status")
    assert "version" in event["detail"] and '"a"' in event["detail"]
    assert scene.episode(pledge.serial)["voucher-report"] == "success"


@pytest.mark.parametrize("what", ["voucher_status", "enrollstatus"])
def test_report_of_a_device_that_was_never_here_is_refused(scene, what):
    pledge = scene.independent()
    assert pledge.tell(what, {"version": 1, "status": True}).status == 404
    scene.trouble(pledge.serial, "no-onboarding")
    assert scene.nothing_issued(pledge.serial)


def test_long_and_hostile_words_are_cut_and_made_printable(scene):
    pledge = scene.independent().go_on("voucher")
    pledge.tell_voucher_status(False, reason="\u202e\x1b]0;" + "\u00e9" * 1000)
    reason = scene.episode(pledge.serial)["voucher-report-reason"]
    assert reason.isprintable() and len(reason.encode()) <= 256

"""Clients that do nothing wrong and something unusual, and devices that do everything at once."""

import base64
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from fakes import device_called, make_identity
from pledge import BRSKI, EST, SUBJECT_ALT_NAME, VOUCHER_TYPE
from scene import until
from wire import HOST, Wire, header

POST = BRSKI + "requestvoucher"
FIELDS = {"Host": HOST, "Content-Type": VOUCHER_TYPE}


# HTTP and TLS.


@pytest.mark.parametrize("name", ["another.example", "masa.maker.example", None])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_any_name_in_sni_is_as_good(scene, name, tls):
    """SNI is ignored (draft-ietf-anima-constrained-voucher 6.3): some know only our address."""
    pledge = scene.independent()
    pledge.wire = Wire(scene.port, pledge.identity, tls=tls, name=name)
    assert pledge.go_on("enrol").ldevid


def test_client_that_waits_for_continue_is_let_go_on(scene):
    pledge = scene.independent()
    request = pledge.voucher_request()
    wire = pledge.connect()
    wire.send(header("POST", POST, {**FIELDS, "Content-Length": len(request),
                                    "Expect": "100-continue"}))
    assert wire.receive().status == 100
    wire.send(request)
    assert wire.receive().status == 200


@pytest.mark.parametrize("path,fields,status", [
    (BRSKI + "voucher_status", {"Content-Type": "text/plain", "Content-Length": 5000}, 415),
    (POST, {"Content-Length": 10**9}, 413),
])
def test_client_that_waits_for_continue_is_told_no_first(scene, path, fields, status):
    pledge = scene.independent()
    pledge.connect().send(header("POST", path, {**FIELDS, **fields, "Expect": "100-continue"}))
    assert pledge.wire.receive().status == status


def test_body_may_come_in_chunks_and_pieces(scene):
    pledge = scene.independent()
    request = pledge.voucher_request()
    wire = pledge.connect()
    wire.send(header("POST", POST, {**FIELDS, "Transfer-Encoding": "chunked"}))
    for at in range(0, len(request), 100):
        piece = request[at:at + 100]
        wire.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    wire.send(b"0\r\n\r\n")
    assert wire.receive().status == 200


def test_requests_may_be_sent_ahead_of_answers(scene):
    pledge = scene.independent()
    request = pledge.voucher_request()
    report = b'{"version":1,"status":true}'
    wire = pledge.connect()
    wire.send(header("POST", POST, {**FIELDS, "Content-Length": len(request)}) + request
              + header("POST", BRSKI + "voucher_status",
                       {"Host": HOST, "Content-Type": "application/json",
                        "Content-Length": len(report)}) + report
              + header("GET", EST + "cacerts", {"Host": HOST}))
    assert [wire.receive().status for _ in range(3)] == [200, 200, 200]
    assert scene.episode(pledge.serial)["voucher-report"] == "success"


def test_head_tells_what_get_would(scene):
    with Wire(scene.port) as wire:
        wire.send(header("HEAD", EST + "cacerts", {"Host": HOST, "Connection": "close"}))
        octets = b""
        while more := wire.socket.recv(65536):
            octets += more
    assert octets.startswith(b"HTTP/1.1 200")
    assert octets.endswith(b"\r\n\r\n")


def test_sighup_is_no_reason_to_end(scene):
    os.kill(scene.programs["gatehoused"].process.pid, signal.SIGHUP)
    assert scene.independent().go_on().done


def test_pledges_come_in_over_ipv6(make_scene):
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    scene = make_scene()
    scene.stop_one("gatehoused")
    addresses = [f"127.0.0.1:{scene.port}", f"[::1]:{scene.port}"]
    scene.write_node_file({"listen": {"pledges": addresses}})
    scene.start_gatehoused()
    pledge = scene.independent()
    pledge.wire = Wire(scene.port, pledge.identity, address="::1")
    pledge.go_on("voucher")
    assert scene.episode(pledge.serial)["address"].startswith("[::1]:")


# Names.


def given_names(pledge):
    names = pledge.ldevid.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return names.value.get_values_for_type(x509.DNSName)


@pytest.mark.parametrize("serial", ["PID:C9500-16X SN:FCW2117A56M", "00-D0-E5-F2-00-02", "a/b", "-",
                                    "x" * 64, "%s%n", "'\"\\", "a?b=c&d#e", "..a"])
def test_unusual_serial_number_is_onboarded_and_gets_a_name_of_its_own(scene, serial):
    pledge = device_called(scene, serial).go_on()
    assert scene.shown(serial)["episode"]["stage"] == "confirmed"
    name, = given_names(pledge)
    labels = name.split(".")
    assert labels[1:] == ["phones", "example", "com"]
    assert labels[0].isascii() and 1 <= len(labels[0]) <= 63
    assert not labels[0].startswith("-") and not labels[0].endswith("-")


def test_serial_numbers_that_differ_in_punctuation_get_different_names(scene):
    pledges = [device_called(scene, serial).go_on() for serial in ("AB 12", "AB:12", "AB/12")]
    assert len({name for pledge in pledges for name in given_names(pledge)}) == 3


def test_subject_of_a_stranger_cannot_forge_the_log(scene):
    words = "x\nlevel=error message=forged\r\x1b[2Jx"
    key_folder = scene.folder / "forger"
    identity = make_identity(key_folder, words)
    with Wire(scene.port, identity) as wire:
        assert wire.request("GET", EST + "csrattrs").status == 404
    log = scene.programs["gatehoused"].log_text()
    assert not [line for line in log.splitlines() if not line.startswith("time=")]
    assert "\x1b" not in log
    table = scene.ctl("strangers").stdout
    assert "\x1b" not in table and "\nlevel" not in table


# Everything at once.


def together(count, act):
    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(act, at) for at in range(count)]]


def test_same_request_many_times_at_once_is_one_request(scene):
    pledge = scene.independent()
    request = pledge.voucher_request()

    def ask(_):
        with Wire(scene.port, pledge.identity) as wire:
            return wire.request("POST", POST, request, content_type=VOUCHER_TYPE)

    answers = together(8, ask)
    assert {answer.status for answer in answers} <= {200, 202}  # few may wait for the same
    answers = [answer for answer in answers if answer.status == 200] + together(8, ask)
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert len(scene.asked(pledge.serial)) == 1
    assert len(scene.events(pledge.serial, "voucher-requested")) == 1


def test_device_that_asks_with_many_nonces_at_once_ends_with_one_onboarding(scene):
    pledge = scene.independent()
    requests = [pledge.voucher_request() for _ in range(6)]

    def ask(at):
        with Wire(scene.port, pledge.identity) as wire:
            return wire.request("POST", POST, requests[at], content_type=VOUCHER_TYPE).status

    assert set(together(6, ask)) <= {200, 403}
    shown = scene.shown(pledge.serial)
    assert len(shown["earlier-episodes"]) == 5
    assert all("closed" in episode for episode in shown["earlier-episodes"])
    assert pledge.go_on().done


def test_same_certificate_many_times_at_once_is_one_certificate(scene):
    pledge = scene.independent().go_on("csrattrs")
    csr = base64.b64encode(pledge.csr())

    def ask(_):
        with Wire(scene.port, pledge.identity) as wire:
            return wire.request("POST", EST + "simpleenroll", csr,
                                content_type="application/pkcs10")

    answers = together(8, ask)
    assert {answer.status for answer in answers} <= {200, 202}  # few may wait for the same
    answers = [answer for answer in answers if answer.status == 200] + together(8, ask)
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert len(scene.certificates(pledge.serial)) == 1


def test_manufacturer_added_meanwhile_counts_on_the_same_connection(make_scene):
    scene = make_scene(introduce=False)
    pledge = scene.independent(scene.device(expected=False))
    request = pledge.voucher_request()
    wire = pledge.connect()
    assert pledge.post_request(request).status == 404
    assert scene.strangers()[0]["problem"] == "unknown-manufacturer"
    scene.introduce([pledge.serial])
    assert pledge.post_request(request).status == 200
    assert pledge.wire is wire


# Second thoughts.


def test_pledge_that_declined_cannot_take_it_back(scene):
    pledge = scene.independent().go_on("voucher")
    pledge.tell_voucher_status(False)
    pledge.tell_voucher_status(True)
    assert pledge.ask("GET", EST + "csrattrs").status == 403
    assert scene.shown(pledge.serial)["certificates"] == []


def test_enrollstatus_with_an_older_ldevid_is_told_apart(scene):
    pledge = scene.independent().go_on("enrol")
    old = pledge.own_identity()
    old = [path.rename(path.with_suffix(".old" + path.suffix)) for path in old]
    pledge.begin()
    pledge.go_on("enrol")
    with Wire(scene.port, old) as wire:
        pledge.tell("enrollstatus", {"version": 1, "status": True}, wire=wire)
    event, = scene.events(pledge.serial, "enroll-status")
    assert "another certificate than the one just issued" in event["detail"]
    assert not scene.episode(pledge.serial).get("enrol-report-matches")


def test_masa_is_not_asked_for_a_request_that_was_superseded(make_scene):
    """It may refuse a second voucher while the first is outstanding (RFC 8995 5.6)."""
    scene = make_scene({"limits": {"pledge-wait": "50 ms"}}, masa=("--fault", "5xx"))
    pledge = scene.independent()
    old = pledge.voucher_request()
    assert pledge.post_request(old).status == 202
    until(lambda: scene.asked(pledge.serial), "the MASA is asked")
    pledge.request = pledge.voucher_request()
    assert pledge.post_request(pledge.request).status == 202
    scene.restart_masa()
    assert pledge.go_on().done
    until(lambda: scene.status()["orders"]["open"] == 0, "nothing is left to do")
    assert [entry["nonce"] for entry in scene.vouchers_issued(pledge.serial)] == [pledge.nonce]


def test_another_device_cannot_speak_for_one(scene):
    """Its own telemetry and enrolment are its own, whatever the words say."""
    first = scene.independent().go_on("voucher")
    second = scene.independent().go_on("csrattrs")
    name = first.idevid.subject
    answer = second.patiently(lambda: second.post_csr(second.csr(
        subject=name, extensions=[(SUBJECT_ALT_NAME, x509.SubjectAlternativeName([x509.DNSName(
            f"{first.serial.lower()}.phones.example.com")]).public_bytes())])))
    assert answer.status == 400
    assert second.tell("enrollstatus", {"version": 1, "status": False,
                                        "reason-context": {"serial": first.serial}}).status == 200
    assert scene.episode(first.serial)["enrol-report"] == "none"
    assert scene.certificates(first.serial) == []


# Nothing is left behind.


def open_files(scene):
    return len(os.listdir(f"/proc/{scene.programs['gatehoused'].process.pid}/fd"))


def test_connections_leave_no_files_open(make_scene):
    scene = make_scene()
    scene.independent().go_on()
    scene.independent().go_on().hang_up()
    until(lambda: scene.status()["pledges"]["connections"] == 0
          or scene.status()["pledges"]["connections"] == 1, "the first has gone")
    before = open_files(scene)
    for at in range(30):
        with socket.create_connection(("127.0.0.1", scene.port)) as plain:
            plain.sendall(b"\x16\x03\x01" * (at % 3))
        with Wire(scene.port) as wire:
            wire.send(b"GET / HT")
        with Wire(scene.port) as wire:
            wire.request("GET", EST + "cacerts")
    until(lambda: open_files(scene) <= before, "no more files open than before")


def test_key_of_one_device_is_refused_to_another(scene):
    """Devices that share a key are clones, or have poor random numbers."""
    key = ec.generate_private_key(ec.SECP256R1())
    first, second = (scene.independent().go_on("csrattrs") for _ in range(2))
    first.key = second.key = key
    first.enrol()
    assert second.post_csr(second.csr()).status == 400
    event, = (e for e in scene.events(second.serial) if e.get("problem") == "key-refused")
    assert first.serial in event["detail"]
    second.key = None
    second.enrol()
    assert given_names(first) != given_names(second)

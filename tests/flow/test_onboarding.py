"""Devices come in through the front door, from the redirect to an LDevID in use."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pledge import BRSKI, EST, STEPS, VOUCHER_TYPE, binary, certificates_in, in_armour, \
    on_one_line, openssl, verify_cms
from scene import until
from wire import HOST, Wire, header

WAY = ["voucher-requested", "voucher-received", "voucher-status", "csrattrs-served",
       "certificate-requested", "enrolled", "enroll-status"]


def confirmed(scene, serial):
    """The device's episode has come to its good end, with one certificate; all that is shown."""
    shown = scene.shown(serial)
    assert shown["episode"]["stage"] == "confirmed"
    assert shown["episode"]["enrol-report-matches"] is True
    assert shown["episode"]["log-verdict"] == "accepted"
    assert len(shown["certificates"]) == 1
    return shown


def steps_of(run):
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


# The reference pledge, redirected by its cloud registrar.


@pytest.fixture(scope="module", name="redirected")
def fixture_redirected(make_scene):
    """A stage with a cloud registrar, and what the one redirected pledge reported."""
    scene = make_scene()
    serial = scene.device(prefix="CLOUD")
    scene.start_cloud()
    return scene, serial, steps_of(scene.pledge("--json", serial=serial))


def test_redirected_pledge_is_onboarded(redirected):
    scene, serial, steps = redirected
    assert [step["status"] for step in steps if "status" in step] == [307] + 6 * [200]
    assert steps[-1]["step"] == "onboarded"
    confirmed(scene, serial)
    assert len(scene.vouchers_issued(serial)) == 1
    assert [request["status"] for request in scene.requests_seen("cloud")] == [307]


def test_timeline_tells_the_whole_way(redirected):
    scene, serial, _ = redirected
    events = scene.events(serial)
    names = [event["event"] for event in events]
    assert names.count("audit-log-accepted") == 1  # comes beside the pledge's own steps
    assert [name for name in names if name != "audit-log-accepted"] == WAY
    assert not [event for event in events if "problem" in event]


def test_ldevid_leads_to_the_owners_ca_and_has_the_name_it_was_given(redirected):
    scene, serial, _ = redirected
    folder, pki = scene.out / serial, scene.owner / "pki"
    openssl("verify", "-no-CApath", "-no-CAstore", "-CAfile", pki / "root.pem",
            "-untrusted", pki / "device-ca.pem", folder / "ldevid.pem")
    ldevid = x509.load_pem_x509_certificate((folder / "ldevid.pem").read_bytes())
    names = ldevid.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == [f"{serial.lower()}.phones.example.com"]
    verify_cms((folder / "voucher.cms").read_bytes(), scene.maker / "masa-anchors.pem")


def test_many_reference_pledges_are_onboarded_side_by_side(make_scene):
    scene = make_scene()
    scene.make_pledges("CROWD", 8)
    scene.expect(scene.serials)
    scene.start_cloud()
    ends = steps_of(scene.pledge("--json", "--quiet", "--parallel", "8"))
    assert sorted((end["serial"], end["step"]) for end in ends) == [
        (serial, "onboarded") for serial in scene.serials]
    for serial in scene.serials:
        confirmed(scene, serial)
        assert len(scene.vouchers_issued(serial)) == 1


# The independent pledge, which checks every artifact with openssl and cryptography.

WAYS = {
    "TLS 1.2": {"tls": "1.2"},
    "TLS 1.3": {"tls": "1.3"},
    "a connection for each request": {"keep": False},
    "a connection for each request, TLS 1.2": {"keep": False, "tls": "1.2"},
    "base64 on one line": {"encode": on_one_line},
    "PEM armour": {"encode": in_armour},
}
KEYS = [(key, tls) for key in ("p384", "rsa2048") for tls in ("1.2", "1.3")]


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
def test_independent_pledge_is_onboarded(scene, options):
    pledge = scene.independent(**options).go_on()
    shown = confirmed(scene, pledge.serial)
    issued = pledge.ldevid.public_bytes(serialization.Encoding.DER)
    digest, = [certificate["id"] for certificate in shown["certificates"]]
    assert digest == openssl("dgst", "-sha256", "-r", octets=issued).split()[0].decode()
    assert [request["status"] for request in scene.asked(pledge.serial)] == [200]
    assert [request["status"] for request in scene.asked(pledge.serial, "requestauditlog")] == [200]


@pytest.mark.parametrize("key,tls", KEYS)
def test_idevid_of_another_kind_is_as_good(scene, key, tls):
    pledge = scene.independent(scene.device("--key", key), tls=tls).go_on()
    assert pledge.wire.tls_version == f"TLSv{tls}"
    confirmed(scene, pledge.serial)


def test_independent_pledges_are_onboarded_side_by_side(scene):
    serials = scene.make_pledges("SIDE", 6)
    scene.expect(serials)
    pledges = [scene.independent(serial, keep=at % 2 == 0) for at, serial in enumerate(serials)]
    with ThreadPoolExecutor(len(pledges)) as pool:
        list(pool.map(lambda pledge: pledge.go_on(), pledges))
    for pledge in pledges:
        confirmed(scene, pledge.serial)


def server_key(pledge):
    certificate = x509.load_der_x509_certificate(pledge.connect().server_certificate)
    return certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


REQUESTS = {
    # how the request is made, and how it is posted
    "eContentType id-data, as in the RFC's examples":
        (lambda p: p.voucher_request(how={"content_type": "1.2.840.113549.1.7.1"}), {}),
    "without created-on": (lambda p: p.voucher_request(created_on=None), {}),
    "with members nobody knows":
        (lambda p: p.voucher_request(colour="green", last_renewal_date="2026-01-01T00:00:00Z"), {}),
    "proximity by the registrar's public key":
        (lambda p: p.voucher_request(proximity_registrar_cert=None,
                                     proximity_registrar_pubk=binary(server_key(p))), {}),
    "proximity by the key's hash":
        (lambda p: p.voucher_request(
            proximity_registrar_cert=None,
            proximity_registrar_pubk_sha256=binary(bytes.fromhex(
                openssl("dgst", "-sha256", "-r", octets=server_key(p)).split()[0].decode()))), {}),
    "media type in capitals and with a parameter":
        (lambda p: p.voucher_request(), {"content_type": "Application/Voucher-CMS+JSON; a=b"}),
    "without Accept": (lambda p: p.voucher_request(), {"accept": None}),
    "Accept of anything": (lambda p: p.voucher_request(), {"accept": "text/html, */*;q=0.1"}),
    "Accept of several forms":
        (lambda p: p.voucher_request(), {"accept": f"application/voucher+cose, {VOUCHER_TYPE}"}),
}


@pytest.mark.parametrize("make,fields", REQUESTS.values(), ids=REQUESTS)
def test_what_rfc_8995_allows_is_taken(scene, make, fields):
    pledge = scene.independent()
    request = make(pledge)
    answer = pledge.patiently(lambda: pledge.post_request(request, **fields))
    assert (answer.status, answer.media_type) == (200, VOUCHER_TYPE)
    verify_cms(answer.body, pledge.masa_anchors)


def test_cacerts_need_no_certificate_and_hold_every_authority(scene):
    with Wire(scene.port) as wire:
        answer = wire.request("GET", EST + "cacerts")
    assert answer.status == 200
    subjects = {one.subject.rfc4514_string() for one in certificates_in(answer.body)}
    files = ("root.pem", "registrar-ca.pem", "device-ca.pem")
    assert subjects == {x509.load_pem_x509_certificate(
        (scene.owner / "pki" / file).read_bytes()).subject.rfc4514_string() for file in files}


# Asking again.


def test_same_request_again_gets_the_same_voucher(scene):
    pledge = scene.independent().go_on("voucher")
    first = pledge.voucher
    pledge.get_voucher()
    pledge.hang_up()
    pledge.get_voucher()
    assert pledge.voucher == first
    assert len(scene.asked(pledge.serial)) == 1
    assert len(scene.events(pledge.serial, "voucher-requested")) == 1


def test_new_nonce_supersedes_the_request_before_it(scene):
    pledge = scene.independent().go_on("voucher")
    old = pledge.request
    pledge.begin()
    pledge.go_on("voucher")
    assert pledge.post_request(old).status == 403
    scene.trouble(pledge.serial, "request-stale")
    earlier, = scene.shown(pledge.serial)["earlier-episodes"]
    assert "fresh voucher request" in earlier["closed-because"]
    confirmed(scene, pledge.go_on().serial)


def test_device_that_was_reset_is_onboarded_again(scene):
    pledge = scene.independent().go_on()
    pledge.hang_up()
    pledge.begin()
    pledge.go_on()
    shown = scene.shown(pledge.serial)
    assert shown["episode"]["stage"] == "confirmed"
    assert [episode["stage"] for episode in shown["earlier-episodes"]] == ["confirmed"]
    assert len(shown["certificates"]) == 2
    assert len(scene.vouchers_issued(pledge.serial)) == 2


def test_same_request_for_a_certificate_gets_the_same_certificate(scene):
    pledge = scene.independent().go_on("enrol")
    pledge.enrol()  # compares with the first
    pledge.hang_up()
    pledge.csr_octets = pledge.csr()  # the same, signed anew: other octets
    pledge.enrol()
    assert len(scene.certificates(pledge.serial)) == 1


def test_another_key_gets_another_certificate(scene):
    pledge = scene.independent().go_on("enrol")
    first = pledge.ldevid
    pledge.key = ec.generate_private_key(ec.SECP256R1())
    pledge.csr_octets = pledge.ldevid = None
    pledge.enrol()
    assert pledge.ldevid.serial_number != first.serial_number
    assert len(scene.certificates(pledge.serial)) == 2


# A MASA that takes its time.


@pytest.fixture(scope="module", name="hasty")
def fixture_hasty(make_scene):
    """Gatehouse answers pledges at once, with 202 when need be."""
    return make_scene({"limits": {"pledge-wait": "50 ms"}, "outgoing": {"timeout": "2 s"}})


@pytest.mark.parametrize("fault,asked", [("slow:1", 1), ("5xx:2", 3), ("202:2", 3), ("hang:1", 2),
                                         ("lost-reply:1", 2)])
def test_pledge_that_waits_gets_its_voucher_for_the_same_request(hasty, fault, asked):
    hasty.restart_masa("--fault", fault, "--slow", "1 s")
    pledge = hasty.independent().go_on("voucher")
    hasty.restart_masa()  # what hangs is written down when the MASA ends
    assert pledge.waits > 0
    requests = hasty.asked(pledge.serial)
    assert len(requests) == asked
    assert len({request["sha256"] for request in requests}) == 1
    assert len(hasty.vouchers_issued(pledge.serial)) == 1
    confirmed(hasty, pledge.go_on().serial)


def test_enrolment_waits_for_a_slow_audit_log(hasty):
    hasty.restart_masa("--fault", "slow:1", "--fault-on", "requestauditlog", "--slow", "1 s")
    pledge = hasty.independent().go_on("csrattrs")
    before = pledge.waits
    pledge.go_on()
    assert pledge.waits > before
    confirmed(hasty, pledge.serial)


# Telemetry.


def test_pledge_that_declines_the_voucher_is_not_enrolled(scene):
    pledge = scene.independent().go_on("voucher")
    pledge.tell_voucher_status(False, reason="pinned certificate is odd \x1b[31m")
    assert pledge.ask("GET", EST + "csrattrs").status == 403
    pledge.attributes = scene.independent().go_on("csrattrs").attributes
    assert pledge.post_csr(pledge.csr()).status == 403
    scene.trouble(pledge.serial, "pledge-declined-voucher")
    episode = scene.episode(pledge.serial)
    assert episode["stage"] == "pledge-refused"
    assert "\x1b" not in episode["voucher-report-reason"]
    assert scene.certificates(pledge.serial) == []
    # and its request is worth nothing any more
    assert pledge.post_request(pledge.request).status == 403


def test_audit_log_is_fetched_when_no_voucher_status_comes(scene):
    pledge = scene.independent().go_on("voucher")
    pledge.get_cacerts()
    pledge.get_csrattrs()
    pledge.enrol()
    assert [request["status"] for request in scene.asked(pledge.serial, "requestauditlog")] == [200]
    names = [event["event"] for event in scene.events(pledge.serial)]
    assert names.index("audit-log-accepted") < names.index("certificate-requested")
    assert scene.episode(pledge.serial)["voucher-report"] == "none"


@pytest.mark.parametrize("status,stage", [(True, "enrolled"), (False, "enrol-failed")])
def test_enrollstatus_with_the_idevid_is_told_apart(scene, status, stage):
    pledge = scene.independent().go_on("enrol")
    assert pledge.tell("enrollstatus", {"version": 1, "status": status}).status == 200
    episode = scene.episode(pledge.serial)
    assert episode["stage"] == stage
    assert not episode.get("enrol-report-matches")
    event, = scene.events(pledge.serial, "enroll-status")
    assert "with the IDevID" in event["detail"]


def test_enrollstatus_with_the_ldevid_is_recorded_so(scene):
    pledge = scene.independent().go_on()
    event, = scene.events(pledge.serial, "enroll-status")
    assert "with the certificate just issued" in event["detail"]
    assert scene.episode(pledge.serial)["enrol-report-matches"] is True


# Stopping and starting.


def test_every_step_survives_a_restart(make_scene):
    scene = make_scene()
    pledge = scene.independent()
    for step in STEPS:
        pledge.go_on(step)
        pledge.hang_up()
        scene.restart_gatehoused()
    confirmed(scene, pledge.serial)
    for serial, operation in ((pledge.serial, "requestvoucher"),
                              (pledge.serial, "requestauditlog")):
        assert len(scene.asked(serial, operation)) == 1


def test_voucher_order_goes_on_after_a_restart(make_scene):
    scene = make_scene({"limits": {"pledge-wait": "50 ms"}}, masa=("--fault", "5xx"))
    pledge = scene.independent()
    pledge.request = pledge.voucher_request()
    assert pledge.post_request(pledge.request).status == 202
    until(lambda: scene.asked(pledge.serial), "the MASA is asked")
    pledge.hang_up()
    scene.stop_one("gatehoused")
    scene.restart_masa()
    scene.start_gatehoused()
    # nobody asks for it, and still it is fetched
    until(lambda: scene.episode(pledge.serial).get("stage") == "voucher", "the voucher is there")
    confirmed(scene, pledge.go_on().serial)
    assert len({request["sha256"] for request in scene.asked(pledge.serial)}) == 1


def test_sigterm_lets_requests_under_way_come_to_their_end(make_scene):
    scene = make_scene({"limits": {"pledge-wait": "4 s"}},
                       masa=("--fault", "slow:1", "--slow", "1 s"))
    pledge = scene.independent()
    idle = Wire(scene.port)
    pledge.request = pledge.voucher_request()
    wire = pledge.connect()
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(wire.request, "POST", BRSKI + "requestvoucher", pledge.request,
                             content_type=VOUCHER_TYPE)
        until(lambda: scene.status()["orders"]["open"] > 0, "the order is under way")
        os.kill(scene.programs["gatehoused"].process.pid, signal.SIGTERM)
        answer = asking.result()
    assert answer.status == 200
    assert answer.headers["connection"] == "close"
    pledge.check_voucher(answer.body)
    assert idle.is_closed()
    assert scene.wait_for_death() == 0
    scene.start_gatehoused()
    pledge.hang_up()
    confirmed(scene, pledge.go_on().serial)


def test_sigterm_does_not_wait_for_a_masa_that_hangs(make_scene):
    scene = make_scene({"limits": {"pledge-wait": "4 s", "shutdown": "1 s"},
                        "outgoing": {"timeout": "60 s"}}, masa=("--fault", "hang:1"))
    pledge = scene.independent()
    pledge.request = pledge.voucher_request()
    wire = pledge.connect()
    wire.send(header("POST", BRSKI + "requestvoucher", {
        "Host": HOST, "Content-Type": VOUCHER_TYPE, "Content-Length": len(pledge.request)}))
    wire.send(pledge.request)
    until(lambda: scene.status()["orders"]["running"] > 0, "the MASA is asked")
    os.kill(scene.programs["gatehoused"].process.pid, signal.SIGTERM)
    assert scene.wait_for_death() == 0
    pledge.hang_up()
    scene.start_gatehoused()
    confirmed(scene, pledge.go_on().serial)
    scene.restart_masa()  # what hangs is written down when the MASA ends
    requests = scene.asked(pledge.serial)
    assert [request["status"] for request in requests] in ([200, 0], [200, 503])
    assert len({request["sha256"] for request in requests}) == 1


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_idle_gatehoused_ends_at_once_with_status_0(make_scene, name):
    scene = make_scene()
    pledge = scene.independent().go_on()
    os.kill(scene.programs["gatehoused"].process.pid, getattr(signal, name))
    assert scene.wait_for_death() == 0
    assert pledge.wire.is_closed()

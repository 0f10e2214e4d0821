"""
Every way in which the reference pledge can be told to misbehave, before a real gatehoused: what the
pledge is told, what the administrator sees, and that nothing is given that should not be.
"""

import json
import re

import pytest

from pledge_stage import Outcome
from scene import until
from wire import HOST

OK, FAILED, USAGE, NETWORK, REFUSED, ENROLMENT = 0, 1, 2, 3, 5, 8


@pytest.fixture(scope="module", name="scene")
def fixture_scene(make_scene):
    """Quick to cut off who is slow."""
    return make_scene({"limits": {"handshake": "1 s", "header": "1 s",
                                  "body": "1 s"}})


def misbehave(scene, serial, *faults, options=()):
    """The reference pledge with these faults at the registrar's door; its Outcome."""
    arguments = [argument for fault in faults for argument in ("--fault", fault)]
    run = scene.run("gatehouse-pledge", "--identity", scene.maker / "pledges" / serial,
                    "--registrar", f"https://{HOST}:{scene.port}",
                    "--masa-anchors", scene.maker / "masa-anchors.pem", "--json", "--out", scene.out,
                    "--resolve", f"{HOST}:{scene.port}:127.0.0.1", "--patience", "20 s",
                    "--max-wait", "50 ms", *arguments, *options, check=False)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    struck = [line["note"] for line in lines if line["step"] == "fault"]
    assert {fault.partition(":")[0] for fault in faults} <= set(struck), run.stdout + run.stderr
    return Outcome(run.returncode, lines, run.stdout, run.stderr)


def goes_well_afterwards(scene, serial):
    """The same device, behaving, is onboarded: nothing sticks."""
    run = scene.run("gatehouse-pledge", "--identity", scene.maker / "pledges" / serial,
                    "--registrar", f"https://{HOST}:{scene.port}", "--max-wait", "50 ms",
                    "--masa-anchors", scene.maker / "masa-anchors.pem",
                    "--resolve", f"{HOST}:{scene.port}:127.0.0.1")
    return "onboarded" in run.stdout


# Voucher requests.

REQUESTS = {
    "bad-signature": (403, "request-signature"),
    "wrong-signer": (403, "request-signer"),
    "wrong-serial": (403, "serial-mismatch"),
    "wrong-proximity": (401, "proximity"),
    "no-proximity": (401, "proximity"),
    "no-assertion": (401, "missing-assertion"),
    "no-nonce": (400, "nonce-missing"),
    "garbage": (400, None),
    "truncated": (400, None),
    "empty": (400, None),
    "wrong-media-type": (415, None),
}


@pytest.mark.parametrize("fault", REQUESTS)
def test_wrong_voucher_request_gets_nothing(scene, fault):
    status, problem = REQUESTS[fault]
    serial = scene.device()
    outcome = misbehave(scene, serial, fault)
    assert outcome.status == REFUSED and outcome.statuses("voucher") == [status]
    assert scene.asked(serial) == [] and scene.nothing_issued(serial)
    if problem is not None:
        scene.trouble(serial, problem)
    assert goes_well_afterwards(scene, serial)


def test_huge_voucher_request_is_cut_off(scene):
    serial = scene.device()
    outcome = misbehave(scene, serial, "huge")
    assert outcome.status in (NETWORK, REFUSED)
    assert set(outcome.statuses("voucher")) <= {413}
    assert scene.asked(serial) == [] and goes_well_afterwards(scene, serial)


@pytest.mark.parametrize("fault", ["stalled-handshake", "header-drip", "body-drip"])
def test_slow_pledge_is_cut_off(scene, fault):
    """GROUND: an idle timer would not do."""
    serial = scene.device()
    outcome = misbehave(scene, serial, fault)
    assert outcome.status == NETWORK and outcome.codes == [14]
    assert scene.asked(serial) == [] and goes_well_afterwards(scene, serial)


def test_half_a_request_is_nothing(scene):
    serial = scene.device()
    assert misbehave(scene, serial, "half-request").status == NETWORK
    assert scene.asked(serial) == [] and goes_well_afterwards(scene, serial)


def test_pledge_that_hangs_up_finds_its_voucher_later(scene):
    """What it asked for goes on; the next time it begins anew."""
    serial = scene.device()
    assert misbehave(scene, serial, "hang-up").status == NETWORK
    until(lambda: scene.asked(serial), "the MASA is asked nevertheless")
    assert goes_well_afterwards(scene, serial)


def test_pledge_without_idevid_is_a_stranger(scene):
    serial = scene.device()
    outcome = misbehave(scene, serial, "no-certificate")
    assert outcome.status == REFUSED and outcome.statuses("voucher") == [404]
    assert scene.strangers()[0]["problem"] == "no-client-certificate"
    assert scene.asked(serial) == [] and scene.nothing_issued(serial)


def test_same_request_twice_is_one_request(scene):
    serial = scene.device()
    outcome = misbehave(scene, serial, "twice")
    assert outcome.status == OK and set(outcome.statuses("voucher")) <= {200, 202}
    assert len(scene.asked(serial)) == 1 and len(scene.vouchers_issued(serial)) == 1


def test_nonce_in_other_octets_is_refused(scene):
    serial = scene.device()
    outcome = misbehave(scene, serial, "reused-nonce")
    assert outcome.status == REFUSED and outcome.statuses("voucher")[-1] == 403
    scene.trouble(serial, "nonce-reused")
    assert len(scene.asked(serial)) == 1


def test_many_nonces_end_with_a_limit_or_a_voucher(scene):
    """A pledge may try again and again, within reason; nothing piles up."""
    serial = scene.device()
    outcome = misbehave(scene, serial, "many-nonces")
    assert outcome.status in (OK, REFUSED)
    assert len(outcome.statuses("voucher")) >= 21
    assert len(scene.vouchers_issued(serial)) <= 21
    until(lambda: scene.status()["orders"]["open"] == 0, "nothing is left to do")


def test_impatient_pledge_starts_nothing_new(make_scene):
    scene = make_scene({"limits": {"pledge-wait": "100 ms"}}, masa=["--fault", "slow:1",
                                                                    "--slow", "1 s"])
    serial = scene.device()
    outcome = misbehave(scene, serial, "impatient")
    assert outcome.status == OK and outcome.statuses("voucher").count(202) > 3
    assert len(scene.asked(serial)) == 1


# Reports.


def test_enrolment_does_not_wait_for_a_report(scene):
    serial = scene.device()
    assert misbehave(scene, serial, "no-voucher-status").status == OK
    assert scene.episode(serial)["voucher-report"] == "none"


def test_pledge_that_declined_gets_no_certificate(scene):
    serial = scene.device()
    outcome = misbehave(scene, serial, "false-voucher-status")
    assert outcome.status == ENROLMENT and "403" in outcome.end["reason"]
    scene.trouble(serial, "pledge-declined-voucher")
    assert scene.certificates(serial) == []


def test_hostile_reports_hurt_nobody(scene):
    serial = scene.device()
    outcome = misbehave(scene, serial, "hostile-telemetry")
    assert outcome.status == OK
    shown = scene.ctl("devices", "show", serial).stdout
    log = scene.programs["gatehoused"].log_text()
    for text in (shown, log):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", text)
    assert 'level=error message="forged"' not in log


@pytest.mark.parametrize("fault,status", [("huge-telemetry", 413), ("garbage-telemetry", 400)])
def test_reports_that_are_none_change_nothing(scene, fault, status):
    serial = scene.device()
    outcome = misbehave(scene, serial, fault)
    assert outcome.status == OK
    assert set(outcome.statuses("voucher_status") + outcome.statuses("enrollstatus")) <= {status}
    assert scene.episode(serial)["stage"] == "enrolled"


@pytest.mark.parametrize("fault", ["no-enrollstatus", "false-enrollstatus"])
def test_certificate_is_there_whatever_the_pledge_says_of_it(scene, fault):
    serial = scene.device()
    assert misbehave(scene, serial, fault).status == OK
    assert len(scene.certificates(serial)) == 1
    stage = scene.episode(serial)["stage"]
    assert stage == {"no-enrollstatus": "enrolled", "false-enrollstatus": "enrol-failed"}[fault]


# Enrolment.


def test_enrolment_before_a_voucher_is_refused(scene):
    serial = scene.device()
    outcome = misbehave(scene, serial, "enrol-first")
    assert outcome.statuses("simpleenroll")[0] == 403 and outcome.status == OK
    assert len(scene.certificates(serial)) == 1


def test_request_without_csr_attributes_is_judged_by_them(scene):
    """RFC 8995 5.9.2: also who has not asked is held to them."""
    serial = scene.device()
    outcome = misbehave(scene, serial, "no-csrattrs")
    assert outcome.status == ENROLMENT and outcome.statuses("simpleenroll")[-1] == 400
    scene.trouble(serial, "csr-not-as-asked")
    assert scene.certificates(serial) == []


CSRS = {
    "csr-other-name": "csr-not-as-asked",
    "csr-ca": "csr-not-as-asked",
    "csr-cmcra": "csr-not-as-asked",
    "csr-weak-key": "csr-not-as-asked",
    "csr-bad-signature": "csr-proof-of-possession",
    "csr-garbage": "csr-malformed",
    "csr-truncated": "csr-malformed",
}


@pytest.mark.parametrize("fault", CSRS)
def test_wrong_certification_request_gets_nothing(scene, fault):
    serial = scene.device()
    outcome = misbehave(scene, serial, fault)
    assert outcome.status == ENROLMENT and outcome.codes == [61]
    assert outcome.statuses("simpleenroll")[-1] == 400
    scene.trouble(serial, CSRS[fault])
    assert scene.certificates(serial) == []
    assert goes_well_afterwards(scene, serial)


def test_another_subject_is_not_given(scene):
    serial = scene.device()
    outcome = misbehave(scene, serial, "csr-other-subject")
    assert outcome.status == ENROLMENT
    assert all("somebody-else" not in json.dumps(each) for each in scene.certificates(serial))


def test_huge_certification_request_is_cut_off(scene):
    serial = scene.device()
    outcome = misbehave(scene, serial, "csr-huge")
    assert outcome.status == ENROLMENT and scene.certificates(serial) == []


def test_certificates_on_and_on_end_with_a_limit(scene):
    serial = scene.device()
    outcome = misbehave(scene, serial, "enrol-repeatedly")
    assert outcome.status == OK
    issued = outcome.statuses("simpleenroll").count(200)
    assert issued == len(scene.certificates(serial)) < 21
    scene.trouble(serial, "too-many-enrolments")


# The options themselves.


def test_fault_can_be_for_the_first_times_only(scene):
    serial = scene.device()
    outcome = misbehave(scene, serial, "garbage:1", options=["--attempts", 2, "--retry-wait", "1 ms"])
    assert outcome.status == OK and outcome.codes == [35]


@pytest.mark.parametrize("fault", ["bad-signatur", "garbage:0", "garbage:x"])
def test_unknown_fault_is_a_wrong_command_line(scene, fault):
    run = scene.run("gatehouse-pledge", "--identity", "x", "--registrar", "https://x",
                    "--masa-anchors", "x", "--fault", fault, check=False)
    assert run.returncode == USAGE and "--fault" in run.stderr


def test_every_fault_is_tried_here():
    """What --help lists and this file knows."""
    text = open(__file__).read()
    header = open(__file__.replace("tests/flow/test_pledge_faults.py", "lab/pledge_fault.h")).read()
    for name in re.findall(r'X\(PF_\w+,\s+"([a-z-]+)"', header):
        assert f'"{name}' in text, name

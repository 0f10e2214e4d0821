"""Full CMC: secrets in its own words, requests that wait, deaths, and what is seen of it."""

import contextlib
import hashlib
import json
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization

import cmc
from cmc_stage import by_key, fixture_est, fresh, issued, name_of, post, refused, say
from fakes import FakeMasa, Maker, reply
from pledge import EST, in_lines
from scene import until
from test_crash import KILLED, failpoints
from test_est_labels import PASSWORD, ask, enrolled, identity, make_csr, make_key, secret
from test_siege import shim
from wire import Wire

__all__ = ["fixture_est"]


# Secrets in CMC's own words.


@pytest.fixture(scope="module", name="knowing")
def fixture_knowing(est):
    """A user whose secret was made for Full CMC."""
    return secret(est, "knowing", "--cmc", "--unlimited")


def proven(user, key, name, password=PASSWORD, proof=None, **options):
    requests = [cmc.pkcs10(cmc.REQUEST, make_csr([name], key, name))]
    more = [cmc.control(30, cmc.IDENTIFICATION, cmc.utf8(user)),
            proof or cmc.identity_proof(31, password, user, requests, **options)]
    return cmc.sign(cmc.message(*requests, more=more), key)


def test_identity_proof_stands_for_the_password(est, knowing):
    key, name = fresh()
    issued(say(est, proven(knowing, key, name), 200, user=None), key)
    line, = est.ctl_json("certificates", "list", "--name", name)
    assert line["client"] == "secret:knowing"
    requests = [cmc.pkcs10(cmc.REQUEST, make_csr([name], key, name))]
    old = cmc.control(31, cmc.IDENTITY_PROOF, cmc.witness(
        hashlib.sha256(PASSWORD.encode()).digest(), cmc.sequence(*requests)))
    more = [cmc.control(30, cmc.IDENTIFICATION, cmc.utf8(knowing)), old]
    issued(say(est, cmc.sign(cmc.message(*requests, more=more), key), 200, user=None), key)


def test_wrong_identity_proof_is_none(est, knowing):
    key, name = fresh()
    for octets, options in (
            (proven(knowing, key, name, password="something else"), {"user": None}),
            (proven("lab", key, name), {"user": None}),  # not made for it
            (proven("nobody", key, name), {"user": None}),
            (proven(knowing, key, name, password="something else"), {"user": knowing}),
            (proven(knowing, key, name), {"user": "lab"})):
        refused(est, octets, 403, cmc.BAD_IDENTITY, [0], **options)
    refused(est, proven(knowing, key, name, hash_with="1.3.14.3.2.26"), 400, cmc.BAD_ALG, [0],
            user=None)
    # A proof over another request.
    proof = cmc.identity_proof(31, PASSWORD, knowing, [cmc.pkcs10(1, make_csr([], key, name))])
    refused(est, proven(knowing, key, name, proof=proof), 403, cmc.BAD_IDENTITY, [0], user=None)
    assert any(line["problem"] == "cmc-identity" for line in est.strangers())


def linked(key, name, witness=None, random=b"random", secret_=PASSWORD, of_crmf=False):
    made = cmc.witness(hashlib.sha256(secret_.encode()).digest(), b"random")
    if of_crmf:
        regulation = cmc.sequence(cmc.identifier(cmc.LINK_WITNESS), made)
        request = cmc.crmf(cmc.REQUEST, key, name_of(name), controls=[regulation])
    else:
        request = cmc.pkcs10(cmc.REQUEST, make_csr([name], key, name))
    more = [] if of_crmf or witness is False else [cmc.control(32, cmc.LINK_WITNESS, made)]
    if random:
        more.append(cmc.control(33, cmc.LINK_RANDOM, cmc.octets(random)))
    return cmc.sign(cmc.message(request, more=more), key)


def test_link_of_secret_and_key_is_verified(est, knowing):
    for of_crmf in (False, True):
        key, name = fresh()
        issued(say(est, linked(key, name, of_crmf=of_crmf), 200, user=knowing), key)
        key, name = fresh()
        octets = linked(key, name, secret_="another secret", of_crmf=of_crmf)
        refused(est, octets, 400, cmc.POP_FAILED, user=knowing)
    key, name = fresh()
    for octets in (linked(key, name, random=b"another"), linked(key, name, random=None),
                   linked(key, name, witness=False)):
        refused(est, octets, 400, cmc.POP_FAILED, user=knowing)


# What an administrator sees of it.


def inspected(est, tmp_path, octets, *options, check=True):
    (tmp_path / "message").write_bytes(octets)
    run = est.ctl("inspect", tmp_path / "message", "--json", *options, check=False)
    assert not check or run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_messages_can_be_inspected(est, tmp_path):
    key, name = fresh()
    request = cmc.crmf(cmc.REQUEST, key, name_of(name))
    octets = cmc.sign(cmc.message(request), key)
    seen = inspected(est, tmp_path, octets)
    assert (seen["kind"], seen["signature"]["verifies"]) == ("cmc-request", True)
    assert seen["sender-nonce"] == b"nonce-of-client!".hex()
    assert [each["body-part"] for each in seen["controls"]] == ["1", "2"]
    asked, = seen["requests"]
    assert (asked["kind"], asked["subject"], asked["proof"]) == \
        ("crmf-request", f"CN={name}", "signature")
    wrong = cmc.crmf(cmc.REQUEST, key, name_of(name), signer=make_key())
    seen = inspected(est, tmp_path, cmc.sign(cmc.message(wrong), key), check=False)
    assert seen["requests"][0]["signature"]["verifies"] is False
    reply = post(est, octets)
    seen = inspected(est, tmp_path, reply.body, "--anchor", est.owner / "pki" / "root.pem")
    assert (seen["kind"], seen["status"], seen["chain"]["verifies"]) == \
        ("cmc-response", "success", True)
    assert seen["about"] == [{"body-part": str(cmc.REQUEST)}]
    reply = post(est, octets, user=None)
    seen = inspected(est, tmp_path, reply.body)
    assert (seen["status"], seen["failure"]) == ("failed", "authDataFail")


# Requests that wait.


@pytest.fixture(scope="module", name="held")
def fixture_held(est):
    est.ctl("labels", "add", "held", "--authenticate", "password", "--authenticate", "certificate",
            "--domain", "held.example.com", "--approval", "yes", "--full-cmc", "yes")
    secret(est, "held", "--uses", "2", label="held")
    secret(est, "other", label="held")
    return {"label": "held", "user": "held"}


def wait_for_decision(est, held, name):
    """A request that waits: its octets, key and token."""
    key = make_key()
    octets = by_key(key, name)
    reply = post(est, octets, **held)
    assert reply.status == 202 and reply.retry_after, reply
    answer = cmc.opened(reply, est.owner, est.scratch)
    assert (answer.status, answer.parts) == (cmc.PENDING, [cmc.REQUEST])
    assert answer.until.endswith("Z")
    return octets, key, answer.token


def decide(est, what):
    order, = est.ctl_json("orders", "list", "--state", "waiting")
    est.ctl("orders", what, order["id"])


def query(key, token):
    return cmc.sign(cmc.message(more=[cmc.control(5, cmc.QUERY_PENDING, cmc.octets(token))]), key)


def test_request_waits_for_approval_and_is_asked_after(est, held):
    octets, key, token = wait_for_decision(est, held, "a.held.example.com")
    answer = say(est, query(key, token), 202, **held)
    assert (answer.status, answer.token) == (cmc.PENDING, token)
    decide(est, "approve")
    mine = issued(say(est, octets, 200, **held), key)
    answer = say(est, query(key, token), 200, **held)
    assert (answer.status, answer.parts) == (cmc.SUCCESS, [0]) and mine in answer.certificates
    # Neither for another client nor with another key.
    refused(est, query(key, token), 400, cmc.BAD_REQUEST, [0], **{**held, "user": "other"})
    refused(est, query(make_key(), token), 400, cmc.BAD_MESSAGE_CHECK, [0], **held)
    refused(est, query(key, os.urandom(16)), 400, cmc.BAD_REQUEST, [0], **held)
    # What was revoked is not handed out again.
    est.ctl("certificates", "revoke", "--yes", f"{mine.serial_number:040x}")
    refused(est, query(key, token), 400, cmc.BAD_REQUEST, [0], **held)


def test_request_that_is_declined_is_refused(est, held):
    octets, _, _ = wait_for_decision(est, held, "b.held.example.com")
    decide(est, "decline")
    refused(est, octets, 403, cmc.BAD_REQUEST, [0], **held)


def test_device_whose_log_is_not_judged_yet_comes_again(make_scene):
    scene = make_scene({"limits": {"pledge-wait": "100 ms"}}, masa=None)
    scene.ctl("labels", "add", "default", "--full-cmc", "yes")
    fake = FakeMasa(scene.masa_port, (scene.maker / "masa-tls.pem", scene.maker / "masa-tls.key"))
    try:
        pledge = scene.independent()
        fake.says(pledge.serial, "requestvoucher",
                  Maker(scene.maker).voucher_reply(assertion="proximity"))
        fake.says(pledge.serial, "requestauditlog", reply(503, b"not now"))
        pledge.go_on("voucher")
        pledge.get_cacerts()
        pledge.get_csrattrs()
        request = cmc.pkcs10(cmc.REQUEST, pledge.csr())
        key = serialization.load_pem_private_key(pledge.identity[1].read_bytes(), None)
        octets = cmc.sign(cmc.message(request), key, pledge.idevid)
        later = pledge.ask("POST", EST + "fullcmc", in_lines(octets), content_type=cmc.REQUEST_TYPE)
        assert later.status == 202 and later.retry_after
        answer = cmc.opened(later, scene.owner, scene.folder / "answers")
        assert (answer.status, answer.failure) == (cmc.FAILED, cmc.TRY_LATER)
        assert scene.certificates(pledge.serial) == []
    finally:
        fake.close()


# Deaths.


@pytest.mark.parametrize("moment", [name for name in failpoints() if name.startswith("enrol-")])
def test_death_of_the_daemon_issues_nothing_twice(est, moment):
    key, name = fresh()
    octets = by_key(key, name)
    est.restart_gatehoused(env={"GATEHOUSE_FAILPOINT": moment})
    with pytest.raises(OSError):
        post(est, octets)
    assert est.wait_for_death() == KILLED
    est.start_gatehoused()
    until(lambda: post(est, octets).status == 200, "the certificate")
    mine = issued(say(est, octets, 200), key)
    line, = est.ctl_json("certificates", "list", "--name", name)
    assert int(line["serial-number"], 16) == mine.serial_number


# Ended certificates.


def test_certificate_that_has_ended_renews_itself_and_nothing_else(est, tmp_path):
    est.ctl("profiles", "add", "short", "--validity", "2 h")
    est.ctl("labels", "add", "grace", "--authenticate", "password", "--authenticate", "certificate",
            "--domain", "grace.example.com", "--renew-after", "30 d", "--profile", "short",
            "--full-cmc", "yes")
    secret(est, "grace", label="grace")
    key, name = make_key(), "a.grace.example.com"
    certificate = enrolled(ask(est, make_csr([name], key, name), label="grace", user="grace"))
    options = {"label": "grace", "user": None, "files": identity(tmp_path, certificate, key)}
    est.pass_time(timedelta(hours=3))
    other = make_csr(["b.grace.example.com"], make_key())
    refused(est, cmc.sign(cmc.message(cmc.pkcs10(cmc.REQUEST, other)), key, certificate), 404,
            cmc.BAD_CERT_ID, [0], **options)
    own = make_key()
    request = cmc.pkcs10(cmc.REQUEST, make_csr([name], own, name))
    issued(say(est, cmc.sign(cmc.message(request), key, certificate), 200, **options), own)


# A slow token.


def test_refusals_take_no_more_than_their_share_of_a_slow_token(make_scene):
    """Anybody can be refused: so many answers are signed at once, others are said in HTTP alone."""
    if not shim().is_file():
        pytest.skip(f"{shim()} is not built (GATEHOUSE_TESTS)")
    scene = make_scene({"token": {"module": str(shim())}})
    scene.ctl("labels", "add", "open", "--authenticate", "password", "--full-cmc", "yes")
    scene.restart_gatehoused(env={"TOKEN_SHIM_SIGN_TAKES_MS": "900"})
    with ThreadPoolExecutor(8) as pool, contextlib.ExitStack() as wires:
        opened = [wires.enter_context(wire)
                  for wire in pool.map(lambda _: Wire(scene.port), range(8))]
        replies = list(pool.map(lambda wire: wire.request(
            "POST", EST + "open/fullcmc", in_lines(b"nothing"), content_type=cmc.REQUEST_TYPE),
            opened))
    assert {reply.status for reply in replies} == {401}
    kinds = Counter(reply.media_type for reply in replies)
    assert kinds["application/pkcs7-mime"] >= 4
    assert sum(kinds.values()) > kinds["application/pkcs7-mime"]

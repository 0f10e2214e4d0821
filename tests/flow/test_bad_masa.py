"""
MASAs that are away, slow, wrong or hostile.  The pledge must be told to wait, or that there is no
voucher; the administrator must find out why, and what to do; no bad voucher may reach the pledge.
"""

import json
from datetime import datetime, timedelta

import pytest

from fakes import FakeMasa, LOG_TYPE, Maker, log_reply, make_identity, moment, reply
from pledge import EST, VOUCHER_TYPE, binary, certificate_in
from scene import until

HASTY = {"limits": {"pledge-wait": "100 ms"}}
SHORT = {"outgoing": {"connect-timeout": "500 ms", "timeout": "500 ms"}}


@pytest.fixture(scope="module", name="told")
def fixture_told(make_scene):
    """A stage whose MASA is a fake that says what it is told."""
    scene = make_scene(SHORT, masa=None)
    scene.fake = FakeMasa(scene.masa_port, (scene.maker / "masa-tls.pem",
                                            scene.maker / "masa-tls.key"))
    scene.signing = Maker(scene.maker)
    yield scene
    scene.fake.close()


def asks(pledge):
    """The pledge's request and the answer to it."""
    pledge.request = pledge.request or pledge.voucher_request()
    return pledge.post_request(pledge.request)


def asks_until_it_is_given(pledge):
    """Asks the identical until a refusal that can be lifted has had its time and is tried again."""
    return until(lambda: (answer := asks(pledge)).status == 200 and answer, "a voucher", limit=10)


# Answers that end it.

REFUSALS = {
    # the MASA's answer: (it, the pledge's status, problem, whether the MASA is asked again)
    "401": (reply(401, b"who are you?"), 502, "masa-credentials", True),
    "403": (reply(403, b"stale"), 403, "masa-refused", False),
    "404": (reply(404, b"not ours"), 404, "masa-unknown-device", False),
    "406": (reply(406, b"cannot"), 406, "masa-form", False),
    "415": (reply(415, b"what?"), 415, "masa-media-type", False),
    "400": (reply(400, b"malformed"), 502, "masa-answer", True),
    "204": (reply(204), 502, "masa-answer", True),
    "redirect": (reply(307, location="https://elsewhere.example/"), 502, "masa-answer", True),
    "redirect to itself":
        (reply(302, location="/.well-known/brski/requestvoucher"), 502, "masa-answer", True),
    "200 with nothing": (reply(200, b"", VOUCHER_TYPE), 502, "masa-answer", True),
    "200 with garbage": (reply(200, bytes(range(256)), VOUCHER_TYPE), 502, "masa-answer", True),
    "200 with a page": (reply(200, b"<html>Welcome</html>", "text/html"), 502, "masa-answer", True),
    "200 without media type": (reply(200, b"something"), 502, "masa-answer", True),
    "200 with the request": (lambda rvr: reply(200, rvr, VOUCHER_TYPE), 502, "masa-answer", True),
}


@pytest.mark.parametrize("answer,status,problem,again", REFUSALS.values(), ids=REFUSALS)
def test_refusal_of_the_masa_reaches_the_pledge(told, answer, status, problem, again):
    pledge = told.independent()
    told.fake.says(pledge.serial, "requestvoucher", answer, told.signing.voucher_reply())
    assert asks(pledge).status == status
    told.trouble(pledge.serial, problem)
    assert told.nothing_issued(pledge.serial)
    assert len(told.fake.asked(pledge.serial)) == 1
    # what an administrator can set right is asked for again, with the identical request
    if again:
        asks_until_it_is_given(pledge)
    else:
        assert asks(pledge).status == status
    assert len(told.fake.asked(pledge.serial)) == (2 if again else 1)
    assert len(set(told.fake.asked(pledge.serial))) == 1


def test_words_of_the_masa_cannot_harm_the_terminal(told):
    pledge = told.independent()
    told.fake.says(pledge.serial, "requestvoucher", reply(403, b"\x1b[2J\xff\x00 evil"))
    assert asks(pledge).status == 403
    detail = told.trouble(pledge.serial, "masa-refused")["detail"]
    assert "evil" in detail and detail.isprintable()


def test_refused_device_may_begin_anew(told):
    pledge = told.independent()
    told.fake.says(pledge.serial, "requestvoucher", reply(403, b"no"), told.signing.voucher_reply())
    assert asks(pledge).status == 403
    pledge.begin()
    assert asks(pledge).status == 200


# Vouchers that are not handed out.


def by_a_stranger(scene):
    signer = make_identity(scene.folder / "stranger", "signer")
    return {"signer": signer}


def by_a_device(scene):
    return {"signer": scene.identity(scene.device())}


VOUCHERS = {
    # what is wrong with the voucher: (its changes, problem)
    "another serial number": (lambda s: {"serial_number": "PHONE-X"}, "voucher-serial"),
    "no serial number": (lambda s: {"serial_number": None}, "voucher-serial"),
    "another nonce": (lambda s: {"nonce": binary(b"n" * 16)}, "voucher-nonce"),
    "no nonce": (lambda s: {"nonce": None}, "voucher-nonce"),
    "another issuer": (lambda s: {"idevid_issuer": binary(b"i" * 24)}, "voucher-issuer"),
    "it has expired": (lambda s: {"expires_on": moment(timedelta(hours=1))}, "voucher-expired"),
    "it pins another certificate":
        (lambda s: {"pinned_domain_cert": certificate_in(s.maker / "ca.pem")}, "voucher-pin"),
    "it pins nothing": (lambda s: {"pinned_domain_cert": None}, "voucher-pin"),
    "it pins no certificate": (lambda s: {"pinned_domain_cert": binary(b"\0")}, "voucher-pin"),
    "signed by a stranger": (by_a_stranger, "voucher-untrusted"),
    "signed by a device of the same maker": (by_a_device, "voucher-untrusted"),
}


@pytest.mark.parametrize("changes,problem", VOUCHERS.values(), ids=VOUCHERS)
def test_wrong_voucher_is_not_handed_out(told, changes, problem):
    pledge = told.independent()
    told.fake.says(pledge.serial, "requestvoucher", told.signing.voucher_reply(**changes(told)),
                   told.signing.voucher_reply())
    assert asks(pledge).status == 406
    told.trouble(pledge.serial, problem)
    assert told.nothing_issued(pledge.serial)
    asks_until_it_is_given(pledge)  # the right one
    assert len(told.fake.asked(pledge.serial)) == 2


def test_voucher_with_a_wrong_signature_is_not_handed_out(told):
    def spoiled(rvr):
        voucher = bytearray(told.signing.voucher(rvr))
        voucher[-1] ^= 1
        return reply(200, bytes(voucher), VOUCHER_TYPE)
    pledge = told.independent()
    told.fake.says(pledge.serial, "requestvoucher", spoiled)
    assert asks(pledge).status == 406
    told.trouble(pledge.serial, "voucher-signature")
    assert told.nothing_issued(pledge.serial)


@pytest.mark.parametrize("fault,problem", [
    ("wrong-serial", "voucher-serial"), ("wrong-nonce", "voucher-nonce"),
    ("wrong-pin", "voucher-pin"), ("expired", "voucher-expired"),
    ("unsigned", "voucher-signature"), ("redirect", "masa-answer")])
def test_faults_of_the_reference_masa_are_seen(scene, fault, problem):
    scene.restart_masa("--fault", fault + ":1")
    pledge = scene.independent()
    assert asks(pledge).status == (502 if problem == "masa-answer" else 406)
    scene.trouble(pledge.serial, problem)
    assert scene.nothing_issued(pledge.serial)
    asks_until_it_is_given(pledge)
    assert pledge.go_on().done
    assert len(scene.vouchers_issued(pledge.serial)) == 1


# What passes: the pledge waits.

DELAYS = {
    # the MASA's answer: (it, problem)
    "500": (reply(500, b"oops"), "masa-failed"),
    "503 that says when": (reply(503, b"", retry_after=1), "masa-failed"),
    "202": (reply(202, b"", retry_after=1), "masa-working"),
    "202 that does not say when": (reply(202), "masa-working"),
    "closes without a word": (b"", "peer-answer"),
    "breaks off":
        (reply(200, b"x" * 50, VOUCHER_TYPE, connection="close").replace(b"50", b"500"),
         "peer-answer"),
    "no HTTP": (b"220 mail.maker.example ESMTP\r\n\r\nConnection: close", "peer-not-http"),
    "huge": (reply(200, b"v" * (2 << 20), VOUCHER_TYPE), "peer-answer-too-large"),
}


def test_masa_that_is_away_for_a_day_is_asked_again_within_the_hour(told):
    """And the pledge hears of whole seconds, at most 60 (RFC 8995 5.6)."""
    pledge = told.independent()
    told.fake.says(pledge.serial, "requestvoucher", reply(503, b"", retry_after=86400))
    answer = asks(pledge)
    assert answer.status == 202
    assert 1 <= answer.retry_after <= 60
    assert answer.media_type in ("", "text/plain")
    until(lambda: told.fake.asked(pledge.serial), "the MASA is asked")
    device = told.shown(pledge.serial)["device"]["id"]
    order, = told.ctl_json("orders", "list", "--device", device)
    until(lambda: told.ctl_json("orders", "show", order["id"])["attempts"] == 1, "one attempt")
    order = told.ctl_json("orders", "show", order["id"])
    created, due = (datetime.fromisoformat(order[name]) for name in ("created", "due"))
    assert timedelta(minutes=59) < due - created < timedelta(minutes=62)


@pytest.mark.parametrize("answer,problem", DELAYS.values(), ids=DELAYS)
def test_pledge_waits_while_the_masa_cannot(told, answer, problem):
    pledge = told.independent()
    told.fake.says(pledge.serial, "requestvoucher", answer, answer, told.signing.voucher_reply())
    answer = pledge.patiently(lambda: asks(pledge))
    assert answer.status == 200
    told.trouble(pledge.serial, problem)
    # the same trouble twice is told once
    assert len([e for e in told.events(pledge.serial) if e.get("problem") == problem]) == 1
    assert len(told.fake.asked(pledge.serial)) == 3
    assert len(set(told.fake.asked(pledge.serial))) == 1


@pytest.fixture(scope="module", name="away")
def fixture_away(make_scene, scene):
    """A stage where nobody waits long, and a fake MASA with certificates of another CA."""
    stage = make_scene({**HASTY, **SHORT})
    folder = stage.folder / "other"
    stage.run("gatehouse-maker", "init", folder, "--name", "Other", "--masa", "localhost",
              "--cloud", "cloud.other.example")
    stage.fake = FakeMasa(0, (folder / "masa-tls.pem", folder / "masa-tls.key"))
    yield stage
    stage.fake.close()


PLACES = {
    # where the IDevID says that the MASA is: (MASA URL, problem)
    "a name that does not exist": (lambda s: "masa.invalid", "peer-unresolved"),
    "a private address": (lambda s: "10.11.12.13", "peer-address"),
    "the metadata service of a cloud": (lambda s: "169.254.169.254:80", "peer-address"),
    "an IPv6 loopback": (lambda s: "[::1]:9", "peer-address"),
    "a port where nobody listens": (lambda s: "127.0.0.1:9", "peer-unreachable"),
    "a certificate of another CA": (lambda s: f"localhost:{s.fake.port}", "peer-tls"),
    "a certificate for another name": (lambda s: f"127.0.0.1:{s.masa_port}", "peer-tls"),
    "a port that speaks no TLS": (lambda s: f"127.0.0.1:{s.port}", "peer-tls"),
}


@pytest.mark.parametrize("place,problem", PLACES.values(), ids=PLACES)
def test_pledge_waits_while_the_masa_is_not_reached(away, place, problem):
    pledge = away.independent(away.device("--masa", place(away)))
    answer = asks(pledge)
    assert answer.status == 202
    assert 1 <= answer.retry_after <= 60
    assert away.trouble(pledge.serial, problem)["event"] == "masa-not-reached"
    assert asks(pledge).status == 202
    assert away.nothing_issued(pledge.serial)
    assert away.asked(pledge.serial) == []
    assert not [who for who in away.fake.seen if who[0] == pledge.serial]


def test_hanging_masa_keeps_nobody_waiting(away):
    away.restart_masa("--fault", "hang")
    pledge = away.independent()
    assert asks(pledge).status == 202
    assert away.trouble(pledge.serial, "peer-timeout")["event"] == "masa-not-reached"
    away.restart_masa()
    assert pledge.go_on().done
    assert len({request["sha256"] for request in away.asked(pledge.serial)}) == 1
    assert len(away.vouchers_issued(pledge.serial)) == 1


def test_masa_url_that_is_not_https_is_refused(away):
    pledge = away.independent(away.device("--masa", "ftp://masa.maker.example/"))
    assert asks(pledge).status == 403
    away.trouble(pledge.serial, "masa-url")


# Audit logs.


def with_event(**event):
    def change(log, _):
        log["events"].append({"date": moment(timedelta(days=30)), "domainID": binary(b"f" * 20),
                              "nonce": "AAAAAAAAAAA=", "assertion": "logged", "truncated": "0",
                              **event})
        return log
    return change


def truncated(log, _):
    log["truncation"]["arbitrary"] = "3"
    return log


VERDICTS = {
    # what the log shows: (its change, problem in the timeline)
    "another owner": (with_event(), "log-foreign-domain"),
    "another owner, without nonce": (with_event(nonce=None), "log-foreign-domain"),
    "entries dropped at will": (truncated, "log-truncated"),
}


def imprinted(told, log):
    """A pledge that has its voucher; the fake MASA has that log for it."""
    pledge = told.independent()
    told.fake.says(pledge.serial, "requestvoucher",
                   told.signing.voucher_reply(assertion="proximity"))
    told.fake.says(pledge.serial, "requestauditlog", *(log if isinstance(log, tuple) else (log,)))
    return pledge.go_on("voucher")


def told_to_ask_for(scene):
    """CSR attributes as any device gets them; only the name in them differs."""
    return scene.independent().go_on("csrattrs").attributes


def check_log_refused(scene, pledge, problem):
    pledge.attributes = pledge.attributes or told_to_ask_for(scene)
    answer = pledge.patiently(lambda: pledge.post_csr(pledge.csr()))
    assert answer.status == 403
    assert scene.trouble(pledge.serial, problem)["event"] == "audit-log-refused"
    scene.trouble(pledge.serial, "audit-log-refused")
    episode = scene.episode(pledge.serial)
    assert (episode["stage"], episode["log-verdict"]) == ("log-refused", "refused")
    assert episode["closed-because"]
    assert scene.certificates(pledge.serial) == []
    # the gate is closed for good, and the old request with it
    assert pledge.ask("GET", EST + "csrattrs").status == 403
    assert pledge.post_request(pledge.request).status == 403


@pytest.mark.parametrize("change,problem", VERDICTS.values(), ids=VERDICTS)
def test_audit_log_that_speaks_against_the_device_ends_it(told, scene, change, problem):
    pledge = imprinted(told, log_reply(change))
    pledge.tell_voucher_status()
    pledge.attributes = told_to_ask_for(scene)
    check_log_refused(told, pledge, problem)


@pytest.mark.parametrize("fault,problem", [
    ("log-foreign", "log-foreign-domain"), ("log-nonceless", "log-foreign-domain"),
    ("log-truncated", "log-truncated")])
def test_audit_log_faults_of_the_reference_masa_are_seen(scene, fault, problem):
    scene.restart_masa()
    attributes = told_to_ask_for(scene)
    scene.restart_masa("--fault", fault + ":1")
    pledge = scene.independent().go_on("status")
    pledge.attributes = attributes
    check_log_refused(scene, pledge, problem)


@pytest.fixture(scope="module", name="lenient")
def fixture_lenient(make_scene):
    """A stage where the owner with the domainID of with_event() is allowed to have been there."""
    scene = make_scene(masa=None, introduce=False)

    ca = certificate_in(scene.maker / "ca.pem")
    scene.api("POST", "/v1/manufacturers", {
        "name": "maker", "idevid-anchors": [ca], "masa-anchors": [ca],
        "voucher-anchors": [certificate_in(scene.maker / "masa-anchors.pem")],
        "masa-networks": ["127.0.0.0/8"], "allowed-domain-ids": [binary(b"f" * 20)]})
    scene.fake = FakeMasa(scene.masa_port, (scene.maker / "masa-tls.pem",
                                            scene.maker / "masa-tls.key"))
    scene.signing = Maker(scene.maker)
    yield scene
    scene.fake.close()


def test_audit_log_of_an_allowed_owner_is_accepted(lenient):
    pledge = imprinted(lenient, log_reply(with_event())).go_on()
    assert lenient.episode(pledge.serial)["log-entries"] == 2


def test_nonceless_voucher_of_an_allowed_owner_is_not(lenient, scene):
    pledge = imprinted(lenient, log_reply(with_event(nonce=None)))
    pledge.tell_voucher_status()
    pledge.attributes = told_to_ask_for(scene)
    check_log_refused(lenient, pledge, "log-nonceless")


@pytest.mark.parametrize("fault", ["log-missing:2", "5xx:2", "lost-reply:1"])
def test_audit_log_that_is_not_there_yet_is_waited_for(make_scene, fault):
    scene = make_scene(HASTY, masa=("--fault", fault, "--fault-on", "requestauditlog"))
    pledge = scene.independent().go_on()
    problem = {"log-missing:2": "log-without-our-entry", "5xx:2": "masa-failed"}.get(fault)
    if problem is not None:
        assert scene.trouble(pledge.serial, problem)["event"] == "audit-log-not-received"
    requests = scene.asked(pledge.serial, "requestauditlog")
    assert len(requests) == int(fault[-1]) + 1
    # RFC 8995 5.8: the very octets of the voucher request
    assert {request["sha256"] for request in requests} == {
        request["sha256"] for request in scene.asked(pledge.serial)}


def test_audit_log_with_numbers_as_strings_is_read(make_scene):
    scene = make_scene(masa=("--fault", "log-strings"))
    assert scene.independent().go_on().done


def stale(log, _):
    log["events"] = []
    return log


NO_VERDICTS = {
    # what comes instead of a log: (it, problem)
    "no JSON": (reply(200, b"no log today", LOG_TYPE), "log-malformed"),
    "no events": (log_reply(lambda log, _: {"version": 1}), "log-malformed"),
    "no version": (log_reply(lambda log, _: {"events": log["events"]}), "log-malformed"),
    "a counter that counts nothing":
        (log_reply(lambda log, _: {**log, "truncation": {"arbitrary": "some"}}), "log-malformed"),
    "a domainID that is none": (log_reply(with_event(domainID="~")), "log-malformed"),
    "deep nesting": (reply(200, b"[" * 4000, LOG_TYPE), "log-malformed"),
    "404": (reply(404, b"not yours"), "log-without-our-entry"),
    "401": (reply(401, b"who?"), "masa-credentials"),
    "an empty log": (log_reply(stale), "log-without-our-entry"),
    "a place elsewhere":
        (reply(201, location="https://elsewhere.example/log"), "masa-answer"),
    "a place on another port":
        (reply(201, location="https://masa.maker.example:1/log"), "masa-answer"),
    "201 and no place": (reply(201), "masa-answer"),
    "503": (reply(503), "masa-failed"),
}


@pytest.mark.parametrize("answer,problem", NO_VERDICTS.values(), ids=NO_VERDICTS)
def test_what_is_no_verdict_is_asked_for_again(told, answer, problem):
    pledge = imprinted(told, (answer, log_reply()))
    pledge.go_on()
    assert told.trouble(pledge.serial, problem)["event"] == "audit-log-not-received"
    assert len(told.fake.asked(pledge.serial, "requestauditlog")) == 2
    assert told.episode(pledge.serial)["log-verdict"] == "accepted"


@pytest.mark.parametrize("place", ["https://masa.maker.example:{port}/logs/{serial}",
                                   "HTTPS://MASA.maker.example:{port}/logs/{serial}",
                                   "/logs/{serial}"])
def test_audit_log_in_another_place_is_fetched_there(told, place):
    serial = told.device()
    path = f"/logs/{serial}"
    kept = {}

    def later(rvr):
        kept["log"] = log_reply()(rvr)
        return reply(201, location=place.format(port=told.masa_port, serial=serial))

    pledge = told.independent(serial)
    told.fake.says(serial, "requestvoucher", told.signing.voucher_reply(assertion="proximity"))
    told.fake.says(serial, "requestauditlog", later)
    told.fake.says(path, "GET", lambda _: kept["log"])
    pledge.go_on()
    assert len(told.fake.asked(path, "GET")) == 1


def test_log_is_judged_before_the_pledge_asks_for_a_certificate(told):
    """Also when it never says that it has taken the voucher."""
    pledge = imprinted(told, log_reply(with_event()))
    until(lambda: told.episode(pledge.serial).get("log-verdict") == "refused", "the verdict",
          limit=20)
    assert pledge.ask("GET", EST + "csrattrs").status == 403


def test_json_of_the_log_is_kept_as_it_came(lenient):
    def many(log, rvr):
        own = log["events"][0]
        other = {**own, "domainID": binary(b"f" * 20)}
        log["events"] = [own] + [{**other, "nonce": f"nonce-{at}"} for at in range(200)]
        return log
    pledge = imprinted(lenient, log_reply(many)).go_on()
    assert lenient.episode(pledge.serial)["log-entries"] == 201
    assert json.dumps(lenient.shown(pledge.serial))  # and can be shown

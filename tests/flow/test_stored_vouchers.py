"""
Vouchers without nonce, fetched ahead (RFC 8995 3.1, 5.5): asked for, kept, renewed, handed to the
device when its MASA is away and policy allows, and destroyed when the device leaves.
"""

import base64
import json
from datetime import datetime, timedelta

import pytest

import der
from forms import JWS
from pledge import VOUCHER_CONTENT, openssl, verify_cms
from scene import until
from stage import StageError

HASTY = {"limits": {"pledge-wait": "200 ms"},
         "outgoing": {"connect-timeout": "500 ms", "timeout": "2 s"}}
DAY = timedelta(days=1)
REQUEST, VOUCHER = "ietf-voucher-request:voucher", "ietf-voucher:voucher"


def masa_options(scene, *more):
    return ["--registrars", scene.owner / "pki" / "root.pem", *more]


@pytest.fixture(name="ahead")
def fixture_ahead(make_scene):
    """A stage whose MASA knows us, and whose manufacturer lets vouchers be fetched ahead."""
    scene = make_scene(HASTY, masa=None)
    scene.start_masa(*masa_options(scene))
    use(scene, "when-masa-is-away")
    return scene


def use(scene, when):
    scene.ctl("manufacturers", "set", "maker", "--stored-vouchers", when)


def named(serial):
    return ["--manufacturer", "maker", "--serial", serial]


def fetch(scene, serial, *options):
    options = options or ["--idevid", scene.identity(serial)[0]]
    return scene.ctl_json("vouchers", "fetch", *named(serial), *options)


def shown(scene, serial):
    return scene.ctl_json("vouchers", "show", *named(serial))


def members_of(cms, container):
    return json.loads(openssl("cms", "-verify", "-noverify", "-binary", "-inform", "DER",
                              octets=cms))[container]


def requests_for(scene, serial):
    """What the MASA was asked, opened by openssl, oldest first."""
    return [members_of(base64.b64decode(entry["request"]), REQUEST)
            for entry in scene.vouchers_issued(serial)]


def test_voucher_is_fetched_ahead_and_handed_out_while_the_masa_is_away(ahead):
    serial = ahead.device()
    stored = fetch(ahead, serial)
    assert (stored["state"], stored["log-verdict"], stored["pins-ca"]) == ("held", "accepted", True)
    assert datetime.fromisoformat(stored["due"]) < datetime.fromisoformat(stored["expires-on"])
    request, = requests_for(ahead, serial)
    assert "nonce" not in request and "prior-signed-voucher-request" not in request
    assert request["serial-number"] == serial and request["idevid-issuer"]
    assert "proximity-registrar-cert" not in request and "assertion" not in request
    ahead.stop_one("masa")
    pledge = ahead.independent(serial)
    pledge.request = pledge.voucher_request()
    answer = pledge.patiently(lambda: pledge.post_request(pledge.request))
    assert answer.status == 200
    assert der.content_type(answer.body) == VOUCHER_CONTENT
    members = json.loads(verify_cms(answer.body, pledge.masa_anchors))[VOUCHER]
    assert members["serial-number"] == serial and "nonce" not in members and members["expires-on"]
    used, = ahead.events(serial, "stored-voucher-used")
    assert "fetched ahead" in used["detail"] and "peer-unreachable" in used["detail"]
    pledge.done = 1
    assert pledge.go_on().done  # the log that was fetched with it counts
    accepted, = ahead.events(serial, "audit-log-accepted")
    assert "stored voucher" in accepted["detail"]
    episode = ahead.episode(serial)
    assert episode["voucher-stored"] and episode["voucher-nonceless"] and episode["log-ahead"]
    assert shown(ahead, serial)["served"] == 1
    # once the MASA is there, its log is looked at: our own entry without nonce is rightly there
    ahead.start_masa(*masa_options(ahead))
    ahead.pass_time(timedelta(minutes=15))
    until(lambda: not ahead.episode(serial).get("log-ahead"), "the log is fetched")
    assert ahead.episode(serial)["stage"] == "confirmed"
    log = ahead.ctl_json("devices", "show", serial, "--log")
    causes = {entry["cause"] for entry in log["entries"]}
    assert "nonceless-request" in causes and causes <= {"nonceless-request", "earlier-request"}


def test_masa_that_is_there_is_asked(ahead):
    serial = ahead.device()
    fetch(ahead, serial)
    pledge = ahead.independent(serial).go_on()
    assert ahead.events(serial, "stored-voucher-used") == []
    assert pledge.nonce in [entry["nonce"] for entry in ahead.vouchers_issued(serial)]
    assert "served" not in shown(ahead, serial) or shown(ahead, serial)["served"] == 0


def test_stored_voucher_can_be_handed_out_always(ahead):
    serial = ahead.device()
    fetch(ahead, serial)
    use(ahead, "always")
    pledge = ahead.independent(serial)
    answer = pledge.patiently(lambda: pledge.post_request(pledge.voucher_request()))
    assert answer.status == 200
    assert len(ahead.vouchers_issued(serial)) == 1
    assert "always" in ahead.events(serial, "stored-voucher-used")[0]["detail"]


def test_none_is_fetched_or_handed_out_unless_the_record_allows_it(ahead):
    serial = ahead.device()
    fetch(ahead, serial)
    use(ahead, "never")
    with pytest.raises(StageError, match="stored-vouchers"):
        fetch(ahead, ahead.device())
    ahead.stop_one("masa")
    pledge = ahead.independent(serial)
    assert pledge.post_request(pledge.voucher_request()).status == 202
    ahead.trouble(serial, "peer-unreachable")
    assert ahead.nothing_issued(serial)


def test_only_devices_on_the_list_and_with_a_known_issuer(ahead):
    stranger = ahead.device(expected=False)
    with pytest.raises(StageError, match="not on the list"):
        fetch(ahead, stranger)
    with pytest.raises(StageError, match="idevid"):
        ahead.ctl("vouchers", "fetch", *named(ahead.device()))
    with pytest.raises(StageError, match="not-found"):
        shown(ahead, stranger)


def test_idevid_of_another_device_is_told(ahead):
    serial, other = ahead.device(), ahead.device()
    stored = fetch(ahead, serial, "--idevid", ahead.identity(other)[0])
    assert (stored["state"], stored["problem"]) == ("refused", "serial-mismatch")
    assert stored["hint"]
    assert ahead.vouchers_issued(serial) == []


def test_issuer_alone_does_when_the_record_says_where_the_masa_is(ahead):
    serial = ahead.device()
    ca = ahead.maker / "ca.pem"
    assert fetch(ahead, serial, "--idevid-issuer", ca)["problem"] == "masa-url"
    ahead.ctl("manufacturers", "set", "maker", "--masa-url", f"masa.maker.example:{ahead.masa_port}")
    stored = fetch(ahead, serial, "--idevid-issuer", ca)
    assert stored["state"] == "held"
    ahead.stop_one("masa")
    pledge = ahead.independent(serial)
    answer = pledge.patiently(lambda: pledge.post_request(pledge.voucher_request()))
    assert answer.status == 200  # it is the very issuer that its IDevID names


def test_form_is_that_of_the_manufacturers_record_unless_another_is_said(ahead):
    ahead.ctl("manufacturers", "set", "maker", "--voucher-form", "jws")
    serial, other = ahead.device(), ahead.device()
    assert fetch(ahead, serial)["media-type"] == "application/voucher-jws+json"
    assert set(JWS.peek(base64.b64decode(ahead.vouchers_issued(serial)[0]["request"]))) == {REQUEST}
    stored = fetch(ahead, other, "--idevid", ahead.identity(other)[0], "--form", "cms")
    assert stored["media-type"] == "application/voucher-cms+json"


def test_device_that_has_come_before_needs_no_certificate(ahead):
    pledge = ahead.independent().go_on()
    assert ahead.ctl_json("vouchers", "fetch", *named(pledge.serial))["state"] == "held"


def test_masa_that_does_not_know_us_refuses(make_scene):
    scene = make_scene(HASTY)
    use(scene, "when-masa-is-away")
    serial = scene.device()
    stored = fetch(scene, serial)
    assert (stored["state"], stored["problem"]) == ("refused", "masa-refused")
    assert "known registrars" in stored["detail"]


@pytest.mark.parametrize("how", ["basic", "digest"])
def test_masa_knows_us_by_our_password(make_scene, how):
    """RFC 8995 5.5.3: HTTP authentication does; just any certificate does not."""
    scene = make_scene(HASTY, masa=None)
    secret = scene.folder / "masa-password"
    secret.write_text("Erdbeertorte")
    secret.chmod(0o600)
    use(scene, "when-masa-is-away")
    scene.ctl("manufacturers", "set", "maker", "--masa-authentication", how, "--masa-user", "owner",
              "--masa-password-file", secret)
    scene.start_masa("--demand", how, "--user", "owner", "--password-file", secret)
    assert fetch(scene, scene.device())["state"] == "held"
    scene.ctl("manufacturers", "set", "maker", "--masa-authentication", "certificate")
    scene.restart_masa("--demand", "certificate")
    stored = fetch(scene, scene.device())
    assert (stored["state"], stored["problem"]) == ("refused", "masa-refused")


def test_voucher_is_renewed_before_it_ends(ahead):
    serial = ahead.device()
    first = fetch(ahead, serial)
    ahead.pass_time(21 * DAY)
    until(lambda: shown(ahead, serial)["sha256"] != first["sha256"], "another voucher")
    until(lambda: shown(ahead, serial)["log-verdict"] == "accepted", "and its log")
    second = shown(ahead, serial)
    assert datetime.fromisoformat(second["expires-on"]) > datetime.fromisoformat(first["expires-on"])
    old, new = requests_for(ahead, serial)
    prior = base64.b64decode(new["prior-signed-voucher-request"])
    assert members_of(prior, VOUCHER)["serial-number"] == serial  # RFC 8366bis 10.1
    assert "nonce" not in new and new["created-on"] > old["created-on"]


def test_voucher_that_has_ended_is_not_handed_out(ahead):
    serial = ahead.device()
    fetch(ahead, serial)
    ahead.stop_one("masa")
    ahead.pass_time(31 * DAY)
    pledge = ahead.independent(serial)
    assert pledge.post_request(pledge.voucher_request()).status == 202
    ahead.trouble(serial, "peer-unreachable")
    assert ahead.events(serial, "stored-voucher-used") == []
    assert ahead.nothing_issued(serial)


def test_voucher_whose_log_shows_another_owner_is_not_handed_out(make_scene):
    scene = make_scene(HASTY, masa=None)
    scene.start_masa(*masa_options(scene, "--fault", "log-foreign"))
    use(scene, "when-masa-is-away")
    serial = scene.device()
    stored = fetch(scene, serial)
    assert (stored["log-verdict"], stored["problem"]) == ("refused", "log-foreign-domain")
    scene.stop_one("masa")
    pledge = scene.independent(serial)
    assert pledge.post_request(pledge.voucher_request()).status == 202
    assert scene.nothing_issued(serial)


@pytest.mark.parametrize("leave", [
    ["vouchers", "remove", "--yes"],
    ["devices", "remove", "--yes"],
    ["devices", "sell", "--yes", "--to", "somebody"],
    ["devices", "decommission", "--yes", "--reason", "it goes"],
], ids=lambda words: " ".join(words[:2]))
def test_voucher_of_a_device_that_leaves_is_destroyed(ahead, leave):
    serial = ahead.device()
    pledge = ahead.independent(serial).go_on()
    fetch(ahead, serial)
    options = named(serial) if leave[0] == "vouchers" else [serial]
    run = ahead.ctl(*leave, *options, check=False)
    assert run.returncode == 0, run.stderr
    assert ahead.ctl("vouchers", "show", *named(serial), check=False).returncode != 0
    assert ahead.ctl_json("vouchers", "list") == []
    ahead.stop_one("masa")
    pledge.begin()
    pledge.hang_up()
    assert pledge.post_request(pledge.voucher_request()).status != 200


def test_entry_without_nonce_that_we_did_not_ask_for_is_found(ahead):
    """One more than requests were signed: somebody else asks in our name."""
    serial = ahead.device()
    fetch(ahead, serial)
    ahead.stop_one("masa")
    path = ahead.folder / "masa" / "issued.jsonl"
    line = path.read_text().splitlines()[-1]
    path.write_text(json.dumps({**json.loads(line), "sha256": "00" * 32}) + "\n" + line + "\n")
    ahead.start_masa(*masa_options(ahead))
    pledge = ahead.independent(serial).go_on("status")
    assert ahead.trouble(serial, "log-entry-not-caused")["event"] == "audit-log-refused"
    assert pledge.ask("GET", "/.well-known/est/csrattrs").status == 403

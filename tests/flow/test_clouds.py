"""
Where our devices are to go is registered with the manufacturer's cloud registrar, and stays
registered (draft-ietf-anima-brski-cloud 3.2.2, docs/cloud-registration.yaml).
"""

import json
import signal
from datetime import timedelta

import pytest

from registered import CLOUD_NAME, OWNER, add_cloud, alarms, certificate_of, cloud, est_domain, \
    events, in_trouble, is_found, knock, reaches, registrar_url, registrations, restart_cloud, \
    secret_file, sell_to_us, timeline, voucher_of, was_in_trouble
from scene import until
from stage import REGISTRAR

SECRET = "https://config.owner.example/sesame-{serial-number}"


@pytest.fixture(scope="module", name="scene")
def fixture_scene(make_scene):
    scene = make_scene()
    restart_cloud(scene)
    return scene


@pytest.fixture(name="registered")
def fixture_registered(scene):
    """We are registered, with a redirect; the cloud is as it should be."""
    if "cloud" not in scene.programs:
        restart_cloud(scene)
    if CLOUD_NAME not in [row["name"] for row in scene.ctl_json("clouds", "list")]:
        add_cloud(scene)
    elif cloud(scene)["wish"] == "withdraw":
        scene.ctl("clouds", "register", CLOUD_NAME)
    elif cloud(scene)["mode"] != "redirect":
        to_redirect(scene)
    reaches(scene)
    return scene


def to_redirect(scene):
    scene.ctl("clouds", "set", CLOUD_NAME, "--mode", "redirect", "--registrar-url",
              registrar_url(scene))
    scene.ctl("clouds", "sync", CLOUD_NAME)


def to_voucher(scene, *options):
    scene.ctl("clouds", "set", CLOUD_NAME, "--mode", "voucher", "--est-domain", est_domain(scene),
              *options)
    scene.ctl("clouds", "sync", CLOUD_NAME)
    return reaches(scene)


def sold_device(scene, expected=True):
    serial = scene.device(expected=expected)
    sell_to_us(scene, serial)
    restart_cloud(scene)
    return serial


# Redirect.


def test_account_is_claimed_and_registered_and_the_cloud_finds_us(registered):
    now = cloud(registered)
    assert (now["state"], now["reach"]) == ("registered", "reachable")
    assert now["claimed"] and now["succeeded"] and "problem" not in now
    assert [entry["event"] for entry in timeline(registered)][:3] == [
        "cloud-added", "cloud-claimed", "cloud-registered"]
    assert alarms(registered) == {}


def test_token_is_forgotten_and_shown_nowhere(registered):
    token = (registered.folder / "token").read_text().strip()
    told = (registered.ctl("clouds", "list", "--json").stdout
            + registered.ctl("clouds", "show", CLOUD_NAME).stdout
            + registered.ctl("clouds", "show", CLOUD_NAME, "--json").stdout
            + registered.programs["gatehoused"].log_text()
            + registered.ctl("orders", "list", "--json").stdout)
    assert len(token) >= 40 and token not in told
    assert "token" not in cloud(registered)


def test_redirected_pledge_finds_us(registered):
    serial = sold_device(registered)
    run = registered.pledge("--json", serial=serial)
    steps = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    assert [step["status"] for step in steps if "status" in step][:2] == [307, 200]
    assert registered.episode(serial)["stage"] == "confirmed"


def test_registered_again_at_start_on_change_and_daily(registered):
    def count():
        return len(registrations(registered, 200))
    before = count()
    registered.restart_gatehoused()
    until(lambda: count() > before, "registered at the start")
    before = count()
    registered.ctl("clouds", "set", CLOUD_NAME, "--registrar-url",
                   registrar_url(registered).replace("requestvoucher", ""))
    until(lambda: count() > before, "registered after the change")
    reaches(registered)
    before = count()
    news = len(timeline(registered))
    registered.pass_time(timedelta(hours=25))
    until(lambda: count() > before, "registered after a day")
    reaches(registered)
    assert len(timeline(registered)) == news  # daily is not worth a word
    to_redirect(registered)


def test_withdrawn_on_demand_and_registered_again(registered):
    serial = sold_device(registered)
    assert knock(registered, serial).status == 307
    refused = registered.ctl("clouds", "remove", CLOUD_NAME, "--yes", check=False)
    assert refused.returncode == 1 and "clouds withdraw" in refused.stderr
    registered.ctl("clouds", "withdraw", CLOUD_NAME)
    assert cloud(registered)["state"] == "withdrawn"
    assert knock(registered, serial).status == 401
    assert events(registered, "cloud-withdrawn")
    refused = registered.ctl("clouds", "sync", CLOUD_NAME, check=False)
    assert refused.returncode == 1 and "withdrawn" in refused.stderr
    registered.restart_gatehoused()
    assert cloud(registered)["state"] == "withdrawn"
    registered.ctl("clouds", "register", CLOUD_NAME)
    reaches(registered)
    assert knock(registered, serial).status == 307


def test_only_some_devices_are_registered(registered):
    ours, others = (registered.device() for _ in range(2))
    sell_to_us(registered, ours, order="4711")
    sell_to_us(registered, others, order="4712")
    restart_cloud(registered)
    registered.ctl("clouds", "set", CLOUD_NAME, "--order", "4711")
    registered.ctl("clouds", "sync", CLOUD_NAME)
    assert [knock(registered, serial).status for serial in (ours, others)] == [307, 401]
    registered.ctl("clouds", "set", CLOUD_NAME, "--order", "", "--serial", others)
    registered.ctl("clouds", "sync", CLOUD_NAME)
    assert [knock(registered, serial).status for serial in (ours, others)] == [401, 307]
    registered.ctl("clouds", "set", CLOUD_NAME, "--serial", "")
    registered.ctl("clouds", "sync", CLOUD_NAME)
    assert [knock(registered, serial).status for serial in (ours, others)] == [307, 307]


# Vouchers.


def test_voucher_pins_the_registrar_ca_and_leads_to_us(registered):
    serial = sold_device(registered)
    to_voucher(registered)
    voucher = voucher_of(registered, serial)
    assert voucher["est-domain"] == est_domain(registered)
    assert voucher["pinned-domain-cert"] == certificate_of(registered, "registrar-ca")
    assert is_found(registered, voucher)
    pin, = cloud(registered)["pins"]
    assert pin["certificate"] == voucher["pinned-domain-cert"] and "until" not in pin
    to_redirect(registered)
    assert [("until" in pin) for pin in cloud(registered)["pins"]] == [True]


def test_secret_addresses_of_configurations_are_in_vouchers_and_nowhere_else(registered):
    one, another = (registered.device(expected=False) for _ in range(2))
    sell_to_us(registered, one, another)
    restart_cloud(registered)
    registered.api("POST", "/v1/devices", {
        "manufacturer": "maker", "serial-number": another,
        "additional-configuration-url": "https://config.owner.example/sesame-of-its-own"})
    to_voucher(registered, "--configuration-url-file",
               secret_file(registered, "configuration", SECRET))
    assert voucher_of(registered, one)["additional-configuration-url"] == \
        f"https://config.owner.example/sesame-{one}"
    assert voucher_of(registered, another)["additional-configuration-url"].endswith("of-its-own")
    # Changing something else keeps what cannot be shown.
    registered.ctl("clouds", "set", CLOUD_NAME, "--interval", "2 d")
    registered.ctl("clouds", "sync", CLOUD_NAME)
    assert "sesame" in voucher_of(registered, one)["additional-configuration-url"]
    told = "".join(registered.ctl(*words).stdout for words in (
        ("clouds", "list", "--json"), ("clouds", "show", CLOUD_NAME, "--json"),
        ("devices", "list", "--json"), ("devices", "show", another, "--json"),
        ("orders", "list", "--json")))
    logs = "".join(path.read_text(errors="replace") for path in registered.logs.iterdir())
    assert "sesame" not in told + logs
    assert "additional-configuration-url: another" in str(timeline(registered))
    registered.ctl("clouds", "set", CLOUD_NAME, "--interval", "1 d")
    to_redirect(registered)


def test_address_that_our_certificate_does_not_have_is_not_registered(registered):
    to_voucher(registered)
    before = len(registrations(registered))
    registered.ctl("clouds", "set", CLOUD_NAME, "--est-domain", "https://other.owner.example")
    event = in_trouble(registered, "cloud-address")
    assert "other.owner.example" in event["detail"]
    assert ("cloud " + CLOUD_NAME, "cloud-address") in alarms(registered)
    assert len(registrations(registered)) == before
    to_redirect(registered)
    reaches(registered)
    assert alarms(registered) == {}


# Trouble.


def test_cloud_that_does_not_find_us_says_so(registered):
    registered.ctl("clouds", "set", CLOUD_NAME, "--registrar-url", f"https://{REGISTRAR}:1")
    registered.ctl("clouds", "sync", CLOUD_NAME)
    now = reaches(registered, reach="unreachable")
    assert now["reach-detail"]
    alarm = alarms(registered)["cloud " + CLOUD_NAME, "cloud-does-not-find-us"]
    assert alarm["hint"] and alarm["detail"] == now["reach-detail"]
    assert events(registered, "cloud-does-not-find-us")
    to_redirect(registered)
    reaches(registered, reach="reachable")
    assert events(registered, "cloud-finds-us")
    assert alarms(registered) == {}


def test_cloud_that_is_away_is_tried_until_it_is_back(registered):
    succeeded = cloud(registered)["succeeded"]
    registered.stop_one("cloud")
    failed = registered.ctl("clouds", "sync", CLOUD_NAME, check=False)
    assert failed.returncode == 1 and "peer-unreachable" in failed.stderr
    event = in_trouble(registered, "peer-unreachable")
    assert event["severity"] == "error"
    now = cloud(registered)
    assert now["succeeded"] == succeeded and now["failures"] >= 1
    registered.restart_gatehoused()
    assert cloud(registered)["problem"] == "peer-unreachable"  # kept
    assert ("cloud " + CLOUD_NAME, "peer-unreachable") in alarms(registered)
    restart_cloud(registered)
    now = reaches(registered)
    assert now["failures"] == 0 and now["succeeded"] > succeeded
    # The same trouble again and again is one entry.
    assert len(events(registered, "cloud-not-registered")) <= 2


PASSES = {"registration-5xx": "cloud-failed", "registration-lost-reply": "peer-answer",
          "registration-hang": "peer-timeout"}
LASTS = {"registration-403": "cloud-refused", "registration-garbage": "cloud-answer"}


@pytest.mark.parametrize("fault", PASSES)
def test_cloud_that_cannot_just_now_is_asked_again(registered, fault):
    restart_cloud(registered, "--fault", f"{fault}:1")
    registered.ctl("clouds", "sync", CLOUD_NAME, check=False)
    was_in_trouble(registered, PASSES[fault])
    reaches(registered)


@pytest.mark.parametrize("fault", LASTS)
def test_cloud_that_does_not_want_waits_for_somebody(registered, fault):
    restart_cloud(registered, "--fault", f"{fault}:1")
    failed = registered.ctl("clouds", "sync", CLOUD_NAME, check=False)
    assert failed.returncode == 1
    in_trouble(registered, LASTS[fault])
    until(lambda: registered.ctl("clouds", "sync", CLOUD_NAME, check=False).returncode == 0,
          "asked again by hand")
    reaches(registered)


def test_lost_reply_to_a_claim_costs_nothing(make_scene):
    scene = make_scene()
    restart_cloud(scene, "--fault", "registration-lost-reply:1")
    add_cloud(scene)
    reaches(scene)
    claims = [entry["status"] for entry in scene.requests_seen("cloud")
              if entry["path"].endswith("/claims")]
    assert claims == [0, 200]
    digests = {entry["sha256"] for entry in scene.requests_seen("cloud")
               if entry["path"].endswith("/claims")}
    assert len(digests) == 1  # octet for octet


def test_account_without_token_waits_for_one(make_scene):
    scene = make_scene()
    restart_cloud(scene)
    add_cloud(scene, token=False)
    event = in_trouble(scene, "cloud-unclaimed")
    assert "token" in event["hint"]
    assert not scene.requests_seen("cloud")
    scene.ctl("clouds", "set", CLOUD_NAME, "--token-file",
              secret_file(scene, "wrong", "no-such-token"))
    in_trouble(scene, "cloud-refused")
    scene.ctl("clouds", "set", CLOUD_NAME, "--token-file",
              secret_file(scene, "token", scene.cloud_token(OWNER)))
    reaches(scene)


@pytest.mark.parametrize("point", ["cloud-before-send", "cloud-after-answer"])
def test_registration_survives_our_death_octet_for_octet(make_scene, point):
    scene = make_scene()
    restart_cloud(scene)
    add_cloud(scene)
    reaches(scene)
    before = len(registrations(scene))
    scene.stop_one("gatehoused")
    died = scene.run("gatehoused", "--config", scene.node_file, check=False,
                     env={"GATEHOUSE_FAILPOINT": point})
    assert died.returncode == -signal.SIGKILL
    asked = len(registrations(scene))
    assert asked == before + (point == "cloud-after-answer")
    scene.start_gatehoused()
    until(lambda: len(registrations(scene)) > asked, "asked once more")
    reaches(scene)
    if point == "cloud-after-answer":
        first, second = registrations(scene)[before:before + 2]
        assert first["sha256"] == second["sha256"]


# Settings.


MISTAKES = {
    "no manufacturer": (["--url", "https://a.example", "--owner", "x"], "--manufacturer"),
    "unknown manufacturer": (["--manufacturer", "nobody", "--owner", "x", "--anchor", "{ca}",
                              "--url", "https://a.example", "--registrar-url",
                              "https://a.example"], "there is no nobody"),
    "http": (["--manufacturer", "maker", "--owner", "x", "--anchor", "{ca}", "--url",
              "http://a.example", "--registrar-url", "https://a.example"], "no https URL"),
    "no anchor": (["--manufacturer", "maker", "--owner", "x", "--url", "https://a.example",
                   "--registrar-url", "https://a.example"], "anchors"),
    "no registrar": (["--manufacturer", "maker", "--owner", "x", "--anchor", "{ca}", "--url",
                      "https://a.example"], "registrar-url"),
    "both modes": (["--manufacturer", "maker", "--owner", "x", "--anchor", "{ca}", "--url",
                    "https://a.example", "--mode", "voucher", "--est-domain", "https://a.example",
                    "--registrar-url", "https://a.example"], "registrar-url"),
    "program with a path": (["--manufacturer", "maker", "--owner", "x", "--command", "../sh",
                             "--registrar-url", "https://a.example"], "program"),
}


@pytest.mark.parametrize("options,word", MISTAKES.values(), ids=MISTAKES)
def test_settings_that_make_no_sense_are_refused(scene, options, word):
    options = [str(scene.maker / "ca.pem") if option == "{ca}" else option for option in options]
    refused = scene.ctl("clouds", "add", "wrong", *options, check=False)
    assert refused.returncode in (1, 2) and word in refused.stderr, refused.stderr
    assert "wrong" not in [row["name"] for row in scene.ctl_json("clouds", "list")]

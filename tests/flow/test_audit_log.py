"""
The MASA's audit log held against the owner's policy (RFC 8995 5.8.3): each rule, its switches, what
an administrator accepts, and the log fetched again long after the enrolment (11.4).
"""

import contextlib
import json
import shutil
from datetime import timedelta

import pytest

from fakes import FakeMasa, LOG_TYPE, Maker, audit_log, domain_ids, log_reply, moment, reply
from pledge import EST, binary
from scene import until

SHORT = {"limits": {"pledge-wait": "200 ms"},
         "outgoing": {"connect-timeout": "500 ms", "timeout": "500 ms"}}
DAY = timedelta(days=1)
STRANGE, FRIEND = binary(b"s" * 20), binary(b"f" * 20)


@pytest.fixture(scope="module", name="told")
def fixture_told(make_scene):
    """A stage whose MASA is a fake that says what it is told; FRIEND is an allowed owner."""
    return with_fake(make_scene)


@pytest.fixture(name="fresh")
def fixture_fresh(make_scene):
    """The same, for a test that moves time or changes the manufacturer's record."""
    return with_fake(make_scene)


def with_fake(make_scene):
    scene = make_scene(SHORT, masa=None)
    scene.fake = FakeMasa(scene.masa_port, (scene.maker / "masa-tls.pem",
                                            scene.maker / "masa-tls.key"))
    scene.signing = Maker(scene.maker)
    change_maker(scene, "--allowed-domain", FRIEND)
    return scene


def change_maker(scene, *options):
    scene.ctl("manufacturers", "set", "maker", *options)


def event(domain, nonce="bm9uY2UtMDAw", ago=30 * DAY, **more):
    return {"date": moment(ago), "domainID": domain, "nonce": nonce, "assertion": "logged",
            "truncated": 0, **more}


def showing(*events, **members):
    """A log with our own entry and these; `None` for a domainID stands for our own."""
    def change(log, rvr):
        more = [{**each, "domainID": each["domainID"] or domain_ids(rvr)[0]} for each in events]
        return {**log, "events": log["events"] + more, **members}
    return log_reply(change)


def unchanging():
    """The log as it is at first, to the octet, whenever it is asked for."""
    kept = []

    def log(rvr):
        kept.append(log_reply()(rvr))
        return kept[0]
    return log


def imprinted(scene, *logs, status=True, serial=None):
    """A pledge that has its voucher; the fake MASA has these logs for it, one after the other."""
    pledge = scene.independent(serial)
    scene.fake.says(pledge.serial, "requestvoucher",
                    scene.signing.voucher_reply(assertion="proximity"))
    scene.fake.says(pledge.serial, "requestauditlog", *logs)
    pledge.go_on("voucher")
    if status:
        pledge.tell_voucher_status()
        pledge.done += 1
    return pledge


@pytest.fixture(scope="module", name="attributes")
def fixture_attributes(told):
    """CSR attributes as any device gets them; only the name in them differs."""
    return imprinted(told, log_reply()).go_on("csrattrs").attributes


def logs_asked(scene, pledge):
    return len(scene.fake.asked(pledge.serial, "requestauditlog"))


def closed_for_good(pledge, attributes):
    """Every EST operation, on the connection that is there and on a new one."""
    pledge.attributes = attributes
    csr = pledge.csr()
    pledge.patiently(lambda: pledge.post_csr(csr))
    for _ in range(2):
        assert pledge.ask("GET", EST + "csrattrs").status == 403
        assert pledge.post_csr(csr).status == 403
        for path in ("simplereenroll", "serverkeygen", "fullcmc", "label/simpleenroll"):
            answer = pledge.ask("POST", EST + path, pledge.encode(csr),
                                content_type="application/pkcs10")
            assert answer.status in (403, 404, 405, 415), (path, answer)
        assert pledge.post_request(pledge.request).status == 403
        pledge.hang_up()


def check_refused(scene, pledge, problem, attributes):
    closed_for_good(pledge, attributes)
    refusal = scene.trouble(pledge.serial, problem)
    assert (refusal["event"], refusal["severity"]) == ("audit-log-refused", "error")
    scene.trouble(pledge.serial, "audit-log-refused")
    episode = scene.episode(pledge.serial)
    assert (episode["stage"], episode["log-verdict"]) == ("log-refused", "refused")
    assert episode["log-problem"] == problem
    assert episode["closed-because"]
    assert scene.certificates(pledge.serial) == []


RULES = {
    # what stands in the log besides our own entry: (the log, problem)
    "another owner": (showing(event(STRANGE)), "log-foreign-domain"),
    "another owner without nonce": (showing(event(STRANGE, None)), "log-foreign-domain"),
    "an allowed owner without nonce": (showing(event(FRIEND, None)), "log-nonceless"),
    "our name with a nonce that we never sent": (showing(event(None)), "log-entry-not-caused"),
    "our name without nonce, never asked for":
        (showing(event(None, None)), "log-entry-not-caused"),
    "entries dropped at will":
        (showing(truncation={"arbitrary": "3"}), "log-truncated"),
}


@pytest.mark.parametrize("status", [True, False], ids=["reported", "silent"])
@pytest.mark.parametrize("log,problem", RULES.values(), ids=RULES)
def test_log_that_breaks_a_rule_ends_the_onboarding(told, attributes, log, problem, status):
    """Whether the pledge has said that it takes the voucher or not."""
    check_refused(told, imprinted(told, log, status=status), problem, attributes)


GOOD = {
    "only our own entry": showing(),
    "an allowed owner": showing(event(FRIEND)),
    "duplicates dropped": showing(truncation={"nonced duplicates": "12",
                                              "nonceless duplicates": 1024, "arbitrary": "0"}),
    "every number a string, as in the RFC's example":
        showing(event(FRIEND, truncated="2"), version="1",
                truncation={"nonced duplicates": "2", "nonceless duplicates": "0",
                            "arbitrary": "0"}),
    "a version that is not known": showing(version="7", news=[{"some": "thing"}]),
}


@pytest.mark.parametrize("log", GOOD.values(), ids=GOOD)
def test_log_that_breaks_none_lets_the_device_in(told, log):
    pledge = imprinted(told, log).go_on()
    assert told.episode(pledge.serial)["log-verdict"] == "accepted"
    assert "log-problem" not in told.episode(pledge.serial)


def test_log_that_comes_90_seconds_late_is_waited_for(fresh):
    """Until then the MASA shows an old copy, which is no verdict."""
    begun = fresh.ahead

    def log(rvr):
        late = fresh.ahead - begun >= timedelta(seconds=90)
        return log_reply(lambda full, _: full if late else {**full, "events": []})(rvr)

    pledge = imprinted(fresh, log).go_on("csrattrs")
    csr = pledge.csr_octets = pledge.csr()
    for _ in range(3):
        answer = pledge.post_csr(csr)
        assert (answer.status, 1 <= answer.retry_after <= 60) == (202, True)
        assert fresh.certificates(pledge.serial) == []
        fresh.pass_time(timedelta(seconds=30))
    assert fresh.trouble(pledge.serial, "log-without-our-entry")["event"] == "audit-log-not-received"
    assert pledge.go_on().done
    assert len(set(fresh.fake.asked(pledge.serial, "requestauditlog"))) == 1


# The switches in the manufacturer's record.


def test_warning_only(fresh):
    change_maker(fresh, "--audit-log", "warn")
    pledge = imprinted(fresh, showing(event(STRANGE, None))).go_on()
    warning = fresh.trouble(pledge.serial, "log-foreign-domain")
    assert (warning["event"], warning["severity"]) == ("audit-log-let-pass", "warning")
    assert fresh.episode(pledge.serial)["log-problem"] == "log-foreign-domain"
    # nor is a log that does not come waited for
    other = imprinted(fresh, reply(404, b"none here")).go_on()
    assert fresh.trouble(other.serial, "log-without-our-entry")["event"] == "audit-log-let-pass"


def test_log_that_is_not_asked_for(fresh):
    change_maker(fresh, "--audit-log", "off")
    pledge = imprinted(fresh, showing(event(STRANGE))).go_on()
    assert logs_asked(fresh, pledge) == 0
    said, = fresh.events(pledge.serial, "audit-log-not-asked")
    assert said["severity"] == "warning"
    assert fresh.episode(pledge.serial)["log-verdict"] == "not-asked"
    changed = [e for e in fresh.ctl_json("devices", "show", pledge.serial)["timeline"]]
    assert changed
    # once it is asked for again, this device's is asked for too
    change_maker(fresh, "--audit-log", "enforce")
    fresh.pass_time(2 * DAY)
    until(lambda: fresh.episode(pledge.serial)["stage"] == "log-refused", "the log is refused")


@pytest.mark.parametrize("switch,problem", [("hold", "log-held"), ("refuse", "log-newer")])
def test_version_that_is_not_known(fresh, switch, problem):
    change_maker(fresh, "--audit-log-newer", switch)
    pledge = imprinted(fresh, showing(version=2, extra=True))
    pledge.get_cacerts()
    if switch == "refuse":
        assert fresh.trouble(pledge.serial, problem)["event"] == "audit-log-refused"
        assert pledge.ask("GET", EST + "csrattrs").status == 403
        return
    pledge.done += 1
    pledge.go_on("csrattrs")
    pledge.csr_octets = pledge.csr()
    assert pledge.post_csr(pledge.csr_octets).status == 202
    assert fresh.trouble(pledge.serial, problem)["event"] == "audit-log-not-received"
    shown = fresh.ctl("devices", "show", pledge.serial, "--log").stdout
    assert "log-held" in shown and "this-voucher" in shown
    fresh.ctl("devices", "accept-log", pledge.serial, "--yes")
    assert pledge.go_on().done


# What an administrator sees, and accepts.


def test_entries_are_shown_with_whose_they_are(told):
    pledge = imprinted(told, showing(event(STRANGE, None), event(FRIEND), event(None)))
    told.trouble(pledge.serial, "log-foreign-domain")
    log = told.ctl_json("devices", "show", pledge.serial, "--log")
    entries = [(e["owner"], e["cause"], e.get("problem")) for e in log["entries"]]
    assert entries == [("own", "this-voucher", None), ("other", "none", "log-foreign-domain"),
                       ("allowed", "none", None), ("own", "none", "log-entry-not-caused")]
    assert log["entries"][1]["domain-id"] == STRANGE
    assert "nonce" not in log["entries"][1]
    assert log["problem"] == "log-foreign-domain" and log["hint"] and "and 1 more" in log["detail"]
    text = told.ctl("devices", "show", pledge.serial, "--log").stdout
    assert STRANGE in text and "not by us" in text and "what to do" in text


def test_hostile_log_is_harmless_on_a_terminal(told):
    nasty = "\x1b[2J\u202e\r\nevil" + "x" * 5000
    pledge = imprinted(told, showing({**event(STRANGE, nasty), "date": nasty, "assertion": nasty}))
    detail = told.trouble(pledge.serial, "log-foreign-domain")["detail"]
    text = told.ctl("devices", "show", pledge.serial, "--log").stdout
    assert "evil" in text
    for line in [detail, *text.splitlines()]:
        assert line.isprintable() and len(line) < 1000, line


def test_what_is_accepted_by_hand_is_accepted_for_good_and_nothing_else(fresh, attributes):
    serial = fresh.device()
    strange = event(STRANGE, None)
    pledge = imprinted(fresh, showing(strange), serial=serial)
    check_refused(fresh, pledge, "log-foreign-domain", attributes)
    run = fresh.ctl("devices", "accept-log", serial, "--yes")
    assert STRANGE in run.stdout  # what is accepted is shown
    said, = fresh.events(serial, "audit-log-accepted-by-hand")
    assert said["severity"] == "warning" and said["actor"].startswith("admin:")
    assert "log-foreign-domain" not in said["detail"] and STRANGE in said["detail"]
    # the onboarding stays closed; the next one goes through, and the entry stays accepted later
    assert pledge.ask("GET", EST + "csrattrs").status == 403
    again = imprinted(fresh, showing(strange), serial=serial).go_on()
    fresh.pass_time(DAY)
    until(lambda: logs_asked(fresh, again) == 3, "the log is fetched again")
    assert fresh.episode(serial)["stage"] == "confirmed"
    # another device's entry is not, and neither is a new one of this device
    other = imprinted(fresh, showing(strange))
    check_refused(fresh, other, "log-foreign-domain", attributes)
    more = imprinted(fresh, showing(strange, event(STRANGE, "bmV3LW5vbmNl")), serial=serial)
    check_refused_anew(fresh, more)


def check_refused_anew(scene, pledge):
    until(lambda: scene.episode(pledge.serial)["stage"] == "log-refused", "it is refused again")
    assert pledge.ask("GET", EST + "csrattrs").status == 403


def test_only_the_log_that_was_looked_at_is_accepted(told):
    pledge = imprinted(told, showing(event(STRANGE)))
    told.trouble(pledge.serial, "log-foreign-domain")
    with pytest.raises(AssertionError, match="not-found"):
        told.api("POST", f"/v1/devices/{pledge.serial}/log",
                 {"action": "accept", "sha256": "00" * 32})
    with pytest.raises(AssertionError, match="invalid"):
        told.api("POST", f"/v1/devices/{pledge.serial}/log", {"action": "accept"})
    assert told.events(pledge.serial, "audit-log-accepted-by-hand") == []


def test_distinct_logs_are_kept(fresh):
    """Also the octets of one that another has followed."""
    pledge = imprinted(fresh, log_reply()).go_on()
    first = fresh.ctl_json("devices", "show", pledge.serial, "--log")
    change = showing(event(FRIEND))
    fresh.fake.says(pledge.serial, "requestauditlog", change)
    fresh.ctl("devices", "fetch-log", pledge.serial)
    until(lambda: len(fresh.ctl_json("devices", "show", pledge.serial, "--log")["kept"]) == 2,
          "another log")
    latest = fresh.ctl_json("devices", "show", pledge.serial, "--log")
    assert len(latest["entries"]) == 2
    kept = fresh.ctl_json("devices", "show", pledge.serial, "--log", "--sha256", first["sha256"])
    assert kept["entries"] == first["entries"]


# Fetched again, later (RFC 8995 11.4).


def test_log_is_fetched_daily_and_then_weekly(fresh):
    pledge = imprinted(fresh, unchanging()).go_on()
    before = len(fresh.events(pledge.serial))
    for days in range(1, 8):
        fresh.pass_time(DAY)
        until(lambda: logs_asked(fresh, pledge) == 1 + days, f"the log of day {days}")
        until(lambda: fresh.ctl_json("devices", "show", pledge.serial, "--log")["times"] == 1 + days,
              "it is kept")
    asked = logs_asked(fresh, pledge)
    for weeks in range(1, 3):
        fresh.pass_time(8 * DAY)
        until(lambda: logs_asked(fresh, pledge) == asked + weeks, f"the log of week {weeks}")
        until(lambda: fresh.ctl_json("devices", "show", pledge.serial, "--log")["times"] ==
              asked + weeks, "it is kept")
    # what says nothing new does not fill the timeline
    assert len(fresh.events(pledge.serial)) == before
    # a new request each time: a MASA may not take an old one
    digests = fresh.fake.asked(pledge.serial, "requestauditlog")
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("revokes", [True, False])
def test_device_that_is_sold_on_later_is_shut_out(fresh, attributes, revokes):
    change_maker(fresh, "--audit-log-revokes", "yes" if revokes else "no")
    pledge = imprinted(fresh, log_reply()).go_on()
    fresh.fake.says(pledge.serial, "requestauditlog", showing(event(STRANGE, None, ago=-DAY)))
    fresh.pass_time(DAY)
    until(lambda: fresh.episode(pledge.serial)["stage"] == "log-refused", "the log is refused")
    refusal = fresh.trouble(pledge.serial, "log-foreign-domain")
    assert (refusal["event"], refusal["severity"]) == ("audit-log-refused", "error")
    assert "fetched again" in fresh.episode(pledge.serial)["closed-because"]
    alarm, = [alarm for alarm in fresh.status()["alarms"]
              if alarm["problem"] == "audit-log-turned-against-device"]
    assert alarm["about"] == fresh.shown(pledge.serial)["device"]["id"] and alarm["hint"]
    assert "a device's audit log was refused" in fresh.programs["gatehoused"].log_text()
    certificate, = fresh.certificates(pledge.serial)
    assert certificate["state"] == ("revoked" if revokes else "issued")
    assert len(fresh.events(pledge.serial, "certificate-revoked")) == revokes
    pledge.hang_up()
    closed_for_good(pledge, attributes)
    # nobody asks for its log any more
    asked = logs_asked(fresh, pledge)
    fresh.pass_time(8 * DAY)
    other = imprinted(fresh, log_reply()).go_on()
    assert fresh.episode(other.serial)["stage"] == "confirmed"
    assert logs_asked(fresh, pledge) == asked


def test_masa_that_is_away_later_changes_nothing_and_is_asked_again(fresh):
    log = unchanging()
    pledge = imprinted(fresh, log).go_on()
    fresh.fake.says(pledge.serial, "requestauditlog", reply(503), reply(503), log)
    fresh.pass_time(DAY)
    assert fresh.trouble(pledge.serial, "masa-failed")["event"] == "audit-log-not-received"
    for asked in (3, 4):
        fresh.pass_time(timedelta(minutes=61))
        until(lambda: logs_asked(fresh, pledge) == asked, "it is asked again")
    until(lambda: fresh.ctl_json("devices", "show", pledge.serial, "--log")["times"] == 2,
          "a log came")
    assert "fetch-problem" not in fresh.ctl_json("devices", "show", pledge.serial, "--log")
    # the same trouble twice is told once
    assert len(fresh.events(pledge.serial, "audit-log-not-received")) == 1
    assert fresh.episode(pledge.serial)["stage"] == "confirmed"


def test_log_can_be_left_alone_later(fresh):
    change_maker(fresh, "--audit-log-again", "0 s", "--audit-log-later", "0 s")
    pledge = imprinted(fresh, log_reply()).go_on()
    assert "due" not in fresh.ctl_json("devices", "show", pledge.serial, "--log")
    fresh.pass_time(30 * DAY)
    other = imprinted(fresh, log_reply()).go_on()
    assert logs_asked(fresh, other) == 1
    assert logs_asked(fresh, pledge) == 1


# Entries in our own name.


def test_entry_of_a_request_that_a_crash_made_us_forget_is_ours(make_scene):
    """Its nonce was in the store before it was sent: the durable order tells."""
    scene = make_scene(SHORT)
    pledge = scene.independent()
    scene.restart_gatehoused(env={"GATEHOUSE_FAILPOINT": "voucher-after-masa-answer"})
    pledge.request = pledge.voucher_request()
    with contextlib.suppress(OSError):  # it may have been told to wait before
        pledge.post_request(pledge.request)
    scene.wait_for_death()
    scene.stop_one("masa")  # so that the order is not done after the start
    scene.start_gatehoused()
    pledge.begin()
    pledge.hang_up()
    scene.start_masa()
    assert pledge.go_on().done
    assert len(scene.vouchers_issued(pledge.serial)) == 2
    log = scene.ctl_json("devices", "show", pledge.serial, "--log")
    assert {entry["cause"] for entry in log["entries"]} == {"this-voucher", "earlier-request"}


def restored(scene, meanwhile):
    """The store is put back to what it was before `meanwhile`."""
    store, backup = scene.owner / "store", scene.folder / "backup.mdb"
    scene.stop_one("gatehoused")
    shutil.copy(store / "data.mdb", backup)
    scene.start_gatehoused()
    meanwhile()
    scene.stop_one("gatehoused")
    (store / "data.mdb").unlink()
    shutil.copy(backup, store / "data.mdb")
    (store / "lock.mdb").unlink()
    scene.start_gatehoused()


def test_entry_from_before_a_restore_is_told_apart(make_scene):
    scene = make_scene(SHORT)
    pledge = scene.independent()
    restored(scene, pledge.go_on)
    pledge.begin()
    pledge.hang_up()
    assert pledge.go_on().done
    accepted, = scene.events(pledge.serial, "audit-log-accepted")
    assert accepted["severity"] == "warning" and "restored" in accepted["detail"]
    log = scene.ctl_json("devices", "show", pledge.serial, "--log")
    assert [entry["cause"] for entry in log["entries"]] == ["this-voucher", "before-restore"]


def test_entry_that_somebody_else_caused_in_our_name_is_found(make_scene):
    """After the restore another holder of our store goes on with it: that is no restore."""
    scene = make_scene(SHORT)
    pledge = scene.independent()
    restored(scene, lambda: None)
    scene.pass_time(timedelta(hours=1))
    pledge.go_on("voucher")
    path = scene.folder / "masa" / "issued.jsonl"
    scene.stop_one("masa")
    entry = json.loads(path.read_text().splitlines()[0])
    forged = {**entry, "nonce": "Zm9yZ2VkLW5vbmNl", "sha256": "00" * 32}
    path.write_text("".join(json.dumps(each) + "\n" for each in (forged, entry)))
    scene.start_masa()
    pledge.tell_voucher_status()
    refusal = scene.trouble(pledge.serial, "log-entry-not-caused")
    assert refusal["event"] == "audit-log-refused"
    assert pledge.ask("GET", EST + "csrattrs").status == 403
    assert scene.certificates(pledge.serial) == []


def test_another_registrar_of_ours_is_allowed_by_our_own_domain_id(fresh):
    own = {}

    def log(rvr):
        own["id"] = domain_ids(rvr)[0]
        return reply(200, json.dumps(audit_log(rvr)).encode(), LOG_TYPE)

    imprinted(fresh, log).go_on()
    change_maker(fresh, "--allowed-domain", own["id"])
    pledge = imprinted(fresh, showing(event(None), event(None, None))).go_on()
    shown = fresh.ctl_json("devices", "show", pledge.serial, "--log")
    assert [entry["cause"] for entry in shown["entries"]] == ["this-voucher", "allowed", "allowed"]

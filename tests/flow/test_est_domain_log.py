"""
What the MASA's audit log says of a device that comes with a voucher of its manufacturer's cloud
(RFC 8995 5.8, draft-ietf-anima-brski-cloud 4.2): we have not seen the voucher, so the log decides.
"""

import json
import threading
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import pkcs7

from est_pledge import EstPledge
from fakes import FakeMasa, LOG_TYPE, domain_ids, make_identity, moment, reply
from forms import COSE, FORMS, JWS, REQUEST, VOUCHER, form_of
from pledge import EST, binary, verify_cms
from scene import until
from test_crash import KILLED

SHORT = {"limits": {"pledge-wait": "200 ms"},
         "outgoing": {"connect-timeout": "500 ms", "timeout": "500 ms"}}
STRANGE, FRIEND = binary(b"s" * 20), binary(b"f" * 20)
CLOUDS_NONCE = "Y2xvdWQtbm9uY2UtMDE="
OPERATIONS = ("simpleenroll", "simplereenroll", "serverkeygen", "fullcmc")
CONFIGURATION = "/.well-known/gatehouse/configuration"


@pytest.fixture(scope="module", name="scene")
def fixture_scene(make_scene):
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
    change_maker(scene, "--allowed-domain", FRIEND, "--est-domain-vouchers", "yes")
    return scene


def change_maker(scene, *options):
    scene.ctl("manufacturers", "set", "maker", *options)


def entry(domain=None, nonce=CLOUDS_NONCE, ago=timedelta(hours=1)):
    """`domain` None: ours."""
    return {"date": moment(ago), "domainID": domain, "nonce": nonce, "assertion": "logged",
            "truncated": 0}


def log(*entries, **members):
    def answer(rvr):
        own = domain_ids(rvr)[-1]  # the cloud has pinned our CA
        events = [{**each, "domainID": each["domainID"] or own} for each in entries]
        return reply(200, json.dumps({"version": 1, "events": events, **members}).encode(),
                     LOG_TYPE)
    return answer


def arriving(scene, *logs):
    """A pledge with its voucher; the MASA has these logs for it, one after the other."""
    pledge = EstPledge(scene).with_voucher_from_elsewhere()
    scene.fake.says(pledge.serial, "requestauditlog", *logs)
    return pledge


def logs_asked(scene, pledge):
    return scene.fake.asked(pledge.serial, "requestauditlog")


# The request.


def test_log_is_asked_for_with_a_request_of_our_own_before_anything_is_issued(scene):
    seen = []

    def answer(rvr):
        seen.append((rvr, scene.certificates(pledge.serial)))
        return log(entry())(rvr)

    pledge = arriving(scene, answer)
    pledge.enrolled()
    (rvr, issued), = seen
    assert issued == []
    members, = json.loads(verify_cms(rvr, scene.owner / "pki" / "registrar-ca.pem")).values()
    assert members["serial-number"] == pledge.serial
    assert "created-on" in members and "idevid-issuer" in members
    for absent in ("nonce", "prior-signed-voucher-request", "assertion", "proximity-registrar-cert"):
        assert absent not in members
    shown = scene.ctl_json("devices", "show", pledge.serial, "--log")
    assert [each["cause"] for each in shown["entries"]] == ["manufacturers-cloud"]
    episode = scene.episode(pledge.serial)
    assert (episode["log-verdict"], episode["stage"]) == ("accepted", "confirmed")
    arrival, = scene.events(pledge.serial, "arrived-with-voucher")
    assert arrival["severity"] == "info" and "audit log of https://" in arrival["detail"]
    assert scene.fake.asked(pledge.serial, "requestvoucher") == []


def test_request_shows_the_chain_that_the_cloud_may_have_pinned(scene):
    seen = []
    pledge = arriving(scene, lambda rvr: seen.append(rvr) or log(entry())(rvr)).enrolled()
    chain = pkcs7.load_der_pkcs7_certificates(seen[0])
    assert pledge.pinned in chain and len(chain) == 2


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_log_is_asked_for_in_the_form_that_the_record_names(fresh, form):
    """Nobody here has seen the voucher, nor its form."""
    seen = []
    change_maker(fresh, "--voucher-form", form.name)
    fresh.ctl("manufacturers", "allow", "maker", "masa-container")
    pledge = arriving(fresh, lambda rvr: seen.append(rvr) or log(entry())(rvr)).enrolled()
    assert form_of(seen[0]) is form
    (container, members), = form.peek(seen[0]).items()
    assert members["serial-number"] == pledge.serial
    assert container == (REQUEST if form is COSE else VOUCHER)  # in COSE it is a number
    # So it is later.
    fresh.pass_time(timedelta(days=1))
    until(lambda: len(seen) == 2, "the log is fetched again")
    assert form_of(seen[1]) is form and set(form.peek(seen[1])) == {container}
    used = [event["detail"] for event in fresh.events(pledge.serial, "allowance-used")]
    assert len(used) == (form is not COSE)


def test_masa_that_does_not_read_the_form_is_asked_anew_in_the_one_that_the_record_gets(fresh):
    def choosy(rvr):
        return log(entry())(rvr) if form_of(rvr) is JWS else reply(415, b"JWS only")

    pledge = arriving(fresh, choosy)
    pledge.get_csrattrs()
    csr = pledge.csr_octets = pledge.csr()
    assert pledge.post_csr(csr).status == 202
    trouble = fresh.trouble(pledge.serial, "audit-log-request-form")
    assert "--voucher-form" in trouble["hint"] and "JWS only" in trouble["detail"]
    assert pledge.post_csr(csr).status == 202
    assert fresh.certificates(pledge.serial) == []
    change_maker(fresh, "--voucher-form", "jws")
    fresh.ctl("devices", "fetch-log", pledge.serial)
    pledge.enrolled()
    assert fresh.episode(pledge.serial)["log-verdict"] == "accepted"


@pytest.mark.parametrize("more", [
    pytest.param([entry(FRIEND)], id="an allowed owner before us"),
    pytest.param([entry(nonce="ZWFybGllci1ub25jZQ==")], id="ours once before"),
])
def test_log_that_breaks_no_rule_lets_the_device_in(scene, more):
    pledge = arriving(scene, log(entry(), *more)).enrolled()
    assert "log-problem" not in scene.episode(pledge.serial)


# Refused.


def closed_for_good(pledge):
    """Every EST operation, over the connection that is there and over a new one."""
    csr = pledge.csr(extensions=[])
    assert pledge.patiently(lambda: pledge.post_csr(csr)).status == 403
    for _ in range(2):
        assert pledge.ask("GET", EST + "csrattrs").status == 403
        assert pledge.post_csr(csr).status == 403
        assert pledge.ask("GET", CONFIGURATION).status == 403
        for operation in OPERATIONS:
            answer = pledge.ask("POST", EST + operation, pledge.encode(csr),
                                content_type="application/pkcs10")
            assert answer.status in (401, 403, 404, 405, 415), (operation, answer)
        pledge.hang_up()


@pytest.mark.parametrize("entries,members,problem", [
    pytest.param([entry(), entry(STRANGE)], {}, "log-foreign-domain", id="another owner"),
    pytest.param([entry(STRANGE)], {}, "log-foreign-domain", id="another owner only"),
    pytest.param([entry(), entry(STRANGE, None)], {}, "log-foreign-domain",
                 id="another owner without nonce"),
    pytest.param([entry(), entry(FRIEND, None)], {}, "log-nonceless",
                 id="an allowed owner without nonce"),
    pytest.param([entry(), entry(nonce=None)], {}, "log-entry-not-caused",
                 id="our name without nonce"),
    pytest.param([entry()], {"truncation": {"arbitrary": 1}}, "log-truncated",
                 id="entries dropped at will"),
])
def test_log_that_breaks_a_rule_shuts_every_door(scene, entries, members, problem):
    pledge = arriving(scene, log(*entries, **members))
    closed_for_good(pledge)
    refusal = scene.trouble(pledge.serial, problem)
    assert (refusal["event"], refusal["severity"]) == ("audit-log-refused", "error")
    episode = scene.episode(pledge.serial)
    assert (episode["begun-by"], episode["stage"]) == ("est-domain", "log-refused")
    assert scene.certificates(pledge.serial) == []


def test_device_comes_again_once_its_log_was_accepted_by_hand(scene):
    pledge = arriving(scene, log(entry(), entry(STRANGE)))
    closed_for_good(pledge)
    scene.ctl("devices", "accept-log", pledge.serial, "--yes")
    pledge.enrolled()
    first, second = [each["detail"] for each in scene.events(pledge.serial, "arrived-with-voucher")]
    assert first == second
    assert scene.episode(pledge.serial)["stage"] == "confirmed"


def test_device_that_is_sold_on_later_is_shut_out_and_its_certificate_revoked(fresh):
    change_maker(fresh, "--audit-log-revokes", "yes")
    pledge = arriving(fresh, log(entry()), log(entry(), entry(STRANGE, None))).enrolled()
    fresh.pass_time(timedelta(days=2))
    until(lambda: fresh.episode(pledge.serial)["stage"] == "log-refused", "the log is refused")
    certificate, = fresh.certificates(pledge.serial)
    assert certificate["state"] == "revoked"
    pledge.hang_up()
    assert pledge.ask("GET", EST + "csrattrs").status == 403


# Waited for.


def test_log_that_comes_90_seconds_late_is_waited_for(fresh):
    """Until then the MASA shows an old copy, which is no verdict, or none."""
    begun = fresh.ahead

    def answer(rvr):
        late = fresh.ahead - begun
        if late < timedelta(seconds=60):
            return log()(rvr)
        return log(entry())(rvr) if late >= timedelta(seconds=90) else reply(503, b"later")

    pledge = arriving(fresh, answer)
    pledge.get_csrattrs()
    csr = pledge.csr_octets = pledge.csr()
    for _ in range(3):
        waits = pledge.post_csr(csr)
        assert (waits.status, 1 <= waits.retry_after <= 60) == (202, True)
        assert fresh.certificates(pledge.serial) == []
        fresh.pass_time(timedelta(seconds=30))
    late = fresh.trouble(pledge.serial, "log-without-our-entry")
    assert late["event"] == "audit-log-not-received"
    pledge.enrolled()
    assert len(set(logs_asked(fresh, pledge))) == 1


def test_log_that_never_shows_the_clouds_voucher_lets_nobody_in(scene):
    pledge = arriving(scene, log())
    pledge.get_csrattrs()
    csr = pledge.csr_octets = pledge.csr()
    until(lambda: len(logs_asked(scene, pledge)) >= 3, "the log is asked for again and again")
    assert pledge.post_csr(csr).status == 202
    assert scene.episode(pledge.serial)["log-verdict"] == "pending"
    assert scene.certificates(pledge.serial) == []


# The switches in the manufacturer's record.


def without_masa(scene):
    """A device of which nothing says where its MASA is."""
    serial = f"ALONE-{len(scene.serials)}"
    scene.serials.append(serial)
    folder = scene.maker / "pledges" / serial
    make_identity(folder, serial, (scene.maker / "ca.pem", scene.maker / "ca.key"))
    scene.expect([serial])
    return EstPledge(scene, serial).with_voucher_from_elsewhere()


def test_without_a_masa_nobody_comes_in_whose_log_is_demanded(fresh):
    pledge = without_masa(fresh)
    csr = pledge.csr(extensions=[])
    for _ in range(2):
        for answer in (pledge.ask("GET", EST + "csrattrs"), pledge.post_csr(csr)):
            assert answer.status == 503 and answer.retry_after
        pledge.hang_up()
    assert "--masa-url" in fresh.trouble(pledge.serial, "audit-log-not-to-be-had")["hint"]
    assert fresh.nothing_issued(pledge.serial)
    assert fresh.events(pledge.serial, "arrived-with-voucher") == []
    change_maker(fresh, "--audit-log", "warn")
    pledge.enrolled()
    arrival, = fresh.events(pledge.serial, "arrived-with-voucher")
    assert arrival["severity"] == "warning" and "no audit log" in arrival["detail"]
    assert fresh.episode(pledge.serial)["log-verdict"] == "not-asked"


def test_log_that_is_not_asked_for(fresh):
    change_maker(fresh, "--audit-log", "off")
    pledge = arriving(fresh, log(entry(STRANGE))).enrolled()
    assert logs_asked(fresh, pledge) == []
    arrival, = fresh.events(pledge.serial, "arrived-with-voucher")
    assert arrival["severity"] == "warning" and "no audit log" in arrival["detail"]
    # once it is asked for again, this device's is asked for too
    change_maker(fresh, "--audit-log", "enforce")
    fresh.pass_time(timedelta(days=2))
    until(lambda: fresh.episode(pledge.serial)["stage"] == "log-refused", "the log is refused")


def test_warning_only(fresh):
    change_maker(fresh, "--audit-log", "warn")
    pledge = arriving(fresh, log(entry(), entry(STRANGE))).enrolled()
    warning = fresh.trouble(pledge.serial, "log-foreign-domain")
    assert (warning["event"], warning["severity"]) == ("audit-log-let-pass", "warning")
    other = arriving(fresh, reply(404, b"none here")).enrolled()  # nor is one waited for
    assert fresh.episode(other.serial)["stage"] == "confirmed"


# Crashes.


@pytest.mark.parametrize("moment_of_death", ["arrival-before-stored", "arrival-after-stored",
                                             "log-after-answer", "log-after-stored"])
def test_death_at(fresh, moment_of_death):
    pledge = arriving(fresh, log(entry()))
    fresh.restart_gatehoused(env={"GATEHOUSE_FAILPOINT": moment_of_death})
    ends = []

    def raise_the_dead():
        ends.append(fresh.wait_for_death())
        fresh.start_gatehoused()

    nurse = threading.Thread(target=raise_the_dead)
    nurse.start()
    while True:
        try:
            pledge.enrolled()
            break
        except OSError:
            pledge.hang_up()
    nurse.join()
    assert ends == [KILLED]
    shown = fresh.shown(pledge.serial)
    names = [event["event"] for event in shown["timeline"]]
    assert names.count("arrived-with-voucher") == names.count("audit-log-accepted") == 1
    assert len(shown["certificates"]) == 1 and not shown.get("earlier-episodes")
    assert len(set(logs_asked(fresh, pledge))) == 1
    assert fresh.store_findings() == []

"""The cloud registrar of the lab, as draft-ietf-anima-brski-cloud 3.2 wants one."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography import x509

from clouds import EST_DOMAIN, CloudStage
from pledge import BRSKI, EST, VOUCHER_TYPE, certificate_in, openssl, verify_cms
from scene import until
from stage import CLOUD, StageError, free_port
from wire import Wire

OWNER = "https://registrar.owner.example:8443"
LOCATION = OWNER + BRSKI + "requestvoucher"
SECRET = "https://config.owner.example/sesame-4711"


@pytest.fixture(scope="module", name="stage")
def fixture_stage(bins, tmp_path_factory):
    stage = CloudStage.open(tmp_path_factory.mktemp("cloud"), bins)
    yield stage
    stage.finish()


def members_of(stage, answer):
    """What a voucher says, once its signature is found to be the MASA's."""
    voucher = json.loads(verify_cms(answer.body, stage.maker / "masa-anchors.pem"))
    return voucher["ietf-voucher:voucher"]


def refused(stage, *options):
    """Its last words, when it does not start."""
    with pytest.raises(StageError) as error:
        stage.start_cloud(*options)
    stage.programs.pop("cloud")
    return str(error.value)


# The answers.


def test_owned_device_is_sent_to_its_owners_registrar(stage):
    serial = stage.new_pledge()
    stage.cloud({serial: OWNER})
    answer = stage.ask(serial)
    assert answer.status == 307
    assert answer.headers["location"] == LOCATION


def test_owned_device_is_given_a_voucher_for_its_owners_est_server(stage):
    serial = stage.new_pledge()
    stage.cloud({serial: "voucher"}, *stage.voucher_options())
    pledge = stage.knocker(serial)
    answer = pledge.post_request(pledge.voucher_request())
    assert (answer.status, answer.media_type) == (200, VOUCHER_TYPE)
    members = members_of(stage, answer)
    assert members == {
        "created-on": members["created-on"], "assertion": "verified", "serial-number": serial,
        "nonce": pledge.nonce, "pinned-domain-cert": certificate_in(stage.maker / "cloud-tls.pem"),
        "est-domain": EST_DOMAIN}


def test_voucher_has_the_devices_own_configuration_and_no_log_tells_it(stage):
    serial = stage.new_pledge()
    program = stage.cloud({serial: "voucher"}, *stage.voucher_options(),
                          "--additional-configuration-url", SECRET + "/{serial-number}")
    members = members_of(stage, stage.ask(serial))
    assert members["additional-configuration-url"] == f"{SECRET}/{serial}"
    assert stage.cloud_log(serial)
    assert "sesame" not in program.log_text() + str(stage.requests_seen("cloud"))


def test_same_request_gets_the_same_voucher_also_after_a_restart(stage):
    serial = stage.new_pledge()
    stage.cloud({serial: "voucher"}, *stage.voucher_options())
    pledge = stage.knocker(serial)
    request = pledge.voucher_request()
    first = pledge.post_request(request).body
    stage.cloud({serial: "voucher"}, *stage.voucher_options())
    pledge.hang_up()
    assert pledge.post_request(request).body == first


def test_voucher_takes_its_time_and_the_pledge_is_told_to_come_again(stage):
    serial = stage.new_pledge()
    stage.cloud({serial: "voucher"}, *stage.voucher_options(), "--prepare", "300 ms")
    pledge = stage.knocker(serial)
    request = pledge.voucher_request()
    first = pledge.post_request(request)
    assert (first.status, first.retry_after) == (202, 1)
    assert pledge.patiently(lambda: pledge.post_request(request)).status == 200


def test_device_without_owner_is_told_when_to_come_again_or_to_give_up(stage):
    serial = stage.new_pledge()
    stage.cloud({serial: "-"}, "--retry-after", "900")
    answer = stage.ask(serial)
    assert (answer.status, answer.retry_after) == (401, 900)
    stage.cloud({serial: "-"}, "--retry-after", "0")
    answer = stage.ask(serial)
    assert (answer.status, "retry-after" in answer.headers) == (401, False)
    stage.reload({serial: OWNER})
    until(lambda: stage.ask(serial).status == 307, "the device has an owner now")


def test_wrong_requests_are_told_apart(stage):
    serial, other = stage.new_pledge(), stage.new_pledge()
    stage.cloud({serial: OWNER})
    pledge = stage.knocker(serial)
    assert pledge.post_request(b"no voucher request").status == 400
    assert pledge.post_request(pledge.voucher_request(nonce=None)).status == 400
    assert pledge.post_request(b"", content_type="text/plain").status == 415
    assert pledge.post_request(pledge.voucher_request(serial_number=other)).status == 403
    assert pledge.post_request(pledge.voucher_request(
        proximity_registrar_cert=certificate_in(stage.maker / "ca.pem"))).status == 403
    assert pledge.post_request(pledge.voucher_request(
        signer=stage.identity(other))).status == 403
    assert stage.ask(other).status == 404
    assert pledge.ask("GET", EST + "csrattrs").status == 404
    assert pledge.ask("GET", BRSKI + "requestvoucher").status == 405


def test_stranger_is_refused_and_cut_off(stage):
    serial = stage.new_pledge()
    stage.cloud({serial: OWNER})
    with Wire(stage.cloud_port, (stage.maker / "cloud-tls.pem", stage.maker / "cloud-tls.key")) as w:
        answer = w.request("POST", BRSKI + "requestvoucher", b"x", content_type=VOUCHER_TYPE)
        assert (answer.status, w.is_closed()) == (403, True)
    with Wire(stage.cloud_port) as wire:
        assert wire.request("POST", BRSKI + "requestvoucher", b"x",
                            content_type=VOUCHER_TYPE).status == 403


def test_overload_is_said_with_a_time_to_come_again(stage):
    serials = stage.make_pledges("BUSY", 4)
    stage.cloud({serial: OWNER for serial in serials}, "--max-requests", "1", "--fault", "slow",
                "--slow", "3 s")
    with ThreadPoolExecutor(len(serials)) as pool:
        answers = list(pool.map(stage.ask, serials))
    assert {answer.status for answer in answers} == {307, 503}
    assert all(answer.retry_after > 0 for answer in answers if answer.status == 503)


def test_form_that_the_pledge_does_not_read_is_not_acceptable(stage):
    serial = stage.new_pledge()
    stage.cloud({serial: "voucher"}, *stage.voucher_options())
    assert stage.ask(serial, accept="text/html").status == 406


def test_reports_are_taken_and_kept(stage):
    serial = stage.new_pledge()
    program = stage.cloud({serial: "voucher"}, *stage.voucher_options())
    pledge = stage.knocker(serial)
    pledge.tell_voucher_status(False, reason="est.owner.example is\nsomebody else")
    assert pledge.tell("enrollstatus", {"version": 1, "status": True}).status == 200
    assert pledge.tell("voucher_status", b"{}").status == 400
    assert pledge.tell("voucher_status", b"\xff").status == 400
    reports = [(entry["path"].rpartition("/")[2], entry["report"])
               for entry in stage.cloud_log(serial) if "report" in entry]
    assert reports == [("voucher_status", "false: est.owner.example is?somebody else"),
                       ("enrollstatus", "true")]
    assert "voucher_status" in program.log_text()
    with Wire(stage.cloud_port) as wire:
        assert wire.request("POST", BRSKI + "voucher_status", b'{"version":1,"status":true}',
                            content_type="application/json").status == 403


# The MASA, elsewhere.


def remote_options(stage):
    return ["--masa", f"https://masa.maker.example:{stage.masa_port}", "--network", "127.0.0.0/8",
            "--resolve", f"masa.maker.example:{stage.masa_port}:127.0.0.1",
            "--est-domain", EST_DOMAIN, "--pin", stage.maker / "cloud-tls.pem",
            "--additional-configuration-url", SECRET]


def test_masa_elsewhere_issues_what_the_cloud_orders(stage):
    serial = stage.new_pledge()
    stage.start_masa("--clouds", stage.maker / "ca.pem", "--fault", "202:1")
    stage.cloud({serial: "voucher"}, *remote_options(stage))
    pledge = stage.knocker(serial)
    request = pledge.voucher_request()
    first = pledge.post_request(request)
    assert (first.status, first.retry_after) == (202, 1)
    members = members_of(stage, pledge.post_request(request))
    assert (members["est-domain"], members["assertion"]) == (EST_DOMAIN, "verified")
    assert members["additional-configuration-url"] == SECRET
    assert [entry["serial"] for entry in stage.vouchers_issued(serial)] == [serial]
    log = (stage.folder / "masa-requests.jsonl").read_text()
    assert "private" in log and "sesame" not in log


def test_masa_elsewhere_takes_no_orders_from_strangers_and_may_be_away(stage):
    serial = stage.new_pledge()
    stage.start_masa()
    stage.cloud({serial: "voucher"}, *remote_options(stage))
    assert stage.ask(serial).status == 403
    stage.stop_one("masa")
    assert stage.ask(serial).status == 503
    assert stage.vouchers_issued(serial) == []


# Resellers.


@pytest.fixture(scope="module", name="chain")
def fixture_chain(bins, tmp_path_factory, make_scene):
    """Manufacturer's cloud, a reseller's, and the owner: each sends the device on."""
    scene = make_scene()
    scene.reseller = scene.folder / "reseller"
    scene.run("gatehouse-maker", "init", scene.reseller, "--name", "Reseller", "--masa",
              "masa.reseller.example", "--cloud", "cloud.reseller.example")
    anchors = scene.folder / "both-anchors.pem"
    anchors.write_text((scene.maker / "implicit-anchors.pem").read_text()
                       + (scene.reseller / "implicit-anchors.pem").read_text())
    scene.reseller_port = free_port()
    scene.reseller_url = f"https://cloud.reseller.example:{scene.reseller_port}"
    scene.anchors = anchors
    return scene


def start_reseller(scene, rows, *options):
    devices = scene.folder / "reseller-devices"
    devices.write_text(rows)
    if "reseller" in scene.programs:
        scene.stop_one("reseller")
    return scene.start("reseller", "gatehouse-cloud", "--listen", f"127.0.0.1:{scene.reseller_port}",
                       "--tls-cert", scene.reseller / "cloud-tls.pem",
                       "--tls-key", scene.reseller / "cloud-tls.key",
                       "--idevid-anchor", scene.maker / "ca.pem", "--devices", devices,
                       "--upstream", scene.cloud_url, *options, says="listening")


def resold(scene, serial, check=True):
    scene.sell([serial], scene.reseller_url)
    if "cloud" in scene.programs:
        scene.stop_one("cloud")
    scene.start_cloud()
    resolve = f"cloud.reseller.example:{scene.reseller_port}:127.0.0.1"
    run = scene.pledge("--json", "--anchors", scene.anchors, "--resolve", resolve, serial=serial,
                       check=check)
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def test_resold_device_comes_to_its_owner_through_the_reseller(chain):
    serial = chain.device()
    start_reseller(chain, f"{serial} {chain.registrar_url}\n")
    steps = resold(chain, serial)
    assert [step["status"] for step in steps if "status" in step][:3] == [307, 307, 200]
    assert steps[-1]["step"] == "onboarded"
    assert chain.episode(serial)["stage"] == "confirmed"


def test_reseller_that_does_not_know_the_device_says_404_and_sends_it_nowhere(chain):
    serial = chain.device()
    start_reseller(chain, "")
    steps = resold(chain, serial, check=False)
    statuses = [step["status"] for step in steps if "status" in step]
    assert statuses[:2] == [307, 404] and steps[-1]["step"] != "onboarded"
    assert not chain.certificates(serial)


def test_reseller_sends_no_device_back_to_where_it_comes_from(chain):
    serial = chain.device()
    with pytest.raises(StageError, match="in a circle"):
        start_reseller(chain, f"{serial} {chain.cloud_url}\n")
    chain.programs.pop("reseller")


# Settings that make no sense are refused at the start.


def test_start_is_refused_with_a_word_on_what_is_missing(stage):
    serial = stage.new_pledge()
    stage.write_devices({serial: "voucher"})
    if "cloud" in stage.programs:
        stage.stop_one("cloud")
    assert "needs --est-domain and --pin" in refused(stage)
    assert "needs --masa-state or --masa" in refused(stage, *stage.voucher_options()[2:])
    assert "exclude each other" in refused(stage, *stage.voucher_options(), *remote_options(stage)[:2])
    assert "needs --masa-state" in refused(stage, "--fault", "wrong-pin")
    assert "did you mean redirect-loop" in refused(stage, "--fault", "redirect-lop")
    stage.write_devices({serial: "nowhere"})
    assert f"cloud-devices:1" in refused(stage)


# Faults, for pledges to show how they take them.


STATUSES = {"5xx": 500, "503": 503, "202": 202, "garbage": 200, "huge": 200, "redirect-loop": 307,
            "redirect-http": 307, "redirect-nowhere": 307, "redirect-302": 302}


@pytest.mark.parametrize("fault", STATUSES)
def test_fault_of_the_answer(stage, fault):
    serial = stage.new_pledge()
    stage.cloud({serial: OWNER}, "--fault", f"{fault}:1")
    answer = stage.ask(serial)
    assert answer.status == STATUSES[fault]
    location = answer.headers.get("location")
    if fault == "redirect-http":
        assert location == LOCATION.replace("https", "http")
    elif fault == "redirect-nowhere":
        assert location is None
    elif fault == "redirect-loop":
        assert location.endswith(BRSKI + "requestvoucher") and "registrar.owner" in location
    elif fault in ("503", "202"):
        assert answer.retry_after == 1
    assert stage.ask(serial).headers["location"] == LOCATION  # the fault is used up
    assert [entry["fault"] for entry in stage.cloud_log(serial)] == [fault, None]


def test_lost_reply_closes_the_connection(stage):
    serial = stage.new_pledge()
    stage.cloud({serial: OWNER}, "--fault", "lost-reply:1")
    with pytest.raises(ConnectionError):
        stage.ask(serial)
    assert stage.ask(serial).status == 307


def altered(fault, members, right):
    return {"wrong-serial": members.get("serial-number") != right["serial-number"],
            "wrong-nonce": members.get("nonce") != right["nonce"],
            "wrong-pin": members.get("pinned-domain-cert") not in
            (None, right["pinned-domain-cert"]),
            "no-pin": "pinned-domain-cert" not in members,
            "expired": "expires-on" in members,
            "no-est-domain": "est-domain" not in members}[fault]


@pytest.mark.parametrize("fault", ["wrong-serial", "wrong-nonce", "wrong-pin", "no-pin", "expired",
                                   "no-est-domain", "unsigned"])
def test_fault_of_the_voucher(stage, fault):
    serial = stage.new_pledge()
    stage.cloud({serial: "voucher"}, *stage.voucher_options(), "--fault", f"{fault}:1")
    pledge = stage.knocker(serial)
    request = pledge.voucher_request()
    wrong, right = (pledge.post_request(request) for _ in range(2))
    kept = members_of(stage, right)
    if fault == "unsigned":
        assert openssl("cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any",
                       "-partial_chain", "-CAfile", stage.maker / "masa-anchors.pem",
                       octets=wrong.body, check=False) is None
    else:
        assert altered(fault, members_of(stage, wrong), kept)
    pinned = x509.load_der_x509_certificate(base64.b64decode(kept["pinned-domain-cert"]))
    assert pinned.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value == CLOUD

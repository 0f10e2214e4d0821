"""
The owner as EST server of pledges that have their voucher from the cloud
(draft-ietf-anima-brski-cloud 4.2): who is let in, and who is not.
"""

import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from est_pledge import EstPledge
from fakes import make_identity
from pledge import EST
from scene import QUICK, Scene
from stage import REGISTRAR, merged
from wire import Wire

CONFIGURATION = "/.well-known/gatehouse/configuration"
ALLOW = ("manufacturers", "set", "maker", "--est-domain-vouchers", "yes")


def start_cloud(scene, pin="registrar-ca.pem", host=REGISTRAR, configuration=None):
    """The cloud registrar gives vouchers for us, that its MASA elsewhere signs and logs."""
    if "cloud" in scene.programs:
        scene.stop_one("cloud")
    scene.sell(scene.serials, "voucher")
    scene.start_cloud(*scene.voucher_options(pin, host, configuration))


def opened(folder, bins, changes=None, masa=(), allow=True):
    scene = Scene(folder, bins)
    scene.make_maker()
    scene.make_owner(merged(QUICK, changes or {}), names=("127.0.0.1", "::1"))
    scene.write_node_file(merged(merged(QUICK, {"listen": {"pledges": [
        f"127.0.0.1:{scene.port}", f"[::1]:{scene.port}"]}}), changes or {}))
    scene.start_masa(*scene.cloud_masa_options(), *masa)
    scene.start_gatehoused()
    scene.introduce()
    if allow:
        scene.ctl(*ALLOW)
    return scene


@pytest.fixture(scope="module", name="make_est_scene")
def fixture_make_est_scene(bins, tmp_path_factory):
    scenes = []

    def make(*arguments, **options):
        scenes.append(opened(tmp_path_factory.mktemp("stage"), bins, *arguments, **options))
        return scenes[-1]

    yield make
    for scene in scenes:
        scene.finish()


@pytest.fixture(scope="module", name="scene")
def fixture_scene(make_est_scene):
    return make_est_scene()


def with_voucher(scene, serial=None, **cloud):
    pledge = EstPledge(scene, serial)
    start_cloud(scene, **cloud)
    return pledge.ask_cloud()


# Those that are ours.


@pytest.mark.parametrize("pin", ["registrar-ca.pem", "registrar.pem"])
@pytest.mark.parametrize("host", [REGISTRAR, "127.0.0.1", "[::1]"])
def test_pledge_with_a_voucher_from_the_cloud_is_enrolled(scene, pin, host):
    pledge = with_voucher(scene, pin=pin, host=host).enrolled()
    shown = scene.shown(pledge.serial)
    episode = shown["episode"]
    assert (episode["begun-by"], episode["stage"]) == ("est-domain", "confirmed")
    assert episode["enrol-report-matches"] is True
    assert len(shown["certificates"]) == 1
    names = [event["event"] for event in shown["timeline"]]
    assert names.count("arrived-with-voucher") == 1 and "voucher-requested" not in names
    assert scene.asked(pledge.serial) == []  # the cloud asked, not we


def test_pledge_may_come_over_a_connection_for_each_request(scene):
    pledge = with_voucher(scene)
    pledge.keep = False
    pledge.enrolled()
    assert len(scene.events(pledge.serial, "arrived-with-voucher")) == 1
    assert scene.episode(pledge.serial)["stage"] == "confirmed"


def test_many_first_requests_at_once_are_one_onboarding(scene):
    pledge = with_voucher(scene)
    begin = threading.Barrier(6)

    def knock():
        with Wire(scene.port, pledge.identity) as wire:
            begin.wait()
            return wire.request("GET", EST + "csrattrs").status

    with ThreadPoolExecutor(6) as pool:
        assert {done.result() for done in [pool.submit(knock) for _ in range(6)]} == {200}
    assert len(scene.events(pledge.serial, "arrived-with-voucher")) == 1
    pledge.enrolled()
    assert "earlier-episodes" not in scene.shown(pledge.serial) or not scene.shown(
        pledge.serial)["earlier-episodes"]


def test_reports_are_taken(scene):
    pledge = with_voucher(scene)
    pledge.get_cacerts()
    pledge.get_csrattrs()
    pledge.tell_voucher_status(True)
    pledge.enrol()
    assert pledge.tell("enrollstatus", {"version": 1, "status": False, "reason": "odd"}).status == 200
    episode = scene.episode(pledge.serial)
    assert (episode["voucher-report"], episode["stage"]) == ("success", "enrol-failed")
    assert episode["enrol-report-reason"] == "odd"


def test_device_that_was_reset_comes_again(scene):
    pledge = with_voucher(scene).enrolled()
    first = pledge.ldevid
    pledge.hang_up()
    pledge.begin()
    pledge.ask_cloud().enrolled()
    shown = scene.shown(pledge.serial)
    assert pledge.ldevid != first
    assert [episode["stage"] for episode in shown["earlier-episodes"]] == ["confirmed"]
    assert shown["episode"]["stage"] == "confirmed"
    assert "began anew" in shown["earlier-episodes"][0]["closed-because"]


def test_device_that_asks_us_for_a_voucher_is_met_as_ever(scene):
    pledge = scene.independent().go_on()
    episode = scene.episode(pledge.serial)
    assert (episode["begun-by"], episode["stage"]) == ("voucher-request", "confirmed")
    pledge.hang_up()
    pledge.get_csrattrs()  # over another connection: its onboarding is no other
    assert scene.events(pledge.serial, "arrived-with-voucher") == []


def test_pledge_finds_the_configuration_that_its_voucher_names(scene, tmp_path):
    serial = scene.device()
    (tmp_path / "sip").write_text("password of {serial}")
    scene.ctl("configuration", "set", tmp_path / "sip", "--manufacturer", "maker", "--device", serial,
              "--template")
    pledge = with_voucher(
        scene, serial, configuration=f"https://{REGISTRAR}:{scene.port}{CONFIGURATION}")
    place = urlsplit(pledge.members["additional-configuration-url"]).path
    answer = pledge.patiently(lambda: pledge.ask("GET", place))
    assert answer.body == f"password of {serial}".encode()
    pledge.enrolled()
    with Wire(scene.port, pledge.own_identity()) as wire:
        assert wire.request("GET", place).body == answer.body


def test_admission_rule_that_does_not_ask_what_the_voucher_says_lets_in(make_est_scene):
    scene = make_est_scene()
    scene.ctl("admission", "add", "lenient", "--manufacturer", "maker", "--unverified", "--reason",
              "test")
    pledge = with_voucher(scene, scene.device(expected=False)).enrolled()
    event, = scene.events(pledge.serial, "arrived-with-voucher")
    assert event["severity"] == "warning" and "rule lenient" in event["detail"]


# Those that are not.


def check_turned_away(scene, pledge, status, problem):
    """Every door that such a device has is shut, over every connection."""
    key = pledge.key = ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder().subject_name(pledge.idevid.subject).sign(
        key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    for _ in range(2):
        assert pledge.ask("GET", EST + "csrattrs").status == status
        assert pledge.post_csr(csr).status == status
        assert pledge.ask("GET", CONFIGURATION).status == status
        pledge.hang_up()
    scene.trouble(pledge.serial, problem)
    assert scene.nothing_issued(pledge.serial)
    assert scene.events(pledge.serial, "arrived-with-voucher") == []


def test_without_the_manufacturers_word_nobody_comes_in_without_a_voucher_of_ours(make_est_scene):
    scene = make_est_scene(allow=False)
    check_turned_away(scene, with_voucher(scene), 403, "no-open-onboarding")
    scene.ctl(*ALLOW)
    with_voucher(scene).enrolled()


def test_device_on_no_list_is_turned_away(scene):
    pledge = with_voucher(scene, scene.device(expected=False))
    check_turned_away(scene, pledge, 403, "device-unexpected")
    assert scene.asked(pledge.serial, "requestauditlog") == []
    scene.expect([pledge.serial])
    pledge.enrolled()


def test_rule_that_asks_for_a_verified_voucher_does_not_let_in(make_est_scene):
    scene = make_est_scene()
    scene.ctl("admission", "add", "strict", "--manufacturer", "maker")
    pledge = with_voucher(scene, scene.device(expected=False))
    check_turned_away(scene, pledge, 403, "device-unexpected")
    assert "strict" in scene.trouble(pledge.serial, "device-unexpected")["detail"]


def test_device_that_left_us_is_turned_away(scene):
    pledge = with_voucher(scene).enrolled()
    scene.ctl("devices", "remove", pledge.serial, "--yes")
    pledge.hang_up()
    answer = pledge.ask("GET", EST + "csrattrs")
    assert answer.status == 403
    scene.trouble(pledge.serial, "device-unexpected")
    with Wire(scene.port, pledge.own_identity()) as wire:
        assert wire.request("GET", CONFIGURATION).status == 403


@pytest.mark.parametrize("how", [("decommission",), ("sell", "--to", "Somebody Else Ltd")])
def test_device_that_is_gone_is_turned_away(scene, how):
    pledge = with_voucher(scene).enrolled()
    scene.ctl("devices", how[0], pledge.serial, "--reason", "end of lease", "--yes", *how[1:])
    csr = pledge.csr(extensions=[])
    for _ in range(2):
        assert pledge.ask("GET", EST + "csrattrs").status == 403
        assert pledge.post_csr(csr).status == 403
        assert pledge.ask("GET", CONFIGURATION).status == 403
        pledge.hang_up()
    scene.trouble(pledge.serial, "device-gone")
    certificate, = scene.certificates(pledge.serial)
    assert certificate["state"] == "revoked"


def test_another_key_under_the_serial_number_is_turned_away(scene):
    pledge = with_voucher(scene).enrolled()
    issuer = (scene.maker / "ca.pem", scene.maker / "ca.key")
    identity = make_identity(scene.folder / "twin", pledge.serial, issuer)
    with Wire(scene.port, identity) as wire:
        assert wire.request("GET", EST + "csrattrs").status == 404
    scene.trouble(pledge.serial, "device-with-another-key")
    assert len(scene.certificates(pledge.serial)) == 1


def test_stranger_is_turned_away(scene):
    scene.run("gatehouse-maker", "init", scene.folder / "strange", "--name", "Strange", "--masa",
              "m.example", "--cloud", "c.example")
    scene.run("gatehouse-maker", "pledge", scene.folder / "strange", "--serial", "S")
    place = scene.folder / "strange" / "pledges" / "S"
    with Wire(scene.port, (place / "idevid.pem", place / "idevid.key")) as wire:
        assert wire.request("GET", EST + "csrattrs").status == 404
    assert scene.strangers()[0]["problem"] == "unknown-manufacturer"


def test_pledge_that_declined_us_comes_again_only_over_another_connection(scene):
    pledge = with_voucher(scene)
    pledge.get_csrattrs()
    pledge.tell_voucher_status(False, reason="not you")
    assert pledge.ask("GET", EST + "csrattrs").status == 403
    scene.trouble(pledge.serial, "pledge-declined-voucher")
    assert len(scene.events(pledge.serial, "arrived-with-voucher")) == 1
    assert scene.certificates(pledge.serial) == []
    pledge.hang_up()
    pledge.enrolled()


def test_device_that_loops_is_bounded(make_est_scene):
    scene = make_est_scene({"limits": {"attempts-per-hour": 2}})
    pledge = with_voucher(scene)
    for _ in range(2):
        pledge.get_csrattrs()
        pledge.tell_voucher_status(False)
        pledge.hang_up()
    answer = pledge.ask("GET", EST + "csrattrs")
    assert answer.status == 503 and answer.retry_after
    scene.trouble(pledge.serial, "too-many-attempts")
    assert len(scene.events(pledge.serial, "arrived-with-voucher")) == 2


def test_pledge_that_finds_somebody_else_drops_and_we_see_nothing(scene):
    pledge = with_voucher(scene)
    pledge.pinned = x509.load_pem_x509_certificate((scene.maker / "cloud-tls.pem").read_bytes())
    with pytest.raises(ssl.SSLCertVerificationError):
        pledge.get_csrattrs()
    pledge = with_voucher(scene, host="est.elsewhere.example")  # our CA, and not our name
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        pledge.get_csrattrs()
    assert "device" not in scene.shown(pledge.serial)
    assert scene.nothing_issued(pledge.serial)

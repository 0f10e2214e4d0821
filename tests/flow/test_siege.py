"""What tells a registrar from a toy: crowds, floods, slow parts, and people in between."""

import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from fakes import FakeMasa, Maker, log_reply, moment, reply
from pledge import EST
from scene import until
from stage import free_port
from wire import HOST, Wire

HERE = Path(__file__).resolve().parent
CONFIGURATION = "/.well-known/gatehouse/configuration"


def shim():
    """SoftHSM with a hand on it: tests/unit/token_shim.c."""
    path = Path(os.environ.get("GATEHOUSE_BIN", "bin")).resolve().parent
    return path / "tests" / "unit" / "libtoken_shim.so"


# (b) Somebody in between, and a genuine stranger of the same model.


@pytest.fixture(name="quiet")
def fixture_quiet(make_scene):
    """A stage with a cloud registrar, where the MASA has not been asked anything yet."""
    scene = make_scene()
    scene.start_cloud()
    return scene


def intercept(scene, *identity):
    """A machine in the middle with a certificate that anybody can make; its port."""
    port, forger = free_port(), scene.folder / "forger"
    if not forger.exists():
        scene.run("gatehouse-maker", "init", forger, "--name", "Forger", "--masa", "m.example",
                  "--cloud", "c.example")
    scene.start(f"proxy-{port}", sys.executable, "-B", HERE / "intercepting_proxy.py", port,
                scene.port, forger / "masa-tls.pem", forger / "masa-tls.key", *identity,
                says="listening")
    return port


def redirected_through(scene, serial, port):
    """The reference pledge, whose way from its cloud registrar to us leads through that port."""
    scene.sell([serial], f"https://{HOST}:{port}/.well-known/brski/requestvoucher")
    scene.restart_cloud()
    return scene.pledge("--json", "--attempts", "1", "--resolve", f"{HOST}:{port}:127.0.0.1",
                        serial=serial, check=False)


@pytest.mark.parametrize("own", [False, True], ids=["alone", "with a device of its own"])
def test_intercepting_proxy_gets_nothing_and_the_masa_hears_of_nothing(quiet, own):
    victim = quiet.device()
    accomplice = [quiet.device()] if own else []
    port = intercept(quiet, *(path for one in accomplice for path in quiet.identity(one)))
    run = redirected_through(quiet, victim, port)
    assert run.returncode == 5
    assert not (quiet.out / victim / "ldevid.pem").exists()
    if own:
        quiet.trouble(accomplice[0], "request-signer")
    else:
        assert quiet.strangers()[0]["problem"] == "no-client-certificate"
    for serial in (victim, *accomplice):
        assert quiet.nothing_issued(serial)
    assert quiet.requests_seen() == []


def test_genuine_stranger_of_the_same_model_gets_nothing_and_the_masa_hears_of_nothing(quiet):
    serial = quiet.device(expected=False)
    quiet.sell([serial])
    quiet.restart_cloud()
    run = quiet.pledge("--json", "--attempts", "1", serial=serial, check=False)
    assert run.returncode == 5 and '"status":404' in run.stdout.replace(" ", "")
    quiet.trouble(serial, "device-unexpected")
    with Wire(quiet.port, quiet.identity(serial)) as wire:
        for method, path, fields in (
                ("GET", "csrattrs", {}),
                ("POST", "simpleenroll", {"body": b"MAA=", "content_type": "application/pkcs10"})):
            assert wire.request(method, EST + path, **fields).status in (400, 403)
    assert quiet.nothing_issued(serial)
    assert quiet.requests_seen() == []


# (d) A device that was sold on, and a log that takes its time to say so.

LATE = timedelta(seconds=90)
LABELS = ("", "phones/")
OPERATIONS = (
    ("GET", "csrattrs", {}),
    ("POST", "simpleenroll", {"content_type": "application/pkcs10"}),
    ("POST", "simplereenroll", {"content_type": "application/pkcs10"}),
    ("POST", "serverkeygen", {"content_type": "application/pkcs10"}),
    ("POST", "fullcmc", {"content_type": "application/pkcs7-mime; smime-type=CMC-request"}),
)


def try_everything(scene, pledge, csr, wire):
    """Each operation under each label over one connection: its status."""
    for label in LABELS:
        for method, operation, fields in OPERATIONS:
            body = {} if method == "GET" else {"body": pledge.encode(csr)}
            yield label + operation, wire.request(method, EST + label + operation, **body,
                                                  **fields).status
    yield "configuration", wire.request("GET", CONFIGURATION).status


def get_nothing(scene, pledge, csr, refused):
    """Over the connection that brought the voucher, and over new ones: nothing is granted."""
    for wire in (pledge.connect(), Wire(scene.port, pledge.identity),
                 Wire(scene.port, pledge.identity, tls="1.2")):
        statuses = dict(try_everything(scene, pledge, csr, wire))
        assert 200 not in {status for name, status in statuses.items() if name != "csrattrs"}
        if refused:
            assert statuses["csrattrs"] == statuses["simpleenroll"] == 403, statuses
            assert statuses["configuration"] == 403
    assert scene.certificates(pledge.serial) == []


def test_device_sold_on_gets_nothing_however_late_the_log_says_so(make_scene):
    scene = make_scene({"limits": {"pledge-wait": "100 ms", "failures-per-hour": 1000}}, masa=None)
    scene.ctl("labels", "add", "default", "--full-cmc", "yes")
    fake = FakeMasa(scene.masa_port, (scene.maker / "masa-tls.pem", scene.maker / "masa-tls.key"))
    try:
        pledge = scene.independent()
        fake.says(pledge.serial, "requestvoucher",
                  Maker(scene.maker).voucher_reply(assertion="proximity"))
        fake.says(pledge.serial, "requestauditlog", reply(503, b"not now"))
        pledge.go_on("voucher")
        pledge.get_cacerts()  # and no voucher_status
        pledge.get_csrattrs()
        csr = pledge.csr()
        assert pledge.post_csr(csr).status == 202
        for _ in range(3):
            scene.pass_time(LATE / 3)
            get_nothing(scene, pledge, csr, refused=False)
            assert pledge.post_csr(csr).status == 202
        fake.says(pledge.serial, "requestauditlog", log_reply(sold_on))
        scene.pass_time(timedelta(minutes=5))
        until(lambda: scene.episode(pledge.serial)["log-verdict"] == "refused", "the log is judged")
        get_nothing(scene, pledge, csr, refused=True)
        scene.trouble(pledge.serial, "log-foreign-domain")
        scene.trouble(pledge.serial, "audit-log-refused")
    finally:
        fake.close()


def sold_on(log, _):
    """The entry of somebody else, for whom a voucher without nonce was issued."""
    log["events"].insert(0, {**log["events"][0], "nonce": None, "date": moment(timedelta(days=2)),
                             "domainID": "c29tZWJvZHkgZWxzZQ==", "assertion": "verified"})
    return log


# (e) A crowd behind one address, a flood beside it, and a slow HSM.

CROWD = 200
SIGNATURE_MS = 50


@pytest.fixture(name="besieged")
def fixture_besieged(make_scene):
    if not shim().is_file():
        pytest.skip(f"{shim()} is not built (GATEHOUSE_TESTS)")
    scene = make_scene({"token": {"module": str(shim())}})
    scene.restart_gatehoused(env={"TOKEN_SHIM_SIGN_TAKES_MS": str(SIGNATURE_MS)})
    strange = scene.folder / "strange"
    scene.run("gatehouse-maker", "init", strange, "--name", "Strange", "--masa", "m.example",
              "--cloud", "c.example")
    scene.run("gatehouse-maker", "pledge", strange, "--serial", "STRANGE")
    identity = strange / "pledges" / "STRANGE"
    flood = scene.start("flood", sys.executable, "-B", HERE / "flood.py", "127.0.0.2", scene.port,
                        40, identity / "idevid.pem", identity / "idevid.key", says="flooding")
    yield scene, flood


def test_two_hundred_pledges_behind_one_address_get_in_beside_a_flood(besieged):
    scene, flood = besieged
    serials = scene.make_pledges("CROWD", CROWD)
    scene.expect(serials)
    scene.start_cloud()
    scene.pledge("--quiet", "--parallel", str(CROWD), limit=280)
    # The flood was one, ...
    until(lambda: f"connections {CROWD}\n" in flood.log_text(), "as many connections as pledges")
    scene.stop_one("flood")
    for serial in serials:
        assert scene.episode(serial)["stage"] == "confirmed"
    assert len(scene.vouchers_issued()) == CROWD
    assert len({entry["serial"] for entry in scene.vouchers_issued()}) == CROWD
    # ... and has left nothing but a few lines in memory.
    assert {stranger["address"] for stranger in scene.strangers()} == {"127.0.0.2"}
    assert {line["serial-number"] for line in scene.ctl_json("devices", "list")} == set(serials)

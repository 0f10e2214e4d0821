"""What tells a registrar from a toy: crowds, floods, slow parts, and people in between."""

import os
import re
import sys
from pathlib import Path

import pytest

from pledge import EST
from stage import free_port
from wire import HOST, Wire

HERE = Path(__file__).resolve().parent


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
    assert run.returncode == 1
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
    assert run.returncode == 1 and '"status":404' in run.stdout.replace(" ", "")
    quiet.trouble(serial, "device-unexpected")
    with Wire(quiet.port, quiet.identity(serial)) as wire:
        for method, path, fields in (
                ("GET", "csrattrs", {}),
                ("POST", "simpleenroll", {"body": b"MAA=", "content_type": "application/pkcs10"})):
            assert wire.request(method, EST + path, **fields).status in (400, 403)
    assert quiet.nothing_issued(serial)
    assert quiet.requests_seen() == []


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
    scene.stop_one("flood")
    for serial in serials:
        assert scene.episode(serial)["stage"] == "confirmed"
    assert len(scene.vouchers_issued()) == CROWD
    assert len({entry["serial"] for entry in scene.vouchers_issued()}) == CROWD
    # The flood was one, and has left nothing but a few lines in memory.
    assert int(re.search(r"^connections (\d+)$", flood.log_text(), re.M)[1]) > CROWD
    assert {stranger["address"] for stranger in scene.strangers()} == {"127.0.0.2"}
    assert {line["serial-number"] for line in scene.ctl_json("devices", "list")} == set(serials)

"""
Gatehoused dies as by kill -9, at every named place and at any moment, and is started again.
Devices ask the same again; what must hold then: the MASA has seen one request for each nonce, and
nothing was issued twice, or lost.
"""

import os
import random
import subprocess
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

GATEHOUSED = Path(os.environ.get("GATEHOUSE_BIN", "bin")) / "gatehoused"
KILLED = -9


def failpoints():
    """The names that this build knows; none without test hooks."""
    if not GATEHOUSED.is_file():
        return []
    run = subprocess.run([GATEHOUSED, "--failpoints"], capture_output=True, text=True, timeout=60,
                         check=True)
    return run.stdout.split()


# Tried in test_clouds.py, test_est_domain_log.py and test_server_keys.py.
ELSEWHERE = ("cloud-", "arrival-", "server-key-")


def moments():
    """Each place in an onboarding; those of the store and of replies at each of the first."""
    for name in failpoints():
        if name.startswith("store-"):
            yield from (f"{name}:{number}" for number in range(1, 9))
        elif name.startswith("reply-"):
            yield from (f"{name}:{number}" for number in range(1, 7))
        elif not name.startswith(ELSEWHERE):
            yield name


def test_this_build_has_failpoints():
    if not GATEHOUSED.is_file():
        pytest.skip(f"{GATEHOUSED} is not built (GATEHOUSE_BIN)")
    assert len(failpoints()) == len(set(failpoints())) >= 20


def check_whole(scene, pledge):
    """One request, one voucher, one certificate, all of them where they belong."""
    serial = pledge.serial
    requests = scene.asked(serial)
    assert {request["status"] for request in requests} <= {200, 0}
    assert len({request["sha256"] for request in requests}) == 1
    assert len(scene.vouchers_issued(serial)) == 1
    shown = scene.shown(serial)
    assert shown["episode"]["stage"] == "confirmed"
    assert shown["episode"]["log-verdict"] == "accepted"
    assert shown["episode"]["log-entries"] == 1
    assert shown.get("earlier-episodes", []) == []
    certificate, = shown["certificates"]
    assert int(certificate["serial-number"], 16) == pledge.ldevid.serial_number
    names = Counter(event["event"] for event in shown["timeline"])
    once = ("voucher-requested", "voucher-received", "audit-log-accepted", "certificate-requested",
            "enrolled")
    assert {name: names[name] for name in once} == dict.fromkeys(once, 1)
    assert scene.store_findings() == []


@pytest.mark.parametrize("moment", moments())
def test_death_at(scene, moment):
    pledge = scene.independent()
    scene.restart_gatehoused(env={"GATEHOUSE_FAILPOINT": moment})
    ends = []

    def raise_the_dead():
        ends.append(scene.wait_for_death())
        scene.start_gatehoused()

    nurse = threading.Thread(target=raise_the_dead)
    nurse.start()
    try:
        pledge.persist()
    finally:
        nurse.join()
    assert ends == [KILLED], f"{moment} was never reached"
    check_whole(scene, pledge)


@pytest.fixture(scope="module", name="forgetful")
def fixture_forgetful(make_scene):
    """A stage whose MASA loses answers, and takes no second, different request for a nonce."""
    return make_scene()


def asking_steps():
    """Where the MASA is asked, its answer kept, and handed on; and where the CA is asked."""
    return [name for name in failpoints()
            if name.startswith(("voucher-", "log-", "enrol-")) and not name.endswith("-submit")]


@pytest.mark.parametrize("moment", asking_steps())
def test_death_and_lost_answers_of_the_masa(forgetful, moment):
    """Sent again and again octet for octet, and issued once."""
    faults = [] if moment.startswith("enrol-") else ["--fault-on", "requestauditlog"]
    if moment.startswith("voucher-"):
        faults = ["--fault-on", "requestvoucher"]
    forgetful.restart_masa("--fault", "lost-reply:2", *faults)
    test_death_at(forgetful, moment)
    serial = forgetful.serials[-1]
    asked = [request for operation in ("requestvoucher", "requestauditlog")
             for request in forgetful.asked(serial, operation)]
    assert len(asked) >= 4  # one of each, and the two that were lost
    assert len({request["sha256"] for request in asked}) == 1


# At any moment, with many devices under way.


class Killer(threading.Thread):
    """Kills programs at random and starts them again; gatehoused first, then one or the other."""

    def __init__(self, scene, pause, most):
        super().__init__()
        self.scene = scene
        self.pause = pause  # at most so many seconds of life
        self.most = most
        seed = random.randrange(1 << 32)
        print("seed", seed)
        self.random = random.Random(seed)
        self.enough = threading.Event()
        self.victims = []

    def run(self):
        while len(self.victims) < self.most:
            pause = self.pause if self.victims else 0.1
            if self.enough.wait(self.random.uniform(0.01, pause)):
                return
            others = ["masa"] if self.victims else []
            victim = self.random.choice(["gatehoused", "gatehoused", *others])
            self.scene.kill_one(victim)
            if victim == "masa":
                self.scene.start_masa()
            else:
                self.scene.start_gatehoused()
            self.victims.append(victim)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.enough.set()
        self.join()


@pytest.mark.parametrize("round_number", range(3))
def test_death_at_any_moment_under_load(make_scene, round_number):
    scene = make_scene({"limits": {"pledge-wait": "500 ms"}})
    serials = scene.make_pledges("LOAD", 10)
    scene.expect(serials)
    pledges = [scene.independent(serial, keep=at % 2 == 0) for at, serial in enumerate(serials)]
    with Killer(scene, pause=0.15, most=40) as killer, ThreadPoolExecutor(len(pledges)) as pool:
        for done in [pool.submit(pledge.persist) for pledge in pledges]:
            done.result()
    assert "gatehoused" in killer.victims
    for pledge in pledges:
        check_whole(scene, pledge)


def test_reference_pledges_begin_anew_and_nothing_is_issued_twice(make_scene):
    """They take a fresh nonce for each attempt: one request to the MASA for each of them."""
    scene = make_scene({"limits": {"pledge-wait": "500 ms"}})
    scene.make_pledges("ANEW", 10)
    scene.expect(scene.serials)
    scene.start_cloud()
    with Killer(scene, pause=0.5, most=6) as killer:
        scene.pledge("--quiet", "--parallel", "10", "--attempts", "20", "--retry-wait", "50 ms",
                     "--max-wait", "100 ms", "--patience", "10 s", limit=120)
    assert "gatehoused" in killer.victims
    for serial in scene.serials:
        shown = scene.shown(serial)
        assert shown["episode"]["stage"] == "confirmed"
        issued = scene.vouchers_issued(serial)
        nonces = [entry["nonce"] for entry in issued]
        assert len(nonces) == len(set(nonces))
        assert {request["status"] for request in scene.asked(serial)} <= {200, 0}
        assert {request["sha256"] for request in scene.asked(serial)} == {
            entry["sha256"] for entry in issued}
        episodes = [certificate["episode"] for certificate in shown["certificates"]]
        assert len(episodes) == len(set(episodes))
    assert scene.store_findings() == []

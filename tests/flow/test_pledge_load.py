"""Many reference pledges at a steady rate: what --load counts and measures."""

import json
import re

import pytest

from fakes import reply
from pledge_stage import PledgeStage
from wire import HOST

REFUSED, FAILED, USAGE = 5, 1, 2


@pytest.fixture(scope="module", name="stage")
def fixture_stage(bins, tmp_path_factory):
    stage = PledgeStage.open(tmp_path_factory.mktemp("stage"), bins)
    stage.make_pledges("LOAD", 12)
    yield stage
    stage.finish()


def load(stage, owner, *options):
    return stage.run("gatehouse-pledge", "--identities", stage.maker / "pledges",
                     "--registrar", owner.url(), "--masa-anchors", stage.maker / "masa-anchors.pem",
                     "--resolve", f"{HOST}:{owner.port}:127.0.0.1", *options, check=False)


def test_load_is_counted_and_measured(stage):
    owner = stage.owner_fake()
    run = load(stage, owner, "--load", 10, "--rate", 100, "--json")
    assert run.returncode == 0, run.stdout + run.stderr
    line, = map(json.loads, run.stdout.splitlines())
    assert (line["step"], line["started"], line["onboarded"], line["failed"]) == ("load", 10, 10, 0)
    assert 1 <= line["most-under-way"] <= 10 and line["failures"] == {}
    for name in ("voucher", "certificate", "onboarded"):
        figures = line["latency-ms"][name]
        assert figures["count"] == 10
        assert 0 < figures["p50"] <= figures["p90"] <= figures["p99"] <= figures["max"]
    assert len(owner.asked("simpleenroll")) == 10


def test_load_comes_at_its_rate(stage):
    """Ten a second: the last of five begins 400 ms after the first, also when all take long."""
    owner = stage.owner_fake()
    owner.says(requestvoucher=lambda request: owner.closed.wait(0.5) or owner.requestvoucher(request))
    run = load(stage, owner, "--load", 5, "--rate", 10, "--json")
    line = json.loads(run.stdout)
    assert line["onboarded"] == 5 and line["seconds"] >= 0.4
    assert line["most-under-way"] > 1


def test_failures_are_counted_by_what_a_person_would_see(stage):
    owner = stage.owner_fake()
    owner.says(requestvoucher=[reply(404), reply(404), reply(503), owner.voucher_answer()])
    run = load(stage, owner, "--load", 6, "--rate", 1000)
    assert run.returncode == REFUSED
    assert re.search(r"^load started=6 onboarded=3 failed=3 seconds=", run.stdout, re.M)
    assert "load failed unknown-device count=2\n" in run.stdout
    assert "load failed busy count=1\n" in run.stdout
    assert re.search(r"^load latency onboarded +count=3 p50=[\d.]+ p90=[\d.]+ p99=[\d.]+ max=[\d.]+ ms$",
                     run.stdout, re.M)
    assert run.stdout.count("failed serial=LOAD-") == 3 and "onboarded serial=" not in run.stdout


@pytest.mark.parametrize("options,text", [
    (["--load", 13], "13"), (["--load", 1, "--rate", 0], "rate")])
def test_load_that_cannot_be_is_a_wrong_command_line(stage, options, text):
    run = load(stage, stage.owner_fake(), *options)
    assert run.returncode == USAGE and text in run.stderr


def test_statuses_of_a_crowd_are_one(stage):
    """One class of failure is named by the exit status, several are a failure."""
    owner = stage.owner_fake()
    owner.says(requestvoucher=[reply(404), owner.voucher_answer()])
    assert load(stage, owner, "--parallel", 4, "--quiet").returncode == REFUSED
    owner.says(requestvoucher=[reply(404), b"", owner.voucher_answer()])
    assert load(stage, owner, "--parallel", 4, "--quiet").returncode == FAILED

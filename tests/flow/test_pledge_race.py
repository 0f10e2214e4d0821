"""
The reference pledge with several registrars around it (RFC 8995 2.7, 4.1, 5.1, 5.2), the times scaled
down.
"""

import threading

import pytest

from fake_owner import redirect
from fakes import reply
from pledge_stage import PledgeStage

NETWORK, REFUSED = 3, 5
FAST = ("--start-interval", "50 ms", "--stale-after", "300 ms")


@pytest.fixture(scope="module", name="stage")
def fixture_stage(bins, tmp_path_factory):
    stage = PledgeStage.open(tmp_path_factory.mktemp("stage"), bins)
    yield stage
    stage.finish()


def silent_fake(stage):
    fake = stage.owner_fake()
    fake.says(requestvoucher=fake.silence)
    return fake


def enrolled_at(*owners):
    """Those at which a certificate was asked for."""
    return [owner for owner in owners if owner.asked("simpleenroll")]


def test_silent_registrar_keeps_nobody_from_the_next(stage):
    silent, good = silent_fake(stage), stage.owner_fake()
    outcome = stage.go(*FAST, registrars=[silent, good], check=0)
    assert enrolled_at(silent, good) == [good]
    assert len(silent.asked("requestvoucher")) == 1
    # The quicker one has won: the other is dropped without a word.
    assert silent.told("voucher_status") == []
    assert {line.get("registrar") for line in outcome.lines} >= {good.url()[8:], silent.url()[8:]}


def test_each_registrar_gets_a_nonce_of_its_own(stage):
    owners = [silent_fake(stage), silent_fake(stage), stage.owner_fake()]
    stage.go(*FAST, registrars=owners, check=0)
    nonces = [nonce for owner in owners for nonce in owner.nonces()]
    assert len(nonces) == len(set(nonces)) == 3


def test_the_next_begins_some_time_after_the_one_before(stage):
    """A quick answer of the first: the others are never asked."""
    good, others = stage.owner_fake(), [stage.owner_fake(), stage.owner_fake()]
    stage.go("--start-interval", "60 s", registrars=[good, *others], check=0)
    assert [other.connections for other in others] == [0, 0]


def test_the_one_that_stands_still_makes_room(stage):
    """RFC 8995 5.1: with all places taken, after a while without progress."""
    silent, good = silent_fake(stage), stage.owner_fake()
    outcome = stage.go(*FAST, "--at-once", 1, registrars=[silent, good], check=0)
    assert [note for note in outcome.notes("voucher") if "no progress" in note]
    assert enrolled_at(silent, good) == [good]


def test_dripping_octets_are_no_progress(stage):
    """What holds a connection open octet by octet makes room like the silent one."""
    slow, good = stage.owner_fake(), stage.owner_fake()
    slow.drips = True
    slow.says(requestvoucher=reply(200, bytes(500), "application/voucher-cms+json"))
    stage.go(*FAST, "--at-once", 1, registrars=[slow, good], check=0)
    assert enrolled_at(slow, good) == [good]


def test_202_for_ever_makes_room(stage):
    pending, good = stage.owner_fake(requestvoucher=reply(202)), stage.owner_fake()
    stage.go(*FAST, "--at-once", 1, registrars=[pending, good], check=0)
    assert enrolled_at(pending, good) == [good]


def test_nobody_waits_nobody_is_dropped(stage):
    """RFC 8995 5.1: a registrar may be slow when no other wants its place."""
    slow, refusing = stage.owner_fake(), stage.owner_fake(requestvoucher=reply(404))
    slow.says(requestvoucher=lambda request: slow.closed.wait(1) or slow.requestvoucher(request))
    outcome = stage.go("--start-interval", "10 ms", "--stale-after", "100 ms", "--at-once", 1,
                       registrars=[refusing, slow], check=0)
    assert outcome.codes == [32]


def test_back_offs_are_independent(stage):
    """RFC 8995 4.1: one fails again and again while another takes its time."""
    refusing, slow = stage.owner_fake(requestvoucher=reply(404)), stage.owner_fake()
    several = threading.Event()

    def answer(request):
        assert several.wait(20)
        return slow.requestvoucher(request)

    def refuse(request):
        if len(refusing.seen) >= 4:
            several.set()
        return reply(404)
    slow.says(requestvoucher=answer)
    refusing.says(requestvoucher=refuse)
    outcome = stage.go("--start-interval", "1 ms", "--attempts", 9, "--retry-wait", "5 ms",
                       "--patience", "30 s", registrars=[refusing, slow], check=0)
    assert len(refusing.asked()) >= 4 and set(outcome.codes) == {32}
    assert len(slow.asked("requestvoucher")) == 1


def test_registrar_whose_voucher_is_wrong_is_passed_over(stage):
    """RFC 8995 5.6: no pin, no owner; another registrar may be the right one."""
    wrong, good = stage.owner_fake(), stage.owner_fake()
    wrong.pinned = None
    outcome = stage.go(*FAST, registrars=[wrong, good], check=0)
    assert outcome.codes == [51]
    assert wrong.told("voucher_status")[0]["status"] is False
    assert enrolled_at(wrong, good) == [good]


def test_only_one_of_two_good_ones_is_believed(stage):
    """Two vouchers at the same moment: the device becomes one owner's."""
    both = threading.Barrier(2)
    owners = [stage.owner_fake(), stage.owner_fake()]

    def together(owner):
        def answer(request):
            both.wait(20)
            return owner.requestvoucher(request)
        return answer
    for owner in owners:
        owner.says(requestvoucher=together(owner))
    stage.go("--start-interval", "1 ms", registrars=owners, check=0)
    assert len(enrolled_at(*owners)) == 1
    reports = [[report["status"] for report in owner.told("voucher_status")] for owner in owners]
    assert sorted(reports, reverse=True)[0] == [True] and [True] not in sorted(reports)[:1]


def test_cloud_comes_when_no_registrar_has_helped(stage):
    owner = stage.owner_fake()
    cloud = stage.cloud_fake(requestvoucher=redirect(owner.url()))
    refusing = [stage.owner_fake(requestvoucher=reply(404)) for _ in range(2)]
    outcome = stage.go(*FAST, cloud=cloud, registrars=refusing, check=0)
    assert outcome.codes == [32, 32] and len(cloud.asked()) == 1


def test_cloud_is_left_alone_when_a_registrar_helps(stage):
    cloud, good = stage.cloud_fake(), stage.owner_fake()
    stage.go("--start-interval", "1 ms", cloud=cloud, registrars=[good], check=0)
    assert cloud.connections == 0


def test_all_refuse(stage):
    refusing = [stage.owner_fake(requestvoucher=reply(404)) for _ in range(3)]
    outcome = stage.go(*FAST, "--attempts", 2, registrars=refusing, check=REFUSED)
    assert [len(each.asked()) for each in refusing] == [2, 2, 2]
    assert outcome.codes == 7 * [32]  # each one's, and that of the whole

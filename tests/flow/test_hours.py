"""
Orders over hours and days: the MASA is away and comes back, answers get lost, a pledge asks again
after days.  Nobody but the programs does anything about it.  Time is moved, not waited for.
"""

from datetime import datetime, timedelta

import pytest

from fakes import FakeMasa, Maker, log_reply, reply
from pledge import EST
from scene import until

HASTY = {"limits": {"pledge-wait": "100 ms"}}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(name="lonely")
def fixture_lonely(make_scene):
    """A stage without a MASA."""
    return make_scene(HASTY, masa=None)


def asks(pledge):
    pledge.request = pledge.request or pledge.voucher_request()
    return pledge.post_request(pledge.request)


def is_told_to_wait(pledge):
    """RFC 8995 5.6: 202, and when to ask again, within a minute."""
    answer = asks(pledge)
    assert answer.status == 202
    assert 1 <= answer.retry_after <= 60


def order_of(scene, serial, kind="voucher"):
    """The device's latest order of that kind."""
    device = scene.shown(serial)["device"]["id"]
    orders = scene.ctl_json("orders", "list", "--device", device)
    return [order for order in orders if order["kind"] == kind][-1]


def whole(scene, pledge):
    """One request octet for octet, one voucher, one certificate."""
    assert len({request["sha256"] for request in scene.asked(pledge.serial)}) == 1
    assert len(scene.vouchers_issued(pledge.serial)) == 1
    assert scene.episode(pledge.serial)["stage"] == "confirmed"
    assert len(scene.certificates(pledge.serial)) == 1


def test_masa_away_for_an_hour_and_back(lonely):
    """The voucher is there without anybody having asked for it meanwhile."""
    pledge = lonely.independent()
    is_told_to_wait(pledge)
    for _ in range(3):
        lonely.pass_time(HOUR / 3)
        is_told_to_wait(pledge)
    lonely.trouble(pledge.serial, "peer-unreachable")
    lonely.start_masa()
    lonely.pass_time(timedelta(minutes=2))
    until(lambda: lonely.episode(pledge.serial).get("stage") == "voucher", "the voucher is there")
    assert pledge.go_on().done
    whole(lonely, pledge)


def test_masa_away_for_three_days_and_we_are_restarted(lonely):
    """The certificate that pledges know us by lasts; so do the order and the answer to the pledge."""
    pledge = lonely.independent()
    is_told_to_wait(pledge)
    for _ in range(3):
        lonely.pass_time(DAY)
        lonely.restart_gatehoused()
        pledge.hang_up()
        is_told_to_wait(pledge)
    lonely.start_masa()
    assert pledge.go_on().done
    whole(lonely, pledge)


def test_masa_away_for_longer_than_pledges_wait(lonely):
    """RFC 8995 5.6: a pledge asks for four days; then both sides are free to begin anew."""
    pledge = lonely.independent()
    is_told_to_wait(pledge)
    lonely.pass_time(4 * DAY + HOUR)
    event = lonely.trouble(pledge.serial, "order-expired")
    assert event["event"] == "voucher-given-up"
    assert "peer-unreachable" in event["detail"]  # why nothing came of it
    assert lonely.episode(pledge.serial)["stage"] == "voucher-refused"
    assert asks(pledge).status in (403, 504)
    assert lonely.nothing_issued(pledge.serial)
    lonely.start_masa()
    assert asks(pledge).status == 403  # our own request has had its time too
    assert lonely.asked(pledge.serial) == []
    pledge.begin()
    assert pledge.go_on().done
    whole(lonely, pledge)


def test_voucher_is_handed_out_again_for_four_days(make_scene):
    scene = make_scene(HASTY)
    pledge = scene.independent()
    pledge.go_on("voucher")
    scene.pass_time(3 * DAY)
    pledge.hang_up()
    answer = asks(pledge)
    assert (answer.status, answer.body) == (200, pledge.voucher)
    scene.pass_time(2 * DAY)
    assert asks(pledge).status == 403
    scene.trouble(pledge.serial, "request-stale")
    assert len(scene.asked(pledge.serial)) == 1


def test_lost_answer_and_a_day_without_the_masa(make_scene):
    scene = make_scene(HASTY, masa=("--fault", "lost-reply:1"))
    pledge = scene.independent()
    is_told_to_wait(pledge)
    until(lambda: scene.asked(pledge.serial), "the answer is lost")
    scene.stop_one("masa")
    for _ in range(3):
        scene.pass_time(8 * HOUR)
        is_told_to_wait(pledge)
    scene.start_masa()
    assert pledge.go_on().done
    assert len(scene.asked(pledge.serial)) == 2
    whole(scene, pledge)


@pytest.mark.parametrize("status", [202, 503])
def test_masa_that_says_when_is_asked_then(lonely, status):
    fake = FakeMasa(lonely.masa_port, (lonely.maker / "masa-tls.pem", lonely.maker / "masa-tls.key"))
    signing = Maker(lonely.maker)
    pledge = lonely.independent()
    fake.says(pledge.serial, "requestvoucher", reply(status, b"", retry_after=1800),
              signing.voucher_reply(assertion="proximity"))
    fake.says(pledge.serial, "requestauditlog", log_reply())
    is_told_to_wait(pledge)
    until(lambda: "problem" in order_of(lonely, pledge.serial), "an answer")
    order = order_of(lonely, pledge.serial)
    created, due = (datetime.fromisoformat(order[name]) for name in ("created", "due"))
    assert timedelta(minutes=29) < due - created < timedelta(minutes=31)
    lonely.pass_time(timedelta(minutes=28))
    is_told_to_wait(pledge)
    assert len(fake.asked(pledge.serial)) == 1
    lonely.pass_time(timedelta(minutes=3))
    until(lambda: len(fake.asked(pledge.serial)) == 2, "the MASA is asked again")
    assert pledge.go_on().done
    assert len(set(fake.asked(pledge.serial))) == 1
    fake.close()


def test_audit_log_that_is_away_for_a_day_keeps_the_enrolment_waiting(make_scene):
    scene = make_scene(HASTY)
    pledge = scene.independent()
    pledge.go_on("voucher")
    scene.stop_one("masa")
    pledge.go_on("csrattrs")
    csr = pledge.csr()
    for _ in range(3):
        assert pledge.post_csr(csr).status == 202
        scene.pass_time(8 * HOUR)
    assert scene.certificates(pledge.serial) == []
    assert scene.events(pledge.serial, "audit-log-not-received")
    scene.start_masa()
    pledge.csr_octets = csr
    assert pledge.go_on().done
    whole(scene, pledge)


def test_audit_log_that_never_comes_is_given_up_and_nothing_is_issued(make_scene):
    scene = make_scene(HASTY)
    pledge = scene.independent()
    pledge.go_on("voucher")
    scene.stop_one("masa")
    pledge.go_on("csrattrs")
    assert pledge.post_csr(pledge.csr()).status == 202
    scene.pass_time(4 * DAY + HOUR)
    assert scene.trouble(pledge.serial, "order-expired")["event"] == "audit-log-given-up"
    assert pledge.post_csr(pledge.csr()).status in (202, 403)
    assert scene.certificates(pledge.serial) == []


def test_finished_orders_do_not_stay(make_scene):
    """Nor do those that nothing came of; what they led to is in devices and timelines."""
    scene = make_scene(HASTY)
    pledge = scene.independent()
    pledge.go_on()
    scene.stop_one("masa")
    late = scene.independent()
    is_told_to_wait(late)
    scene.pass_time(5 * DAY)
    scene.trouble(late.serial, "order-expired")
    scene.pass_time(8 * DAY)
    until(lambda: {order["kind"] for order in scene.ctl_json("orders", "list")} <= {
        "audit-log-again"}, "all but the latest looks at audit logs are gone")
    assert scene.episode(pledge.serial)["stage"] == "confirmed"
    assert scene.store_findings() == []

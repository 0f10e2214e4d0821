"""
Devices that are genuine and on nobody's list: held with 202 until an administrator decides, never
turned away before, and their MASA not asked (RFC 8995 5.3, 5.6).
"""

import base64
import json
from datetime import timedelta

import pytest

from forms import FORMS
from pledge import EST, openssl
from scene import until

HASTY = {"limits": {"pledge-wait": "2 s", "held-devices": 3}}


@pytest.fixture(scope="module", name="holding")
def fixture_holding(make_scene):
    """The manufacturer's unexpected devices are held."""
    scene = make_scene(HASTY, introduce=False)
    scene.introduce((), "--unexpected", "hold")
    return scene


def knock(scene, **options):
    """A device on no list, which has asked for a voucher."""
    pledge = scene.independent(scene.device(expected=False), **options)
    pledge.request = pledge.voucher_request()
    is_held(pledge)
    return pledge


def is_held(pledge):
    answer = pledge.post_request(pledge.request)
    assert answer.status == 202
    assert 1 <= answer.retry_after <= 60


def admission(scene, serial):
    return scene.shown(serial)["device"]["admission"]


def held(scene):
    return [line["serial-number"] for line in scene.ctl_json("devices", "held")]


def settle(scene, pledge):
    """Makes room for the next test's device."""
    if admission(scene, pledge.serial) == "held":
        scene.ctl("devices", "decline", pledge.serial)


def test_unexpected_device_waits_and_its_masa_is_not_asked(holding):
    pledge = knock(holding)
    is_held(pledge)  # the identical, again
    assert holding.asked(pledge.serial) == []
    assert holding.nothing_issued(pledge.serial)
    assert holding.trouble(pledge.serial, "device-held")["event"] == "held"
    assert len(holding.events(pledge.serial, "voucher-requested")) == 1
    assert holding.episode(pledge.serial)["stage"] == "held"
    assert pledge.serial in held(holding)
    settle(holding, pledge)


def test_status_says_that_somebody_waits(holding):
    pledge = knock(holding)
    assert holding.status()["devices"]["held"] == 1
    assert "1 device is held until somebody decides" in holding.ctl("status").stdout
    settle(holding, pledge)
    assert holding.status()["devices"]["held"] == 0
    assert "until somebody decides" not in holding.ctl("status").stdout


def test_held_device_is_granted_nothing(holding):
    pledge = knock(holding)
    assert pledge.ask("GET", EST + "csrattrs").status == 403
    pledge.attributes = holding.independent().go_on("csrattrs").attributes
    assert pledge.post_csr(pledge.csr()).status == 403
    assert pledge.tell("voucher_status", {"version": 1, "status": True}).status == 404
    is_held(pledge)
    assert holding.nothing_issued(pledge.serial)
    settle(holding, pledge)


def test_approved_device_gets_the_voucher_for_its_identical_request(holding):
    pledge = knock(holding)
    holding.ctl("devices", "approve", pledge.serial, "--reason", "ordered by phone")
    assert pledge.go_on().done
    assert len(holding.asked(pledge.serial)) == 1
    assert admission(holding, pledge.serial) == "admitted"
    event, = holding.events(pledge.serial, "device-approved")
    assert "ordered by phone" in event["detail"]
    assert event["actor"].startswith("admin:")
    assert holding.shown(pledge.serial)["expected"]["source"].startswith("admin:")
    assert len(holding.events(pledge.serial, "voucher-requested")) == 1


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_approved_device_gets_its_voucher_in_the_form_it_asked_in(holding, form):
    """Our request is made from what was kept; in COSE, that has nothing of its signer."""
    pledge = knock(holding, form=form)
    holding.ctl("devices", "approve", pledge.serial)
    assert pledge.go_on().done
    assert holding.episode(pledge.serial)["voucher-type"] == form.media_type


def test_request_to_the_masa_is_made_when_it_is_approved(holding):
    """A MASA may find one too old that was signed when the device was held."""
    pledge = knock(holding)
    holding.pass_time(timedelta(days=2))
    is_held(pledge)
    holding.ctl("devices", "approve", pledge.serial)
    assert pledge.go_on("voucher").done
    asked = base64.b64decode(holding.vouchers_issued(pledge.serial)[0]["request"])
    members, = json.loads(openssl("cms", "-verify", "-noverify", "-binary", "-inform", "DER",
                                  octets=asked)).values()
    assert members["created-on"][:10] > holding.episode(pledge.serial)["opened"][:10]
    assert base64.b64decode(members["prior-signed-voucher-request"]) == pledge.request


def test_approved_device_is_let_in_whenever_it_comes_again(holding):
    pledge = knock(holding)
    holding.ctl("devices", "approve", pledge.serial)
    assert pledge.go_on().done
    pledge.hang_up()
    holding.restart_gatehoused()
    pledge.begin()  # as after a reset
    assert pledge.go_on().done
    assert len(holding.events(pledge.serial, "held")) == 1


def test_hold_and_approval_survive_restarts(holding):
    pledge = knock(holding)
    holding.restart_gatehoused()
    pledge.hang_up()
    is_held(pledge)
    assert holding.asked(pledge.serial) == []
    holding.stop_one("masa")
    holding.ctl("devices", "approve", pledge.serial)
    holding.restart_gatehoused()
    pledge.hang_up()
    holding.restart_masa()
    assert pledge.go_on().done
    assert len(holding.vouchers_issued(pledge.serial)) == 1


def test_decision_on_the_order_is_one_on_the_device(holding):
    pledge = knock(holding)
    order, = holding.ctl_json("orders", "list", "--state", "waiting")
    holding.ctl("orders", "approve", order["id"])
    assert pledge.go_on().done
    assert admission(holding, pledge.serial) == "admitted"


def test_declined_device_is_turned_away_without_the_masa(holding):
    pledge = knock(holding)
    holding.ctl("devices", "decline", pledge.serial, "--reason", "not ours")
    assert pledge.post_request(pledge.request).status == 403
    pledge.begin()
    pledge.request = pledge.voucher_request()
    assert pledge.post_request(pledge.request).status == 403
    event = holding.trouble(pledge.serial, "device-declined")
    assert "not ours" in event["detail"]
    assert holding.asked(pledge.serial) == []
    assert holding.nothing_issued(pledge.serial)
    assert pledge.serial not in held(holding)


@pytest.mark.parametrize("change", ["approved", "added"])
def test_declined_device_can_be_let_in_after_all(holding, change):
    pledge = knock(holding)
    holding.ctl("devices", "decline", pledge.serial)
    if change == "approved":
        holding.ctl("devices", "approve", pledge.serial)
    else:
        holding.expect([pledge.serial])
    pledge.begin()
    assert pledge.go_on().done


def test_device_put_on_the_list_while_it_waits_goes_on(holding):
    pledge = knock(holding)
    holding.expect([pledge.serial])
    assert pledge.go_on().done
    assert admission(holding, pledge.serial) == "admitted"
    assert len(holding.vouchers_issued(pledge.serial)) == 1


def test_newer_request_takes_the_place_of_the_one_that_waits(holding):
    pledge = knock(holding)
    old = pledge.request
    pledge.request = pledge.voucher_request()
    is_held(pledge)
    assert pledge.post_request(old).status == 403
    assert len(holding.ctl_json("orders", "list", "--state", "waiting")) == 1
    assert held(holding) == [pledge.serial]
    holding.ctl("devices", "approve", pledge.serial)
    assert pledge.go_on().done
    assert len(holding.vouchers_issued(pledge.serial)) == 1


def test_no_more_are_held_than_the_limit_allows(holding):
    pledges = [knock(holding) for _ in range(3)]
    late = holding.independent(holding.device(expected=False))
    late.request = late.voucher_request()
    answer = late.post_request(late.request)
    assert answer.status == 503
    assert answer.retry_after >= 1
    holding.trouble(late.serial, "too-many-held-devices")
    assert holding.asked(late.serial) == []
    holding.ctl("devices", "decline", pledges[0].serial)
    is_held(late)
    for pledge in (*pledges, late):
        settle(holding, pledge)


def test_hold_ends_when_nobody_decides_in_time(holding):
    pledge = knock(holding)
    holding.pass_time(timedelta(days=4, hours=1))
    until(lambda: held(holding) == [], "the hold has ended")
    assert admission(holding, pledge.serial) == "unexpected"
    assert "nobody decided" in holding.episode(pledge.serial)["closed-because"]
    holding.trouble(pledge.serial, "order-expired")
    assert holding.asked(pledge.serial) == []
    pledge.hang_up()
    pledge.request = pledge.voucher_request()
    is_held(pledge)  # and it may wait again
    settle(holding, pledge)


def test_nothing_is_held_unless_the_manufacturers_record_says_so(scene):
    pledge = scene.independent(scene.device(expected=False))
    assert pledge.post_request(pledge.voucher_request()).status == 404
    scene.trouble(pledge.serial, "device-unexpected")
    assert scene.status()["devices"]["held"] == 0

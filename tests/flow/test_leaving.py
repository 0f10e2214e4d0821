"""
Devices that come back, and devices that go: after a reset, after a revocation, decommissioned,
sold.  Whoever is gone is granted nothing any more, over no connection and with no certificate; what
was personal is erased, and the audit trail stays whole (each stage's store is checked at the end).
"""

import cbor2
import pytest

import lmdb_file
from pledge import EST
from scene import until
from test_siege import shim
from wire import Wire

REASON = ("--reason", "end of lease", "--yes")
GONE = {
    "decommission": ("decommissioned", "cessation-of-operation", REASON),
    "sell": ("sold", "affiliation-changed", ("--to", "Somebody Else Ltd", "--yes")),
}


def leave(scene, how, serial, *more):
    return scene.ctl_json("devices", how, serial, *GONE[how][2], *more)


def gets_nothing(pledge, ask):
    """All that EST might grant, over the connection that `ask` uses: refused, each and every."""
    csr = pledge.encode(pledge.csr())
    statuses = {"csrattrs": ask("GET", EST + "csrattrs").status}
    for operation in ("simpleenroll", "simplereenroll", "serverkeygen"):
        statuses[operation] = ask("POST", EST + operation, csr,
                                  content_type="application/pkcs10").status
    assert set(statuses.values()) <= {401, 403, 404}, statuses


def erased(scene, serial):
    return until(lambda: scene.events(serial, "device-erased"), "it is erased")


@pytest.mark.parametrize("how", GONE)
def test_device_that_is_gone_gets_nothing_on_any_connection(scene, how):
    pledge = scene.independent().go_on()
    serial = pledge.serial
    with Wire(scene.port, pledge.own_identity()) as enrolled:
        assert enrolled.request("GET", EST + "cacerts").status == 200
        assert pledge.ask("GET", EST + "csrattrs").status == 200
        answer = leave(scene, how, serial)
        assert answer["certificates"] == 1
        assert answer["device"]["admission"] == GONE[how][0]
        for ask in (pledge.ask, enrolled.request):
            gets_nothing(pledge, ask)
    pledge.hang_up()
    with Wire(scene.port, pledge.own_identity()) as again:
        gets_nothing(pledge, again.request)
    gets_nothing(pledge, pledge.ask)
    scene.trouble(serial, "device-gone")
    scene.trouble(serial, "certificate-revoked")
    certificate, = scene.certificates(serial)
    assert (certificate["state"], certificate["reason"]) == ("revoked", GONE[how][1])


@pytest.mark.parametrize("how", GONE)
def test_device_that_is_gone_gets_no_voucher_and_its_masa_is_not_asked(scene, how):
    pledge = scene.independent().go_on()
    leave(scene, how, pledge.serial)
    asked = len(scene.asked(pledge.serial))
    assert pledge.post_request(pledge.request).status in (403, 404)
    assert pledge.post_request(pledge.voucher_request()).status == 404
    event = scene.trouble(pledge.serial, "device-gone")
    assert GONE[how][0] in event["detail"]
    assert len(scene.asked(pledge.serial)) == asked
    assert "expected" not in scene.shown(pledge.serial)


@pytest.mark.parametrize("erase", ["personal", "names", "nothing"])
def test_what_was_personal_is_erased(scene, erase):
    pledge = scene.independent().go_on()
    pledge.tell_voucher_status(True, reason="I am in Mr Smith's office")
    serial = pledge.serial
    name = f"{serial.lower()}.phones.example.com"
    leave(scene, "sell", serial, "--erase", erase)
    if erase == "nothing":
        assert scene.events(serial, "voucher-requested")
        assert "last-address" in scene.shown(serial)["device"]
        return
    erased(scene, serial)
    shown = scene.shown(serial)
    names = [event["event"] for event in shown["timeline"]]
    assert names[0] == "device-sold"
    assert "Somebody Else Ltd" in shown["timeline"][0]["detail"]
    assert shown["device"]["sold-to"] == "Somebody Else Ltd"
    assert "last-address" not in shown["device"]
    for episode in (shown["episode"], *shown["earlier-episodes"]):
        assert "address" not in episode and "voucher-report-reason" not in episode
    device = shown["device"]["id"]
    orders = scene.ctl_json("orders", "list", "--device", device)
    assert [order["kind"] for order in orders] == ["erasure"]
    found = scene.ctl_json("devices", "list", "--search", name)
    assert bool(found) == (erase == "personal")
    certificate, = shown["certificates"]
    assert ("subject" in certificate) == (erase == "personal")
    assert ("subject" in shown["device"]) == (erase == "personal")


def test_manufacturers_record_says_what_is_erased(scene):
    pledge = scene.independent().go_on("voucher")
    scene.ctl("manufacturers", "set", "maker", "--erase", "nothing")
    try:
        assert "erasure" not in leave(scene, "decommission", pledge.serial)
        assert scene.events(pledge.serial, "voucher-requested")
    finally:
        scene.ctl("manufacturers", "set", "maker", "--erase", "personal")


def test_name_of_a_device_that_is_gone_is_free_for_another(scene):
    """What it was called, somebody else may be called."""
    pledge = scene.independent().go_on()
    assert leave(scene, "decommission", pledge.serial)["belongings"] >= 1
    again = scene.independent(pledge.serial)
    scene.expect([pledge.serial])
    assert again.go_on().done


def test_place_on_the_list_lets_a_device_in_that_came_back(scene):
    pledge = scene.independent().go_on("voucher")
    leave(scene, "sell", pledge.serial)
    assert pledge.post_request(pledge.voucher_request()).status == 404
    scene.expect([pledge.serial])
    pledge.begin()
    assert pledge.go_on().done
    device = scene.shown(pledge.serial)["device"]
    assert device["admission"] == "admitted"
    assert "sold-to" not in device


def test_order_under_way_is_cancelled(make_scene):
    scene = make_scene({"limits": {"pledge-wait": "50 ms"}}, masa=("--fault", "5xx"))
    pledge = scene.independent()
    pledge.request = pledge.voucher_request()
    assert pledge.post_request(pledge.request).status == 202
    until(lambda: scene.asked(pledge.serial), "the MASA is asked")
    assert leave(scene, "sell", pledge.serial)["orders"] == 1
    scene.restart_masa()
    assert pledge.post_request(pledge.request).status in (403, 404)
    until(lambda: scene.status()["orders"]["open"] == 0, "nothing is left to do")
    assert scene.vouchers_issued(pledge.serial) == []
    assert scene.nothing_issued(pledge.serial)


def test_certificate_that_the_ca_was_about_to_issue_is_known_and_revoked(make_scene):
    """The device is sold while the token signs its certificate."""
    if not shim().is_file():
        pytest.skip(f"{shim()} is not built (GATEHOUSE_TESTS)")
    scene = make_scene({"token": {"module": str(shim())}, "limits": {"pledge-wait": "50 ms"}})
    pledge = scene.independent().go_on("csrattrs")
    until(lambda: scene.episode(pledge.serial)["log-verdict"] == "accepted", "the log is in")
    pledge.hang_up()
    scene.restart_gatehoused(env={"TOKEN_SHIM_SIGN_TAKES_MS": "900"})
    csr = pledge.csr()
    assert pledge.post_csr(csr).status == 202
    until(lambda: scene.status()["orders"]["running"] == 1, "the CA is at work")
    leave(scene, "sell", pledge.serial)
    certificate, = until(lambda: scene.certificates(pledge.serial), "it is recorded")
    assert certificate["state"] == "revoked"
    assert pledge.post_csr(csr).status == 403
    erased(scene, pledge.serial)
    assert scene.status()["orders"]["open"] == 0


def test_erasure_survives_a_crash(make_scene):
    scene = make_scene()
    pledge = scene.independent().go_on()
    leave(scene, "decommission", pledge.serial)
    scene.kill_one("gatehoused")
    scene.start_gatehoused()
    erased(scene, pledge.serial)
    assert scene.events(pledge.serial)[0]["event"] == "device-decommissioned"


def test_leaving_is_asked_about_and_says_what_it_needs(scene):
    pledge = scene.independent().go_on("voucher")
    for arguments in (("decommission", pledge.serial, "--yes"), ("sell", pledge.serial, "--yes"),
                      ("decommission", pledge.serial, "--reason", "nobody is there to say yes")):
        assert scene.ctl("devices", *arguments, check=False).returncode == 2
    unknown = scene.ctl("devices", "decommission", "NOT-HERE", *REASON, check=False)
    assert unknown.returncode == 1 and "not-found" in unknown.stderr
    leave(scene, "decommission", pledge.serial)
    again = scene.ctl("devices", "decommission", pledge.serial, *REASON, check=False)
    assert again.returncode == 1 and "already" in again.stderr
    assert leave(scene, "sell", pledge.serial)["device"]["admission"] == "sold"


# Devices that come back.


def test_revoked_device_gets_nothing_until_it_begins_anew(scene):
    pledge = scene.independent().go_on()
    serial = pledge.serial
    with Wire(scene.port, pledge.own_identity()) as enrolled:
        scene.ctl("devices", "revoke", serial, "--reason", "key seen elsewhere", "--yes")
        for ask in (pledge.ask, enrolled.request):
            gets_nothing(pledge, ask)
    assert pledge.post_request(pledge.request).status == 403
    scene.trouble(serial, "certificate-revoked")
    episode = scene.episode(serial)
    assert "key seen elsewhere" in episode["closed-because"]
    certificate, = scene.certificates(serial)
    assert certificate["state"] == "revoked"
    pledge.hang_up()
    pledge.begin()
    assert pledge.go_on().done  # it is ours, and was reset
    assert [c["state"] for c in scene.certificates(serial)] == ["issued", "revoked"]


def test_device_with_a_revoked_certificate_is_seen(scene):
    """It asks with what was taken from it: refused, and in its timeline."""
    pledge = scene.independent().go_on()
    scene.ctl("devices", "revoke", pledge.serial, "--reason", "stolen", "--yes")
    with Wire(scene.port, pledge.own_identity()) as wire:
        answer = pledge.tell("enrollstatus", {"version": 1, "status": True}, wire=wire)
    assert answer.status == 404
    event = scene.trouble(pledge.serial, "certificate-revoked")
    assert "stolen" in event["detail"]


@pytest.mark.parametrize("policy,states", [("keep", ["issued", "issued"]),
                                           ("revoke", ["issued", "revoked"])])
def test_earlier_certificates_of_a_device_that_was_reset(scene, policy, states):
    scene.ctl("manufacturers", "set", "maker", "--returned", policy)
    try:
        pledge = scene.independent().go_on()
        pledge.hang_up()
        pledge.begin()
        pledge.go_on("voucher")
        assert [c["state"] for c in scene.certificates(pledge.serial)] == states[1:]
        assert pledge.go_on().done
        assert [c["state"] for c in scene.certificates(pledge.serial)] == states
        if policy == "revoke":
            event, = scene.events(pledge.serial, "certificate-revoked")
            assert "begun anew" in event["detail"]
    finally:
        scene.ctl("manufacturers", "set", "maker", "--returned", "keep")


# Lists that clouds bring.


def from_cloud(scene, serial):
    """The place on the list is one that a cloud's list has brought."""
    key = b"Xmaker\0" + serial.encode()
    scene.stop_one("gatehoused")
    store = scene.owner / "store"
    place = cbor2.loads(lmdb_file.records(store, key)[key])
    place[10] = "cloud:maker-cloud"  # source
    lmdb_file.replace(store, key, {key: cbor2.dumps(place, canonical=True)})
    scene.start_gatehoused()


def test_place_from_a_cloud_does_not_let_in_what_was_sold(make_scene):
    """A cloud may attribute a device to us long after it was sold."""
    scene = make_scene()
    pledge = scene.independent().go_on("voucher")
    leave(scene, "sell", pledge.serial)
    scene.expect([pledge.serial])
    from_cloud(scene, pledge.serial)
    pledge.hang_up()
    asked = len(scene.asked(pledge.serial))
    assert pledge.post_request(pledge.voucher_request()).status == 404
    assert "sold" in scene.trouble(pledge.serial, "device-gone")["detail"]
    assert len(scene.asked(pledge.serial)) == asked
    # a device that has not left is let in by such a place
    other = scene.independent()
    from_cloud(scene, other.serial)
    assert other.go_on().done

"""
Our certificate changes, and no device that holds a voucher is stranded
(draft-ietf-anima-brski-cloud 4.2; RFC 8995 5, 5.6.2).
"""

import base64

import pytest

from registered import CLOUD_NAME, add_cloud, alarms, certificate_of, cloud, delete_key, \
    est_domain, events, is_found, pinned_sha256, reaches, restart_cloud, sell_to_us, sha256, \
    shown_certificate, voucher_of
from scene import until
from stage import REGISTRAR, StageError
from wire import Wire

NEW = "est2.owner.example"


def identity(scene):
    return scene.ctl_json("identity", "show")


def line(scene, role):
    return next((each for each in identity(scene)["certificates"] if each["role"] == role), None)


def renew(scene, *options):
    """A certificate that waits; its SHA-256."""
    scene.ctl("identity", "renew", *options)
    return line(scene, "staged")["sha256"]


def switch(scene, *options):
    return scene.ctl("identity", "switch", *options, check=False)


@pytest.fixture(scope="module", name="scene")
def fixture_scene(make_scene):
    scene = make_scene()
    restart_cloud(scene)
    return scene


def device_of_ours(scene):
    serial = scene.device(expected=False)
    sell_to_us(scene, serial)
    restart_cloud(scene, "--resolve", f"{NEW}:{scene.port}:127.0.0.1")
    return serial


def registered_with(scene, pin, match="certificate"):
    """Vouchers pin this; waits until the cloud has acknowledged it."""
    options = ["--pin", pin, "--est-domain", est_domain(scene), "--pin-match", match]
    if not scene.ctl_json("clouds", "list"):
        add_cloud(scene, "--pin", pin, "--pin-match", match, mode="voucher")
    else:
        scene.ctl("clouds", "set", CLOUD_NAME, "--pin-hold", "0 s", *options)
        scene.ctl("clouds", "sync", CLOUD_NAME)
        scene.ctl("clouds", "set", CLOUD_NAME, "--pin-hold", "7 d")
    reaches(scene, pin=pin)


def test_without_clouds_nothing_is_in_the_way(scene):
    before = sha256(shown_certificate(scene))
    assert line(scene, "current")["sha256"] == before
    assert switch(scene).returncode == 1  # nothing waits
    staged = renew(scene)
    assert sha256(shown_certificate(scene)) == before
    assert switch(scene).returncode == 0
    assert sha256(shown_certificate(scene)) == staged
    assert line(scene, "earlier")["sha256"] == before
    assert scene.independent().go_on().done
    scene.restart_gatehoused()
    assert sha256(shown_certificate(scene)) == staged


def test_certificate_that_waits_can_be_taken_back(scene):
    before = sha256(shown_certificate(scene))
    renew(scene, "--new-key")
    scene.ctl("identity", "take-back")
    assert line(scene, "staged") is None
    assert scene.ctl("identity", "take-back", check=False).returncode == 1
    assert sha256(shown_certificate(scene)) == before


def test_connections_under_way_keep_what_they_have_seen(scene):
    """A pledge whose voucher request is out sees the same certificate to the end."""
    under_way, late = scene.independent(), scene.independent()
    request = under_way.voucher_request()
    stale = late.voucher_request()
    late.hang_up()
    renew(scene, "--new-key")
    assert switch(scene).returncode == 0
    under_way.request = request
    assert under_way.go_on().done  # all on the connection that it has
    # Who comes with a request for the one before must make another.
    assert late.post_request(stale).status == 401
    scene.trouble(late.serial, "previous-certificate")
    assert late.go_on().done


@pytest.mark.parametrize("new_key", [False, True])
def test_pinned_ca_lets_us_change_while_the_cloud_is_away(scene, new_key):
    serial = device_of_ours(scene)
    registered_with(scene, "registrar-ca")
    voucher = voucher_of(scene, serial)
    assert voucher["pinned-domain-cert"] == certificate_of(scene, "registrar-ca")
    scene.stop_one("cloud")
    staged = renew(scene, *(["--new-key"] if new_key else []))
    assert switch(scene).returncode == 0
    assert sha256(shown_certificate(scene)) == staged
    assert is_found(scene, voucher)
    restart_cloud(scene)
    scene.ctl("clouds", "sync", CLOUD_NAME, check=False)
    reaches(scene, reach="reachable")  # with another key, and it still knows us
    assert is_found(scene, voucher_of(scene, serial))


def test_renewed_certificate_with_the_same_key_is_not_the_pinned_one(scene):
    """brski-cloud 4.2, RFC 7030 3.3.1: as an anchor of a TLS library it is compared as a whole."""
    serial = device_of_ours(scene)
    registered_with(scene, "end-entity")
    held = voucher_of(scene, serial)
    before = sha256(shown_certificate(scene))
    renew(scene)
    scene.ctl("clouds", "sync", CLOUD_NAME)
    assert pinned_sha256(voucher_of(scene, serial)) == before
    refused = switch(scene)
    assert refused.returncode == 1 and "would not be seen there" in refused.stderr
    assert "--pin-match key" in refused.stderr
    assert ("identity", "pin-at-stake") in alarms(scene)
    # Such a device would indeed refuse it; at an address of its own it does no harm.
    renew(scene, "--name", NEW)
    assert is_found(scene, held, NEW) and not is_found(scene, held, NEW, by_key=False)
    assert is_found(scene, held, by_key=False)
    scene.ctl("identity", "take-back")


def test_another_key_under_the_same_name_would_strand_devices(scene):
    serial = device_of_ours(scene)
    registered_with(scene, "end-entity")
    held = voucher_of(scene, serial)
    renew(scene, "--new-key")
    scene.ctl("clouds", "sync", CLOUD_NAME)
    assert pinned_sha256(voucher_of(scene, serial)) == sha256(shown_certificate(scene))
    refused = switch(scene)
    assert refused.returncode == 1 and "would not be seen there" in refused.stderr
    assert is_found(scene, held)
    scene.ctl("identity", "take-back")
    assert ("identity", "pin-at-stake") not in alarms(scene)


def test_another_key_with_a_new_address_strands_nobody(scene):
    serial = device_of_ours(scene)
    registered_with(scene, "end-entity")
    held = voucher_of(scene, serial)
    old = sha256(shown_certificate(scene))
    staged = renew(scene, "--new-key", "--name", NEW)
    # Served at its own address already, and nowhere else.
    assert sha256(shown_certificate(scene, NEW)) == staged
    assert sha256(shown_certificate(scene)) == old
    scene.ctl("clouds", "set", CLOUD_NAME, "--est-domain", est_domain(scene, NEW))
    scene.ctl("clouds", "sync", CLOUD_NAME)
    reaches(scene, reach="reachable")
    fresh = voucher_of(scene, serial)
    assert fresh["est-domain"] == est_domain(scene, NEW) and pinned_sha256(fresh) == staged
    assert is_found(scene, fresh, NEW) and is_found(scene, held)
    assert switch(scene).returncode == 0
    assert is_found(scene, fresh, NEW) and is_found(scene, held)
    assert sha256(shown_certificate(scene, "nobody.example")) == staged
    assert [pin["est-domain"] for pin in cloud(scene)["pins"]][-1] == est_domain(scene, NEW)
    # Back to the usual name, for who comes next.
    renew(scene, "--name", REGISTRAR)
    scene.ctl("clouds", "set", CLOUD_NAME, "--pin-hold", "0 s", "--pin", "registrar-ca",
              "--est-domain", est_domain(scene))
    scene.ctl("clouds", "sync", CLOUD_NAME)
    assert switch(scene).returncode == 0
    scene.ctl("clouds", "set", CLOUD_NAME, "--pin-hold", "7 d")


def test_override_is_for_when_there_is_no_other_way_and_is_audited(scene):
    device_of_ours(scene)
    registered_with(scene, "end-entity")
    staged = renew(scene, "--new-key")
    assert switch(scene).returncode == 1
    assert switch(scene, "--override", "the HSM has died").returncode == 2  # nobody to ask
    done = switch(scene, "--override", "the HSM has died", "--yes")
    assert done.returncode == 0, done.stderr
    event = identity(scene)["timeline"][-1]
    assert event["event"] == "identity-switched-by-override" and event["severity"] == "warning"
    assert event["actor"].startswith("admin:") and "the HSM has died" in event["detail"]
    assert CLOUD_NAME in event["detail"]
    assert sha256(shown_certificate(scene)) == staged
    assert ("identity", "pin-at-stake") not in alarms(scene)
    reaches(scene, reach="reachable")
    registered_with(scene, "registrar-ca")


def test_pinned_end_entity_is_acknowledged_before_it_is_shown(scene):
    serial = device_of_ours(scene)
    registered_with(scene, "end-entity", match="key")
    held = voucher_of(scene, serial)
    assert pinned_sha256(held) == sha256(shown_certificate(scene))
    staged = renew(scene)
    until(lambda: not identity(scene)["obstacles"], "the cloud acknowledges the new pin")
    fresh = voucher_of(scene, serial)
    assert pinned_sha256(fresh) == staged
    assert is_found(scene, fresh) and is_found(scene, held)  # both, before
    assert switch(scene).returncode == 0
    assert sha256(shown_certificate(scene)) == staged
    assert is_found(scene, fresh) and is_found(scene, held)  # and after


def test_cloud_that_is_away_blocks_the_change_of_a_pinned_end_entity(scene):
    serial = device_of_ours(scene)
    registered_with(scene, "end-entity", match="key")
    held = voucher_of(scene, serial)
    before = sha256(shown_certificate(scene))
    scene.stop_one("cloud")
    staged = renew(scene)
    refused = switch(scene)
    assert refused.returncode == 1 and "pin-at-stake" in refused.stderr
    assert "has not acknowledged" in refused.stderr and "clouds sync" in refused.stderr
    assert sha256(shown_certificate(scene)) == before
    event = identity(scene)["timeline"][-1]
    assert (event["event"], event["problem"]) == ("identity-switch-blocked", "pin-at-stake")
    assert event["hint"]
    alarm = alarms(scene)["identity", "pin-at-stake"]
    assert CLOUD_NAME in alarm["detail"] and alarm["hint"]
    scene.restart_gatehoused()
    assert ("identity", "pin-at-stake") in alarms(scene)
    restart_cloud(scene)
    until(lambda: not identity(scene)["obstacles"], "acknowledged, now that the cloud is back")
    assert switch(scene).returncode == 0
    assert sha256(shown_certificate(scene)) == staged
    assert ("identity", "pin-at-stake") not in alarms(scene)
    assert is_found(scene, held)


def test_lost_key_is_replaced_without_the_daemon(make_scene):
    scene = make_scene()
    restart_cloud(scene)
    serial = device_of_ours(scene)
    add_cloud(scene, "--pin", "end-entity", mode="voucher")
    reaches(scene)
    label = line(scene, "current")["key-label"]
    refused = scene.ctl("identity", "renew", "--new-key", "--offline", check=False)
    assert refused.returncode == 1 and "the daemon is running" in refused.stderr
    scene.stop_one("gatehoused")
    delete_key(scene, label)
    with pytest.raises(StageError, match="identity renew --new-key --offline"):
        scene.start_gatehoused()
    scene.programs.pop("gatehoused")
    scene.ctl("identity", "renew", "--new-key", "--offline")
    blocked = scene.ctl("identity", "switch", "--offline", check=False)
    assert blocked.returncode == 1 and "pin-at-stake" in blocked.stderr
    scene.ctl("identity", "switch", "--offline", "--override", "key lost", "--yes")
    scene.start_gatehoused()
    reaches(scene)
    voucher = voucher_of(scene, serial)
    until(lambda: pinned_sha256(voucher_of(scene, serial)) == sha256(shown_certificate(scene)),
          "the cloud pins what is shown")
    assert not is_found(scene, voucher) or pinned_sha256(voucher) == sha256(
        shown_certificate(scene))
    with Wire(scene.port) as wire:
        assert wire.request("GET", "/.well-known/est/cacerts").status == 200
    assert base64.b64decode(voucher["pinned-domain-cert"])
    assert events(scene, "cloud-registered")

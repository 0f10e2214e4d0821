"""The devices that a cloud attributes to us: expected of its manufacturer, and given up there."""

import pytest

from pledge import Pledge
from registered import CLOUD_NAME, OWNER, add_cloud, cloud, events, knock, reaches, \
    restart_cloud, sell_to_us
from scene import until


@pytest.fixture(scope="module", name="scene")
def fixture_scene(make_scene):
    scene = make_scene()
    restart_cloud(scene)
    add_cloud(scene)
    reaches(scene)
    return scene


def place(scene, serial):
    """The device's place on the list of expected ones; {} when it has none."""
    return scene.shown(serial).get("expected", {})


def sells(scene, *serials):
    sell_to_us(scene, *serials)
    restart_cloud(scene)


def test_attributed_devices_become_expected_of_that_manufacturer(scene):
    serials = [scene.device(expected=False) for _ in range(3)]
    sells(scene, *serials)
    assert not any(place(scene, serial) for serial in serials)
    scene.ctl("clouds", "sync", CLOUD_NAME)
    assert not any(place(scene, serial) for serial in serials)  # only when it is asked for
    scene.ctl("clouds", "import", CLOUD_NAME)
    for serial in serials:
        assert place(scene, serial)["source"] == f"cloud:{CLOUD_NAME}"
        assert place(scene, serial)["manufacturer"] == "maker"
    now = cloud(scene)
    assert (now["import-added"], now["devices"]) == (3, 3)
    assert events(scene, "cloud-devices-expected")
    assert scene.independent(serials[0]).go_on().done
    scene.ctl("clouds", "import", CLOUD_NAME)
    assert cloud(scene)["import-added"] == 0


def test_import_comes_with_each_registration_when_that_is_wanted(scene):
    serial = scene.device(expected=False)
    scene.ctl("clouds", "set", CLOUD_NAME, "--import", "yes")
    reaches(scene)
    sells(scene, serial)
    scene.ctl("clouds", "sync", CLOUD_NAME)
    assert place(scene, serial)
    scene.ctl("clouds", "set", CLOUD_NAME, "--import", "no")
    reaches(scene)


def test_device_that_was_turned_away_so_far_learns_that_it_is_expected(scene):
    pledge = scene.independent(scene.device(expected=False))
    assert pledge.post_request(pledge.voucher_request()).status == 404
    sells(scene, pledge.serial)
    scene.ctl("clouds", "import", CLOUD_NAME)
    event, = scene.events(pledge.serial, "device-expected")
    assert event["actor"] == f"cloud:{CLOUD_NAME}"
    pledge.begin()
    pledge.hang_up()
    assert pledge.go_on().done


def test_place_that_somebody_else_has_made_stays_as_it_is(scene):
    serial = scene.device()  # expected by an administrator's word
    before = place(scene, serial)
    sells(scene, serial)
    scene.ctl("clouds", "import", CLOUD_NAME)
    assert place(scene, serial) == before


def test_same_serial_number_of_another_manufacturer_is_not_let_in(scene, tmp_path):
    other = tmp_path / "other"
    scene.run("gatehouse-maker", "init", other, "--name", "Other", "--masa",
              f"masa.maker.example:{scene.masa_port}", "--cloud", "cloud.other.example")
    scene.ctl("manufacturers", "add", "other", "--anchor", other / "ca.pem", "--masa-anchor",
              scene.maker / "ca.pem", "--voucher-anchor", scene.maker / "masa-anchors.pem",
              "--masa-network", "127.0.0.0/8")
    serial = scene.serial("TWIN")
    scene.run("gatehouse-maker", "pledge", other, "--serial", serial)
    sells(scene, serial)
    scene.ctl("clouds", "import", CLOUD_NAME)
    assert place(scene, serial)["manufacturer"] == "maker"
    pledge = Pledge(scene.port, other / "pledges" / serial, scene.maker / "masa-anchors.pem",
                    tmp_path / "twin")
    assert pledge.post_request(pledge.voucher_request()).status == 404
    assert scene.asked(serial) == []


def test_devices_that_are_no_longer_attributed_are_told_and_taken_away_on_demand(scene):
    claimed, open_, by_hand = (scene.device(expected=at == 2) for at in range(3))
    sells(scene, claimed, open_, by_hand)
    scene.ctl("clouds", "import", CLOUD_NAME)
    assert scene.independent(claimed).go_on("voucher")
    rows = (scene.folder / "cloud-devices").read_text().splitlines()
    gone = (claimed, open_, by_hand)
    (scene.folder / "cloud-devices").write_text(
        "".join(f"{row}\n" for row in rows if row.split()[0] not in gone))
    restart_cloud(scene)
    scene.ctl("clouds", "import", CLOUD_NAME)
    assert cloud(scene)["import-gone"] == 1
    assert place(scene, open_)  # told, not done
    scene.ctl("clouds", "import", CLOUD_NAME, "--prune")
    assert not place(scene, open_)
    assert place(scene, claimed) and place(scene, by_hand)
    assert events(scene, "cloud-devices-not-expected")
    assert cloud(scene)["import-gone"] == 0


@pytest.mark.parametrize("how,options", [
    ("sell", ["--to", "Somebody Else Ltd", "--yes"]),
    ("decommission", ["--reason", "worn out", "--yes"]),
])
def test_device_that_has_left_us_is_given_up_at_the_cloud(scene, how, options):
    gone, kept = (scene.device(expected=False) for _ in range(2))
    sells(scene, gone, kept)
    scene.ctl("clouds", "import", CLOUD_NAME)
    for serial in (gone, kept):
        assert scene.independent(serial).go_on().done
        assert knock(scene, serial).status == 307
    before = cloud(scene).get("released", 0)
    scene.ctl("devices", how, gone, *options)
    until(lambda: cloud(scene).get("released") == before + 1, "the cloud is told at once")
    assert events(scene, "cloud-devices-released")
    assert knock(scene, gone).status == 401
    assert knock(scene, kept).status == 307
    scene.ctl("clouds", "import", CLOUD_NAME)
    assert not place(scene, gone)


def test_device_whose_certificates_are_revoked_stays_ours_at_the_cloud(scene):
    serial = scene.device(expected=False)
    sells(scene, serial)
    scene.ctl("clouds", "import", CLOUD_NAME)
    assert scene.independent(serial).go_on().done
    before = cloud(scene).get("released", 0)
    scene.ctl("devices", "revoke", serial, "--reason", "it was opened", "--yes")
    scene.ctl("clouds", "sync", CLOUD_NAME)
    assert cloud(scene).get("released", 0) == before
    assert knock(scene, serial).status == 307


def test_long_lists_come_page_by_page(make_scene):
    scene = make_scene()
    restart_cloud(scene)
    add_cloud(scene)
    serials = [f"BULK-{at:05}" for at in range(2500)]
    (scene.folder / "cloud-devices").write_text(
        "".join(f"{serial} owner:{OWNER}\n" for serial in serials))
    restart_cloud(scene)
    reaches(scene)
    scene.ctl("clouds", "import", CLOUD_NAME)
    until(lambda: cloud(scene).get("import-added") == 2500, "all of them")
    listed = {row["serial-number"] for row in scene.ctl_json("devices", "list")}
    assert listed == set(serials)
    (scene.folder / "cloud-devices").write_text(
        "".join(f"{serial} owner:{OWNER}\n" for serial in serials[::2]))
    restart_cloud(scene)
    scene.ctl("clouds", "import", CLOUD_NAME, "--prune")
    listed = {row["serial-number"] for row in scene.ctl_json("devices", "list")}
    assert listed == set(serials[::2])

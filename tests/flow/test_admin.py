"""What an administrator changes while devices come and go: through gatehousectl, as people do."""

import os
import pty
import select
import subprocess
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fakes import make_identity
from pledge import EST, Pledge
from scene import LIMIT, until
from stage import MASA

CERT_FILES = ("ca.pem", "ca.key")


def on_a_terminal(scene, *arguments, answer):
    """Runs gatehousectl on a terminal and types the answer; its exit status and what it showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(part) for part in (scene.bins / "gatehousectl", "--config", scene.node_file,
                                *arguments)],
        stdin=theirs, stdout=theirs, stderr=theirs, env=scene.env(), start_new_session=True)
    os.close(theirs)
    shown = b""
    with open(ours, "r+b", buffering=0) as terminal:
        while True:
            assert select.select([terminal], [], [], LIMIT)[0], shown
            try:
                more = terminal.read(4096)
            except OSError:  # the other side is gone
                more = b""
            if not more:
                break
            shown += more
            if b"[y/N] " in shown and answer is not None:
                terminal.write(answer)
                answer = None
    return process.wait(timeout=LIMIT), shown.decode()


def twin_of(scene, pledge):
    """The device after a repair: the same serial number, another key."""
    folder = pledge.scratch / "twin"
    make_identity(folder, pledge.serial, tuple(scene.maker / name for name in CERT_FILES),
                  masa=f"{MASA}:{scene.masa_port}")
    return Pledge(scene.port, folder, pledge.masa_anchors, folder)


def given_names(pledge):
    names = pledge.ldevid.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return names.value.get_values_for_type(x509.DNSName)


# Places on the list.


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"yess\n", b"\x04"])
def test_nothing_is_removed_unless_the_answer_is_yes(scene, answer):
    serial = scene.device()
    status, shown = on_a_terminal(scene, "devices", "remove", serial, answer=answer)
    assert status == 1
    assert "not-confirmed" in shown and "what to do: Nothing was changed" in shown
    assert scene.shown(serial)["expected"]["serial-number"] == serial


@pytest.mark.parametrize("answer", [b"y\n", b"Yes\n"])
def test_device_taken_off_the_list_is_not_let_in(scene, answer):
    pledge = scene.independent()
    status, shown = on_a_terminal(scene, "devices", "remove", pledge.serial, answer=answer)
    assert status == 0, shown
    assert f"{pledge.serial} of maker is not expected any more" in shown
    assert pledge.post_request(pledge.voucher_request()).status == 404
    scene.trouble(pledge.serial, "device-unexpected")
    assert scene.nothing_issued(pledge.serial)
    assert scene.asked(pledge.serial) == []


def test_without_a_terminal_there_must_be_a_yes(scene):
    serial = scene.device()
    refused = scene.ctl("devices", "remove", serial, check=False)
    assert refused.returncode == 2 and "--yes" in refused.stderr
    assert scene.shown(serial)["expected"]
    scene.ctl("devices", "remove", serial, "--yes")
    assert scene.shown(serial) == {}


@pytest.mark.parametrize("step", ["voucher", "csrattrs", "confirm"])
def test_device_removed_while_it_is_onboarded_gets_nothing_more(scene, step):
    pledge = scene.independent().go_on(step)
    before = len(scene.certificates(pledge.serial))
    scene.ctl("devices", "remove", pledge.serial, "--yes")
    assert pledge.ask("GET", EST + "csrattrs").status == 403
    scene.trouble(pledge.serial, "no-open-onboarding")
    pledge.begin()
    assert pledge.post_request(pledge.voucher_request()).status == 404
    assert len(scene.certificates(pledge.serial)) == before
    assert len(scene.asked(pledge.serial)) == 1


def test_repaired_device_is_let_in_once_its_place_is_vacated(scene):
    first = scene.independent().go_on()
    twin = twin_of(scene, first)
    assert twin.post_request(twin.voucher_request()).status == 404
    scene.trouble(first.serial, "device-with-another-key")
    scene.ctl("devices", "readmit", first.serial, "--yes")
    # Nobody is let in by the old word any more; the next that comes is.
    assert first.ask("GET", EST + "csrattrs").status == 403
    twin.begin()
    twin.go_on()
    assert given_names(twin) == given_names(first)
    assert scene.events(twin.serial, "readmitted")[-1]["actor"].startswith("admin:")
    first.begin()
    assert first.post_request(first.voucher_request()).status == 404


def make_ca(folder, name, issuer=None):
    """A CA certificate and its key, as a pair of PEM files; `issuer` None: self-signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    signer, signing_key = subject, key
    if issuer is not None:
        signer = x509.load_pem_x509_certificate(issuer[0].read_bytes()).subject
        signing_key = serialization.load_pem_private_key(issuer[1].read_bytes(), None)
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder().issuer_name(signer).subject_name(subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=500)).not_valid_after(now + timedelta(days=500))
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(signing_key, hashes.SHA256()))
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM,
                                           serialization.PrivateFormat.PKCS8,
                                           serialization.NoEncryption()))
    return files


@pytest.fixture(scope="module", name="line")
def fixture_line(scene):
    """A maker whose IDevIDs are issued by an intermediate CA; that CA."""
    folder = scene.folder / "line"
    folder.mkdir()
    root = make_ca(folder, "root")
    scene.ctl("manufacturers", "add", "line", "--anchor", root[0], "--masa-anchor",
              scene.maker / "ca.pem", "--masa-network", "127.0.0.0/8")
    return make_ca(folder, "intermediate", root)


@pytest.mark.parametrize("sent", [True, False])
def test_intermediate_ca_is_taken_from_what_the_pledge_sends(scene, line, sent):
    serial = scene.serial("LINE")
    folder = line[0].parent / serial
    scene.ctl("devices", "add", "--manufacturer", "line", "--serial", serial)
    idevid, _ = make_identity(folder, serial, line, masa=f"{MASA}:{scene.masa_port}")
    if sent:
        idevid.write_bytes(idevid.read_bytes() + line[0].read_bytes())
    pledge = Pledge(scene.port, folder, scene.maker / "masa-anchors.pem", folder)
    answer = pledge.post_request(pledge.voucher_request())
    if sent:  # known here; its MASA knows it not
        assert answer.status in (403, 404)
        assert scene.shown(serial)["device"]["admission"] == "admitted"
        assert len(scene.asked(serial)) == 1
    else:
        assert answer.status == 404
        assert scene.strangers()[0]["problem"] == "unknown-manufacturer"
        assert scene.asked(serial) == []
    assert scene.nothing_issued(serial)


# Manufacturers and profiles.


def test_anchor_that_was_replaced_makes_strangers_of_its_devices(make_scene):
    scene = make_scene()
    pledge = scene.independent()
    request = pledge.voucher_request()
    other = scene.folder / "other-maker"
    scene.run("gatehouse-maker", "init", other, "--name", "Other", "--masa", "masa.other.example",
              "--cloud", "cloud.other.example")
    scene.ctl("manufacturers", "set", "maker", "--anchor", other / "ca.pem")
    assert pledge.post_request(request).status == 404
    assert scene.strangers()[0]["problem"] == "unknown-manufacturer"
    scene.ctl("manufacturers", "set", "maker", "--anchor", scene.maker / "ca.pem")
    assert pledge.post_request(request).status == 200  # on the same connection


def test_manufacturer_in_use_is_not_removed(scene):
    scene.device()
    refused = scene.ctl("manufacturers", "remove", "maker", "--yes", check=False)
    assert refused.returncode == 1 and "in-use" in refused.stderr


def test_profile_that_was_changed_counts_for_who_is_told_next(make_scene):
    scene = make_scene()
    told, new = scene.independent().go_on("csrattrs"), scene.independent()
    scene.ctl("profiles", "set", "default", "--dns-pattern", "{serial}.lab.example.com")
    new.go_on()
    assert given_names(new) == [f"{new.serial.lower()}.lab.example.com"]
    # What a device was told before is what it is held to (RFC 8995 5.9.2) ...
    told.go_on()
    assert given_names(told) == [f"{told.serial.lower()}.phones.example.com"]
    # ... until it begins anew.
    told.begin()
    told.go_on()
    assert given_names(told) == [f"{told.serial.lower()}.lab.example.com"]


def test_profiles_of_two_manufacturers_are_told_apart(make_scene):
    scene = make_scene()
    scene.ctl("profiles", "add", "short", "--dns-pattern", "s-{serial}.example.com", "--validity",
              "2 d")
    scene.ctl("manufacturers", "set", "maker", "--profile", "short")
    pledge = scene.independent().go_on()
    assert given_names(pledge) == [f"s-{pledge.serial.lower()}.example.com"]
    span = pledge.ldevid.not_valid_after - pledge.ldevid.not_valid_before
    assert span <= timedelta(days=2, hours=1)


def test_profile_that_something_has_is_not_removed(scene, tmp_path):
    def remove(name, *options):
        return scene.ctl("profiles", "remove", name, *options, check=False)

    def refused(name, why):
        said = remove(name, "--yes")
        return said.returncode == 1 and "in-use" in said.stderr and why in said.stderr
    scene.ctl("profiles", "add", "brief", "--validity", "2 d")
    asked = remove("brief")
    assert asked.returncode == 2 and "--yes" in asked.stderr
    scene.ctl("manufacturers", "set", "maker", "--profile", "brief")
    assert refused("brief", "manufacturer maker")
    scene.ctl("manufacturers", "set", "maker", "--profile", "default")
    assert refused("default", "manufacturer ")  # or another one of this scene
    scene.ctl("labels", "add", "meters", "--profile", "brief")
    assert refused("brief", "label meters")
    scene.ctl("labels", "remove", "--yes", "meters")
    (tmp_path / "settings").write_text("volume=3")
    scene.ctl("configuration", "set", "--profile", "brief", tmp_path / "settings")
    assert refused("brief", "configuration file default")
    scene.ctl("configuration", "remove", "--profile", "brief", "--yes")
    assert remove("brief", "--yes").stdout == "removed profile brief\n"
    assert "brief" not in [each["name"] for each in scene.ctl_json("profiles", "list")]
    assert remove("brief", "--yes").returncode == 1


def test_profile_of_the_label_that_nobody_has_added_is_not_removed(make_scene):
    scene = make_scene()
    scene.ctl("profiles", "add", "other")
    scene.ctl("manufacturers", "set", "maker", "--profile", "other")
    said = scene.ctl("profiles", "remove", "default", "--yes", check=False)
    assert said.returncode == 1 and "it is the profile of label default" in said.stderr
    scene.ctl("labels", "add", "default", "--profile", "other")
    scene.ctl("profiles", "remove", "default", "--yes")
    assert scene.independent().go_on().ldevid


# What is waited for.


def test_list_and_device_say_what_is_waited_for(make_scene):
    scene = make_scene({"limits": {"pledge-wait": "100 ms"}}, masa=("--fault", "5xx"))
    pledge = scene.independent()
    assert pledge.post_request(pledge.voucher_request()).status == 202
    until(lambda: "masa-failed" in scene.ctl("devices", "list").stdout, "a failed attempt")
    assert f"the MASA {MASA}:{scene.masa_port} (masa-failed)" in scene.ctl("devices", "list").stdout
    shown = scene.ctl("devices", "show", pledge.serial).stdout
    assert "Under way" in shown and "masa-failed" in shown
    order, = scene.ctl_json("orders", "list", "--device", scene.shown(pledge.serial)["device"]["id"])
    assert f"waiting for the MASA {MASA}:{scene.masa_port}" in order["waits-for"]
    assert order["hint"]

"""
The files that additional-configuration-url leads to: each device gets its own, or its profile's,
and nobody else gets either; what is in them is seen by nobody but the device.
"""

import json

import pytest

from pledge import BRSKI
from fakes import device_called
from wire import Wire

PATH = "/.well-known/gatehouse/configuration"
SECRET = "sip-password-4711"


def put(scene, tmp_path, content, *options, check=True):
    file = tmp_path / "upload"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return scene.ctl("configuration", "set", file, *options, check=check)


def of_device(serial):
    return "--manufacturer", "maker", "--device", serial


@pytest.fixture(name="enrolled")
def fixture_enrolled(scene):
    """A device that is through, and its connection with the LDevID."""
    pledge = scene.independent().go_on()
    with Wire(scene.port, pledge.own_identity()) as wire:
        yield pledge, wire


def check_refused(scene, serial, answer, status, problem):
    assert answer.status == status, answer
    assert SECRET.encode() not in answer.body
    scene.trouble(serial, problem)
    assert not scene.events(serial, "configuration-served")


def test_device_gets_its_own_file_with_either_of_its_certificates(scene, tmp_path):
    pledge = scene.independent().go_on("status")
    put(scene, tmp_path, f"pw={SECRET}\n", *of_device(pledge.serial), "--media-type", "text/plain")
    answer = pledge.patiently(lambda: pledge.ask("GET", PATH))
    assert (answer.status, answer.media_type) == (200, "text/plain")
    assert answer.body == f"pw={SECRET}\n".encode()
    assert answer.headers["cache-control"] == "no-store"
    pledge.go_on()
    with Wire(scene.port, pledge.own_identity()) as wire:
        assert wire.request("GET", PATH).body == answer.body
        assert wire.request("GET", PATH + "/default").body == answer.body
    served = scene.events(pledge.serial, "configuration-served")
    assert [event["detail"] for event in served] == 3 * ["file default, the device's own"]


def test_what_is_in_it_is_nowhere_else(scene, tmp_path, enrolled):
    pledge, wire = enrolled
    secret = "nowhere-else-0815"
    for way in (of_device(pledge.serial), ("--profile", "default", "--name", "elsewhere")):
        assert secret not in put(scene, tmp_path, f"x {secret}", *way).stdout
    assert secret.encode() in wire.request("GET", PATH).body
    listed = scene.ctl("configuration", "list", "--json").stdout
    shown = scene.ctl("configuration", "show", *of_device(pledge.serial)).stdout
    for text in (listed, shown, json.dumps(scene.shown(pledge.serial)),
                 *(log.read_text() for log in scene.logs.iterdir())):
        assert secret not in text
    # An administrator who asks for just that gets it, and it is told that he did.
    run = scene.ctl("configuration", "show", *of_device(pledge.serial), "--content")
    assert run.stdout == f"x {secret}"
    assert scene.events(pledge.serial, "configuration-read")[-1]["actor"].startswith("admin:")


def test_template_is_filled_in_for_each_device_of_a_profile(scene, tmp_path):
    put(scene, tmp_path, '{"id": "{serial}", "fqdn": "{name}", "of": {"maker": "{manufacturer}"}}',
        "--profile", "default", "--name", "id.json", "--media-type", "application/json",
        "--template")
    for _ in range(2):
        pledge = scene.independent().go_on("status")
        answer = pledge.patiently(lambda: pledge.ask("GET", PATH + "/id.json"))  # noqa: B023
        assert answer.media_type == "application/json"
        assert json.loads(answer.body) == {
            "id": pledge.serial, "fqdn": f"{pledge.serial.lower()}.phones.example.com",
            "of": {"maker": "maker"}}


def test_own_file_beats_the_profiles_and_is_not_anothers(scene, tmp_path, enrolled):
    pledge, wire = enrolled
    put(scene, tmp_path, "for all", "--profile", "default", "--name", "both")
    put(scene, tmp_path, f"own {SECRET}", *of_device(pledge.serial), "--name", "both")
    assert wire.request("GET", PATH + "/both").body == f"own {SECRET}".encode()
    other = scene.independent().go_on("status")
    answer = other.patiently(lambda: other.ask("GET", PATH + "/both"))
    assert answer.body == b"for all"
    scene.ctl("configuration", "remove", *of_device(pledge.serial), "--name", "both", "--yes")
    assert wire.request("GET", PATH + "/both").body == b"for all"


@pytest.mark.parametrize("file", ["none", "..%2f..%2fetc%2fpasswd", "a%00b", "default%20", ".x"])
def test_file_that_is_not_there_is_404(scene, enrolled, file):
    pledge, wire = enrolled
    answer = wire.request("GET", f"{PATH}/{file}")
    assert answer.status in (400, 404)
    if answer.status == 404:
        check_refused(scene, pledge.serial, answer, 404, "no-configuration")


# Nobody else.


@pytest.fixture(name="precious", scope="module")
def fixture_precious(scene, tmp_path_factory):
    """A file for everybody, so that only who asks decides."""
    put(scene, tmp_path_factory.mktemp("precious"), SECRET, "--profile", "default", "--name", "p")
    return PATH + "/p"


def test_stranger_gets_nothing(scene, precious):
    with Wire(scene.port) as wire:
        answer = wire.request("GET", precious)
    assert answer.status == 404 and SECRET.encode() not in answer.body
    assert scene.strangers()[0]["problem"] == "no-client-certificate"


def test_unexpected_device_gets_nothing(scene, precious):
    pledge = scene.independent(scene.device(expected=False))
    answer = pledge.ask("GET", precious)
    check_refused(scene, pledge.serial, answer, answer.status, "no-open-onboarding")
    assert answer.status == 403


def test_device_without_a_voucher_gets_nothing(scene, precious):
    pledge = scene.independent()
    assert pledge.ask("GET", precious).status == 403
    assert scene.nothing_issued(pledge.serial)


def test_device_that_declined_us_gets_nothing(scene, precious):
    pledge = scene.independent().go_on("voucher")
    pledge.tell_voucher_status(False, reason="no")
    check_refused(scene, pledge.serial, pledge.ask("GET", precious), 403, "pledge-declined-voucher")


def test_certificate_of_an_onboarding_before_gets_nothing(scene, precious, enrolled):
    pledge, wire = enrolled
    assert wire.request("GET", precious).body == SECRET.encode()
    pledge.hang_up()
    old = pledge.own_identity()
    old = [path.rename(path.with_name("old-" + path.name)) for path in old]
    pledge.begin()
    pledge.go_on()
    assert wire.request("GET", precious).status == 403
    with Wire(scene.port, old) as again:
        assert again.request("GET", precious).status == 403
    scene.trouble(pledge.serial, "no-open-onboarding")


@pytest.mark.parametrize("fault,problem", [("log-foreign", "audit-log-refused"),
                                           ("log-nonceless", "audit-log-refused")])
def test_device_whose_log_speaks_against_it_gets_nothing(make_scene, tmp_path, fault, problem):
    scene = make_scene(masa=("--fault", fault))
    pledge = scene.independent().go_on("voucher")
    put(scene, tmp_path, SECRET, *of_device(pledge.serial))
    answer = pledge.patiently(lambda: pledge.ask("GET", PATH))
    check_refused(scene, pledge.serial, answer, 403, problem)


def test_configuration_waits_for_the_audit_log(make_scene, tmp_path):
    scene = make_scene({"limits": {"pledge-wait": "50 ms"}},
                       masa=("--fault", "slow:1", "--fault-on", "requestauditlog", "--slow", "1 s"))
    pledge = scene.independent().go_on("voucher")
    put(scene, tmp_path, SECRET, *of_device(pledge.serial))
    before = pledge.waits
    assert pledge.patiently(lambda: pledge.ask("GET", PATH)).body == SECRET.encode()
    assert pledge.waits > before


# What an administrator may put there.


REFUSED = {
    "a place that is none": ("{seriall}", ["--template"], "{seriall} stands for nothing"),
    "nothing": ("", [], "content"),
    "too much": ("x" * (256 * 1024 + 1), [], "content"),
    "a bad name": ("x", ["--name", "../x"], "file"),
    "a bad media type": ("x", ["--media-type", "text"], "media-type"),
    "a line break in the media type": ("x", ["--media-type", "text/a\nb"], "media-type"),
}


@pytest.mark.parametrize("content,options,word", REFUSED.values(), ids=REFUSED)
def test_upload_that_cannot_be_is_told(scene, tmp_path, content, options, word):
    run = put(scene, tmp_path, content, "--profile", "default", *options, check=False)
    assert run.returncode == 1 and word in run.stderr


@pytest.mark.parametrize("whose,word", [
    (of_device("NOBODY-1"), "neither expected"), (("--profile", "none"), "there is no none")])
def test_upload_for_nobody_is_told(scene, tmp_path, whose, word):
    run = put(scene, tmp_path, "x", *whose, check=False)
    assert run.returncode == 1 and word in run.stderr


def test_value_that_does_not_fit_into_text_is_the_administrators_to_solve(scene, tmp_path):
    serial = 'ODD"1'
    pledge = device_called(scene, serial).go_on("status")
    put(scene, tmp_path, '"{serial}"', *of_device(serial), "--template")
    answer = pledge.patiently(lambda: pledge.ask("GET", PATH))
    assert answer.status == 503 and answer.retry_after
    scene.trouble(serial, "configuration-value")
    put(scene, tmp_path, "by hand", *of_device(serial))
    assert pledge.ask("GET", PATH).body == b"by hand"


def test_one_owner_cannot_have_too_many_files(scene, tmp_path):
    serial = scene.device()
    for number in range(32):
        put(scene, tmp_path, "x", *of_device(serial), "--name", f"f{number}")
    run = put(scene, tmp_path, "x", *of_device(serial), "--name", "f32", check=False)
    assert run.returncode == 1 and "no more" in run.stderr
    put(scene, tmp_path, "y", *of_device(serial), "--name", "f0")  # in its place
    rows = scene.ctl_json("configuration", "list", *of_device(serial))
    assert len(rows) == 32


def test_only_get_is_served(scene):
    pledge = scene.independent().go_on("voucher")
    assert pledge.ask("POST", PATH, b"x", content_type="text/plain").status == 405
    assert pledge.ask("GET", BRSKI + "configuration").status == 404

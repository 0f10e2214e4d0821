"""
Less security than BRSKI means there to be (RFC 8995 7.3): every way has a name, is off, and is seen
for as long as it is on.
"""

import shutil

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from fakes import FakeMasa, Maker, log_reply, make_identity, write_key
from pledge import BRSKI, VOUCHER_TYPE, binary
from stage import MASA
from scene import until
from wire import Wire

MODE = "unauthenticated-pledges"
AUTHORITY_KEY_ID = x509.ObjectIdentifier("2.5.29.35")


def stage_with(make_scene, *modes):
    scene = make_scene({"reduced-security": list(modes)} if modes else None, masa=None)
    scene.fake = FakeMasa(scene.masa_port, (scene.maker / "masa-tls.pem",
                                            scene.maker / "masa-tls.key"))
    scene.signing = Maker(scene.maker)
    scene.modest_key = scene.folder / "nobodys.key"
    write_key(scene.modest_key, ec.generate_private_key(ec.SECP256R1()))
    return scene


@pytest.fixture(scope="module", name="strict")
def fixture_strict(make_scene):
    scene = stage_with(make_scene)
    yield scene
    scene.fake.close()


@pytest.fixture(scope="module", name="lax")
def fixture_lax(make_scene):
    scene = stage_with(make_scene, MODE)
    yield scene
    scene.fake.close()


@pytest.fixture(name="trusting")
def fixture_trusting(lax):
    """Both switches are on."""
    believe(lax, "yes")
    yield lax
    believe(lax, "no")


def believe(scene, answer):
    scene.ctl("manufacturers", "set", "maker", "--" + MODE, answer)


def unproven(scene, serial=None, expected=True):
    """
    A device whose certificate says that the manufacturer's CA has issued it, and was signed with a
    key of nobody's.
    """
    serial = serial or scene.serial("BARE")
    ca = x509.load_pem_x509_certificate((scene.maker / "ca.pem").read_bytes())
    identifier = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    extension = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    make_identity(scene.maker / "pledges" / serial, serial,
                  (scene.maker / "ca.pem", scene.modest_key),
                  masa=f"{MASA}:{scene.masa_port}",
                  extensions=[(AUTHORITY_KEY_ID, extension.public_bytes())])
    if expected:
        scene.expect([serial])
    scene.fake.says(serial, "requestvoucher", scene.signing.voucher_reply(assertion="proximity"))
    scene.fake.says(serial, "requestauditlog", log_reply())
    return scene.independent(serial)


def refused(scene, pledge):
    asked = len(scene.fake.seen)
    with Wire(scene.port, pledge.identity) as wire:
        request = pledge.voucher_request(
            proximity_registrar_cert=binary(wire.server_certificate))
        answer = wire.request("POST", BRSKI + "requestvoucher", request, content_type=VOUCHER_TYPE,
                              accept=VOUCHER_TYPE)
    pledge.hang_up()
    assert answer.status == 404, answer
    assert len(scene.fake.seen) == asked
    assert scene.nothing_issued(pledge.serial)


def alarms(scene):
    """(what it is about, which reduction) of the alarms about reductions."""
    return {(alarm["about"], alarm["detail"].partition(":")[0])
            for alarm in scene.status()["alarms"] if alarm["problem"] == "reduced-security"}


# Who nobody vouches for.


def test_nobody_is_believed_by_default(strict):
    refused(strict, unproven(strict))
    assert strict.strangers()[0]["problem"] == "unknown-manufacturer"
    assert alarms(strict) == set()


def test_record_alone_is_not_enough(strict):
    believe(strict, "yes")
    refused(strict, unproven(strict))
    assert alarms(strict) == set()
    believe(strict, "no")


def test_node_file_alone_is_not_enough(lax):
    refused(lax, unproven(lax))
    assert lax.strangers()[0]["problem"] == "unknown-manufacturer"
    assert alarms(lax) == set()


def test_both_let_an_expected_device_in_and_are_loud(trusting):
    pledge = unproven(trusting).go_on()
    event, = trusting.events(pledge.serial, "reduced-security")
    assert event["severity"] == "warning" and MODE in event["detail"] and event["hint"]
    assert len(trusting.certificates(pledge.serial)) == 1
    assert ("manufacturer maker", MODE) in alarms(trusting)
    shown = trusting.ctl("status").stdout
    assert "reduced-security" in shown and MODE in shown


def test_start_tells_what_is_in_force(trusting):
    trusting.restart_gatehoused()
    log = (trusting.logs / "gatehoused.log").read_text()
    assert "security is reduced" in log and MODE in log


def test_switching_it_off_shuts_the_door_at_once(trusting):
    pledge = unproven(trusting).go_on("voucher")
    believe(trusting, "no")
    answer = pledge.ask("GET", "/.well-known/est/csrattrs")
    assert answer.status != 200
    assert alarms(trusting) == set()


def test_device_on_no_list_is_turned_away_even_where_a_rule_speaks_of_it(trusting):
    trusting.ctl("admission", "add", "all", "--manufacturer", "maker", "--unverified",
                 "--reason", "a test")
    assert ("rule all", "unverified-devices") in alarms(trusting)
    pledge = unproven(trusting, expected=False)
    try:
        refused(trusting, pledge)
    finally:
        trusting.ctl("admission", "remove", "all")
    assert ("rule all", "unverified-devices") not in alarms(trusting)
    assert "nobody vouches" in trusting.trouble(pledge.serial, "device-unexpected")["detail"]


def test_claim_of_a_device_that_is_on_no_list_is_in_nobodys_way(trusting):
    claimed = unproven(trusting, expected=False)
    refused(trusting, claimed)
    assert trusting.trouble(claimed.serial, "device-unexpected")
    shutil.rmtree(claimed.identity[0].parent)
    trusting.make_pledges(claimed.serial)
    trusting.expect([claimed.serial])
    trusting.independent(claimed.serial).go_on("voucher")


def test_second_key_under_a_serial_number_is_another_matter(trusting):
    first = unproven(trusting).go_on("voucher")
    write_key(trusting.modest_key, ec.generate_private_key(ec.SECP256R1()))
    second = unproven(trusting, first.serial, expected=False)
    with Wire(trusting.port, second.identity) as wire:
        request = second.voucher_request(
            proximity_registrar_cert=binary(wire.server_certificate))
        answer = wire.request("POST", BRSKI + "requestvoucher", request, content_type=VOUCHER_TYPE,
                              accept=VOUCHER_TYPE)
    assert answer.status in (403, 404)
    assert len(trusting.fake.asked(first.serial)) == 1


def test_certificate_that_names_no_anchor_stays_a_strangers(trusting):
    make_identity(trusting.maker / "pledges" / "SELF-001", "SELF-001")
    trusting.expect(["SELF-001"])
    refused(trusting, trusting.independent("SELF-001"))


def test_genuine_device_is_not_said_to_be_less(trusting):
    pledge = trusting.independent()
    trusting.fake.says(pledge.serial, "requestvoucher",
                       trusting.signing.voucher_reply(assertion="proximity"))
    pledge.go_on("voucher")
    assert trusting.events(pledge.serial, "reduced-security") == []


# The others are switches in records.


@pytest.fixture(name="records")
def fixture_records(strict):
    """Changes the manufacturer's record, and puts it right again."""
    back = {"nonceless": "no", "audit-log": "enforce"}
    changed = []

    def change(option, value):
        strict.ctl("manufacturers", "set", "maker", "--" + option, value)
        changed.append(option)

    yield change
    for option in changed:
        strict.ctl("manufacturers", "set", "maker", "--" + option, back[option])


def reduced_by(scene, pledge):
    """What the timeline says was let through, each with what to do about it."""
    events = scene.events(pledge.serial, "reduced-security")
    assert all(event["severity"] == "warning" and event["hint"] for event in events)
    return [event["detail"].partition(":")[0] for event in events]


def genuine(scene, log=None, **changes):
    pledge = scene.independent()
    scene.fake.says(pledge.serial, "requestvoucher",
                    scene.signing.voucher_reply(assertion="proximity", **changes))
    scene.fake.says(pledge.serial, "requestauditlog", log or log_reply())
    return pledge


def test_nothing_is_reduced_where_nothing_is_switched_on(strict):
    assert reduced_by(strict, genuine(strict).go_on()) == []


def test_device_with_a_voucher_without_nonce_is_told(strict, records):
    records("nonceless", "yes")
    pledge = genuine(strict, nonce=None)
    request = pledge.voucher_request()
    until(lambda: pledge.post_request(request).status == 200, "the voucher")
    assert reduced_by(strict, pledge) == ["nonceless"]


@pytest.mark.parametrize("mode", ["warn", "off"])
def test_device_whose_log_does_not_count_is_told(strict, records, mode):
    records("audit-log", mode)
    foreign = log_reply(lambda log, rvr: {**log, "events": [
        *log["events"], {**log["events"][0], "domainID": "c29tZWJvZHkgZWxzZQ==", "nonce": None}]})
    pledge = genuine(strict, log=foreign).go_on()
    assert reduced_by(strict, pledge) == ["audit-log"]


def test_device_that_only_a_rule_lets_in_unverified_is_told(strict):
    strict.ctl("admission", "add", "any", "--manufacturer", "maker", "--unverified", "--reason",
               "a test")
    serial = strict.device(expected=False)
    pledge = strict.independent(serial)
    strict.fake.says(serial, "requestvoucher", strict.signing.voucher_reply(assertion="proximity"))
    try:
        pledge.go_on("voucher")
    finally:
        strict.ctl("admission", "remove", "any")
    assert reduced_by(strict, pledge) == ["unverified-devices"]


SWITCHES = {
    "nonceless": ("nonceless", "yes", "no"),
    "audit-log": ("audit-log", "warn", "enforce"),
    "relay-unreadable": ("relay-unreadable", "yes", "no"),
}


@pytest.mark.parametrize("option,on,off", SWITCHES.values(), ids=SWITCHES)
def test_switch_is_an_alarm_while_it_is_on(strict, option, on, off):
    assert alarms(strict) == set()
    strict.ctl("manufacturers", "set", "maker", "--" + option, on)
    assert alarms(strict) == {("manufacturer maker", option)}
    strict.ctl("manufacturers", "set", "maker", "--" + option, off)
    assert alarms(strict) == set()


@pytest.mark.parametrize("mode,what", [
    ("everything", "nothing that Gatehouse knows"),
    ("nonceless", "a manufacturer's switch"),
    ("unverified-devices", "an admission rule's switch")])
def test_mode_that_is_not_the_nodes_keeps_the_daemon_from_starting(strict, mode, what):
    file = strict.node_file.parent / "wrong.yaml"
    file.write_text(strict.node_file.read_text() + f"\nreduced-security: [{mode}]\n")
    for action in (["--check-config"], []):
        done = strict.run("gatehoused", "--config", file, *action, check=False)
        assert done.returncode == 3
        assert f'{file}: reduced-security[0]: "{mode}" is {what}; only {MODE} stands here' in \
            done.stderr

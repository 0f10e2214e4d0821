"""
Admission rules: a manufacturer's devices, or those of a kind, are let in although they are on no
list; but only with a voucher by which the MASA has verified that they are ours (RFC 8366 5.3), or
where the administrator has said otherwise, and why.
"""

import pytest

from fakes import FakeMasa, Maker
from pledge import EST
from scene import until


@pytest.fixture(scope="module", name="ruled")
def fixture_ruled(make_scene):
    """A stage whose MASA is a fake: its vouchers assert what a test wants."""
    scene = make_scene({"outgoing": {"timeout": "2 s"}}, masa=None)
    scene.fake = FakeMasa(scene.masa_port, (scene.maker / "masa-tls.pem",
                                            scene.maker / "masa-tls.key"))
    scene.signing = Maker(scene.maker)
    yield scene
    scene.fake.close()


def rule(scene, name, *options):
    """A rule for the time of one test."""
    scene.ctl("admission", "add", name, "--manufacturer", "maker", *options)


def knock(scene, prefix, assertion):
    """A device on no list asks for a voucher, which asserts so; the pledge and the answer."""
    pledge = scene.independent(scene.device(expected=False, prefix=prefix))
    scene.fake.says(pledge.serial, "requestvoucher",
                    scene.signing.voucher_reply(assertion=assertion))
    pledge.request = pledge.voucher_request()
    return pledge, pledge.patiently(lambda: pledge.post_request(pledge.request))


def admission(scene, serial):
    return scene.shown(serial)["device"]["admission"]


@pytest.mark.parametrize("options", [(), ("--subject", "*serialNumber=KIND?-*"),
                                     ("--serial", "KIND?-0*")],
                         ids=["manufacturer", "subject", "serial number"])
def test_device_that_a_rule_speaks_of_is_let_in_when_the_voucher_is_verified(ruled, options):
    rule(ruled, "kind", *options)
    try:
        pledge, answer = knock(ruled, "KINDA", "verified")
        assert answer.status == 200
        assert admission(ruled, pledge.serial) == "admitted"
        episode = ruled.episode(pledge.serial)
        assert (episode["rule"], episode["needs-verified"]) == ("kind", True)
        event, = ruled.events(pledge.serial, "let-in-by-rule")
        assert "kind" in event["detail"]
        assert pledge.ask("GET", EST + "csrattrs").status == 200
    finally:
        ruled.ctl("admission", "remove", "kind")


@pytest.mark.parametrize("assertion", ["logged", "proximity", None])
def test_voucher_that_asserts_less_is_not_handed_out(ruled, assertion):
    rule(ruled, "all")
    try:
        pledge, answer = knock(ruled, "LESS", assertion)
        assert answer.status == 406
        assert b"verified" not in answer.body
        event = ruled.trouble(pledge.serial, "voucher-not-verified")
        assert "rule all" in event["detail"]
        assert ruled.nothing_issued(pledge.serial)
        assert admission(ruled, pledge.serial) == "unexpected"
        assert pledge.ask("GET", EST + "csrattrs").status == 403
        # asking again, as it is or anew, changes nothing
        assert pledge.post_request(pledge.request).status == 406
        assert pledge.post_request(pledge.voucher_request()).status == 406
        assert ruled.nothing_issued(pledge.serial)
    finally:
        ruled.ctl("admission", "remove", "all")


def test_device_that_a_rule_does_not_speak_of_is_turned_away(ruled):
    rule(ruled, "kind", "--serial", "KINDB-*")
    try:
        pledge, answer = knock(ruled, "OTHER", "verified")
        assert answer.status == 404
        ruled.trouble(pledge.serial, "device-unexpected")
        assert ruled.fake.asked(pledge.serial) == []
        assert ruled.nothing_issued(pledge.serial)
    finally:
        ruled.ctl("admission", "remove", "kind")


def test_place_on_the_list_settles_what_a_rule_left_open(ruled):
    """The voucher that was refused is asked for again, octet for octet, and handed out."""
    rule(ruled, "all")
    try:
        pledge, answer = knock(ruled, "SETTLE", "logged")
        assert answer.status == 406
        ruled.expect([pledge.serial])
        answer = until(lambda: (answer := pledge.post_request(pledge.request)).status == 200
                       and answer, "the voucher is handed out")
        assert len(set(ruled.fake.asked(pledge.serial))) == 1
        assert "rule" not in ruled.episode(pledge.serial)
        assert pledge.ask("GET", EST + "csrattrs").status == 200
    finally:
        ruled.ctl("admission", "remove", "all")


def test_override_lets_unverified_devices_in_and_is_audited(ruled):
    done = ruled.ctl("admission", "add", "risky", "--manufacturer", "maker", "--unverified",
                     check=False)
    assert done.returncode != 0 and "reason" in done.stderr
    rule(ruled, "risky", "--serial", "RISKY-*", "--unverified", "--reason", "MASA knows no sales")
    try:
        pledge, answer = knock(ruled, "RISKY", "logged")
        assert answer.status == 200
        assert admission(ruled, pledge.serial) == "admitted"
        event, = ruled.events(pledge.serial, "let-in-by-rule")
        assert event["severity"] == "warning"
        assert "MASA knows no sales" in event["detail"]
    finally:
        ruled.ctl("admission", "remove", "risky")


def test_rule_that_is_gone_lets_nobody_in_any_more(ruled):
    rule(ruled, "passing", "--serial", "PASSING-*")
    pledge, answer = knock(ruled, "PASSING", "verified")
    assert answer.status == 200
    ruled.ctl("admission", "remove", "passing")
    # its onboarding goes on, and a new one is none of the rule's
    assert pledge.ask("GET", EST + "csrattrs").status == 200
    assert pledge.post_request(pledge.voucher_request()).status == 404
    ruled.trouble(pledge.serial, "device-unexpected")


def test_rule_of_one_manufacturer_speaks_of_no_others_devices(ruled):
    other = ruled.folder / "other"
    ruled.run("gatehouse-maker", "init", other, "--name", "Other", "--masa",
              f"masa.other.example:{ruled.masa_port}", "--cloud", "cloud.other.example")
    ruled.ctl("manufacturers", "add", "other", "--anchor", other / "ca.pem")
    ruled.ctl("admission", "add", "others", "--manufacturer", "other")
    try:
        pledge, answer = knock(ruled, "MINE", "verified")
        assert answer.status == 404
        ruled.trouble(pledge.serial, "device-unexpected")
        assert ruled.fake.asked(pledge.serial) == []
        listed, = ruled.ctl_json("admission", "list")
        assert (listed["name"], listed["manufacturer"]) == ("others", "other")
        removed = ruled.ctl("manufacturers", "remove", "other", "--yes", check=False)
        assert removed.returncode != 0 and "others" in removed.stderr
    finally:
        ruled.ctl("admission", "remove", "others")


def test_held_device_goes_on_when_a_rule_is_made_for_it(ruled):
    ruled.ctl("manufacturers", "set", "maker", "--unexpected", "hold")
    try:
        pledge, answer = None, None
        pledge = ruled.independent(ruled.device(expected=False, prefix="LATER"))
        ruled.fake.says(pledge.serial, "requestvoucher",
                        ruled.signing.voucher_reply(assertion="verified"))
        pledge.request = pledge.voucher_request()
        assert pledge.post_request(pledge.request).status == 202
        assert admission(ruled, pledge.serial) == "held"
        rule(ruled, "later", "--serial", "LATER-*")
        answer = pledge.patiently(lambda: pledge.post_request(pledge.request))
        assert answer.status == 200
        assert admission(ruled, pledge.serial) == "admitted"
        assert ruled.status()["devices"]["held"] == 0
    finally:
        ruled.ctl("manufacturers", "set", "maker", "--unexpected", "refuse")
        ruled.ctl("admission", "remove", "later")

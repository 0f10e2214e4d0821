"""
Our TLS certificate changes while pledges are on their way: whoever still names the one before is
told that its request is worth nothing, and the administrator that nobody stands in between
(RFC 8995 5.2).
"""

import json
import shutil

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

import lmdb_file
from pledge import EST, binary
from stage import Stage


def change_identity(scene, folder):
    """Gatehouse stops, and comes back with keys and certificates of another owner's making."""
    other = Stage(folder, scene.bins)
    other.make_owner()
    scene.stop_one("gatehoused")
    lmdb_file.replace(scene.owner / "store", b"U",
                      lmdb_file.records(other.owner / "store", b"U"))
    shutil.rmtree(scene.owner / "tokens")
    shutil.copytree(other.owner / "tokens", scene.owner / "tokens")
    shutil.copy(other.owner / "pin", scene.owner / "pin")
    scene.start_gatehoused()


def key_of(der):
    key = x509.load_der_x509_certificate(der).public_key()
    return key.public_bytes(serialization.Encoding.DER,
                            serialization.PublicFormat.SubjectPublicKeyInfo)


def sha256(octets):
    digest = hashes.Hash(hashes.SHA256())
    digest.update(octets)
    return digest.finalize()


WAYS = {
    "the certificate": lambda old: {"proximity_registrar_cert": binary(old)},
    "its key": lambda old: {"proximity_registrar_cert": None,
                            "proximity_registrar_pubk": binary(key_of(old))},
    "its key's hash": lambda old: {"proximity_registrar_cert": None,
                                   "proximity_registrar_pubk_sha256": binary(sha256(key_of(old)))},
}


@pytest.fixture(scope="module", name="changed")
def fixture_changed(make_scene, tmp_path_factory):
    """A stage whose certificate has changed, and the one before it."""
    scene = make_scene()
    scene.before = scene.independent().connect().server_certificate
    scene.known = scene.independent().go_on()
    scene.early = scene.independent()
    scene.early_request = scene.early.voucher_request()
    change_identity(scene, tmp_path_factory.mktemp("other"))
    return scene


@pytest.mark.parametrize("members", WAYS.values(), ids=WAYS)
def test_pledge_that_names_our_previous_certificate_is_told_apart(changed, members):
    pledge = changed.independent()
    answer = pledge.post_request(pledge.voucher_request(**members(changed.before)))
    assert answer.status == 401
    assert answer.headers["connection"] == "close"
    event = changed.trouble(pledge.serial, "previous-certificate")
    assert sha256(changed.before).hex() in event["detail"]
    assert "shown until" in event["detail"]
    assert changed.asked(pledge.serial) == []
    assert changed.nothing_issued(pledge.serial)


def test_request_made_before_the_change_is_refused_and_a_new_one_taken(changed):
    pledge = changed.early
    pledge.hang_up()
    assert pledge.post_request(changed.early_request).status == 401
    changed.trouble(pledge.serial, "previous-certificate")
    assert pledge.go_on().done


def test_what_we_caused_under_an_earlier_domain_id_is_ours(changed):
    """RFC 8995 5.8.3: a device that comes again after a reset has our own past in its log."""
    pledge = changed.known
    pledge.hang_up()
    pledge.begin()
    assert pledge.go_on().done
    log = changed.ctl_json("devices", "show", pledge.serial, "--log")
    assert [(entry["owner"], entry["cause"]) for entry in log["entries"]] == [
        ("own", "this-voucher"), ("own-past", "earlier-request")]
    ours, past = (entry["domain-id"] for entry in log["entries"])
    assert ours != past
    accepted = changed.events(pledge.serial, "audit-log-accepted")
    assert [event["severity"] for event in accepted] == ["info", "info"]


def test_what_we_did_not_cause_is_refused_under_an_earlier_domain_id_too(changed):
    pledge = changed.independent()
    path = changed.folder / "masa" / "issued.jsonl"
    changed.stop_one("masa")
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    first = next(entry for entry in entries if entry["serial"] == changed.known.serial)
    forged = {**first, "serial": pledge.serial, "nonce": "Zm9yZ2VkLW5vbmNl", "sha256": "00" * 32}
    path.write_text("".join(json.dumps(entry) + "\n" for entry in (*entries, forged)))
    changed.start_masa()
    pledge.go_on("status")
    refusal = changed.trouble(pledge.serial, "log-entry-not-caused")
    assert refusal["event"] == "audit-log-refused"
    assert pledge.ask("GET", EST + "csrattrs").status == 403
    assert changed.certificates(pledge.serial) == []


def test_certificate_that_was_never_ours_is_no_previous_one(changed):
    pledge = changed.independent()
    foreign = x509.load_pem_x509_certificate((changed.maker / "masa-tls.pem").read_bytes())
    request = pledge.voucher_request(
        proximity_registrar_cert=binary(foreign.public_bytes(serialization.Encoding.DER)))
    assert pledge.post_request(request).status == 401
    changed.trouble(pledge.serial, "proximity")
    assert changed.events(pledge.serial)[-1]["problem"] == "proximity"


def test_what_was_shown_is_remembered_over_restarts(changed):
    changed.restart_gatehoused()
    pledge = changed.independent()
    request = pledge.voucher_request(proximity_registrar_cert=binary(changed.before))
    assert pledge.post_request(request).status == 401
    changed.trouble(pledge.serial, "previous-certificate")

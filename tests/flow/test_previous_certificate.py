"""
Our TLS certificate changes while pledges are on their way: whoever still names the one before is
told that its request is worth nothing, and the administrator that nobody stands in between
(RFC 8995 5.2).
"""

import shutil

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

import lmdb_file
from pledge import binary
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

"""
The reference MASA: every check of RFC 8995 5.5.1 to 5.5.6 and 5.6, what it pins, nonceless vouchers
and their renewal; by a registrar that shares nothing with it.
"""

import hashlib
import json
from datetime import datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.serialization import PublicFormat

from fake_owner import DER
from fake_registrar import CLIENT_AUTH, Device, Domain, Registrar, fresh_nonce
from fakes import moment
from masa_stage import check_refused, fixture_aged, fixture_known, fixture_masa, \
    fixture_restarted, fixture_stage, members_of, pinned  # noqa: F401
from pledge import binary, sign_cms, verify_cms


# A good request.


def test_voucher_says_what_was_asked_for(masa):
    device, registrar = Device(masa), masa.registrar
    nonce = fresh_nonce()
    answer = registrar.ask(masa, registrar.request(device, nonce, device.request(registrar, nonce)))
    members = members_of(masa, answer)
    assert members.pop("created-on")
    assert members == {"assertion": "proximity", "serial-number": device.serial, "nonce": nonce,
                       "pinned-domain-cert": binary(masa.domain.certificate.public_bytes(DER))}


def test_same_octets_get_the_same_voucher(masa):
    octets = masa.registrar.usual_request(Device(masa))
    first = masa.registrar.ask(masa, octets)
    assert masa.registrar.ask(masa, octets).body == first.body


def test_without_the_pledges_word_the_voucher_is_logged(masa):
    """RFC 8995 5.5.5: proximity is what the pledge has seen."""
    device, registrar = Device(masa), masa.registrar
    nonce = fresh_nonce()
    assert members_of(masa, registrar.ask(masa, registrar.request(device, nonce)))[
        "assertion"] == "logged"
    nonce = fresh_nonce()
    prior = device.request(registrar, nonce, proximity_registrar_cert=None)
    assert members_of(masa, registrar.ask(masa, registrar.request(device, nonce, prior)))[
        "assertion"] == "logged"


def test_registrar_may_be_shown_by_its_ca(masa):
    """RFC 8995 5.5.5: the key that the pledge saw is in the chain, not only at its end."""
    device, registrar = Device(masa), masa.registrar
    nonce = fresh_nonce()
    prior = device.request(registrar, nonce, proximity_registrar_cert=binary(
        masa.domain.certificate.public_bytes(DER)))
    assert registrar.ask(masa, registrar.request(device, nonce, prior)).status == 200


def spki_of(certificate):
    return certificate.public_key().public_bytes(DER, PublicFormat.SubjectPublicKeyInfo)


SHORT_OF_ROOM = {
    # what a pledge that is short of room says of the server that it saw
    "its key": lambda key: {"proximity_registrar_pubk": binary(key)},
    "the key's hash": lambda key: {"proximity_registrar_pubk_sha256":
                                   binary(hashlib.sha256(key).digest())},
}


@pytest.mark.parametrize("say", SHORT_OF_ROOM.values(), ids=SHORT_OF_ROOM)
def test_pledge_may_say_the_key_that_it_saw(masa, say):
    """RFC 8366bis: proximity-registrar-pubk and -pubk-sha256 instead of the certificate."""
    device, registrar = Device(masa), masa.registrar

    def ask(key, **more):
        nonce = fresh_nonce()
        prior = device.request(registrar, nonce, **say(key), **more)
        return registrar.ask(masa, registrar.request(device, nonce, prior))

    own, another = spki_of(registrar.certificate), spki_of(device.certificate)
    alone = {"proximity_registrar_cert": None}
    assert members_of(masa, ask(own, **alone))["assertion"] == "proximity"
    # Each thing that is said must be right.
    check_refused(ask(another, **alone), 403, "whose key")
    check_refused(ask(another), 403, "whose key")


# Who signs, and what the pledge says.


@pytest.mark.parametrize("usages", [(), (CLIENT_AUTH,)], ids=["no usage", "clientAuth"])
def test_signer_must_be_a_registration_authority(masa, usages):
    registrar = Registrar(masa.domain, usages=usages)
    check_refused(registrar.ask(masa, registrar.usual_request(Device(masa))), 403, "cmcRA")


def test_altered_request_is_refused(masa):
    octets = masa.registrar.usual_request(Device(masa))
    check_refused(masa.registrar.ask(masa, octets.replace(b"proximity", b"proximitY", 1)), 403,
                  "signature")


def test_registrar_whose_certificate_has_ended_is_refused(masa):
    registrar = Registrar(masa.domain, days=-0.5)
    check_refused(registrar.ask(masa, registrar.usual_request(Device(masa))), 403, "expired")


WRONG_PRIORS = {
    "another serial number": ({"serial_number": "PHONE-999"}, {}, 403, "serial-number"),
    "another nonce": ({"nonce": binary(b"0123456789abcdef")}, {}, 403, "nonces"),
    "another server": ({"proximity_registrar_cert": "device"}, {}, 403, "whose key is not"),
    "registrar names another device": ({}, {"serial_number": "PHONE-999"}, 403, "the IDevID is"),
    "registrar names another nonce": ({}, {"nonce": binary(b"0123456789abcdef")}, 403, "nonces"),
    "registrar names another issuer": ({}, {"idevid_issuer": binary(b"\x04\x02ab")}, 403,
                                       "idevid-issuer"),
    "no serial number of the registrar": ({}, {"serial_number": None}, 400, "serial-number"),
}


@pytest.mark.parametrize("pledges,registrars,status,words", WRONG_PRIORS.values(), ids=WRONG_PRIORS)
def test_pledge_and_registrar_must_agree(masa, pledges, registrars, status, words):
    device, registrar = Device(masa), masa.registrar
    nonce = fresh_nonce()
    if pledges.get("proximity_registrar_cert"):
        pledges = {"proximity_registrar_cert": binary(device.certificate.public_bytes(DER))}
    prior = device.request(registrar, nonce, **pledges)
    check_refused(registrar.ask(masa, registrar.request(device, nonce, prior, **registrars)),
                  status, words)
    assert masa.vouchers_issued(device.serial) == []


def test_pledge_must_be_ours(masa):
    device, registrar = Device(masa), masa.registrar
    nonce = fresh_nonce()
    prior = device.request(registrar, nonce, signer=registrar.identity)
    check_refused(registrar.ask(masa, registrar.request(device, nonce, prior)), 404, "none of ours")


def test_one_device_does_not_speak_for_another(masa):
    device, other, registrar = Device(masa), Device(masa), masa.registrar
    nonce = fresh_nonce()
    prior = device.request(registrar, nonce, signer=other.identity)
    check_refused(registrar.ask(masa, registrar.request(device, nonce, prior)), 403, "the IDevID is")


@pytest.mark.parametrize("prior", [b"", b"garbage", b"\x30\x00"], ids=["empty", "garbage", "DER"])
def test_pledges_word_must_be_readable(masa, prior):
    registrar, device = masa.registrar, Device(masa)
    answer = registrar.ask(masa, registrar.request(device, fresh_nonce(), prior))
    assert answer.status == 400, answer


def test_altered_word_of_the_pledge_is_refused(masa):
    device, registrar = Device(masa), masa.registrar
    nonce = fresh_nonce()
    prior = device.request(registrar, nonce).replace(b"proximity", b"proximitY", 1)
    check_refused(registrar.ask(masa, registrar.request(device, nonce, prior)), 403, "signature")


def test_nonce_is_for_one_request(masa):
    device, registrar = Device(masa), masa.registrar
    nonce = fresh_nonce()
    prior = device.request(registrar, nonce)
    assert registrar.ask(masa, registrar.request(device, nonce, prior)).status == 200
    check_refused(registrar.ask(masa, registrar.request(device, nonce, prior, assertion=None)), 403,
                  "nonce")


def test_pledges_word_can_be_required(stage, restarted):
    restarted("--require-prior")
    device, registrar = Device(stage), stage.registrar
    check_refused(registrar.ask(stage, registrar.request(device, fresh_nonce())), 403,
                  "prior-signed-voucher-request is missing")
    assert registrar.ask(stage, registrar.usual_request(device)).status == 200


def test_stale_request_is_refused(stage, restarted):
    restarted("--stale-after", "1 h")
    registrar, device = stage.registrar, Device(stage)
    old = registrar.usual_request(device, created_on=moment(timedelta(hours=2)))
    check_refused(registrar.ask(stage, old), 403, "was made on")
    assert registrar.ask(stage, registrar.usual_request(device)).status == 200


def test_unknown_device_is_404(stage, restarted):
    known, unknown = Device(stage), Device(stage)
    (stage.folder / "devices.txt").write_text(f"# ours\n{known.serial}\n")
    restarted("--devices", stage.folder / "devices.txt")
    registrar = stage.registrar
    assert registrar.ask(stage, registrar.usual_request(known)).status == 200
    check_refused(registrar.ask(stage, registrar.usual_request(unknown)), 404, "list of devices")


# Forms.


@pytest.mark.parametrize("fields,status", [
    ({"content_type": "application/json"}, 415), ({"content_type": None}, 415),
    ({"accept": "application/json"}, 406),
    ({"accept": "application/voucher-cms+json;q=0"}, 406), ({"accept": "*/*"}, 200),
    ({"content_type": "Application/Voucher-CMS+JSON; charset=x"}, 200)])
def test_media_types_are_negotiated(masa, fields, status):
    registrar = masa.registrar
    answer = registrar.ask(masa, registrar.usual_request(Device(masa)), **fields)
    assert answer.status == status, answer


@pytest.mark.parametrize("octets", [b"", b"garbage", b"\x30\x80", bytes(4000)],
                         ids=["nothing", "garbage", "DER", "zeros"])
def test_what_is_no_request_is_400(masa, octets):
    assert masa.registrar.ask(masa, octets).status == 400


def test_voucher_is_no_request(masa):
    voucher = masa.registrar.ask(masa, masa.registrar.usual_request(Device(masa))).body
    check_refused(masa.registrar.ask(masa, voucher), 400, "no voucher request")


# What is pinned.


@pytest.fixture(scope="module", name="deep")
def fixture_deep(stage):
    """A registrar under two CAs."""
    root = Domain(stage.folder / "domains" / "root", "Root")
    return Registrar(Domain(stage.folder / "domains" / "below", "Registrar CA", above=root))


@pytest.mark.parametrize("pin,nonced,nonceless", [
    ("ca", 2, 2), ("ee", 0, 0), ("lowest-ca", 1, 1), ("auto", 1, 2)])
def test_pin_is_chosen_by_policy(stage, restarted, deep, pin, nonced, nonceless):
    known = stage.folder / "known.pem"
    known.write_bytes(deep.above.read_bytes())
    restarted("--pin", pin, "--registrars", known)
    path = [deep.certificate, *deep.domain.chain()]
    members = members_of(stage, deep.ask(stage, deep.usual_request(Device(stage))))
    assert pinned(members) == path[nonced]
    members = members_of(stage, deep.ask(stage, deep.request(Device(stage))))
    assert pinned(members) == path[nonceless]


def test_registrar_without_its_ca_is_pinned_itself(masa):
    registrar = masa.registrar
    answer = registrar.ask(masa, registrar.usual_request(Device(masa), chain=False))
    assert pinned(members_of(masa, answer)) == registrar.certificate


# Without a nonce.


def test_nonceless_is_for_known_registrars(masa):
    registrar, device = masa.registrar, Device(masa)
    check_refused(registrar.ask(masa, registrar.request(device)), 403, "known registrars")


def test_known_registrar_gets_a_voucher_that_ends(stage, restarted, known):
    restarted("--registrars", known, "--lifetime", "10 d", "--renewable", "5 d")
    registrar, device = stage.registrar, Device(stage)
    members = members_of(stage, registrar.ask(stage, registrar.request(device)))
    assert "nonce" not in members and members["assertion"] == "logged"
    made, end, renewal = (datetime.fromisoformat(members[name].replace("Z", "+00:00"))
                          for name in ("created-on", "expires-on", "last-renewal-date"))
    assert end - made == timedelta(days=10) and renewal - made == timedelta(days=5)


def test_known_by_its_tls_certificate_or_by_its_signature(stage, restarted, known):
    restarted("--registrars", known)
    registrar = stage.registrar
    other = Registrar(Domain(stage.folder / "domains" / "other", "Other CA"))
    # The signer is known, the TLS client shows nothing.
    assert registrar.ask(stage, registrar.request(Device(stage)), shown=False).status == 200
    # The TLS client is known, the signer is not.
    assert registrar.ask(stage, other.request(Device(stage))).status == 200
    # Neither is.
    check_refused(other.ask(stage, other.request(Device(stage))), 403, "neither")


def test_nonceless_needs_the_issuer(stage, restarted, known):
    restarted("--registrars", known)
    registrar = stage.registrar
    check_refused(registrar.ask(stage, registrar.request(Device(stage), idevid_issuer=None)), 403,
                  "idevid-issuer")


def test_voucher_ends_with_the_registrars_certificate(stage, restarted, known):
    restarted("--registrars", known, "--lifetime", "100 d")
    registrar = Registrar(stage.domain, days=3)
    members = members_of(stage, registrar.ask(stage, registrar.request(Device(stage))))
    end = datetime.fromisoformat(members["expires-on"].replace("Z", "+00:00"))
    assert end == registrar.certificate.not_valid_after.replace(tzinfo=timezone.utc)


# Renewal (RFC 8995 5.5.1, RFC 8366bis 10.1).


def test_voucher_is_renewed_for_the_same_domain(masa, aged):
    device, old = aged
    another = Registrar(masa.domain)  # the CA is what counts
    members = members_of(masa, another.ask(masa, another.request(device, None, old), shown=False))
    assert "nonce" not in members and members["expires-on"]
    assert pinned(members) == masa.domain.certificate
    log = json.loads(another.ask(masa, another.request(device, None, old), "requestauditlog").body)
    assert [event["nonce"] is None for event in log["events"]] == [True, False]


def test_voucher_is_not_renewed_for_another_domain(masa, aged):
    device, old = aged
    other = Registrar(Domain(masa.folder / "domains" / "stranger", "Stranger"))
    check_refused(other.ask(masa, other.request(device, None, old)), 403, "another domain")


def test_voucher_for_another_device_renews_nothing(masa, aged):
    _, old = aged
    registrar = masa.registrar
    check_refused(registrar.ask(masa, registrar.request(Device(masa), None, old)), 403,
                  "another device")


def test_renewal_has_no_nonce(masa, aged):
    device, old = aged
    check_refused(masa.registrar.ask(masa, masa.registrar.request(device, fresh_nonce(), old)), 403,
                  "without a nonce")


def test_voucher_that_is_not_ours_renews_nothing(masa, aged):
    device, old = aged
    registrar = masa.registrar
    altered = old.replace(b"proximity", b"proximitY", 1)
    check_refused(registrar.ask(masa, registrar.request(device, None, altered)), 403, "signature")
    content = verify_cms(old, masa.maker / "masa-anchors.pem")
    forged = sign_cms(content, device.identity)
    check_refused(registrar.ask(masa, registrar.request(device, None, forged)), 403,
                  "not signed by us")

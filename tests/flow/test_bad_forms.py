"""
JWS and COSE voucher requests, and vouchers, that must lead to nothing.  Each row says what comes and
which status it must get; the administrator must find it, with a hint, in the device's timeline;
nothing may be issued.
"""

import base64
import hmac
import json
from datetime import timedelta

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from fakes import make_identity, moment, reply
from forms import CMS, COSE, JWS, KID, REQUEST, VOUCHER, X5BAG, X5CHAIN, certificates_of, key_of
from pledge import VOUCHER_TYPE, binary
from test_bad_input import check_refused
from test_forms import fixture_told, named  # noqa: F401  (a fixture)

ES256, DER = -7, serialization.Encoding.DER


def altered(octets, at):
    changed = bytearray(octets)
    changed[at] ^= 1
    return bytes(changed)


def other_device(scene):
    return scene.identity(scene.device())


def raw_ecdsa(key, octets):
    """r and s, as ES256 has them."""
    r, s = utils.decode_dss_signature(key.sign(octets, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


# JWS.


def json_request(pledge, **how):
    return pledge.voucher_request(how=how)


def as_dict(octets):
    return json.loads(octets)


def as_octets(message):
    return json.dumps(message).encode()


def flattened(octets):
    message = as_dict(octets)
    return as_octets({"payload": message["payload"], **message["signatures"][0]})


def compact(octets):
    message = as_dict(octets)
    one = message["signatures"][0]
    return ".".join([one["protected"], message["payload"], one["signature"]]).encode()


def changed(octets, **members):
    return as_octets({**as_dict(octets), **members})


def with_signature(octets, **members):
    message = as_dict(octets)
    message["signatures"] = [{**message["signatures"][0], **members}]
    return as_octets(message)


def twice(octets):
    message = as_dict(octets)
    return as_octets({**message, "signatures": message["signatures"] * 2})


def altered_payload(octets):
    """Another serial number under the same signature."""
    message = as_dict(octets)
    payload = base64.urlsafe_b64decode(message["payload"] + "==").replace(b"proximity", b"logged")
    return changed(octets, payload=base64.urlsafe_b64encode(payload).rstrip(b"=").decode())


def altered_signature(octets):
    text = as_dict(octets)["signatures"][0]["signature"]
    return with_signature(octets, signature=("B" if text[0] == "A" else "A") + text[1:])


def keyed_hash(pledge):
    """The classic: the public key, which everybody knows, as the secret of a keyed hash."""
    public = pledge.idevid.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return lambda key, octets: hmac.new(public, octets, "sha256").digest()


def same_key_again(scene, pledge):
    """A second certificate for the pledge's key and serial number."""
    folder = scene.folder / "again" / pledge.serial
    issuer = (scene.maker / "ca.pem", scene.maker / "ca.key")
    return certificates_of(make_identity(folder, pledge.serial, issuer,
                                         key=key_of(pledge.identity[1]))[0])


def signed_json(pledge, text):
    return JWS.sign(text, pledge.identity)


JWS_REQUESTS = {
    # what comes: (how it is made, status, problem in the timeline)
    "altered signature": (lambda s, p: altered_signature(json_request(p)), 403,
                          "request-signature"),
    "altered payload": (lambda s, p: altered_payload(json_request(p)), 403, "request-signature"),
    "another signer's x5c":
        (lambda s, p: json_request(p, x5c=certificates_of(other_device(s)[0])), 403,
         "request-signature"),
    "signed by another device":
        (lambda s, p: p.voucher_request(signer=other_device(s)), 403, "request-signer"),
    "another certificate for the same key":
        (lambda s, p: json_request(p, x5c=same_key_again(s, p)), 403, "request-signer"),
    "an empty x5c": (lambda s, p: json_request(p, x5c=[], sign_as=raw_ecdsa), 400,
                     "jws-malformed"),
    "no x5c":
        (lambda s, p: JWS.sign_whatever(b"{}", {"alg": "ES256"}, key_of(p.identity[1]), raw_ecdsa),
         400, "voucher-malformed"),
    "alg none, and no signature":
        (lambda s, p: json_request(p, alg="none", sign_as=lambda key, octets: b""), 400,
         "jws-malformed"),
    "alg none, and something":
        (lambda s, p: json_request(p, alg="none", sign_as=lambda key, octets: b"x"), 403,
         "request-signature"),
    "alg none over the right signature":
        (lambda s, p: json_request(p, alg="none", sign_as=raw_ecdsa), 403, "request-signature"),
    "a keyed hash":
        (lambda s, p: json_request(p, alg="HS256", sign_as=keyed_hash(p)), 403,
         "request-signature"),
    "another algorithm than the key's":
        (lambda s, p: json_request(p, alg="ES384", sign_as=raw_ecdsa), 403, "request-signature"),
    "a DER signature":
        (lambda s, p: json_request(p, sign_as=lambda key, octets: key.sign(
            octets, ec.ECDSA(hashes.SHA256()))), 403, "request-signature"),
    "no alg": (lambda s, p: json_request(p, alg=None, sign_as=raw_ecdsa), 400, "jws-malformed"),
    "an extension that must be understood":
        (lambda s, p: json_request(p, crit=["b64"], b64=False, sign_as=raw_ecdsa), 403,
         "request-signature"),
    "another type": (lambda s, p: json_request(p, typ="JWT"), 400, "voucher-malformed"),
    "compact serialisation": (lambda s, p: compact(json_request(p)), 400, "jws-malformed"),
    "flattened serialisation": (lambda s, p: flattened(json_request(p)), 400, "jws-malformed"),
    "detached payload": (lambda s, p: changed(json_request(p), payload=""), 400, "jws-malformed"),
    "no signature": (lambda s, p: changed(json_request(p), signatures=[]), 400, "jws-malformed"),
    "two signatures": (lambda s, p: twice(json_request(p)), 400, "voucher-malformed"),
    "three signatures":
        (lambda s, p: changed(json_request(p), signatures=[{}, {}, {}]), 400, "jws-malformed"),
    "an unprotected header":
        (lambda s, p: with_signature(json_request(p), header={"alg": "none"}), 400,
         "jws-malformed"),
    "a member twice":
        (lambda s, p: json_request(p).replace(b'{"payload"', b'{"payload":"e30","payload"'), 400,
         "jws-malformed"),
    "a member twice in the payload":
        (lambda s, p: signed_json(
            p, b'{"ietf-voucher-request:voucher":{"nonce":"AAAAAAAA","nonce":"BBBBBBBB"}}'), 400,
         "voucher-malformed"),
    "a payload that is no JSON": (lambda s, p: signed_json(p, b"\0"), 400, "voucher-malformed"),
    "deep nesting": (lambda s, p: b'{"payload":' + b"[" * 10000, 400, "jws-malformed"),
    "deep nesting in the payload":
        (lambda s, p: signed_json(p, b'{"ietf-voucher-request:voucher":' + b"[" * 10000), 400,
         "voucher-malformed"),
    "hundreds of members":
        (lambda s, p: p.voucher_request(**{f"member{i}": i for i in range(500)}), 400,
         "voucher-malformed"),
    "a voucher": (lambda s, p: p.voucher_request(container=VOUCHER), 400, "request-container"),
    "a CMS request":
        (lambda s, p: CMS.seal(REQUEST, {"serial-number": p.serial}, p.identity), 400,
         "jws-malformed"),
    "its payload alone": (lambda s, p: as_octets({REQUEST: {"serial-number": p.serial}}), 400,
                          "jws-malformed"),
    "half of it": (lambda s, p: json_request(p)[:300], 400, "jws-malformed"),
    "something behind it": (lambda s, p: json_request(p) + b"x", 400, "jws-malformed"),
    "nothing": (lambda s, p: b"", 400, "empty-first-request"),
}


@pytest.mark.parametrize("make,status,problem", JWS_REQUESTS.values(), ids=JWS_REQUESTS)
def test_jws_request_is_refused(scene, make, status, problem):
    pledge = scene.independent(form=JWS)
    answer = pledge.post_request(make(scene, pledge))
    assert answer.status == status, scene.events(pledge.serial)
    assert answer.media_type == "text/plain" and len(answer.body) < 100
    check_refused(scene, pledge.serial, problem)


# COSE.


def cose_request(pledge, **how):
    return pledge.voucher_request(how=how)


def cose_of(pledge, payload):
    """Signed by the device itself, whatever it says."""
    return COSE.sign(payload, pledge.identity)


def certificate(identity):
    return certificates_of(identity[0])[0].public_bytes(DER)


def payload_altered(octets):
    return octets.replace(b"PHONE", b"PHONY")


def cose_parts(protected=b"\xa1\x01\x26", unprotected=b"\xa0", payload=b"\x41\x00",
               signature=b"\x41\x00"):
    """COSE_Sign1 put together from encoded parts, as no encoder would."""
    return b"\xd2\x84" + cbor2.dumps(protected) + unprotected + payload + signature


COSE_REQUESTS = {
    "altered signature": (lambda s, p: altered(cose_request(p), -1), 403, "request-signature"),
    "altered payload": (lambda s, p: payload_altered(cose_request(p)), 403, "request-signature"),
    "signed by another device":
        (lambda s, p: p.voucher_request(signer=other_device(s)), 403, "request-signature"),
    "signed by another device, whose certificate is inside":
        (lambda s, p: p.voucher_request(signer=(other := other_device(s)), how={
            "unprotected": {X5BAG: certificate(other)}}), 403, "request-signature"),
    "signed by another device, whose certificate is under the signature":
        (lambda s, p: p.voucher_request(signer=(other := other_device(s)), how={
            "protected": {1: ES256, X5CHAIN: certificate(other)}}), 403, "request-signature"),
    "no algorithm": (lambda s, p: cose_request(p, protected={}), 403, "request-signature"),
    "an algorithm outside of the signature":
        (lambda s, p: cose_request(p, protected={}, unprotected={1: ES256}), 403,
         "request-signature"),
    "another algorithm than the key's":
        (lambda s, p: cose_request(p, protected={1: -35}), 403, "request-signature"),
    "a MAC's algorithm":
        (lambda s, p: cose_request(p, protected={1: 5}), 403, "request-signature"),
    "a parameter that must be understood":
        (lambda s, p: cose_request(p, protected={1: ES256, 2: [99], 99: 1}), 403,
         "request-signature"),
    "no tag": (lambda s, p: cose_request(p, tag=None), 400, "cose-untagged"),
    "the tag of COSE_Sign": (lambda s, p: cose_request(p, tag=98), 400, "cose-malformed"),
    "the tag of COSE_Mac0": (lambda s, p: cose_request(p, tag=17), 400, "cose-malformed"),
    "detached payload": (lambda s, p: cose_parts(payload=b"\xf6"), 400, "cose-malformed"),
    "a map of thousands of millions":
        (lambda s, p: cose_parts(unprotected=b"\xba\xff\xff\xff\xff"), 400, "cose-malformed"),
    "a payload of exabytes":
        (lambda s, p: cose_parts(payload=b"\x5b\x7f" + b"\xff" * 7), 400, "cose-malformed"),
    "thousands of parameters":
        (lambda s, p: cose_request(p, unprotected={1000 + i: 0 for i in range(5000)}), 400,
         "cose-malformed"),
    "deep nesting in the header":
        (lambda s, p: cose_parts(unprotected=b"\xa1\x18\x64" + b"\x81" * 20000 + b"\0"), 400,
         "cose-malformed"),
    "deep nesting in the payload":
        (lambda s, p: cose_of(p, b"\xa1\x19\x09\xc5\xa1\x18\x64" + b"\x81" * 20000 + b"\0"), 400,
         "voucher-malformed"),
    "a map of millions in the payload":
        (lambda s, p: cose_of(p, b"\xa1\x19\x09\xc5\xba\x00\xff\xff\xff"), 400,
         "voucher-malformed"),
    "hundreds of members":
        (lambda s, p: p.voucher_request(**{f"member{i}": i for i in range(500)}), 400,
         "voucher-malformed"),
    "indefinite length":
        (lambda s, p: cose_of(p, b"\xbf\x19\x09\xc5\xa0\xff"), 400, "voucher-malformed"),
    "a parameter twice":
        (lambda s, p: cose_parts(unprotected=b"\xa2\x04\x41\x00\x04\x41\x00"), 400,
         "cose-malformed"),
    "a member twice":
        (lambda s, p: cose_of(p, b"\xa1\x19\x09\xc5\xa2\x0d\x61\x31\x0d\x61\x31"), 400,
         "voucher-malformed"),
    "a nonce of seven octets":
        (lambda s, p: p.voucher_request(nonce=binary(b"n" * 7)), 400, "voucher-malformed"),
    "a nonce of 33 octets":
        (lambda s, p: p.voucher_request(nonce=binary(b"n" * 33)), 400, "voucher-malformed"),
    "no nonce": (lambda s, p: p.voucher_request(nonce=None), 400, "nonce-missing"),
    "an assertion in letters":
        (lambda s, p: cose_of(p, cbor2.dumps({2501: {1: "proximity"}})), 400,
         "voucher-malformed"),
    "another assertion": (lambda s, p: p.voucher_request(assertion="logged"), 401, "proximity"),
    "serial number of another device":
        (lambda s, p: p.voucher_request(serial_number="PHONE-X"), 403, "serial-mismatch"),
    "a voucher": (lambda s, p: p.voucher_request(container=VOUCHER), 400, "request-container"),
    "two containers":
        (lambda s, p: cose_of(p, cbor2.dumps({2501: {}, 2451: {}})), 400, "voucher-malformed"),
    "a CMS request":
        (lambda s, p: CMS.seal(REQUEST, {"serial-number": p.serial}, p.identity), 400,
         "cose-malformed"),
    "its payload alone":
        (lambda s, p: COSE.payload(REQUEST, {"serial-number": p.serial}), 400, "cose-malformed"),
    "half of it": (lambda s, p: cose_request(p)[:200], 400, "cose-malformed"),
    "something behind it": (lambda s, p: cose_request(p) + b"\0", 400, "cose-malformed"),
    "nothing": (lambda s, p: b"", 400, "empty-first-request"),
}


@pytest.mark.parametrize("make,status,problem", COSE_REQUESTS.values(), ids=COSE_REQUESTS)
def test_cose_request_is_refused(scene, make, status, problem):
    pledge = scene.independent(form=COSE)
    answer = pledge.post_request(make(scene, pledge))
    assert answer.status == status, scene.events(pledge.serial)
    assert answer.media_type == "text/plain" and len(answer.body) < 100
    check_refused(scene, pledge.serial, problem)


@pytest.mark.parametrize("form", [JWS, COSE], ids=named)
def test_request_under_another_forms_media_type_is_malformed(scene, form):
    pledge = scene.independent(form=form)
    request = pledge.voucher_request()
    assert pledge.post_request(request, content_type=VOUCHER_TYPE).status == 400
    check_refused(scene, pledge.serial, "cms-malformed")


@pytest.mark.parametrize("form", [JWS, COSE], ids=named)
def test_nonce_in_another_request_is_refused_in_each_form(scene, form):
    """Also when it comes in another form, spelled in another way."""
    pledge = scene.independent(form=form)
    nonce = binary(b"\xfb" * 16)
    assert pledge.post_request(pledge.voucher_request(nonce=nonce)).status == 200
    assert pledge.post_request(pledge.voucher_request(nonce=nonce)).status == 403
    scene.trouble(pledge.serial, "nonce-reused")
    assert len(scene.asked(pledge.serial)) == 1


# Vouchers that are not handed out.


def spoiled_signature(told, rvr, form):
    voucher = told.signing.voucher(rvr)
    return altered_signature(voucher) if form is JWS else altered(voucher, -1)


def by_a_stranger(told, rvr, form):
    signer = make_identity(told.folder / "stranger", "signer")
    if form is JWS:
        return told.signing.voucher(rvr, signer=signer)
    return told.signing.voucher(rvr, signer=signer,
                                how={"unprotected": {X5BAG: certificate(signer)}})


def by_a_device(told, rvr, form):
    signer = told.identity(told.device())
    bag = {} if form is JWS else {"unprotected": {X5BAG: [
        certificate(signer), certificate((told.maker / "ca.pem",))]}}
    return told.signing.voucher(rvr, signer=signer, how=bag)


VOUCHERS = {
    # what is wrong with the voucher: (how it is made, problem)
    "another serial number":
        (lambda t, rvr, f: t.signing.voucher(rvr, serial_number="PHONE-X"), "voucher-serial"),
    "another nonce":
        (lambda t, rvr, f: t.signing.voucher(rvr, nonce=binary(b"n" * 16)), "voucher-nonce"),
    "no nonce": (lambda t, rvr, f: t.signing.voucher(rvr, nonce=None), "voucher-nonce"),
    "another issuer":
        (lambda t, rvr, f: t.signing.voucher(rvr, idevid_issuer=binary(b"i" * 24)),
         "voucher-issuer"),
    "it has expired":
        (lambda t, rvr, f: t.signing.voucher(rvr, expires_on=moment(timedelta(hours=1))),
         "voucher-expired"),
    "it pins another certificate":
        (lambda t, rvr, f: t.signing.voucher(rvr, pinned_domain_cert=binary(certificate(
            (t.maker / "ca.pem",)))), "voucher-pin"),
    "altered signature": (spoiled_signature, "voucher-signature"),
    "signed by a stranger": (by_a_stranger, "voucher-untrusted"),
    "signed by a device of the same maker": (by_a_device, "voucher-untrusted"),
}


@pytest.mark.parametrize("make,problem", VOUCHERS.values(), ids=VOUCHERS)
@pytest.mark.parametrize("form", [JWS, COSE], ids=named)
def test_wrong_voucher_is_not_handed_out(told, form, make, problem):
    pledge = told.independent(form=form)
    told.fake.says(pledge.serial, "requestvoucher",
                   lambda rvr: reply(200, make(told, rvr, form), form.media_type))
    assert pledge.post_request(pledge.voucher_request()).status == 406
    told.trouble(pledge.serial, problem)
    assert told.nothing_issued(pledge.serial)


def countersign(voucher, octets):
    """The signatures of both, over the payload of the first."""
    first, second = as_dict(voucher), as_dict(octets)
    return changed(voucher, signatures=first["signatures"] + second["signatures"])


@pytest.mark.parametrize("right", [True, False])
def test_every_signature_of_a_jws_voucher_must_be_right(told, right):
    pledge = told.independent(form=JWS)
    countersigner = make_identity(told.folder / "countersigner", "countersigner")

    def answer(rvr):
        voucher = told.signing.voucher(rvr)
        content = base64.urlsafe_b64decode(as_dict(voucher)["payload"] + "==")
        again = JWS.sign(content if right else b"{}", countersigner)
        return reply(200, countersign(voucher, again), JWS.media_type)
    told.fake.says(pledge.serial, "requestvoucher", answer)
    status = pledge.post_request(pledge.voucher_request()).status
    assert status == (200 if right else 406)
    if not right:
        told.trouble(pledge.serial, "voucher-signature")


JUNK = {
    # a COSE voucher that carries junk beside what is right
    "kid": {KID: b"\xff" * 100},
    "no certificate": {X5BAG: b"junk"},
    "many": {X5BAG: [b"junk"] * 16},
}


@pytest.mark.parametrize("unprotected", JUNK.values(), ids=JUNK)
def test_junk_in_the_unprotected_header_of_a_voucher_does_no_harm(told, unprotected):
    pledge = told.independent(form=COSE)
    told.fake.says(pledge.serial, "requestvoucher", told.signing.voucher_reply(
        how={"unprotected": unprotected}))
    answer = pledge.post_request(pledge.voucher_request())
    assert answer.status == 200
    assert not {X5BAG, X5CHAIN} & set(COSE.parts(answer.body)[1])
    assert COSE.verify(answer.body, pledge.masa_anchors)


def test_too_many_certificates_in_a_voucher_are_refused(told):
    pledge = told.independent(form=COSE)
    told.fake.says(pledge.serial, "requestvoucher", told.signing.voucher_reply(
        how={"unprotected": {X5BAG: [b"junk"] * 17}}))
    assert pledge.post_request(pledge.voucher_request()).status == 502
    told.trouble(pledge.serial, "masa-answer")


def test_certificates_in_a_request_are_no_way_in(scene):
    """Whoever has no IDevID gets nothing by putting one into the request."""
    pledge = scene.independent(form=JWS)
    victim = scene.independent(form=JWS)
    stolen = victim.voucher_request()
    assert pledge.post_request(stolen).status == 403
    scene.trouble(pledge.serial, "request-signer")
    assert scene.nothing_issued(pledge.serial) and scene.nothing_issued(victim.serial)
    assert scene.asked(victim.serial) == []

"""Vouchers in their three forms: CMS, JWS and COSE, over HTTPS, from the request to the LDevID."""

import base64
import hashlib
import json

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from fakes import FakeMasa, Maker, log_reply, make_identity, reply
from forms import CMS, COSE, DER, FORMS, JWS, KID, REQUEST, X5BAG, X5CHAIN, certificates_of, \
    form_named, members_of
from pledge import Pledge, binary
from scene import until
from stage import MASA
from test_onboarding import confirmed, server_key, steps_of

SHORT = {"outgoing": {"connect-timeout": "500 ms", "timeout": "500 ms"}}
NEW = [JWS, COSE]  # forms besides that of all the other tests


def named(form):
    return form.name


# The whole way.


@pytest.fixture(scope="module", name="redirecting")
def fixture_redirecting(make_scene):
    """A stage with a cloud registrar that knows a device for each form."""
    scene = make_scene()
    scene.by_form = {form.name: scene.device(prefix="CLOUD") for form in FORMS}
    scene.start_cloud()
    return scene


@pytest.mark.parametrize("form", FORMS, ids=named)
def test_redirected_reference_pledge_is_onboarded(redirecting, form):
    scene, serial = redirecting, redirecting.by_form[form.name]
    scene.form = form.name
    steps = steps_of(scene.pledge("--json", serial=serial))
    assert steps[-1]["step"] == "onboarded"
    shown = confirmed(scene, serial)
    assert shown["episode"]["voucher-type"] == form.media_type
    folder = scene.out / serial
    voucher, = form.verify((folder / f"voucher.{form.name}").read_bytes(),
                           scene.maker / "masa-anchors.pem").values()
    request = members_of((folder / f"voucher-request.{form.name}").read_bytes())
    assert voucher["nonce"] == request["nonce"]
    assert voucher["assertion"] == "proximity"
    for what in ("voucher-requested", "voucher-received"):
        event, = scene.events(serial, what)
        assert event["detail"].startswith(form.name + ",")


@pytest.mark.parametrize("form", NEW, ids=named)
def test_independent_pledge_is_onboarded(scene, form):
    pledge = scene.independent(form=form).go_on()
    confirmed(scene, pledge.serial)
    assert [request["status"] for request in scene.asked(pledge.serial)] == [200]
    assert [request["status"] for request in scene.asked(pledge.serial, "requestauditlog")] == [200]


KEYS = {
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("form", NEW, ids=named)
def test_idevid_of_another_kind_is_as_good(scene, form, key):
    serial = scene.serial("KIND")
    scene.expect([serial])
    folder = scene.folder / "kinds" / serial
    make_identity(folder, serial, (scene.maker / "ca.pem", scene.maker / "ca.key"),
                  masa=f"{MASA}:{scene.masa_port}", key=key())
    pledge = Pledge(scene.port, folder, scene.maker / "masa-anchors.pem", folder / "scratch",
                    form=form)
    pledge.go_on("voucher")
    assert scene.episode(serial)["stage"] == "voucher"


def test_rsa_idevid_signs_a_jws(scene):
    pledge = scene.independent(scene.device("--key", "rsa2048"), form=JWS).go_on("voucher")
    assert scene.episode(pledge.serial)["stage"] == "voucher"


def test_same_request_again_gets_the_same_voucher(scene):
    for form in NEW:
        pledge = scene.independent(form=form).go_on("voucher")
        pledge.hang_up()
        pledge.get_voucher()  # compares
        assert len(scene.asked(pledge.serial)) == 1


# What the standards allow in a request.

BAG = {
    "kid": lambda own, other: {KID: b"whatever"},
    "somebody else's certificate": lambda own, other: {X5BAG: other},
    "certificates in an array": lambda own, other: {X5CHAIN: [other, own]},
    "what is no certificate": lambda own, other: {X5BAG: b"no certificate"},
    "both and its own": lambda own, other: {X5BAG: [b"", other], X5CHAIN: own, KID: b""},
}


@pytest.mark.parametrize("header", BAG.values(), ids=BAG)
def test_what_a_cose_request_says_of_its_signer_is_ignored(scene, header):
    """cBRSKI 9.2: the key is that of the TLS client certificate."""
    pledge = scene.independent(form=COSE)
    other, = certificates_of(scene.identity(scene.device())[0])
    unprotected = header(pledge.idevid.public_bytes(DER), other.public_bytes(DER))
    pledge.request = pledge.voucher_request(how={"unprotected": unprotected})
    pledge.go_on("voucher")


@pytest.mark.parametrize("keys", ["delta", "tag", "name"])
def test_keys_of_a_cose_request_may_be_spelled_in_each_way(scene, keys):
    pledge = scene.independent(form=COSE)
    pledge.request = pledge.voucher_request(how={"keys": keys})
    pledge.go_on("voucher")


def test_keys_of_a_cose_request_may_be_mixed(scene):
    pledge = scene.independent(form=COSE)
    certificate = pledge.connect().server_certificate
    pledge.nonce = binary(b"n" * 32)
    pledge.request = COSE.sign(cbor2.dumps({2501: {
        "assertion": 2, cbor2.CBORTag(47, 2508): b"n" * 32, 13: pledge.serial, 10: certificate,
        99: ["unknown"], "unknown": {"to": "us"}}}), pledge.identity)
    pledge.go_on("voucher")


@pytest.mark.parametrize("form", FORMS, ids=named)
def test_pledge_may_say_the_key_that_it_saw(scene, form):
    """RFC 8366bis: the public key or its hash for the certificate; MASA and pledge agree on it."""
    for name, digest in (("pubk", bytes), ("pubk_sha256", lambda k: hashlib.sha256(k).digest())):
        pledge = scene.independent(form=form)
        pledge.request = pledge.voucher_request(proximity_registrar_cert=None, **{
            f"proximity_registrar_{name}": binary(digest(server_key(pledge)))})
        pledge.go_on("voucher")  # its assertion is "proximity"


def test_type_of_a_jws_may_be_missing(scene):
    pledge = scene.independent(form=JWS)
    pledge.request = pledge.voucher_request(how={"typ": None})
    pledge.go_on("voucher")


# What the MASA gets.


def journal(scene, serial):
    """The octets of our request, as the MASA keeps them."""
    entry, = scene.vouchers_issued(serial)
    return base64.b64decode(entry["request"])


@pytest.mark.parametrize("form", FORMS, ids=named)
def test_our_request_has_the_form_of_the_pledges_and_carries_it(scene, form):
    pledge = scene.independent(form=form).go_on("voucher")
    request = journal(scene, pledge.serial)
    members = form.peek(request)[REQUEST]
    assert base64.b64decode(members["prior-signed-voucher-request"]) == pledge.request
    assert members["nonce"] == pledge.nonce
    assert members["serial-number"] == pledge.serial
    assert members["assertion"] == "proximity"
    assert base64.b64decode(members["idevid-issuer"])[:2] == bytes([0x04, 0x18])
    assert "proximity-registrar-cert" not in members
    registrar = certificates_of(scene.owner / "pki/registrar.pem")[:2]
    certificates = form.certificates(request)
    if form is COSE:  # cBRSKI 9.2: the pledge's whole chain, too
        assert certificates == [*registrar, pledge.idevid,
                                *certificates_of(scene.maker / "ca.pem")]
    else:
        assert sorted(map(hash, certificates)) == sorted(map(hash, registrar))
    if form is JWS:
        assert certificates == registrar


def test_nonce_of_a_jws_goes_as_it_stands(scene):
    pledge = scene.independent(form=JWS)
    pledge.request = pledge.voucher_request(nonce="-_XE9zK9q8Ll1qylMtLKeg")
    assert pledge.post_request(pledge.request).status == 200
    assert members_of(journal(scene, pledge.serial))["nonce"] == "-_XE9zK9q8Ll1qylMtLKeg"


# A MASA that answers in this form or that.


@pytest.fixture(scope="module", name="told")
def fixture_told(make_scene):
    """A stage whose MASA is a fake that says what it is told."""
    scene = make_scene(SHORT, masa=None)
    scene.fake = FakeMasa(scene.masa_port, (scene.maker / "masa-tls.pem",
                                            scene.maker / "masa-tls.key"))
    scene.signing = Maker(scene.maker)
    yield scene
    scene.fake.close()


ACCEPTS = {
    # form of the request, its Accept, and what the MASA is told
    "nothing said": (JWS, None, JWS.media_type),
    "the same": (COSE, COSE.media_type, COSE.media_type),
    "anything": (COSE, "*/*", COSE.media_type),
    "any application": (JWS, "application/*", JWS.media_type),
    "two": (JWS, f"{CMS.media_type}, {JWS.media_type};q=0.9",
            f"{JWS.media_type}, {CMS.media_type}"),
    "all": (CMS, f"{COSE.media_type},{JWS.media_type},{CMS.media_type}",
            f"{CMS.media_type}, {JWS.media_type}, {COSE.media_type}"),
    "another": (JWS, CMS.media_type, CMS.media_type),
    "not its own": (JWS, f"{JWS.media_type};q=0, {COSE.media_type}", COSE.media_type),
    "one that nobody knows, and its own":
        (JWS, f"application/voucher+xml, {JWS.media_type}", JWS.media_type),
}


@pytest.mark.parametrize("form,accept,told_masa", ACCEPTS.values(), ids=ACCEPTS)
def test_masa_hears_which_forms_the_pledge_takes(told, form, accept, told_masa):
    """RFC 8995 5.5."""
    pledge = told.independent(form=form)
    wanted = next(f for f in FORMS if told_masa.startswith(f.media_type))
    told.fake.says(pledge.serial, "requestvoucher", told.signing.voucher_reply(wanted))
    answer = pledge.post_request(pledge.voucher_request(), accept=accept)
    assert (answer.status, answer.media_type) == (200, wanted.media_type)
    assert told.fake.accepted(pledge.serial) == [told_masa]


@pytest.mark.parametrize("asked", FORMS, ids=named)
@pytest.mark.parametrize("given", FORMS, ids=named)
def test_voucher_may_come_in_any_form_that_the_pledge_takes(told, asked, given):
    pledge = told.independent(form=asked)
    told.fake.says(pledge.serial, "requestvoucher", told.signing.voucher_reply(given))
    told.fake.says(pledge.serial, "requestauditlog", log_reply())
    answer = pledge.post_request(pledge.voucher_request(),
                                 accept=f"{asked.media_type}, {given.media_type}")
    assert (answer.status, answer.media_type) == (200, given.media_type)
    members, = given.verify(answer.body, pledge.masa_anchors).values()
    assert members["nonce"] == pledge.nonce
    assert told.episode(pledge.serial)["voucher-type"] == given.media_type
    # and the audit log is asked for with our request, whose form is the pledge's
    until(lambda: told.episode(pledge.serial).get("log-verdict") == "accepted", "the log is in")
    assert len(set(told.fake.asked(pledge.serial, "requestauditlog")
                   + told.fake.asked(pledge.serial))) == 1


@pytest.mark.parametrize("asked", FORMS, ids=named)
def test_voucher_in_another_form_than_asked_is_not_handed_out(told, asked):
    given = next(form for form in FORMS if form is not asked)
    pledge = told.independent(form=asked)
    told.fake.says(pledge.serial, "requestvoucher", told.signing.voucher_reply(given),
                   told.signing.voucher_reply())
    request = pledge.voucher_request()
    assert pledge.post_request(request).status == 502
    assert given.media_type in told.trouble(pledge.serial, "masa-answer")["detail"]
    assert told.nothing_issued(pledge.serial)
    until(lambda: pledge.post_request(request).status == 200, "a voucher in the right form")


# Certificates in COSE vouchers (cBRSKI 6.8, 9.2).


def certificate(file):
    return certificates_of(file)[0].public_bytes(DER)


def voucher_with(told, pledge, **how):
    """What the MASA sends, and what the pledge gets."""
    sent = []

    def answer(rvr):
        sent.append(told.signing.voucher(rvr, how=how, assertion="proximity"))
        return reply(200, sent[0], COSE.media_type)
    told.fake.says(pledge.serial, "requestvoucher", answer)
    pledge.request = pledge.voucher_request()
    answered = pledge.post_request(pledge.request)
    assert answered.status == 200, told.events(pledge.serial)
    pledge.check_voucher(answered.body)  # which has none outside of the signature
    return sent[0], answered.body


def test_unsigned_certificates_are_taken_out_and_nothing_else(told):
    pledge = told.independent(form=COSE)
    signer = certificate(told.maker / "masa-signer.pem")
    sent, got = voucher_with(told, pledge, unprotected={
        KID: b"kid", X5BAG: [signer, signer], X5CHAIN: signer, "text": [1, {2: 3}]})
    before, after = COSE.parts(sent), COSE.parts(got)
    assert after[1] == {KID: b"kid", "text": [1, {2: 3}]}
    assert (before[0], before[2], before[3]) == (after[0], after[2], after[3])
    event, = told.events(pledge.serial, "voucher-received")
    assert "taken out" in event["detail"]


def test_signed_certificates_stay(told):
    pledge = told.independent(form=COSE)
    signer = certificate(told.maker / "masa-signer.pem")
    sent, got = voucher_with(told, pledge, protected={1: -7, X5CHAIN: signer})
    assert sent == got
    event, = told.events(pledge.serial, "voucher-received")
    assert "taken out" not in event["detail"]


def test_voucher_without_certificates_is_verified_with_the_anchors(told):
    pledge = told.independent(form=COSE)
    sent, got = voucher_with(told, pledge)
    assert sent == got


@pytest.mark.parametrize("form", [CMS, JWS], ids=named)
def test_voucher_of_another_form_goes_on_octet_for_octet(told, form):
    pledge = told.independent(form=form)
    sent = []

    def answer(rvr):
        sent.append(told.signing.voucher(rvr))
        return reply(200, sent[0], form.media_type)
    told.fake.says(pledge.serial, "requestvoucher", answer)
    assert pledge.post_request(pledge.voucher_request()).body == sent[0]


@pytest.fixture(name="anchorless")
def fixture_anchorless(told):
    """The same, as long as the manufacturer has no voucher anchors."""
    told.ctl("manufacturers", "set", "maker", "--voucher-anchor", "")
    yield told
    told.ctl("manufacturers", "set", "maker", "--voucher-anchor",
             told.maker / "masa-anchors.pem")


def test_without_an_anchor_a_certificate_that_signed_itself_and_the_voucher_counts(anchorless):
    told, pledge = anchorless, anchorless.independent(form=COSE)
    signer = make_identity(told.folder / "lonely", "signer")
    pledge.masa_anchors = signer[0]
    told.fake.says(pledge.serial, "requestvoucher", told.signing.voucher_reply(
        signer=signer, how={"unprotected": {X5BAG: certificate(signer[0])}},
        assertion="proximity"))
    pledge.go_on("voucher")


LONE = {
    # unsigned certificates that do not count without an anchor
    "issued by somebody":
        lambda told, signer: {X5BAG: certificate(told.maker / "masa-signer.pem")},
    "a chain": lambda told, signer: {X5BAG: [certificate(told.maker / "masa-signer.pem"),
                                             certificate(told.maker / "ca.pem")]},
    "none": lambda told, signer: {},
}


@pytest.mark.parametrize("bag", LONE.values(), ids=LONE)
def test_without_an_anchor_other_unsigned_certificates_do_not_count(anchorless, bag):
    told, pledge = anchorless, anchorless.independent(form=COSE)
    told.fake.says(pledge.serial, "requestvoucher", told.signing.voucher_reply(
        how={"unprotected": bag(told, told.signing.signer)}))
    assert pledge.post_request(pledge.voucher_request()).status == 406
    told.trouble(pledge.serial, "voucher-untrusted")
    assert told.nothing_issued(pledge.serial)


# Vouchers in forms that nobody here can read (RFC 8995 5.6, 7.3).

UNREADABLE = "application/voucher+unheard-of"
SECRETS = b"\0only the pledge knows what this is\xff"


@pytest.fixture(name="unread")
def fixture_unread(told):
    """A pledge that takes a form which only its MASA can make."""
    pledge = told.independent(form=JWS)
    told.fake.says(pledge.serial, "requestvoucher", reply(200, SECRETS, UNREADABLE))
    told.fake.says(pledge.serial, "requestauditlog", log_reply())
    yield pledge
    told.ctl("manufacturers", "set", "maker", "--relay-unreadable", "no")


def test_unreadable_voucher_is_not_handed_out(told, unread):
    request = unread.voucher_request()
    both = f"{UNREADABLE}, {JWS.media_type}"
    assert unread.post_request(request, accept=both).status == 406
    assert UNREADABLE in told.trouble(unread.serial, "voucher-unreadable")["detail"]
    assert told.fake.accepted(unread.serial) == [JWS.media_type]
    assert told.nothing_issued(unread.serial)
    # an administrator can lift that, for the identical request
    told.ctl("manufacturers", "set", "maker", "--relay-unreadable", "yes")
    answer = until(lambda: (a := unread.post_request(request, accept=both)).status == 200 and a,
                   "the voucher", limit=10)
    assert (answer.body, answer.media_type) == (SECRETS, UNREADABLE)
    assert len(set(told.fake.asked(unread.serial))) == 1


def test_unreadable_voucher_is_relayed_where_the_manufacturers_record_says_so(told, unread):
    told.ctl("manufacturers", "set", "maker", "--relay-unreadable", "yes")
    answer = unread.post_request(unread.voucher_request(), accept=UNREADABLE)
    assert (answer.status, answer.body, answer.media_type) == (200, SECRETS, UNREADABLE)
    assert told.fake.accepted(unread.serial) == [UNREADABLE]
    event = told.trouble(unread.serial, "voucher-unread")
    assert event["event"] == "voucher-received" and UNREADABLE in event["detail"]
    reduced, = told.events(unread.serial, "reduced-security")
    assert reduced["detail"].startswith("relay-unreadable:") and reduced["hint"]
    episode = told.episode(unread.serial)
    assert episode["voucher-unread"] is True
    assert episode["voucher-type"] == UNREADABLE
    assert "voucher-assertion" not in episode
    # what can be judged is judged all the same
    until(lambda: told.episode(unread.serial).get("log-verdict") == "accepted", "the log is in")


def test_relaying_needs_the_pledge_to_name_the_form(told, unread):
    told.ctl("manufacturers", "set", "maker", "--relay-unreadable", "yes")
    answer = unread.post_request(unread.voucher_request(), accept=f"{JWS.media_type}, */*;q=0.1")
    assert answer.status == 502
    told.trouble(unread.serial, "masa-answer")
    assert told.nothing_issued(unread.serial)


def test_readable_voucher_is_checked_also_where_unreadable_ones_are_relayed(told, unread):
    told.ctl("manufacturers", "set", "maker", "--relay-unreadable", "yes")
    told.fake.says(unread.serial, "requestvoucher", told.signing.voucher_reply(
        nonce=binary(b"n" * 16)))
    assert unread.post_request(unread.voucher_request()).status == 406
    told.trouble(unread.serial, "voucher-nonce")


# The audit log's nonce (RFC 8995 5.8.1: text, whatever the vouchers are).

SPELLINGS = {
    "base64": lambda nonce: nonce,
    "base64url": lambda nonce: base64.urlsafe_b64encode(base64.b64decode(nonce)).decode(),
    "base64url without padding": lambda nonce: base64.urlsafe_b64encode(
        base64.b64decode(nonce)).decode().rstrip("="),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_nonce_of_a_cose_voucher_is_found_in_the_audit_log(told, spell):
    pledge = told.independent(form=COSE)

    def respell(log, rvr):
        log["events"][0]["nonce"] = spell(members_of(rvr)["nonce"])
        return log
    told.fake.says(pledge.serial, "requestvoucher",
                   told.signing.voucher_reply(assertion="proximity"))
    told.fake.says(pledge.serial, "requestauditlog", log_reply(respell))
    confirmed(told, pledge.go_on().serial)


# The name that COSE vouchers had in drafts.

OLD_COSE = "application/voucher-cose+cbor"


@pytest.fixture(name="old_names")
def fixture_old_names(told):
    yield lambda: told.ctl("manufacturers", "allow", "maker", "voucher-media-type-alias")
    told.ctl("manufacturers", "disallow", "maker", "voucher-media-type-alias")


@pytest.mark.parametrize("fields,given", [({"content_type": OLD_COSE}, COSE.media_type),
                                          ({"accept": OLD_COSE}, OLD_COSE)], ids=["type", "accept"])
def test_old_name_of_cose_is_read_only_where_it_is_allowed(told, old_names, fields, given):
    pledge = told.independent(form=COSE)
    told.fake.says(pledge.serial, "requestvoucher", told.signing.voucher_reply())
    request = pledge.voucher_request()
    assert pledge.post_request(request, **fields).status == 415
    assert told.trouble(pledge.serial, "voucher-media-type-alias")
    assert told.nothing_issued(pledge.serial) and told.fake.asked(pledge.serial) == []
    old_names()
    answer = pledge.patiently(lambda: pledge.post_request(request, **fields))
    assert (answer.status, answer.media_type) == (200, given)
    assert COSE.verify(answer.body, told.maker / "masa-anchors.pem")
    assert told.episode(pledge.serial)["allowances"] == ["voucher-media-type-alias"]


def test_name_of_each_form_is_known():
    assert [form_named(form.name) for form in FORMS] == list(FORMS)
    assert len({json.dumps(form.media_type) for form in FORMS}) == 3

"""Full CMC (RFC 7030 4.3, RFC 5272): a front door beside simpleenroll, with the same policy."""

import os
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

import cmc
from cmc_stage import DOMAIN, by_key, fixture_est, fresh, issued, name_of, post, refused, say
from pledge import EST, in_lines, openssl, pem_of
from test_est_labels import CMC_RA, ask, enrolled, identity, make_anchor, make_csr, make_key, secret, \
    shown

__all__ = ["fixture_est"]


# Enrolment.


def check_chain(est, certificate, others, tmp_path):
    files = [tmp_path / "leaf.pem", tmp_path / "others.pem"]
    files[0].write_text(pem_of([certificate]))
    files[1].write_text(pem_of(others))
    openssl("verify", "-no-CApath", "-no-CAstore", "-x509_strict", "-CAfile",
            est.owner / "pki" / "root.pem", "-untrusted", files[1], files[0])


def test_client_with_a_password_enrols(est, tmp_path):
    key, name = fresh()
    answer = say(est, by_key(key, name), 200)
    certificate = issued(answer, key)
    check_chain(est, certificate, answer.certificates, tmp_path)
    assert answer.controls[cmc.TRANSACTION_ID][1] == bytes([cmc.TRANSACTION])
    assert answer.controls[cmc.RECIPIENT_NONCE][1] == b"nonce-of-client!"
    assert len(answer.controls[cmc.SENDER_NONCE][1]) == 16
    line, = est.ctl_json("certificates", "list", "--name", name)
    assert (line["client"], line["label"]) == ("secret:lab", "routers")


def test_what_was_not_sent_is_not_echoed_and_what_is_to_be_returned_is(est):
    key, name = fresh()
    request = cmc.pkcs10(cmc.REQUEST, make_csr([name], key, name))
    data = cmc.pki_data([cmc.control(9, cmc.DATA_RETURN, cmc.octets(b"mine"))], [request])
    answer = say(est, cmc.sign(data, key), 200)
    assert answer.controls == {cmc.DATA_RETURN: (cmc.OCTETS, b"mine")}


def test_request_made_by_openssl_enrols(est, tmp_path):
    """The SignedData is another's work, too."""
    key, name = fresh()
    certificate = enrolled(ask(est, make_csr([name], key, name)))
    files = identity(tmp_path, certificate, key)
    again = make_key()
    data = cmc.message(cmc.pkcs10(cmc.REQUEST, make_csr([name], again, name)))
    octets = openssl("cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-econtent_type",
                     cmc.PKI_DATA, "-signer", files[0], "-inkey", files[1], octets=data)
    issued(say(est, octets, 200, user=None, files=files), again)


def test_crmf_request_enrols(est):
    key, name = fresh()
    request = cmc.crmf(cmc.REQUEST, key, name_of(name), cmc.extensions_of([name]))
    certificate = issued(say(est, cmc.sign(cmc.message(request), key), 200), key)
    assert certificate.subject == name_of(name)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [name]


def test_same_octets_get_the_same_certificate(est):
    key, name = fresh()
    octets = by_key(key, name)
    first, second = (issued(say(est, octets, 200), key) for _ in range(2))
    assert first == second
    assert len(est.ctl_json("certificates", "list", "--name", name)) == 1


def test_simpleenroll_for_the_same_joins_the_order(est):
    key, name = fresh()
    certificate = enrolled(ask(est, make_csr([name], key, name)))
    assert issued(say(est, by_key(key, name), 200), key) == certificate


def test_device_enrols_and_renews(est):
    pledge = est.independent().go_on("csrattrs")
    csr = pledge.csr()
    idevid_key = serialization.load_pem_private_key(pledge.identity[1].read_bytes(), None)
    octets = cmc.sign(cmc.message(cmc.pkcs10(cmc.REQUEST, csr)), idevid_key, pledge.idevid)
    reply = pledge.ask("POST", EST + "fullcmc", in_lines(octets), content_type=cmc.REQUEST_TYPE)
    assert reply.status == 200, reply
    pledge.ldevid = issued(cmc.opened(reply, est.owner, est.scratch), pledge.key)
    (pledge.scratch / "ldevid.pem").write_text(pem_of([pledge.ldevid]))
    assert [line["id"] for line in est.certificates(pledge.serial)]
    assert est.events(pledge.serial, "enrolled")
    octets = cmc.sign(cmc.message(cmc.pkcs10(
        cmc.REQUEST, pledge.csr(subject=pledge.ldevid.subject))), pledge.key, pledge.ldevid)
    second = issued(say(est, octets, 200, label=None, user=None, files=pledge.own_identity()),
                    pledge.key)
    assert second.serial_number != pledge.ldevid.serial_number
    assert est.events(pledge.serial, "renewed")


def test_device_that_is_refused_elsewhere_is_refused_here(est):
    pledge = est.independent()
    pledge.attributes = None
    key = make_key()
    csr = make_csr([], key, "x")
    idevid_key = serialization.load_pem_private_key(pledge.identity[1].read_bytes(), None)
    octets = cmc.sign(cmc.message(cmc.pkcs10(cmc.REQUEST, csr)), idevid_key, pledge.idevid)
    refused(est, octets, 403, cmc.BAD_REQUEST, [0], label=None, user=None, files=pledge.identity)
    assert est.nothing_issued(pledge.serial)


def declined_by_itself(_, pledge):
    pledge.go_on("voucher")
    pledge.tell_voucher_status(False, reason="no")


def decommissioned(est, pledge):
    pledge.go_on("csrattrs")
    est.ctl("devices", "decommission", pledge.serial, "--reason", "worn out", "--yes")


@pytest.mark.parametrize("ending", [declined_by_itself, decommissioned])
def test_gate_is_the_same(est, ending):
    pledge = est.independent()
    ending(est, pledge)
    idevid_key = serialization.load_pem_private_key(pledge.identity[1].read_bytes(), None)
    csr = make_csr([], make_key(), "x")
    octets = cmc.sign(cmc.message(cmc.pkcs10(cmc.REQUEST, csr)), idevid_key, pledge.idevid)
    refused(est, octets, 403, cmc.BAD_REQUEST, [0], label=None, user=None, files=pledge.identity)
    pledge.csr_octets = csr
    assert pledge.post_csr(csr).status == 403
    assert est.certificates(pledge.serial) == []


def test_request_is_held_against_the_csr_attributes(est):
    pledge = est.independent().go_on("csrattrs")
    idevid_key = serialization.load_pem_private_key(pledge.identity[1].read_bytes(), None)
    request = cmc.pkcs10(cmc.REQUEST, pledge.csr(extensions=()))
    octets = cmc.sign(cmc.message(request), idevid_key, pledge.idevid)
    refused(est, octets, 400, cmc.BAD_REQUEST, label=None, user=None, files=pledge.identity)
    est.trouble(pledge.serial, "csr-not-as-asked")
    assert est.certificates(pledge.serial) == []


@pytest.fixture(name="router")
def fixture_router(est, tmp_path):
    """A client with a certificate of ours: its key, name, certificate and files."""
    key, name = fresh()
    certificate = enrolled(ask(est, make_csr([name], key, name)))
    return key, name, certificate, identity(tmp_path, certificate, key)


def test_certificate_is_renewed_with_another_key(est, router):
    key, name, certificate, files = router
    other = make_key()
    request = cmc.pkcs10(cmc.REQUEST, make_csr([name], other, name))
    octets = cmc.sign(cmc.message(request), key, certificate)
    renewed = issued(say(est, octets, 200, user=None, files=files), other)
    line = est.ctl_json("certificates", "show", f"{renewed.serial_number:040x}")
    assert line["renews"] == certificate.fingerprint(hashes.SHA256()).hex()


def test_other_names_are_asked_for_in_a_control_of_crmf(est, router):
    """RFC 6402 2.8, where the label allows it (change-subject-name)."""
    key, name, certificate, files = router
    fresh_name = fresh()[1]
    names = x509.SubjectAlternativeName([x509.DNSName(fresh_name)]).public_bytes()
    change = cmc.sequence(cmc.identifier(cmc.CHANGE_SUBJECT), cmc.sequence(
        name_of(fresh_name).public_bytes(), cmc.retagged(0xA1, names)))
    request = cmc.crmf(cmc.REQUEST, key, name_of(name), cmc.extensions_of([name]),
                       controls=[change])
    octets = cmc.sign(cmc.message(request), key, certificate)
    refused(est, octets, 403, cmc.BAD_REQUEST, user=None, files=files)
    est.ctl("labels", "set", "routers", "--change-subject-name", "yes")
    renewed = issued(say(est, octets, 200, user=None, files=files), key)
    est.ctl("labels", "set", "routers", "--change-subject-name", "no")
    given = renewed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert given.get_values_for_type(x509.DNSName) == [fresh_name]


def test_revoked_certificate_signs_nothing(est, router):
    key, name, certificate, files = router
    est.ctl("certificates", "revoke", "--yes", f"{certificate.serial_number:040x}")
    request = cmc.pkcs10(cmc.REQUEST, make_csr([name], make_key(), name))
    octets = cmc.sign(cmc.message(request), key, certificate)
    refused(est, octets, 403, cmc.BAD_CERT_ID, [0], user=None, files=files)


# RAs.


@pytest.fixture(scope="module", name="partners")
def fixture_partners(est, tmp_path_factory):
    folder = tmp_path_factory.mktemp("partners")
    key, anchor = make_anchor()
    (folder / "anchor.pem").write_text(pem_of([anchor]))
    est.ctl("labels", "add", "partners", "--authenticate", "third-party", "--authenticate", "ra",
            "--anchor", folder / "anchor.pem", "--domain", "partners.example.com", "--full-cmc",
            "yes")
    return folder, key, anchor


def of_shown(files):
    return x509.load_pem_x509_certificate(files[0].read_bytes())


@pytest.mark.parametrize("proof", ["signature", cmc.RA_VERIFIED], ids=["signed", "raVerified"])
def test_ra_asks_for_others(est, partners, proof):
    files, ra_key = shown(partners, "our RA", CMC_RA)
    key, name = make_key(), f"n{os.urandom(5).hex()}.partners.example.com"
    request = cmc.crmf(cmc.REQUEST, key, name_of(name), cmc.extensions_of([name]), proof=proof)
    options = {"label": "partners", "user": None, "files": files}
    issued(say(est, cmc.sign(cmc.message(request), ra_key, of_shown(files)), 200, **options), key)
    outside = cmc.crmf(cmc.REQUEST, key, name_of("x.example.com"))
    refused(est, cmc.sign(cmc.message(outside), ra_key, of_shown(files)), 403, cmc.BAD_REQUEST,
            **options)


def test_who_is_no_ra_proves_possession(est, partners):
    files, own = shown(partners, "agent 9")
    request = cmc.crmf(cmc.REQUEST, make_key(), name_of("agent 9"), proof=cmc.RA_VERIFIED)
    refused(est, cmc.sign(cmc.message(request), own, of_shown(files)), 400, cmc.POP_FAILED,
            label="partners", user=None, files=files)


# Proof of possession.


def test_request_must_be_signed_with_its_own_key(est):
    key, name = fresh()
    csr = bytearray(make_csr([name], key, name))
    csr[-1] ^= 1
    refused(est, cmc.sign(cmc.message(cmc.pkcs10(cmc.REQUEST, bytes(csr))), key), 400,
            cmc.POP_FAILED)
    request = cmc.crmf(cmc.REQUEST, key, name_of(name), signer=make_key())
    refused(est, cmc.sign(cmc.message(request), key), 400, cmc.POP_FAILED)


@pytest.mark.parametrize("proof", [b"", cmc.BY_DECRYPTION], ids=["none", "by decryption"])
def test_other_proofs_of_possession_are_asked_for_in_vain(est, proof):
    key, name = fresh()
    request = cmc.crmf(cmc.REQUEST, key, name_of(name), proof=proof)
    refused(est, cmc.sign(cmc.message(request), key), 400, cmc.POP_REQUIRED)


def test_request_must_be_tied_to_its_connection_where_the_label_says_so(est):
    est.ctl("labels", "add", "tied", "--authenticate", "password", "--domain", DOMAIN,
            "--channel-binding", "required", "--full-cmc", "yes")
    secret(est, "tied", label="tied")
    key, name = fresh()
    refused(est, by_key(key, name), 400, cmc.POP_FAILED, label="tied", user="tied")


# Who signs.


def test_message_that_was_altered_is_refused(est):
    key, name = fresh()
    octets = by_key(key, name)
    assert octets.count(b"nonce-of-client!") == 1
    refused(est, octets.replace(b"nonce-of-client!", b"nonce-of-another"), 400,
            cmc.BAD_MESSAGE_CHECK, [0])


def test_message_by_another_key_is_refused(est):
    key, name = fresh()
    request = cmc.pkcs10(cmc.REQUEST, make_csr([name], key, name))
    refused(est, cmc.sign(cmc.message(request), make_key()), 400, cmc.BAD_MESSAGE_CHECK, [0])


def test_who_has_a_certificate_signs_with_it(est, router):
    _, name, _, files = router
    refused(est, by_key(make_key(), name), 403, cmc.BAD_CERT_ID, [0], user=None, files=files)


def test_weak_hash_is_refused(est):
    key, name = fresh()
    octets = by_key(key, name, hash_with=hashes.SHA1, hash_oid="1.3.14.3.2.26")
    refused(est, octets, 400, cmc.BAD_ALG, [0])


@pytest.mark.parametrize("ahead", [timedelta(days=3), timedelta(days=-60)], ids=str)
def test_message_of_another_time_is_refused(est, ahead):
    key, name = fresh()
    refused(est, by_key(key, name, at=datetime.now(timezone.utc) + ahead), 400, cmc.BAD_TIME, [0])


# What is not handled.


def test_controls_that_are_unknown_or_not_served_are_named(est):
    key, name = fresh()
    request = cmc.pkcs10(cmc.REQUEST, make_csr([name], key, name))
    revoke = cmc.control(51, cmc.REVOKE_REQUEST, cmc.sequence())
    strange = cmc.control(52, "1.2.3.4", cmc.octets(b""))
    refused(est, cmc.sign(cmc.message(request, more=[revoke, strange]), key), 400, cmc.BAD_REQUEST,
            [52])
    answer = say(est, cmc.sign(cmc.message(request, more=[revoke]), key), 400)
    assert (answer.status, answer.failure, answer.parts) == (cmc.NO_SUPPORT, None, [51])
    assert est.ctl_json("certificates", "list", "--name", name) == []


def test_one_request_in_a_message_and_none_within_it(est):
    key, name = fresh()
    requests = [cmc.pkcs10(part, make_csr([name], key, name)) for part in (100, 101)]
    nested = cmc.sequence(cmc.number(102), cmc.sequence(cmc.identifier("1.2.840.113549.1.7.1")))
    data = cmc.pki_data(cmc.controls_of(b"n"), requests, messages=[nested])
    answer = say(est, cmc.sign(data, key), 400)
    assert (answer.status, answer.parts) == (cmc.NO_SUPPORT, [101, 102])


def test_critical_extension_is_given_where_the_profile_has_it_and_else_refused(est):
    key, name = fresh()
    odd = "1.3.6.1.4.1.99999.2"
    extensions = cmc.sequence(cmc.sequence(cmc.identifier(odd), cmc.tlv(1, b"\xff"),
                                           cmc.octets(b"\x05\x00")))
    request = cmc.crmf(cmc.REQUEST, key, name_of(name), extensions)
    octets = cmc.sign(cmc.message(request), key)
    refused(est, octets, 400, cmc.UNSUPPORTED_EXT)
    est.ctl("profiles", "add", "odd", "--extension", f"critical,{odd}=hex:0500")
    est.ctl("labels", "add", "odd", "--authenticate", "password", "--domain", DOMAIN, "--profile",
            "odd", "--full-cmc", "yes")
    secret(est, "odd", label="odd")
    given = issued(say(est, octets, 200, label="odd", user="odd"), key).extensions
    assert given.get_extension_for_oid(x509.ObjectIdentifier(odd)).critical


def test_key_of_another_is_refused(est, router):
    key, _, _, _ = router
    refused(est, by_key(key, fresh()[1]), 400, cmc.NO_KEY_REUSE)


def test_name_outside_the_domain_is_refused(est):
    refused(est, by_key(make_key(), "boss.example.com"), 403, cmc.BAD_REQUEST)
    assert any(line["problem"] == "name-refused" for line in est.strangers())


MALFORMED = {
    "no CMS": b"\x30\x03\x02\x01\x00",
    "another content": cmc.sign(b"text", make_key(), content_type="1.2.840.113549.1.7.1"),
    "no PKIData": cmc.sign(cmc.sequence(cmc.sequence()), make_key()),
    "nothing asked": cmc.sign(cmc.message(), make_key()),
    "a number twice": cmc.sign(cmc.message(more=[cmc.control(1, cmc.DATA_RETURN, cmc.octets(b""))]),
                               make_key()),
}


@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_full_pki_request_is_refused(est, octets):
    refused(est, octets, 400, cmc.BAD_REQUEST, [0])


def test_who_gives_no_password_is_asked_for_one_in_cmc(est):
    key, name = fresh()
    reply = post(est, by_key(key, name), user=None)
    assert reply.status == 401 and "Basic" in reply.headers["www-authenticate"]
    assert cmc.opened(reply, est.owner, est.scratch).failure == cmc.AUTH_DATA_FAIL


# HTTP.


def test_label_that_does_not_serve_it_has_nothing_there(est):
    est.ctl("labels", "add", "plain", "--authenticate", "password", "--domain", DOMAIN)
    secret(est, "plain", label="plain")
    key, name = fresh()
    reply = post(est, by_key(key, name), label="plain", user="plain")
    assert (reply.status, reply.media_type) == (404, "text/plain")
    assert any(line["problem"] == "full-cmc-off" for line in est.strangers())


def test_media_type_is_pkcs7_whatever_its_parameters(est):
    key, name = fresh()
    octets = by_key(key, name)
    for media_type in ("application/pkcs10", None):
        assert post(est, octets, content_type=media_type).status == 415
    issued(say(est, octets, 200, content_type="Application/PKCS7-MIME"), key)
    assert post(est, octets, accept="text/html").status == 406
    issued(say(est, octets, 200, accept="application/pkcs7-mime"), key)


def test_request_may_be_so_large_and_no_larger(est):
    reply = post(est, bytes(256 * 1024))
    assert (reply.status, reply.media_type) == (413, "text/plain")
    refused(est, bytes(129 * 1024), 400, cmc.BAD_REQUEST, [0])


def test_answers_are_base64_in_lines_as_the_label_says(est):
    key, name = fresh()
    reply = post(est, by_key(key, name))
    assert {len(line) for line in reply.body.splitlines()[:-1]} == {64}
    assert int(reply.headers["content-length"]) == len(reply.body)

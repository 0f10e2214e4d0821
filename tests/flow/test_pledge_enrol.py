"""
How the reference pledge enrols: CSR attributes and templates, EST answers of every kind, and what it
demands of the certificate (RFC 7030, RFC 8951, RFC 9908, RFC 8995 5.9).
"""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from fake_owner import CERTS_TYPE, CMC_RA, CSRATTRS_TYPE, EMPTY, Authority, answer_certs, \
    answer_csrattrs, csrattrs_with_names, csrattrs_with_template, redirect
from fakes import reply
from forger import oid, tlv
from pledge_stage import PledgeStage
from wire import HOST

IDENTITY, REFUSED, REDIRECTED, ENROLMENT, TIME = 4, 5, 6, 8, 9
EC, RSA = "1.2.840.10045.2.1", "1.2.840.113549.1.1.1"
P256, P384, P521 = "1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35"
CN, SERIAL_NUMBER, ORG, UNIT = "2.5.4.3", "2.5.4.5", "2.5.4.10", "2.5.4.11"
SAN, KEY_USAGE, EXT_KEY_USAGE = "2.5.29.17", "2.5.29.15", "2.5.29.37"


@pytest.fixture(scope="module", name="stage")
def fixture_stage(bins, tmp_path_factory):
    stage = PledgeStage.open(tmp_path_factory.mktemp("stage"), bins)
    yield stage
    stage.finish()


def asked_of(stage, attributes, *options, **where):
    """The one certification request that came for these CSR attributes."""
    owner = stage.owner_fake(csrattrs=answer_csrattrs(attributes))
    stage.go(*options, registrars=[owner], check=0, **where)
    request, = owner.requests_for_certificates()
    assert request.is_signature_valid
    return request


def check_enrolment_refused(owner, outcome, code):
    """RFC 8995 5.9.4: that and why is said over the same connection."""
    assert outcome.codes == [code]
    told, = owner.told("enrollstatus")
    assert told["status"] is False and told["reason"]
    assert x509.load_der_x509_certificate(owner.asked("enrollstatus")[0].peer).issuer != \
        owner.authority.subject
    assert outcome.end["step"] == "failed"


# Legacy elements.

KEYS = {
    "nothing": (b"", ec.SECP256R1, 256),
    "P-256": (tlv(0x30, oid(EC), tlv(0x31, oid(P256))), ec.SECP256R1, 256),
    "P-384": (tlv(0x30, oid(EC), tlv(0x31, oid(P384))), ec.SECP384R1, 384),
    "P-521": (tlv(0x30, oid(EC), tlv(0x31, oid(P521))), ec.SECP521R1, 521),
    "RSA": (tlv(0x30, oid(RSA), tlv(0x31)), None, 3072),
    "RSA 2048": (tlv(0x30, oid(RSA), tlv(0x31, b"\x02\x02\x08\x00")), None, 2048),
}


@pytest.mark.parametrize("attribute,curve,bits", KEYS.values(), ids=KEYS)
def test_key_is_of_the_kind_asked_for(stage, attribute, curve, bits):
    key = asked_of(stage, tlv(0x30, attribute)).public_key()
    assert key.key_size == bits
    assert isinstance(key.curve, curve) if curve else isinstance(key, rsa.RSAPublicKey)


@pytest.mark.parametrize("signature,name", [("1.2.840.10045.4.3.3", "sha384"),
                                            ("1.2.840.10045.4.3.4", "sha512")])
def test_request_is_signed_with_the_hash_asked_for(stage, signature, name):
    assert asked_of(stage, tlv(0x30, oid(signature))).signature_hash_algorithm.name == name


def test_names_asked_for_are_copied(stage):
    request = asked_of(stage, csrattrs_with_names("phone.owner.example", "192.0.2.9"))
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["phone.owner.example"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.9"]
    assert request.subject.get_attributes_for_oid(x509.NameOID.SERIAL_NUMBER)


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_request_is_bound_to_its_connection_when_asked(stage, tls):
    """RFC 7030 3.5; after a 202 over another connection, bound to that one."""
    owner = stage.owner_fake(csrattrs=answer_csrattrs(tlv(0x30, oid("1.2.840.113549.1.9.7"))))
    owner.says(simpleenroll=[reply(202, b"", Retry_After="0"),
                             reply(202, b"", Retry_After="0", Connection="close"),
                             owner.enrol_answer()])
    stage.go("--tls", tls, registrars=[owner], check=0)
    passwords = [request.attributes.get_attribute_for_oid(
        x509.oid.AttributeOID.CHALLENGE_PASSWORD).value
        for request in owner.requests_for_certificates()]
    assert len(passwords) == 3 and passwords[0] == passwords[1] != passwords[2]
    assert len(base64.b64decode(passwords[0])) == {"1.2": 12, "1.3": 32}[tls]


@pytest.mark.parametrize("answer", [reply(204), reply(404), answer_csrattrs(EMPTY)],
                         ids=["204", "404", "empty"])
def test_without_csr_attributes_all_is_the_devices_choice(stage, answer):
    owner = stage.owner_fake(csrattrs=answer)
    stage.go(registrars=[owner], check=0)
    request, = owner.requests_for_certificates()
    assert list(request.extensions) == [] and request.public_key().curve.name == "secp256r1"


# The template (RFC 9908 3.4).

ALG_P384 = oid(EC) + oid(P384)


def test_template_is_filled_and_nothing_else_counts(stage):
    serial = stage.new_pledge()
    usage = b"\x03\x02\x07\x80"
    attributes = csrattrs_with_template(
        subject=[(ORG, "Owner"), (UNIT, "Phones"), (SERIAL_NUMBER, None), (CN, None)],
        key=ALG_P384,
        extensions=[(SAN, tlv(0x30, tlv(0x82, b"phone.owner.example"), b"\x87\x00",
                              b"\xA4\x02\x30\x00")),
                    (KEY_USAGE, usage), (EXT_KEY_USAGE, None)],
        # For those who do not read templates, and contradicting it:
        more=tlv(0x30, oid(EC), tlv(0x31, oid(P256))))
    request = asked_of(stage, attributes, serial=serial)
    assert request.public_key().curve.name == "secp384r1"
    assert [(each.oid.dotted_string, each.value) for each in request.subject] == [
        (ORG, "Owner"), (UNIT, "Phones"), (SERIAL_NUMBER, serial), (CN, serial)]
    extensions = request.extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["phone.owner.example"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert names.get_values_for_type(x509.DirectoryName) == [request.subject]
    assert extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        x509.ExtendedKeyUsageOID.CLIENT_AUTH]


def test_opaque_name_hides_the_serial_number(stage):
    """brski-cloud 2: the owner may not want the manufacturer's number in its certificates."""
    serial = stage.new_pledge()
    request = asked_of(stage, csrattrs_with_template(subject=[(CN, "4d1f9a")]), serial=serial)
    assert request.subject.rfc4514_string() == "CN=4d1f9a"
    assert serial.encode() not in request.public_bytes(serialization.Encoding.DER)


def test_template_for_rsa_has_the_size_in_a_placeholder(stage):
    modulus = b"\x02\x82\x01\x01\x00\x80" + bytes(254) + b"\x01"
    placeholder = tlv(0x30, modulus, b"\x02\x03\x01\x00\x01")
    key = tlv(0x30, oid(RSA), b"\x05\x00") + tlv(0x03, b"\0", placeholder)
    template = tlv(0x30, b"\x02\x01\x00", tlv(0xA0, key), b"\xA1\x00")
    attributes = tlv(0x30, tlv(0x30, oid("1.2.840.113549.1.9.16.2.61"), tlv(0x31, template)))
    assert asked_of(stage, attributes).public_key().key_size == 2048


UNMET = {
    "a name that it does not have": csrattrs_with_template(subject=[(UNIT, None)]),
    "an extension that it does not have": csrattrs_with_template(
        extensions=[("1.2.3.4", None)]),
    "a kind of key that it cannot make": csrattrs_with_template(key=oid("1.2.3.4")),
    "RSA too small": tlv(0x30, tlv(0x30, oid(RSA), tlv(0x31, b"\x02\x02\x04\x00"))),
    "RSA too large": tlv(0x30, tlv(0x30, oid(RSA), tlv(0x31, b"\x02\x02\x40\x00"))),
}


@pytest.mark.parametrize("attributes", UNMET.values(), ids=UNMET)
def test_what_the_device_cannot_do_is_said(stage, attributes):
    owner = stage.owner_fake(csrattrs=answer_csrattrs(attributes))
    outcome = stage.go(registrars=[owner], check=ENROLMENT)
    check_enrolment_refused(owner, outcome, 63)
    assert owner.asked("simpleenroll") == []


# Answers of EST.

BAD_ATTRIBUTES = {
    "no DER": answer_csrattrs(b"nonsense"),
    "no base64": reply(200, b"!!!!", CSRATTRS_TYPE),
    "raw DER": reply(200, b"\x30\x00", CSRATTRS_TYPE),
    "another media type": reply(200, b"MAA=", "text/plain"),
    "no media type": reply(200, b"MAA="),
    "two templates": answer_csrattrs(tlv(0x30, *(2 * [csrattrs_with_template()[2:]]))),
    "a page": reply(200, b"<html>", "text/html"),
}


@pytest.mark.parametrize("answer", BAD_ATTRIBUTES.values(), ids=BAD_ATTRIBUTES)
def test_csr_attributes_that_cannot_be_read_end_the_attempt(stage, answer):
    owner = stage.owner_fake(csrattrs=answer)
    outcome = stage.go(registrars=[owner], check=ENROLMENT)
    check_enrolment_refused(owner, outcome, 65)
    assert owner.asked("simpleenroll") == []


@pytest.mark.parametrize("operation", ["cacerts", "csrattrs", "simpleenroll"])
@pytest.mark.parametrize("status,code", [(400, 61), (401, 61), (403, 61), (500, 62), (503, 62)])
def test_refusal_by_est_is_indicated(stage, operation, status, code):
    owner = stage.owner_fake(**{operation: reply(status, b"no\n", "text/plain")})
    outcome = stage.go(registrars=[owner], check=ENROLMENT)
    check_enrolment_refused(owner, outcome, code)
    assert outcome.end["failed-step"] == operation and "no" in outcome.end["reason"]


@pytest.mark.parametrize("operation", ["cacerts", "simpleenroll"])
@pytest.mark.parametrize("body", [b"", b"AAAA", b"MAA=", b"!"], ids=["nothing", "zeros", "empty", "!"])
def test_certificates_that_cannot_be_read_end_the_attempt(stage, operation, body):
    owner = stage.owner_fake(**{operation: reply(200, body, CERTS_TYPE)})
    check_enrolment_refused(owner, stage.go(registrars=[owner], check=ENROLMENT), 65)


def test_202_is_asked_again_with_the_same_request(stage):
    owner = stage.owner_fake()
    owner.says(simpleenroll=[*(3 * [reply(202, b"", Retry_After="0")]), owner.enrol_answer()])
    stage.go(registrars=[owner], check=0)
    assert len({request.body for request in owner.asked("simpleenroll")}) == 1


def test_redirects_of_est_stay_on_the_server(stage):
    """RFC 7030 3.2.1."""
    owner, other = stage.owner_fake(), stage.owner_fake()
    owner.says(cacerts=redirect("/.well-known/est/phones/allcerts", 302), allcerts=owner.cacerts)
    stage.go(registrars=[owner], check=0)
    assert len(owner.asked("allcerts")) == 1
    for where, code in ((other.url(), 44), ("/.well-known/est/cacerts", 43)):
        owner.says(cacerts=redirect(where, 302))
        assert stage.go(registrars=[owner], check=REDIRECTED).codes == [code]
    assert other.connections == 0


def test_ca_with_a_chain_is_as_good(stage):
    """cacerts with root and intermediate, in any order; only the issued certificate comes back."""
    owner = stage.owner_fake()
    below = Authority(stage.folder / "below", "Device CA")
    below.certificate = stage.owner_ca.sign(below.subject, below.key.public_key(), ca=True)
    owner.context.load_verify_locations(cadata=below.certificate.public_bytes(
        serialization.Encoding.PEM).decode())
    owner.says(cacerts=answer_certs([below.certificate, stage.owner_ca.certificate]),
               simpleenroll=owner.enrol_answer(issuer=below))
    stage.go(registrars=[owner], check=0)


# The certificate.


def wrong_certificates(stage):
    """What a CA does wrong, as changes of the answer."""
    stranger = Authority(stage.folder / "stranger")
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    names = x509.SubjectAlternativeName([x509.DNSName("phone.owner.example")])
    other = x509.SubjectAlternativeName([x509.DNSName("other.owner.example")])
    return {
        "another key": {"key": key},
        "another CA": {"issuer": stranger},
        "no name": {"extensions": []},
        "another name": {"extensions": [(other, False)]},
        "a CA of it": {"ca": True},
        "a registration authority of it": {
            "extensions": [(names, False), (x509.ExtendedKeyUsage([CMC_RA]), False)]},
    }


@pytest.mark.parametrize("what", ["another key", "another CA", "no name", "another name",
                                  "a CA of it", "a registration authority of it"])
def test_certificate_that_was_not_asked_for_is_not_used(stage, what):
    owner = stage.owner_fake(csrattrs=answer_csrattrs(csrattrs_with_names("phone.owner.example")))
    owner.says(simpleenroll=owner.enrol_answer(**wrong_certificates(stage)[what]))
    serial = stage.new_pledge()
    outcome = stage.go(serial=serial, registrars=[owner], check=ENROLMENT)
    check_enrolment_refused(owner, outcome, 64)
    assert not (stage.out / serial / "ldevid.pem").exists()


def test_subject_must_be_the_templates(stage):
    owner = stage.owner_fake(csrattrs=answer_csrattrs(
        csrattrs_with_template(subject=[(ORG, "Owner"), (CN, None)])))
    wrong = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "other")])
    owner.says(simpleenroll=owner.enrol_answer(subject=wrong))
    check_enrolment_refused(owner, stage.go(registrars=[owner], check=ENROLMENT), 64)


def test_ca_may_add_to_what_was_asked_for(stage):
    owner = stage.owner_fake(csrattrs=answer_csrattrs(
        csrattrs_with_template(subject=[(CN, "phone")],
                               extensions=[(SAN, tlv(0x30, tlv(0x82, b"phone.owner.example")))])))
    names = x509.SubjectAlternativeName([x509.DNSName("also.owner.example"),
                                         x509.DNSName("phone.owner.example")])
    subject = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Owner"),
                         x509.NameAttribute(x509.NameOID.COMMON_NAME, "phone")])
    owner.says(simpleenroll=owner.enrol_answer(subject=subject, extensions=[(names, False)]))
    stage.go(registrars=[owner], check=0)


def test_server_that_cacerts_do_not_vouch_for_gets_no_report(stage):
    """RFC 8995 5.9.4: the LDevID is first used with a server that the owner's CA vouches for."""
    below = Authority(stage.folder / "devices", "Device CA")
    owner = stage.owner_fake()
    owner.says(cacerts=answer_certs([below.certificate]),
               simpleenroll=owner.enrol_answer(issuer=below))
    outcome = stage.go(registrars=[owner], check=IDENTITY)
    assert outcome.end["failed-step"] == "enrollstatus" and outcome.codes == [24]
    assert [report["status"] for report in owner.told("enrollstatus")] == [False]


# IDevIDs of every kind.


@pytest.mark.parametrize("tls", ["1.2", "1.3"])
@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "rsa2048", "rsa3072", "rsa4096"])
def test_idevid_of_any_kind_is_as_good(stage, kind, tls):
    serial = stage.new_pledge("--key", kind)
    owner = stage.owner_fake()
    outcome = stage.go("--tls", tls, serial=serial, registrars=[owner], check=0)
    assert outcome.notes("voucher")[0].startswith(f"TLSv{tls} with {HOST}")

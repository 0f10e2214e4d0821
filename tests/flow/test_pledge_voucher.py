"""
What the reference pledge demands of a voucher, and of the server that it names (RFC 8995 5.6.1,
5.6.2, 5.7, 7.2; RFC 8366bis; draft-ietf-anima-brski-cloud 4.2).
"""

import pytest
from cryptography import x509

from fake_owner import CMC_RA, Authority, answer_csrattrs, csrattrs_with_names, redirect
from fakes import moment, reply
from pledge import VOUCHER_TYPE, binary
from pledge_stage import EST_HOST, VAR, PledgeStage
from wire import HOST
from datetime import timedelta

NETWORK, IDENTITY, REFUSED, REDIRECTED, VOUCHER, ENROLMENT, TIME = 3, 4, 5, 6, 7, 8, 9


@pytest.fixture(scope="module", name="stage")
def fixture_stage(bins, tmp_path_factory):
    stage = PledgeStage.open(tmp_path_factory.mktemp("stage"), bins)
    yield stage
    stage.finish()


def check_dropped(owner, reason):
    """RFC 8995 5.7: says that and why, asks for nothing more."""
    told, = owner.told("voucher_status")
    assert told["version"] == 1 and told["status"] is False and reason in told["reason"]
    assert {request.path.rpartition("/")[2] for request in owner.asked()} == {
        "requestvoucher", "voucher_status"}


# The voucher.

WRONG = {
    "another serial number": ({"serial_number": "PHONE-999"}, "serial-number"),
    "no serial number": ({"serial_number": None}, "serial-number"),
    "another nonce": ({"nonce": binary(b"0123456789abcdef")}, "nonce"),
    "another issuer": ({"idevid_issuer": binary(b"\x04\x02ab")}, "idevid-issuer"),
    "it has expired": ({"expires_on": moment(timedelta(hours=1))}, "expired"),
    "it pins nothing": ({"pinned_domain_cert": None}, "pinned-domain-cert is missing"),
    "it pins no certificate": ({"pinned_domain_cert": binary(b"0\0")}, "pinned-domain-cert"),
    "a request, no voucher": ({"kind": "ietf-voucher-request:voucher"}, "no voucher"),
    "another media type": ({"media_type": "application/json"}, "media type"),
    "no media type": ({"media_type": None}, "media type"),
    "est-domain that leads nowhere": ({"est_domain": "http://est.example"}, "est-domain"),
}


@pytest.mark.parametrize("changes,reason", WRONG.values(), ids=WRONG)
def test_wrong_voucher_is_not_accepted(stage, changes, reason):
    owner = stage.owner_fake()
    owner.says(requestvoucher=owner.voucher_answer(**changes))
    outcome = stage.go(registrars=[owner], check=VOUCHER)
    assert outcome.codes == [51] and reason in outcome.end["reason"]
    check_dropped(owner, reason)


@pytest.mark.parametrize("body", [b"", b"\x30\x03abc", bytes(4096), b"{}", b"\x30\x82\xff\xff"],
                         ids=["nothing", "half", "zeros", "JSON", "length"])
def test_what_is_no_voucher_is_not_accepted(stage, body):
    owner = stage.owner_fake(requestvoucher=reply(200, body, VOUCHER_TYPE))
    assert stage.go(registrars=[owner], check=VOUCHER).codes == [51]
    check_dropped(owner, "voucher")


def test_voucher_that_is_not_the_manufacturers_is_not_accepted(stage):
    owner, device = stage.owner_fake(), stage.new_pledge()
    for signer in (stage.identity(device), (stage.maker / "ca.pem", stage.maker / "ca.key")):
        owner.says(requestvoucher=owner.voucher_answer(signer=signer))
        assert stage.go(registrars=[owner], check=VOUCHER).codes == [51]


def test_altered_voucher_is_not_accepted(stage):
    owner = stage.owner_fake()

    def altered(request):
        octets = owner.voucher(request)
        return reply(200, octets.replace(b"proximity", b"proximitY"), VOUCHER_TYPE)
    owner.says(requestvoucher=altered)
    assert stage.go(registrars=[owner], check=VOUCHER).codes == [51]
    check_dropped(owner, "voucher")


GOOD = {
    "without nonce": {"nonce": None},
    "without nonce, until": {"nonce": None, "expires_on": moment(timedelta(days=-1))},
    "nonce and end together": {"expires_on": moment(timedelta(days=-1))},
    "logged": {"assertion": "logged"},
    "verified": {"assertion": "verified"},
    "without assertion": {"assertion": None},
    "with unknown members": {"manufacturer_private": "QUJD", "extensions": ["x"], "extension:x": {}},
    "made in the future": {"created_on": moment(timedelta(days=-1))},
}


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD)
def test_voucher_is_accepted(stage, changes):
    """RFC 8995 7.2: also without a nonce; unknown members are passed over."""
    owner = stage.owner_fake()
    owner.says(requestvoucher=owner.voucher_answer(**changes))
    stage.go(registrars=[owner], check=0)


def test_assertion_must_be_one_that_policy_accepts(stage):
    owner = stage.owner_fake()
    owner.says(requestvoucher=owner.voucher_answer(assertion="logged"))
    options = ["--accept-assertion", "verified", "--accept-assertion", "proximity"]
    assert "assertion" in stage.go(*options, registrars=[owner], check=VOUCHER).end["reason"]
    owner.says(requestvoucher=owner.voucher_answer(assertion="verified"))
    stage.go(*options, registrars=[owner], check=0)


def test_pledge_without_a_clock_judges_no_dates(stage):
    owner = stage.owner_fake()
    owner.says(requestvoucher=owner.voucher_answer(expires_on=moment(timedelta(hours=1))))
    stage.go("--no-clock", registrars=[owner], check=0)
    assert b"created-on" not in owner.asked("requestvoucher")[0].body


# RFC 8995 5.6.2: the registrar.


def test_registrar_itself_can_be_pinned(stage):
    certificate, identity = stage.owner_ca.server(HOST)
    owner = stage.fake(identity, authority=stage.owner_ca, pinned=certificate)
    stage.go(registrars=[owner], check=0)


@pytest.mark.parametrize("which", ["another CA", "another server of the same CA", "a device"])
def test_registrar_that_is_not_the_pinned_one_is_dropped(stage, which):
    owner = stage.owner_fake()
    owner.pinned = {
        "another CA": lambda: Authority(stage.folder / "another").certificate,
        "another server of the same CA": lambda: stage.owner_ca.server(HOST)[0],
        "a device": lambda: x509.load_pem_x509_certificate(
            stage.identity(stage.new_pledge())[0].read_bytes()),
    }[which]()
    outcome = stage.go(registrars=[owner], check=IDENTITY)
    assert outcome.codes == [23]
    check_dropped(owner, "pinned-domain-cert")


def test_registrar_must_show_the_same_certificate_again(stage):
    """RFC 8995 5: on each connection of an attempt."""
    owner = stage.owner_fake()
    _, other = stage.owner_ca.server(HOST)

    def change(request):
        owner.context.load_cert_chain(*map(str, other))
        return reply(200, b"", Connection="close")
    owner.says(voucher_status=change)
    outcome = stage.go(registrars=[owner], check=IDENTITY)
    assert "another certificate" in outcome.end["reason"]
    assert owner.asked("simpleenroll") == []


# brski-cloud 4.2: a voucher that names an EST server.


class FlowB:
    """A cloud whose vouchers name an EST server."""

    def __init__(self, stage, est, pinned, est_domain, **changes):
        self.est = est
        self.cloud = stage.cloud_fake()
        self.cloud.pinned = pinned
        self.cloud.says(requestvoucher=self.cloud.voucher_answer(est_domain=est_domain,
                                                                 assertion="verified", **changes))


def flow_b(stage, names, pin, host, est_domain="https://{host}:{port}", own=False, **changes):
    """`names` of the EST server; `pin`: its certificate or its CA's."""
    certificate, identity = stage.owner_ca.server(*names, own=own)
    est = stage.fake(identity, authority=stage.owner_ca)
    pinned = certificate if pin == "server" else stage.owner_ca.certificate
    return FlowB(stage, est, pinned, est_domain.format(host=host, port=est.port), **changes)


EST_SERVERS = {
    "CA pinned, name": ((EST_HOST,), "ca", EST_HOST),
    "CA pinned, IPv4": (("127.0.0.1",), "ca", "127.0.0.1"),
    "server pinned": (("elsewhere.example",), "server", EST_HOST),
    "server pinned, IPv4": ((), "server", "127.0.0.1"),
}


@pytest.mark.parametrize("names,pin,host", EST_SERVERS.values(), ids=EST_SERVERS)
def test_pledge_enrols_at_the_est_server_that_is_named(stage, names, pin, host):
    b = flow_b(stage, names, pin, host)
    outcome = stage.go(cloud=b.cloud, check=0)
    assert [request.path.rpartition("/")[2] for request in b.est.asked()] == [
        "cacerts", "csrattrs", "simpleenroll", "enrollstatus"]
    # brski-cloud 2: csrattrs is for the EST server alone; the cloud hears how it went.
    assert [request.path.rpartition("/")[2] for request in b.cloud.asked()] == [
        "requestvoucher", "voucher_status"]
    assert b.cloud.told("voucher_status") == [{"version": 1, "status": True}]
    assert outcome.end["step"] == "onboarded"
    # With the IDevID, and then with what it was given.
    peers = [x509.load_der_x509_certificate(request.peer).issuer for request in b.est.asked()]
    assert peers == 3 * [stage.maker_ca.subject] + [stage.owner_ca.subject]


def test_self_signed_est_server_can_be_pinned(stage):
    b = flow_b(stage, (), "server", EST_HOST, own=True)
    stage.go(cloud=b.cloud, check=0)


@pytest.mark.parametrize("est_domain,path", [
    ("{host}:{port}", "/.well-known/est/"),
    ("https://{host}:{port}/", "/.well-known/est/"),
    ("https://{host}:{port}/.well-known/est/phones", "/.well-known/est/phones/")])
def test_est_domain_may_be_a_name_or_have_a_label(stage, est_domain, path):
    b = flow_b(stage, (EST_HOST,), "ca", EST_HOST, est_domain)
    stage.go(cloud=b.cloud, check=0)
    assert {request.path.rpartition("/")[0] + "/" for request in b.est.asked()
            if not request.path.endswith("enrollstatus")} == {path}


WRONG_SERVERS = {
    "CA pinned, another name": (("elsewhere.example",), "ca", EST_HOST, False),
    "CA pinned, no name": ((), "ca", EST_HOST, False),
    "CA pinned, another address": (("192.0.2.1",), "ca", "127.0.0.1", False),
    "CA pinned, stranger": ((EST_HOST,), "ca", EST_HOST, True),
}


def check_est_server_refused(stage, b):
    """It is dropped during the handshake: not a word was said, and the cloud hears why."""
    outcome = stage.go(cloud=b.cloud, check=IDENTITY)
    assert outcome.codes == [24] and outcome.end["problem"] == "est-server-refused"
    assert b.est.connections == 1 and b.est.asked() == []
    told, = b.cloud.told("voucher_status")
    assert told["status"] is False and "pinned-domain-cert" in told["reason"]


@pytest.mark.parametrize("names,pin,host,own", WRONG_SERVERS.values(), ids=WRONG_SERVERS)
def test_est_server_that_is_not_the_one_named_hears_nothing(stage, names, pin, host, own):
    check_est_server_refused(stage, flow_b(stage, names, pin, host, own=own))


def test_another_server_of_the_same_ca_is_not_the_pinned_one(stage):
    """Also with the right name: who pins an end entity means that one."""
    b = flow_b(stage, (EST_HOST,), "ca", EST_HOST)
    b.cloud.pinned, _ = stage.owner_ca.server(EST_HOST)
    check_est_server_refused(stage, b)


def test_registration_authority_may_not_answer_for_any_name(stage):
    """RFC 7030 3.6.1 would let it; brski-cloud 4.2 wants the name that the voucher gives."""
    _, identity = stage.owner_ca.server("elsewhere.example", usages=(CMC_RA,))
    est = stage.fake(identity, authority=stage.owner_ca)
    check_est_server_refused(stage, FlowB(stage, est, stage.owner_ca.certificate,
                                          f"https://{EST_HOST}:{est.port}"))


def test_est_server_need_not_know_brski(stage):
    b = flow_b(stage, (EST_HOST,), "ca", EST_HOST)
    b.est.says(enrollstatus=reply(404))
    b.cloud.says(voucher_status=reply(404))
    stage.go(cloud=b.cloud, check=0)
    b.est.says(enrollstatus=b"")  # or hangs up
    b.cloud.says(voucher_status=b"")
    stage.go(cloud=b.cloud, check=0)


def test_voucher_with_est_domain_may_come_from_a_registrar_that_is_not_validated(stage):
    """The manufacturer has signed it; the connection that it came over is not believed."""
    b = flow_b(stage, (EST_HOST,), "ca", EST_HOST)
    registrar = stage.owner_fake()
    registrar.says(requestvoucher=b.cloud.script["requestvoucher"])
    stage.go(registrars=[registrar], check=0)
    assert registrar.told("voucher_status") == []


def test_reseller_gives_the_voucher(stage):
    b = flow_b(stage, (EST_HOST,), "ca", EST_HOST)
    var = stage.validated(VAR, requestvoucher=b.cloud.script["requestvoucher"])
    stage.go(cloud=stage.cloud_fake(requestvoucher=redirect(var.url(VAR))), check=0)
    assert var.told("voucher_status") == [{"version": 1, "status": True}]


def test_cloud_may_take_its_time(stage):
    b = flow_b(stage, (EST_HOST,), "ca", EST_HOST)
    b.cloud.says(requestvoucher=[reply(202, b"", Retry_After="0"), *b.cloud.script["requestvoucher"]])
    stage.go(cloud=b.cloud, check=0)
    bodies = {request.body for request in b.cloud.asked("requestvoucher")}
    assert len(bodies) == 1


def test_issued_identity_must_be_the_one_asked_for(stage):
    """brski-cloud 4.2, step 7."""
    b = flow_b(stage, (EST_HOST,), "ca", EST_HOST)
    b.est.says(csrattrs=answer_csrattrs(csrattrs_with_names("phone.owner.example")),
               simpleenroll=b.est.enrol_answer(extensions=[
                   (x509.SubjectAlternativeName([x509.DNSName("other.owner.example")]), False)]))
    assert stage.go(cloud=b.cloud, check=ENROLMENT).codes == [64]


# additional-configuration-url.

SECRET = "/conf/phone?token=V3rySecr3t"


@pytest.mark.parametrize("flow", ["registrar", "EST server"])
def test_configuration_is_fetched_with_the_ldevid(stage, flow):
    if flow == "registrar":
        owner = stage.owner_fake()
        owner.says(requestvoucher=owner.voucher_answer(
            additional_configuration_url=owner.url() + SECRET))
        where = {"registrars": [owner]}
    else:
        b = flow_b(stage, (EST_HOST,), "ca", EST_HOST)
        url = f"https://{EST_HOST}:{b.est.port}{SECRET}"
        b.cloud.says(requestvoucher=b.cloud.voucher_answer(
            est_domain=f"https://{EST_HOST}:{b.est.port}", additional_configuration_url=url))
        owner, where = b.est, {"cloud": b.cloud}
    owner.script["phone?token=V3rySecr3t"] = [reply(200, b"sip=pbx\n", "text/plain")]
    serial = stage.new_pledge()
    outcome = stage.go(serial=serial, check=0, **where)
    assert (stage.out / serial / "configuration").read_bytes() == b"sip=pbx\n"
    fetched, = owner.asked("phone?token=V3rySecr3t")
    assert x509.load_der_x509_certificate(fetched.peer).issuer == stage.owner_ca.subject
    assert outcome.notes("configuration") == ["8 octets of text/plain"]
    assert "V3rySecr3t" not in outcome.text + outcome.errors


@pytest.mark.parametrize("answer", [reply(404), b"", reply(307, b"", Location="/x?V3rySecr3t")],
                         ids=["404", "hangs up", "redirect"])
def test_configuration_that_does_not_come_is_indicated_and_no_failure(stage, answer):
    owner = stage.owner_fake()
    owner.says(requestvoucher=owner.voucher_answer(
        additional_configuration_url=owner.url() + SECRET))
    owner.script["phone?token=V3rySecr3t"] = [answer]
    outcome = stage.go(registrars=[owner], check=0)
    assert outcome.codes == [81] and outcome.end["step"] == "onboarded"
    assert "V3rySecr3t" not in outcome.text + outcome.errors


@pytest.mark.parametrize("url", ["http://x/V3rySecr3t", "https://x@y/V3rySecr3t", "V3rySecr3t"])
def test_configuration_at_a_bad_address_is_not_fetched(stage, url):
    owner = stage.owner_fake()
    owner.says(requestvoucher=owner.voucher_answer(additional_configuration_url=url))
    outcome = stage.go(registrars=[owner], check=0)
    assert outcome.codes == [81] and "V3rySecr3t" not in outcome.text + outcome.errors


def test_configuration_of_a_stranger_is_not_fetched(stage):
    owner = stage.owner_fake()
    stranger = Authority(stage.folder / "stranger")
    _, identity = stranger.server(EST_HOST)
    other = stage.fake(identity, authority=stranger)
    owner.says(requestvoucher=owner.voucher_answer(
        additional_configuration_url=f"https://{EST_HOST}:{other.port}{SECRET}"))
    outcome = stage.go(registrars=[owner], check=0)
    assert outcome.codes == [81] and other.asked() == []

"""
The reference MASA: revocation, whose a device is, the audit log, and faults that came later (RFC 8995
5.5.2, 5.8).
"""

import json
from datetime import datetime, timedelta, timezone

import pytest

from fake_registrar import Device, Domain, Lists, Registrar, domain_id, fresh_nonce
from fakes import moment
from masa_stage import check_refused, fixture_aged, fixture_known, fixture_masa, \
    fixture_restarted, fixture_stage, members_of  # noqa: F401
from pledge import BRSKI, VOUCHER_TYPE, verify_cms
from stage import MASA
from wire import Wire


@pytest.fixture(scope="module", name="lists")
def fixture_lists():
    lists = Lists()
    yield lists
    lists.close()


# Revocation (RFC 8995 5.5.2).


def revocable(stage, lists, name, *paths, **host):
    """A domain whose certificates name lists there, and its registrar."""
    domain = Domain(stage.folder / "domains" / name, name,
                    lists=[lists.url(path, **host) for path in paths])
    return domain, Registrar(domain)


def network(lists):
    port = lists.server.server_address[1]
    return ["--network", "127.0.0.0/8", "--resolve", f"crl.owner.example:{port}:127.0.0.1"]


def test_list_that_is_named_is_followed(stage, restarted, lists):
    restarted(*network(lists))
    domain, registrar = revocable(stage, lists, "listed", "/gone", "/listed")
    lists.octets["/listed"] = domain.revocation_list()
    assert registrar.ask(stage, registrar.usual_request(Device(stage))).status == 200
    assert {"/gone", "/listed"} <= set(lists.asked)
    before = len(lists.asked)
    assert registrar.ask(stage, registrar.usual_request(Device(stage))).status == 200
    assert lists.asked[before:].count("/listed") == 0  # kept for a while


def test_revoked_registrar_is_refused(stage, restarted, lists):
    restarted(*network(lists))
    domain, registrar = revocable(stage, lists, "revoked", "/revoked")
    lists.octets["/revoked"] = domain.revocation_list(registrar.certificate)
    check_refused(registrar.ask(stage, registrar.usual_request(Device(stage))), 403, "is revoked")
    check_refused(registrar.ask(stage, registrar.usual_request(Device(stage)), "requestauditlog"),
                  403, "is revoked")
    other = Registrar(domain)
    assert other.ask(stage, other.usual_request(Device(stage))).status == 200


def test_revoked_ca_is_refused(stage, restarted, lists):
    restarted(*network(lists))
    root = Domain(stage.folder / "domains" / "above", "Above", lists=[lists.url("/above")])
    below = Domain(stage.folder / "domains" / "under", "Under", above=root)
    registrar = Registrar(below)
    lists.octets["/above"] = root.revocation_list(below.certificate)
    check_refused(registrar.ask(stage, registrar.usual_request(Device(stage))), 403, "is revoked")


BAD_LISTS = {
    "not there": lambda domain, stranger: None,
    "no list": lambda domain, stranger: b"<html>",
    "a stranger's": lambda domain, stranger: domain.revocation_list(signer=stranger),
    "of another CA": lambda domain, stranger: stranger.revocation_list(),
    "ended": lambda domain, stranger: domain.revocation_list(days=-1),
}


@pytest.mark.parametrize("make", BAD_LISTS.values(), ids=BAD_LISTS)
def test_list_must_be_there_and_good(stage, restarted, lists, make):
    restarted(*network(lists))
    name = f"bad-{len(lists.octets)}"
    domain, registrar = revocable(stage, lists, name, f"/{name}")
    lists.octets[f"/{name}"] = make(domain, stage.domain)
    assert registrar.ask(stage, registrar.usual_request(Device(stage))).status == 403


@pytest.mark.parametrize("policy,status", [("require", 403), ("try", 200), ("ignore", 200)])
def test_list_that_cannot_be_had_is_a_matter_of_policy(stage, restarted, lists, policy, status):
    restarted(*network(lists), "--revocation", policy)
    _, registrar = revocable(stage, lists, f"policy-{policy}", "/nowhere")
    answer = registrar.ask(stage, registrar.usual_request(Device(stage)))
    assert answer.status == status


def test_list_at_a_private_address_is_not_fetched(stage, restarted, lists):
    """The URL is a stranger's word."""
    restarted()
    _, registrar = revocable(stage, lists, "private", "/private", host="127.0.0.1")
    lists.octets["/private"] = b"secret"
    before = len(lists.asked)
    check_refused(registrar.ask(stage, registrar.usual_request(Device(stage))), 403, "leads to")
    assert len(lists.asked) == before


def test_voucher_ends_with_the_list(stage, restarted, lists, known):
    domain, registrar = revocable(stage, lists, "ending", "/ending")
    lists.octets["/ending"] = domain.revocation_list(days=2)
    anchors = stage.folder / "ending.pem"
    anchors.write_bytes(registrar.above.read_bytes())
    restarted(*network(lists), "--registrars", anchors)
    members = members_of(stage, registrar.ask(stage, registrar.request(Device(stage))))
    end = datetime.fromisoformat(members["expires-on"].replace("Z", "+00:00"))
    assert timedelta(days=1) < end - datetime.now(timezone.utc) <= timedelta(days=2)


# Whose the device is.


def transfer(stage, serial, *to, check=True):
    return stage.run("gatehouse-masa", "transfer", "--state", stage.folder / "masa",
                     "--serial", serial, *to, check=check)


@pytest.fixture(scope="module", name="others")
def fixture_others(stage):
    """Another owner's registrar."""
    return Registrar(Domain(stage.folder / "domains" / "second-owner", "Second Owner"))


def test_sales_record_makes_a_voucher_verified(stage, restarted, others):
    ours, theirs = Device(stage), Device(stage)
    sales = stage.folder / "sales"
    sales.write_text(f"# serial domainID\n{ours.serial} {domain_id(stage.domain.certificate)}\n"
                     f"{theirs.serial}\t{domain_id(others.domain.certificate)}\n\n")
    restarted("--sales", sales)
    registrar = stage.registrar
    assert members_of(stage, registrar.ask(stage, registrar.usual_request(ours)))[
        "assertion"] == "verified"
    # Not refused, unless it is exclusive; and not verified.
    assert members_of(stage, registrar.ask(stage, registrar.usual_request(theirs)))[
        "assertion"] == "proximity"
    restarted("--sales", sales, "--exclusive")
    check_refused(registrar.ask(stage, registrar.usual_request(theirs)), 403, "another owner's")
    assert members_of(stage, others.ask(stage, others.usual_request(theirs)))[
        "assertion"] == "verified"


def test_first_who_gets_a_device_has_it(stage, restarted, others):
    restarted("--exclusive")
    device, registrar = Device(stage), stage.registrar
    assert registrar.ask(stage, registrar.usual_request(device)).status == 200
    check_refused(others.ask(stage, others.usual_request(device)), 403, "not transferred")
    # A second registrar of the same owner is no stranger.
    again = Registrar(stage.domain)
    assert again.ask(stage, again.usual_request(device)).status == 200


@pytest.mark.parametrize("by", ["certificate", "domainID"])
def test_transferred_device_is_the_new_owners(stage, restarted, others, by):
    """While the MASA runs, and after it was started again."""
    restarted("--exclusive")
    device, registrar = Device(stage), stage.registrar
    old = registrar.ask(stage, registrar.usual_request(device)).body
    new = others.domain.certificate
    transfer(stage, device.serial, *(["--to", others.above] if by == "certificate" else
                                     ["--to-domain", domain_id(new)]))
    for options in ((), ("--exclusive",)):
        if options:
            restarted(*options)
        check_refused(registrar.ask(stage, registrar.usual_request(device)), 403, "another owner's")
        check_refused(registrar.ask(stage, registrar.request(device, None, old)), 403,
                      "another owner's")
        assert members_of(stage, others.ask(stage, others.usual_request(device)))[
            "assertion"] == "verified"
    # The log tells the new owner of the former one, and the other way round (RFC 8995 5.8).
    for who in (registrar, others):
        log = json.loads(who.ask(stage, who.usual_request(device), "requestauditlog").body)
        assert {event["domainID"] for event in log["events"]} == {
            domain_id(stage.domain.certificate), domain_id(new)}


def test_given_up_device_is_the_next_ones(stage, restarted, others):
    restarted("--exclusive")
    device, registrar = Device(stage), stage.registrar
    assert registrar.ask(stage, registrar.usual_request(device)).status == 200
    transfer(stage, device.serial, "--to-nobody")
    assert members_of(stage, others.ask(stage, others.usual_request(device)))[
        "assertion"] == "proximity"
    check_refused(registrar.ask(stage, registrar.usual_request(device)), 403, "not transferred")


def test_renewal_ends_with_a_sale_also_without_exclusive(masa, aged, others):
    device, old = aged
    transfer(masa, device.serial, "--to", others.above)
    check_refused(masa.registrar.ask(masa, masa.registrar.request(device, None, old)), 403,
                  "another owner's")


@pytest.mark.parametrize("options", [[], ["--to-nobody", "--to-domain", "QUJD"],
                                     ["--to-domain", "!"]])
def test_transfer_to_one_at_a_time(masa, options):
    run = transfer(masa, "PHONE-1", *options, check=False)
    assert run.returncode == 2 and "--to-domain" in run.stderr


@pytest.mark.parametrize("text", ["PHONE-1\n", "PHONE-1 !\n", " QUJD\n"])
def test_sales_record_that_cannot_be_read_is_named(stage, text):
    sales = stage.folder / "bad-sales"
    sales.write_text(text)
    run = stage.run("gatehouse-masa", "--maker", stage.maker, "--state", stage.folder / "elsewhere",
                    "--sales", sales, check=False)
    assert run.returncode == 1 and "bad-sales:1" in run.stderr


# The audit log (RFC 8995 5.8).


def log_of(stage, registrar, device):
    answer = registrar.ask(stage, registrar.usual_request(device), "requestauditlog")
    assert (answer.status, answer.media_type) == (200, "application/json"), answer
    return json.loads(answer.body)


def test_log_has_every_voucher_newest_first(stage, restarted, known, others):
    restarted("--registrars", known)
    device, registrar = Device(stage), stage.registrar
    nonces = []
    for who in (others, registrar):
        nonces.append(fresh_nonce())
        octets = who.request(device, nonces[-1], device.request(who, nonces[-1]))
        assert who.ask(stage, octets).status == 200
    assert registrar.ask(stage, registrar.request(device)).status == 200
    log = log_of(stage, registrar, device)
    ours, theirs = domain_id(stage.domain.certificate), domain_id(others.domain.certificate)
    assert [(event["domainID"], event["nonce"], event["assertion"], event["truncated"])
            for event in log["events"]] == [
        (ours, None, "logged", 0), (ours, nonces[1], "proximity", 0),
        (theirs, nonces[0], "proximity", 0)]
    assert log["version"] == 1 and log["truncation"] == {
        "nonced duplicates": 0, "nonceless duplicates": 0, "arbitrary": 0}


def test_log_is_for_those_who_had_the_device(masa, others):
    device, registrar = Device(masa), masa.registrar
    assert registrar.ask(masa, registrar.usual_request(device)).status == 200
    check_refused(others.ask(masa, others.usual_request(device), "requestauditlog"), 404, "ever")
    check_refused(registrar.ask(masa, registrar.usual_request(Device(masa)), "requestauditlog"),
                  404, "ever")


def test_long_log_is_truncated_as_the_rfc_says(stage, restarted, known, others):
    restarted("--registrars", known, "--log-most", 3)
    device, registrar = Device(stage), stage.registrar
    for _ in range(3):
        assert others.ask(stage, others.usual_request(device)).status == 200
        assert registrar.ask(stage, registrar.usual_request(device)).status == 200
    for _ in range(2):
        assert registrar.ask(stage, registrar.request(device, created_on=moment())).status == 200
        stage.start_masa("--registrars", known, "--log-most", 3)
    log = log_of(stage, registrar, device)
    assert len(log["events"]) <= 3
    assert log["truncation"]["nonced duplicates"] == 4
    assert log["truncation"]["arbitrary"] == 0
    assert sum(event["truncated"] for event in log["events"]) == (
        log["truncation"]["nonced duplicates"] + log["truncation"]["nonceless duplicates"])


def test_log_may_be_somewhere_else(stage, restarted):
    restarted("--log-location")
    device, registrar = Device(stage), stage.registrar
    registrar.ask(stage, registrar.usual_request(device))
    answer = registrar.ask(stage, registrar.usual_request(device), "requestauditlog")
    assert answer.status == 201 and not answer.body
    location = answer.headers["location"]
    prefix = f"https://{MASA}{BRSKI}auditlog/"
    assert location.startswith(prefix) and len(location) == len(prefix) + 32
    with Wire(stage.masa_port, name=MASA) as wire:
        log = json.loads(wire.request("GET", location.partition(MASA)[2], host=MASA).body)
        assert log["events"][0]["domainID"] == domain_id(stage.domain.certificate)
        wrong = location.partition(MASA)[2][:-1] + "x"
        assert wire.request("GET", wrong, host=MASA).status == 404
        assert wire.request("GET", f"{BRSKI}auditlog/", host=MASA).status == 404


# Faults that have come since.

FAULTS = {"401": 401, "403": 403, "404": 404, "406": 406, "garbage": 200}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_instead_of_an_answer(stage, restarted, fault):
    restarted("--fault", f"{fault}:1")
    device, registrar = Device(stage), stage.registrar
    octets = registrar.usual_request(device)
    assert registrar.ask(stage, octets).status == FAULTS[fault]
    assert stage.vouchers_issued(device.serial) == []
    assert registrar.ask(stage, octets).status == 200


@pytest.mark.parametrize("fault", ["no-pin", "wrong-issuer", "foreign-signer", "wrong-media-type"])
def test_fault_of_the_answer(stage, restarted, fault):
    restarted("--fault", f"{fault}:1")
    device, registrar = Device(stage), stage.registrar
    octets = registrar.usual_request(device)
    wrong = registrar.ask(stage, octets)
    right = members_of(stage, registrar.ask(stage, octets))
    assert wrong.status == 200 and "pinned-domain-cert" in right
    assert (wrong.media_type == VOUCHER_TYPE) == (fault != "wrong-media-type")
    if fault in ("no-pin", "wrong-issuer"):
        members = members_of(stage, wrong)
        assert ("pinned-domain-cert" in members) == (fault != "no-pin")
        assert ("idevid-issuer" in members) == (fault == "wrong-issuer")
    if fault == "foreign-signer":
        with pytest.raises(AssertionError):
            verify_cms(wrong.body, stage.maker / "masa-anchors.pem")

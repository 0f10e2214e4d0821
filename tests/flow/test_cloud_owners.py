"""The registration resource of the lab's cloud registrar, as docs/cloud-registration.yaml has it."""

import json
import re
import stat
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from clouds import CloudStage
from fakes import FakeMasa
from owners import Owner, moment
from pledge import BRSKI, certificate_in, verify_cms
from stage import free_port
from wire import Wire

PROJECT = Path(__file__).parents[2]
SECRET = "https://config.elsewhere.example/sesame"


@pytest.fixture(scope="module", name="stage")
def fixture_stage(bins, tmp_path_factory):
    stage = CloudStage.open(tmp_path_factory.mktemp("cloud"), bins)
    stage.owners = 0
    yield stage
    stage.finish()


def open_cloud(stage, devices, *options):
    return stage.cloud(devices, *stage.registration_options(), *options)


def token_for(stage, owner, *options):
    return stage.cloud_token(owner, *options)


def new_owner(stage, claimed=True, **more):
    stage.owners += 1
    name = f"owner-{stage.owners}"
    owner = Owner(stage.folder / name, name, stage.registration_port, stage.registration_url, **more)
    if claimed:
        assert owner.claim(token_for(stage, name))[0] == 201
    return owner


@pytest.fixture(name="sold")
def fixture_sold(stage):
    """An owner with an account, and a device that the sales channel attributes to it."""
    serial = stage.new_pledge()
    stage.owners += 1
    name = f"owner-{stage.owners}"
    open_cloud(stage, {serial: f"owner:{name}/order-1"}, "--masa-state", stage.folder / "cloud-masa")
    owner = Owner(stage.folder / name, name, stage.registration_port, stage.registration_url)
    assert owner.claim(token_for(stage, name))[0] == 201
    return owner, serial


# Claims.


def test_token_is_kept_as_a_digest_and_is_good_for_one_owner_and_one_use(stage):
    open_cloud(stage, {})
    owner, other = new_owner(stage, claimed=False), new_owner(stage, claimed=False)
    token = token_for(stage, owner.name)
    kept = "".join(path.name + path.read_text() for path in (stage.cloud_state / "tokens").iterdir())
    assert token not in kept and len(token) >= 43
    assert other.claim(token)[0] == 403
    assert owner.claim(token) == (201, {"owner": owner.name})
    assert owner.claim(token) == (200, {"owner": owner.name})  # the reply may have been lost
    thief = Owner(stage.folder / "thief", owner.name, owner.port, owner.base)
    status, problem = thief.claim(token)
    assert (status, problem["code"]) == (403, "claim-refused")
    assert stage.cloud_state.stat().st_mode & 0o077 == 0 or all(
        stat.S_IMODE(path.stat().st_mode) == 0o600
        for path in stage.cloud_state.rglob("*") if path.is_file())


def test_token_expires(stage):
    open_cloud(stage, {})
    owner = new_owner(stage, claimed=False)
    token = token_for(stage, owner.name, "--valid", "1 d")
    kept, = [path for path in (stage.cloud_state / "tokens").glob("*.json")
             if owner.name in path.read_text()]
    record = json.loads(kept.read_text())
    assert timedelta(days=1) == (datetime.fromisoformat(record["expires"][:-1])
                                 - datetime.fromisoformat(record["created"][:-1]))
    kept.write_text(json.dumps({**record, "expires": record["created"]}))
    status, problem = owner.claim(token)
    assert (status, problem["detail"]) == (403, "the token has expired")


def test_owner_that_lost_its_keys_claims_anew_and_the_lost_ones_speak_no_more(stage, sold):
    owner, _ = sold
    again = Owner(stage.folder / f"{owner.name}-again", owner.name, owner.port, owner.base)
    assert again.register(again.registration())[0] == 403
    assert again.claim(token_for(stage, owner.name))[0] == 201
    assert again.register(again.registration())[0] == 200
    assert owner.register(owner.registration())[0] == 403


BAD_PROOFS = {
    "for another cloud": ({"audience": "https://cloud.other.example/registration/v1"}, "audience"),
    "for another account": ({"owner": "somebody"}, "owner"),
    "for another certificate": ({"certificate_sha256": "AAAA"}, "certificate-sha256"),
    "too old": ({"created_on": moment(-timedelta(minutes=61))}, "too old"),
    "from the future": ({"created_on": moment(timedelta(minutes=30))}, "future"),
    "without a date": ({"created_on": None}, "created-on"),
}


@pytest.mark.parametrize("changes,word", BAD_PROOFS.values(), ids=BAD_PROOFS)
def test_proof_is_good_for_one_cloud_account_certificate_and_hour(stage, changes, word):
    open_cloud(stage, {})
    owner = new_owner(stage, claimed=False)
    status, problem = owner.claim(token_for(stage, owner.name), owner.proof(**changes))
    assert (status, problem["code"]) == (403, "proof-refused")
    assert word in problem["detail"]


def test_proof_needs_the_key_of_the_certificate(stage):
    open_cloud(stage, {})
    owner, other = new_owner(stage, claimed=False), new_owner(stage, claimed=False)
    token = token_for(stage, owner.name)
    for proof in (owner.proof(owner.ca, signer=owner.identity), owner.proof(owner.ca, other.ca),
                  {**owner.proof(), "statement": "AAAA"}):
        status, problem = owner.claim(token, proof)
        assert (status, problem["code"]) == (403, "proof-refused")
    # Proven, but the TLS client is somebody else.
    status, problem = owner.claim(token, owner.proof(), identity=other.identity)
    assert (status, problem["code"]) == (403, "proof-refused")
    with Wire(owner.port) as wire:
        assert wire.request("POST", "/registration/v1/claims", b"{}",
                            content_type="application/json").status == 403
    assert owner.claim(token)[0] == 201


# Registrations.


def test_redirect_is_registered_and_withdrawn(stage, sold):
    owner, serial = sold
    assert stage.ask(serial).status == 401
    assert owner.call("GET", f"/owners/{owner.name}/registration")[0] == 404
    status, state = owner.register(owner.registration())
    assert status == 200
    assert (state["mode"], state["devices"]) == ("redirect", 1)
    assert owner.call("GET", f"/owners/{owner.name}/registration") == (200, state)
    answer = stage.ask(serial)
    assert answer.status == 307
    assert answer.headers["location"] == "https://registrar.elsewhere.example" + BRSKI \
        + "requestvoucher"
    assert owner.withdraw() == (200, {"owner": owner.name, "mode": "none"})
    assert owner.withdraw()[0] == 200
    assert stage.ask(serial).status == 401


def members_of(stage, serial):
    answer = stage.ask(serial)
    assert answer.status == 200
    voucher = json.loads(verify_cms(answer.body, stage.maker / "masa-anchors.pem"))
    return voucher["ietf-voucher:voucher"]


def test_voucher_pins_what_was_registered_and_secrets_are_told_to_nobody_else(stage, sold):
    owner, serial = sold
    body = owner.voucher_registration(
        additional_configuration_url=SECRET + "/{serial-number}",
        configurations=[{"serial-number": "ANOTHER", "additional-configuration-url": SECRET}])
    status, state = owner.register(body)
    assert status == 200
    members = members_of(stage, serial)
    assert members["pinned-domain-cert"] == certificate_in(owner.ca[0])
    assert members["est-domain"] == "https://est.elsewhere.example"
    assert members["additional-configuration-url"] == f"{SECRET}/{serial}"
    body["configurations"][0]["serial-number"] = serial
    assert owner.register(body)[0] == 200
    assert members_of(stage, serial)["additional-configuration-url"] == SECRET
    listed = stage.run("gatehouse-cloud", "owners", "list", "--state", stage.cloud_state).stdout
    assert f"{owner.name} voucher https://est.elsewhere.example" in listed
    told = json.dumps(state) + listed + stage.programs["cloud"].log_text() + str(
        stage.requests_seen("cloud"))
    assert "sesame" not in told
    account = stage.cloud_state / "owners" / f"{owner.name}.json"
    assert stat.S_IMODE(account.stat().st_mode) == 0o600


def test_registration_survives_a_restart(stage, sold):
    owner, serial = sold
    assert owner.register(owner.registration())[0] == 200
    open_cloud(stage, {serial: f"owner:{owner.name}"})
    assert stage.ask(serial).status == 307


def test_devices_are_selected_by_order_or_serial_number(stage, sold):
    owner, serial = sold
    for devices, status in (({"orders": ["order-2"]}, 401), ({"orders": ["order-1"]}, 307),
                            ({"serial-numbers": ["OTHER"]}, 401),
                            ({"serial-numbers": [serial]}, 307)):
        assert owner.register(owner.registration(devices=devices))[0] == 200
        assert stage.ask(serial).status == status


def own_certificate(owner):
    return certificate_in(owner.identity[0])


MISTAKES = {
    # what is registered, the status, and a word of the detail
    "owner of another": (lambda o: o.registration(owner="somebody"), 400, "owner"),
    "no mode": (lambda o: o.registration(mode=None), 400, "mode"),
    "strange mode": (lambda o: o.registration(mode="both"), 400, "mode"),
    "no registrar": (lambda o: o.registration(registrar=None), 400, "registrar"),
    "http": (lambda o: o.registration(registrar="http://a.example"), 400, "registrar"),
    "pin with redirect":
        (lambda o: o.registration(pinned_domain_cert=own_certificate(o)), 400, "pinned"),
    "no est-domain": (lambda o: o.voucher_registration(est_domain=None), 400, "est-domain"),
    "no pin": (lambda o: o.voucher_registration(pinned_domain_cert=None), 400, "pinned"),
    "unproven pin":
        (lambda o: o.voucher_registration(pinned_domain_cert=own_certificate(o)), 403, "pinned"),
    "no devices": (lambda o: o.registration(devices={}), 400, "devices"),
    "all and some": (lambda o: o.registration(devices={"all": True, "orders": ["a"]}), 400,
                     "devices"),
    "no proofs": (lambda o: o.registration(proofs=[]), 400, "proofs"),
    "unknown member": (lambda o: o.registration(colour="green"), 400, "colour"),
    "strange configuration":
        (lambda o: o.voucher_registration(additional_configuration_url="no url"), 400,
         "additional-configuration-url"),
}


@pytest.mark.parametrize("make,expected,word", MISTAKES.values(), ids=MISTAKES)
def test_registration_with_a_mistake_is_refused_and_changes_nothing(stage, sold, make, expected,
                                                                    word):
    owner, serial = sold
    assert owner.register(owner.registration())[0] == 200
    status, problem = owner.register(make(owner))
    assert status == expected, problem
    assert word in problem["detail"]
    assert stage.ask(serial).status == 307


def test_only_the_owner_speaks_for_the_owner(stage, sold):
    owner, _ = sold
    other = new_owner(stage)
    assert owner.register(owner.registration())[0] == 200
    for method, path, body in (("PUT", "/registration", owner.registration()),
                               ("GET", "/registration", None), ("DELETE", "/registration", None),
                               ("GET", "/devices", None),
                               ("POST", "/releases", {"serial-numbers": ["A"]})):
        for who in (owner.name, "nobody"):
            status, problem = owner.call(method, f"/owners/{who}{path}", body, other.identity)
            assert (status, problem["code"]) == (403, "owner-refused")
    assert owner.call("GET", f"/owners/{owner.name}/registration")[0] == 200


def test_pinned_ca_lets_the_owner_renew_its_certificate_unnoticed(stage, sold):
    owner, _ = sold
    assert owner.register(owner.registration())[0] == 200
    owner.identity = owner.another()
    assert owner.register(owner.registration())[0] == 200


def test_pinned_end_entity_changes_over_a_registration_that_proves_both(stage, sold):
    owner, serial = sold
    def voucher(pin, *proofs):
        return owner.voucher_registration(
            pinned_domain_cert=certificate_in(pin[0]),
            proofs=[owner.proof(identity) for identity in proofs])
    old, new = owner.identity, owner.another()
    assert owner.register(voucher(old, old))[0] == 200
    # Only the end entity speaks for the account now, not everybody under its CA.
    assert owner.register(voucher(new, new), identity=new)[0] == 403
    status, problem = owner.register(voucher(new, new))
    assert (status, problem["code"]) == (403, "proof-refused")  # it would shut itself out
    assert owner.register(voucher(new, old, new))[0] == 200
    assert members_of(stage, serial)["pinned-domain-cert"] == certificate_in(new[0])
    assert owner.register(voucher(new, new), identity=new)[0] == 200
    assert owner.register(voucher(old, old))[0] == 403


def test_vouchers_are_registered_only_where_they_are_given(stage):
    open_cloud(stage, {})
    owner = new_owner(stage)
    status, problem = owner.register(owner.voucher_registration())
    assert (status, problem["code"]) == (501, "no-masa")


def test_nobody_registers_a_way_back(stage):
    upstream = "https://cloud.upstream.example"
    open_cloud(stage, {}, "--upstream", upstream)
    owner = new_owner(stage)
    status, problem = owner.register(owner.registration(registrar=upstream + "/x"))
    assert (status, "in a circle" in problem["detail"]) == (400, True)


# Devices.


def test_devices_are_listed_page_by_page_and_given_up(stage):
    owner = new_owner(stage, claimed=False)
    serials = [f"LIST-{at:02}" for at in range(5)]
    pledge = stage.new_pledge()
    rows = {serial: f"owner:{owner.name}/o-{serial[-1]}" for serial in serials}
    open_cloud(stage, {**rows, "FOREIGN": "owner:somebody", pledge: f"owner:{owner.name}"})
    assert owner.claim(token_for(stage, owner.name))[0] == 201
    assert owner.register(owner.registration())[0] == 200
    status, page = owner.devices("?limit=2")
    assert page == {"items": [{"serial-number": "LIST-00", "order": "o-0"},
                              {"serial-number": "LIST-01", "order": "o-1"}], "next": "LIST-01"}
    seen, after = [], ""
    while after is not None:
        _, page = owner.devices(f"?limit=2&after={after}")
        seen += [item["serial-number"] for item in page["items"]]
        after = page.get("next")
    assert seen == sorted([*serials, pledge])
    assert owner.devices("?limit=0")[0] == 400
    assert stage.ask(pledge).status == 307
    assert owner.release(pledge, "LIST-03", "FOREIGN") == (200, {"released": 2})
    assert owner.release(pledge) == (200, {"released": 0})
    assert stage.ask(pledge).status == 401
    _, page = owner.devices()
    assert [item["serial-number"] for item in page["items"]] == \
        [serial for serial in serials if serial != "LIST-03"]
    # Sold to the same owner once more: another order.
    stage.reload({pledge: f"owner:{owner.name}/again"})
    stage.programs["cloud"].wait_for("devices read again")
    assert stage.ask(pledge).status == 307


# The look from outside.


@pytest.mark.parametrize("shown,reachable,word", [
    ("own", True, None), ("stranger", False, "which is not the owner's"), (None, False, "connect")])
def test_cloud_says_whether_it_reaches_the_registrar(stage, shown, reachable, word):
    open_cloud(stage, {}, "--network", "127.0.0.0/8")
    owner, port = new_owner(stage), free_port()
    identity = owner.identity if shown == "own" else owner.another("stranger", under_ca=False)
    fake = FakeMasa(port, identity) if shown else None
    status, state = owner.register(owner.registration(registrar=f"https://127.0.0.1:{port}"))
    if fake:
        fake.close()
    assert status == 200
    assert state["reachability"]["reachable"] is reachable
    assert word is None or word in state["reachability"]["detail"], state


def test_cloud_judges_the_est_server_as_a_pledge_would(stage):
    port = free_port()
    open_cloud(stage, {}, "--network", "127.0.0.0/8", "--masa-state", stage.folder / "cloud-masa",
               "--resolve", f"est.elsewhere.example:{port}:127.0.0.1",
               "--resolve", f"other.example:{port}:127.0.0.1")
    owner = new_owner(stage, host="est.elsewhere.example")
    fake = FakeMasa(port, owner.identity)

    def look(host, pin):
        status, state = owner.register(owner.voucher_registration(
            est_domain=f"https://{host}:{port}", pinned_domain_cert=certificate_in(pin[0]),
            proofs=[owner.proof(), owner.proof(pin)]))
        assert status == 200
        return state["reachability"]

    assert look("est.elsewhere.example", owner.ca)["reachable"] is True
    assert "does not name other.example" in look("other.example", owner.ca)["detail"]
    assert look("other.example", owner.identity)["reachable"] is True  # pinned: no name counts
    assert look("127.0.0.1", owner.identity)["reachable"] is True
    assert look("est.elsewhere.example", owner.another("next"))["reachable"] is False
    fake.close()


def test_private_addresses_are_not_called(stage):
    open_cloud(stage, {})
    owner = new_owner(stage)
    _, state = owner.register(owner.registration(registrar="https://127.0.0.1:1"))
    assert state["reachability"]["reachable"] is False
    assert "no address that may be called" in state["reachability"]["detail"]


# Strangers in TLS.


def test_pledges_are_told_whose_idevids_count_and_strangers_are_refused_in_tls(stage):
    serial = stage.new_pledge()
    stage.cloud({serial: "https://a.example"}, "--name-authorities", "--refuse-strangers")
    assert stage.ask(serial).status == 307
    stranger = Owner(stage.folder / "stranger", "stranger", stage.cloud_port, "")
    for identity in (None, stranger.identity):
        with pytest.raises(OSError):
            with Wire(stage.cloud_port, identity) as wire:
                wire.request("POST", BRSKI + "requestvoucher", b"x")
    shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{stage.cloud_port}"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                           check=False).stdout
    assert "Acceptable client certificate CA names" in shown and "Maker IDevID CA" in shown
    assert [entry["status"] for entry in stage.requests_seen("cloud")][-1] == 307


# The document.


def members_of_table(name):
    """The JSON members of a field table of the lab."""
    forms = (PROJECT / "lab/cloud_forms.c").read_text()
    table = forms[forms.index(f"{name}_fields[] = {{"):]
    return set(re.findall(r'\w+,\s*"([a-z-]+)",\s*FIELD', table[:table.index("};")]))


def test_document_names_every_route_and_member():
    document = yaml.safe_load((PROJECT / "docs/cloud-registration.yaml").read_text())
    bases = {"OWNER": "/owners/{owner}", "REGISTRATION": ""}
    routes = re.findall(r'OWNERS\("(\w+)", (\w+) "([^"]*)"',
                        (PROJECT / "lab/cloud_doors.c").read_text())
    assert {(method.lower(), bases[base] + path) for method, base, path in routes} == {
        (method, path) for path, item in document["paths"].items()
        for method in item if method in ("get", "put", "post", "delete")}
    for name in ("claim", "selection", "proof", "configuration", "registration", "reachability"):
        schema = document["components"]["schemas"][name.capitalize()]
        assert members_of_table(name) == set(schema["properties"]), name

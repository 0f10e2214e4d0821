"""
What a manufacturer's record says: how its devices are told apart, which of them are not believed any
more, and how its MASA is reached.  Each setting both ways: without it the device is turned away or
waits, and the administrator is told; with it the same device comes in, without a restart.
"""

import base64
import json
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fakes import FakeMasa, Maker, Proxy, make_crl, make_identity, renew_ca, reply, write_key
from pledge import EST, Pledge, openssl
from scene import QUICK, until
from stage import MASA, StageError, free_port, merged

PASSWORD = "Sesam öffne dich"


@pytest.fixture(name="maker")
def fixture_maker(scene):
    """Changes the maker's record; it is as it was at the end of the test."""
    before = scene.ctl_json("manufacturers", "show", "maker")
    writable = {name: value for name, value in before.items()
                if name not in ("created", "changed", "idevid-crls") and "-set" not in name}

    def change(*options):
        scene.ctl("manufacturers", "set", "maker", *options)

    yield change
    scene.api("PUT", "/v1/manufacturers/maker",
              {**writable, "masa-password": None, "proxy-password": None})
    scene.ctl("manufacturers", "crls", "maker")


@pytest.fixture(scope="module", name="signing")
def fixture_signing(scene):
    return Maker(scene.maker)


def ca_files(scene):
    return scene.maker / "ca.pem", scene.maker / "ca.key"


def odd_device(scene, serial, issuer=None, expect=True, **options):
    """A pledge whose IDevID gatehouse-maker would not make; `serial` is what it goes by."""
    name = scene.serial("ODD")
    folder = scene.folder / "odd" / name
    options = {"masa": f"{MASA}:{scene.masa_port}", **options}
    make_identity(folder, options.pop("attribute", None), issuer or ca_files(scene), **options)
    if expect:
        scene.expect([serial])
    return Pledge(scene.port, folder, scene.maker / "masa-anchors.pem", folder / "scratch",
                  serial=serial)


def asks(pledge):
    pledge.request = pledge.request or pledge.voucher_request()
    return pledge.patiently(lambda: pledge.post_request(pledge.request))


def stranger_with(scene, problem):
    found = [s for s in scene.strangers() if s["problem"] == problem]
    assert found, scene.strangers()
    return found[0]


# Serial numbers.


@pytest.fixture(scope="module", name="told")
def fixture_told(make_scene):
    """A stage whose MASA believes whatever serial number it is told."""
    stage = make_scene(masa=None)
    stage.fake = FakeMasa(stage.masa_port, (stage.maker / "masa-tls.pem",
                                            stage.maker / "masa-tls.key"))
    stage.signing = Maker(stage.maker)
    yield stage
    stage.fake.close()


SERIALS = {
    # where the serial number is: (how the IDevID is made, what it goes by, options)
    "a part of serialNumber":
        ({"attribute": "PID:C9500-16X SN:FCW2117A56M"}, "FCW2117A56M",
         ["--serial-pattern", "^PID:[^ ]+ SN:([A-Z0-9]+)$"]),
    "CN": ({"name": "phone-4711"}, "phone-4711", ["--serial-from", "common-name"]),
    "a part of the CN":
        ({"name": "2102351TQD10K1000126.maker.example"}, "2102351TQD10K1000126",
         ["--serial-from", "common-name", "--serial-pattern", r"^([A-Z0-9]+)\.maker\.example$"]),
    "HardwareModuleName":
        ({"hardware": b"HW-0815"}, "HW-0815", ["--serial-from", "hardware-module-name"]),
    "HardwareModuleName that is no text":
        ({"hardware": b"\x00\xfe\x01"}, "00fe01", ["--serial-from", "hardware-module-name"]),
}


@pytest.mark.parametrize("made,serial,options", SERIALS.values(), ids=SERIALS)
def test_serial_number_is_where_the_record_says(told, made, serial, options):
    pledge = odd_device(told, serial, **made)
    told.fake.says(serial, "requestvoucher", told.signing.voucher_reply())
    # As RFC 8995 2.3.1 has it there is none, or another one, which is on no list.
    refused = asks(pledge)
    assert refused.status in (403, 404)
    if "attribute" not in made:
        assert "manufacturers set" in told.ctl("strangers", "--json").stdout or stranger_with(
            told, "idevid-without-serial-number")
    assert told.fake.asked(serial) == []
    told.ctl("manufacturers", "set", "maker", *options)
    answer = asks(pledge)
    told.ctl("manufacturers", "set", "maker", "--serial-from", "subject", "--serial-pattern", "")
    assert answer.status == 200
    assert told.shown(serial)["device"]["serial-number"] == serial
    assert len(told.fake.asked(serial)) == 1  # with that serial number in our request


def test_serial_number_that_the_pattern_does_not_find_is_a_stranger(told):
    told.ctl("manufacturers", "set", "maker", "--serial-pattern", "SN:([0-9]+)")
    pledge = odd_device(told, "X", attribute="PHONE-X")
    status = asks(pledge).status
    told.ctl("manufacturers", "set", "maker", "--serial-pattern", "")
    assert status == 404
    stranger = stranger_with(told, "idevid-without-serial-number")
    assert "does not match" in stranger["detail"]


@pytest.mark.parametrize("options,words", [
    (["--serial-pattern", "SN:.*"], "it must have one"),
    (["--serial-pattern", "(SN):(.*)"], "it must have one"),
    (["--serial-pattern", "(SN"], "does not end"),
    (["--serial-pattern", r"(.)\1"], "refers to a group"),
    (["--serial-from", "label"], "serial-from"),
    (["--allow", "everything"], "nothing that can be allowed"),
    (["--proxy", "https://proxy.example:1"], "http://HOST:PORT"),
    (["--proxy", "http://u:geheim@proxy.example:1"], "http://HOST:PORT"),
    (["--proxy-user", "me"], "proxy"),
    (["--masa-authentication", "basic"], "masa-user"),
    (["--masa-user", "a:b"], "colon"),
    (["--masa-user", "a"], "masa-password"),
    (["--expired-idevids", "maybe"], "yes or no"),
])
def test_what_would_not_work_is_not_written(told, options, words):
    before = told.ctl_json("manufacturers", "show", "maker")
    run = told.ctl("manufacturers", "set", "maker", *options, check=False)
    assert run.returncode in (1, 2)
    assert words in run.stderr and "geheim" not in run.stderr
    assert told.ctl_json("manufacturers", "show", "maker") == before


# Expired IDevIDs.


def test_expired_idevid_is_good_where_the_record_says_so(scene, maker):
    pledge = odd_device(scene, "OLD-1", attribute="OLD-1", expired=True)
    assert asks(pledge).status == 404
    assert "certificate has expired" in stranger_with(scene, "idevid-expired")["detail"]
    assert scene.nothing_issued("OLD-1") and scene.asked("OLD-1") == []
    maker("--expired-idevids", "yes")
    assert pledge.go_on().done  # on the same connection
    maker("--expired-idevids", "no")
    assert asks(pledge).status == 404
    # It has been here before: its timeline tells, not the strangers' list alone.
    scene.trouble("OLD-1", "idevid-expired")
    assert pledge.ask("GET", EST + "csrattrs").status == 404


# Revocation.


def test_revoked_idevid_is_turned_away_like_a_stranger(scene, maker):
    new = odd_device(scene, "BAD-1", attribute="BAD-1")
    seen = odd_device(scene, "BAD-2", attribute="BAD-2")
    good = odd_device(scene, "GOOD-1", attribute="GOOD-1")
    assert seen.go_on("csrattrs").done
    crl = make_crl(scene.folder / "crl.pem", ca_files(scene), [new.identity[0], seen.identity[0]])
    scene.ctl("manufacturers", "crls", "maker", crl)
    listed, = scene.ctl_json("manufacturers", "show", "maker")["idevid-crls"]
    assert (listed["revoked"], listed["number"]) == (2, "01") and listed["issuer"]
    for pledge in (new, seen):  # the one on a connection that was good before
        answer = pledge.post_request(pledge.voucher_request())
        assert (answer.status, answer.body) == (404, b"not known here\n")
    assert "revocation list" in stranger_with(scene, "idevid-revoked")["detail"]
    scene.trouble("BAD-2", "idevid-revoked")
    assert scene.shown("BAD-1").get("device") is None  # strangers write nothing
    assert scene.nothing_issued("BAD-1") and scene.asked("BAD-1") == []
    assert seen.post_csr(seen.csr()).status == 404
    assert scene.certificates("BAD-2") == []
    assert good.go_on().done
    scene.ctl("manufacturers", "crls", "maker")
    assert new.go_on().done


def test_revoked_intermediate_ca_takes_its_devices_along(told, tmp_path):
    """The device sends its CA's certificate; the anchor has revoked that."""
    root = new_ca(tmp_path / "root", "root")
    sub = new_ca(tmp_path / "sub", "sub", root)
    pledge = odd_device(told, "SUB-1", issuer=sub, attribute="SUB-1")
    pledge.identity[0].write_text(pledge.identity[0].read_text() + sub[0].read_text())
    told.fake.says("SUB-1", "requestvoucher", told.signing.voucher_reply())
    told.ctl("manufacturers", "set", "maker", "--anchor", told.maker / "ca.pem", "--anchor", root[0])
    good = asks(pledge).status
    told.ctl("manufacturers", "crls", "maker", make_crl(tmp_path / "crl.pem", root, [sub[0]]))
    bad = asks(pledge).status
    told.ctl("manufacturers", "crls", "maker")
    told.ctl("manufacturers", "set", "maker", "--anchor", told.maker / "ca.pem")
    assert (good, bad) == (200, 404)
    told.trouble("SUB-1", "idevid-revoked")


def new_ca(folder, name, issuer=None):
    """A CA, below another one or a root; a pair of PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    above, signer = subject, key
    if issuer is not None:
        above = x509.load_pem_x509_certificate(issuer[0].read_bytes()).subject
        signer = serialization.load_pem_private_key(issuer[1].read_bytes(), None)
    now = datetime.now(timezone.utc)
    certificate = (x509.CertificateBuilder().subject_name(subject).issuer_name(above)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now - timedelta(days=1000))
                   .not_valid_after(now + timedelta(days=1000))
                   .add_extension(x509.BasicConstraints(True, None), critical=True)
                   .sign(signer, hashes.SHA256()))
    folder.mkdir()
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    write_key(folder / "ca.key", key)
    return folder / "ca.pem", folder / "ca.key"


def test_list_that_no_anchor_has_signed_is_not_taken(scene, maker, tmp_path):
    strange = tmp_path / "strange"
    scene.run("gatehouse-maker", "init", strange, "--name", "Maker", "--masa", "a.example",
              "--cloud", "b.example")
    subject = x509.load_pem_x509_certificate((scene.maker / "ca.pem").read_bytes()).subject
    crl = make_crl(tmp_path / "crl.pem", (strange / "ca.pem", strange / "ca.key"), name=subject)
    (tmp_path / "text").write_text("no list")
    for file in (crl, scene.maker / "ca.pem", tmp_path / "text"):
        run = scene.ctl("manufacturers", "crls", "maker", file, check=False)
        assert run.returncode == 1
    assert scene.ctl_json("manufacturers", "show", "maker")["idevid-crls"] == []


def test_outdated_list_raises_an_alarm_and_still_counts(scene, maker, tmp_path):
    bad = odd_device(scene, "BAD-3", attribute="BAD-3")
    crl = make_crl(tmp_path / "crl.pem", ca_files(scene), [bad.identity[0]], days=-2)
    assert scene.status()["alarms"] == []
    scene.ctl("manufacturers", "crls", "maker", crl)
    alarm, = scene.status()["alarms"]
    assert (alarm["problem"], alarm["about"]) == ("revocation-list-outdated", "maker")
    assert alarm["hint"] and alarm["since"]
    assert asks(bad).status == 404


# Roll-over of the IDevID CA.


def test_old_and_new_ca_side_by_side_and_then_the_new_one_alone(told, tmp_path):
    """They have one name, and the IDevIDs say no more of their issuer than that name."""
    key = ec.generate_private_key(ec.SECP256R1())
    new_ca = renew_ca(tmp_path / "new.pem", ca_files(told), key=key), tmp_path / "new.key"
    write_key(new_ca[1], key)
    old = odd_device(told, "ROLL-1", attribute="ROLL-1")
    new = odd_device(told, "ROLL-2", issuer=new_ca, attribute="ROLL-2")
    for pledge in (old, new):
        told.fake.says(pledge.serial, "requestvoucher", told.signing.voucher_reply())
    assert asks(new).status == 404
    for anchors in ((told.maker / "ca.pem", new_ca[0]), (new_ca[0], told.maker / "ca.pem")):
        told.ctl("manufacturers", "set", "maker", "--anchor", anchors[0], "--anchor", anchors[1])
        assert [asks(pledge).status for pledge in (old, new)] == [200, 200]
    told.ctl("manufacturers", "set", "maker", "--anchor", new_ca[0])
    statuses = [asks(pledge).status for pledge in (old, new)]
    told.ctl("manufacturers", "set", "maker", "--anchor", told.maker / "ca.pem")
    assert statuses == [404, 200]
    stranger_with(told, "unknown-manufacturer")


def test_renewed_certificate_of_the_same_ca_is_the_same_anchor(scene, maker, tmp_path):
    pledge = odd_device(scene, "ROLL-3", attribute="ROLL-3")
    assert asks(pledge).status == 200
    device = scene.shown("ROLL-3")["device"]["id"]
    crl = make_crl(tmp_path / "crl.pem", ca_files(scene), [])
    scene.ctl("manufacturers", "crls", "maker", crl)
    maker("--anchor", renew_ca(tmp_path / "renewed.pem", ca_files(scene)))
    assert len(scene.ctl_json("manufacturers", "show", "maker")["idevid-crls"]) == 1
    pledge.begin()
    assert pledge.go_on().done
    assert scene.shown("ROLL-3")["device"]["id"] == device
    # Another key is another anchor: what the old one has signed is of no use any more.
    other = renew_ca(tmp_path / "other.pem", ca_files(scene), key=ec.generate_private_key(
        ec.SECP256R1()))
    maker("--anchor", other)
    assert scene.ctl_json("manufacturers", "show", "maker")["idevid-crls"] == []


def test_ca_certificate_that_ends_raises_an_alarm(scene, maker, tmp_path):
    soon = renew_ca(tmp_path / "soon.pem", ca_files(scene), days=10)
    maker("--anchor", soon)
    alarm, = scene.status()["alarms"]
    assert (alarm["problem"], alarm["about"]) == ("anchor-ends", "maker")
    maker("--anchor", soon, "--anchor", scene.maker / "ca.pem")  # the same key, for longer
    assert scene.status()["alarms"] == []


# How the MASA knows us.


@pytest.fixture(scope="module", name="password")
def fixture_password(scene):
    file = scene.folder / "password"
    file.write_text(PASSWORD + "\n")
    file.chmod(0o600)
    return file


LOGINS = {
    # what the MASA wants: (its options, ours)
    "certificate": (["certificate"], ["--masa-authentication", "certificate"]),
    "basic": (["basic", "--user", "owner", "--password-file"],
              ["--masa-authentication", "basic", "--masa-user", "owner"]),
    "digest": (["digest", "--user", "owner", "--password-file"],
               ["--masa-authentication", "digest", "--masa-user", "owner"]),
    "nothing": (["nothing"], ["--masa-authentication", "none"]),
}


@pytest.mark.parametrize("wanted,given", LOGINS.values(), ids=LOGINS)
def test_masa_is_shown_what_it_wants(scene, maker, password, wanted, given):
    secret = ["--masa-password-file", password] if "--masa-user" in given else []
    masa = ["--demand", *wanted, *([password] if secret else [])]
    scene.restart_masa(*masa)
    pledge = scene.independent()
    if wanted[0] != "nothing":
        # Something else: 401, which is our affair and no pledge's (RFC 8995 5.4).
        maker("--masa-authentication", "none")
        assert asks(pledge).status == 502
        scene.trouble(pledge.serial, "masa-credentials")
        assert scene.nothing_issued(pledge.serial)
        alarm, = scene.status()["alarms"]
        assert (alarm["problem"], alarm["about"]) == ("masa-credentials", "maker")
        assert "401" in alarm["detail"] and alarm["hint"]
    maker(*given, *secret)
    assert pledge.go_on().done  # voucher and audit log
    assert scene.status()["alarms"] == []
    seen = [request for request in scene.requests_seen() if request["serial"] == pledge.serial]
    assert seen[-1]["status"] == 200
    assert (seen[-1]["client"] is not None) == (wanted[0] == "certificate")
    scene.restart_masa()


def test_wrong_password_is_told_and_never_shown(scene, maker, password):
    scene.restart_masa("--demand", "digest", "--user", "owner", "--password-file", password)
    wrong = scene.folder / "wrong"
    wrong.write_text("Kartoffelsalat")
    wrong.chmod(0o600)
    maker("--masa-authentication", "digest", "--masa-user", "owner", "--masa-password-file", wrong)
    pledge = scene.independent()
    assert asks(pledge).status == 502
    maker("--masa-password-file", password)
    answer = asks(pledge)
    assert answer.status == 200
    assert pledge.go_on().done
    scene.restart_masa()
    shown = scene.ctl_json("manufacturers", "show", "maker")
    assert shown["masa-password-set"] and shown["masa-user"] == "owner"
    assert "masa-password" not in shown
    for secret in (PASSWORD, "Kartoffelsalat"):
        for text in (json.dumps(shown, ensure_ascii=False), scene.programs["gatehoused"].log_text(),
                     scene.ctl("manufacturers", "list", "--json").stdout,
                     json.dumps(scene.shown(pledge.serial), ensure_ascii=False)):
            assert secret not in text


def test_password_stays_until_it_is_changed_or_taken_away(scene, maker, password):
    maker("--masa-authentication", "basic", "--masa-user", "owner", "--masa-password-file",
          password)
    maker("--title", "Another title")
    assert scene.ctl_json("manufacturers", "show", "maker")["masa-password-set"]
    maker("--masa-authentication", "certificate", "--masa-user", "", "--masa-password-file", "")
    assert not scene.ctl_json("manufacturers", "show", "maker")["masa-password-set"]


def test_password_file_that_others_may_read_is_not_read(scene, maker, tmp_path):
    file = tmp_path / "open"
    file.write_text("secret")
    file.chmod(0o644)
    run = scene.ctl("manufacturers", "set", "maker", "--masa-user", "owner",
                    "--masa-password-file", file, check=False)
    assert run.returncode == 1 and "denied" in run.stderr


# How the MASA is found and believed.


def test_url_of_the_record_beats_the_idevid_and_works_at_once(scene, maker):
    """The pledge waits for a MASA that is not there; then the administrator says where it is."""
    pledge = scene.independent(scene.device("--masa", f"{MASA}:9"))
    request = pledge.voucher_request()
    scene.stop_one("masa")
    scene.start_masa()
    assert pledge.post_request(request).status == 202
    scene.trouble(pledge.serial, "peer-unresolved")
    maker("--masa-url", f"{MASA}:{scene.masa_port}")
    answer = pledge.patiently(lambda: pledge.post_request(request))
    assert answer.status == 200
    assert str(scene.masa_port) in scene.episode(pledge.serial)["masa-url"]


def test_order_that_waits_for_an_hour_is_hastened_by_a_change(told):
    """The MASA said when to come again; the record was changed; the pledge asks again."""
    pledge = told.independent()
    told.fake.says(pledge.serial, "requestvoucher", reply(503, b"", retry_after=3600),
                   told.signing.voucher_reply())
    request = pledge.voucher_request()
    assert pledge.post_request(request).status == 202
    until(lambda: told.fake.asked(pledge.serial), "the MASA is asked")
    assert pledge.post_request(request).status == 202
    assert len(told.fake.asked(pledge.serial)) == 1
    told.ctl("manufacturers", "set", "maker", "--title", "Seen to")
    assert pledge.patiently(lambda: pledge.post_request(request)).status == 200
    assert len(told.fake.asked(pledge.serial)) == 2


def test_anchors_of_this_machine_count_where_the_record_says_so(make_scene):
    stage = make_scene(masa=())
    folder = stage.folder / "certs"
    folder.mkdir()
    (folder / "ca.pem").write_bytes((stage.maker / "ca.pem").read_bytes())
    openssl("rehash", folder)
    stage.restart_gatehoused({"SSL_CERT_DIR": str(folder)})
    strange = stage.folder / "strange"
    stage.run("gatehouse-maker", "init", strange, "--name", "Strange", "--masa", "a.example",
              "--cloud", "b.example")
    stage.ctl("manufacturers", "set", "maker", "--masa-anchor", strange / "ca.pem")
    pledge = stage.independent()
    request = pledge.voucher_request()
    assert pledge.post_request(request).status == 202
    stage.trouble(pledge.serial, "peer-tls")
    stage.ctl("manufacturers", "set", "maker", "--masa-system-anchors", "yes")
    assert pledge.patiently(lambda: pledge.post_request(request)).status == 200


# Proxies.


@pytest.fixture(name="proxy")
def fixture_proxy(scene):
    proxy = Proxy(scene.masa_port)
    yield proxy
    proxy.close()


def test_masa_is_reached_through_the_proxy_of_the_record(scene, maker, proxy):
    """It alone knows where the MASA is; the private network needs no entry for it."""
    pledge = scene.independent(scene.device("--masa", f"{MASA}:9"))
    maker("--masa-network", "", "--proxy", proxy.url)
    assert pledge.go_on().done
    assert {target for target, _ in proxy.asked} == {f"{MASA}:9"}
    assert scene.asked(pledge.serial)[0]["client"] is not None  # TLS is with the MASA


def test_proxy_wants_to_know_us(scene, maker, tmp_path):
    proxy = Proxy(scene.masa_port, "Basic " + base64.b64encode(b"me:hush").decode())
    secret = tmp_path / "secret"
    secret.write_text("hush")
    secret.chmod(0o600)
    pledge = scene.independent()
    request = pledge.voucher_request()
    maker("--proxy", proxy.url)
    assert pledge.post_request(request).status == 202
    assert "407" in scene.trouble(pledge.serial, "peer-proxy")["detail"]
    maker("--proxy-user", "me", "--proxy-password-file", secret)
    assert pledge.patiently(lambda: pledge.post_request(request)).status == 200
    proxy.close()
    maker("--proxy", f"http://127.0.0.1:{free_port()}")
    other = scene.independent()
    assert other.post_request(other.voucher_request()).status == 202
    scene.trouble(other.serial, "peer-proxy")


@pytest.mark.parametrize("masa", ["127.0.0.1:9", "169.254.169.254", "masa.internal", "localhost"])
def test_proxy_is_not_asked_for_what_an_idevid_must_not_name(scene, maker, proxy, masa):
    pledge = scene.independent(scene.device("--masa", masa))
    maker("--masa-network", "", "--proxy", proxy.url)
    assert pledge.post_request(pledge.voucher_request()).status == 202
    scene.trouble(pledge.serial, "peer-address")
    assert not [target for target, _ in proxy.asked if MASA not in target]


def test_proxy_of_the_node_file_is_for_all_and_the_record_may_say_none(make_scene):
    stage = make_scene()
    proxy = Proxy(stage.masa_port, "Basic " + base64.b64encode(b"me:hush").decode())
    login = stage.owner / "login"
    login.write_text("me:hush\n")
    stage.write_node_file(merged(QUICK, {"outgoing": {"proxy": proxy.url,
                                                      "proxy-login-file": "login"}}))
    login.chmod(0o644)
    stage.stop_one("gatehoused")
    with pytest.raises(StageError, match="login"):  # for others to read, too
        stage.start_gatehoused()
    login.chmod(0o600)
    stage.programs.pop("gatehoused")
    stage.start_gatehoused()
    pledge = stage.independent()
    assert pledge.go_on().done
    assert proxy.asked
    stage.ctl("manufacturers", "set", "maker", "--proxy", "none")
    asked = len(proxy.asked)
    assert stage.independent().go_on().done
    assert len(proxy.asked) == asked
    assert "hush" not in stage.programs["gatehoused"].log_text()
    proxy.close()

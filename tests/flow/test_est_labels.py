"""EST for clients that are no devices: labels, passwords, certificates, renewals, channel binding."""

import base64
import re
import subprocess
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from pledge import EST, certificates_in, in_lines, openssl, pem_of
from scene import until
from wire import HOST, Wire

PEM = serialization.Encoding.PEM
DER = serialization.Encoding.DER
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module", name="est")
def fixture_est(make_scene, tmp_path_factory):
    """A stage with a label for routers, whose password is known."""
    scene = make_scene()
    scene.ctl("labels", "add", "routers", "--authenticate", "password", "--authenticate",
              "certificate", "--domain", "routers.example.com")
    scene.password = tmp_path_factory.mktemp("secret") / "password"
    scene.password.write_text(PASSWORD + "\n")
    scene.password.chmod(0o600)
    secret(scene, "lab")
    return scene


def secret(scene, user, *options, label="routers"):
    scene.ctl("secrets", "add", user, "--label", label, "--password-file", scene.password,
              "--digest", *(options or ("--unlimited",)))
    return user


def make_key():
    return ec.generate_private_key(ec.SECP256R1())


def make_csr(names, key, common_name=None, extensions=(), challenge=None):
    subject = [] if common_name is None else [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    if challenge is not None:
        builder = builder.add_attribute(x509.oid.AttributeOID.CHALLENGE_PASSWORD, challenge)
    return builder.sign(key, hashes.SHA256()).public_bytes(DER)


def basic(user, password=PASSWORD):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def ask(est, octets, operation="simpleenroll", label="routers", user="lab", identity=None,
        **options):
    password = options.pop("password", PASSWORD)
    fields = {} if user is None else {"authorization": basic(user, password)}
    path = f"{EST}{label}/{operation}" if label else EST + operation
    with Wire(est.port, identity, tls=options.pop("tls", None)) as wire:
        return wire.request("POST", path, in_lines(octets), content_type="application/pkcs10",
                            **fields)


def enrolled(answer):
    assert answer.status == 200, answer
    certificate, = certificates_in(answer.body)
    return certificate


def identity(tmp_path, certificate, key):
    files = [tmp_path / f"{certificate.serial_number:x}.{kind}" for kind in ("pem", "key")]
    files[0].write_text(pem_of([certificate]))
    files[1].write_bytes(key.private_bytes(
        PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return files


# Passwords.


def test_client_with_a_password_gets_a_certificate(est):
    key = make_key()
    certificate = enrolled(ask(est, make_csr(["r1.routers.example.com"], key,
                                             "r1.routers.example.com")))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["r1.routers.example.com"]
    shown, = est.ctl_json("certificates", "list", "--name", "r1.routers.example.com")
    assert (shown["client"], shown["label"], "device" in shown) == ("secret:lab", "routers", False)


def curl(est, tmp_path, octets, *options, operation="simpleenroll"):
    """Curl's answer: status, header, body."""
    (tmp_path / "body").write_bytes(in_lines(octets))
    done = subprocess.run(
        ["curl", "-sS", "-i", "--cacert", est.owner / "pki" / "root.pem", "--resolve",
         f"{HOST}:{est.port}:127.0.0.1", "--data-binary", f"@{tmp_path / 'body'}", "-H",
         "Content-Type: application/pkcs10", *options,
         f"https://{HOST}:{est.port}{EST}routers/{operation}"],
        capture_output=True, timeout=60, check=True)
    answers = done.stdout.split(b"\r\n\r\n")
    heads = [part for part in answers if part.startswith(b"HTTP/")]
    return int(heads[-1].split()[1]), heads, answers[-1]


@pytest.mark.parametrize("scheme", ["--basic", "--digest"])
def test_curl_enrols(est, tmp_path, scheme):
    octets = make_csr([f"curl{scheme}.routers.example.com"], make_key())
    status, heads, body = curl(est, tmp_path, octets, scheme, "-u", f"lab:{PASSWORD}")
    assert status == 200 and len(certificates_in(body)) == 1
    if scheme == "--digest":
        assert b" 401 " in heads[0] and b"algorithm=SHA-256" in heads[0]


def test_who_gives_no_password_is_asked_for_one(est):
    answer = ask(est, make_csr(["r.routers.example.com"], make_key()), user=None)
    assert answer.status == 401
    challenges = answer.headers["www-authenticate"]
    assert challenges.startswith("Basic ") and "Digest " in challenges
    assert answer.headers["content-length"] == "0"  # Bouncy Castle's client chokes on a text


WRONG = {
    "wrong password": ({"password": "nonsense"}, "wrong password"),
    "no such user": ({"user": "nobody"}, "no such user"),
}


@pytest.mark.parametrize("options,why", WRONG.values(), ids=WRONG)
def test_wrong_password_is_refused_and_seen(est, options, why):
    answer = ask(est, make_csr(["r.routers.example.com"], make_key()), **options)
    assert answer.status == 401 and why.encode() not in answer.body
    assert any(s["problem"] == "password-wrong" and why in s["detail"] for s in est.strangers())


def test_secret_is_good_for_so_many_certificates(est):
    user = secret(est, "once", "--uses", "1")
    first = make_csr(["once.routers.example.com"], make_key())
    enrolled(ask(est, first, user=user))
    answer = ask(est, make_csr(["twice.routers.example.com"], make_key()), user=user)
    assert answer.status == 401
    assert any("used up" in s["detail"] for s in est.strangers())


def test_used_up_secret_still_gets_what_it_was_used_for(est):
    """RFC 7030 4.2.3: the same request again, after 202 or a lost answer."""
    est.ctl("labels", "add", "single", "--authenticate", "password", "--domain", "example.com",
            "--approval", "yes")
    user = secret(est, "single", "--uses", "1", label="single")
    octets = make_csr(["single.example.com"], make_key())
    assert ask(est, octets, label="single", user=user).status == 202
    order, = est.ctl_json("orders", "list", "--state", "waiting")
    est.ctl("orders", "approve", order["id"])
    first, second = (enrolled(ask(est, octets, label="single", user=user)) for _ in range(2))
    assert first == second
    other = make_csr(["other.example.com"], make_key())
    assert ask(est, other, label="single", user=user).status == 401


def test_secret_that_has_ended_or_is_for_another_label_is_none(est):
    ends = datetime.now(timezone.utc) + timedelta(seconds=2)
    ended = secret(est, "ended", "--expires", ends.strftime("%Y-%m-%dT%H:%M:%SZ"))
    est.ctl("labels", "add", "others", "--authenticate", "password", "--domain", "example.com")
    other = secret(est, "other", "--unlimited", label="others")
    until(lambda: datetime.now(timezone.utc) > ends, "the secret has ended")
    for user in (ended, other):
        assert ask(est, make_csr(["r.routers.example.com"], make_key()), user=user).status == 401


def test_secret_bound_to_a_name_gives_no_other(est):
    user = secret(est, "bound", "--name", "core.example.net", "--unlimited")
    enrolled(ask(est, make_csr(["core.example.net"], make_key(), "core.example.net"), user=user))
    for name in ("r.routers.example.com", "x.core.example.net"):
        assert ask(est, make_csr([name], make_key()), user=user).status == 403


def test_removed_secret_is_none(est):
    user = secret(est, "gone")
    est.ctl("secrets", "remove", "--yes", user)
    assert ask(est, make_csr(["r.routers.example.com"], make_key()), user=user).status == 401


def test_made_password_is_shown_once_and_works(est):
    said = est.ctl("secrets", "add", "made", "--label", "routers").stdout
    password = re.search(r"^password (\S+)$", said, re.M)[1]
    assert password not in est.ctl("secrets", "list", "--json").stdout
    assert "argon2" not in est.ctl("secrets", "list", "--json").stdout
    enrolled(ask(est, make_csr(["made.routers.example.com"], make_key()), user="made",
                 password=password))


# What may be asked for.

CA_TRUE = x509.BasicConstraints(ca=True, path_length=None)
CMC_RA = x509.ExtendedKeyUsage([x509.ObjectIdentifier("1.3.6.1.5.5.7.3.28")])
REFUSED = {
    "a name outside the label's domains": (["r1.example.com"], None, ()),
    "a domain that only ends alike": (["r1.evilrouters.example.com"], None, ()),
    "a common name outside": (["r1.routers.example.com"], "boss.example.com", ()),
    "to be a CA": (["r1.routers.example.com"], None, [CA_TRUE]),
    "to be a registrar": (["r1.routers.example.com"], None, [CMC_RA]),
}


@pytest.mark.parametrize("names,common_name,extensions", REFUSED.values(), ids=REFUSED)
def test_what_may_not_be_asked_for_is_refused(est, names, common_name, extensions):
    before = len(est.ctl_json("certificates", "list"))
    answer = ask(est, make_csr(names, make_key(), common_name, extensions))
    assert answer.status == 403 and answer.media_type == "text/plain"
    assert any(s["problem"] == "name-refused" for s in est.strangers())
    assert len(est.ctl_json("certificates", "list")) == before


def test_key_is_what_the_profile_asks_for(est):
    key = ec.generate_private_key(ec.SECP384R1())
    assert ask(est, make_csr(["r1.routers.example.com"], key)).status == 400


def refused_key(est, octets, why, **options):
    answer = ask(est, octets, **options)
    assert answer.status == 400 and answer.body == b"key not allowed\n", answer
    assert any(s["problem"] == "key-refused" and why in s["detail"] for s in est.strangers())


def test_weak_key_is_refused(est):
    est.ctl("profiles", "add", "rsa", "--key", "rsa2048")
    est.ctl("labels", "add", "rsa", "--authenticate", "password", "--domain", "rsa.example.com",
            "--profile", "rsa")
    user = secret(est, "rsa", label="rsa")
    weak, sound = (rsa.generate_private_key(exponent, 2048) for exponent in (3, 65537))
    refused_key(est, make_csr(["a.rsa.example.com"], weak), "exponent is below 65537",
                label="rsa", user=user)
    enrolled(ask(est, make_csr(["a.rsa.example.com"], sound), label="rsa", user=user))


def test_key_of_another_is_refused(est):
    key = make_key()
    names = [f"{name}.routers.example.com" for name in ("twin-a", "twin-b")]
    enrolled(ask(est, make_csr(names[:1], key, names[0])))
    refused_key(est, make_csr(names[1:], key, names[1]), f"of another (CN={names[0]}) has this key")


def test_key_of_a_device_is_refused_to_others(est):
    device = est.independent().go_on()
    name = "stolen.routers.example.com"
    refused_key(est, make_csr([name], device.key, name), "of another")


def test_compromised_key_is_refused_even_to_its_owner(est):
    key, name = make_key(), "lost.routers.example.com"
    certificate = enrolled(ask(est, make_csr([name], key, name)))
    est.ctl("certificates", "revoke", "--yes", f"{certificate.serial_number:040x}", "--reason",
            "key-compromise")
    refused_key(est, make_csr([name, f"a.{name}"], key, name), "revoked: key-compromise")


def test_key_that_proves_compromised_after_its_certificate_was_revoked_is_refused(est):
    key, name = make_key(), "late.routers.example.com"
    serial = f"{enrolled(ask(est, make_csr([name], key, name))).serial_number:040x}"
    est.ctl("certificates", "revoke", "--yes", serial, "--reason", "superseded")
    enrolled(ask(est, make_csr([name], key, name)))
    est.ctl("certificates", "revoke", "--yes", serial, "--reason", "key-compromise")
    refused_key(est, make_csr([name, f"a.{name}"], key, name),
                f"{serial.lstrip('0')} with this key was revoked: key-compromise")


def test_no_more_certificates_for_a_name_than_the_label_allows(est):
    est.ctl("labels", "add", "few", "--authenticate", "password", "--domain", "few.example.com",
            "--per-day", "2")
    user = secret(est, "few", label="few")
    for _ in range(2):
        enrolled(ask(est, make_csr(["a.few.example.com"], make_key(), "a.few.example.com"),
                     label="few", user=user))
    answer = ask(est, make_csr(["a.few.example.com"], make_key(), "a.few.example.com"),
                 label="few", user=user)
    assert answer.status == 403


def test_same_request_again_gets_the_same_certificate(est):
    octets = make_csr(["again.routers.example.com"], make_key())
    assert enrolled(ask(est, octets)) == enrolled(ask(est, octets))


# Labels.


def test_label_that_is_none_is_not_found(est):
    assert ask(est, make_csr(["r"], make_key()), label="nowhere").status == 404


def test_password_does_not_open_the_default_label(est):
    assert ask(est, make_csr(["r.routers.example.com"], make_key()), label=None).status == 404


@pytest.mark.parametrize("options,why", [
    (("simpleenroll", "--authenticate", "password"), "operation"),
    (("x", "--authenticate", "smile"), "none of"),
    (("x", "--authenticate", "ra"), "anchors"),
    (("x", "--profile", "nowhere"), "no profile"),
])
def test_labels_that_make_no_sense_are_refused(est, options, why):
    refused = est.ctl("labels", "add", *options, check=False)
    assert refused.returncode == 1 and why in refused.stderr


def test_answers_are_in_lines_as_the_label_says(est):
    est.ctl("labels", "add", "oneline", "--authenticate", "password", "--line-length", "0")
    with Wire(est.port) as wire:
        lined = wire.request("GET", EST + "routers/cacerts")
        whole = wire.request("GET", EST + "oneline/cacerts")
    assert {len(line) for line in lined.body.splitlines()[:-1]} == {64}
    assert b"\n" not in whole.body
    assert certificates_in(lined.body) == certificates_in(whole.body)


def test_label_with_approval_holds_requests_until_somebody_decides(est):
    est.ctl("labels", "add", "held", "--authenticate", "password", "--domain", "held.example.com",
            "--approval", "yes")
    user = secret(est, "held", label="held")
    octets = make_csr(["a.held.example.com"], make_key())
    answer = ask(est, octets, label="held", user=user)
    assert answer.status == 202 and answer.retry_after
    order, = [o for o in est.ctl_json("orders", "list", "--state", "waiting")]
    est.ctl("orders", "approve", order["id"])
    enrolled(ask(est, octets, label="held", user=user))


def test_csrattrs_for_all_say_key_and_hash_and_nothing_else(est):
    with Wire(est.port) as wire:
        answer = wire.request("GET", EST + "routers/csrattrs")
    assert answer.status == 200
    text = openssl("asn1parse", "-inform", "DER", octets=base64.b64decode(answer.body)).decode()
    assert "prime256v1" in text and "ecdsa-with-SHA256" in text
    assert "Extension Request" not in text and "challengePassword" not in text


# Renewal.


@pytest.fixture(name="router")
def fixture_router(est, tmp_path, request):
    """A client that has a certificate: its name, key, certificate and files."""
    name = f"n{abs(hash(request.node.name)) % 10**9}.routers.example.com"
    key = make_key()
    certificate = enrolled(ask(est, make_csr([name], key, name)))
    return name, key, certificate, identity(tmp_path, certificate, key)


def renew(est, octets, files, **options):
    return ask(est, octets, "simplereenroll", user=None, identity=files, **options)


def test_certificate_is_renewed_with_the_same_key_and_with_another(est, router, tmp_path):
    name, key, certificate, files = router
    octets = make_csr([name], key, name)
    second = enrolled(renew(est, octets, files))
    assert second.serial_number != certificate.serial_number
    assert enrolled(renew(est, octets, files)) == second  # its answer was lost
    third = enrolled(renew(est, octets, identity(tmp_path, second, key)))
    assert third.serial_number not in (second.serial_number, certificate.serial_number)
    fourth = enrolled(renew(est, make_csr([name], make_key(), name), files))
    shown = est.ctl_json("certificates", "show", f"{fourth.serial_number:040x}")
    assert shown["renews"] == openssl("dgst", "-sha256", "-r", octets=certificate.public_bytes(
        DER)).split()[0].decode()


def test_renewal_may_not_change_names(est, router):
    name, key, _, files = router
    for names, common_name in (([name, "x.routers.example.com"], name), ([], name),
                               ([name], "x.routers.example.com"), ([name], None)):
        answer = renew(est, make_csr(names, key, common_name), files)
        assert answer.status == 403, (names, common_name)


def test_revoked_certificate_is_not_renewed(est, router):
    name, key, certificate, files = router
    est.ctl("certificates", "revoke", "--yes", f"{certificate.serial_number:040x}")
    assert renew(est, make_csr([name], key, name), files).status == 403


def test_renewal_needs_the_certificate_itself(est, router):
    name, key, _, _ = router
    assert ask(est, make_csr([name], key, name), "simplereenroll").status == 403


def test_certificate_of_another_label_is_taken_where_the_label_says_so(est, router):
    name, key, _, files = router
    octets = make_csr([name], key, name)
    est.ctl("labels", "add", "annex", "--authenticate", "certificate", "--domain",
            "routers.example.com")
    for operation in ("simpleenroll", "simplereenroll"):
        assert ask(est, octets, operation, label="annex", user=None, identity=files).status == 403
    est.ctl("labels", "set", "annex", "--other-labels", "yes")
    enrolled(renew(est, octets, files, label="annex"))


def test_password_besides_a_certificate_is_used_up(est):
    est.ctl("labels", "add", "guarded", "--authenticate", "idevid", "--password-too", "yes")
    user = secret(est, "once-too", "--uses", "1", label="guarded")
    for status in (200, 401):
        pledge = est.independent().go_on("csrattrs")
        with Wire(est.port, pledge.identity) as wire:
            answer = wire.request("POST", EST + "guarded/simpleenroll", in_lines(pledge.csr()),
                                  content_type="application/pkcs10",
                                  authorization=basic(user, PASSWORD))
        assert answer.status == status, answer
        assert len(est.certificates(pledge.serial)) == (status == 200)


def test_renewal_waits_for_its_window(est, tmp_path):
    est.ctl("labels", "add", "late", "--authenticate", "password", "--authenticate", "certificate",
            "--domain", "late.example.com", "--renew-before", "30 d")
    user = secret(est, "late", label="late")
    key = make_key()
    octets = make_csr(["a.late.example.com"], key)
    files = identity(tmp_path, enrolled(ask(est, octets, label="late", user=user)), key)
    assert renew(est, octets, files, label="late").status == 403


def test_device_renews_its_certificate_and_stays_in_its_onboarding(est):
    pledge = est.independent().go_on()
    with Wire(est.port, pledge.own_identity()) as wire:
        octets = pledge.csr(subject=pledge.ldevid.subject)
        answer = wire.request("POST", EST + "simplereenroll", in_lines(octets),
                              content_type="application/pkcs10")
    assert enrolled(answer).public_key().public_numbers() == \
        pledge.key.public_key().public_numbers()
    assert est.events(pledge.serial, "renewed")
    first, second = sorted(est.certificates(pledge.serial), key=lambda c: c["issued"])
    assert second["renews"] == first["id"]


def test_device_of_a_closed_onboarding_renews_nothing(est):
    pledge = est.independent().go_on()
    again = est.independent(pledge.serial)
    again.go_on("voucher")  # a fresh nonce ends what was before
    with Wire(est.port, pledge.own_identity()) as wire:
        answer = wire.request("POST", EST + "simplereenroll",
                              in_lines(pledge.csr(subject=pledge.ldevid.subject)),
                              content_type="application/pkcs10")
    assert answer.status == 403
    assert len(est.certificates(pledge.serial)) == 1


# Channel binding (RFC 7030 3.5).


@pytest.mark.parametrize("label,challenge,status", [
    ("routers", "right", 200), ("routers", "wrong", 400),
    ("tied", "right", 200), ("tied", "wrong", 400), ("tied", None, 400),
])
def test_request_is_tied_to_its_connection(est, label, challenge, status):
    if label == "tied" and not [x for x in est.ctl_json("labels", "list") if x["name"] == "tied"]:
        est.ctl("labels", "add", "tied", "--authenticate", "password", "--domain",
                "routers.example.com", "--channel-binding", "required")
        secret(est, "tied", label="tied")
    user = "tied" if label == "tied" else "lab"
    with Wire(est.port, tls="1.2") as wire:
        binding = {None: None, "wrong": base64.b64encode(b"0123456789ab"),
                   "right": base64.b64encode(wire.socket.get_channel_binding("tls-unique"))}
        octets = make_csr(["tied.routers.example.com"], make_key(), challenge=binding[challenge])
        answer = wire.request("POST", f"{EST}{label}/simpleenroll", in_lines(octets),
                              content_type="application/pkcs10", authorization=basic(user))
    assert answer.status == status
    if label == "tied":
        with Wire(est.port) as wire:
            told = wire.request("GET", f"{EST}tied/csrattrs")
        assert b"challengePassword" in openssl("asn1parse", "-inform", "DER",
                                               octets=base64.b64decode(told.body))


# Third parties and RAs.


def make_anchor(name="Third Party CA"):
    key = make_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return key, sign_certificate(subject, key.public_key(), subject, key,
                                 [x509.BasicConstraints(ca=True, path_length=None)])


def sign_certificate(subject, public_key, issuer, key, extensions):
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder(issuer, subject, public_key, x509.random_serial_number(),
                                      now - timedelta(hours=1), now + timedelta(days=30))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256())


@pytest.fixture(scope="module", name="third")
def fixture_third(est, tmp_path_factory):
    folder = tmp_path_factory.mktemp("third")
    key, anchor = make_anchor()
    (folder / "anchor.pem").write_text(pem_of([anchor]))
    est.ctl("labels", "add", "partners", "--authenticate", "third-party", "--authenticate", "ra",
            "--anchor", folder / "anchor.pem", "--domain", "partners.example.com")
    return folder, key, anchor


def shown(third, name, *extensions):
    folder, key, anchor = third
    own = make_key()
    certificate = sign_certificate(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), own.public_key(),
        anchor.subject, key, list(extensions))
    return identity(folder, certificate, own), own


def test_third_partys_certificate_enrols_with_the_name_in_it(est, third):
    files, key = shown(third, "agent 7")
    octets = make_csr(["agent7.partners.example.com"], key, "agent 7")
    certificate = enrolled(ask(est, octets, label="partners", user=None, identity=files))
    assert certificate.subject.rfc4514_string() == "CN=agent 7"
    assert ask(est, make_csr([], key, "agent 8"), label="partners", user=None,
               identity=files).status == 403


def test_ra_asks_for_others_within_the_labels_domains(est, third):
    files, _ = shown(third, "our RA", CMC_RA)
    octets = make_csr(["x.partners.example.com"], make_key(), challenge=b"bm90IG91cnM=")
    enrolled(ask(est, octets, label="partners", user=None, identity=files))
    assert ask(est, make_csr(["x.example.com"], make_key()), label="partners", user=None,
               identity=files).status == 403


def test_anchors_that_change_count_at_once_on_the_same_connection(est, third):
    folder, *_ = third
    files, key = shown(third, "agent 9")
    (folder / "other.pem").write_text(pem_of([make_anchor("Another CA")[1]]))
    est.ctl("labels", "add", "moved", "--authenticate", "third-party", "--anchor",
            folder / "anchor.pem", "--domain", "moved.example.com")
    with Wire(est.port, files) as wire:
        def status(name):
            return wire.request("POST", f"{EST}moved/simpleenroll",
                                in_lines(make_csr([name], key, "agent 9")),
                                content_type="application/pkcs10").status
        assert [status(f"{name}.moved.example.com") for name in "ab"] == [200, 200]
        est.ctl("labels", "set", "moved", "--anchor", folder / "other.pem")
        assert status("c.moved.example.com") == 403
        est.ctl("labels", "set", "moved", "--anchor", folder / "anchor.pem")
        assert status("d.moved.example.com") == 200


def test_strangers_certificate_is_nobodys(est, third):
    key, anchor = make_anchor("Another CA")
    files, _ = shown((third[0], key, anchor), "agent 7")
    answer = ask(est, make_csr(["a.partners.example.com"], make_key()), label="partners",
                 user=None, identity=files)
    assert answer.status == 403

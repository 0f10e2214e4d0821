"""What our CAs say of their certificates, asked by openssl: CRLs, OCSP, roll-over."""

import base64
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from pledge import openssl, pem_of
from scene import until
from stage import free_port

DER = serialization.Encoding.DER


@pytest.fixture(scope="module", name="served")
def fixture_served(make_scene):
    """A stage that serves status on a port of its own."""
    port = free_port()
    scene = make_scene({"public": {"listen": [f"127.0.0.1:{port}"],
                                   "url": f"http://127.0.0.1:{port}", "crl-gap": "0 ms",
                                   "crl-lifetime": "4 min", "crl-interval": "2 min",
                                   "ocsp-lifetime": "2 min"}})
    scene.public = f"http://127.0.0.1:{port}"
    return scene


@pytest.fixture(name="device")
def fixture_device(served):
    return served.independent().go_on()


def get(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.headers, answer.read()


def issuer(served, tmp_path, name="device-ca"):
    """The CA's certificate, in a file."""
    authority, = [a for a in served.ctl_json("authorities", "list") if a["name"] == name]
    certificate = x509.load_der_x509_certificate(base64.b64decode(authority["certificate"]))
    path = tmp_path / f"{name}-{certificate.serial_number:x}.pem"
    path.write_text(pem_of([certificate]))
    return certificate, path


def key_of(certificate):
    return certificate.public_key().public_bytes(
        DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def crl_url(certificate):
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    return points[0].full_name[0].value


def crl_of(certificate):
    headers, octets = get(crl_url(certificate))
    assert headers["Content-Type"] == "application/pkix-crl"
    return x509.load_der_x509_crl(octets)


def on_list(certificate):
    return crl_of(certificate).get_revoked_certificate_by_serial_number(certificate.serial_number)


def serial_of(device):
    return f"{device.ldevid.serial_number:040x}"


def ask_openssl(served, tmp_path, device, *options):
    """The verified answer of openssl's OCSP client: good, revoked or unknown."""
    ca, ca_file = issuer(served, tmp_path)
    (tmp_path / "device.pem").write_text(pem_of([device.ldevid]))
    done = subprocess.run(
        ["openssl", "ocsp", "-issuer", ca_file, "-cert", tmp_path / "device.pem", "-url",
         f"{served.public}/ocsp", "-CAfile", served.owner / "pki" / "root.pem", "-verify_other",
         ca_file, *options], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "Response verify OK" in done.stderr, done.stderr + done.stdout
    return re.search(r"device\.pem: (\w+)", done.stdout)[1], done.stdout


def test_certificate_says_where_its_status_is_and_is_strictly_right(served, tmp_path, device):
    _, ca_file = issuer(served, tmp_path)
    access = device.ldevid.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    urls = {a.access_method.dotted_string: a.access_location.value for a in access.value}
    assert urls["1.3.6.1.5.5.7.48.1"] == f"{served.public}/ocsp"
    headers, octets = get(urls["1.3.6.1.5.5.7.48.2"])
    assert headers["Content-Type"] == "application/pkix-cert"
    assert pem_of([x509.load_der_x509_certificate(octets)]) == ca_file.read_text()
    (tmp_path / "device.pem").write_text(pem_of([device.ldevid]))
    openssl("verify", "-x509_strict", "-CAfile", served.owner / "pki" / "root.pem", "-untrusted",
            ca_file, tmp_path / "device.pem")
    chain = (tmp_path / "device.pem").read_text() + ca_file.read_text()
    subprocess.run(["certtool", "--verify", "--load-ca-certificate",
                    served.owner / "pki" / "root.pem"], input=chain.encode(), check=True,
                   capture_output=True, timeout=60)


def test_list_is_signed_by_the_ca_and_grows_with_what_is_revoked(served, tmp_path, device):
    ca, ca_file = issuer(served, tmp_path)
    before = crl_of(device.ldevid)
    assert before.is_signature_valid(ca.public_key())
    assert before.next_update > before.last_update
    assert on_list(device.ldevid) is None
    said = served.ctl("certificates", "revoke", "--yes", serial_of(device), "--reason", "key-compromise",
                      "--because", "stolen from the store room").stdout
    assert "is now revoked" in said
    entry = until(lambda: on_list(device.ldevid), "the certificate is on the list")
    reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    assert reason == x509.ReasonFlags.key_compromise
    after = crl_of(device.ldevid)
    number = x509.CRLNumber
    assert after.extensions.get_extension_for_class(number).value.crl_number > \
        before.extensions.get_extension_for_class(number).value.crl_number
    (tmp_path / "crl.der").write_bytes(after.public_bytes(DER))
    (tmp_path / "device.pem").write_text(pem_of([device.ldevid]))
    verified = subprocess.run(
        ["openssl", "verify", "-crl_check", "-CRLfile", tmp_path / "crl.der", "-CAfile",
         served.owner / "pki" / "root.pem", "-untrusted", ca_file, tmp_path / "device.pem"],
        capture_output=True, text=True, timeout=60)
    assert verified.returncode and "certificate revoked" in verified.stderr + verified.stdout
    event, = served.events(device.serial, "certificate-revoked")
    assert "key-compromise: stolen from the store room" in event["detail"]


def test_revoked_certificate_may_only_become_one_of_a_compromised_key(served, device):
    def revoke(reason, *options):
        return served.ctl("certificates", "revoke", "--yes", serial_of(device), "--reason", reason,
                          *options, check=False)
    assert revoke("superseded", "--because", "has a newer one").returncode == 0
    first = until(lambda: on_list(device.ldevid), "the certificate is on the list")
    before, = served.certificates(device.serial)
    for refused in (revoke("superseded"), revoke("affiliation-changed"),
                    served.ctl("certificates", "suspend", serial_of(device), check=False),
                    served.ctl("certificates", "resume", serial_of(device), check=False)):
        assert refused.returncode == 1
        assert "the certificate is revoked already (superseded)" in refused.stderr
    assert served.certificates(device.serial) == [before]
    assert revoke("key-compromise").returncode == 0

    def listed():
        entry = on_list(device.ldevid)
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
        return entry if reason == x509.ReasonFlags.key_compromise else None
    entry = until(listed, "the list gives the new reason")
    assert entry.revocation_date == first.revocation_date
    after, = served.certificates(device.serial)
    assert after == before | {"reason": "key-compromise"}
    assert [e["detail"].split(", ")[-1] for e in
            served.events(device.serial, "certificate-revoked")] == \
        ["superseded: has a newer one", "key-compromise"]
    assert "revoked already (key-compromise)" in revoke("key-compromise").stderr


def test_nothing_is_revoked_without_being_asked(served, device):
    refused = served.ctl("certificates", "revoke", serial_of(device), check=False)
    assert refused.returncode == 2 and "--yes" in refused.stderr
    assert served.certificates(device.serial)[0]["state"] == "issued"


def test_revoked_certificate_opens_no_door(served, device):
    served.ctl("certificates", "revoke", "--yes", serial_of(device))
    with pytest.raises(AssertionError):
        device.tell_enrolled()
    assert served.trouble(device.serial, "certificate-revoked")


def test_ocsp_follows_revocation_suspension_and_return(served, tmp_path, device):
    assert ask_openssl(served, tmp_path, device)[0] == "good"
    served.ctl("certificates", "suspend", serial_of(device), "--because", "on its way to repair")
    status, text = ask_openssl(served, tmp_path, device)
    assert status == "revoked" and "certificateHold" in text
    until(lambda: on_list(device.ldevid), "the suspended certificate is on the list")
    served.ctl("certificates", "resume", serial_of(device))
    assert ask_openssl(served, tmp_path, device)[0] == "good"
    until(lambda: on_list(device.ldevid) is None, "the list is without it again")
    served.ctl("certificates", "revoke", "--yes", serial_of(device), "--reason", "superseded")
    status, text = ask_openssl(served, tmp_path, device, "-no_nonce")
    assert status == "revoked" and "superseded" in text
    refused = served.ctl("certificates", "resume", serial_of(device), check=False)
    assert refused.returncode == 1 and "only a suspended one" in refused.stderr


def ocsp_request(device, ca, hash_with=hashes.SHA1()):
    builder = ocsp.OCSPRequestBuilder().add_certificate(device.ldevid, ca, hash_with)
    return builder.build().public_bytes(DER)


@pytest.mark.parametrize("safe", ["", "/"], ids=["slashes encoded", "slashes as they are"])
def test_ocsp_by_get_may_be_cached(served, tmp_path, device, safe):
    ca, _ = issuer(served, tmp_path)
    path = urllib.parse.quote(base64.b64encode(ocsp_request(device, ca)).decode(), safe=safe)
    headers, octets = get(f"{served.public}/ocsp/{path}")
    response = ocsp.load_der_ocsp_response(octets)
    assert response.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL
    assert response.certificate_status == ocsp.OCSPCertStatus.GOOD
    assert headers["Content-Type"] == "application/ocsp-response"
    assert "max-age" in headers["Cache-Control"]
    responder, = response.certificates
    usages = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [x509.ExtendedKeyUsageOID.OCSP_SIGNING]
    responder.extensions.get_extension_for_class(x509.OCSPNoCheck)


def max_age(headers):
    return int(re.fullmatch("max-age=([0-9]+)", headers["Cache-Control"])[1])


def test_nothing_may_be_cached_longer_than_it_is_good(served, tmp_path, device):
    """RFC 5019 6.2."""
    ca, _ = issuer(served, tmp_path)
    path = urllib.parse.quote(base64.b64encode(ocsp_request(device, ca)).decode(), safe="")
    headers, octets = get(f"{served.public}/ocsp/{path}")
    response = ocsp.load_der_ocsp_response(octets)
    good = response.next_update - response.this_update
    assert 0 < max_age(headers) <= good.total_seconds() == 120
    headers, octets = get(crl_url(device.ldevid))
    listed = x509.load_der_x509_crl(octets)
    assert 0 < max_age(headers) <= (listed.next_update - listed.last_update).total_seconds() == 240


@pytest.mark.parametrize("digest", [hashes.SHA1(), hashes.SHA256()], ids=["SHA-1", "SHA-256"])
def test_issuer_may_be_named_by_either_hash(served, tmp_path, device, digest):
    ca, _ = issuer(served, tmp_path)
    response = ocsp.load_der_ocsp_response(post(served, ocsp_request(device, ca, digest)))
    assert response.certificate_status == ocsp.OCSPCertStatus.GOOD


def post(served, octets, media_type="application/ocsp-request"):
    request = urllib.request.Request(f"{served.public}/ocsp", octets,
                                     {"Content-Type": media_type})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read()


def forged(ca):
    """A certificate that says it is the CA's, with a serial number that was never given."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(timezone.utc)
    return x509.CertificateBuilder(
        ca.subject, ca.subject, key.public_key(), 4711, now, now + timedelta(days=1)
    ).sign(key, hashes.SHA256())


def test_what_we_never_issued_is_unknown_and_other_cas_are_not_ours(served, tmp_path, device):
    ca, _ = issuer(served, tmp_path)
    root, _ = issuer(served, tmp_path, "root")
    stranger = x509.load_pem_x509_certificate((served.maker / "ca.pem").read_bytes())
    not_ours = ocsp.OCSPRequestBuilder().add_certificate(stranger, stranger, hashes.SHA1())
    response = ocsp.load_der_ocsp_response(post(served, not_ours.build().public_bytes(DER)))
    assert response.response_status == ocsp.OCSPResponseStatus.UNAUTHORIZED
    never = ocsp.OCSPRequestBuilder().add_certificate(forged(ca), ca, hashes.SHA1())
    response = ocsp.load_der_ocsp_response(post(served, never.build().public_bytes(DER)))
    assert response.certificate_status == ocsp.OCSPCertStatus.UNKNOWN
    own = ocsp.OCSPRequestBuilder().add_certificate(ca, root, hashes.SHA1())
    response = ocsp.load_der_ocsp_response(post(served, own.build().public_bytes(DER)))
    assert response.certificate_status == ocsp.OCSPCertStatus.GOOD


def test_garbage_is_answered_as_rfc_6960_says(served):
    for octets in (b"\x30", b"garbage", b"\x30\x03\x0a\x01\x00"):
        response = ocsp.load_der_ocsp_response(post(served, octets))
        assert response.response_status == ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    assert ocsp.load_der_ocsp_response(get(f"{served.public}/ocsp/!!!")[1]).response_status == \
        ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    for media_type, octets, status in (("text/plain", b"x", 415),
                                       ("application/ocsp-request", b"x" * 20000, 413)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            post(served, octets, media_type)
        assert refused.value.code == status
    for path in ("/crl/00.crl", "/ca/.cer", "/.well-known/est/cacerts", "/v1/status"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(served.public + path)
        assert refused.value.code == 404


def test_certificates_are_found_in_every_way(served, device):
    def found(*options):
        return [c["serial-number"] for c in served.ctl_json("certificates", "list", *options)]
    serial = serial_of(device)
    shown = served.ctl_json("certificates", "show", serial)
    assert found("--serial", serial) == [serial]
    assert found("--name", f"{device.serial}.PHONES") == [serial]
    assert found("--name", shown["subject"]) == [serial]
    assert found("--key", shown["spki-sha256"]) == [serial]
    assert found("--device", shown["device"]) == [serial]
    soon = datetime.now(timezone.utc) + timedelta(days=400)
    assert serial in found("--expires-before", soon.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert found("--expires-before", "2026-01-01T00:00:00Z") == []
    assert serial not in found("--state", "revoked")
    assert served.ctl("certificates", "show", "00ff", check=False).returncode == 1


def test_certificate_with_several_names_alike_is_found_once(served, device):
    shown = served.ctl_json("certificates", "show", serial_of(device))
    common = shown["subject"].rpartition("CN=")[2].split(",")[0]
    named = served.ctl_json("certificates", "list", "--name", common)
    assert [c["id"] for c in named] == [shown["id"]]
    everything = served.ctl_json("certificates", "list", "--name", "")
    assert len(everything) == len({c["id"] for c in everything}) > 1
    pages = served.api("GET", "/v1/certificates?name=&limit=1000")["items"]
    assert {c["id"] for c in pages} == {c["id"] for c in everything}


@pytest.mark.parametrize("first, second", [("name", "serial"), ("name", "key"), ("name", "device"),
                                           ("device", "serial")])
def test_certificates_are_found_in_one_way_at_a_time(served, device, first, second):
    shown = served.ctl_json("certificates", "show", serial_of(device))
    value = {"name": shown["subject"], "serial": shown["serial-number"],
             "key": shown["spki-sha256"], "device": shown["device"]}
    refused = served.ctl("certificates", "list", f"--{first}", value[first], f"--{second}",
                         value[second], check=False)
    assert refused.returncode == 1
    assert f"{first} and {second}: only one of name, serial, key and device" in refused.stderr


@pytest.mark.parametrize("reason", ["foo", "ca-compromise", "certificate-hold", "reserved-7"])
def test_reasons_that_are_offered_are_those_that_are_taken(served, device, reason):
    refused = served.ctl("certificates", "revoke", "--yes", serial_of(device), "--reason", reason,
                         check=False)
    assert refused.returncode == 1
    assert "reason: must be one of unspecified, key-compromise, affiliation-changed, superseded, " \
        "cessation-of-operation, privilege-withdrawn\n" in refused.stderr
    assert served.certificates(device.serial)[0]["state"] == "issued"


def test_pages_of_certificates_meet_end_to_end(served, device):
    del device
    seen = []
    after = ""
    while after is not None:
        page = served.api("GET", f"/v1/certificates?limit=2{after}")
        seen += [c["id"] for c in page["items"]]
        after = f"&after={page['next']}" if "next" in page else None
    assert len(seen) == len(set(seen)) == len(served.ctl_json("certificates", "list"))


def test_rollover_gives_a_new_key_and_strands_nobody(served, tmp_path, device):
    old, old_file = issuer(served, tmp_path)
    assert "has a new key" in served.ctl("authorities", "rollover", "--yes", "device-ca").stdout
    new, _ = issuer(served, tmp_path)
    assert new.subject == old.subject and key_of(new) != key_of(old)
    former, _ = issuer(served, tmp_path, "device-ca-1")
    assert former == old
    # Certificates of the old key: still good, still revocable, on the old key's list.
    responder = until(lambda: [a for a in served.ctl_json("authorities", "list")
                               if a["name"] == "ocsp-device-ca-1"], "a responder for the old key")
    assert responder
    (tmp_path / "device.pem").write_text(pem_of([device.ldevid]))
    served.ctl("certificates", "revoke", "--yes", serial_of(device))
    assert until(lambda: on_list(device.ldevid), "on the list of the old key")
    assert crl_of(device.ldevid).is_signature_valid(old.public_key())
    done = subprocess.run(
        ["openssl", "ocsp", "-issuer", old_file, "-cert", tmp_path / "device.pem", "-url",
         f"{served.public}/ocsp", "-CAfile", served.owner / "pki" / "root.pem", "-verify_other",
         old_file], capture_output=True, text=True, timeout=60)
    assert "Response verify OK" in done.stderr and ": revoked" in done.stdout
    # New ones: of the new key; /cacerts holds both, and what leads from one to the other.
    fresh = served.independent().go_on()
    assert fresh.ldevid.issuer == new.subject
    (tmp_path / "new.pem").write_text(pem_of([new]))
    (tmp_path / "fresh.pem").write_text(pem_of([fresh.ldevid]))
    openssl("verify", "-x509_strict", "-CAfile", served.owner / "pki" / "root.pem", "-untrusted",
            tmp_path / "new.pem", tmp_path / "fresh.pem")
    cas = [c for c in fresh.cacerts if c.subject == new.subject]
    assert {key_of(c) for c in cas} == {key_of(old), key_of(new)}
    cross = [c for c in cas if c.issuer == new.subject]
    assert len(cross) == 2
    for certificate in cross:  # who has the old one as its anchor trusts the new one, and back
        anchor = old if key_of(certificate) == key_of(new) else new
        (tmp_path / "anchor.pem").write_text(pem_of([anchor]))
        (tmp_path / "cross.pem").write_text(pem_of([certificate]))
        openssl("verify", "-partial_chain", "-no-CApath", "-no-CAstore", "-trusted",
                tmp_path / "anchor.pem", tmp_path / "cross.pem")
    # And all of it survives a restart.
    served.restart_gatehoused()
    assert crl_of(fresh.ldevid).is_signature_valid(new.public_key())
    assert ask_openssl(served, tmp_path, fresh)[0] == "good"


def test_only_the_device_ca_is_rolled_over(served):
    refused = served.ctl("authorities", "rollover", "--yes", "root", check=False)
    assert refused.returncode == 1 and "only device-ca" in refused.stderr


def test_lists_can_be_published_elsewhere(served, tmp_path):
    lists = {c["authority"]: c for c in served.ctl_json("crls", "list")}
    assert {"root", "registrar-ca", "device-ca"} <= set(lists)
    served.ctl("crls", "export", "root", tmp_path / "root.crl")
    root, _ = issuer(served, tmp_path, "root")
    crl = x509.load_der_x509_crl((tmp_path / "root.crl").read_bytes())
    assert crl.is_signature_valid(root.public_key()) and len(crl) == 0

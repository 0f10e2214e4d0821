"""
What a profile asks of a request (RFC 9908), and that no other reaches the CA: devices with requests
made by openssl, and the reference pledge by legacy elements, by the template, and by both.  The
profiles are those of docs/csrattrs.md.
"""

import base64
import json
import pathlib
import re

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID, ObjectIdentifier

import der
from forger import oid, tlv
from pledge import EST, certificates_in, in_lines, openssl, pem_of
from scene import until
from wire import Wire

PAGE = pathlib.Path(__file__).parents[2] / "docs/csrattrs.md"
ROLE, ACP_NODE_NAME = "1.3.6.1.4.1.99999.1", "1.3.6.1.5.5.7.8.10"
TEMPLATE = "1.2.840.113549.1.9.16.2.61"
ACP_ADDRESS = "fd89b714f3db00000200000064000000"


def examples():
    """The page's profiles by name."""
    blocks = re.findall(r"(?:^    .*\n|^\n)+", PAGE.read_text(), re.M)
    profiles = [yaml.safe_load(re.sub("^    ", "", block, flags=re.M)) for block in blocks
                if "    name: " in block]
    return {profile["name"]: profile for profile in profiles}


def profile(scene, name, **changes):
    """From here on all devices have this one, made of the page's."""
    wanted = {**examples().get(name, {"name": name}), **changes}
    file = scene.folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump({key: value for key, value in wanted.items()
                                    if value is not None}))
    known = [each["name"] for each in scene.ctl_json("profiles", "list")]
    scene.ctl("profiles", "set" if name in known else "add", name, "--file", file)
    scene.ctl("manufacturers", "set", "maker", "--profile", name)


def listed(scene, prefix):
    """A new device with a row in a list of what the owner has bought."""
    serial = scene.device(expected=False, prefix=prefix)
    number = scene.numbers[prefix]
    file = scene.folder / f"{serial}.csv"
    file.write_text("serial,manufacturer,ip,site,role,acp-address\n"
                    f"{serial},maker,192.0.2.{number},Cologne,core,{ACP_ADDRESS}+r{number}\n")
    scene.ctl("devices", "import", file)
    return serial


def at_the_door(scene, serial):
    """A pledge that has its voucher and asks what to ask for."""
    pledge = scene.independent(serial).go_on("cacerts")
    answer = pledge.ask("GET", EST + "csrattrs")
    assert (answer.status, answer.media_type) == (200, "application/csrattrs")
    pledge.told = base64.b64decode(answer.body)
    return pledge


def request(folder, subject, names, extensions=(), curve="P-384", digest="-sha384"):
    """A certification request by openssl, DER."""
    lines = ["[req]", "prompt=no", "string_mask=utf8only", "distinguished_name=dn",
             "req_extensions=ext", "[dn]", *subject, "[ext]",
             "subjectAltName=" + ",".join(names), *extensions, ""]
    (folder / "req.cnf").write_text("\n".join(lines))
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out",
            folder / "req.key")
    openssl("req", "-new", "-key", folder / "req.key", digest, "-config", folder / "req.cnf",
            "-outform", "DER", "-out", folder / "req.der")
    return (folder / "req.der").read_bytes()


def by_reference_pledge(scene, serial):
    """The reference pledge's way, up to its certificate."""
    scene.run("gatehouse-pledge", "--identity", scene.maker / "pledges" / serial, "--registrar",
              scene.registrar_url, "--masa-anchors", scene.maker / "masa-anchors.pem", "--out",
              scene.out, *scene.resolve_options())
    shown, = scene.certificates(serial)
    return issued(scene, shown)


def issued(scene, shown):
    octets = base64.b64decode(scene.ctl_json("certificates", "show", shown["id"])["der"])
    certificate = x509.load_der_x509_certificate(octets)
    (scene.folder / "issued.pem").write_text(pem_of([certificate]))
    (scene.folder / "roots.pem").write_text("".join(
        path.read_text() for path in sorted((scene.owner / "pki").glob("*.pem"))))
    openssl("verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile",
            scene.folder / "roots.pem", scene.folder / "issued.pem")
    return certificate


def names_of(certificate, kind):
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [getattr(name, "compressed", name) for name in san.value.get_values_for_type(kind)]


def subject_of(certificate):
    return [(attribute.oid, attribute.value) for attribute in certificate.subject]


# The page's examples.


def test_acp_node_gets_its_name_and_address_by_either_way(scene):
    profile(scene, "acp")
    serial = listed(scene, "NODE")
    certificate = by_reference_pledge(scene, serial)
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    name, = san.value.get_values_for_type(x509.OtherName)
    assert san.critical and name.type_id == ObjectIdentifier(ACP_NODE_NAME)
    assert name.value == tlv(0x16, f"{ACP_ADDRESS}+r{scene.numbers['NODE']}@acp.example.com".encode())
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and usage.key_agreement


def test_phone_tells_its_opaque_identifier_and_no_serial_number(scene):
    profile(scene, "phones")
    serial = scene.device(prefix="SECRETIVE")
    certificate = by_reference_pledge(scene, serial)
    opaque = scene.shown(serial)["device"]["opaque"]
    assert re.fullmatch("[0-9a-f]{32}", opaque)
    assert subject_of(certificate) == [(NameOID.SERIAL_NUMBER, opaque)]
    assert names_of(certificate, x509.DNSName) == [f"{opaque}.phones.example.com"]
    assert serial.encode() not in certificate.public_bytes(Encoding.DER)
    again = at_the_door(scene, serial)  # reset, and asked anew: the same
    assert opaque.encode() in again.told and serial.encode() not in again.told


def test_old_phone_is_refused_where_it_would_tell_its_serial_number(scene):
    profile(scene, "phones", csrattrs="legacy", subject=None)
    pledge = at_the_door(scene, scene.device(prefix="OLD"))
    pledge.attributes = der.Attributes(pledge.told)
    assert pledge.post_csr(pledge.csr()).status == 400
    event = scene.trouble(pledge.serial, "csr-not-as-asked")
    assert "opaque identifier" in event["detail"]
    assert scene.certificates(pledge.serial) == []
    nameless = pledge.csr(subject=x509.Name([]))
    answer = pledge.patiently(lambda: pledge.post_csr(nameless))
    assert answer.status == 200
    certificate, = certificates_in(answer.body)
    assert subject_of(certificate) == []


def right(scene, serial):
    """What openssl must be told for a router's request."""
    number = scene.numbers["ROUTER"]
    return {
        "subject": ["O=Example Corp", "OU=Cologne", f"CN={serial.lower()}.routers.example.com",
                    f"serialNumber={serial}"],
        "names": [f"IP:192.0.2.{number}", f"DNS:{serial.lower()}.routers.example.com"],
        "extensions": [f"{ROLE}=ASN1:UTF8String:core"],
    }


def check_router(scene, serial, certificate):
    wanted = right(scene, serial)
    assert [f"{attribute.rfc4514_attribute_name}={attribute.value}".replace("2.5.4.5", "serialNumber")
            for attribute in certificate.subject] == wanted["subject"]
    assert [f"IP:{ip}" for ip in names_of(certificate, x509.IPAddress)] + \
        [f"DNS:{name}" for name in names_of(certificate, x509.DNSName)] == wanted["names"]
    role = certificate.extensions.get_extension_for_oid(ObjectIdentifier(ROLE))
    assert role.value.value == tlv(0x0C, b"core") and not role.critical
    assert certificate.public_key().curve.name == "secp384r1"


@pytest.mark.parametrize("how", ["template", "both"])
def test_router_gets_what_its_profile_asks_for(scene, how):
    profile(scene, "routers", csrattrs=how)
    serial = listed(scene, "ROUTER")
    check_router(scene, serial, by_reference_pledge(scene, serial))
    event, = scene.events(serial, "csrattrs-served")
    assert f"{serial.lower()}.routers.example.com, ip:192.0.2." in event["detail"]


def test_legacy_elements_are_followed_by_the_reference_pledge(scene):
    profile(scene, "routers", csrattrs="legacy", subject=None, fill=["2.5.4.5"],
            **{"ask-key-usage": "value"})
    serial = listed(scene, "ROUTER")
    certificate = by_reference_pledge(scene, serial)
    assert names_of(certificate, x509.DNSName) == [f"{serial.lower()}.routers.example.com"]
    assert certificate.extensions.get_extension_for_oid(ObjectIdentifier(ROLE))


KEYS = {
    "p521 sha512": ({"key": "p521", "hash": "sha512"}, "secp521r1"),
    "rsa2048": ({"key": "rsa2048", "csrattrs": "template"}, 2048),
    "ed25519": ({"key": "ed25519", "csrattrs": "template"}, None),
    "any": ({"key": "any", "hash": "any"}, "secp256r1"),
}


@pytest.mark.parametrize("items,kind", KEYS.values(), ids=KEYS)
def test_key_is_of_the_kind_that_the_profile_asks_for(scene, items, kind):
    profile(scene, "keys", **{"key": "p256", "hash": "sha256", "csrattrs": "legacy", **items})
    key = by_reference_pledge(scene, scene.device(prefix="KEY")).public_key()
    if kind is None:
        assert isinstance(key, ed25519.Ed25519PublicKey)
    else:
        assert kind in (key.key_size, getattr(getattr(key, "curve", None), "name", None))


def test_request_is_bound_to_its_connection_where_the_profile_says_so(scene):
    profile(scene, "bound", **{"challenge-password": True})
    serial = scene.device(prefix="BOUND")
    pledge = at_the_door(scene, serial)
    pledge.attributes = der.Attributes(pledge.told)
    assert "1.2.840.113549.1.9.7" in pledge.attributes.oids
    assert pledge.post_csr(pledge.csr()).status == 400
    assert "challengePassword" in scene.trouble(serial, "csr-not-as-asked")["detail"]
    assert scene.certificates(serial) == []
    assert by_reference_pledge(scene, serial)


def test_old_device_follows_the_other_elements_where_both_are_told(scene):
    """RFC 9908 4: it knows no template, and what it asks for is as the rest says."""
    profile(scene, "mixed", csrattrs="both", subject=[{"type": "O", "value": "Example Corp"}],
            **{"dns-pattern": "{serial}.mixed.example.com"})
    pledge = at_the_door(scene, scene.device(prefix="MIXED"))
    pledge.attributes = der.Attributes(pledge.told)
    assert pledge.csr_octets is None and oid(TEMPLATE) in pledge.told
    pledge.enrol()
    assert pledge.ldevid.subject == pledge.idevid.subject
    new = by_reference_pledge(scene, scene.device(prefix="MIXED"))
    assert subject_of(new) == [(NameOID.ORGANIZATION_NAME, "Example Corp")]


# Enforced.

def change(member, index, value):
    def apply(wanted):
        if value is None:
            del wanted[member][index]
        else:
            wanted[member][index] = value
    return apply


WRONG = {
    "another organisation": (change("subject", 0, "O=Bank"), "is Bank, asked for is Example Corp"),
    "an RDN less": (change("subject", 1, None), "RDN 2 of the subject is to be OU"),
    "an RDN more": (lambda w: w["subject"].append("L=Here"), "more than the 4 attributes"),
    "another's serial number": (change("subject", 3, "serialNumber=ROUTER-000"),
                                "filled with what the IDevID states; it is ROUTER-000"),
    "another's address": (change("names", 0, "IP:192.0.2.250"),
                          "is asked for; the request has IP:192.0.2.250"),
    "a name less": (change("names", 1, None), "is asked for; the request has IP:"),
    "a name more": (lambda w: w["names"].append("DNS:bank.example"),
                    "the name DNS:bank.example was not asked for"),
    "another role": (change("extensions", 0, f"{ROLE}=ASN1:UTF8String:spy"), "asked for is 0c04"),
    "no role": (change("extensions", 0, None), f"extension {ROLE} is asked for and missing"),
    "a CA's powers": (lambda w: w["extensions"].append("basicConstraints=CA:TRUE"),
                      "basicConstraints (2.5.29.19) was not asked for"),
    "another curve": (lambda w: w.update(curve="P-256"), "key is EC P-256, asked for is EC P-384"),
    "another hash": (lambda w: w.update(digest="-sha256"), "asked for is ecdsa-with-SHA384"),
}


@pytest.fixture(scope="module", name="router")
def fixture_router(scene):
    """One that was told by the template."""
    profile(scene, "routers")
    return at_the_door(scene, listed(scene, "ROUTER"))


def verdict(scene, tmp_path, octets, *whose):
    """What csrattrs try says: exit status, and the answer."""
    (tmp_path / "tried.pem").write_bytes(octets)
    run = scene.ctl("csrattrs", "try", *whose, "--csr", tmp_path / "tried.pem", "--json",
                    check=False)
    return run.returncode, json.loads(run.stdout)


@pytest.mark.parametrize("spoil,why", WRONG.values(), ids=WRONG)
def test_request_that_is_not_as_asked_reaches_no_ca(scene, router, tmp_path, spoil, why):
    wanted = right(scene, router.serial)
    spoil(wanted)
    octets = request(tmp_path, **wanted)
    assert router.post_csr(octets).status == 400
    event = scene.trouble(router.serial, "csr-not-as-asked")
    assert why in event["detail"]
    assert scene.certificates(router.serial) == []
    assert not scene.events(router.serial, "certificate-requested")
    status, said = verdict(scene, tmp_path, octets, "--device", router.serial)
    assert status == 1 and not said["accepted"]
    assert (said["problem"], said["detail"]) == ("csr-not-as-asked", event["detail"])
    assert said["hint"]


def test_request_by_openssl_that_is_as_asked_is_taken(scene, router, tmp_path):
    octets = request(tmp_path, **right(scene, router.serial))
    assert verdict(scene, tmp_path, octets, "--device", router.serial)[0] == 0
    answer = router.patiently(lambda: router.post_csr(octets))
    assert answer.status == 200
    certificate, = certificates_in(answer.body)
    check_router(scene, router.serial, certificate)


def test_request_is_held_against_what_the_device_was_told(scene, tmp_path):
    profile(scene, "routers")
    pledge = at_the_door(scene, listed(scene, "ROUTER"))
    octets = request(tmp_path, **right(scene, pledge.serial))
    profile(scene, "routers", key="p256", hash="sha256")
    try:
        shown = scene.ctl_json("csrattrs", "show", "--device", pledge.serial)
        assert base64.b64decode(shown["told"]["der"]) == pledge.told
        assert "P-256" in shown["attributes"]["template"]["key"]
        scene.ctl("manufacturers", "set", "maker", "--profile", "default")
        status, said = verdict(scene, tmp_path, octets, "--device", pledge.serial)
        assert (status, said["judged-by"]) == (0, "told") and "profile" not in said
        assert pledge.patiently(lambda: pledge.post_csr(octets)).status == 200
    finally:
        profile(scene, "routers")


def test_value_that_cannot_be_had_is_told(scene):
    profile(scene, "routers")
    pledge = scene.independent(scene.device(prefix="UNLISTED")).go_on("cacerts")
    assert pledge.ask("GET", EST + "csrattrs").status == 503
    event = scene.trouble(pledge.serial, "profile-value")
    assert "{column:" in event["detail"]


def test_address_of_one_is_never_anothers(scene):
    profile(scene, "routers")
    at_the_door(scene, listed(scene, "ROUTER"))
    other = scene.device(expected=False, prefix="CLONE")
    file = scene.folder / "clone.csv"
    file.write_text("serial,manufacturer,ip,site,role\n"
                    f"{other},maker,192.0.2.{scene.numbers['ROUTER']},Cologne,core\n")
    scene.ctl("devices", "import", file)
    pledge = scene.independent(other).go_on("cacerts")
    assert pledge.ask("GET", EST + "csrattrs").status == 503
    assert "has the name ip:192.0.2." in scene.trouble(other, "profile-name")["detail"]


# Who is told what.


def test_expected_device_is_shown_what_it_will_be_told(scene):
    profile(scene, "routers")
    serial = listed(scene, "ROUTER")
    octets = scene.folder / "shown.der"
    shown = scene.ctl_json("csrattrs", "show", "--device", serial)
    assert shown["names"] == [f"{serial.lower()}.routers.example.com",
                              f"ip:192.0.2.{scene.numbers['ROUTER']}"]
    assert [each.get("text", "filled") for each in shown["attributes"]["template"]["subject"]] == \
        ["Example Corp", "Cologne", f"{serial.lower()}.routers.example.com", "filled"]
    octets.write_bytes(base64.b64decode(shown["attributes"]["der"]))
    parsed = openssl("asn1parse", "-inform", "DER", "-in", octets).decode()
    assert TEMPLATE in parsed and "Example Corp" in parsed
    assert at_the_door(scene, serial).told == octets.read_bytes()


@pytest.fixture(scope="module", name="label")
def fixture_label(scene, tmp_path_factory):
    """For anybody with a password, by the routers' profile; the client's credentials."""
    profile(scene, "routers")
    password = tmp_path_factory.mktemp("secret") / "password"
    password.write_text("correct horse battery staple\n")
    password.chmod(0o600)
    scene.ctl("labels", "add", "lab", "--authenticate", "password", "--authenticate", "certificate",
              "--domain", "lab.example.com", "--profile", "routers")
    scene.ctl("secrets", "add", "tester", "--label", "lab", "--password-file", password,
              "--unlimited")
    return "Basic " + base64.b64encode(b"tester:correct horse battery staple").decode()


def post(scene, octets, label, operation="simpleenroll", identity=None, login=None):
    fields = {} if login is None else {"authorization": login}
    with Wire(scene.port, identity) as wire:
        return wire.request("POST", f"{EST}{label}{operation}", in_lines(octets),
                            content_type="application/pkcs10", **fields)


def test_everybody_else_is_told_nothing_of_a_device(scene, label, tmp_path):
    profile(scene, "routers")
    device = at_the_door(scene, listed(scene, "ROUTER"))
    with Wire(scene.port) as wire:
        answer = wire.request("GET", f"{EST}lab/csrattrs")
    generic = base64.b64decode(answer.body)
    assert answer.status == 200 and b"Example Corp" in generic
    for own in (device.serial, device.serial.lower(), "Cologne", "routers.example.com", "core"):
        assert own.encode() in device.told or own == device.serial
        assert own.encode() not in generic
    wanted = {"subject": ["O=Bank", "OU=Lab", "CN=a.lab.example.com", "serialNumber=7"],
              "names": ["DNS:a.lab.example.com"]}
    octets = request(tmp_path, **wanted)
    assert post(scene, octets, "lab/", login=label).status == 403
    status, said = verdict(scene, tmp_path, octets, "--profile", "routers")
    assert status == 1 and "O (2.5.4.10) with the value that is asked for" in said["detail"]
    assert (said["judged-by"], said["profile"]) == ("profile", "routers")
    wanted["subject"][0] = "O=Example Corp"
    answer = post(scene, request(tmp_path, **wanted), "lab/", login=label)
    assert answer.status == 200
    certificate, = certificates_in(answer.body)
    assert certificate.subject.rfc4514_string().endswith("O=Example Corp")


# Renewals.


def changed(subject, before, key, subject_der=b"", names=(), tag=0xA1):
    """A request for the names of before that asks for others instead (RFC 6402 2.8)."""
    dns = b"".join(tlv(0x82, name.encode()) for name in names)
    change_name = tlv(0x30, subject_der, tlv(tag, dns) if names else b"")
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for extension in before:
        builder = builder.add_extension(extension.value, extension.critical)
    unsigned = builder.sign(key, digest_of(key)).public_bytes(Encoding.DER)
    return resigned(unsigned, tlv(0x30, oid("1.3.6.1.5.5.7.7.36"), tlv(0x31, change_name)), key)


def digest_of(key):
    return hashes.SHA384() if key.curve.name == "secp384r1" else hashes.SHA256()


def resigned(request_der, attribute, key):
    """With one attribute more, which the cryptography package cannot write."""
    (_, info), (_, algorithm), _ = der.elements(der.inside(request_der, der.SEQUENCE))
    parts = der.elements(info)
    attributes = b"".join(content for tag, content in parts if tag == 0xA0)
    rest = b"".join(tlv(tag, content) for tag, content in parts if tag != 0xA0)
    content = tlv(0x30, rest, tlv(0xA0, attributes, attribute))
    signature = key.sign(content, ec.ECDSA(digest_of(key)))
    return tlv(0x30, content, tlv(0x30, algorithm), tlv(0x03, b"\0" + signature))


@pytest.mark.parametrize("tag", [0xA1, 0x30], ids=["erratum 3943", "RFC 6402"])
def test_names_are_changed_at_a_renewal_where_that_is_allowed(scene, tag):
    """RFC 7030 4.2.2: the device asks for what its profile gives it now."""
    profile(scene, "moving", **{"dns-pattern": "{serial}.old.example.com"})
    pledge = scene.independent(scene.device(prefix="MOVING")).go_on()
    old = pledge.ldevid
    san, = [e for e in old.extensions if e.oid == x509.SubjectAlternativeName.oid]
    new = f"{pledge.serial.lower()}.new.example.com"
    profile(scene, "moving", **{"dns-pattern": "{serial}.new.example.com"})

    def renew(octets):
        return post(scene, octets, "", "simplereenroll", pledge.own_identity())
    plain = pledge.csr(subject=old.subject, extensions=[(san.oid.dotted_string, tlv(
        0x30, tlv(0x82, new.encode())))])
    assert renew(plain).status == 403  # other names without saying so
    asking = changed(old.subject, [san], pledge.key, names=[new], tag=tag)
    assert renew(asking).status == 403
    event = scene.trouble(pledge.serial, "not-renewable")
    assert "ChangeSubjectName" in event["detail"] and "moving" in event["detail"]
    assert len(scene.certificates(pledge.serial)) == 1
    profile(scene, "moving", **{"dns-pattern": "{serial}.new.example.com",
                                "change-subject-name": True})
    other = changed(old.subject, [san], pledge.key, names=["bank.example.com"], tag=tag)
    assert renew(other).status == 400
    assert new in scene.trouble(pledge.serial, "csr-not-as-asked")["detail"]
    with Wire(scene.port, pledge.own_identity()) as wire:  # it is told which names, too
        told = base64.b64decode(wire.request("GET", EST + "csrattrs").body)
    assert new.encode() in told
    answer = renew(asking)
    assert answer.status == 200
    certificate, = certificates_in(answer.body)
    assert names_of(certificate, x509.DNSName) == [new]
    assert certificate.subject == old.subject


@pytest.mark.parametrize("way", ["legacy", "both"])
def test_no_name_is_taken_where_none_is_asked_for(scene, way):
    """Also at a renewal that may change them."""
    profile(scene, "nameless", **{"csrattrs": way, "change-subject-name": True})
    pledge = scene.independent(scene.device(prefix="NAMELESS")).go_on()
    asking = changed(pledge.ldevid.subject, [], pledge.key, names=["bank.example.com"])
    assert post(scene, asking, "", "simplereenroll", pledge.own_identity()).status == 400
    assert "not asked for" in scene.trouble(pledge.serial, "csr-not-as-asked")["detail"]
    assert len(scene.certificates(pledge.serial)) == 1


def test_value_that_is_gone_is_in_the_way_of_no_renewal(scene):
    """The names stay; what the CA would take from the request is asked for, or refused."""
    profile(scene, "moving", **{"dns-pattern": "{serial}.old.example.com"})
    pledge = scene.independent(scene.device(prefix="STAYING")).go_on()
    san, = [e for e in pledge.ldevid.extensions if e.oid == x509.SubjectAlternativeName.oid]
    profile(scene, "moving", **{
        "dns-pattern": "{serial}.old.example.com",
        "extensions": [{"oid": ROLE, "text": "{column:role}"}]})

    def renew(*more):
        octets = pledge.csr(subject=pledge.ldevid.subject, extensions=[
            (san.oid.dotted_string, san.value.public_bytes()), *more])
        return post(scene, octets, "", "simplereenroll", pledge.own_identity())
    assert renew((ROLE, tlv(0x0C, b"spy"))).status == 400
    assert ROLE in scene.trouble(pledge.serial, "csr-not-as-asked")["detail"]
    answer = renew()
    assert answer.status == 200
    certificate, = certificates_in(answer.body)
    assert ROLE not in [e.oid.dotted_string for e in certificate.extensions]


def test_who_leaves_takes_its_opaque_identifier_along(scene):
    profile(scene, "phones")
    serial = scene.device(prefix="LEAVING")
    at_the_door(scene, serial)
    assert scene.shown(serial)["device"]["opaque"]
    scene.ctl("devices", "decommission", serial, "--reason", "lost", "--erase", "names", "--yes")
    until(lambda: "opaque" not in scene.shown(serial)["device"], "it is erased")


def test_device_that_has_no_names_yet_has_none_to_change(scene):
    profile(scene, "moving", **{"dns-pattern": "{serial}.new.example.com",
                                "change-subject-name": True})
    pledge = at_the_door(scene, scene.device(prefix="EARLY"))
    pledge.attributes = der.Attributes(pledge.told)
    plain = x509.load_der_x509_csr(pledge.csr())
    octets = changed(plain.subject, plain.extensions, pledge.key,
                     names=[f"{pledge.serial.lower()}.new.example.com"])
    assert pledge.post_csr(octets).status == 403
    assert scene.certificates(pledge.serial) == []


def test_label_says_whether_its_clients_may_change_their_names(scene, label, tmp_path):
    scene.ctl("labels", "set", "lab", "--profile", "default")
    octets = request(tmp_path, ["CN=b.lab.example.com"], ["DNS:b.lab.example.com"], curve="P-256",
                     digest="-sha256")
    certificate, = certificates_in(post(scene, octets, "lab/", login=label).body)
    (tmp_path / "own.pem").write_text(pem_of([certificate]))
    identity = (tmp_path / "own.pem", tmp_path / "req.key")
    key = load_pem_private_key(identity[1].read_bytes(), None)
    san, = [e for e in certificate.extensions if e.oid == x509.SubjectAlternativeName.oid]

    def renew(name):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        asking = changed(certificate.subject, [san], key, subject.public_bytes(), [name])
        return post(scene, asking, "lab/", "simplereenroll", identity)
    assert renew("c.lab.example.com").status == 403
    assert until(lambda: [s for s in scene.strangers() if "label lab" in s.get("detail", "")],
                 "the refusal is listed")
    scene.ctl("labels", "set", "lab", "--change-subject-name", "yes")
    assert renew("c.bank.example.com").status == 403
    answer = renew("c.lab.example.com")
    assert answer.status == 200
    renewed, = certificates_in(answer.body)
    assert names_of(renewed, x509.DNSName) == ["c.lab.example.com"]
    assert subject_of(renewed) == [(NameOID.COMMON_NAME, "c.lab.example.com")]


# What an administrator may write.

BAD = {
    "fill by legacy": ({"alt-names": [{"kind": "ip"}]}, "only the template"),
    "no such place": ({"alt-names": [{"kind": "dns", "value": "{seril}.example.com"}]}, "{seril}"),
    "no address": ({"alt-names": [{"kind": "ip", "value": "10.0.0.300"}]}, "no IP address"),
    "the CA's affair": ({"extensions": [{"oid": "2.5.29.19", "value": "3000"}]}, "for the CA"),
}


@pytest.mark.parametrize("items,why", BAD.values(), ids=BAD)
def test_profile_that_cannot_be_is_refused_when_it_is_written(scene, items, why):
    file = scene.folder / "bad.yaml"
    file.write_text(yaml.safe_dump({"name": "bad", **items}))
    run = scene.ctl("profiles", "add", "bad", "--file", file, check=False)
    assert run.returncode == 1 and why in run.stderr
    assert "bad" not in [each["name"] for each in scene.ctl_json("profiles", "list")]


def test_profile_is_written_by_options_too(scene):
    scene.ctl("profiles", "add", "options", "--csrattrs", "both", "--subject", "O=Example Corp",
              "--subject", "serialNumber", "--alt-name", "ip", "--alt-name",
              "other-name=1.3.6.1.4.1.99999.8:{serial}", "--extension",
              "critical,1.3.6.1.4.1.99999.2=hex:0500", "--extension", "1.3.6.1.4.1.99999.3",
              "--ask-key-usage", "fill", "--fill", "2.5.4.5", "--challenge-password", "yes",
              "--alt-names-critical", "yes", "--change-subject-name", "yes")
    shown = scene.ctl_json("profiles", "show", "options")
    assert shown["subject"] == [{"type": "O", "value": "Example Corp"}, {"type": "serialNumber"}]
    assert shown["alt-names"] == [{"kind": "ip"}, {
        "kind": "other-name", "type-id": "1.3.6.1.4.1.99999.8", "value": "{serial}"}]
    assert shown["extensions"] == [
        {"oid": "1.3.6.1.4.1.99999.2", "critical": True, "value": "0500"},
        {"oid": "1.3.6.1.4.1.99999.3", "critical": False}]
    assert shown["challenge-password"] and shown["change-subject-name"]
    scene.ctl("profiles", "set", "options", "--subject", "", "--ask-key-usage", "no")
    assert scene.ctl_json("profiles", "show", "options")["subject"] == []

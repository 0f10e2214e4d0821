"""`gatehousectl inspect` over every published vector, and over what is none."""

import json
import os
import pathlib
import re
import subprocess

import pytest
import yaml

HERE = pathlib.Path(__file__).parent
PROJECT = HERE.parent.parent
VECTORS = pathlib.Path(os.environ.get("GATEHOUSE_VECTORS") or PROJECT.parent / "shared/vectors")
GATEHOUSECTL = pathlib.Path(os.environ.get("GATEHOUSE_BIN", "bin")) / "gatehousectl"
FOLDERS = ["rfc8995", "rfc8366bis", "derived", "idevid-real", "rfc7030", "rfc9908", "jws", "prm",
           "cbrski", "brski-json", "rfc9148"]
TABLE = yaml.safe_load((HERE / "inspect_vectors.yaml").read_text())
FILE_MAX = 1024 * 1024

needs_vectors = pytest.mark.skipif(
    not VECTORS.is_dir(), reason=f"the vectors are not in {VECTORS} (GATEHOUSE_VECTORS)"
)
pytestmark = pytest.mark.skipif(
    not GATEHOUSECTL.is_file(), reason=f"{GATEHOUSECTL} is not built (GATEHOUSE_BIN)"
)


def inspect(path, *options):
    return subprocess.run(
        [GATEHOUSECTL, "inspect", path, *options], capture_output=True, timeout=60, check=False
    )


def anchors_of(row):
    anchors = row.get("anchor", [])
    return [anchors] if isinstance(anchors, str) else anchors


def options_of(row):
    options = []
    for anchor in anchors_of(row):
        options += ["--anchor", VECTORS / anchor]
    if "at" in row:
        options += ["--at", row["at"]]
    return options


def row_name(row):
    return " against ".join([row["file"], *anchors_of(row)])


def only_printable(octets):
    return re.search(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", octets) is None


def failed_with(done, text):
    """Exit status 1 and a clear message, and nothing of a sanitizer or a crash."""
    first = done.stderr.decode().splitlines()[0]
    return done.returncode == 1 and first.startswith("gatehousectl: ") and text in first


@needs_vectors
def test_every_vector_stands_in_the_table():
    there = {f"{folder}/{p.name}" for folder in FOLDERS for p in (VECTORS / folder).iterdir()
             if p.is_file()}
    assert there == {row["file"] for row in TABLE}


@needs_vectors
@pytest.mark.parametrize("row", TABLE, ids=row_name)
def test_vector(row):
    done = inspect(VECTORS / row["file"], "--json", *options_of(row))
    if "kind" not in row:
        assert failed_with(done, row["says"])
        return
    report = json.loads(done.stdout)
    members = report.get("members", {})
    assert report["kind"] == row["kind"]
    assert report.get("signature", {}).get("verifies") == row.get("signed")
    assert report.get("chain", {}).get("verifies") == row.get("chains")
    if "nonce" in row:
        assert members["nonce"] == row["nonce"]
    if "serial" in row:
        assert members.get("serial-number", report.get("idevid", {}).get("serial-number")) == (
            row["serial"]
        )
    if "prior" in row:
        prior = members["prior-signed-voucher-request"]
        assert prior["members"]["serial-number"] == row["prior"]
        assert prior["signature"]["verifies"] is True
    if "fails" in row:
        assert failed_with(done, row["fails"])
    else:
        assert done.returncode == (1 if row.get("chains") is False else 0), done.stderr


@needs_vectors
@pytest.mark.parametrize("row", [r for r in TABLE if "kind" in r], ids=row_name)
def test_vector_for_people(row):
    done = inspect(VECTORS / row["file"], *options_of(row))
    assert re.search(rb"^kind +" + row["kind"].encode() + b"$", done.stdout, re.M)
    assert only_printable(done.stdout)


FORMS = {
    "rfc8995/vr_00-D0-E5-F2-00-02.cms.der": ("cms", None),
    "jws/voucher.jws.json": ("jws", "ES256"),
    "cbrski/voucher.cbor": ("cose", "-7"),
}


@needs_vectors
@pytest.mark.parametrize("file", FORMS)
def test_form_is_told(file):
    report = json.loads(inspect(VECTORS / file, "--json").stdout)
    assert (report["form"], report.get("algorithm")) == FORMS[file]


@needs_vectors
def test_countersignature_is_shown_beside_the_signature(tmp_path):
    file = VECTORS / "prm/voucher-countersigned.jws.json"
    report = json.loads(inspect(file, "--json").stdout)
    assert report["signature"]["signer"]["subject"].startswith("CN=JingJingCorp Voucher Signing")
    countersignature, = report["countersignatures"]
    assert countersignature["verifies"] is True
    assert countersignature["signer"]["subject"].startswith("CN=DomainRegistrar,")
    message = json.loads(file.read_bytes())
    message["signatures"][1]["signature"] = message["signatures"][0]["signature"]
    altered = tmp_path / "altered.json"
    altered.write_text(json.dumps(message))
    done = inspect(altered, "--json")
    assert json.loads(done.stdout)["countersignatures"][0]["verifies"] is False
    assert failed_with(done, "countersignature")


@needs_vectors
def test_certificates_outside_of_a_signature_are_told():
    report = json.loads(
        inspect(VECTORS / "cbrski/voucher-with-unprotected-x5bag.cbor", "--json").stdout)
    assert "outside of the signature" in report["note"]
    assert len(report["certificates"]) == 1


@needs_vectors
def test_extension_and_its_content_are_shown(tmp_path):
    text = (VECTORS / "brski-json/rfc8366bis_extension_voucher.json").read_text()
    whole = tmp_path / "whole.json"
    whole.write_text(text.replace("value==", "valuQ=="))
    members = json.loads(inspect(whole, "--json").stdout)["members"]
    assert members["extensions"] == ["example-my-extension"]
    assert json.loads(members["passed-over"]["extension:example-my-extension"]) == {
        "my-ext-leaf1": "my-ext-leaf1-data"}


@needs_vectors
def test_what_departs_from_the_standards_is_read_and_told(tmp_path):
    untagged = tmp_path / "untagged"
    untagged.write_bytes((VECTORS / "cbrski/voucher.cbor").read_bytes()[1:])
    report = json.loads(inspect(untagged, "--json").stdout)
    assert report["kind"] == "voucher"
    assert report["departs-from-the-standards"] == ["the tag of COSE_Sign1 is missing"]


@needs_vectors
def test_registrar_voucher_request_is_decoded_member_by_member():
    done = inspect(VECTORS / "derived/rvr_constructed.cms.der", "--json")
    report = json.loads(done.stdout)
    assert report["content-type"].startswith("1.2.840.113549.1.9.16.1.40 ")
    assert report["members"]["idevid-issuer"] == "BBgwFoAURYjMlpYAZDewuiNlZGRUCAZsVq0="
    prior = report["members"]["prior-signed-voucher-request"]
    assert prior["kind"] == "voucher-request"
    assert prior["members"]["assertion"] == "proximity"
    assert prior["members"]["proximity-registrar-cert"]["subject"].startswith(
        "CN=fountain-test.example.com"
    )
    assert len(report["certificates"]) >= 1


@needs_vectors
def test_time_of_judgement_is_named():
    file = VECTORS / "rfc8995/voucher_00-D0-E5-F2-00-02.cms.der"
    anchor = VECTORS / "rfc8995/vendor.cert.pem"
    chain = json.loads(inspect(file, "--json", "--anchor", anchor).stdout)["chain"]
    assert chain["judged-at"] == "2021-04-13T21:43:24.589Z"
    assert chain["judged-at-is"] == "its created-on"
    late = inspect(file, "--json", "--anchor", anchor, "--at", "2025-01-01T00:00:00Z")
    chain = json.loads(late.stdout)["chain"]
    assert (chain["judged-at-is"], chain["problem"]) == (
        "the time asked for",
        "certificate-expired",
    )
    assert late.returncode == 1 and b"--at" in late.stderr


def published_values():
    """Lines "name  file (remark)  value" of derived/expected_values.txt."""
    path = VECTORS / "derived/expected_values.txt"
    members = {"idevid-issuer": "idevid-issuer", "masa-url": "masa-base", "domainID": "domain-id"}
    rows = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        name, _, rest = line.partition("  ")
        if name in members:
            rows.append((rest.split()[0], members[name], line.split()[-1]))
    return rows


@needs_vectors
def test_published_values_are_there():
    assert len(published_values()) == 8


@needs_vectors
@pytest.mark.parametrize("file,member,value", published_values())
def test_certificate_fact(file, member, value):
    report = json.loads(inspect(VECTORS / file, "--json").stdout)
    assert report.get("idevid", {}).get(member, report.get(member)) == value


@needs_vectors
@pytest.mark.parametrize(
    "file",
    [
        "rfc8995/voucher_00-D0-E5-F2-00-02.cms.der",
        "rfc8995/vr_00-D0-E5-F2-00-02.b64",
        "rfc8995/vendor.cert.pem",
        "rfc8995/voucher_00-D0-E5-F2-00-02.json",
        "rfc7030/A1_cacerts_response.p7.der",
        "rfc7030/A3_simpleenroll_request.p10.der",
        "rfc9908/s5.6_p521_extensions_attrs_sha512.der",
        "jws/voucher.jws.json",
        "cbrski/rvr.cbor",
        "cbrski/rvr-nonsigned.cbor",
    ],
)
def test_truncated_vector_is_refused(file, tmp_path):
    octets = (VECTORS / file).read_bytes()
    cut = tmp_path / "cut"
    for length in sorted({1, 2, 3, 17, len(octets) // 3, len(octets) // 2, len(octets) - 7}):
        cut.write_bytes(octets[:length])
        assert failed_with(inspect(cut), str(cut)), f"{length} octets of {file}"


@needs_vectors
def test_altered_voucher_does_not_verify(tmp_path):
    octets = (VECTORS / "rfc8995/voucher_00-D0-E5-F2-00-02.cms.der").read_bytes()
    altered = tmp_path / "altered"
    altered.write_bytes(octets.replace(b'"assertion":"logged"', b'"assertion":"lodged"'))
    done = inspect(altered, "--json")
    report = json.loads(done.stdout)
    assert report["members"]["assertion"] == "lodged"
    assert report["signature"]["verifies"] is False
    assert failed_with(done, "signature")


@needs_vectors
def test_altered_cose_voucher_does_not_verify(tmp_path):
    octets = (VECTORS / "cbrski/voucher-with-unprotected-x5bag.cbor").read_bytes()
    altered = tmp_path / "altered"
    altered.write_bytes(octets.replace(b"JADA123456789", b"JADA123456780"))
    done = inspect(altered, "--json")
    report = json.loads(done.stdout)
    assert report["members"]["serial-number"] == "JADA123456780"
    assert report["signature"]["verifies"] is False
    assert failed_with(done, "signature")


@needs_vectors
def test_anchor_that_cannot_apply_is_no_success():
    anchor = VECTORS / "rfc8995/vendor.cert.pem"
    for file in ["rfc7030/A3_simpleenroll_request.p10.der", "rfc8995/vr_00-D0-E5-F2-00-02.json"]:
        assert failed_with(inspect(VECTORS / file, "--anchor", anchor), "anchor" if "p10" in file
                           else "no signature")


GARBAGE = {
    "empty": b"",
    "space": b" \n\t\n",
    "zeros": bytes(4096),
    "binary": bytes(range(256)) * 8,
    "prose": b"This is no voucher.\n",
    "sequence-of-nothing-known": bytes.fromhex("30030101ff"),
    "deep-nesting": bytes.fromhex("3080") * 5000,
    "length-of-four-gigabytes": bytes.fromhex("3084ffffffff02"),
    "pem-without-end": b"-----BEGIN CERTIFICATE-----\nMIIB\n",
    "pem-of-nothing": b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "encrypted-key": b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n"
    b"-----END ENCRYPTED PRIVATE KEY-----\n",
    "json-of-another-kind": b'{"version": 1, "status": true}',
    "json-nested": b'{"a":' * 10000,
    "json-twice": b'{"ietf-voucher:voucher":{"nonce":"a","nonce":"b"}}',
    "jws-flattened": b'{"payload":"e30","protected":"eyJhbGciOiJFUzI1NiJ9","signature":"AAAA"}',
    "jws-of-nothing": b'{"payload":"e30","signatures":[]}',
    "jws-compact": b"eyJhbGciOiJub25lIn0.e30.",
    "cose-of-another-tag": bytes.fromhex("d18443a10126a041004100"),
    "cbor-nested": b"\x81" * 100000,
    "cbor-map-of-millions": bytes.fromhex("a1190993ba7fffffff"),
    "cbor-text-of-exabytes": bytes.fromhex("a17bffffffffffffffff"),
    "hexadecimal-of-nothing": b"00 01 02 03\n",
    "base64-of-prose": b"VGhpcyBpcyBubyB2b3VjaGVyLgo=",
    "larger-than-the-limit": b"0" * (FILE_MAX + 1),
}


@pytest.mark.parametrize("octets", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_refused_with_a_message(octets, tmp_path):
    path = tmp_path / "garbage"
    path.write_bytes(octets)
    done = inspect(path)
    assert failed_with(done, str(path))
    assert b"what to do:" in done.stderr
    assert done.stdout == b""


def test_control_characters_do_not_reach_the_terminal(tmp_path):
    path = tmp_path / "hostile.json"
    path.write_text(
        json.dumps(
            {
                "ietf-voucher:voucher": {
                    "serial-number": "A\u009b31m\u202egpj",
                    "\u009b2J\u202e": "a member nobody knows",
                }
            }
        )
    )
    done = inspect(path)
    assert done.returncode == 0, done.stderr
    assert only_printable(done.stdout)
    assert "\u202e" not in done.stdout.decode()
    assert only_printable(inspect(path, "--json").stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect"],
        ["inspect", "a", "b"],
        ["inspect", "a", "--anchor"],
        ["inspect", "a", "--at", "yesterday"],
        ["inspect", "a", "--ancor", "b"],
    ],
)
def test_wrong_usage(arguments):
    done = subprocess.run([GATEHOUSECTL, *arguments], capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"gatehousectl: usage: ")

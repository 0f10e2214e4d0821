"""The reference MASA and a registrar that shares nothing with it: what their tests have in common."""

import base64
import json

import pytest
from cryptography import x509

from clouds import CloudStage
from fake_registrar import Device, Domain, Registrar
from pledge import VOUCHER_TYPE, verify_cms


@pytest.fixture(scope="module", name="stage")
def fixture_stage(bins, tmp_path_factory):
    stage = CloudStage.open(tmp_path_factory.mktemp("stage"), bins)
    stage.domain = Domain(stage.folder / "domains" / "owner")
    stage.registrar = Registrar(stage.domain)
    yield stage
    stage.finish()


@pytest.fixture(scope="module", name="masa")
def fixture_masa(stage):
    """The MASA with its usual settings; for tests that change them, see restarted()."""
    stage.start_masa()
    return stage


@pytest.fixture(name="restarted")
def fixture_restarted(stage):
    """Starts the MASA with options; the usual one is back afterwards."""
    yield lambda *options: stage.start_masa(*options)
    stage.start_masa()


@pytest.fixture(scope="module", name="known")
def fixture_known(stage):
    file = stage.folder / "registrars.pem"
    file.write_bytes(stage.registrar.above.read_bytes())
    return file


@pytest.fixture(name="aged")
def fixture_aged(masa):
    """A device and the voucher that its owner has for it."""
    device, registrar = Device(masa), masa.registrar
    return device, registrar.ask(masa, registrar.usual_request(device)).body


def members_of(stage, answer):
    """What a voucher says, once openssl has verified it."""
    assert (answer.status, answer.media_type) == (200, VOUCHER_TYPE), answer
    content = json.loads(verify_cms(answer.body, stage.maker / "masa-anchors.pem"))
    return content["ietf-voucher:voucher"]


def check_refused(answer, status, words):
    """RFC 8995 5.6: plain text in UTF-8."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert words in answer.body.decode(), answer.body


def pinned(members):
    return x509.load_der_x509_certificate(base64.b64decode(members["pinned-domain-cert"]))

"""A stage that serves Full CMC under two labels, and what tests of it say and hear."""

import os

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

import cmc
from pledge import EST, in_lines
from test_est_labels import PASSWORD, basic, make_csr, make_key, secret
from wire import Wire

DOMAIN = "routers.example.com"


@pytest.fixture(scope="module", name="est")
def fixture_est(make_scene, tmp_path_factory):
    """A stage whose default label and label for routers serve fullcmc; the latter's password is known."""
    scene = make_scene()
    scene.ctl("labels", "add", "default", "--full-cmc", "yes")
    scene.ctl("labels", "add", "routers", "--authenticate", "password", "--authenticate",
              "certificate", "--domain", DOMAIN, "--full-cmc", "yes")
    folder = tmp_path_factory.mktemp("secret")
    scene.password = folder / "password"
    scene.password.write_text(PASSWORD + "\n")
    scene.password.chmod(0o600)
    scene.scratch = folder / "answers"
    secret(scene, "lab")
    return scene


def post(est, octets, label="routers", user="lab", files=None, **fields):
    """The reply as it comes."""
    if user is not None:
        fields["authorization"] = basic(user)
    path = f"{EST}{label}/fullcmc" if label else EST + "fullcmc"
    with Wire(est.port, files) as wire:
        return wire.request("POST", path, in_lines(octets),
                            **{"content_type": cmc.REQUEST_TYPE, **fields})


def say(est, octets, status, **options):
    """The answer, when the reply has that status."""
    reply = post(est, octets, **options)
    assert reply.status == status, reply
    return cmc.opened(reply, est.owner, est.scratch)


def name_of(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def fresh():
    """A key, and a name under the label's domain that nobody has yet."""
    return make_key(), f"n{os.urandom(5).hex()}.{DOMAIN}"


def by_key(key, name, **options):
    """A PKCS#10 request, the message signed by the same key."""
    request = cmc.pkcs10(cmc.REQUEST, make_csr([name], key, name))
    return cmc.sign(cmc.message(request), key, **options)


def issued(answer, key):
    assert (answer.status, answer.parts) == (cmc.SUCCESS, [cmc.REQUEST]), answer
    mine, = [each for each in answer.certificates
             if each.public_key().public_numbers() == key.public_key().public_numbers()]
    return mine


def refused(est, octets, status, failure, parts=(cmc.REQUEST,), **options):
    """Nothing is issued, and the answer says why."""
    before = len(est.ctl_json("certificates", "list"))
    answer = say(est, octets, status, **options)
    assert (answer.status, answer.failure) == (cmc.FAILED, failure), answer
    assert answer.parts == list(parts)
    assert len(est.ctl_json("certificates", "list")) == before
    return answer

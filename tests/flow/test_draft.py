"""
Both flows of draft-ietf-anima-brski-cloud by the real programs: straight from the manufacturer's cloud
registrar and through a reseller's, with the MASA beside it and elsewhere, in every form of voucher
that the reference pledge speaks.

In the flow with est-domain the EST server is a scripted one: a plain EST server that knows nothing of
BRSKI is what the draft is about.
"""

import json

import pytest

from fake_owner import PEM, Authority, FakeOwner
from pledge import openssl
from pledge_stage import EST_HOST
from stage import free_port

FORMS = ["cms", "jws", "cose"]
RESELLER = "cloud.reseller.example"


@pytest.fixture(name="form", params=FORMS)
def fixture_form(request):
    """What to tell the pledge, for each form that it has."""
    return request.param, ["--format", request.param]


@pytest.fixture(scope="module", name="scene")
def fixture_scene(make_scene):
    """Manufacturer, reseller and owner; the EST server of another owner, who has no registrar."""
    scene = make_scene()
    scene.reseller = scene.folder / "reseller"
    scene.run("gatehouse-maker", "init", scene.reseller, "--name", "Reseller", "--masa",
              "masa.reseller.example", "--cloud", RESELLER)
    scene.anchors = scene.folder / "both-anchors.pem"
    scene.anchors.write_text((scene.maker / "implicit-anchors.pem").read_text()
                             + (scene.reseller / "implicit-anchors.pem").read_text())
    scene.reseller_ports = [free_port(), free_port()]
    scene.clouds = scene.folder / "clouds.pem"  # whose vouchers the MASA signs
    scene.clouds.write_text((scene.maker / "ca.pem").read_text()
                            + (scene.reseller / "ca.pem").read_text())
    scene.est_ca = Authority(scene.folder / "est-ca", "EST CA")
    _, identity = scene.est_ca.server(EST_HOST)
    scene.est = FakeOwner(scene, identity, authority=scene.est_ca)
    yield scene
    scene.est.close()


def again(scene, name):
    if name in scene.programs:
        scene.stop_one(name)


def voucher_options(scene, masa):
    """A cloud registrar whose vouchers name the EST server; its MASA beside it or elsewhere."""
    pin = scene.folder / "est-ca.pem"
    pin.write_bytes(scene.est_ca.certificate.public_bytes(PEM))
    options = ["--est-domain", f"https://{EST_HOST}:{scene.est.port}", "--pin", pin]
    if masa == "beside":
        return [*options, "--masa-state", scene.folder / "cloud-masa"]
    scene.restart_masa("--clouds", scene.clouds)
    return [*options, "--masa", f"https://masa.maker.example:{scene.masa_port}",
            "--network", "127.0.0.0/8",
            "--resolve", f"masa.maker.example:{scene.masa_port}:127.0.0.1"]


def start_chain(scene, serial, resellers, where, *options):
    """
    The manufacturer's cloud and so many resellers', each of which knows the next; the last one has
    the options, and knows `where` the device is to go.
    """
    for name in ("reseller-1", "reseller-0", "cloud"):
        again(scene, name)
    places = [reseller_url(scene, at) for at in range(resellers)] + [where]
    scene.sell([serial], places[0])
    scene.start_cloud(*(options if resellers == 0 else ()))
    for at in range(resellers):
        last = at == resellers - 1
        start_reseller(scene, at, serial, places[at + 1],
                       "--upstream", scene.cloud_url if at == 0 else reseller_url(scene, at - 1),
                       *(options if last else ()))


def start_reseller(scene, at, serial, where, *options):
    devices = scene.folder / f"reseller-{at}-devices"
    devices.write_text(f"{serial} {where}\n")
    maker = scene.maker  # vouchers are the manufacturer's, whoever hands them out
    scene.start(f"reseller-{at}", "gatehouse-cloud",
                "--listen", f"127.0.0.1:{scene.reseller_ports[at]}",
                "--tls-cert", scene.reseller / "cloud-tls.pem",
                "--tls-key", scene.reseller / "cloud-tls.key",
                "--signer-cert", maker / "masa-signer.pem",
                "--signer-key", maker / "masa-signer.key",
                "--masa-anchor", maker / "ca.pem",
                "--idevid-anchor", maker / "ca.pem", "--devices", devices, *options,
                says="listening")


def reseller_url(scene, at):
    return f"https://{RESELLER}:{scene.reseller_ports[at]}"


def go(scene, serial, form):
    """The pledge's steps, from its cloud registrar to an LDevID in use."""
    name, options = form
    run = scene.pledge("--json", "--anchors", scene.anchors, "--max-wait", "100 ms",
                       *[word for port in scene.reseller_ports
                         for word in ("--resolve", f"{RESELLER}:{port}:127.0.0.1")],
                       "--resolve", f"{EST_HOST}:{scene.est.port}:127.0.0.1", *options,
                       serial=serial)
    steps = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    assert steps[-1]["step"] == "onboarded"
    assert (scene.out / serial / f"voucher.{name}").stat().st_size > 0
    return steps


def redirects(steps):
    return [step["status"] for step in steps if step.get("status") == 307]


@pytest.mark.parametrize("resellers", [0, 1, 2])
def test_redirect_leads_to_the_owners_registrar(scene, form, resellers):
    """Section 4.1."""
    serial = scene.device()
    start_chain(scene, serial, resellers, scene.registrar_url)
    steps = go(scene, serial, form)
    assert len(redirects(steps)) == 1 + resellers
    assert scene.episode(serial)["stage"] == "confirmed"
    assert len(scene.certificates(serial)) == 1
    assert [request["status"] for request in scene.asked(serial)] == [200]


@pytest.mark.parametrize("resellers,masa", [(0, "beside"), (0, "elsewhere"), (1, "beside"),
                                            (1, "elsewhere"), (2, "beside")])
def test_voucher_leads_to_the_owners_est_server(scene, form, resellers, masa):
    """Section 4.2."""
    serial = scene.device(expected=False)
    start_chain(scene, serial, resellers, "voucher", *voucher_options(scene, masa))
    before = len(scene.est.asked())
    steps = go(scene, serial, form)
    assert len(redirects(steps)) == resellers
    operations = [request.path.rpartition("/")[2] for request in scene.est.asked()[before:]]
    assert operations == ["cacerts", "csrattrs", "simpleenroll", "enrollstatus"]
    openssl("verify", "-no-CApath", "-no-CAstore", "-CAfile", scene.folder / "est-ca.pem",
            scene.out / serial / "ldevid.pem")
    # The owner's registrar had no part in it, and brski-cloud 2: csrattrs is not for the cloud.
    assert scene.shown(serial) == {}
    asked = {request["path"].rpartition("/")[2] for request in scene.requests_seen("cloud")
             if request["path"]}
    assert "csrattrs" not in asked


def test_idevid_with_an_ed25519_key_is_as_good(scene, form):
    """Where the form can be signed with one: the CMS of the library cannot, and the device says so."""
    serial = scene.device("--key", "ed25519")
    start_chain(scene, serial, 0, scene.registrar_url)
    name, options = form
    if name != "cms":
        go(scene, serial, form)
        assert scene.episode(serial)["stage"] == "confirmed"
        return
    run = scene.pledge("--json", *options, serial=serial, check=False)
    end = json.loads(run.stdout.splitlines()[-1])
    assert (run.returncode, end["step"], end["problem"]) == (1, "failed", "crypto")
    assert scene.asked(serial) == []

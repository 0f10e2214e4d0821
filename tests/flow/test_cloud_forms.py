"""
What we have registered at the manufacturer's cloud, in each form of voucher: devices are sent to us, or
get vouchers of the cloud's for our EST server, straight or through a reseller's cloud
(draft-ietf-anima-brski-cloud 4.1, 4.2, docs/cloud-registration.yaml).
"""

import json

import pytest

from est_pledge import EstPledge
from forms import FORMS, form_of
from registered import CLOUD_NAME, add_cloud, certificate_of, est_domain, knock, reaches, \
    registrar_url, restart_cloud, sell_to_us
from stage import MASA

CERTIFICATES = {"registrar-ca": "registrar-ca", "end-entity": "registrar"}


@pytest.fixture(name="form", params=FORMS, ids=lambda form: form.name)
def fixture_form(request):
    return request.param


def elsewhere(scene):
    where = f"{MASA}:{scene.masa_port}"
    return ["--masa", f"https://{where}", "--network", "127.0.0.0/8", "--resolve",
            f"{where}:127.0.0.1"]


@pytest.fixture(scope="module", name="scene")
def fixture_scene(make_scene):
    """We are registered; what vouchers there are the MASA elsewhere signs and logs."""
    scene = make_scene(masa=None)
    scene.start_masa(*scene.cloud_masa_options())
    scene.ctl("manufacturers", "set", "maker", "--est-domain-vouchers", "yes")
    restart_cloud(scene, *elsewhere(scene), vouchers=False)
    add_cloud(scene)
    return scene


def device_of_ours(scene):
    serial = scene.device()
    sell_to_us(scene, serial)
    restart_cloud(scene, *elsewhere(scene), vouchers=False)
    return serial


def registered(scene, form, *options):
    scene.ctl("clouds", "set", CLOUD_NAME, *options)
    scene.ctl("clouds", "sync", CLOUD_NAME)
    scene.ctl("manufacturers", "set", "maker", "--voucher-form", form.name)
    scene.form = form.name
    return reaches(scene)


def onboarded(scene, serial, form, *options):
    """By the reference pledge; the members of the voucher that it keeps."""
    run = scene.pledge("--json", "--max-wait", "100 ms", *options, serial=serial)
    steps = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    assert steps[-1]["step"] == "onboarded"
    assert scene.episode(serial)["stage"] == "confirmed"
    members, = form.verify((scene.out / serial / f"voucher.{form.name}").read_bytes(),
                           scene.maker / "masa-anchors.pem").values()
    return members


def test_registered_redirect_leads_to_us(scene, form):
    registered(scene, form, "--mode", "redirect", "--registrar-url", registrar_url(scene))
    serial = device_of_ours(scene)
    answer = knock(scene, serial, form)
    assert (answer.status, answer.headers["location"]) == (307, registrar_url(scene))
    members = onboarded(scene, serial, form)
    assert members["assertion"] == "proximity" and "est-domain" not in members
    assert scene.episode(serial)["begun-by"] == "voucher-request"


@pytest.mark.parametrize("pin", CERTIFICATES)
def test_registered_pin_is_in_the_clouds_voucher(scene, form, pin):
    registered(scene, form, "--mode", "voucher", "--pin", pin, "--est-domain", est_domain(scene))
    serial = device_of_ours(scene)
    members = onboarded(scene, serial, form)
    assert members["est-domain"] == est_domain(scene)
    assert members["pinned-domain-cert"] == certificate_of(scene, CERTIFICATES[pin])
    assert scene.episode(serial)["begun-by"] == "est-domain"
    assert scene.asked(serial) == []  # the cloud had it from the MASA; we asked for the log
    assert [request["status"] for request in scene.asked(serial, "requestauditlog")] == [200]
    # And a pledge that shares nothing with us, by an anchor that is what its voucher pins.
    pledge = EstPledge(scene, device_of_ours(scene), form=form).ask_cloud()
    assert form_of(pledge.request) is form
    pledge.enrolled()
    assert scene.episode(pledge.serial)["stage"] == "confirmed"

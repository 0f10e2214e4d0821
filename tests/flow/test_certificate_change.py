"""
Our certificate changes while pledges are at every stage of their way to us, with the cloud there and
away: none is stranded (RFC 8995 5, 5.6.2; draft-ietf-anima-brski-cloud 4.2).
"""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from est_pledge import EstPledge
from pledge import EST, pem_of
from registered import CLOUD_NAME, add_cloud, est_domain, reaches, restart_cloud, sell_to_us, \
    sha256, shown_certificate
from stage import MASA, REGISTRAR
from test_cloud_identity import NEW, renew, switch
from wire import Wire


@pytest.fixture(name="scene")
def fixture_scene(make_scene):
    """An owner at whose cloud devices get vouchers, which the MASA elsewhere signs and logs."""
    scene = make_scene(masa=None)
    scene.start_masa(*scene.cloud_masa_options())
    scene.ctl("manufacturers", "set", "maker", "--est-domain-vouchers", "yes")
    return scene


def start_cloud(scene):
    where = f"{MASA}:{scene.masa_port}"
    names = (NEW, REGISTRAR)
    restart_cloud(scene, "--masa", f"https://{where}", "--network", "127.0.0.0/8", "--resolve",
                  f"{where}:127.0.0.1",
                  *[each for name in names
                    for each in ("--resolve", f"{name}:{scene.port}:127.0.0.1")], vouchers=False)


def holders(scene, pin):
    """Two with vouchers of the cloud's that pin this: one has come, the other not yet."""
    pledges = [EstPledge(scene) for _ in range(2)]
    sell_to_us(scene, *[pledge.serial for pledge in pledges])
    start_cloud(scene)
    if scene.ctl_json("clouds", "list"):
        scene.ctl("clouds", "set", CLOUD_NAME, "--pin", pin)
        scene.ctl("clouds", "sync", CLOUD_NAME)
    else:
        add_cloud(scene, "--pin", pin, mode="voucher")
    reaches(scene, pin=pin)
    for pledge in pledges:
        pledge.ask_cloud()
    pledges[0].get_csrattrs()
    return pledges


def imprinted(scene, pin):
    """Two whose vouchers from us pin this; one has lost its connection."""
    scene.restart_masa(*scene.cloud_masa_options(), "--pin", pin)
    pledges = [scene.independent().go_on("status") for _ in range(2)]
    pledges[1].hang_up()
    return pledges


def pending(scene):
    """Three whose requests are under way, since the MASA is away; one still has its connection."""
    pledges = [scene.independent() for _ in range(3)]
    for pledge in pledges:
        pledge.request = pledge.voucher_request()
        assert pledge.post_request(pledge.request).status == 202
    for pledge in pledges[1:]:
        pledge.hang_up()
    return pledges


def renews(pledge):
    """Another certificate with the one that it has, from a server that cacerts vouches for."""
    csr = pledge.csr(key=ec.generate_private_key(ec.SECP256R1()))
    with Wire(pledge.port, pledge.own_identity(), anchors=pem_of(pledge.cacerts)) as wire:
        answer = pledge.patiently(lambda: wire.request(
            "POST", EST + "simplereenroll", pledge.encode(csr), content_type="application/pkcs10"))
    assert answer.status == 200, answer


def comes_without_a_name(scene, pledge):
    """Whoever asks for no name sees what is new; a request that names the one before is refused."""
    pledge.hang_up()
    pledge.wire = Wire(scene.port, pledge.identity, name=None)
    assert pledge.post_request(pledge.request).status == 401
    assert "but not on this connection" in scene.trouble(pledge.serial, "proximity")["detail"]
    pledge.begin()
    pledge.wire = Wire(scene.port, pledge.identity, name=None)
    pledge.go_on()


def change(scene, cloud_is_there):
    """To another key under another name; under its own name nothing goes."""
    before = sha256(shown_certificate(scene))
    for how in (["--new-key"], []):
        renew(scene, *how)
        blocked = switch(scene)
        assert blocked.returncode == 1 and "pin-at-stake" in blocked.stderr
    staged = renew(scene, "--new-key", "--name", NEW)
    if cloud_is_there:
        scene.ctl("clouds", "set", CLOUD_NAME, "--est-domain", est_domain(scene, NEW))
        scene.ctl("clouds", "sync", CLOUD_NAME)
        reaches(scene, reach="reachable")
    done = switch(scene)
    assert done.returncode == 0, done.stderr
    assert sha256(shown_certificate(scene, "nobody.example")) == staged
    assert sha256(shown_certificate(scene)) == before  # for those who ask for its name


@pytest.mark.parametrize("cloud_is_there", [True, False], ids=["cloud up", "cloud down"])
def test_nobody_is_stranded(scene, cloud_is_there):
    enrolled = scene.independent().go_on()
    by_ca, by_end_entity = (holders(scene, pin) for pin in ("registrar-ca", "end-entity"))
    assert {pledge.pinned.subject == pledge.pinned.issuer for pledge in by_end_entity} == {False}
    assert by_ca[0].pinned != by_end_entity[0].pinned
    at_us = [*imprinted(scene, "ca"), *imprinted(scene, "ee")]
    scene.stop_one("masa")
    *waiting, nameless = pending(scene)
    if not cloud_is_there:
        scene.stop_one("cloud")
    change(scene, cloud_is_there)
    scene.start_masa(*scene.cloud_masa_options())
    for pledge in [*waiting, *at_us]:
        pledge.go_on()
    comes_without_a_name(scene, nameless)
    for pledge in [*by_ca, *by_end_entity]:
        pledge.enrolled()  # by an anchor that is the pinned certificate, and no other
    renews(enrolled)
    late = []
    if cloud_is_there:
        late = holders(scene, "end-entity")
        assert {pledge.host for pledge in late} == {NEW}
        for pledge in late:
            pledge.enrolled()
    for pledge in [enrolled, *waiting, *at_us, nameless, *by_ca, *by_end_entity, *late]:
        assert scene.episode(pledge.serial)["stage"] == "confirmed", pledge.serial
    assert scene.status()["alarms"] == [] or not cloud_is_there

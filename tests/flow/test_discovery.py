"""Found without a cloud: mDNS and DNS-SD through a real Avahi, GRASP floods on a real cable."""

import shutil
import socket
import sys

import cbor2
import pytest

import netns
from scene import until
from stage import free_port

SERVICE = "_brski-registrar._tcp"
RECEIVER = """
import socket, struct
wire = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
wire.bind(("::", 7017))
group = socket.inet_pton(socket.AF_INET6, "ff02::13")
wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                group + struct.pack("@I", socket.if_nametoindex("v1")))
wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
print("listening", flush=True)
while True:
    octets, extra, _, sender = wire.recvmsg(2048, 64)
    print(octets.hex(), struct.unpack("i", extra[0][2])[0], sender[0], flush=True)
"""


def announced(scene, way, state="announced"):
    """How that way of announcing stands, once it stands so."""
    def look():
        now = scene.status()["discovery"][way]
        return now if now["state"] == state else None
    return until(look, f"{way} is {state}")


# What runs without a network of its own.


def test_nothing_is_announced_unless_the_node_file_says_so(scene):
    assert {way: now["state"] for way, now in scene.status()["discovery"].items()} == {
        "mdns": "off", "grasp": "off"}


def test_registrar_works_while_it_cannot_be_announced(make_scene):
    scene = make_scene({"discovery": {"mdns": True, "grasp": True, "interfaces": ["none0"]}})
    for way, problem, detail in (("mdns", "mdns-not-announced", "avahi-daemon"),
                                 ("grasp", "grasp-not-flooded", "none0")):
        now = announced(scene, way, "failing")
        assert now["problem"] == problem and detail in now["detail"] and now["hint"]
    assert "tried again" in scene.ctl("status").stdout
    assert scene.independent().go_on().done


def flood_of(octets):
    kind, session, initiator, ttl, *objectives = cbor2.loads(octets)
    assert kind == 9 and isinstance(session, int)  # M_FLOOD
    return session, initiator, ttl, objectives


def check_objective(objective, value, address, port):
    what, locator = objective
    assert what == ["AN_join_registrar", 4, 255, value]
    assert locator == [103, address, 6, port]  # O_IPv6_LOCATOR, TCP


def test_grasp_floods_to_a_peer_what_rfc_8995_shows(make_scene):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as wire:
        wire.bind(("::1", 0))
        wire.settimeout(30)
        scene = make_scene({"discovery": {
            "grasp": True, "grasp-peers": [f"[::1]:{wire.getsockname()[1]}"],
            "grasp-interval": "1 s", "variations": ["est-tls", "jose"]}})
        first, second = (flood_of(wire.recv(2048)) for _ in range(2))
    loopback = socket.inet_pton(socket.AF_INET6, "::1")
    for session, initiator, ttl, objectives in (first, second):
        assert 0 <= session < 2**32 and initiator == loopback and ttl == 3000
        for objective, value in zip(objectives, ("EST-TLS", "jose"), strict=True):
            check_objective(objective, value, loopback, scene.port)
    assert first[0] != second[0]
    assert announced(scene, "grasp")["sent"] >= 2


def test_what_grasp_says_holds_180_seconds_by_default(make_scene):
    address = "fda3:79a6:f6ee:0:200:0:6400:1"
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as wire:
        wire.bind(("::1", 0))
        wire.settimeout(30)
        make_scene({"discovery": {"grasp": True, "address": address, "port": 443,
                                  "grasp-peers": [f"[::1]:{wire.getsockname()[1]}"]}})
        _, initiator, ttl, (objective,) = flood_of(wire.recv(2048))
    octets = socket.inet_pton(socket.AF_INET6, address)
    assert (initiator, ttl) == (octets, 180000)
    check_objective(objective, "EST-TLS", octets, 443)


# In a network namespace.


@pytest.fixture(name="network")
def fixture_network(tmp_path):
    why = netns.missing()
    if why:
        pytest.skip(why)
    network = netns.Network(tmp_path)
    yield network
    network.close()


@pytest.fixture(name="avahi")
def fixture_avahi(network):
    why = netns.avahi_missing()
    if why:
        pytest.skip(why)
    network.start_bus()
    network.start_avahi()
    return network


@pytest.fixture(name="make_inside")
def fixture_make_inside(bins, tmp_path):
    """Makes stages whose gatehoused runs in the network."""
    from scene import Scene  # pylint: disable=import-outside-toplevel
    scenes = []

    def make(network, discovery, start=True):
        scene = Scene(tmp_path / f"stage{len(scenes)}", bins)
        scene.inside["gatehoused"] = network.prefix
        scene.environment.update(network.environment)
        scenes.append(scene)
        scene.make_owner({"discovery": discovery})
        if start:
            scene.start_gatehoused()
        return scene

    yield make
    for scene in scenes:
        scene.finish()


def test_grasp_floods_the_link(network, make_inside):
    receiver = network.popen(shutil.which("python3", path="/usr/bin") or sys.executable, "-c",
                             RECEIVER, stdout=-1)
    try:
        assert receiver.stdout.readline() == "listening\n"
        scene = make_inside(network, {"grasp": True, "interfaces": ["v0"]})
        octets, hops, sender = receiver.stdout.readline().split()
    finally:
        receiver.kill()
        receiver.communicate()
    _, initiator, ttl, (objective,) = flood_of(bytes.fromhex(octets))
    ours = socket.inet_pton(socket.AF_INET6, "fd00:7017::1")  # rather than the link-local one
    assert (initiator, ttl, hops) == (ours, 180000, "255")
    assert sender.startswith("fe80:")
    check_objective(objective, "EST-TLS", ours, scene.port)


def test_avahi_announces_the_registrar(avahi, make_inside):
    scene = make_inside(avahi, {"mdns": True, "interfaces": ["v0"]})
    name = announced(scene, "mdns")["name"]
    assert "-brski-" in name
    found = until(lambda: [one for one in avahi.browse(SERVICE) if one["interface"] == "v1"],
                  "the other end of the cable sees it")
    for one in found:
        assert one["name"].replace("\\045", "-") == name
        assert (one["host"], one["port"]) == ("gatehouse-test.local", str(scene.port))
        assert one["text"] == '"est-tls"'
    scene.stop_one("gatehoused")
    until(lambda: not avahi.browse(SERVICE), "it is withdrawn")


def test_name_that_somebody_has_gives_way_to_another(avahi, make_inside):
    avahi.start("rival", "avahi-publish", "--service", "our-registrar", SERVICE, "1")
    until(lambda: avahi.browse(SERVICE), "the rival is announced")
    scene = make_inside(avahi, {"mdns": True, "name": "our-registrar", "port": 443,
                                "variations": ["est-tls", "cose"]})
    assert announced(scene, "mdns")["name"] == "our-registrar #2"
    ours = [one for one in avahi.browse(SERVICE) if one["port"] == "443"]
    assert ours and {frozenset(one["text"].split()) for one in ours} == {
        frozenset(('"est-tls"', '"cose"'))}


def test_avahi_may_come_late_and_go(network, make_inside):
    why = netns.avahi_missing()
    if why:
        pytest.skip(why)
    scene = make_inside(network, {"mdns": True, "name": "late"})
    announced(scene, "mdns", "failing")
    network.start_bus()
    network.start_avahi()
    announced(scene, "mdns")
    assert network.browse(SERVICE)
    network.kill("avahi")
    announced(scene, "mdns", "failing")
    network.start_avahi()
    announced(scene, "mdns")
    network.kill("dbus")  # and Avahi with it
    announced(scene, "mdns", "failing")
    assert scene.programs["gatehoused"].alive()


def test_stop_does_not_wait_for_an_avahi_that_hangs(avahi, make_inside):
    scene = make_inside(avahi, {"mdns": True}, start=False)
    avahi.running["avahi"].send_signal(19)  # SIGSTOP: calls over D-Bus stay without an answer
    scene.start_gatehoused()
    program = scene.programs.pop("gatehoused")
    assert program.stop() == 0  # within stage.STOP_LIMIT, which is less than Avahi's patience

"""
What callers may take: time, connections, requests, orders, records.  Deadlines are for the whole
of a handshake, header or body, not for the pauses in it; nothing that a stranger does fills the
store.
"""

from datetime import timedelta
import contextlib
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

import pytest

from pledge import BRSKI, EST, VOUCHER_TYPE
from scene import until
from wire import HOST, Wire, drip, header

CUT = 25  # seconds in which an overdue connection is surely cut; the limits here are 1 s

# Time.


@pytest.fixture(scope="module", name="strict")
def fixture_strict(make_scene):
    """Nobody may take longer than a second for anything."""
    return make_scene({"limits": {"handshake": "1 s", "header": "1 s", "body": "1 s",
                                  "idle": "2 s"}})


def is_cut(plain):
    """Whether the other side ends the connection, before CUT."""
    plain.settimeout(CUT)
    try:
        while plain.recv(4096):
            pass
        return True
    except TimeoutError:
        return False
    except OSError:
        return True


def swept(scene):
    return scene.status()["pledges"]["swept"]


def found_among_strangers(scene, problem, **members):
    """The stranger with that problem, of whom the administrator must be told what to do."""
    def find():
        return [stranger for stranger in scene.strangers() if stranger["problem"] == problem
                and members.items() <= stranger.items()]
    stranger = until(find, f"{problem} among the strangers")[0]
    assert stranger["hint"] and stranger["detail"], stranger
    return stranger


def plain_connection(scene):
    return socket.create_connection(("127.0.0.1", scene.port), timeout=CUT)


def client_hello():
    """The first octets of a real handshake."""
    near, far = socket.socketpair()
    near.setblocking(False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_socket(near, do_handshake_on_connect=False).do_handshake()
    octets = far.recv(65536)
    near.close()
    far.close()
    return octets


@pytest.mark.parametrize("octets", [b"", b"\x16", client_hello()[:40], client_hello()],
                         ids=["silence", "one octet", "half a ClientHello", "ClientHello alone"])
def test_stalled_handshake_is_cut(strict, octets):
    before = swept(strict)
    with plain_connection(strict) as plain:
        plain.sendall(octets)
        assert is_cut(plain)
    until(lambda: swept(strict) > before, "the connection is counted as overdue")
    overdue = found_among_strangers(strict, "no-request")
    assert "limits.handshake" in overdue["detail"] and "subject" not in overdue


def test_dripping_handshake_is_cut(strict):
    with plain_connection(strict) as plain:
        assert drip(plain, client_hello(), limit=CUT)


@pytest.mark.parametrize("octets", [b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 20,
                                    b"\x16\x03\x01\xff\xff" + b"\0" * 100, b"\x80\x2e\x01\x03\x01"],
                         ids=["HTTP without TLS", "garbage", "a record of nothing", "SSL 2"])
def test_what_is_no_tls_is_cut(strict, octets):
    with plain_connection(strict) as plain:
        plain.sendall(octets)
        assert is_cut(plain)


REQUEST = {"Host": HOST, "Content-Type": VOUCHER_TYPE, "Content-Length": "1000"}


def test_dripping_header_is_cut(strict):
    pledge = strict.independent()
    before = swept(strict)
    with Wire(strict.port, pledge.identity) as wire:
        line, fields = header("POST", BRSKI + "requestvoucher", REQUEST).split(b"\r\n", 1)
        wire.send(line + b"\r\n")
        assert drip(wire.socket, fields, limit=CUT)
    assert swept(strict) > before
    overdue = found_among_strangers(strict, "no-request", **{"serial-number": pledge.serial})
    assert "limits.header" in overdue["detail"]
    assert strict.nothing_issued(pledge.serial)
    assert strict.asked(pledge.serial) == []


def test_dripping_request_line_is_cut(strict):
    before = swept(strict)
    with Wire(strict.port) as wire:
        assert drip(wire.socket, b"GET " + b"/" * 1000, limit=CUT)
    assert swept(strict) > before
    found_among_strangers(strict, "no-request")


def test_dripping_body_is_cut(strict):
    pledge = strict.independent()
    before = swept(strict)
    pledge.connect().send(header("POST", BRSKI + "requestvoucher", REQUEST))
    assert drip(pledge.wire.socket, b"x" * 1000, limit=CUT)
    assert swept(strict) > before
    assert "limits.body" in strict.trouble(pledge.serial, "request-incomplete")["detail"]
    assert strict.nothing_issued(pledge.serial)
    assert strict.asked(pledge.serial) == []


def test_idle_connection_is_cut(strict):
    with Wire(strict.port) as wire:
        assert wire.request("GET", EST + "cacerts").status == 200
        assert is_cut(wire.socket)


def test_dripping_does_not_keep_others_waiting(strict):
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            plain = stack.enter_context(plain_connection(strict))
            plain.sendall(client_hello()[:20])
        assert strict.independent().go_on().done


def test_large_header_is_refused(strict):
    with Wire(strict.port) as wire:
        answer = wire.request("GET", EST + "cacerts", cookie="c" * 20000)
    assert answer.status == 431


# Connections, requests and orders.


def ask_in_background(pool, pledge):
    request = pledge.voucher_request()
    return pool.submit(pledge.post_request, request)


def test_request_beyond_the_limit_gets_503(make_scene):
    scene = make_scene({"limits": {"requests": 2, "pledge-wait": "4 s"}},
                       masa=("--fault", "slow", "--slow", "2 s"))
    first, second, third = (scene.independent() for _ in range(3))
    with ThreadPoolExecutor(2) as pool:
        waiting = [ask_in_background(pool, first), ask_in_background(pool, second)]
        until(lambda: scene.status()["pledges"]["requests"] == 2, "two requests under way")
        answer = third.post_request(third.voucher_request())
        assert answer.status == 503
        assert 1 <= answer.retry_after <= 60
        assert [future.result().status for future in waiting] == [200, 200]
    # A timeline entry would cost what there was none of; the figures and the log tell.
    assert scene.status()["pledges"]["busy"] == 1
    assert "problem=busy" in scene.programs["gatehoused"].log_text()
    assert scene.nothing_issued(third.serial)
    scene.restart_masa()
    assert third.go_on().done


def test_order_beyond_the_limit_gets_503(make_scene):
    scene = make_scene({"limits": {"pledge-wait": "100 ms"}, "orders": {"pending": 1}},
                       masa=("--fault", "5xx"))
    first, second = scene.independent(), scene.independent()
    assert first.post_request(first.voucher_request()).status == 202
    request = second.voucher_request()
    answer = second.post_request(request)
    assert answer.status == 503
    assert 1 <= answer.retry_after <= 60
    scene.trouble(second.serial, "orders-full")
    assert scene.nothing_issued(second.serial)
    assert scene.asked(second.serial) == []
    scene.restart_masa()
    until(lambda: second.post_request(request).status == 200, "the second gets in")


def test_dead_masa_fills_only_its_own_share(make_scene):
    scene = make_scene({"limits": {"pledge-wait": "4 s"}, "outgoing": {"timeout": "20 s"},
                        "orders": {"runners": 4, "runners-per-peer": 2}})
    with socket.create_server(("127.0.0.1", 0)) as dead, ThreadPoolExecutor(3) as pool:
        place = f"127.0.0.1:{dead.getsockname()[1]}"  # takes connections and says nothing
        stuck = [scene.independent(scene.device("--masa", place)) for _ in range(3)]
        waiting = [ask_in_background(pool, pledge) for pledge in stuck]
        until(lambda: scene.status()["orders"]["running"] == 2, "its share is taken")
        assert scene.independent().go_on().done
        assert scene.status()["orders"]["running"] == 2
        assert [future.result().status for future in waiting] == [202] * 3


def test_connections_of_one_address_are_limited(make_scene):
    scene = make_scene({"limits": {"connections-per-address": 3}})
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(Wire(scene.port)) for _ in range(3)]
        with pytest.raises(OSError):
            Wire(scene.port)
        assert scene.status()["pledges"]["turned-away"] == 1
        for wire in wires:
            assert wire.request("GET", EST + "cacerts").status == 200
    until(lambda: scene.status()["pledges"]["connections"] == 0, "all have gone")
    assert scene.independent().go_on().done


# Records.


@pytest.fixture(scope="module", name="narrow")
def fixture_narrow(make_scene):
    """Few failures, few strangers.  No order goes on when a test is over."""
    return make_scene({"limits": {"failures-per-hour": 4, "strangers": 5}})


def test_attempts_with_fresh_nonces_are_limited(make_scene):
    scene = make_scene({"limits": {"attempts-per-hour": 3}})
    pledge = scene.independent()
    requests = [pledge.voucher_request() for _ in range(4)]
    answers = [pledge.post_request(request) for request in requests]
    assert [answer.status for answer in answers] == [200, 200, 200, 503]
    assert 1 <= answers[3].retry_after <= 60
    scene.trouble(pledge.serial, "too-many-attempts")
    assert len(scene.asked(pledge.serial)) == 3
    assert pledge.post_request(requests[2]).status == 200  # the last one is still good


def test_failures_of_a_looping_device_do_not_fill_the_store(narrow):
    pledge = narrow.independent()
    for _ in range(6):
        assert pledge.post_request(b"garbage").status == 400
    names = [event["event"] for event in narrow.events(pledge.serial)]
    assert names == ["voucher-refused"] * 4 + ["entries-not-shown"]
    before = narrow.status()["store"]["updates"]
    for _ in range(20):
        assert pledge.post_request(b"garbage").status == 400
    assert narrow.status()["store"]["updates"] == before
    assert pledge.go_on().done  # and may do better


def test_status_reports_of_a_looping_device_do_not_fill_its_timeline(narrow):
    pledge = narrow.independent().go_on()
    for at in range(8):
        pledge.tell("enrollstatus", {"version": 1, "status": False, "reason": f"reason {at}"})
    reports = narrow.events(pledge.serial, "enroll-status")
    assert [event["detail"].partition(";")[0] for event in reports][-2:] == [
        "failure: reason 0", "failure: reason 1"]  # two had come before
    assert len(narrow.events(pledge.serial, "entries-not-shown")) == 1
    assert narrow.episode(pledge.serial)["enrol-report-reason"] == "reason 7"
    narrow.pass_time(timedelta(hours=1, minutes=1))
    pledge.tell("enrollstatus", {"version": 1, "status": False, "reason": "later"})
    assert "later" in narrow.events(pledge.serial, "enroll-status")[-1]["detail"]


def test_looping_stranger_leaves_nothing_in_the_store(narrow):
    before = narrow.status()["store"]
    with Wire(narrow.port) as wire:
        for _ in range(50):
            answer = wire.request("POST", BRSKI + "requestvoucher", b"x", content_type=VOUCHER_TYPE)
            assert answer.status == 404
    after = narrow.status()["store"]
    assert (after["updates"], after["used"]) == (before["updates"], before["used"])
    stranger = narrow.strangers()[0]
    assert stranger["times"] >= 50


def test_many_strangers_are_remembered_only_so_far(narrow):
    folder = narrow.folder / "strange"
    narrow.run("gatehouse-maker", "init", folder, "--name", "Strange", "--masa", "m.example",
               "--cloud", "c.example")
    narrow.run("gatehouse-maker", "pledge", folder, "--serial", "S", "--count", "9")
    before = narrow.status()["store"]["updates"]
    for pledge in sorted((folder / "pledges").iterdir()):
        with Wire(narrow.port, (pledge / "idevid.pem", pledge / "idevid.key")) as wire:
            assert wire.request("POST", BRSKI + "requestvoucher", b"x",
                                content_type=VOUCHER_TYPE).status == 404
    strangers = narrow.strangers()
    assert [stranger["serial-number"] for stranger in strangers] == [
        f"S-{number:04}" for number in (9, 8, 7, 6, 5)]
    assert narrow.status()["store"]["updates"] == before


def test_devices_on_nobodys_list_are_recorded_only_so_far(make_scene):
    scene = make_scene({"limits": {"unexpected-devices": 2}})
    pledges = [scene.independent(scene.device(expected=False)) for _ in range(4)]
    for pledge in pledges:
        assert pledge.post_request(pledge.voucher_request()).status == 404
    assert [bool(scene.shown(pledge.serial)) for pledge in pledges] == [True, True, False, False]
    before = scene.status()["store"]["updates"]
    for _ in range(20):
        assert pledges[3].post_request(b"x").status == 400
    assert scene.status()["store"]["updates"] == before
    # a place on the list is worth more than the limit
    scene.expect([pledges[3].serial])
    assert pledges[3].go_on().done

"""
The reference pledge in networks that do not simply lead out: proxies, captive portals
(draft-ietf-anima-brski-cloud 2.2, 7.1; RFC 8908, RFC 8910).
"""

import json

import pytest

from fake_owner import redirect
from fakes import reply
from pledge_stage import EST_HOST, PledgeStage
from stage import CLOUD
from ways_out import HttpProxy, SocksProxy
from wire import HOST

NETWORK, IDENTITY = 3, 4
PORTAL = "portal.cafe.example"
CAPTIVE_TYPE = "application/captive+json"


@pytest.fixture(scope="module", name="stage")
def fixture_stage(bins, tmp_path_factory):
    stage = PledgeStage.open(tmp_path_factory.mktemp("stage"), bins)
    yield stage
    stage.finish()


@pytest.fixture(name="proxy")
def fixture_proxy():
    """Makes proxies that end with the test."""
    made = []

    def make(kind, *arguments, **more):
        made.append(kind(*arguments, **more))
        return made[-1]
    yield make
    for each in made:
        each.close()


# Proxies.


@pytest.mark.parametrize("kind", [HttpProxy, SocksProxy])
def test_everything_goes_through_the_proxy_which_resolves_names(stage, proxy, kind):
    way = proxy(kind)
    owner = stage.owner_fake()
    cloud = stage.cloud_fake(requestvoucher=redirect(owner.url()))
    stage.resolving = False
    outcome = stage.go("--proxy", way.url, cloud=cloud, check=0)
    stage.resolving = True
    assert outcome.end["step"] == "onboarded"
    assert [target for _, target in way.asked] == [
        f"{CLOUD}:{cloud.port}", f"{HOST}:{owner.port}", f"{HOST}:{owner.port}"]
    assert {method for method, _ in way.asked} <= {"CONNECT", 1}


@pytest.mark.parametrize("kind", [HttpProxy, SocksProxy])
def test_address_is_named_as_one(stage, proxy, kind):
    way = proxy(kind)
    owner = stage.owner_fake()
    stage.go("--proxy", way.url, registrars=[f"https://127.0.0.1:{owner.port}"])
    assert way.asked[0][1] == f"127.0.0.1:{owner.port}"


@pytest.mark.parametrize("kind", [HttpProxy, SocksProxy])
def test_proxy_gets_its_password_from_a_file(stage, proxy, kind):
    way = proxy(kind, credentials="phone:s3cr:et")
    owner = stage.owner_fake()
    secret = stage.folder / "proxy-secret"
    secret.write_text("phone:s3cr:et\n")
    secret.chmod(0o600)
    options = ["--proxy", way.url, "--proxy-credentials", secret]
    stage.go(*options, registrars=[owner], check=0)
    secret.write_text("phone:wrong\n")
    outcome = stage.go(*options, registrars=[owner], check=NETWORK)
    assert outcome.codes == [16] and "wrong" not in outcome.text + outcome.errors
    assert stage.go("--proxy", way.url, registrars=[owner], check=NETWORK).codes == [16]
    secret.chmod(0o644)
    assert stage.go(*options, registrars=[owner]).status == 1


SAYS = {
    "403": (HttpProxy, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 16),
    "200 and more": (HttpProxy, b"HTTP/1.1 200 OK\r\n\r\nSurprise", 15),
    "no HTTP": (HttpProxy, b"\x05\x00", 15),
    "nothing": (HttpProxy, b"", 14),
    "another version": (SocksProxy, b"\x04\x00", 15),
    "no method": (SocksProxy, b"\x05\xff", 16),
    "a method not offered": (SocksProxy, b"\x05\x02", 16),
    "refused": (SocksProxy, b"\x05\x00\x05\x05\x00\x01", 16),
    "unknown error": (SocksProxy, b"\x05\x00\x05\xee\x00\x01", 16),
    "unknown address": (SocksProxy, b"\x05\x00\x05\x00\x00\x09", 15),
    "half": (SocksProxy, b"\x05\x00\x05\x00", 14),
}


@pytest.mark.parametrize("kind,answer,code", SAYS.values(), ids=SAYS)
def test_proxy_that_does_not_help_is_indicated(stage, proxy, kind, answer, code):
    owner = stage.owner_fake()
    outcome = stage.go("--proxy", proxy(kind, answer=answer).url, registrars=[owner], check=NETWORK)
    assert outcome.codes == [code] and owner.connections == 0


@pytest.mark.parametrize("text", ["ftp://proxy:1", "proxy:8080", "http://", "http://proxy:1/path",
                                  "socks4://proxy:1", "http://u@proxy:1"])
def test_proxy_that_is_none_is_a_wrong_command_line(stage, text):
    outcome = stage.go("--proxy", text, registrars=["https://x"])
    assert outcome.status == 2 and "--proxy" in outcome.errors


def test_proxy_is_no_end_of_tls(stage, proxy):
    """brski-cloud 2.2: whoever sits in the way sees names and octets, and is not believed."""
    way = proxy(HttpProxy)
    stranger = stage.owner_fake(CLOUD)
    assert stage.go("--proxy", way.url, cloud=stranger, check=IDENTITY).codes == [21]
    assert stranger.asked() == []


# Captive portals.


def portal(stage, says, media_type=CAPTIVE_TYPE, status=200):
    """The network's API; and what to tell the pledge about it."""
    certificate, identity = stage.maker_ca.server(PORTAL, own=True)
    api = stage.fake(identity)
    body = says if isinstance(says, bytes) else json.dumps(says).encode()
    api.script["session"] = [reply(status, body, media_type)]
    anchors = stage.folder / f"portal-{api.port}.pem"
    anchors.write_bytes(identity[0].read_bytes())
    return api, ["--captive-api", f"https://{PORTAL}:{api.port}/session", "--captive-anchors", anchors]


def test_captive_network_is_said_and_nothing_is_tried(stage):
    api, options = portal(stage, {"captive": True, "user-portal-url": "https://portal/\x1b[31mlogin",
                                  "seconds-remaining": 0})
    owner = stage.owner_fake()
    outcome = stage.go(*options, registrars=[owner], check=NETWORK)
    assert outcome.codes == [17] and "at https://portal/?[31mlogin" in outcome.end["reason"]
    assert owner.connections == 0
    # Who the device is, is none of the network's business.
    assert api.asked()[0].peer is None and api.asked()[0].fields["accept"] == CAPTIVE_TYPE


def test_pledge_goes_on_once_the_network_lets_it(stage):
    api, options = portal(stage, {"captive": True})
    api.script["session"].append(reply(200, b'{"captive": false}', CAPTIVE_TYPE))
    owner = stage.owner_fake()
    outcome = stage.go(*options, "--attempts", 2, registrars=[owner], check=0)
    assert outcome.codes == [17] and len(api.asked()) == 2


NO_HELP = {
    "no JSON": (b"<html>", CAPTIVE_TYPE, 200),
    "no member": ({}, CAPTIVE_TYPE, 200),
    "text": ({"captive": "yes"}, CAPTIVE_TYPE, 200),
    "a list": ([], CAPTIVE_TYPE, 200),
    "twice": (b'{"captive": true, "captive": false}', CAPTIVE_TYPE, 200),
    "deep": (b"[" * 10000, CAPTIVE_TYPE, 200),
    "large": (b" " * 20000 + b'{"captive": true}', CAPTIVE_TYPE, 200),
    "another type": ({"captive": True}, "text/html", 200),
    "404": ({"captive": True}, CAPTIVE_TYPE, 404),
}


@pytest.mark.parametrize("says,media_type,status", NO_HELP.values(), ids=NO_HELP)
def test_api_that_is_of_no_help_stops_nothing(stage, says, media_type, status):
    _, options = portal(stage, says, media_type, status)
    outcome = stage.go(*options, registrars=[stage.owner_fake()], check=0)
    assert outcome.codes == [] and outcome.notes("network")


def test_api_that_is_not_the_one_named_is_not_believed(stage):
    _, options = portal(stage, {"captive": True})
    stranger, _ = portal(stage, {"captive": True})
    options[1] = f"https://{PORTAL}:{stranger.port}/session"
    stage.go(*options, registrars=[stage.owner_fake()], check=0)
    assert stranger.asked() == []


def test_portal_in_place_of_the_cloud_is_seen_by_its_certificate(stage):
    """brski-cloud 7.1: a portal that answers for everybody, before and after somebody logged in."""
    owner = stage.owner_fake()
    _, portals = stage.maker_ca.server(PORTAL, own=True)
    cloud = stage.cloud_fake(requestvoucher=redirect(owner.url()))
    right = (stage.maker / "cloud-tls.pem", stage.maker / "cloud-tls.key")
    cloud.context.load_cert_chain(*map(str, portals))
    assert stage.go(cloud=cloud, check=IDENTITY).codes == [21]
    assert cloud.asked() == []
    cloud.context.load_cert_chain(*map(str, right))
    stage.go(cloud=cloud, check=0)


@pytest.mark.parametrize("page", [
    reply(404, b"<html>log in</html>", "text/html"), reply(500, b"<html>", "text/html"),
    reply(302, b"", Location="http://portal/"), reply(200, b"<html>log in</html>", "text/html")],
    ids=["404", "500", "302", "200"])
def test_portal_behind_a_redirect_leads_back_to_the_cloud(stage, page):
    """brski-cloud 7.1: provisional TLS does not see it; its page does not hurt."""
    owner, captive = stage.owner_fake(), stage.owner_fake(EST_HOST, requestvoucher=page)
    cloud = stage.cloud_fake(requestvoucher=[redirect(captive.url()), redirect(owner.url())])
    outcome = stage.go("--attempts", 2, cloud=cloud, check=0)
    assert len(cloud.asked()) == 2 and len(outcome.codes) == 1

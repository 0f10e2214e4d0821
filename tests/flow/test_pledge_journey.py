"""
The reference pledge on its way: redirects, refusals, waiting, and whom it believes (RFC 8995 5.1,
5.2, 5.6; draft-ietf-anima-brski-cloud 3.3.1, 7.1, 7.2, 8.3).
"""

import pytest

from fake_owner import redirect
from fakes import reply
from pledge_stage import VAR, PledgeStage
from stage import CLOUD
from wire import HOST

NETWORK, IDENTITY, REFUSED, REDIRECTED, VOUCHER, ENROLMENT, TIME = 3, 4, 5, 6, 7, 8, 9


@pytest.fixture(scope="module", name="stage")
def fixture_stage(bins, tmp_path_factory):
    stage = PledgeStage.open(tmp_path_factory.mktemp("stage"), bins)
    yield stage
    stage.finish()


# Redirects.


def test_redirected_pledge_is_onboarded(stage):
    owner = stage.owner_fake()
    cloud = stage.cloud_fake(requestvoucher=redirect(owner.url()))
    outcome = stage.go(cloud=cloud, check=0)
    assert outcome.statuses() == [307] + 6 * [200]
    assert outcome.end["step"] == "onboarded" and outcome.codes == []
    assert owner.told("voucher_status") == owner.told("enrollstatus") == [
        {"version": 1, "status": True}]


def test_redirect_means_a_new_request_with_a_fresh_nonce(stage):
    owner = stage.owner_fake()
    var = stage.validated(VAR, requestvoucher=redirect(owner.url()))
    cloud = stage.cloud_fake(requestvoucher=redirect(var.url(VAR)))
    stage.go(cloud=cloud, check=0)
    nonces = cloud.nonces() + var.nonces() + owner.nonces()
    assert len(nonces) == len(set(nonces)) == 3


def test_chain_of_resellers_is_followed_while_each_is_validated(stage):
    owner = stage.owner_fake()
    second = stage.validated(VAR, requestvoucher=redirect(owner.url()))
    first = stage.validated(VAR, requestvoucher=redirect(second.url(VAR)))
    cloud = stage.cloud_fake(requestvoucher=redirect(first.url(VAR)))
    outcome = stage.go(cloud=cloud, check=0)
    assert outcome.statuses("cloud") + outcome.statuses("voucher") == 3 * [307] + [200]
    assert [note.rpartition(", ")[2] for note in outcome.notes("voucher")[:5]
            if note.startswith("TLS")] == ["validated", "validated", "provisional"]


def places(server, count, last):
    """So many redirects to places of one server, and the last one somewhere else."""
    server.says(requestvoucher=[*(redirect(f"/{number}/requestvoucher") for number in range(count)),
                                last])
    return redirect(server.url(VAR))


def test_dozens_of_redirects_are_allowed_by_default(stage):
    owner = stage.owner_fake()
    first = places(stage.validated(VAR), 22, redirect(owner.url()))
    outcome = stage.go(cloud=stage.cloud_fake(requestvoucher=first), check=0)
    assert outcome.statuses("cloud") + outcome.statuses("voucher") == 24 * [307] + [200]


def test_redirect_too_many_ends_the_attempt(stage):
    owner = stage.owner_fake()
    first = places(stage.validated(VAR), 2, redirect(owner.url()))
    outcome = stage.go("--max-redirects", 3, cloud=stage.cloud_fake(requestvoucher=first),
                       check=REDIRECTED)
    assert outcome.codes == [43] and owner.asked() == []


def test_307_from_a_server_that_is_not_validated_is_refused(stage):
    """brski-cloud 3.3.1: not to a third place, whoever has a certificate there."""
    third = stage.validated(VAR)
    owner = stage.owner_fake(requestvoucher=redirect(third.url(VAR)))
    cloud = stage.cloud_fake(requestvoucher=redirect(owner.url()))
    outcome = stage.go(cloud=cloud, check=REDIRECTED)
    assert outcome.codes == [41] and outcome.end["problem"] == "redirect-provisional"
    assert third.connections == 0


@pytest.mark.parametrize("names", [("elsewhere.example",), ()], ids=["another name", "no name"])
def test_server_of_the_manufacturer_with_another_name_is_not_validated(stage, names):
    third = stage.validated(VAR)
    wrong = stage.validated(*names, requestvoucher=redirect(third.url(VAR)))
    cloud = stage.cloud_fake(requestvoucher=redirect(wrong.url(VAR)))
    assert stage.go(cloud=cloud, check=REDIRECTED).codes == [41]
    assert third.connections == 0


def test_after_a_refused_redirect_the_pledge_starts_over(stage):
    owner = stage.owner_fake()
    liar = stage.owner_fake(requestvoucher=redirect("https://elsewhere.example"))
    cloud = stage.cloud_fake(requestvoucher=[redirect(liar.url()), redirect(owner.url())])
    outcome = stage.go("--attempts", 2, cloud=cloud, check=0)
    assert outcome.codes == [41]


@pytest.mark.parametrize("back", [f"https://{CLOUD}:{{}}", "https://{}/.well-known/brski/",
                                  "https://{}/.well-known/brski/requestvoucher"],
                         ids=["origin", "base", "resource"])
def test_no_place_is_visited_twice_in_an_attempt(stage, back):
    """brski-cloud 7.2: a reseller that sends it back ends the attempt."""
    cloud = stage.cloud_fake()
    where = back.format(cloud.port) if CLOUD in back else back.format(
        f"{CLOUD}:{cloud.port}")
    var = stage.validated(VAR, requestvoucher=redirect(where))
    cloud.says(requestvoucher=redirect(var.url(VAR)))
    outcome = stage.go(cloud=cloud, check=REDIRECTED)
    assert outcome.codes == [42]
    assert len(cloud.asked("requestvoucher")) == len(var.asked("requestvoucher")) == 1


def test_loop_of_two_resellers_is_seen(stage):
    first, second = stage.validated(VAR), stage.validated(VAR)
    first.says(requestvoucher=redirect(second.url(VAR)))
    second.says(requestvoucher=redirect(first.url(VAR)))
    outcome = stage.go(cloud=stage.cloud_fake(requestvoucher=redirect(first.url(VAR))),
                       check=REDIRECTED)
    assert outcome.codes == [42]
    assert len(first.asked()) == len(second.asked()) == 1


@pytest.mark.parametrize("location", [None, "", "http://registrar.owner.example/", "elsewhere.example",
                                      "https://a@b/", "https://x:99999/", "https://x/?a=b"])
def test_location_that_leads_nowhere_ends_the_attempt(stage, location):
    fields = {} if location is None else {"Location": location}
    cloud = stage.cloud_fake(requestvoucher=reply(307, b"", **fields))
    assert stage.go(cloud=cloud, check=REDIRECTED).codes == [44]


def test_other_redirects_lead_to_another_server_once(stage):
    """RFC 8995 5.6: also from a registrar that is not validated, but only once."""
    owner, third = stage.owner_fake(), stage.owner_fake()
    moved = stage.owner_fake(requestvoucher=redirect(owner.url(), 302))
    outcome = stage.go(registrars=[moved], check=0)
    assert outcome.statuses("voucher") == [302, 200]
    owner.says(requestvoucher=redirect(third.url(), 301))
    assert stage.go(registrars=[moved], check=REDIRECTED).codes == [44]
    assert third.connections == 0


def test_path_on_the_same_server_is_followed(stage):
    owner = stage.owner_fake(requestvoucher=redirect("/tenant/a/askhere", 308))
    owner.says(askhere=owner.voucher_answer())
    stage.go(registrars=[owner], check=0)
    assert len(owner.asked("askhere")) == 1


# Refusals: from the start again, or here again.


@pytest.mark.parametrize("status,code", [(400, 35), (403, 33), (404, 32), (406, 34), (415, 35),
                                         (429, 36), (500, 37), (503, 36), (418, 39)])
def test_refusal_sends_the_pledge_back_to_its_cloud(stage, status, code):
    """brski-cloud 3.3.1: any error at the owner's registrar means: from the start."""
    owner = stage.owner_fake()
    owner.says(requestvoucher=[reply(status, b"no\n", "text/plain"), owner.voucher_answer()])
    cloud = stage.cloud_fake(requestvoucher=redirect(owner.url()))
    outcome = stage.go("--attempts", 2, cloud=cloud, check=0)
    assert outcome.codes == [code]
    assert len(cloud.asked()) == 2 and len(set(owner.nonces())) == 2


@pytest.mark.parametrize("status,code", [(400, 35), (401, 31), (404, 32), (503, 36)])
def test_refusal_of_the_cloud_is_indicated(stage, status, code):
    outcome = stage.go(cloud=stage.cloud_fake(requestvoucher=reply(status, b"no\n")), check=REFUSED)
    assert outcome.codes == [code] and outcome.end["code"] == code
    assert f"{status}: no" in outcome.end["reason"]


def test_401_of_the_cloud_with_retry_after_is_asked_again_there(stage):
    owner = stage.owner_fake()
    cloud = stage.cloud_fake(requestvoucher=[reply(401, b"", Retry_After="0"),
                                             reply(401, b"", Retry_After="0"),
                                             redirect(owner.url())])
    outcome = stage.go("--attempts", 2, cloud=cloud, check=0)
    assert outcome.statuses("cloud") == [401, 401, 307] and outcome.codes == []
    assert len(set(cloud.nonces())) == 3


def test_401_of_the_cloud_without_retry_after_ends_the_attempt(stage):
    cloud = stage.cloud_fake(requestvoucher=reply(401))
    outcome = stage.go("--attempts", 2, "--repeat-time", "1 s", cloud=cloud, check=REFUSED)
    assert outcome.codes == [31, 31]
    assert not [note for note in outcome.notes("cloud") if "here again" in note]


def test_401_of_the_owner_is_asked_again_a_number_of_times_over_a_time(stage):
    """brski-cloud 3.3.1: some times over a few hours, here scaled down; then from the start."""
    owner = stage.owner_fake(requestvoucher=reply(401))
    cloud = stage.cloud_fake(requestvoucher=redirect(owner.url()))
    outcome = stage.go("--attempts", 2, "--repeats", 3, "--repeat-time", "300 ms", cloud=cloud,
                       check=REFUSED)
    assert outcome.statuses("cloud") == [307, 307]
    assert len(outcome.statuses("voucher")) == 3 + 1 + 1  # the last attempt asks once
    assert len(set(owner.nonces())) == 5
    assert outcome.codes == [38, 38]


def test_503_that_says_when_is_asked_again_there_and_others_are_not(stage):
    owner = stage.owner_fake()
    owner.says(requestvoucher=[reply(503, b"", Retry_After="0"), owner.voucher_answer()])
    cloud = stage.cloud_fake(requestvoucher=redirect(owner.url()))
    assert stage.go("--attempts", 2, cloud=cloud, check=0).statuses("cloud") == [307]
    owner.says(requestvoucher=[reply(503), owner.voucher_answer()])
    assert stage.go("--attempts", 2, cloud=cloud, check=0).statuses("cloud") == [307, 307]


def test_wait_that_is_longer_than_the_patience_is_not_begun(stage):
    cloud = stage.cloud_fake(requestvoucher=reply(401, b"", Retry_After="86400"))
    outcome = stage.go("--attempts", 2, "--repeat-time", "1 h", cloud=cloud, check=REFUSED)
    assert outcome.codes == [31, 31]


def test_back_off_doubles(stage):
    cloud = stage.cloud_fake(requestvoucher=reply(404))
    outcome = stage.go("--attempts", 4, "--retry-wait", "10 ms", cloud=cloud, check=REFUSED)
    waits = [note.rpartition(" in ")[2] for note in outcome.notes("cloud") if "again in" in note]
    assert waits == ["10 ms", "20 ms", "40 ms"]


# Waiting.


def test_202_is_asked_again_with_the_same_octets(stage):
    """RFC 8995 5.6: no new nonce; Retry-After counts up to the maximum, and only up to it."""
    owner = stage.owner_fake()
    pending = [reply(202, b"", Retry_After=after) for after in ("0", "345600", "soon", "-1")]
    owner.says(requestvoucher=[*pending, reply(202), owner.voucher_answer()])
    stage.go(registrars=[owner], check=0)
    bodies = [request.body for request in owner.asked("requestvoucher")]
    assert len(bodies) == 6 and len(set(bodies)) == 1


def test_202_for_ever_ends_with_the_limit(stage):
    owner = stage.owner_fake(requestvoucher=reply(202))
    assert stage.go("--retry-limit", 3, registrars=[owner], check=TIME).codes == [72]
    assert len(owner.asked()) == 4
    outcome = stage.go("--timeout", "1 s", registrars=[owner], check=TIME)
    assert outcome.codes == [71]


def test_maximum_wait_is_a_minute(stage):
    outcome = stage.go("--max-wait", "61 s", registrars=["https://x"])
    assert outcome.status == 2 and "max-wait" in outcome.errors


# Whom it believes.


def test_cloud_is_never_provisional(stage):
    """brski-cloud 3.1: a server that is not the built-in one sees no request and no IDevID."""
    stranger = stage.owner_fake(CLOUD)
    outcome = stage.go(cloud=stranger, check=IDENTITY)
    assert outcome.codes == [21] and stranger.asked() == []


def test_cloud_with_another_name_is_not_the_cloud(stage):
    captive = stage.validated("portal.cafe.example")
    assert stage.go(cloud=captive, check=IDENTITY).codes == [21]
    assert captive.asked() == []


def test_name_is_in_sni_and_idevid_is_shown(stage):
    names = []
    owner = stage.owner_fake()
    owner.context.sni_callback = lambda wire, name, context: names.append(name)
    stage.go(registrars=[owner], check=0)
    assert set(names) == {HOST}
    assert owner.asked("requestvoucher")[0].peer is not None


GARBAGE = {
    "nothing": b"",
    "binary": bytes(range(256)) * 4,
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a page": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
    "half a header": b"HTTP/1.1 200 OK\r\nContent-Le",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nabc",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "huge length": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "huge header": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20000 + b"\r\n\r\n",
    "many fields": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "interim for ever": b"HTTP/1.1 100 Continue\r\n\r\n" * 20,
    "NUL": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("octets", GARBAGE.values(), ids=GARBAGE)
def test_garbage_on_a_provisional_connection_is_survived(stage, octets):
    """brski-cloud 7.1: whatever a captive portal says; and then the owner is there after all."""
    owner = stage.owner_fake()
    portal = stage.owner_fake(requestvoucher=octets)
    cloud = stage.cloud_fake(requestvoucher=[redirect(portal.url()), redirect(owner.url())])
    outcome = stage.go("--attempts", 2, "--patience", "2 s", cloud=cloud, check=0)
    assert outcome.codes[0] in (13, 14, 15, 51)


def test_silence_is_ended_by_patience(stage):
    owner = stage.owner_fake()
    owner.says(requestvoucher=owner.silence)
    outcome = stage.go("--patience", "1 s", registrars=[owner], check=NETWORK)
    assert outcome.codes == [13]


@pytest.mark.parametrize("registrar,code", [("https://registrar.owner.example:1", 12),
                                            ("https://nowhere.invalid", 11)])
def test_registrar_that_is_not_there_is_indicated(stage, registrar, code):
    outcome = stage.go("--resolve", "registrar.owner.example:1:127.0.0.1", registrars=[registrar],
                       check=NETWORK)
    assert outcome.codes == [code]

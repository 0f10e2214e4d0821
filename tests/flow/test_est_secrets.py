"""Enrolment secrets as administrators make, list and keep them."""

import base64

import pytest

from test_est_labels import PASSWORD, ask, enrolled, make_csr, make_key, secret


@pytest.fixture(scope="module", name="est")
def fixture_est(make_scene, tmp_path_factory):
    scene = make_scene()
    scene.ctl("labels", "add", "routers", "--authenticate", "password", "--domain",
              "routers.example.com")
    scene.password = tmp_path_factory.mktemp("secret") / "password"
    scene.password.write_text(PASSWORD)
    scene.password.chmod(0o600)
    return scene


def test_label_is_not_removed_while_a_secret_is_for_it(est):
    """Under a label of that name that is added later, the secret would be good again."""
    est.ctl("labels", "add", "brief", "--authenticate", "password", "--domain", "example.com")
    user = secret(est, "bob9", "--uses", "1", label="brief")
    refused = est.ctl("labels", "remove", "--yes", "brief", check=False)
    assert refused.returncode == 1
    assert "in-use" in refused.stderr and "secret bob9 is for this label" in refused.stderr
    assert est.ctl_json("labels", "show", "brief")["name"] == "brief"
    enrolled(ask(est, make_csr(["brief.example.com"], make_key()), label="brief", user=user))
    est.ctl("secrets", "remove", "--yes", user)
    est.ctl("labels", "remove", "--yes", "brief")
    assert est.ctl("labels", "show", "brief", check=False).returncode == 1


@pytest.mark.parametrize("options, why", [
    (["--expires", "2026-01-01T00:00:00Z"], "expires: 2026-01-01T00:00:00Z is past"),
    (["--uses", "3", "--unlimited"], "uses: a secret is good for so many certificates or unlimited"),
], ids=["ends before it begins", "so many and any number"])
def test_secrets_that_make_no_sense_are_refused(est, options, why):
    refused = est.ctl("secrets", "add", "senseless", "--label", "routers", *options, check=False)
    assert refused.returncode == 1 and why in refused.stderr
    assert "senseless" not in est.ctl("secrets", "list").stdout


def test_secrets_are_listed_with_what_they_are_good_for(est, tmp_path):
    key = tmp_path / "key"
    key.write_text(base64.b64encode(bytes(32)).decode())
    key.chmod(0o600)
    est.ctl("labels", "add", "shown", "--authenticate", "password", "--domain", "example.com")
    both = ["--label", "routers", "--label", "shown"]
    est.ctl("secrets", "add", "plain", "--label", "shown")
    est.ctl("secrets", "add", "rich", *both, "--digest-md5", "--cmc", "--decrypt-key-file", key)
    kept = ["digest", "digest-by-md5", "cmc", "decrypt-key-set"]
    listed = {each["user"]: each for each in est.ctl_json("secrets", "list")}
    assert [listed["plain"][name] for name in kept] == [False] * 4
    assert [listed["rich"][name] for name in kept] == [True] * 4
    assert listed["rich"]["labels"] == ["routers", "shown"]
    head, *lines = est.ctl("secrets", "list").stdout.splitlines()
    line, = [each for each in lines if each.startswith("rich ")]
    assert "LABELS" in head and "routers, shown" in line
    used = secret(est, "used", "--uses", "2", label="shown")
    enrolled(ask(est, make_csr(["shown.example.com"], make_key()), label="shown", user=used))
    shown = est.api("GET", f"/v1/secrets/{used}")
    assert (shown["uses"], shown["digest"], shown["cmc"]) == (1, True, False)

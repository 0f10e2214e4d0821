"""gatehousectl csrattrs, and what it says of mistakes: one thing, once, and what fits."""

import re

import pytest

from test_csrattrs import at_the_door, listed, profile, request, right, verdict


@pytest.fixture(scope="module", name="router")
def fixture_router(scene):
    """One that was told by the template."""
    profile(scene, "routers")
    return at_the_door(scene, listed(scene, "ROUTER"))


def test_verdict_is_told_once_and_with_one_thing_to_do(scene, router, tmp_path):
    wanted = right(scene, router.serial)
    wanted["subject"][0] = "O=Bank"
    (tmp_path / "csr.der").write_bytes(request(tmp_path, **wanted))
    run = scene.ctl("csrattrs", "try", "--device", router.serial, "--csr", tmp_path / "csr.der",
                    check=False)
    assert run.returncode == 1
    assert re.search(r"^accepted +no$", run.stdout, re.M)
    assert re.search("^judged-by +what the device was told", run.stdout, re.M)
    assert "Bank" not in run.stdout and "hint" not in run.stdout
    assert run.stderr.count("is Bank, asked for is") == run.stderr.count("what to do:") == 1
    assert run.stderr.startswith("gatehousectl: csr-not-as-asked: ")


def test_private_key_is_sent_to_nobody(scene, router, tmp_path):
    """Taken for the request by mistake; at this socket nobody would answer."""
    request(tmp_path, **right(scene, router.serial))
    for file in ("req.key", "req.cnf"):
        run = scene.ctl("--socket", tmp_path / "none", "csrattrs", "try", "--device",
                        router.serial, "--csr", tmp_path / file, check=False)
        assert run.returncode == 1 and "daemon-unreachable" not in run.stderr
        assert str(tmp_path / file) in run.stderr


def test_request_cannot_be_judged_by_an_identifier_that_is_not_there_yet(scene, tmp_path):
    profile(scene, "phones")
    serial = scene.device(prefix="EARLY")
    assert scene.ctl_json("csrattrs", "show", "--device", serial)["provisional"]
    octets = request(tmp_path, [f"serialNumber={32 * '0'}"], [f"DNS:{32 * '0'}.phones.example.com"])
    (tmp_path / "csr.der").write_bytes(octets)
    run = scene.ctl("csrattrs", "try", "--device", serial, "--csr", tmp_path / "csr.der",
                    check=False)
    assert run.returncode == 1 and run.stdout == ""
    assert "gets its opaque identifier when it first asks" in run.stderr
    at_the_door(scene, serial)
    status, said = verdict(scene, tmp_path, octets, "--device", serial)
    assert (status, said["problem"]) == (1, "csr-not-as-asked")


def test_what_is_said_of_mistakes_fits_them(scene, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: bad\nkeys: p256\n")
    run = scene.ctl("profiles", "add", "bad", "--file", bad, check=False)
    assert run.returncode == 1 and f"{bad}:2" in run.stderr
    assert "the file that the detail names" in " ".join(run.stderr.split())
    run = scene.ctl("profiles", "add", "bad", "--alt-name", "other-name=hello", check=False)
    assert run.returncode == 2 and "other-name=OID:TEXT" in run.stderr
    run = scene.ctl("labels", "show", "nope", check=False)
    assert run.returncode == 1 and "no label nope" in run.stderr
    run = scene.ctl("secrets", "remove", "nobody", "--yes", check=False)
    assert run.returncode == 1 and "no secret nobody" in run.stderr
    run = scene.ctl("--socket", tmp_path / "none", "status", check=False)
    assert f"{tmp_path / 'none'}: nothing answers there" in run.stderr
    assert "port 80" not in run.stderr

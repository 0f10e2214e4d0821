"""Keys on an administrator's list, in the format of openssl-blacklist, get no certificate."""

import hashlib

from cryptography.hazmat.primitives.asymmetric import rsa

from test_est_labels import PASSWORD, ask, enrolled, make_csr


def line_of(key):
    """The lower 80 bits of SHA-1 over what `openssl rsa -noout -modulus` prints."""
    modulus = f"Modulus={key.public_key().public_numbers().n:X}\n"
    return hashlib.sha1(modulus.encode()).hexdigest()[20:]


def check_wrong(scene, why):
    """With it, and before it: nothing is called good that will not start."""
    for action in (["--check-config"], []):
        done = scene.run("gatehoused", "--config", scene.node_file, *action, check=False)
        assert done.returncode == 3 and why in done.stderr, done.stderr


def test_listed_key_gets_no_certificate(make_scene, tmp_path):
    weak, sound = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    files = [tmp_path / "debian", tmp_path / "own"]
    files[0].write_text("# of others\n00000000000000000000\n")
    files[1].write_text(f"# our own\n{line_of(weak)}\n")
    scene = make_scene({"weak-key-lists": [str(file) for file in files]}, masa=None,
                       introduce=False)
    scene.ctl("profiles", "add", "rsa", "--key", "rsa2048")
    scene.ctl("labels", "add", "routers", "--authenticate", "password", "--domain",
              "routers.example.com", "--profile", "rsa")
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "password").chmod(0o600)
    scene.ctl("secrets", "add", "lab", "--label", "routers", "--unlimited", "--password-file",
              tmp_path / "password")
    answer = ask(scene, make_csr(["weak.routers.example.com"], weak))
    assert answer.status == 400 and b"list" not in answer.body
    assert any(s["problem"] == "key-refused" and "list of weak keys" in s["detail"]
               for s in scene.strangers())
    assert scene.ctl_json("certificates", "list") == []
    enrolled(ask(scene, make_csr(["sound.routers.example.com"], sound)))

    scene.stop_one("gatehoused")
    files[1].write_text("# our own\nnonsense\n")
    check_wrong(scene, f"weak-key-lists[1]: {files[1]}: line 2")
    files[1].unlink()
    check_wrong(scene, "weak-key-lists[1]: ")
    files[1].write_text("")
    scene.start_gatehoused()
    enrolled(ask(scene, make_csr(["weak.routers.example.com"], weak)))

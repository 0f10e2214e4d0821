"""gatehoused as a service: its node file, its start and stop, what systemd is told, its token."""

import os
import signal
import socket
import subprocess

import pytest
from stage import Stage, as_yaml, merged

PROGRAMS = ["gatehoused", "gatehousectl", "gatehouse-maker", "gatehouse-masa", "gatehouse-cloud",
            "gatehouse-pledge"]


def run(bins, program, *arguments, **options):
    return subprocess.run([str(bins / program), *map(str, arguments)], capture_output=True,
                          text=True, timeout=60, stdin=subprocess.DEVNULL, **options)


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_and_version_are_there_and_wrong_use_is_status_2(bins, program):
    shown = run(bins, program, "--help")
    assert shown.returncode == 0 and shown.stdout.startswith("usage: " + program)
    assert run(bins, program, "--version").stdout.split()[0] == program
    wrong = run(bins, program, "--no-such-option")
    assert wrong.returncode == 2 and wrong.stderr and not wrong.stdout


WRONG_FILES = [
    ("unknown item", "listen:\n  pledgs: []\n", 2, "listen.pledgs", "pledges"),
    ("wrong type", "store:\n  size: many\n", 2, "store.size", "KiB"),
    ("out of range", "limits:\n  connections: 0\n", 2, "limits.connections", ""),
    ("doubled item", "store:\n  path: a\n  path: b\n", 3, "store.path", ""),
    ("a list where a text belongs", "token:\n  label: [a]\n", 2, "token.label", ""),
    ("a duration without its unit", "limits:\n  idle: 90\n", 2, "limits.idle", "s"),
    ("broken YAML", "listen: [\n", None, "", ""),
    ("an alias", "store: &x\n  path: a\ntoken: *x\n", None, "", ""),
]


@pytest.mark.parametrize("what,text,line,item,more", WRONG_FILES, ids=[row[0] for row in WRONG_FILES])
def test_wrong_node_file_is_told_by_file_line_and_item(bins, tmp_path, what, text, line, item, more):
    path = tmp_path / "node.yaml"
    path.write_text(text)
    for mode in (["--check-config"], []):
        done = run(bins, "gatehoused", "--config", path, *mode)
        assert done.returncode == 3, done.stderr
        assert f"{path}:{line}: " in done.stderr if line else f"{path}:" in done.stderr
        assert item in done.stderr and more in done.stderr


def test_missing_node_file_is_told(bins, tmp_path):
    done = run(bins, "gatehoused", "--config", tmp_path / "none.yaml", "--check-config")
    assert done.returncode == 3 and "none.yaml" in done.stderr


def test_example_node_file_is_good(bins, tmp_path):
    path = tmp_path / "node.yaml"
    path.write_text(run(bins, "gatehoused", "--example-config").stdout)
    done = run(bins, "gatehoused", "--config", path, "--check-config")
    assert done.returncode == 0, done.stderr
    assert "limits:" in path.read_text() and "# " in path.read_text()


@pytest.fixture(name="owner")
def fixture_owner(bins, tmp_path):
    """An owner whose gatehoused is not running."""
    stage = Stage(tmp_path / "a place with spaces", bins)
    stage.make_owner()
    yield stage
    stage.stop()


def attempt(owner, **options):
    """Starts gatehoused where it is bound to fail; what it said."""
    done = run(owner.bins, "gatehoused", "--config", owner.node_file, env=owner.env(), **options)
    assert done.returncode == 1, done.stderr
    return done.stderr


def test_systemd_is_told_of_readiness_life_and_end(owner):
    address = owner.folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        # A path too long for a socket is reached through the working folder.
        before = os.getcwd()
        os.chdir(owner.folder)
        listener.bind("notify")
        os.chdir(before)
        listener.settimeout(30)
        link = f"/tmp/gh-notify-{os.getpid()}"
        os.symlink(address, link)
        try:
            daemon = owner.start_gatehoused(env={"NOTIFY_SOCKET": link})
            said = [listener.recv(4096).decode()]
            assert said[0].startswith("READY=1") and str(owner.port) in said[0]
            assert listener.recv(4096) == b"WATCHDOG=1"
            assert daemon.stop() == 0
            listener.setblocking(False)
            while True:
                try:
                    said.append(listener.recv(4096).decode())
                except BlockingIOError:
                    break
            assert said[-1] == "STOPPING=1"
        finally:
            os.unlink(link)


def test_stops_within_its_bound_though_a_masa_hangs(make_scene):
    scene = make_scene({"limits": {"shutdown": "3 s"}, "outgoing": {"timeout": "60 s"},
                        "orders": {"run-limit": "60 s"}}, masa=("--fault", "hang"))
    pledge = scene.independent()
    pledge.begin()
    assert pledge.post_request(pledge.voucher_request()).status == 202
    assert scene.ctl_json("orders", "list")[0]["state"] in ("ready", "running")
    assert scene.stop_one("gatehoused") == 0
    scene.start_gatehoused()
    assert scene.ctl_json("orders", "list")[0]["state"] in ("ready", "running")


def test_second_daemon_on_the_same_store_is_refused(owner):
    owner.start_gatehoused()
    owner.port += 1
    owner.write_node_file({"listen": {"admin": str(owner.folder / "b.sock")}})
    assert "another process" in attempt(owner)


def test_store_that_was_never_made_is_told_with_a_hint(owner):
    owner.write_node_file({"store": {"path": "elsewhere"}})
    assert "gatehousectl init" in attempt(owner)


def test_wrong_pin_is_tried_once_and_not_again_after_a_restart(owner):
    pin = owner.owner / "pin"
    right = pin.read_text()
    pin.write_text("wrong-" + right)
    assert "token-pin" in attempt(owner)
    second = attempt(owner)
    assert "token-pin" in second and "before" in second
    pin.write_text(right)
    owner.start_gatehoused()


def test_pin_that_everybody_may_read_is_refused(owner):
    (owner.owner / "pin").chmod(0o644)
    assert "chmod" in attempt(owner)


def test_pin_may_come_as_a_systemd_credential(owner, tmp_path):
    credentials = tmp_path / "credentials"
    credentials.mkdir(mode=0o700)
    (owner.owner / "pin").rename(credentials / "token-pin")
    settings = merged(owner.settings(), {})
    del settings["token"]["pin-file"]
    owner.node_file.write_text(as_yaml(settings) + "\n")
    owner.start_gatehoused(env={"CREDENTIALS_DIRECTORY": str(credentials)})
    assert owner.ctl("status").returncode == 0


def test_token_that_is_not_there_is_told_with_a_hint(owner):
    owner.write_node_file({"token": {"label": "another"}})
    said = attempt(owner)
    assert "token-absent" in said and "token.label" in said


def test_relative_config_path_works(owner):
    """Paths in the file are taken from the file's own folder, wherever one stands."""
    owner.write_node_file({"listen": {"admin": "a.sock"}})
    done = run(owner.bins, "gatehoused", "--config", "node.yaml", "--check-config",
               env=owner.env(), cwd=owner.owner)
    assert done.returncode == 0, done.stderr


def test_proxy_login_that_cannot_be_read_is_told_before_the_start(owner):
    login = owner.owner / "login"
    owner.write_node_file({"outgoing": {"proxy": "http://localhost:3128",
                                        "proxy-login-file": str(login)}})

    def check():
        return run(owner.bins, "gatehoused", "--config", owner.owner / "node.yaml",
                   "--check-config", env=owner.env())
    login.write_text("nobody")
    login.chmod(0o600)
    done = check()
    assert done.returncode == 3
    assert f"outgoing.proxy-login-file: {login}: no USER:PASSWORD" in done.stderr
    login.unlink()
    done = check()
    assert done.returncode == 3 and "outgoing.proxy-login-file: " in done.stderr
    login.write_text("user:secret-4711")
    login.chmod(0o600)
    assert check().returncode == 0


def test_only_root_and_our_own_user_may_use_the_admin_socket(owner):
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    owner.start_gatehoused()
    assert (owner.socket.stat().st_mode & 0o777) == 0o600
    owner.socket.chmod(0o666)  # somebody loosened it: the peer's user is still looked at
    os.chmod(owner.socket.parent, 0o1777)
    with socket.socket(socket.AF_UNIX) as client:
        nobody = os.fork()
        if nobody == 0:
            try:
                os.setuid(65534)
                client.connect(str(owner.socket))
                client.sendall(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n")
                os._exit(0 if client.recv(100) == b"" else 1)
            except (BrokenPipeError, ConnectionResetError):
                os._exit(0)
            except BaseException:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(nobody, 0)[1]) == 0


def test_secrets_are_neither_in_arguments_nor_in_the_log(owner):
    daemon = owner.start_gatehoused()
    pin = (owner.owner / "pin").read_text().strip()
    process = f"/proc/{daemon.process.pid}"
    with open(f"{process}/cmdline") as arguments, open(f"{process}/environ") as environment:
        assert pin not in arguments.read() and pin not in environment.read()
    owner.ctl("status")
    daemon.kill(signal.SIGTERM)
    daemon.process.wait(30)
    assert pin not in daemon.log_text()

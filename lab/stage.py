"""A stage for the whole drama in one folder: manufacturer, MASA, cloud registrar, owner, pledges.

Used by packaging/demo, the flow tests, tests/verify and the bench.  Everything runs as real
processes that talk over loopback sockets; names are resolved by the programs' own --resolve
settings, so nothing outside the folder is touched.

    stage = Stage(folder, bins)
    stage.make_maker()
    stage.make_pledges("PHONE", 3)
    stage.make_owner()
    stage.start_masa(); stage.start_cloud(); stage.start_gatehoused()
    stage.introduce(stage.serials)
    stage.pledge("--parallel", "3")
    stage.stop()
"""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

MASA = "masa.maker.example"
CLOUD = "cloud.maker.example"
REGISTRAR = "registrar.owner.example"
START_LIMIT = 60  # seconds for a program to say that it listens
STOP_LIMIT = 30
PORTS = 20000
PORT_BLOCK = 600  # ports; which block is ours is said by GATEHOUSE_PORT_BLOCK
PORTS_GIVEN = set()


class StageError(Exception):
    """Something on the stage did not do what it should; the text says which log to read."""


def free_port():
    """
    A port nobody listens on, below the range that outgoing connections are given.  None is given
    out twice by one process: who was given one may be yet to listen there.
    """
    base = PORTS + int(os.environ.get("GATEHOUSE_PORT_BLOCK", "0")) * PORT_BLOCK
    ports = [base + at for at in range(PORT_BLOCK) if base + at not in PORTS_GIVEN]
    random.shuffle(ports)
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                PORTS_GIVEN.add(port)
                return port
    raise StageError("no free port")


def as_yaml(settings, indent=""):
    """Nested dicts, lists and scalars as the node file has them."""
    lines = []
    for key, value in settings.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", as_yaml(value, indent + "  ")]
        elif isinstance(value, list):
            lines.append(f"{indent}{key}: {json.dumps(value)}")
        elif isinstance(value, (int, bool)):
            lines.append(f"{indent}{key}: {json.dumps(value)}")
        else:
            lines.append(f"{indent}{key}: {json.dumps(str(value))}")
    return "\n".join(lines)


def merged(base, changes):
    result = dict(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


class Program:
    """A running program with its log."""

    def __init__(self, name, process, log):
        self.name = name
        self.process = process
        self.log = log

    def log_text(self):
        return self.log.read_text(errors="replace")

    def alive(self):
        return self.process.poll() is None

    def wait_for(self, text, limit=START_LIMIT):
        """The first line of the log that contains the text."""
        end = time.monotonic() + limit
        while True:
            alive = self.alive()
            for line in self.log_text().splitlines():
                if text in line:
                    return line
            if not alive:
                raise StageError(f"{self.name} ended with {self.process.returncode}; "
                                 f"see {self.log}:\n{self.log_text()[-2000:]}")
            if time.monotonic() > end:
                raise StageError(f"{self.name} did not say {text!r} in {limit} s; see {self.log}")
            time.sleep(0.01)

    def kill(self, number=signal.SIGKILL):
        if self.alive():
            self.process.send_signal(number)

    def stop(self):
        """Asks it to end, and insists after a while; its exit status."""
        self.kill(signal.SIGTERM)
        try:
            return self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
            raise StageError(f"{self.name} did not end in {STOP_LIMIT} s; see {self.log}") from None


class Stage:
    """One manufacturer and one owner in a folder."""

    def __init__(self, folder, bins, form="cms"):
        self.form = form  # of voucher requests and vouchers: cms, jws or cose
        self.folder = Path(folder).resolve()
        self.bins = Path(bins).resolve()
        self.maker = self.folder / "maker"
        self.owner = self.folder / "owner"
        self.logs = self.folder / "logs"
        self.out = self.folder / "devices"
        self.socket = Path(f"/tmp/gh-{os.getpid()}-{os.urandom(4).hex()}.sock")
        self.port = free_port()
        self.masa_port = free_port()
        self.cloud_port = free_port()
        self.registration_port = free_port()
        self.serials = []
        self.programs = {}
        self.environment = {}
        self.inside = {}  # program -> command that starts it elsewhere: in a network namespace
        for folder_ in (self.folder, self.owner, self.logs, self.out):
            folder_.mkdir(parents=True, exist_ok=True)

    # Where things are.

    @property
    def node_file(self):
        return self.owner / "node.yaml"

    @property
    def cloud_url(self):
        return f"https://{CLOUD}:{self.cloud_port}/.well-known/brski"

    @property
    def registrar_url(self):
        return f"https://{REGISTRAR}:{self.port}/.well-known/brski/requestvoucher"

    @property
    def registration_url(self):
        return f"https://{CLOUD}:{self.registration_port}/registration/v1"

    @property
    def cloud_state(self):
        return self.folder / "cloud-state"

    def registration_options(self):
        """Owners register with the cloud registrar."""
        return ["--registration-listen", f"127.0.0.1:{self.registration_port}",
                "--registration-url", self.registration_url, "--state", self.cloud_state,
                "--network", "127.0.0.0/8",
                "--resolve", f"{REGISTRAR}:{self.port}:127.0.0.1"]

    def cloud_token(self, owner, *options):
        """What the cloud's operator gives an owner."""
        return self.run("gatehouse-cloud", "token", "new", "--state", self.cloud_state, "--owner",
                        owner, *options).stdout.strip()

    def resolve_options(self):
        return ["--resolve", f"{CLOUD}:{self.cloud_port}:127.0.0.1",
                "--resolve", f"{REGISTRAR}:{self.port}:127.0.0.1"]

    def env(self, extra=None):
        env = dict(os.environ, SOFTHSM2_CONF=str(self.owner / "softhsm2.conf"))
        env.update(self.environment)
        env.update(extra or {})
        return env

    # Running programs.

    def run(self, program, *arguments, check=True, env=None, limit=300):
        """Runs one of our programs to its end."""
        run = subprocess.run([str(self.bins / program), *map(str, arguments)],
                             capture_output=True, text=True, env=self.env(env), timeout=limit,
                             stdin=subprocess.DEVNULL)
        if check and run.returncode:
            raise StageError(f"{program} {' '.join(map(str, arguments))} ended with "
                             f"{run.returncode}:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
        return run

    def start(self, name, program, *arguments, says, env=None):
        """Starts a program and waits until its log says that it is ready."""
        log = self.logs / f"{name}.log"
        with log.open("ab") as out:
            begin = out.tell()
            command = [*self.inside.get(name, []), self.bins / program, *arguments]
            process = subprocess.Popen([str(part) for part in command], stdout=out,
                                       stderr=subprocess.STDOUT, env=self.env(env),
                                       stdin=subprocess.DEVNULL)
        started = Program(name, process, log)
        if begin:
            started.log_text = lambda: log.read_bytes()[begin:].decode(errors="replace")
        self.programs[name] = started
        started.wait_for(says)
        return started

    def stop_one(self, name):
        """Ends one program; its exit status."""
        return self.programs.pop(name).stop()

    def stop(self):
        """Ends everything that was started here; the exit statuses by name."""
        statuses = {}
        failures = []
        for name in reversed(list(self.programs)):
            try:
                statuses[name] = self.stop_one(name)
            except StageError as error:
                failures.append(str(error))
        with contextlib.suppress(FileNotFoundError):
            self.socket.unlink()
        if failures:
            raise StageError("\n".join(failures))
        return statuses

    # The manufacturer.

    def make_maker(self, *options):
        self.run("gatehouse-maker", "init", self.maker, "--name", "Maker",
                 "--masa", f"{MASA}:{self.masa_port}", "--cloud", CLOUD, *options)

    def make_pledges(self, serial, count=1, *options):
        """IDevIDs SERIAL (count 1) or SERIAL-0001 and so on; returns the serial numbers."""
        before = set(self.pledge_folders())
        arguments = ["--serial", serial] + (["--count", count] if count > 1 else [])
        self.run("gatehouse-maker", "pledge", self.maker, *arguments, *options)
        made = sorted(set(self.pledge_folders()) - before)
        self.serials += made
        return made

    def pledge_folders(self):
        folder = self.maker / "pledges"
        return [entry.name for entry in folder.iterdir()] if folder.exists() else []

    def start_masa(self, *options):
        return self.start(
            "masa", "gatehouse-masa", "--listen", f"127.0.0.1:{self.masa_port}",
            "--tls-cert", self.maker / "masa-tls.pem", "--tls-key", self.maker / "masa-tls.key",
            "--signer-cert", self.maker / "masa-signer.pem",
            "--signer-key", self.maker / "masa-signer.key",
            "--idevid-anchor", self.maker / "ca.pem", "--state", self.folder / "masa",
            "--requests-log", self.folder / "masa-requests.jsonl", *options, says="listening")

    def start_cloud(self, *options):
        devices = self.folder / "cloud-devices"
        if not devices.exists():
            self.sell(self.serials)
        return self.start(
            "cloud", "gatehouse-cloud", "--listen", f"127.0.0.1:{self.cloud_port}",
            "--tls-cert", self.maker / "cloud-tls.pem", "--tls-key", self.maker / "cloud-tls.key",
            "--idevid-anchor", self.maker / "ca.pem", "--devices", devices,
            "--signer-cert", self.maker / "masa-signer.pem",
            "--signer-key", self.maker / "masa-signer.key",
            "--masa-anchor", self.maker / "ca.pem",
            "--requests-log", self.folder / "cloud-requests.jsonl", *options, says="listening")

    def voucher_options(self, pin="registrar-ca.pem", host=REGISTRAR, configuration=None):
        """
        For start_cloud(): devices whose destination is "voucher" get one for our EST server, which
        the MASA signs (it is to be started with cloud_masa_options()).
        """
        more = ["--additional-configuration-url", configuration] if configuration else []
        return ["--masa", f"https://{MASA}:{self.masa_port}", "--network", "127.0.0.0/8",
                "--resolve", f"{MASA}:{self.masa_port}:127.0.0.1",
                "--est-domain", f"https://{host}:{self.port}", "--pin", self.owner / "pki" / pin,
                *more]

    def cloud_masa_options(self):
        """For start_masa(): the cloud registrar may order vouchers, and we see our devices' logs."""
        return ["--clouds", self.maker / "ca.pem",
                "--registrars", self.owner / "pki" / "registrar-ca.pem"]

    def sell(self, serials, url=None):
        """Tells the cloud registrar that these devices are ours: where it sends them, or "voucher"."""
        rows = "".join(f"{serial} {url or self.registrar_url}\n" for serial in serials)
        (self.folder / "cloud-devices").write_text(rows)

    def requests_seen(self, who="masa"):
        """What the MASA or the cloud was asked, one dict a request."""
        path = self.folder / f"{who}-requests.jsonl"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text().splitlines()]

    def vouchers_issued(self, serial=None):
        """The MASA's own record of what it issued, oldest first."""
        path = self.folder / "masa" / "issued.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        entries = [json.loads(line) for line in lines]
        return [entry for entry in entries if serial in (None, entry["serial"])]

    # The owner.

    def settings(self):
        return {
            "listen": {"pledges": [f"127.0.0.1:{self.port}"], "admin": str(self.socket)},
            "store": {"path": "store", "size": "1 GiB"},
            "token": {"label": "gatehouse", "pin-file": "pin"},
            "owner-folder": "pki",
            "outgoing": {"resolve": [f"{MASA}:{self.masa_port}:127.0.0.1",
                                     f"{CLOUD}:{self.registration_port}:127.0.0.1"]},
            "cloud-programs": "cloud-programs",
        }

    def write_node_file(self, changes=None):
        self.node_file.write_text(as_yaml(merged(self.settings(), changes or {})) + "\n")

    def make_owner(self, changes=None, device_names="{serial}.phones.example.com", names=()):
        tokens = self.owner / "tokens"
        tokens.mkdir(exist_ok=True)
        (self.owner / "softhsm2.conf").write_text(
            f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.write_node_file(changes)
        more = [word for name in names for word in ("--name", name)]
        self.run("gatehousectl", "--config", self.node_file, "init", "--owner", "Owner Inc",
                 "--name", REGISTRAR, *more, "--device-names", device_names)

    def start_gatehoused(self, env=None):
        return self.start("gatehoused", "gatehoused", "--config", self.node_file, says="message=ready",
                          env=env)

    def ctl(self, *arguments, check=True):
        return self.run("gatehousectl", "--config", self.node_file, *arguments, check=check)

    def ctl_json(self, *arguments):
        return json.loads(self.ctl(*arguments, "--json").stdout)

    def introduce(self, serials=(), *options):
        """Tells Gatehouse who the manufacturer is and which devices to expect."""
        self.ctl("manufacturers", "add", "maker", "--anchor", self.maker / "ca.pem",
                 "--masa-anchor", self.maker / "ca.pem",
                 "--voucher-anchor", self.maker / "masa-anchors.pem",
                 "--masa-network", "127.0.0.0/8", *options)
        self.expect(serials)

    def expect(self, serials):
        for at in range(0, len(serials), 200):
            arguments = []
            for serial in serials[at:at + 200]:
                arguments += ["--serial", serial]
            self.ctl("devices", "add", "--manufacturer", "maker", *arguments)

    def timeline(self, serial):
        return self.ctl_json("devices", "show", serial)["timeline"]

    # The pledges.

    def pledge(self, *options, serial=None, check=True, limit=300):
        """Onboards one pledge, or all that were made."""
        which = (["--identity", self.maker / "pledges" / serial] if serial
                 else ["--identities", self.maker / "pledges"])
        return self.run("gatehouse-pledge", *which, "--cloud", self.cloud_url,
                        "--anchors", self.maker / "implicit-anchors.pem",
                        "--masa-anchors", self.maker / "masa-anchors.pem", "--format", self.form,
                        "--out", self.out, *self.resolve_options(), *options, check=check,
                        limit=limit)

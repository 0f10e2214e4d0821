"""A stage with what tests ask of it: who saw what, what was issued, and that nothing broke."""

import http.client
import json
import re
import socket
import struct
import time
from datetime import timedelta

from pledge import Pledge
from stage import Stage, StageError, merged

LIMIT = 30  # seconds for what is bound to happen
QUICK = {
    "limits": {"pledge-wait": "2 s", "retry-after": "1 s"},
    "orders": {"retry-first": "100 ms", "retry-most": "1 s"},
    "outgoing": {"connect-timeout": "2 s", "timeout": "3 s"},
}
TROUBLE = re.compile(r"ERROR: AddressSanitizer|runtime error:|LeakSanitizer|WARNING: ThreadSan|"
                     r"Assertion .* failed")


def until(condition, what, limit=LIMIT):
    """The condition's value once it is true."""
    end = time.monotonic() + limit
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {limit} s: {what}"
        time.sleep(0.02)
    return value


class Scene(Stage):
    """One manufacturer, its MASA, one owner and gatehoused, all running."""

    def __init__(self, folder, bins):
        super().__init__(folder, bins)
        self.statuses = []  # (program, exit status) of those that were stopped
        self.numbers = {}
        self.ahead = timedelta()
        self.environment["GATEHOUSE_CLOCK"] = str(self.folder / "clock")
        self.pass_time(timedelta())

    @classmethod
    def open(cls, folder, bins, changes=None, masa=(), introduce=True):
        """`masa`: its options, None for none; `introduce`: whether its maker is known."""
        scene = cls(folder, bins)
        try:
            scene.make_maker()
            scene.make_owner(merged(QUICK, changes or {}))
            if masa is not None:
                scene.start_masa(*masa)
            scene.start_gatehoused()
            if introduce:
                scene.introduce()
        except BaseException:
            scene.stop()
            raise
        return scene

    # Time.

    def pass_time(self, span):
        """So much time goes by for all of our programs, those that are running included."""
        self.ahead += span
        octets = struct.pack("=q", self.ahead // timedelta(milliseconds=1))
        with open(self.environment["GATEHOUSE_CLOCK"], "r+b" if span else "wb") as file:
            file.write(octets)

    # Programs.

    def run(self, program, *arguments, **options):
        done = super().run(program, *arguments, **options)
        assert not TROUBLE.search(done.stderr), done.stderr
        return done

    def stop_one(self, name):
        status = super().stop_one(name)
        self.statuses.append((name, status))
        return status

    def kill_one(self, name):
        """As by kill -9, or the power."""
        program = self.programs.pop(name)
        program.kill()
        program.process.wait()

    def wait_for_death(self, limit=LIMIT):
        """Gatehoused's exit status, when it is expected to end by itself."""
        daemon = self.programs["gatehoused"]
        until(lambda: not daemon.alive(), "gatehoused ends", limit)
        return self.programs.pop("gatehoused").process.returncode

    def restart_gatehoused(self, env=None):
        self.stop_one("gatehoused")
        return self.start_gatehoused(env)

    def restart_masa(self, *options):
        """Another mood of the MASA: --fault and so on."""
        if "masa" in self.programs:
            self.stop_one("masa")
        return self.start_masa(*options)

    def restart_cloud(self, *options):
        """With what has been sold meanwhile."""
        self.stop_one("cloud")
        return self.start_cloud(*options)

    def finish(self):
        """Ends everything; whatever went wrong meanwhile is an AssertionError."""
        findings = []
        try:
            self.stop()
        except StageError as error:
            findings.append(str(error))
        findings += [f"{name} ended with {status}" for name, status in self.statuses if status]
        for log in sorted(self.logs.iterdir()):
            text = log.read_text(errors="replace")
            trouble = TROUBLE.search(text)
            if trouble:
                findings.append(f"{log}:\n{text[max(0, trouble.start() - 200):][:6000]}")
        findings += self.store_findings()
        assert not findings, "\n".join(findings)

    def store_findings(self):
        check = self.ctl("store", "check", check=False)
        return [] if check.returncode == 0 else [check.stdout + check.stderr]

    def api(self, method, path, body=None):
        """What gatehousectl has no words for, said to the admin API itself; its answer."""
        connection = http.client.HTTPConnection("localhost")
        with socket.socket(socket.AF_UNIX) as connection.sock:
            connection.sock.connect(str(self.socket))
            connection.request(method, path, None if body is None else json.dumps(body),
                               {} if body is None else {"Content-Type": "application/json"})
            answer = connection.getresponse()
            octets = answer.read()
        assert answer.status < 300, octets
        return json.loads(octets)

    # Devices.

    def serial(self, prefix="PHONE"):
        self.numbers[prefix] = self.numbers.get(prefix, 0) + 1
        return f"{prefix}-{self.numbers[prefix]:03}"

    def device(self, *options, expected=True, prefix="PHONE"):
        """A new device with its IDevID; its serial number."""
        serial, = self.make_pledges(self.serial(prefix), 1, *options)
        if expected:
            self.expect([serial])
        return serial

    def identity(self, serial):
        folder = self.maker / "pledges" / serial
        return folder / "idevid.pem", folder / "idevid.key"

    def independent(self, serial=None, **options):
        """A new device with the independent pledge in it."""
        serial = serial or self.device()
        return Pledge(self.port, self.maker / "pledges" / serial, self.maker / "masa-anchors.pem",
                      self.folder / "independent" / serial,
                      **{"now": lambda: time.time() + self.ahead.total_seconds(), **options})

    # What there is to see.

    def shown(self, serial):
        """All that is known of a device; {} when it is not known at all."""
        run = self.ctl("devices", "show", serial, "--json", check=False)
        return json.loads(run.stdout) if run.returncode == 0 else {}

    def certificates(self, serial):
        return self.shown(serial).get("certificates", [])

    def episode(self, serial):
        return self.shown(serial).get("episode", {})

    def events(self, serial, name=None):
        timeline = self.shown(serial).get("timeline", [])
        return [event for event in timeline if name in (None, event["event"])]

    def trouble(self, serial, problem):
        """The device's event with that problem, which must tell the administrator what to do."""
        def find():
            return [event for event in self.events(serial) if event.get("problem") == problem]
        event = until(find, f"{problem} in the timeline of {serial}")[-1]
        assert event["hint"] and event["detail"], event
        return event

    def strangers(self):
        return self.ctl_json("strangers")

    def status(self):
        return self.ctl_json("status")

    def asked(self, serial, operation="requestvoucher"):
        """What the MASA was asked for this device, one dict a request."""
        return [request for request in self.requests_seen()
                if request["serial"] == serial and request["path"].endswith("/" + operation)]

    def nothing_issued(self, serial):
        """Neither a voucher nor a certificate is in the store for this device."""
        shown = self.shown(serial)
        episodes = [shown.get("episode", {}), *shown.get("earlier-episodes", [])]
        return not shown.get("certificates") and not any(
            "voucher-sha256" in episode for episode in episodes)

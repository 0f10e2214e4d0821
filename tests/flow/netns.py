"""
A network of the test's own: a namespace with two ends of a cable, `v0` and `v1`, and when it is
asked for a D-Bus and an Avahi of its own in it.  Needs root, unshare and nsenter.
"""

import contextlib
import os
import shutil
import subprocess
import time

LIMIT = 30

BUS = """<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>
<allow send_requested_reply="true" send_type="error"/><allow receive_type="method_call"/>
<allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>
</policy></busconfig>
"""
AVAHI = """[server]
host-name=gatehouse-test
use-ipv4=no
use-ipv6=yes
allow-interfaces=v0,v1
[wide-area]
enable-wide-area=no
[publish]
publish-hinfo=no
publish-workstation=no
"""
# No address is in doubt, so that nothing waits for duplicates to show up.
CABLE = """echo 0 > /proc/sys/net/ipv6/conf/all/accept_dad
echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
ip link set lo up
ip link add v0 type veth peer name v1
ip link set v0 up; ip link set v1 up
ip -6 addr add fd00:7017::1/64 dev v0 nodad
ip -6 addr add fd00:7017::2/64 dev v1 nodad
mkdir -p /run/avahi-daemon && mount -t tmpfs none /run/avahi-daemon
echo ready; exec sleep 100000"""


def missing():
    """Why there can be no such network here; None when there can."""
    if os.geteuid() != 0:
        return "not root: no network namespace"
    for program in ("unshare", "nsenter", "ip", "mount"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    probe = subprocess.run(["unshare", "--net", "--mount", "ip", "link", "add", "v0", "type", "veth",
                            "peer", "name", "v1"], capture_output=True, text=True, check=False)
    return f"no network namespace: {probe.stderr.strip()}" if probe.returncode else None


def avahi_missing():
    for program in ("dbus-daemon", "avahi-daemon", "avahi-browse", "avahi-publish"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    return missing()


class Network:
    """The namespace, and what runs in it."""

    def __init__(self, folder):
        self.folder = folder
        self.bus = folder / "bus"
        self.running = {}
        self.holder = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-ec", CABLE],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n", self.holder.stderr.read()

    def close(self):
        for name in list(self.running):
            self.kill(name)
        self.holder.kill()
        self.holder.communicate()

    @property
    def prefix(self):
        """What starts a program in here rather than outside."""
        return ["nsenter", "--target", str(self.holder.pid), "--net", "--mount", "--"]

    @property
    def environment(self):
        return {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.bus}"}

    def popen(self, *command, **options):
        env = dict(os.environ, **self.environment)
        return subprocess.Popen([*self.prefix, *map(str, command)], env=env, text=True,
                                stdin=subprocess.DEVNULL, **options)

    def run(self, *command):
        process = self.popen(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.communicate(timeout=LIMIT)
        assert process.returncode == 0, err
        return out

    def start(self, name, *command):
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = self.popen(*command, stdout=log, stderr=log)

    def kill(self, name):
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def start_bus(self):
        with contextlib.suppress(FileNotFoundError):
            self.bus.unlink()
        config = self.folder / "bus.conf"
        config.write_text(BUS.format(path=self.bus))
        self.start("dbus", "dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile")
        self.until(self.bus.exists, "the bus listens")

    def start_avahi(self):
        config = self.folder / "avahi.conf"
        config.write_text(AVAHI)
        self.run("sh", "-c", "rm -f /run/avahi-daemon/*")
        self.start("avahi", "avahi-daemon", "--no-drop-root", "--no-chroot", "--no-rlimits",
                   "--file", config)
        self.until(lambda: "startup complete" in (self.folder / "avahi.log").read_text(),
                   "avahi-daemon runs")

    @staticmethod
    def until(condition, what):
        end = time.monotonic() + LIMIT
        while not condition():
            assert time.monotonic() < end, f"not within {LIMIT} s: {what}"
            time.sleep(0.02)

    def browse(self, kind):
        """What Avahi finds: one dict an instance, interface and family."""
        rows = self.run("avahi-browse", "--parsable", "--resolve", "--terminate", kind).splitlines()
        names = ("interface", "family", "name", "type", "domain", "host", "address", "port", "text")
        return [dict(zip(names, row.split(";")[1:])) for row in rows if row.startswith("=")]

"""A stage on which groups of pledges are onboarded, and gatehoused's processor time for it."""

import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "lab"))

from stage import Stage, StageError  # noqa: E402

SECONDS_EACH = 2  # no onboarding takes longer than this on any machine worth measuring on
SECONDS_MORE = 60
FLOORS_SECONDS = 300  # at most
SETTLE_SECONDS = 0.5  # for what gatehoused still does after the last answer


def note(text):
    print(text, file=sys.stderr, flush=True)


def cpu_seconds(pid):
    """Processor time, user and system, of a process and all threads that it ever had."""
    clock = ctypes.c_int()
    error = ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock))
    if error:
        raise StageError(f"no processor clock for process {pid}: {os.strerror(error)}")
    return time.clock_gettime(clock.value)


def resident_mib(pid):
    """A process's own memory; pages of files that it has mapped are not counted."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return 0


class Bench:
    """Groups of pledges, each in a folder of its own, and everything that they need."""

    def __init__(self, folder, bins, groups):
        self.stage = Stage(folder, bins)
        self.groups = {}
        self.stage.make_maker()
        for name, count in groups.items():
            self.make_group(name, count)
        self.stage.make_owner()

    def make_group(self, name, count):
        self.groups[name] = self.stage.make_pledges(name, count)
        (self.stage.maker / "pledges").rename(self.stage.maker / name)

    def __enter__(self):
        try:
            self.stage.start_masa()
            self.stage.start_cloud()
            self.stage.start_gatehoused()
            self.stage.introduce(self.stage.serials)
        except StageError:
            self.stage.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stage.stop()

    @property
    def pid(self):
        return self.stage.programs["gatehoused"].process.pid

    def onboard(self, group, parallel):
        """Seconds that it took, and of gatehoused's processor time; all must come through."""
        stage = self.stage
        count = len(self.groups[group])
        used = cpu_seconds(self.pid)
        begin = time.monotonic()
        run = stage.run(
            "gatehouse-pledge", "--identities", stage.maker / group,
            "--parallel", min(parallel, count), "--cloud", stage.cloud_url,
            "--anchors", stage.maker / "implicit-anchors.pem",
            "--masa-anchors", stage.maker / "masa-anchors.pem", "--out", stage.out,
            "--quiet", "--json", *stage.resolve_options(), check=False,
            limit=count * SECONDS_EACH + SECONDS_MORE)
        seconds = time.monotonic() - begin
        time.sleep(SETTLE_SECONDS)
        onboarded = run.stdout.count('"step":"onboarded"')
        if run.returncode or onboarded != count:
            failed = [line for line in run.stdout.splitlines() if '"step":"failed"' in line]
            raise StageError(f"{onboarded} of {count} pledges were onboarded; see {stage.logs}\n"
                             + "\n".join(failed[:3]) + run.stderr[-500:])
        return seconds, cpu_seconds(self.pid) - used

    def floors(self, group):
        """
        Microseconds by the name of the floor, with the group's first device as the model.  As many
        measure at a time as there are processors, all of which an onboarding's parties keep busy.
        """
        command = [str(self.stage.bins / "bench_floors"), str(self.stage.folder), group,
                   self.groups[group][0]]
        running = [self.start_floors(command) for _ in range(os.cpu_count() or 1)]
        for process in running:
            process.stdin.close()  # all begin
        means = {}
        for process in running:
            text = process.stdout.read()
            if process.wait(FLOORS_SECONDS):
                raise StageError(f"bench_floors ended with {process.returncode}")
            for name, value in map(str.split, text.splitlines()):
                means[name] = means.get(name, 0) + float(value) / len(running)
        return means

    def start_floors(self, command):
        """One that is ready to begin."""
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True, env=self.stage.env())
        if process.stdout.readline().strip() != "ready":
            raise StageError(f"bench_floors ended with {process.wait(FLOORS_SECONDS)}")
        return process

"""Where gatehoused's processor time goes: perf where it may be used, else callgrind."""

import collections
import re
import shlex
import shutil
import signal
import subprocess
import time

from harness import Bench, note

SHOWN = 60  # functions
PERF_MOST = 300  # onboardings: stacks are recorded whole, some MB each second
CALLGRIND_MOST = 20
WARM_UP = 8
SAMPLES_PER_SECOND = 1499
STACK_OCTETS = 32768
KERNEL = "[kernel.kallsyms]"


def works(*command):
    return (shutil.which(command[0]) is not None
            and subprocess.run(command, capture_output=True).returncode == 0)


# With perf.


def read_samples(text):
    """For each sample its thread and its frames, innermost first, as (function, object)."""
    thread, frames = None, []
    for line in text.splitlines():
        if not line.strip():
            if thread is not None:
                yield thread, frames
            thread, frames = None, []
        elif thread is None:
            thread = line.split()[0]
        else:
            match = re.match(r"\s*[0-9a-f]+ (.*?)(?:\+0x[0-9a-f]+)? \((.*)\)$", line)
            if match:
                frames.append((match[1], match[2].rsplit("/", 1)[-1]))
    if thread is not None:
        yield thread, frames


def system_call(frames):
    """Through which call the kernel was entered, or what else led there; None: it was not."""
    inside = [name for name, owner in frames if owner == KERNEL]
    calls = [name for name in inside if name.startswith(("__x64_sys_", "asm_"))]
    return (calls[-1] if calls else inside[-1]) if inside else None


def show(title, counted, samples, cost):
    print(title)
    for name, count in counted.most_common(SHOWN):
        print(f"  {count / samples * cost:8.0f} us {100 * count / samples:5.1f} %  {name}")


def summarise(text, cost):
    """`cost`: microseconds of one onboarding, which the samples are shares of."""
    threads, kernel, functions = (collections.Counter() for _ in range(3))
    samples = 0
    for thread, frames in read_samples(text):
        samples += 1
        threads[thread] += 1
        functions.update({f"{name}  {owner}" for name, owner in frames if name != "[unknown]"})
        call = system_call(frames)
        if call is not None:
            kernel[call] += 1
    print(f"{samples} samples; {cost:.0f} us of gatehoused's processor time for an onboarding")
    show("by thread", threads, samples, cost)
    show("in the kernel, by how it was entered", kernel, samples, cost)
    show("by function, with what it calls", functions, samples, cost)


def with_perf(folder, arguments):
    count = min(arguments.onboardings, PERF_MOST)
    data = folder / "perf.data"
    with Bench(folder, arguments.bin, {"WARM": WARM_UP, "GROUP": count}) as bench:
        bench.onboard("WARM", arguments.parallel)
        perf = subprocess.Popen(
            ["perf", "record", "-q", "-F", str(SAMPLES_PER_SECOND),
             "--call-graph", f"dwarf,{STACK_OCTETS}", "-p", str(bench.pid), "-o", str(data)])
        time.sleep(1)  # until it is attached
        _, used = bench.onboard("GROUP", arguments.parallel)
        perf.send_signal(signal.SIGINT)
        perf.wait(60)
    script = subprocess.run(["perf", "script", "-i", str(data), "--no-inline",
                             "-F", "comm,tid,ip,sym,dso"], capture_output=True, text=True)
    summarise(script.stdout, used / count * 1e6)


# With callgrind.


def wrapped_programs(folder, bins):
    """The programs, gatehoused among them under valgrind."""
    wrapped = folder / "bin"
    wrapped.mkdir()
    for program in bins.iterdir():
        if program.name != "gatehoused":
            (wrapped / program.name).symlink_to(program.resolve())
    script = wrapped / "gatehoused"
    script.write_text(
        "#!/bin/sh\nexec valgrind -q --tool=callgrind --instr-atstart=no "
        f"--callgrind-out-file={shlex.quote(str(folder / 'callgrind'))} "
        f"{shlex.quote(str((bins / 'gatehoused').resolve()))} \"$@\"\n")
    script.chmod(0o755)
    return wrapped


def with_callgrind(folder, arguments):
    count = min(arguments.onboardings, CALLGRIND_MOST)
    with Bench(folder, wrapped_programs(folder, arguments.bin),
               {"WARM": WARM_UP, "GROUP": count}) as bench:
        bench.onboard("WARM", 1)
        subprocess.run(["callgrind_control", "-i", "on", str(bench.pid)], check=True,
                       capture_output=True)
        bench.onboard("GROUP", 1)
        subprocess.run(["callgrind_control", "-d", str(bench.pid)], check=True, capture_output=True)
    report = subprocess.run(
        ["callgrind_annotate", "--inclusive=yes", "--auto=no", "--threshold=99",
         str(folder / "callgrind.1")], capture_output=True, text=True)
    print(f"instructions of {count} onboardings, with what each function calls")
    rows = [line for line in report.stdout.splitlines()
            if re.match(r"\s*[0-9,]+ \(", line) and ":0x" not in line]  # those without a name
    print("\n".join(rows[:SHOWN]))


def profile(folder, arguments):
    if works("perf", "record", "-q", "-o", "/dev/null", "--", "true"):
        with_perf(folder, arguments)
        return
    note("perf cannot be used here: counting instructions with callgrind")
    with_callgrind(folder, arguments)

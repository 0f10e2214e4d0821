#!/usr/bin/python3
"""Builds Gatehouse with sanitizers and runs its tests.

usage: tests/run [--only PART[,PART...]] [-k EXPRESSION] [--fuzz-seconds N] [--verbose]

Parts, in the order in which they run:
  build    ASan+UBSan build (gcc), release build, fuzz build (clang)
  static   who includes whom, sizes, formatting, manual pages, clang-tidy
  unit     cmocka programs
  fuzz     each fuzz target for some seconds over its seed corpus, with its line coverage
  flow     pytest over real processes; -k chooses among these
  interop  clients that nobody here wrote (tests/interop), and docs/interop.md held against the run
  demo     packaging/demo with one and with fifty pledges, each followed by tests/verify
  bench    tests/bench/run, devices and est, short: that they run and print their figures

A test that cannot run says why and counts as skipped.  Exit status 0 only if nothing failed.
"""

import argparse
import concurrent.futures
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
PARTS = ["build", "static", "unit", "fuzz", "flow", "interop", "demo", "bench"]
CORES = os.cpu_count() or 2
UNIT_LIMIT = 600  # seconds for one unit test program


class Tally:
    """What passed, failed and was skipped; failures are repeated at the end."""

    def __init__(self, verbose):
        self.verbose = verbose
        self.passed = 0
        self.failures = []
        self.skips = []

    def ok(self, name):
        self.passed += 1
        if self.verbose:
            print(f"ok       {name}", flush=True)

    def failed(self, name, text=""):
        self.failures.append(name)
        print(f"FAILED   {name}\n{text}".rstrip(), flush=True)

    def skipped(self, name, why):
        self.skips.append((name, why))
        print(f"skipped  {name}: {why}", flush=True)

    def command(self, name, *command, env=None, limit=3600):
        """Runs a command that is a test of its own."""
        run = output_of(command, env=env, limit=limit)
        if run.returncode:
            self.failed(name, run.stdout[-6000:])
        else:
            self.ok(name)
        return run

    def tap(self, program, text, status):
        """Counts the tests of a TAP stream; a failure is shown with the lines around it."""
        seen = 0
        failed = 0
        before = []
        lines = text.splitlines()
        for number, line in enumerate(lines):
            match = re.match(r"(ok|not ok) \d+ -? ?(.*)", line)
            if not match:
                before.append(line)
                continue
            seen += 1
            name = f"{program}: {match[2]}"
            if " # SKIP" in line:
                name, why = name.split(" # SKIP", 1)
                self.skipped(name, why.strip() or "as it says")
            elif match[1] == "ok":
                self.ok(name)
            else:
                failed += 1
                after = itertools.takewhile(lambda row: row.startswith("#"), lines[number + 1:])
                self.failed(name, "\n".join(before[-30:] + list(after)))
            before = []
        if status and not failed:
            self.failed(f"{program}: ended with {status}", text[-6000:])
        elif not seen:
            self.failed(f"{program}: ran no test", text[-2000:])

    def summary(self):
        print(f"{self.passed} passed, {len(self.failures)} failed, {len(self.skips)} skipped")
        return 1 if self.failures else 0


def output_of(command, env=None, limit=3600):
    try:
        return subprocess.run([str(part) for part in command], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              env=dict(os.environ, **(env or {})), timeout=limit,
                              stdin=subprocess.DEVNULL, cwd=ROOT)
    except subprocess.TimeoutExpired as slow:
        text = slow.stdout or b""
        return subprocess.CompletedProcess(
            command, 124, text.decode(errors="replace") + f"\nnot done after {limit} s")


def cmake(folder, *settings):
    configured = output_of(["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja",
                            "-DGATEHOUSE_WERROR=ON", *settings])
    if configured.returncode:
        return configured
    return output_of(["ninja", "-C", folder])


BUILDS = {
    "check": ["-DGATEHOUSE_SANITIZE=ON", "-DGATEHOUSE_TESTS=ON", "-DGATEHOUSE_TEST_HOOKS=ON"],
    "release": ["-DCMAKE_BUILD_TYPE=RelWithDebInfo"],
    "fuzz": ["-DCMAKE_C_COMPILER=clang", "-DGATEHOUSE_FUZZ=ON"],
}


def part_build(tally, arguments):
    for name, settings in BUILDS.items():
        run = cmake(BUILD / name, *settings)
        if run.returncode:
            tally.failed(f"build: {name}", run.stdout[-6000:])
            return False
        tally.ok(f"build: {name}")
    return True


def part_static(tally, arguments):
    run = output_of([sys.executable, ROOT / "tests/static/check.py", "--tidy", BUILD / "check"])
    tally.tap("static", run.stdout, run.returncode)


def sanitizer_settings():
    return {
        "ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1:strict_string_checks=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "GATEHOUSE_VECTORS": str(ROOT.parent / "shared" / "vectors"),
        "GATEHOUSE_BIN": str(BUILD / "check" / "bin"),
        "CMOCKA_MESSAGE_OUTPUT": "TAP",
    }


def part_unit(tally, arguments):
    programs = sorted((BUILD / "check" / "bin").glob("unit_*"))
    if not programs:
        tally.failed("unit: no programs were built")
    with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
        runs = pool.map(lambda program: output_of([program], sanitizer_settings(), UNIT_LIMIT),
                        programs)
        for program, run in zip(programs, runs):
            tally.tap(program.name, run.stdout, run.returncode)


def coverage(program, profile):
    """Line coverage, in percent, of the sources that the target's "Covers:" line names."""
    text = (ROOT / "tests" / "fuzz" / f"{program.name}.c").read_text()
    sources = re.search(r"\* Covers: (.*)", text)[1].split()
    merged = profile.with_suffix(".data")
    output_of(["llvm-profdata", "merge", "-sparse", profile, "-o", merged])
    run = output_of(["llvm-cov", "export", "-summary-only", f"-instr-profile={merged}", program])
    try:
        files = json.loads(run.stdout)["data"][0]["files"]
    except (ValueError, KeyError, IndexError):
        return None, sources
    # By the ends of their names: how a compiler cache calls the root is its own affair.
    lines = [file["summary"]["lines"] for file in files
             if file["filename"].endswith(tuple("/" + source for source in sources))]
    count = sum(line["count"] for line in lines)
    if len(lines) != len(sources) or not count:
        return None, sources
    return round(100 * sum(line["covered"] for line in lines) / count, 1), sources


def fuzz_one(program, seconds):
    name = program.name.removeprefix("fuzz_")
    seeds = ROOT / "tests" / "fuzz" / "corpus" / name
    with tempfile.TemporaryDirectory() as scratch:
        profile = Path(scratch) / "run.profraw"
        corpus = Path(scratch) / "corpus"
        corpus.mkdir()
        run = output_of([program, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
                         "-print_final_stats=1", f"-artifact_prefix={scratch}/", corpus,
                         *([seeds] if seeds.exists() else [])],
                        dict(sanitizer_settings(), LLVM_PROFILE_FILE=str(profile)),
                        limit=seconds + 300)
        covered, sources = coverage(program, profile)
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", run.stdout)
    return name, run, executed[1] if executed else "?", covered, sources, seeds.exists()


def part_fuzz(tally, arguments):
    programs = sorted((BUILD / "fuzz" / "bin").glob("fuzz_*"))
    if not programs:
        tally.failed("fuzz: no targets were built")
    with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
        for name, run, executed, covered, sources, seeded in pool.map(
                lambda program: fuzz_one(program, arguments.fuzz_seconds), programs):
            if run.returncode:
                tally.failed(f"fuzz: {name}", run.stdout[-6000:])
            elif not seeded:
                tally.failed(f"fuzz: {name}", f"no seed corpus tests/fuzz/corpus/{name}")
            elif covered is None:
                tally.failed(f"fuzz: {name}", f"no coverage of {' '.join(sources)}")
            else:
                tally.ok(f"fuzz: {name}")
                print(f"fuzz     {name}: {executed} runs, {covered}% of the lines of "
                      f"{' '.join(sources)}", flush=True)


def run_pytest(tally, part, *options, env=None):
    """The tests of one folder, each by its name."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        run = output_of([sys.executable, "-m", "pytest", "-q", "-n", CORES, "-p",
                         "no:cacheprovider", f"--junitxml={report}", "--basetemp",
                         Path(scratch) / "stages", ROOT / "tests" / part, *options],
                        dict(sanitizer_settings(), **(env or {})))
        if not report.exists():
            tally.failed(f"{part}: pytest did not run", run.stdout[-6000:])
            return
        for case in xml.etree.ElementTree.parse(report).iter("testcase"):
            name = f"{part}: {case.get('classname').split('.')[-1]}: {case.get('name')}"
            bad = [child for child in case if child.tag in ("failure", "error")]
            skip = case.find("skipped")
            if bad:
                tally.failed(name, (bad[0].text or "")[-6000:])
            elif skip is not None:
                tally.skipped(name, skip.get("message"))
            else:
                tally.ok(name)


def part_flow(tally, arguments):
    run_pytest(tally, "flow", "--dist", "load", *(["-k", arguments.k] if arguments.k else []))


def part_interop(tally, arguments):
    with tempfile.TemporaryDirectory() as rows:
        run_pytest(tally, "interop", "--dist", "loadfile", env={"GATEHOUSE_INTEROP_ROWS": rows})
        tally.command("interop: docs/interop.md is as the run was",
                      ROOT / "tests" / "interop" / "page.py", "--check", "--rows", rows)


def count_onboarded(tally, name, run, count):
    lines = [line for line in run.stdout.splitlines() if line.startswith("onboarded ")]
    if len(lines) == count:
        tally.ok(f"demo: {name}, {count} onboarded lines")
    else:
        tally.failed(f"demo: {name}, {count} onboarded lines", run.stdout[-3000:])


def part_demo(tally, arguments):
    with tempfile.TemporaryDirectory(prefix="gatehouse demo ") as scratch:  # with spaces
        run = tally.command("demo: vouchers from the cloud", ROOT / "packaging" / "demo", "--dir",
                            Path(scratch) / "flow voucher", "--flow", "voucher", "--pledges", 5,
                            limit=900)
        if not run.returncode:
            count_onboarded(tally, "vouchers from the cloud", run, 5)
        run = tally.command("demo: plain EST client", ROOT / "packaging" / "demo", "--flow", "est",
                            limit=900)
        if re.search("^enrolled .*^renewed ", run.stdout, re.M | re.S):
            tally.ok("demo: plain EST client, enrolled and renewed")
        else:
            tally.failed("demo: plain EST client, enrolled and renewed", run.stdout[-3000:])
        for count in (1, 50):
            folder = Path(scratch) / f"of {count}"
            run = tally.command(f"demo: {count} pledges", ROOT / "packaging" / "demo",
                                "--dir", folder, "--pledges", count, limit=900)
            if run.returncode:
                continue
            count_onboarded(tally, f"of {count}", run, count)
            verify = output_of([ROOT / "tests" / "verify" / "verify", folder])
            tally.tap(f"verify of {count}", verify.stdout, verify.returncode)


def show_figures(tally, name, run, figures, more, prefix=""):
    """Each figure is in what a bench printed."""
    for figure in figures:
        match = re.search(rf"^{prefix}{figure} ([0-9.]+)$", run.stdout, re.M)
        if match:
            tally.ok(f"{name}: {figure}")
            print(f"bench    {prefix}{figure} {match[1]} ({more})")
        else:
            tally.failed(f"{name}: {figure}", run.stdout[-3000:])


def part_bench(tally, arguments):
    folder = ROOT / "tests" / "bench"
    run = tally.command("bench: runs", folder / "run", "--onboardings", 40, limit=900)
    show_figures(tally, "bench", run, ("cpu_us", "bare_ratio", "library_ratio"),
                 "a short run; tests/bench/run measures")
    run = tally.command("bench: devices", folder / "devices", "--counts", 1000, "--onboardings", 16,
                        "--import", 5000, limit=600)
    show_figures(tally, "bench: devices", run, ("start_s", "list_ms", "search_name_ms", "import_s",
                                                "onboarding_us"),
                 "tests/bench/devices measures more", "1000 ")
    run = tally.command("bench: est", folder / "est", "--requests", 160, "--revoked", 2000,
                        limit=600)
    show_figures(tally, "bench: est", run,
                 [f"enrol_{how}_{what}" for how in ("kept", "anew")
                  for what in ("per_second", "cpu_us", "bare_ratio", "library_ratio")]
                 + ["ocsp_per_second", "ocsp_cpu_us", "crl_renew_s", "crl_mib", "crl_fetch_ms",
                    "crl_making_mib"], "tests/bench/est measures more")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="comma-separated parts")
    parser.add_argument("-k", help="pytest's -k, for the flow tests")
    parser.add_argument("--fuzz-seconds", type=int, default=4, help="for each target (default 4)")
    parser.add_argument("--verbose", action="store_true", help="name the tests that pass, too")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",") if arguments.only else PARTS
    unknown = [part for part in wanted if part not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}")

    tally = Tally(arguments.verbose)
    for part in PARTS:
        if part not in wanted:
            continue
        begin = time.monotonic()
        print(f"== {part}", flush=True)
        if globals()[f"part_{part}"](tally, arguments) is False:
            break
        print(f"== {part} took {time.monotonic() - begin:.0f} s", flush=True)
    for failure in tally.failures:
        print(f"failed: {failure}")
    return tally.summary()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Checks of the source itself: who includes whom, sizes, words, formatting.

Each check prints TAP lines (ok / not ok) that tests/run counts.
usage: check.py [--tidy BUILD_FOLDER]   (clang-tidy needs a compile_commands.json)
"""

import argparse
import fnmatch
import os
import re
import subprocess
import sys
from pathlib import Path

from conformance import conformance

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 80
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)


def sources(*suffixes):
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"],
        check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted(name for name in listed if name.endswith(suffixes) and (ROOT / name).exists())


def product(names):
    return [name for name in names if not name.startswith("tests/")]


def table(name):
    rows = {}
    for line in (HERE / name).read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            rows[words[0]] = words[1:]
    return rows


def room_of(path, rooms):
    if path in rooms:
        return path
    folder = os.path.dirname(path)
    while folder and folder not in rooms:
        folder = os.path.dirname(folder)
    return folder


def edges():
    """Every include between rooms is one that tests/static/rooms.txt allows."""
    rooms = table("rooms.txt")
    wrong = []
    for name in product(sources(".c", ".h")):
        room = room_of(name, rooms)
        if not room:
            wrong.append(f"{name}: in no room")
            continue
        for kind, header in INCLUDE.findall((ROOT / name).read_text()):
            if kind == "<":
                continue
            if not (ROOT / header).exists():
                wrong.append(f"{name}: {header} does not exist from the root")
                continue
            other = room_of(header, rooms)
            allowed = rooms[room]
            if other != room and "*" not in allowed and other not in allowed:
                wrong.append(f"{name}: {room} may not include {other} ({header})")
    return wrong


def rooms_have_no_cycles():
    """The allowed edges themselves form no cycle."""
    rooms = {room: allowed for room, allowed in table("rooms.txt").items() if "*" not in allowed}
    wrong = []

    def visit(room, path):
        if room in path:
            wrong.append(" -> ".join(path[path.index(room):] + [room]))
            return
        for other in rooms.get(room, []):
            if other != "-":
                visit(other, path + [room])

    for room in rooms:
        visit(room, [])
    return sorted(set(wrong))


def libraries():
    """Each library is known to the files that tests/static/libraries.txt names, and no others."""
    wrong = []
    allowed = table("libraries.txt")
    for name in product(sources(".c", ".h")):
        for kind, header in INCLUDE.findall((ROOT / name).read_text()):
            patterns = allowed.get(header)
            if kind == "<" and patterns and not any(
                    fnmatch.fnmatch(name, pattern) for pattern in patterns):
                wrong.append(f"{name} includes <{header}>")
    return wrong


def sizes():
    """No file over 600 lines, no function over 80."""
    wrong = []
    for name in sources(".c", ".h", ".py"):
        lines = (ROOT / name).read_text().splitlines()
        if len(lines) > FILE_LINES_MAX:
            wrong.append(f"{name}: {len(lines)} lines")
        if not name.endswith((".c", ".h")):
            continue
        start = 0
        for number, line in enumerate(lines, 1):
            if line.startswith("{"):
                start = number
            elif line.startswith("}") and start:
                if number - start > FUNCTION_LINES_MAX:
                    wrong.append(f"{name}:{start}: a function of {number - start} lines")
                start = 0
    return wrong


def guards():
    """Each header's include guard is its path."""
    wrong = []
    for name in sources(".h"):
        guard = "GATEHOUSE_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
        if f"#ifndef {guard}\n#define {guard}\n" not in (ROOT / name).read_text():
            wrong.append(f"{name}: expected guard {guard}")
    return wrong


def own_header_first():
    """Each source file includes its own header first: headers stand on their own."""
    wrong = []
    for name in product(sources(".c")):
        own = name[:-2] + ".h"
        includes = INCLUDE.findall((ROOT / name).read_text())
        if (ROOT / own).exists() and (not includes or includes[0][1] != own):
            wrong.append(name)
    return wrong


def no_conditionals_in_flow():
    """Preprocessor conditionals stay in the few files that hide them."""
    allowed = {"core/base/failpoint.c", "core/base/failpoint.h", "core/base/arena.c",
               "core/base/clock_shift.c"}
    wrong = []
    for name in product(sources(".c")):
        if name in allowed:
            continue
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1):
            if re.match(r"\s*#\s*(if|ifdef|ifndef)\b", line):
                wrong.append(f"{name}:{number}: {line.strip()}")
    return wrong


def failpoints_are_used():
    """Each failpoint that is declared stands somewhere, and is unique in its place."""
    header = (ROOT / "core/base/failpoint.h").read_text()
    declared = re.findall(r"X\((FP_\w+),", header)
    text = "\n".join((ROOT / name).read_text() for name in product(sources(".c")))
    return [point for point in declared if len(re.findall(rf"failpoint\({point}\)", text)) < 1]


def problems_are_used():
    """Each problem kind that is declared can occur."""
    names = product(sources(".c", ".h"))
    texts = {name: (ROOT / name).read_text() for name in names}
    wrong = []
    for name, text in texts.items():
        for kind in re.findall(r"^\s*X\((E_\w+),", text, re.M):
            uses = sum(len(re.findall(rf"\b{kind}\b", other)) for other in texts.values())
            if uses < 2:
                wrong.append(f"{name}: {kind}")
    return wrong


def formatted():
    """clang-format has nothing to change."""
    names = sources(".c", ".h")
    run = subprocess.run(["clang-format", "--dry-run", "-Werror", *names], cwd=ROOT,
                         capture_output=True, text=True)
    return sorted({line.split(":")[0] for line in run.stderr.splitlines() if "error:" in line})


def scripts_parse():
    """Shell and Python scripts are at least well-formed."""
    wrong = []
    for name in sources(""):
        path = ROOT / name
        if path.is_symlink() or not path.is_file():
            continue
        first = path.open("rb").readline()
        if first.startswith(b"#!") and b"bash" in first:
            if subprocess.run(["bash", "-n", str(path)], capture_output=True).returncode:
                wrong.append(name)
        elif name.endswith(".py") or (first.startswith(b"#!") and b"python" in first):
            try:
                compile(path.read_text(), name, "exec")
            except SyntaxError as error:
                wrong.append(f"{name}: {error}")
    return wrong


def python_by_its_path():
    """Python is started as /usr/bin/python3: the packages that are installed are Debian's."""
    wrong = []
    for name in sources(""):
        path = ROOT / name
        if name == "packaging/dependencies" or path.is_symlink() or not path.is_file():
            continue
        octets = path.read_bytes()
        if not octets.startswith(b"#!"):
            continue
        lines = octets.decode(errors="replace").splitlines()
        for number, line in enumerate(lines[:1] if name.endswith(".py") else lines, 1):
            if re.search(r"(?<!/usr/bin/)\bpython3?(?![-\w.])", line.partition(" # ")[0]):
                wrong.append(f"{name}:{number}: {line.strip()}")
    return wrong


def manuals():
    """Each installed program has a manual page, and mandoc finds nothing wrong with any."""
    wrong = []
    pages = {name: ROOT / name for name in sources(".1", ".8", ".5") if name.startswith("docs/man/")}
    for program in ["gatehoused", "gatehousectl", "gatehouse-pledge", "gatehouse-masa",
                    "gatehouse-cloud", "gatehouse-maker"]:
        if not any(Path(name).stem == program for name in pages):
            wrong.append(f"{program} has no manual page")
    for name, path in pages.items():
        run = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(path)],
                             capture_output=True, text=True)
        if run.returncode:
            wrong.append(f"{name}: {(run.stdout + run.stderr).splitlines()[0]}")
    return wrong


def tidy(build):
    """clang-tidy finds nothing, file by file."""
    names = product(sources(".c"))
    run = subprocess.run(
        ["run-clang-tidy", "-quiet", "-p", build, "-j", str(os.cpu_count() or 2),
         *[re.escape(str(ROOT / name)) + "$" for name in names]],
        cwd=ROOT, capture_output=True, text=True)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", run.stdout)
    found = sorted({line for line in plain.splitlines() if re.search(r": (error|warning): ", line)})
    if run.returncode and not found:
        found = [(run.stderr or plain).splitlines()[-1]]
    return [line.replace(str(ROOT) + "/", "") for line in found]


CHECKS = [edges, rooms_have_no_cycles, libraries, sizes, guards, own_header_first,
          no_conditionals_in_flow, failpoints_are_used, problems_are_used, formatted,
          scripts_parse, python_by_its_path, manuals, conformance]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tidy", metavar="BUILD")
    arguments = parser.parse_args()
    checks = [(check.__name__, check.__doc__, check) for check in CHECKS]
    if arguments.tidy:
        checks.append(("tidy", tidy.__doc__, lambda: tidy(arguments.tidy)))
    failed = 0
    for number, (name, doc, check) in enumerate(checks, 1):
        wrong = check()
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}: {doc.splitlines()[0]}", flush=True)
        for row in wrong[:40]:
            print(f"#   {row}")
    print(f"1..{len(checks)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

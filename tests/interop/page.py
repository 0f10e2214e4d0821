#!/usr/bin/python3
"""docs/interop.md: which clients of others do what with Gatehouse, as a run of tests/interop says.

usage: tests/interop/page.py [--check] [--rows FOLDER]

Runs the tests and writes the page; GATEHOUSE_BIN says where the programs are (build/check/bin).
With --check it only compares: rows that came of the run must be those that are there, and none may
be missing for a client that is installed; versions are not compared.  With --rows nothing is run:
the folder is what GATEHOUSE_INTEROP_ROWS was in a run before.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "interop.md"
VERSION = re.compile(r"\d+(\.\d+)+[a-z]?")
# Each client, the Debian package that it is from, and what says its version.
CLIENTS = {
    "curl": ("curl", ["curl", "--version"]),
    "openssl": ("openssl", ["openssl", "version"]),
    "GnuTLS": ("gnutls-bin", ["certtool", "--version"]),
    "strongSwan": ("strongswan-pki", ["pki", "--help"]),
    "Bouncy Castle": ("libbcpkix-java", ["readlink", "/usr/share/java/bcpkix.jar"]),
}
HEAD = """# Clients that are not ours

Written by `tests/interop/page.py` from what a run of `tests/interop` showed: change the tests, not this page. `tests/run` runs them, and
says so when they show something else. Every certificate was held against RFC 5280 by `openssl verify -x509_strict` and
`certtool --verify`.

| client | Debian's package | version |
|---|---|---|
"""
TABLE = "| client | asks | gets |\n"


def version_of(command):
    """As the client says it; None when it is not there."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    found = VERSION.search(run.stdout + run.stderr)
    return found[0] if found else None


def lines_of(rows):
    """The table's lines, by client, in the order in which the tests wrote them."""
    return [f"| {client} | {what} | {outcome} |" for name in CLIENTS
            for client, what, outcome in rows if client == name]


def page_of(rows):
    versions = [f"| {name} | {package} | {version_of(command)} |"
                for name, (package, command) in CLIENTS.items()]
    return HEAD + "\n".join([*versions, "", TABLE + "|---|---|---|", *lines_of(rows)]) + "\n"


def read_rows(folder):
    """Of all processes; those of one file of tests stay together, files by their names."""
    by_file = {}
    for written in folder.glob("*.json"):
        by_file.update(json.loads(written.read_text()))
    rows = [row for _, rows_ in sorted(by_file.items()) for row in rows_]
    unknown = {row[0] for row in rows} - set(CLIENTS)
    assert not unknown, f"clients without a package: {unknown}"
    return rows


def differences(rows):
    """What the page says otherwise, of clients that took part in the run."""
    there = {client for client, _, _ in rows}
    run = set(lines_of(rows))
    written = {line for line in PAGE.read_text().partition(TABLE)[2].splitlines()
               if line.split("|")[1].strip() in there}
    return ([f"only in the run: {line}" for line in sorted(run - written)]
            + [f"only on the page: {line}" for line in sorted(written - run)])


def run_tests(folder):
    env = dict(os.environ, GATEHOUSE_INTEROP_ROWS=str(folder))
    env.setdefault("GATEHOUSE_BIN", str(ROOT / "build" / "check" / "bin"))
    return subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                           ROOT / "tests" / "interop"], env=env, check=False).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--rows", metavar="FOLDER", type=Path, help="of a run before")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.rows or Path(scratch)
        status = 0 if arguments.rows else run_tests(folder)
        rows = read_rows(folder)
    if status:
        return status
    missing = set(CLIENTS) - {client for client, _, _ in rows}
    if missing and not arguments.check:
        print(f"not written: {', '.join(sorted(missing))} took no part", file=sys.stderr)
        return 1
    if not arguments.check:
        PAGE.write_text(page_of(rows))
        return 0
    found = differences(rows)
    print("\n".join(found) or "docs/interop.md is as the run was")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
